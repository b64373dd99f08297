"""`etude.watch`: a loop that is watched, with a verdict on standard error whenever it changes."""

import sys
import time
from pathlib import Path
from typing import Any, TextIO

from etude.engine.watch import Options, Watch, is_first_process
from etude.faces.plain import printable
from etude.figures.numbers import plural
from etude.figures.verdicts import LOOKS
from etude.values.finding import Diagnosis, Verdict

SHARE = 0.01
"""Of the time of the loop, what judging it may take."""

WITHOUT_VALIDATION = 10.0
"""Seconds between two judgements of a loop that never validates."""

AGAIN = 2
"""Judgements in a row that must agree before a new verdict is told, so that none is told that the next takes back."""


class Watching(Watch):
    """A watched loop and what étude makes of it."""

    def diagnosis(self) -> Diagnosis:
        """What is wrong with the run so far, or that nothing is."""
        from etude.diagnosis.diagnose import diagnosed

        return diagnosed((self.run,))


def watch(  # noqa: PLR0913 - each parameter is a thing that people want to say
    model: Any,  # noqa: ANN401 - an nn.Module; only the engine may know torch
    *optimizers: Any,  # noqa: ANN401 - torch.optim.Optimizer
    every: int | None = None,
    path: str | Path | None = None,
    clip_norm: float | None = None,
    stop: bool = False,
    keep_best: bool = False,
    quiet: bool = False,
) -> Watching:
    """Watch a PyTorch loop while it trains: ``with etude.watch(model, optimizer) as watch: …``.

    every:     steps between two that are measured; None: as many as 1.5 % of the time pays for, at least 10 apart
    path:      a file of JSON lines that gets everything as it comes, and that `etude.read_runs` reads
    clip_norm: the limit that gradients are clipped at, so that clipped steps can be told
    stop:      whether `watch.should_stop` may ever say so, once the validation loss has turned for good
    keep_best: whether the weights at the best validation are kept for `watch.restore_best()`; stop=True keeps them
    quiet:     no verdicts on standard error
    """
    options = Options(every, None if path is None else Path(path), clip_norm, stop=stop, keep_best=keep_best)
    telling = None if quiet or not is_first_process() else Telling(sys.stderr)
    return Watching(model, optimizers, options, telling)


class Telling:
    """Judges a watched loop now and then, and tells the verdict in one line when it has changed."""

    def __init__(self, stream: TextIO, *, share: float = SHARE, seconds: float = WITHOUT_VALIDATION) -> None:
        """share: of the time; seconds: between two judgements of a loop that never validates."""
        self._stream, self._share, self._seconds = stream, share, seconds
        self._validations = 0
        self._ready_at = time.perf_counter()
        self._last: Verdict | None = None
        self._told: Verdict | None = None
        self._agreed = 0

    def __call__(self, watch: Watch) -> None:
        """There is something new to judge."""
        assert isinstance(watch, Watching)
        if watch.is_open and not self._is_time(watch):
            return
        began = time.perf_counter()
        self._validations = watch.validations
        diagnosis = watch.diagnosis()
        self._agreed = self._agreed + 1 if diagnosis.verdict == self._last else 1
        self._last = diagnosis.verdict
        news = self._agreed >= AGAIN and self._last not in (self._told, "cannot tell")
        if news or not watch.is_open:
            self._told = self._last
            self._stream.write(f"{printable(line(watch, diagnosis))}\n")
            self._stream.flush()
        ended = time.perf_counter()
        self._ready_at = ended + (ended - began) / self._share

    def _is_time(self, watch: Watch) -> bool:
        now = time.perf_counter()
        if watch.validations:
            return watch.validations > self._validations and now >= self._ready_at
        return now >= self._ready_at + self._seconds


def line(watch: Watch, diagnosis: Diagnosis) -> str:
    """Verdict and advice in one line."""
    look = LOOKS[diagnosis.verdict]
    where = f"step {watch.step:,}" + (f", {plural(watch.validations, 'validation')}" if watch.validations else "")
    best = watch.best
    kept = f"; best at step {best.step:,}" if best is not None and best.step < watch.step else ""
    advice = f" Try: {diagnosis.next[0]}." if diagnosis.next and diagnosis.verdict != "good fit" else ""
    certain = "" if diagnosis.verdict == "cannot tell" else f" ({100 * diagnosis.probability:.0f} %)"
    return f"étude {look.sign} {where}: {diagnosis.verdict}{certain}; the run {look.means}{kept}.{advice}"
