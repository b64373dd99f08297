"""Groups of runs from any logs against a control group: effects, what was refused, and how many runs it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.differing import BUDGETS
from etude.diagnosis.known import WORDS
from etude.figures.numbers import plural
from etude.studies.estimate import Asked, Terms, estimated
from etude.studies.log_advice import Needed, advice, needed_for
from etude.studies.log_groups import (
    Differing,
    Group,
    How,
    Pairing,
    Parameters,
    check_distinct,
    is_data,
    pairing,
    parameters,
    same_field,
)
from etude.studies.log_metric import At, Measured, Score, Wanted, measured, scores
from etude.values.effect import AND, Effect
from etude.values.errors import ComparisonError, ConfoundedError, NotComparableError
from etude.values.study import MINIMUM_REPLICATES

SEED = 0
"""Of the resampling behind p values that no verdict depends on: the same logs give the same bits."""

LENGTHS_ALIKE = 0.05
"""Groups whose runs all end within this share of each other's steps were trained as long: some tools count from 0."""

LENGTHENS = BUDGETS | {"length", "batch", "epoch", "step", "updates", "iterations"}
"""Words of parameters that change how many steps a run takes."""

MOST_TOLD = 6


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of the groups; the defaults are those of the command line.

    wanted:     of the metric
    at:         at which step each run is scored
    pair:       how runs are paired; None: by seed where that is sure, else not at all
    by:         the parameter that the groups were made by; "" where a person named the groups
    control:    the level of it that a person named as the control; "" where nobody did
    differs:    parameters that are meant to differ
    as_a_whole: whether groups that differ in several parameters are compared with no cause named
    level:      one minus the error rate of the whole family of comparisons
    """

    wanted: Wanted = field(default_factory=Wanted)
    at: At = "last"
    pair: How | None = None
    by: str = ""
    control: str = ""
    differs: tuple[str, ...] = ()
    as_a_whole: bool = False
    level: float = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A group and what each of its runs scored."""

    group: Group
    scores: tuple[Score, ...]

    @property
    def lacking(self) -> tuple[Score, ...]:
        """Runs that have no number at the step."""
        return tuple(score for score in self.scores if score.lacks)

    @property
    def outcomes(self) -> NDArray[np.float64]:
        """The numbers of the others, NaN where a run diverged, shape (n,)."""
        return np.array([score.value for score in self.scores if not score.lacks], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One group against the control, with what the verdict rests on."""

    effect: Effect
    control: Side
    treated: Side
    pairing: Pairing
    parameters: Parameters
    needed: Needed | None


@dataclass(frozen=True, slots=True, eq=False)
class LogComparison:
    """What came of some groups. `axis`: what steps count; `notes`: what holds for all of them."""

    measured: Measured
    at: At
    axis: str
    compared: tuple[Compared, ...]
    level: float
    notes: tuple[str, ...]

    @property
    def sides(self) -> tuple[Side, ...]:
        """Every group once, the control first."""
        return (self.compared[0].control, *(one.treated for one in self.compared))


def compare_logs(groups: Sequence[Group], asking: Asking) -> LogComparison:
    """Every group against the first, the control, as one family of questions; or the error that says why not.

    Refused are a run in two groups, a metric that is not in one unit, groups that differ in more than is said, and a
    step that no run of a group has. Fewer than five runs, or pairs, give an estimate but no verdict.
    """
    check_distinct(groups)
    found = measured(groups, asking.wanted)
    axes = sorted({str(run.provenance.get("x", "step")) for group in groups for run in group.runs})
    sides = [Side(group, scores(group, of, asking.at)) for group, of in zip(groups, found.curves, strict=True)]
    _check_steps(sides, asking.at, axes, found)
    control, *others = sides
    about = [parameters(control.group, side.group) for side in others]
    for side, differ in zip(others, about, strict=True):
        _check_parameters(control.group.name, side.group.name, differ, asking)
        _check_lengths(control, side, differ, axes, asking)
    pairs = [pairing(control.group, side.group, asking.pair) for side in others]
    asked = [
        _asked((control, side), differ, pair, found, asking)
        for side, differ, pair in zip(others, about, pairs, strict=True)
    ]
    effects = estimated(asked, Terms(asking.level, SEED, (MINIMUM_REPLICATES,)), rule="fixed")
    compared = tuple(
        _finished(Compared(effect, control, side, pair, differ, None), one)
        for effect, side, pair, differ, one in zip(effects, others, pairs, about, asked, strict=True)
    )
    notes = (*found.notes, *_notes(sides, about, axes, found, asking))
    return LogComparison(found, asking.at, " or ".join(axes), compared, asking.level, notes)


def _check_steps(sides: Sequence[Side], at: At, axes: Sequence[str], found: Measured) -> None:
    if isinstance(at, int) and len(axes) > 1:
        raise ComparisonError(
            f"--at {at:,}: some runs are logged by {axes[0]} and others by {axes[1]}, so {at:,} is not one moment. Say "
            "which with --x, where all have it, or compare at the last or the best step. Nothing was compared."
        )
    for side in sides:
        if len(side.lacking) == len(side.scores):
            shortest = min(int(curve.steps[-1]) for of in found.curves for curve in of if curve.steps.size)
            raise ComparisonError(
                f"{side.group.name}: no run has {found.metric.name} at {axes[0]} {at}; {side.lacking[0].run}: "
                f"{side.lacking[0].lacks}. All runs have {axes[0]} {shortest:,}: --at {shortest}. Nothing was compared."
            )


def _check_parameters(control: str, treated: str, differ: Parameters, asking: Asking) -> None:
    """A ConfoundedError where more differs than is said; a NotComparableError where what is learned from does."""
    if asking.as_a_whole:
        return
    for name in asking.differs:
        if any(same_field(name, shared) for shared in differ.shared):
            raise ComparisonError(
                f"--differs {name}: it is the same in {treated} and {control}. Leave it out, or name the runs in which "
                "it is another one. Nothing was compared."
            )
    data = [one for one in differ.differing if is_data(one.field)]
    if data:
        raise NotComparableError(
            f"{treated} and {control} learn from different data: {_told(data[0])}. No score of one is better than one "
            "of the other. Compare runs on one set of data. Nothing was compared."
        )
    meant = (*asking.differs, *([asking.by] if asking.by else []))
    extra = [one for one in differ.differing if not any(same_field(one.field, name) for name in meant)]
    if (meant and extra) or len(extra) > 1:
        told = "; ".join(map(_told, extra[:MOST_TOLD]))
        more = f"; and {len(extra) - MOST_TOLD} more" if len(extra) > MOST_TOLD else ""
        alone = f"{' and '.join(meant)} alone" if meant else "any one of them"
        besides = f" besides {', '.join(meant)}" if meant else ""
        raise ConfoundedError(
            f"{treated} and {control} differ in {plural(len(extra), 'parameter')}{besides}: {told}{more}. So a "
            f"difference in outcome cannot be put down to {alone}. Compare runs that differ in one, say which "
            "are meant to differ (--differs NAME NAME), or compare the groups with no cause named (--as-a-whole). "
            "Nothing was compared."
        )


def _check_lengths(control: Side, treated: Side, differ: Parameters, axes: Sequence[str], asking: Asking) -> None:
    """A ConfoundedError where all runs of one group were trained longer than all of the other, and nobody said so."""
    said = {word.lower() for name in (*asking.differs, asking.by) for word in WORDS.findall(name)}
    said |= {word for one in differ.differing for word in one.field.split()}
    if asking.at != "last" or len(axes) > 1 or asking.as_a_whole or not LENGTHENS.isdisjoint(said):
        return
    ends = [[score.step for score in side.scores if math.isfinite(score.value)] for side in (control, treated)]
    if not all(ends):
        return
    (shorter, _), (longer, _) = sorted(zip(ends, ("control", "treated"), strict=True), key=lambda one: max(one[0]))
    if max(shorter) < (1 - LENGTHS_ALIKE) * min(longer):
        axis = axes[0]
        raise ConfoundedError(
            f"{treated.group.name} ends at {axis} {_range(ends[1])} and {control.group.name} at {axis} "
            f"{_range(ends[0])}, so one was trained longer. Compare both at one moment (--at {min(shorter)}), at their "
            "best (--at best), or say that the length is meant to differ (--differs length). Nothing was compared."
        )


def _asked(sides: tuple[Side, Side], differ: Parameters, pair: Pairing, found: Measured, asking: Asking) -> Asked:
    control, treated = sides
    fields = [asking.by] if asking.by else [one.field for one in differ.differing] or list(asking.differs)
    same = [one for one in differ.differing if same_field(one.field, fields[0])] if len(fields) == 1 else []
    names = (same[0].control, same[0].treated) if same else (control.group.name, treated.group.name)
    outcomes = (control.outcomes, treated.outcomes)
    if pair.how != "none":
        kept = [(i, j) for i, j in pair.pairs if not (control.scores[i].lacks or treated.scores[j].lacks)]
        outcomes = (
            np.array([control.scores[i].value for i, _ in kept], dtype=np.float64),
            np.array([treated.scores[j].value for _, j in kept], dtype=np.float64),
        )
    return Asked(
        factor="" if asking.as_a_whole and len(fields) > 1 else AND.join(fields),
        control=names[0],
        treated=names[1],
        metric=found.metric,
        split=found.split,
        control_outcomes=outcomes[0],
        treated_outcomes=outcomes[1],
        margin=found.metric.smallest_effect,
        paired=pair.how != "none",
    )


def _finished(one: Compared, asked: Asked) -> Compared:
    """With the estimate of runs too few for an interval, with what was left out, and with advice."""
    effect, (control, treated) = one.effect, (asked.control_outcomes, asked.treated_outcomes)
    if not math.isfinite(effect.mean) and np.isfinite(control).any() and np.isfinite(treated).any():
        mean = float(np.mean(treated[np.isfinite(treated)]) - np.mean(control[np.isfinite(control)]))
        note = (
            "one run, or one pair, has no spread: how much of this is chance cannot be said; train each several times"
        )
        effect = replace(effect, mean=mean, notes=(*effect.notes, note))
    left_out = _left_out(one)
    effect = replace(effect, notes=(*effect.notes, *left_out))
    if any(side.lacking for side in (one.control, one.treated)):
        return replace(one, effect=replace(effect, verdict="undecided"))
    needed = needed_for(effect, asked)
    told = () if needed is None else advice(needed, effect, asked)
    return replace(one, effect=replace(effect, notes=(*effect.notes, *told)), needed=needed)


def _left_out(one: Compared) -> list[str]:
    """Runs that are not in the estimate."""
    notes = []
    for word, side in (("control", one.control), ("treated", one.treated)):
        if side.lacking:
            first = side.lacking[0]
            notes.append(
                f"{len(side.lacking)} of {len(side.scores)} {word} runs have no number there, as {first.run} "
                f"({first.lacks}), and were left out; which ones do may be no accident, so no verdict follows: compare "
                "at an earlier step, or leave those runs out yourself"
            )
    for i, (word, side) in enumerate((("control", one.control), ("treated", one.treated))):
        paired = {pair[i] for pair in one.pairing.pairs}
        alone = [score.run for j, score in enumerate(side.scores) if j not in paired]
        if one.pairing.how != "none" and alone:
            notes.append(f"{plural(len(alone), f'{word} run')} without a pair left out: {', '.join(alone[:MOST_TOLD])}")
    return notes


def _notes(
    sides: Sequence[Side], about: Sequence[Parameters], axes: Sequence[str], found: Measured, asking: Asking
) -> list[str]:
    """What a person should know of all comparisons."""
    notes = []
    if asking.by and not asking.control:
        notes.append(f"{sides[0].group.name} is the control because it was read first; name another with --control")
    if len(axes) > 1:
        notes.append(
            f"some runs are logged by {axes[0]}, others by {axes[1]}: how long they trained cannot be compared"
        )
    if asking.at == "best" and found.is_judge:
        notes.append(
            "each run is scored at its own best validation step: the best of many values flatters, and more so the "
            "longer and the noisier a curve is"
        )
    if found.split == "train":
        notes.append("this is measured on what was learned from, and says nothing of new data")
    if asking.as_a_whole:
        fields = dict.fromkeys(one.field for differ in about for one in differ.differing)
        told = f"the groups differ in {', '.join(fields)}" if fields else "what differs is not logged"
        notes.append(f"{told}; the comparison is of the groups as a whole, and names no cause")
    return [*notes, *_unknown(about, asking), *_damage(sides)]


def _unknown(about: Sequence[Parameters], asking: Asking) -> list[str]:
    """What the logs do not say."""
    notes = []
    some = list(dict.fromkeys(name for differ in about for name in differ.unknown))
    if some:
        more = f" and {len(some) - MOST_TOLD} more" if len(some) > MOST_TOLD else ""
        notes.append(f"logged in some runs only, so whether it differs is unknown: {', '.join(some[:MOST_TOLD])}{more}")
    known = [name for differ in about for name in (*differ.shared, *(one.field for one in differ.differing))]
    unsaid = [name for name in asking.differs if not any(same_field(name, one) for one in known)]
    if unsaid and not set(unsaid) <= {"length"}:
        notes.append(f"not logged in every run, so that it differs is taken on your word: {', '.join(unsaid)}")
    if not known:
        notes.append(
            "no parameter is logged in every run: that the groups differ in one thing alone is taken on your word"
        )
    return notes


def _damage(sides: Sequence[Side]) -> list[str]:
    damaged = [run for side in sides for run in side.group.runs if run.lost]
    if not damaged:
        return []
    return [
        f"of {plural(len(damaged), 'log')} not all could be read, such as {damaged[0].name}; `etude diagnose` says what"
    ]


def _told(one: Differing) -> str:
    return f"{one.field} ({one.treated} against {one.control})"


def _range(steps: Sequence[int]) -> str:
    low, high = min(steps), max(steps)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
