"""One training in the core: opened on a replicate's arrays, advanced by epochs, asked for outputs, closed."""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from etude.engine.native.library import (
    ENDINGS,
    LOSSES,
    OPTIMIZERS,
    Core,
    Layer,
    Optimizer,
    Part,
    Problem,
    Progress,
    address,
)
from etude.values.errors import EngineError
from etude.values.optimizer import Adam, AdamW, EarlyStopping, Rmsprop, Sgd
from etude.values.optimizer import Optimizer as OptimizerSpec

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one split, float32 and contiguous.

    inputs: shape (rows, features); targets: shape (rows,), None for rows that nothing is learned from
    """

    inputs: Floats
    targets: Floats | None

    def part(self) -> Part:
        """As the core takes them."""
        return Part(address(self.inputs), address(self.targets), len(self.inputs))


@dataclass(frozen=True, slots=True, eq=False)
class CoreJob:
    """What the core trains, but for the rows and the start.

    form:    channels, height and width of an example
    loss:    a name in LOSSES
    batch:   rows a step
    smoothing, class_weights: of an Objective; for losses of classes alone
    """

    form: tuple[int, int, int]
    outputs: int
    layers: Sequence[Layer]
    loss: str
    optimizer: OptimizerSpec
    batch: int
    clip_norm: float | None = None
    early_stopping: EarlyStopping | None = None
    stops_when_diverged: bool = True
    smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()


class Stop:
    """A flag that trainings in other threads heed at their next step."""

    def __init__(self) -> None:
        """Not set."""
        self.flag = ctypes.c_int32(0)

    def set(self) -> None:
        """From now on every training that sees it ends."""
        self.flag.value = 1


class Training:
    """A training under way; close it, or use it in a with statement."""

    def __init__(self, core: Core, job: CoreJob, rows: Mapping[str, Rows], start: Floats, *, stop: Stop) -> None:
        """At its start, from `start`: all parameters, then from the next multiple of WHOLE on running statistics."""
        self._core, self._job = core, job
        weights = np.array(job.class_weights, dtype=np.float32) if job.class_weights else None
        self._kept = (rows, start, stop, weights)  # the core reads them as long as the training lives
        self._problem = _problem(job, rows, weights)
        self._handle = core.open(ctypes.byref(self._problem), address(start), ctypes.byref(stop.flag))
        self._size = start.size
        self._n_rows = sum(len(part.inputs) for part in rows.values())
        if not self._handle:
            raise EngineError(
                "the native engine could not get the memory that this training needs. Use fewer workers, fewer rows, a "
                "smaller batch_size or a smaller model. This run was not kept; finished ones are."
            )

    @property
    def n_outputs(self) -> int:
        """Raw outputs of an example."""
        return self._job.outputs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its memory."""
        self._core.close(self._handle)
        self._handle = None

    def advance(
        self, epochs: int, *, order: NDArray[np.int32] | None, rates: NDArray[np.float64], every: int
    ) -> tuple[NDArray[np.float64], Floats]:
        """Train up to so many epochs more, and take outputs on the way.

        order: rows in the order in which each epoch takes them, shape (epochs, rows); None: a full batch
        rates: the learning rate, shape (1,), or that of each step, shape (epochs · steps an epoch,)
        every: epochs between two takings of outputs, counted from the start

        Returns the training and validation objectives, shape (2, epochs trained), and the outputs after each epoch
        whose number is a multiple of `every` but that of a divergence, shape (takings, rows of all parts, outputs).
        """
        losses = np.empty((2, epochs))
        begun = self.progress().epochs
        takings = (begun + epochs) // every - begun // every
        taken = np.empty((takings, self._n_rows, self._job.outputs), dtype=np.float32)
        rows = 0 if order is None else order.shape[1]
        a_step = 0 if rates.size == 1 else rates.size // epochs
        n = self._core.advance(
            self._handle,
            epochs,
            address(order),
            rows,
            address(rates),
            a_step,
            address(losses),
            every,
            address(taken),
        )
        diverged = self.progress().ending == ENDINGS.index("diverged")
        return losses[:, :n], taken[: (begun + n - diverged) // every - begun // every]

    def progress(self) -> Progress:
        """Steps and epochs trained, the step that early stopping keeps, and how it stands: an index into ENDINGS."""
        found = Progress()
        self._core.progress(self._handle, ctypes.byref(found))
        return found

    def outputs(self, inputs: Floats) -> Floats:
        """Raw outputs in evaluation mode, shape (rows, outputs), of inputs of shape (rows, features)."""
        inputs = np.ascontiguousarray(inputs)
        made = np.empty((len(inputs), self._job.outputs), dtype=np.float32)
        part = Part(address(inputs), None, len(inputs))
        self._core.outputs(self._handle, ctypes.byref(part), address(made))
        return made

    def outputs_of_all(self) -> Floats:
        """Raw outputs on the training, validation and test rows, one after the other, shape (all rows, outputs)."""
        made = np.empty((self._n_rows, self._job.outputs), dtype=np.float32)
        self._core.outputs_of_all(self._handle, address(made))
        return made

    def restore(self) -> None:
        """Back to the weights that early stopping keeps, if it keeps any."""
        self._core.restore(self._handle)

    def state(self) -> Floats:
        """A copy of all parameters and running statistics, as `start` has them."""
        found = (ctypes.c_float * self._size).from_address(self._core.state(self._handle))
        return np.array(found, dtype=np.float32)


def _problem(job: CoreJob, rows: Mapping[str, Rows], weights: Floats | None) -> Problem:
    early = job.early_stopping
    layers = (Layer * len(job.layers))(*job.layers)
    return Problem(
        *job.form,
        len(layers),
        layers,
        LOSSES.index(job.loss),
        job.batch,
        rows["train"].part(),
        rows["validation"].part(),
        rows["test"].part() if "test" in rows else Part(),
        _optimizer(job.optimizer),
        job.clip_norm or 0.0,
        early.patience if early else 0,
        job.stops_when_diverged,
        early.min_delta if early else 0.0,
        job.smoothing,
        address(weights),
    )


def _optimizer(spec: OptimizerSpec) -> Optimizer:
    made = Optimizer(kind=OPTIMIZERS.index(spec.name))
    match spec:
        case Sgd():
            made.momentum, made.nesterov, made.weight_decay = spec.momentum, spec.nesterov, spec.coupled_weight_decay
        case Rmsprop():
            made.momentum, made.smoothing, made.epsilon = spec.momentum, spec.smoothing, spec.epsilon
            made.weight_decay = spec.coupled_weight_decay
        case Adam() | AdamW():
            made.momentum, made.smoothing = spec.betas
            made.epsilon = spec.epsilon
            made.weight_decay = spec.coupled_weight_decay if isinstance(spec, Adam) else spec.decoupled_weight_decay
    return made
