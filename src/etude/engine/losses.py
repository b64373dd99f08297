"""What is minimised: losses by name, each in a declared unit, and the user's own."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from etude.data.splits import Splits
from etude.values.code import Code
from etude.values.errors import RecipeError
from etude.values.metric import Kind
from etude.values.recipe import Recipe

LossFunction = Callable[[Tensor, Tensor], Tensor]
RowLosses = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss as it is minimised: the mean over the rows of a batch, any penalty excluded.

    unit:      what it counts and over what; two objectives are comparable only where this text is equal
    function:  called as function(outputs, targets), returns a scalar
    per_class: with it, the network has one raw output a class and targets are class numbers: outputs float32 of shape
               (rows, classes), targets int64 of shape (rows,), as nn.CrossEntropyLoss has them. Without it, the network
               has one raw output and targets are float32, both of shape (rows, 1), as nn.MSELoss has them
    smoothing: share s of a label that is given to all C classes alike: its own class keeps 1 − s + s / C
    weights:   of each class, what the loss of its rows is multiplied by; empty: each is 1
    """

    unit: str
    function: LossFunction
    per_class: bool = False
    smoothing: float = 0.0
    weights: tuple[float, ...] = ()

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is minimised, a scalar: the mean over rows of weight × loss, of smoothed targets."""
        if not self.smoothing and not self.weights:
            return self.function(outputs, targets)
        losses = ROW_LOSSES[self.function](outputs, targets, self.smoothing)
        if self.weights:
            labels = targets if self.per_class else targets[:, 0].long()
            losses = losses * outputs.new_tensor(self.weights)[labels]
        return losses.mean()

    def n_outputs(self, n_classes: int) -> int:
        """The raw outputs of a network that this objective can train."""
        return n_classes if self.per_class else 1


def squared_probability_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of the probability sigmoid(output) against 0 or 1; both of shape (rows, 1).

    A learner's ``nn.MSELoss()`` after a final ``nn.Sigmoid()``; it is the Brier score. An infinite output gives NaN: a
    sum that has overflowed is no certainty.
    """
    return functional.mse_loss(torch.sigmoid(outputs + 0 * outputs), targets)


def squared_probabilities_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean, over rows and classes, of (softmax(outputs) − one-hot)²: shapes (rows, classes) and (rows,)."""
    classes = functional.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
    return functional.mse_loss(torch.softmax(outputs + 0 * outputs, dim=1), classes)


def _log_losses(outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    softened = softened_labels(targets, smoothing)
    return functional.binary_cross_entropy_with_logits(outputs, softened, reduction="none")[:, 0]


def _squared_probability_errors(outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    softened = softened_labels(targets, smoothing)
    return functional.mse_loss(torch.sigmoid(outputs + 0 * outputs), softened, reduction="none")[:, 0]


def _cross_entropies(outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return functional.cross_entropy(outputs, targets, label_smoothing=smoothing, reduction="none")


def _squared_probabilities_errors(outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    classes = outputs.shape[1]
    softened = functional.one_hot(targets, classes).to(outputs.dtype) * (1 - smoothing) + smoothing / classes
    return functional.mse_loss(torch.softmax(outputs + 0 * outputs, dim=1), softened, reduction="none").mean(dim=1)


def softened_labels(targets: Tensor, smoothing: float) -> Tensor:
    """Labels 0 and 1 as probabilities: y(1 − s) + s/2 (Szegedy et al. 2016).

    >>> softened_labels(torch.tensor([0.0, 1.0]), 0.5).tolist()
    [0.25, 0.75]
    """
    return targets * (1 - smoothing) + smoothing / 2


ROW_LOSSES: Mapping[LossFunction, RowLosses] = MappingProxyType(
    {
        functional.binary_cross_entropy_with_logits: _log_losses,
        squared_probability_error: _squared_probability_errors,
        functional.cross_entropy: _cross_entropies,
        squared_probabilities_error: _squared_probabilities_errors,
    }
)
"""A loss for classes → the loss of each row with labels smoothed, shape (rows,)."""


def _of(**kinds: Objective) -> Mapping[str, Objective]:
    return MappingProxyType(kinds)


_CROSS_ENTROPY = Objective("nats", functional.cross_entropy, per_class=True)

LOSSES: Mapping[str, Mapping[str, Objective]] = MappingProxyType(
    {
        "bce": _of(binary=Objective("nats", functional.binary_cross_entropy_with_logits)),
        "mse": _of(
            binary=Objective("squared probability", squared_probability_error),
            multiclass=Objective("squared probability, mean over classes", squared_probabilities_error, per_class=True),
            regression=Objective("variances of the training target", functional.mse_loss),
        ),
        "cross_entropy": _of(binary=_CROSS_ENTROPY, multiclass=_CROSS_ENTROPY),
        "l1": _of(regression=Objective("standard deviations of the training target", functional.l1_loss)),
        "huber": _of(regression=Objective("Huber loss (δ = 1) of the standardised target", functional.huber_loss)),
    }
)
"""Loss → kind of data → objective. Regression losses see (target − mean) / sd of the training part."""

_PER_CLASS = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)
_PER_CLASS_FUNCTIONS = (functional.cross_entropy, functional.nll_loss, functional.multi_margin_loss)
_ON_PROBABILITIES = (nn.BCELoss,)


def objective_of(loss: str | Code, kind: Kind) -> Objective:
    """The objective that a recipe's loss is on data of one kind; a RecipeError where they do not fit.

    >>> objective_of("mse", "binary").unit
    'squared probability'
    """
    if isinstance(loss, Code):
        return _own(loss, kind)
    if kind not in LOSSES[loss]:
        fitting = [name for name, kinds in LOSSES.items() if kind in kinds]
        raise RecipeError(
            f"loss {loss!r} is for {' and '.join(LOSSES[loss])} data, and this data is {kind}. "
            f"Losses for {kind} data: {', '.join(fitting)}, or a function of your own. Nothing was trained."
        )
    return LOSSES[loss][kind]


def objective_for(recipe: Recipe, splits: Splits) -> Objective:
    """The objective of a recipe on the rows of a replicate, labels smoothed and classes weighted as it says.

    A RecipeError where the loss does not fit the data, or where labels are to be smoothed or classes weighted and
    there are none, or the loss is the user's own.
    """
    plain = objective_of(recipe.loss, splits.kind)
    is_balanced = recipe.class_weights == "balanced"
    if not recipe.label_smoothing and not is_balanced:
        return plain
    if splits.kind == "regression" or isinstance(recipe.loss, Code):
        field = (
            f"class_weights={recipe.class_weights!r}" if is_balanced else f"label_smoothing={recipe.label_smoothing:g}"
        )
        why = "the data has numbers to predict" if splits.kind == "regression" else "the loss is a function of your own"
        raise RecipeError(
            f"{field} is for classes and a loss of étude's, 'bce', 'cross_entropy' or 'mse', and {why}. "
            "Leave it out, or do the same in your own loss. Nothing was trained."
        )
    smoothed = f", labels smoothed by {recipe.label_smoothing:g}" if recipe.label_smoothing else ""
    return replace(
        plain,
        unit=f"{plain.unit}{smoothed}{', each class counted alike' if is_balanced else ''}",
        smoothing=recipe.label_smoothing,
        weights=balanced_weights(splits) if is_balanced else (),
    )


def balanced_weights(splits: Splits) -> tuple[float, ...]:
    """The weight of each class: n / (C · n_c), of n training rows in C classes, n_c of them in class c.

    So their mean over the training rows is 1. A class without a training row counts as having one, and not in C.
    """
    counts = np.bincount(splits.train.targets.astype(np.int64).ravel(), minlength=len(splits.classes))
    weights = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return tuple(weights.tolist())


def code_unit(loss: Code) -> str:
    """The unit of a loss of the user's: known only by who wrote it."""
    return f"as defined by {loss.name} ({loss.checksum[:8]})"


def _own(loss: Code, kind: Kind) -> Objective:
    function = loss.function
    if isinstance(function, type):
        raise RecipeError(f"loss {loss.name} is a class. Give an instance: loss={loss.name}(). Nothing was trained.")
    if isinstance(function, _ON_PROBABILITIES) or function is functional.binary_cross_entropy:
        raise RecipeError(
            f"loss {loss.name} takes probabilities, and the network gives raw outputs (logits), which are scored as "
            "such. Use loss = 'bce' or nn.BCEWithLogitsLoss(), and leave the final sigmoid out of the model."
        )
    on_classes = isinstance(function, _PER_CLASS) or function in _PER_CLASS_FUNCTIONS
    per_class = kind == "multiclass" or (kind == "binary" and on_classes)
    own = copy.deepcopy(function) if isinstance(function, nn.Module) else function  # a run must not see another's state
    return Objective(code_unit(loss), own, per_class=per_class)
