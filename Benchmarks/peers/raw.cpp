// The limits: a cache line, a bare ring, a bare futex, glibc's semaphore. No library, no recovery.
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/syscall.h>

#include "bench.hpp"
using namespace bench;

struct alignas(128) Word {
  std::atomic<uint64_t> value{0};
};
static Word *words;
static char *cells;

// One line there, another one back; the message is its number.
struct Line : Peer {
  std::atomic<uint64_t> &out, &in;
  uint64_t seen = 0;
  std::vector<char> buffer = std::vector<char>(bytes, 0x5a);
  static void prepare() { words = static_cast<Word *>(shared(4096)); }
  explicit Line(int side) : out(words[side].value), in(words[1 - side].value) {}
  template <class F>
  void send(size_t, F fill) {
    uint64_t number;
    fill(buffer.data());
    memcpy(&number, buffer.data(), 8);
    out.store(number + 1, std::memory_order_release);
  }
  template <class F>
  void receive(F see) {
    uint64_t found;
    while ((found = in.load(std::memory_order_acquire)) == seen) {
    }
    seen = found;
    const uint64_t number = found - 1;
    memcpy(buffer.data(), &number, 8);
    see(buffer.data());
  }
};

// A payload, and a word on a line of its own that says it is there; one writer, one reader.
struct Ring : Peer {
  static constexpr bool copies = false;
  static constexpr size_t header = 64;
  uint64_t next = 0, limit, read = 0;
  size_t stride = (bytes + 63) / 64 * 64;
  char *out, *in;
  Word *outDone, *inDone;
  static size_t size() { return room() * (header + (bytes + 63) / 64 * 64); }
  static void prepare() {
    words = static_cast<Word *>(shared(4096));
    cells = static_cast<char *>(shared(2 * size()));
  }
  explicit Ring(int side)
      : limit(room()), out(cells + size_t(side) * size()), in(cells + size_t(1 - side) * size()),
        outDone(&words[side]), inDone(&words[1 - side]) {}
  static std::atomic<uint64_t> &word(char *ring, uint64_t number) {
    return *reinterpret_cast<std::atomic<uint64_t> *>(ring + number % room() * header);
  }
  char *cell(char *ring, uint64_t number) {
    return ring + room() * header + number % room() * stride;
  }
  template <class F>
  void send(size_t, F fill) {
    while (next == limit) {
      limit = outDone->value.load(std::memory_order_acquire) + room();
      if (next == limit) relax();
    }
    fill(cell(out, next));
    word(out, next).store(next + 1, std::memory_order_release);
    next++;
  }
  template <class F>
  void receive(F see) {
    while (word(in, read).load(std::memory_order_acquire) != read + 1) relax();
    see(cell(in, read));
    read++;
    if (read % (room() / 8) == 0) inDone->value.store(read, std::memory_order_release);
  }
};

// Shared memory of one message, and whatever wakes the other side.
template <class Bell>
struct Rung : Peer {
  static constexpr bool copies = false;
  int side;
  static void prepare() {
    words = static_cast<Word *>(shared(4096));
    cells = static_cast<char *>(shared(2 * (bytes + 4096)));
    Bell::prepare();
  }
  explicit Rung(int side) : side(side) {}
  template <class F>
  void send(size_t, F fill) {
    fill(cells + size_t(side) * bytes);
    Bell::ring(side);
  }
  template <class F>
  void receive(F see) {
    Bell::wait(1 - side);
    see(cells + size_t(1 - side) * bytes);
  }
};

struct Futex {
  static std::atomic<uint32_t> &word(int side) {
    return *reinterpret_cast<std::atomic<uint32_t> *>(&words[side]);
  }
  static void prepare() {}
  static void ring(int side) {
    word(side).fetch_add(1);
    syscall(SYS_futex, &word(side), FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  static void wait(int side) {
    static uint32_t seen = 0;
    while (word(side).load() == seen) syscall(SYS_futex, &word(side), FUTEX_WAIT, seen, nullptr, nullptr, 0);
    seen++;
  }
};

struct Semaphore {
  static sem_t *of(int side) { return reinterpret_cast<sem_t *>(&words[side]); }
  static void prepare() {
    for (int side : {0, 1}) sem_init(of(side), 1, 0);
  }
  static void ring(int side) { sem_post(of(side)); }
  static void wait(int side) {
    while (sem_wait(of(side)) != 0) {
    }
  }
};

int main(int count, char **words) {
  const std::string kind = count > 1 ? words[1] : "";
  if (kind == "line") return measure<Line>("cache line", count - 1, words + 1);
  if (kind == "ring") return measure<Ring>("bare ring", count - 1, words + 1);
  if (kind == "futex") return measure<Rung<Futex>>("bare futex", count - 1, words + 1);
  if (kind == "semaphore") return measure<Rung<Semaphore>>("glibc semaphore", count - 1, words + 1);
  return 64;
}
