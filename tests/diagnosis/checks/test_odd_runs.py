"""Every check of one run, on curves that no one would wish for: it answers, and what it says is well formed."""

import importlib
import math
import warnings
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etude.diagnosis import checks
from etude.diagnosis.case import case_of
from etude.diagnosis.check import RunCheck
from etude.diagnosis.diagnose import diagnosed
from etude.diagnosis.signs import signs
from etude.values.curve import curve
from etude.values.data import Task
from etude.values.finding import SEVERITIES, Finding, NotRun, Verdict
from etude.values.recipe import Recipe
from etude.values.run import Run

FOUND = [
    importlib.import_module(f"{checks.__name__}.{path.stem}").CHECK
    for path in sorted(Path(checks.__file__).parent.glob("*.py"))
    if path.stem != "__init__"
]
OF_RUNS = [check for check in FOUND if isinstance(check, RunCheck) and check.symptom not in get_args(Verdict)]
"""Those of a verdict weigh the evidence of all curves together, and have tests of their own."""

NAMES = (
    "train/objective",
    "validation/objective",
    "train/score",
    "train/log_loss",
    "validation/log_loss",
    "validation/brier",
    "train/accuracy",
    "validation/accuracy",
    "train/r2",
    "val_recall",
    "signals/learning_rate",
    "signals/gradient_norm",
    "signals/clipped",
    "signals/confident",
    "layers/a/gradient_norm",
    "layers/b/gradient_norm",
    "layers/c/gradient_norm",
    "layers/a/weight_norm",
    "layers/a/dead",
    "layers/a/saturated",
    "layers/a/rows_used",
    "probes/eval_train_difference",
    "probes/batch_mixing",
    "probes/one_batch_loss",
    "probes/one_batch_start",
    "probes/blind_loss",
    "probes/seeing_loss",
)
RECIPES = (None, Recipe(data=Task(task="sincos", flip=0.1), loss="bce"), Recipe(data=Task(task="waves"), loss="mse"))
ODD = [0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, 1e30, -1e30, 1e-30, 1e300, -1.7e308, 1e-300]

SHAPES = {
    "anything": lambda rng, n: rng.choice([*ODD, 0.5, 2.0], n),
    "noise": lambda rng, n: rng.normal(size=n),
    "falls": lambda rng, n: np.exp(-np.arange(n) / max(1, n / 5)) + 0.01 * rng.normal(size=n),
    "rises": lambda rng, n: np.linspace(0, 1, n),
    "jumps": lambda rng, n: np.where(np.arange(n) < n // 2, 0.1, 1e6),
    "zigzag": lambda _, n: 1.0 + (-1.0) ** np.arange(n),
    "still": lambda rng, n: np.full(n, rng.choice(ODD)),
}
"""Kinds of curves by name."""


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    curves = {}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=12)):
        n = draw(st.sampled_from([0, 1, 2, 3, 7, 20, 40, 130]))
        values = SHAPES[draw(st.sampled_from(sorted(SHAPES)))](rng, n)
        errors = rng.choice([*ODD, 0.01], n) if draw(st.booleans()) else None
        steps = np.cumsum(rng.integers(1, 4, n)) - draw(st.sampled_from([0, 1]))
        curves[name] = curve(name, steps, values, unit=draw(st.sampled_from(["", "nats"])), standard_errors=errors)
    kept = min((int(one.steps[-1]) for one in curves.values() if one.steps.size), default=0)
    recipe = draw(st.sampled_from(RECIPES))
    return case_of(Run("odd", curves, last_step=kept, kept_step=kept, recipe=recipe))


@settings(max_examples=75)
@given(case=cases())
def test_every_check_answers_whatever_the_curves(case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = {check.symptom: check.look(case) for check in OF_RUNS}
    for symptom, one in seen.items():
        assert one is None or isinstance(one, Finding | NotRun)
        if isinstance(one, NotRun):
            assert one.check == symptom
            assert one.because
            assert not one.because.endswith(".")
        if isinstance(one, Finding):
            well_formed(one)


@given(case=cases())
def test_the_signs_are_four_whatever_the_curves(case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [bool(sign.says) for sign in signs(case)] == [True] * 4


@pytest.mark.parametrize(
    "values",
    [np.linspace(1e300, 1.7e308, 60), 0.7 * 10.0 ** (5 * np.arange(60)), np.tile([0.7, 1e300, -1.7e308], 20)],
)
def test_losses_beyond_what_single_precision_holds_have_diverged(values):
    curves = {name: curve(name, np.arange(60), values) for name in ("train/objective", "validation/objective")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert diagnosed([Run("huge", curves, last_step=59, kept_step=59)], "huge").verdict == "diverged"


def well_formed(found):
    assert found.says.endswith(".")
    assert "nan" not in found.says.split()
    assert found.severity in SEVERITIES
    assert 0 <= found.probability <= 1
    assert found.causes
    assert found.treatments
    assert all(cause.says and cause.told_by for cause in found.causes)
    assert all(place.first <= place.last for place in found.where)
    for one in found.evidence:
        assert (one.low is None) == (one.high is None)
    if found.prediction is not None:
        assert 0 <= found.prediction.low <= found.prediction.high
