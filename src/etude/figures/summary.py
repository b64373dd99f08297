"""A study in counts: how many claims came out how, how much was run, and under what conditions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from etude.figures.marks import CLAIM_SHAPES
from etude.figures.numbers import significant
from etude.values.claim import ClaimVerdict
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.study import StudyResult


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts.

    verdicts: (verdict, how many claims), those that occur, in a fixed order
    seconds:  of training, summed over the runs; None where a run does not say
    """

    claims: int
    verdicts: tuple[tuple[ClaimVerdict, int], ...]
    arms: int
    runs: int
    replicates: int
    diverged: int
    stopped_early: int
    seconds: float | None


def summary_data(result: StudyResult) -> Summary:
    """What a reader wants to know before anything else."""
    counts = Counter(judgement.verdict for judgement in result.judgements)
    runs = [run for arm in result.runs.values() for run in arm]
    seconds = [run.provenance.get("seconds") for run in runs]
    known = [float(value) for value in seconds if isinstance(value, int | float)]
    return Summary(
        claims=len(result.judgements),
        verdicts=tuple((verdict, counts[verdict]) for verdict in CLAIM_SHAPES if counts[verdict]),
        arms=len(result.arms),
        runs=len(runs),
        replicates=max((len(arm) for arm in result.runs.values()), default=0),
        diverged=sum(run.ended == "diverged" for run in runs),
        stopped_early=sum(run.ended == "stopped early" for run in runs),
        seconds=sum(known) if known and len(known) == len(runs) else None,
    )


def run_facts(runs: Iterable[Run]) -> tuple[tuple[str, str], ...]:
    """What the runs' provenance says: one value where all agree, else the range or the number of values."""
    gathered: dict[str, list[str | int | float]] = {}
    for run in runs:
        for key, value in run.provenance.items():
            gathered.setdefault(key, []).append(value)
    return tuple((key, _together(values)) for key, values in sorted(gathered.items()))


def _together(values: list[str | int | float]) -> str:
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return str(distinct[0])
    numbers = [value for value in distinct if isinstance(value, int | float)]
    if len(numbers) == len(distinct):
        every = [value for value in values if isinstance(value, int | float)]
        middle, low, high = (significant(float(f(every))) for f in (np.median, np.min, np.max))
        return f"median {middle}, from {low} to {high} over the runs"
    return f"{len(distinct)} different values over the runs"


def recipe_fields(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """Every field of a recipe that is set, by its full path, as words."""
    return tuple(
        (path, _plain(value)) for path, value in _flat("", recipe.model_dump(mode="json")) if value is not None
    )


def _flat(prefix: str, fields: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def _plain(value: Any) -> str:  # noqa: ANN401 - any field of a recipe
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)
