"""How a training is to be watched, checked where it is asked for; and the error where no best weights were kept."""

from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike
from pathlib import Path

from etude.values.errors import EngineError

STATE = "Nothing is watched yet."


@dataclass(frozen=True, slots=True)
class Options:
    """How a loop is watched.

    every:     steps between two that are measured; None: as many as 0.5 % of the time pays for
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

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        check_every(self.every)
        check_switch("stop", self.stop)
        check_switch("keep_best", self.keep_best)
        if self.clip_norm is not None and not _is_limit(self.clip_norm):
            raise EngineError(
                f"clip_norm={self.clip_norm!r}: the limit of a gradient's norm is a number above 0. "
                f"Leave it out where nothing is clipped. {STATE}"
            )


def check_every(every: object) -> None:
    """Refuse an interval that is no whole number from 1 on."""
    if every is None or (isinstance(every, Integral) and not isinstance(every, bool) and int(every) >= 1):
        return
    raise EngineError(
        f"every={every!r}: the steps between two that are measured are a whole number from 1 on. "
        f"Leave it out to measure as often as a small share of the time pays for. {STATE}"
    )


def check_switch(name: str, value: object) -> None:
    """Refuse what is neither True nor False: a number of epochs, say."""
    if not isinstance(value, bool):
        raise EngineError(
            f"{name}={value!r}: it is True or False. There is no patience to set: how long stop=True waits, "
            f"the noise of the validation loss decides. {STATE}"
        )


def checked_path(path: object) -> Path | None:
    """Where the record goes; refused where it cannot be a file."""
    if path is None:
        return None
    if not isinstance(path, str | PathLike) or not str(path):
        raise EngineError(f"path={path!r}: it is the name of a file, such as path='run.jsonl'. {STATE}")
    where = Path(path)
    if where.is_dir():
        raise EngineError(f"path={str(path)!r}: that is a folder. Name a file in it: {where / 'run.jsonl'}. {STATE}")
    return where


def nothing_kept(*, keeps: bool, validations: int) -> EngineError:
    """The error where best weights are asked for and there are none.

    keeps: whether they would have been kept; validations: how many losses of a validation were given

    >>> str(nothing_kept(keeps=False, validations=0)).partition(": ")[2]
    'they are kept only with keep_best=True or stop=True. Give one of them before training. The model is as it was.'
    """
    why = "no validation loss was given, so that none is best. Call watch.validation(loss) after each epoch"
    if validations:
        why = f"of {validations:,} validation losses none was a finite number. The training diverged before the first"
    if not keeps:
        why = "they are kept only with keep_best=True or stop=True. Give one of them before training"
    return EngineError(f"there are no best weights to put back: {why}. The model is as it was.")


def _is_limit(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and float(value) > 0
