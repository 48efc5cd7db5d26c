// Time that only goes forward, in nanoseconds; waiting for sockets to a fraction of a millisecond.
#ifndef CLOCK_H
#define CLOCK_H
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#define SECOND_NS 1000000000ull
#define MILLISECOND_NS 1000000ull
#define FOR_EVER UINT64_MAX

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

// How many of `set` are ready, at once or within `wait`; signals of `mask` come only after it.
// Where the kernel (before 5.11) or an older valgrind lacks epoll_pwait2, the rest of a millisecond
// is spent asking again.
static inline int wait_ready(int set, struct epoll_event *ready, int most, uint64_t wait,
                             const sigset_t *mask) {
  static int whole_milliseconds_only;
  if (!whole_milliseconds_only) {
    struct timespec time = {(time_t)(wait / SECOND_NS), (long)(wait % SECOND_NS)};
    int count = epoll_pwait2(set, ready, most, wait == FOR_EVER ? NULL : &time, mask);
    if (count >= 0 || errno != ENOSYS) return count;
    whole_milliseconds_only = 1;
  }
  return epoll_pwait(set, ready, most, wait == FOR_EVER ? -1 : (int)(wait / MILLISECOND_NS), mask);
}
#endif
