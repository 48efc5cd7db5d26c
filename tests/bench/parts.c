// The parts of the tools, one at a time, for tests: the first argument names the part, standard input is
// what it gets, line by line.
#define _GNU_SOURCE
#include "histogram.h"
#include "mac_key.h"
#include "schedule.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 3 * MESSAGE_MAX };

static char line[LINE_MAX_BYTES];
static uint8_t bytes[LINE_MAX_BYTES];

// A line of hex digits as bytes; how many, -1 at the end.
static int next_bytes(void) {
  int count = 0;
  if (!fgets(line, sizeof line, stdin)) return -1;
  for (const char *at = line; hex_value((uint8_t)at[0]) >= 0; at += 2)
    bytes[count++] = (uint8_t)(hex_value((uint8_t)at[0]) << 4 | hex_value((uint8_t)at[1]));
  return count;
}

static void percentiles(void) {
  static const uint64_t wanted[] = {5000, 9000, 9900, 9990};
  static histogram seen;
  while (fgets(line, sizeof line, stdin)) histogram_add(&seen, strtoull(line, NULL, 10));
  for (int i = 0; i < 4; i++) printf("%llu ", (unsigned long long)histogram_percentile(&seen, wanted[i]));
  printf("%llu %llu %.3f\n", (unsigned long long)seen.highest, (unsigned long long)seen.count,
         histogram_mean(&seen));
}

static void macs(void) {
  static mac_memory memory;
  uint8_t field[MAC_FIELD];
  for (int count; (count = next_bytes()) >= 0;) {
    mac_make(&memory, bytes, count, field);
    printf("%.*s\n", MAC_FIELD, (const char *)field);
  }
}

static void fields(void) {
  static plans known;
  int wrong = 0;
  for (int count; (count = next_bytes()) >= 0; printf("\n")) {
    const plan *found = plan_of(&known, bytes, count, &wrong);
    if (!found) printf("unreadable %d", wrong);
    for (int field = 2; found && field <= FIELDS; field++)
      if (has_field(found, field))
        printf("%d=%.*s ", field, found->end[field] - found->value[field], bytes + found->value[field]);
  }
}

// Lines of "rate sent now": when the next send is due, and how many are behind.
static void due(void) {
  while (fgets(line, sizeof line, stdin)) {
    char *at = line;
    schedule one = schedule_from(0, strtod(at, &at));
    one.sent = strtoull(at, &at, 10);
    uint64_t now = strtoull(at, NULL, 10);
    printf("%llu %llu\n", (unsigned long long)next_due(&one), (unsigned long long)schedule_behind(&one, now));
  }
}

int main(int count, char **arguments) {
  const char *part = count > 1 ? arguments[1] : "";
  const char *wrong = count > 2 ? mac_open(arguments[2]) : NULL;
  if (wrong) {
    fprintf(stderr, "%s\n", wrong);
    return 2;
  }
  if (!strcmp(part, "percentiles")) percentiles();
  else if (!strcmp(part, "macs")) macs();
  else if (!strcmp(part, "fields")) fields();
  else if (!strcmp(part, "due")) due();
  else return 2;
  return 0;
}
