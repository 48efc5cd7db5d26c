// One connection: whole messages out of what came, and what is to be sent.  Before each message stand
// two bytes, its length.
//
// All connections read into one buffer; a connection keeps only the beginning of a message whose end
// has not come, so an idle one costs next to nothing.  What is to be sent may first have to wait:
// only bytes before `ready` leave.
#ifndef STREAM_H
#define STREAM_H
#include "fields.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LENGTH_BYTES = 2, FRAME_MAX = LENGTH_BYTES + MESSAGE_MAX, READ_MAX = 65536, FIRST_ROOM = 256 };

typedef struct {
  int fd;
  int set;           // the epoll set that watches it
  uint64_t name;     // what it is called there
  uint32_t watched;  // for which events
  int deaf;          // not to be read for now
  uint8_t *rest;     // of a message that is not whole
  int rest_bytes;
  uint8_t *out;
  size_t sent, ready, queued, room;
} stream;

typedef struct {
  uint8_t bytes[FRAME_MAX + READ_MAX];
  int at, end;
} incoming;

typedef enum { STREAM_ENDED = -1, STREAM_NOTHING, STREAM_BYTES } stream_state;

static inline void *or_die(void *memory) {
  if (memory) return memory;
  static const char said[] = "out of memory\n";
  if (write(STDERR_FILENO, said, sizeof said - 1) < 0) _exit(4);
  _exit(3);
}

// Have it watched for what can be done now: reading, and sending what the kernel did not take.
static inline void stream_watch(stream *of) {
  uint32_t events = (of->deaf ? 0u : (uint32_t)EPOLLIN) | (of->sent < of->ready ? (uint32_t)EPOLLOUT : 0u);
  if (events == of->watched) return;
  struct epoll_event event = {.events = events, .data.u64 = of->name};
  epoll_ctl(of->set, EPOLL_CTL_MOD, of->fd, &event);
  of->watched = events;
}

static inline void stream_open(stream *of, int set, int fd, uint64_t name) {
  *of = (stream){.fd = fd, .set = set, .name = name, .watched = EPOLLIN};
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = name};
  epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static inline void stream_close(stream *of) {
  close(of->fd);
  free(of->rest);
  free(of->out);
  *of = (stream){.fd = -1};
}

static inline stream_state stream_read(stream *from, incoming *into) {
  if (from->rest_bytes) memcpy(into->bytes, from->rest, (size_t)from->rest_bytes);
  ssize_t got = recv(from->fd, into->bytes + from->rest_bytes, READ_MAX, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return STREAM_NOTHING;
  if (got <= 0) return STREAM_ENDED;
  into->at = 0;
  into->end = from->rest_bytes + (int)got;
  from->rest_bytes = 0;
  return STREAM_BYTES;
}

// The next whole message; NULL if there is none, with length -1 if what came can't be one.
static inline const uint8_t *next_message(incoming *from, int *length) {
  const uint8_t *frame = from->bytes + from->at;
  *length = 0;
  if (from->end - from->at < LENGTH_BYTES) return NULL;
  int stated = frame[0] << 8 | frame[1];
  if (stated > MESSAGE_MAX) {
    *length = -1;
    return NULL;
  }
  if (from->end - from->at < LENGTH_BYTES + stated) return NULL;
  from->at += LENGTH_BYTES + stated;
  *length = stated;
  return frame + LENGTH_BYTES;
}

// What is left waits for its end.
static inline void stream_keep(stream *of, const incoming *from) {
  of->rest_bytes = from->end - from->at;
  if (!of->rest_bytes) return;
  if (!of->rest) of->rest = or_die(malloc(FRAME_MAX));
  memcpy(of->rest, from->bytes + from->at, (size_t)of->rest_bytes);
}

// Room for `bytes` more to be queued.
static inline uint8_t *stream_room(stream *in, size_t bytes) {
  if (in->queued + bytes > in->room && in->sent) {
    memmove(in->out, in->out + in->sent, in->queued - in->sent);
    in->queued -= in->sent;
    in->ready -= in->sent;
    in->sent = 0;
  }
  if (in->queued + bytes > in->room) {
    in->room = in->room ? in->room : FIRST_ROOM;
    while (in->queued + bytes > in->room) in->room *= 2;
    in->out = or_die(realloc(in->out, in->room));
  }
  return in->out + in->queued;
}

// Send what is ready, as far as the kernel takes it.
static inline stream_state stream_send(stream *from) {
  while (from->sent < from->ready) {
    ssize_t took = send(from->fd, from->out + from->sent, from->ready - from->sent, MSG_NOSIGNAL);
    if (took < 0 && errno == EINTR) continue;
    if (took < 0 && errno == EAGAIN) break;
    if (took < 0) return STREAM_ENDED;
    from->sent += (size_t)took;
  }
  if (from->sent == from->queued) from->sent = from->ready = from->queued = 0;
  stream_watch(from);
  return STREAM_NOTHING;
}
#endif
