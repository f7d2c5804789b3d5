// Stops the host's monotonic clock for a program (LD_PRELOAD).
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
	if (id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, t);
	t->tv_sec = 1000000;
	t->tv_nsec = 0;
	return 0;
}
