/* Upstream for measurements: an HTTP/1.1 server on one thread and epoll that answers as the Copilot
 * API does, for next to no CPU. What it answers with is in answers.h; here is how it is sent.
 *
 *   upstream PORT [CERTIFICATE KEY]
 *
 * The model's name says how a stream is paced (see PACES). Every event of a stream carries the time
 * of its sending, CLOCK_MONOTONIC in ns, so that the load can tell what was added on the way.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#include "answers.h"

enum { HEAD_BYTES = 16384, OUT_BYTES = 8192, EVENTS = 512 };

typedef struct Connection {
  int fd;
#ifdef WITH_TLS
  SSL *tls;
#endif
  char in[HEAD_BYTES + 1];
  size_t in_length;
  size_t body_left; /* of the request that is being read */
  int is_reading_body;
  Answer answer; /* chosen when the head and the beginning of the body are there */
  /* the stream that is being sent */
  const Stream *stream;
  const Pace *pace;
  long sent_chunks;
  int64_t due;
  struct Connection *next; /* in the queue of its pace */
  int is_queued, is_dead;
  /* what the socket did not take yet */
  char out[OUT_BYTES];
  size_t out_length, out_offset;
} Connection;

typedef struct {
  Connection *first, *last;
} Queue;

static int poller, timer;
static Queue queues[PACE_COUNT];

static int64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* --- bytes in and out ------------------------------------------------------------------- */

static ssize_t take(Connection *c, char *into, size_t most) {
#ifdef WITH_TLS
  if (c->tls) {
    ERR_clear_error();
    int got = SSL_read(c->tls, into, (int)most);
    if (got > 0) return got;
    int why = SSL_get_error(c->tls, got);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
      errno = EAGAIN;
      return -1;
    }
    return 0;
  }
#endif
  return read(c->fd, into, most);
}

static ssize_t give(Connection *c, const char *from, size_t length) {
#ifdef WITH_TLS
  if (c->tls) {
    ERR_clear_error();
    int sent = SSL_write(c->tls, from, (int)length);
    if (sent > 0) return sent;
    int why = SSL_get_error(c->tls, sent);
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return -1;
  }
#endif
  return send(c->fd, from, length, MSG_NOSIGNAL);
}

static int flush(Connection *c) {
  while (c->out_offset < c->out_length) {
    ssize_t sent = give(c, c->out + c->out_offset, c->out_length - c->out_offset);
    if (sent < 0) return errno == EAGAIN ? 0 : -1;
    c->out_offset += (size_t)sent;
  }
  c->out_length = c->out_offset = 0;
  return 1;
}

/* Sends, or keeps what is not taken. Called with an empty `out` only. */
static int put(Connection *c, const char *bytes, size_t length) {
  memcpy(c->out, bytes, length);
  c->out_length = length;
  c->out_offset = 0;
  return flush(c);
}

/* --- streams ---------------------------------------------------------------------------- */

static void enqueue(Connection *c) {
  Queue *queue = &queues[c->pace - PACES];
  c->next = NULL;
  c->is_queued = 1;
  if (queue->last) queue->last->next = c;
  else queue->first = c;
  queue->last = c;
}

static Connection *dequeue(Queue *queue) {
  Connection *c = queue->first;
  queue->first = c->next;
  if (!queue->first) queue->last = NULL;
  c->is_queued = 0;
  return c;
}

/* One event, framed as an HTTP chunk. */
static size_t frame(char *into, const char *event, size_t length) {
  int head = sprintf(into, "%zx\r\n", length);
  memcpy(into + head, event, length);
  memcpy(into + head + length, "\r\n", 2);
  return (size_t)head + length + 2;
}

static int send_next(Connection *c) {
  char event[EVENT_BYTES], framed[EVENT_BYTES + 32];
  if (c->sent_chunks < c->pace->chunks) {
    size_t length = event_of(c->stream, event, c->sent_chunks++, now_ns());
    return put(c, framed, frame(framed, event, length));
  }
  size_t length = frame(framed, c->stream->tail, strlen(c->stream->tail));
  memcpy(framed + length, "0\r\n\r\n", 5);
  c->stream = NULL;
  return put(c, framed, length + 5);
}

static void start_stream(Connection *c, const Stream *stream, const Pace *pace) {
  char framed[OUT_BYTES];
  size_t length = (size_t)sprintf(framed, "%s", STREAM_HEAD);
  length += frame(framed + length, stream->opening, strlen(stream->opening));
  c->stream = stream;
  c->pace = pace;
  c->sent_chunks = 0;
  c->due = now_ns() + pace->ns;
  if (put(c, framed, length) < 0) c->is_dead = 1;
  else enqueue(c);
}

/* --- requests --------------------------------------------------------------------------- */

static void answer(Connection *c) {
  const Answer *chosen = &c->answer;
  char whole[OUT_BYTES];
  if (chosen->stream && chosen->pace) {
    start_stream(c, chosen->stream, chosen->pace);
    return;
  }
  size_t length = strlen(chosen->body);
  int head = sprintf(whole, WHOLE_HEAD, chosen->status, length);
  memcpy(whole + head, chosen->body, length);
  if (put(c, whole, (size_t)head + length) < 0) c->is_dead = 1;
}

/* Looks at what was read; 0 when more has to come. The body's beginning names the model. */
static int parse(Connection *c) {
  if (c->is_reading_body) return 1;
  c->in[c->in_length] = 0;
  char *end = strstr(c->in, "\r\n\r\n");
  if (!end) {
    if (c->in_length >= HEAD_BYTES) c->is_dead = 1;
    return 0;
  }
  size_t head = (size_t)(end - c->in) + 4, body = 0;
  char *said = strcasestr(c->in, "\r\ncontent-length:");
  if (said && said < end) body = strtoul(said + 17, NULL, 10);
  size_t here = c->in_length - head;
  /* The model stands within the first bytes of every body the load sends. */
  if (here < body && here < NAMING_BYTES) return 0;
  c->answer = choose(c->in, c->in + head);
  c->is_reading_body = 1;
  c->body_left = body > here ? body - here : 0;
  c->in_length = 0;
  return 1;
}

static void readable(Connection *c) {
  static char drain[262144];
  while (!c->is_dead) {
    ssize_t got;
    if (c->is_reading_body && c->body_left) {
      got = take(c, drain, c->body_left < sizeof drain ? c->body_left : sizeof drain);
      if (got > 0) c->body_left -= (size_t)got;
    } else {
      got = take(c, c->in + c->in_length, HEAD_BYTES - c->in_length);
      if (got > 0) c->in_length += (size_t)got;
    }
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      c->is_dead = 1;
      return;
    }
    if (!parse(c)) continue;
    if (c->is_reading_body && !c->body_left) {
      /* Nobody sends the next request before the answer, so there is no more to read. */
      c->is_reading_body = 0;
      answer(c);
      return;
    }
  }
}

static void bury(Connection *c) {
#ifdef WITH_TLS
  if (c->tls) SSL_free(c->tls);
#endif
  close(c->fd);
  free(c);
}

/* --- the loop --------------------------------------------------------------------------- */

static int is_due(Connection *c) { return c->is_dead || c->due <= now_ns(); }

/* The next event of a stream that is due; a caller that does not read gets nothing until it does. */
static void serve(Connection *c) {
  int room = c->is_dead ? -1 : c->out_length ? flush(c) : 1;
  if (room > 0) room = send_next(c);
  if (room < 0) {
    bury(c);
  } else if (c->stream) {
    int64_t now = now_ns();
    c->due += c->pace->ns;
    if (c->due < now) c->due = now + (c->pace->ns ? c->pace->ns : room ? 0 : 1000000);
    enqueue(c);
  }
}

/* Sends what is due; the time until the next is due, -1: nothing waits. */
static int64_t run_queues(void) {
  int64_t soonest = -1;
  for (size_t i = 0; i < PACE_COUNT; i++) {
    Queue *queue = &queues[i];
    Connection *last = queue->last; /* each at most once a turn */
    int is_last = !last;
    while (!is_last && is_due(queue->first)) {
      Connection *c = dequeue(queue);
      is_last = c == last;
      serve(c);
    }
    if (!queue->first) continue;
    int64_t wait = queue->first->is_dead ? 0 : queue->first->due - now_ns();
    if (wait < 0) wait = 0;
    if (soonest < 0 || wait < soonest) soonest = wait;
  }
  return soonest;
}

static void set_timer(int64_t ns) {
  struct itimerspec at = {{0, 0}, {ns / 1000000000, ns % 1000000000}};
  timerfd_settime(timer, 0, &at, NULL);
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096)) {
    perror("upstream");
    exit(1);
  }
  return fd;
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  if (count < 2) return 2;
  prepare_token(atoi(words[1]));
  int listener = listen_on(atoi(words[1]));
#ifdef WITH_TLS
  SSL_CTX *context = NULL;
  if (count == 4) {
    context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_certificate_chain_file(context, words[2]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, words[3], SSL_FILETYPE_PEM) != 1)
      return 3;
  }
#endif
  poller = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event listening = {.events = EPOLLIN, .data.ptr = &poller};
  struct epoll_event timing = {.events = EPOLLIN, .data.ptr = &timer};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening);
  epoll_ctl(poller, EPOLL_CTL_ADD, timer, &timing);
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[EVENTS];
    int64_t wait = run_queues();
    if (wait > 0) set_timer(wait);
    int found = epoll_wait(poller, events, EVENTS, wait == 0 ? 0 : -1);
    for (int i = 0; i < found; i++) {
      if (events[i].data.ptr == &timer) {
        uint64_t ticks;
        if (read(timer, &ticks, sizeof ticks) < 0) continue;
      } else if (events[i].data.ptr == &poller) {
        int fd, on = 1;
        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          Connection *c = calloc(1, sizeof *c);
          c->fd = fd;
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef WITH_TLS
          if (context) {
            c->tls = SSL_new(context);
            SSL_set_fd(c->tls, fd);
            SSL_set_accept_state(c->tls);
          }
#endif
          struct epoll_event both = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                     .data.ptr = c};
          epoll_ctl(poller, EPOLL_CTL_ADD, fd, &both);
        }
      } else {
        Connection *c = events[i].data.ptr;
        if (c->is_dead) continue;
        if (c->out_length && !c->stream && flush(c) < 0) c->is_dead = 1;
        if (!c->is_dead && (events[i].events & ~(uint32_t)EPOLLOUT)) readable(c);
        if (c->is_dead && !c->is_queued) bury(c);
      }
    }
  }
}
