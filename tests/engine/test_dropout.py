"""Dropout as a pure function of counters."""

import numpy as np
import pytest
import torch

from etude.engine.architectures.mlp import multilayer_perceptron
from etude.engine.dropout import CountedDropout, dropout_layers
from etude.numerics.seeds import hashed_uniform, key
from etude.values.model import Mlp

KEY = key(3, 1, "dropout")


def test_the_mask_is_the_published_function_of_counters():
    layer = CountedDropout(0.4, key=KEY, layer=2)
    layer.step = 17
    made = layer(torch.ones(3, 5))
    for i in range(3):
        for unit in range(5):
            kept = float(hashed_uniform(KEY, 17, 2, i, unit)) >= 0.4
            assert float(made[i, unit]) == pytest.approx(1 / 0.6 if kept else 0)


def test_the_mask_changes_with_step_and_layer_and_with_nothing_that_ran_before():
    layer, other = CountedDropout(0.5, key=KEY, layer=0), CountedDropout(0.5, key=KEY, layer=1)
    ones = torch.ones(20, 20)
    first = layer(ones)
    assert torch.equal(layer(ones), first)
    assert not torch.equal(other(ones), first)
    layer.step = 1
    assert not torch.equal(layer(ones), first)


def test_a_wider_layer_and_a_larger_batch_begin_with_the_same_mask():
    layer = CountedDropout(0.5, key=KEY, layer=0)
    assert torch.equal(layer(torch.ones(64, 32))[:8, :4], layer(torch.ones(8, 4)))


def test_the_mean_is_kept():
    # 40,000 draws of 0 or 1/q, q = 0.7, have mean 1 and variance p/q: 5 standard errors
    p, n = 0.3, 40_000
    mean = float(CountedDropout(p, key=KEY, layer=0)(torch.ones(200, n // 200)).mean())
    assert abs(mean - 1) < 5 * np.sqrt(p / (1 - p) / n)


def test_in_evaluation_everything_passes():
    inputs = torch.randn(4, 4)
    assert torch.equal(CountedDropout(0.9, key=KEY, layer=0).eval()(inputs), inputs)


def test_a_network_has_one_after_each_hidden_layer_and_none_without_probability():
    made = multilayer_perceptron(Mlp(hidden=(4, 3), dropout=0.1), (2, 1), seed=0, replicate=0)
    assert [layer.layer for layer in dropout_layers(made)] == [0, 1]
    assert not dropout_layers(multilayer_perceptron(Mlp(hidden=(4, 3)), (2, 1), seed=0, replicate=0))
