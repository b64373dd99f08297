"""Weight decay that also pulls at biases and at the scales of normalisation layers."""

import math

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import figure, percent
from etude.values.finding import Cause, Finding, Measured, NotRun

SYMPTOM = "decay on bias"
LEAST_SHRINKAGE = 0.05
"""Share of a parameter that decay alone takes away over the run, below which it cannot matter."""

OFTEN, SELDOM = 0.3, 0.1
"""That leaving biases alone changes the result by more than the smallest effect of interest; a convention."""


def look(case: Case) -> Seen:
    """A recipe whose decay is strong enough to move biases; an engine of étude's decays every parameter."""
    if case.recipe is None:
        return NotRun(SYMPTOM, "it needs to know which parameters are decayed; a log does not say, a recipe does")
    optimizer = dict(case.recipe.optimizer)
    decay = float(optimizer.get("coupled_weight_decay", 0.0)) + float(optimizer.get("decoupled_weight_decay", 0.0))
    shrunk = 1 - math.exp(-float(optimizer["learning_rate"]) * decay * max(case.run.last_step, 1))
    if decay == 0 or shrunk < LEAST_SHRINKAGE:
        return None
    return _finding(decay, shrunk)


def _finding(decay: float, shrunk: float) -> Finding:
    return Finding(
        SYMPTOM,
        f"The decay of {figure(decay)} is on every parameter, biases too: over the run it alone would take "
        f"{percent(shrunk)} off each. A bias does not make a function rougher, so there is nothing to hold back; "
        "pulled to 0 it only moves the answers off their mean.",
        "note",
        OFTEN if shrunk > 0.5 else SELDOM,
        (Measured("share of a bias that decay alone takes away", 100 * shrunk, "%"),),
        causes=(
            Cause(
                "an optimiser that was given all parameters in one group",
                "the same run with biases and normalisation in a group of their own, without decay",
            ),
        ),
        treatments=("two groups of parameters: decay for weights, none for biases and normalisation", "less decay"),
    )


CHECK = RunCheck(SYMPTOM, look)
