"""The multilayer perceptron and its nested initialisation."""

from typing import get_args

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from etude.engine.architectures.mlp import ACTIVATIONS, BIAS, initial_parameters, multilayer_perceptron
from etude.numerics.seeds import hashed_uniform, key
from etude.values.model import Activation, Mlp


def network(hidden, *, inputs=2, replicate=0, **fields):
    return multilayer_perceptron(Mlp(hidden=hidden, **fields), (inputs, 1), seed=5, replicate=replicate)


def uniforms(layer: nn.Linear) -> np.ndarray:
    return (layer.weight.detach().numpy() * np.sqrt(layer.in_features) + 1) / 2


def test_a_network_reads_as_the_textbook_writes_it():
    names = [name for name, _ in network((4, 3), dropout=0.2).named_children()]
    first, second = (["hidden_{}", "activation_{}", "dropout_{}"] for _ in range(2))
    assert names == [n.format(1) for n in first] + [n.format(2) for n in second] + ["output"]


def test_no_hidden_layer_is_a_linear_model():
    assert [name for name, _ in network(()).named_parameters()] == ["output.weight", "output.bias"]


def test_every_activation_has_a_module():
    assert set(ACTIVATIONS) == set(get_args(Activation))
    assert isinstance(network((4,), activation="gelu").activation_1, nn.GELU)


def test_weights_and_biases_are_uniform_in_one_over_root_fan_in_as_torchs_are():
    layer = network((400,), inputs=100).hidden_1
    for values in (layer.weight, layer.bias):
        scaled = values.detach().numpy().ravel() * 10  # √100
        assert np.abs(scaled).max() <= 1
        assert stats.kstest(scaled, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_each_weight_is_the_published_function_of_its_place():
    layer = network((4, 3)).hidden_2
    source = key(5, 0, "init")
    assert layer.weight[2, 1].item() == pytest.approx((2 * float(hashed_uniform(source, 1, 2, 1)) - 1) / 2, abs=1e-7)
    assert layer.bias[2].item() == pytest.approx((2 * float(hashed_uniform(source, 1, 2, BIAS)) - 1) / 2, abs=1e-7)


def test_a_wide_network_begins_with_the_units_of_a_narrow_one():
    narrow, wide = network((4,)), network((32,))
    assert torch.equal(narrow.hidden_1.weight, wide.hidden_1.weight[:4])
    assert torch.equal(narrow.hidden_1.bias, wide.hidden_1.bias[:4])
    # the next layer has more inputs, so the same uniforms are scaled by 1/√32 instead of 1/√4
    assert uniforms(narrow.output) == pytest.approx(uniforms(wide.output)[:, :4], abs=1e-6)


def test_more_features_leave_the_numbers_of_the_first_alone():
    two, four = network((4,)), network((4,), inputs=4)
    assert uniforms(two.hidden_1) == pytest.approx(uniforms(four.hidden_1)[:, :2], abs=1e-6)


def test_replicates_differ():
    assert not torch.equal(network((4,)).hidden_1.weight, network((4,), replicate=1).hidden_1.weight)


def test_the_parameters_as_one_vector_are_those_of_the_network_in_its_order():
    spec, sizes = Mlp(hidden=(4, 3), dropout=0.5), (2, 2)
    flat = initial_parameters(spec, sizes, seed=5, replicate=1)
    made = multilayer_perceptron(spec, sizes, seed=5, replicate=1)
    assert (flat.shape, flat.dtype) == ((2 * 4 + 4 + 4 * 3 + 3 + 3 * 2 + 2,), np.float32)
    assert np.array_equal(flat, nn.utils.parameters_to_vector(made.parameters()).detach().numpy())


def test_a_linear_models_parameters_are_its_weights_then_its_bias():
    flat, source = initial_parameters(Mlp(hidden=()), (3, 1), seed=5, replicate=0), key(5, 0, "init")
    drawn = [float(hashed_uniform(source, 0, 0, j)) for j in (0, 1, 2, BIAS)]
    assert flat == pytest.approx((2 * np.array(drawn) - 1) / np.sqrt(3), abs=1e-7)
