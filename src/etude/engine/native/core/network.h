// A network: its layers in order, the tensors between them, and one pass forward or backward over one block.
#pragma once
#include <cstdlib>
#include <cstring>
#include <new>

#include "layers.h"
#include "losses.h"

// Zeroed memory that vectors may live in.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t n) : size(n) {
    data = (T*)std::aligned_alloc(64, (n * sizeof(T) + 63) / 64 * 64 + 64);
    if (!data) throw std::bad_alloc();
    std::memset((void*)data, 0, n * sizeof(T));
  }
  Buffer(Buffer&& other) noexcept : data(other.data), size(other.size) { other.data = nullptr; }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data, other.data);
    std::swap(size, other.size);
    return *this;
  }
  ~Buffer() { std::free(data); }
  T* data = nullptr;
  size_t size = 0;
};

// Parameters fill up a multiple of this many numbers, so that no step of an optimiser, which takes whole vectors,
// touches the running statistics behind them.
constexpr long WHOLE = 8;

class Network {
 public:
  // batch: the most examples that a step sees
  Network(Shape input, const LayerSpec* specs, int n_layers, int batch) {
    plan(input, specs, n_layers);
    choose_stride(specs, n_layers, batch);
    build(specs, n_layers);
    for (const Shape& shape : shapes) {
      values.emplace_back((size_t)shape.stored() * stride);
      gradients.emplace_back((size_t)shape.stored() * stride);
    }
  }

  const Shape& input() const { return shapes[0]; }
  int outputs() const { return shapes.back().features(); }

  void prepare(const float* state) {
    for (auto& layer : layers) layer->prepare(state);
  }

  // Raw outputs of a block whose inputs are at x: [output][stride].
  const Vec* forward(float* state, const Vec* x, const Pass& pass) {
    for (size_t i = 0; i < layers.size(); i++)
      layers[i]->forward(state, i ? values[from[i]].data : x, values[to[i]].data, pass);
    return layers.empty() ? x : values[to.back()].data;
  }

  // Adds the gradient of the parameters, from that of the raw outputs, which `slope()` holds.
  void backward(const float* state, float* gradient, const Vec* x, const Pass& pass) {
    for (int i = (int)layers.size() - 1; i >= 0; i--)
      layers[i]->backward(state, gradient, i ? values[from[i]].data : x, values[to[i]].data,
                          i > learns_from ? gradients[from[i]].data : nullptr, gradients[to[i]].data, pass);
  }
  Vec* slope() { return gradients[to.back()].data; }

  long n_parameters = 0, n_state = 0;  // the state: all parameters, up to WHOLE, then running statistics
  int stride = 0;                      // vectors of a block

 private:
  // Shapes and borders. A layer whose derivative follows from its output works in place, unless what came before
  // still needs its own output, as a pool does to find its maximum.
  void plan(Shape input, const LayerSpec* specs, int n) {
    shapes.push_back(input);
    int now = 0;
    bool free_before = false;
    for (int i = 0; i < n; i++) {
      const LayerSpec& spec = specs[i];
      Shape in = shapes[now], out = in;
      out.halo[0] = out.halo[1] = 0;
      if (spec.kind == LINEAR) out = {spec.units};
      if (spec.kind == CONVOLUTION || spec.kind == MAX_POOL || spec.kind == AVERAGE_POOL) {
        out.height = (in.height + 2 * spec.padding[0] - spec.kernel[0]) / spec.step[0] + 1;
        out.width = (in.width + 2 * spec.padding[1] - spec.kernel[1]) / spec.step[1] + 1;
        if (spec.kind == CONVOLUTION) out.channels = spec.units;
      }
      bool in_place = spec.kind >= RELU && spec.kind != GELU && free_before;
      from.push_back(now);
      if (!in_place) {
        if (spec.kind == CONVOLUTION) border(spec, &shapes[now], &out);
        shapes.push_back(out);
        now = (int)shapes.size() - 1;
      }
      to.push_back(now);
      free_before = spec.kind < MAX_POOL;
    }
    for (const Shape& shape : shapes)
      if (!shape.fits()) throw std::bad_alloc();
    while (learns_from < n && specs[learns_from].kind >= MAX_POOL) learns_from++;  // nothing to learn before this one
  }

  // Zeros around a convolution's input stand for its padding, those around its output's gradient for pixels that
  // do not exist.
  static void border(const LayerSpec& spec, Shape* in, Shape* out) {
    int before[2] = {in->height, in->width}, after[2] = {out->height, out->width};
    for (int d = 0; d < 2; d++) {
      int first = (spec.kernel[d] - 1 - spec.padding[d] + spec.step[d] - 1) / spec.step[d];
      int last = (before[d] - 1 + spec.padding[d]) / spec.step[d] - (after[d] - 1);
      in->halo[d] = std::max(in->halo[d], spec.padding[d]);
      out->halo[d] = std::max({out->halo[d], first, last});
    }
  }

  // A block should fit the second cache: smaller ones pay more for calls and for sums over lanes than they save in
  // loads. Batch norm needs the whole batch at once.
  void choose_stride(const LayerSpec* specs, int n, int batch) {
    constexpr long cache = 256 << 10;
    long floats = 0;
    for (const Shape& shape : shapes) floats += 2 * shape.stored();
    long needed = (batch + LANES - 1) / LANES, fits = std::max(2L, cache / (floats * (long)sizeof(Vec)));
    for (int i = 0; i < n; i++)
      if (specs[i].kind == BATCH_NORM) fits = needed;
    long blocks = (needed + fits - 1) / fits;
    stride = (int)((needed + blocks - 1) / blocks);
  }

  void build(const LayerSpec* specs, int n) {
    for (int i = 0; i < n; i++) {  // parameters first, in PyTorch's order
      offsets.push_back(n_parameters);
      const Shape &in = shapes[from[i]], &out = shapes[to[i]];
      if (specs[i].kind == LINEAR) n_parameters += (long)out.channels * (in.features() + specs[i].has_bias);
      if (specs[i].kind == CONVOLUTION)
        n_parameters +=
            (long)out.channels * (in.channels * specs[i].kernel[0] * specs[i].kernel[1] + specs[i].has_bias);
      if (specs[i].kind == BATCH_NORM || specs[i].kind == LAYER_NORM) n_parameters += 2 * in.channels;
    }
    n_state = (n_parameters + WHOLE - 1) / WHOLE * WHOLE;
    for (int i = 0; i < n; i++) layers.push_back(layer(specs[i], shapes[from[i]], shapes[to[i]], offsets[i]));
    for (int i = 0; i < n; i++)
      if (specs[i].kind == RELU && from[i] == to[i])
        lend(static_cast<Elementwise<Relu>*>(layers[i].get()), specs, i, n);
  }

  // Products before and after a ReLU that works in place do its work on the way.
  void lend(Elementwise<Relu>* relu, const LayerSpec* specs, int i, int n) {
    auto is_product = [&](int k) { return k >= 0 && k < n && specs[k].kind <= CONVOLUTION; };
    if (is_product(i - 1)) relu->done_before = static_cast<Affine*>(layers[i - 1].get())->rectifies = true;
    if (is_product(i + 1)) relu->done_after = static_cast<Affine*>(layers[i + 1].get())->gated = true;
  }

  std::unique_ptr<Layer> layer(const LayerSpec& spec, Shape in, Shape out, long offset) {
    switch (spec.kind) {
      case LINEAR:
      case CONVOLUTION: return std::make_unique<Affine>(in, out, stride, spec, offset);
      case BATCH_NORM: n_state += 2 * in.channels;
        return std::make_unique<BatchNorm>(in, out, stride, spec, offset, n_state - 2 * in.channels);
      case LAYER_NORM: return std::make_unique<LayerNorm>(in, out, stride, spec, offset);
      case MAX_POOL:
      case AVERAGE_POOL: return std::make_unique<Pool>(in, out, stride, spec);
      case DROPOUT: return std::make_unique<Dropout>(in, out, stride, spec);
      case RELU: return std::make_unique<Elementwise<Relu>>(in, out, stride, spec);
      case LEAKY_RELU: return std::make_unique<Elementwise<LeakyRelu>>(in, out, stride, spec);
      case SIGMOID: return std::make_unique<Elementwise<Sigmoid>>(in, out, stride, spec);
      case TANH: return std::make_unique<Elementwise<Tanh>>(in, out, stride, spec);
      default: return std::make_unique<Elementwise<Gelu>>(in, out, stride, spec);
    }
  }

  std::vector<Shape> shapes;     // of each tensor, the input first
  std::vector<int> from, to;     // tensor before and after each layer
  std::vector<long> offsets;     // of each layer's parameters
  std::vector<std::unique_ptr<Layer>> layers;
  std::vector<Buffer<Vec>> values, gradients;
  int learns_from = 0;           // the first layer with parameters
};
