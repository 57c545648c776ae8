// What the kernel carries: pipe, Unix socket (one packet a message), POSIX message queue.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>

#include "bench.hpp"
using namespace bench;

static int ends[4];
static mqd_t queues[2];

struct Buffered : Peer {
  std::vector<char> out = std::vector<char>(bytes, 0x5a), in = std::vector<char>(bytes);
};

struct Pipe : Buffered {
  int source, target;
  static void prepare() {
    if (pipe(ends) || pipe(ends + 2)) fail("pipe");
    for (int end : {ends[0], ends[2]}) fcntl(end, F_SETPIPE_SZ, 1 << 20);
  }
  explicit Pipe(int side) : source(ends[side ? 0 : 2]), target(ends[side ? 3 : 1]) {}
  template <class F>
  void send(size_t size, F fill) {
    fill(out.data());
    for (size_t at = 0; at < size;) {
      const ssize_t count = ::write(target, out.data() + at, size - at);
      if (count < 0) fail("write");
      at += size_t(count);
    }
  }
  template <class F>
  void receive(F see) {
    for (size_t at = 0; at < bytes;) {
      const ssize_t count = ::read(source, in.data() + at, bytes - at);
      if (count <= 0) fail("read");
      at += size_t(count);
    }
    see(in.data());
  }
};

struct Socket : Buffered {
  int end, flags = polls() ? MSG_DONTWAIT : 0;
  static void prepare() {
    const int size = 4 << 20;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends)) fail("socketpair");
    for (int side : {0, 1}) setsockopt(ends[side], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  }
  explicit Socket(int side) : end(ends[side]) {}
  template <class F>
  void send(size_t size, F fill) {
    fill(out.data());
    while (::send(end, out.data(), size, flags) < 0)
      if (errno != EAGAIN) fail("send");
  }
  template <class F>
  void receive(F see) {
    while (::recv(end, in.data(), bytes, flags) < 0)
      if (errno != EAGAIN) fail("recv");
    see(in.data());
  }
};

struct Messages : Buffered {
  mqd_t source, target;
  static void prepare() {
    mq_attr attributes{};
    attributes.mq_maxmsg = 10;
    attributes.mq_msgsize = long(bytes);
    for (int side : {0, 1}) {
      const std::string name = "/shmbus-bench-" + std::to_string(getpid()) + "-" + std::to_string(side);
      const int flags = O_RDWR | O_CREAT | O_EXCL | (polls() ? O_NONBLOCK : 0);
      queues[side] = mq_open(name.c_str(), flags, 0600, &attributes);
      if (queues[side] < 0) fail("mq_open");
      mq_unlink(name.c_str());
    }
  }
  explicit Messages(int side) : source(queues[side]), target(queues[1 - side]) {}
  template <class F>
  void send(size_t size, F fill) {
    fill(out.data());
    while (mq_send(target, out.data(), size, 0) < 0)
      if (errno != EAGAIN) fail("mq_send");
  }
  template <class F>
  void receive(F see) {
    while (mq_receive(source, in.data(), in.size(), nullptr) < 0)
      if (errno != EAGAIN) fail("mq_receive");
    see(in.data());
  }
};

int main(int count, char **words) {
  const std::string kind = count > 1 ? words[1] : "";
  if (kind == "pipe") return measure<Pipe>("pipe", count - 1, words + 1);
  if (kind == "socket") return measure<Socket>("Unix socket", count - 1, words + 1);
  if (kind == "mq") return measure<Messages>("POSIX mq", count - 1, words + 1);
  return 64;
}
