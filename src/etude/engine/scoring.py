"""Common scores of a training at its scoring steps, for every split."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.data.splits import Splits
from etude.engine.network import Network
from etude.numerics.metrics import Scores, classification_scores, regression_scores
from etude.values.curve import Curve, frozen
from etude.values.metric import METRICS, METRICS_OF

MOST_SCORED, MOST_POSITIONS = 10_000, 50_000
"""Examples of a part that are scored, and positions of them where each is asked: evenly spaced ones. The standard error
of an accuracy on 10,000 is at most 0.005, and scoring must not cost more than training."""

BYTES_KEPT = 8 * 2**20
"""Raw outputs that wait to be scored together; scoring many steps at once is what makes it cheap."""


class Scoring:
    """Collects a model's raw outputs at scoring steps and turns them into curves."""

    def __init__(self, splits: Splits) -> None:
        """No step scored yet."""
        self.splits = splits
        self.steps: list[int] = []
        self._last: Mapping[str, NDArray[np.float32]] = {}
        self._waiting: dict[str, list[NDArray[np.float32]]] = {split: [] for split in splits.parts()}
        self._scored: dict[str, list[Scores]] = {split: [] for split in splits.parts()}
        self._targets = scored_targets(splits)

    def record(self, step: int, network: Network) -> None:
        """Score the network as it is, unless this step has been scored."""
        if step not in self.steps:
            self.add([step], {split: outputs[None] for split, outputs in network.outputs_by_split().items()})

    def add(self, steps: Sequence[int], outputs: Mapping[str, NDArray[np.float32]]) -> None:
        """Score raw outputs of several steps, by split, each of shape (steps, rows, outputs)."""
        self.steps += steps
        if steps:
            self._last = {split: array[-1] for split, array in outputs.items()}
        for split, waiting in self._waiting.items():
            waiting.append(outputs[split])
        if sum(array.nbytes for waiting in self._waiting.values() for array in waiting) > BYTES_KEPT:
            self._score()

    def outputs(self, split: str, step: int) -> NDArray[np.float32] | None:
        """Raw outputs after a step, shape (rows, outputs), while it is the one scored last; else None."""
        return self._last.get(split) if self.steps[-1:] == [step] else None

    def curves(self) -> dict[str, Curve]:
        """A curve of each split and metric, ``"<split>/<metric>"``, with standard errors, at the scored steps."""
        self._score()
        order = np.argsort(self.steps)
        steps = frozen(np.array(self.steps, dtype=np.int64)[order])
        made = {}
        for split, parts in self._scored.items():
            for metric in METRICS_OF[self.splits.kind]:
                values, errors = (frozen(np.concatenate([part[metric][i] for part in parts])[order]) for i in (0, 1))
                name = f"{split}/{metric}"
                made[name] = Curve(name, steps, values, METRICS[metric].unit, errors)
        return made

    def _score(self) -> None:
        score = regression_scores if self.splits.kind == "regression" else classification_scores
        for split, waiting in self._waiting.items():
            if waiting:
                outputs = predictions(np.concatenate(waiting), self.splits)
                self._scored[split].append(score(outputs, self._targets[split]))
                waiting.clear()


def scored_rows(splits: Splits) -> Mapping[str, NDArray[np.int64] | None]:
    """Which rows of each part are scored, in order; None: all."""
    found: dict[str, NDArray[np.int64] | None] = {}
    for split, part in splits.parts().items():
        most = min(MOST_SCORED, max(1, MOST_POSITIONS // part.targets[0].size))
        rows = len(part.targets)
        found[split] = None if rows <= most else np.linspace(0, rows - 1, most).astype(np.int64)
    return found


def scored_targets(splits: Splits) -> Mapping[str, NDArray[Any]]:
    """The targets of the scored rows of each part, one for each position where every position is asked."""
    parts = splits.parts()
    return {
        split: (parts[split].targets if rows is None else parts[split].targets[rows]).ravel()
        for split, rows in scored_rows(splits).items()
    }


def scores_every_row(splits: Splits) -> bool:
    """Whether no part is too large for that."""
    return all(rows is None for rows in scored_rows(splits).values())


def notes_on_scoring(splits: Splits) -> tuple[str, ...]:
    """What a reader should know of scores that are not those of every row."""
    some = [f"{len(rows):,} of {splits.parts()[split].targets.shape[0]:,} {split}" for split, rows in _chosen(splits)]
    return (f"scores are those of evenly spaced rows: {', '.join(some)}",) if some else ()


def _chosen(splits: Splits) -> Iterator[tuple[str, NDArray[np.int64]]]:
    return ((split, rows) for split, rows in scored_rows(splits).items() if rows is not None)


def predictions(outputs: NDArray[np.float32], splits: Splits) -> NDArray[np.float64]:
    """What is scored, of raw outputs (…, rows, outputs): the logit of class 1, one logit a class, or target units.

    Where every position is asked, of (…, rows, positions, outputs), each position is a row of its own.

    Two outputs of a binary problem become one logit, their difference: softmax over two is a sigmoid of it.
    """
    raw = outputs.astype(np.float64)
    if splits.each_position:
        raw = raw.reshape(*raw.shape[:-3], -1, raw.shape[-1])
    if splits.kind == "multiclass":
        return raw
    if splits.kind == "regression":
        return splits.target_center + splits.target_scale * raw[..., 0]
    with np.errstate(invalid="ignore"):  # infinity less infinity, of a run that diverged
        return raw[..., 1] - raw[..., 0] if raw.shape[-1] == 2 else raw[..., 0]
