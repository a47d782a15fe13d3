/*
 * A wall clock that a test sets, preloaded into one process: the time of day is moved by what stands in a
 * shared file, in microseconds. The monotonic clock, and the kernel's timers, are left alone. Does nothing
 * where it is not told a file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static volatile int64_t *moved_us;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WALL_CLOCK");
    *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *block = mmap(NULL, sizeof *moved_us, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (block != MAP_FAILED)
        moved_us = block;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *told)
{
    if (!real_clock_gettime)
        begin();
    int failed = real_clock_gettime(clock, told);
    if (!failed && moved_us && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = told->tv_nsec + *moved_us % 1000000 * 1000;
        told->tv_sec += *moved_us / 1000000 + (ns < 0 ? -1 : ns / 1000000000);
        told->tv_nsec = (ns + 1000000000) % 1000000000;
    }
    return failed;
}

EXPORT time_t time(time_t *told)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (told)
        *told = now.tv_sec;
    return now.tv_sec;
}

EXPORT int gettimeofday(struct timeval *restrict told, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    told->tv_sec = now.tv_sec;
    told->tv_usec = now.tv_nsec / 1000;
    return 0;
}
