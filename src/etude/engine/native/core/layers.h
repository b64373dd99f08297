// The operations of a network, each with its forward and its backward formula side by side.
//
// forward:  y from x.   backward: dx from dy (dx is null where nobody wants it), and the gradient of the parameters.
// `n` vectors of a block are in use; pixels are `stride` vectors apart, the size of a block.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "product.h"

// In the order of KINDS in library.py. Those from MAX_POOL on learn nothing; those from RELU on work on one number.
enum Kind : int32_t {
  LINEAR, CONVOLUTION, BATCH_NORM, LAYER_NORM, MAX_POOL, AVERAGE_POOL, DROPOUT, RELU, LEAKY_RELU, SIGMOID, TANH, GELU
};

// One layer as Python describes it; a field that a kind does not use is 0.
struct LayerSpec {
  int32_t kind, units;                         // units: outputs of a linear layer, output channels of a convolution
  int32_t kernel[2], step[2], padding[2];      // vertical, horizontal
  int32_t has_bias, counts_padding, position;  // position: of a dropout layer among the dropout layers
  float slope, epsilon, momentum, scale;       // leaky ReLU; norms; batch norm; dropout: 1 / (1 − p)
  uint64_t key, threshold;                     // dropout: a unit is kept where its 53-bit number is ≥ threshold
};

// What a pass over one block needs to know beside its numbers.
struct Pass {
  int n;             // vectors in use
  const Vec* live;   // 1 for each example, 0 for the lanes that fill up the last vector
  float examples;    // how many are live
  bool training;
  uint64_t step;     // optimiser steps already taken
  uint64_t first;    // position in the batch of the block's first example
};

class Layer {
 public:
  Layer(Shape in, Shape out, int stride) : in(in), out(out), stride(stride) {}
  virtual ~Layer() = default;
  virtual void prepare(const float*) {}  // after each change of the parameters
  virtual void forward(float* state, const Vec* x, Vec* y, const Pass& pass) = 0;
  virtual void backward(const float* state, float* gradient, const Vec* x, const Vec* y, Vec* dx, Vec* dy,
                        const Pass& pass) = 0;

 protected:
  // Calls f(offset in x, offset in y) for every pixel of every channel.
  template <class F>
  void each(F f) const {
    for (int c = 0; c < in.channels; c++)
      for (int i = 0; i < in.height; i++)
        for (int j = 0; j < in.width; j++) f((long)in.at(c, i, j) * stride, (long)out.at(c, i, j) * stride);
  }
  Shape in, out;
  int stride;
};

// y = W x + b.  dx = Wᵀ dy,  dW = Σ dy xᵀ,  db = Σ dy.  A convolution is the same over shifted pixels, so W is
// [output][input tap] for both, as PyTorch keeps it.
class Affine : public Layer {
 public:
  // A ReLU costs nothing while numbers are in registers: on the outputs, and on the gradient of inputs that one gave.
  bool rectifies = false, gated = false;

  Affine(Shape in, Shape out, int stride, const LayerSpec& spec, long weight)
      : Layer(in, out, stride), weight(weight), has_bias(spec.has_bias), convolves(spec.kind == CONVOLUTION),
        pixel((long)stride * (long)sizeof(Vec)) {
    if (convolves)
      connect_pixels(spec);
    else
      connect_all();
    taps = (long)forth.tap.size();
    bias = weight + out.channels * taps;
    if (!convolves && stride <= SHORT && taps >= 2 * LANES && out.channels > 1)
      turned = std::make_unique<Turned>(forth, stride);
  }

  void prepare(const float* state) override {
    if (!convolves) return;
    long kernel = taps / in.channels;
    for (Back& b : back)  // [input channel][output channel, kernel pixel]: dx is a product with this
      for (size_t k = 0, n = b.from_weight.size(); k < n; k++)
        for (int c = 0; c < in.channels; c++) b.weights[c * n + k] = state[weight + b.from_weight[k] + c * kernel];
  }

  void forward(float* state, const Vec* x, Vec* y, const Pass& pass) override {
    multiply(forth, pass.n, {state + weight, taps, 1}, x, y, {has_bias ? state + bias : nullptr, rectifies, nullptr});
  }

  void backward(const float* state, float* gradient, const Vec* x, const Vec*, Vec* dx, Vec* dy,
                const Pass& pass) override {
    Gradient g = {gradient + weight, has_bias ? gradient + bias : nullptr};
    if (turned)
      turned->add_outer(pass.n, dy, x, g);
    else
      add_outer(forth, pass.n, dy, x, g);
    if (!dx) return;
    Finish finish = {nullptr, false, gated ? x : nullptr};
    for (Back& b : back) {
      Matrix turned_over = {state + weight, 1, taps}, packed = {b.weights.data(), (long)b.from_weight.size(), 1};
      multiply(b.product, pass.n, convolves ? packed : turned_over, dy, dx, finish);
    }
  }

 private:
  static constexpr int SHORT = 16;  // vectors: in a longer block the sums over lanes weigh little

  // Input pixels that the same kernel pixels reach: with a step of s there are s · s such sets.
  struct Back {
    Product product;
    std::vector<long> from_weight;
    std::vector<float> weights;
  };

  void connect_all() {
    for (int c = 0; c < in.channels; c++)
      for (int i = 0; i < in.height; i++)
        for (int j = 0; j < in.width; j++) forth.tap.push_back(in.at(c, i, j) * pixel);
    for (int c = 0; c < out.channels; c++) forth.row.push_back(out.at(c, 0, 0) * pixel);
    forth.from = forth.to = {0};
    back.push_back({{forth.row, forth.tap, {0}, {0}}, {}, {}});
  }

  void connect_pixels(const LayerSpec& spec) {
    const int *size = spec.kernel, *step = spec.step, *pad = spec.padding;
    for (int c = 0; c < in.channels; c++)
      for (int i = 0; i < size[0]; i++)
        for (int j = 0; j < size[1]; j++) forth.tap.push_back(in.at(c, i - pad[0], j - pad[1]) * pixel);
    for (int c = 0; c < out.channels; c++) forth.row.push_back(out.at(c, 0, 0) * pixel);
    for (int i = 0; i < out.height; i++)
      for (int j = 0; j < out.width; j++) {
        forth.from.push_back((i * step[0] * in.line() + j * step[1]) * pixel);
        forth.to.push_back((i * out.line() + j) * pixel);
      }
    for (int u = 0; u < step[0]; u++)
      for (int v = 0; v < step[1]; v++) connect_back(spec, u, v);
  }

  // Input pixel (y, x) feeds output pixel ((y + pad − i) / step, (x + pad − j) / step) through kernel pixel (i, j),
  // where that divides; u and v are the remainders of y and x.
  void connect_back(const LayerSpec& spec, int u, int v) {
    const int *size = spec.kernel, *step = spec.step, *pad = spec.padding;
    Back b;
    for (int c = 0; c < out.channels; c++)
      for (int i = 0; i < size[0]; i++)
        for (int j = 0; j < size[1]; j++) {
          if ((u + pad[0] - i) % step[0] || (v + pad[1] - j) % step[1]) continue;
          b.product.tap.push_back(out.at(c, (u + pad[0] - i) / step[0], (v + pad[1] - j) / step[1]) * pixel);
          b.from_weight.push_back((long)c * in.channels * size[0] * size[1] + i * size[1] + j);
        }
    for (int c = 0; c < in.channels; c++) b.product.row.push_back(in.at(c, u, v) * pixel);
    for (int i = 0; u + i * step[0] < in.height; i++)
      for (int j = 0; v + j * step[1] < in.width; j++) {
        b.product.from.push_back((i * out.line() + j) * pixel);
        b.product.to.push_back((i * step[0] * in.line() + j * step[1]) * pixel);
      }
    b.weights.resize(b.from_weight.size() * in.channels);
    back.push_back(std::move(b));
  }

  Product forth;
  std::vector<Back> back;
  std::unique_ptr<Turned> turned;
  long weight, bias, taps;
  bool has_bias, convolves;
  long pixel;  // bytes from one pixel to the next
};

// y = f(x) by element. Where f′ follows from y alone, y takes the place of x, and dx that of dy.
template <class F>
class Elementwise : public Layer {
 public:
  Elementwise(Shape in, Shape out, int stride, const LayerSpec& spec) : Layer(in, out, stride), slope(spec.slope) {}
  bool done_before = false, done_after = false;  // by the product before it on the way forth, after it on the way back
  void forward(float*, const Vec* x, Vec* y, const Pass& pass) override {
    if (done_before) return;
    each([&](long a, long b) {
      for (int s = 0; s < pass.n; s++) y[b + s] = F::value(x[a + s], slope);
    });
  }
  void backward(const float*, float*, const Vec* x, const Vec* y, Vec* dx, Vec* dy, const Pass& pass) override {
    if (!dx || done_after) return;
    each([&](long a, long b) {
      for (int s = 0; s < pass.n; s++) dx[a + s] = F::pull_back(dy[b + s], F::from_output ? y[b + s] : x[a + s], slope);
    });
  }

 private:
  float slope;
};

struct Relu {  // max(x, 0); its derivative at 0 is 0
  static constexpr bool from_output = true;
  static Vec value(Vec x, float) { return positive_part(x); }
  static Vec pull_back(Vec d, Vec y, float) { return y <= 0.f ? Vec{} : d; }
};
struct LeakyRelu {  // x above 0, slope · x elsewhere
  static constexpr bool from_output = true;
  static Vec value(Vec x, float slope) { return x > 0.f ? x : x * slope; }
  static Vec pull_back(Vec d, Vec y, float slope) { return y > 0.f ? d : d * slope; }
};
struct Sigmoid {  // y′ = y (1 − y)
  static constexpr bool from_output = true;
  static Vec value(Vec x, float) { return sigmoid(x); }
  static Vec pull_back(Vec d, Vec y, float) { return d * (1.f - y) * y; }
};
struct Tanh {  // y′ = 1 − y²
  static constexpr bool from_output = true;
  static Vec value(Vec x, float) { return hyperbolic_tangent(x); }
  static Vec pull_back(Vec d, Vec y, float) { return d * (1.f - y * y); }
};
struct Gelu {  // x Φ(x);  y′ = Φ(x) + x φ(x)  (Hendrycks and Gimpel 2016)
  static constexpr bool from_output = false;
  static Vec value(Vec x, float) {
    Vec density;
    return x * normal_distribution(x, &density);
  }
  static Vec pull_back(Vec d, Vec x, float) {
    Vec density, below = normal_distribution(x, &density);
    return d * (below + x * density);
  }
};

// Batch normalisation (Ioffe and Szegedy 2015): x̂ = (x − mean) / √(variance + ε), y = γ x̂ + β, over the examples and
// pixels of a channel; so the whole batch is one block.  With N numbers a channel,
//   dγ = Σ dy x̂,  dβ = Σ dy,  dx = γ / √(variance + ε) · (dy − dβ / N − x̂ dγ / N).
class BatchNorm : public Layer {
 public:
  BatchNorm(Shape in, Shape out, int stride, const LayerSpec& spec, long gamma, long running)
      : Layer(in, out, stride), gamma(gamma), running(running), epsilon(spec.epsilon), momentum(spec.momentum),
        mean(in.channels), scale(in.channels) {}

  void forward(float* state, const Vec* x, Vec* y, const Pass& pass) override {
    float *running_mean = state + running, *running_variance = running_mean + in.channels;
    for (int c = 0; c < in.channels; c++) {
      float variance = running_variance[c];
      mean[c] = running_mean[c];
      if (pass.training) {
        float count = pass.examples * in.height * in.width;
        mean[c] = over_channel(c, pass, [&](long a, long, int s) { return x[a + s]; }) / count;
        variance = over_channel(c, pass, [&](long a, long, int s) { return square(x[a + s] - mean[c]); }) / count;
        running_mean[c] += momentum * (mean[c] - running_mean[c]);
        running_variance[c] += momentum * (variance * count / (count - 1) - running_variance[c]);  // unbiased
      }
      scale[c] = 1.f / std::sqrt(variance + epsilon);
      float slope = state[gamma + c] * scale[c], shift = state[gamma + in.channels + c];
      pixels(c, [&](long a, long b) {
        for (int s = 0; s < pass.n; s++) y[b + s] = (x[a + s] - mean[c]) * slope + shift;
      });
    }
  }

  void backward(const float* state, float* gradient, const Vec* x, const Vec*, Vec* dx, Vec* dy,
                const Pass& pass) override {
    float count = pass.examples * in.height * in.width;
    for (int c = 0; c < in.channels; c++) {
      auto normal = [&](long a, int s) { return (x[a + s] - mean[c]) * scale[c]; };
      float along = over_channel(c, pass, [&](long a, long b, int s) { return dy[b + s] * normal(a, s); });
      float total = over_channel(c, pass, [&](long, long b, int s) { return dy[b + s]; });
      gradient[gamma + c] += along;
      gradient[gamma + in.channels + c] += total;
      float slope = state[gamma + c] * scale[c];
      if (dx)
        pixels(c, [&](long a, long b) {
          for (int s = 0; s < pass.n; s++) {
            Vec d = (dy[b + s] - total / count - normal(a, s) * (along / count)) * slope;
            dx[a + s] = choose(pass.live[s] > 0.f, d, Vec{});
          }
        });
    }
  }

 private:
  static Vec square(Vec a) { return a * a; }
  template <class F>
  void pixels(int c, F f) const {
    for (int i = 0; i < in.height; i++)
      for (int j = 0; j < in.width; j++) f((long)in.at(c, i, j) * stride, (long)out.at(c, i, j) * stride);
  }
  template <class F>
  float over_channel(int c, const Pass& pass, F f) const {
    Vec total = {};
    pixels(c, [&](long a, long b) {
      for (int s = 0; s < pass.n; s++) total += choose(pass.live[s] > 0.f, f(a, b, s), Vec{});
    });
    return sum(total);
  }
  long gamma, running;
  float epsilon, momentum;
  std::vector<float> mean, scale;
};

// Layer normalisation (Ba et al. 2016): x̂ = (x − mean) / √(variance + ε), y = γ x̂ + β, over the C units of an example.
//   dγ = Σ dy x̂,  dβ = Σ dy,  dx = (γ dy − Σ γ dy / C − x̂ Σ γ dy x̂ / C) / √(variance + ε), the last sums over units.
class LayerNorm : public Layer {
 public:
  LayerNorm(Shape in, Shape out, int stride, const LayerSpec& spec, long gamma)
      : Layer(in, out, stride), gamma(gamma), epsilon(spec.epsilon), mean(stride), scale(stride), along(stride),
        total(stride) {}

  void forward(float* state, const Vec* x, Vec* y, const Pass& pass) override {
    float units = (float)in.channels;
    for (int s = 0; s < pass.n; s++) mean[s] = scale[s] = Vec{};
    units_of(pass, [&](int, long a, long, int s) { mean[s] += x[a + s]; });
    for (int s = 0; s < pass.n; s++) mean[s] /= units;
    units_of(pass, [&](int, long a, long, int s) { scale[s] += (x[a + s] - mean[s]) * (x[a + s] - mean[s]); });
    for (int s = 0; s < pass.n; s++) scale[s] = 1.f / square_root(scale[s] / units + epsilon);
    units_of(pass, [&](int c, long a, long b, int s) {
      y[b + s] = (x[a + s] - mean[s]) * scale[s] * state[gamma + c] + state[gamma + in.channels + c];
    });
  }

  void backward(const float* state, float* gradient, const Vec* x, const Vec*, Vec* dx, Vec* dy,
                const Pass& pass) override {
    float units = (float)in.channels;
    auto normal = [&](long a, int s) { return (x[a + s] - mean[s]) * scale[s]; };
    for (int s = 0; s < pass.n; s++) along[s] = total[s] = Vec{};
    for (int c = 0; c < in.channels; c++) {
      long a = (long)in.at(c, 0, 0) * stride, b = (long)out.at(c, 0, 0) * stride;
      Vec factor = {}, shift = {};
      for (int s = 0; s < pass.n; s++) {
        Vec d = choose(pass.live[s] > 0.f, dy[b + s], Vec{}), x_hat = normal(a, s);
        factor += choose(pass.live[s] > 0.f, d * x_hat, Vec{});
        shift += d;
        along[s] += d * x_hat * state[gamma + c];
        total[s] += d * state[gamma + c];
      }
      gradient[gamma + c] += sum(factor);
      gradient[gamma + in.channels + c] += sum(shift);
    }
    if (!dx) return;
    units_of(pass, [&](int c, long a, long b, int s) {
      Vec d = (dy[b + s] * state[gamma + c] - total[s] / units - normal(a, s) * (along[s] / units)) * scale[s];
      dx[a + s] = choose(pass.live[s] > 0.f, d, Vec{});
    });
  }

 private:
  // Calls f(unit, offset in x, offset in y, vector) for every unit and every vector in use.
  template <class F>
  void units_of(const Pass& pass, F f) const {
    for (int c = 0; c < in.channels; c++) {
      long a = (long)in.at(c, 0, 0) * stride, b = (long)out.at(c, 0, 0) * stride;
      for (int s = 0; s < pass.n; s++) f(c, a, b, s);
    }
  }
  long gamma;
  float epsilon;
  std::vector<Vec> mean, scale, along, total;
};

// Pooling over windows; the padding takes no part in a maximum. Where several pixels hold the maximum, the gradient
// goes to the first of them only, as in PyTorch.
class Pool : public Layer {
 public:
  Pool(Shape in, Shape out, int stride, const LayerSpec& spec)
      : Layer(in, out, stride), takes_maximum(spec.kind == MAX_POOL) {
    for (int c = 0; c < out.channels; c++)
      for (int i = 0; i < out.height; i++)
        for (int j = 0; j < out.width; j++) add_window(spec, c, i, j);
  }

  void forward(float*, const Vec* x, Vec* y, const Pass& pass) override {
    for (const Window& w : windows)
      for (int s = 0; s < pass.n; s++) {
        Vec total = x[tap[w.first] + s];
        for (int k = w.first + 1; k < w.last; k++) {
          Vec next = x[tap[k] + s];
          if (takes_maximum)
            total = choose((next > total) | (next != next), next, total);
          else
            total += next;
        }
        y[w.to + s] = takes_maximum ? total : total * w.share;
      }
  }

  void backward(const float*, float*, const Vec* x, const Vec* y, Vec* dx, Vec* dy, const Pass& pass) override {
    if (!dx) return;
    each_input([&](long a) { std::fill(dx + a, dx + a + pass.n, Vec{}); });
    for (const Window& w : windows)
      for (int s = 0; s < pass.n; s++) {
        Vec rest = takes_maximum ? dy[w.to + s] : dy[w.to + s] * w.share, highest = y[w.to + s];
        for (int k = w.first; k < w.last; k++) {
          long a = tap[k] + s;
          if (!takes_maximum) {
            dx[a] += rest;
            continue;
          }
          Mask hit = (x[a] == highest) | (x[a] != x[a]);  // a NaN, where there is one, is the maximum
          dx[a] += choose(hit, rest, Vec{});
          rest = choose(hit, Vec{}, rest);
        }
      }
  }

 private:
  struct Window {
    int first, last;  // of its pixels in `tap`
    long to;
    float share;
  };

  void add_window(const LayerSpec& spec, int c, int i, int j) {
    int first = (int)tap.size(), top = i * spec.step[0] - spec.padding[0], left = j * spec.step[1] - spec.padding[1];
    for (int u = std::max(top, 0); u < std::min(top + spec.kernel[0], in.height); u++)
      for (int v = std::max(left, 0); v < std::min(left + spec.kernel[1], in.width); v++)
        tap.push_back((long)in.at(c, u, v) * stride);
    int last = (int)tap.size(), counted = spec.counts_padding ? spec.kernel[0] * spec.kernel[1] : last - first;
    windows.push_back({first, last, (long)out.at(c, i, j) * stride, 1.f / (float)counted});
  }

  template <class F>
  void each_input(F f) const {
    for (int c = 0; c < in.channels; c++)
      for (int i = 0; i < in.height; i++)
        for (int j = 0; j < in.width; j++) f((long)in.at(c, i, j) * stride);
  }

  std::vector<long> tap;
  std::vector<Window> windows;
  bool takes_maximum;
};

// Dropout (Srivastava et al. 2014): each unit is silenced with probability p and the others grow by 1 / (1 − p). Who
// is silenced is a hash of (key, step, layer, example, unit), so it depends on nothing that ran before; the very
// function is `hashed_uniform` in numerics/seeds.py.
class Dropout : public Layer {
 public:
  Dropout(Shape in, Shape out, int stride, const LayerSpec& spec) : Layer(in, out, stride), spec(spec),
      kept((size_t)in.features() * stride), examples((size_t)stride * LANES) {}

  void forward(float*, const Vec* x, Vec* y, const Pass& pass) override {
    if (pass.training) draw(pass);
    long unit = 0;
    each([&](long a, long b) {
      for (int s = 0; s < pass.n; s++) y[b + s] = pass.training ? x[a + s] * kept[unit + s] : x[a + s];
      unit += stride;
    });
  }
  void backward(const float*, float*, const Vec*, const Vec*, Vec* dx, Vec* dy, const Pass& pass) override {
    if (!dx) return;
    long unit = 0;
    each([&](long a, long b) {
      for (int s = 0; s < pass.n; s++) dx[a + s] = dy[b + s] * kept[unit + s];
      unit += stride;
    });
  }

 private:
  static constexpr uint64_t golden = 0x9E3779B97F4A7C15u;
  static uint64_t mix(uint64_t z) {  // splitmix64's finaliser (Steele, Lea and Flood 2014)
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  static uint64_t absorb(uint64_t state, uint64_t counter) { return mix(state ^ (counter * golden + golden)); }

  // A unit at a time over all examples, so that numbers are written where they lie side by side.
  void draw(const Pass& pass) {
    uint64_t layer = absorb(absorb(spec.key, pass.step), (uint64_t)spec.position);
    const int n = pass.n * LANES;
    for (int e = 0; e < n; e++) examples[e] = absorb(layer, pass.first + (uint64_t)e);
    const uint64_t* example = examples.data();
    const int64_t threshold = (int64_t)spec.threshold;  // of 53 bits, as what it is compared with
    const float scale = spec.scale;
    for (int u = 0; u < in.features(); u++) {
      float* row = (float*)&kept[(size_t)u * stride];
      const uint64_t unit = (uint64_t)u * golden + golden;
      for (int e = 0; e < n; e++) {
        int64_t drawn = (int64_t)(mix(mix(example[e] ^ unit) + golden) >> 11);
        row[e] = drawn >= threshold ? scale : 0.f;
      }
    }
  }

  LayerSpec spec;
  std::vector<Vec> kept;
  std::vector<uint64_t> examples;
};
