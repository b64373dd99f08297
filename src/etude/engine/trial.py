"""Everything one training needs, built and checked before its first step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from etude.data.splits import Part, Splits
from etude.engine.build import build_model, build_optimizer
from etude.engine.dropout import dropout_layers
from etude.engine.losses import Objective, objective_of
from etude.numerics.schedules import is_constant, rate_factor
from etude.numerics.seeds import stream
from etude.values.code import Code
from etude.values.errors import EngineError, RecipeError
from etude.values.recipe import Recipe

ROWS_AT_ONCE = 65_536
"""Rows of one evaluation pass; more are passed in parts, so that memory stays bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One replicate of a recipe, ready to train; tensors are on the device, `inputs` and `targets` by split."""

    recipe: Recipe
    replicate: int
    splits: Splits
    model: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    inputs: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch, the last one perhaps short."""
        rows = len(self.inputs["train"])
        return -(-rows // (self.recipe.batch_size or rows))

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) of each step of an epoch: the training part as it is, or in batches of a fresh order."""
        inputs, targets, size = self.inputs["train"], self.targets["train"], self.recipe.batch_size
        if size is None:
            return iter([(inputs, targets)])
        order = stream(self.recipe.seed, self.replicate, "order", epoch).permutation(len(inputs))
        rows = torch.from_numpy(order).to(inputs.device)
        return zip(torch.split(inputs[rows], size), torch.split(targets[rows], size), strict=True)

    def learning_rate(self, step: int) -> float:
        """The learning rate of an optimiser step, the first being step 0."""
        recipe = self.recipe
        factor = rate_factor(
            recipe.schedule, step, steps_per_epoch=self.steps_per_epoch, epochs=recipe.epochs
        )  # of the planned length, however early the run may stop
        return recipe.optimizer.learning_rate * factor

    def set_step(self, step: int) -> None:
        """Tell optimiser and dropout which step comes next."""
        for layer in dropout_layers(self.model):
            layer.step = step
        if not is_constant(self.recipe.schedule):
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate(step)

    def outputs(self, inputs: Tensor) -> Tensor:
        """Raw outputs without gradients, in the mode the model is in."""
        with torch.no_grad():
            return torch.cat([self.model(rows) for rows in torch.split(inputs, ROWS_AT_ONCE)])

    def validation_objective(self) -> float:
        """The objective on the validation part, in the mode the model is in."""
        with torch.no_grad():
            return float(self.objective.function(self.outputs(self.inputs["validation"]), self.targets["validation"]))


def prepare(recipe: Recipe, splits: Splits, replicate: int, *, device: torch.device) -> Trial:
    """The trial of one replicate; a RecipeError or EngineError where recipe, data and model do not fit."""
    objective = objective_of(recipe.loss, splits.kind)
    rows, features = splits.train.inputs.shape
    if recipe.batch_size is not None and recipe.batch_size > rows:
        raise RecipeError(
            f"batch_size {recipe.batch_size} is larger than the training part, which has {rows} rows. "
            "Leave batch_size out to take all of them at each step. Nothing was trained."
        )
    sizes = (features, objective.n_outputs(len(splits.classes)))
    model = build_model(recipe, sizes, replicate=replicate, device=device)
    if isinstance(objective.function, nn.Module):
        objective.function.to(device)
    inputs = {name: torch.from_numpy(np.array(part.inputs)).to(device) for name, part in splits.parts().items()}
    targets = {
        name: _targets(part, splits, objective).to(device) for name, part in splits.parts().items() if name != "test"
    }
    optimizer = build_optimizer(recipe.optimizer, model)
    trial = Trial(recipe, replicate, splits, model, objective, optimizer, inputs, targets)
    if isinstance(recipe.loss, Code):
        _check_loss(recipe.loss, trial)
    return trial


def _targets(part: Part, splits: Splits, objective: Objective) -> Tensor:
    if objective.per_class:
        return torch.from_numpy(part.targets.astype(np.int64))
    standardised: NDArray[np.float64] = (part.targets - splits.target_center) / splits.target_scale
    return torch.from_numpy(standardised.astype(np.float32))[:, None]


def _check_loss(code: Code, trial: Trial) -> None:
    rows = slice(0, 2)
    loss = trial.objective.function(trial.model.eval()(trial.inputs["train"][rows]), trial.targets["train"][rows])
    if isinstance(loss, Tensor) and loss.ndim == 0 and loss.requires_grad:
        return
    got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
    hint = "one that depends on the outputs" if isinstance(loss, Tensor) and loss.ndim == 0 else "a mean over the rows"
    raise EngineError(
        f"loss {code.name} returned {got}, but a loss is a scalar tensor with a gradient. Return {hint}. "
        "Nothing was trained."
    )
