/* The most a core can compute: twelve independent chains of fused multiply-adds on whole vectors, nothing else.
   Prints GFLOP/s of CPU time, the best of five; 12 chains hide a latency of 4 to 5 cycles at two a cycle, and fit in registers. */
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define LANES (BYTES / 4)
#define CHAINS 12
#define STEPS 30000000L

typedef float vector __attribute__((vector_size(BYTES)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(void) {
  double best = 0;
  volatile float sink;
  for (int repeat = 0; repeat < 5; repeat++) {
    vector chain[CHAINS], factor = (vector){} + 0.999f, term = (vector){} + 0.001f;
    for (int i = 0; i < CHAINS; i++) chain[i] = (vector){} + 0.1f * i;
    double start = now();
    for (long step = 0; step < STEPS; step++)
      for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * factor + term;
    double seconds = now() - start;
    for (int i = 0; i < CHAINS; i++) sink = chain[i][0]; /* used, so that it is computed */
    double rate = STEPS * 2.0 * CHAINS * LANES / seconds / 1e9;
    if (rate > best) best = rate;
  }
  (void)sink;
  printf("%.1f\n", best);
  return 0;
}
