// Where the fields of a message stand: ISO 8583:1987 in ASCII, its bitmap as hex digits.
//
// Messages of one kind differ in values, seldom in lengths. So a message is walked once, and its plan
// is kept; the next one has the same plan if its bitmap and its lengths stand there letter by letter.
#ifndef FIELDS_H
#define FIELDS_H
#include "digits.h"
#include <stdint.h>
#include <string.h>

enum {
  FIELDS = 128,
  MESSAGE_MAX = 4000,  // bytes
  MTI_BYTES = 4,
  BITMAP_BYTES = 16,
  STATED_MAX = 64,  // fields that state their length
  PLANS = 8
};

enum { LL = -2, LLL = -3 };  // the length stands before the value, in so many digits

static const int8_t field_sizes[FIELDS + 1] = {
    [2] = LL,         [3] = 6,           [4 ... 6] = 12,   [7] = 10,          [8 ... 10] = 8,
    [11 ... 12] = 6,  [13 ... 18] = 4,   [19 ... 24] = 3,  [25 ... 26] = 2,   [27] = 1,
    [28 ... 31] = 9,  [32 ... 35] = LL,  [36] = LLL,       [37] = 12,         [38] = 6,
    [39] = 2,         [40] = 3,          [41] = 8,         [42] = 15,         [43] = 40,
    [44 ... 45] = LL, [46 ... 48] = LLL, [49 ... 51] = 3,  [52 ... 53] = 16,  [54 ... 63] = LLL,
    [64 ... 65] = 16, [66] = 1,          [67] = 2,         [68 ... 70] = 3,   [71 ... 72] = 4,
    [73] = 6,         [74 ... 81] = 10,  [82 ... 85] = 12, [86 ... 89] = 16,  [90] = 42,
    [91] = 1,         [92] = 2,          [93] = 5,         [94] = 7,          [95] = 42,
    [96] = 16,        [97] = 17,         [98] = 25,        [99 ... 103] = LL, [104 ... 127] = LLL,
    [128] = 16};

typedef struct {
  uint16_t at;
  uint8_t digits[3], count;
} stated_length;

typedef struct {
  int length;  // of the whole message; 0: no plan yet
  int bitmap_bytes;
  uint8_t bitmap[2 * BITMAP_BYTES];
  uint64_t present[2];         // DE 1 is the first one's highest bit
  uint16_t start[FIELDS + 1];  // with the stated length before the value
  uint16_t value[FIELDS + 1];
  uint16_t end[FIELDS + 1];
  stated_length stated[STATED_MAX];
  int stated_count;
} plan;

static inline uint64_t field_bit(int field) { return 1ull << (63 - (field - 1) % 64); }

static inline int has_field(const plan *of, int field) {
  return (of->present[field > 64] & field_bit(field)) != 0;
}

static inline int hex_value(uint8_t digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  digit |= 0x20;
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

// Whether 16 hex digits stand there; the bits that they say.
static inline int bits_of(const uint8_t *digits, uint64_t *bits) {
  *bits = 0;
  for (int i = 0; i < BITMAP_BYTES; i++) {
    int value = hex_value(digits[i]);
    if (value < 0) return 0;
    *bits = *bits << 4 | (uint64_t)value;
  }
  return 1;
}

static inline int read_bitmaps(const uint8_t *message, int length, plan *into) {
  const uint8_t *bitmap = message + MTI_BYTES;
  into->bitmap_bytes = BITMAP_BYTES;
  into->present[1] = 0;
  if (length < MTI_BYTES + BITMAP_BYTES || !bits_of(bitmap, &into->present[0])) return 0;
  if (has_field(into, 1)) {
    into->bitmap_bytes = 2 * BITMAP_BYTES;
    if (length < MTI_BYTES + into->bitmap_bytes || !bits_of(bitmap + BITMAP_BYTES, &into->present[1]))
      return 0;
  }
  memcpy(into->bitmap, bitmap, (size_t)into->bitmap_bytes);
  return 1;
}

// The end of one field; -1 if its length can't be read or it does not fit.
static inline int read_field(const uint8_t *message, int length, int field, int at, plan *into) {
  int size = field_sizes[field];
  into->start[field] = (uint16_t)at;
  if (size < 0) {
    int count = -size;
    if (at + count > length || into->stated_count == STATED_MAX) return -1;
    stated_length *stated = &into->stated[into->stated_count++];
    stated->at = (uint16_t)at;
    stated->count = (uint8_t)count;
    memcpy(stated->digits, message + at, (size_t)count);
    size = digits_value(message + at, count);
    at += count;
  }
  if (size < 0 || at + size > length) return -1;
  into->value[field] = (uint16_t)at;
  into->end[field] = (uint16_t)(at + size);
  return at + size;
}

// Walk a message.  0, or the field that can't be read; 1 stands for the bitmaps, and for bytes that
// belong to no field.
static inline int read_plan(const uint8_t *message, int length, plan *into) {
  into->length = into->stated_count = 0;
  if (!read_bitmaps(message, length, into)) return 1;
  int at = MTI_BYTES + into->bitmap_bytes;
  for (int field = 2; field <= FIELDS; field++) {
    if (!has_field(into, field)) continue;
    at = read_field(message, length, field, at, into);
    if (at < 0) return field;
  }
  if (at != length) return 1;
  into->length = length;
  return 0;
}

// Whether the fields of this message stand where the plan says.
static inline int plan_fits(const plan *of, const uint8_t *message, int length) {
  if (length != of->length || memcmp(message + MTI_BYTES, of->bitmap, BITMAP_BYTES)) return 0;
  if (of->bitmap_bytes > BITMAP_BYTES &&
      memcmp(message + MTI_BYTES + BITMAP_BYTES, of->bitmap + BITMAP_BYTES, BITMAP_BYTES))
    return 0;
  for (int i = 0; i < of->stated_count; i++) {
    const stated_length *stated = &of->stated[i];
    const uint8_t *digits = message + stated->at;
    if (digits[0] != stated->digits[0] || digits[1] != stated->digits[1]) return 0;
    if (stated->count > 2 && digits[2] != stated->digits[2]) return 0;
  }
  return 1;
}

typedef struct {
  plan kept[PLANS];
  int newest;
} plans;

// The plan of a message, valid until the next call; NULL if it can't be read, and then `field` as
// read_plan says.
static inline const plan *plan_of(plans *known, const uint8_t *message, int length, int *field) {
  for (int i = 0; i < PLANS; i++) {
    const plan *each = &known->kept[(known->newest + PLANS - i) % PLANS];
    if (plan_fits(each, message, length)) return each;
  }
  plan *oldest = &known->kept[(known->newest + 1) % PLANS];
  *field = read_plan(message, length, oldest);
  if (*field) return NULL;
  known->newest = (known->newest + 1) % PLANS;
  return oldest;
}
#endif
