"""The estimate of memory, held against what a training takes."""

import json
import subprocess
import sys

import pytest

from etude.data.load import load
from etude.engine.architectures.mlp import perceptron_of_rows
from etude.engine.engines import ENGINES, check
from etude.engine.memory import available_bytes
from etude.engine.reckoning import PACES, UNITS, training_bytes, units_of, work_of
from etude.values.errors import EngineError
from etude.values.model import MODELS, Mlp
from etude.values.recipe import Recipe
from etude.values.sizes import Sizes

MEASURED = """
import json, sys
from pathlib import Path
from etude.engine.engines import engine_called
from etude.engine.spread import Job
from etude.values.recipe import Recipe

def train(recipe):
    list(engine_called(sys.argv[1])([Job(recipe, 0)], workers=1))

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()  # ru_maxrss would begin at that of whoever forked us
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

fields = json.loads(sys.argv[2])
model = fields.pop("model")
train(Recipe(data={"task": "sincos", "rows": 1000}, loss="bce", epochs=1))
if sys.argv[1] == "loop":
    train(Recipe(data={"memory": "copy", "length": 2}, loss="cross_entropy", model="recurrent", epochs=1))
before = peak()
train(Recipe(**fields, model=model, epochs=1))
print(peak() - before)
"""


def task(rows: int, hidden: int, features: int = 2) -> dict:
    data = {"task": "sincos", "rows": rows, "features": features, "test_rows": 1000}
    return {"data": data, "model": {"name": "mlp", "hidden": [hidden]}, "loss": "bce"}


def sequences(length: int, batch: int, **model) -> dict:
    data = {"memory": "adding", "length": length, "rows": 200, "test_rows": 200}
    return {"data": data, "model": model, "loss": "mse", "batch_size": batch}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("engine", "fields"),
    [
        ("loop", task(1_000_000, 4)),
        ("loop", task(200_000, 128)),
        ("native", task(200_000, 4, features=100)),
        ("loop", sequences(500, 128, name="attention", width=32, heads=8)),
        ("loop", sequences(2000, 128, name="recurrent", cell="lstm", hidden=64)),
        ("loop", task(1000, 30_000, features=1000)),
    ],
)
def test_the_estimate_is_within_a_factor_of_two_and_a_half(engine, fields):
    command = [sys.executable, "-c", MEASURED, engine, json.dumps(fields)]
    taken = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 0.4 < reckoned(fields) / taken < 2.5


def reckoned(fields: dict) -> int:
    recipe = Recipe(**fields)
    splits = load(recipe.data, seed=recipe.seed, replicate=0)
    return training_bytes(recipe, splits, units_of(recipe, splits.sizes(1)))


def work(engine="native", *, batch_size=None, epochs=1, **model):
    data = {"task": "sincos", "rows": 1500, "features": 3, "validation": 0.2}
    recipe = Recipe(data=data, model={"name": "mlp", **model}, loss="bce", batch_size=batch_size, epochs=epochs)
    return work_of(recipe, load(recipe.data, seed=recipe.seed, replicate=0), engine)


@pytest.mark.parametrize(
    ("one", "other", "times"),
    [
        ({"hidden": (64,), "dropout": 0.2}, {"hidden": (64,)}, 2.8),
        ({"hidden": (256,), "activation": "gelu"}, {"hidden": (256,)}, 3.4),
        ({"hidden": (8,), "batch_size": 32}, {"hidden": (8,)}, 1.4),
        ({"hidden": (64, 64)}, {"hidden": (8,)}, 8.8),
        ({"hidden": (64, 64), "norm": "batch"}, {"hidden": (64, 64)}, 1.2),
        ({"hidden": (8,), "engine": "loop", "batch_size": 32}, {"hidden": (8,), "batch_size": 32}, 100),
    ],
)
def test_work_is_in_the_ratio_of_what_trainings_took(one, other, times):
    """By the seconds of trainings measured one by one on one core of an x86 with AVX2."""
    assert work(**one) / work(**other) == pytest.approx(times, rel=0.5)


def test_work_is_in_proportion_to_epochs_and_every_engine_has_a_pace():
    assert work(hidden=(8,), epochs=7) == pytest.approx(7 * work(hidden=(8,)))
    assert set(PACES) == set(ENGINES)


def test_every_architecture_is_reckoned():
    assert set(UNITS) == set(MODELS)


def test_rows_that_do_not_fit_are_refused_before_anything_is_drawn():
    huge = Recipe(data={"task": "sincos", "rows": 10**12, "test_rows": 100}, loss="bce")
    with pytest.raises(
        EngineError, match=r"1,000,000,000,100 rows of 2 features.*would need about .* GiB.*Nothing was trained"
    ):
        check(huge, workers=1)


@pytest.mark.parametrize(
    ("data", "model"),
    [
        ({"task": "sincos"}, {"name": "mlp", "hidden": [10**10]}),
        ({"memory": "copy"}, {"name": "recurrent", "hidden": 10**6}),
        ({"memory": "copy"}, {"name": "attention", "width": 4 * 10**8}),
        ({"memory": "copy"}, {"name": "attention", "layers": 10**9}),
        ({"memory": "adding", "length": 10_000}, {"name": "attention", "width": 4096}),
    ],
)
def test_a_network_that_does_not_fit_is_refused_before_it_is_built(data, model):
    losses = {"sincos": "bce", "copy": "cross_entropy", "adding": "mse"}
    recipe = Recipe(data=data, model=model, loss=losses[next(iter(data.values()))])
    with pytest.raises(EngineError, match=r"training .* parameters on .*would need about .* GiB.*Nothing was trained"):
        check(recipe, workers=1)


def test_smaller_batches_need_less():
    whole, parts = ({**task(100_000, 512), "batch_size": n} for n in (None, 64))
    assert reckoned(parts) < 0.3 * reckoned(whole)


def test_what_is_left_is_known_on_linux():
    if sys.platform == "linux":
        assert available_bytes() > 2**20


@pytest.mark.parametrize("fields", [{}, {"norm": "batch"}, {"norm": "layer"}, {"residual": True, "norm": "layer"}])
def test_a_perceptrons_parameters_are_those_that_it_is_built_with(fields):
    spec, sizes = Mlp(hidden=(5, 5), **fields), Sizes((3,), 2)
    made = perceptron_of_rows(spec, sizes, seed=0, replicate=0)
    recipe = Recipe(data={"task": "xor"}, loss="bce", model=spec)
    assert units_of(recipe, sizes).parameters == sum(parameter.numel() for parameter in made.parameters())
