// What the host answers: an approval of every request that it can read, with the request's own fields
// in it.
//
// Requests of one kind get answers of one kind, so how an answer is put together is worked out once, as
// a recipe: runs of the request to copy, and what comes between them.
#ifndef ANSWER_H
#define ANSWER_H
#include "fields.h"
#include "mac.h"
#include <stdint.h>
#include <string.h>

enum { RRN_BYTES = 12, STAN_BYTES = 6, CODE_BYTES = 2, RECIPES = 8, ANSWER_MAX = MESSAGE_MAX + 64 };

typedef enum { COPY, CODE, RRN, APPROVAL, SIGNATURE } step_kind;

typedef struct {
  step_kind kind;
  int from, bytes;  // of the request, if copied
} step;

typedef struct {
  plan request;
  uint8_t class;  // the second digit of the MTI
  int mac_field;  // 64, 128, or 0
  int bitmap_bytes;
  uint8_t bitmap[2 * BITMAP_BYTES];
  step steps[FIELDS];
  int count;
} recipe;

typedef struct {
  recipe kept[RECIPES];
  int newest;
  mac_memory requests, answers;
} kitchen;

static inline int is_financial(uint8_t class) { return class == '1' || class == '2'; }
static inline int is_network(uint8_t class) { return class == '8'; }

// Never echoed: track data, the PIN block, the request's own MAC; and what the host itself gives.
static inline int is_left_out(int field) {
  return field == 1 || field == 35 || field == 36 || field == 45 || field == 52 || field == 64 ||
         field == 128 || (field >= 37 && field <= 39);
}

static inline step_kind kind_of(const recipe *of, int field) {
  if (field == of->mac_field) return SIGNATURE;
  if (field == 39) return CODE;
  if (field == 37 && !is_network(of->class)) return RRN;
  if (field == 38 && is_financial(of->class)) return APPROVAL;
  return COPY;
}

static inline int is_answered(const recipe *of, int field) {
  return kind_of(of, field) != COPY || (has_field(&of->request, field) && !is_left_out(field));
}

static inline void add_step(recipe *to, int field) {
  const plan *request = &to->request;
  step_kind kind = kind_of(to, field);
  step *last = to->count ? &to->steps[to->count - 1] : NULL;
  if (kind != COPY) {
    to->steps[to->count++] = (step){.kind = kind};
  } else if (last && last->kind == COPY && last->from + last->bytes == request->start[field]) {
    last->bytes += request->end[field] - request->start[field];
  } else {
    to->steps[to->count++] = (step){COPY, request->start[field], request->end[field] - request->start[field]};
  }
}

static inline void put_bits(uint64_t bits, uint8_t *digits) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(bits >> (56 - 8 * i));
  put_hex(bytes, 8, digits);
}

static inline void write_recipe(recipe *into) {
  uint64_t present[2] = {0};
  into->count = 0;
  for (int field = 2; field <= FIELDS; field++) {
    if (!is_answered(into, field)) continue;
    present[field > 64] |= field_bit(field);
    add_step(into, field);
  }
  if (present[1]) present[0] |= field_bit(1);
  into->bitmap_bytes = present[1] ? 2 * BITMAP_BYTES : BITMAP_BYTES;
  put_bits(present[0], into->bitmap);
  put_bits(present[1], into->bitmap + BITMAP_BYTES);
}

// The recipe for a request; NULL, and why there is none.
static inline const recipe *recipe_for(kitchen *in, const uint8_t *request, int length, const char **why) {
  for (int i = 0; i < RECIPES; i++) {
    const recipe *each = &in->kept[(in->newest + RECIPES - i) % RECIPES];
    if (plan_fits(&each->request, request, length) && each->class == request[1]) return each;
  }
  recipe *oldest = &in->kept[(in->newest + 1) % RECIPES];
  *why = "its bitmap or its fields can't be read";
  if (read_plan(request, length, &oldest->request)) return NULL;
  oldest->class = request[1];
  oldest->mac_field = 0;
  if (mac_wanted() && !is_network(oldest->class)) {
    oldest->mac_field = oldest->request.present[1] & ~field_bit(128) ? 128 : 64;
    *why = "it has no MAC";
    if (!has_field(&oldest->request, oldest->mac_field)) {
      oldest->request.length = 0;
      return NULL;
    }
  }
  write_recipe(oldest);
  in->newest = (in->newest + 1) % RECIPES;
  return oldest;
}

// A request or an advice of a class that there is.
static inline int is_asked(const uint8_t *mti) {
  return mti[0] == '0' && mti[1] >= '1' && mti[1] <= '8' && (mti[2] == '0' || mti[2] == '2');
}

// How to answer; NULL: no answer, and why.
static inline const recipe *understood(kitchen *in, const uint8_t *request, int length, const char **why) {
  *why = "it is no request";
  if (length < MTI_BYTES || !is_asked(request)) return NULL;
  const recipe *how = recipe_for(in, request, length, why);
  if (!how || !how->mac_field) return how;
  *why = "its MAC is wrong";
  return mac_good(&in->requests, request, how->request.value[how->mac_field]) ? how : NULL;
}

static inline void put_stan(const recipe *how, const uint8_t *request, uint8_t *place) {
  if (has_field(&how->request, 11)) memcpy(place, request + how->request.value[11], STAN_BYTES);
  else memset(place, '0', STAN_BYTES);
}

// One step; how many bytes it put.
static inline int take_step(kitchen *in, const recipe *how, const step *what, const uint8_t *request,
                            uint8_t *answer, int at) {
  uint8_t *place = answer + at;
  switch (what->kind) {
    case COPY: memcpy(place, request + what->from, (size_t)what->bytes); return what->bytes;
    case CODE: memcpy(place, "00", CODE_BYTES); return CODE_BYTES;
    case APPROVAL: put_stan(how, request, place); return STAN_BYTES;
    case SIGNATURE: mac_make(&in->answers, answer, at, place); return MAC_FIELD;
    case RRN: break;
  }
  memcpy(place, "HOST00", RRN_BYTES - STAN_BYTES);
  put_stan(how, request, place + RRN_BYTES - STAN_BYTES);
  return RRN_BYTES;
}

// The answer, of at most ANSWER_MAX bytes; its length.  `rrn` becomes its DE 37, or NULL.
static inline int put_answer(kitchen *in, const recipe *how, const uint8_t *request, uint8_t *answer,
                             const uint8_t **rrn) {
  memcpy(answer, request, MTI_BYTES);
  answer[2]++;      // a request's answer, an advice's answer
  answer[3] = '0';  // the repeat of a request is answered like the request
  memcpy(answer + MTI_BYTES, how->bitmap, (size_t)how->bitmap_bytes);
  int at = MTI_BYTES + how->bitmap_bytes;
  *rrn = NULL;
  for (int i = 0; i < how->count; i++) {
    if (how->steps[i].kind == RRN) *rrn = answer + at;
    at += take_step(in, how, &how->steps[i], request, answer, at);
  }
  return at;
}
#endif
