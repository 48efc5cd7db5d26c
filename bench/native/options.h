// The command line: a table of options, read with words that name the option and what is wrong.
#ifndef OPTIONS_H
#define OPTIONS_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { TEXT, WHOLE, REAL } option_kind;

typedef struct {
  const char *name;
  const char *help;
  option_kind kind;
  void *place;  // const char *, long or double
  double least, most;
} option;

static inline void options_help(const char *tool, const option *table) {
  fprintf(stderr, "usage: %s", tool);
  for (; table->name; table++) fprintf(stderr, "\n  --%-14s %s", table->name, table->help);
  fprintf(stderr, "\n");
}

static inline int options_wrong(const char *tool, const char *name, const char *what) {
  fprintf(stderr, "%s: --%s: %s\n", tool, name, what);
  return 0;
}

static inline int option_take(const char *tool, const option *of, const char *text) {
  char *rest, what[120];
  if (of->kind == TEXT) {
    *(const char **)of->place = text;
    return 1;
  }
  double value = strtod(text, &rest);
  if (rest == text || *rest || !(value >= of->least && value <= of->most) ||
      (of->kind == WHOLE && value != (double)(long)value)) {
    snprintf(what, sizeof what, "a %s from %g to %g is wanted", of->kind == WHOLE ? "whole number" : "number",
             of->least, of->most);
    return options_wrong(tool, of->name, what);
  }
  if (of->kind == WHOLE) *(long *)of->place = (long)value;
  else *(double *)of->place = value;
  return 1;
}

// Whether all arguments could be read; if not, stderr says why.  `table` ends with a nameless option.
static inline int options_read(const char *tool, const option *table, char **arguments) {
  while (*++arguments) {
    const char *given = *arguments;
    const option *found = table;
    while (found->name && (strncmp(given, "--", 2) || strcmp(given + 2, found->name))) found++;
    if (!found->name) {
      if (strcmp(given, "--help")) fprintf(stderr, "%s: %s is no option\n", tool, given);
      options_help(tool, table);
      return 0;
    }
    if (!*++arguments) return options_wrong(tool, found->name, "its value is missing");
    if (!option_take(tool, found, *arguments)) return 0;
  }
  return 1;
}
#endif
