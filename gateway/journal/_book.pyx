# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Gathers what commits say of charges, by charge: where in their payloads it stands.

Nothing is copied, and no object of Python's is touched: it is done without the interpreter's lock.
What a payload holds is believed as far as it was looked at here: no part reaches past its row, no
row past its payload.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from codec._text cimport leading_zeros
from gateway.journal._payload cimport OPENED, OTHERS, SAME, Head, next_row

cdef enum:
    FIRST_ROOM = 64             # of charges, of steps; it grows by doubling,
    ROOM_MAX = 1 << 28          # up to twice this

cdef extern from *:
    """
    #define SCATTERS 0x9E3779B97F4A7C15ULL
    """
    uint64_t SCATTERS           # times this, the upper bits of a number depend on all of it


cdef inline uint32_t place_of(const Book* book, int64_t id) noexcept nogil:
    return <uint32_t>(<uint64_t>id * SCATTERS >> (64 - book.bits))


cdef Charge* known(const Book* book, int64_t id) noexcept nogil:
    """What is known of a charge; NULL: nothing."""
    cdef uint32_t at, mask
    if book.count == 0:
        return NULL
    at, mask = place_of(book, id), (<uint32_t>1 << book.bits) - 1
    while book.places[at] != NONE:
        if book.charges[book.places[at]].id == id:
            return &book.charges[book.places[at]]
        at = (at + 1) & mask
    return NULL


cdef int spread(Book* book, int bits) noexcept nogil:
    """Give the charges so many places."""
    cdef uint32_t at, mask = (<uint32_t>1 << bits) - 1
    cdef int32_t each
    cdef int32_t* places = <int32_t*>malloc(sizeof(int32_t) << bits)
    if places == NULL:
        return NO_MEMORY
    memset(places, 0xFF, sizeof(int32_t) << bits)
    free(book.places)
    book.places, book.bits = places, bits
    for each in range(book.count):
        at = place_of(book, book.charges[each].id)
        while places[at] != NONE:
            at = (at + 1) & mask
        places[at] = each
    return 0


cdef Charge* noted(Book* book, int64_t id) noexcept nogil:
    """The same, or a new one; NULL: no memory."""
    cdef Charge* found = known(book, id)
    cdef uint32_t at, mask
    if found != NULL:
        return found
    if book.count == book.room:
        if book.room > ROOM_MAX:
            return NULL
        book.room = 2 * book.room if book.room else FIRST_ROOM
        found = <Charge*>realloc(book.charges, book.room * sizeof(Charge))
        if found == NULL:
            book.room = book.count
            return NULL
        book.charges = found
        if spread(book, 64 - leading_zeros(2 * book.room - 1)) != 0:
            book.room = book.count
            return NULL
    found = &book.charges[book.count]
    memset(found, 0, sizeof(Charge))
    found.id = id
    found.is_open, found.first, found.last = SAME, NONE, NONE
    at, mask = place_of(book, id), (<uint32_t>1 << book.bits) - 1
    while book.places[at] != NONE:
        at = (at + 1) & mask
    book.places[at] = book.count
    book.count += 1
    return found


cdef int step(Book* book, Charge* charge, const uint8_t* said, uint32_t size) noexcept nogil:
    """It took one more."""
    cdef Step* steps
    cdef int32_t room
    if book.steps_count == book.steps_room:
        if book.steps_room > ROOM_MAX:
            return NO_MEMORY
        room = 2 * book.steps_room if book.steps_room else FIRST_ROOM
        steps = <Step*>realloc(book.steps, room * sizeof(Step))
        if steps == NULL:
            return NO_MEMORY
        book.steps, book.steps_room = steps, room
    steps = &book.steps[book.steps_count]
    steps.said.data, steps.said.size, steps.next = said, size, NONE
    if charge.last == NONE:
        charge.first = book.steps_count
    else:
        book.steps[charge.last].next = book.steps_count
    charge.last = book.steps_count
    charge.steps += size
    book.most_steps = max(book.most_steps, charge.steps)
    book.steps_count += 1
    return 0


cdef int merge(Book* book, const uint8_t* data, Py_ssize_t end) noexcept nogil:
    """All rows of a payload; 0, NO_ROW or NO_MEMORY."""
    cdef Head head
    cdef Charge* charge
    cdef const uint8_t* parts
    cdef Py_ssize_t at = 0
    cdef int found
    while True:
        parts = data + at + sizeof(Head)
        found = next_row(data, end, &at, &head)
        if found <= 0:
            return found
        if head.kind == OTHERS:
            continue
        charge = noted(book, head.id)
        if charge == NULL:
            return NO_MEMORY
        if head.kind == OPENED:
            charge.opened, charge.opened_epoch = parts, head.epoch
            memcpy(charge.sizes, head.sizes, sizeof(head.sizes))
            continue
        charge.epoch, charge.at = head.epoch, head.at
        charge.state.data, charge.state.size = parts, head.sizes[0]
        parts += head.sizes[0]
        if step(book, charge, parts, head.sizes[1]) != 0:
            return NO_MEMORY
        if head.sizes[2]:
            charge.moved.data, charge.moved.size = parts + head.sizes[1], head.sizes[2]
        if head.is_open != SAME:
            charge.is_open = head.is_open


cdef void close(Book* book) noexcept nogil:
    """It holds nothing any more."""
    free(book.charges)
    free(book.steps)
    free(book.places)
    memset(book, 0, sizeof(Book))
