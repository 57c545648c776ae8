#ifndef SHMBUS_SYSTEM_H
#define SHMBUS_SYSTEM_H

/// Kernel calls and instructions that Swift cannot import. No logic lives here.
///
/// A function that can fail returns 0 or the errno, so that nothing can clobber it on the way back.

#include <stddef.h>
#include <stdint.h>

// ------------------------------------------------------------------------------- instructions

/// Tells the core that this is a spin loop: saves power and yields to the other hyperthread.
static inline void shmbus_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  // `yield` is a no-op on most cores; `isb` waits about as long as x86's pause.
  __asm__ volatile("isb" ::: "memory");
#endif
}

/// The compiler moves no load or store across it; the core still may.
static inline void shmbus_compiler_barrier(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

/// Starts bringing the line of `address` here for reading. Harmless on any address.
static inline void shmbus_prefetch_read(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

/// Starts bringing the line of `address` here to be written. Harmless on any address.
static inline void shmbus_prefetch_write(const void *address) {
#if defined(__x86_64__)
  // Not the builtin: for a plain x86-64 it becomes a prefetch for reading, which costs a second transfer.
  __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
  __builtin_prefetch(address, 1, 3);
#endif
}

/// `memcpy`. From 1 KiB on by one instruction where the processor begins it quickly: it takes lines that
/// another core has just read by the whole, and a message of 1 KiB or 2 takes half as long where such lines come from far.
void shmbus_copy_long(void *to, const void *from, size_t count);

/// `memcpy`, without a call for the lengths of most messages: 16 to 64 bytes, in moves that overlap.
static inline void shmbus_copy(void *to, const void *from, size_t count) {
  char *target = (char *)to;
  const char *source = (const char *)from;
  if (__builtin_expect(count < 16 || count > 64, 0)) {
    shmbus_copy_long(target, source, count);
    return;
  }
  // Vectors, not structs: those Swift would take through the stack.
  typedef long long block __attribute__((vector_size(16), aligned(1), may_alias));
  size_t half = count > 32 ? 16 : 0;
  block a = *(const block *)source;
  block b = *(const block *)(source + half);
  block c = *(const block *)(source + count - 16 - half);
  block d = *(const block *)(source + count - 16);
  *(block *)target = a;
  *(block *)(target + half) = b;
  *(block *)(target + count - 16 - half) = c;
  *(block *)(target + count - 16) = d;
}

/// The CPU's cycle counter. May be read a little before or after the instructions around it.
static inline uint64_t shmbus_cycles(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t count;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#endif
}

/// The same, read after everything before it and before everything after it.
static inline uint64_t shmbus_cycles_ordered(void) {
#if defined(__x86_64__)
  __builtin_ia32_lfence();
  uint64_t count = __builtin_ia32_rdtsc();
  __builtin_ia32_lfence();
  return count;
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
  uint64_t count = shmbus_cycles();
  __asm__ volatile("isb" ::: "memory");
  return count;
#endif
}

/// Whether the counter runs at one rate, whatever the core's frequency and sleep state (0 or 1).
int shmbus_counter_is_invariant(void);

/// CRC-32C of `bytes`, continuing from `seed` (0 to begin): `crc(crc(0, a), b)` is `crc(0, ab)`.
uint32_t shmbus_crc32c(uint32_t seed, const void *bytes, size_t count);

/// The same without the CPU's instruction.
uint32_t shmbus_crc32c_portable(uint32_t seed, const void *bytes, size_t count);

// -------------------------------------------------------------------------------------- locks

/// `fcntl` commands for locks that belong to an open file description, not to a process.
enum { SHMBUS_OFD_GETLK = 36, SHMBUS_OFD_SETLK = 37, SHMBUS_OFD_SETLKW = 38 };

// ------------------------------------------------------------------------------------- access

/// Gives a file a POSIX access list (`system.posix_acl_access`, in the kernel's own form). 0 or an errno.
int shmbus_set_access_list(int descriptor, const void *list, size_t byte_count);

/// Reads the one of the file at `path`, without opening it and without following a link: how many bytes it
/// has, 0 where there is none, or minus an errno.
long shmbus_access_list(const char *path, void *list, size_t byte_count);

// ------------------------------------------------------------------------------------ waiting

enum { SHMBUS_FUTEX_ANY_MAX = 128 };

/// Sleeps while `*word` is `expected`, for at most `nanoseconds`. Shared between processes.
int shmbus_futex_wait(const void *word, uint32_t expected, uint64_t nanoseconds);

/// Wakes up to `count` threads that sleep on `word`, in any process.
int shmbus_futex_wake(const void *word, uint32_t count);

/// Sleeps while all the words are 0, until `deadline` (CLOCK_MONOTONIC nanoseconds); Linux 5.16.
int shmbus_futex_wait_any(const void *const *words, size_t count, uint64_t deadline);

int shmbus_membarrier_register_global_expedited(void);
/// Not 0 once this process has registered.
extern int shmbus_membarrier_registered;
static inline int shmbus_is_registered(void) {
  return __atomic_load_n(&shmbus_membarrier_registered, __ATOMIC_RELAXED);
}
int shmbus_membarrier_global_expedited(void);

/// A descriptor that is readable while its count is not 0; -1 and errno on failure. Neither end blocks.
int shmbus_event_new(void);
void shmbus_event_signal(int descriptor);
void shmbus_event_clear(int descriptor);

// ------------------------------------------------------------------------ threads and errors

/// The CPUs that the calling thread may run on, as a bit mask; `*used` is how many bytes were set.
int shmbus_affinity(uint64_t *mask, size_t byte_count, size_t *used);
int shmbus_set_affinity(const uint64_t *mask, size_t byte_count);
int shmbus_current_cpu(void);
int32_t shmbus_thread_id(void);

/// Static texts, in English, safe from any thread; NULL for a number that is no errno.
const char *shmbus_error_name(int code);
const char *shmbus_error_text(int code);

#endif
