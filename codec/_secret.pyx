# cython: language_level=3
"""Key bytes that can be wiped, which `bytes` cannot: `codec.keys` is the door to this."""

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from libc.string cimport memcpy

from codec._text cimport hex_value

from codec.errors import KeyMaterialError

_BLANKS = b" \t\r\n"


@cython.final
cdef class Secret:
    """A clear key of at most 64 bytes, the given parts one after another.

    Its memory is wiped when it is freed, or sooner by `wipe`.  What takes bytes takes it in place
    of them, by the buffer protocol and without a copy; `bytes(secret)` makes one that nobody can
    wipe.  It does not show, cannot be pickled, and compares in constant time.

    >>> Secret(b"0123", b"4567")
    <Secret 8 bytes>
    """

    def __cinit__(self, *parts):
        cdef const uint8_t[::1] part
        for each in parts:
            part = memoryview(each).cast("B")
            if part.shape[0] > SECRET_BYTES_MAX - self.size:
                raise KeyMaterialError(f"a secret has at most {SECRET_BYTES_MAX} bytes")
            if part.shape[0]:
                memcpy(self.raw + self.size, &part[0], part.shape[0])
                self.size += part.shape[0]

    def __dealloc__(self):
        wipe_memory(self.raw, sizeof(self.raw))

    @staticmethod
    def from_hex(digits):
        """The key that hex digits tell; blanks around them do not count."""
        cdef const uint8_t[::1] text = memoryview(digits).cast("B")
        cdef Py_ssize_t begin = 0, end = text.shape[0], i
        cdef Secret made = Secret()
        cdef int high, low
        while begin < end and text[begin] in _BLANKS:
            begin += 1
        while end > begin and text[end - 1] in _BLANKS:
            end -= 1
        if end == begin or (end - begin) % 2 or end - begin > 2 * SECRET_BYTES_MAX:
            raise KeyMaterialError(f"a key is given in 2 to {2 * SECRET_BYTES_MAX} hexadecimal digits")
        for i in range((end - begin) // 2):
            high, low = hex_value(text[begin + 2 * i]), hex_value(text[begin + 2 * i + 1])
            if high < 0 or low < 0:
                raise KeyMaterialError("a key is given in hexadecimal digits")
            made.raw[i] = <uint8_t>(high << 4 | low)
        made.size = (end - begin) // 2
        return made

    def wipe(self):
        """Overwrite the bytes with zeros now; they stay as many."""
        wipe_memory(self.raw, sizeof(self.raw))

    def __len__(self):
        return self.size

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.raw, self.size, True, flags)

    def __eq__(self, other):
        cdef Secret mine = self, theirs
        cdef int wrong = 0
        cdef Py_ssize_t i
        if isinstance(other, (bytes, bytearray)):
            other = Secret(other) if len(other) <= SECRET_BYTES_MAX else Secret()
        if type(other) is not Secret:
            return NotImplemented
        theirs = other
        for i in range(SECRET_BYTES_MAX):
            wrong |= mine.raw[i] ^ theirs.raw[i]
        return wrong == 0 and mine.size == theirs.size

    __hash__ = None

    def __repr__(self):
        return f"<Secret {self.size} bytes>"

    def __reduce__(self):
        raise TypeError("a key is not to be pickled")


def wipe(memory not None):
    """Overwrite a `bytearray`, or another buffer that may be written to, with zeros."""
    cdef uint8_t[::1] view = memoryview(memory).cast("B")
    if view.shape[0]:
        wipe_memory(&view[0], view.shape[0])
