"""A run: one training, ours or anybody's, as its curves and what is known about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from etude.values.curve import Curve, curve
from etude.values.errors import CurveError
from etude.values.lost import Lost
from etude.values.metric import Split
from etude.values.nearest import nearest

if TYPE_CHECKING:
    from etude.values.recipe import Recipe  # pydantic, which a log of another tool never needs

Ending = Literal["completed", "stopped early", "diverged", "unknown"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Run:
    """One training. A run that diverged is a run like any other: its curves hold the NaN it ended with.

    name:       what a person calls it
    curves:     by name, ``"<split>/<quantity>"``, such as ``"test/log_loss"``; ``"train/objective"`` and
                ``"validation/objective"`` are what was minimised, in its own unit
    ended:      how it ended
    last_step:  the last optimiser step taken
    kept_step:  the step whose weights were kept: the last, or the best one of a run that stopped early
    recipe:     what was run; None for a log of another tool
    replicate:  which replicate of the recipe; None for a log of another tool
    arrays:     small snapshots: ``"weights/<parameter>"``, ``"decision/x1"``, ``"decision/x2"``, ``"decision/p"``
    provenance: versions, device, threads, seconds, data checksum, engine: facts that no result depends on twice
    notes:      what a reader or the engine wants a person to know
    lost:       of another tool's log, what could not be read
    files:      of another tool's log, what was read
    """

    name: str
    curves: Mapping[str, Curve]
    ended: Ending = "unknown"
    last_step: int = 0
    kept_step: int = 0
    recipe: "Recipe | None" = None
    replicate: int | None = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))
    provenance: Mapping[str, str | int | float] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()
    files: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line, however many curves there are.

        >>> Run("early", {"test/brier": curve("test/brier", [10, 20], [0.3, 0.2])}, ended="completed", last_step=20)
        Run('early', 1 curve, completed at step 20)
        """
        curves = f"{len(self.curves)} curve{'s' if len(self.curves) != 1 else ''}"
        ended = "last" if self.ended == "unknown" else f"{self.ended} at"
        return f"Run({self.name!r}, {curves}, {ended} step {self.last_step:,})"

    def curve(self, name: str) -> Curve:
        """The curve called `name`; a CurveError lists those that exist."""
        if name not in self.curves:
            raise CurveError(f"run {self.name!r} has no curve {name!r}. {nearest(name, self.curves)}")
        return self.curves[name]

    def score(self, metric: str, split: Split) -> float:
        """The metric of the kept weights; NaN where the run diverged."""
        name = f"{split}/{metric}"
        if isinstance(self.curves, _Points) and name in self.curves:
            return self.curves.measured(name)
        found = self.curve(name)
        return float("nan") if self.ended == "diverged" else found.at(self.kept_step)


PICTURED = 200
"""Runs of an arm that are drawn one by one; what is computed takes all of them."""


def slimmed(run: Run) -> Run:
    """The run without arrays, and of each curve the point that is its score: NaN for all of a run that diverged.

    For the many replicates that nobody looks at one by one: some 1.3 kB in memory instead of 60. A curve that was
    not yet measured at the kept step, and so has no score, is left out.

    >>> loss = curve("test/brier", [10, 20, 30], [0.3, 0.2, 0.25])
    >>> slim = slimmed(Run("early", {loss.name: loss}, last_step=30, kept_step=20))
    >>> slim.score("brier", "test"), slim.curve("test/brier").steps.tolist()
    (0.2, [20])
    """
    diverged = run.ended == "diverged"
    scored = {name: c for name, c in run.curves.items() if diverged or (c.steps.size and c.steps[0] <= run.kept_step)}
    points = np.array([np.nan if diverged else c.at(run.kept_step) for c in scored.values()], dtype=np.float64)
    points.setflags(write=False)
    labels = _shared(tuple((name, c.unit) for name, c in scored.items()))
    return replace(run, curves=_Points(labels, run.kept_step, points), arrays=MappingProxyType({}))


@dataclass(frozen=True, slots=True, eq=False)
class _Points(Mapping[str, Curve]):
    """Curves of one point, at one step; made when asked for, because a Curve is far larger than its value.

    labels: name of each curve → its place among `points`, and its unit
    """

    labels: Mapping[str, tuple[int, str]]
    step: int
    points: NDArray[np.float64]

    def measured(self, name: str) -> float:
        return float(self.points[self.labels[name][0]])

    def __getitem__(self, name: str) -> Curve:
        return curve(name, [self.step], [self.measured(name)], unit=self.labels[name][1])

    def __contains__(self, name: object) -> bool:  # that of a Mapping would make the curve to find out
        return name in self.labels

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)


@lru_cache(maxsize=1024)
def _shared(labels: tuple[tuple[str, str], ...]) -> Mapping[str, tuple[int, str]]:
    """The labels that all runs of an arm have in common, kept once."""
    return MappingProxyType({name: (i, unit) for i, (name, unit) in enumerate(labels)})
