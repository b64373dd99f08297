"""Arms made of a few numbers."""

from types import MappingProxyType

import numpy as np
import pytest

from etude.diagnosis.case import arm_of
from etude.values.curve import curve
from etude.values.recipe import Recipe, changed
from etude.values.run import Run

UNITS = {"log_loss": "nats", "accuracy": "share correct", "brier": "squared probability"}


@pytest.fixture
def base():
    return Recipe(data={"task": "sincos"}, loss="bce", optimizer={"name": "adam", "learning_rate": 0.01})


@pytest.fixture
def arm(base):
    """An arm of runs with these curves: name → one number, or one series, a replicate.

    A number is a curve of one point at step 100; of a series the last point is at step 100, and the first at 0.
    """

    def make(name="arm", curves=None, *, settings=None, recipe=base, provenance=None, unit=None, **fields):
        n = len(next(iter(curves.values())))
        runs = []
        for i in range(n):
            made = {what: _curve(what, np.atleast_1d(series[i]), unit) for what, series in curves.items()}
            runs.append(
                Run(
                    f"{name} · {i}",
                    MappingProxyType(made),
                    last_step=100,
                    kept_step=100,
                    recipe=None if recipe is None else changed(recipe, settings or {}),
                    replicate=None if recipe is None else i,
                    provenance=MappingProxyType(provenance or {}),
                    **fields,
                )
            )
        return arm_of(runs, name)

    return make


def _curve(name, values, unit):
    steps = [100] if values.size == 1 else np.linspace(0, 100, values.size).round().astype(int)
    return curve(name, steps, values, unit=UNITS.get(name.partition("/")[2], unit or ""))
