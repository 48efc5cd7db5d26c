// A terminal of the load: its connection, and the sales that wait for their answers.
#ifndef TERMINAL_H
#define TERMINAL_H
#include "sale.h"
#include "stream.h"
#include <stdint.h>

typedef struct {
  uint32_t stan;  // 0: free
  uint64_t due;   // when it was to be sent: latency counts from here
  uint64_t sent;  // when it was: patience counts from here
  uint8_t moment[MOMENT_DIGITS];
} waiting_sale;

typedef struct {
  stream stream;
  uint8_t id[TERMINAL_BYTES + 1];
  uint32_t stan;
  waiting_sale *waiting;  // as many as may be outstanding
} terminal;

static inline int is_connected(const terminal *of) { return of->stream.fd >= 0; }

// The sale with that STAN; 0 finds a free place.  NULL: none.
static inline waiting_sale *find_waiting(const terminal *of, uint32_t stan, long places) {
  for (long i = 0; i < places; i++)
    if (of->waiting[i].stan == stan) return &of->waiting[i];
  return NULL;
}

// Queue a sale, if there is a place for it.
static inline int terminal_ask(terminal *of, const sale *what, long places, uint64_t due, uint64_t now,
                               mac_memory *memory) {
  waiting_sale *place = find_waiting(of, 0, places);
  if (!place) return 0;
  of->stan = of->stan % STAN_MOST + 1;
  *place = (waiting_sale){.stan = of->stan, .due = due, .sent = now};
  memcpy(place->moment, what->frame + LENGTH_BYTES + what->at[7], MOMENT_DIGITS);
  size_t bytes = sale_frame_bytes(what);
  sale_put(what, of->id, of->stan, memory, stream_room(&of->stream, bytes));
  of->stream.queued += bytes;
  of->stream.ready = of->stream.queued;
  return 1;
}
#endif
