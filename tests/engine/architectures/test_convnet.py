"""The convolutional network, its nested initialisation, and the native engine that trains it as torch does."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from etude.engine import loop
from etude.engine.architectures.convnet import convnet_parameters, convolutional_network, drawn, image_form
from etude.engine.architectures.mlp import BIAS
from etude.engine.native import library, replicate
from etude.engine.native.training import Stop
from etude.engine.native.translate import translated
from etude.numerics.seeds import hashed_uniform, key
from etude.values.errors import EngineError
from etude.values.model import Convnet
from etude.values.recipe import Recipe
from etude.values.sizes import Sizes

IMAGE = Sizes((2, 9, 8), 3)


def network(channels=(4,), *, sizes=IMAGE, replicate=0, **fields) -> nn.Sequential:
    return convolutional_network(Convnet(channels=channels, **fields), sizes, seed=5, replicate=replicate)


def uniforms(layer: nn.Conv2d | nn.Linear) -> np.ndarray:
    """The numbers in [0, 1) that the weights were made of."""
    return (layer.weight.detach().numpy() * np.sqrt(layer.weight[0].numel()) + 1) / 2


def test_a_network_reads_as_the_textbook_writes_it():
    names = [name for name, _ in network((4, 3), depth=2, norm="batch", dropout=0.2).named_children()]
    stages = [
        [f"stage_{stage}_{part}_{i}" for i in (1, 2) for part in ("convolution", "norm", "activation")]
        + [f"stage_{stage}_pool"]
        for stage in (1, 2)
    ]
    assert names == ["image", *stages[0], *stages[1], "flat", "dropout", "output"]


def test_rows_of_numbers_become_rows_of_outputs():
    assert network((4, 5), depth=2)(torch.zeros(7, 2 * 9 * 8)).shape == (7, 3)


def test_each_stage_halves_the_image_and_drops_an_odd_row():
    # 9 by 8, then 4 by 4, then 2 by 2
    assert network((4, 5)).output.in_features == 5 * 2 * 2


def test_a_convolution_has_a_bias_unless_a_batch_norm_follows():
    plain, normed = network(), network(norm="batch")
    assert plain.stage_1_convolution_1.bias is not None
    assert normed.stage_1_convolution_1.bias is None
    assert torch.equal(plain.stage_1_convolution_1.weight, normed.stage_1_convolution_1.weight)
    assert (normed.stage_1_norm_1.weight == 1).all()
    assert (normed.stage_1_norm_1.bias == 0).all()


def test_the_spec_says_activation_and_dropout():
    made = network(activation="gelu", dropout=0.25)
    assert isinstance(made.stage_1_activation_1, nn.GELU)
    assert (made.dropout.probability, made.dropout.key, made.dropout.layer) == (0.25, key(5, 0, "dropout"), 0)


def test_weights_and_biases_are_uniform_in_one_over_root_fan_in_as_torchs_are():
    made = network((300,), sizes=Sizes((2, 4, 4), 300))
    for layer, theirs in (
        (made.stage_1_convolution_1, nn.Conv2d(2, 300, 3)),
        (made.output, nn.Linear(made.output.in_features, 300)),
    ):
        bound = 1 / math.sqrt(layer.weight[0].numel())
        for mine, other in ((layer.weight, theirs.weight), (layer.bias, theirs.bias)):
            assert mine.shape == other.shape
            assert mine.abs().max() <= bound
            assert other.abs().max() <= bound * (1 + 1e-6)
            assert stats.kstest(mine.detach().numpy().ravel() / bound, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_each_weight_is_the_published_function_of_its_place():
    made, source = network((4, 3)), key(5, 0, "init")
    second = made.stage_2_convolution_1
    # input channel 2, row 1, column 0 of the kernel: 2·9 + 1·3 + 0 = 21; a filter sees 4·9 = 36 numbers, √36 = 6
    assert second.weight[1, 2, 1, 0].item() == pytest.approx(
        (2 * float(hashed_uniform(source, 1, 1, 21)) - 1) / 6, abs=1e-7
    )
    assert second.bias[1].item() == pytest.approx((2 * float(hashed_uniform(source, 1, 1, BIAS)) - 1) / 6, abs=1e-7)
    # the last layer, number 2, sees 3·2·2 = 12 numbers
    last = (2 * float(hashed_uniform(source, 2, 1, 7)) - 1) / math.sqrt(12)
    assert made.output.weight[1, 7].item() == pytest.approx(last, abs=1e-7)


def test_a_wide_stage_begins_with_the_filters_of_a_narrow_one():
    narrow, wide = network((4, 3)), network((7, 5))
    assert torch.equal(narrow.stage_1_convolution_1.weight, wide.stage_1_convolution_1.weight[:4])
    assert torch.equal(narrow.stage_1_convolution_1.bias, wide.stage_1_convolution_1.bias[:4])
    # later layers see more channels, so the same uniforms are scaled by 1/√(7·9) instead of 1/√(4·9)
    old = uniforms(wide.stage_2_convolution_1)[:3, :4]
    assert uniforms(narrow.stage_2_convolution_1) == pytest.approx(old, abs=1e-6)
    assert uniforms(narrow.output) == pytest.approx(uniforms(wide.output)[:, : 3 * 2 * 2], abs=1e-6)


def test_nothing_is_drawn_from_torchs_chance():
    before = torch.get_rng_state()
    network((4, 3), depth=2, norm="batch", dropout=0.5)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_seed_gives_the_same_bits_and_another_replicate_others():
    first, again, other = network(), network(), network(replicate=1)
    assert torch.equal(first.output.weight, again.output.weight)
    assert not torch.equal(first.output.weight, other.output.weight)


def test_the_parameters_of_a_layer_share_no_memory():
    layer = drawn(nn.Linear(3, 1, device="meta"), key(0, 0, "init"), 0)
    bias = layer.bias.item()
    layer.weight.detach().fill_(9.0)
    assert layer.bias.item() == bias


@given(
    st.builds(
        Convnet,
        channels=st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
        depth=st.integers(1, 3),
        norm=st.sampled_from(["none", "batch"]),
    ),
    st.builds(Sizes, st.tuples(st.integers(1, 4), st.integers(8, 20), st.integers(8, 20)), outputs=st.integers(1, 5)),
)
def test_the_closed_form_counts_the_parameters_that_are_built(spec, sizes):
    made = convolutional_network(spec, sizes, seed=0, replicate=0)
    assert sum(parameter.numel() for parameter in made.parameters()) == convnet_parameters(spec, sizes)


@pytest.mark.parametrize("inputs", [(4,), (30, 2)])
@pytest.mark.parametrize("ask", [network, lambda sizes: convnet_parameters(Convnet(), sizes)])
def test_what_is_no_image_is_refused_with_the_way_out(inputs, ask):
    with pytest.raises(EngineError, match=r"convnet reads images.*\(.*,.*\).*mlp for a table.*Nothing was trained"):
        ask(sizes=Sizes(inputs, 3))


def test_an_image_too_small_for_the_stages_is_refused_with_what_fits():
    small = Sizes((1, 7, 8), 2)
    says = r"halves an image 3 time.*7 × 8 pixels can be halved 2 time.*channels=\(4, 5\), or.*Nothing was trained"
    with pytest.raises(EngineError, match=says):
        network((4, 5, 6), sizes=small)
    assert network((4, 5), sizes=small).output.in_features == 5 * 1 * 2


def test_an_image_of_one_row_is_refused_by_one_stage():
    with pytest.raises(EngineError, match=r"1 × 8 pixels can be halved 0 time.*Use larger images"):
        network((4,), sizes=Sizes((1, 1, 8), 2))


def test_the_form_of_an_image_is_its_three_numbers():
    assert image_form(IMAGE, model="convnet") == (2, 9, 8)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_native_engine_has_every_layer_and_trains_them_as_torch_does(rows, norm):
    core = library.core()
    if core is None:
        pytest.skip("the native engine was not built here")
    fields = {"channels": (4, 3), "depth": 2, "norm": norm, "dropout": 0.2}
    splits = rows("multiclass", rows=50, features=IMAGE.n_inputs)
    recipe = Recipe(
        data={"task": "sincos"},  # the rows are given; the recipe only needs some data
        model=lambda: network(**fields),
        loss="cross_entropy",
        optimizer={"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        batch_size=16,
        epochs=5,
    )
    assert len(translated(network(**fields), IMAGE.n_inputs).layers) == 2 * (2 * (2 + (norm == "batch")) + 1) + 2
    ours = replicate.train_on(core, recipe, splits, 0, stop=Stop())
    torchs = loop.train_on(recipe, splits, 0)
    curve = torchs.curves["train/log_loss"]
    assert np.ptp(curve.values) > 0.01  # it moved, by far more than the engines may differ
    assert ours.curves["train/log_loss"].values == pytest.approx(curve.values, abs=1e-5)
