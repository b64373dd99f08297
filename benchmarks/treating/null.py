"""Treatments that change nothing: how often an improvement is declared all the same."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from etude.diagnosis.own_fields import own_treatment
from etude.records.store import open_store
from etude.studies.budget import Budget
from etude.studies.own import OwnTrainer, metric_called
from etude.studies.treat import Order, treat

STUDIES, REDUCED = 200, 30
TREATMENTS = 8

SHAPES = ("normal", "skewed", "second basin")
"""Of the noise, a third of the studies each: what scores of trainings look like."""


def measured(*, folder: Path, reduced: bool) -> Mapping[str, Any]:
    """Of 200 studies with eight treatments each, in how many something was kept, and called better on fresh seeds."""
    n = REDUCED if reduced else STUDIES
    kept = confirmed = 0
    with tempfile.TemporaryDirectory() as scratch, open_store(Path(scratch) / "null.db") as store:
        for study in range(n):
            found = treat({"change": 0}, _order(), trainer=_trainer(study, store), budget=Budget(minutes=1e6))
            kept += found.final is not None
            confirmed += found.final is not None and found.final.outcomes["loss"].effect.verdict == "better"
    return {"studies": n, "treatments": TREATMENTS, "kept": kept, "confirmed on fresh seeds": confirmed}


def _order() -> Order:
    return Order("null", [own_treatment(_changed_to(i), f"nothing {i}") for i in range(1, TREATMENTS + 1)])


def _changed_to(i: int) -> Any:  # noqa: ANN401 - a treatment
    return lambda fields: {**fields, "change": i}


def _trainer(study: int, store: Any) -> OwnTrainer:  # noqa: ANN401 - an open store
    shape = SHAPES[study % len(SHAPES)]

    def train(fields: dict[str, Any], seed: int) -> float:
        shared = np.random.default_rng((study, seed)).normal(0, 0.2)
        rng = np.random.default_rng((study, seed, fields["change"]))
        own = {
            "normal": rng.normal(0, 0.1),
            "skewed": rng.lognormal(-3, 0.75),
            "second basin": 0.3 * (rng.random() < 0.15) + rng.normal(0, 0.03),
        }[shape]
        return 1.0 + float(shared + own)

    return OwnTrainer(train, store, lambda _: None, metric_called("loss", higher_is_better=False, smallest_effect=None))
