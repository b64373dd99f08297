"""The recurrent network: its cells by hand, where a sequence ends, and what it can remember."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit
from torch import nn

from etude.engine.architectures.recurrent import CELLS, recurrent_network, recurrent_parameters
from etude.engine.dropout import CountedDropout, dropout_layers
from etude.numerics.seeds import key
from etude.values.errors import EngineError, RecipeError
from etude.values.model import Recurrent
from etude.values.sizes import Sizes

SERIES = Sizes((5, 2), 3)
TEXT = Sizes((6,), 7, characters=7, each_position=True)
cells = pytest.mark.parametrize("cell", CELLS)


def network(sizes=SERIES, *, hidden=4, replicate=0, **fields):
    return recurrent_network(Recurrent(hidden=hidden, **fields), sizes, seed=5, replicate=replicate)


def by_hand(cell: str, sequence: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """The state after the last position, from the equations of the module's docstring."""
    w, u, b, c = weights
    h = memory = np.zeros(u.shape[1])
    for x in sequence:
        read, kept = (np.split(part, len(w) // len(h)) for part in (w @ x + b, u @ h + c))
        if cell == "rnn":
            h = np.tanh(read[0] + kept[0])
        elif cell == "gru":
            r, z = expit(read[0] + kept[0]), expit(read[1] + kept[1])
            h = (1 - z) * np.tanh(read[2] + r * kept[2]) + z * h
        else:
            i, f, g, o = (a + b for a, b in zip(read, kept, strict=True))
            memory = expit(f) * memory + expit(i) * np.tanh(g)
            h = expit(o) * np.tanh(memory)
    return h


def weights_of(layer: nn.RNNBase, direction: int = 0) -> list[np.ndarray]:
    return [weight.detach().numpy().astype(np.float64) for weight in layer.all_weights[direction]]


def answer(made, state: np.ndarray) -> np.ndarray:
    return made.output.weight.detach().numpy() @ state + made.output.bias.detach().numpy()


# what it computes


def test_every_cell_of_the_spec_has_a_layer():
    assert tuple(CELLS) == get_args(Recurrent.model_fields["cell"].annotation)


@cells
def test_the_answer_is_the_last_state_of_the_textbooks_equations(cell, numbers):
    made, examples = network(cell=cell), numbers(1, 10)
    state = by_hand(cell, examples.reshape(5, 2).numpy(), weights_of(made.layers[0]))
    assert made(examples)[0].detach().numpy() == pytest.approx(answer(made, state), abs=1e-6)


@cells
def test_a_sequence_that_ends_early_is_answered_from_its_own_last_state(cell, numbers, ended):
    made, examples = network(cell=cell), numbers(1, 10)
    state = by_hand(cell, examples.reshape(5, 2).numpy()[:3], weights_of(made.layers[0]))
    assert made(ended(examples, [3]))[0].detach().numpy() == pytest.approx(answer(made, state), abs=1e-6)


@pytest.mark.parametrize("length", [3, 5])
def test_a_second_reader_goes_from_the_true_end_to_the_start(length, numbers, ended):
    made, examples = network(bidirectional=True), numbers(1, 10)
    sequence = examples.reshape(5, 2).numpy()[:length]
    there, back = weights_of(made.layers[0]), weights_of(made.layers[0], 1)
    state = np.concatenate([by_hand("gru", sequence, there), by_hand("gru", sequence[::-1], back)])
    assert made(ended(examples, [length]))[0].detach().numpy() == pytest.approx(answer(made, state), abs=1e-6)


def test_a_second_layer_reads_the_states_of_the_first(numbers):
    made, examples = network(cell="rnn", layers=2), numbers(1, 10)
    sequence, first = examples.reshape(5, 2).numpy(), weights_of(made.layers[0])
    states = np.stack([by_hand("rnn", sequence[:n], first) for n in range(1, 6)])
    state = by_hand("rnn", states, weights_of(made.layers[1]))
    assert made(examples)[0].detach().numpy() == pytest.approx(answer(made, state), abs=1e-6)


@pytest.mark.parametrize(("inputs", "reads"), [((4,), 1), ((3, 4, 5), 15), ((6, 2), 2)])
def test_tables_images_and_sequences_are_read_in_positions(inputs, reads):
    sizes = Sizes(inputs, 2)
    made = network(sizes)
    assert made.layers[0].input_size == reads
    assert made(torch.zeros(3, sizes.n_inputs)).shape == (3, 2)


# padding and neighbours


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    cell=st.sampled_from(list(CELLS)),
    layers=st.integers(1, 2),
    bidirectional=st.booleans(),
)
def test_an_example_is_answered_alone_as_among_others(lengths, cell, layers, bidirectional, numbers, ended):
    made = network(cell=cell, layers=layers, bidirectional=bidirectional)
    batch = ended(numbers(len(lengths), 10), lengths)
    together = made(batch).detach().numpy()
    alone = np.concatenate([made(row[None]).detach().numpy() for row in batch])
    assert together == pytest.approx(alone, abs=1e-6)


@settings(max_examples=30)
@given(length=st.integers(1, 5), more=st.integers(0, 4), cell=st.sampled_from(list(CELLS)), bidirectional=st.booleans())
def test_how_much_is_filled_up_changes_nothing(length, more, cell, bidirectional, numbers):
    fields = {"cell": cell, "layers": 2, "bidirectional": bidirectional}
    short, sequence = network(Sizes((length, 2), 3), **fields), numbers(1, 2 * length)
    filled = torch.cat([sequence, torch.full((1, 2 * more), torch.nan)], dim=1)
    longer = network(Sizes((length + more, 2), 3), **fields)
    assert short(sequence).detach().numpy() == pytest.approx(longer(filled).detach().numpy(), abs=1e-6)


def test_padding_takes_no_gradient_and_gives_none(numbers, ended):
    examples = ended(numbers(2, 10), [2, 5]).requires_grad_()
    made = network(layers=2, bidirectional=True)
    made(examples).sum().backward()
    assert (examples.grad.reshape(2, 5, 2)[0, 2:] == 0).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in made.parameters())


# text


@cells
def test_at_each_position_nothing_that_follows_is_seen(cell):
    made = network(TEXT, cell=cell, layers=2)
    text = torch.tensor([[1.0, 0.0, 6.0, 3.0, 2.0, 2.0]])
    changed = text.clone()
    changed[0, 3] = 5
    before, after = made(text), made(changed)
    assert before.shape == (1, 6, 7)
    assert torch.equal(before[0, :3], after[0, :3])
    assert not torch.isclose(before[0, 3:], after[0, 3:]).all(dim=1).any()


def test_a_network_that_would_see_what_it_is_to_predict_is_refused():
    with pytest.raises(EngineError, match=r"look at the very characters.*bidirectional=False.*Nothing was trained"):
        network(TEXT, bidirectional=True)


def test_a_whole_text_can_be_answered_from_both_ends():
    made = network(Sizes((6,), 2, characters=7), bidirectional=True)
    assert made(torch.tensor([[1.0, 0.0, 6.0, 3.0, torch.nan, torch.nan]])).shape == (1, 2)


# what is drawn, and what is silenced


@cells
def test_weights_are_uniform_in_one_over_root_hidden_as_torchs_are(cell):
    made = network(cell=cell, hidden=64)
    for values in (made.layers[0].weight_hh_l0, made.output.weight):
        scaled = values.detach().numpy().ravel() * 8  # √64
        assert np.abs(scaled).max() <= 1
        assert stats.kstest(scaled, stats.uniform(-1, 2).cdf).pvalue > 1e-3


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_gate_that_starts_open_keeps_the_state(cell):
    plain, opened = (network(cell=cell, layers=2, bidirectional=True, forget_bias=bias) for bias in (0, 10))
    changed = {
        name: [int(i) for i in torch.nonzero(one != other)]
        for (name, one), other in zip(plain.named_parameters(), opened.parameters(), strict=True)
        if not torch.equal(one, other)
    }
    readers = [f"layers.{layer}.bias_ih_l0{back}" for layer in (0, 1) for back in ("", "_reverse")]
    assert changed == {reader: [4, 5, 6, 7] for reader in readers}
    assert share_kept(plain.layers[0], cell) < 0.5
    assert share_kept(opened.layers[0], cell) > 0.99


def share_kept(layer: nn.Module, cell: str) -> float:
    """Of a small change of the state, what is left after five steps of silence: the most of any number of it."""
    starts = [torch.full((2, 1, 4), value) for value in (0.0, 0.01)]
    ends = [layer(torch.zeros(1, 5, 2), (torch.zeros(2, 1, 4), one) if cell == "lstm" else one)[1] for one in starts]
    nothing, something = (end[1] if cell == "lstm" else end for end in ends)
    return (something - nothing).max().item() / 0.01


def test_a_plain_cell_has_no_gate_to_open():
    with pytest.raises(RecipeError, match="the cell 'rnn' has none"):
        Recurrent(cell="rnn", forget_bias=1)


def test_the_same_seed_gives_the_same_bits_whatever_ran_before():
    first = network(TEXT, layers=2)
    before = torch.get_rng_state()
    again = network(TEXT, layers=2)
    assert torch.equal(torch.get_rng_state(), before)
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(first.output.weight, network(TEXT, layers=2, replicate=1).output.weight)


@settings(max_examples=40)
@given(
    spec=st.builds(
        Recurrent,
        cell=st.sampled_from(list(CELLS)),
        hidden=st.integers(1, 9),
        layers=st.integers(1, 3),
        bidirectional=st.booleans(),
        embedding=st.integers(1, 5),
    ),
    sizes=st.sampled_from([SERIES, Sizes((6,), 2), Sizes((2, 3, 4), 10), Sizes((6,), 7, characters=7)]),
)
def test_the_number_of_parameters_is_the_closed_form(spec, sizes):
    made = recurrent_network(spec, sizes, seed=0, replicate=0)
    assert recurrent_parameters(spec, sizes) == sum(parameter.numel() for parameter in made.parameters())


@pytest.mark.parametrize(
    "sizes", [SERIES, TEXT, Sizes((6,), 2, characters=7)], ids=["series", "each position", "whole text"]
)
@cells
def test_gradients_reach_every_parameter(cell, sizes, numbers):
    made = network(sizes, cell=cell, layers=2)
    examples = torch.tensor([[1.0, 0.0, 6.0, 3.0, 2.0, 5.0]] * 2) if sizes.characters else numbers(2, 10)
    (made(examples) ** 2).mean().backward()
    unmoved = [name for name, parameter in made.named_parameters() if not parameter.grad.abs().max() > 1e-7]
    assert not unmoved


def test_inputs_of_later_layers_and_of_the_output_are_silenced(numbers):
    made = network(layers=2, dropout=0.5)
    assert [(layer.layer, layer.probability) for layer in dropout_layers(made)] == [(0, 0.5), (1, 0.5)]
    assert not dropout_layers(network(layers=2))
    examples = numbers(2, 10)
    last = made.layers[1](CountedDropout(0.5, key=key(5, 0, "dropout"), layer=0)(made.layers[0](numbers(2, 5, 2))[0]))
    wanted = made.output(CountedDropout(0.5, key=key(5, 0, "dropout"), layer=1)(last[1][0]))
    assert torch.allclose(made(examples), wanted, atol=1e-6)
    assert torch.equal(made.eval()(examples), network(layers=2)(examples))


# what it can learn


@cells
def test_the_sign_of_the_first_of_six_numbers_is_remembered_to_the_end(cell, numbers):
    made = network(Sizes((6, 1), 1), hidden=16, cell=cell)
    examples = numbers(1500, 6)
    targets = (examples[:, :1] > 0).float()
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)
    for step in range(150):
        rows = slice(100 * (step % 10), 100 * (step % 10) + 100)
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(made(examples[rows]), targets[rows]).backward()
        optimizer.step()
    right = ((made(examples[1000:]) > 0) == (targets[1000:] > 0)).float().mean()
    assert right > 0.95  # a guess has 0.5, with a standard error of 0.02
