"""Several networks of one recipe on the same rows: how each of them scores, and how their mean prediction does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.data.splits import Splits
from etude.engine.loop import fit
from etude.engine.machine import device_called, explained, own_torch, seed_torch
from etude.engine.native.library import core
from etude.engine.native.replicate import trained_on
from etude.engine.native.training import Stop
from etude.engine.scoring import predictions, scored_targets
from etude.engine.trial import prepare
from etude.numerics.averaging import averaged_logits
from etude.numerics.metrics import classification_scores, regression_scores
from etude.values.metric import Split
from etude.values.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Scores by metric of several networks that learned from the same rows.

    split:    the part that is scored: "test", or "validation" where there is no test part
    single:   the mean over the networks, each scored by itself; NaN where one diverged
    averaged: of their mean prediction; NaN where one diverged
    """

    split: Split
    single: Mapping[str, float]
    averaged: Mapping[str, float]


def ensemble(recipe: Recipe, splits: Splits, members: range, *, engine: str, device: str) -> Ensemble:
    """Train a network for each member's number, on the same rows, and score them alone and averaged.

    members: replicate numbers, which give starting weights, order and dropout, and not the rows
    engine:  the one that can train this recipe: "native" or "loop"

    Probabilities of classes are averaged, and predictions in the target's unit. The same arguments give the same bits.
    """
    split: Split = "validation" if splits.test is None else "test"
    raw = [outputs_of(recipe, splits, member, engine=engine, device=device)[split] for member in members]
    return scored_together(np.stack([predictions(outputs, splits) for outputs in raw]), splits, split)


def outputs_of(
    recipe: Recipe, splits: Splits, member: int, *, engine: str, device: str
) -> Mapping[str, NDArray[np.float32]]:
    """Raw outputs on the scored rows of each part, with the weights that are kept, after one training."""
    if engine == "native":
        built = core()
        assert built is not None
        with trained_on(built, recipe, splits, member, stop=Stop()) as (_, live):
            return live.outputs_by_split()
    where = device_called(device)
    with explained(recipe, member), own_torch(where):
        trial = prepare(recipe, splits, member, device=where)
        seed_torch(recipe.seed, member, building=False)
        fit(trial)
        return trial.outputs_by_split()


def scored_together(said: NDArray[np.float64], splits: Splits, split: Split) -> Ensemble:
    """Of `predictions` of shape (members, …): each member's scores, averaged, and those of the mean prediction."""
    targets = scored_targets(splits)[split]
    if splits.kind == "regression":
        each, both = regression_scores(said, targets), regression_scores(said.mean(axis=0)[None], targets)
    else:
        each = classification_scores(said, targets)
        both = classification_scores(averaged_logits(said)[None], targets)
    return Ensemble(split, _means(each), _means(both))


def _means(scores: Mapping[str, Sequence[NDArray[np.float64]]]) -> Mapping[str, float]:
    return MappingProxyType({name: float(values.mean()) for name, (values, _) in scores.items()})
