"""Nearly every step is clipped, so that the learning rate no longer means what it says."""

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import gradient_norm
from etude.diagnosis.saying import figure, percent
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "clipping always"
OFTEN, NEARLY_ALWAYS = 0.5, 0.9
"""Share of steps; the playbook's advice is to clip at the 90th percentile of the norm, so at one step in ten."""


def look(case: Case) -> Seen:
    """The share of clipped steps, counted, or told from sampled norms and the recipe's limit."""
    told = _told(case)
    if told is None:
        return NotRun(SYMPTOM, "it needs to know which steps were clipped, or gradient norms; record with etude.watch")
    curve, shares = told
    share = float(shares.mean()) if shares.size else 0.0
    return _finding(case, curve, share) if share > OFTEN else None


def _told(case: Case) -> tuple[Curve, NDArray[np.float64]] | None:
    counted = case.run.curves.get("signals/clipped")
    if counted is not None:
        return counted, counted.values[np.isfinite(counted.values)]
    limit, norm = None if case.recipe is None else case.recipe.clip_norm, gradient_norm(case)
    if norm is None or limit is None:
        return None
    return norm, (norm.values[np.isfinite(norm.values)] > limit).astype(np.float64)


def _finding(case: Case, curve: Curve, share: float) -> Finding:
    norm = gradient_norm(case)
    norm = norm if norm is not None and np.isfinite(norm.values).any() else None
    usual = () if norm is None else (Measured("90th percentile of the gradient norm", _percentile(norm)),)
    hint = f" The 90th percentile of the norm is {figure(_percentile(norm))}." if norm is not None else ""
    return Finding(
        SYMPTOM,
        f"{percent(share)} of the steps had their gradient clipped. Clipping is for rare jumps; where it is the rule "
        f"every step has the same length, and the learning rate alone decides how long.{hint}",
        "warning" if share > NEARLY_ALWAYS else "note",
        0.7 if share > NEARLY_ALWAYS else 0.55,
        (Measured("clipped steps", 100 * share, "%"), *usual),
        (Place(curve.name, int(curve.steps[0]), int(curve.steps[-1])),),
        (
            Cause("a limit below the usual size of the gradient", "the distribution of the norm without clipping"),
            Cause("a learning rate that keeps the gradient large", "the norm with a third of the rate"),
        ),
        ("clip at the 90th percentile of the norm", "divide the learning rate by 3"),
        Prediction(
            "clip at the 90th percentile of the norm",
            "share of clipped steps",
            "falls",
            100 * share - 20,
            100 * share - 5,
            "%",
        ),
    )


def _percentile(norm: Curve) -> float:
    return float(np.quantile(norm.values[np.isfinite(norm.values)], 0.9))


CHECK = RunCheck(SYMPTOM, look)
