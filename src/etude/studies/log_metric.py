"""The number that groups of runs are held against each other by: which series, in what unit, at which step."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from etude.diagnosis.case import case_of
from etude.diagnosis.outcomes import SMALLEST
from etude.diagnosis.units import SCORED_IN_PERCENT, UNKNOWN, Unit, told_unit
from etude.records.names import Meaning, meaning
from etude.studies.log_groups import Group
from etude.values.curve import Curve, frozen
from etude.values.errors import ComparisonError, NotComparableError
from etude.values.metric import METRICS, Metric, Split
from etude.values.nearest import nearest
from etude.values.run import Run

At = Literal["last", "best"] | int

SHARE, PERCENT = "share correct", "% correct"

JUDGED = ("validation/objective", "validation/score", "train/objective", "train/score")
"""Where a reader puts the series that it took for what was minimised, or for the score."""

SPLITS = ("train", "validation", "test")

ROLES: Mapping[str, Split] = MappingProxyType({"train": "train", "training": "train", "validation": "validation"})

SAME_BASE: Mapping[str, str] = MappingProxyType(
    {"acc": "accuracy", "top 1": "accuracy", "acc 1": "accuracy", "binary accuracy": "accuracy"}
)
"""Words of a score that several tools write differently."""

MOST_NAMED = 8

SURE = 0.8
"""A unit that is told with less probability may forbid a subtraction, but sets no smallest effect."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One series of every run, in one unit.

    metric:   its name as the first run has it, unit, direction, and smallest effect of interest
    split:    which part of the data it was measured on; "" where its name does not say
    curves:   of each group's runs, in their order
    told_by:  how the unit was told; "" where it is not known
    is_judge: whether it is the series that the best step is read off
    notes:    what a person should know about the choice
    """

    metric: Metric
    split: str
    curves: tuple[tuple[Curve, ...], ...]
    told_by: str
    is_judge: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """What one run scored, and where: NaN where it is not finite there; `lacks` says why it has no such number."""

    run: str
    value: float
    step: int
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user says of the metric; None: as it is found.

    name:             of a series, or "validation" or "train" for what is judged on them
    smallest_effect:  the smallest difference worth acting on, in the metric's unit
    higher_is_better: where the name does not tell
    same_unit:        the user's word that the series are in one unit, whatever they look like
    """

    name: str | None = None
    smallest_effect: float | None = None
    higher_is_better: bool | None = None
    same_unit: bool = False


def measured(groups: Sequence[Group], wanted: Wanted) -> Measured:
    """The series that is asked for; else what every run is judged by on held-out data, if that is in one unit."""
    if wanted.name is not None:
        return _named(groups, wanted.name, wanted)
    tried: list[NotComparableError] = []
    for name in _candidates(groups):
        try:
            found = _named(groups, name, wanted)
        except NotComparableError as error:
            tried.append(error)
            continue
        if tried:
            note = f"compared on {found.metric.name}, because what was minimised is not in one unit in all runs"
            return replace(found, notes=(note, *found.notes))
        return found
    if tried:
        raise tried[0]
    raise ComparisonError(
        f"no series that measures how good a model is, is in all {sum(len(group.runs) for group in groups)} runs. "
        f"{_in_common(groups)} Say which with --metric. Nothing was compared."
    )


def scores(group: Group, curves: Sequence[Curve], at: At) -> tuple[Score, ...]:
    """The number of each run at its last step, where its validation series is best, or at a step that is given."""
    return tuple(_score(run, curve, at) for run, curve in zip(group.runs, curves, strict=True))


def _candidates(groups: Sequence[Group]) -> list[str]:
    """Names to try without a wish: étude's own metrics; the judged validation series; other held-out ones; training."""
    runs = [run for group in groups for run in group.runs]
    ours = [f"{split}/{name}" for split in ("test", "validation") for name in METRICS]
    first = [name for name in ours if all(run.recipe is not None and name in run.curves for run in runs)]
    others = [
        name
        for name in runs[0].curves
        if name not in JUDGED and meaning(name).split in ("validation", "test") and meaning(name).kind != "other"
    ]
    others.sort(key=lambda name: (meaning(name).kind != "score", meaning(name).split != "validation"))
    names = [*first, "validation", *others, "train"]
    return [name for name in names if all(_key(run, name) is not None for run in runs)]


def _named(groups: Sequence[Group], name: str, wanted: Wanted) -> Measured:
    keys = [[_key(run, name) for run in group.runs] for group in groups]
    lacking = [
        run.name
        for group, of in zip(groups, keys, strict=True)
        for run, key in zip(group.runs, of, strict=True)
        if not key
    ]
    if lacking:
        some = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        known = {_shown(run, key) for group in groups for run in group.runs for key in run.curves}
        raise ComparisonError(f"{some}: no series {name!r}. {nearest(name, known)} Nothing was compared.")
    seen = [
        [_as_judged(run, str(key), higher=wanted.higher_is_better) for run, key in zip(group.runs, of, strict=True)]
        for group, of in zip(groups, keys, strict=True)
    ]
    shown = _shown(groups[0].runs[0], str(keys[0][0]))
    higher = _direction(seen, shown, wanted)
    unit, notes = _unit(groups, seen, shown, wanted)
    curves = [[one.curve for one in of] for of in seen]
    in_unit, converted = _in_one_scale(curves, unit)
    smallest = wanted.smallest_effect if wanted.smallest_effect is not None else _smallest(in_unit, shown)
    split = meaning(shown).split or str(keys[0][0]).partition("/")[0]
    ours = shown.partition("/")[2] if groups[0].runs[0].recipe is not None else ""
    called = ours if ours in METRICS else shown
    metric = Metric(called, called.replace("_", " "), in_unit, not higher, smallest, "")
    is_judge = all(key in JUDGED[:2] for of in keys for key in of)
    return Measured(
        metric, split if split in SPLITS else "", converted, unit.told_by if in_unit else "", is_judge, notes
    )


def _key(run: Run, name: str) -> str | None:
    """The curve of a run that a person, or another run's log, calls by this name."""
    if name in ROLES:
        found = (f"{ROLES[name]}/{word}" for word in ("objective", "score"))
        return next((key for key in found if key in run.curves), None)
    if name in run.curves:
        return name
    called = {_shown(run, key): key for key in run.curves}
    if name in called:
        return called[name]
    alike = [key for shown, key in called.items() if _alike(meaning(shown), meaning(name))]
    return alike[0] if len(alike) == 1 else None


def _alike(one: Meaning, other: Meaning) -> bool:
    """Whether two names are of one quantity on one part of the data: val_acc and validation/accuracy."""
    same = SAME_BASE.get(one.base, one.base) == SAME_BASE.get(other.base, other.base)
    return same and one.split == other.split and one.kind == other.kind != "other"


def _base(name: str) -> str:
    base = meaning(name).base
    return SAME_BASE.get(base, base)


def _shown(run: Run, key: str) -> str:
    """The name that the tool gave a series, where a reader gave it another one."""
    split, _, word = key.partition("/")
    return str(run.provenance.get(f"{split} is", key)) if word in ("objective", "score") else key


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A run that is judged by the series under `key`, so that its unit can be told as any objective's is."""

    run: Run
    key: str

    @property
    def curve(self) -> Curve:
        return self.run.curves[self.key]

    @property
    def name(self) -> str:
        return _shown(self.run, self.key)


def _as_judged(run: Run, key: str, *, higher: bool | None) -> _Seen:
    """The run as it is where the series is what it is judged by; else as if it were."""
    if key in JUDGED and higher in (None, key.endswith("/score")):
        return _Seen(run, key)
    shown = _shown(run, key)
    kind = meaning(shown).kind
    more = key.endswith("/score") or (not key.endswith("/objective") and kind == "score") if higher is None else higher
    split = "train" if key.startswith("train/") or meaning(shown).split == "train" else "validation"
    curves = {name: curve for name, curve in run.curves.items() if name not in JUDGED or name == key}
    new = f"{split}/{'score' if more else 'objective'}"
    curves[new] = curves.pop(key) if key in JUDGED else curves[key]
    facts = {name: value for name, value in run.provenance.items() if name not in ("train is", "validation is")}
    recipe = run.recipe if key in JUDGED else None
    facts[f"{split} is"] = shown
    made = replace(run, curves=MappingProxyType(curves), provenance=MappingProxyType(facts), recipe=recipe)
    return _Seen(made, new)


def _direction(seen: Sequence[Sequence[_Seen]], shown: str, wanted: Wanted) -> bool:
    """Whether more is better; a ComparisonError where neither the name nor the user says."""
    if wanted.higher_is_better is not None:
        return wanted.higher_is_better
    metric = METRICS.get(shown.rpartition("/")[2])
    if metric is not None:
        return not metric.lower_is_better
    directions = {one.key.endswith("/score") for of in seen for one in of}
    if len(directions) > 1:
        raise NotComparableError(
            f"{shown} is a loss in some runs, of which less is better, and a score in others. Compare one series that "
            "all runs have, with --metric. Nothing was compared."
        )
    if meaning(shown).kind == "other" and shown not in JUDGED:
        raise ComparisonError(
            f"whether more or less of {shown!r} is better, its name does not say. Add --higher-is-better or "
            "--lower-is-better. Nothing was compared."
        )
    return directions.pop()


def _unit(
    groups: Sequence[Group], seen: Sequence[Sequence[_Seen]], shown: str, wanted: Wanted
) -> tuple[Unit, tuple[str, ...]]:
    """The unit of the series in all groups; a NotComparableError where it is not one."""
    curve = seen[0][0].curve
    if wanted.same_unit:
        return Unit(curve.unit or UNKNOWN, "your word" if curve.unit else "", 1.0), ("in one unit on your word",)
    units = [max((_told(one) for one in of), key=lambda unit: unit.probability) for of in seen]
    known = [unit for unit in units if unit.name != UNKNOWN]
    names = {SHARE if unit.name == PERCENT else unit.name for unit in units}
    called = {_base(of[0].name) for of in seen}
    if len(names - {UNKNOWN}) > 1 or (UNKNOWN in names and len(called) > 1):
        told = "; ".join(
            f"in {group.name} it is "
            f"{f'not known of {of[0].name!r}' if unit.name == UNKNOWN else f'{unit.name}, told by {unit.told_by}'}"
            for group, of, unit in zip(groups, seen, units, strict=True)
        )
        raise NotComparableError(
            f"the unit of {shown} is not one: {told}. Their difference means nothing. {_in_common(groups, but=shown)} "
            "If they are in one unit all the same, say so with --same-unit. Nothing was compared."
        )
    if not known:
        return Unit(UNKNOWN, "", 0.0), (f"the unit of {shown} is not known; that it is one in all runs is not checked",)
    surest = max(known, key=lambda unit: unit.probability)
    if surest.probability < SURE:
        note = (
            f"{shown} looks like {surest.name}, by {surest.told_by}, which is not sure enough to say what is too small "
            "to act on"
        )
        return Unit(UNKNOWN, "", surest.probability), (note,)
    if len(known) < len(units):
        lacking = [group.name for group, unit in zip(groups, units, strict=True) if unit.name == UNKNOWN]
        note = f"the unit of {shown} could not be told in {', '.join(lacking)}, and was taken for that of the others"
        return surest, (note,)
    return surest, ()


def _told(seen: _Seen) -> Unit:
    """The unit of a judged series; étude's own metrics have theirs in the table."""
    own = seen.curve.unit
    if not own and not np.isfinite(seen.curve.values).any():
        return Unit(UNKNOWN, "nothing, as it diverged at once", 0.0)
    return Unit(own, "the run's own record", 1.0) if own else told_unit(seen.run)


def _in_common(groups: Sequence[Group], *, but: str = "") -> str:
    """Which series all runs have that would be valid, as a sentence."""
    runs = [run for group in groups for run in group.runs]
    names = []
    for key in runs[0].curves:
        shown = _shown(runs[0], key)
        if shown == but or meaning(shown).kind == "other" or any(_key(run, shown) is None for run in runs):
            continue
        units = {_told(_as_judged(run, str(_key(run, shown)), higher=None)).name for run in runs}
        if len(units - {PERCENT}) <= 1 and UNKNOWN not in units:
            names.append(shown)
    if not names:
        return "No other series is in all runs in one known unit: log an accuracy, or one loss for all."
    return f"Valid, and in all runs: {', '.join(names[:MOST_NAMED])}."


def _in_one_scale(curves: Sequence[Sequence[Curve]], unit: Unit) -> tuple[str, tuple[tuple[Curve, ...], ...]]:
    """The unit's name and the curves; where some runs log per cent and others shares, all as shares."""
    name = "" if unit.name == UNKNOWN else unit.name
    plain = tuple(tuple(of) for of in curves)
    if name not in (SHARE, PERCENT):
        return name, plain
    percent = [any(_is_percent(curve) for curve in of) for of in plain]
    if all(percent) or not any(percent):
        return PERCENT if percent[0] else SHARE, plain
    return SHARE, tuple(
        tuple(Curve(c.name, c.steps, frozen(c.values / 100)) for c in of) if high else of
        for of, high in zip(plain, percent, strict=True)
    )


def _is_percent(curve: Curve) -> bool:
    finite = curve.values[np.isfinite(curve.values)]
    return bool(finite.size and finite.max() > SCORED_IN_PERCENT)


def _smallest(unit: str, shown: str) -> float | None:
    metric = METRICS.get(shown.rpartition("/")[2])
    if unit == PERCENT:
        return 100 * SMALLEST[SHARE]
    return metric.smallest_effect if metric is not None and metric.unit == unit else SMALLEST.get(unit)


def _score(run: Run, curve: Curve, at: At) -> Score:
    if not curve.steps.size:
        return Score(run.name, math.nan, 0, "its series is empty")
    first, last = int(curve.steps[0]), int(curve.steps[-1])
    if at == "best":
        if case_of(run).validation is None:
            return Score(run.name, math.nan, last, "it has no validation series to be best at")
        step = _best_step(run)
        return Score(run.name, math.nan if step is None else curve.at(max(step, first)), last if step is None else step)
    if at == "last":
        if run.recipe is None:
            return Score(run.name, float(curve.values[-1]), last)
        kept = max(run.kept_step, first)
        return Score(run.name, math.nan if run.ended == "diverged" else curve.at(kept), kept)
    if not first <= at <= last:
        return Score(run.name, math.nan, last, f"it has steps {first:,} to {last:,}")
    return Score(run.name, curve.at(at), at)


def _best_step(run: Run) -> int | None:
    """Where the judged validation series is best."""
    case = case_of(run)
    if case.validation is None or not np.isfinite(case.validation.values).any():
        return None
    values = case.validation.values if case.higher else -case.validation.values
    return int(case.validation.steps[int(np.argmax(np.where(np.isfinite(values), values, -np.inf)))])
