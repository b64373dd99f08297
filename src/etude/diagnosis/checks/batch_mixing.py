"""An example's output depends on the other examples of its batch."""

import math

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import figure
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "batch mixing"
PROBE = "probes/batch_mixing"
MIXED = 1e-5
"""Derivative by another example's input over that by one's own. Where nothing mixes it is exactly 0; float32 sums that
were rearranged would leave 1e-7."""


def look(case: Case) -> Seen:
    """The probe's largest derivative of an output by another example's input, in evaluation mode."""
    probe = case.run.curves.get(PROBE)
    if probe is None or not probe.values.size:
        return NotRun(SYMPTOM, "it needs derivatives between examples of a batch; call watch.probe(x, y, criterion)")
    mixed = float(probe.values[-1])
    if not math.isfinite(mixed):
        return NotRun(SYMPTOM, "the probe's derivatives are not finite")
    if mixed <= MIXED:
        return None
    step = int(probe.steps[-1])
    return Finding(
        SYMPTOM,
        f"The output of one example changes with the inputs of another: the derivative is {figure(mixed)} of that by "
        "its own. In evaluation mode examples should know nothing of each other, so this is a mistake in the code.",
        "error",
        0.95,
        (Measured("derivative by another example's input over that by one's own", mixed),),
        (Place(PROBE, step, step),),
        (
            Cause(
                "a view or reshape that mixes the batch with another dimension, where a permute was meant",
                "the output of one example alone and within a batch",
            ),
            Cause("a softmax, mean or norm over the batch dimension", "its `dim`, layer by layer"),
            Cause("targets of shape (n,) against outputs of shape (n, 1), which broadcast to (n, n)", "both shapes"),
        ),
        ("correct the dimension, and assert shapes after each reshape",),
        Prediction("correct the dimension", "derivative by another example's input", "falls", mixed, mixed),
    )


CHECK = RunCheck(SYMPTOM, look)
