// Boost.Interprocess message_queue.
#include <boost/interprocess/ipc/message_queue.hpp>

#include "bench.hpp"
using namespace bench;
using boost::interprocess::message_queue;

static std::string names[2];

struct Boost : Peer {
  std::vector<char> out = std::vector<char>(bytes, 0x5a), in_ = std::vector<char>(bytes);
  message_queue source, target;
  static void prepare() {
    for (int side : {0, 1}) {
      names[side] = "bench-boost-" + std::to_string(getpid()) + "-" + std::to_string(side);
      message_queue(boost::interprocess::create_only, names[side].c_str(), std::min<size_t>(room(), 1024), bytes);
    }
  }
  static void clean() {
    for (auto &name : names) message_queue::remove(name.c_str());
  }
  explicit Boost(int side)
      : source(boost::interprocess::open_only, names[side].c_str()),
        target(boost::interprocess::open_only, names[1 - side].c_str()) {}
  template <class F>
  void send(size_t size, F fill) {
    fill(out.data());
    if (!polls()) return target.send(out.data(), size, 0);
    while (!target.try_send(out.data(), size, 0)) relax();
  }
  template <class F>
  void receive(F see) {
    message_queue::size_type size;
    unsigned priority;
    if (!polls())
      source.receive(in_.data(), in_.size(), size, priority);
    else
      while (!source.try_receive(in_.data(), in_.size(), size, priority)) relax();
    see(in_.data());
  }
};

int main(int count, char **words) { return measure<Boost>("Boost message_queue", count, words); }
