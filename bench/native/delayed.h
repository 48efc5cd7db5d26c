// Answers that wait for their time, in its order: the delay is the same for all, so what came first
// leaves first.  The bytes wait in their connection; here stands only when, whose, and how many.
#ifndef DELAYED_H
#define DELAYED_H
#include "stream.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_WAITING = 1024 };

typedef struct {
  uint64_t due;
  int fd;
  uint32_t generation;  // a later connection with the same descriptor is another one
  uint32_t bytes;
} waiting_answer;

typedef struct {
  waiting_answer *ring;
  size_t first, count, room;  // room: a power of two
} delayed;

static inline waiting_answer *delayed_at(const delayed *of, size_t number) {
  return &of->ring[(of->first + number) & (of->room - 1)];
}

static inline void delayed_grow(delayed *these) {
  size_t room = these->room ? 2 * these->room : FIRST_WAITING;
  waiting_answer *ring = or_die(malloc(room * sizeof *ring));
  for (size_t i = 0; i < these->count; i++) ring[i] = *delayed_at(these, i);
  free(these->ring);
  *these = (delayed){.ring = ring, .count = these->count, .room = room};
}

// One more; bounded by what the connections themselves may have waiting.
static inline void delayed_add(delayed *to, waiting_answer one) {
  if (to->count == to->room) delayed_grow(to);
  *delayed_at(to, to->count++) = one;
}

// The next one whose time has come, or NULL; valid until one is added.
static inline const waiting_answer *delayed_due(delayed *of, uint64_t now) {
  if (!of->count || of->ring[of->first].due > now) return NULL;
  const waiting_answer *found = &of->ring[of->first];
  of->first = (of->first + 1) & (of->room - 1);
  of->count--;
  return found;
}
#endif
