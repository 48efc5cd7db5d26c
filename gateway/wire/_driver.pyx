# cython: language_level=3
"""The epoll driver: drains every socket that is ready, without a Python call for each.

Descriptors are plain numbers, all reads go through one shared buffer, and a connection is one C
struct with a few fields.  What it decides about a connection (frames, limits, clocks) is asked of
`connection`; what TLS or a proxy's header needs is asked of the connection's filter.

Clocks are looked at lazily: a connection stands in the slot of the second in which its first clock
could run out, and only then is it looked at again.  Thousands of idle ones cost nothing a second.

Of what comes epoll tells once, at the edge: it need not look again at sockets that were read empty.
So who may have left more there is asked for once more: see `read`.

What thousands may do at the same moment (come, shake hands, leave, run out of time) is done a part
a turn, so that the busy ones never wait for all of it: see `_allowance`.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.errno cimport EAGAIN, ECONNABORTED, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from collections import Counter, deque

from codec import FrameError
from codec.framing import frame
from gateway._gaps cimport offer
from gateway.wire._allowance cimport Allowance
from gateway.wire._outlet cimport Outlet
from gateway.wire.connection cimport Connection
from gateway.wire.crowd import Crowd
from gateway.wire.deliveries cimport Deliveries
from gateway.wire.filters import FilterError
from gateway.wire.port import Closed, Lost

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(object of, Py_ssize_t at)         # not owned

cdef extern from "sys/epoll.h" nogil:
    enum: EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP
    enum: EPOLLET, EPOLLRDHUP
    ctypedef union epoll_data_t:
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event* event)
    int epoll_wait(int epfd, epoll_event* events, int maxevents, int timeout)

cdef extern from "sys/socket.h" nogil:
    enum: SOCK_NONBLOCK, SOCK_CLOEXEC, MSG_NOSIGNAL, AF_INET, AF_INET6
    ctypedef unsigned int socklen_t
    struct sockaddr:
        unsigned short sa_family
    struct sockaddr_storage:
        unsigned short ss_family
    int accept4(int fd, sockaddr* address, socklen_t* size, int flags)
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    ssize_t send(int fd, const void* buffer, size_t size, int flags)

cdef extern from "netinet/in.h" nogil:
    struct in_addr:
        pass
    struct in6_addr:
        pass
    struct sockaddr_in:
        in_addr sin_addr
    struct sockaddr_in6:
        in6_addr sin6_addr

cdef extern from "arpa/inet.h" nogil:
    const char* inet_ntop(int family, const void* source, char* text, socklen_t size)

cdef extern from "sys/ioctl.h" nogil:
    int ioctl(int fd, unsigned long request, ...)

cdef extern from "linux/sockios.h" nogil:
    enum: SIOCOUTQ

cdef extern from "sys/eventfd.h" nogil:
    enum: EFD_CLOEXEC, EFD_NONBLOCK
    int eventfd(unsigned int count, int flags)
    int eventfd_write(int fd, uint64_t count)

cdef extern from "unistd.h" nogil:
    int close(int fd)

cdef enum:
    READ_BYTES = 65536
    EVENTS_A_TURN = 1024
    ROOM_MIN = 256              # connections that have a place of their own; a power of two
    ADDRESS_TEXT_MAX = 64

    # Half a millisecond each, clocks less than a tenth of one:
    ACCEPTS_A_TURN = 128
    CLOSES_A_TURN = 96
    CLOCKS_A_TURN = 256
    # Of TLS a step takes 0.2 ms: a fifth of the time, and at once no more than 7 ms.
    HANDSHAKES_A_TURN = 4
    HANDSHAKES_AT_ONCE_MAX = 32

# What is awaited of a connection; of one that has ended its sending only that it is gone.
cdef uint32_t COMES = EPOLLIN | EPOLLRDHUP | <uint32_t>EPOLLET
cdef uint32_t ENDS = EPOLLRDHUP | EPOLLHUP | EPOLLERR

cdef double ONE_MORE_HANDSHAKE_EACH_S = 0.001
cdef double SWEEP_EVERY_S = 1.0

A_TURN = {"accept": ACCEPTS_A_TURN, "handshake": HANDSHAKES_A_TURN, "close": CLOSES_A_TURN,
          "clock": CLOCKS_A_TURN}

cdef str MAPPED = "::ffff:"


cdef class Driver(Outlet):
    """Sockets of one process: who is there, what came, what waits to leave."""

    cdef object clock
    cdef object limits
    cdef readonly object crowd          # who was accepted, and whether somebody more may be
    cdef readonly object refused        # connections ended or not accepted, by reason
    cdef readonly long frames_in, frames_out
    cdef dict conns                     # id → Connection
    cdef list by_id                     # the same, each at its id modulo the length: see `new_id`
    cdef int64_t by_id_mask
    cdef list by_fd                     # Connection, or None
    cdef dict doors                     # a listening descriptor → Door
    cdef dict wheel                     # second → ids of connections whose clocks are due
    cdef object due                     # ids of those whose second has come
    cdef object shaking                 # connections whose next step of a handshake was put off
    cdef object leaving                 # (connection, descriptor) that is still to be closed
    cdef Allowance accepts, handshakes, closes, clocks
    cdef double turn_at                 # when the last turn began
    cdef list dirty                     # connections with something queued since the last flush
    cdef int wake_fd                    # a descriptor of the epoll set that `wake` makes ready
    cdef list events
    cdef Deliveries deliveries
    cdef int epoll_fd
    cdef int64_t last_id
    cdef double next_sweep
    cdef epoll_event* happening
    cdef uint8_t* buffer

    def __cinit__(self, limits, clock):
        self.epoll_fd = self.wake_fd = -1
        self.clock, self.limits = clock, limits
        self.crowd, self.refused = Crowd(limits), Counter()
        self.conns, self.doors, self.wheel = {}, {}, {}
        self.by_fd, self.dirty, self.events = [], [], []
        self.by_id, self.by_id_mask = [None] * ROOM_MIN, ROOM_MIN - 1
        self.due, self.shaking, self.leaving = deque(), deque(), deque()
        self.accepts, self.closes = Allowance(ACCEPTS_A_TURN), Allowance(CLOSES_A_TURN)
        self.clocks = Allowance(CLOCKS_A_TURN)
        self.handshakes = Allowance(HANDSHAKES_A_TURN, ONE_MORE_HANDSHAKE_EACH_S,
                                    HANDSHAKES_AT_ONCE_MAX)
        self.deliveries = Deliveries(limits)
        self.happening = <epoll_event*>malloc(EVENTS_A_TURN * sizeof(epoll_event))
        self.buffer = <uint8_t*>malloc(READ_BYTES)
        if self.happening == NULL or self.buffer == NULL:
            raise MemoryError
        self.epoll_fd = epoll_create1(EPOLL_CLOEXEC)
        if self.epoll_fd < 0:
            raise OSError(errno, "epoll_create1")
        self.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self.wake_fd < 0:
            raise OSError(errno, "eventfd")
        # At the edge: it says so each time that it is written to, and need not be read.
        self.ask(EPOLL_CTL_ADD, self.wake_fd, 0, EPOLLIN | EPOLLET)

    def __init__(self, limits, clock):
        """All of it is done in `__cinit__`; a Python class below this one calls it all the same."""

    def __dealloc__(self):
        if self.epoll_fd >= 0:
            close(self.epoll_fd)
        if self.wake_fd >= 0:
            close(self.wake_fd)
        free(self.happening)
        free(self.buffer)

    def __len__(self):
        return len(self.conns)

    @property
    def put_off(self):
        """By kind of work: how often a turn left some of it to a later one."""
        return {"accept": self.accepts.put_off, "handshake": self.handshakes.put_off,
                "close": self.closes.put_off, "clock": self.clocks.put_off}

    def fileno(self, conn=None):
        """The descriptor that is readable when something is ready, or that of a connection."""
        return self.epoll_fd if conn is None else (<Connection>self.conns[conn]).fd

    cpdef str peer(self, object conn):
        """The listener or host that a connection belongs to; '' if it is gone."""
        cdef Connection connection = numbered(self.by_id, self.by_id_mask, conn)
        return connection.peer if connection is not None else ""

    # Connections come and go

    def open_door(self, int fd, door):
        """Accept on a listening descriptor."""
        self.doors[fd] = door
        self.ask(EPOLL_CTL_ADD, fd, 0, EPOLLIN)

    def shut_doors(self):
        """Accept nobody any more; the descriptors may be closed now."""
        self.doors.clear()

    def adopt_descriptor(self, int fd, str peer, bint accepted, filter=None):
        """Take over a connected, non-blocking descriptor; returns the connection's id."""
        cdef double now = self.clock.now().monotonic
        cdef Connection connection = self.join(fd, peer, accepted, filter, now)
        if filter is not None:
            self.filtered(connection, b"", now)
        return connection.id

    cdef int admit(self, int fd, object door, object filter, str address, double now) except -1:
        """Somebody connected."""
        cdef Connection connection = self.join(fd, door.name, True, filter, now)
        connection.proves, connection.binding = door.acknowledges, door.binding
        if address:
            self.crowd.is_from(connection, address)
        return 0

    cdef Connection join(self, int fd, str peer, bint accepted, object filter, double now):
        cdef Connection connection = Connection(self.new_id(), peer, self.limits, now)
        connection.accepted, connection.fd, connection.interest = accepted, fd, COMES
        connection.filter = filter
        connection.shaking = filter is not None and not filter.shaken
        while len(self.by_fd) <= fd:
            self.by_fd.append(None)
        self.ask(EPOLL_CTL_ADD, fd, connection.half, COMES)
        self.by_fd[fd] = self.conns[connection.id] = connection
        self.by_id[connection.number & self.by_id_mask] = connection
        if accepted:
            self.crowd.comes(connection)
            self.look_later(connection)
        return connection

    cdef int64_t new_id(self) except -1:
        """An id that nobody had; none whose place is another's, so that who is asked for is found at
        once.
        """
        if 2 * len(self.conns) >= len(self.by_id):
            self.by_id_mask = 2 * len(self.by_id) - 1
            self.by_id = [None] * (self.by_id_mask + 1)
            for each in self.conns.values():
                self.by_id[(<Connection>each).number & self.by_id_mask] = each
        self.last_id += 1
        while self.by_id[self.last_id & self.by_id_mask] is not None:
            self.last_id += 1
        return self.last_id

    def accepted(self):
        """The connections that others made to us, the oldest first."""
        return [each.id for each in self.conns.values() if (<Connection>each).accepted]

    def close(self, conn, str why):
        """End a connection; a `Lost` follows."""
        cdef object found = self.conns.get(conn)
        if found is not None:
            self.lose(<Connection>found, why)

    def drop_all(self):
        """Close every connection and the epoll descriptor; nothing follows."""
        for connection in list(self.conns.values()):
            self.forget(<Connection>connection)
        self.close_leaving(True)
        if self.epoll_fd >= 0:
            close(self.epoll_fd)
            self.epoll_fd = -1

    cdef int lose(self, Connection connection, str why) except -1:
        self.refused[why] += 1
        self.forget(connection)
        self.events.append(Lost(connection.id, why))
        return 0

    cdef int forget(self, Connection connection) except -1:
        """Closing a descriptor also takes it out of the epoll set.  Links are closed at once; others
        that are closed later keep their place in the crowd until then.
        """
        cdef int fd = connection.fd
        del self.conns[connection.id]
        self.by_id[connection.number & self.by_id_mask] = None
        self.by_fd[fd] = None
        connection.fd = -1
        if connection.accepted and not self.closes.take():
            self.ask(EPOLL_CTL_DEL, fd, 0, 0)
            self.leaving.append((connection, fd))
            return 0
        close(fd)
        if connection.accepted:
            self.crowd.leaves(connection)
        return 0

    cdef int close_leaving(self, bint all_of_them) except -1:
        """Close those that were put off."""
        while self.leaving and (all_of_them or self.closes.left > 0):
            self.closes.left -= 1
            connection, fd = self.leaving.popleft()
            close(fd)
            self.crowd.leaves(connection)
        return 0

    cdef int ask(self, int operation, int fd, uint32_t half, uint32_t interest) except -1:
        """The kernel tells the id's lower half with the descriptor: neither alone is unique."""
        cdef epoll_event event
        event.events = interest
        event.data.u64 = <uint64_t>half << 32 | <uint64_t>fd
        if epoll_ctl(self.epoll_fd, operation, fd, &event) < 0:
            raise OSError(errno, "epoll_ctl")
        return 0

    cdef int await_(self, Connection connection, uint32_t interest) except -1:
        """Have epoll report `interest`; nearly always it does already."""
        if connection.interest != interest:
            connection.interest = interest
            self.ask(EPOLL_CTL_MOD, connection.fd, connection.half, interest)
        return 0

    # What is ready

    def wake(self):
        """Have `poll` find that something happened.  May be called from any thread."""
        eventfd_write(self.wake_fd, 1)

    def poll(self, int wait_ms=0):
        """Deal with all that is ready; whether anything happened.  With `wait_ms` the thread waits
        so long for it, and lets other threads run.
        """
        cdef int count = epoll_wait(self.epoll_fd, self.happening, EVENTS_A_TURN, 0)
        cdef int i
        cdef uint64_t key
        if count == 0 and wait_ms > 0 and not self.events and not self.is_behind():
            with nogil:
                offer()
                count = epoll_wait(self.epoll_fd, self.happening, EVENTS_A_TURN, wait_ms)
        cdef double now = self.clock.now().monotonic
        cdef bint goes_on = self.is_behind()
        self.begin_turn(now)
        if goes_on:
            self.catch_up(now)
        for i in range(count):
            key = self.happening[i].data.u64
            if key >> 32 == 0 and <int>key in self.doors:
                self.accept(<int>key, now)
            else:
                self.happened(key, self.happening[i].events, now)
        self.look_at_deliveries(now)
        if now >= self.next_sweep:
            self.sweep(now)
        if self.due:
            self.look_at_clocks(now)
        return count > 0 or goes_on or len(self.events) > 0

    cdef bint is_behind(self) noexcept:
        """Whether something was put off to this turn."""
        return bool(self.due) or bool(self.shaking) or bool(self.leaving)

    cdef void begin_turn(self, double now) noexcept:
        cdef double passed_s = now - self.turn_at
        self.turn_at = now
        self.accepts.begin(passed_s)
        self.handshakes.begin(passed_s)
        self.closes.begin(passed_s)
        self.clocks.begin(passed_s)

    cdef int catch_up(self, double now) except -1:
        """What was put off comes before what is new."""
        cdef Connection connection
        self.close_leaving(False)
        while self.shaking and self.handshakes.left > 0:
            connection = <Connection>self.shaking.popleft()
            if connection.fd >= 0:
                self.handshakes.left -= 1
                # If it leaves something there, this tells of it.
                leaves = connection.end > connection.start
                self.await_(connection, COMES | <uint32_t>EPOLLOUT if leaves else COMES)
                self.read(connection, 0, now)
        return 0

    def ready(self):
        """What happened since the last call; waits for nothing."""
        self.poll()
        return self.taken()

    def taken(self):
        """The events since the last call."""
        events, self.events = self.events, []
        return events

    cdef int accept(self, int fd, double now) except -1:
        cdef sockaddr_storage address
        cdef socklen_t size
        cdef int got
        # Each door has its share: a storm at one keeps nobody out at another.
        cdef long at, share = max(1, ACCEPTS_A_TURN // <long>len(self.doors))
        door = self.doors[fd]
        for at in range(share):
            if not self.accepts.take():
                return 0
            size = sizeof(address)
            got = accept4(fd, <sockaddr*>&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)
            if got < 0:
                if errno in (ECONNABORTED, EINTR):
                    continue
                if errno != EAGAIN:
                    # No descriptor is free: asking again at once would only burn the processor.
                    self.refused["accept failed"] += 1
                    self.ask(EPOLL_CTL_MOD, fd, 0, 0)
                return 0
            source = text_of(&address)
            why = self.crowd.refuses(source, door.trusts)
            if why is not None:
                self.refused[why] += 1
                close(got)
                continue
            filter = door.filter() if door.filter is not None else None
            self.admit(got, door, filter, "" if door.trusts is not None else source, now)
        self.accepts.put_off += 1
        return 0

    cdef int happened(self, uint64_t key, uint32_t mask, double now) except -1:
        cdef uint32_t fd = <uint32_t>key        # the lower half
        cdef object found
        cdef Connection connection
        if fd >= <uint32_t>len(self.by_fd):
            return 0
        found = self.by_fd[fd]
        if found is None:
            return 0
        connection = <Connection>found
        if connection.half != <uint32_t>(key >> 32):
            return 0                    # an event of one that had this descriptor before
        if mask & <uint32_t>EPOLLOUT:
            self.write(connection)
        if connection.fd < 0:
            return 0
        if mask & <uint32_t>EPOLLIN and not connection.closed:
            if connection.shaking and not self.handshakes.take():
                self.await_(connection, 0)
                self.shaking.append(connection)
            else:
                self.read(connection, mask, now)
        elif mask & <uint32_t>(EPOLLERR | EPOLLHUP):
            self.lose(connection, "reset")
        return 0

    cdef int read(self, Connection connection, uint32_t mask, double now) except -1:
        """Take what came.  Its end comes by itself, after all else; if it was there already epoll
        does not tell again of what is left, nor of more than one buffer full.
        """
        cdef ssize_t count = recv(connection.fd, self.buffer, READ_BYTES, 0)
        cdef bint leaves_more = count == READ_BYTES or bool(mask & ENDS)
        if count > 0:
            if connection.filter is None:
                self.frames(connection, self.buffer, count, now)
            else:
                self.filtered(connection, self.buffer[:count], now)
        elif count == 0:
            self.ended(connection)
        elif errno == EINTR:
            leaves_more = True
        elif errno != EAGAIN:
            self.lose(connection, "reset")
        if leaves_more and connection.fd >= 0 and not connection.closed:
            self.ask(EPOLL_CTL_MOD, connection.fd, connection.half, connection.interest)
        return 0

    cdef int frames(self, Connection connection, const uint8_t* data, Py_ssize_t count,
                    double now) except -1:
        try:
            self.frames_in += connection.take(data, count, now, self.events, True)
        except FrameError:
            self.lose(connection, connection.unreadable)
            return 0
        if connection.frame_began_at != 0 and connection.accepted:
            self.look_later(connection)
        return 0

    cdef int filtered(self, Connection connection, bytes data, double now) except -1:
        """Bytes that TLS or a proxy's header stands around."""
        cdef object filter = connection.filter
        cdef bytes plain, answer
        cdef Py_ssize_t told
        try:
            plain = filter.received(data)
        except FilterError as error:
            self.say_last(connection, filter.output())
            self.lose(connection, str(error))
            return 0
        answer = filter.output()
        if answer:
            connection.append(<const uint8_t*>PyBytes_AS_STRING(answer), PyBytes_GET_SIZE(answer),
                              False)
            self.write(connection)
        if connection.fd >= 0 and connection.address is None and filter.source:
            why = self.crowd.crowded(filter.source)
            if why is not None:
                self.lose(connection, why)
                return 0
            self.crowd.is_from(connection, filter.source)
        if connection.fd >= 0 and connection.shaking and filter.shaken:
            connection.shaking = False
        if connection.fd >= 0 and plain:
            told = len(self.events)
            self.frames(connection, <const uint8_t*>PyBytes_AS_STRING(plain),
                        PyBytes_GET_SIZE(plain), now)
            if connection.binding is not None:
                self.bound(connection, told)
        if connection.fd >= 0 and filter.ended and not connection.closed:
            self.ended(connection)
        return 0

    cdef int bound(self, Connection connection, Py_ssize_t told) except -1:
        """Of the events from `told` on, none in which somebody says to be another than their
        certificate.  It is looked at before anything can end the connection."""
        cdef Py_ssize_t at
        cdef str identity
        if connection.fd < 0:
            return 0
        identity = connection.filter.identity
        for at in range(told, len(self.events)):
            if not connection.binding.fits(self.events[at].data, identity):
                del self.events[at:]
                self.lose(connection, "not its certificate's terminal")
                return 0
        return 0

    cdef void say_last(self, Connection connection, bytes alert) noexcept:
        """Why a handshake failed, if the socket takes it."""
        if alert:
            send(connection.fd, PyBytes_AS_STRING(alert), PyBytes_GET_SIZE(alert), MSG_NOSIGNAL)

    cdef int ended(self, Connection connection) except -1:
        """The other side sends no more."""
        if connection.hear_end():
            self.await_(connection, EPOLLOUT if connection.end > connection.start else 0)
            self.events.append(Closed(connection.id))
        else:
            self.lose(connection, "ended")
        return 0

    # Clocks

    cdef int look_later(self, Connection connection) except -1:
        cdef long slot = <long>(<double>connection.due_at()) + 1
        if connection.due_slot and connection.due_slot <= slot:
            return 0
        connection.due_slot = slot
        self.wheel.setdefault(slot, []).append(connection.id)
        return 0

    cdef int sweep(self, double now) except -1:
        """Whose second has come is to be looked at."""
        self.next_sweep = now + SWEEP_EVERY_S
        for fd in self.doors:
            self.ask(EPOLL_CTL_MOD, fd, 0, EPOLLIN)
        for slot in sorted(slot for slot in self.wheel if slot <= now):
            self.due.extend(self.wheel.pop(slot))
        return 0

    cdef int look_at_clocks(self, double now) except -1:
        cdef Connection connection
        while self.due and self.closes.left > 0 and self.clocks.take():
            found = self.conns.get(self.due.popleft())
            if found is None:
                continue
            connection = <Connection>found
            if not 0 < connection.due_slot <= now:
                continue                # it stands in another slot, too, or was looked at
            connection.due_slot = 0
            why = connection.overdue(now)
            if why is not None:
                self.lose(connection, why)
            else:
                self.look_later(connection)
        return 0

    # Sending

    cpdef bint send(self, object conn, bytes data, object tag=None) except -1:
        """Queue a frame; False if the connection is gone or its other side has ended."""
        cdef Connection connection = numbered(self.by_id, self.by_id_mask, conn)
        cdef bytes sealed
        if connection is None or connection.closed:
            return False
        if not connection.has_room(PyBytes_GET_SIZE(data)):
            self.lose(connection, connection.slow)
            return False
        if connection.filter is None:
            connection.append(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), True)
        else:
            sealed = connection.filter.sealed(frame(data))
            connection.append(<const uint8_t*>PyBytes_AS_STRING(sealed), PyBytes_GET_SIZE(sealed),
                              False)
        if not connection.dirty:
            connection.dirty = True
            self.dirty.append(connection)
        self.frames_out += 1
        if tag is not None:
            self.deliveries.sent(connection, tag)
        return True

    cpdef object flush(self):
        """Write what was queued since the last flush, each connection's frames together."""
        cdef Connection connection
        cdef list dirty
        if self.dirty:
            dirty, self.dirty = self.dirty, []
            for item in dirty:
                connection = <Connection>item
                connection.dirty = False
                if connection.fd >= 0:
                    self.write(connection)
        if self.deliveries.fresh.count:
            self.deliveries.handed_over(self.clock.now().monotonic)

    cdef int write(self, Connection connection) except -1:
        cdef ssize_t count
        cdef Py_ssize_t waits = connection.end - connection.start
        cdef uint32_t interest = 0 if connection.closed else COMES
        if waits:
            count = send(connection.fd, connection.waiting + connection.start, waits, MSG_NOSIGNAL)
            if count >= 0:
                connection.drop(count)
            elif errno not in (EAGAIN, EINTR):
                self.lose(connection, "reset")
                return 0
        if connection.end > connection.start:
            interest |= EPOLLOUT
        self.await_(connection, interest)
        return 0

    # Proofs of delivery

    cdef int look_at_deliveries(self, double now) except -1:
        cdef Connection connection
        cdef int64_t conn = self.deliveries.due(now)
        cdef bint has_all
        while conn:
            connection = numbered(self.by_id, self.by_id_mask, conn)
            if connection is None:
                self.deliveries.skip()
            else:
                has_all = self.deliveries.asks(connection) and self.has_all(connection)
                why = self.deliveries.look(connection, has_all, now, self.events)
                if why is not None:
                    self.lose(connection, why)
            conn = self.deliveries.due(now)
        return 0

    cdef bint has_all(self, Connection connection) noexcept:
        """Whether the other side's TCP has every byte now."""
        return connection.end == connection.start and not unacknowledged(connection.fd)


cdef inline Connection numbered(list by_id, int64_t mask, int64_t number):
    """The connection with this id; None if it is gone.  `mask` is within the list."""
    cdef PyObject* found = PyList_GET_ITEM(by_id, number & mask)
    if found != <PyObject*>None and (<Connection>found).number == number:
        return <Connection>found
    return None


cdef int unacknowledged(int fd) noexcept:
    """Bytes that the other side's TCP has not acknowledged yet; without an answer, some."""
    cdef int count = 1
    if ioctl(fd, SIOCOUTQ, &count) < 0:
        return 1
    return count


cdef str text_of(sockaddr_storage* address):
    """The address of a peer as text; IPv4 as such, also through an IPv6 listener."""
    cdef char text[ADDRESS_TEXT_MAX]
    cdef const void* source
    if address.ss_family == AF_INET6:
        source = &(<sockaddr_in6*>address).sin6_addr
    else:
        source = &(<sockaddr_in*>address).sin_addr
    if inet_ntop(address.ss_family, source, text, ADDRESS_TEXT_MAX) == NULL:
        return "unknown"
    return text.decode("ascii").removeprefix(MAPPED)
