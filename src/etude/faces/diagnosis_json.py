"""Diagnoses as JSON for other programs: one object, versioned, no NaN. docs/diagnose.schema.json describes it."""

import json
import math
from typing import Any

from etude.faces.diagnosing import Examined
from etude.values.errors import EtudeError
from etude.values.finding import Diagnosis, Finding, Measured, NotRun, Prediction
from etude.values.lost import Lost

SCHEMA = 1


def examined_json(examined: Examined) -> str:
    """The object that `etude diagnose --json` prints, worst run first; numbers that are not finite become null."""
    plain = {
        "schema": SCHEMA,
        "diagnoses": [diagnosis_plain(one.diagnosis) for one in examined.judged],
        "comparison": {
            "findings": [_finding(one) for one in examined.comparison if isinstance(one, Finding)],
            "not_run": [_not_run(one) for one in examined.comparison if isinstance(one, NotRun)],
        },
        "failed": [_failed(error) for error in examined.failed],
        "passed": examined.passed,
    }
    return json.dumps(plain, allow_nan=False, ensure_ascii=False, indent=1)


def diagnosis_plain(diagnosis: Diagnosis) -> dict[str, Any]:
    """One diagnosis as plain values."""
    return {
        "source": diagnosis.source,
        "verdict": diagnosis.verdict,
        "probability": _finite(diagnosis.probability),
        "probabilities": {name: _finite(value) for name, value in diagnosis.probabilities.items()},
        "says": diagnosis.says,
        "next": list(diagnosis.next),
        "runs": diagnosis.runs,
        "judged": dict(diagnosis.judged),
        "best_step": diagnosis.best_step,
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "signs": [
            {
                "name": sign.name,
                "healthy": sign.healthy,
                "says": sign.says,
                "evidence": [_measured(one) for one in sign.evidence],
            }
            for sign in diagnosis.signs
        ],
        "checked": list(diagnosis.checked),
        "not_run": [_not_run(one) for one in diagnosis.not_run],
        "lost": [_lost(one) for one in diagnosis.lost],
        "notes": list(diagnosis.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "symptom": finding.symptom,
        "says": finding.says,
        "severity": finding.severity,
        "probability": _finite(finding.probability),
        "evidence": [_measured(one) for one in finding.evidence],
        "where": [{"curve": place.curve, "first": place.first, "last": place.last} for place in finding.where],
        "causes": [{"says": cause.says, "told_by": cause.told_by} for cause in finding.causes],
        "treatments": list(finding.treatments),
        "prediction": None if finding.prediction is None else _prediction(finding.prediction),
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "name": measured.name,
        "value": _finite(measured.value),
        "unit": measured.unit,
        "low": _finite(measured.low),
        "high": _finite(measured.high),
        "runs": measured.runs,
    }


def _prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "treatment": prediction.treatment,
        "metric": prediction.metric,
        "direction": prediction.direction,
        "low": _finite(prediction.low),
        "high": _finite(prediction.high),
        "unit": prediction.unit,
    }


def _not_run(one: NotRun) -> dict[str, Any]:
    return {"check": one.check, "because": one.because}


def _lost(lost: Lost) -> dict[str, Any]:
    return {"file": lost.file, "where": lost.where, "records": lost.records, "because": lost.because}


def _failed(error: EtudeError) -> dict[str, Any]:
    return {"error": type(error).__name__, "says": str(error)}


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
