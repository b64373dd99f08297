"""How one training goes, and the run that comes of it: the same for every engine."""

import math
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from etude.data.splits import Splits
from etude.engine.network import Network
from etude.engine.scoring import Scoring, notes_on_scoring
from etude.engine.snapshots import snapshots
from etude.numerics.schedules import is_constant, rate_factor
from etude.values.curve import Curve, frozen
from etude.values.model import Attention, Recurrent
from etude.values.recipe import Recipe
from etude.values.run import Ending, Run


def notes_on_reading(recipe: Recipe, splits: Splits) -> tuple[str, ...]:
    """What a reader should know of a network that reads in another way than the rows were meant."""
    reads_positions = isinstance(recipe.model, Recurrent | Attention) and not (splits.form or splits.characters)
    return ("columns are read one after the other, as if they were moments",) if reads_positions else ()


@dataclass(slots=True)
class Course:
    """How a training goes: one step number, training and validation objective an epoch, and the scores."""

    recipe: Recipe
    splits: Splits
    unit: str
    scores: Scoring = field(init=False)
    steps: "array[int]" = field(default_factory=lambda: array("q"))
    train: "array[float]" = field(default_factory=lambda: array("d"))
    validation: "array[float]" = field(default_factory=lambda: array("d"))
    step: int = 0
    kept_step: int = 0
    ended: Ending = "completed"

    def __post_init__(self) -> None:
        self.scores = Scoring(self.splits)

    def note_epoch(self, losses: Sequence[float], validation: float) -> None:
        """Add one epoch's objectives: the loss of each step, and the validation part's.

        Where the recipe stops a run that diverges, the first loss that is not finite ends it at that step.
        """
        if self.recipe.stop_on_divergence and not all(map(math.isfinite, losses)):
            broken = next(i for i, loss in enumerate(losses) if not math.isfinite(loss))
            self.ended, losses = "diverged", losses[: broken + 1]
        self.note_epochs([self.step + len(losses)], [sum(losses) / len(losses)], [validation])

    def note_epochs(self, steps: ArrayLike, train: ArrayLike, validation: ArrayLike) -> None:
        """Add epochs: the step at which each ended, its mean training loss and its validation objective."""
        self.steps.frombytes(np.asarray(steps, dtype=np.int64).tobytes())
        self.train.frombytes(np.asarray(train, dtype=np.float64).tobytes())
        self.validation.frombytes(np.asarray(validation, dtype=np.float64).tobytes())
        self.step = self.steps[-1]

    def finish(self, kept_step: int, network: Network) -> None:
        """Score the weights that are kept, and say how it ended."""
        self.kept_step = kept_step
        self.scores.record(kept_step, network)
        if not math.isfinite(self.train[-1]):
            self.ended = "diverged"

    def run(self, replicate: int, network: Network, facts: Mapping[str, str | int], *, started: float) -> Run:
        """The run as a value; `facts` are those of the engine and the machine, `started` is of time.perf_counter."""
        tested = self.scores.outputs("test", self.kept_step)
        curves, arrays = self._curves(), snapshots(network, self.splits, tested=tested)
        known = {"parameters": network.n_parameters, "data": self.splits.checksum, **facts}
        return Run(
            name=f"replicate {replicate}",
            curves=MappingProxyType(curves),
            ended=self.ended,
            last_step=self.step,
            kept_step=self.kept_step,
            recipe=self.recipe,
            replicate=replicate,
            arrays=MappingProxyType(arrays),
            provenance=MappingProxyType({**known, "seconds": time.perf_counter() - started}),
            notes=(*self.splits.notes, *notes_on_scoring(self.splits), *notes_on_reading(self.recipe, self.splits)),
        )

    def _curves(self) -> dict[str, Curve]:
        steps, objectives = frozen(np.array(self.steps)), {"train": self.train, "validation": self.validation}
        named = {f"{split}/objective": np.array(values) for split, values in objectives.items()}
        made = {name: Curve(name, steps, frozen(values), self.unit) for name, values in named.items()}
        if not is_constant(self.recipe.schedule):
            rates = learning_rates(self.recipe, len(self.splits.train.inputs), (steps - 1).tolist())
            made["learning_rate"] = Curve("learning_rate", steps, frozen(np.array(rates)))
        return made | self.scores.curves()


def score_every(recipe: Recipe) -> int:
    """Epochs between two scorings."""
    return recipe.score_every or max(1, math.ceil(recipe.epochs / 100))


def steps_per_epoch(recipe: Recipe, rows: int) -> int:
    """Batches an epoch of `rows` training rows, the last one perhaps short."""
    return -(-rows // (recipe.batch_size or rows))


def learning_rates(recipe: Recipe, rows: int, steps: Iterable[int]) -> list[float]:
    """The learning rate of optimiser steps, the first being step 0; of the planned length, however early it stops."""
    per_epoch = steps_per_epoch(recipe, rows)
    factors = (rate_factor(recipe.schedule, s, steps_per_epoch=per_epoch, epochs=recipe.epochs) for s in steps)
    return [recipe.optimizer.learning_rate * factor for factor in factors]
