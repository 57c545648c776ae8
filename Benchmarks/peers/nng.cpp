// nng, pair0 over ipc. Its own threads carry the bytes, so that its receiver sleeps rather than polls.
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include "bench.hpp"
using namespace bench;

struct Nng : Peer {
  std::vector<char> out = std::vector<char>(bytes, 0x5a);
  nng_socket socket;
  static constexpr const char *place = "bench-nng.ipc";
  static void prepare() { unlink(place); }
  static void clean() { unlink(place); }
  static void check(int code) {
    if (code != 0) fail(nng_strerror(code));
  }
  explicit Nng(int side) {
    check(nng_pair0_open(&socket));
    nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0);
    nng_socket_set_int(socket, NNG_OPT_SENDBUF, 128);
    nng_socket_set_int(socket, NNG_OPT_RECVBUF, 128);
    const std::string address = std::string("ipc://") + place;
    if (side == 1) usleep(100000);
    check(side == 0 ? nng_listen(socket, address.c_str(), nullptr, 0)
                    : nng_dial(socket, address.c_str(), nullptr, 0));
    usleep(200000);
  }
  template <class F>
  void send(size_t size, F fill) {
    fill(out.data());
    check(nng_send(socket, out.data(), size, 0));
  }
  template <class F>
  void receive(F see) {
    nng_msg *message;
    check(nng_recvmsg(socket, &message, 0));
    see(nng_msg_body(message));
    nng_msg_free(message);
  }
};

int main(int count, char **words) { return measure<Nng>("nng", count, words); }
