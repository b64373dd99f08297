"""A study's result as JSON for other programs: one object, versioned, no NaN."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from etude.faces.diagnosis_json import diagnosis_plain
from etude.values.claim import Judgement
from etude.values.effect import Effect
from etude.values.finding import Diagnosis
from etude.values.study import StudyResult

SCHEMA = 1


def result_json(result: StudyResult, report: Path, trained: Sequence[Diagnosis] = ()) -> str:
    """The object that `etude run --json` prints; numbers that are not finite become null.

    trained: how each arm trained, in the order of the arms
    """
    plain = {
        "schema": SCHEMA,
        "study": result.plan.name,
        "claims": [_claim(judgement) for judgement in result.judgements],
        "effects": [effect_plain(effect) for effect in result.effects],
        "variance": [
            {"metric": v.metric, "term": v.term, "share": v.share, "degrees": v.degrees, "f": v.f, "p": v.p}
            for v in result.variance
        ],
        "arms": [
            {"arm": arm.label, "recipe": arm.recipe.model_dump(mode="json"), "runs": len(result.runs[arm.label])}
            for arm in result.arms
        ],
        "diagnoses": [diagnosis_plain(diagnosis) for diagnosis in trained],
        "notes": list(result.notes),
        "provenance": dict(result.provenance),
        "report": str(report),
    }
    return json.dumps(finite(plain), allow_nan=False, ensure_ascii=False, indent=1)


def _claim(judgement: Judgement) -> dict[str, Any]:
    effects = (*judgement.stated, *judgement.instead)
    return {
        "text": judgement.claim.text,
        "verdict": judgement.verdict,
        "because": judgement.because,
        "effect": effect_plain(effects[0]) if effects else None,
        "stated": [effect_plain(effect) for effect in judgement.stated],
        "instead": [effect_plain(effect) for effect in judgement.instead],
    }


def effect_plain(effect: Effect) -> dict[str, Any]:
    """One effect as plain values."""
    return {
        "factor": effect.factor,
        "control": effect.control,
        "treated": effect.treated,
        "says": effect.says,
        "metric": effect.metric,
        "split": effect.split,
        "unit": effect.unit,
        "lower_is_better": effect.lower_is_better,
        "mean": effect.mean,
        "low": effect.low,
        "high": effect.high,
        "level": effect.level,
        "pairs": effect.n_pairs,
        "n_runs": None if effect.n_runs is None else list(effect.n_runs),
        "differences": list(effect.differences),
        "p": effect.p,
        "p_sign_flip": effect.p_sign_flip,
        "method": effect.method,
        "family": effect.family,
        "smallest_effect": effect.smallest_effect,
        "verdict": effect.verdict,
        "notes": list(effect.notes),
    }


def finite(value: Any) -> Any:  # noqa: ANN401 - any plain value
    """The same with null for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value
