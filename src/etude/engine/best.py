"""Early stopping: the weights at the best validation objective, and when to give up waiting for better ones."""

import math

import torch
from torch import nn

from etude.values.optimizer import EarlyStopping


class BestWeights:
    """Watches the validation objective and keeps a copy of the weights and buffers at its lowest point."""

    def __init__(self, rule: EarlyStopping | None, model: nn.Module) -> None:
        """With no rule, nothing is watched and the last weights are kept."""
        self.rule, self.model = rule, model
        self.lowest, self.step, self.waited = math.inf, 0, 0
        self._kept: dict[str, torch.Tensor] = {}

    def is_exhausted(self, step: int, objective: float) -> bool:
        """Take note of an epoch; True once `patience` epochs in a row have not been better by more than `min_delta`."""
        if self.rule is None:
            return False
        if objective < self.lowest - self.rule.min_delta:
            self.lowest, self.step, self.waited = objective, step, 0
            self._kept = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
            return False
        self.waited += 1
        return self.waited >= self.rule.patience

    def restore(self, *, last_step: int) -> int:
        """Put the kept weights back; returns the step they are of."""
        if not self._kept:
            return last_step
        self.model.load_state_dict(self._kept)
        return self.step
