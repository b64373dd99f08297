"""Units that are 0 whatever comes in, and so learn no more."""

from collections.abc import Mapping

import numpy as np

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import late, layers
from etude.diagnosis.saying import percent
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "dying relu"
MANY, NEARLY_ALL = 0.6, 0.9
"""Share of a layer's units that is dead. Healthy networks of étude's tasks have up to 0.46 on 64 examples: a batch does
not wake every unit."""


def look(case: Case) -> Seen:
    """Layers of which most units were 0 on every example of the sampled batches, late in training."""
    dead = layers(case, "dead")
    if not dead:
        return NotRun(SYMPTOM, "it needs the share of dead units in each layer; record it with etude.watch")
    shares = {name: float(np.median(late(curve))) for name, curve in dead.items() if late(curve).size}
    many = {name: share for name, share in shares.items() if share >= MANY}
    return _finding(dead, many) if many else None


def _finding(dead: Mapping[str, Curve], many: Mapping[str, float]) -> Finding:
    worst = max(many, key=lambda name: many[name])
    share, start = many[worst], float(dead[worst].values[0])
    others = f", and most in {len(many) - 1} further layer(s)" if len(many) > 1 else ""
    died = start < share - 0.2
    return Finding(
        SYMPTOM,
        f"{percent(share)} of the units of {worst} are 0 for every example{others}; at the first sample it was "
        f"{percent(start)}. A unit that is always 0 has no gradient and learns nothing.",
        "error" if share >= NEARLY_ALL else "warning",
        0.85 if share >= NEARLY_ALL else 0.6,
        tuple(Measured(f"dead units of {name}", 100 * one, "%") for name, one in many.items()),
        tuple(Place(dead[name].name, int(dead[name].steps[0]), int(dead[name].steps[-1])) for name in many),
        _causes(died=died),
        ("divide the learning rate by 3", "leaky ReLU or GELU in place of ReLU", "less weight decay"),
        Prediction("leaky ReLU in place of ReLU", f"dead units of {worst}", "falls", 50 * share, 100 * share, "%"),
    )


def _causes(*, died: bool) -> tuple[Cause, ...]:
    spike = Cause(
        "steps so large that biases were thrown far below 0",
        "the same run with a third of the learning rate, and where on the curve the share rises",
    )
    start = Cause(
        "initial weights or inputs that leave most units at 0 from the start",
        "the share at the first sample; inputs scaled to mean 0 and standard deviation 1",
    )
    decay = Cause("weight decay that shrinks what feeds the units", "the same run without weight decay")
    return (spike, decay, start) if died else (start, spike)


CHECK = RunCheck(SYMPTOM, look)
