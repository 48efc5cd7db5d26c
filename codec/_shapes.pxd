# Shapes: what frames with the same bitmaps have in common, remembered so that the next is read fast.
#
# Nearly all frames of a dialect have one of a few bitmaps.  Which fields follow, what each of them
# must be and how many bytes the fixed ones take is the same for all of these: a shape says it in a
# row.  It only ever recognises a frame in which everything is in order; any other one is walked
# with care, by the code that can tell what is wrong with it.

from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memcmp, memcpy

from codec._layout cimport (
    ALL_ASCII, ALL_DIGITS, BITMAP_BYTES_MAX, DIGITS, FIELD_LIMIT, FIXED, SHAPE_FIELDS_MAX, TEXT, Layout, Part, Rule, Shape,
    Shapes,
)
from codec._text cimport bits_set, leading_zeros


cdef inline Shape* place_of(Shapes* known, const Layout* layout,
                            const uint8_t* bitmap) noexcept nogil:
    """Where the shape of frames whose first bitmap is this one stands, if it is known."""
    cdef uint64_t bits, more
    memcpy(&bits, bitmap, sizeof(bits))
    if layout.bitmap_bytes == 2 * sizeof(bits):
        memcpy(&more, bitmap + sizeof(bits), sizeof(more))
        bits ^= more << 1
    return &known.shapes[(bits * <uint64_t>0x9E3779B97F4A7C15) >> 60]


cdef inline Shape* shape_of(Shapes* known, const Layout* layout, const uint8_t* bitmaps,
                            Py_ssize_t left) noexcept nogil:
    """The shape of a frame whose bitmaps begin here, with so many bytes left; NULL if unknown."""
    cdef Shape* shape
    if left < layout.bitmap_bytes:
        return NULL
    shape = place_of(known, layout, bitmaps)
    if shape.size == 0 or shape.size > left or memcmp(shape.bitmaps, bitmaps, shape.size) != 0:
        return NULL
    return shape


cdef inline void remember(Shapes* known, const Layout* layout, const uint8_t* bitmaps,
                          Py_ssize_t size, const uint64_t* present, int words) noexcept nogil:
    """Frames with these bitmaps have these fields; what stood in that place is forgotten."""
    cdef Shape* shape = place_of(known, layout, bitmaps)
    cdef Part* part
    cdef uint64_t bits
    cdef int word, lead, count = 0
    for word in range(words):
        count += bits_set(present[word])
    if count > SHAPE_FIELDS_MAX or size > BITMAP_BYTES_MAX:
        return
    shape.size, shape.count = size, count
    memcpy(shape.bitmaps, bitmaps, size)
    memcpy(shape.present, present, words * sizeof(uint64_t))
    part = shape.parts
    for word in range(words):
        bits = present[word]
        while bits:
            lead = leading_zeros(bits)
            bits ^= <uint64_t>1 << (63 - lead)
            part.de = <uint8_t>(word * 64 + lead + 1)
            part.rule = &layout.rules[part.de]
            part.fixed = part.rule.length_form == FIXED
            part.units = part.rule.maximum
            part.bytes = part.units if part.rule.content < DIGITS else (part.units + 1) >> 1
            part.asks = 0
            if part.rule.content == DIGITS:
                part.asks = ALL_DIGITS
            elif part.rule.content == TEXT and part.rule.charset.seven_bit:
                part.asks = ALL_ASCII
            part += 1
