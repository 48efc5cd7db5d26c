// A tool's book: a line for each charge, its columns parted by tabs, '-' for what there is not.  Who
// holds the books of both sides together sees who was charged, and who was told what.
#ifndef BOOK_H
#define BOOK_H
#include "fields.h"
#include <stdio.h>

enum { BOOK_BUFFER = 1 << 20 };

// NULL: errno says why.
static inline FILE *book_open(const char *path) {
  FILE *book = fopen(path, "w");
  if (book) setvbuf(book, NULL, _IOFBF, BOOK_BUFFER);
  return book;
}

static inline void book_column(FILE *book, const uint8_t *value, size_t bytes, char after) {
  if (value) fwrite_unlocked(value, 1, bytes, book);
  else putc_unlocked('-', book);
  putc_unlocked(after, book);
}

// A field of a message.
static inline void book_field(FILE *book, const plan *of, const uint8_t *message, int field, char after) {
  const uint8_t *value = has_field(of, field) ? message + of->value[field] : NULL;
  book_column(book, value, value ? (size_t)(of->end[field] - of->value[field]) : 0, after);
}
#endif
