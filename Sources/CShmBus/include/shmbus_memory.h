#ifndef SHMBUS_MEMORY_H
#define SHMBUS_MEMORY_H

/// Where memory lies: the kernel calls of NUMA, without libnuma. No logic lives here.
///
/// Node masks are arrays of 64-bit words, node 0 being the lowest bit of the first. A function returns 0 or
/// the errno: ENOSYS from a kernel without NUMA, EPERM from a seccomp filter.

#include <stddef.h>
#include <stdint.h>

enum { SHMBUS_NODE_WORDS = 16 };  ///< 1,024 nodes: more than any kernel is built for

/// Asks that pages of `[address, address + byte_count)` that are allocated from now on come from `node` while
/// it has any, else from the nearest one that has. For shared memory the object keeps it, for all processes.
int shmbus_prefer_node(void *address, size_t byte_count, uint32_t node);

/// Sets each of `nodes` to the node its page lies on, or to a negative errno (-ENOENT: not mapped here yet).
int shmbus_page_nodes(void *const *pages, size_t count, int32_t *nodes);

/// The nodes that this thread's cpuset lets it allocate from.
int shmbus_allowed_nodes(uint64_t *mask);

/// Maps the pages of `[address, address + byte_count)` here, so that no access faults later: Linux 5.14.
int shmbus_populate(void *address, size_t byte_count, int writable);

#endif
