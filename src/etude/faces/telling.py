"""When a verdict on a run that goes on is news, and how it is told: in one line, with the advice."""

import time
from dataclasses import dataclass
from typing import Protocol, TextIO

from etude.engine.online_stopping import Best
from etude.faces.plain import printable
from etude.figures.numbers import plural, significant
from etude.figures.verdicts import LOOKS
from etude.values.finding import Diagnosis, Verdict

AGAIN = 2
"""Judgements in a row that must agree before a new verdict is told, so that none is told that the next takes back."""

SHARE = 0.01
"""Of the time of the training, what judging it may take."""

WITHOUT_VALIDATION = 10.0
"""Seconds between two judgements of a training that never validates."""


@dataclass(slots=True)
class News:
    """Of one run, what was judged last and what was told last."""

    last: Verdict | None = None
    told: Verdict | None = None
    agreed: int = 0

    def note(self, verdict: Verdict) -> bool:
        """Take note of a verdict; whether it is to be told.

        >>> news = News()
        >>> [news.note(one) for one in ("overfit", "good fit", "overfit", "overfit", "overfit")]
        [False, False, False, True, False]
        """
        self.agreed = self.agreed + 1 if verdict == self.last else 1
        self.last = verdict
        is_news = self.agreed >= AGAIN and verdict not in (self.told, "cannot tell")
        if is_news:
            self.told = verdict
        return is_news


class Going(Protocol):
    """A training that goes on, or that has just ended."""

    @property
    def step(self) -> int:
        """The last optimiser step."""
        ...

    @property
    def validations(self) -> int:
        """How many there were."""
        ...

    @property
    def best(self) -> Best | None:
        """Where the validation loss was lowest."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        ...

    @property
    def stops_because(self) -> str:
        """Why it is asked to stop; empty while it is not."""
        ...

    @property
    def was_stopped(self) -> bool:
        """Whether it ended because it was asked to."""
        ...

    def diagnosis(self) -> Diagnosis:
        """What is wrong with it."""
        ...


class Telling:
    """Judges a training now and then, and tells the verdict in one line when it has changed, and once at the end."""

    def __init__(self, stream: TextIO, *, share: float = SHARE, seconds: float = WITHOUT_VALIDATION) -> None:
        """share: of the time; seconds: between two judgements of a training that never validates."""
        self._stream, self._share, self._seconds = stream, share, seconds
        self._validations = 0
        self._ready_at = time.perf_counter()
        self._news = News()
        self._has_asked_to_stop = self._is_done = False

    def __call__(self, going: Going) -> None:
        """There is something new to judge."""
        if going.stops_because and not self._has_asked_to_stop and not going.is_closed:
            self._has_asked_to_stop = True
            self._write(stop_line(going))
        if self._is_done or not (going.is_closed or self._is_time(going)):
            return
        began = time.perf_counter()
        self._validations = going.validations
        diagnosis = going.diagnosis()
        if self._news.note(diagnosis.verdict) or going.is_closed:
            self._write(last_line(going, diagnosis) if going.is_closed else line_of(going, diagnosis))
        self._is_done = going.is_closed
        ended = time.perf_counter()
        self._ready_at = ended + (ended - began) / self._share

    def _is_time(self, going: Going) -> bool:
        now = time.perf_counter()
        if going.validations:
            return going.validations > self._validations and now >= self._ready_at
        return now >= self._ready_at + self._seconds

    def _write(self, told: str) -> None:
        self._stream.write(f"{printable(told)}\n")
        self._stream.flush()


def line(diagnosis: Diagnosis, *, step: int, best: int | None = None, axis: str = "step", validations: int = 0) -> str:
    """Verdict and advice in one line. best: where validation was best; axis: what `step` and `best` count."""
    look = LOOKS[diagnosis.verdict]
    kept = f"; best at {axis} {best:,}" if best is not None and best < step else ""
    advice = _advice(diagnosis) if diagnosis.verdict != "good fit" else ""
    where = _where(step, validations, axis)
    return f"étude {look.sign} {where}: {_verdict(diagnosis)}; the run {look.means}{kept}.{advice}"


def line_of(going: Going, diagnosis: Diagnosis) -> str:
    """Verdict and advice in one line, of a training in whose process this is."""
    best = None if going.best is None else going.best.step
    return line(diagnosis, step=going.step, best=best, validations=going.validations)


def stop_line(going: Going) -> str:
    """That a training is asked to stop: why, and what is kept."""
    where = _where(going.step, going.validations)
    put_back = "" if going.best is None else "; restore_best() puts them back"
    return f"étude ■ {where}: stop, because {going.stops_because}. {_kept(going.best)}{put_back}."


def last_line(going: Going, diagnosis: Diagnosis) -> str:
    """What stands at the end; where the training was stopped, first of all why."""
    if not going.was_stopped:
        return line_of(going, diagnosis)
    where = _where(going.step, going.validations)
    # what was done about it is said already, and more replicates would not have kept it from being stopped
    advice = "" if diagnosis.verdict in ("cannot tell", "good fit") else _advice(diagnosis)
    means = {"cannot tell": "what is behind it", "good fit": "with these weights"}
    of = means.get(diagnosis.verdict, "the run as a whole")
    why = going.stops_because
    return f"étude ■ {where}: stopped because {why}. {_kept(going.best)}; {of}: {_verdict(diagnosis)}.{advice}"


def _kept(best: Best | None) -> str:
    if best is None:
        return "No weights are kept, since no validation loss was a finite number"
    return (
        f"Kept are the weights of the best validation, number {best.validation:,} at step {best.step:,}, "
        f"whose loss was {significant(best.value)}"
    )


def _where(step: int, validations: int, axis: str = "step") -> str:
    return f"{axis} {step:,}" + (f", {plural(validations, 'validation')}" if validations else "")


def _verdict(diagnosis: Diagnosis) -> str:
    certain = "" if diagnosis.verdict == "cannot tell" else f" ({100 * diagnosis.probability:.0f} %)"
    return f"{diagnosis.verdict}{certain}"


def _advice(diagnosis: Diagnosis) -> str:
    return f" Try: {diagnosis.next[0]}." if diagnosis.next else ""
