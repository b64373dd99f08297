"""Units in the flat parts of sigmoid or tanh, and answers that are confident and wrong."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import classes_of, late, layers, score_at, scores, setting
from etude.diagnosis.saying import figure, percent
from etude.values.curve import Curve
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "saturation"
MANY, NEARLY_ALL = 0.65, 0.9
"""Share of a layer's outputs in its flat parts. Healthy networks of tanh end with up to 0.56 on étude's tasks."""

CONFIDENT = 0.97
"""From which probability an answer counts as confident, as "signals/confident" has it."""

WRONG = 0.03
"""Share of all examples that is confident and wrong, from which it matters: as many as a calibrated network would have
if every one of its answers were confident."""


COSTLY = -math.log(1 - CONFIDENT)
"""Nats that a wrong answer costs on average, at least: those of an answer that was stated with 97 %."""


@dataclass(frozen=True, slots=True)
class _Costs:
    """What wrong answers of a binary problem cost. `least`: nats on average, at least; `wrong`: their share."""

    loss: Curve
    least: float
    wrong: float


def look(case: Case) -> Seen:
    """Saturated layers late in training; else confident answers that are wrong, as counts or as scores show them."""
    saturated = layers(case, "saturated")
    shares = {name: float(np.median(late(curve))) for name, curve in saturated.items() if late(curve).size}
    many = {name: share for name, share in shares.items() if share >= MANY}
    if many:
        return _of_layers(saturated, many)
    confident, accuracy = case.run.curves.get("signals/confident"), _accuracy(case)
    if confident is not None and accuracy is not None and late(confident).size and late(accuracy).size:
        return _of_answers(confident, accuracy)
    costs = _costs(case)
    if costs is not None:
        return _of_scores(case, costs) if costs.least >= COSTLY and costs.wrong >= WRONG else None
    if saturated:
        return None
    return NotRun(SYMPTOM, "it needs the share of saturated units, or of confident answers; record with etude.watch")


def _accuracy(case: Case) -> Curve | None:
    return scores(case, "train", "accuracy", "acc") or scores(case, "validation", "accuracy", "acc")


def _of_layers(saturated: Mapping[str, Curve], many: Mapping[str, float]) -> Finding:
    worst = max(many, key=lambda name: many[name])
    curve, share = saturated[worst], many[worst]
    return Finding(
        SYMPTOM,
        f"{percent(share)} of the outputs of {worst} are in the flat parts of its activation, where the gradient is "
        f"nearly 0. At the first sample it was {percent(float(curve.values[0]))}.",
        "error" if share >= NEARLY_ALL else "warning",
        0.8 if share >= NEARLY_ALL else 0.6,
        tuple(Measured(f"saturated outputs of {name}", 100 * one, "%") for name, one in many.items()),
        tuple(Place(saturated[name].name, *_ends(saturated[name])) for name in many),
        (
            Cause("inputs far from mean 0 and standard deviation 1", "mean and standard deviation of each input"),
            Cause("weights that have grown large", "the weights' norm of that layer, and the same run with decay"),
            Cause("steps that are too large", "a third of the learning rate"),
        ),
        ("scale the inputs to mean 0 and standard deviation 1", "ReLU in place of sigmoid or tanh", "weight decay"),
        Prediction("scale the inputs", f"saturated outputs of {worst}", "falls", 30 * share, 100 * share, "%"),
    )


def _of_answers(confident: Curve, accuracy: Curve) -> Seen:
    """Of answers of which a share c is confident and a share a is right, at least c − a are confident and wrong."""
    share, right = float(np.median(late(confident))), float(np.median(late(accuracy)))
    wrong = share - right
    if wrong < WRONG:
        return None
    return Finding(
        SYMPTOM,
        f"{percent(share)} of the answers are given with a probability above {percent(CONFIDENT)}, but only "
        f"{percent(right)} are right: at least {percent(wrong)} of all examples are answered confidently and wrongly.",
        "warning",
        0.85,
        (
            Measured("confident answers", 100 * share, "%"),
            Measured("right answers", 100 * right, "%"),
            Measured("confident and wrong, at least", 100 * wrong, "%"),
        ),
        (Place(confident.name, *_ends(confident)), Place(accuracy.name, *_ends(accuracy))),
        (SQUARED_ERROR, LARGE_INPUTS, LONG),
        ("log loss with logits", "scale the inputs", "weight decay", "stop at the best validation loss"),
        Prediction("weight decay", "confident and wrong answers", "falls", 30 * wrong, 100 * wrong, "%"),
    )


def _costs(case: Case) -> _Costs | None:
    """A lower bound of the mean loss of wrong answers, from log loss L, Brier score B and accuracy a of two classes.

    A right answer with the probability p costs −ln p = −ln(1 − √s) with s = (1 − p)², which is concave in s for
    p ≥ 1/2; and the s of a wrong one is at least 1/4. So right answers cost at most r = −ln(1 − √((B − (1 − a)/4)/a))
    on average, and wrong ones at least (L − a·r)/(1 − a). It holds for the very examples that were scored.
    """
    loss, brier, accuracy = (score_at(case, f"validation/{name}") for name in ("log_loss", "brier", "accuracy"))
    if loss is None or brier is None or accuracy is None or classes_of(case) != 2 or not 0 < accuracy.value < 1:
        return None
    right = accuracy.value
    spread = math.sqrt(min(max((brier.value - (1 - right) / 4) / right, 0.0), 0.25))
    return _Costs(loss.curve, (loss.value + right * math.log1p(-spread)) / (1 - right), 1 - right)


def _of_scores(case: Case, costs: _Costs) -> Finding:
    stated = math.exp(-costs.least)
    step = case.run.kept_step
    squared = setting(case, "loss") == "mse"
    causes = (SQUARED_ERROR, LARGE_INPUTS, LONG) if squared else (LONG, LARGE_INPUTS)
    return Finding(
        SYMPTOM,
        f"{percent(costs.wrong)} of the validation answers are wrong, and these cost {figure(costs.least)} nats or "
        f"more each: what really happened was given less than {percent(stated)} on average. They are sure and wrong.",
        "warning",
        0.85,
        (
            Measured("mean log loss of wrong answers, at least", costs.least, "nats"),
            Measured("wrong answers", 100 * costs.wrong, "%"),
        ),
        (Place(costs.loss.name, step, step),),
        causes,
        ("stop at the best validation loss", "weight decay", "log loss with logits", "scale the inputs"),
        Prediction("stop at the best validation loss", "validation log loss", "falls", 0.1 * costs.least * costs.wrong,
                   costs.least * costs.wrong, "nats"),
    )  # fmt: skip


SQUARED_ERROR = Cause("squared error on a sigmoid: where it is surely wrong it has no gradient", "log loss with logits")
LARGE_INPUTS = Cause("inputs that are far too large", "mean and standard deviation of each input")
LONG = Cause("training long past the point where the validation loss was best", "the weights of that point")


def _ends(curve: Curve) -> tuple[int, int]:
    return int(curve.steps[0]), int(curve.steps[-1])


CHECK = RunCheck(SYMPTOM, look)
