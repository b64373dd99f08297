"""How examples become positions, where they end, and how weights are drawn."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from etude.engine.dropout import CountedDropout
from etude.engine.sequence import (
    Characters,
    as_sequences,
    draw_parameters,
    dropout,
    sequence_form,
    true_positions,
)
from etude.numerics.seeds import hashed_uniform, key
from etude.values.sizes import Sizes

NAN = torch.nan
BOUNDS = {nn.Linear: lambda layer: layer.in_features**-0.5, nn.GRU: lambda layer: layer.hidden_size**-0.5}


def drawn(network: nn.Module, *, replicate=0) -> nn.Module:
    draw_parameters(network, BOUNDS, seed=5, replicate=replicate)
    return network


def linear(n_inputs=3, units=4) -> nn.Linear:
    return nn.Linear(n_inputs, units, device="meta")


# positions


def test_a_sequence_keeps_its_form_and_features_are_positions_of_one_number():
    assert sequence_form(Sizes((50, 2), 1)) == (50, 2)
    assert sequence_form(Sizes((7,), 1)) == (7, 1)
    assert sequence_form(Sizes((20,), 65, characters=65, each_position=True)) == (20, 1)


def test_an_image_is_read_row_by_row_with_every_channel_at_once():
    image = torch.arange(12.0).reshape(1, 12)  # two channels of two rows of three pixels
    sequences, lengths = as_sequences(image, Sizes((2, 2, 3), 1))
    assert sequences.tolist() == [[[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]]
    assert lengths is None


def test_an_example_ends_where_nothing_but_nan_follows():
    rows = torch.tensor([[1.0, 2.0, 3.0, 4.0, NAN, NAN], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    sequences, lengths = as_sequences(rows, Sizes((3, 2), 1))
    assert lengths.tolist() == [2, 3]
    assert sequences.tolist() == [[[1, 2], [3, 4], [0, 0]], [[1, 2], [3, 4], [5, 6]]]


def test_nan_before_the_end_or_in_one_channel_is_no_end_and_stays():
    rows = torch.tensor([[NAN, NAN, 1.0, NAN, NAN, NAN]])
    sequences, lengths = as_sequences(rows, Sizes((3, 2), 1))
    assert lengths.tolist() == [2]
    assert torch.equal(torch.isnan(sequences[0]), torch.tensor([[True, True], [False, True], [False, False]]))
    assert as_sequences(torch.tensor([[1.0, NAN]]), Sizes((1, 2), 1))[1] is None


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5), channels=st.integers(1, 3))
def test_lengths_are_those_that_were_filled_up(lengths, channels):
    rows = torch.ones(len(lengths), 6, channels)
    for row, length in zip(rows, lengths, strict=True):
        row[length:] = NAN
    sequences, found = as_sequences(rows.flatten(1), Sizes((6, channels), 1))
    assert (found is None) == (min(lengths) == 6)
    assert sequences.sum().item() == channels * sum(lengths)
    if found is not None:
        assert found.tolist() == lengths
        assert true_positions(found, 6).sum(dim=1).tolist() == lengths


def test_the_examples_given_are_left_as_they_were():
    rows = torch.tensor([[1.0, NAN]])
    as_sequences(rows, Sizes((2,), 1))
    assert torch.isnan(rows[0, 1])


def test_a_character_is_looked_up_by_its_number():
    layer = drawn(Characters(4, 3))
    assert torch.equal(layer(torch.tensor([[[2.0], [0.0]]])), layer.weight[[2, 0]][None])


def test_dropout_is_counted_and_without_probability_there_is_none():
    made = dropout(0.3, masks=key(0, 0, "dropout"), layer=2)
    assert isinstance(made, CountedDropout)
    assert (made.probability, made.layer, made.key) == (0.3, 2, key(0, 0, "dropout"))
    assert isinstance(dropout(0.0, masks=key(0, 0, "dropout"), layer=0), nn.Identity)


# what is drawn


def test_each_number_is_the_published_function_of_its_place():
    made = drawn(nn.Sequential(linear(), linear(4, 2)))
    source = key(5, 0, "init")
    for parameter, place, n in ((made[0].weight, (3, 1), 0), (made[0].bias, (3, 0), 1), (made[1].weight, (1, 2), 2)):
        unit, j = place
        bound = 3**-0.5 if n < 2 else 4**-0.5
        value = parameter[unit, j] if parameter.ndim == 2 else parameter[unit]
        assert value.item() == pytest.approx((2 * float(hashed_uniform(source, n, unit, j)) - 1) * bound, abs=1e-7)


def test_each_gate_of_a_cell_counts_as_a_parameter():
    made = drawn(nn.Sequential(nn.GRU(3, 4, batch_first=True, device="meta"), linear()))
    source, gru = key(5, 0, "init"), made[0]
    # W has the numbers 0, 1, 2 (r, z, n), U has 3, 4, 5, then a bias of three gates each, so the linear layer has 12
    for value, number, unit, j in (
        (gru.weight_ih_l0[2 * 4 + 1, 2], 2, 1, 2),
        (gru.weight_hh_l0[3, 0], 3, 3, 0),
        (gru.bias_hh_l0[4 + 2], 10, 2, 0),
    ):
        assert value.item() == pytest.approx(float(hashed_uniform(source, number, unit, j)) - 0.5, abs=1e-7)
    assert made[1].weight[0, 0].item() * 3**0.5 == pytest.approx(
        2 * float(hashed_uniform(source, 12, 0, 0)) - 1, abs=1e-6
    )


def test_a_wide_cell_begins_with_the_numbers_of_a_narrow_one_gate_by_gate():
    narrow, wide = (drawn(nn.GRU(n, h, device="meta")) for n, h in ((2, 4), (3, 9)))
    for name, inputs in (("weight_ih_l0", 2), ("weight_hh_l0", 4)):
        few, many = narrow.get_parameter(name), wide.get_parameter(name)
        nested = many.reshape(3, 9, -1)[:, :4, :inputs] * (9 / 4) ** 0.5
        assert few.detach().numpy() == pytest.approx(nested.reshape(12, inputs).detach().numpy(), abs=1e-6)
    assert narrow.bias_hh_l0.detach().numpy() == pytest.approx(
        (wide.bias_hh_l0.reshape(3, 9)[:, :4].flatten() * 1.5).detach().numpy(), abs=1e-6
    )


def test_vectors_of_characters_are_standard_normal_as_torchs_are():
    values = drawn(Characters(100, 40)).weight.detach().numpy().ravel()
    assert stats.kstest(values, stats.norm.cdf).pvalue > 1e-3
    few, many = drawn(Characters(4, 3)), drawn(Characters(9, 8))
    assert torch.equal(few.weight, many.weight[:4, :3])


def test_what_torch_has_made_is_left_alone_and_everything_trains():
    made = drawn(nn.Sequential(linear(), nn.LayerNorm(4)))
    assert (made[1].weight == 1).all()
    assert (made[1].bias == 0).all()
    assert all(parameter.requires_grad and not parameter.is_meta for parameter in made.parameters())


def test_the_same_seed_gives_the_same_bits_and_torchs_chance_is_not_drawn_from():
    before = torch.get_rng_state()
    one, again, other = (drawn(linear(), replicate=replicate) for replicate in (0, 0, 1))
    assert torch.equal(one.weight, again.weight)
    assert not torch.equal(one.weight, other.weight)
    assert torch.equal(before, torch.get_rng_state())
