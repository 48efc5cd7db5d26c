// TCP sockets: a listener, connections to it, as many of them as the system allows.
#ifndef SOCKETS_H
#define SOCKETS_H
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  struct sockaddr_storage bytes;
  socklen_t length;
} address;

// NULL, or why that name is no address.
static inline const char *address_of(const char *host, long port, address *into) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
  char digits[16];
  snprintf(digits, sizeof digits, "%ld", port);
  int failed = getaddrinfo(host, digits, &hints, &found);
  if (failed) return gai_strerror(failed);
  memcpy(&into->bytes, found->ai_addr, found->ai_addrlen);
  into->length = found->ai_addrlen;
  freeaddrinfo(found);
  return NULL;
}

// How many descriptors this process may have, after asking for `wanted`.
static inline long raise_descriptors(long wanted) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < (rlim_t)wanted) {
    limit.rlim_cur = limit.rlim_max < (rlim_t)wanted ? limit.rlim_max : (rlim_t)wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  return (long)limit.rlim_cur;
}

static inline void without_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// A listener that never blocks; -1: errno says why not.
static inline int listen_at(const address *at) {
  int fd = socket(at->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!bind(fd, (const struct sockaddr *)&at->bytes, at->length) && !listen(fd, SOMAXCONN)) return fd;
  close(fd);
  return -1;
}

// A connection that blocks only while it is made; -1: errno says why not.
static inline int connect_to(const address *to) {
  int fd = socket(to->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (const struct sockaddr *)&to->bytes, to->length)) {
    close(fd);
    return -1;
  }
  without_delay(fd);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}
#endif
