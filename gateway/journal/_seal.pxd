# cython: language_level=3
"""What the vault calls of `_seal`."""

from libc.stdint cimport uint64_t


cdef class Sealer:
    cdef void* ctx
    cpdef bytes seal(self, uint64_t number, str text)
