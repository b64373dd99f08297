"""Groups of runs from any logs: which of them are pairs, and in what their logged parameters differ."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from etude.diagnosis.differing import field_words, is_choice, level_words
from etude.diagnosis.known import WORDS
from etude.diagnosis.outcomes import SEEDS
from etude.diagnosis.units import DATA_NAMES
from etude.values.errors import ComparisonError
from etude.values.nearest import nearest
from etude.values.run import Run

How = Literal["seed", "order", "none"]
Value = str | int | float

NAMED = frozenset(
    WORDS.findall("model net network arch architecture optimizer optimiser loss criterion scheduler activation dataset")
)
"""Words that make a name a choice although it ends in "name"."""

SAME_WORDS: Mapping[str, str] = {
    "lr": "learning rate",
    "wd": "weight decay",
    "bs": "batch size",
    "optim": "optimizer",
    "optimiser": "optimizer",
}
"""What several tools call differently."""

SEED_IN_NAME = re.compile(r"seed[ _=-]?(\d+)", re.IGNORECASE)

FEWEST_NAMES = 3
"""Runs of each group from which on a parameter that is another one in every run is a name rather than a choice."""

FEWEST_VALUES = 10
"""Values that two runs must share to be taken for the same run: short coarse logs can be alike by chance."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Runs that are to be replicates of one thing. `name`: what a person calls it."""

    name: str
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Differing:
    """A parameter whose values are not the same in two groups, in words."""

    field: str
    control: str
    treated: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the logs say of two groups.

    differing: parameters that every run has and whose values differ between the groups
    shared:    parameters that every run has and that do not
    unknown:   parameters that some runs have and others lack
    """

    differing: tuple[Differing, ...]
    shared: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which control run is the pair of which treated run, by position; `says`: how that is known, or why not."""

    how: How
    pairs: tuple[tuple[int, int], ...]
    says: str


def split_by(runs: Sequence[Run], field: str, *, control: str | None) -> tuple[Group, ...]:
    """The runs by the value of a parameter, the control first: the level that is named, else the first to appear."""
    values = [_logged(run, field) for run in runs]
    lacking = [run.name for run, value in zip(runs, values, strict=True) if value is None]
    if lacking:
        known = {name for run in runs for name in _choices(run)}
        raise ComparisonError(
            f"{_some(lacking)} of {len(runs)} runs log no {field!r}. {nearest(field, known)} Group by a parameter that "
            "every run has, or name the groups: etude compare TREATED… --vs CONTROL…. Nothing was compared."
        )
    levels: dict[str, list[Run]] = {}
    for run, value in zip(runs, values, strict=True):
        levels.setdefault(_level(value), []).append(run)
    if len(levels) < 2:
        raise ComparisonError(
            f"{field!r} is {next(iter(levels), 'nothing')} in all {len(runs)} runs, so there is nothing to compare. "
            "Give runs of two levels or more, or group by another parameter. Nothing was compared."
        )
    first = next(iter(levels)) if control is None else next((one for one in levels if _same(one, control)), None)
    if first is None:
        raise ComparisonError(f"no run has {field} {control!r}. {nearest(str(control), levels)} Nothing was compared.")
    order = [first, *(level for level in levels if level != first)]
    return tuple(Group(level, tuple(levels[level])) for level in order)


def check_distinct(groups: Sequence[Group]) -> None:
    """A ComparisonError where a run is in two groups, or twice in one."""
    seen: dict[tuple[str, str], str] = {}
    for group in groups:
        for run in group.runs:
            key = (run.files[0] if run.files else f"id {id(run)}", run.name)
            if key in seen:
                both = "twice in one group" if seen[key] == group.name else "in both groups"
                raise ComparisonError(
                    f"{run.name} ({key[0]}) is {both}. A run cannot be held against itself, nor count twice: name "
                    "every log once. Nothing was compared."
                )
            seen[key] = group.name
        _check_copies(group)


def pairing(control: Group, treated: Group, asked: How | None) -> Pairing:
    """How the runs of two groups are paired: as asked; by seed where that is sure; else not at all."""
    if asked == "order":
        return _by_order(control, treated)
    if asked == "none":
        return Pairing("none", (), "not paired, as asked")
    seeds = [[seed_of(run) for run in group.runs] for group in (control, treated)]
    problem = _seed_problem(seeds, (control, treated))
    if asked is None and not problem and set(seeds[0]) != set(seeds[1]):
        problem = "the groups have different seeds"
    if not problem:
        common = [seed for seed in seeds[0] if seed in seeds[1]]
        pairs = tuple((seeds[0].index(seed), seeds[1].index(seed)) for seed in common)
        if len(pairs) > 1 or asked is None:
            return Pairing("seed", pairs, "paired by seed")
        problem = f"the groups share {len(pairs)} seed{'' if len(pairs) == 1 else 's'}"
    if asked == "seed":
        raise ComparisonError(
            f"--pair seed: {problem}. Log the seed of every run, or have it in its name (adam_seed3.csv); or pair by "
            "order (--pair order), or not at all (--pair none). Nothing was compared."
        )
    return Pairing("none", (), f"not paired: {problem}")


def seed_of(run: Run) -> Value | None:
    """The replicate of étude's own runs; the seed that a log, or else the run's name, says; None where none does.

    >>> seed_of(Run("adam_seed3", {})), seed_of(Run("adam", {}, provenance={"params/seed": 7})), seed_of(Run("a", {}))
    (3, 7, None)
    """
    if run.replicate is not None:
        return run.replicate
    named = (value for name, value in run.provenance.items() if _last(name) in SEEDS)
    found = SEED_IN_NAME.search(run.name)
    return next(named, int(found[1]) if found else None)


def parameters(control: Group, treated: Group) -> Parameters:
    """What the logs say of two groups; names of seeds, places, times and results are no parameters."""
    sides = [[dict(_choices(run)) for run in group.runs] for group in (control, treated)]
    names = dict.fromkeys(name for side in sides for one in side for name in one)
    differing, shared, unknown = [], [], []
    for name in names:
        values = [[one[name] for one in side if name in one] for side in sides]
        if any(len(of) < len(side) for of, side in zip(values, sides, strict=True)):
            unknown.append(name)
        elif _shares(values[0]) == _shares(values[1]):
            shared.append(name)
        elif not _is_name(values):
            differing.append(Differing(name, _mixture(values[0]), _mixture(values[1])))
    return Parameters(tuple(differing), tuple(shared), tuple(unknown))


def same_field(one: str, other: str) -> bool:
    """Whether two names are of one parameter.

    >>> same_field("lr", "params/learning_rate"), same_field("optimizer.name", "optimizer")
    (True, False)
    """
    return one == other or _words(one) == _words(other)


def is_data(field: str) -> bool:
    """Whether a parameter says what is learned from."""
    return _last(field) in DATA_NAMES


def _by_order(control: Group, treated: Group) -> Pairing:
    n, m = len(control.runs), len(treated.runs)
    if n != m:
        raise ComparisonError(
            f"--pair order: {m} treated and {n} control runs cannot be paired one by one. Name as many of each, in the "
            "order of their pairs, or leave them unpaired (--pair none). Nothing was compared."
        )
    return Pairing("order", tuple((i, i) for i in range(n)), "paired in the order given")


def _seed_problem(seeds: Sequence[Sequence[Value | None]], groups: Sequence[Group]) -> str:
    """Why seeds do not tell pairs; "" where they do."""
    for of, group in zip(seeds, groups, strict=True):
        without = [run.name for run, seed in zip(group.runs, of, strict=True) if seed is None]
        if without:
            return f"no seed is known of {_some(without)}"
        twice = [seed for seed, n in Counter(of).items() if n > 1]
        if twice:
            return f"seed {twice[0]} comes more than once in {group.name}"
    return ""


def _check_copies(group: Group) -> None:
    """A run that is a copy of another one would count twice."""
    prints: dict[bytes, str] = {}
    for run in group.runs:
        curves = sorted(run.curves.items())
        print_ = b"".join(name.encode() + curve.values.tobytes() for name, curve in curves)
        if print_ in prints and sum(np.unique(curve.values).size for _, curve in curves) >= FEWEST_VALUES:
            raise ComparisonError(
                f"{prints[print_]} and {run.name} of {group.name} are the same run: every value is alike. A run that "
                "counts twice makes the rest look surer than it is: leave one of them out. Nothing was compared."
            )
        prints[print_] = run.name


def _facts(run: Run) -> Mapping[str, Value]:
    """The fields of étude's own recipe, or what another tool's log says."""
    if run.recipe is None:
        return run.provenance
    from etude.studies.recipe_fields import recipe_fields  # with pydantic, which logs of other tools never need

    return recipe_fields(run.recipe)


def _choices(run: Run) -> Mapping[str, Value]:
    """The parameters of a run by their words, or where two have the same words by their whole names."""
    if run.recipe is not None:
        return _facts(run)
    chosen = {name: value for name, value in _facts(run).items() if _chosen(name, value)}
    count = Counter(map(_words, chosen))
    return {(_words(name) if count[_words(name)] == 1 else name): value for name, value in chosen.items()}


def _chosen(name: str, value: Value) -> bool:
    words = {word.lower() for word in WORDS.findall(name)}
    return is_choice(name, value) or ("name" in words and not NAMED.isdisjoint(words))


def _logged(run: Run, field: str) -> Value | None:
    facts = _facts(run)
    if field in facts:
        return facts[field]
    return next((value for name, value in facts.items() if same_field(name, field)), None)


def _words(name: str) -> str:
    words = field_words(name)
    return SAME_WORDS.get(words, words)


def _last(name: str) -> str:
    return re.split(r"[./]", name)[-1].lower()


def _level(value: Value | None) -> str:
    return level_words(value)


def _same(one: Value, other: Value) -> bool:
    return _plain(one) == _plain(other)


def _plain(value: Value) -> Value:
    """A value such that what means the same is equal: 0.001 and "1e-3", "Adam" and "adam"."""
    try:
        found = float(value)
    except ValueError:
        return str(value).strip().casefold()
    return found if math.isfinite(found) else str(value)


def _shares(values: Sequence[Value]) -> dict[Value, float]:
    return {value: n / len(values) for value, n in Counter(map(_plain, values)).items()}


def _is_name(values: Sequence[Sequence[Value]]) -> bool:
    every = [_plain(value) for of in values for value in of]
    return len(set(every)) == len(every) and all(len(of) >= FEWEST_NAMES for of in values)


def _mixture(values: Sequence[Value]) -> str:
    """The value of a group; of several how often each."""
    counts = Counter(map(_plain, values))
    shown = {_plain(value): level_words(value) for value in values}
    if len(counts) == 1:
        return shown[next(iter(counts))]
    told = ", ".join(f"{shown[value]} in {n}" for value, n in counts.most_common(3))
    return f"{told}{' and others' if len(counts) > 3 else ''}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
