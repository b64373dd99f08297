"""One replicate in the core, from its recipe to its run; step for step what `loop` does."""

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from etude.data.load import load
from etude.data.splits import Splits
from etude.engine.architectures.mlp import initial_parameters, perceptron_of_rows
from etude.engine.build import build_model
from etude.engine.course import Course, learning_rates, score_every, steps_per_epoch
from etude.engine.losses import (
    LossFunction,
    Objective,
    objective_for,
    squared_probabilities_error,
    squared_probability_error,
)
from etude.engine.machine import explained, facts, own_torch
from etude.engine.native.library import ENDINGS, Core
from etude.engine.native.training import CoreJob, Floats, Rows, Stop, Training
from etude.engine.native.translate import Translation, Untranslatable, state_of, translated
from etude.engine.scoring import scored_rows, scores_every_row
from etude.engine.trial import targets_of
from etude.numerics.schedules import is_constant
from etude.numerics.seeds import key, stream
from etude.values.data import Data, Task
from etude.values.errors import EngineError
from etude.values.model import Mlp
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.sizes import Sizes

LOSSES: Mapping[LossFunction, str] = MappingProxyType(
    {
        functional.binary_cross_entropy_with_logits: "bce",
        squared_probability_error: "squared probability",
        functional.mse_loss: "mse",
        functional.l1_loss: "l1",
        functional.huber_loss: "huber",
        functional.cross_entropy: "cross_entropy",
        squared_probabilities_error: "squared probabilities",
    }
)
"""An objective's function → the core's loss."""

MODULES: Mapping[type[nn.Module], LossFunction] = MappingProxyType(
    {
        nn.BCEWithLogitsLoss: functional.binary_cross_entropy_with_logits,
        nn.MSELoss: functional.mse_loss,
        nn.L1Loss: functional.l1_loss,
        nn.HuberLoss: functional.huber_loss,
        nn.CrossEntropyLoss: functional.cross_entropy,
    }
)
"""A torch loss with its own defaults → the function that it then is."""

PER_CLASS = ("cross_entropy", "squared probabilities")
"""The core's losses that take one output a class; the others take one output and look at no other."""

Names = tuple[tuple[str, tuple[int, ...]], ...]
"""Every parameter's name in torch and its shape, in order."""

CPU = torch.device("cpu")

NUMBERS_AHEAD = 2**20
"""Row numbers drawn ahead of the epochs that take them, or outputs that wait to be scored: 4 MiB."""

KEPT, KEPT_ROWS = 16, 20_000
"""Forms and sets of rows that are kept for the next training, and the rows of a set that is small enough."""

BUILDING = Lock()
"""Torch's own chance is one for the whole process, so networks of the user's are built one at a time."""


class Interrupted(BaseException):
    """The training was stopped from outside: no error, and nothing that an `except Exception` should see."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A network before its first step: what to compute, from which numbers, and their names in torch."""

    translation: Translation
    state: Floats
    names: Names


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """A training in the core as a Network."""

    training: Training
    splits: Splits
    names: Names

    @property
    def n_parameters(self) -> int:
        """How many numbers are trained."""
        return sum(math.prod(shape) for _, shape in self.names)

    def outputs(self, inputs: Floats) -> Floats:
        """Raw outputs, shape (rows, outputs)."""
        return self.training.outputs(inputs)

    def outputs_by_split(self) -> dict[str, Floats]:
        """Raw outputs on every part's scored rows, each of shape (rows, outputs)."""
        if scores_every_row(self.splits):
            return self.apart(self.training.outputs_of_all())
        parts, chosen = self.splits.parts(), scored_rows(self.splits)
        return {
            name: self.outputs(part.inputs if (rows := chosen[name]) is None else part.inputs[rows])
            for name, part in parts.items()
        }

    def apart(self, outputs: Floats) -> dict[str, Floats]:
        """Outputs on all rows, shape (…, rows of all parts, outputs), by part."""
        parts = self.splits.parts()
        ends = np.cumsum([len(part.inputs) for part in parts.values()])[:-1]
        return dict(zip(parts, np.split(outputs, ends, axis=-2), strict=True))

    def weights(self) -> Iterator[tuple[str, Floats]]:
        """Every parameter with its name."""
        state, begin = self.training.state(), 0
        for name, shape in self.names:
            yield name, state[begin : begin + math.prod(shape)].reshape(shape)
            begin += math.prod(shape)


def lacking(recipe: Recipe) -> str:
    """What the core lacks to train a recipe, as words that end a sentence; "" where it lacks nothing.

    Builds replicate 0 to see, in which code of the user's may raise what it likes.
    """
    if recipe.augment:
        return "augmentation of images"
    if isinstance(recipe.model, Mlp) and recipe.model.residual:
        return "skip connections"
    splits = rows_of(recipe.data, recipe.seed, 0)
    try:
        objective = objective_for(recipe, splits)
        core_loss(objective)
        translation = started(recipe, _sizes(splits, objective), 0).translation
        rows = len(splits.train.inputs)
        last = rows % (recipe.batch_size or rows) or recipe.batch_size or rows
        if last == 1 and translation.has_batch_norm:  # torch refuses it and says so
            return "a batch norm of one example"
    except Untranslatable as reason:
        return str(reason)
    return ""


def train(core: Core, recipe: Recipe, replicate: int, *, stop: Stop) -> Run:
    """The run of one replicate; Interrupted where `stop` was set meanwhile. Any thread may call it."""
    return train_on(core, recipe, rows_of(recipe.data, recipe.seed, replicate), replicate, stop=stop)


def train_on(core: Core, recipe: Recipe, splits: Splits, replicate: int, *, stop: Stop) -> Run:
    """The same on rows that are loaded already."""
    began = time.perf_counter()
    with trained_on(core, recipe, splits, replicate, stop=stop) as (course, live):
        run = course.run(replicate, live, {"engine": "native", **facts()}, started=began)
        # among the last outputs, which are then incomplete
        if ENDINGS[live.training.progress().ending] == "interrupted":
            raise Interrupted
        return run


@contextlib.contextmanager
def trained_on(
    core: Core, recipe: Recipe, splits: Splits, replicate: int, *, stop: Stop
) -> Iterator[tuple[Course, Live]]:
    """A training that has ended, with the kept weights, until the with statement is left."""
    with explained(recipe, replicate):
        objective = objective_for(recipe, splits)
        start = _same_as_the_first(recipe, _sizes(splits, objective), replicate)
        rows = {name: _rows(splits, name, objective) for name in splits.parts()}
        job = _job(recipe, start.translation, objective, splits)
        with Training(core, job, rows, start.state, stop=stop) as training:
            live = Live(training, splits, start.names)
            yield _fit(Course(recipe, splits, objective.unit), live, replicate), live


def _sizes(splits: Splits, objective: Objective) -> Sizes:
    return splits.sizes(objective.n_outputs(len(splits.classes)))


def core_loss(objective: Objective) -> str:
    """The core's name of an objective; Untranslatable where it has none."""
    function = objective.function
    if isinstance(function, nn.Module) and type(function) in MODULES and vars(function) == vars(type(function)()):
        function = MODULES[type(function)]
    if function not in LOSSES:
        raise Untranslatable("a loss that is not one of torch's own with its defaults")
    if objective.per_class != (LOSSES[function] in PER_CLASS):
        raise Untranslatable("a loss for another kind of data")
    return LOSSES[function]


def rows_of(data: Data, seed: int, replicate: int) -> Splits:
    """The rows of a replicate, which all its arms share; small ones are kept for the next."""
    if isinstance(data, Task) and data.rows + data.test_rows <= KEPT_ROWS:
        return _kept(data, seed, replicate)
    return load(data, seed=seed, replicate=replicate)


_kept = lru_cache(maxsize=KEPT)(lambda data, seed, replicate: load(data, seed=seed, replicate=replicate))


def started(recipe: Recipe, sizes: Sizes, replicate: int) -> Start:
    """The network of a replicate before its first step."""
    seed = recipe.seed
    if isinstance(recipe.model, Mlp) and not sizes.characters:
        translation, names, rest = _form_of(recipe.model, sizes)
        masks = int(key(seed, replicate, "dropout"))
        ends = (sizes.n_inputs, sizes.outputs)
        weights = initial_parameters(recipe.model, ends, seed=seed, replicate=replicate)
        masked = translation.with_masks(masks) if recipe.model.dropout else translation
        return Start(masked, np.concatenate([weights, rest]), names)
    with BUILDING, own_torch(CPU):
        model = build_model(recipe, sizes, replicate=replicate, device=CPU)
        return Start(translated(model, sizes.n_inputs), state_of(model), _names(model))


def _same_as_the_first(recipe: Recipe, sizes: Sizes, replicate: int) -> Start:
    """As `started`; an EngineError where replicate 0 could be translated, for which it was chosen, and this cannot."""
    try:
        return started(recipe, sizes, replicate)
    except Untranslatable as reason:
        raise EngineError(
            f"replicate {replicate} has {reason}, which the native engine lacks and replicate 0 did not have. Use "
            "engine='loop', or build the same layers every time. This run was not kept; finished ones are."
        ) from reason


@lru_cache(maxsize=KEPT)
def _form_of(spec: Mlp, sizes: Sizes) -> tuple[Translation, Names, Floats]:
    """What all replicates share: the layers, the parameters' names, and what follows them in the state."""
    template = perceptron_of_rows(spec, sizes, seed=0, replicate=0)
    n = sum(parameter.numel() for parameter in template.parameters())
    return translated(template, sizes.n_inputs), _names(template), state_of(template)[n:]


def _names(model: nn.Module) -> Names:
    return tuple((name, tuple(parameter.shape)) for name, parameter in model.named_parameters())


def _job(recipe: Recipe, translation: Translation, objective: Objective, splits: Splits) -> CoreJob:
    form = translation.forms[0]
    return CoreJob(
        form=(form.channels, form.height, form.width),
        outputs=translation.forms[-1].size,
        layers=translation.layers,
        loss=core_loss(objective),
        optimizer=recipe.optimizer,
        batch=recipe.batch_size or len(splits.train.inputs),
        clip_norm=recipe.clip_norm,
        early_stopping=recipe.early_stopping,
        stops_when_diverged=recipe.stop_on_divergence,
        smoothing=objective.smoothing,
        class_weights=objective.weights,
    )


def _rows(splits: Splits, name: str, objective: Objective) -> Rows:
    part = splits.parts()[name]
    targets = None if name == "test" else targets_of(part, splits, objective).ravel().astype(np.float32)
    return Rows(np.ascontiguousarray(part.inputs, dtype=np.float32), targets)


def _fit(course: Course, live: Live, replicate: int) -> Course:
    """Train; it ends with the kept weights."""
    recipe, training = course.recipe, live.training
    rows = len(course.splits.train.inputs)
    per_epoch, every = steps_per_epoch(recipe, rows), score_every(recipe)
    at_once, whole = _epochs_at_once(course, live), scores_every_row(course.splits)
    course.scores.record(0, live)
    epoch, now = 0, training.progress()
    while epoch < recipe.epochs and ENDINGS[now.ending] == "going on":
        ahead = range(epoch, min(epoch + (at_once if whole else every - epoch % every), recipe.epochs))
        rates = _rates(recipe, rows, course.step, len(ahead))
        losses, taken = training.advance(
            len(ahead),
            order=_orders(recipe, replicate, rows, ahead),
            rates=rates,
            every=every if whole else recipe.epochs + 1,
        )
        now = training.progress()
        if ENDINGS[now.ending] == "interrupted":
            raise Interrupted
        ends = course.step + per_epoch * np.arange(1, losses.shape[1] + 1)
        ends[-1] = now.step  # where it diverged, in the middle of an epoch
        if whole:
            first = every - epoch % every - 1
            course.scores.add(ends[first::every][: len(taken)].tolist(), live.apart(taken))
        course.note_epochs(ends, *losses)
        epoch = now.epochs
        if not whole and epoch % every == 0 and ENDINGS[now.ending] != "diverged":
            course.scores.record(course.step, live)
    ending = ENDINGS[now.ending]
    if ending == "interrupted":  # in the first scoring already
        raise Interrupted
    if ending == "diverged":
        course.ended = "diverged"
    elif ending == "stopped early" and epoch < recipe.epochs:
        course.ended = "stopped early"
    course.scores.record(course.step, live)
    training.restore()
    course.finish(now.kept_step or course.step, live)
    return course


def _epochs_at_once(course: Course, live: Live) -> int:
    """So many that neither orders drawn ahead nor outputs waiting to be scored take more than a few MiB."""
    recipe, parts = course.recipe, course.splits.parts()
    outputs = sum(len(part.inputs) for part in parts.values()) * live.training.n_outputs
    takings, rows = max(1, NUMBERS_AHEAD // outputs), len(parts["train"].inputs)
    an_epoch = rows if recipe.batch_size else 1  # numbers of its order, which are at least those of its rates
    return min(takings * score_every(recipe), max(1, NUMBERS_AHEAD // an_epoch))


def _orders(recipe: Recipe, replicate: int, rows: int, epochs: range) -> NDArray[np.int32] | None:
    """The rows of each epoch in its order, shape (epochs, rows); epochs count from 1 in the stream's name."""
    if recipe.batch_size is None:
        return None
    drawn = (stream(recipe.seed, replicate, "order", epoch + 1).permutation(rows) for epoch in epochs)
    return np.stack([order.astype(np.int32) for order in drawn])


def _rates(recipe: Recipe, rows: int, step: int, epochs: int) -> NDArray[np.float64]:
    if is_constant(recipe.schedule):
        return np.array([recipe.optimizer.learning_rate])
    return np.array(learning_rates(recipe, rows, range(step, step + epochs * steps_per_epoch(recipe, rows))))
