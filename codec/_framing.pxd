# cython: language_level=3
"""What `look` needs and says, for those who cut frames out of a buffer of their own."""

from libc.stdint cimport uint8_t

cdef enum:
    LENGTH_MAX = 0xFFFF         # of any frame; offsets within one are kept in 16 bits
    STX = 0x02
    ETX = 0x03

# How a length is written.
cdef enum:
    BINARY = 0
    DIGITS = 1                  # ASCII
    BCD = 2
    VISA = 3                    # two bytes of length, two of zeros
    STX_ETX = 4                 # no length: STX, the frame, ETX, and the XOR of all after STX

# What `look` says.
cdef enum:
    WHOLE = 0
    MORE_NEEDED = 1
    BAD_LENGTH = 2
    NOT_DIGITS = 3
    NOT_ZEROS = 4
    NO_STX = 5
    NO_ETX = 6
    BAD_LRC = 7

cdef struct Rule:
    int kind
    Py_ssize_t width            # of the header
    bint inclusive              # the length counts the header too
    Py_ssize_t length_max

cdef struct View:
    Py_ssize_t body             # where the frame begins
    Py_ssize_t length
    Py_ssize_t end              # where the next one begins


cdef Rule rule_of(str framing, Py_ssize_t frame_bytes_max) except *
cdef int look(const Rule* rule, const uint8_t* data, Py_ssize_t count, View* view) noexcept nogil
cdef object fault(int verdict, const Rule* rule, const View* view)
