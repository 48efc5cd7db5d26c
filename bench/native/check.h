// Whether an answer is the right one: readable, to a sale of this terminal, its MAC good, its fields as
// they were sent.
#ifndef CHECK_H
#define CHECK_H
#include "fields.h"
#include "mac.h"
#include "sale.h"
#include "tally.h"
#include "terminal.h"

static inline int echoes(const plan *of, const uint8_t *answer, int field, const uint8_t *sent,
                         size_t bytes) {
  return has_field(of, field) && !memcmp(answer + of->value[field], sent, bytes);
}

// Processing code, amount, time and currency are as they were sent.
static inline int echoes_sale(const plan *of, const uint8_t *answer, const waiting_sale *one,
                              const sale *what) {
  const uint8_t *sent = what->frame + LENGTH_BYTES;
  return echoes(of, answer, 7, one->moment, MOMENT_DIGITS) && echoes(of, answer, 3, sent + what->at[3], 6) &&
         echoes(of, answer, 4, sent + what->at[4], 12) && echoes(of, answer, 49, sent + what->at[49], 3);
}

// What is wrong with it; else its sale, and its plan.
static inline error_kind check_answer(const uint8_t *answer, int length, const terminal *by, long places,
                                      const sale *what, plans *known, mac_memory *memory,
                                      waiting_sale **asked, const plan **found) {
  int field;
  const plan *of = *found = plan_of(known, answer, length, &field);
  if (!of) return UNREADABLE;
  if (memcmp(answer, "0210", MTI_BYTES)) return WRONG_MTI;
  if (mac_wanted() && (!has_field(of, 64) || !mac_good(memory, answer, of->value[64]))) return WRONG_MAC;
  if (!has_field(of, 11) || !has_field(of, 39) || !echoes(of, answer, 41, by->id, TERMINAL_BYTES))
    return WRONG_ECHO;
  int stan = digits_value(answer + of->value[11], STAN_DIGITS);
  *asked = stan > 0 ? find_waiting(by, (uint32_t)stan, places) : NULL;
  if (!*asked) return UNKNOWN;
  return echoes_sale(of, answer, *asked, what) ? NO_ERROR : WRONG_ECHO;
}
#endif
