// The open loop: sends are due at their time, whatever became of those before.  Latency counts from
// then, so a system that stalls can't hide it by slowing the generator down.
#ifndef SCHEDULE_H
#define SCHEDULE_H
#include "clock.h"
#include <stdint.h>

typedef struct {
  double interval_ns;  // 0: closed loop, nothing is ever due
  uint64_t begin, sent;
} schedule;

static inline schedule schedule_from(uint64_t begin, double a_second) {
  return (schedule){.interval_ns = a_second > 0 ? (double)SECOND_NS / a_second : 0, .begin = begin};
}

static inline int is_open_loop(const schedule *of) { return of->interval_ns > 0; }

// When the next send is due: counted from the begin, so that no error adds up.
static inline uint64_t next_due(const schedule *of) {
  return of->begin + (uint64_t)((double)of->sent * of->interval_ns);
}

// How many sends were due by now and not made.
static inline uint64_t schedule_behind(const schedule *of, uint64_t now) {
  uint64_t due = next_due(of);
  return is_open_loop(of) && now > due ? (uint64_t)((double)(now - due) / of->interval_ns) : 0;
}
#endif
