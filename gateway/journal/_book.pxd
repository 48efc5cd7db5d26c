# cython: language_level=3
"""What commits say of charges, gathered: a book in C, which points into their payloads."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from gateway.journal._payload cimport PARTS

cdef enum:
    NO_ROW = -1
    NO_MEMORY = -2
    NONE = -1

cdef struct Part:
    const uint8_t* data
    uint32_t size

cdef struct Step:
    Part said
    int32_t next                # of the same charge; NONE: it is the last

cdef struct Charge:
    int64_t id
    int64_t opened_epoch
    int64_t epoch               # of its last step; 0: it took none
    double at
    const uint8_t* opened       # the parts of its opening; NULL: it was opened before
    uint32_t[PARTS] sizes
    Part state
    Part moved                  # data NULL: nothing is new
    int32_t is_open
    int32_t first
    int32_t last
    int64_t steps               # bytes of them all

cdef struct Book:
    Charge* charges
    int32_t count
    int32_t room
    Step* steps
    int32_t steps_count
    int32_t steps_room
    int32_t* places             # by id: which charge, or NONE
    int bits                    # there are 2 ** bits of them
    int64_t most_steps

cdef Charge* known(const Book* book, int64_t id) noexcept nogil
cdef int merge(Book* book, const uint8_t* data, Py_ssize_t end) noexcept nogil
cdef void close(Book* book) noexcept nogil
