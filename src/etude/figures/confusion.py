"""What is taken for what: the test rows of an arm by their true class and by the class that was said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.numbers import percent, plural
from etude.figures.svg import element, picture, text

MOST_NUMBERED = 12
"""With more classes the cells are too small for numbers, and the share is the size of a square instead."""

MOST_DRAWN = 30
MOST_CONFUSIONS, TOLD = 15, 3
"""Confusions in the table of a matrix that is not drawn, and in words under one that is."""

WIDTH, MATRIX, SMALLEST, LARGEST = 340, 252, 12, 44
"""The picture, the matrix in it, and the sides of a cell between which the matrix grows or shrinks."""

LETTERS, LETTER = 12, 5.6
"""Letters of a class name that are drawn, and the width of one."""

SHADES, FAINTEST, FULLEST = 9, 0.08, 0.55
"""Shades of a cell that has a number, which must stay readable on all of them."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """One class taken for another, by its share of the rows of the true class."""

    truth: str
    said: str
    count: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionData:
    """The replicates of an arm together; classes in their own order.

    counts:     answers, shape (classes, classes): row = true class, column = the likeliest class
    shares:     the same, each row divided by its sum; NaN for a class of which there is no row
    accuracy:   of each class, shape (classes,): the diagonal of `shares`
    right:      share of all answers that are right
    confusions: the most frequent first, at most `MOST_CONFUSIONS`
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    shares: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    right: float
    confusions: tuple[Confusion, ...]
    runs: int

    @property
    def answers(self) -> int:
        """How many rows were scored, over all runs."""
        return int(self.counts.sum())

    @property
    def is_drawn(self) -> bool:
        """Whether there are few enough classes for a picture."""
        return len(self.classes) <= MOST_DRAWN

    @property
    def is_numbered(self) -> bool:
        """Whether every cell of the picture has its number."""
        return len(self.classes) <= MOST_NUMBERED


def confusion_data(matrices: Sequence[NDArray[np.int64]], classes: Sequence[str]) -> ConfusionData:
    """The sum of the counts of an arm's replicates, at least one, each of shape (classes, classes).

    >>> confusion_data([np.array([[3, 1], [0, 4]])], ["cat", "dog"]).right
    0.875
    """
    counts = np.sum(np.stack([np.asarray(matrix, dtype=np.int64) for matrix in matrices]), axis=0)
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.where(rows > 0, counts / np.maximum(rows, 1), np.nan)
    return ConfusionData(
        classes=tuple(classes),
        counts=counts,
        shares=shares,
        accuracy=np.diagonal(shares).copy(),
        right=float(np.trace(counts) / max(int(counts.sum()), 1)),
        confusions=_confusions(counts, shares, classes),
        runs=len(matrices),
    )


def _confusions(
    counts: NDArray[np.int64], shares: NDArray[np.float64], classes: Sequence[str]
) -> tuple[Confusion, ...]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    cells = [divmod(int(cell), len(classes)) for cell in order]
    return tuple(
        Confusion(classes[i], classes[j], int(wrong[i, j]), float(shares[i, j])) for i, j in cells if wrong[i, j]
    )


def confusion_text(confusion: Confusion) -> str:
    """A confusion in words.

    >>> confusion_text(Confusion("4", "9", 31, 0.031))
    '4 taken for 9: 3.1 % of 4s'
    >>> confusion_text(Confusion("Dress", "Coat", 31, 0.031))
    'Dress taken for Coat: 3.1 % of class Dress'
    """
    whole = f"{confusion.truth}s" if confusion.truth.isdigit() else f"class {confusion.truth}"
    return f"{confusion.truth} taken for {confusion.said}: {percent(confusion.share, 1)} of {whole}"


def draw_confusion(data: ConfusionData) -> str:
    """The matrix, true classes down; blue is right and vermillion wrong. Nothing where there are too many classes."""
    if not data.is_drawn:
        return ""
    cell = min(max(MATRIX // len(data.classes), SMALLEST), LARGEST)
    names = [name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…" for name in data.classes]
    longest = LETTER * max(map(len, names))
    upright = longest > cell - 2
    left, top = max(round(longest) + 10, 26), 20 + (round(longest) + 4 if upright else 14)
    side = cell * len(names)
    body = element(
        "g",
        element("path", d=f"M0 0h{side}v{side}h-{side}z", class_="ground"),
        *(_numbered(data, cell) if data.is_numbered else _squares(data, cell)),
        transform=f"translate({left} {top})",
    )
    labels = [*_beside(names, left, top, cell), *_above(names, left, top, cell=cell, upright=upright)]
    return picture(
        f"What is taken for what, of {plural(len(names), 'class', 'classes')}",
        _describe(data),
        body,
        *labels,
        viewBox=f"0 0 {max(WIDTH, left + side + 4)} {top + side + 4}",
        class_="confusion" if data.is_numbered else "confusion dense",
    )


def _numbered(data: ConfusionData, cell: int) -> list[str]:
    """Shaded cells with their share in per cent."""
    shades: dict[tuple[bool, int], list[str]] = {}
    says = []
    for i, j in np.argwhere(data.counts).tolist():
        share = float(data.shares[i, j])
        shades.setdefault((i == j, round(SHADES * share**0.5)), []).append(_square(i, j, cell, cell - 1))
        says.append(text(_in_cell(share), x=j * cell + cell / 2, y=i * cell + cell / 2 + 3))
    paths = [
        element("path", d="".join(squares), class_=_look(right=right), fill_opacity=_opacity(shade))
        for (right, shade), squares in shades.items()
    ]
    diagonal = "".join(_square(i, i, cell, cell - 1) for i in range(len(data.classes)))
    return [*paths, element("path", d=diagonal, class_="diagonal"), element("g", *says, class_="shares")]


def _squares(data: ConfusionData, cell: int) -> list[str]:
    """A square a cell whose area is the share."""
    looks: dict[bool, list[str]] = {True: [], False: []}
    for i, j in np.argwhere(data.counts).tolist():
        side = max(2, round((cell - 1) * float(data.shares[i, j]) ** 0.5))
        looks[i == j].append(_square(i, j, cell, side))
    return [element("path", d="".join(squares), class_=_look(right=right)) for right, squares in looks.items()]


def _square(i: int, j: int, cell: int, side: int) -> str:
    """Path data of a square in the middle of row i and column j."""
    inset = (cell - side) / 2
    return f"M{j * cell + inset:g} {i * cell + inset:g}h{side}v{side}h-{side}z"


def _look(*, right: bool) -> str:
    return "right" if right else "wrong"


def _opacity(shade: int) -> float:
    return FAINTEST + (FULLEST - FAINTEST) * shade / SHADES


def _in_cell(share: float) -> str:
    """Per cent, at most three letters wide."""
    return f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.1f}"


def _beside(names: Sequence[str], left: int, top: int, cell: int) -> list[str]:
    rows = [text(name, x=left - 5, y=top + cell * (i + 0.5) + 3.5) for i, name in enumerate(names)]
    return [element("g", text("is ↓", x=left - 5, y=top - 5), *rows, text_anchor="end")]


def _above(names: Sequence[str], left: int, top: int, *, cell: int, upright: bool) -> list[str]:
    across = [left + cell * (j + 0.5) for j in range(len(names))]
    if upright:
        columns = [
            text(name, transform=f"translate({x + 3.5:g} {top - 5})rotate(-90)")
            for name, x in zip(names, across, strict=True)
        ]
    else:
        columns = [text(name, x=x, y=top - 5, text_anchor="middle") for name, x in zip(names, across, strict=True)]
    return [text("taken for →", x=left, y=10), *columns]


def _describe(data: ConfusionData) -> str:
    often = "; ".join(confusion_text(confusion) for confusion in data.confusions[:TOLD])
    what = f"{percent(data.right, 1)} of {plural(data.answers, 'answer')} in {plural(data.runs, 'run')}"
    wrong = f"Most often: {often}." if often else "No row was taken for another class."
    return f"True classes down, what was said across: {what} are right. {wrong}"


def table_rows(data: ConfusionData) -> tuple[tuple[str, ...], ...]:
    """The matrix as rows of words: the true class, the counts by what was said, and the share that is right.

    >>> table_rows(confusion_data([np.array([[3, 1], [0, 4]])], ["cat", "dog"]))
    (('cat', '3', '1', '75.0 %'), ('dog', '0', '4', '100.0 %'))
    """
    return tuple(
        (name, *map(str, counts), percent(right, 1) if sum(counts) else "–")
        for name, counts, right in zip(data.classes, data.counts.tolist(), data.accuracy.tolist(), strict=True)
    )
