"""The optimiser steps of a watched loop: they are counted, and some of them are measured."""

import math
import time
import weakref
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from etude.engine.activations import Activations
from etude.engine.layers import layers_of
from etude.engine.sampling import Sampling
from etude.engine.signals import Step, read

CLIPPED = 0.999
"""A gradient whose norm is this share of the limit was clipped: clipping leaves it a little below, for rounding."""

TIMED = 8
"""Every so many steps one is timed; fewer than between two samples, so that there is always one."""

Note = Callable[[int, Mapping[str, float]], None]


class Steps:
    """Counts steps, one for all optimisers that take turns, and measures those that are due.

    step:     the last one that was begun
    are_seen: whether an optimiser is known to take them, so that losses need not count them
    is_due:   whether the one that was begun, or else the next, is to be measured
    is_plain: whether neither the one that was begun nor the one after it is, so that there is nothing to do after it
    """

    def __init__(self, model: "weakref.ref[nn.Module]", optimizers: int, sampling: Sampling, note: Note) -> None:
        """optimizers: how many there are; note: is given what was measured of a step."""
        self.step = 0
        self.are_seen = False
        self.sampling = sampling
        self.is_due, self.is_plain = False, True
        self.clip_norm: float | None = None
        self.seconds = 0.0
        self._model, self._optimizers, self._note = model, optimizers, note
        self._activations = Activations()
        self._rows: dict[str, Tensor] = {}
        self._sample: Step | None = None
        self._taken: set[int] = set()
        self._due = 0
        self._since: float | None = None
        self._cost = 0.0
        self._norm: Tensor | float | None = None
        self._clips: Tensor | float = 0
        self._clip_steps = 0

    def begin(self, *, are_seen: bool) -> None:
        """Look ahead to the first step. are_seen: whether an optimiser will take them."""
        self.are_seen = self.are_seen or are_seen
        self._due = self.sampling.next_after(self.step)
        self._plan()

    def pause(self) -> None:
        """What passes between this step and the next is more than a step."""
        self._since = None

    def before(self, which: int, optimizer: Optimizer, *, closure: bool) -> None:
        """An optimiser is about to change weights; with a closure, it will first ask for the gradients itself."""
        if not self._taken or which in self._taken:
            self.finish()
            self.step += 1
            self.is_plain = self.step + 1 < self._due
            if self._since is not None or self.step % TIMED == 0:
                self._time()
        self.are_seen = True
        self._taken.add(which)
        if self.is_due and not _is_recorded():
            self._look(optimizer, closure=closure)

    def after(self, optimizer: Optimizer) -> None:
        """It has changed them; where the step is plain, this need not be told."""
        if self._sample is not None:
            began = time.perf_counter()
            self._sample.after(optimizer)
            self._cost += time.perf_counter() - began
        if len(self._taken) == self._optimizers:
            self.finish()

    def clipped(self, norm: Tensor | float) -> None:
        """The norm of the whole gradient before it was clipped, for the step to come."""
        self._norm = norm.detach() if isinstance(norm, Tensor) else float(norm)
        if self.clip_norm is not None:
            self._clips = self._clips + (self._norm > self.clip_norm)
            self._clip_steps += 1

    def finish(self) -> None:
        """The step is over, if one was begun."""
        if not self._taken:
            return
        self._taken.clear()
        if self.is_due:
            self._conclude()
        self._norm = None
        self._plan()

    def end(self) -> None:
        """No step will follow."""
        self.finish()
        self._activations.remove()
        self.is_due = False

    def abandon(self) -> None:
        """Measure nothing any more; what is hooked goes."""
        self._activations.remove()
        self._sample, self.is_due = None, False

    def _time(self) -> None:
        """Take the time of a step, from its beginning to that of the next."""
        now = time.perf_counter()
        if self._since is not None:
            self.sampling.note_step(now - self._since)
        self._since = now if self._since is None else None

    def _plan(self) -> None:
        """Make ready for the next step, if it is to be measured."""
        if self.step + 1 < self._due:
            return
        began = time.perf_counter()
        self.is_due = True
        model = self._model()
        if model is not None and self.step > 0:  # before the first step nothing is compiled yet
            self._activations.install(model)
        self._cost = time.perf_counter() - began
        self.pause()

    def _look(self, optimizer: Optimizer, *, closure: bool) -> None:
        """Measure what is there before the optimiser changes it."""
        began = time.perf_counter()
        model = self._model()
        if self._sample is None and model is not None:
            with_units = self.step > 1 and not self._activations.are_seen
            self._sample = Step(layers_of(model), self._rows, with_units=with_units)
        if self._sample is not None:
            self._sample.before(optimizer, closure=closure)
        self._cost += time.perf_counter() - began

    def _conclude(self) -> None:
        """Note what was measured of a step, and what that cost."""
        began = time.perf_counter()
        self._activations.remove()
        if self._sample is not None:
            self._note(self.step, self._measured(self._sample))
            self._cost += self._activations.seconds + time.perf_counter() - began
            self.sampling.note_sample(self.step, self._cost)
            self.seconds += self._cost
        self._due = self.sampling.next_after(self.step)
        self._sample, self.is_due = None, False
        self._cost = self._activations.seconds = 0.0
        self.pause()

    def _measured(self, sample: Step) -> dict[str, float]:
        units = self._activations.take()
        norm = None if self._norm is None else read([torch.as_tensor(self._norm)])[0]
        curves = sample.curves(clipped_from=norm, with_units=self.step > 1 and not units)
        if not curves:  # the optimiser left the step out
            return {}
        counts = read([count for counts in units.values() for count, _ in counts])
        for name, counted in units.items():
            mine, counts = counts[: len(counted)], counts[len(counted) :]
            curves[name] = sum(mine) / sum(of for _, of in counted)
        clipped = self._clipped(curves["signals/gradient_norm"])
        return curves if clipped is None else {**curves, "signals/clipped": clipped}

    def _clipped(self, norm: float) -> float | None:
        """The share of steps that were clipped since the last sample; of this one, where only it can be told."""
        if self._clip_steps:
            share = read([torch.as_tensor(self._clips)])[0] / self._clip_steps
            self._clips, self._clip_steps = 0, 0
            return share
        if self.clip_norm is None:
            return None
        return math.nan if math.isnan(norm) else float(norm >= CLIPPED * self.clip_norm)


def _is_recorded() -> bool:
    """Whether a CUDA graph is being recorded, which reading a number would break."""
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
