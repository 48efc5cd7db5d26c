// What went wrong, by kind; refusals by DE 39, and by the second in which they came.
#ifndef TALLY_H
#define TALLY_H
#include "digits.h"
#include <stdint.h>

typedef enum {
  NO_ERROR = -1,
  WRONG_MTI,   // no answer to a sale
  WRONG_ECHO,  // another terminal's, or a field that is not as it was sent
  UNKNOWN,     // an answer to nothing that waits: doubled, late or made up
  REFUSED,     // DE 39 is not 00
  WRONG_MAC,
  UNREADABLE,
  CLOSED,     // connections that ended
  STALLED,    // at the end without an answer for more than two seconds
  TIMED_OUT,  // given up
  ERROR_KINDS
} error_kind;

static const char *const error_names[ERROR_KINDS] = {"mti",   "mismatch", "unknown_stan", "rc",     "mac",
                                                     "parse", "closed",   "stalled_2s",   "timeout"};

enum { CODES = 100, SECONDS_COUNTED = 86400 };

typedef struct {
  uint64_t errors[ERROR_KINDS];
  uint32_t refused[CODES], refused_otherwise;  // by DE 39; those that are no number
  uint32_t refused_in[SECONDS_COUNTED];
} tally;

static inline void tally_refusal(tally *of, const uint8_t *code, uint64_t second) {
  int number = digits_value(code, 2);
  of->errors[REFUSED]++;
  if (number < 0) of->refused_otherwise++;
  else of->refused[number]++;
  if (second < SECONDS_COUNTED) of->refused_in[second]++;
}

static inline uint64_t tally_all(const tally *of) {
  uint64_t all = 0;
  for (int kind = 0; kind < ERROR_KINDS; kind++) all += of->errors[kind];
  return all;
}
#endif
