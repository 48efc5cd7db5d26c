"""What a sender's messages have in common, told in one look.

Nearly all that is found out about a message follows from a few of its values, which its sender's
next message has as well: whoever finds it out once for all that are alike need not do it again.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from codec._index cimport WORD, Slot
from codec._text cimport ascii_from, ascii_text, latin1_chars, text_length
from codec._wire cimport BITMAP_WORDS, Message, slot_of

cdef enum:
    JOINED_MAX = 256            # characters; what is longer is joined by `Message.joined`


@cython.final
cdef class Likeness:
    """What messages agree in: dialect, MTI, which fields there are, and the values of some."""

    def __cinit__(self, Message message not None, numbers):
        """A message like any other that it fits; `numbers` are the fields whose values count."""
        self.dialect, self.mti = message.dialect, message.mti
        self.present = message.index.present
        self.note(message, numbers)

    cdef int note(self, Message message, object numbers) except -1:
        """The bytes of these fields, where they are neighbours in one piece."""
        cdef const Slot* slot
        cdef Run* run = NULL
        cdef Py_ssize_t start, end = -1, at = 0
        cdef list pieces = []
        cdef bytes raw = message.frame
        for number in sorted(set(numbers)):
            slot = slot_of(message, number)
            if slot == NULL:
                continue
            start = slot.start
            if start != end:
                if self.count == RUNS_MAX:
                    raise ValueError("too many fields")
                run = &self.runs[self.count]
                run.de, run.at, run.size = number, at, 0
                self.count += 1
            end = slot.value + slot.size
            pieces.append(raw[start:end])
            run.size += end - start
            at += end - start
        self.said = b"".join(pieces)
        return 0

    cpdef bint fits(self, Message message) noexcept:
        """Whether a message is like this."""
        cdef const uint8_t* said = <const uint8_t*>PyBytes_AS_STRING(self.said)
        cdef const uint8_t* data
        cdef Py_ssize_t size, start
        cdef Run* run = self.runs
        cdef int i
        if message.dialect is not self.dialect or message.mti is not self.mti:
            return False
        for i in range(BITMAP_WORDS):
            if message.index.present[i] != self.present[i]:
                return False
        data, size = message.data(), PyBytes_GET_SIZE(message.frame)
        for i in range(self.count):
            start = message.index.slots[run.de].start
            if start + run.size > size or memcmp(data + start, said + run.at, run.size) != 0:
                return False
            run += 1
        return True


cpdef str joined_after(str beginning, Message message, tuple fields):
    """The same as `beginning` and the fields as `Message.joined` joins them, escaped."""
    cdef uint8_t[JOINED_MAX + WORD] text
    cdef Py_ssize_t first = text_length(beginning), count
    if ascii_text(beginning) and first <= JOINED_MAX:
        count = message.join_into(fields, text + first, JOINED_MAX - first, True)
        if count >= 0:
            memcpy(text, latin1_chars(beginning), first)
            return ascii_from(text, first + count - 1) if count else beginning
    return beginning + message.joined(fields, True)
