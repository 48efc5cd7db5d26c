// One JSON object on standard output, member by member.
#ifndef JSON_H
#define JSON_H
#include <stdint.h>
#include <stdio.h>

static int json_follows;  // a comma stands before the next one

static inline void json_name(const char *name) {
  if (json_follows) putchar(',');
  if (name) printf("\"%s\":", name);
  json_follows = 1;
}

// An object or a list: '{' or '['.
static inline void json_open(const char *name, char bracket) {
  json_name(name);
  putchar(bracket);
  json_follows = 0;
}

static inline void json_close(char bracket) {
  putchar(bracket);
  json_follows = 1;
}

static inline void json_whole(const char *name, uint64_t value) {
  json_name(name);
  printf("%llu", (unsigned long long)value);
}

static inline void json_real(const char *name, double value, int decimals) {
  json_name(name);
  printf("%.*f", decimals, value);
}
#endif
