// ZeroMQ, PAIR over ipc. Its own threads carry the bytes, so that its receiver sleeps rather than polls.
#include <zmq.h>

#include "bench.hpp"
using namespace bench;

struct ZeroMQ : Peer {
  std::vector<char> out = std::vector<char>(bytes, 0x5a);
  void *socket;
  static std::string place() { return "bench-zeromq.ipc"; }
  static void prepare() { unlink(place().c_str()); }
  static void clean() { prepare(); }
  explicit ZeroMQ(int side) : socket(zmq_socket(zmq_ctx_new(), ZMQ_PAIR)) {
    const int mark = int(std::min<size_t>(room(), 1000));
    zmq_setsockopt(socket, ZMQ_SNDHWM, &mark, sizeof mark);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &mark, sizeof mark);
    const std::string address = "ipc://" + place();
    if (side == 0 ? zmq_bind(socket, address.c_str()) : zmq_connect(socket, address.c_str()))
      fail(zmq_strerror(zmq_errno()));
    usleep(200000);
  }
  template <class F>
  void send(size_t size, F fill) {
    fill(out.data());
    if (zmq_send(socket, out.data(), size, 0) < 0) fail("zmq_send");
  }
  template <class F>
  void receive(F see) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, socket, 0) < 0) fail("zmq_msg_recv");
    see(zmq_msg_data(&message));
    zmq_msg_close(&message);
  }
};

int main(int count, char **words) { return measure<ZeroMQ>("ZeroMQ", count, words); }
