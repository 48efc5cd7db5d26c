// Decimal digits as messages hold them.
#ifndef DIGITS_H
#define DIGITS_H
#include <stdint.h>

// The number that `count` digits say; -1 if one of them is none.
static inline int digits_value(const uint8_t *digits, int count) {
  int value = 0;
  for (int i = 0; i < count; i++) {
    unsigned digit = digits[i] - (unsigned)'0';
    if (digit > 9) return -1;
    value = 10 * value + (int)digit;
  }
  return value;
}

// `value` in `count` digits, with zeros before it.
static inline void digits_put(uint8_t *place, int count, uint32_t value) {
  while (count--) {
    place[count] = (uint8_t)('0' + value % 10);
    value /= 10;
  }
}
#endif
