# cython: language_level=3
"""Many DES MACs at once: `codec.mac` is the door to this.

What comes or leaves in one turn is computed together: 64 messages, each under a key of its own, are
the bits of 64 words, and DES is a circuit over these (`_bitslice.h`).  Each message keeps its code
for the `verify` or `sign` that follows.  Where few come, or another cipher is needed, nothing is
done here, and these compute it themselves.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

from codec._mac cimport (
    DesEngine, MacKey, fold, hex_of, length_block, mac_field, make_place, verify,
)
from codec._secret cimport wipe_memory
from codec._wire cimport Message, Slot, slot_of

cdef extern from "_bitslice.h" nogil:
    void bitslice_prepare()
    void bitslice_turn(uint64_t* words)
    void bitslice_des(uint64_t* state, const uint64_t* key, int decipher)
    uint64_t big_endian(uint64_t word)

cdef enum:
    LANES = 64
    BLOCK = 8
    LANES_MIN = 16              # fewer messages are faster one by one
    ENCIPHER = 0
    DECIPHER = 1

# Ways in which a MAC can be computed together with others.
cdef enum:
    ALONE = 0
    FOLDED = 1                  # UnionPay, whatever the length of the key
    RETAIL = 2                  # algorithm 3 with two single keys

bitslice_prepare()

cdef struct Lane:
    const uint8_t* data
    Py_ssize_t length
    int padding


cdef class Batch:
    """Up to 64 messages whose MACs are computed together."""

    cdef int way
    cdef list messages
    cdef list keys
    cdef Lane[LANES] lanes
    cdef int count
    cdef int computed

    def __cinit__(self, int way):
        self.way = way
        self.messages, self.keys = [], []

    cdef int add(self, Message message, MacKey key, const Slot* slot) except -1:
        cdef Lane* lane = &self.lanes[self.count]
        cdef Py_ssize_t start = message.dialect.layout.header_bytes
        lane.data = message.data() + start
        lane.length = slot.start - start
        lane.padding = (<DesEngine>key.engine).padding
        self.messages.append(message)
        self.keys.append(key)
        self.count += 1
        if self.count == LANES:
            self.finish()
        return 0

    cdef int finish(self) except -1:
        """Give each message its code, and be empty again."""
        cdef uint64_t[LANES] codes
        cdef Message message
        cdef MacKey key
        cdef int i
        if self.count >= LANES_MIN:
            if self.way == FOLDED:
                self.compute_folded(codes)
            else:
                self.compute_retail(codes)
            for i in range(self.count):
                message, key = self.messages[i], self.keys[i]
                codes[i] = big_endian(codes[i])
                key.write(<const uint8_t*>&codes[i], message.code)
                message.coded_by = key
            self.computed += self.count
        self.messages, self.keys = [], []
        self.count = 0
        return 0

    cdef void load_keys(self, int part, uint64_t* planes) noexcept:
        cdef int i
        memset(planes, 0, LANES * sizeof(uint64_t))
        for i in range(self.count):
            planes[i] = (<DesEngine>(<MacKey>self.keys[i]).engine).parts[part]
        bitslice_turn(planes)

    cdef void compute_folded(self, uint64_t* codes) noexcept:
        """As `BlockEngine.compute_folded`; a single key is one of three equal parts."""
        cdef uint64_t[3][LANES] keys
        cdef uint64_t[LANES] second
        cdef uint8_t[BLOCK] folded
        cdef uint8_t[2 * BLOCK] text
        cdef int i
        memset(codes, 0, LANES * sizeof(uint64_t))
        memset(second, 0, sizeof(second))
        for i in range(3):
            self.load_keys(i, keys[i])
        for i in range(self.count):
            fold(self.lanes[i].data, self.lanes[i].length, BLOCK, folded)
            hex_of(folded, BLOCK, text)
            codes[i] = word_at(text)
            second[i] = word_at(text + BLOCK)
        bitslice_turn(codes)
        bitslice_turn(second)
        triple_des(codes, keys)
        for i in range(LANES):
            codes[i] ^= second[i]
        triple_des(codes, keys)
        bitslice_turn(codes)
        wipe_memory(keys, sizeof(keys))

    cdef void compute_retail(self, uint64_t* codes) noexcept:
        """CBC under the first key; when the longest message ends, all are finished together."""
        cdef uint64_t[LANES] first, second, text, done
        cdef uint64_t still
        cdef Py_ssize_t at, most = 0
        cdef int i
        self.load_keys(0, first)
        self.load_keys(1, second)
        memset(codes, 0, LANES * sizeof(uint64_t))
        for i in range(self.count):
            most = max(most, blocks_of(&self.lanes[i]))
        for at in range(most):
            still = 0
            memset(text, 0, sizeof(text))
            for i in range(self.count):
                if at < blocks_of(&self.lanes[i]):
                    text[i] = block_at(&self.lanes[i], at)
                    still |= <uint64_t>1 << (63 - i)
            bitslice_turn(text)
            for i in range(LANES):
                done[i] = codes[i]
                codes[i] ^= text[i]
            bitslice_des(codes, first, ENCIPHER)
            for i in range(LANES):
                codes[i] = (codes[i] & still) | (done[i] & ~still)
        bitslice_des(codes, second, DECIPHER)
        bitslice_des(codes, first, ENCIPHER)
        bitslice_turn(codes)
        wipe_memory(first, sizeof(first))
        wipe_memory(second, sizeof(second))


cdef void triple_des(uint64_t* state, uint64_t[3][LANES] keys) noexcept:
    bitslice_des(state, keys[0], ENCIPHER)
    bitslice_des(state, keys[1], DECIPHER)
    bitslice_des(state, keys[2], ENCIPHER)


cdef inline uint64_t word_at(const uint8_t* data) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, data, BLOCK)
    return big_endian(word)


cdef Py_ssize_t blocks_of(const Lane* lane) noexcept nogil:
    """How many blocks the padded data make."""
    cdef Py_ssize_t whole = lane.length // BLOCK
    if lane.length % BLOCK or lane.padding == 2 or lane.length == 0:
        whole += 1
    return whole + (lane.padding == 3)


cdef uint64_t block_at(const Lane* lane, Py_ssize_t number) noexcept nogil:
    """A block of the padded data."""
    cdef uint8_t[BLOCK] block
    cdef Py_ssize_t at = BLOCK * (number - (lane.padding == 3)), rest
    if at < 0:
        length_block(lane.length, BLOCK, block)
        return word_at(block)
    rest = lane.length - at
    if rest >= BLOCK:
        return word_at(lane.data + at)
    memset(block, 0, BLOCK)
    memcpy(block, lane.data + at, rest)
    if lane.padding == 2:
        block[rest] = 0x80
    return word_at(block)


cdef int way_of(MacKey key) noexcept:
    cdef DesEngine engine
    if not isinstance(key.engine, DesEngine):
        return ALONE
    engine = key.engine
    if engine.folds:
        return FOLDED
    return RETAIL if engine.ends_with_second and not engine.triple else ALONE


cpdef bint goes_together(MacKey key) except -1:
    """Whether MACs under this key are computed faster together than one by one."""
    return way_of(key) != ALONE


cpdef int ahead(list messages, list keys, bint to_sign) except -1:
    """Compute what `sign` will be asked for, or else `verify`, of each message with its key.

    Only their time changes.  A message that is to be signed has a place for its MAC from now on.
    Says of how many it was computed: few, or those under other keys, are not worth it.
    """
    cdef Batch folded = Batch(FOLDED), retail = Batch(RETAIL)
    cdef Message message
    cdef MacKey key
    cdef const Slot* slot
    cdef int way
    cdef Py_ssize_t i
    if len(keys) != len(messages):
        raise ValueError(f"expected {len(messages)} keys, found {len(keys)}")
    for i in range(len(messages)):
        message, key = messages[i], keys[i]
        if message is None or key is None:
            raise TypeError("expected messages and keys, found None")
        way = way_of(key)
        if way == ALONE:
            continue
        slot = slot_of(message, make_place(message) if to_sign else mac_field(message))
        if slot != NULL:
            (folded if way == FOLDED else retail).add(message, key, slot)
    folded.finish()
    retail.finish()
    return folded.computed + retail.computed


def verify_many(messages, keys):
    """What `verify` says of each message and its key, as a list; faster for many at once.

    `keys` are as many as the messages, or one `MacKey` for all.
    """
    cdef list all_messages = list(messages)
    cdef list all_keys = [keys] * len(all_messages) if isinstance(keys, MacKey) else list(keys)
    cdef Py_ssize_t i
    ahead(all_messages, all_keys, False)
    return [verify(<Message>all_messages[i], <MacKey>all_keys[i]) for i in range(len(all_messages))]
