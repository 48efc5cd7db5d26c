// The request of a measurement: a sale of 13 fields and 152 bytes, and DE 64 behind it where there is a
// MAC.  It is made once; what differs from sale to sale is written over at its place.
#ifndef SALE_H
#define SALE_H
#include "clock.h"
#include "fields.h"
#include "mac.h"
#include "stream.h"
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { SALE_MAX = 256, STAN_DIGITS = 6, MOMENT_DIGITS = 10, TERMINAL_BYTES = 8, STAN_MOST = 999999 };

typedef struct {
  uint8_t frame[LENGTH_BYTES + SALE_MAX];
  int bytes;           // of the message
  int at[FIELDS + 1];  // where each field's value stands in the message
  uint64_t present, valid_until;
} sale;

static inline uint8_t *sale_message(sale *of) { return of->frame + LENGTH_BYTES; }

static inline void sale_field(sale *of, int field, const char *value) {
  int length = (int)strlen(value);
  uint8_t *message = sale_message(of);
  if (field_sizes[field] == LL) {
    digits_put(message + of->bytes, -LL, (uint32_t)length);
    of->bytes += -LL;
  }
  of->at[field] = of->bytes;
  of->present |= field_bit(field);
  memcpy(message + of->bytes, value, (size_t)length);
  of->bytes += length;
}

// Sales of this second bear its time: DE 7, 12 and 13.
static inline void sale_stamp(sale *of, uint64_t now) {
  if (now < of->valid_until) return;
  char text[MOMENT_DIGITS + 1];
  struct timespec wall;
  struct tm parts;
  clock_gettime(CLOCK_REALTIME, &wall);
  gmtime_r(&wall.tv_sec, &parts);
  strftime(text, sizeof text, "%m%d%H%M%S", &parts);
  memcpy(sale_message(of) + of->at[7], text, MOMENT_DIGITS);
  memcpy(sale_message(of) + of->at[12], text + 4, 6);
  memcpy(sale_message(of) + of->at[13], text, 4);
  of->valid_until = now + SECOND_NS - (uint64_t)wall.tv_nsec;
}

static inline void sale_make(sale *into, uint64_t now) {
  static const struct {
    int field;
    const char *value;
  } fields[] = {{2, "4111111111111111"},
                {3, "000000"},
                {4, "000000001000"},
                {7, "0101000000"},
                {11, "000000"},
                {12, "000000"},
                {13, "0101"},
                {22, "021"},
                {25, "00"},
                {35, "4111111111111111=30122011000000000000"},
                {41, "T0000000"},
                {42, "MERCHANT0000001"},
                {49, "840"}};
  uint8_t bitmap[sizeof into->present], *message = sale_message(into);
  *into = (sale){.bytes = MTI_BYTES + BITMAP_BYTES};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    sale_field(into, fields[i].field, fields[i].value);
  if (mac_wanted()) into->present |= field_bit(64);
  for (size_t i = 0; i < sizeof bitmap; i++) bitmap[i] = (uint8_t)(into->present >> (56 - 8 * i));
  memcpy(message, "0200", MTI_BYTES);
  put_hex(bitmap, sizeof bitmap, message + MTI_BYTES);
  into->frame[1] = (uint8_t)(into->bytes + (mac_wanted() ? MAC_FIELD : 0));
  sale_stamp(into, now);
}

static inline size_t sale_frame_bytes(const sale *of) { return LENGTH_BYTES + (size_t)of->frame[1]; }

// One sale of a terminal, with its length before it.
static inline void sale_put(const sale *of, const uint8_t *terminal, uint32_t stan, mac_memory *memory,
                            uint8_t *frame) {
  uint8_t *message = frame + LENGTH_BYTES;
  memcpy(frame, of->frame, LENGTH_BYTES + (size_t)of->bytes);
  digits_put(message + of->at[11], STAN_DIGITS, stan);
  memcpy(message + of->at[41], terminal, TERMINAL_BYTES);
  if (mac_wanted()) mac_make(memory, message, of->bytes, message + of->bytes);
}
#endif
