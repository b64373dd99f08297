"""What came of treating as JSON: one object, versioned, no NaN. docs/treat.schema.json describes it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from etude.faces.diagnosis_json import diagnosis_plain
from etude.faces.json import effect_plain, finite
from etude.faces.treat_toml import Was, recipe_toml
from etude.faces.treating import Record
from etude.figures.forecasts import Forecasts, by_probability, forecasts, is_right
from etude.figures.predicted import Borne, predictions
from etude.studies.changes import changes_of
from etude.values.recipe import Recipe
from etude.values.treatment import Averaged, Change, Expected, Final, Level, Round, Setting, Tried

SCHEMA = 1


def record_json(record: Record, *, report: Path | None = None) -> str:
    """The object that `etude treat --json` prints; numbers that are not finite become null."""
    found = record.found
    plain = {
        "schema": SCHEMA,
        "name": found.name,
        "metric": found.metric.name,
        "unit": found.metric.unit,
        "lower_is_better": found.metric.lower_is_better,
        "treatments": [
            _tried(one, number, round_) for number, round_ in enumerate(found.rounds, 1) for one in round_.tried
        ],
        "rounds": [_round(number, round_) for number, round_ in enumerate(found.rounds, 1)],
        "path": [place + 1 for place in found.path],
        "changes": [_change(change) for change in changes_of(found.before, found.setting)],
        "predictions": [_prediction(one) for one in predictions(found.rounds)],
        "forecasts": _forecasts(found.rounds),
        "final": None if found.final is None else _final(found.final),
        "limits": {
            name: {"chance": limit.chance, "best_constant": limit.best_constant, "best_possible": limit.bayes}
            for name, limit in record.limits.items()
        },
        "ended": found.ended,
        "recipe": _toml(found.setting, {one.field: one.before for one in changes_of(found.before, found.setting)}),
        "recipe_before": _toml(found.before, {}),
        "trainings": found.trainings,
        "seconds": found.seconds,
        "level": record.wanted.level,
        "notes": list(found.notes),
        "provenance": {**record.facts, **found.provenance},
        "report": None if report is None else str(report),
    }
    return json.dumps(finite(plain), allow_nan=False, ensure_ascii=False, indent=1)


def _toml(setting: Setting, was: Was) -> str | None:
    return recipe_toml(setting, was=was) if isinstance(setting, Recipe) else None


def _tried(one: Tried, number: int, round_: Round) -> dict[str, Any]:
    given = one.prescription
    return {
        "round": number,
        "name": given.name,
        "treatment": given.treatment,
        "changes": [_change(change) for change in changes_of(round_.control, given.setting)],
        "because": list(given.because),
        "weight": given.weight,
        "predicted": None if given.expected is None else _expected(given.expected),
        "measured": None if one.effect is None else effect_plain(one.effect),
        "verdict": one.bears,
        "forecast_right": None if given.expected is None else is_right(given.expected.helps, one.bears),
        "kept": given.name == round_.kept,
        "dropped": one.dropped,
        "failed": one.failed or None,
    }


def _expected(expected: Expected) -> dict[str, float]:
    return {
        "helps": expected.helps,
        "low": expected.low,
        "middle": expected.middle,
        "high": expected.high,
    }


def _round(number: int, round_: Round) -> dict[str, Any]:
    return {
        "round": number,
        "from": None if round_.parent is None else round_.parent + 1,
        "by": round_.by or None,
        "diagnosis": diagnosis_plain(round_.diagnosis),
        "scores": list(round_.scores),
        "looks": list(round_.looks),
        "scouted": round_.scouted,
        "kept": round_.kept or None,
        "ended": round_.ended or None,
    }


def _prediction(one: Borne) -> dict[str, Any]:
    return {
        "round": one.round,
        "symptom": one.symptom,
        "probability": one.probability,
        "treatment": one.prediction.treatment,
        "metric": one.prediction.metric,
        "direction": one.prediction.direction,
        "low": one.prediction.low,
        "high": one.prediction.high,
        "unit": one.prediction.unit,
        "tried_as": None if one.tried is None else one.tried.prescription.name,
        "verdict": None if one.tried is None else one.tried.bears,
        "size": one.size or None,
    }


def _forecasts(rounds: Sequence[Round]) -> dict[str, Any] | None:
    every = forecasts(rounds)
    if every is None:
        return None
    groups = [{"low": one.low, "high": one.high, **_counts(one)} for one in by_probability(rounds)]
    return {**_counts(every), "groups": groups}


def _counts(of: Forecasts) -> dict[str, float]:
    return {
        "made": of.made,
        "expected": of.expected,
        "helped": of.helped,
        "not_helped": of.not_helped,
        "undecided": of.undecided,
    }


def _change(change: Change) -> dict[str, str]:
    return {"field": change.field, "before": change.before, "after": change.after}


def _final(final: Final) -> dict[str, Any]:
    return {
        "before": _sides({name: outcome.before for name, outcome in final.outcomes.items()}),
        "after": _sides({name: outcome.after for name, outcome in final.outcomes.items()}),
        "split": final.split,
        "replicates": len(final.before),
        "effects": {name: effect_plain(outcome.effect) for name, outcome in final.outcomes.items()},
        "removed": {name: _removed(outcome.removed) for name, outcome in final.outcomes.items()},
        "averaged": None if final.averaged is None else _averaged(final.averaged),
        "diagnosis": None if final.diagnosis is None else diagnosis_plain(final.diagnosis),
    }


def _sides(levels: dict[str, Level]) -> dict[str, float]:
    return {
        f"{name}{end}": value
        for name, level in levels.items()
        for end, value in (("", level.mean), ("_low", level.low), ("_high", level.high))
    }


def _averaged(one: Averaged) -> dict[str, Any]:
    """An upper bound of what more trainings of the treated recipe can give."""
    return {
        "members": one.members,
        "replicates": len(one.effect.differences),
        "single": _level(one.single),
        "averaged": _level(one.averaged),
        "effect": effect_plain(one.effect),
        "removed": _removed(one.removed),
    }


def _level(of: Level) -> dict[str, float]:
    return {"mean": of.mean, "low": of.low, "high": of.high}


def _removed(found: Level | None) -> dict[str, float] | None:
    """The share of the distance from the best possible that is gone."""
    return None if found is None else {"share": found.mean, "low": found.low, "high": found.high}
