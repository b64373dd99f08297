"""A training of which only losses are told, without torch: what `etude.watch` is to a PyTorch loop."""

import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TextIO

from numpy.typing import NDArray

from etude.engine.online_stopping import OnlineStopping
from etude.engine.track import Record
from etude.faces.callbacks.metrics import Sorted
from etude.faces.callbacks.watched import Asked
from etude.faces.plain import printable
from etude.faces.telling import News, line
from etude.values.errors import EngineError
from etude.values.finding import Diagnosis
from etude.values.run import Ending, Run

SHARE = 0.01
"""Of the time of the training, what judging it may take."""

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

    step: the last optimiser step
    """

    def __init__(self, model: Model, asked: Asked) -> None:
        """The training begins."""
        self.step = 0
        self.validations = 0
        self.best_step: int | None = None
        self.ended: Ending = "unknown"
        self._model, self._asked = model, asked
        self._record = _recorded(asked.path, model.name)
        self._names = {"train is": "loss"}
        self._stopping = OnlineStopping()
        self._weights: list[NDArray[Any]] = []
        self._last = 0.0
        self._is_open = True
        self._telling = None if asked.quiet else _Telling(sys.stderr)

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
        if self.best_step is None or not self._weights:
            raise EngineError(
                "there are no best weights to put back. They are kept only where the callback has stop=True or "
                "keep_best=True, and Keras was given validation data. The model is as it was."
            )
        self._model.set_weights(self._weights)
        return self.best_step

    def close(self) -> None:
        """The training is over."""
        if not self._is_open:
            return
        self._is_open = False
        self._record.close()
        self.ended = "stopped early" if self.should_stop else "completed"
        if not math.isfinite(self._last):
            self.ended = "diverged"
        if self._telling is not None and self._record.tracks:
            self._telling(self)

    @property
    def is_open(self) -> bool:
        """Whether the training goes on."""
        return self._is_open

    @property
    def should_stop(self) -> bool:
        """Whether the validation loss has turned for good, or a loss is no number any more; never without stop=True."""
        return self._asked.stop and (self._stopping.is_over or not math.isfinite(self._last))

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
            self.best_step = self.step
            if self._asked.stop or self._asked.keep_best:
                self._weights = self._model.get_weights()


class _Telling:
    """Judges now and then, and tells the verdict in one line when it has changed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._news, self._ready_at = stream, News(), 0.0

    def __call__(self, losses: Losses) -> None:
        if losses.is_open and time.perf_counter() < self._ready_at:
            return
        began = time.perf_counter()
        diagnosis = losses.diagnosis()
        if self._news.note(diagnosis.verdict) or not losses.is_open:
            told = line(diagnosis, step=losses.step, validations=losses.validations, best=losses.best_step)
            self._stream.write(f"{printable(told)}\n")
            self._stream.flush()
        ended = time.perf_counter()
        self._ready_at = ended + (ended - began) / SHARE


def _recorded(path: Path | None, name: str) -> Record:
    try:
        return Record(path, {"by": "etude.watch", "watched": name})
    except OSError as error:
        raise EngineError(
            f"{path} cannot be written: {error.strerror}. Name a file in a folder that can. Nothing was trained yet."
        ) from error
