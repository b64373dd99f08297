"""From evidence to the probability of each verdict: a multinomial logistic model, its constants fitted on the bank."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.evidence import Evidence
from etude.values.finding import Verdict

Floats = NDArray[np.float64]

VERDICTS: tuple[Verdict, ...] = tuple(verdict for verdict in get_args(Verdict) if verdict != "cannot tell")

WELL = 0.5
"""How probable a good fit must be to be the verdict."""

LEVELS = frozenset(
    {
        "end",
        "fall",
        "to gain",
        "to gain, late",
        "last quarter",
        "rise",
        "gap",
        "gap since best",
        "since best",
        "gap at begin",
    }
)
"""Evidence that is a level, or a difference of two, as a share of where the run began."""

MOST = 4.0
"""Standard deviations from the bank's mean beyond which evidence counts no further."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The constants for runs of which the same is known.

    names:   of the evidence that is weighed, k of them
    centre, scale: mean and standard deviation of each over the bank, shape (k,)
    weights: one row a verdict: of each standardised number, of its positive part, and a constant,
             shape (verdicts, 2k + 1)
    sure:    (a, b): the share p of the likeliest verdict is confirmed with probability 1 / (1 + exp(−a − b logit p))
    ill:     the probability from which an illness is told
    """

    names: tuple[str, ...]
    centre: Floats
    scale: Floats
    weights: Floats
    sure: tuple[float, float] = (0.0, 1.0)
    ill: float = 0.5


def weighed(evidence: Evidence) -> Mapping[Verdict, float]:
    """The probability that an intervention would confirm each verdict; empty where nothing can be weighed."""
    model = models().get(known(evidence.values))
    if model is None:
        return MappingProxyType({})
    logits = model.weights @ inputs(model, evidence.values)
    shares = np.exp(logits - logits.max())
    return MappingProxyType(dict(zip(VERDICTS, (shares / shares.sum()).tolist(), strict=True)))


def concluded(shares: Mapping[Verdict, float], key: str) -> tuple[Verdict, float]:
    """The likeliest verdict and the probability that an intervention confirms it, or "cannot tell" where that is low.

    key: what is known of the run; the probability of "cannot tell" is that of the likeliest verdict being wrong
    """
    model = models().get(key)
    named = {verdict: share for verdict, share in shares.items() if verdict != "cannot tell"}
    if model is None or not named:
        return "cannot tell", 1.0
    likeliest = max(named, key=lambda one: named[one])
    probability = confirmed(model, named[likeliest])
    least = WELL if likeliest == "good fit" else model.ill
    return (likeliest, probability) if probability >= least else ("cannot tell", 1 - probability)


def confirmed(model: Model, share: float) -> float:
    """The probability that an intervention confirms the likeliest verdict, from its share."""
    a, b = model.sure
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return float(1 / (1 + np.exp(-a - b * np.log(inside / (1 - inside)))))


def inputs(model: Model, values: Mapping[str, float]) -> Floats:
    """The numbers that are weighed, shape (2k + 1,)."""
    return standardised(model, numbers(model.names, values))


def standardised(model: Model, table: Floats) -> Floats:
    """What is weighed of numbers of shape (…, k): each standardised, its positive part, and 1, shape (…, 2k + 1)."""
    z = np.clip((table - model.centre) / model.scale, -MOST, MOST)
    return np.concatenate([z, np.maximum(z, 0.0), np.ones((*z.shape[:-1], 1))], axis=-1)


def numbers(names: Sequence[str], values: Mapping[str, float]) -> Floats:
    """The evidence as it is weighed, shape (k,): levels, which have no bound where a run diverges, by their logarithm.

    A level of 0.1 becomes 0.29, 1 stays 1, and 100 becomes 2.9: a rise by a tenth is seen beside one by a thousand.
    """
    given = np.array([values[name] for name in names])
    bent = np.sign(given) * np.log1p(10 * np.abs(given)) / np.log(11)
    return np.where([name.removeprefix("train ").removeprefix("validation ") in LEVELS for name in names], bent, given)


def known(values: Mapping[str, float]) -> str:
    """What is known of a run, as the key of its model: "train validation recipe" or less."""
    parts = (("train", "train end"), ("validation", "validation end"), ("recipe", "rate"))
    return " ".join(part for part, name in parts if name in values)


@cache
def gains() -> Mapping[str, tuple[float, float]]:
    """How much the best treatment gained on the bank's runs of each verdict, as shares of where they began."""
    return MappingProxyType({verdict: (low, high) for verdict, (low, high) in _constants()["gains"].items()})


@cache
def models() -> Mapping[str, Model]:
    """The constants by what is known of a run."""
    return MappingProxyType(
        {
            key: Model(
                tuple(model["names"]),
                np.array(model["centre"]),
                np.array(model["scale"]),
                np.array(model["weights"]),
                (float(model["sure"][0]), float(model["sure"][1])),
                float(model["ill"]),
            )
            for key, model in _constants()["models"].items()
        }
    )


@cache
def _constants() -> Any:  # noqa: ANN401 - plain JSON
    return json.loads(Path(__file__).with_name("constants.json").read_text(encoding="utf-8"))
