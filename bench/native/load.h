// The load: terminals that send sales, each the next one when its answer came (closed loop), or when the
// schedule says so and one is free (open loop); their answers checked, timed and counted.
#ifndef LOAD_H
#define LOAD_H
#include "book.h"
#include "check.h"
#include "clock.h"
#include "histogram.h"
#include "schedule.h"
#include "stopping.h"
#include "terminal.h"
#include <stdio.h>

enum { EVENTS_MAX = 1024 };
#define WAIT_MOST (50 * MILLISECOND_NS)    // so that the end is not slept through
#define LOOK_EVERY (100 * MILLISECOND_NS)  // for sales to give up
#define STALLED_AFTER (2 * SECOND_NS)

typedef struct {
  long count, places;  // of terminals; of sales that each may have outstanding
  terminal *terminals;
  long connected;
  uint32_t *free;  // open loop: whose turn it is, a ring of count x places
  size_t first_free, free_count;
  schedule schedule;
  uint64_t patience;
  sale sale;
  plans plans;
  mac_memory requests, answers;
  int set;
  FILE *book;
  uint64_t begin, measure_from, end, look_at;
  uint64_t answered;
  histogram latency;
  tally tally;
} load;

static incoming load_incoming;

static inline void load_close(load *of, terminal *one) {
  of->tally.errors[CLOSED]++;
  of->connected--;
  stream_close(&one->stream);
}

// A sale whose answer came, or that nobody waits for any longer.
static inline void load_enter(load *of, const terminal *by, const waiting_sale *one, const plan *found,
                              const uint8_t *answer) {
  static const plan nothing;
  uint8_t stan[STAN_DIGITS];
  if (!of->book) return;
  if (!found) found = &nothing;
  digits_put(stan, STAN_DIGITS, one->stan);
  book_column(of->book, by->id, TERMINAL_BYTES, '\t');
  book_column(of->book, stan, STAN_DIGITS, '\t');
  book_column(of->book, one->moment, MOMENT_DIGITS, '\t');
  book_field(of->book, found, answer, 39, '\t');
  book_field(of->book, found, answer, 37, '\n');
}

static inline void load_ask(load *of, terminal *by, uint64_t due, uint64_t now) {
  terminal_ask(by, &of->sale, of->places, due, now, &of->requests);
}

static inline void load_send(load *of, terminal *one) {
  if (stream_send(&one->stream) == STREAM_ENDED) load_close(of, one);
}

// A terminal has a place again: its next sale now, or when its turn comes.
static inline void load_free(load *of, terminal *one, uint64_t now) {
  if (!is_open_loop(&of->schedule)) {
    load_ask(of, one, now, now);
    return;
  }
  size_t room = (size_t)(of->count * of->places), at = of->first_free + of->free_count++;
  of->free[at < room ? at : at - room] = (uint32_t)(one - of->terminals);
}

static inline terminal *load_take_free(load *of) {
  terminal *found = &of->terminals[of->free[of->first_free]];
  if (++of->first_free == (size_t)(of->count * of->places)) of->first_free = 0;
  of->free_count--;
  return found;
}

// All that is due, as long as there is a terminal to send it.
static inline void load_send_due(load *of) {
  uint64_t now = now_ns();
  while (of->free_count && next_due(&of->schedule) <= now) {
    terminal *one = load_take_free(of);
    if (!is_connected(one)) continue;
    load_ask(of, one, next_due(&of->schedule), now);
    of->schedule.sent++;
    load_send(of, one);
  }
}

static inline void load_answer(load *of, terminal *by, const uint8_t *answer, int length, uint64_t now) {
  const plan *found;
  waiting_sale *asked;
  error_kind wrong =
      check_answer(answer, length, by, of->places, &of->sale, &of->plans, &of->answers, &asked, &found);
  if (wrong != NO_ERROR) {
    of->tally.errors[wrong]++;
    return;
  }
  const uint8_t *code = answer + found->value[39];
  if (memcmp(code, "00", 2)) tally_refusal(&of->tally, code, (now - of->begin) / SECOND_NS);
  histogram_add(&of->latency, now - asked->due);
  load_enter(of, by, asked, found, answer);
  of->answered++;
  asked->stan = 0;
  load_free(of, by, now);
}

static inline void load_serve(load *of, terminal *one) {
  int length;
  const uint8_t *answer;
  stream_state state = stream_read(&one->stream, &load_incoming);
  if (state == STREAM_ENDED) load_close(of, one);
  if (state != STREAM_BYTES) return;
  uint64_t now = now_ns();
  while ((answer = next_message(&load_incoming, &length)))
    if (length) load_answer(of, one, answer, length, now);
  if (length < 0) {
    of->tally.errors[UNREADABLE]++;
    load_close(of, one);
    return;
  }
  stream_keep(&one->stream, &load_incoming);
  if (one->stream.queued) load_send(of, one);
}

// Give up what got no answer in time.  It counts as a latency of so long: else the figures of a system
// that loses answers would look the better the more it loses.
static inline void load_give_up(load *of, uint64_t now) {
  of->look_at = now + LOOK_EVERY;
  for (terminal *one = of->terminals; one < of->terminals + of->count; one++) {
    if (!is_connected(one)) continue;
    for (waiting_sale *each = one->waiting; each < one->waiting + of->places; each++) {
      if (!each->stan || now - each->sent <= of->patience) continue;
      of->tally.errors[TIMED_OUT]++;
      histogram_add(&of->latency, now - each->due);
      load_enter(of, one, each, NULL, NULL);
      each->stan = 0;
      load_free(of, one, now);
    }
    if (one->stream.queued) load_send(of, one);
  }
}

// Everybody's first sales; with an open loop, everybody's first place in the row.
static inline void load_begin(load *of) {
  for (long place = 0; place < of->places; place++)
    for (long i = 0; i < of->count; i++) load_free(of, &of->terminals[i], now_ns());
  for (long i = 0; i < of->count; i++)
    if (of->terminals[i].stream.queued) load_send(of, &of->terminals[i]);
}

static inline uint64_t load_wait(const load *of) {
  if (!is_open_loop(&of->schedule) || !of->free_count) return WAIT_MOST;
  uint64_t due = next_due(&of->schedule), now = now_ns();
  if (due <= now) return 0;
  return due - now < WAIT_MOST ? due - now : WAIT_MOST;
}

// One turn; the time when it is over.
static inline uint64_t load_turn(load *of, const sigset_t *mask) {
  static struct epoll_event ready[EVENTS_MAX];
  if (is_open_loop(&of->schedule)) load_send_due(of);
  int count = wait_ready(of->set, ready, EVENTS_MAX, load_wait(of), mask);
  for (int i = 0; i < count; i++) {
    terminal *one = &of->terminals[ready[i].data.u64];
    if (is_connected(one) && ready[i].events & EPOLLOUT) load_send(of, one);
    if (is_connected(one) && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) load_serve(of, one);
  }
  uint64_t now = now_ns();  // later than any sale's
  sale_stamp(&of->sale, now);
  if (now >= of->look_at) load_give_up(of, now);
  return now;
}

// What is left at the end.
typedef struct {
  uint64_t waiting, longest_wait;  // sales without an answer, or due and not even sent
} left_over;

// How long the oldest sale that was due, and found no terminal free, has waited.
static inline uint64_t load_lag(const load *of, uint64_t now) {
  uint64_t due = next_due(&of->schedule);
  return is_open_loop(&of->schedule) && now > due ? now - due : 0;
}

// Enter what is left in the book, and count it where it waited for long.
static inline left_over load_end(load *of, uint64_t now) {
  left_over left = {.longest_wait = load_lag(of, now)};
  for (long i = 0; i < of->count * of->places; i++) {
    const terminal *by = &of->terminals[i / of->places];
    const waiting_sale *each = &by->waiting[i % of->places];
    if (!each->stan) continue;
    left.waiting++;
    if (now - each->due > left.longest_wait) left.longest_wait = now - each->due;
    if (now - each->due > STALLED_AFTER) of->tally.errors[STALLED]++;
    load_enter(of, by, each, NULL, NULL);
  }
  return left;
}
#endif
