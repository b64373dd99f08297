// Float lanes and the few functions of them that training needs.
//
// Compiler vector extensions (GCC, Clang): one source gives AVX2, SSE2 or NEON, whichever the compiler is asked for.
// Never built with -ffast-math: NaN and infinity go through every function as they do in PyTorch.
#pragma once
#include <cmath>
#include <cstdint>

#if defined(__AVX__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;  // what SSE2 and NEON hold in a register
#endif
typedef float Vec __attribute__((vector_size(4 * LANES)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES)));  // what a comparison of two Vec gives: all ones or zeros
typedef float Quad __attribute__((vector_size(16)));
typedef float LooseQuad __attribute__((vector_size(16), aligned(4), may_alias));  // four floats at any address

// Tells GCC to hold a value in a register: otherwise it loads it anew for every multiplication (62 → 92 GFLOP/s).
#if defined(__x86_64__)
#define HOLD(v) asm("" : "+x"(v))
#elif defined(__aarch64__)
#define HOLD(v) asm("" : "+w"(v))
#else
#define HOLD(v)
#endif

#define INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

static inline Vec splat(float a) { return a - Vec{}; }
static inline Vec choose(Mask where, Vec yes, Vec no) { return where ? yes : no; }
static inline Vec magnitude(Vec x) { return (Vec)((Mask)x & 0x7fffffff); }
static inline Vec positive_part(Vec x) {  // NaN stays NaN
#if defined(__AVX__)
  return __builtin_ia32_maxps256(Vec{}, x);
#else
  return 0.f > x ? Vec{} : x;
#endif
}

static inline Vec square_root(Vec x) {
  Vec root;
  for (int i = 0; i < LANES; i++) root[i] = std::sqrt(x[i]);  // one instruction, correctly rounded
  return root;
}

// The sum of n vectors, in four strands so that no addition waits for the one before.
static inline Vec total(const Vec* x, int n) {
  Vec strand[4] = {};
  int s = 0;
  for (; s + 4 <= n; s += 4)
    for (int j = 0; j < 4; j++) strand[j] += x[s + j];
  for (; s < n; s++) strand[0] += x[s];
  return (strand[0] + strand[1]) + (strand[2] + strand[3]);
}

#define PICK __builtin_shufflevector
#if defined(__AVX__)

// The sums of four vectors at once: pairs, pairs of pairs, halves.
static inline Quad sums(Vec a, Vec b, Vec c, Vec d) {
  Vec ab = PICK(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + PICK(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
  Vec cd = PICK(c, d, 0, 8, 2, 10, 4, 12, 6, 14) + PICK(c, d, 1, 9, 3, 11, 5, 13, 7, 15);
  Vec all = PICK(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) + PICK(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
  return PICK(all, all, 0, 1, 2, 3) + PICK(all, all, 4, 5, 6, 7);
}

// Turns LANES vectors over: to[i · stride][j] = from[j][i].
static inline void turn(const Vec* from, Vec* to, long stride) {
  Vec a[8], b[8];
  for (int i = 0; i < 8; i += 2) {
    a[i] = PICK(from[i], from[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    a[i + 1] = PICK(from[i], from[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; j++) {
      b[i + 2 * j] = PICK(a[i + j], a[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      b[i + 2 * j + 1] = PICK(a[i + j], a[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; i++) {
    to[i * stride] = PICK(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    to[(i + 4) * stride] = PICK(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

#else

static inline Quad sums(Vec a, Vec b, Vec c, Vec d) {
  Vec ab = PICK(a, b, 0, 4, 2, 6) + PICK(a, b, 1, 5, 3, 7), cd = PICK(c, d, 0, 4, 2, 6) + PICK(c, d, 1, 5, 3, 7);
  return PICK(ab, cd, 0, 1, 4, 5) + PICK(ab, cd, 2, 3, 6, 7);
}

static inline void turn(const Vec* from, Vec* to, long stride) {
  Vec a = PICK(from[0], from[1], 0, 4, 1, 5), b = PICK(from[0], from[1], 2, 6, 3, 7);
  Vec c = PICK(from[2], from[3], 0, 4, 1, 5), d = PICK(from[2], from[3], 2, 6, 3, 7);
  to[0] = PICK(a, c, 0, 1, 4, 5);
  to[stride] = PICK(a, c, 2, 3, 6, 7);
  to[2 * stride] = PICK(b, d, 0, 1, 4, 5);
  to[3 * stride] = PICK(b, d, 2, 3, 6, 7);
}

#endif

static inline float sum(Vec a) { return sums(a, a, a, a)[0]; }

// e^x for x ≤ 0, to 1.2e-7 relative: x = n ln 2 + r, a polynomial in r (Cephes expf, Moshier), n into the exponent.
// Below −87 the result is 0 instead of a denormal number.
static inline Vec exp_negative(Vec x) {
  const Vec round = splat(12582912.f);  // 1.5 · 2^23: adding it leaves the nearest integer in the low bits
  Vec shifted = x * 1.44269504088896341f + round;
  Mask n = (Mask)shifted;
  Vec whole = shifted - round;
  Vec r = x - whole * 0.693359375f;
  r = r - whole * -2.12194440e-4f;  // ln 2 in two parts, so that r keeps its low bits
  Vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  Vec made = (Vec)((Mask)p + (n << 23));  // the NaN of arithmetic has 22 low bits of 0, so n << 23 is 0: it stays NaN
  return x < -87.f ? Vec{} : made;
}

// log(1 + e) = 2 atanh(s) with s = e / (2 + e), for 0 ≤ e ≤ 1, to 4e-9 before rounding (least squares, odd in s).
static inline Vec log1p_of_half(Vec s) {
  Vec q = s * s;
  Vec p = splat(0.2817465726f);
  p = p * q + 0.2796141883f;
  p = p * q + 0.4002485372f;
  p = p * q + 0.6666631594f;
  p = p * q + 2.f;
  return p * s;
}

// 1 / (1 + e^−x), through the exponential of a negative number only.
static inline Vec sigmoid(Vec x) {
  Vec e = exp_negative(-magnitude(x));
  Vec r = 1.f / (1.f + e);
  return 0.f > x ? e * r : r;
}

// tanh: a polynomial near 0, where the exponentials would cancel (Cephes tanhf), else (1 − e) / (1 + e), e = e^−2|x|.
static inline Vec hyperbolic_tangent(Vec x) {
  Vec a = magnitude(x), q = x * x;
  Vec p = splat(-5.70498872745e-3f);
  p = p * q + 2.06390887954e-2f;
  p = p * q - 5.37397155531e-2f;
  p = p * q + 1.33314422036e-1f;
  p = p * q - 3.33332819422e-1f;
  Vec e = exp_negative(-2.f * a);
  Vec far = (1.f - e) / (1.f + e);
  return a < 0.625f ? p * q * x + x : (0.f > x ? -far : far);
}

// The normal distribution function and its density at x, for GELU. erfc(u) = t P(t) e^−u², t = 1 / (1 + 0.4 u), to
// 1.5e-9 before rounding (least squares).
static inline Vec normal_distribution(Vec x, Vec* density) {
  Vec u = magnitude(x) * 0.70710678118654752f;
  Vec t = 1.f / (1.f + 0.4f * u), e = exp_negative(-u * u);
  Vec p = splat(0.0761595092f);
  p = p * t - 0.400300689f;
  p = p * t + 0.687781012f;
  p = p * t - 0.366012455f;
  p = p * t + 0.393700546f;
  p = p * t + 0.150440169f;
  p = p * t + 0.232798546f;
  p = p * t + 0.225433364f;
  Vec tail = 0.5f * p * t * e;
  *density = 0.39894228040143268f * e;
  return 0.f > x ? tail : 1.f - tail;
}
