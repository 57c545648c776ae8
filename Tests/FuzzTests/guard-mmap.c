// Puts a stretch of forbidden addresses before and behind every mapping that the program makes, so that an
// access outside a segment faults instead of meeting its neighbour. Linked with --wrap=mmap,--wrap=munmap.

#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

void *__real_mmap(void *, size_t, int, int, int, off_t);
int __real_munmap(void *, size_t);

enum { GUARD = 64 << 20, PAGE = 4096 };

static size_t pages(size_t count) { return (count + PAGE - 1) & ~(size_t)(PAGE - 1); }

void *__wrap_mmap(void *where, size_t count, int protection, int flags, int descriptor, off_t at) {
  if (where || count == 0) return __real_mmap(where, count, protection, flags, descriptor, at);
  int nothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  char *base = __real_mmap(0, pages(count) + 2 * (size_t)GUARD, PROT_NONE, nothing, -1, 0);
  if (base == MAP_FAILED) return base;
  void *got = __real_mmap(base + GUARD, count, protection, flags | MAP_FIXED, descriptor, at);
  if (got == MAP_FAILED) __real_munmap(base, pages(count) + 2 * (size_t)GUARD);
  return got;
}

int __wrap_munmap(void *where, size_t count) {
  return __real_munmap((char *)where - GUARD, pages(count) + 2 * (size_t)GUARD);
}
