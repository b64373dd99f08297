// étude's cohort engine: one call trains one replicate, on one thread, from its arrays to its curves.
//
// A replicate's arithmetic never depends on its neighbours: alone, or with a thousand others on any number of threads,
// it is the same bit for bit. Python's threads call it side by side; it holds no global state and no lock.
// Built twice on x86 (with AVX2 and FMA, and without); `engine/native/library.py` mirrors the structs and loads one.
#include <atomic>
#include <limits>

#include "network.h"
#include "optimizers.h"

extern "C" {

struct Part {  // rows of one split: inputs [rows][features]; targets [rows], null where only outputs are wanted
  const float *inputs, *targets;
  int32_t rows;
};

struct Problem {
  int32_t channels, height, width;  // of one example
  int32_t n_layers;
  const LayerSpec* layers;
  int32_t loss, batch;              // rows a step; the last step of an epoch may have fewer
  Part train, validation, test;     // test: of no rows where there is none
  OptimizerSpec optimizer;
  double clip;                      // largest norm of the gradient; 0: none
  int32_t patience;                 // epochs without improvement before stopping; 0: no early stopping
  int32_t stops_when_diverged;      // at the first training loss that is not finite
  double min_delta;
  double smoothing;                 // of labels
  const float* class_weights;       // one a class; null: each is 1
};

enum Ending : int32_t { GOING_ON, STOPPED_EARLY, DIVERGED, INTERRUPTED };

struct Progress {
  int64_t step, kept_step;          // steps taken; step of the lowest validation objective under early stopping
  int32_t epochs, ending;
};

}  // extern "C"

// The rows of a part, as blocks: [block][feature][stride], with `live` marking which lanes hold an example.
class Blocks {
 public:
  Blocks(const Network& network, int most_rows)
      : shape(network.input()), stride(network.stride), count((most_rows + stride * LANES - 1) / (stride * LANES)),
        inputs((size_t)count * shape.stored() * stride), targets((size_t)count * stride),
        live((size_t)count * stride) {
    for (int c = 0; c < shape.channels; c++)
      for (int i = 0; i < shape.height; i++)
        for (int j = 0; j < shape.width; j++) slot.push_back((long)shape.at(c, i, j) * stride * LANES);
  }

  // order: which rows, in which order; null: the first `rows` as they are
  void fill(const Part& part, const int32_t* order, int rows) {
    filled = rows;
    int per_block = stride * LANES;
    for (int b = 0; b * per_block < rows; b++) {
      float *x = (float*)input(b), *t = (float*)target(b), *alive = (float*)(live.data + (size_t)b * stride);
      int here = std::min(per_block, rows - b * per_block), lanes = (here + LANES - 1) / LANES * LANES;
      for (int e = 0; e < lanes; e++) {
        int from = b * per_block + (e < here ? e : 0);  // the rest repeat an example, so that none overflows alone
        long row = order ? order[from] : from;
        alive[e] = e < here ? 1.f : 0.f;
        t[e] = part.targets ? part.targets[row] : 0.f;
        copy_example(part.inputs + row * shape.features(), x + e);
      }
    }
  }

  int blocks() const { return (filled + stride * LANES - 1) / (stride * LANES); }
  Vec* input(int b) { return inputs.data + (size_t)b * shape.stored() * stride; }
  Vec* target(int b) { return targets.data + (size_t)b * stride; }
  Pass pass(int b, bool training, uint64_t step) const {
    int first = b * stride * LANES, here = std::min(stride * LANES, filled - first);
    return {(here + LANES - 1) / LANES, live.data + (size_t)b * stride, (float)here, training, step, (uint64_t)first};
  }

 private:
  void copy_example(const float* row, float* x) const {
    for (int f = 0, n = (int)slot.size(); f < n; f++) x[slot[f]] = row[f];
  }
  Shape shape;
  int stride, count, filled = 0;
  Buffer<Vec> inputs, targets, live;
  std::vector<long> slot;  // where each number of an example lies in its block
};

class Training {
 public:
  Training(const Problem& problem, const float* start, const std::atomic<int32_t>* stop)
      : problem(problem), aim{(float)problem.smoothing, problem.class_weights}, stop(stop),
        network({problem.channels, problem.height, problem.width}, problem.layers, problem.n_layers, problem.batch),
        train(network, problem.batch), validation(network, problem.validation.rows), test(network, problem.test.rows),
        block(network, network.stride * LANES), vectors((int)((network.n_parameters + LANES - 1) / LANES)),
        state(room(network.n_state)), kept(0), gradient(room(network.n_parameters)),
        first(room(network.n_parameters)), second(room(network.n_parameters)),
        scratch((size_t)network.outputs() * network.stride) {
    std::memcpy(state.data, start, sizeof(float) * network.n_state);
    validation.fill(problem.validation, nullptr, problem.validation.rows);
    test.fill(problem.test, nullptr, problem.test.rows);
    in_order = problem.batch >= problem.train.rows;
    if (in_order) train.fill(problem.train, nullptr, problem.train.rows);
    if (problem.patience) kept = Buffer<float>(room(network.n_state));
  }

  // One epoch: mean of its batches' losses, then the loss on the validation rows, both rounded as torch gives them.
  void epoch(const int32_t* order, const double* rates, long n_rates, double* train_loss, double* validation_loss) {
    int rows = problem.train.rows;
    double total = 0;
    long steps = 0, broken = -1;
    for (int first_row = 0; first_row < rows; first_row += problem.batch, steps++) {
      if (is_stopped()) return;
      double rate = n_rates > 1 ? rates[steps] : rates[0];
      float loss = step(order ? order + first_row : nullptr, std::min(problem.batch, rows - first_row), rate, steps);
      if (broken >= 0) continue;  // as in `loop`, an epoch that breaks is trained to its end and told up to there
      total += loss;
      if (problem.stops_when_diverged && !std::isfinite(loss)) broken = steps;
    }
    if (is_stopped()) return;
    if (broken >= 0) {
      progress.ending = DIVERGED;
      steps = broken + 1;
    }
    progress.step += steps;
    progress.epochs++;
    *train_loss = total / (double)steps;
    *validation_loss = evaluate();
    if (problem.patience && progress.ending == GOING_ON) watch(*validation_loss);
  }

  // Raw outputs of rows in evaluation mode, [rows][outputs]; returns where they end.
  float* outputs(const Part& part, float* out) {
    int per_block = network.stride * LANES;
    network.prepare(state.data);
    for (int first_row = 0; first_row < part.rows; first_row += per_block) {
      int rows = std::min(per_block, part.rows - first_row);
      block.fill({part.inputs + (size_t)first_row * network.input().features(), nullptr, rows}, nullptr, rows);
      out = outputs(block, out);
    }
    return out;
  }

  // Those of the training, the validation and the test part, one after the other: what every scoring needs.
  float* outputs_of_all(float* out) {
    network.prepare(state.data);
    out = in_order ? outputs(train, out) : outputs(problem.train, out);
    return outputs(test, outputs(validation, out));
  }

  // Back to the weights of the lowest validation objective, where early stopping kept some.
  void restore() {
    if (kept_any) std::memcpy(state.data, kept.data, sizeof(float) * network.n_state);
  }

  const float* parameters() const { return state.data; }
  Progress progress = {};

 private:
  bool is_stopped() {
    if (stop->load(std::memory_order_relaxed)) progress.ending = INTERRUPTED;
    return progress.ending == INTERRUPTED;
  }

  static size_t room(long n) { return (size_t)(n + LANES - 1) / LANES * LANES; }

  float step(const int32_t* order, int rows, double rate, long steps_this_epoch) {
    if (order) {
      train.fill(problem.train, order, rows);
      in_order = false;
    }
    std::memset(gradient.data, 0, sizeof(float) * gradient.size);
    network.prepare(state.data);
    float total = 0, share = 1.f / (float)rows;
    uint64_t taken = (uint64_t)(progress.step + steps_this_epoch);
    for (int b = 0; b < train.blocks(); b++) {
      if (is_stopped()) return 0;
      Pass pass = train.pass(b, true, taken);
      const Vec* z = network.forward(state.data, train.input(b), pass);
      total += loss_of_block((LossKind)problem.loss, z, train.target(b), pass.live, pass.n, network.outputs(),
                             network.stride, share, network.slope(), scratch.data, aim);
      network.backward(state.data, gradient.data, train.input(b), pass);
    }
    Vec* g = (Vec*)gradient.data;
    if (problem.clip > 0) clip_norm(vectors, g, (float)problem.clip);
    take_step(problem.optimizer, rate, &powers, vectors, (Vec*)state.data, g, (Vec*)first.data, (Vec*)second.data);
    return total * share;
  }

  double evaluate() {
    network.prepare(state.data);
    float total = 0;
    for (int b = 0; b < validation.blocks() && !is_stopped(); b++) {
      Pass pass = validation.pass(b, false, 0);
      const Vec* z = network.forward(state.data, validation.input(b), pass);
      total += loss_of_block((LossKind)problem.loss, z, validation.target(b), pass.live, pass.n, network.outputs(),
                             network.stride, 0, nullptr, scratch.data, aim);
    }
    return total / (float)problem.validation.rows;
  }

  float* outputs(Blocks& rows, float* out) {
    int n = network.outputs(), row = network.stride * LANES;
    for (int b = 0; b < rows.blocks() && !is_stopped(); b++) {
      Pass pass = rows.pass(b, false, 0);
      const float* z = (const float*)network.forward(state.data, rows.input(b), pass);
      for (int e = 0; e < (int)pass.examples; e++)
        for (int k = 0; k < n; k++) *out++ = z[(size_t)k * row + e];
    }
    return out;
  }

  void watch(double objective) {
    if (objective < lowest - problem.min_delta) {
      lowest = objective;
      waited = 0;
      kept_any = true;
      progress.kept_step = progress.step;
      std::memcpy(kept.data, state.data, sizeof(float) * network.n_state);
    } else if (++waited >= problem.patience) {
      progress.ending = STOPPED_EARLY;
    }
  }

  Problem problem;
  Aim aim;
  const std::atomic<int32_t>* stop;
  Network network;
  bool in_order, kept_any = false;        // in order: `train` holds all its rows as they are
  Blocks train, validation, test, block;  // block: room for rows that only pass by
  int vectors;
  Buffer<float> state, kept, gradient, first, second;
  Buffer<Vec> scratch;
  Powers powers;
  double lowest = std::numeric_limits<double>::infinity();
  int waited = 0;
};

extern "C" {

// A training at its start, from `state`: all parameters, then all running statistics. Null where memory is short.
// stop: once it is not 0, whatever runs ends at its next block of examples.
Training* etude_open(const Problem* problem, const float* state, const std::atomic<int32_t>* stop) {
  try {
    return new Training(*problem, state, stop);
  } catch (const std::exception&) {  // bad_alloc, or a length that no vector can have
    return nullptr;
  }
}

void etude_close(Training* training) { delete training; }

// Trains `epochs` epochs more, or until the training ends or is stopped; returns how many were trained.
// order: [epochs][rows], or null for a full batch. rates: one, or one for each step. losses: [2][epochs]: training,
// validation. After each epoch whose number is a multiple of `every`, `outputs` is given
// those of all parts, unless the training diverged there.
int32_t etude_advance(Training* training, int32_t epochs, const int32_t* order, int32_t rows, const double* rates,
                      int64_t steps_per_epoch, double* losses, int32_t every, float* outputs) {
  for (int32_t e = 0; e < epochs; e++) {
    if (training->progress.ending != GOING_ON) return e;
    training->epoch(order ? order + (size_t)e * rows : nullptr, steps_per_epoch ? rates + e * steps_per_epoch : rates,
                    steps_per_epoch, losses + e, losses + epochs + e);
    Ending ending = (Ending)training->progress.ending;
    if (training->progress.epochs % every == 0 && (ending == GOING_ON || ending == STOPPED_EARLY))
      outputs = training->outputs_of_all(outputs);
  }
  return epochs;
}

// The sizes of the structs, so that a test can hold them against Python's.
int32_t etude_size(int32_t which) {
  constexpr size_t sizes[] = {sizeof(LayerSpec), sizeof(OptimizerSpec), sizeof(Part), sizeof(Problem),
                              sizeof(Progress)};
  return (int32_t)sizes[which];
}

// Whether this processor has what the faster build needs.
int32_t etude_has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 0;
#endif
}

void etude_outputs(Training* training, const Part* part, float* out) { training->outputs(*part, out); }
void etude_outputs_of_all(Training* training, float* out) { training->outputs_of_all(out); }
void etude_restore(Training* training) { training->restore(); }
// All parameters, then from the next multiple of WHOLE on all running statistics.
const float* etude_state(const Training* training) { return training->parameters(); }
void etude_progress(const Training* training, Progress* out) { *out = training->progress; }

}  // extern "C"
