// The work that every peer is given, and the only place that pins, times, counts and prints.
//
// A program takes: WORK BYTES BATCH SECONDS. Two processes are forked, one on each of two processors:
//
//   roundtrip   side 0 sends, side 1 sends back                          prints p50 p99 p999, nanoseconds
//   stream      side 0 sends for SECONDS, side 1 counts and adds up      prints rate, messages a second
//   wakeup      side 0 sends to a side 1 that has gone to sleep          prints p50 p99 p999, nanoseconds
//
// Every byte of every message is written by the sender and read by the receiver, and every message's
// number is checked. A line of output is: peer, work, metric, value, with tabs between.
//
// A peer is a struct derived from Peer with
//   static void prepare()                    before the fork: names, shared memory, descriptors
//   explicit P(int side)                     in its own process
//   void send(bytes, fill)                   waits for room; fill(where) writes the message
//   void receive(see)                        waits for at least one; see(where) for each
// and may have send_batch(bytes, count, fill), flush(), and static clean().
#pragma once
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench {

enum class Work { roundtrip, stream, wakeup };

inline Work work;
inline size_t bytes;
inline int batch;
inline double seconds;

// Whether to ask again and again rather than to sleep in the kernel.
inline bool polls() { return work != Work::wakeup; }

// How many messages may be on their way: a mebibyte of them, between 16 and 8,192.
inline size_t room() {
  size_t count = 8192;
  while (count > 16 && count * bytes > (bytes > 4096 ? 4u << 20 : 1u << 20)) count /= 2;
  return count;
}

[[noreturn]] inline void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  _exit(1);
}

inline uint64_t monotonic() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return uint64_t(time.tv_sec) * 1000000000u + uint64_t(time.tv_nsec);
}

#if defined(__x86_64__)
inline uint64_t ticks() {
  unsigned processor;
  return __rdtscp(&processor);
}
inline void relax() { _mm_pause(); }
#else
inline uint64_t ticks() { return monotonic(); }
inline void relax() {}
#endif

inline double nanoseconds_a_tick = 1;

inline void calibrate() {
  const uint64_t time = monotonic(), start = ticks();
  while (monotonic() - time < 20000000) {
  }
  nanoseconds_a_tick = double(monotonic() - time) / double(ticks() - start);
}

// The first two processors that this process may use: side 0's and side 1's.
inline void pin(int side) {
  cpu_set_t allowed, one;
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (int number = 0, left = side; number < CPU_SETSIZE; number++) {
    if (!CPU_ISSET(number, &allowed) || left-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(number, &one);
    if (sched_setaffinity(0, sizeof one, &one)) fail("pin");
    return;
  }
  fail("two processors are needed");
}

// Memory that both sides see.
inline void *shared(size_t size) {
  void *start = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (start == MAP_FAILED) fail("mmap");
  return start;
}

struct Peer {
  // Whether send() copies the message by itself, from memory that it lends to `fill`.
  static constexpr bool copies = true;
  static void prepare() {}
  static void clean() {}
  void flush() {}
};

struct Account {
  std::atomic<int> ready{0}, finished{0};
  std::atomic<bool> go{false};
  std::atomic<uint64_t> answered{0};
  double p50 = 0, p99 = 0, p999 = 0, rate = 0;
  uint64_t lost = 0;
};
inline Account *account;

constexpr uint64_t last = ~uint64_t(0);

inline const char *source() {
  static const std::vector<char> memory(bytes + 64, 0x5a);
  return memory.data();
}

// Writes a message with its number. A peer that copies has the other bytes in its buffer already.
inline void write_message(void *where, uint64_t number, bool copies) {
  if (!copies) memcpy(where, source(), bytes);
  memcpy(where, &number, sizeof number);
}

// Reads all bytes, and returns the number.
inline uint64_t read_message(const void *where) {
  uint64_t number, sum = 0;
  memcpy(&number, where, sizeof number);
  const char *start = static_cast<const char *>(where);
  for (size_t at = 0; at + 8 <= bytes; at += 8) {
    uint64_t word;
    memcpy(&word, start + at, 8);
    sum += word;
  }
  asm volatile("" : : "r"(sum) : "memory");
  return number;
}

inline void settle(std::vector<uint32_t> &times) {
  std::sort(times.begin(), times.end());
  auto share = [&](double part) {
    return times.empty() ? 0 : times[size_t(part * double(times.size()))] * nanoseconds_a_tick;
  };
  account->p50 = share(0.5), account->p99 = share(0.99), account->p999 = share(0.999);
}

inline void rendezvous() {
  source();
  account->ready++;
  while (!account->go) usleep(500);
  usleep(2000);
}

template <class P>
void ask(P &peer) {
  std::vector<uint32_t> times;
  times.reserve(4000000);
  rendezvous();
  const uint64_t begin = monotonic(), length = uint64_t(seconds * 1e9);
  bool warm = false;
  for (uint64_t number = 0;; number++) {
    if (number % 16 == 0) {
      const uint64_t elapsed = monotonic() - begin;
      if (elapsed > length || times.size() + 16 > times.capacity()) break;
      if (!warm && elapsed > length / 8) warm = true, times.clear();
    }
    uint64_t found = last;
    const uint64_t start = ticks();
    peer.send(bytes, [&](void *where) { write_message(where, number, P::copies); });
    peer.receive([&](const void *where) { found = read_message(where); });
    times.push_back(uint32_t(std::min<uint64_t>(ticks() - start, UINT32_MAX)));
    if (found != number) fail("an answer is not to its question");
  }
  peer.send(bytes, [&](void *where) { write_message(where, last, P::copies); });
  settle(times);
}

template <class P>
void answer(P &peer) {
  rendezvous();
  for (uint64_t number = 0; number != last;) {
    peer.receive([&](const void *where) { number = read_message(where); });
    if (number != last)
      peer.send(bytes, [&](void *where) { write_message(where, number, P::copies); });
  }
}

template <class P>
void send_all(P &peer) {
  rendezvous();
  const uint64_t end = monotonic() + uint64_t(seconds * 1e9);
  const uint64_t look = bytes > 4096 ? 16 : 256;
  uint64_t number = 0;
  do {
    for (uint64_t count = 0; count < look; count += uint64_t(batch)) {
      auto fill = [&](void *where) { write_message(where, number++, P::copies); };
      if constexpr (requires { peer.send_batch(bytes, batch, fill); }) {
        if (batch > 1) {
          peer.send_batch(bytes, batch, fill);
          continue;
        }
      }
      for (int each = 0; each < batch; each++) peer.send(bytes, fill);
    }
  } while (monotonic() < end);
  peer.send(bytes, [&](void *where) { write_message(where, last, P::copies); });
  peer.flush();
}

template <class P>
void count_all(P &peer) {
  rendezvous();
  uint64_t begin = 0, expected = 0, count = 0;
  bool is_over = false;
  while (!is_over) {
    peer.receive([&](const void *where) {
      const uint64_t number = read_message(where);
      if (begin == 0) begin = monotonic();
      if (number == last) {
        is_over = true;
        return;
      }
      account->lost += number - expected;
      expected = number + 1;
      count++;
    });
  }
  account->rate = double(count) / (double(monotonic() - begin) * 1e-9);
}

// The message's number is when it was sent; ticks are the same on both processors.
template <class P>
void wake(P &peer) {
  rendezvous();
  const uint64_t end = monotonic() + uint64_t(seconds * 1e9);
  for (uint64_t number = 0; monotonic() < end; number++) {
    while (account->answered < number) relax();
    // Busy, so that only the other side's sleep is measured; long enough for it to be asleep again.
    for (const uint64_t until = monotonic() + 300000; monotonic() < until;) relax();
    const uint64_t start = ticks();
    peer.send(bytes, [&](void *where) { write_message(where, start, P::copies); });
    peer.flush();
  }
  peer.send(bytes, [&](void *where) { write_message(where, last, P::copies); });
  peer.flush();
}

template <class P>
void wait(P &peer) {
  std::vector<uint32_t> times;
  rendezvous();
  for (uint64_t sent = 0; sent != last;) {
    peer.receive([&](const void *where) {
      const uint64_t now = ticks();
      sent = read_message(where);
      if (sent != last) times.push_back(uint32_t(now - sent));
    });
    account->answered++;
  }
  settle(times);
}

template <class P>
[[noreturn]] void run(int side) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(side);
  P peer(side);
  switch (work) {
    case Work::roundtrip: side == 0 ? ask(peer) : answer(peer); break;
    case Work::stream: side == 0 ? send_all(peer) : count_all(peer); break;
    case Work::wakeup: side == 0 ? wake(peer) : wait(peer); break;
  }
  account->finished++;
  // What one side still has in its library's buffers must reach the other.
  while (account->finished < 2) usleep(200);
  _exit(0);
}

inline void print(const char *peer, const char *metric, double value) {
  const char *name = work == Work::roundtrip ? "roundtrip" : work == Work::stream ? "stream" : "wakeup";
  printf("%s\t%s-%zu", peer, name, bytes);
  if (work == Work::stream && batch > 1) printf("-batch%d", batch);
  printf("\t%s\t%.6g\n", metric, value);
}

// Does the work once and prints what came out. Returns the exit code.
template <class P>
int measure(const char *name, int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "usage: %s roundtrip|stream|wakeup BYTES BATCH SECONDS\n", words[0]);
    return 64;
  }
  const std::string kind = words[1];
  work = kind == "roundtrip" ? Work::roundtrip : kind == "stream" ? Work::stream : Work::wakeup;
  bytes = strtoul(words[2], nullptr, 10);
  batch = atoi(words[3]);
  seconds = atof(words[4]);
  calibrate();
  account = new (shared(sizeof(Account))) Account();
  P::prepare();
  pid_t children[2];
  for (int side = 1; side >= 0; side--) {
    children[side] = fork();
    if (children[side] == 0) run<P>(side);
  }
  const uint64_t limit = monotonic() + uint64_t((seconds + 10) * 1e9);
  int left = 2, failures = 0;
  while (left > 0 && failures == 0) {
    if (account->ready == 2) account->go = true;
    int status = 0;
    const pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended == children[0] || ended == children[1]) {
      left--;
      failures += status != 0;
    } else if (monotonic() > limit) {
      fprintf(stderr, "%s: no end\n", name);
      failures++;
    } else {
      usleep(1000);
    }
  }
  if (failures > 0)
    for (pid_t child : children) kill(child, SIGKILL);
  P::clean();
  if (failures > 0) return 1;
  if (work == Work::stream) {
    print(name, "rate", account->rate);
    if (account->lost > 0) print(name, "lost", double(account->lost));
  } else {
    print(name, "p50", account->p50);
    print(name, "p99", account->p99);
    print(name, "p999", account->p999);
  }
  return 0;
}

}  // namespace bench
