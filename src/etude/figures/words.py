"""Effects in words, the same wherever they are told: what differs, which side is better, by how much."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from etude.figures.numbers import bounds, decimals, listed, plural, signed
from etude.values.effect import AND, BEYOND, SPLIT_FACTOR, TO, Effect
from etude.values.metric import METRICS

Shape = Literal["change", "gap", "beyond", "together"]
"""What an effect compares: two recipes, two splits of the same runs, one change with another, or two changes made
together with the sum of what each does alone.
"""

CROSS = " × "
"""How an effect's `factor` joins two factors whose changes are made together, and its levels their levels."""

UNBROKEN_TO = TO.replace(" ", "\N{NO-BREAK SPACE}")

FIELD_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "hidden": "hidden units",
        "norm": "normalisation",
        "residual": "skip connections",
        "test_drawn": "test rows drawn",
        "coupled_weight_decay": "L2 weight decay",
        "flip": "flipped labels",
        "augment.flip": "mirrored",
        "augment.shift": "moved by pixels",
        "augment": "augmentation",
        "optimizer": "optimiser",
        "clip_norm": "gradient clipping",
        "model": "network",
    }
)
"""Field paths, or last words of them, that people call otherwise; of all others, underscores become spaces."""

LOSS_WORDS: Mapping[str, str] = MappingProxyType(
    {"bce": "BCE", "mse": "MSE", "cross_entropy": "cross-entropy", "l1": "L1", "huber": "Huber"}
)


def effect_sentence(effect: Effect) -> str:
    """What changed, by how much with its interval and unit, and the verdict.

    >>> effect_sentence(
    ...     Effect(
    ...         -0.05, -0.08, -0.02, 0.95, 10, "better", "log_loss", "nats", "test", True, "loss", "bce", "mse",
    ...         differences=(), p=0.01, p_sign_flip=0.01, method="Student t",
    ...     )
    ... )
    'Loss MSE against BCE: log loss −0.050 nats (−0.080 to −0.020), better.'
    """
    phrase = effect_phrase(effect)
    places = shown_places(effect)
    measured = f"{metric_words(effect.metric)} {amount(effect, places)}"
    interval = bounds(effect.low, effect.high, places)
    return f"{phrase[:1].upper()}{phrase[1:]}: {measured} ({interval}), {outcome(effect)}."


def amount(effect: Effect, places: int) -> str:
    """The mean difference with its sign and unit."""
    return f"{signed(effect.mean, places)} {effect.unit}".rstrip() if math.isfinite(effect.mean) else "no estimate"


def finished(effect: Effect) -> str:
    """In how many replicates, or runs on either side, there is a finite score."""
    if effect.n_runs is not None:
        return f"{effect.based_on} finished"
    return f"{effect.n_pairs} of {plural(len(effect.differences), 'pair')} finished"


def shown_places(effect: Effect) -> int:
    """Decimals that the interval deserves or, where it has no end, the mean."""
    width = effect.high - effect.low
    return decimals(width if math.isfinite(width) else abs(effect.mean))


def effect_title(effect: Effect) -> str:
    """The comparison as somebody put it, else as it follows from what differs."""
    return effect.says or effect_label(effect)


def effect_phrase(effect: Effect) -> str:
    """The same inside a sentence, where a colon follows."""
    return effect.says or effect_label(effect, colon=" ")


def effect_detail(effect: Effect) -> str:
    """What stands under the title: what differs, unless the title says it, and the split of the score."""
    title, label = effect_title(effect), effect_label(effect)
    told = label.partition(": ")[2] or label
    split = [] if shape(effect) == "gap" else [f"scored on {effect.split}"]
    return " · ".join([*([] if told in title else [label]), *split])


def effect_label(effect: Effect, *, colon: str = ": ") -> str:
    """What differs between the two sides, treated against control, in people's words."""
    if shape(effect) == "together":
        return _both(effect)
    if shape(effect) != "beyond":
        return _difference(effect.factor, effect.treated, effect.control, colon)
    factors = effect.factor.split(BEYOND)
    ends = [side.split(TO) for side in (effect.treated, effect.control)]
    if len(factors) != 2 or any(len(pair) != 2 for pair in ends):  # a level or an arm's name holds the sign itself
        return f"{effect.treated}, beyond {effect.control}"
    one, other = (_difference(factor, new, old, colon) for factor, (old, new) in zip(factors, ends, strict=True))
    return f"{one}, beyond {other}"


def shape(effect: Effect) -> Shape:
    """Whether the two sides are two recipes, two splits of the same runs, or two changes, apart or together."""
    if CROSS in effect.factor:
        return "together"
    if BEYOND in effect.factor:
        return "beyond"
    return "gap" if effect.factor == SPLIT_FACTOR else "change"


def outcome(effect: Effect) -> str:
    """The verdict and, for a gap or for two changes, than what."""
    if effect.verdict == "equivalent" and effect.smallest_effect is not None:
        return f"equivalent within ±{effect.smallest_effect:g}"
    than = {
        "gap": f"on {effect.treated} than on {effect.control}",
        "beyond": "than the other change",
        "together": "together than added up",
        "change": "",
    }
    return f"{effect.verdict} {than[shape(effect)] if effect.verdict in ('better', 'worse') else ''}".rstrip()


def sides(effect: Effect) -> tuple[str, str]:
    """What a difference to the left of zero means, and one to the right.

    For two changes the side is named after the change that did more good.
    """
    good, bad = "better", "worse"
    if shape(effect) == "gap":
        good, bad = (f"{word} on {effect.treated}" for word in (good, bad))
    if shape(effect) == "together":
        good, bad = (f"{word} together" for word in (good, bad))
    if shape(effect) == "beyond":
        one, other = effect.factor.split(BEYOND, 1)
        names = ("the first", "the second") if one == other else (field_words(one), field_words(other))
        good, bad = (f"favours {name}" for name in names)
    return (good, bad) if effect.lower_is_better else (bad, good)


def heading(effect: Effect) -> str:
    """What is measured, its unit, and which way is better."""
    measure = f"{metric_words(effect.metric)}{f' ({effect.unit})' if effect.unit else ''}"
    if shape(effect) == "gap":
        return f"Gap in {measure}: {effect.treated} minus {effect.control}, of the same runs"
    way = "lower is better" if effect.lower_is_better else "higher is better"
    if shape(effect) == "together":
        return f"Both changes together, less the sum of what each does alone: {measure} · {way}"
    if shape(effect) == "beyond":
        return f"One change’s effect on {measure} minus the other’s · {way}"
    return f"Difference in {measure} · {way}"


def metric_words(metric: str) -> str:
    """A metric, or the objective, as people call it."""
    return METRICS[metric].label if metric in METRICS else metric.replace("_", " ")


def field_words(path: str) -> str:
    """A field, or several joined by " + ", as people call it.

    >>> field_words("model.hidden + optimizer.learning_rate")
    'hidden units and learning rate'
    """
    return listed(map(_field_words, path.split(AND)))


def _field_words(path: str) -> str:
    last = path.rpartition(".")[2]
    return FIELD_WORDS.get(path) or FIELD_WORDS.get(last) or last.replace("_", " ")


def level_words(factor: str, level: str) -> str:
    """A level as people write it: losses by their usual name, numbers without empty decimals.

    >>> level_words("loss", "mse"), level_words("data.rows", "1500"), level_words("weight_decay", "0.0")
    ('MSE', '1,500', '0')
    """
    if factor == "loss":
        return LOSS_WORDS.get(level, level)
    try:
        value = float(level)
    except ValueError:
        return level
    return f"{int(value):,}" if value.is_integer() and abs(value) < 1e12 else level


def _both(effect: Effect) -> str:
    ends = [side.split(CROSS) for side in (effect.factor, effect.control, effect.treated)]
    if any(len(side) != 2 for side in ends):  # a level holds the sign itself
        return f"{field_words(AND.join(ends[0]))}: {effect.treated} against {effect.control}"
    parts = (
        f"{field_words(factor)} {level_words(factor, old)}{UNBROKEN_TO}{level_words(factor, new)}"
        for factor, old, new in zip(*ends, strict=True)
    )
    return CROSS.join(parts)


def _difference(factor: str, treated: str, control: str, colon: str) -> str:
    if factor == SPLIT_FACTOR:
        return f"{treated} minus {control}, the same runs"
    if AND in factor:
        return f"{treated} against {control}: {field_words(factor)} differ"
    levels = f"{level_words(factor, treated)} against {level_words(factor, control)}"
    return f"{field_words(factor)}{colon}{levels}" if factor else levels
