"""What a training will need of memory, reckoned from its architecture before anything is built."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from etude.data.splits import Splits
from etude.engine.architectures.attention import attention_parameters
from etude.engine.architectures.convnet import convnet_parameters, image_form
from etude.engine.architectures.pretrained import FEATURES, body_parameters
from etude.engine.architectures.recurrent import CELLS, recurrent_parameters
from etude.engine.losses import objective_for
from etude.engine.memory import BYTES_A_NUMBER, refuse_beyond
from etude.engine.sequence import sequence_form
from etude.engine.spread import default_workers
from etude.engine.trial import rows_at_once
from etude.values.model import Attention, Convnet, Mlp, Pretrained, Recurrent
from etude.values.recipe import Recipe
from etude.values.sizes import Sizes

BYTES_AN_ACTIVATION = 12
"""Of each unit and example of a step that `loop` keeps for the way back: its value before and after, and a gradient."""

BYTES_AN_OUTPUT = 4
"""Of each unit and example of a pass that keeps nothing for a way back."""

BYTES_A_PARAMETER = 28
"""Value, gradient, two memories of an optimiser, a kept copy, and what is drawn."""

BODY_UNITS = 320
"""Of EfficientNet-Lite0 for each pixel of an image, each activation once: 16 million at 224 × 224."""


@dataclass(frozen=True, slots=True)
class Units:
    """How large a network is.

    parameters: numbers that it learns, or keeps though it does not
    layers:     of about as many units each
    example:    units that an example has in all layers
    """

    parameters: int
    layers: int
    example: int


def check_memory(recipe: Recipe, splits: Splits, *, workers: int | None = None) -> None:
    """An EngineError where the trainings that run side by side would need more memory than this machine has left.

    An estimate: what the user's own models take is not in it.
    """
    side_by_side = default_workers() if workers is None else workers
    objective = objective_for(recipe, splits)
    units = units_of(recipe, splits.sizes(objective.n_outputs(len(splits.classes))))
    rows = len(splits.train.inputs)
    refuse_beyond(
        side_by_side * training_bytes(recipe, splits, units),
        f"training {units.parameters:,} parameters on {rows:,} rows of {splits.train.inputs[0].size:,} features, "
        f"{recipe.batch_size or rows:,} a step, on {side_by_side} worker(s)",
        "Use a smaller batch_size, a narrower model, fewer or shorter rows, or fewer workers.",
    )


def training_bytes(recipe: Recipe, splits: Splits, units: Units) -> int:
    """About how many bytes one training takes."""
    numbers = sum(part.inputs.size for part in splits.parts().values())
    a_step = BYTES_AN_ACTIVATION * (recipe.batch_size or len(splits.train.inputs)) * units.example
    most = max(len(part.inputs) for part in splits.parts().values())
    at_once = min(rows_at_once(splits.train.inputs[0].size), most)
    a_pass = BYTES_AN_OUTPUT * at_once * units.example // units.layers
    return BYTES_A_NUMBER * numbers + max(a_step, a_pass) + BYTES_A_PARAMETER * units.parameters


@dataclass(frozen=True, slots=True)
class Pace:
    """What an engine spends, counted in the multiplications of a parameter with an example of a step, there and back.

    row:   on an example of a step, beside the network
    unit:  on a unit's value of an example: with ReLU, without norm and dropout
    more:  on such a value besides, by the activation, "norm" or "dropout"
    step:  on a step of the optimiser; layer: for each layer; parameter: for each parameter
    """

    row: float
    unit: float
    step: float
    layer: float = 0.0
    parameter: float = 0.0
    more: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


PACES: Mapping[str, Pace] = MappingProxyType(
    {
        "native": Pace(
            row=425,
            unit=4,
            step=16_500,
            parameter=20,
            more=MappingProxyType({"sigmoid": 12, "tanh": 17, "gelu": 26, "norm": 5, "dropout": 28}),
        ),
        "loop": Pace(row=11_000, unit=100, step=1.6e6, layer=0.8e6),
    }
)
"""Engine → pace, fitted to perceptrons of 8 to 256 units a layer: 56 trainings in `native`, all of them within 33 % of
it, and 32 in `loop`, within 50 % but for one, with dropout, that took twice as long."""


def work_of(recipe: Recipe, splits: Splits, engine: str = "native") -> float:
    """About how long one training takes, in a unit that only the ratio of two trainings gives a meaning."""
    objective, pace = objective_for(recipe, splits), PACES[engine]
    units = units_of(recipe, splits.sizes(objective.n_outputs(len(splits.classes))))
    rows = len(splits.train.inputs)
    steps = -(-rows // (recipe.batch_size or rows))
    unit = pace.unit + sum(pace.more.get(one, 0.0) for one in _beside(recipe))
    a_row = pace.row + units.parameters + unit * units.example
    a_step = pace.step + pace.layer * units.layers + pace.parameter * units.parameters
    return recipe.epochs * (rows * a_row + steps * a_step)


def _beside(recipe: Recipe) -> Iterator[str]:
    """What is done to the values of units, by the names that a pace knows."""
    model = dict(recipe.model)
    yield str(model.get("activation", ""))
    if model.get("norm", "none") != "none":
        yield "norm"
    if model.get("dropout", 0.0):
        yield "dropout"


def units_of(recipe: Recipe, sizes: Sizes) -> Units:
    """How large the network of a recipe is; nothing of a user's own model, which is known when it is built."""
    reckon = UNITS.get(type(recipe.model))
    return reckon(recipe.model, sizes) if reckon else Units(0, 1, 0)


def _mlp(spec: Mlp, sizes: Sizes) -> Units:
    """A norm has two numbers a unit and gives as many again, a skip none; a batch norm takes the place of a bias."""
    widths, hidden = (sizes.n_inputs, *spec.hidden, sizes.outputs), sum(spec.hidden)
    beside = {"none": 0, "batch": 1, "layer": 2}[spec.norm] * hidden
    again = ((spec.norm != "none") + spec.residual) * hidden
    parameters = sum((n + 1) * m for n, m in itertools.pairwise(widths)) + beside
    return Units(parameters, len(widths) - 1, sum(widths[1:]) + again)


def _convnet(spec: Convnet, sizes: Sizes) -> Units:
    _, height, width = image_form(sizes, model=spec.name)
    beside = 1 if spec.norm == "none" else 2
    images = [channels * (height >> i) * (width >> i) for i, channels in enumerate(spec.channels)]
    layers = spec.depth * len(images)
    return Units(convnet_parameters(spec, sizes), layers, beside * spec.depth * sum(images) + sizes.outputs)


def _recurrent(spec: Recurrent, sizes: Sizes) -> Units:
    positions = sequence_form(sizes)[0]
    gates = CELLS[spec.cell][1] + 2  # and the state before and after
    readers = spec.layers * (2 if spec.bidirectional else 1)
    asked = positions * sizes.outputs if sizes.each_position else sizes.outputs
    return Units(recurrent_parameters(spec, sizes), spec.layers, positions * gates * spec.hidden * readers + asked)


def _attention(spec: Attention, sizes: Sizes) -> Units:
    """In a layer 12 numbers for each of the width's; torch keeps no maps."""
    positions = sequence_form(sizes)[0]
    layer = 12 * positions * spec.width
    asked = positions * sizes.outputs if sizes.each_position else sizes.outputs
    return Units(attention_parameters(spec, sizes), spec.layers, layer * spec.layers + asked)


def _pretrained(spec: Pretrained, sizes: Sizes) -> Units:
    """With a frozen body, whose images pass in small parts, an example is its features."""
    body = BODY_UNITS * spec.pixels**2
    parameters = body_parameters() + (FEATURES + 1) * sizes.outputs
    return Units(parameters, 1, body if spec.train == "all" else FEATURES + sizes.outputs)


UNITS: Mapping[type, Callable[[Any, Sizes], Units]] = MappingProxyType(
    {Mlp: _mlp, Convnet: _convnet, Recurrent: _recurrent, Attention: _attention, Pretrained: _pretrained}
)
"""Kind of model → how large it is."""
