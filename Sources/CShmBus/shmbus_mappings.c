#define _GNU_SOURCE
#include "shmbus_mappings.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

/// As many ranges as the kernel lets a process map by default. Memory that is never noted in costs
/// nothing.
enum { CAPACITY = 65536 };

struct place {
  /// Odd while in use; grows with each use, so that a reader notices when it changed meanwhile.
  _Atomic uint32_t stamp;
  _Atomic int fate;
  _Atomic uintptr_t base;
  _Atomic size_t byte_count;
  _Atomic int writable;
  _Atomic(uint64_t *) words;
  _Atomic size_t count;
  _Atomic size_t stride;
};

static struct place places[CAPACITY];
/// One of each pair is taken while a place is being filled.
static _Atomic uint8_t taken[CAPACITY];
/// No place at or above it was ever in use.
static _Atomic int32_t high;
int shmbus_mappings_lost;
/// Handlers at work: a place is not given up under them.
static _Atomic int at_work;

int32_t shmbus_mapping_note(void *base, size_t byte_count, int writable, uint64_t *words,
                            size_t count, size_t stride) {
  for (int32_t i = 0; i < CAPACITY; i++) {
    uint8_t empty = 0;
    if (atomic_load_explicit(&taken[i], memory_order_relaxed) != 0 ||
        !atomic_compare_exchange_strong(&taken[i], &empty, 1))
      continue;
    struct place *place = &places[i];
    place->fate = SHMBUS_MAPPING_WHOLE;
    place->base = (uintptr_t)base;
    place->byte_count = byte_count;
    place->writable = writable;
    place->words = words;
    place->count = count;
    place->stride = stride;
    int32_t seen = high;
    while (seen <= i && !atomic_compare_exchange_weak(&high, &seen, i + 1)) {
    }
    place->stamp++;
    // A handler that began before does not know the place; what it found shows in other places' fates by now.
    while (at_work != 0) sched_yield();
    return i;
  }
  return -1;
}

void shmbus_mapping_move(int32_t index, uint64_t *words, size_t count) {
  // In this order: a handler never meets the words before with the count of the new ones.
  places[index].words = words;
  // Ends: a handler makes one pass.
  while (at_work != 0) sched_yield();
  places[index].count = count;
}

void shmbus_mapping_forget(int32_t index) {
  places[index].stamp++;
  // Ends: a handler makes one pass. It was counted before it read the stamp, or saw the new one.
  while (at_work != 0) sched_yield();
  taken[index] = 0;
}

int shmbus_mapping_fate(int32_t index) { return places[index].fate; }

/// Tells the thread that uses a place.
static void sound(struct place *place, int fate) {
  place->fate = fate;
  __atomic_store_n(&shmbus_mappings_lost, 1, __ATOMIC_RELAXED);
  // The words before their count (shmbus_mapping_move).
  uint64_t *words = place->words;
  size_t count = place->count, stride = place->stride;
  for (size_t i = 0; i < count; i++) {
    uint64_t *word = (uint64_t *)((char *)words + i * stride);
    __atomic_store_n(word, UINT64_MAX, __ATOMIC_RELAXED);
  }
}

// ---------------------------------------------------------------------------------- truncation

static struct sigaction previous;
static size_t page_size;

/// Lays a page of zeroes where the kernel had none; 0 where it will not.
static int replace_page(uintptr_t address, int writable) {
  void *page = (void *)(address & ~(uintptr_t)(page_size - 1));
  int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  if (mmap(page, page_size, protection, flags, -1, 0) == MAP_FAILED) return 0;
  // Like what it replaces: a child gets its own zeroes.
  madvise(page, page_size, MADV_DONTFORK);
  return 1;
}

/// Whether the address lay in a noted range, and may be touched now.
static int survive(uintptr_t address) {
  int replaced = 0;
  at_work++;
  for (int32_t i = 0, end = high; i < end; i++) {
    struct place *place = &places[i];
    uint32_t stamp = place->stamp;
    uintptr_t base = place->base;
    size_t byte_count = place->byte_count;
    int writable = place->writable;
    if (!(stamp & 1) || place->stamp != stamp || address - base >= byte_count) continue;
    if (!replaced && !replace_page(address, writable)) break;
    replaced = 1;
    sound(place, SHMBUS_MAPPING_TRUNCATED);
  }
  at_work--;
  return replaced;
}

/// As if this handler were not there.
static void pass_on(int number, siginfo_t *info, void *context) {
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
  } else if (previous.sa_handler == SIG_DFL || info->si_code > 0) {
    // The kernel ignores no fault. The access is repeated when we return, and ends the process.
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(number, &standard, NULL);
    if (info->si_code <= 0) raise(number);
  }
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
  int kept = errno;
  int survived = info->si_code == BUS_ADRERR && survive((uintptr_t)info->si_addr);
  errno = kept;
  if (!survived) pass_on(number, info, context);
}

void shmbus_mappings_guard(void) {
  static _Atomic int installed;
  if (atomic_exchange(&installed, 1)) return;
  page_size = (size_t)sysconf(_SC_PAGESIZE);
  // Before ours is in force: it may be called at once.
  sigaction(SIGBUS, NULL, &previous);
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
}

// ---------------------------------------------------------------------------------------- fork

void shmbus_mappings_forked(void) {
  // The threads that were at work do not exist here.
  at_work = 0;
  for (int32_t i = 0, end = high; i < end; i++) {
    struct place *place = &places[i];
    if (!(place->stamp & 1)) continue;
    void *base = (void *)place->base;
    size_t byte_count = place->byte_count;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    void *mapped = mmap(base, byte_count, PROT_READ | PROT_WRITE, flags, -1, 0);
    // A kernel before 4.17 takes the address as a wish.
    if (mapped != MAP_FAILED && mapped != base) munmap(mapped, byte_count);
    sound(place, SHMBUS_MAPPING_FORKED);
  }
}
