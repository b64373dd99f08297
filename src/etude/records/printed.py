"""Losses in what a program prints: `epoch 3 loss 0.52 val_loss 0.61`, Keras's bars, Hugging Face's dicts, tables."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.records.histories import ENDINGS
from etude.records.logged import Log, Series, series
from etude.records.names import SPLITS, WORDS, meaning

LONGEST = 4096
"""Of a line, characters from its end that are looked at; bars write much before."""

MOST_VALUES = 100_000
"""Of all series; later ones are counted."""

MOST_NAMES = 200

NUMBER = re.compile(
    r"(?<![\w.])(?<!\w-)[-+]?"
    r"(?:(?:\d+(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf)(?!\w|\.\w)",
    re.I,
)
"""A number that stands for itself: not the 2 of 2ms, not the 1 of v1, not the 3 of model-3.pt."""

TOKEN = re.compile(r"[^\W\d][\w./-]*")
CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x08")
"""Colours and movements of a terminal."""

CELLS = re.compile(r"[\s|│]+")
INTERESTING = re.compile(rb"loss|epoch|step|iter|acc|nll|mse|mae|perplexity|ppl|auc|err", re.I)
"""What a line has in it that is worth a look; all others are passed over at the speed of a search."""

MEASURES = frozenset(
    WORDS.findall(
        "loss losses nll ce bce mse rmse mae ppl perplexity logloss entropy "
        "accuracy acc auc auroc precision recall iou miou dice bleu"
    )
)
"""Words that, alone before a number, are taken for a measure: "error 404" is none."""

INNER = frozenset({"cross", "log", "squared", "absolute"})
"""Words that belong to the measure after them."""

FILLERS = frozenset({"is", "was", "at", "of", "now"})
EPOCHS, STEPS = frozenset({"epoch", "epochs", "ep"}), frozenset({"step", "global_step", "iter", "iteration", "it"})
GAP = 12
"""Characters between a name and its number, at most."""

WORDS_BEFORE = 4

Row = tuple[float, float, Mapping[str, float]]
"""Epoch, step, and measures by name."""

NOTHING: Row = (math.nan, math.nan, MappingProxyType({}))


@dataclass(slots=True)
class _Track:
    """The values of one name, each with the epoch and the step that its line said; NaN where it said none."""

    values: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)


class Printed:
    """What the lines of a program said so far, in bounded memory.

    >>> printed = Printed("train.py")
    >>> printed.feed(b"Epoch 1/2\\n10/10 - 0s 2ms/step - loss: 0.7 - val_loss: 0.8\\nepoch 2 loss 0.5 val_loss nan\\n")
    >>> [(one.name, one.values.tolist(), one.epochs.tolist()) for one in printed.logs()[0].series]
    [('loss', [0.7, 0.5], [1.0, 2.0]), ('val_loss', [0.8, nan], [1.0, 2.0])]
    """

    def __init__(self, name: str) -> None:
        """name: what a person would call the program."""
        self.count = 0
        self._name = name
        self._rest = b""
        self._header: tuple[str, ...] = ()
        self._epoch = math.nan
        self._step = math.nan
        self._trainings: list[dict[str, _Track]] = [{}]
        self._values = self._beyond = 0

    def feed(self, printed: bytes) -> None:
        """Take note of more output. A line that has not ended waits for its end."""
        if not self._header and not INTERESTING.search(printed) and not INTERESTING.search(self._rest):
            _, ended, last = printed.rpartition(b"\n")
            self._rest = (last if ended else self._rest + printed)[-LONGEST:]
            return
        *lines, rest = (self._rest + printed).split(b"\n")
        self._rest = rest[-LONGEST:]
        for line in lines:
            if self._header or INTERESTING.search(line):
                self._note(line[-LONGEST:])

    def logs(self) -> tuple[Log, ...]:
        """All that was said, one log a training: where epochs, or else steps, go back, another one begins."""
        told = f"{self._beyond:,} printed values beyond the first {MOST_VALUES:,} were left out"
        found = [tracks for tracks in self._trainings if tracks]
        return tuple(
            Log(
                self._name if i == 1 else f"{self._name} ({i})",
                "printed lines",
                (),
                tuple(_series(name, track) for name, track in tracks.items()),
                notes=(told,) if self._beyond else (),
            )
            for i, tracks in enumerate(found, 1)
        )

    def _note(self, line: bytes) -> None:
        text = CODES.sub("", line.decode("utf-8", errors="replace").rstrip("\r\n \t").rpartition("\r")[2])
        header = _header(text)
        if header:
            self._header = header
            return
        epoch, step, measures = _row(text, self._header) if self._header else NOTHING
        if not measures:
            epoch, step, measures = said(text)
        if any(word in text for word in ENDINGS):
            return
        if epoch < self._epoch or (step < self._step and math.isnan(self._epoch)):
            self._trainings.append({})
        self._epoch, self._step = (
            old if math.isnan(new) else new for old, new in ((self._epoch, epoch), (self._step, step))
        )
        for name, value in measures.items():
            self._add(name, value, step)
        self.count += bool(measures)

    def _add(self, name: str, value: float, step: float) -> None:
        tracks = self._trainings[-1]
        if self._values >= MOST_VALUES or (name not in tracks and len(tracks) >= MOST_NAMES):
            self._beyond += 1
            return
        self._values += 1
        track = tracks.setdefault(name, _Track())
        track.values.append(value)
        track.epochs.append(self._epoch)
        track.steps.append(step)


def said(line: str) -> Row:
    """The epoch and the step that a line says, NaN where it says none, and its losses and scores by name.

    >>> said("Train Epoch: 1 [640/60000 (1%)]\\tLoss: 2.3")
    (1.0, nan, {'loss': 2.3})
    >>> said("{'eval_loss': '0.6541', 'eval_runtime': '0.03', 'epoch': '1.5'}")
    (1.5, nan, {'eval_loss': 0.6541})
    >>> said("step 250: train loss 2.5, val loss 2.6"), said("Best val loss so far: 0.5. error 404")[2]
    ((nan, 250.0, {'train_loss': 2.5, 'val_loss': 2.6}), {})
    """
    epoch = step = math.nan
    measures: dict[str, float] = {}
    end = 0
    for found in NUMBER.finditer(line):
        label, end = line[end : found.start()], found.end()
        name = _name(label)
        value = float(found[0].replace(",", ""))
        if name in EPOCHS:
            epoch = value
        elif name in STEPS:
            step = value
        elif name and line[end : end + 1] != "/":  # "Accuracy: 9836/10000" is a count
            measures.setdefault(name, value)
    return epoch, step, measures


def _name(label: str) -> str:
    """What the number after a label is: an axis, a measure, or nothing that is known."""
    found = list(TOKEN.finditer(label))
    while found and found[-1][0].lower() in FILLERS:
        found.pop()
    if not found or len(label) - found[-1].end() > GAP:
        return ""
    tokens = [one[0].strip("./-") for one in found[-WORDS_BEFORE:]]
    last = tokens[-1].lower()
    if last in EPOCHS or last in STEPS:
        return last
    if "best" in (token.lower() for token in tokens):
        return ""
    if last not in MEASURES:
        several = len(WORDS.findall(tokens[-1])) > 1
        return tokens[-1] if several and meaning(tokens[-1]).kind != "other" else ""
    words = [token.lower() for token in tokens[:-1]]
    split = [word for word in words if word in SPLITS][-1:]
    return "_".join([*split, *(word for word in words if word in INNER), last])


def _header(line: str) -> tuple[str, ...]:
    """The names of a table's columns, where a line is nothing but such names."""
    cells = [cell for cell in CELLS.split(line) if cell]
    names = [cell.lower() for cell in cells]
    if len(cells) < 2 or names[0] not in EPOCHS | STEPS or not all(TOKEN.fullmatch(cell) for cell in cells):
        return ()
    return tuple(cells) if any(meaning(cell).kind == "loss" for cell in cells) else ()


def _row(line: str, header: tuple[str, ...]) -> Row:
    """A row of a table; marks such as skorch's + may stand in it after the measures."""
    cells = [cell for cell in CELLS.split(line) if cell]
    if not len(header) - 2 <= len(cells) <= len(header) + 1 or not NUMBER.fullmatch(cells[0]):
        return NOTHING
    measures = {
        name: float(cell.replace(",", ""))
        for name, cell in zip(header[1:], cells[1:], strict=False)
        if NUMBER.fullmatch(cell) and meaning(name).kind != "other"
    }
    place = float(cells[0].replace(",", ""))
    return (place, math.nan, measures) if header[0].lower() in EPOCHS else (math.nan, place, measures)


def _series(name: str, track: _Track) -> Series:
    epochs, steps = np.array(track.epochs), np.array(track.steps)
    counted = bool(np.isfinite(steps).all() and (np.diff(steps) > 0).all())
    known = bool(np.isfinite(epochs).all() and (np.diff(epochs) >= 0).all())
    return series(name, track.values, steps=steps if counted else None, epochs=_within(epochs) if known else None)


def _within(epochs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Epochs, of which several values in one are spread over it, the last at its end.

    >>> _within(np.array([1.0, 1.0, 2.0, 2.0])).tolist(), _within(np.array([0.5, 1.0])).tolist()
    ([0.5, 1.0, 1.5, 2.0], [0.5, 1.0])
    """
    _, first, counts = np.unique(epochs, return_index=True, return_counts=True)
    most = int(counts.max(initial=1))
    if most == 1:
        return epochs
    order = np.arange(epochs.size) - np.repeat(first, counts) + 1
    sizes = np.repeat(np.where(first + counts == epochs.size, most, counts), counts)  # the last epoch may go on
    return np.asarray(epochs - 1 + order / np.maximum(sizes, order))
