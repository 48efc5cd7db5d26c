// Waiting for events for less than a millisecond, also where epoll_pwait2 is missing (Linux before 5.11,
// older valgrind): there the rest of a millisecond is spent asking again.
#ifndef READY_H
#define READY_H
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

// As epoll_pwait2; `wait` NULL: for ever.
static int ready(int set, struct epoll_event *events, int most, const struct timespec *wait, const sigset_t *mask) {
  static int missing;
  if (!missing) {
    int count = epoll_pwait2(set, events, most, wait, mask);
    if (count >= 0 || errno != ENOSYS) return count;
    missing = 1;
  }
  int milliseconds = wait ? (int)(wait->tv_sec * 1000 + wait->tv_nsec / 1000000) : -1;
  return epoll_pwait(set, events, most, milliseconds, mask);
}
#endif
