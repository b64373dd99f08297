"""The multilayer perceptron and its nested initialisation."""

from typing import get_args

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from etude.engine.architectures.mlp import ACTIVATIONS, BIAS, DIVISORS, initial_parameters, multilayer_perceptron
from etude.numerics.seeds import hashed_uniform, key
from etude.values.errors import EngineError
from etude.values.model import Activation, Initialisation, Mlp


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


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("residual", [False, True])
def test_the_vector_has_the_parameters_of_norms_in_their_places(norm, residual):
    spec, sizes = Mlp(hidden=(4, 4), norm=norm, residual=residual, dropout=0.5), (2, 2)
    made = multilayer_perceptron(spec, sizes, seed=5, replicate=1)
    flat = initial_parameters(spec, sizes, seed=5, replicate=1)
    assert np.array_equal(flat, nn.utils.parameters_to_vector(made.parameters()).detach().numpy())
    assert made.norm_2.weight.tolist() == [1, 1, 1, 1]
    assert made.norm_2.bias.tolist() == [0, 0, 0, 0]


def test_a_norm_stands_before_the_activation_and_a_batch_norm_in_the_place_of_a_bias():
    for norm, module in (("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm)):
        made = network((4,), norm=norm, dropout=0.2)
        assert [name for name, _ in made.named_children()] == [
            "hidden_1", "norm_1", "activation_1", "dropout_1", "output"
        ]  # fmt: skip
        assert isinstance(made.norm_1, module)
        assert (made.hidden_1.bias is None) == (norm == "batch")
        assert made.output.bias is not None


def test_he_and_xavier_have_the_range_of_torchs_own_functions():
    # kaiming_uniform_ has ±gain √(3 / fan-in), xavier_uniform_ ±√(6 / (fan-in + fan-out))
    gain = nn.init.calculate_gain("relu")
    for name, reach in (("he", gain * np.sqrt(3 / 100)), ("xavier", np.sqrt(6 / (100 + 400))), ("small", 0.01)):
        layer = network((400,), inputs=100, initialisation=name).hidden_1
        scaled = layer.weight.detach().numpy().ravel() / reach
        assert stats.kstest(scaled, stats.uniform(-1, 2).cdf).pvalue > 1e-3
        assert layer.bias.count_nonzero() == 0


@pytest.mark.parametrize("name", get_args(Initialisation))
def test_every_initialisation_scales_the_same_draws_and_nests_over_widths(name):
    narrow, wide, default = (network((n,), initialisation=i) for n, i in ((4, name), (32, name), (4, "default")))
    drawn = narrow.hidden_1.weight.detach().numpy() * DIVISORS[name](2, 4)
    assert wide.hidden_1.weight[:4].detach().numpy() * DIVISORS[name](2, 32) == pytest.approx(drawn, abs=1e-6)
    assert default.hidden_1.weight.detach().numpy() * np.sqrt(2) == pytest.approx(drawn, abs=1e-6)


def test_a_skip_adds_what_enters_a_layer_where_it_is_as_wide_as_what_leaves_it():
    made = network((3, 3, 2), inputs=3, residual=True, activation="tanh", norm="layer").eval()
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))

    def layer(i: int, entered: torch.Tensor) -> torch.Tensor:
        linear, norm = made.get_submodule(f"hidden_{i}"), made.get_submodule(f"norm_{i}")
        return torch.tanh(norm(linear(entered)))

    one = rows + layer(1, rows)
    two = one + layer(2, one)
    assert torch.equal(made(rows), made.output(layer(3, two)))


def test_a_skip_that_fits_nowhere_is_refused_with_the_way_out():
    with pytest.raises(
        EngineError, match=r"none of hidden=\(8, 4\) is as wide.* 2 inputs\. Give two.*hidden=\(16, 16\)"
    ):
        network((8, 4), residual=True)


def test_a_linear_models_parameters_are_its_weights_then_its_bias():
    flat, source = initial_parameters(Mlp(hidden=()), (3, 1), seed=5, replicate=0), key(5, 0, "init")
    drawn = [float(hashed_uniform(source, 0, 0, j)) for j in (0, 1, 2, BIAS)]
    assert flat == pytest.approx((2 * np.array(drawn) - 1) / np.sqrt(3), abs=1e-7)
