"""One run that is followed from look to look: what is news of it, and whether it is beyond help."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from etude.engine.online_stopping import OnlineStopping
from etude.faces.telling import News, line
from etude.figures.numbers import significant
from etude.values.curve import Curve
from etude.values.finding import Diagnosis
from etude.values.run import Run

CERTAIN = 0.9
"""From this probability on a run is held for diverged."""

AGAIN = 2
"""Judgements in a row that must say that a run is beyond help."""

FEWEST, CLOSE = 3, 1e-3
"""Values that two logs must share to be of one training, and how close: what is printed is rounded."""


@dataclass(slots=True)
class Followed:
    """What is known of a run from look to look. ends_because: why it is beyond help, once it may be."""

    news: News = field(default_factory=News)
    validations: int = 0
    extent: tuple[int, int] = (0, 0)
    ends_because: str = ""
    _stopping: OnlineStopping = field(default_factory=OnlineStopping)
    _certain: int = 0

    def note(self, run: Run, diagnosis: Diagnosis) -> str:
        """Take note of a judgement; the line to be told, where it is news."""
        curve = judged(run, "validation")
        if curve is not None:
            sign = -1.0 if curve.name.endswith("/score") else 1.0
            for value in curve.values[self.validations :]:
                self._stopping.note(sign * float(value))
            self.validations = max(self.validations, curve.values.size)
        diverged = diagnosis.verdict == "diverged" and diagnosis.probability >= CERTAIN
        self._certain = self._certain + 1 if diverged or self._stopping.is_over else 0
        if self._certain:
            self.ends_because = "it has diverged" if diverged else self._turned(run, curve)
        if not self.news.note(diagnosis.verdict):
            return ""
        axis, best = str(run.provenance.get("x", "step")), diagnosis.best_step
        return line(diagnosis, step=run.last_step, best=best, axis=axis, validations=self.validations)

    def _turned(self, run: Run, curve: Curve | None) -> str:
        """That validation has turned, and where it was best."""
        best = self._stopping.best
        if curve is None or not 0 <= best < curve.values.size:
            return self._stopping.because
        axis, step = str(run.provenance.get("x", "step")), int(curve.steps[best])
        return (
            f"{self._stopping.because}; it was best at {axis} {step:,}, with {significant(float(curve.values[best]))}"
        )

    @property
    def is_beyond_help(self) -> bool:
        """Whether it has diverged, or its validation has turned for good by the rule of `etude.watch(stop=True)`."""
        return self._certain >= AGAIN


def judged(run: Run, split: str) -> Curve | None:
    """The judged series of a split; None where there is none."""
    found = (run.curves.get(f"{split}/{word}") for word in ("objective", "score"))
    return next((curve for curve in found if curve is not None and curve.values.size), None)


def distinct(runs: Sequence[Run]) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """The runs, each training once, though several tools logged it; and the files that say the same as others."""
    kept: list[Run] = []
    same: list[str] = []
    for run in sorted(runs, key=lambda one: -len(one.curves)):
        if any(_are_same(run, other) for other in kept):
            same += run.files[:1]
        else:
            kept.append(run)
    return tuple(run for run in runs if run in kept), tuple(same)


def _are_same(one: Run, other: Run) -> bool:
    """Whether two logs are of one training: what they judge has the same values, as far as both go."""
    for split in ("validation", "train"):
        a, b = judged(one, split), judged(other, split)
        if a is not None and b is not None:
            n = min(a.values.size, b.values.size)
            return n >= FEWEST and bool(np.allclose(a.values[:n], b.values[:n], rtol=CLOSE, atol=0, equal_nan=True))
    return False
