"""The live eye on anybody's PyTorch loop: what it measures, it measures beside the training and never within it."""

import functools
import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MappingProxyType, TracebackType
from typing import Any, Self, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from etude.engine.layers import order_of, unwrapped
from etude.engine.left_out import LeftOut
from etude.engine.losses_seen import LossesSeen, number
from etude.engine.microscope.asked import Wanted
from etude.engine.microscope.look import look
from etude.engine.online_stopping import Best, OnlineStopping
from etude.engine.probes import PROBES, Batch, on_a_copy
from etude.engine.sampling import Sampling
from etude.engine.steps import Steps
from etude.engine.track import Record, in_order, recorded
from etude.engine.trained_by import check_kinds, inner_of, limits, missing, own
from etude.engine.warned import warn
from etude.engine.watch_options import Options, nothing_kept
from etude.values.errors import EngineError
from etude.values.run import Ending, Run
from etude.values.step_record import StepRecord

Number = Tensor | float
Method = TypeVar("Method", bound=Callable[..., Any])


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

    best:        where the validation loss was lowest; None before the first
    ended:       how the loop ended, once it has
    is_closed:   whether watching is over
    was_stopped: whether the loop asked whether to stop, and was told so
    failure:     why étude stopped watching, if it had to
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[Optimizer],
        options: Options | None = None,
        listener: "Callable[[Watch], None] | None" = None,
    ) -> None:
        """listener: is told after every validation and every measured step."""
        check_kinds(model, optimizers)
        self.failure = ""
        self.best: Best | None = None
        self.ended: Ending = "unknown"
        self.validations = 0
        self._options, self._listener = options or Options(), listener
        self._model = weakref.ref(unwrapped(model))
        inner = [inner_of(one) for one in optimizers]
        self._optimizers = [weakref.ref(one) for one in inner]
        self._named, self._device = type(unwrapped(model)).__name__, _device(model)
        self._order = order_of(model)
        self._handles: list[RemovableHandle] = []
        self._steps = Steps(weakref.ref(model), len(optimizers), Sampling(self._options.every), self._measured)
        self._steps.clip_norm = self._options.clip_norm
        self._trains = any(own(model, inner))
        self._record, self._losses, self._stopping = Record(), LossesSeen(), OnlineStopping()
        self._last_loss = 0.0
        self._weights: dict[str, Tensor] = {}
        self._looks: list[StepRecord] = []
        self._facts: dict[str, str | int | float] = {}
        self._notes = list(limits(model))
        self._left_out = LeftOut(self._complain)
        self._validated_at = 0
        self.was_stopped = self.is_closed = self._is_open = self._was_opened = self._is_told_unopened = False
        for one in missing(unwrapped(model), inner):
            self._complain(one)

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
            self._record = recorded(self._options.path, self._named)
        self._is_open, self._was_opened, self.is_closed = True, True, False
        for i, reference in enumerate(self._optimizers):
            optimizer = reference()
            if optimizer is not None:
                self._handles.append(optimizer.register_step_pre_hook(functools.partial(self._before, i)))
                self._handles.append(optimizer.register_step_post_hook(self._after))
        self._steps.begin(are_seen=self._trains)

    def close(self, error: BaseException | None = None) -> None:
        """Stop watching, as the end of `with` does: nothing stays hooked, and the record is kept."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if self._is_open:
            self._is_open, self.is_closed = False, True
            self._conclude(error)

    @safely
    def _conclude(self, error: BaseException | None) -> None:
        """The end of the loop is the last thing to be noted."""
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

        Several of one step, as with gradients that are accumulated, count as their mean. Where no optimiser's steps can
        be seen, each loss is one.
        """
        if not self._was_opened:
            self._note_unopened()
        if self._left_out.lacks("loss", "loss", loss):
            return
        steps = self._steps
        if not steps.are_seen:
            steps.step += 1
        if self._losses.add(steps.step, loss):
            self._note_losses()

    @safely
    def validation(self, loss: Number | None = None, **scores: Number) -> None:
        """What a validation says: its loss, and any scores by name, such as accuracy=0.9."""
        self._note_unopened()
        given = ({} if loss is None else {"loss": loss}) | scores
        sound = {name: value for name, value in given.items() if not self._left_out.lacks("validation", name, value)}
        if given and not sound:
            return
        if not self._steps.are_seen and self.step == self._validated_at:
            self._steps.step += 1
        self._validated_at = self.step
        measured = {f"validation/{_named(name)}": number(value) for name, value in sound.items()}
        self._note_losses()
        self._record.note(self.step, measured)
        self._record.write()
        self.validations += 1
        if "loss" in sound:
            self._judge(measured["validation/objective"])
        self._tell()
        self._steps.pause()

    @safely
    def clipped(self, norm: Number) -> None:
        """The norm that clipping found, which `torch.nn.utils.clip_grad_norm_` returns; before the optimiser's step."""
        self._note_unopened()
        if not self._left_out.lacks("clipped", "norm", norm):
            self._steps.clipped(norm)

    @property
    def should_stop(self) -> bool:
        """Whether the validation loss has turned for good, or a loss is no number any more; never without stop=True."""
        over = bool(self.stops_because)
        self.was_stopped = self.was_stopped or over
        return over

    @property
    def stops_because(self) -> str:
        """Why `should_stop` is true; empty while it is not."""
        if not self._options.stop:
            return ""
        broken = "" if math.isfinite(self._last_loss) else f"the training loss is {self._last_loss}"
        return broken or self._stopping.because

    def restore_best(self) -> int:
        """Put the weights of the best validation back into the model; returns the step they are of."""
        model = self._model()
        if model is None:
            raise EngineError("the model is gone: nothing but the watch was left of the training. Keep the model.")
        if self.best is None or not self._weights:
            raise nothing_kept(keeps=self._options.stop or self._options.keep_best, validations=self._stopping.count)
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
        if not callable(criterion):
            self._left_out.add("probe", "criterion", f"of type {type(criterion).__name__}, not a function")
            return
        self._facts["train is"] = (
            criterion.__name__
            if isinstance(criterion, FunctionType | BuiltinFunctionType)
            else type(criterion).__name__
        )
        batch = Batch(inputs, targets, criterion)
        for probe in PROBES:
            found, note = on_a_copy(model, batch, probe)
            self._record.note(self.step, found)
            self._notes += [note] if note else []
        self._record.write()
        self._steps.pause()

    @safely
    def microscope(
        self,
        criterion: Callable[[Any, Any], Tensor],
        inputs: Any,  # noqa: ANN401 - what the model takes
        targets: Any,  # noqa: ANN401 - what the loss takes
        **wanted: Any,  # noqa: ANN401 - the fields of Wanted
    ) -> None:
        """Look at the step that the optimiser takes next, on this batch: its record is the last one of `steps`.

        Anywhere before that step; `wanted` are fields of `Wanted`, such as example=3 or curvature=True. What cannot be
        looked at is told, and nothing else: model, optimiser and all chance are left as they were.
        """
        model, living = self._model(), [one for one in (reference() for reference in self._optimizers) if one]
        if model is None or not living:
            return
        mine = next((one for one, is_own in zip(living, own(model, living), strict=True) if is_own), living[0])
        try:
            asked = Wanted(**{"step": self.step + 1, "clip_norm": self._options.clip_norm, **wanted})
            self._looks.append(look(model, criterion, (inputs, targets), mine, asked))
        except (EngineError, TypeError) as error:
            self._complain(f"step {self.step + 1:,} was not looked at: {error}")
        self._steps.pause()

    @property
    def steps(self) -> tuple[StepRecord, ...]:
        """The steps that were under the microscope, in order."""
        return tuple(self._looks)

    @property
    def run(self) -> Run:
        """What was seen so far, as a Run."""
        self._note_losses()
        curves = {name: self._record.tracks[name].curve(name) for name in in_order(self._record.tracks, self._order)}
        return Run(
            name=self._named,
            curves=MappingProxyType(curves),
            ended=self.ended,
            last_step=self.step,
            kept_step=self.step,
            provenance=MappingProxyType(self._provenance()),
            notes=tuple(dict.fromkeys((*self._notes, *self._left_out.notes(), *self._record.thinned()))),
            files=() if self._record.path is None else (str(self._record.path),),
        )

    def give_up(self, error: Exception) -> None:
        """Stop watching because of an error of étude's own; what was recorded until now is kept.

        What is hooked to the optimiser stays until the end, and does nothing: PyTorch may be going through its hooks.
        """
        self.failure = f"étude stopped watching after step {self.step:,}: {type(error).__name__}: {error}"
        self._steps.abandon()
        self._complain(self.failure)

    @safely
    def _before(self, which: int, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        closure = args[1] if len(args) > 1 else kwargs.get("closure")  # the first argument is the optimiser itself
        self._steps.before(which, optimizer, closure=closure is not None)

    def _after(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._steps.is_plain:
            self._finish(optimizer)

    @safely
    def _finish(self, optimizer: Optimizer) -> None:
        self._steps.after(optimizer)

    def _measured(self, step: int, values: Mapping[str, float]) -> None:
        """A measured step is over."""
        self._note_losses()
        self._record.note(step, {name: values[name] for name in in_order(values, self._order)})
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
        warn(f"{says}. Training goes on, untouched.")

    def _note_unopened(self) -> None:
        if self._was_opened or self._is_told_unopened:
            return
        self._is_told_unopened = True
        self._complain(
            "the watch was never opened, so that gradients are not measured, each loss that is given counts as one "
            "step, and no file is written. Write `with etude.watch(…) as watch:` around the loop, or call watch.open() "
            "before it and watch.close() after it"
        )

    def _ending(self, error: BaseException | None) -> Ending:
        if not math.isfinite(self._last_loss):
            return "diverged"
        if error is not None:
            return "unknown"
        return "stopped early" if self.was_stopped else "completed"

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


def _named(score: str) -> str:
    return "objective" if score == "loss" else score


def is_first_process() -> bool:
    """Whether this is the only process of a training, or rank 0 of several."""
    spread = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not spread or torch.distributed.get_rank() == 0


def _device(model: nn.Module) -> torch.device:
    return next((one.device for one in model.parameters()), torch.device("cpu"))
