// Preloaded: a stretch of forbidden addresses before and behind every mapping of shared memory that the program
// makes at an address of its own choice, so that an access outside a segment faults instead of meeting its neighbour.
// A ring is mapped over a stretch reserved first; that stretch gets the guards.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

enum { GUARD = 16 << 20, PAGE = 4096, MOST = 4096 };

static struct { char *where; size_t count; } guarded[MOST];

static size_t pages(size_t count) { return (count + PAGE - 1) & ~(size_t)(PAGE - 1); }

void *mmap(void *where, size_t count, int protection, int flags, int descriptor, off_t at) {
  static void *(*real)(void *, size_t, int, int, int, off_t);
  if (!real) real = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
  int is_ours = !where && count && (flags & MAP_SHARED || protection == PROT_NONE);
  if (!is_ours) return real(where, count, protection, flags, descriptor, at);
  int nothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  char *base = real(0, pages(count) + 2 * (size_t)GUARD, PROT_NONE, nothing, -1, 0);
  if (base == MAP_FAILED) return base;
  void *got = real(base + GUARD, count, protection, flags | MAP_FIXED, descriptor, at);
  if (got == MAP_FAILED) {
    munmap(base, pages(count) + 2 * (size_t)GUARD);
    return got;
  }
  for (int place = 0; place < MOST; place++) {
    char *none = 0;
    if (__atomic_compare_exchange_n(&guarded[place].where, &none, (char *)got, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
      guarded[place].count = count;
      break;
    }
  }
  return got;
}

int munmap(void *where, size_t count) {
  static int (*real)(void *, size_t);
  if (!real) real = (int (*)(void *, size_t))dlsym(RTLD_NEXT, "munmap");
  for (int place = 0; place < MOST; place++) {
    if (guarded[place].where == where && guarded[place].count == count) {
      guarded[place].where = 0;
      return real((char *)where - GUARD, pages(count) + 2 * (size_t)GUARD);
    }
  }
  return real(where, count);
}
