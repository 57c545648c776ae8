#define _GNU_SOURCE
#include "shmbus_memory.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(long returned) { return returned < 0 ? errno : 0; }

/// The kernel takes one off the count of bits it is told.
static const unsigned long mask_bits = SHMBUS_NODE_WORDS * 64 + 1;

int shmbus_prefer_node(void *address, size_t byte_count, uint32_t node) {
  uint64_t mask[SHMBUS_NODE_WORDS] = {0};
  if (node >= SHMBUS_NODE_WORDS * 64) return EINVAL;
  mask[node / 64] = UINT64_C(1) << (node % 64);
  return result(syscall(SYS_mbind, address, byte_count, MPOL_PREFERRED, mask, mask_bits, 0));
}

int shmbus_page_nodes(void *const *pages, size_t count, int32_t *nodes) {
  return result(syscall(SYS_move_pages, 0, count, pages, NULL, nodes, 0));
}

int shmbus_allowed_nodes(uint64_t *mask) {
  memset(mask, 0, SHMBUS_NODE_WORDS * sizeof *mask);
  return result(syscall(SYS_get_mempolicy, NULL, mask, mask_bits - 1, NULL, MPOL_F_MEMS_ALLOWED));
}

int shmbus_populate(void *address, size_t byte_count, int writable) {
  // 22 and 23 in every kernel's headers; a C library may be older.
  return result(madvise(address, byte_count, writable ? 23 : 22));
}
