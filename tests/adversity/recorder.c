// Preloaded into the gateway: writes down, in one global order, what it sends and what it syncs.
// A line each: sequence, kind, descriptor, and for sockets the bytes in hexadecimal.
// B: a sync began, S: it returned 0, W: a write to the journal's redo log returned, T: bytes left.
// Faults, each while the file named in the variable exists: RECORDER_FULL (the log takes no byte:
// no space), RECORDER_NO_SYNC (syncs do nothing).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long sequence;
static int out = -1;

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

static void note(char kind, int fd, const unsigned char *data, size_t size) {
  static const char digits[] = "0123456789abcdef";
  static char line[1 << 18];
  ssize_t (*plain)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  pthread_mutex_lock(&lock);
  if (out < 0) {
    const char *path = getenv("RECORDER_FILE");
    if (path) out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  int n = snprintf(line, sizeof line, "%lu %c %d ", ++sequence, kind, fd);
  for (size_t i = 0; data && i < size && n + 4 < (int)sizeof line; i++) {
    line[n++] = digits[data[i] >> 4];
    line[n++] = digits[data[i] & 15];
  }
  line[n++] = '\n';
  if (out >= 0 && plain(out, line, (size_t)n) < 0) abort();
  pthread_mutex_unlock(&lock);
}

static int synced(const char *name, int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  int log = is_log(fd);
  if (log && ordered("RECORDER_NO_SYNC")) return 0;
  if (log) note('B', fd, 0, 0);
  int result = real(fd);
  if (log && !result) note('S', fd, 0, 0);
  return result;
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }

static ssize_t placed(const char *name, int fd, const void *data, size_t size, off_t at) {
  ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, name);
  if (is_log(fd) && ordered("RECORDER_FULL")) {
    errno = ENOSPC;
    return -1;
  }
  ssize_t result = real(fd, data, size, at);
  if (result > 0 && is_log(fd)) note('W', fd, data, (size_t)result);
  return result;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return placed("pwrite", fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
  return placed("pwrite64", fd, data, size, at);
}

// Noted before it leaves: what is noted later can't have been durable by then.
ssize_t send(int fd, const void *data, size_t size, int flags) {
  ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
  note('T', fd, data, size);
  return real(fd, data, size, flags);
}
ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to,
               socklen_t length) {
  ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
      dlsym(RTLD_NEXT, "sendto");
  note('T', fd, data, size);
  return real(fd, data, size, flags, to, length);
}
