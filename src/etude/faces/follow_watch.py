"""Looks at a command's logs while it runs, judges the runs in them, and tells what is news."""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from etude.diagnosis.diagnose import diagnosed
from etude.faces.diagnosing import Examined, examined, grouped
from etude.faces.diagnosis_terminal import examined_text
from etude.faces.follow import Asked
from etude.faces.follow_child import Child
from etude.faces.follow_heard import Heard
from etude.faces.follow_logs import Logs, extent
from etude.faces.follow_run import Followed, distinct
from etude.faces.plain import is_coloured, printable, width
from etude.figures.numbers import plural
from etude.records.read import READERS
from etude.values.errors import ReportError
from etude.values.run import Run

TICK = 0.5
"""Seconds between two times that the terminal's size, and a command that is to end, are seen to."""

SHARE = 0.03
"""Of one core, what looking and judging may take: after a costly look the next one comes later."""

GRACE = 20.0
"""Seconds between asking a command to end, and telling it to."""

LISTED = 5


class Watcher:
    """Follows one command."""

    def __init__(self, asked: Asked, child: Child, heard: Heard | None, began: float) -> None:
        """heard: what the command prints, None where its logs were named; began: when, in seconds since 1970."""
        self._asked, self._child, self._heard = asked, child, heard
        self._logs = Logs(asked.logs or (Path.cwd(),), began)
        self._followed: dict[str, Followed] = {}
        self._tell_at = math.inf
        self._is_ending = False

    def watch(self, over: threading.Event) -> None:
        """Look until it is over."""
        look_at = 0.0
        while not over.wait(min(TICK, self._asked.every)):
            self._child.fit_terminal()
            if time.monotonic() >= self._tell_at:
                self._tell_at = math.inf
                self._say("étude: the command has not ended yet; SIGTERM was sent.")
                self._child.signal(signal.SIGTERM)
            if time.monotonic() >= look_at:
                began = time.thread_time()
                self._look()
                look_at = time.monotonic() + max(self._asked.every, (time.thread_time() - began) / SHARE)

    def conclude(self) -> None:
        """The command has ended: one last look, the whole diagnosis, the report."""
        self._logs.look()
        if self._heard is not None:
            self._heard.end()
        runs, same = distinct(self._found())
        if not runs:
            if not self._asked.quiet:
                self._say(self._nothing())
            return
        found = examined(grouped(runs), failed=tuple(self._logs.failed.values()))
        if not self._asked.quiet:
            self._show(found, same)
        if self._asked.report is not None:
            self._write(found, self._asked.report)

    def _look(self) -> None:
        changed = self._logs.look()
        if self._heard is not None:
            changed |= self._heard.read()
        if not changed:
            return
        runs, _ = distinct(self._found())
        beyond, whys = list[bool](), list[str]()
        for name, (run, *_) in grouped(runs).items():
            known = self._followed.setdefault(name, Followed())
            if extent(run) != known.extent:
                known.extent = extent(run)
                told = known.note(run, diagnosed((run,), name))
                beyond.append(known.is_beyond_help)
                whys += [known.ends_because] if known.is_beyond_help else []
                if told and not self._asked.quiet:
                    self._say(told if len(runs) == 1 else f"{told} ({name})")
        if self._asked.stop and not self._is_ending and beyond and all(beyond):
            self._end(whys[0])

    def _found(self) -> Sequence[Run]:
        """The runs in logs; where there are none, the one that was printed."""
        return self._logs.runs or (() if self._heard is None else self._heard.runs)

    def _end(self, why: str) -> None:
        """Ask the command to end."""
        self._is_ending, self._tell_at = True, time.monotonic() + GRACE
        self._say(f"étude ends the command, as --stop asks, because {why}. SIGINT was sent.")
        self._child.signal(signal.SIGINT)

    def _write(self, found: Examined, report: Path) -> None:
        """Write the page; a ReportError where it would replace a log."""
        from etude.faces.diagnosis_page import write_page

        if os.path.realpath(report) in self._logs.files:
            raise ReportError(
                f"--report {report} would replace a log that the command wrote. Make the page under another name: "
                f"etude diagnose {report} --report page.html. The log is as it was, and no page was written."
            )
        self._say(f"report: {write_page(found, report)}")

    def _show(self, found: Examined, same: Sequence[str]) -> None:
        told = [examined_text(found, coloured=is_coloured(sys.stderr), wide=width()).rstrip()]
        told += [f"The same is logged in {', '.join(same[:LISTED])}, too."] if same else []
        if self._heard is not None and self._heard.unread and not self._logs.runs:
            told.append(f"{self._heard.unread:,} bytes of what was printed were passed on unread, to cost no time.")
        self._say("\n".join(told), is_styled=True)

    def _nothing(self) -> str:
        """What was looked for in vain."""
        logs = self._logs
        where = ", ".join(str(place) for place in logs.places)
        formats = "; ".join(reader.says for reader in READERS.values())
        others = f"{plural(len(logs.passed), 'file')} of no format that étude reads"
        line = "'epoch 3 loss 0.52 val_loss 0.61'"
        printed = "" if self._heard is None else f", and no printed line with a loss or a score, such as {line}"
        larger = " There are too many files to look at all of them." if logs.is_too_large else ""
        failed = [str(error) for error in list(logs.failed.values())[:LISTED]]
        return "\n".join(
            (
                f"étude found nothing to judge. New or changed in {where}: {others}{printed}.{larger}",
                *failed,
                f"It reads: {formats}. Name a log with --log PATH.",
            )
        )

    def _say(self, told: str, *, is_styled: bool = False) -> None:
        """On standard error, on a line of its own."""
        start = "\n" if self._child.is_within_line else ""
        sys.stderr.write(f"{start}{told if is_styled else printable(told)}\n")
        sys.stderr.flush()
