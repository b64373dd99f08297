"""The engines by name, and what is refused before training."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.engines import ENGINES, Choice, check, engine_called, facts
from etude.engine.native.library import core
from etude.values.errors import EngineError, RecipeError
from etude.values.recipe import Recipe


def recipe(**fields) -> Recipe:
    return Recipe(**({"data": {"task": "sincos", "rows": 50, "test_rows": 100}, "loss": "bce"} | fields))


class Doubled(nn.Linear):
    """A layer of the user's own."""


def nothing_to_train():
    return nn.Unflatten(1, (1, 1, 2)), nn.AvgPool2d((1, 2)), nn.Flatten()


needs_core = pytest.mark.skipif(core() is None, reason="the native engine was not built here")


@needs_core
def test_a_recipe_that_fits_is_trained_by_the_native_engine():
    assert check(recipe()) == Choice("native")
    assert check(recipe(model=lambda: nn.Linear(2, 1), loss=nn.BCEWithLogitsLoss())) == Choice("native")


@needs_core
def test_what_the_native_engine_lacks_goes_to_loop_and_says_why():
    assert check(recipe(model=lambda: Doubled(2, 1))) == Choice("loop", "it has no Doubled layer")
    assert check(recipe(loss=nn.SoftMarginLoss())).because == (
        "it has no loss that is not one of torch's own with its defaults"
    )


def test_loop_is_chosen_without_a_reason_where_it_was_asked_for():
    assert check(recipe(), engine="loop") == Choice("loop")


def test_more_memory_than_the_machine_has_is_refused_with_the_estimate():
    wide = recipe(data={"task": "sincos", "rows": 10**5, "test_rows": 100}, model={"hidden": [100_000]})
    with pytest.raises(
        EngineError, match=r"on 2 worker\(s\) would need about [\d,.]+ GiB of memory.* left\. Use a smaller batch_size"
    ):
        check(wide, workers=2)


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"loss": "huber"}, RecipeError, "'huber' is for regression data, and this data is binary"),
        ({"batch_size": 41}, RecipeError, "batch_size 41 is larger than the training part, which has 40 rows"),
        ({"model": lambda: nn.Linear(2, 3)}, EngineError, r"need \(2, 1\)"),
        ({"model": lambda: nn.Linear(5, 1)}, EngineError, "model .*lambda.* failed in replicate 0: RuntimeError"),
        ({"model": lambda: None}, EngineError, "returned a NoneType"),
        ({"model": lambda: nn.Sequential(*nothing_to_train())}, EngineError, "no parameters that require a gradient"),
        ({"loss": lambda outputs, targets: outputs}, EngineError, "scalar tensor"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused_before_training(fields, error, says):
    with pytest.raises(error, match=says):
        check(recipe(**fields))


@pytest.mark.parametrize("device", ["cuda", "gpu"])
def test_a_device_that_is_not_there_is_refused_with_one_that_is(device):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(EngineError, match=rf"device '{device}' cannot be used here.*device='cpu'"):
        check(recipe(), device=device)


def test_an_unknown_engine_is_named_with_the_nearest():
    with pytest.raises(EngineError, match=r"no engine 'loops'\. Did you mean 'loop'\?"):
        engine_called("loops")
    assert all(engine_called(name) is engine for name, engine in ENGINES.items())


def test_facts_are_plain_and_name_the_versions():
    found = facts("cpu")
    assert found["torch"] == torch.__version__
    assert found["numpy"] == np.__version__
    assert {type(fact) for fact in found.values()} <= {str, int}
