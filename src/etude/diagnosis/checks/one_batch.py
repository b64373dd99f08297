"""The network cannot even learn a handful of examples by heart."""

import math

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.saying import figure, percent
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "one batch"
PROBE, START = "probes/one_batch_loss", "probes/one_batch_start"
LEARNT, LEFT = 0.01, 0.05
"""A loss above both, the second as a share of what it was at the start, is no learning by heart; the first is that of
symptoms.md, and units other than nats need the second."""


def look(case: Case) -> Seen:
    """The loss on 2 to 8 examples after training on these alone, against the same before."""
    probe = case.run.curves.get(PROBE)
    if probe is None or not probe.values.size:
        return NotRun(SYMPTOM, "it needs a copy trained on a few examples alone; call watch.probe(x, y, criterion)")
    begun = case.run.curves.get(START)
    start = float(begun.values[-1]) if begun is not None and begun.values.size else None
    start = start if start is not None and math.isfinite(start) and start > 0 else None
    end = float(probe.values[-1])
    if end <= max(LEARNT, LEFT * start if start is not None else 0.0):
        return None
    return _finding(int(probe.steps[-1]), start, end)


def _finding(step: int, start: float | None, end: float) -> Finding:
    came = "" if start is None else f" from {figure(start)}"
    stuck = start is not None and end > 0.5 * start
    left = f", {percent(end / start)} of it" if start else ""
    return Finding(
        SYMPTOM,
        f"Trained on a few examples alone, the loss on these only comes down{came} to {figure(end)}{left}. Nearly "
        "every network can learn eight examples by heart, so something is in its way.",
        "error" if stuck else "warning",
        0.85 if stuck else 0.6,
        (
            Measured("loss on the few examples after training on them", end),
            *(() if start is None else (Measured("the same before", start),)),
        ),
        (Place(PROBE, step, step),),
        (
            Cause("a mistake in model, loss or update", "the gradient of each layer on this batch: is one of them 0?"),
            Cause("regularisation, such as dropout or weight decay", "the same without it"),
            Cause("a learning rate that is far off", "the same with ten times and a tenth of it"),
            Cause("examples that contradict each other", "equal inputs with different targets"),
        ),
        ("take dropout and weight decay out until a few examples are learned", "ten times the learning rate"),
        Prediction(
            "take out what is in the way", "loss on a few examples after training on them", "falls", 0.9 * end, end
        )
        if math.isfinite(end)
        else None,
    )


CHECK = RunCheck(SYMPTOM, look)
