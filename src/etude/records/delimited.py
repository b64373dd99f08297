"""Lines of text to cells: the delimiter, the header, quotes, and lines that do not fit: one bad line is one lost."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from etude.records.cells import number

DELIMITERS = (",", ";", "\t")
"""In the order in which they are preferred where several split the lines as well."""

COMMENT = "#"

DIGITS = frozenset("0123456789")
"""What nearly every row begins with, and no comment or header does."""

SAMPLE = 50
"""Lines by which the layout is told."""

MOST_BEFORE = 5
"""Lines of other text that may come before the header, and the header itself."""

MOST_JOINED = 100
"""Lines that one quoted cell may span."""

LONGEST_CELL = 2**20
"""Characters that a quoted cell of several lines may have."""

LONGEST_NAME = 200

MOST_CELLS = 10_000
"""In a line; a header with more is not read."""

CONSISTENT = 1 / 3
"""Share of the first lines that must have as many cells as the header."""

NUMERIC = 0.5
"""Share of the cells of a column that must be numbers for the text to be a log."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How lines are split.

    delimiter: "" where each line is one cell
    names:     of the columns, as they were found, stripped
    header:    number of the line that holds them; 0 where there is none
    """

    delimiter: str
    names: tuple[str, ...]
    header: int

    @property
    def decimal_comma(self) -> bool:
        """Whether 0,5 may mean a half."""
        return self.delimiter == ";"


@dataclass(frozen=True, slots=True)
class Damaged:
    """Lines of which no cells can be had."""

    line: int
    because: str


@dataclass(frozen=True, slots=True)
class Header:
    """A header, the first one or one that comes later: a resumed job writes it again."""

    line: int
    names: tuple[str, ...]


Row = tuple[int, list[str]]
Numbered = tuple[int, str | None]


def layout(sample: Sequence[Numbered]) -> Layout | None:
    """The layout of a text, by its first lines; None where they are no table with a column of numbers."""
    shown = [(line, text) for line, text in sample if text and len(text) < LONGEST_CELL and not _skipped(text)]
    shown = shown[:SAMPLE]
    for start in range(min(MOST_BEFORE, len(shown))):
        guesses = [_guess(shown[start:], delimiter) for delimiter in DELIMITERS]
        fit, best = max(guesses, key=lambda guess: guess[0])
        if best is not None and fit > 0 and (start == 0 or (best.header and all(best.names))):
            return _with_commented_header(best, sample)
    return _one_column(shown)


def split_lines(lines: Iterator[Numbered], how: Layout) -> Iterator[Row | Header | Damaged]:
    """Every line after the header as its cells, as one more header, or as damaged."""
    names, known = how.names, set(how.names)
    waiting: deque[Numbered] = deque()

    def following() -> Numbered | None:
        return waiting.popleft() if waiting else next(lines, None)

    while (numbered := following()) is not None:
        line, text = numbered
        row = _plain(text, how.delimiter, len(names)) if line > how.header else None
        if row:
            yield line, row
        elif text is None or (line < how.header and text and not _skipped(text)):
            yield Damaged(line, "it is longer than 16 MiB" if text is None else "it comes before the header")
        elif line > how.header and text and not _skipped(text):
            cells, read = _cells(text, following, how.delimiter, len(names))
            waiting.extendleft(reversed(read))
            if _is_header(cells, len(names), known):
                names = column_names(cells)
                known.update(names)
                yield Header(line, names)
            else:
                yield _damage(line, text, cells, len(names)) or (line, cells)


def _cells(
    text: str, following: Callable[[], Numbered | None], delimiter: str, width: int
) -> tuple[list[str], list[Numbered]]:
    """The cells of a line, or none where a quote is not closed; and the lines that were looked at in vain."""
    if '"' in text:
        return _quoted(text, following, delimiter, width)
    cells = text.split(delimiter) if delimiter else [text]
    if len(cells) == width + 1 and not cells[-1].strip():
        cells.pop()
    return cells, []


def _plain(text: str | None, delimiter: str, width: int) -> list[str] | None:
    """The cells of a line that begins with a digit, has no quotes and fits, as nearly all do; None for any other."""
    if not text or text[0] not in DIGITS or '"' in text or "\0" in text:
        return None
    cells = text.split(delimiter) if delimiter else [text]
    return cells if len(cells) == width else None


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """The cells of a header as names."""
    return tuple(cell.strip()[:LONGEST_NAME] for cell in cells)


def cells_of(text: str, delimiter: str) -> list[str]:
    """The cells of a line, with quotes taken off; none where a quote is not closed.

    >>> cells_of('1,"a, b",2', ","), cells_of('1,"a, b,2', ",")
    (['1', 'a, b', '2'], [])
    """
    cells, pending, inside = [], [], False
    for piece in text.split(delimiter) if delimiter else [text]:
        pending.append(piece)
        inside ^= bool(piece.count('"') % 2)
        if not inside:
            cells.append(_unquoted(delimiter.join(pending)))
            pending = []
    return [] if inside else cells


def _unquoted(cell: str) -> str:
    bare = cell.strip()
    return bare[1:-1].replace('""', '"') if len(bare) > 1 and bare[0] == bare[-1] == '"' else cell


def _quoted(
    text: str, following: Callable[[], Numbered | None], delimiter: str, width: int
) -> tuple[list[str], list[Numbered]]:
    """The cells of a line with quotes, or none; and the lines that were looked at in vain.

    A quoted cell may go on in the next lines, unless these make rows of their own.
    """
    cells, read = cells_of(text, delimiter), list[Numbered]()
    while not cells and len(read) < MOST_JOINED and len(text) < LONGEST_CELL and (more := following()) is not None:
        read.append(more)
        if more[1] is None or len(cells_of(more[1], delimiter)) == width:
            break
        text = f"{text}\n{more[1]}"
        cells = cells_of(text, delimiter)
    if len(cells) == width + 1 and not cells[-1].strip():
        cells.pop()
    return (cells, []) if len(cells) == width or not read else ([], read)


def _damage(line: int, text: str, cells: Sequence[str], width: int) -> Damaged | None:
    """What is wrong with a line; None where nothing is."""
    if not cells:
        return Damaged(line, "a quote in it is not closed")
    if len(cells) != width:
        return Damaged(line, f"it has {len(cells)} cells where the header has {width}")
    return Damaged(line, "it holds NUL bytes") if "\0" in text else None


def _is_header(cells: Sequence[str], width: int, known: set[str]) -> bool:
    """Whether half of the cells are names that are known, and none is a number."""
    if not cells or (len(cells) == width and cells[0].strip() not in known):
        return False
    names = column_names(cells)
    again = sum(name in known for name in names if name)
    return 2 * again >= max(len(names), 1) and not any(number(name) is not None for name in names)


def _guess(shown: Sequence[tuple[int, str]], delimiter: str) -> tuple[float, Layout | None]:
    """The layout with a delimiter and the first line as header, and how well it fits; 0: not at all."""
    first = cells_of(shown[0][1], delimiter)
    if not 2 <= len(first) <= MOST_CELLS:
        return 0, None
    header = not _all_numbers(first, delimiter)
    names = column_names(first) if header else tuple(f"column {i + 1}" for i in range(len(first)))
    how = Layout(delimiter, names, shown[0][0] if header else 0)
    found = list(split_lines(iter(shown), how))
    rows = [one[1] for one in found if isinstance(one, tuple)]
    fits = len(rows) / max(len(found), 1)
    if fits < CONSISTENT or not any(_numeric(column, delimiter) for column in zip(*rows, strict=False)):
        return 0, None
    return fits * len(first), how


def _one_column(shown: Sequence[tuple[int, str]]) -> Layout | None:
    """The layout of numbers, one a line, perhaps under a name."""
    are_numbers = [number(text) is not None for _, text in shown]
    if len(shown) < 3 or not all(are_numbers[1:]):
        return None
    line, name = shown[0]
    return Layout("", ("column 1",), 0) if are_numbers[0] else Layout("", (name.strip().strip('"'),), line)


def _with_commented_header(how: Layout, sample: Sequence[Numbered]) -> Layout:
    """A table without a header may have it in a comment: NumPy's savetxt writes it there."""
    if how.header:
        return how
    for _, text in sample:
        names = column_names(cells_of((text or "").lstrip("# "), how.delimiter))
        if (text or "").startswith(COMMENT) and len(names) == len(how.names):
            return replace(how, names=names)
    return how


def _all_numbers(cells: Sequence[str], delimiter: str) -> bool:
    held = [cell for cell in cells if cell.strip()]
    return bool(held) and all(number(cell, decimal_comma=delimiter == ";") is not None for cell in held)


def _numeric(cells: Sequence[str], delimiter: str) -> bool:
    held = [cell for cell in cells if cell.strip()]
    numbers = sum(number(cell, decimal_comma=delimiter == ";") is not None for cell in held)
    return bool(held) and numbers >= NUMERIC * len(held)


def _skipped(text: str) -> bool:
    """Whether a line is blank, a comment, or Excel's word for the delimiter."""
    return text[0] not in DIGITS and (text[0] == COMMENT or text.isspace() or text[:4] in ("sep=", "SEP="))
