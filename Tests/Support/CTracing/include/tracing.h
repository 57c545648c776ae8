#ifndef TRACING_H
#define TRACING_H

/// What a test needs to drive another process instruction by instruction, and Swift cannot import.
/// x86-64 only: elsewhere everything that steps fails with ENOSYS. No logic lives here.

#include <stdint.h>
#include <sys/types.h>

/// Whether this machine's processes can be stepped here (1 or 0).
int tracing_is_supported(void);

/// Turns address randomisation off for the next exec; 1 if it was on, 0 if it was off, else -errno.
int tracing_fix_addresses(void);

/// Binds the calling thread to one CPU. 0 or the errno.
int tracing_pin(int cpu);

/// Gives the calling process precedence over others of its core. 0 or the errno.
int tracing_take_precedence(void);

/// `fork`. The child dies with its parent.
pid_t tracing_fork(void);

/// `fork`; the child is traced by the caller and stopped before it returns from here; it dies with
/// its tracer.
pid_t tracing_fork_traced(void);

/// Lets a stopped tracee go on. 0 or the errno.
int tracing_step(pid_t pid);
int tracing_continue(pid_t pid);
int tracing_to_system_call(pid_t pid);

/// Stops a tracee before each execution of the instruction at `address`, by a debug register; 0 takes
/// the stop away. 0 or the errno.
int tracing_break_at(pid_t pid, uint64_t address);

/// Where a stopped tracee stands.
uint64_t tracing_address(pid_t pid);

/// The number of the system call at whose entry or exit it stands.
int64_t tracing_system_call(pid_t pid);

/// `waitpid`. EINTR is the caller's: an interval timer wakes it to look at a deadline.
pid_t tracing_wait(pid_t pid, int *status, int without_blocking);

/// A timer that interrupts waits every `microseconds`.
int tracing_tick(long microseconds);

/// A mark in the traced process: the tracer sees it stopped by this signal, SIGUSR1 or SIGUSR2.
/// One system call and nothing around it, so that the instructions between two marks are the
/// operation's own.
static inline void tracing_mark(pid_t own, int signal) {
#if defined(__x86_64__)
  long number = 62;  // kill
  __asm__ volatile("syscall" : "+a"(number) : "D"((long)own), "S"((long)signal)
                   : "rcx", "r11", "memory");
#else
  (void)own, (void)signal;
#endif
}

#endif
