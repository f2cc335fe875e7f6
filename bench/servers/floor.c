// The floor: what the kernel and the load generator cost when the server does next to nothing. One thread, one epoll
// instance; every blank line that ends a head is answered with the same bytes, at once, and what arrives of a body is
// thrown away (it must hold no blank line). All answers to what one read brought leave in one send, as far as the
// kernel takes them. No server that parses requests can be cheaper.
//
// usage: floor PORT BODY-BYTES keep|close

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SOCKETS 65536
#define MAX_BATCH 512
#define BATCH_BYTES (128 * 1024)

static char *batch;  // as many answers in a row as are sent at one time
static size_t answer_length;
static size_t answers_in_batch;
static int closes;  // each connection with its answer

static struct {
  unsigned char matched;  // how much of "\r\n\r\n" the socket's bytes ended with
  unsigned char polled;   // whether it waits for room
  size_t owed;            // bytes of answers that the kernel has not taken yet
} clients[MAX_SOCKETS];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void compose_answers(size_t body_length) {
  char head[256];
  size_t head_length = (size_t)snprintf(head, sizeof head,
                                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                                        "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n",
                                        body_length);
  answer_length = head_length + body_length;
  answers_in_batch = answer_length < BATCH_BYTES ? BATCH_BYTES / answer_length : 1;
  if (answers_in_batch > MAX_BATCH) answers_in_batch = MAX_BATCH;
  batch = malloc(answer_length * answers_in_batch);
  if (!batch) fail("malloc");
  for (size_t i = 0; i < answers_in_batch; i++) {
    memcpy(batch + i * answer_length, head, head_length);
    memset(batch + i * answer_length + head_length, 'x', body_length);
    if (body_length == 13) memcpy(batch + i * answer_length + head_length, "Hello, world!", 13);
  }
}

static size_t count_heads(const char *data, ssize_t length, unsigned char *state) {
  size_t heads = 0;
  for (ssize_t i = 0; i < length; i++) {
    if (data[i] == "\r\n\r\n"[*state]) {
      if (++*state == 4) *state = 0, heads++;
    } else {
      *state = data[i] == '\r';
    }
  }
  return heads;
}

static int open_listener(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
  if (listen(listener, 4096) != 0) fail("listen");
  return listener;
}

static void accept_client(int poll, int listener) {
  int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
  if (client < 0) return;
  if (client >= MAX_SOCKETS) {
    close(client);
    return;
  }
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  memset(&clients[client], 0, sizeof clients[client]);
  epoll_ctl(poll, EPOLL_CTL_ADD, client, &(struct epoll_event){.events = EPOLLIN, .data.fd = client});
}

// Sends what is owed as far as the kernel takes it; the rest when there is room. False: the connection is over.
static int send_owed(int poll, int client) {
  int waiting = 0;
  while (clients[client].owed > 0) {
    size_t owed = clients[client].owed;
    size_t offset = (answer_length - owed % answer_length) % answer_length;
    size_t length = answer_length * answers_in_batch - offset;
    ssize_t sent = send(client, batch + offset, owed < length ? owed : length, MSG_NOSIGNAL);
    if (sent <= 0) {
      waiting = 1;
      break;
    }
    clients[client].owed -= (size_t)sent;
  }
  if (waiting != clients[client].polled) {
    struct epoll_event event = {.events = waiting ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = client};
    if (epoll_ctl(poll, EPOLL_CTL_MOD, client, &event) != 0) return 0;
    clients[client].polled = (unsigned char)waiting;
  }
  return waiting || !closes;
}

int main(int argc, char **argv) {
  if (argc != 4) return fputs("usage: floor PORT BODY-BYTES keep|close\n", stderr), 2;
  closes = strcmp(argv[3], "close") == 0;
  compose_answers((size_t)atol(argv[2]));

  int listener = open_listener(atoi(argv[1]));
  int poll = epoll_create1(0);
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
  static char data[65536];
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      int client = events[i].data.fd;
      if (client == listener) {
        accept_client(poll, listener);
        continue;
      }
      if (events[i].events & EPOLLIN) {
        ssize_t length = recv(client, data, sizeof data, 0);
        if (length <= 0) {
          close(client);
          continue;
        }
        clients[client].owed += count_heads(data, length, &clients[client].matched) * answer_length;
      }
      if (clients[client].owed > 0 && !send_owed(poll, client)) close(client);
    }
  }
}
