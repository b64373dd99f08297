"""The transformer encoder: by hand, who sees whom, and how positions are told apart."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import erf, softmax
from torch import nn

from etude.engine.architectures.attention import (
    POSITIONS,
    SelfAttention,
    attention_maps,
    attention_network,
    attention_parameters,
    sinusoids,
)
from etude.engine.dropout import CountedDropout, dropout_layers
from etude.numerics.seeds import key
from etude.values.model import Attention
from etude.values.sizes import Sizes

SERIES = Sizes((5, 2), 3)
TEXT = Sizes((6,), 7, characters=7, each_position=True)
CODES = torch.tensor([[1.0, 0.0, 6.0, 3.0, 2.0, 2.0]])
told_apart = pytest.mark.parametrize("positions", POSITIONS)


def network(sizes=SERIES, *, width=8, heads=2, replicate=0, **fields):
    spec = Attention(width=width, heads=heads, **fields)
    return attention_network(spec, sizes, seed=5, replicate=replicate)


def by_hand(made, sequence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The answer to one sequence (positions, channels) and its maps, in numpy, a head at a time."""

    def linear(layer: nn.Linear, x: np.ndarray) -> np.ndarray:
        bias = 0 if layer.bias is None else layer.bias.detach().numpy()
        return x @ layer.weight.detach().numpy().T + bias

    def norm(x: np.ndarray) -> np.ndarray:  # 1 and 0 at first, torch's epsilon
        return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)

    x = linear(made.entry, sequence.astype(np.float64))
    x = x + sinusoids(*x.shape)
    maps = []
    for layer in made.layers:
        attention, first, second = layer.attention, layer.feed_forward[0], layer.feed_forward[2]
        q, k, v = (
            np.split(linear(part, norm(x)), attention.heads, axis=1)
            for part in (attention.query, attention.key, attention.value)
        )
        maps.append([softmax(a @ b.T / math.sqrt(b.shape[1]), axis=1) for a, b in zip(q, k, strict=True)])
        heads = [weights @ c for weights, c in zip(maps[-1], v, strict=True)]
        x = x + linear(attention.output, np.concatenate(heads, axis=1))
        wide = linear(first, norm(x))
        x = x + linear(second, wide * (1 + erf(wide / math.sqrt(2))) / 2)
    return linear(made.output, norm(x).mean(axis=0)), np.array(maps)


# what it computes


def test_two_positions_of_one_number_attend_as_on_paper():
    layer = SelfAttention(1, 1)
    ones = {name: torch.ones(parameter.shape) for name, parameter in layer.named_parameters()}
    ones |= {name: torch.zeros(1) for name in ones if name.endswith("bias")}
    layer.load_state_dict(ones, assign=True)
    states = torch.tensor([[[0.0], [math.log(3)]]])
    # all matrices are 1, so the scores are 0, 0 and 0, (ln 3)²: weights 1 : 1 and 1 : 3^ln 3
    more = 3 ** math.log(3) / (1 + 3 ** math.log(3))
    assert layer.weights(states, None)[0, 0].tolist() == [[0.5, 0.5], pytest.approx([1 - more, more])]
    assert layer(states, None)[0, :, 0].tolist() == pytest.approx([math.log(3) / 2, more * math.log(3)])


@pytest.mark.parametrize(("length", "heads", "layers"), [(5, 2, 2), (2, 1, 1), (1, 4, 1)])
def test_the_answer_and_its_maps_are_those_of_the_textbooks_equations(length, heads, layers, numbers, ended):
    made, examples = network(heads=heads, layers=layers), numbers(1, 10)
    answer, maps = by_hand(made, examples.reshape(5, 2).numpy()[:length])
    examples = ended(examples, [length])
    assert made(examples)[0].detach().numpy() == pytest.approx(answer, abs=1e-5)
    assert attention_maps(made, examples)[:, 0, :, :length, :length].numpy() == pytest.approx(maps, abs=1e-5)


@settings(max_examples=30)
@given(heads=st.sampled_from([1, 2, 3]), positions=st.integers(1, 5), masked=st.booleans())
def test_the_fast_path_is_the_weighted_sum_of_the_plain_one(heads, positions, masked, numbers):
    layer = network(width=6, heads=heads).layers[0].attention
    states = numbers(2, positions, 6)
    visible = torch.ones(positions, positions, dtype=torch.bool).tril() if masked else None
    values = layer.value(states).reshape(2, positions, heads, -1).transpose(1, 2)
    plain = layer.output((layer.weights(states, visible) @ values).transpose(1, 2).reshape(states.shape))
    assert layer(states, visible).detach().numpy() == pytest.approx(plain.detach().numpy(), abs=1e-6)


@pytest.mark.parametrize("inputs", [(4,), (3, 4, 5), (6, 2)])
def test_tables_images_and_sequences_are_read_in_positions(inputs):
    sizes = Sizes(inputs, 2)
    assert network(sizes)(torch.zeros(3, sizes.n_inputs)).shape == (3, 2)


# padding and neighbours


@settings(max_examples=30)
@given(lengths=st.lists(st.integers(1, 5), min_size=2, max_size=4), positions=st.sampled_from(list(POSITIONS)))
def test_an_example_is_answered_alone_as_among_others(lengths, positions, numbers, ended):
    made = network(positions=positions)
    batch = ended(numbers(len(lengths), 10), lengths)
    alone = np.concatenate([made(row[None]).detach().numpy() for row in batch])
    assert made(batch).detach().numpy() == pytest.approx(alone, abs=1e-6)


@settings(max_examples=30)
@given(length=st.integers(1, 5), more=st.integers(0, 4), positions=st.sampled_from(list(POSITIONS)))
def test_how_much_is_filled_up_changes_nothing(length, more, positions, numbers):
    short, sequence = network(Sizes((length, 2), 3), positions=positions), numbers(1, 2 * length)
    filled = torch.cat([sequence, torch.full((1, 2 * more), torch.nan)], dim=1)
    longer = network(Sizes((length + more, 2), 3), positions=positions)
    assert short(sequence).detach().numpy() == pytest.approx(longer(filled).detach().numpy(), abs=1e-6)


def test_padding_takes_no_gradient_and_gives_none(numbers, ended):
    examples = ended(numbers(2, 10), [2, 5]).requires_grad_()
    made = network()
    made(examples).sum().backward()
    assert (examples.grad.reshape(2, 5, 2)[0, 2:] == 0).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in made.parameters())


# who sees whom


def test_at_each_position_nothing_that_follows_is_seen():
    made, changed = network(TEXT), CODES.clone()
    changed[0, 3] = 5
    before, after = made(CODES), made(changed)
    assert before.shape == (1, 6, 7)
    assert before[0, :3].detach().numpy() == pytest.approx(after[0, :3].detach().numpy(), abs=1e-6)
    assert not torch.isclose(before[0, 3:], after[0, 3:]).all(dim=1).any()


def test_maps_are_weights_that_sum_to_one_by_layer_and_head(numbers):
    maps = attention_maps(network(layers=3), numbers(4, 10))
    assert maps.shape == (3, 4, 2, 5, 5)
    assert (maps > 0).all()
    assert maps.sum(dim=-1).numpy() == pytest.approx(1, abs=1e-6)


def test_maps_are_zero_after_the_end_and_still_sum_to_one(numbers, ended):
    maps = attention_maps(network(), ended(numbers(2, 10), [2, 5]))
    assert (maps[:, 0, :, :, 2:] == 0).all()
    assert (maps[:, 0, :, :, :2] > 0).all()
    assert (maps[:, 1] > 0).all()
    assert maps.sum(dim=-1).numpy() == pytest.approx(1, abs=1e-6)


def test_maps_of_text_are_zero_above_the_diagonal():
    maps = attention_maps(network(TEXT), CODES)
    later = torch.ones(6, 6, dtype=torch.bool).triu(1)
    assert (maps[..., later] == 0).all()
    assert (maps[..., ~later] > 0).all()
    assert (maps[..., 0, 0] == 1).all()


def test_maps_are_made_without_dropout_and_leave_the_mode_as_it_was(numbers):
    made = network(dropout=0.5).train()
    assert torch.equal(attention_maps(made, numbers(2, 10)), attention_maps(network(), numbers(2, 10)))
    assert made.training
    assert made.layers[0].dropout_1.training
    attention_maps(made.eval(), numbers(2, 10))
    assert not made.training


# positions


def test_every_way_of_the_spec_has_a_layer():
    assert set(POSITIONS) == set(get_args(Attention.model_fields["positions"].annotation))


@told_apart
def test_only_without_positions_is_the_order_lost(positions, numbers):
    made, examples = network(positions=positions, layers=2), numbers(3, 10)
    turned = examples.reshape(3, 5, 2)[:, [3, 0, 4, 2, 1]].flatten(1)
    difference = (made(examples) - made(turned)).abs().max().item()
    assert (difference < 1e-6) == (positions == "none")


def test_sinusoids_are_those_of_the_paper():
    table = sinusoids(30, 6)
    assert table[0].tolist() == [0, 1, 0, 1, 0, 1]
    assert table[7, 4] == pytest.approx(math.sin(7 / 10_000 ** (4 / 6)))
    assert table[7, 3] == pytest.approx(math.cos(7 / 10_000 ** (2 / 6)))


@given(first=st.integers(0, 40), second=st.integers(0, 40), shift=st.integers(0, 40), pairs=st.integers(1, 8))
def test_the_product_of_two_positions_depends_on_their_distance_alone(first, second, shift, pairs):
    # sin a sin b + cos a cos b = cos(a - b)
    table = sinusoids(81, 2 * pairs)
    assert table[first] @ table[second] == pytest.approx(table[first + shift] @ table[second + shift], abs=1e-4)


def test_an_odd_width_ends_with_a_sine(numbers):
    table = sinusoids(9, 5)
    assert table[:, 4] == pytest.approx(np.sin(np.arange(9) / 10_000**0.8), abs=1e-6)
    assert network(width=5, heads=1)(numbers(2, 10)).shape == (2, 3)


# what is drawn, and what is silenced


def test_weights_are_drawn_as_torchs_are_and_positions_as_berts():
    made = network(width=64, heads=4, positions="learned", layers=1)
    attention = made.layers[0].attention
    for values, bound in (
        (attention.key.weight, 1 / 8),
        (made.layers[0].feed_forward[2].weight, 1 / 16),
        (made.positions.table, 0.02 * math.sqrt(3)),
    ):
        scaled = values.detach().numpy().ravel() / bound
        assert np.abs(scaled).max() <= 1 + 1e-6
        assert stats.kstest(scaled, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert (made.norm.weight == 1).all()
    assert (made.layers[0].norm_1.bias == 0).all()


def test_the_same_seed_gives_the_same_bits_whatever_ran_before():
    first = network(TEXT, positions="learned")
    before = torch.get_rng_state()
    again = network(TEXT, positions="learned")
    assert torch.equal(torch.get_rng_state(), before)
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(first.output.weight, network(TEXT, replicate=1).output.weight)


def test_a_wide_network_begins_with_the_numbers_of_a_narrow_one():
    narrow, wide = network(TEXT, positions="learned"), network(TEXT, width=16, positions="learned")
    assert torch.equal(narrow.entry.weight, wide.entry.weight[:, :8])
    assert torch.equal(narrow.positions.table, wide.positions.table[:, :8])
    few, many = (made.layers[1].feed_forward[0].weight.detach().numpy() for made in (narrow, wide))
    assert few * math.sqrt(8) == pytest.approx(many[:32, :8] * math.sqrt(16), abs=1e-6)


@settings(max_examples=40)
@given(
    heads=st.integers(1, 3),
    share=st.integers(2, 5),
    layers=st.integers(1, 3),
    positions=st.sampled_from(list(POSITIONS)),
    sizes=st.sampled_from([SERIES, Sizes((6,), 2), Sizes((2, 3, 4), 10), TEXT]),
)
def test_the_number_of_parameters_is_the_closed_form(heads, share, layers, positions, sizes):
    spec = Attention(width=heads * share, heads=heads, layers=layers, positions=positions)
    made = attention_network(spec, sizes, seed=0, replicate=0)
    assert attention_parameters(spec, sizes) == sum(parameter.numel() for parameter in made.parameters())


@pytest.mark.parametrize("sizes", [SERIES, TEXT], ids=["series", "text"])
def test_gradients_reach_every_parameter(sizes, numbers):
    made = network(sizes, positions="learned")
    examples = CODES if sizes.characters else numbers(2, 10)
    (made(examples) ** 2).mean().backward()
    unmoved = [name for name, parameter in made.named_parameters() if not parameter.grad.abs().max() > 1e-7]
    assert not unmoved


def test_what_each_part_adds_is_silenced(numbers):
    layer, states = network(dropout=0.5, layers=1).layers[0], numbers(2, 5, 8)
    first, second = (CountedDropout(0.5, key=key(5, 0, "dropout"), layer=i) for i in range(2))
    after = states + first(layer.attention(layer.norm_1(states), None))
    wanted = after + second(layer.feed_forward(layer.norm_2(after)))
    assert torch.equal(layer(states, None), wanted)


def test_each_part_is_silenced_in_training_alone(numbers):
    made, examples = network(dropout=0.5), numbers(2, 10)
    assert [layer.layer for layer in dropout_layers(made)] == [0, 1, 2, 3]
    assert {layer.key for layer in dropout_layers(made)} == {key(5, 0, "dropout")}
    assert not dropout_layers(network())
    assert not torch.allclose(made(examples), network()(examples))
    assert torch.equal(made.eval()(examples), network()(examples))


# what it can learn


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_the_sign_of_the_first_of_six_numbers_is_found(positions, numbers):
    made = network(Sizes((6, 1), 1), width=16, positions=positions, layers=1)
    examples = numbers(1500, 6)
    targets = (examples[:, :1] > 0).float()
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
    for step in range(200):
        rows = slice(100 * (step % 10), 100 * (step % 10) + 100)
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(made(examples[rows]), targets[rows]).backward()
        optimizer.step()
    right = ((made(examples[1000:]) > 0) == (targets[1000:] > 0)).float().mean()
    assert right > 0.95  # a guess has 0.5, with a standard error of 0.02
