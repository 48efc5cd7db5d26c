# cython: language_level=3
"""Which answers have arrived, as far as TCP can tell.  No socket here.

An answer that was handed to the kernel is looked at after `acknowledgement_settles_s`, and again
after the same time until it is decided:

| the other side's TCP | then |
|---|---|
| has every byte, or had so since the answer was sent | acknowledged |
| the same, it has ended its sending, and no other answer is unproven | and its connection ends |
| lacks some, for no longer than `unacknowledged_s` | looked at again |
| lacks some for longer | its connection is given up |

A reset in the meantime is a loss, and then nobody is left to look at.
"""

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from gateway.wire._events cimport acknowledged
from gateway.wire.connection cimport Connection


@cython.final
cdef class Watches:
    """Watches in the order of their time, in blocks: none is ever moved, however many there are."""

    def __dealloc__(self):
        while self.count:
            Py_DECREF(<object>self.pop().tag)
        free(self.first)
        free(self.spare)

    cdef int add(self, Watch watch) except -1:
        if self.first == NULL or self.end == BLOCK:
            self._add_block()
        self.last.watches[self.end] = watch
        self.end += 1
        self.count += 1
        return 0

    cdef int _add_block(self) except -1:
        cdef Block* block = self.spare
        if block == NULL:
            block = <Block*>malloc(sizeof(Block))
            if block == NULL:
                raise MemoryError
        self.spare, block.next = NULL, NULL
        if self.first == NULL:
            self.first = block
        else:
            self.last.next = block
        self.last, self.end = block, 0
        return 0

    cdef Watch* next(self) noexcept:
        """The first of those that there are."""
        return &self.first.watches[self.begin]

    cdef Watch pop(self) noexcept:
        cdef Watch watch = self.first.watches[self.begin]
        cdef Block* emptied = self.first
        self.begin += 1
        self.count -= 1
        if self.begin == BLOCK:
            self.first, self.begin = emptied.next, 0
            free(self.spare)
            self.spare = emptied
        return watch


@cython.final
cdef class Deliveries:
    """The answers of all connections that are not proven yet."""

    def __cinit__(self, limits):
        self.settles_s = limits.acknowledgement_settles_s
        self.unacknowledged_s = limits.unacknowledged_s
        self.watches, self.fresh = Watches(), Watches()

    def __len__(self):
        return self.watches.count + self.fresh.count

    cpdef int sent(self, Connection connection, object tag) except -1:
        """An answer was queued.  Where TCP's acknowledgement proves nothing, nothing is watched."""
        cdef Watch watch
        if connection.proves:
            watch.at = watch.since = 0
            watch.conn, watch.tag = connection.number, <PyObject*>tag
            self.fresh.add(watch)
            Py_INCREF(tag)
            connection.watched += 1
        return 0

    cpdef int handed_over(self, double now) except -1:
        """What was queued is the kernel's: from now on its time counts."""
        cdef Watch watch
        while self.fresh.count:
            watch = self.fresh.pop()
            watch.since, watch.at = now, now + self.settles_s
            self.watches.add(watch)
        return 0

    cpdef int64_t due(self, double now) noexcept:
        """The connection of the answer that is to be looked at now; 0: none is."""
        cdef Watch* first
        if not self.watches.count:
            return 0
        first = self.watches.next()
        return first.conn if first.at <= now else 0

    cpdef int skip(self) except -1:
        """The connection of the answer that is due is gone."""
        Py_DECREF(<object>self.watches.pop().tag)
        return 0

    cpdef bint asks(self, Connection connection):
        """Whether TCP is to be asked about the answer that is due, whose connection this is: not if
        it had every byte at a time after that one was sent.
        """
        return self.watches.next().since >= connection.all_had_at

    cpdef str look(self, Connection connection, bint has_all, double now, list events):
        """Decide about the answer that is due, whose connection this is.

        `has_all`: TCP was asked, and the other side's has every byte now.  Appends what is to be
        told; returns why the connection is over, or None.
        """
        cdef Watch watch = self.watches.pop()
        cdef object tag
        if has_all:
            connection.all_had_at = now
        if not has_all and watch.since >= connection.all_had_at:
            if now - watch.since <= self.unacknowledged_s:
                watch.at = now + self.settles_s
                self.watches.add(watch)
                return None
        tag = <object>watch.tag
        Py_DECREF(tag)
        connection.watched -= 1
        if not has_all and watch.since >= connection.all_had_at:
            return "answer not acknowledged"
        events.append(acknowledged(connection.id, tag))
        return "ended" if connection.closed and not connection.watched else None
