"""A training of which only losses are told, without torch: what `etude.watch` is to a PyTorch loop."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from numpy.typing import NDArray

from etude.engine.online_stopping import Best, OnlineStopping
from etude.engine.track import Record
from etude.engine.watch_options import nothing_kept
from etude.faces.callbacks.metrics import Sorted
from etude.faces.callbacks.watched import Asked
from etude.faces.telling import Telling
from etude.values.errors import EngineError
from etude.values.finding import Diagnosis
from etude.values.run import Ending, Run

JUDGED = ("train/objective", "validation/objective")


class Model(Protocol):
    """A model of Keras, as far as it is used here."""

    name: str

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of all weights."""
        ...

    def set_weights(self, weights: list[NDArray[Any]]) -> None:
        """Put weights back."""
        ...


class Losses:
    """Losses and validations at steps that the framework counts.

    step:        the last optimiser step
    best:        where the validation loss was lowest; None before the first
    is_closed:   whether the training has ended
    was_stopped: whether it ended because it was asked to
    """

    def __init__(self, model: Model, asked: Asked) -> None:
        """The training begins."""
        self.step = 0
        self.validations = 0
        self.best: Best | None = None
        self.ended: Ending = "unknown"
        self._model, self._asked = model, asked
        self._record = _recorded(asked.path, model.name)
        self._names = {"train is": "loss"}
        self._stopping = OnlineStopping()
        self._weights: list[NDArray[Any]] = []
        self._last = 0.0
        self.is_closed = self.was_stopped = False
        self._telling = None if asked.quiet else Telling(sys.stderr)

    def loss(self, loss: float) -> None:
        """The training loss at this step."""
        self.note({"train/objective": loss})
        self._last = loss

    def note(self, values: Mapping[str, float]) -> None:
        """Anything else at this step, by names of curves."""
        self._record.note(self.step, values)

    def validation(self, told: Sorted) -> None:
        """What a validation says."""
        self.note({f"validation/{name}": value for name, value in told.scores.items()})
        self.validations += 1
        if told.loss is not None:
            self._names["validation is"] = told.loss[0]
            self._judge(told.loss[1])
        self._record.write()
        if self._telling is not None:
            self._telling(self)

    def restore_best(self) -> int:
        """Put the weights of the best validation back into the model; returns the step they are of."""
        if self.best is None or not self._weights:
            raise nothing_kept(keeps=self._asked.stop or self._asked.keep_best, validations=self._stopping.count)
        self._model.set_weights(self._weights)
        return self.best.step

    def close(self) -> None:
        """The training is over."""
        if self.is_closed:
            return
        self.is_closed, self.was_stopped = True, self.should_stop
        self._record.close()
        self.ended = "stopped early" if self.was_stopped else "completed"
        if not math.isfinite(self._last):
            self.ended = "diverged"
        if self._telling is not None and self._record.tracks:
            self._telling(self)

    @property
    def should_stop(self) -> bool:
        """Whether the validation loss has turned for good, or a loss is no number any more; never without stop=True."""
        return bool(self.stops_because)

    @property
    def stops_because(self) -> str:
        """Why `should_stop` is true; empty while it is not."""
        if not self._asked.stop:
            return ""
        broken = "" if math.isfinite(self._last) else f"the training loss is {self._last}"
        return broken or self._stopping.because

    @property
    def run(self) -> Run:
        """What was told so far, as a Run."""
        tracks = self._record.tracks
        names = [*(name for name in JUDGED if name in tracks), *(name for name in tracks if name not in JUDGED)]
        return Run(
            name=self._model.name,
            curves=MappingProxyType({name: tracks[name].curve(name) for name in names}),
            ended=self.ended,
            last_step=self.step,
            kept_step=self.step,
            provenance=MappingProxyType({**self._names, "framework": self._asked.framework}),
            notes=tuple(self._record.thinned()),
            files=() if self._record.path is None else (str(self._record.path),),
        )

    def diagnosis(self) -> Diagnosis:
        """What is wrong with the run so far, or that nothing is."""
        from etude.diagnosis.diagnose import diagnosed

        return diagnosed((self.run,))

    def _judge(self, loss: float) -> None:
        """Whether it is the best so far, and whether it is over."""
        self.note({"validation/objective": loss})
        before = self._stopping.best
        self._stopping.note(loss)
        if self._stopping.best != before:
            self.best = Best(self.step, self.validations, loss)
            if self._asked.stop or self._asked.keep_best:
                self._weights = self._model.get_weights()


def _recorded(path: Path | None, name: str) -> Record:
    try:
        return Record(path, {"by": "etude.watch", "watched": name})
    except OSError as error:
        raise EngineError(
            f"{path} cannot be written: {error.strerror}. Name a file in a folder that can. Nothing was trained yet."
        ) from error
