"""Records of a recipe's steps with pictures that take the data's truth, or several steps, to draw."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from torch import Tensor

from etude.data.load import decision_truth
from etude.data.splits import Splits
from etude.engine.microscope.boundary import Answer, boundary_of, number, probability
from etude.engine.microscope.scene import Scene
from etude.engine.microscope.surface import loss_surface
from etude.values.recipe import Recipe
from etude.values.step_record import StepRecord


def with_boundaries(
    records: Mapping[int, StepRecord], scenes: Mapping[int, Scene], recipe: Recipe, splits: Splits
) -> dict[int, StepRecord]:
    """The records, by step, with what the network answers over the plane, where the data have two features."""
    if len(splits.features) != 2 or splits.kind == "multiclass":
        return dict(records)
    bayes = partial(decision_truth, recipe.data) if splits.kind == "binary" else None
    return {
        step: replace(record, boundary=boundary_of(scenes[step], answer=answer_of(splits), bayes=bayes))
        for step, record in records.items()
    }


def with_surface(records: Mapping[int, StepRecord], scenes: Mapping[int, Scene], *, seed: int) -> dict[int, StepRecord]:
    """The records, by step, the last one with the loss over the plane in which training went from the first on.

    The trajectory is the weights before each step that was looked at, and those after the last. From three steps on it
    has a plane of its own.
    """
    steps = sorted(records)
    trajectory = [*(scenes[step].before for step in steps), scenes[steps[-1]].after]
    numbers = [*(step - 1 for step in steps), steps[-1]]
    surface = loss_surface(scenes[steps[-1]], trajectory, seed=seed, steps=numbers)
    return {**records, steps[-1]: replace(records[steps[-1]], surface=surface)}


def answer_of(splits: Splits) -> Answer:
    """Raw outputs → the probability of class 1, or the number in the target's own unit."""
    if splits.kind == "binary":
        return probability

    def own_unit(outputs: Tensor) -> Tensor:
        return number(outputs) * splits.target_scale + splits.target_center

    return own_unit
