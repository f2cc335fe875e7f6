// The floor: what the kernel and the load generator cost when the server does next to nothing. One thread, one epoll
// instance; every blank line that ends a head (so no request may have a body) is answered with the same bytes, and all
// answers to what one read brought leave in one send. No server that parses requests can be cheaper.
//
// usage: floor PORT

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

static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nHello, world!";
enum { RESPONSE_LENGTH = sizeof response - 1 };

static char batch[MAX_BATCH * RESPONSE_LENGTH];
static unsigned char matched[MAX_SOCKETS];  // how much of "\r\n\r\n" each socket's bytes ended with

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int count_heads(const char *data, ssize_t length, unsigned char *state) {
  int heads = 0;
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
  if (listen(listener, 511) != 0) fail("listen");
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
  matched[client] = 0;
  epoll_ctl(poll, EPOLL_CTL_ADD, client, &(struct epoll_event){.events = EPOLLIN, .data.fd = client});
}

// A client that pipelines more than fits its socket's buffer is closed: the harness sees that as a failed run.
static void answer(int client) {
  static char data[65536];
  ssize_t length = recv(client, data, sizeof data, 0);
  int heads = length > 0 ? count_heads(data, length, &matched[client]) : 0;
  ssize_t wanted = (ssize_t)heads * RESPONSE_LENGTH;
  if (length <= 0 || heads > MAX_BATCH || (heads > 0 && send(client, batch, (size_t)wanted, MSG_NOSIGNAL) != wanted)) {
    close(client);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return fputs("usage: floor PORT\n", stderr), 2;
  for (int i = 0; i < MAX_BATCH; i++) memcpy(batch + i * RESPONSE_LENGTH, response, RESPONSE_LENGTH);

  int listener = open_listener(atoi(argv[1]));
  int poll = epoll_create1(0);
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.fd == listener) {
        accept_client(poll, listener);
      } else {
        answer(events[i].data.fd);
      }
    }
  }
}
