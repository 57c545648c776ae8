#define _GNU_SOURCE
#include "tracing.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int tracing_is_supported(void) {
#if defined(__x86_64__)
  return 1;
#else
  return 0;
#endif
}

int tracing_fix_addresses(void) {
  int now = personality(0xffffffff);
  if (now < 0) return -errno;
  if (now & ADDR_NO_RANDOMIZE) return 0;
  return personality((unsigned long)now | ADDR_NO_RANDOMIZE) < 0 ? -errno : 1;
}

int tracing_pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

int tracing_take_precedence(void) {
  struct sched_param lowest = {.sched_priority = 1};
  return sched_setscheduler(0, SCHED_RR, &lowest) == 0 ? 0 : errno;
}

pid_t tracing_fork(void) {
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
  }
  return pid;
}

pid_t tracing_fork_traced(void) {
  pid_t pid = fork();
  if (pid == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(126);
    raise(SIGSTOP);
    return 0;
  }
  if (pid < 0) return pid;
  int status;
  pid_t found;
  do found = waitpid(pid, &status, 0);
  while (found < 0 && errno == EINTR);
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
  if (found != pid || !WIFSTOPPED(status) ||
      ptrace(PTRACE_SETOPTIONS, pid, NULL, options) != 0) {
    kill(pid, SIGKILL);
    return -1;
  }
  return pid;
}

#if defined(__x86_64__)
static int go_on(int request, pid_t pid) {
  return ptrace(request, pid, NULL, NULL) == 0 ? 0 : errno;
}

int tracing_step(pid_t pid) { return go_on(PTRACE_SINGLESTEP, pid); }
int tracing_continue(pid_t pid) { return go_on(PTRACE_CONT, pid); }
int tracing_to_system_call(pid_t pid) { return go_on(PTRACE_SYSCALL, pid); }

static uint64_t user_word(pid_t pid, size_t offset) {
  errno = 0;
  return (uint64_t)ptrace(PTRACE_PEEKUSER, pid, offset, NULL);
}

uint64_t tracing_address(pid_t pid) {
  return user_word(pid, offsetof(struct user_regs_struct, rip));
}

static int set_debug_register(pid_t pid, int number, uint64_t value) {
  size_t place = offsetof(struct user, u_debugreg) + (size_t)number * sizeof(long);
  return ptrace(PTRACE_POKEUSER, pid, place, value) == 0 ? 0 : errno;
}

int tracing_break_at(pid_t pid, uint64_t address) {
  // Register 7: bit 0 enables register 0; its other bits 0 ask for execution.
  int code = set_debug_register(pid, 7, 0);
  if (code == 0 && address != 0) code = set_debug_register(pid, 0, address);
  if (code == 0 && address != 0) code = set_debug_register(pid, 7, 1);
  return code;
}

int64_t tracing_system_call(pid_t pid) {
  return (int64_t)user_word(pid, offsetof(struct user_regs_struct, orig_rax));
}
#else
int tracing_step(pid_t pid) { return (void)pid, ENOSYS; }
int tracing_continue(pid_t pid) { return (void)pid, ENOSYS; }
int tracing_to_system_call(pid_t pid) { return (void)pid, ENOSYS; }
int tracing_break_at(pid_t pid, uint64_t address) { return (void)pid, (void)address, ENOSYS; }
uint64_t tracing_address(pid_t pid) { return (void)pid, 0; }
int64_t tracing_system_call(pid_t pid) { return (void)pid, -1; }
#endif

pid_t tracing_wait(pid_t pid, int *status, int without_blocking) {
  return waitpid(pid, status, without_blocking ? WNOHANG : 0);
}

static void ignore(int signal) { (void)signal; }

int tracing_tick(long microseconds) {
  struct sigaction action = {.sa_handler = ignore};
  struct itimerval every = {
      .it_interval = {.tv_usec = microseconds}, .it_value = {.tv_usec = microseconds}};
  if (sigaction(SIGALRM, &action, NULL) != 0) return errno;
  return setitimer(ITIMER_REAL, &every, NULL) == 0 ? 0 : errno;
}
