"""The network answers as well without seeing its inputs."""

import math

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import Score, limits_of, score_at
from etude.diagnosis.saying import amount, figure
from etude.numerics.trends import NORMAL_975
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction
from etude.values.metric import METRICS

SYMPTOM = "inputs not used"
ALIKE = 0.02
"""Loss with real inputs at least this share below that with shuffled ones, or they are as good as not used."""

HEARD = 0.3
"""Share of what the most frequent class gets wrong that an accuracy must get right to speak for the inputs, whatever
the loss: far above what is learned by heart of inputs that tell nothing, while the loss stays at the best constant's.
"""

PRIMARY = ("log_loss", "squared_error")


def look(case: Case) -> Seen:
    """The loss with real inputs against shuffled ones, or at the end against that of the best constant."""
    blind, seeing = (case.run.curves.get(f"probes/{name}_loss") for name in ("blind", "seeing"))
    if blind is not None and seeing is not None and blind.values.size and seeing.values.size:
        return _by_probe(blind, seeing)
    limits = limits_of(case)
    name = next((name for name in PRIMARY if name in limits and f"train/{name}" in case.run.curves), None)
    if name is None:
        return NotRun(SYMPTOM, "it needs the loss with shuffled inputs; call watch.probe(x, y, criterion)")
    score = score_at(case, f"train/{name}", case.run.last_step)
    if score is None or _answers_right(case):
        return None
    return _by_constant(score, limits[name].best_constant)


def _answers_right(case: Case) -> bool:
    """Whether its accuracy is surely above that of the most frequent class: a loss may be large by overconfidence."""
    limit, score = limits_of(case).get("accuracy"), score_at(case, "train/accuracy", case.run.last_step)
    if limit is None or score is None or score.error is None:
        return False
    above = score.value - limit.best_constant
    return above > NORMAL_975 * score.error and above > HEARD * (1 - limit.best_constant)


def _by_probe(blind: Curve, seeing: Curve) -> Seen:
    without, with_them = float(blind.values[-1]), float(seeing.values[-1])
    gain = without - with_them
    if not math.isfinite(gain) or gain > ALIKE * abs(without):
        return None
    return _finding(seeing, without, with_them, "with shuffled inputs", (None, None))


def _by_constant(score: Score, constant: float) -> Seen:
    """Not used where even on the training part the interval of the last score reaches the best constant's."""
    if score.error is None:
        return None
    smallest = METRICS[score.curve.name.partition("/")[2]].smallest_effect or ALIKE * constant
    below = constant - score.value
    if below > max(smallest, ALIKE * constant) or below > NORMAL_975 * score.error:
        return None
    return _finding(score.curve, constant, score.value, "of the best constant", score.interval)


def _finding(
    curve: Curve, without: float, with_them: float, what: str, interval: tuple[float | None, float | None]
) -> Finding:
    step = int(curve.steps[-1])
    return Finding(
        SYMPTOM,
        f"With its inputs the network has a loss of {amount(with_them, curve.unit)}, and the loss {what} is "
        f"{figure(without)}: what it was shown makes no difference to what it answers.",
        "error",
        0.8,
        (
            Measured("loss with real inputs", with_them, curve.unit, *interval),
            Measured(f"loss {what}", without, curve.unit),
        ),
        (Place(curve.name, step, step),),
        (
            Cause("inputs that never reach the output: wrong wiring, or a dead layer", "the gradient by the inputs"),
            Cause("inputs of so small or large a scale that they drown", "mean and standard deviation of each input"),
            Cause("inputs and targets that were shuffled apart", "some pairs, by eye"),
            Cause("too few steps, or too small a learning rate", "ten times the rate"),
            Cause("nothing in the inputs that tells the target", "the score of a simple model on the same rows"),
        ),
        ("scale the inputs to mean 0 and standard deviation 1", "ten times the learning rate", "check the pairing"),
        Prediction(
            "mend the way from inputs to output", "loss with real inputs", "falls", 0.05 * abs(without), abs(without),
            curve.unit,
        ),
    )  # fmt: skip


CHECK = RunCheck(SYMPTOM, look)
