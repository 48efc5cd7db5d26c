// CPU that processes took, user and system, as the kernel counts it: in hundredths of a second, with all
// threads, without children.
#ifndef CPU_H
#define CPU_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct {
  double user_us, system_us;
} cpu_time;

static inline double cpu_total(cpu_time of) { return of.user_us + of.system_us; }

static inline cpu_time cpu_between(cpu_time from, cpu_time to) {
  return (cpu_time){to.user_us - from.user_us, to.system_us - from.system_us};
}

static inline cpu_time cpu_of_self(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (cpu_time){(double)used.ru_utime.tv_sec * 1e6 + (double)used.ru_utime.tv_usec,
                    (double)used.ru_stime.tv_sec * 1e6 + (double)used.ru_stime.tv_usec};
}

// All zero if there is no such process.
static inline cpu_time cpu_of(long pid) {
  char path[40], line[1024];
  double tick_us = 1e6 / (double)sysconf(_SC_CLK_TCK);
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) return (cpu_time){0};
  char *read = fgets(line, sizeof line, file), *at = read ? strrchr(line, ')') : NULL;
  fclose(file);
  // Behind the name, which may hold anything: state is the first column, user the 12th, system the 13th.
  for (int column = 0; at && column < 12; column++) at = strchr(at + 1, ' ');
  if (!at) return (cpu_time){0};
  double user = strtod(at, &at), system = strtod(at, NULL);
  return (cpu_time){user * tick_us, system * tick_us};
}
#endif
