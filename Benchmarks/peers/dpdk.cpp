// DPDK rte_ring, without the rest of DPDK. Up to 64 bytes lie in the ring itself; larger messages lie in a
// pool of four times as many cells as the ring has places, and their indices in the ring.
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "bench.hpp"
using namespace bench;

struct Cell {
  char memory[64];
};
static rte_ring *rings[2];
static char *pools[2];
static unsigned flags;

struct Dpdk : Peer {
  static constexpr bool copies = false;
  static constexpr unsigned most = 32;
  rte_ring *source, *target;
  char *in, *out;
  uint64_t next = 0;
  size_t stride = (bytes + 127) / 128 * 128;
  static bool is_inline() { return bytes <= sizeof(Cell); }
  static unsigned element() { return is_inline() ? sizeof(Cell) : sizeof(uint64_t); }
  static size_t places() { return 4 * room(); }
  static void prepare() {
    for (int side : {0, 1}) {
      const auto size = rte_ring_get_memsize_elem(element(), unsigned(room()));
      if (size < 0) fail("rte_ring_get_memsize_elem");
      rings[side] = static_cast<rte_ring *>(shared(size_t(size)));
      if (rte_ring_init(rings[side], "bench", unsigned(room()), flags) != 0) fail("rte_ring_init");
      pools[side] = static_cast<char *>(shared(places() * ((bytes + 127) / 128 * 128)));
    }
  }
  explicit Dpdk(int side)
      : source(rings[side]), target(rings[1 - side]), in(pools[side]), out(pools[1 - side]) {}

  template <class F>
  void send(size_t size, F fill) { send_batch(size, 1, fill); }

  template <class F>
  void send_batch(size_t, int count, F fill) {
    if (is_inline()) {
      Cell cells[most];
      for (int each = 0; each < count; each++) fill(cells[each].memory);
      put(cells, unsigned(count));
    } else {
      uint64_t places_[most];
      for (int each = 0; each < count; each++) {
        places_[each] = next++ % places();
        fill(out + places_[each] * stride);
      }
      put(places_, unsigned(count));
    }
  }
  void put(const void *elements, unsigned count) {
    while (rte_ring_enqueue_bulk_elem(target, elements, element(), count, nullptr) == 0) relax();
  }
  template <class F>
  void receive(F see) {
    if (is_inline()) {
      Cell cells[most];
      for (unsigned each = 0, count = take(cells); each < count; each++) see(cells[each].memory);
    } else {
      uint64_t places_[most];
      for (unsigned each = 0, count = take(places_); each < count; each++) see(in + places_[each] * stride);
    }
  }
  unsigned take(void *elements) {
    const unsigned limit = batch > 1 ? most : 1;
    unsigned count;
    while ((count = rte_ring_dequeue_burst_elem(source, elements, element(), limit, nullptr)) == 0) relax();
    return count;
  }
};

int main(int count, char **words) {
  const std::string kind = count > 1 ? words[1] : "";
  if (kind == "sp") {
    flags = RING_F_SP_ENQ | RING_F_SC_DEQ;
    return measure<Dpdk>("rte_ring sp/sc", count - 1, words + 1);
  }
  if (kind == "mp") return measure<Dpdk>("rte_ring mp/mc", count - 1, words + 1);
  return 64;
}
