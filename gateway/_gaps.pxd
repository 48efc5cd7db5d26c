# cython: language_level=3
"""For who leaves gaps, and for who works in them."""

cdef void offer() noexcept nogil
cdef void pause() noexcept nogil
