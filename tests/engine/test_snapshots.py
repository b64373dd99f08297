"""Weights and decision surfaces kept with a run."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.loop import train_on
from etude.engine.snapshots import central_range
from etude.values.model import Mlp
from etude.values.recipe import Recipe


def run_of(splits, **fields):
    plain = {"data": {"task": "sincos"}, "loss": "bce", "model": Mlp(hidden=(4,)), "epochs": 2}
    return train_on(Recipe(**(plain | fields)), splits, 0)


def test_the_surface_is_what_the_kept_weights_say_at_each_point(binary):
    run = run_of(binary)
    x1, x2, p = (run.arrays[f"decision/{name}"] for name in ("x1", "x2", "p"))
    assert (x1.shape, x2.shape, p.shape) == ((41,), (41,), (41, 41))
    weights = {name: run.arrays[f"weights/{name}"] for name in ("hidden_1.weight", "hidden_1.bias")}
    hidden = np.maximum(weights["hidden_1.weight"] @ [x1[5], x2[30]] + weights["hidden_1.bias"], 0)
    logit = run.arrays["weights/output.weight"][0] @ hidden + run.arrays["weights/output.bias"][0]
    assert p[30, 5] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)  # row: x2, column: x1
    assert not p.flags.writeable


@pytest.mark.parametrize(("inputs_of_a_unit", "kept"), [(19_999, True), (20_000, False)])
def test_a_model_of_more_than_20_000_parameters_keeps_none(binary, inputs_of_a_unit, kept):
    class OneUnit(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(inputs_of_a_unit))
            self.bias = nn.Parameter(torch.zeros(1))

        def forward(self, inputs):
            return inputs[:, :1] * self.scale.sum() + self.bias

    assert ("weights/scale" in run_of(binary, model=OneUnit).arrays) is kept


def test_the_plane_is_the_same_for_two_draws_of_one_task():
    first, second = (np.random.default_rng(seed).normal(0, 3, 800).astype(np.float32) for seed in (1, 2))
    assert central_range(first).tolist() == central_range(second).tolist()
    assert central_range(first)[[0, -1]].tolist() == [-9, 9]


def test_a_column_that_never_changes_still_has_a_range():
    assert central_range(np.full(10, 5.0, dtype=np.float32))[[0, 20, -1]].tolist() == pytest.approx([4, 5, 6])
