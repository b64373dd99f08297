// The losses: the sum over the examples of a block, and its gradient with respect to the raw outputs z times `share`.
//
// Each is what `engine/losses.py` defines through PyTorch. Targets: one number an example, or its class number.
#pragma once
#include "vector.h"

enum LossKind : int32_t {
  LOG_LOSS, SQUARED_PROBABILITY, SQUARED_ERROR, ABSOLUTE_ERROR, HUBER, CROSS_ENTROPY, SQUARED_PROBABILITIES
};

// What becomes of a label y: of C classes its own keeps 1 − smoothing and all of them share the rest alike, and the loss
// of its example is multiplied by the weight of its class.
struct Aim {
  float smoothing;
  const float* weights;  // one a class; null: each is 1
  bool is_plain() const { return smoothing == 0 && !weights; }
};

// One output an example. F gives the loss of one vector and, unless d is null, its derivative.
template <class F>
static float over_examples(const Vec* z, const Vec* target, const Vec* live, int n, float share, Vec* d, F f) {
  Vec total = {};
  if (d)
    for (int s = 0; s < n; s++) {
      Vec slope, loss = f(z[s], target[s], &slope);
      total += choose(live[s] > 0.f, loss, Vec{});
      d[s] = choose(live[s] > 0.f, slope * share, Vec{});
    }
  else
    for (int s = 0; s < n; s++) {
      Vec slope;
      total += choose(live[s] > 0.f, f(z[s], target[s], &slope), Vec{});
    }
  return sum(total);
}

// log(1 + e^z) − t z, without overflow, in the terms that PyTorch takes, for an infinite z shows in them; its
// derivative is sigmoid(z) − t. One division serves both.
static inline Vec log_loss(Vec z, Vec t, Vec* slope) {
  Vec e = exp_negative(-magnitude(z)), one = 1.f + e, two = 2.f + e;
  Vec inverse = 1.f / (one * two);
  Vec r = inverse * two;
  *slope = (0.f > z ? e * r : r) - t;
  return (1.f - t) * z + positive_part(-z) + log1p_of_half(e * inverse * one);
}
// An infinite z is NaN, as in losses.py: a sum that has overflowed is no certainty.
static inline Vec finite_or_nan(Vec z) { return z + 0.f * z; }
static inline Vec squared_probability(Vec z, Vec t, Vec* slope) {  // (p − t)², p = sigmoid(z), p′ = p (1 − p)
  Vec p = sigmoid(finite_or_nan(z)), error = p - t;
  *slope = 2.f * error * (1.f - p) * p;
  return error * error;
}
static inline Vec squared_error(Vec z, Vec t, Vec* slope) {
  Vec error = z - t;
  *slope = 2.f * error;
  return error * error;
}
static inline Vec absolute_error(Vec z, Vec t, Vec* slope) {  // the derivative at 0 is 0
  Vec error = z - t;
  *slope = error > 0.f ? splat(1.f) : (error < 0.f ? splat(-1.f) : error);
  return magnitude(error);
}
static inline Vec huber(Vec z, Vec t, Vec* slope) {  // ½ e² within ±1, |e| − ½ beyond (Huber 1964)
  Vec error = z - t, size = magnitude(error);
  Mask near = size < 1.f;
  *slope = choose(near, error, error > 0.f ? splat(1.f) : (error < 0.f ? splat(-1.f) : error));
  return choose(near, 0.5f * error * error, size - 0.5f);
}

// The same of one output whose targets are labels 0 and 1.
template <class F>
static float over_labels(const Vec* z, const Vec* target, const Vec* live, int n, float share, Vec* d, const Aim& aim,
                         F f) {
  float zero = aim.weights ? aim.weights[0] : 1.f, one = aim.weights ? aim.weights[1] : 1.f;
  return over_examples(z, target, live, n, share, d, [&](Vec z, Vec y, Vec* slope) {
    Vec weight = y * one + (1.f - y) * zero, loss = f(z, y * (1.f - aim.smoothing) + 0.5f * aim.smoothing, slope);
    *slope *= weight;
    return loss * weight;
  });
}

// The weight of each example's class.
static Vec weight_of(const Aim& aim, Vec target, int classes) {
  Vec found = splat(1.f);
  for (int k = 0; aim.weights && k < classes; k++) found = choose(target == (float)k, splat(aim.weights[k]), found);
  return found;
}

// Softmax of one vector of examples: the e^(z − max) of each class into `e`; returns their sum, and max in `top`.
static inline Vec exponentials(const Vec* z, int classes, int stride, Vec* e, Vec* top) {
  *top = z[0];
  for (int k = 1; k < classes; k++) {
    Vec next = z[(long)k * stride];
    *top = choose((next > *top) | (next != next), next, *top);  // NaN is the largest of all
  }
  Vec total = {};
  for (int k = 0; k < classes; k++) total += e[(long)k * stride] = exp_negative(z[(long)k * stride] - *top);
  return total;
}

// Natural logarithm of what is at least 1, a sum of exponentials: the compiler's own, lane by lane.
static inline Vec logarithm(Vec x) {
  Vec y;
  for (int i = 0; i < LANES; i++) y[i] = std::log(x[i]);
  return y;
}

// −log p_t with p = softmax(z); its derivative is p − 1[k = t]. Aimed: the weight times −Σ_k q_k log p_k, which is
// log p_t's loss + smoothing · (z_t − mean of z), and the weight times p − q.
template <bool AIMED>
static float cross_entropy(const Vec* z, const Vec* target, const Vec* live, int n, int classes, int stride,
                           float share, Vec* d, Vec* scratch, const Aim& aim) {
  Vec total = {}, top, weight = {}, other = splat(AIMED ? aim.smoothing / (float)classes : 0.f);
  for (int s = 0; s < n; s++) {
    Vec* e = d ? d + s : scratch + s;
    Vec all = exponentials(z + s, classes, stride, e, &top), at_target = {}, mean = {};
    for (int k = 0; k < classes; k++)
      at_target = choose(target[s] == (float)k, z[(long)k * stride + s], at_target);
    Vec loss = top + logarithm(all) - at_target;
    if (AIMED) {
      for (int k = 0; k < classes; k++) mean += z[(long)k * stride + s] / (float)classes;
      weight = weight_of(aim, target[s], classes);
      loss = (loss + aim.smoothing * (at_target - mean)) * weight;
    }
    total += choose(live[s] > 0.f, loss, Vec{});
    if (!d) continue;
    Vec inverse = 1.f / all;
    for (int k = 0; k < classes; k++) {
      Vec right = choose(target[s] == (float)k, splat(1.f), Vec{});
      if (AIMED) right = right * (1.f - aim.smoothing) + other;
      Vec slope = e[(long)k * stride] * inverse - right;
      if (AIMED) slope *= weight;
      e[(long)k * stride] = choose(live[s] > 0.f, slope * share, Vec{});
    }
  }
  return sum(total);
}

// Σ_k (p_k − 1[k = t])² / K; with g_k = 2 (p_k − 1[k = t]) / K its derivative is p_k (g_k − Σ_j p_j g_j). Aimed: with
// q_k in the place of 1[k = t], and times the weight.
template <bool AIMED>
static float squared_probabilities(const Vec* z, const Vec* target, const Vec* live, int n, int classes, int stride,
                                   float share, Vec* d, Vec* scratch, const Aim& aim) {
  Vec total = {}, top, other = splat(AIMED ? aim.smoothing / (float)classes : 0.f);
  Vec own = AIMED ? other + (1.f - aim.smoothing) : splat(1.f);
  for (int s = 0; s < n; s++) {
    Vec* p = d ? d + s : scratch + s;
    Vec inverse = 1.f / exponentials(z + s, classes, stride, p, &top), squares = {}, mixed = {};
    for (int k = 0; k < classes; k++) inverse += finite_or_nan(z[(long)k * stride + s]) * 0.f;
    for (int k = 0; k < classes; k++) {
      Vec q = p[(long)k * stride] *= inverse, error = q - choose(target[s] == (float)k, own, other);
      squares += error * error;
      mixed += q * error;
    }
    Vec loss = squares / (float)classes, weight = AIMED ? weight_of(aim, target[s], classes) : splat(1.f);
    if (AIMED) loss *= weight;
    total += choose(live[s] > 0.f, loss, Vec{});
    if (!d) continue;
    for (int k = 0; k < classes; k++) {
      Vec q = p[(long)k * stride], error = q - choose(target[s] == (float)k, own, other);
      Vec slope = q * (error - mixed) * (2.f / (float)classes * share);
      if (AIMED) slope *= weight;
      p[(long)k * stride] = choose(live[s] > 0.f, slope, Vec{});
    }
  }
  return sum(total);
}

// Those of classes, aimed.
static float aimed_loss_of_block(LossKind kind, const Vec* z, const Vec* target, const Vec* live, int n, int outputs,
                                 int stride, float share, Vec* d, Vec* scratch, const Aim& aim) {
  switch (kind) {
    case LOG_LOSS: return over_labels(z, target, live, n, share, d, aim, log_loss);
    case SQUARED_PROBABILITY: return over_labels(z, target, live, n, share, d, aim, squared_probability);
    case CROSS_ENTROPY: return cross_entropy<true>(z, target, live, n, outputs, stride, share, d, scratch, aim);
    default: return squared_probabilities<true>(z, target, live, n, outputs, stride, share, d, scratch, aim);
  }
}

// The table of them. z, d and scratch: one block of raw outputs, classes `stride` vectors apart.
static float loss_of_block(LossKind kind, const Vec* z, const Vec* target, const Vec* live, int n, int outputs,
                           int stride, float share, Vec* d, Vec* scratch, const Aim& aim) {
  if (!aim.is_plain()) return aimed_loss_of_block(kind, z, target, live, n, outputs, stride, share, d, scratch, aim);
  switch (kind) {
    case LOG_LOSS: return over_examples(z, target, live, n, share, d, log_loss);
    case SQUARED_PROBABILITY: return over_examples(z, target, live, n, share, d, squared_probability);
    case SQUARED_ERROR: return over_examples(z, target, live, n, share, d, squared_error);
    case ABSOLUTE_ERROR: return over_examples(z, target, live, n, share, d, absolute_error);
    case HUBER: return over_examples(z, target, live, n, share, d, huber);
    case CROSS_ENTROPY: return cross_entropy<false>(z, target, live, n, outputs, stride, share, d, scratch, aim);
    default: return squared_probabilities<false>(z, target, live, n, outputs, stride, share, d, scratch, aim);
  }
}
