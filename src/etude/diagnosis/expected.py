"""What a treatment is expected to do to a run's held-out score: two small regressions, fitted on the bank."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.diagnosis.case import Case
from etude.diagnosis.evidence import best_constant, evidence_of
from etude.diagnosis.verdict import Model, inputs, known
from etude.values.treatment import Expected

Floats = NDArray[np.float64]

SURE = 1.2816
"""Standard deviations from the median of a normal to its 10th and 90th percentile."""

MOST = 2.0
"""Shares of the best constant's score that no treatment gains more than: the bank counts none beyond three as lost."""


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """The constants for runs of which the same is known.

    weighed: which evidence is weighed, and its mean and standard deviation
    helps:   treatment → weights of the logit that it helps, shape (2k + 1,)
    size:    treatment → weights of the logarithm of what it gains where it helps, as a share of the best constant's
             score, shape (2k + 1,)
    spread:  treatment → standard deviation of that logarithm
    """

    weighed: Model
    helps: Mapping[str, Floats]
    size: Mapping[str, Floats]
    spread: Mapping[str, float]


def expected_of(cases: Sequence[Case]) -> Mapping[str, Expected]:
    """Of each treatment that was measured on the bank what it should do here, from the replicates of one recipe.

    By the treatment's name with its strength; in shares of the best constant's score, or of where the run began where
    that is not known. Empty where no validation series is known, or every run broke.
    """
    seen = [(case, evidence_of(case)) for case in cases]
    whole = [(case, evidence) for case, evidence in seen if evidence.finite and evidence.validation is not None]
    keys = {known(evidence.values) for _, evidence in whole}
    if len(keys) != 1 or (key := keys.pop()) not in effects():
        return MappingProxyType({})
    of = effects()[key]
    z = np.mean([inputs(of.weighed, evidence.values) for _, evidence in whole], axis=0)
    unit = float(np.mean([_constant(case) or evidence.begin for case, evidence in whole]))
    ends = [evidence.validation.smooth[-1] * evidence.begin for _, evidence in whole if evidence.validation is not None]
    left = max(0.0, float(np.mean(ends)))
    return MappingProxyType({name: _expected(of, name, z, left=left / unit) for name in of.helps})


def _constant(case: Case) -> float | None:
    return None if case.recipe is None else best_constant(case)


def _expected(of: Effects, name: str, z: Floats, *, left: float) -> Expected:
    """No more can be gained than is left."""
    helps = 1 / (1 + np.exp(-float(of.helps[name] @ z)))
    middle = float(of.size[name] @ z)
    low, median, high = (min(left, MOST, float(np.exp(middle + sign * SURE * of.spread[name]))) for sign in (-1, 0, 1))
    return Expected(float(helps), low, median, high)


@cache
def effects() -> Mapping[str, Effects]:
    """The constants by what is known of a run."""
    plain = json.loads(Path(__file__).with_name("expected.json").read_text(encoding="utf-8"))
    return MappingProxyType({key: _read(of) for key, of in plain["views"].items()})


def _read(of: Any) -> Effects:  # noqa: ANN401 - plain JSON
    weighed = Model(tuple(of["names"]), np.array(of["centre"]), np.array(of["scale"]), np.zeros((0, 0)))
    treatments = of["treatments"]
    return Effects(
        weighed,
        MappingProxyType({name: np.array(one["helps"]) for name, one in treatments.items()}),
        MappingProxyType({name: np.array(one["size"]) for name, one in treatments.items()}),
        MappingProxyType({name: float(one["spread"]) for name, one in treatments.items()}),
    )
