"""Losses of different units stand side by side, and their difference means nothing."""

from collections.abc import Sequence

from etude.diagnosis.case import Arm
from etude.diagnosis.check import Seen, StudyCheck
from etude.diagnosis.saying import figure
from etude.diagnosis.units import UNKNOWN, Ranking, comparable
from etude.values.finding import Cause, Finding, Measured, NotRun
from etude.values.metric import METRICS
from etude.values.run import Run

SYMPTOM = "units not comparable"
SURE = 0.75
"""Probability that both units are right, from which nothing can come of the comparison."""

MOST_NAMED = 4
"""Arms that a sentence names one by one."""


def look(arms: Sequence[Arm]) -> Seen:
    """Whether all arms may stand in one ranking by what they minimised."""
    if len(arms) < 2:
        return NotRun(SYMPTOM, "it needs two arms or more")
    names = {id(case.run): arm.name for arm in arms for case in arm.cases}
    rankings = comparable(case.run for arm in arms for case in arm.cases)
    known = [ranking for ranking in rankings if ranking.unit.name != UNKNOWN]
    if len(known) > 1:
        return _finding(known, [_names(ranking, names) for ranking in known], ranked=_are_ranked(arms))
    if len(rankings) == 1:
        return None
    unknown = _names(next(ranking for ranking in rankings if ranking.unit.name == UNKNOWN), names)
    return NotRun(SYMPTOM, f"it cannot tell the unit of {unknown}; log a loss under a name that says it, such as bce")


def _are_ranked(arms: Sequence[Arm]) -> bool:
    """Whether somebody means to hold them against each other: they are recipes for one and the same data.

    Logs that lie in one folder may be of any tasks.
    """
    recipes = [arm.recipe for arm in arms]
    return all(recipe is not None and recipes[0] is not None and recipe.data == recipes[0].data for recipe in recipes)


def _finding(rankings: Sequence[Ranking], names: Sequence[str], *, ranked: bool) -> Finding:
    sure = min(ranking.unit.probability for ranking in rankings)
    first, other = rankings[:2]
    apart = other.apart or first.apart
    common = _common_scores([run for ranking in rankings for run in ranking.runs])
    sides = "; ".join(
        f"{ranking.unit.name} for {who}" for ranking, who in zip(rankings[:MOST_NAMED], names, strict=False)
    )
    more = f"; and {len(rankings) - MOST_NAMED} further unit(s)" if len(rankings) > MOST_NAMED else ""
    return Finding(
        SYMPTOM,
        f"What the runs are judged by is not the same quantity everywhere: {sides}{more}. The numbers of one say "
        f"nothing beside those of the other ({apart}).",
        "note" if not ranked else "error" if sure >= SURE else "warning",
        sure,
        tuple(_typical(ranking, who) for ranking, who in zip(rankings, names, strict=True)),
        causes=(
            Cause(
                f"{names[0]} counts in {first.unit.name}, as told by {first.unit.told_by}; {names[1]} counts in "
                f"{other.unit.name}, as told by {other.unit.told_by}",
                "the loss function in the code of both, and its reduction (mean or sum)",
            ),
            Cause("another data set, or targets on another scale", "the spread of the targets of both"),
        ),
        treatments=(f"compare on a score that all runs have: {common}",)
        if common
        else ("log a score that all have in common, such as the accuracy or the log loss, and compare on that",),
    )


def _names(ranking: Ranking, names: dict[int, str]) -> str:
    arms = list(dict.fromkeys(names[id(run)] for run in ranking.runs))
    return f"{len(arms)} arms" if len(arms) > MOST_NAMED else ", ".join(arms)


def _typical(ranking: Ranking, who: str) -> Measured:
    """The median of the last judged values, in their own unit."""
    judged = ("validation/objective", "train/objective", "validation/score", "train/score")
    lasts = sorted(
        float(curve.values[-1])
        for run in ranking.runs
        for curve in [next(run.curves[name] for name in judged if name in run.curves)]
        if curve.values.size
    )
    value = lasts[len(lasts) // 2] if lasts else float("nan")
    return Measured(
        f"last value of {who}, which begins near {figure(_start(ranking, judged))}", value, ranking.unit.name
    )


def _start(ranking: Ranking, judged: Sequence[str]) -> float:
    run = ranking.runs[0]
    curve = next(run.curves[name] for name in judged if name in run.curves)
    return float(curve.values[0]) if curve.values.size else float("nan")


def _common_scores(runs: Sequence[Run]) -> str:
    """The scores on held-out data that every run has, in words."""
    shared = [
        metric.label
        for metric in METRICS.values()
        if all(any(f"{split}/{metric.name}" in run.curves for split in ("test", "validation")) for run in runs)
    ]
    return ", ".join(shared)


CHECK = StudyCheck(SYMPTOM, look)
