"""Several things differ between arms at once, so that no difference in outcome can be put down to any of them."""

import itertools
import math
from collections.abc import Sequence

from etude.diagnosis.case import Arm
from etude.diagnosis.check import Seen, StudyCheck
from etude.diagnosis.differing import Design, design_of, field_words, level_words
from etude.values.finding import Cause, Finding, Measured, NotRun

SYMPTOM = "confounded comparison"
MOST_NAMED = 4
MOST_COMBINATIONS = 64
"""Arms of a factorial that anybody would run."""


def look(arms: Sequence[Arm]) -> Seen:
    """Fields that differ, but in which no two arms differ alone."""
    if len(arms) < 2:
        return NotRun(SYMPTOM, "it needs two arms or more")
    design = design_of(arms)
    if not design.fields:
        recipes = all(arm.recipe is not None for arm in arms)
        return None if recipes else NotRun(SYMPTOM, "it needs the parameters of each run; log them with the run")
    confounded = [field for field in design.fields if not design.alone(field)]
    return _finding(arms, design, confounded) if len(confounded) > 1 else None


def _finding(arms: Sequence[Arm], design: Design, confounded: Sequence[str]) -> Finding:
    one, other = _nearest(design, confounded)
    fields = design.differ(one, other)
    told = ", ".join(
        f"{field_words(field)} ({level_words(design.fields[field][one])} against "
        f"{level_words(design.fields[field][other])})"
        for field in fields[:MOST_NAMED]
    )
    more = f" and {len(fields) - MOST_NAMED} more" if len(fields) > MOST_NAMED else ""
    recipes = all(arm.recipe is not None for arm in arms)
    return Finding(
        SYMPTOM,
        f"{arms[one].name} and {arms[other].name} differ in {len(fields)} things at once: {told}{more}; and no two "
        f"arms differ in any one of {_listed(confounded)} alone. Whatever the outcomes, no cause can be named.",
        "warning",
        0.99 if recipes else 0.85,
        (
            Measured("fields in which no two arms differ alone", len(confounded), "fields"),
            Measured("fewest fields in which two arms differ", len(fields), "fields"),
        ),
        causes=(
            Cause("several changes were made in one go", "one change at a time, or every combination of them"),
            *(() if recipes else (Cause("parameters that were not logged", "the code and the command of both runs"),)),
        ),
        treatments=_ways_out(design, confounded),
    )


def _nearest(design: Design, confounded: Sequence[str]) -> tuple[int, int]:
    """Two arms that differ in the fewest fields, one of them confounded."""
    n = len(design.fields[confounded[0]])
    pairs = [
        (i, j)
        for i, j in itertools.islice(itertools.combinations(range(n), 2), 2000)  # the rest would tell the same
        if any(design.fields[field][i] != design.fields[field][j] for field in confounded)
    ]
    return min(pairs, key=lambda pair: len(design.differ(*pair))) if pairs else (0, 1)


def _ways_out(design: Design, confounded: Sequence[str]) -> tuple[str, ...]:
    """The factorial of the confounded fields where it is small; one change at a time always."""
    levels = {field: list(dict.fromkeys(design.fields[field])) for field in confounded}
    combinations = math.prod(map(len, levels.values()))
    one_by_one = 1 + sum(len(among) - 1 for among in levels.values())
    single = f"change one at a time from one arm: {one_by_one} arms"
    if combinations > MOST_COMBINATIONS:
        return (single,)
    there = len(set(zip(*(design.fields[field] for field in confounded), strict=True)))
    vary = ", ".join(
        f"{field} = [{', '.join(level_words(level) for level in among)}]" for field, among in levels.items()
    )
    return (f"run the factorial, vary: {vary}; {combinations} arms, {combinations - there} of them new", single)


def _listed(fields: Sequence[str]) -> str:
    named = ", ".join(field_words(field) for field in fields[:MOST_NAMED])
    return named if len(fields) <= MOST_NAMED else f"{named} and {len(fields) - MOST_NAMED} more"


CHECK = StudyCheck(SYMPTOM, look)
