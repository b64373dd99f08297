"""What is minimised: losses by name, each in a declared unit, and the user's own."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

from etude.values.code import Code
from etude.values.errors import RecipeError
from etude.values.metric import Kind

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss as it is minimised: the mean over the rows of a batch, any penalty excluded.

    unit:      what it counts and over what; two objectives are comparable only where this text is equal
    function:  called as function(outputs, targets), returns a scalar
    per_class: with it, the network has one raw output a class and targets are class numbers: outputs float32 of shape
               (rows, classes), targets int64 of shape (rows,), as nn.CrossEntropyLoss has them. Without it, the network
               has one raw output and targets are float32, both of shape (rows, 1), as nn.MSELoss has them
    """

    unit: str
    function: LossFunction
    per_class: bool = False

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
