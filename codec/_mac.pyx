# cython: language_level=3
"""MACs over a frame as it lies in memory; `codec.mac` is the door to this.

An `Engine` computes one algorithm with one key: `DesEngine` and `EvpEngine` through libcrypto,
`SlowEngine` through `cryptography` where libcrypto cannot be had.  `MacKey` says how many bytes of
the result are kept and how they are written into the field.
"""

cimport cython
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from codec._libcrypto cimport DECRYPT, DES_BLOCK, ENCRYPT, Schedule, crypto
from codec._secret cimport wipe_memory
from codec._text cimport hex_digit, hex_from, hex_value, uint64_t
from codec._layout cimport BINARY, DIGITS, TEXT, Rule
from codec._wire cimport Message, Slot, slot_of

from codec import _mac_python
from codec.errors import KeyMaterialError

cdef enum:
    BLOCK_MAX = 16              # bytes of the largest cipher block
    SCRATCH_BYTES = 1024        # cipher text that nobody reads
    PRIMARY_MAC = 64
    SECONDARY_MAC = 128

cdef uint8_t[BLOCK_MAX] ZEROS
memset(ZEROS, 0, BLOCK_MAX)

cdef uint8_t[2 * 256] HEX_DIGITS                # of each byte
for _byte in range(256):
    HEX_DIGITS[2 * _byte] = hex_digit(<uint8_t>_byte >> 4)
    HEX_DIGITS[2 * _byte + 1] = hex_digit(<uint8_t>_byte & 15)


# ---- Shared steps -------------------------------------------------------------------------------

cdef inline void xor_into(uint8_t* target, const uint8_t* data, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i = 0
    cdef uint64_t word, other
    while i + 8 <= count:
        memcpy(&word, target + i, 8)
        memcpy(&other, data + i, 8)
        word ^= other
        memcpy(target + i, &word, 8)
        i += 8
    while i < count:
        target[i] ^= data[i]
        i += 1


cdef void fold(const uint8_t* data, Py_ssize_t length, Py_ssize_t block,
               uint8_t* out) noexcept nogil:
    """All blocks XORed, the last one filled with zeros."""
    cdef Py_ssize_t at = 0
    cdef uint64_t[2] sums = [0, 0], words
    while length - at >= block:
        memcpy(words, data + at, block)
        sums[0] ^= words[0]
        if block == 16:
            sums[1] ^= words[1]
        at += block
    memcpy(out, sums, block)
    xor_into(out, data + at, length - at)


cdef void hex_of(const uint8_t* raw, Py_ssize_t count, uint8_t* out) noexcept nogil:
    """Upper-case hex characters of `count` bytes."""
    cdef Py_ssize_t i
    for i in range(count):
        memcpy(out + 2 * i, HEX_DIGITS + 2 * raw[i], 2)


cdef void length_block(Py_ssize_t length, Py_ssize_t block, uint8_t* out) noexcept nogil:
    """Padding method 3 puts the number of data bits in front."""
    cdef Py_ssize_t i, bits = 8 * length
    memset(out, 0, block)
    for i in range(8):
        out[block - 1 - i] = (bits >> (8 * i)) & 0xFF


# ---- Engines ------------------------------------------------------------------------------------

cdef class Engine:
    """One algorithm with one key; `compute` writes `size` bytes.

    What is secret in an engine, the key or what a cipher made of it, is overwritten by `wipe`.
    """

    cdef void wipe(self) noexcept:
        """Overwrite all that is secret; the engine is of no use afterwards."""

    cdef int compute(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) except -1:
        raise NotImplementedError


cdef class BlockEngine(Engine):
    """What needs no more than a block cipher: UnionPay's fold and CBC MACs with paddings."""

    cdef void encipher(self, const uint8_t* block, uint8_t* out) noexcept:
        """One block."""

    cdef void chain(self, const uint8_t* data, Py_ssize_t length, uint8_t* state) noexcept:
        """CBC over whole blocks; `state` is the initial vector, then the last block."""

    cdef void finish(self, uint8_t* state) noexcept:
        """What is done to the last block."""

    cdef int compute(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) except -1:
        if self.folds:
            self.compute_folded(data, length, out)
        else:
            self.compute_chained(data, length, out)
        return 0

    cdef void compute_folded(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) noexcept:
        """The fold as hex, enciphered in two halves, the second XORed with the first's result."""
        cdef uint8_t[BLOCK_MAX] folded, first
        cdef uint8_t[2 * BLOCK_MAX] text
        fold(data, length, self.block, folded)
        hex_of(folded, self.block, text)
        self.encipher(text, first)
        xor_into(first, text + self.block, self.block)
        self.encipher(first, out)

    cdef void compute_chained(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) noexcept:
        """ISO 9797-1: the padded data in CBC, without a copy of it."""
        cdef uint8_t[BLOCK_MAX] state, last
        cdef Py_ssize_t whole = length - length % self.block, rest = length - whole
        memset(state, 0, self.block)
        if self.padding == 3:
            length_block(length, self.block, last)
            self.chain(last, self.block, state)
        self.chain(data, whole, state)
        if rest or self.padding == 2 or length == 0:
            memset(last, 0, self.block)
            memcpy(last, data + whole, rest)
            if self.padding == 2:
                last[rest] = 0x80
            self.chain(last, self.block, state)
        self.finish(state)
        memcpy(out, state, self.block)


cdef class DesEngine(BlockEngine):
    """Single and triple DES through libcrypto's own DES functions.

    `second` is the other half of the key for algorithm 3, which ends with it.
    """

    def __cinit__(self, const uint8_t[::1] key, const uint8_t[::1] second=None, bint folds=False,
                  int padding=1):
        self.size = self.block = DES_BLOCK
        self.folds = folds
        self.padding = padding
        self.triple = key.shape[0] > DES_BLOCK
        self.ends_with_second = second is not None
        set_keys(key, self.first)
        set_parts(key, self.parts)
        if second is not None:
            set_keys(second, self.second)
            self.parts[1] = word_of(&second[0])

    def __dealloc__(self):
        self.wipe()

    cdef void wipe(self) noexcept:
        wipe_memory(self.first, sizeof(self.first))
        wipe_memory(self.second, sizeof(self.second))
        wipe_memory(self.parts, sizeof(self.parts))

    cdef void encipher(self, const uint8_t* block, uint8_t* out) noexcept:
        self.run(self.first, block, out, ENCRYPT)

    cdef void run(self, Schedule* keys, const uint8_t* block, uint8_t* out, int direction) noexcept:
        if self.triple:
            crypto.des_ecb3(block, out, &keys[0], &keys[1], &keys[2], direction)
        else:
            crypto.des_ecb(block, out, &keys[0], direction)

    cdef void chain(self, const uint8_t* data, Py_ssize_t length, uint8_t* state) noexcept:
        cdef Py_ssize_t at
        if not self.triple:
            if length:
                crypto.des_cbc_cksum(data, state, length, &self.first[0], state)
            return
        for at in range(0, length, DES_BLOCK):
            xor_into(state, data + at, DES_BLOCK)
            self.encipher(state, state)

    cdef void finish(self, uint8_t* state) noexcept:
        if self.ends_with_second:
            self.run(self.second, state, state, DECRYPT)
            self.run(self.first, state, state, ENCRYPT)


cdef void set_keys(const uint8_t[::1] key, Schedule* schedules) noexcept:
    """Three schedules of a key of one, two or three parts."""
    cdef int i, parts = <int>(key.shape[0] // DES_BLOCK)
    for i in range(3):
        crypto.des_set_key(&key[DES_BLOCK * (i % parts)], &schedules[i])


cdef void set_parts(const uint8_t[::1] key, uint64_t* parts) noexcept:
    cdef int i, count = <int>(key.shape[0] // DES_BLOCK)
    for i in range(3):
        parts[i] = word_of(&key[DES_BLOCK * (i % count)])


cdef uint64_t word_of(const uint8_t* block) noexcept nogil:
    """Eight bytes as a number, the first the highest."""
    cdef uint64_t word = 0
    cdef int i
    for i in range(DES_BLOCK):
        word = word << 8 | block[i]
    return word


cdef class EvpEngine(BlockEngine):
    """AES and SM4 in CBC through EVP, one context a key.

    To begin anew costs libcrypto more than to encipher a message, so the context never does: what
    it has carried along from the message before is XORed out of the next one's first block.
    """

    cdef void* ctx
    cdef bint subkeys           # CMAC
    cdef uint8_t[BLOCK_MAX] carried
    cdef uint8_t[BLOCK_MAX] whole_key
    cdef uint8_t[BLOCK_MAX] padded_key

    def __cinit__(self, str cipher not None, const uint8_t[::1] key, bint folds=False,
                  bint subkeys=False, int padding=1):
        cdef const void* kind
        self.size = self.block = BLOCK_MAX
        self.folds = folds
        self.subkeys = subkeys
        self.padding = padding
        if cipher == "sm4":
            kind = crypto.sm4_cbc()
        elif key.shape[0] == 16:
            kind = crypto.aes_128_cbc()
        else:
            kind = crypto.aes_192_cbc() if key.shape[0] == 24 else crypto.aes_256_cbc()
        self.ctx = crypto.ctx_new()
        if self.ctx == NULL or not crypto.encrypt_init(
                self.ctx, kind, NULL, &key[0], ZEROS):
            raise RuntimeError(f"libcrypto cannot use {cipher}")
        crypto.ctx_set_padding(self.ctx, 0)
        if subkeys:
            self.encipher(ZEROS, self.whole_key)
            double_in_field(self.whole_key)
            memcpy(self.padded_key, self.whole_key, BLOCK_MAX)
            double_in_field(self.padded_key)

    def __dealloc__(self):
        self.wipe()

    cdef void wipe(self) noexcept:
        # libcrypto wipes what a context holds before it frees it.
        if self.ctx != NULL:
            crypto.ctx_free(self.ctx)
            self.ctx = NULL
        wipe_memory(self.carried, BLOCK_MAX)
        wipe_memory(self.whole_key, BLOCK_MAX)
        wipe_memory(self.padded_key, BLOCK_MAX)

    cdef void encipher(self, const uint8_t* block, uint8_t* out) noexcept:
        cdef uint8_t[BLOCK_MAX] plain
        memcpy(plain, block, BLOCK_MAX)
        self.run(plain, BLOCK_MAX, ZEROS)
        memcpy(out, self.carried, BLOCK_MAX)

    cdef void run(self, uint8_t* plain, Py_ssize_t length, const uint8_t* iv) noexcept:
        """CBC over at most SCRATCH_BYTES of whole blocks, whose first is spoiled; `carried` is the
        last one enciphered.
        """
        cdef uint8_t[SCRATCH_BYTES] scratch
        cdef int written
        xor_into(plain, iv, BLOCK_MAX)
        xor_into(plain, self.carried, BLOCK_MAX)
        crypto.encrypt_update(self.ctx, scratch, &written, plain, <int>length)
        memcpy(self.carried, scratch + length - BLOCK_MAX, BLOCK_MAX)

    cdef void chain(self, const uint8_t* data, Py_ssize_t length, uint8_t* state) noexcept:
        cdef uint8_t[SCRATCH_BYTES] plain
        cdef Py_ssize_t at = 0, count
        while at < length:
            count = min(length - at, <Py_ssize_t>SCRATCH_BYTES)
            memcpy(plain, data + at, count)
            self.run(plain, count, state)
            memcpy(state, self.carried, BLOCK_MAX)
            at += count

    cdef int compute(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) except -1:
        if not self.subkeys:
            return BlockEngine.compute(self, data, length, out)
        # RFC 4493: the last block, padded where it is not whole, is XORed with a subkey.
        cdef uint8_t[SCRATCH_BYTES] plain
        cdef Py_ssize_t before = 0, rest = length
        memset(out, 0, BLOCK_MAX)
        if length > SCRATCH_BYTES:
            before = (length - 1) // BLOCK_MAX * BLOCK_MAX
            rest = length - before
            self.chain(data, before, out)
        memcpy(plain, data + before, rest)
        if rest and rest % BLOCK_MAX == 0:
            xor_into(plain + rest - BLOCK_MAX, self.whole_key, BLOCK_MAX)
        else:
            plain[rest] = 0x80
            rest += 1
            memset(plain + rest, 0, -rest % BLOCK_MAX)
            rest += -rest % BLOCK_MAX
            xor_into(plain + rest - BLOCK_MAX, self.padded_key, BLOCK_MAX)
        self.run(plain, rest, out)
        memcpy(out, self.carried, BLOCK_MAX)
        return 0


cdef void double_in_field(uint8_t* block) noexcept nogil:
    """Multiply by x in GF(2^128), as CMAC's subkeys ask."""
    cdef uint8_t carry = block[0] >> 7
    cdef int i
    for i in range(BLOCK_MAX - 1):
        block[i] = <uint8_t>(block[i] << 1 | block[i + 1] >> 7)
    block[BLOCK_MAX - 1] = <uint8_t>(block[BLOCK_MAX - 1] << 1) ^ (0x87 if carry else 0)


cdef class SlowEngine(Engine):
    """Whatever Python function computes the MAC."""

    cdef object function

    def __cinit__(self, function, Py_ssize_t size):
        self.function = function
        self.size = size

    cdef void wipe(self) noexcept:
        self.function = None

    cdef int compute(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) except -1:
        cdef bytes code = self.function((<const char*>data)[:length])
        memcpy(out, PyBytes_AS_STRING(code), min(PyBytes_GET_SIZE(code), <Py_ssize_t>BLOCK_MAX))
        return 0


cdef class WipedEngine(Engine):
    """In the place of one that was wiped."""

    cdef int compute(self, const uint8_t* data, Py_ssize_t length, uint8_t* out) except -1:
        raise ValueError("the key was wiped")


cdef Engine WIPED = WipedEngine()


cdef Engine fast_engine(str algorithm, const uint8_t[::1] key, int padding):
    if algorithm == "cup-ecb":
        return DesEngine(key, folds=True)
    if algorithm == "x9.9":
        return DesEngine(key, padding=padding)
    if algorithm == "x9.19":
        half = key.shape[0] // 2
        return DesEngine(key[:half], key[half:], padding=padding)
    cipher = "sm4" if "sm4" in algorithm else "aes"
    return EvpEngine(cipher, key, folds=algorithm in _FOLDED, subkeys=algorithm in _WITH_SUBKEYS,
                     padding=padding)


# ---- Keys ---------------------------------------------------------------------------------------

_KEY_BYTES = {
    "cup-ecb": (8, 16, 24),
    "x9.9": (8, 16, 24),
    "x9.19": (16, 32),
    "aes-cmac": (16, 24, 32),
    "aes-cbc": (16, 24, 32),
    "cup-sm4": (16,),
    "sm4-cbc": (16,),
    "sm4-cmac": (16,),
}
_PADDINGS = (1, 2, 3)
_PADDED = frozenset({"x9.9", "x9.19", "aes-cbc", "sm4-cbc"})
_FOLDED = _AS_HEX = frozenset({"cup-ecb", "cup-sm4"})
_WITH_SUBKEYS = frozenset({"aes-cmac", "sm4-cmac"})


@cython.final
cdef class MacKey:
    """An algorithm with its key and settings; the `repr` shows no key.

    `padding` is the ISO 9797-1 method of the CBC algorithms.  `form` says what stands in the
    field's eight bytes: the code itself ("raw") or its upper-case hex characters ("hex"); `keep`
    says how many of these bytes count, the others are zero.  Acquirers differ in all three.

    The key is given as `bytes`, or better as a `codec.keys.Secret`.  What is kept of it is wiped
    when the `MacKey` is freed, or by `wipe`, after which every use is a ValueError.

    >>> MacKey("cup-ecb", bytes.fromhex("2222222222222222"))
    <MacKey cup-ecb>
    """

    def __cinit__(self, str algorithm not None, key not None, *, int padding=1, form=None,
                  Py_ssize_t keep=FIELD_BYTES, bint portable=False):
        check_settings(algorithm, len(key), padding, form, keep)
        self.algorithm = algorithm
        self.as_hex = form == "hex" or (form is None and algorithm in _AS_HEX)
        self.keep = keep
        if crypto.loaded and not portable:
            self.engine = fast_engine(algorithm, key, padding)
        else:
            self.engine = SlowEngine(*_mac_python.engine(algorithm, key, padding))

    def wipe(self):
        """Overwrite the key in memory now."""
        self.engine.wipe()
        self.engine = WIPED

    def __repr__(self):
        return f"<MacKey {self.algorithm}>"

    def __reduce__(self):
        raise TypeError("a key is not to be pickled")

    def full(self, bytes data not None):
        """The whole code over `data`, before anything is cut off."""
        cdef uint8_t[BLOCK_MAX] code
        self.engine.compute(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), code)
        return (<const char*>code)[:self.engine.size]

    def compute(self, bytes data not None):
        """The eight bytes of the MAC field over `data`."""
        cdef uint8_t[FIELD_BYTES] field
        self.fill(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), field)
        return (<const char*>field)[:FIELD_BYTES]

    cdef int fill(self, const uint8_t* data, Py_ssize_t length, uint8_t* field) except -1:
        cdef uint8_t[BLOCK_MAX] code
        self.engine.compute(data, length, code)
        self.write(code, field)
        return 0

    cdef void write(self, const uint8_t* code, uint8_t* field) noexcept:
        """What stands in the field for a code."""
        memset(field, 0, FIELD_BYTES)
        if self.as_hex:
            hex_of(code, FIELD_BYTES // 2, field)
            memset(field + self.keep, 0, FIELD_BYTES - self.keep)
        else:
            memcpy(field, code, self.keep)


def check_settings(algorithm, size, padding, form, keep):
    """Raise ValueError where they make no sense together; it never shows the key."""
    if algorithm not in _KEY_BYTES:
        known = ", ".join(_KEY_BYTES)
        raise ValueError(f"no MAC algorithm {algorithm!r}; known are {known}")
    if size not in _KEY_BYTES[algorithm]:
        sizes = " or ".join(map(str, _KEY_BYTES[algorithm]))
        raise KeyMaterialError(f"a key for {algorithm} has {sizes} bytes, found {size}")
    if padding not in (_PADDINGS if algorithm in _PADDED else _PADDINGS[:1]):
        raise ValueError(f"{algorithm} has no padding method {padding}")
    if form not in (None, "raw", "hex"):
        raise ValueError(f"form must be raw or hex, found {form!r}")
    if not 1 <= keep <= FIELD_BYTES:
        raise ValueError(f"keep must be within 1 and {FIELD_BYTES}, found {keep}")


# ---- Messages -----------------------------------------------------------------------------------

cdef int mac_field(Message message) noexcept:
    """DE 128 when there is any field from 65 on, else DE 64."""
    if message.index.present[1] or message.index.present[2]:
        return SECONDARY_MAC
    return PRIMARY_MAC


cdef int fill_over(Message message, MacKey key, const Slot* slot, uint8_t* field) except -1:
    """The MAC over everything from the MTI to the last byte before `slot`."""
    cdef Py_ssize_t start = message.dialect.layout.header_bytes
    if message.coded_by is key and key.engine is not WIPED:
        memcpy(field, message.code, FIELD_BYTES)
        return 0
    return key.fill(message.data() + start, slot.start - start, field)


cdef str NO_MAC = "0" * (2 * FIELD_BYTES)   # what stands in its place while it is made


cdef inline bint is_raw(const Rule* rule, Py_ssize_t units) noexcept:
    """Whether the field's bytes are the MAC's own."""
    return rule.content == BINARY and units == FIELD_BYTES


cdef inline bint is_text(const Rule* rule, Py_ssize_t units) noexcept:
    """Whether they are its hex digits, in ASCII."""
    return rule.content == TEXT and rule.charset.seven_bit and units == 2 * FIELD_BYTES


cdef int check_given(Message message, MacKey key) except -1:
    if message is None or key is None:
        raise TypeError("a MAC needs a message and a key")
    return 0


cdef int make_place(Message message) except -1:
    """Which field the message's MAC stands in; it is there from now on."""
    cdef int de = mac_field(message)
    cdef const Rule* rule = &message.dialect.layout.rules[de]
    cdef uint8_t* room = NULL
    if slot_of(message, de) != NULL:
        return de
    if is_raw(rule, rule.maximum) or is_text(rule, rule.maximum):
        room = message.append_room(de, rule, rule.maximum)
    if room == NULL:
        message.patch(de, NO_MAC)
    else:
        memset(room, 0x30 if rule.content == TEXT else 0, rule.maximum)
    return de


cpdef int sign(Message message, MacKey key) except -1:
    """Set the message's MAC: DE 128 when it has any field from 65 on, else DE 64."""
    cdef uint8_t[FIELD_BYTES] field
    cdef int de
    check_given(message, key)
    de = make_place(message)
    slot = slot_of(message, de)
    rule = &message.dialect.layout.rules[de]
    fill_over(message, key, slot, field)
    if is_raw(rule, slot.units):
        memcpy(message.writable() + slot.value, field, FIELD_BYTES)
    elif is_text(rule, slot.units):
        hex_of(field, FIELD_BYTES, message.writable() + slot.value)
    else:
        message.patch(de, hex_from(field, FIELD_BYTES))
    return 0


cpdef bint verify(Message message, MacKey key) except -1:
    """Whether the message's MAC is there and right; the time does not tell how much of it is."""
    cdef uint8_t[FIELD_BYTES] field
    cdef int de
    cdef const Slot* slot
    check_given(message, key)
    de = mac_field(message)
    slot = slot_of(message, de)
    if slot == NULL:
        return False
    fill_over(message, key, slot, field)
    return is_code(message, de, field)


cdef bint is_code(Message message, int de, const uint8_t* field) noexcept:
    """Whether `field` stands in the message's field `de`, which is there."""
    cdef int i, wrong = 0, high, low
    cdef const Slot* slot = slot_of(message, de)
    rule = &message.dialect.layout.rules[de]
    cdef const uint8_t* found = message.data() + slot.value
    cdef uint8_t[2 * FIELD_BYTES] text
    if is_text(rule, slot.units):
        hex_of(field, FIELD_BYTES, text)
        if not differ(found, text) | differ(found + FIELD_BYTES, text + FIELD_BYTES):
            return True                             # else its digits may be written otherwise
    if is_raw(rule, slot.units):
        return not differ(found, field)
    if rule.content < DIGITS and slot.units == 2 * FIELD_BYTES:     # half bytes are half as many
        for i in range(FIELD_BYTES):
            high = hex_value(rule.charset.decode[found[2 * i]])
            low = hex_value(rule.charset.decode[found[2 * i + 1]])
            wrong |= (high * 16 | low) ^ field[i]       # -1 stays wrong
        return wrong == 0
    return False


cdef inline uint64_t differ(const uint8_t* one, const uint8_t* other) noexcept nogil:
    """In which bits the eight bytes of a MAC's field differ; the time does not tell."""
    cdef uint64_t first, second
    memcpy(&first, one, FIELD_BYTES)
    memcpy(&second, other, FIELD_BYTES)
    return first ^ second
