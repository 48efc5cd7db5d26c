# cython: language_level=3, boundscheck=False, wraparound=False
"""Work in the gaps that the turns leave, a piece at a time, by a thread that need not hurry.

A kernel that preempts nobody of its own accord lets such a thread work on until its slice is over, some
milliseconds, while a message or a commit waits for the core.  So its pieces end by themselves, each
before anybody notices, and the next one begins when the turns are about to wait, or soon after
where they never do.  What it writes is put on its way to the disk a little at a time as well: a
sync of megabytes makes each commit wait that is synced meanwhile.

Rules:

- `with IN_GAPS:` a thread works in gaps; in C it calls `pause`, without the interpreter's lock,
  wherever it can stop for a while.  One thread of a process does: of two that wait, one would not
  hear of a gap.
- `with AT_ONCE:` somebody waits for what it does: no more pauses.
- Nor are there any once a piece of work has taken WORK_NS_MAX: it would be late for ever.
- The turns call `offer` when they are about to wait.
"""

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport read, write

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    #include <poll.h>
    #include <stdatomic.h>
    #include <stdint.h>
    #include <sys/eventfd.h>
    #include <unistd.h>

    typedef struct {
        int works;
        int64_t began, piece_began;  // ns, monotonic
        int file;                    // what was written to it since it was last put on its way:
        off_t begin, end;            // between these two
        size_t bytes;
    } Work;
    static _Thread_local Work mine;
    static atomic_int waits;         // somebody does, for a gap
    static atomic_int hurried;       // so many want the work to be done; changed with Python's lock held
    """
    ctypedef long off_t
    ctypedef struct Work:
        bint works
        int64_t began, piece_began
        int file
        off_t begin, end
        size_t bytes
    Work mine
    int waits, hurried

    enum: EFD_NONBLOCK, EFD_CLOEXEC, POLLIN, SYNC_FILE_RANGE_WRITE
    struct pollfd:
        int fd
        short events
        short revents
    int eventfd(unsigned int count, int flags) nogil
    int poll(pollfd* asked, unsigned long count, int wait_ms) nogil
    ssize_t pwrite(int file, const void* data, size_t size, off_t offset) nogil
    int sync_file_range(int file, off_t offset, off_t size, unsigned int what) nogil

cdef enum:
    PIECE_NS = 300_000          # as long as a few turns
    GAP_MS_MAX = 4              # so long a piece waits for a gap where the turns leave none
    WORK_NS_MAX = 250_000_000   # as long as the tables gather
    BEHIND_BYTES = 65_536       # a tenth of a millisecond for a disk
    PAGE_BYTES_MIN = 512        # less is no page: SQLite makes room for what its connections share,
                                # which must wait for nothing

cdef int gap = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
cdef int64_t paused = 0         # so often,
cdef int64_t found = 0          # and until a gap came
cdef int64_t sent_on = 0        # bytes that were put on their way before a sync asked for them


cdef inline int64_t now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef void offer() noexcept nogil:
    """The calling thread is about to wait: a piece may be done meanwhile."""
    cdef uint64_t one = 1
    global waits
    if waits:
        waits = 0
        write(gap, &one, sizeof(one))


cdef void pause() noexcept nogil:
    """Wait for a gap, if the piece has lasted long enough and nobody hurries."""
    cdef int64_t now
    if not mine.works or hurried:
        return
    now = now_ns()
    if now - mine.piece_began >= PIECE_NS and now - mine.began < WORK_NS_MAX:
        wait_for_gap()
        mine.piece_began = now_ns()


cdef void wait_for_gap() noexcept nogil:
    global waits, paused, found
    cdef pollfd asked
    cdef uint64_t offered
    paused += 1
    asked.fd, asked.events = gap, POLLIN
    read(gap, &offered, sizeof(offered))    # an old one
    waits = 1
    if not hurried:                         # whoever hurries from now on sees that somebody waits
        found += poll(&asked, 1, GAP_MS_MAX) > 0
    waits = 0


cdef void wrote(int file, off_t offset, size_t size) noexcept nogil:
    """Put it on its way to the disk, with what is near it, if that is enough.  An error is told by
    the next sync of the file, as of what the system writes of its own accord.
    """
    cdef off_t end = offset + <off_t>size
    if file != mine.file or not mine.bytes:
        put_on_its_way()
        mine.file, mine.begin, mine.end = file, offset, end
    mine.begin, mine.end = min(mine.begin, offset), max(mine.end, end)
    mine.bytes += size
    if mine.bytes >= BEHIND_BYTES:
        put_on_its_way()


cdef void put_on_its_way() noexcept nogil:
    global sent_on
    if mine.bytes:
        sent_on += mine.bytes
        sync_file_range(mine.file, mine.begin, mine.end - mine.begin, SYNC_FILE_RANGE_WRITE)
        mine.bytes = 0


cdef ssize_t gentle_pwrite(int file, const void* data, size_t size, off_t offset) noexcept nogil:
    cdef ssize_t done = pwrite(file, data, size, offset)
    if mine.works and done >= PAGE_BYTES_MIN:
        wrote(file, offset, <size_t>done)
        pause()
    return done


GENTLE_PWRITE = <size_t><void*>gentle_pwrite
"""Where in memory the function lies that writes like the system's `pwrite`: it pauses, if the thread
works in gaps."""


def pauses():
    """How often a thread that works in gaps paused, in this process."""
    return paused


def gaps_found():
    """How many of its pauses ended because the turns waited, or somebody hurried."""
    return found


def bytes_sent_on():
    """What such a thread wrote, and put on its way to the disk itself."""
    return sent_on


class _InGaps:
    """What the thread does within this it does in gaps."""

    def __enter__(self):
        mine.works, mine.bytes = True, 0
        mine.began = mine.piece_began = now_ns()

    def __exit__(self, *_raised):
        mine.works = False


class _AtOnce:
    """Within this whoever works in gaps goes on without pauses."""

    def __enter__(self):
        global hurried
        hurried += 1
        offer()

    def __exit__(self, *_raised):
        global hurried
        hurried -= 1


IN_GAPS = _InGaps()
AT_ONCE = _AtOnce()
