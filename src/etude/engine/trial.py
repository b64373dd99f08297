"""Everything one training needs, built and checked before its first step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from etude.data.splits import Part, Splits
from etude.engine.architectures.attention import AttentionNetwork, attention_maps
from etude.engine.architectures.pretrained import PretrainedNetwork
from etude.engine.augmentation import augmented
from etude.engine.build import SHARE, build_model, build_optimizer
from etude.engine.course import learning_rates
from etude.engine.dropout import dropout_layers
from etude.engine.losses import Objective, objective_for
from etude.engine.scoring import scored_rows
from etude.numerics.schedules import is_constant
from etude.numerics.seeds import key, stream
from etude.values.code import Code
from etude.values.errors import EngineError, RecipeError
from etude.values.model import Attention, Recurrent
from etude.values.recipe import Recipe

READS_SEQUENCES = (Recurrent, Attention, Code)
"""Models that may be given examples of unequal length, NaN after the end of each; the user's own may know how."""

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

ROWS_AT_ONCE, NUMBERS_AT_ONCE = 65_536, 2**18
"""Rows of one evaluation pass, and numbers of their inputs; more are passed in parts, so that memory stays bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One replicate of a recipe, ready to train; tensors are on the device.

    inputs, targets: by split; scored: the inputs that are scored, by split
    """

    recipe: Recipe
    replicate: int
    splits: Splits
    model: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    inputs: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]
    scored: Mapping[str, Tensor]

    @property
    def n_parameters(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.numel() for parameter in self.model.parameters() if parameter.requires_grad)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) of each step of an epoch: the training part as it is, or in batches of a fresh order."""
        inputs, targets, size = self.inputs["train"], self.targets["train"], self.recipe.batch_size
        if size is None and self.recipe.augment is None:
            return iter([(inputs, targets)])
        order = stream(self.recipe.seed, self.replicate, "order", epoch).permutation(len(inputs))
        parts = torch.split(torch.from_numpy(order).to(inputs.device), size or len(inputs))
        black = float(inputs.min()) if self.recipe.augment else 0.0
        return ((self._shown(rows, epoch, black), targets[rows]) for rows in parts)

    def _shown(self, rows: Tensor, epoch: int, black: float) -> Tensor:
        """Some rows of the training part as an epoch shows them; beyond the edge lies what is darkest in all of it."""
        inputs, how = self.inputs["train"][rows], self.recipe.augment
        if how is None:
            return inputs
        chance = key(self.recipe.seed, self.replicate, "augment")
        images = inputs.reshape(-1, *self.splits.form)
        return augmented(images, rows, how, chance=chance, epoch=epoch, black=black).flatten(1)

    def set_step(self, step: int) -> None:
        """Tell optimiser and dropout which step comes next."""
        for layer in dropout_layers(self.model):
            layer.step = step
        if not is_constant(self.recipe.schedule):
            rate = learning_rates(self.recipe, len(self.inputs["train"]), [step])[0]
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group[SHARE]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The objective of raw outputs; positions that are asked each count as an example."""
        if self.splits.each_position:
            outputs, targets = outputs.flatten(0, 1), targets.flatten(0, 1)
        return self.objective.of(outputs, targets)

    def validation_objective(self) -> float:
        """The objective on the validation part, in evaluation mode."""
        with torch.no_grad():
            return float(self.loss(self._raw(self.inputs["validation"]), self.targets["validation"]))

    def outputs(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw outputs in evaluation mode, shape (rows, outputs)."""
        return _numpy(self._raw(torch.from_numpy(inputs).to(self.inputs["train"].device)))

    def outputs_by_split(self) -> dict[str, NDArray[np.float32]]:
        """Raw outputs on every part's scored rows in evaluation mode, (rows, outputs) or (rows, positions, outputs)."""
        return {split: _numpy(self._raw(inputs)) for split, inputs in self.scored.items()}

    def weights(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Every parameter with its name."""
        return ((name, _numpy(parameter.detach())) for name, parameter in self.model.named_parameters())

    def attention(self, inputs: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """What a transformer looks at, as `attention_maps` gives it; None of another model."""
        if not isinstance(self.model, AttentionNetwork):
            return None
        return _numpy(attention_maps(self.model, torch.from_numpy(inputs).to(self.inputs["train"].device)))

    def _raw(self, inputs: Tensor) -> Tensor:
        self.model.eval()
        with torch.no_grad():
            return torch.cat([self.model(rows) for rows in torch.split(inputs, rows_at_once(inputs[0].numel()))])


def rows_at_once(numbers: int) -> int:
    """Rows of one evaluation pass, of so many numbers each.

    >>> rows_at_once(2), rows_at_once(784), rows_at_once(10**7)
    (65536, 334, 1)
    """
    return min(ROWS_AT_ONCE, max(1, NUMBERS_AT_ONCE // numbers))


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    made: NDArray[np.float32] = tensor.cpu().numpy()
    return made


def prepare(recipe: Recipe, splits: Splits, replicate: int, *, device: torch.device) -> Trial:
    """The trial of one replicate; a RecipeError or EngineError where recipe, data and model do not fit."""
    objective = objective_for(recipe, splits)
    check_fit(recipe, splits)
    model = build_model(
        recipe, splits.sizes(objective.n_outputs(len(splits.classes))), replicate=replicate, device=device
    )
    _check_last_batch(recipe, splits, model)
    if isinstance(objective.function, nn.Module):
        objective.function.to(device)
    inputs = {name: torch.from_numpy(np.array(part.inputs)).to(device) for name, part in splits.parts().items()}
    if isinstance(model, PretrainedNetwork) and model.spec.train == "head" and not recipe.augment:
        model, inputs = _head_and_features(model, inputs)
    learned_from = {name: part for name, part in splits.parts().items() if name != "test"}
    targets = {
        name: torch.from_numpy(targets_of(part, splits, objective)).to(device) for name, part in learned_from.items()
    }
    optimizer = build_optimizer(recipe.optimizer, model)
    scored = {name: inputs[name] if rows is None else inputs[name][rows] for name, rows in scored_rows(splits).items()}
    trial = Trial(recipe, replicate, splits, model, objective, optimizer, inputs, targets, scored)
    if isinstance(recipe.loss, Code):
        _check_loss(recipe.loss, trial)
    return trial


def _check_last_batch(recipe: Recipe, splits: Splits, model: nn.Module) -> None:
    rows = len(splits.train.inputs)
    last = rows % (recipe.batch_size or rows) or recipe.batch_size or rows
    if last == 1 and any(isinstance(module, BATCH_NORMS) for module in model.modules()):
        raise RecipeError(
            f"{rows} training rows in batches of {recipe.batch_size} leave one for the last batch, and a batch norm "
            "needs two to compare. Use another batch_size. Nothing was trained."
        )


def check_fit(recipe: Recipe, splits: Splits) -> None:
    """A RecipeError where a batch would take more rows than there are, or a model cannot read series that end early."""
    if not isinstance(recipe.model, READS_SEQUENCES) and np.isnan(splits.train.inputs).any():
        raise RecipeError(
            f"the model {recipe.model.name} reads examples of one length, and some of these end before others. "
            "Use model = 'recurrent' or 'attention', which stop where an example does. Nothing was trained."
        )
    if recipe.augment and len(splits.form) != 3:
        raise RecipeError(
            "augment mirrors and moves images, and this data are none. Leave augment out. Nothing was trained."
        )
    rows = len(splits.train.inputs)
    if recipe.batch_size is not None and recipe.batch_size > rows:
        raise RecipeError(
            f"batch_size {recipe.batch_size} is larger than the training part, which has {rows} rows. "
            "Leave batch_size out to take all of them at each step. Nothing was trained."
        )


def _head_and_features(model: PretrainedNetwork, inputs: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, Tensor]]:
    """What learns, and what it learns from: a frozen body gives an image the same features at every step."""
    with torch.no_grad():
        return model.head, {name: model.features(images) for name, images in inputs.items()}


def targets_of(part: Part, splits: Splits, objective: Objective) -> NDArray[Any]:
    """Targets as the objective takes them: int64 class numbers (rows,), or standardised float32 (rows, 1)."""
    if objective.per_class:
        return part.targets.astype(np.int64)
    standardised: NDArray[np.float64] = (part.targets - splits.target_center) / splits.target_scale
    return standardised.astype(np.float32)[:, None]


def _check_loss(code: Code, trial: Trial) -> None:
    rows = slice(0, 2)
    loss = trial.loss(trial.model.eval()(trial.inputs["train"][rows]), trial.targets["train"][rows])
    if isinstance(loss, Tensor) and loss.ndim == 0 and loss.requires_grad:
        return
    got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
    hint = "one that depends on the outputs" if isinstance(loss, Tensor) and loss.ndim == 0 else "a mean over the rows"
    raise EngineError(
        f"loss {code.name} returned {got}, but a loss is a scalar tensor with a gradient. Return {hint}. "
        "Nothing was trained."
    )
