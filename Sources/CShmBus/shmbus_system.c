#define _GNU_SOURCE
#include "shmbus_system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#else
#error "ShmBus runs on x86_64 and aarch64"
#endif

_Static_assert(SHMBUS_OFD_GETLK == F_OFD_GETLK && SHMBUS_OFD_SETLK == F_OFD_SETLK &&
                   SHMBUS_OFD_SETLKW == F_OFD_SETLKW,
               "fcntl");
_Static_assert(SHMBUS_FUTEX_ANY_MAX == FUTEX_WAITV_MAX, "futex_waitv");

static int result(long returned) { return returned < 0 ? errno : 0; }

static struct timespec timespec_of(uint64_t nanoseconds) {
  return (struct timespec){.tv_sec = (time_t)(nanoseconds / 1000000000u),
                           .tv_nsec = (long)(nanoseconds % 1000000000u)};
}

// ------------------------------------------------------------------------------- instructions

int shmbus_counter_is_invariant(void) {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) ? (d >> 8) & 1 : 0;
#else
  return 1;
#endif
}

#if defined(__x86_64__)
/// "Fast short rep movsb". A sanitizer does not see what the instruction touches.
static int moves_quickly;

__attribute__((constructor)) static void ask_for_quick_moves(void) {
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  unsigned a, b, c, d;
  moves_quickly = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 4) & 1;
#endif
}
#endif

void shmbus_copy_long(void *to, const void *from, size_t count) {
#if defined(__x86_64__)
  if (count >= 1024 && moves_quickly) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return;
  }
#endif
  memcpy(to, from, count);
}

uint32_t shmbus_crc32c_portable(uint32_t seed, const void *bytes, size_t count) {
  // One entry for each half byte: 64 bytes of table leave the caller's cache alone.
  static const uint32_t table[16] = {
      0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
      0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
      0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
  const uint8_t *at = bytes;
  uint32_t crc = ~seed;
  for (size_t i = 0; i < count; i++) {
    crc ^= at[i];
    crc = (crc >> 4) ^ table[crc & 15];
    crc = (crc >> 4) ^ table[crc & 15];
  }
  return ~crc;
}

#if defined(__x86_64__)
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_WORD(crc, word) (uint32_t) _mm_crc32_u64((crc), (word))
#define CRC_BYTE(crc, byte) _mm_crc32_u8((crc), (byte))
static int has_crc(void) { return __builtin_cpu_supports("sse4.2"); }
#else
#define CRC_TARGET __attribute__((target("crc")))
#define CRC_WORD(crc, word) __crc32cd((crc), (word))
#define CRC_BYTE(crc, byte) __crc32cb((crc), (byte))
static int has_crc(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#endif

CRC_TARGET static uint32_t crc32c_instruction(uint32_t seed, const void *bytes, size_t count) {
  const uint8_t *at = bytes;
  uint32_t crc = ~seed;
  for (; count >= 8; count -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    crc = CRC_WORD(crc, word);
  }
  for (; count > 0; count--, at++) crc = CRC_BYTE(crc, *at);
  return ~crc;
}

uint32_t shmbus_crc32c(uint32_t seed, const void *bytes, size_t count) {
  return has_crc() ? crc32c_instruction(seed, bytes, count)
                   : shmbus_crc32c_portable(seed, bytes, count);
}

// ------------------------------------------------------------------------------------- access

int shmbus_set_access_list(int descriptor, const void *list, size_t byte_count) {
  return result(fsetxattr(descriptor, "system.posix_acl_access", list, byte_count, 0));
}

long shmbus_access_list(const char *path, void *list, size_t byte_count) {
  ssize_t count = lgetxattr(path, "system.posix_acl_access", list, byte_count);
  if (count >= 0) return count;
  return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
}

// ------------------------------------------------------------------------------------ waiting

int shmbus_futex_wait(const void *word, uint32_t expected, uint64_t nanoseconds) {
  struct timespec timeout = timespec_of(nanoseconds);
  return result(syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, NULL, 0));
}

int shmbus_futex_wake(const void *word, uint32_t count) {
  return result(syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0));
}

int shmbus_futex_wait_any(const void *const *words, size_t count, uint64_t deadline) {
  if (count == 0 || count > FUTEX_WAITV_MAX) return EINVAL;
  struct futex_waitv waiters[FUTEX_WAITV_MAX];
  for (size_t i = 0; i < count; i++) {
    waiters[i] = (struct futex_waitv){.uaddr = (uintptr_t)words[i], .flags = FUTEX_32};
  }
  struct timespec until = timespec_of(deadline);
  return result(syscall(SYS_futex_waitv, waiters, (unsigned)count, 0, &until, CLOCK_MONOTONIC));
}

int shmbus_event_new(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void shmbus_event_signal(int descriptor) { (void)eventfd_write(descriptor, 1); }

void shmbus_event_clear(int descriptor) {
  eventfd_t count;
  (void)eventfd_read(descriptor, &count);
}

int shmbus_membarrier_registered;

int shmbus_membarrier_register_global_expedited(void) {
  int code = result(
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
  if (code == 0) __atomic_store_n(&shmbus_membarrier_registered, 1, __ATOMIC_RELAXED);
  return code;
}

int shmbus_membarrier_global_expedited(void) {
  return result(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
}

// ------------------------------------------------------------------------ threads and errors

int shmbus_affinity(uint64_t *mask, size_t byte_count, size_t *used) {
  // The plain system call: the C library's wrapper hides how much of the mask the kernel filled.
  long bytes = syscall(SYS_sched_getaffinity, 0, byte_count, mask);
  if (bytes < 0) return errno;
  *used = (size_t)bytes;
  return 0;
}

int shmbus_set_affinity(const uint64_t *mask, size_t byte_count) {
  return result(syscall(SYS_sched_setaffinity, 0, byte_count, mask));
}

int shmbus_current_cpu(void) { return sched_getcpu(); }

int32_t shmbus_thread_id(void) { return (int32_t)syscall(SYS_gettid); }

const char *shmbus_error_name(int code) { return strerrorname_np(code); }

const char *shmbus_error_text(int code) { return strerrordesc_np(code); }
