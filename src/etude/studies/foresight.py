"""Foreseeing what a setting would score, from the scores of others: a forest of trees that ask for single fields.

As in SMAC (Hutter, Hoos and Leyton-Brown 2011). It only says what is worth training first; it is no evidence.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from etude.studies.recipe_fields import values_of
from etude.values.recipe import Recipe
from etude.values.treatment import Setting, identity

TREES, LEAF, FIELDS = 100, 2, 0.4
"""Trees, settings of a leaf at least, and the share of the fields that are weighed for each question."""

HOPE = 0.5
"""Standard deviations over the trees by which a setting may be better than foreseen: what is little known is tried."""


class Foresight:
    """It learns from every setting that was trained."""

    def __init__(self) -> None:
        """It has seen nothing."""
        self._seen: dict[str, tuple[dict[str, float | str], float, int]] = {}

    def learn(self, setting: Setting, score: float, replicates: int) -> None:
        """What it scored by so many replicates, lower is better; infinite where all failed. The last word counts."""
        self._seen[identity(setting)] = (_fields(setting), score, replicates)

    def order(self, settings: Sequence[Setting], *, seed: int) -> list[int]:
        """The places of the settings, the one first that promises most; as they are where nothing was learned."""
        seen = list(self._seen.values())
        scores = np.array([score for _, score, _ in seen])
        if not settings or not np.isfinite(scores).any():
            return list(range(len(settings)))
        table = _table([*(fields for fields, _, _ in seen), *(_fields(setting) for setting in settings)])
        known, asked = table[: len(seen)], table[len(seen) :]
        forest = RandomForestRegressor(TREES, min_samples_leaf=LEAF, max_features=FIELDS, random_state=seed)
        weights = np.sqrt([replicates for _, _, replicates in seen])
        forest.fit(known, _told_apart(scores), sample_weight=weights)
        each = np.array([tree.predict(asked) for tree in forest.estimators_])
        return [int(place) for place in np.argsort(each.mean(axis=0) - HOPE * each.std(axis=0), kind="stable")]


def _told_apart(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The better half as they are, and the others alike: how bad a setting is that nobody wants matters to nobody.

    >>> _told_apart(np.array([0.1, 0.2, 0.3, np.inf, 9.0])), _told_apart(np.array([0.1, np.inf, np.inf]))
    (array([0.1, 0.2, 0.3, 0.3, 0.3]), array([0.1, 0.1, 0.1]))
    """
    worst = scores[np.isfinite(scores)].max()
    return np.minimum(scores, min(float(np.median(scores)), float(worst)))


def _fields(setting: Setting) -> dict[str, float | str]:
    """Each field by its path: a number as it is, of a sequence of numbers their count and sum, all else as text.

    >>> _fields({"hidden": (8, 8), "rate": 0.1, "name": "adam"})
    {'hidden count': 2.0, 'hidden sum': 16.0, 'rate': 0.1, 'name': 'adam'}
    """
    return dict(_told(values_of(setting) if isinstance(setting, Recipe) else setting.items()))


def _told(fields: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, float | str]]:
    for path, value in fields:
        if isinstance(value, int | float):
            yield path, float(value)
        elif isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value):
            yield f"{path} count", float(len(value))
            yield f"{path} sum", float(sum(value))
        else:
            yield path, repr(value) if not isinstance(value, str) else value


def _table(rows: Sequence[dict[str, float | str]]) -> NDArray[np.float32]:
    """One column a field: texts by their places in the alphabet, and NaN where a setting has no such field.

    >>> _table([{"rate": 0.5, "kind": "b"}, {"kind": "a"}])
    array([[1. , 0.5],
           [0. , nan]], dtype=float32)
    """
    columns = []
    for name in sorted({name for row in rows for name in row}):
        values = [row.get(name) for row in rows]
        places = {text: place for place, text in enumerate(sorted({one for one in values if isinstance(one, str)}))}
        columns.append([np.nan if one is None else places[one] if isinstance(one, str) else one for one in values])
    return np.array(columns, dtype=np.float32).reshape(-1, len(rows)).T
