// NATS core over TCP on this host, by its text protocol; what is sent goes out in blocks of 32 KiB.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench.hpp"
using namespace bench;

struct Nats : Peer {
  std::vector<char> message = std::vector<char>(bytes, 0x5a), in = std::vector<char>(1 << 20);
  std::string out, header = "PUB bench " + std::to_string(bytes) + "\r\n";
  size_t start = 0, end = 0;
  int connection = socket(AF_INET, SOCK_STREAM, 0);

  explicit Nats(int side) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(atoi(getenv("BENCH_NATS_PORT"))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection, reinterpret_cast<sockaddr *>(&address), sizeof address)) fail("connect");
    const int on = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    out = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
    if (side == 1) out += "SUB bench 1\r\n";
    out += "PING\r\n";
    flush();
    while (line() != "PONG") {
    }
  }
  void flush() {
    for (size_t at = 0; at < out.size();) {
      const ssize_t count = ::write(connection, out.data() + at, out.size() - at);
      if (count <= 0) fail("write");
      at += size_t(count);
    }
    out.clear();
  }
  void more() {
    memmove(in.data(), in.data() + start, end - start);
    end -= start, start = 0;
    const ssize_t count = ::read(connection, in.data() + end, in.size() - end);
    if (count <= 0) fail("read");
    end += size_t(count);
  }
  std::string line() {
    void *found;
    while ((found = memmem(in.data() + start, end - start, "\r\n", 2)) == nullptr) more();
    const char *begin = in.data() + start;
    const std::string text(begin, static_cast<const char *>(found));
    start += text.size() + 2;
    return text;
  }
  template <class F>
  void send(size_t size, F fill) {
    fill(message.data());
    out += header;
    out.append(message.data(), size);
    out += "\r\n";
    if (out.size() >= 32768) flush();
  }
  template <class F>
  void receive(F see) {
    std::string text;
    while ((text = line()).compare(0, 3, "MSG") != 0) {
      if (text == "PING") out = "PONG\r\n", flush();
      if (text[0] == '-') fail(text.c_str());
    }
    while (end - start < bytes + 2) more();
    see(in.data() + start);
    start += bytes + 2;
  }
};

int main(int count, char **words) { return measure<Nats>("NATS", count, words); }
