"""An effect as a sentence, the same wherever it is told."""

from etude.figures.numbers import decimals, signed
from etude.values.effect import Effect
from etude.values.metric import METRICS


def effect_sentence(effect: Effect) -> str:
    """What changed, by how much with its interval and unit, and the verdict.

    >>> effect_sentence(
    ...     Effect(
    ...         -0.05, -0.08, -0.02, 0.95, 10, "better", "log_loss", "nats", "test", True, "loss", "bce", "mse",
    ...         differences=(), p=0.01, p_sign_flip=0.01, method="Student t",
    ...     )
    ... )
    'mse against bce: log loss −0.050 nats (−0.080 to −0.020), better.'
    """
    what = effect.says or f"{effect.treated} against {effect.control}"
    label = METRICS[effect.metric].label if effect.metric in METRICS else effect.metric
    places = decimals(effect.high - effect.low)
    mean, low, high = (signed(value, places) for value in (effect.mean, effect.low, effect.high))
    return f"{what}: {label} {mean} {effect.unit} ({low} to {high}), {effect.verdict}."
