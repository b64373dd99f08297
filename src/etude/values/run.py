"""A run: one training, ours or anybody's, as its curves and what is known about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from numpy.typing import NDArray

from etude.values.curve import Curve
from etude.values.errors import CurveError
from etude.values.metric import Split
from etude.values.recipe import Recipe
from etude.values.spec import nearest

Ending = Literal["completed", "stopped early", "diverged", "unknown"]


@dataclass(frozen=True, slots=True, eq=False)
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
    """

    name: str
    curves: Mapping[str, Curve]
    ended: Ending = "unknown"
    last_step: int = 0
    kept_step: int = 0
    recipe: Recipe | None = None
    replicate: int | None = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))
    provenance: Mapping[str, str | int | float] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    def curve(self, name: str) -> Curve:
        """The curve called `name`; a CurveError lists those that exist."""
        if name not in self.curves:
            raise CurveError(f"run {self.name!r} has no curve {name!r}. {nearest(name, self.curves)}")
        return self.curves[name]

    def score(self, metric: str, split: Split) -> float:
        """The metric of the kept weights; NaN where the run diverged."""
        found = self.curve(f"{split}/{metric}")
        return float("nan") if self.ended == "diverged" else found.at(self.kept_step)
