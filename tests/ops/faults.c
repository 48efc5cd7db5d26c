// Preloaded into a gateway: faults of the machine, each while the file named in its variable exists.
// FAULT_SLOW: a sync of the journal's redo log takes 300 ms more.  FAULT_FULL: the log takes no byte.
// FAULT_CLOCK: the wall clock is 10 s ahead; the monotonic one goes on as it was.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int ordered(const char *variable) {
  const char *path = getenv(variable);
  return path && !access(path, F_OK);
}

static int is_log(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 6) return 0;
  path[n] = 0;
  return !strcmp(path + n - 6, "-redo0") || !strcmp(path + n - 6, "-redo1");
}

static int synced(const char *name, int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  if (is_log(fd) && ordered("FAULT_SLOW")) usleep(300000);
  return real(fd);
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }

static ssize_t placed(const char *name, int fd, const void *data, size_t size, off_t at) {
  ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, name);
  if (is_log(fd) && ordered("FAULT_FULL")) {
    errno = ENOSPC;
    return -1;
  }
  return real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return placed("pwrite", fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
  return placed("pwrite64", fd, data, size, at);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (!result && clock == CLOCK_REALTIME && ordered("FAULT_CLOCK")) now->tv_sec += 10;
  return result;
}
