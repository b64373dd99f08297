"""A training that a framework runs on PyTorch: what its callback hears goes to `etude.watch`, and comes back a Run."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from etude.engine.track import Record
from etude.faces.callbacks.metrics import Sorted
from etude.faces.callbacks.watched import Asked
from etude.faces.watching import watch
from etude.values.curve import Curve, frozen
from etude.values.finding import Diagnosis
from etude.values.run import Run


class Session:
    """A training that is watched from begin to end. Steps are those of the optimiser, as the framework counts."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - an nn.Module; only the engine may know torch
        optimizers: Iterable[Any],
        asked: Asked,
        *,
        clip_norm: float | None = None,
        first: int = 0,
    ) -> None:
        """first: steps that were taken before, of a training that is resumed."""
        self._watch = watch(
            model,
            *optimizers,
            every=asked.every,
            path=asked.path,
            clip_norm=clip_norm,
            stop=asked.stop,
            keep_best=asked.keep_best,
            quiet=asked.quiet,
        )
        self._first, self._framework = first, asked.framework
        self._told, self._names = Record(), dict[str, str]()
        self._watch.open()

    @property
    def is_open(self) -> bool:
        """Whether the training goes on."""
        return self._watch.is_open

    @property
    def should_stop(self) -> bool:
        """Whether the validation loss has turned for good, or a loss is no number any more; never without stop=True."""
        return self._watch.should_stop

    def loss(self, loss: Any, name: str = "") -> None:  # noqa: ANN401 - a tensor or a number
        """The training loss of this step. name: what the framework calls it."""
        self._names["train is"] = name or "loss"
        self._watch.loss(loss)

    def note(self, values: Mapping[str, float]) -> None:
        """Anything else that the framework tells at this step, by names of curves."""
        self._told.note(self._watch.step, values)

    def validation(self, told: Sorted) -> None:
        """What a validation says. Of several sets in turn, the one whose loss came first is judged."""
        if told.loss is None:
            self._watch.validation(None, **told.scores)
            return
        name, value = told.loss
        if self._names.setdefault("validation is", name) == name:
            self._watch.validation(value, **told.scores)
        else:
            self.note({f"validation/{name}": value})

    def restore_best(self) -> int:
        """Put the best weights back into the model; returns the step they are of."""
        return self._watch.restore_best() + self._first

    def close(self, error: BaseException | None = None) -> None:
        """The training is over."""
        self._watch.close(error)

    @property
    def run(self) -> Run:
        """What was seen so far, as a Run."""
        seen = self._watch.run
        told = {name: track.curve(name) for name, track in self._told.tracks.items()}
        curves = {name: _later(curve, self._first) for name, curve in (dict(seen.curves) | told).items()}
        return replace(
            seen,
            curves=MappingProxyType(curves),
            last_step=seen.last_step + self._first,
            kept_step=seen.kept_step + self._first,
            provenance=MappingProxyType({**seen.provenance, **self._names, "framework": self._framework}),
        )

    def diagnosis(self) -> Diagnosis:
        """What is wrong with the run so far, or that nothing is."""
        from etude.diagnosis.diagnose import diagnosed

        return diagnosed((self.run,))


def _later(curve: Curve, by: int) -> Curve:
    if not by:
        return curve
    return Curve(curve.name, frozen(curve.steps + by), curve.values, curve.unit, curve.standard_errors)
