"""The lines of a text file in whatever Unicode it is written, without its byte order mark."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from etude.records.bounded import LONGEST_LINE, content, lines, opened
from etude.records.logged import HEAD

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
"""Byte order marks, and what they mark."""


def text_head(head: bytes) -> str | None:
    """The first bytes of a file as text; None where they are not text."""
    mark, encoding = _encoding(head)
    if mark and encoding != "utf-8":
        return head[len(mark) :].decode(encoding, errors="ignore")
    return None if b"\0" in head[:64] else decoded(head[len(mark) :])


def decoded(raw: bytes) -> str:
    """UTF-8; what is none is taken for Latin-1, which has a letter for every byte."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def text_lines(path: Path) -> Iterator[tuple[int, str | None]]:
    """Number, from 1, and text of every line without its end; None for a line beyond LONGEST_LINE.

    Lines end with a line feed; in a file without any, with a carriage return.
    """
    with opened(path) as file:
        head = file.read(HEAD)
    mark, encoding = _encoding(head)
    if encoding != "utf-8" or (b"\r" in head and b"\n" not in head):
        text = content(path)[len(mark) :].decode(encoding, errors="replace")
        yield from ((number, _bounded(line)) for number, line in enumerate(text.splitlines(), 1))
        return
    for number, raw in lines(path):
        if raw is not None and number == 1:
            raw = raw.removeprefix(mark)
        yield number, None if raw is None else decoded(raw)


def whole_text(path: Path) -> str:
    """All of a text file, in any encoding that `text_lines` reads."""
    raw = content(path)
    mark, encoding = _encoding(raw)
    return decoded(raw[len(mark) :]) if encoding == "utf-8" else raw[len(mark) :].decode(encoding, errors="replace")


def _bounded(line: str) -> str | None:
    return line if len(line) <= LONGEST_LINE else None


def _encoding(head: bytes) -> tuple[bytes, str]:
    return next(((mark, encoding) for mark, encoding in MARKS if head.startswith(mark)), (b"", "utf-8"))
