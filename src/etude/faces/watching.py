"""`etude.watch`: a loop that is watched, with a verdict on standard error whenever it changes."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etude.engine.watch import Watch, is_first_process
from etude.engine.watch_options import Options, check_switch, checked_path
from etude.faces.telling import Telling
from etude.values.finding import Diagnosis


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

    every:     steps between two that are measured; None: as many as 0.5 % of the time pays for, at least 10 apart
    path:      a file of JSON lines that gets everything as it comes, and that `etude.read_runs` reads
    clip_norm: the limit that gradients are clipped at, so that clipped steps can be told
    stop:      whether `watch.should_stop` may ever say so, once the validation loss has turned for good
    keep_best: whether the weights at the best validation are kept for `watch.restore_best()`; stop=True keeps them
    quiet:     no verdicts on standard error
    """
    check_switch("quiet", quiet)
    options = Options(every, checked_path(path), clip_norm, stop=stop, keep_best=keep_best)
    listener = None if quiet or not is_first_process() else told_by(Telling(sys.stderr))
    return Watching(model, optimizers, options, listener)


def told_by(telling: Telling) -> Callable[[Watch], None]:
    """What a watch tells of itself, told to people."""

    def tell(watch: Watch) -> None:
        assert isinstance(watch, Watching)
        telling(watch)

    return tell
