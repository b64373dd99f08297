"""The network answers differently in training and in evaluation mode, dropout aside: batch norm gone wrong."""

import math

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import percent
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "evaluation mode"
PROBE = "probes/eval_train_difference"
NOTABLE, LARGE = 0.2, 0.5
"""Relative difference of outputs. Batches of 32 differ from the running averages of batch norm by 0.05 to 0.15."""


def look(case: Case) -> Seen:
    """The probe's relative difference of outputs on one batch between the two modes."""
    probe = case.run.curves.get(PROBE)
    if probe is None or not probe.values.size:
        return NotRun(SYMPTOM, "it needs the outputs of one batch in both modes; call watch.probe(x, y, criterion)")
    difference = float(probe.values[-1])
    if not math.isfinite(difference):
        return NotRun(SYMPTOM, "the probe's outputs are not finite")
    if difference < NOTABLE:
        return None
    step = int(probe.steps[-1])
    return Finding(
        SYMPTOM,
        f"On the same batch, outputs in evaluation mode differ from those in training mode by {percent(difference)}, "
        "dropout aside. What is validated is then another network than the one that is trained.",
        "error" if difference >= LARGE else "warning",
        0.85 if difference >= LARGE else 0.6,
        (Measured("relative difference of outputs between the two modes", 100 * difference, "%"),),
        (Place(PROBE, step, step),),
        (
            Cause("batches so small that batch norm's averages are noise", "the difference with batches of 64"),
            Cause("averages that lag behind weights that still change fast", "the difference some hundred steps later"),
            Cause("training and held-out inputs that were scaled differently", "mean and spread of both"),
        ),
        (
            "larger batches",
            "group norm or layer norm in place of batch norm",
            "compute batch norm's averages anew before validating",
        ),
        Prediction(
            "group norm in place of batch norm",
            "relative difference of outputs between the two modes",
            "falls",
            80 * difference,
            100 * difference,
            "%",
        ),
    )


CHECK = RunCheck(SYMPTOM, look)
