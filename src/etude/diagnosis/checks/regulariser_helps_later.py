"""A regulariser that does nothing, or harm, at first, and helps with longer training or a wider network."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.case import Arm
from etude.diagnosis.check import Seen, StudyCheck
from etude.diagnosis.differing import BUDGETS, WIDTHS, Design, design_of, field_words, level_words, size
from etude.diagnosis.outcomes import ADVICE, FEWEST, Floats, Judge, judge_of, mean_of, outcomes, pair_keys, replicated
from etude.diagnosis.saying import amount, figure, when
from etude.values.finding import Cause, Finding, NotRun, Prediction

SYMPTOM = "regulariser helps later"
EARLY = (0.05, 0.25)
"""Shares of all steps at which a regulariser's effect is compared with that at the end."""


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """What a regulariser does early and what it does late, treated minus control in each replicate.

    what:         the regulariser and its level, as words
    early, late:  where, as words
    effects:      shape (2, n_pairs), early and late
    """

    what: str
    early: str
    late: str
    effects: Floats


def look(arms: Sequence[Arm]) -> Seen:
    """The interaction of a regulariser with steps, epochs or width: its late effect beyond its early one."""
    whole = replicated(arms)
    design = design_of(whole) if len(whole) > 1 else None
    judge = judge_of(whole) if design is not None and design.regularisers else None
    if design is None or judge is None:
        need = f"it needs arms with and without weight decay or dropout, each of {FEWEST} replicates or more"
        return NotRun(SYMPTOM, f"{need}: {ADVICE}")
    changes = [*_over_levels(whole, design, judge), *_over_steps(whole, design, judge)]
    enough = [one for one in changes if one.effects.shape[1] >= FEWEST]
    if not enough:
        return NotRun(SYMPTOM, "it needs arms that are alike but for the regulariser, scored along their training")
    return _judged(enough, judge)


def _over_levels(arms: Sequence[Arm], design: Design, judge: Judge) -> list[_Change]:
    """Squares of four arms: with and without, at the smallest and the largest budget or width."""
    changes = []
    for field in design.regularisers:
        pairs = design.with_and_without(field)
        for budget in (*design.named(BUDGETS), *design.named(WIDTHS)):
            levels = design.fields[budget]
            ends = [extreme(levels, key=size) for extreme in (min, max)]
            small, large = ([pair for pair in pairs if levels[pair[0]] == end] for end in ends)
            squares = [(p, q) for p in small for q in large if _alike(design, p, q, budget)]
            told = [f"{field_words(budget)} {level_words(end)}" for end in ends]
            changes += [
                _Change(
                    _named(design, field, p[1]),
                    told[0],
                    told[1],
                    _effects([outcomes(arms[i], judge) for i in (*p, *q)]),
                )
                for p, q in squares
            ]
    return changes


def _alike(design: Design, one: tuple[int, int], other: tuple[int, int], budget: str) -> bool:
    """Whether two pairs of arms differ in the budget alone."""
    return all(design.differ(i, j) == [budget] for i, j in zip(one, other, strict=True))


def _over_steps(arms: Sequence[Arm], design: Design, judge: Judge) -> list[_Change]:
    """Two arms along their curves: with and without, early and at the end."""
    pairs = [(field, *pair) for field in design.regularisers for pair in design.with_and_without(field)]
    return [
        _Change(_named(design, field, j), *_told(arms[i], steps), _effects(cells))
        for field, i, j in pairs
        for steps in _ends(arms[i], arms[j], judge)
        for cells in [[_at(arms[k], judge, step) for step in steps for k in (i, j)]]
    ]


def _ends(control: Arm, treated: Arm, judge: Judge) -> list[tuple[int, int]]:
    """The early steps that all curves have reached, each with the last one that all have."""
    curves = [case.run.curves[judge.curve] for arm in (control, treated) for case in arm.cases]
    if any(curve.steps.size < 2 for curve in curves):
        return []
    first, last = max(int(curve.steps[0]) for curve in curves), min(int(curve.steps[-1]) for curve in curves)
    return [(int(share * last), last) for share in EARLY if int(share * last) >= first]


def _told(arm: Arm, steps: tuple[int, int]) -> tuple[str, str]:
    return when(arm.cases[0], steps[0]), when(arm.cases[0], steps[1])


def _at(arm: Arm, judge: Judge, step: int) -> Mapping[Hashable, float]:
    """The number of each replicate at a step, as `outcomes` has it at the kept one."""
    values = (case.run.curves[judge.curve].at(step) for case in arm.cases)
    return dict(zip(pair_keys(arm), values, strict=True))


def _effects(cells: Sequence[Mapping[Hashable, float]]) -> Floats:
    """Early and late effect in the replicates that all of (off, on, off late, on late) have, shape (2, n_pairs)."""
    keys = [key for key in cells[0] if all(key in one for one in cells)]
    off, on, off_late, on_late = (np.array([one[key] for key in keys], dtype=np.float64) for one in cells)
    effects = np.array([on - off, on_late - off_late])
    return effects[:, np.isfinite(effects).all(axis=0)]


def _named(design: Design, field: str, treated: int) -> str:
    return f"{field_words(field)} {level_words(design.fields[field][treated])}"


def _judged(changes: Sequence[_Change], judge: Judge) -> Seen:
    """The change whose interaction and late effect are both better, while the early one is not; all at 5 % (Holm)."""
    from etude.numerics.decisions import Question, decide  # here, because it takes a while to load

    lower = not judge.higher
    interactions = decide([Question(one.effects[1] - one.effects[0], None, lower) for one in changes], seed=0)
    ends = [decide([Question(one.effects[end], None, lower) for one in changes], seed=1 + end) for end in (0, 1)]
    found = [
        one
        for one, beyond, early, late in zip(changes, interactions, *ends, strict=True)
        if beyond.verdict == late.verdict == "better" and early.verdict != "better" and _is_worth_it(one, judge)
    ]
    return _finding(max(found, key=lambda one: abs(float(one.effects[1].mean()))), judge) if found else None


def _is_worth_it(one: _Change, judge: Judge) -> bool:
    return abs(float(one.effects[1].mean())) > (judge.smallest or 0.0)


def _finding(one: _Change, judge: Judge) -> Finding:
    early = mean_of(f"effect of {one.what} at {one.early}", one.effects[0], judge.unit)
    late = mean_of(f"effect of {one.what} at {one.late}", one.effects[1], judge.unit)
    beyond = mean_of("late effect beyond the early one", one.effects[1] - one.effects[0], judge.unit)
    low, high = sorted(abs(bound) for bound in (late.low, late.high) if bound is not None)
    return Finding(
        SYMPTOM,
        f"{one.what.capitalize()} changes the {judge.words} by {amount(early.value, judge.unit)} at {one.early} and by "
        f"{figure(late.value)} at {one.late}: it only helps late, when there is something to hold back.",
        "note",
        0.95,
        (early, late, beyond),
        causes=(
            Cause("overfitting that sets in later, or with more units", "the gap of the loss without it, over the run"),
            Cause("it slows learning at first", "the training loss of both at the early place"),
        ),
        treatments=(f"{one.what} with {one.late}; choose it anew whenever the budget or the width changes",),
        prediction=Prediction(
            f"{one.what} at {one.late}", judge.words, "rises" if judge.higher else "falls", low, high, judge.unit
        ),
    )


CHECK = StudyCheck(SYMPTOM, look)
