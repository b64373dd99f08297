"""What the callbacks of all frameworks have in common: what may be asked of them, what they give, and that they never
break a training."""

import functools
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from etude.engine.watch_options import Options, check_switch, checked_path
from etude.values.errors import EngineError
from etude.values.finding import Diagnosis
from etude.values.run import Run

Hook = TypeVar("Hook", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """How a training is watched.

    every:      steps between two whose gradients are measured; None: as many as a small share of the time pays for
    path:       a file of JSON lines that gets everything as it comes, and that `etude.read_runs` reads
    stop:       whether the training is ended once the validation loss has turned for good; it keeps the best weights
    keep_best:  whether the weights at the best validation are kept, for `restore_best`
    quiet:      no verdicts on standard error
    validation: what the framework calls the validation loss, where names do not tell
    framework:  its name and version, for the record
    """

    every: int | None = None
    path: Path | None = None
    stop: bool = False
    keep_best: bool = False
    quiet: bool = False
    validation: str | None = None
    framework: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        checked_path(self.path)
        Options(self.every, self.path, stop=self.stop, keep_best=self.keep_best)
        check_switch("quiet", self.quiet)
        if self.validation is not None and not isinstance(self.validation, str):
            raise EngineError(
                f"validation={self.validation!r}: it is the name of the logged validation loss, such as 'val_mse'. "
                "Nothing is watched yet."
            )


class Seen(Protocol):
    """A training that is watched, or was."""

    @property
    def run(self) -> Run:
        """What was seen so far, as a Run."""
        ...

    def diagnosis(self) -> Diagnosis:
        """What is wrong with it."""
        ...

    def restore_best(self) -> int:
        """Put the best weights back."""
        ...


class Watched:
    """What a callback gives: the run it saw, its diagnosis, and the best weights.

    Names end in _ because skorch takes every other attribute of a callback for a parameter.
    """

    _seen_: Seen | None = None
    _failed_ = False

    @property
    def run(self) -> Run:
        """What was seen so far, as a Run; of several trainings, the last one."""
        return self._training().run

    def diagnosis(self) -> Diagnosis:
        """What is wrong with the run so far, or that nothing is."""
        return self._training().diagnosis()

    def restore_best(self) -> int:
        """Put the weights of the best validation back into the model; returns the step they are of."""
        return self._training().restore_best()

    def _training(self) -> Seen:
        if self._seen_ is None:
            raise EngineError("nothing was trained yet. Give this callback to a training, then ask again.")
        return self._seen_

    def __getstate__(self) -> Mapping[str, Any]:
        """For pickle and copies: what was seen stays, what watches does not."""
        seen = self._seen_
        return {**vars(self), "_seen_": None if seen is None else _Past(seen.run)}


class _Past:
    """A training that was watched in another process, or by the callback that this one is a copy of."""

    def __init__(self, run: Run) -> None:
        plain = {name: replace(curve) for name, curve in run.curves.items()}
        self.run = replace(run, curves=plain, arrays=dict(run.arrays), provenance=dict(run.provenance))

    def diagnosis(self) -> Diagnosis:
        from etude.diagnosis.diagnose import diagnosed

        return diagnosed((self.run,))

    def restore_best(self) -> int:
        raise EngineError("the best weights stayed with the training. Ask the callback that was there.")


def safely(hook: Hook) -> Hook:
    """At étude's border: whatever goes wrong in a hook is told once, and the training never learns of it."""

    @functools.wraps(hook)
    def guarded(self: Watched, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of the hook
        if self._failed_:
            return None
        try:
            return hook(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - nobody's training ends because étude has a mistake
            self._failed_ = True
            with suppress(RuntimeWarning):  # where warnings are errors it would end the training
                told = f"étude watches no more: {type(error).__name__}: {error}. Training goes on, untouched."
                warnings.warn(told, RuntimeWarning, stacklevel=2)
            return None

    return cast(Hook, guarded)
