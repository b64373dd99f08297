// The optimisers, on the flat vector of all parameters: one loop, whatever the layers.
#pragma once
#include "vector.h"

enum OptimizerKind : int32_t { SGD, RMSPROP, ADAM, ADAMW };

struct OptimizerSpec {
  int32_t kind, nesterov;
  double momentum, smoothing, epsilon, weight_decay;  // momentum: β₁ of Adam; smoothing: β₂, or α
};

// How far the bias of Adam's memories has decayed: β₁ᵗ and β₂ᵗ, t counting steps from 1.
struct Powers {
  double first = 1, second = 1;
};

// One step of `n` vectors of parameters p with gradients g and two memories.
static void take_step(const OptimizerSpec& spec, double rate, Powers* powers, int n, Vec* p, const Vec* g, Vec* first,
                      Vec* second) {
  const float lr = (float)rate, decay = (float)spec.weight_decay, b1 = (float)spec.momentum,
              b2 = (float)spec.smoothing, eps = (float)spec.epsilon;
  switch (spec.kind) {
    case SGD:  // v ← μ v + g;  p ← p − η v, or p − η (g + μ v) with Nesterov's look ahead
      for (int i = 0; i < n; i++) {
        Vec d = g[i] + decay * p[i];
        first[i] = b1 * first[i] + d;
        p[i] -= lr * (spec.nesterov ? d + b1 * first[i] : first[i]);
      }
      return;
    case RMSPROP:  // s ← α s + (1 − α) g²;  v ← μ v + g / (√s + ε);  p ← p − η v  (Hinton 2012)
      for (int i = 0; i < n; i++) {
        Vec d = g[i] + decay * p[i];
        second[i] = b2 * second[i] + (float)(1 - spec.smoothing) * d * d;
        first[i] = b1 * first[i] + d / (square_root(second[i]) + eps);
        p[i] -= lr * first[i];
      }
      return;
    default: {  // m ← β₁ m + (1 − β₁) g;  s ← β₂ s + (1 − β₂) g²;  p ← p − η m̂ / (√ŝ + ε)  (Kingma and Ba 2015)
      const float through = spec.kind == ADAM ? decay : 0.f;
      const float keep = spec.kind == ADAMW ? (float)(1 - rate * spec.weight_decay) : 1.f;  // decoupled
      powers->first *= spec.momentum;
      powers->second *= spec.smoothing;
      const float pace = (float)(rate / (1 - powers->first)), root = (float)(1 / std::sqrt(1 - powers->second));
      const float c1 = (float)(1 - spec.momentum), c2 = (float)(1 - spec.smoothing);
      for (int i = 0; i < n; i++) {
        Vec d = g[i] + through * p[i];
        first[i] += (d - first[i]) * c1;
        second[i] = second[i] * b2 + d * d * c2;
        p[i] = keep * p[i] - pace * first[i] / (square_root(second[i]) * root + eps);
      }
    }
  }
}

// Scales the gradient down to norm `most` (Pascanu et al. 2013), as torch's clip_grad_norm_ does.
static void clip_norm(int n, Vec* g, float most) {
  double squared = 0;
  for (int i = 0; i < n; i++) squared += sum(g[i] * g[i]);
  float scale = most / ((float)std::sqrt(squared) + 1e-6f);
  if (scale >= 1) return;  // a norm of NaN scales all to NaN, as it should
  for (int i = 0; i < n; i++) g[i] *= scale;
}
