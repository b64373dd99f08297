// The one matrix product behind linear and convolution layers, forward and backward.
//
// A tensor is [channel][y][x][block]: a block is a fixed number of Vec, and a Vec holds one number of LANES examples.
// So examples are the SIMD lanes, a weight is a scalar that multiplies whole vectors, and a convolution is the same
// product through tables of offsets: no im2col, no packing. A zero border (halo) stands for the padding.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

#include "vector.h"

struct Shape {
  int channels = 0, height = 1, width = 1, halo[2] = {0, 0};  // halo: rows above and below, columns left and right
  int stored() const { return channels * (height + 2 * halo[0]) * line(); }
  bool fits() const {  // whether places in it can be counted
    return (double)channels * (height + 2. * halo[0]) * (width + 2. * halo[1]) < (1 << 30);
  }
  int features() const { return channels * height * width; }
  int line() const { return width + 2 * halo[1]; }
  int at(int c, int y, int x) const { return (c * (height + 2 * halo[0]) + y + halo[0]) * line() + x + halo[1]; }
};

// Which numbers meet: for each position p, output row i and tap k,
//   out[to[p] + row[i]] = bias[i] + Σ_k A[i, k] · in[from[p] + tap[k]]
// A linear layer has one position; a convolution has one for each output pixel. Offsets count bytes, so that an address
// is one addition.
struct Product {
  std::vector<long> tap, row, from, to;
};

struct Matrix {  // A[i, k] = at[i · row + k · tap]
  const float* at;
  long row, tap;
};

template <class T>
static inline T* shifted(T* base, long bytes) { return (T*)((char*)base + bytes); }

// What becomes of a sum while it is still in registers: a bias before it; a ReLU after it; or, on the way back, the
// gate of a ReLU, which lets a gradient pass where the output that ReLU gave was positive.
struct Finish {
  const float* bias;
  bool rectify;
  const Vec* gate;
};

// An M × N tile of outputs stays in registers over the whole sum: M rows by N vectors, M + N loads for M · N
// multiplications.
template <int M, int N>
static INLINE void tile(const Product& p, const long* row, Matrix a, const Vec* in, Vec* out, const Finish& finish) {
  Vec total[M][N];
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++) total[i][j] = finish.bias ? splat(finish.bias[i]) : Vec{};
  for (const long *tap = p.tap.data(), *end = tap + p.tap.size(); tap != end; tap++, a.at += a.tap) {
    const Vec* from = shifted(in, *tap);
    Vec b[N];
    for (int j = 0; j < N; j++) {
      b[j] = from[j];
      if (M > 1) HOLD(b[j]);
    }
    for (int i = 0; i < M; i++) {
      float w = a.at[i * a.row];
      for (int j = 0; j < N; j++) total[i][j] += w * b[j];
    }
  }
  for (int i = 0; i < M; i++) {
    Vec* to = shifted(out, row[i]);
    for (int j = 0; j < N; j++) {
      if (finish.rectify) total[i][j] = positive_part(total[i][j]);
      if (finish.gate) total[i][j] = shifted(finish.gate, row[i])[j] <= 0.f ? Vec{} : total[i][j];
      to[j] = total[i][j];
    }
  }
}

// n vectors, N at a time, and the rest in narrower tiles.
template <int M, int N>
static INLINE void tiles(int n, const Product& p, const long* row, Matrix a, const Vec* in, Vec* out, Finish finish) {
  int s = 0;
  for (; s + N <= n; s += N) {
    tile<M, N>(p, row, a, in + s, out + s, finish);
    if (finish.gate) finish.gate += N;
  }
  if constexpr (N > 1)
    if (s < n) tiles<M, N - 1>(n - s, p, row, a, in + s, out + s, finish);
}

constexpr int WIDEST[] = {0, 8, 4, 4, 3, 2, 2};  // vectors beside M rows that 16 registers hold

template <int M>
static NOINLINE void rows_of_product(const Product& p, int first, int n, Matrix a, const Vec* in, Vec* out,
                                     Finish finish) {
  a.at += first * a.row;
  if (finish.bias) finish.bias += first;
  for (size_t at = 0; at < p.from.size(); at++) {
    Finish here = finish;
    if (here.gate) here.gate = shifted(here.gate, p.to[at]);
    tiles<M, WIDEST[M]>(n, p, p.row.data() + first, a, shifted(in, p.from[at]), shifted(out, p.to[at]), here);
  }
}

// Calls f(first, m) for groups of m, at most `most`, that are nearly equal: 64 rows by 6 are groups of 6 and 5, not of
// 6 and one of 4.
template <class F>
static INLINE void in_groups(int n, int most, F f) {
  int groups = (n + most - 1) / most;
  for (int g = 0, i = 0; g < groups; g++) {
    int m = (n - i + groups - g - 1) / (groups - g);
    f(i, m);
    i += m;
  }
}

// out = bias + A · in over the first n vectors of a block.
static void multiply(const Product& p, int n, Matrix a, const Vec* in, Vec* out, Finish finish) {
  static constexpr decltype(&rows_of_product<1>) of_rows[] = {nullptr,
                                                              rows_of_product<1>,
                                                              rows_of_product<2>,
                                                              rows_of_product<3>,
                                                              rows_of_product<4>,
                                                              rows_of_product<5>,
                                                              rows_of_product<6>};
  in_groups((int)p.row.size(), 6, [&](int first, int m) { of_rows[m](p, first, n, a, in, out, finish); });
}

// The gradient of the weights, G[i, k] += Σ_p Σ_s dout[to[p] + row[i]][s] · in[from[p] + tap[k]][s], and of the biases,
// the same with 1 in the place of `in`: the same numbers meet, and the sum runs over the examples, so each entry ends
// with a sum over lanes.
struct Gradient {
  float *weight, *bias;
};

template <int M, int N, bool BIAS>
static NOINLINE void outer_tile(const Product& p, int n, const Vec* dout, int first_row, const Vec* in, int first_tap,
                                Gradient g) {
  constexpr int COLUMNS = N + BIAS;
  Vec total[M][COLUMNS];
  long row[M], tap[N + 1];
  for (int i = 0; i < M; i++) row[i] = p.row[first_row + i];
  for (int j = 0; j < N; j++) tap[j] = p.tap[first_tap + j];
  for (int i = 0; i < M; i++)
    for (int j = 0; j < COLUMNS; j++) total[i][j] = Vec{};
  for (size_t at = 0; at < p.to.size(); at++) {
    const Vec *d = shifted(dout, p.to[at]), *x = shifted(in, p.from[at]), *end = d + n;
    do {
      Vec e[M];
      for (int i = 0; i < M; i++) {
        e[i] = *shifted(d, row[i]);
        HOLD(e[i]);
      }
      for (int j = 0; j < N; j++) {
        Vec b = *shifted(x, tap[j]);
        if (M > 1) HOLD(b);
        for (int i = 0; i < M; i++) total[i][j] += e[i] * b;
      }
      if (BIAS)
        for (int i = 0; i < M; i++) total[i][N] += e[i];
      d++, x++;
    } while (d != end);
  }
  for (int i = 0; i < M; i++) {
    float all[(COLUMNS + 3) / 4 * 4];
    for (int j = 0; j < COLUMNS; j += 4)
      *(LooseQuad*)(all + j) = sums(total[i][j], j + 1 < COLUMNS ? total[i][(j + 1) % COLUMNS] : Vec{},
                                    j + 2 < COLUMNS ? total[i][(j + 2) % COLUMNS] : Vec{},
                                    j + 3 < COLUMNS ? total[i][(j + 3) % COLUMNS] : Vec{});
    float* to = g.weight + (long)(first_row + i) * (long)p.tap.size() + first_tap;
    for (int j = 0; j < N; j++) to[j] += all[j];
    if (BIAS) g.bias[first_row + i] += all[N];
  }
}

using OuterTile = void (*)(const Product&, int, const Vec*, int, const Vec*, int, Gradient);
constexpr int BESIDE[] = {0, 8, 6, 4};  // columns beside M rows that 16 registers hold; the bias is the last column

template <int M, bool BIAS, int... I>
static OuterTile outer_tile_of(int columns, std::integer_sequence<int, I...>) {
  static constexpr OuterTile tiles[] = {outer_tile<M, I + 1 - BIAS, BIAS>...};
  return tiles[columns - 1];
}

template <int M>
static void outer_rows(const Product& p, int n, const Vec* dout, int row, const Vec* in, Gradient g) {
  constexpr auto widths = std::make_integer_sequence<int, BESIDE[M]>{};
  int taps = (int)p.tap.size(), columns = taps + (g.bias ? 1 : 0);
  in_groups(columns, BESIDE[M], [&](int first, int m) {
    bool last = first + m > taps;
    OuterTile tile = last ? outer_tile_of<M, true>(m, widths) : outer_tile_of<M, false>(m, widths);
    tile(p, n, dout, row, in, first, g);
  });
}

static void add_outer(const Product& p, int n, const Vec* dout, const Vec* in, Gradient g) {
  static constexpr decltype(&outer_rows<1>) of_rows[] = {nullptr, outer_rows<1>, outer_rows<2>, outer_rows<3>};
  in_groups((int)p.row.size(), 3, [&](int first, int m) { of_rows[m](p, n, dout, first, in, g); });
}

// The same gradient for a linear layer whose block is short, so that sums over lanes would weigh: the inputs are turned
// over to [example][feature], features become the lanes, and an example is a tap of the product above.
class Turned {
 public:
  Turned(const Product& forth, int stride)
      : forth(forth), stride(stride), features((long)forth.tap.size()), columns((features + LANES - 1) / LANES),
        inputs((size_t)(stride * LANES * columns)), sums_of(forth.row.size() * (size_t)columns) {
    for (size_t c = 0; c < forth.row.size(); c++) product.row.push_back((long)c * columns * (long)sizeof(Vec));
    product.from = product.to = {0};
  }

  void add_outer(int n, const Vec* dout, const Vec* in, Gradient g) {
    turn_over(n, in);
    Matrix a = {(const float*)dout, (long)stride * LANES, 1};
    multiply(product, (int)columns, a, inputs.data(), sums_of.data(), {nullptr, false, nullptr});
    for (size_t c = 0; c < product.row.size(); c++) {
      const float* row = (const float*)&sums_of[c * (size_t)columns];
      for (long k = 0; k < features; k++) g.weight[(long)c * features + k] += row[k];
      if (g.bias) g.bias[c] += sum(total(shifted(dout, forth.row[c]), n));
    }
  }

 private:
  void turn_over(int n, const Vec* in) {
    for (int s = 0; s < n; s++)
      for (long k = 0; k < columns; k++) {
        Vec from[LANES];
        for (int i = 0; i < LANES; i++)
          from[i] = k * LANES + i < features ? shifted(in, forth.tap[(size_t)(k * LANES + i)])[s] : Vec{};
        turn(from, &inputs[(size_t)(s * LANES * columns + k)], columns);
      }
    product.tap.resize((size_t)(n * LANES));
    for (long e = 0; e < n * LANES; e++) product.tap[(size_t)e] = e * columns * (long)sizeof(Vec);
  }

  const Product& forth;
  int stride;
  long features, columns;
  Product product;
  std::vector<Vec> inputs, sums_of;
};
