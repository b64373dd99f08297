"""The builds of the core that can be tested here, and what it means that one trains as `loop` does."""

import shutil
from collections.abc import Callable, Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest

from etude.data.splits import Splits
from etude.engine import loop
from etude.engine.native import library
from etude.engine.native.library import BUILDS, Core
from etude.engine.native.replicate import lacking, train_on
from etude.engine.native.training import Stop
from etude.values.recipe import Recipe
from etude.values.run import Run

CLOSE = 1e-5
"""What engines may differ by over a short run, in units of a curve's largest value or 1."""


def _builds() -> Mapping[str, Core]:
    folder, best = Path(library.__file__).parent, library.build_name()
    usable = [name for name, _ in BUILDS if best == "avx2" or (best and name == best)]
    return {name: library.loaded(folder / f"_{name}{EXTENSION_SUFFIXES[0]}") for name in usable}


@pytest.fixture(autouse=True, scope="session")
def _core_is_built():
    if library.core() is None:
        if shutil.which("g++") or shutil.which("clang++"):
            pytest.fail("there is a compiler, but the core was not built; `pip install --editable .` says why")
        pytest.skip("no compiler here, so no native engine")


@pytest.fixture(scope="session")
def builds() -> Mapping[str, Core]:
    """Every build that this processor can run, by name."""
    return _builds()


@pytest.fixture(scope="session")
def core() -> Core:
    """The build that is used here."""
    found = library.core()
    assert found is not None
    return found


@pytest.fixture(scope="session")
def native(core: Core) -> Callable[..., Run]:
    """A run of the native engine on given rows."""

    def train(recipe: Recipe, splits: Splits, replicate: int = 0, *, build: Core | None = None) -> Run:
        return train_on(build or core, recipe, splits, replicate, stop=Stop())

    return train


@pytest.fixture(scope="session")
def check_agreement(
    builds: Mapping[str, Core], native: Callable[..., Run]
) -> Callable[..., tuple[Run, Mapping[str, Run]]]:
    """Trains a recipe in `loop` and in each build and compares whatever a run says; returns them."""

    def check(recipe: Recipe, splits: Splits, replicate: int = 0) -> tuple[Run, Mapping[str, Run]]:
        expected = loop.train_on(recipe, splits, replicate)
        found = {name: native(recipe, splits, replicate, build=build) for name, build in builds.items()}
        for run in found.values():
            _assert_agree(expected, run, splits)
        return expected, found

    return check


def _assert_agree(expected: Run, found: Run, splits: Splits) -> None:
    ends = [(run.ended, run.last_step, run.kept_step, run.notes, run.name) for run in (expected, found)]
    assert ends[0] == ends[1]
    assert list(found.curves) == list(expected.curves)
    for name, curve in expected.curves.items():
        mine = found.curves[name]
        assert (mine.name, mine.unit, mine.steps.tolist()) == (curve.name, curve.unit, curve.steps.tolist())
        split, _, quantity = name.partition("/")
        tolerance = CLOSE * max(1.0, np.abs(curve.values[np.isfinite(curve.values)]).max(initial=0))
        if quantity == "calibration":  # of bins, between which a probability jumps
            tolerance = 1.0
        if quantity == "accuracy":  # an output within rounding of a tie may fall on either side: one row at most
            tolerance = 1.01 / len(splits.parts()[split].inputs)
        np.testing.assert_allclose(mine.values, curve.values, rtol=0, atol=tolerance, err_msg=name)
    assert {name: array.shape for name, array in found.arrays.items()} == {
        name: array.shape for name, array in expected.arrays.items()
    }


@pytest.fixture(scope="session")
def why_not() -> Callable[..., str]:
    """What the core lacks for a model, on a task of two inputs and one output."""

    def reason(model: object, **fields: object) -> str:
        data = {"task": "sincos", "rows": 50, "test_rows": 100}
        return lacking(Recipe(**({"data": data, "loss": "bce", "model": model, "epochs": 2} | fields)))

    return reason
