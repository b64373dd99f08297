"""Foreseeing what a setting would score, from the scores of others: a forest of trees that ask for single fields.

As in SMAC (Hutter, Hoos and Leyton-Brown 2011), by the improvement that is expected for what it costs (Snoek,
Larochelle and Adams 2012). It only says what is worth training first; it is no evidence.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.ensemble import RandomForestRegressor

from etude.studies.recipe_fields import values_of
from etude.values.recipe import Recipe
from etude.values.treatment import Setting, identity

Fields = Mapping[str, float | str]

TREES, LEAF, FIELDS = 100, 2, 0.4
"""Trees, settings of a leaf at least, and the share of the fields that are weighed for each question."""

SURE = 0.5
"""Share of the replicates of the best known setting that one must have to count as the best."""


FAR = 30.0
"""Standard deviations beyond which a normal number never is."""


APART = 5
"""Fields in which settings differ that are not alike."""


class Foresight:
    """It learns from every setting that was trained."""

    def __init__(self) -> None:
        """It has seen nothing."""
        self._seen: dict[str, tuple[Fields, float, int]] = {}

    def learn(self, setting: Setting, score: float, replicates: int) -> None:
        """What it scored by so many replicates, lower is better; infinite where all failed. The last word counts."""
        self._seen[identity(setting)] = (fields_of(setting), score, replicates)

    def order(self, settings: Sequence[Setting], costs: Sequence[float], *, seed: int) -> list[int]:
        """The places of the settings, the one first that promises most for what a training of it costs.

        That is the expected improvement on the best so far over the cost, where what the trees say is taken as normal.
        Where nothing was learned, they are as they were.
        """
        seen = list(self._seen.values())
        scores = np.array([score for _, score, _ in seen])
        if not settings or not np.isfinite(scores).any():
            return list(range(len(settings)))
        replicates = np.array([n for _, _, n in seen])
        table = _table([*(fields for fields, _, _ in seen), *(fields_of(setting) for setting in settings)])
        known, asked = table[: len(seen)], table[len(seen) :]
        forest = RandomForestRegressor(TREES, min_samples_leaf=LEAF, max_features=FIELDS, random_state=seed)
        forest.fit(known, _told_apart(scores), sample_weight=np.sqrt(replicates))
        each = np.array([tree.predict(asked) for tree in forest.estimators_])
        finite = np.isfinite(scores)
        best = scores[finite & (replicates >= SURE * replicates[finite].max())].min()
        improvement = _expected_improvement(best, each.mean(axis=0), each.std(axis=0))
        return [int(place) for place in np.argsort(-improvement / np.array(costs), kind="stable")]


def _expected_improvement(best: float, means: NDArray[np.float64], spreads: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much normal scores fall below the best one, on average; scores above it count nothing.

    >>> _expected_improvement(1.0, np.array([1.0, 0.5]), np.array([1.0, 0.0])).round(3)
    array([0.399, 0.5  ])
    """
    below = np.clip((best - means) / np.maximum(spreads, np.finfo(np.float64).tiny), -FAR, FAR)
    return np.asarray((best - means) * norm.cdf(below) + spreads * norm.pdf(below))


def _told_apart(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The better half as they are, and the others alike: how bad a setting is that nobody wants matters to nobody.

    >>> _told_apart(np.array([0.1, 0.2, 0.3, np.inf, 9.0])), _told_apart(np.array([0.1, np.inf, np.inf]))
    (array([0.1, 0.2, 0.3, 0.3, 0.3]), array([0.1, 0.1, 0.1]))
    """
    worst = scores[np.isfinite(scores)].max()
    return np.minimum(scores, min(float(np.median(scores)), float(worst)))


def fields_of(setting: Setting) -> Fields:
    """Each field by its path: a number as it is, of a sequence of numbers their count and sum, all else as text.

    >>> fields_of({"hidden": (8, 8), "rate": 0.1, "name": "adam"})
    {'hidden count': 2.0, 'hidden sum': 16.0, 'rate': 0.1, 'name': 'adam'}
    """
    return dict(_told(values_of(setting) if isinstance(setting, Recipe) else setting.items()))


def unlike(settings: Sequence[Fields], n: int) -> list[int]:
    """The places of the first n of which no two are alike; where there are fewer, the first of the others are added.

    >>> one, beside, other = {"rate": 1.0}, {"rate": 2.0}, dict.fromkeys("abcd", 1.0)
    >>> unlike([one, beside, other], 2), unlike([one, beside, other], 3), unlike([one, beside], 2)
    ([0, 2], [0, 1, 2], [0, 1])
    """
    chosen: list[int] = []
    for place, fields in enumerate(settings):
        if len(chosen) < n and all(_differences(fields, settings[other]) >= APART for other in chosen):
            chosen.append(place)
    others = [place for place in range(len(settings)) if place not in chosen]
    return sorted([*chosen, *others[: n - len(chosen)]])


def _differences(one: Fields, other: Fields) -> int:
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def _told(fields: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, float | str]]:
    for path, value in fields:
        if isinstance(value, int | float):
            yield path, float(value)
        elif isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value):
            yield f"{path} count", float(len(value))
            yield f"{path} sum", float(sum(value))
        else:
            yield path, repr(value) if not isinstance(value, str) else value


def _table(rows: Sequence[Fields]) -> NDArray[np.float32]:
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
