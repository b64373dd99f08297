"""The live eye on anybody's PyTorch loop: what it measures, it measures beside the training and never within it."""

import functools
import math
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from etude.engine.layers import order_of, unwrapped
from etude.engine.losses_seen import LossesSeen, number
from etude.engine.online_stopping import OnlineStopping
from etude.engine.probes import PROBES, Batch, on_a_copy
from etude.engine.sampling import Sampling
from etude.engine.signals import is_local
from etude.engine.steps import Steps
from etude.engine.track import Record
from etude.values.errors import EngineError
from etude.values.run import Ending, Run

Number = Tensor | float
Method = TypeVar("Method", bound=Callable[..., Any])

JUDGED = ("train/objective", "validation/objective")


@dataclass(frozen=True, slots=True)
class Options:
    """How a loop is watched.

    every:     steps between two that are measured; None: as many as 1.5 % of the time pays for
    path:      a file of JSON lines that gets everything as it comes
    clip_norm: the limit that gradients are clipped at, so that clipped steps can be told
    stop:      whether `should_stop` may ever say so; it keeps the best weights, too
    keep_best: whether the weights at the best validation are kept, for `restore_best`
    """

    every: int | None = None
    path: Path | None = None
    clip_norm: float | None = None
    stop: bool = False
    keep_best: bool = False


@dataclass(frozen=True, slots=True)
class Best:
    """Where the validation loss was lowest: after which step, at which validation, counted from 1, and its value."""

    step: int
    validation: int
    value: float


def safely(method: Method) -> Method:
    """At étude's border: whatever goes wrong within is told once, and the loop never learns of it."""

    @functools.wraps(method)
    def guarded(self: "Watch", *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of the method
        if self.failure:
            return None
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - nobody's training ends because étude has a mistake
            self.give_up(error)
            return None

    return cast(Method, guarded)


class Watch:
    """Watches a model while it is trained by its optimisers; use it in a `with` statement.

    What is counted is optimiser steps. Of each measured step the gradients are read before the update, the weights
    before and after it, and activations through hooks that stay for that step alone. Training is bit for bit what it
    would be alone: nothing is drawn, nothing of the caller's is changed.

    best:    where the validation loss was lowest; None before the first
    ended:   how the loop ended, once it has
    failure: why étude stopped watching, if it had to
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[Optimizer],
        options: Options | None = None,
        listener: "Callable[[Watch], None] | None" = None,
    ) -> None:
        """listener: is told after every validation and every measured step."""
        self.failure = ""
        self.best: Best | None = None
        self.ended: Ending = "unknown"
        self.validations = 0
        self._options, self._listener = options or Options(), listener
        self._model = weakref.ref(unwrapped(model))
        self._optimizers = [weakref.ref(_inner(one)) for one in optimizers]
        self._named, self._device = type(unwrapped(model)).__name__, _device(model)
        self._order = order_of(model)
        self._handles: list[RemovableHandle] = []
        self._steps = Steps(weakref.ref(model), len(optimizers), Sampling(self._options.every), self._measured)
        self._steps.clip_norm = self._options.clip_norm
        self._record, self._losses, self._stopping = Record(), LossesSeen(), OnlineStopping()
        self._last_loss = 0.0
        self._weights: dict[str, Tensor] = {}
        self._facts: dict[str, str | int | float] = {}
        self._notes = list(_limits(model))
        self._was_told_to_stop = self._is_open = False

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)

    def open(self) -> None:
        """Begin to watch, as `with` does."""
        if self._options.path is not None and is_first_process():
            self._record = _recorded(self._options.path, self._named)
        self._is_open = True
        for i, reference in enumerate(self._optimizers):
            optimizer = reference()
            if optimizer is not None:
                before, after = functools.partial(self._before, i), functools.partial(self._after, i)
                self._handles.append(optimizer.register_step_pre_hook(before))
                self._handles.append(optimizer.register_step_post_hook(after))
        self._steps.begin()

    @safely
    def close(self, error: BaseException | None = None) -> None:
        """Stop watching, as the end of `with` does: nothing stays hooked, and the record is kept."""
        if not self._is_open:
            return
        self._is_open = False
        self._unhook()
        self._steps.end()
        self._note_losses()
        if error is not None:
            self._notes.append(f"the loop ended with {type(error).__name__} after step {self.step:,}: {error}")
        self.ended = self._ending(error)
        self._record.close()
        self._tell()

    @property
    def is_open(self) -> bool:
        """Whether the loop is being watched."""
        return self._is_open

    @property
    def step(self) -> int:
        """The last optimiser step."""
        return self._steps.step

    @safely
    def loss(self, loss: Number) -> None:
        """The training loss of this step; a tensor is taken without waiting for its device.

        Several of one step, as with gradients that are accumulated, count as their mean.
        """
        if self._losses.add(self._steps.step, loss):
            self._note_losses()

    @safely
    def validation(self, loss: Number | None = None, **scores: Number) -> None:
        """What a validation says: its loss, and any scores by name, such as accuracy=0.9."""
        measured = {} if loss is None else {"validation/objective": number(loss)}
        measured |= {f"validation/{name}": number(value) for name, value in scores.items()}
        self._note_losses()
        self._record.note(self.step, measured)
        self._record.write()
        self.validations += 1
        if loss is not None:
            self._judge(measured["validation/objective"])
        self._tell()
        self._steps.pause()

    @safely
    def clipped(self, norm: Number) -> None:
        """The norm that clipping found, which `torch.nn.utils.clip_grad_norm_` returns; before the optimiser's step."""
        self._steps.clipped(norm)

    @property
    def should_stop(self) -> bool:
        """Whether the validation loss has turned for good, or a loss is no number any more; never without stop=True."""
        over = self._options.stop and (self._stopping.is_over or not math.isfinite(self._last_loss))
        self._was_told_to_stop = self._was_told_to_stop or over
        return over

    def restore_best(self) -> int:
        """Put the weights of the best validation back into the model; returns the step they are of."""
        model = self._model()
        if model is None or self.best is None or not self._weights:
            missing = "no validation loss was given: call watch.validation(loss)"
            kept = "they are kept only where the watch has stop=True or keep_best=True"
            raise EngineError(
                f"there are no best weights to put back; {missing if self.best is None else kept}. "
                "The model is as it was."
            )
        model.load_state_dict(self._weights)
        return self.best.step

    @safely
    def probe(self, inputs: Any, targets: Any, criterion: Callable[..., Tensor]) -> None:  # noqa: ANN401 - what the model takes
        """Try a copy of the model on one batch: do examples mix, does it use its inputs, can it learn a few by heart?

        A batch of 32 or more from the training data is best. It takes some hundred steps on eight examples. Model,
        optimiser and all chance are left as they were.
        """
        model = self._model()
        if model is None:
            return
        self._facts["train is"] = type(criterion).__name__ if isinstance(criterion, nn.Module) else str(
            vars(criterion).get("__name__", type(criterion).__name__)
        )  # fmt: skip
        batch = Batch(inputs, targets, criterion)
        for probe in PROBES:
            found, note = on_a_copy(model, batch, probe)
            self._record.note(self.step, found)
            self._notes += [note] if note else []
        self._record.write()
        self._steps.pause()

    @property
    def run(self) -> Run:
        """What was seen so far, as a Run."""
        self._note_losses()
        curves = {name: self._record.tracks[name].curve(name) for name in self._ordered(self._record.tracks)}
        return Run(
            name=self._named,
            curves=MappingProxyType(curves),
            ended=self.ended,
            last_step=self.step,
            kept_step=self.step,
            provenance=MappingProxyType(self._provenance()),
            notes=tuple(dict.fromkeys((*self._notes, *self._record.thinned()))),
            files=() if self._record.path is None else (str(self._record.path),),
        )

    def give_up(self, error: Exception) -> None:
        """Stop watching because of an error of étude's own; what was recorded until now is kept."""
        self.failure = f"étude stopped watching after step {self.step:,}: {type(error).__name__}: {error}"
        self._unhook()
        self._steps.abandon()
        self._complain(self.failure)

    @safely
    def _before(self, which: int, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._steps.before(which, optimizer, closure=bool(args or kwargs.get("closure")))

    @safely
    def _after(self, which: int, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._steps.after(which, optimizer)

    def _measured(self, step: int, values: Mapping[str, float]) -> None:
        """A measured step is over."""
        self._note_losses()
        self._record.note(step, {name: values[name] for name in self._ordered(values)})
        self._record.write()
        self._tell()

    def _note_losses(self) -> None:
        losses = self._losses.fetch()
        if losses:
            self._record.note_all("train/objective", losses)
            self._last_loss = losses[-1][1]

    def _judge(self, loss: float) -> None:
        """Whether it is the best so far, and whether it is over."""
        before = self._stopping.best
        self._stopping.note(loss)
        if self._stopping.best == before:
            return
        self.best = Best(self.step, self.validations, loss)
        model = self._model()
        if (self._options.stop or self._options.keep_best) and model is not None:
            self._weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def _tell(self) -> None:
        if self._listener is None:
            return
        try:
            self._listener(self)
        except Exception as error:  # noqa: BLE001 - the loop goes on, and so does its record
            self._listener = None
            self._complain(f"étude judges this run no more: {type(error).__name__}: {error}")

    def _complain(self, says: str) -> None:
        self._notes.append(says)
        with suppress(RuntimeWarning):  # where warnings are errors it would end the training; the record has it
            warnings.warn(f"{says}. Training goes on, untouched.", RuntimeWarning, stacklevel=5)

    def _unhook(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _ending(self, error: BaseException | None) -> Ending:
        if not math.isfinite(self._last_loss):
            return "diverged"
        if error is not None:
            return "unknown"
        return "stopped early" if self._was_told_to_stop else "completed"

    def _ordered(self, names: Iterable[str]) -> list[str]:
        """What is judged, other scores, signals, layers in the order of the network, probes."""
        kinds = ("train", "validation", "signals", "layers", "probes")
        order = {name: i for i, name in enumerate(self._order)}

        def place(name: str) -> tuple[bool, int, int]:
            kind, _, rest = name.partition("/")
            layer = rest.rpartition("/")[0] if kind == "layers" else ""
            return name not in JUDGED, kinds.index(kind), order.get(layer, 0)

        return sorted(names, key=place)

    def _provenance(self) -> dict[str, str | int | float]:
        known: dict[str, str | int | float] = {
            "by": "etude.watch",
            "torch": str(torch.__version__),
            "device": str(self._device),
            "measured steps": self._steps.sampling.count,
            "measured": str(self._steps.sampling),
            "seconds measuring": self._steps.seconds,
        }
        return known | self._facts


def _recorded(path: Path, watched: str) -> Record:
    try:
        return Record(path, {"by": "etude.watch", "watched": watched})
    except OSError as error:
        raise EngineError(
            f"{path} cannot be written: {error.strerror}. Name a file in a folder that can. Nothing was trained yet."
        ) from error


def is_first_process() -> bool:
    """Whether this is the only process of a training, or rank 0 of several."""
    spread = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not spread or torch.distributed.get_rank() == 0


def _limits(model: nn.Module) -> Iterable[str]:
    """What of a model cannot be measured."""
    spread = sum(not is_local(one) for one in model.parameters())
    if spread:
        yield f"{spread} weights are spread over processes or of a kind of their own, and are not measured"
    if not isinstance(unwrapped(model), type(model)):
        yield "activations within compiled code cannot be seen; a probe measures them on a copy"


def _device(model: nn.Module) -> torch.device:
    return next((one.device for one in model.parameters()), torch.device("cpu"))


def _inner(optimizer: Optimizer) -> Optimizer:
    """The optimiser that takes the steps, where another one, as accelerate's, is put around it."""
    inner = vars(optimizer).get("optimizer")
    return _inner(inner) if isinstance(inner, Optimizer) else optimizer
