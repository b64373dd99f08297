"""Inputs that carry nothing: each is one more thing that can be learned by heart."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from etude.diagnosis.case import Arm, Case
from etude.diagnosis.check import RunCheck, Seen, StudyCheck
from etude.diagnosis.differing import FEATURES, design_of, field_words, size
from etude.diagnosis.outcomes import ADVICE, FEWEST, Floats, Judge, differences, judge_of, mean_of, outcomes, replicated
from etude.diagnosis.saying import amount
from etude.values.finding import Cause, Finding, Measured, NotRun, Prediction

SYMPTOM = "distractor features"


def look(case: Case) -> Seen:
    """Inputs of a synthetic task that its pattern does not use."""
    told = _distractors(case)
    if told is None:
        return NotRun(SYMPTOM, "it needs to know which inputs matter: a synthetic task says, or arms with fewer inputs")
    useless, n, rows = told
    return _finding(useless, n, rows) if useless else None


def look_over_arms(arms: Sequence[Arm]) -> Seen:
    """Arms that differ in the number of inputs alone: more of them made it worse, surely."""
    enough = replicated(arms)
    design = design_of(enough) if len(enough) > 1 else None
    fields = [] if design is None else [name for name in design.fields if FEATURES & set(field_words(name).split())]
    judge = judge_of(enough) if fields else None
    if design is None or judge is None:
        need = f"it needs arms that differ in the number of inputs alone, each of {FEWEST} replicates or more"
        return NotRun(SYMPTOM, f"{need}: {ADVICE}")
    inputs = [_inputs(arm, level) for arm, level in zip(enough, design.fields[fields[0]], strict=True)]
    pairs = [
        (min(group, key=lambda i: inputs[i]), max(group, key=lambda i: inputs[i]))
        for group in design.alone(fields[0])
        if all(inputs[i] > 0 for i in group)
    ]
    found = [_More(inputs[i], inputs[j], _change(enough[i], enough[j], judge)) for i, j in pairs]
    finished = [one for one in found if one.found.size >= FEWEST]
    if not finished:
        return NotRun(
            SYMPTOM, f"it needs {FEWEST} replicates or more that finished, of arms alike but for their inputs"
        )
    measured = [(one, one.measured(judge, level=1 - 0.05 / len(finished))) for one in finished]
    worse = [pair for pair in measured if _surely_worse(pair[1], higher=judge.higher)]
    return _of_arms(worse, judge) if worse else None


def _change(few: Arm, many: Arm, judge: Judge) -> Floats:
    return differences(outcomes(few, judge), outcomes(many, judge))


@dataclass(frozen=True, slots=True, eq=False)
class _More:
    """Many inputs against few, all else alike: the difference in each replicate, shape (n_pairs,)."""

    few: int
    many: int
    found: Floats

    def measured(self, judge: Judge, *, level: float) -> Measured:
        return mean_of(f"{judge.words}, {self.many} inputs against {self.few}", self.found, judge.unit, level=level)


def _inputs(arm: Arm, level: Hashable) -> int:
    """How many inputs an arm has; 0 where that is not known. A task without a number has those of its pattern."""
    told = None if level is not None else _distractors(arm.cases[0])
    return told[1] if told else int(size(level)) if math.isfinite(size(level)) else 0


def _of_arms(worse: Sequence[tuple[_More, Measured]], judge: Judge) -> Finding:
    more, change = max(worse, key=lambda pair: abs(pair[1].value))
    low, high = sorted(abs(bound) for bound in (change.low, change.high) if bound is not None)
    return Finding(
        SYMPTOM,
        f"With {more.many} inputs in place of {more.few} the {judge.words} is worse by "
        f"{amount(abs(change.value), judge.unit)} over {more.found.size} pairs: what was added tells too little, and "
        "the network has to learn so.",
        "warning",
        0.95,
        tuple(measured for _, measured in worse),
        causes=CAUSES,
        treatments=("leave those inputs out", "more rows", "more weight decay"),
        prediction=Prediction(
            "leave those inputs out", judge.words, "rises" if judge.higher else "falls", low, high, judge.unit
        ),
    )


def _surely_worse(change: Measured, *, higher: bool) -> bool:
    if change.low is None or change.high is None:
        return False
    return change.high < 0 if higher else change.low > 0


def _distractors(case: Case) -> tuple[int, int, int] | None:
    """How many inputs the pattern does not use, of how many, with how many training rows; None where not known."""
    if case.recipe is None:
        return None
    from etude.data.load import SOURCES  # here, because logs of other tools have no recipes
    from etude.values.data import Task

    data = case.recipe.data
    if not isinstance(data, Task):
        return None
    pattern = SOURCES[data.task].pattern
    n = data.features or pattern
    return n - pattern, n, round(data.rows * (1 - data.validation))


def _finding(useless: int, n: int, rows: int) -> Finding:
    dense = useless / rows
    return Finding(
        SYMPTOM,
        f"{useless} of {n} inputs have nothing to do with the target. With {rows:,} training rows the network will "
        "find accidental patterns in them.",
        "warning" if dense > CROWDED else "note",
        OFTEN if dense > CROWDED else SELDOM,
        (Measured("inputs that carry nothing", useless, "inputs"), Measured("those, a training row", dense)),
        causes=CAUSES,
        treatments=("leave those inputs out", "more rows", "more weight decay"),
    )


CROWDED = 0.01
"""Useless inputs a training row from which leaving them out usually helps."""

OFTEN, SELDOM = 0.9, 0.7
"""That leaving them out improves the held-out score by more than the smallest effect of interest; see
docs/evidence/study-checks.md."""

CAUSES = (
    Cause(
        "inputs that are independent of the target",
        "each input shuffled over the held-out rows: the loss does not change for one that carries nothing",
    ),
)

CHECK = RunCheck(SYMPTOM, look)
STUDY_CHECK = StudyCheck(SYMPTOM, look_over_arms)
