// Eclipse iceoryx (classic), untyped, in place; iox-roudi must be running.
#include <memory>

#include "bench.hpp"
#include "iceoryx_posh/popo/untyped_publisher.hpp"
#include "iceoryx_posh/popo/untyped_subscriber.hpp"
#include "iceoryx_posh/popo/wait_set.hpp"
#include "iceoryx_posh/runtime/posh_runtime.hpp"
using namespace bench;
using namespace iox;

struct Iceoryx : Peer {
  static constexpr bool copies = false;
  std::unique_ptr<popo::UntypedPublisher> publisher;
  std::unique_ptr<popo::UntypedSubscriber> subscriber;
  std::unique_ptr<popo::WaitSet<>> waiting;
  static capro::ServiceDescription service(int side) { return {"bench", side ? "b" : "a", "x"}; }

  explicit Iceoryx(int side) {
    const std::string name = "bench" + std::to_string(side) + "-" + std::to_string(getpid());
    runtime::PoshRuntime::initRuntime(capro::IdString_t(cxx::TruncateToCapacity, name.c_str()));
    if (side == 0 || work == Work::roundtrip) {
      popo::PublisherOptions options;
      if (work == Work::stream) options.subscriberTooSlowPolicy = popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
      publisher = std::make_unique<popo::UntypedPublisher>(service(side), options);
    }
    if (side == 1 || work == Work::roundtrip) {
      popo::SubscriberOptions options;
      options.queueCapacity = bytes > 4096 ? 16 : 256;
      if (work == Work::stream) options.queueFullPolicy = popo::QueueFullPolicy::BLOCK_PRODUCER;
      subscriber = std::make_unique<popo::UntypedSubscriber>(service(1 - side), options);
    }
    while (publisher && !publisher->hasSubscribers()) usleep(1000);
    while (subscriber && subscriber->getSubscriptionState() != SubscribeState::SUBSCRIBED) usleep(1000);
    if (subscriber && !polls()) {
      waiting = std::make_unique<popo::WaitSet<>>();
      waiting->attachState(*subscriber, popo::SubscriberState::HAS_DATA).or_else([](auto) { fail("attach"); });
    }
  }
  template <class F>
  void send(size_t size, F fill) {
    publisher->loan(uint32_t(size))
        .and_then([&](auto &memory) {
          fill(memory);
          publisher->publish(memory);
        })
        .or_else([](auto &) { fail("loan"); });
  }
  template <class F>
  void receive(F see) {
    for (bool found = false; !found;) {
      if (waiting) waiting->wait();
      subscriber->take().and_then([&](auto &memory) {
        see(memory);
        subscriber->release(memory);
        found = true;
      });
    }
  }
};

int main(int count, char **words) { return measure<Iceoryx>("iceoryx", count, words); }
