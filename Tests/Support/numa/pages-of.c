// pages-of FILE: on which NUMA nodes the pages of a file in shared memory lie, and what policy it has.
//
// Knows nothing of ShmBus: it asks the kernel by move_pages and /proc/self/numa_maps, so that what the library
// says of itself can be checked against it. Prints "nodes 0:12 1:0 errors:0 policy prefer:1".

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fail(const char *what) {
  printf("failed %s: %s\n", what, strerror(errno));
  exit(1);
}

/// The second word of the mapping's line in numa_maps.
static void print_policy(const void *base) {
  char line[4096], address[32], policy[256] = "unknown";
  snprintf(address, sizeof address, "%lx ", (unsigned long)base);
  FILE *maps = fopen("/proc/self/numa_maps", "r");
  while (maps && fgets(line, sizeof line, maps)) {
    if (strncmp(line, address, strlen(address)) == 0) sscanf(line, "%*s %255s", policy);
  }
  printf(" policy %s\n", policy);
}

int main(int count, char **words) {
  if (count != 2) return 64;
  int file = open(words[1], O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) fail(words[1]);
  size_t page = (size_t)getpagesize(), pages = ((size_t)status.st_size + page - 1) / page;
  volatile char *base = mmap(NULL, pages * page, PROT_READ, MAP_SHARED, file, 0);
  if (base == MAP_FAILED) fail("mmap");
  void **places = calloc(pages, sizeof *places);
  int *nodes = calloc(pages, sizeof *nodes);
  if (!places || !nodes) fail("calloc");
  for (size_t i = 0; i < pages; i++) {
    places[i] = (void *)(base + i * page);
    (void)base[i * page];
  }
  if (syscall(SYS_move_pages, 0, pages, places, NULL, nodes, 0) != 0) fail("move_pages");
  size_t found[64] = {0}, errors = 0;
  for (size_t i = 0; i < pages; i++) {
    if (nodes[i] >= 0 && nodes[i] < 64) found[nodes[i]]++;
    else errors++;
  }
  printf("nodes 0:%zu 1:%zu errors:%zu", found[0], found[1], errors);
  print_policy((const void *)base);
  return 0;
}
