"""Dropout as a pure function of counters."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.architectures.mlp import multilayer_perceptron
from etude.engine.dropout import CountedDropout, dropout_layers, with_counted_dropout
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


# dropout in a network of the user's


def test_in_a_sequence_each_dropout_is_counted_in_its_order():
    made = with_counted_dropout(
        nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.2), nn.Sequential(nn.ReLU(), nn.Sequential(nn.Dropout(0.5)))),
        key=KEY,
    )
    assert [(layer.probability, layer.layer, layer.key) for layer in dropout_layers(made)] == [
        (0.2, 0, KEY),
        (0.5, 1, KEY),
    ]
    assert type(made[0]) is nn.Linear
    assert not [layer for layer in made.modules() if isinstance(layer, nn.Dropout)]


def test_one_dropout_in_two_places_is_two():
    shared = nn.Dropout(0.5)
    made = with_counted_dropout(nn.Sequential(shared, nn.ReLU(), shared), key=KEY)
    assert [layer.layer for layer in dropout_layers(made)] == [0, 1]


def test_what_is_called_nobody_knows_how_often_is_left_as_it_is():
    class Own(nn.Sequential):
        def forward(self, inputs):
            return super().forward(super().forward(inputs))

    own = Own(nn.Dropout(0.5))
    made = with_counted_dropout(nn.Sequential(own, nn.Dropout(1.0), nn.Dropout2d(0.5), nn.AlphaDropout(0.5)), key=KEY)
    assert dropout_layers(made) == []
    assert type(own[0]) is nn.Dropout
    assert not dropout_layers(with_counted_dropout(nn.Dropout(0.5), key=KEY))


def test_the_mask_of_images_counts_their_pixels_row_by_row():
    layer = CountedDropout(0.5, key=KEY, layer=0)
    assert torch.equal(layer(torch.ones(4, 2, 3, 5)).flatten(1), layer(torch.ones(4, 30)))


def test_what_somebody_hooked_or_uses_twice_is_left_as_it_is():
    hooked = nn.Dropout(0.5)
    hooked.register_forward_hook(lambda *_: None)
    assert not dropout_layers(with_counted_dropout(nn.Sequential(nn.Linear(2, 2), hooked), key=KEY))
    block = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
    assert not dropout_layers(with_counted_dropout(nn.Sequential(block, nn.Linear(2, 2), block), key=KEY))
