"""What differs between arms: fields of their recipes, or parameters that other tools logged."""

import math
import re
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from etude.diagnosis.case import Arm
from etude.diagnosis.known import WORDS

NO_CHOICE = frozenset(
    WORDS.findall(
        "seed state time date seconds path dir folder file name host version versions id uuid user project device gpu "
        "cpu python torch numpy etude threads pid runtime total best final flos log logging save verbose workers "
        "format status experiment epoch global tool note what seen tokens command tags machine platform x data"
    )
)
"""Words of what a log notes beside its parameters: nothing that somebody chose in order to compare."""

RESULTS = frozenset(WORDS.findall("loss acc accuracy metric score val valid validation test gap rise error auc"))
"""Words of numbers that came out of a run, though they stand among its parameters."""

WIDTHS = frozenset(WORDS.findall("hidden width channels units neurons"))
BUDGETS = frozenset(WORDS.findall("epochs steps"))
FEATURES = frozenset({"features", "inputs"})
REGULARISERS = ("weight decay", "wd", "dropout", "drop", "l 2")


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Field → its value in each arm, in the arms' order, of every field that differs.

    A field is a path of the recipe such as ``"optimizer.learning_rate"``, or a parameter of another tool's log.
    """

    fields: Mapping[str, tuple[Hashable, ...]]

    def alone(self, field: str) -> list[list[int]]:
        """Groups of arms, by position, that are alike in every other field and differ in this one."""
        others = [values for name, values in self.fields.items() if name != field]
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for i in range(len(self.fields[field])):
            groups[tuple(values[i] for values in others)].append(i)
        return [group for group in groups.values() if len({self.fields[field][i] for i in group}) > 1]

    def named(self, words: frozenset[str]) -> list[str]:
        """The fields with one of these words in their name, whose levels have a size."""
        return [
            field for field in self.fields if not words.isdisjoint(field_words(field).split()) and self.sized(field)
        ]

    @property
    def regularisers(self) -> list[str]:
        """The fields that hold a network back where they are above 0: weight decay and dropout, however called."""
        return [field for field in self.fields if field_words(field).endswith(REGULARISERS) and self.sized(field)]

    def with_and_without(self, field: str) -> list[tuple[int, int]]:
        """Pairs of arms that are alike but for this field, which is 0 in the first and above 0 in the second."""
        levels = self.fields[field]
        return [
            (i, j)
            for group in self.alone(field)
            for i in group
            for j in group
            if size(levels[i]) == 0 < size(levels[j])
        ]

    def differ(self, i: int, j: int) -> list[str]:
        """The fields in which two arms differ."""
        return [field for field, values in self.fields.items() if values[i] != values[j]]

    def sized(self, field: str) -> bool:
        """Whether every level of the field has a size."""
        return all(math.isfinite(size(value)) for value in self.fields[field])


def design_of(arms: Sequence[Arm]) -> Design:
    """What differs between arms; of logs of other tools, those parameters that all of them have."""
    ours = all(arm.recipe is not None for arm in arms)
    columns = _of_recipes(arms) if ours else _of_logs(arms)
    return Design(MappingProxyType({name: values for name, values in columns.items() if len(set(values)) > 1}))


def size(value: Hashable) -> float:
    """How large a level is: a number itself, of several such as layers' widths the sum; NaN where it has no number.

    >>> size((64, 64)), size("[32]"), size("relu")
    (128.0, 32.0, nan)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, tuple) and all(isinstance(one, int | float) for one in value):
        return float(sum(value))
    listed = re.fullmatch(r"[(\[]?((?:[\d.e+-]+[,\s]*)+)[)\]]?", value) if isinstance(value, str) else None
    parts = re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", listed[1]) if listed else []
    return sum(map(float, parts)) if parts else math.nan


def is_choice(name: str, value: float | str) -> bool:
    """Whether a fact of a log is something that somebody chose, and neither bookkeeping nor a result.

    >>> is_choice("optimizer", "adam"), is_choice("run_id", "8f3a"), is_choice("best_val_loss", 0.2)
    (True, False, False)
    """
    words = {word.lower() for word in WORDS.findall(name)}
    if not NO_CHOICE.isdisjoint(words) or name in ("train is", "validation is"):
        return False
    return isinstance(value, str) or RESULTS.isdisjoint(words)


def field_words(field: str) -> str:
    """A field as a person reads it.

    >>> field_words("optimizer.learning_rate"), field_words("params/weightDecay")
    ('learning rate', 'weight decay')
    """
    last = re.split(r"[./]", field)[-1]
    return " ".join(word.lower() for word in WORDS.findall(last)) or last


def level_words(value: Hashable) -> str:
    """A level as a person reads it.

    >>> level_words((64, 64)), level_words(None), level_words(0.001)
    ('64-64', 'none', '0.001')
    """
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)


def _of_recipes(arms: Sequence[Arm]) -> dict[str, tuple[Hashable, ...]]:
    """Every field by its path; a part that is of another kind in some arms (Adam against SGD) is one field."""
    recipes = [dict(arm.recipe or ()) for arm in arms]
    columns: dict[str, tuple[Hashable, ...]] = {}
    for head in recipes[0].keys() - {"seed", "score_every"}:
        parts = [recipe[head] for recipe in recipes]
        inner = [_inner(part) for part in parts]
        if all(one and one.keys() == inner[0].keys() and one.get("name") == inner[0].get("name") for one in inner):
            columns |= {f"{head}.{tail}": tuple(_plain(one[tail]) for one in inner) for tail in inner[0]}
        else:
            columns[head] = tuple(_plain(part) for part in parts)
    return dict(sorted(columns.items()))


def _inner(part: object) -> dict[str, Any]:
    """The fields of a part of a recipe; none of what is a plain value, or the user's own arrays or code."""
    from etude.values.code import Code  # here, because logs of other tools have no recipes
    from etude.values.data import Arrays
    from etude.values.spec import Spec

    return dict(part) if isinstance(part, Spec) and not isinstance(part, Code | Arrays) else {}


def _plain(value: object) -> Hashable:
    return value if isinstance(value, str | int | float | tuple) or value is None else repr(value)


def _of_logs(arms: Sequence[Arm]) -> dict[str, tuple[Hashable, ...]]:
    plain = [_chosen(arm) for arm in arms]
    shared = [name for name in plain[0] if all(name in one for one in plain)] if plain else []
    return {name: tuple(one[name] for one in plain) for name in shared}


def _chosen(arm: Arm) -> dict[str, Hashable]:
    """The parameters of a log that somebody chose and that are one in all of its replicates."""
    facts = [case.run.provenance for case in arm.cases]
    return {
        name: value
        for name, value in facts[0].items()
        if is_choice(name, value) and all(one.get(name) == value for one in facts)
    }
