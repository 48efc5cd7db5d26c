# The header of `_mac.pyx`: engines and keys, for `_mac_batch`.

from libc.stdint cimport uint8_t, uint64_t

from codec._libcrypto cimport Schedule
from codec._wire cimport Message, Slot

cdef enum:
    FIELD_BYTES = 8             # of DE 64 and DE 128


cdef class Engine:
    cdef Py_ssize_t size

    cdef void wipe(self) noexcept
    cdef int compute(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) except -1


cdef class BlockEngine(Engine):
    cdef Py_ssize_t block
    cdef bint folds             # UnionPay
    cdef int padding

    cdef void encipher(self, const uint8_t* block, uint8_t* out) noexcept
    cdef void chain(self, const uint8_t* data, Py_ssize_t length, uint8_t* state) noexcept
    cdef void finish(self, uint8_t* state) noexcept
    cdef void compute_folded(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) noexcept
    cdef void compute_chained(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) noexcept


cdef class DesEngine(BlockEngine):
    cdef Schedule first[3]
    cdef Schedule second[3]
    cdef uint64_t parts[3]      # the key as words: of `first`, or of both where they are single
    cdef bint triple
    cdef bint ends_with_second

    cdef void run(self, Schedule* keys, const uint8_t* block, uint8_t* out,
                  int direction) noexcept


cdef class MacKey:
    cdef readonly str algorithm
    cdef Engine engine
    cdef bint as_hex
    cdef Py_ssize_t keep

    cdef int fill(self, const uint8_t* data, Py_ssize_t length, uint8_t* field) except -1
    cdef void write(self, const uint8_t* code, uint8_t* field) noexcept


cpdef int sign(Message message, MacKey key) except -1
cpdef bint verify(Message message, MacKey key) except -1
cdef void fold(const uint8_t* data, Py_ssize_t length, Py_ssize_t block, uint8_t* out) noexcept nogil
cdef void hex_of(const uint8_t* raw, Py_ssize_t count, uint8_t* out) noexcept nogil
cdef void length_block(Py_ssize_t length, Py_ssize_t block, uint8_t* out) noexcept nogil
cdef int mac_field(Message message) noexcept
cdef int make_place(Message message) except -1
