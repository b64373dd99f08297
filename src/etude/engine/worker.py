"""What a worker process does first: it ignores Ctrl-C, and ends when the process that it works for is gone."""

import os
import signal
import time
from threading import Thread

LOOKS_EVERY = 1.0
"""Seconds; a parent that was killed could not tell its workers to end, and they would wait for it for ever."""


def begin() -> None:
    """Called in the worker before its first job. It loads nothing, so that Ctrl-C is ignored while torch loads too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_without, args=(os.getppid(),), daemon=True).start()


def _end_without(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOKS_EVERY)
    os._exit(1)
