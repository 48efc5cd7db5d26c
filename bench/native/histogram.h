// How often each latency was seen, to better than one part in 128, however long it was.
//
// A value keeps its highest eight bits: up to 255 every value has a bucket of its own, from there on
// each doubling has 128 buckets, twice as wide as those before.  Percentiles name the upper edge of
// their bucket, so they never flatter.
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <stdint.h>
#include <string.h>

enum { HALF_BITS = 7, HALF = 1 << HALF_BITS, BUCKETS = (64 - HALF_BITS + 1) * HALF };

typedef struct {
  uint64_t seen[BUCKETS];
  uint64_t count, highest;
  double sum;
} histogram;

// By how many bits a value is cut.
static inline int cut_of(uint64_t value) {
  int bits = 64 - __builtin_clzll(value | 1);
  return bits > HALF_BITS + 1 ? bits - HALF_BITS - 1 : 0;
}

static inline int bucket_of(uint64_t value) {
  int cut = cut_of(value);
  return cut * HALF + (int)(value >> cut);
}

static inline uint64_t upper_edge(int bucket) {
  int cut = bucket < 2 * HALF ? 0 : bucket / HALF - 1;
  uint64_t kept = (uint64_t)(bucket - cut * HALF);
  return ((kept + 1) << cut) - 1;
}

static inline void histogram_add(histogram *to, uint64_t value) {
  to->seen[bucket_of(value)]++;
  to->count++;
  to->sum += (double)value;
  if (value > to->highest) to->highest = value;
}

// What so many of ten thousand did not exceed; 0 if nothing was seen.
static inline uint64_t histogram_percentile(const histogram *of, uint64_t of_ten_thousand) {
  uint64_t wanted = (of->count * of_ten_thousand + 9999) / 10000, passed = 0;
  for (int bucket = 0; bucket < BUCKETS && of->count; bucket++) {
    passed += of->seen[bucket];
    if (passed < wanted || !passed) continue;
    uint64_t edge = upper_edge(bucket);
    return edge < of->highest ? edge : of->highest;
  }
  return of->highest;
}

static inline double histogram_mean(const histogram *of) {
  return of->count ? of->sum / (double)of->count : 0;
}
#endif
