"""What a command prints, waiting to be read within a small share of a core."""

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etude.records.printed import Printed
    from etude.values.run import Run

SHARE = 0.02
"""Of one core, what reading may take; output beyond is passed on unread."""

AHEAD = 0.2
"""Seconds of reading that may be spent before they are earned."""

MOST_WAITING = 1 << 22
"""Bytes of output that may wait to be read."""


class Heard:
    """Output of a command, and the run that it tells of.

    unread: bytes that there was no time for
    """

    def __init__(self, name: str) -> None:
        """name: what a person would call the command."""
        self.unread = 0
        self._name = name
        self._printed: Printed | None = None  # loaded when there is something to read
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._began, self._spent = time.monotonic(), 0.0

    def hear(self, more: bytes) -> None:
        """More output; called from the thread that passes it on, so nothing is done with it here."""
        if self.is_full:
            self.miss(len(more))
        else:
            self._size += len(more)
            self._waiting.append(more)

    def miss(self, size: int) -> None:
        """Output that passed by."""
        self.unread += size

    @property
    def is_full(self) -> bool:
        """Whether there is no room for more until what waits is read."""
        return self._size > MOST_WAITING

    def read(self) -> bool:
        """Read what waits, as far as there is time; whether a loss or a score was among it."""
        printed = self._reader()
        before = printed.count
        while self._waiting:
            more = self._waiting.popleft()
            self._size -= len(more)
            if self._spent > SHARE * (time.monotonic() - self._began) + AHEAD:
                self.unread += len(more)
                continue
            began = time.thread_time()
            printed.feed(more)
            self._spent += time.thread_time() - began
        return printed.count > before

    def end(self) -> None:
        """Nothing more comes: the last line has ended, too."""
        self.read()
        self._reader().feed(b"\n")

    @property
    def runs(self) -> "tuple[Run, ...]":
        """The runs that were printed."""
        from etude.records.roles import Choices, run_of
        from etude.values.errors import LogError

        runs = []
        for log in self._reader().logs():
            with suppress(LogError):  # of one that has no series that can be judged
                runs.append(run_of(log, Choices()))
        return tuple(runs)

    def _reader(self) -> "Printed":
        from etude.records.printed import Printed

        if self._printed is None:
            self._printed = Printed(self._name)
        return self._printed
