# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""One row of the tables for each charge, out of what commits say of it (`_book`).

Each is made when its statement is carried out, of what lies in the payloads; these stay as long as
this does.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from gateway.journal._book cimport (
    NO_MEMORY, NO_ROW, NONE, Book, Charge, Part, Step, close, known, merge,
)
from gateway.journal._payload cimport OTHERS, PART_MAX, PARTS, SAME, Head, next_row
from gateway.journal._statements cimport BLOB, REAL, TEXT, WHOLE, Rows, Value

from gateway.journal.redo import DamagedError
from gateway.journal.rows import UNMOVED

cdef enum:
    INSERTS = 4                 # which rows: of INSERT, or of one of the four UPDATES,
    SAYS_OPEN = 1               # by what else is new
    SAYS_MOVED = 2
    INSERT_WIDTH = 13
    UPDATE_WIDTH = 5            # and what else is new

cdef bytes _SENT = b"SENT", _UNMOVED = UNMOVED.encode()
cdef Part AS_OPENED, AS_UNMOVED
AS_OPENED.data, AS_OPENED.size = <const uint8_t*><const char*>_SENT, <uint32_t>len(_SENT)
AS_UNMOVED.data, AS_UNMOVED.size = <const uint8_t*><const char*>_UNMOVED, <uint32_t>len(_UNMOVED)


cdef struct Choice:
    Book* book
    int32_t* charges            # which of them
    uint8_t* steps              # room for those of one charge


cdef inline void put_whole(Value* to, int64_t whole) noexcept nogil:
    to.kind, to.whole = WHOLE, whole


cdef inline void put_real(Value* to, double real) noexcept nogil:
    to.kind, to.real = REAL, real


cdef inline void put_part(Value* to, const uint8_t* data, uint32_t size) noexcept nogil:
    to.kind, to.data, to.size = TEXT, <const char*>data, <int>size


cdef inline void put_either(Value* to, const Part* part, const Part* other) noexcept nogil:
    if part.data != NULL:
        put_part(to, part.data, part.size)
    else:
        put_part(to, other.data, other.size)


cdef bint put_steps(Value* to, const Choice* choice, const Charge* charge) noexcept nogil:
    """Whether SQLite can hold them."""
    cdef const Step* each
    cdef Py_ssize_t at = 0
    cdef int32_t next = charge.first
    if charge.steps > PART_MAX:
        return False
    if charge.first == charge.last and next != NONE:
        each = &choice.book.steps[next]
        put_part(to, each.said.data, each.said.size)
        return True
    while next != NONE:
        each = &choice.book.steps[next]
        memcpy(choice.steps + at, each.said.data, each.said.size)
        at += each.said.size
        next = each.next
    put_part(to, choice.steps, <uint32_t>at)
    return True


cdef const Value* inserted(void* where, Py_ssize_t at, Value* to) noexcept nogil:
    """In the order of INSERTED."""
    cdef const Choice* choice = <const Choice*>where
    cdef const Charge* charge = &choice.book.charges[choice.charges[at]]
    cdef const uint8_t* part = charge.opened
    cdef int i
    put_whole(to, charge.id)
    put_whole(to + 1, charge.epoch if charge.epoch else charge.opened_epoch)
    put_either(to + 2, &charge.state, &AS_OPENED)
    put_real(to + 3, charge.at)
    put_whole(to + 4, 1 if charge.is_open == SAME else charge.is_open)
    for i in range(PARTS):
        put_part(to + 5 + i, part, charge.sizes[i])
        part += charge.sizes[i]
    to[9].kind = BLOB
    put_either(to + 11, &charge.moved, &AS_UNMOVED)
    return to if put_steps(to + 12, choice, charge) else NULL


cdef const Value* updated(void* where, Py_ssize_t at, Value* to) noexcept nogil:
    """As UPDATES wants it."""
    cdef const Choice* choice = <const Choice*>where
    cdef const Charge* charge = &choice.book.charges[choice.charges[at]]
    cdef int more = UPDATE_WIDTH
    put_whole(to, charge.epoch)
    put_part(to + 1, charge.state.data, charge.state.size)
    put_real(to + 2, charge.at)
    put_whole(to + 4, charge.id)
    if charge.moved.data != NULL:
        put_part(to + more, charge.moved.data, charge.moved.size)
        more += 1
    if charge.is_open != SAME:
        put_whole(to + more, charge.is_open)
    return to if put_steps(to + 3, choice, charge) else NULL


cdef inline int belongs_to(const Charge* charge) noexcept nogil:
    """INSERTS, or which update."""
    if charge.opened != NULL:
        return INSERTS
    return ((SAYS_MOVED if charge.moved.data != NULL else 0)
            | (SAYS_OPEN if charge.is_open != SAME else 0))


@cython.final
cdef class Chosen(Rows):
    """Those of the charges which one statement is for."""

    cdef Merged merged
    cdef Choice choice

    def __cinit__(self, Merged merged, int which):
        cdef Book* book = &merged.book
        cdef int32_t each, count = 0
        self.merged = merged
        self.choice.book = book
        self.choice.charges = <int32_t*>malloc(book.count * sizeof(int32_t) + 1)
        self.choice.steps = <uint8_t*>malloc(min(book.most_steps, PART_MAX) + 1)
        if self.choice.charges == NULL or self.choice.steps == NULL:
            raise MemoryError
        for each in range(book.count):
            if belongs_to(&book.charges[each]) == which:
                self.choice.charges[count] = each
                count += 1
        self.source.find = inserted if which == INSERTS else updated
        self.source.where, self.source.count = &self.choice, count
        self.width = INSERT_WIDTH
        if which != INSERTS:
            self.width = UPDATE_WIDTH + (which & SAYS_OPEN) + which // SAYS_MOVED

    def __dealloc__(self):
        free(self.choice.charges)
        free(self.choice.steps)


@cython.final
cdef class Merged:
    """Used by one thread at a time; nothing is added once rows were asked for."""

    cdef Book book
    cdef list payloads

    def __cinit__(self):
        self.payloads = []

    def __dealloc__(self):
        close(&self.book)

    def add(self, payload):
        """What one more commit says.  Raises DamagedError where it is none."""
        cdef Py_buffer view
        cdef int done
        held = memoryview(payload)              # as long as there is one, its bytes stay
        self.payloads.append(held)              # first: what fails halfway points into it as well
        PyObject_GetBuffer(held, &view, PyBUF_SIMPLE)
        with nogil:
            done = merge(&self.book, <const uint8_t*>view.buf, view.len)
        PyBuffer_Release(&view)
        if done == NO_MEMORY:
            raise MemoryError
        if done == NO_ROW:
            raise DamagedError("a commit of the redo log holds what no gateway wrote")

    def holds(self, int64_t number):
        """Whether a charge was opened in here."""
        cdef const Charge* charge = known(&self.book, number)
        return charge != NULL and charge.opened != NULL

    def touches(self, int64_t number):
        """Whether anything is new of a charge."""
        return known(&self.book, number) != NULL

    def row(self, int64_t number):
        """For INSERT, of one charge that was opened in here."""
        cdef const Charge* charge = known(&self.book, number)
        cdef Chosen rows = Chosen(self, INSERTS)
        cdef Py_ssize_t at
        for at in range(rows.source.count):
            if &self.book.charges[rows.choice.charges[at]] == charge:
                return rows[at]
        raise KeyError(number)

    def inserts(self):
        """Rows for INSERT."""
        return Chosen(self, INSERTS)

    def updates(self):
        """For each of UPDATES its rows."""
        return [Chosen(self, which) for which in range(INSERTS)]

    def __len__(self):
        """Charges."""
        return self.book.count


def lives_and_others(payload):
    """Of which lives the charges in a payload are; and what is written beside them, b'' if nothing.
    Raises DamagedError where it is no payload.
    """
    cdef const uint8_t[::1] data = payload
    cdef Head head
    cdef Py_ssize_t at = 0, begin = 0
    cdef int found = 1
    cdef set lives = set()
    others = b""
    while data.shape[0]:
        found = next_row(&data[0], data.shape[0], &at, &head)
        if found <= 0:
            break
        if head.kind == OTHERS:
            others = bytes(data[begin + sizeof(Head):at])
        else:
            lives.add(head.epoch)
        begin = at
    if found < 0:
        raise DamagedError("a commit of the redo log holds what no gateway wrote")
    return lives, others
