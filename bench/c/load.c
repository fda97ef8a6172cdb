/* Load for measurements: callers of an HTTP/1.1 server on one thread and epoll, each with one
 * connection and one request at a time, that look at what they get.
 *
 *   load PORT CONNECTIONS REQUEST-FILE [name=value …]
 *
 *   seconds=S     how long new requests are begun (default 1), or
 *   requests=N    how many are begun altogether
 *   chunks=N      how many events with the time of their sending a whole answer has (default 0)
 *   cancel=N      hang up after N events, and count that as a whole answer
 *   stop=BYTES    read no more after so many bytes; goes with hold
 *   hold=S        end after this time, whatever is under way
 *   spread=S      begin the connections' first requests over this time
 *
 * An answer is right when its status is 200, it has all events, its proper end, and the words
 * `bench-end`, `[DONE]`, `message_stop` or `response.completed`. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
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
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 16384, TAIL_BYTES = 64, EVENTS = 512, STAMP_DIGITS = 19, GIVE_UP_SECONDS = 30 };
static const char *const ENDS[] = {"bench-end", "[DONE]", "message_stop", "response.completed"};

/* Where in an answer a connection is. */
enum { IN_HEAD, IN_BODY, IN_SIZE, IN_CHUNK, AFTER_CHUNK, IN_TRAILER };

typedef struct {
  int fd, is_open, is_idle;
  size_t sent;
  int64_t began;
  char head[HEAD_BYTES + 1];
  size_t head_length;
  int where, status, closes;
  size_t left;
  long stamps, bytes;
  int stamp_state;
  int64_t stamp;
  char tail[2 * TAIL_BYTES];
  size_t tail_length;
  int has_end;
} Caller;

typedef struct {
  uint32_t *values;
  size_t count, room;
} Samples;

static char *request;
static size_t request_length;
static struct sockaddr_in address;
static int poller;
static double seconds = 1, spread = 0, hold = 0;
static long most_requests = -1, chunks = 0, cancel = 0, stop = 0;
static long begun, done, wrong, hung_up, total_chunks, total_bytes, connects;
static int64_t started, ends_at;
static Samples whole_us, added_us, first_us;
static char why[512];

static int64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* In tenths of a microsecond. */
static void note(Samples *samples, int64_t ns) {
  if (samples->count == samples->room) {
    if (samples->room >= 8000000) return;
    samples->room = samples->room ? samples->room * 2 : 65536;
    samples->values = realloc(samples->values, samples->room * sizeof *samples->values);
  }
  samples->values[samples->count++] = (uint32_t)(ns < 0 ? 0 : ns / 100);
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void print_samples(const char *name, Samples *samples) {
  if (!samples->count) return;
  qsort(samples->values, samples->count, sizeof *samples->values, by_value);
  size_t last = samples->count - 1;
  printf(", \"%s\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f}", name,
         samples->values[last / 2] / 10.0, samples->values[last * 9 / 10] / 10.0,
         samples->values[last * 99 / 100] / 10.0, samples->values[last] / 10.0);
}

static int may_begin(int64_t now) {
  if (most_requests >= 0) return begun < most_requests;
  return now < ends_at;
}

static void watch(Caller *c, int wants_write) {
  struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0u), .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void hang_up(Caller *c) {
  if (c->is_open) close(c->fd);
  c->is_open = 0;
}

static void connect_caller(Caller *c) {
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (stop) {
    int small = 16384;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  }
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
    perror("load: connect");
    exit(1);
  }
  fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
  c->is_open = 1;
  connects++;
}

static void push(Caller *c) {
  while (c->sent < request_length) {
    ssize_t sent = send(c->fd, request + c->sent, request_length - c->sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) watch(c, 1);
      return; /* what broke is seen by reading */
    }
    c->sent += (size_t)sent;
    if (c->sent == request_length && request_length > 65536) watch(c, 0);
  }
}

static void begin(Caller *c, int64_t now) {
  c->is_idle = !may_begin(now);
  if (c->is_idle) {
    hang_up(c);
    return;
  }
  begun++;
  if (!c->is_open) connect_caller(c);
  c->sent = c->head_length = c->tail_length = 0;
  c->where = IN_HEAD;
  c->stamps = c->bytes = c->stamp_state = c->has_end = 0;
  c->began = now;
  push(c);
}

static void end(Caller *c, int64_t now, const char *fault) {
  if (!fault && c->status != 200) fault = "status";
  if (!fault && !cancel && chunks != c->stamps) fault = "number of events";
  if (!fault && !cancel && !c->has_end) fault = "no end";
  if (fault) {
    wrong++;
    if (!why[0]) snprintf(why, sizeof why, "%s: status %d, %ld events", fault, c->status, c->stamps);
    hang_up(c);
  } else {
    done++;
    note(&whole_us, now - c->began);
  }
  if (c->closes) hang_up(c);
  begin(c, now);
}

/* --- reading an answer ------------------------------------------------------------------ */

static void look_for_stamps(Caller *c, const char *at, size_t length, int64_t now) {
  const char *last = at + length;
  while (at < last) {
    if (c->stamp_state == 0) {
      at = memchr(at, '@', (size_t)(last - at));
      if (!at) return;
      c->stamp_state = 1;
      at++;
    } else if (c->stamp_state == 1) {
      c->stamp_state = *at == '@' ? 2 : 0;
      c->stamp = 0;
      at++;
    } else {
      c->stamp = c->stamp * 10 + (*at++ - '0');
      if (++c->stamp_state == 2 + STAMP_DIGITS) {
        c->stamp_state = 0;
        c->stamps++;
        total_chunks++;
        if (c->stamps == 1) note(&first_us, now - c->began);
        note(&added_us, now - c->stamp);
      }
    }
  }
}

static int has_any(const char *at, size_t length) {
  for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++)
    if (memmem(at, length, ENDS[i], strlen(ENDS[i]))) return 1;
  return 0;
}

static void body(Caller *c, const char *at, size_t length, int64_t now) {
  c->bytes += (long)length;
  total_bytes += (long)length;
  if (chunks || cancel || stop) look_for_stamps(c, at, length, now);
  /* An end may lie across two reads, so the last bytes of the one before are looked at too. */
  size_t joined = length < TAIL_BYTES ? length : TAIL_BYTES;
  memcpy(c->tail + c->tail_length, at, joined);
  if (!c->has_end)
    c->has_end = has_any(at, length) || has_any(c->tail, c->tail_length + joined);
  size_t kept = length < TAIL_BYTES - 1 ? length : TAIL_BYTES - 1;
  memcpy(c->tail, at + length - kept, kept);
  c->tail_length = kept;
}

static void read_head(Caller *c) {
  c->head[c->head_length] = 0;
  c->status = atoi(c->head + 9);
  char *length = strcasestr(c->head, "\r\ncontent-length:");
  c->closes = strcasestr(c->head, "\r\nconnection: close") != NULL;
  c->left = length ? strtoul(length + 17, NULL, 10) : 0;
  c->where = length ? IN_BODY : IN_SIZE;
}

/* Takes what was read; 1 when the answer is over. */
static int feed(Caller *c, const char *at, size_t length, int64_t now) {
  const char *last = at + length;
  while (at < last) {
    size_t here = (size_t)(last - at);
    if (c->where == IN_HEAD || c->where == IN_SIZE || c->where == IN_TRAILER) {
      if (c->head_length >= HEAD_BYTES) exit(1);
      c->head[c->head_length++] = *at++;
      size_t n = c->head_length;
      if (c->where == IN_HEAD) {
        if (n >= 4 && !memcmp(c->head + n - 4, "\r\n\r\n", 4)) {
          read_head(c);
          c->head_length = 0;
          if (c->where == IN_BODY && !c->left) return 1;
        }
      } else if (c->head[n - 1] == '\n') {
        c->head[n] = 0;
        c->head_length = 0;
        if (c->where == IN_TRAILER) {
          if (n <= 2) return 1;
        } else {
          c->left = strtoul(c->head, NULL, 16);
          c->where = c->left ? IN_CHUNK : IN_TRAILER;
        }
      }
    } else if (c->where == AFTER_CHUNK) {
      if (*at++ == '\n') c->where = IN_SIZE;
    } else {
      size_t taken = here < c->left ? here : c->left;
      body(c, at, taken, now);
      at += taken;
      c->left -= taken;
      if (!c->left) {
        if (c->where == IN_BODY) return 1;
        c->where = AFTER_CHUNK;
      }
    }
  }
  return 0;
}

static void readable(Caller *c) {
  static char buffer[262144];
  size_t most = sizeof buffer;
  if (stop && most > (size_t)stop) most = (size_t)stop;
  ssize_t got = read(c->fd, buffer, most);
  int64_t now = now_ns();
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    end(c, now, "cut off");
    return;
  }
  int is_over = feed(c, buffer, (size_t)got, now);
  if (cancel && c->stamps >= cancel) {
    hung_up++;
    hang_up(c);
    end(c, now, NULL);
  } else if (stop && c->bytes >= stop) {
    epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
  } else if (is_over) {
    end(c, now, NULL);
  }
}

/* --- the run ---------------------------------------------------------------------------- */

static void load_request(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) exit(2);
  fseek(file, 0, SEEK_END);
  request_length = (size_t)ftell(file);
  rewind(file);
  request = malloc(request_length);
  if (fread(request, 1, request_length, file) != request_length) exit(2);
  fclose(file);
}

static void read_options(int count, char **words) {
  for (int i = 4; i < count; i++) {
    char *value = strchr(words[i], '=');
    if (!value) exit(2);
    *value++ = 0;
    double number = atof(value);
    if (!strcmp(words[i], "seconds")) seconds = number;
    else if (!strcmp(words[i], "requests")) most_requests = (long)number;
    else if (!strcmp(words[i], "chunks")) chunks = (long)number;
    else if (!strcmp(words[i], "cancel")) cancel = (long)number;
    else if (!strcmp(words[i], "stop")) stop = (long)number;
    else if (!strcmp(words[i], "hold")) hold = number;
    else if (!strcmp(words[i], "spread")) spread = number;
    else exit(2);
  }
}

int main(int count, char **words) {
  if (count < 4) return 2;
  signal(SIGPIPE, SIG_IGN);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)atoi(words[1]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int callers = atoi(words[2]);
  load_request(words[3]);
  read_options(count, words);
  poller = epoll_create1(0);
  Caller *all = calloc((size_t)callers, sizeof *all);
  started = now_ns();
  ends_at = started + (int64_t)(seconds * 1e9);
  int64_t last_seen = started, now = started;
  int waiting = 0; /* callers that have not begun their first request */
  for (;;) {
    now = now_ns();
    while (waiting < callers && now - started >= (int64_t)(spread * 1e9 * waiting / callers))
      begin(&all[waiting++], now);
    int is_busy = waiting < callers;
    for (int i = 0; i < waiting && !is_busy; i++) is_busy = !all[i].is_idle;
    if (hold ? now - started > (int64_t)(hold * 1e9) : !is_busy) break;
    struct epoll_event events[EVENTS];
    int found = epoll_wait(poller, events, EVENTS, waiting < callers ? 1 : 100);
    for (int i = 0; i < found; i++) {
      Caller *c = events[i].data.ptr;
      if (!c->is_open) continue;
      if ((events[i].events & EPOLLOUT) && c->sent < request_length) push(c);
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
    }
    if (found) last_seen = now;
    if (!hold && now - last_seen > GIVE_UP_SECONDS * 1000000000LL) {
      snprintf(why, sizeof why, "nothing came for %d s", GIVE_UP_SECONDS);
      wrong++;
      break;
    }
    /* Slow streams are not waited for. */
    if (!hold && most_requests < 0 && now > ends_at + 10000000000LL) break;
  }
  long streaming = 0; /* that are under way and have shown events */
  for (int i = 0; i < waiting; i++) streaming += all[i].is_open && all[i].stamps > 0;
  printf("{\"seconds\": %.6f, \"streaming\": %ld, \"done\": %ld, \"wrong\": %ld, \"why\": \"%s\", \"hung_up\": %ld, "
         "\"chunks\": %ld, \"bytes\": %ld, \"connects\": %ld",
         (double)(now - started) / 1e9, streaming, done, wrong, why, hung_up, total_chunks, total_bytes,
         connects);
  print_samples("whole_us", &whole_us);
  print_samples("first_us", &first_us);
  print_samples("added_us", &added_us);
  printf("}\n");
  return 0;
}
