# cython: language_level=3
"""What happens on the wire, as its driver tells the turn."""

cimport cython


@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Frame:
    """A whole frame came, without its length header."""

    def __init__(self, conn, str peer not None, bytes data not None):
        self.conn, self.peer, self.data = conn, peer, data

    def __eq__(self, other):
        if type(other) is not Frame:
            return NotImplemented
        return (self.conn, self.peer, self.data) == (other.conn, other.peer, other.data)

    __hash__ = None

    def __repr__(self):
        return f"<Frame of {len(self.data)} bytes, connection {self.conn} of {self.peer}>"


cdef Frame frame_of(object conn, str peer, bytes data):
    """As the constructor, without its detours."""
    cdef Frame made = Frame.__new__(Frame)
    made.conn, made.peer, made.data = conn, peer, data
    return made


@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class Acknowledged:
    """The other side's TCP has every byte that was sent with `tag`, and no reset followed."""

    def __init__(self, conn, tag):
        self.conn, self.tag = conn, tag

    def __eq__(self, other):
        if type(other) is not Acknowledged:
            return NotImplemented
        return (self.conn, self.tag) == (other.conn, other.tag)

    __hash__ = None

    def __repr__(self):
        return f"<Acknowledged {self.tag}, connection {self.conn}>"


cdef Acknowledged acknowledged(object conn, object tag):
    """As the constructor, without its detours."""
    cdef Acknowledged made = Acknowledged.__new__(Acknowledged)
    made.conn, made.tag = conn, tag
    return made
