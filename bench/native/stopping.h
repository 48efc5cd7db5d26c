// SIGTERM and SIGINT end a tool in its own time: they are let in only while it waits.
#ifndef STOPPING_H
#define STOPPING_H
#include <signal.h>

static volatile sig_atomic_t asked_to_stop;

static void ask_to_stop(int number) {
  (void)number;
  asked_to_stop = 1;
}

// From now on; `waiting` becomes the mask to wait with.
static inline void stop_when_asked(sigset_t *waiting) {
  struct sigaction action = {.sa_handler = ask_to_stop};
  sigset_t held;
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigemptyset(&held);
  sigaddset(&held, SIGTERM);
  sigaddset(&held, SIGINT);
  sigprocmask(SIG_BLOCK, &held, waiting);
  sigdelset(waiting, SIGTERM);
  sigdelset(waiting, SIGINT);
}
#endif
