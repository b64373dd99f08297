"""Text for a terminal without a library: wrapped to its width, coloured where that is wanted, nothing else sent."""

import errno
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping
from types import MappingProxyType
from typing import TextIO

NO_BREAK = "\N{NO-BREAK SPACE}"
KEPT = {"\n", NO_BREAK}

CODES: Mapping[str, str] = MappingProxyType(
    {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
)

WIDEST = 100
"""Lines longer than this are hard to read."""


def printable(told: str) -> str:
    """Text that does to a terminal what it looks like: control and direction characters of others are shown, not sent.

    >>> printable("a\\x1b[31m")
    'a\ufffd[31m'
    """
    return told if told.isprintable() else "".join(c if c.isprintable() or c in KEPT else "\ufffd" for c in told)


def is_coloured(stream: TextIO | None) -> bool:
    """Whether colours are wanted there: on a terminal, unless NO_COLOR or a dumb one says otherwise."""
    if stream is None or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def width() -> int:
    """Of a line, in characters."""
    return min(WIDEST, max(40, shutil.get_terminal_size((WIDEST, 24)).columns))


class Page:
    """Lines that are put together before they are written."""

    def __init__(self, *, coloured: bool, wide: int) -> None:
        """An empty page of lines at most `wide` characters long."""
        self.coloured, self.wide = coloured, wide
        self.lines: list[str] = []

    def style(self, told: str, *styles: str) -> str:
        """Text as it is to be sent: harmless, and in these styles where the page has colours."""
        plain = printable(told)
        codes = ";".join(CODES[style] for style in styles)
        return f"\x1b[{codes}m{plain}\x1b[0m" if codes and self.coloured else plain

    def line(self, *parts: str) -> None:
        """One line of parts that are styled already."""
        self.lines.append("".join(parts).rstrip())

    def say(self, told: str, *styles: str, indent: int = 0, first: str = "") -> None:
        """A paragraph, wrapped. first: what stands at its beginning; the other lines hang below what follows it."""
        hang = indent + len(first)
        rows = textwrap.wrap(printable(told), max(self.wide - hang, 20), break_on_hyphens=False) or [""]
        for i, row in enumerate(rows):
            start = " " * indent + (first if i == 0 else " " * len(first))
            self.line(start, self.style(row, *styles))

    def text(self) -> str:
        """All lines."""
        return "".join(f"{line}\n" for line in self.lines)


def tell(told: str) -> None:
    """Text on standard output; an OSError where nobody can read it, because it was closed before we began."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    sys.stdout.write(told)


def complain(told: str, *, stream: TextIO | None = None) -> None:
    """One paragraph on standard error, or nothing where that was closed."""
    where = stream or sys.stderr
    if where is None:
        return
    page = Page(coloured=is_coloured(where), wide=WIDEST)
    where.write(page.style(told, "bold") + "\n")
