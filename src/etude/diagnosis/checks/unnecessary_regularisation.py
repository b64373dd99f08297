"""Weight decay or dropout that changes nothing: as good without it, within the smallest effect of interest."""

from collections.abc import Sequence
from dataclasses import dataclass

from etude.diagnosis.case import Arm
from etude.diagnosis.check import Seen, StudyCheck
from etude.diagnosis.differing import Design, design_of, field_words, level_words, size
from etude.diagnosis.outcomes import ADVICE, FEWEST, Floats, Judge, differences, judge_of, mean_of, outcomes, replicated
from etude.diagnosis.saying import amount, figure
from etude.values.finding import Cause, Finding, Measured, NotRun

SYMPTOM = "unnecessary regularisation"


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A regulariser against none of it, all else alike: treated minus control in each replicate, shape (n_pairs,)."""

    field: str
    treated: str
    level: str
    found: Floats


def look(arms: Sequence[Arm]) -> Seen:
    """Two one-sided tests of each regulariser against none, at 5 % over all of them (Holm)."""
    enough = replicated(arms)
    design = design_of(enough) if len(enough) > 1 else None
    if design is None or not any(map(design.with_and_without, design.regularisers)):
        need = "it needs two arms, one with weight decay or dropout and one with 0 of it, each of 5 replicates or more"
        return NotRun(SYMPTOM, f"{need}: {ADVICE}")
    judge = judge_of(enough)
    if judge is None or judge.smallest is None:
        return NotRun(SYMPTOM, "it needs a held-out score with a smallest difference worth acting on, such as log loss")
    pairs = [pair for pair in _pairs(enough, design, judge) if pair.found.size >= FEWEST]
    if not pairs:
        return NotRun(SYMPTOM, f"it needs {FEWEST} replicates or more that finished in both arms")
    return _judged(pairs, judge, judge.smallest)


def _pairs(arms: Sequence[Arm], design: Design, judge: Judge) -> list[_Pair]:
    return [
        _Pair(
            field,
            arms[j].name,
            level_words(design.fields[field][j]),
            differences(outcomes(arms[i], judge), outcomes(arms[j], judge)),
        )
        for field in design.regularisers
        for i, j in design.with_and_without(field)
    ]


def _judged(pairs: Sequence[_Pair], judge: Judge, margin: float) -> Seen:
    from etude.numerics.decisions import Question, decide  # here, because it takes a while to load

    questions = [Question(pair.found, margin, not judge.higher) for pair in pairs]
    decisions = decide(questions, seed=0)
    useless = [pair for pair, one in zip(pairs, decisions, strict=True) if one.verdict == "equivalent"]
    return _finding(useless, judge, margin, of=len(pairs)) if useless else None


def _finding(useless: Sequence[_Pair], judge: Judge, margin: float, *, of: int) -> Finding:
    worst = max(useless, key=lambda pair: size(pair.level))
    measured = tuple(_measured(pair, judge) for pair in useless)
    shown = measured[useless.index(worst)]
    more = f" The same holds for {len(useless) - 1} more of {of} comparisons." if len(useless) > 1 else ""
    return Finding(
        SYMPTOM,
        f"{field_words(worst.field).capitalize()} {worst.level} against none changes the {judge.words} by "
        f"{amount(shown.value, judge.unit)} over {worst.found.size} pairs, less than the {figure(margin)} worth acting "
        f"on: it is not needed here.{more}",
        "note",
        0.95,
        measured,
        causes=(
            Cause("nothing overfits, so there is nothing to hold back", "training and validation loss without it"),
            Cause("it is too weak to do anything", "ten times as much of it"),
        ),
        treatments=(f"leave {field_words(worst.field)} out",),
    )


def _measured(pair: _Pair, judge: Judge) -> Measured:
    name = f"{field_words(pair.field)} {pair.level} against none, {judge.words} ({pair.treated})"
    return mean_of(name, pair.found, judge.unit, level=0.9)


CHECK = StudyCheck(SYMPTOM, look)
