"""The losses of a watched loop, collected without waiting for the device they are on."""

import numpy as np
import torch
from torch import Tensor

from etude.engine.activations import is_captured

WITH_ITEM = (Tensor, np.ndarray)

AT_ONCE = 1_024
"""Losses that wait to be fetched, at most."""


class LossesSeen:
    """Losses with the step each was given at; on a device they wait there until they are fetched all at once."""

    def __init__(self) -> None:
        """None yet."""
        self._steps: list[int] = []
        self._values: list[float] = []
        self._waiting: Tensor | None = None
        self._count = 0
        self._last: tuple[int, float, int] | None = None

    def add(self, step: int, loss: Tensor | float) -> bool:
        """Take note of a loss; whether so many wait that they should be fetched.

        On the CPU a number is there already. Elsewhere it is copied on the device, since a loss may be changed or
        overwritten by the time it is fetched.
        """
        if not isinstance(loss, Tensor) or loss.is_cpu:
            if self._waiting is None:
                self._values.append(number(loss))
                self._steps.append(step)
                return len(self._steps) >= AT_ONCE
            loss = torch.as_tensor(number(loss))  # a loop that reports from two devices
        if is_captured(loss):
            return False
        if self._waiting is None:
            self._waiting = torch.zeros(AT_ONCE, dtype=torch.float32, device=loss.device)
        with torch.no_grad():
            self._waiting[self._count].copy_(loss.detach().reshape(()), non_blocking=True)
        self._count += 1
        self._steps.append(step)
        return self._count >= AT_ONCE

    def fetch(self) -> list[tuple[int, float]]:
        """The mean loss of each step since the last call; a step that went on since is given again, with all of its."""
        if self._waiting is not None and self._count:
            # a number that was reported before the first tensor of the device stands first
            self._values += self._waiting[: self._count].tolist()
            self._count = 0
        fresh = dict.fromkeys(self._steps)
        if len(fresh) == len(self._steps) and (self._last is None or self._last[0] not in fresh):
            return self._single()
        means: dict[int, tuple[float, int]] = {} if self._last is None else {self._last[0]: self._last[1:]}
        for step, value in zip(self._steps, self._values, strict=True):
            total, count = means.get(step, (0.0, 0))
            means[step] = (total + value, count + 1)
        self._last = (self._steps[-1], *means[self._steps[-1]])
        self._steps, self._values = [], []
        return [(step, means[step][0] / means[step][1]) for step in fresh]

    def _single(self) -> list[tuple[int, float]]:
        """One loss a step, so that there is nothing to average."""
        points = list(zip(self._steps, self._values, strict=True))
        if points:
            self._last = (*points[-1], 1)
        self._steps, self._values = [], []
        return points


def number(value: Tensor | float) -> float:
    """A number, also of a tensor that has a graph, and of an array that holds one."""
    return float(value.item() if isinstance(value, WITH_ITEM) else value)
