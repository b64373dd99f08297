"""What of a transformer's attention is kept with its run: whose, how much, and what it adds up to."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from etude.data.splits import Part, Splits
from etude.engine.architectures.attention import attention_maps
from etude.engine.attended import LONGEST_CHARACTERS, LONGEST_STEPS, MOST_NUMBERS, attended, coarser
from etude.engine.build import build_model
from etude.engine.loop import train_on
from etude.engine.trial import prepare
from etude.values.model import Attention, Mlp
from etude.values.recipe import Recipe

MODEL = Attention(width=8, heads=2, layers=3)


def series(*, rows=12, positions=6, lengths=None, kind="multiclass") -> Splits:
    """Noise of two channels in three classes, some of which ends early."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(rows, positions, 2)).astype(np.float32)
    for row, n in zip(inputs, lengths or [positions] * rows, strict=True):
        row[n:] = np.nan
    targets = (np.arange(rows)[::-1] % 3).astype(float)
    part = Part(inputs.reshape(rows, -1), targets)
    classes = ("a", "b", "c") if kind == "multiclass" else ()
    return Splits(part, part, part, kind, classes, (), 0.0, 1.0, "", form=(positions, 2))


def text(*, rows=12, positions=40, each_position=True) -> Splits:
    codes = np.random.default_rng(0).integers(0, 5, (rows, positions + 1)).astype(np.float32)
    targets = codes[:, 1:].astype(float) if each_position else np.arange(rows) % 3.0
    part = Part(codes[:, :-1], targets)
    classes = tuple("abcde") if each_position else ("x", "y", "z")
    form = {"form": (positions,), "characters": 5, "each_position": each_position}
    return Splits(part, part, part, "multiclass", classes, (), 0.0, 1.0, "", **form)


def trial_of(splits, *, model=MODEL):
    loss = "mse" if splits.kind == "regression" else "cross_entropy"
    recipe = Recipe(data={"task": "sincos"}, loss=loss, model=model, epochs=1, batch_size=6)
    return prepare(recipe, splits, 0, device=torch.device("cpu")), recipe


def kept(splits, **more):
    trial, _ = trial_of(splits, **more)
    return {name.removeprefix("attention/"): array for name, array in attended(trial, splits).items()}, trial


def test_what_is_kept_are_the_maps_of_the_first_example_of_each_class():
    splits = series()
    made, trial = kept(splits)
    rows = [2, 1, 0]  # the classes count down from row 0
    whole = attention_maps(trial.model, torch.from_numpy(splits.test.inputs[rows]))
    assert made["maps"].shape == (3, 3, 2, 6, 6)
    assert made["maps"] == pytest.approx(whole.numpy().swapaxes(0, 1), abs=1e-3)
    assert made["truth"].tolist() == [0, 1, 2]
    said = trial.outputs(splits.test.inputs[rows]).argmax(axis=1)
    assert made["said"].tolist() == said.tolist()
    assert (int(made["each"]), made["cells"].tolist()) == (1, [6, 6, 6])


def test_nothing_after_the_end_of_an_example_is_kept():
    made, _ = kept(series(lengths=[3, 5, 4] * 4))
    assert made["cells"].tolist() == [4, 5, 3]
    assert made["maps"].shape[-1] == 5
    for maps, n in zip(made["maps"].astype(float), made["cells"], strict=True):
        assert maps[..., :n, :n].sum(axis=-1) == pytest.approx(1, abs=2e-3)
        assert not maps[..., n:].any()
        assert not maps[..., n:, :].any()


def test_a_long_example_is_kept_in_cells_of_several_positions():
    made, _ = kept(series(positions=70, lengths=[70, 65, 9] * 4), model=Attention(width=4, heads=1, layers=1))
    assert int(made["each"]) == 3  # 70 positions in at most 32 cells
    assert made["cells"].tolist() == [3, 22, 24]
    assert made["maps"].shape[-1] <= LONGEST_STEPS
    assert made["maps"][2].sum(axis=-1) == pytest.approx(1, abs=2e-3)


def test_a_text_is_cut_and_loses_nothing_since_none_looks_ahead():
    made, trial = kept(text())
    n = LONGEST_CHARACTERS
    assert (made["maps"].shape[-1], int(made["each"])) == (n, 1)
    assert made["maps"].astype(float).sum(axis=-1) == pytest.approx(1, abs=2e-3)
    assert not np.triu(made["maps"], 1).any()
    assert made["codes"].shape == made["truth"].shape == made["said"].shape == (3, n)
    assert made["codes"][:, 1:].tolist() == made["truth"][:, :-1].tolist()
    first = trial.splits.test.inputs[[2]]  # of twelve, at a fourth
    assert made["codes"][0].tolist() == first[0, :n].tolist()
    assert made["said"][0].tolist() == trial.outputs(first)[0, :n].argmax(axis=1).tolist()


def test_words_keep_their_characters_where_they_are_short_enough_to_be_read():
    short, _ = kept(text(positions=7, each_position=False))
    assert short["codes"].shape == (3, 7)
    long, _ = kept(text(each_position=False))
    assert "codes" not in long
    assert int(long["each"]) == 2


def test_of_a_regression_the_target_and_the_answer_are_kept():
    splits = series(kind="regression")
    made, trial = kept(splits)
    assert made["truth"].tolist() == splits.test.targets[:3].tolist()
    assert made["said"] == pytest.approx(trial.outputs(splits.test.inputs[:3])[:, 0], abs=1e-6)


@pytest.mark.parametrize(("layers", "heads"), [(1, 1), (2, 4), (6, 8), (12, 12)])
def test_however_many_heads_there_are_so_many_numbers_are_kept_at_most(layers, heads):
    made, _ = kept(series(positions=32), model=Attention(width=12 * heads, heads=heads, layers=layers))
    assert made["maps"].dtype == np.float16
    assert made["maps"].size <= MOST_NUMBERS
    assert made["maps"].size >= MOST_NUMBERS / 16
    assert all(not array.flags.writeable and array.base is None for array in made.values())


def test_another_model_and_one_that_diverged_keep_nothing():
    splits = series()
    assert kept(splits, model=Mlp(hidden=(4,)))[0] == {}
    trial, _ = trial_of(splits)
    with torch.no_grad():
        trial.model.layers[0].attention.query.weight.fill_(torch.nan)
    assert attended(trial, splits) == {}


def test_a_run_holds_the_maps_of_what_it_trained_and_the_same_seed_the_same_bits():
    splits = series()
    _, recipe = trial_of(splits)
    one, other = (train_on(recipe, splits, 0).arrays["attention/maps"] for _ in range(2))
    assert one.tobytes() == other.tobytes()
    untrained = build_model(recipe, splits.sizes(3), replicate=0, device=torch.device("cpu"))
    before = attention_maps(untrained, torch.from_numpy(splits.test.inputs[[2, 1, 0]])).numpy().swapaxes(0, 1)
    assert np.abs(one - before).max() > 1e-3


@given(positions=st.integers(1, 9), each=st.integers(1, 5), seed=st.integers(0, 99))
def test_coarser_maps_are_those_of_the_slow_obvious_twin(positions, each, seed):
    weights = np.random.default_rng(seed).dirichlet(np.ones(positions), size=positions).astype(np.float32)
    groups = [range(start, min(start + each, positions)) for start in range(0, positions, each)]
    twin = [[np.mean([weights[i, list(across)].sum() for i in down]) for across in groups] for down in groups]
    assert coarser(weights, each) == pytest.approx(np.array(twin), abs=1e-6)
    assert coarser(weights, each).sum(axis=1) == pytest.approx(1, abs=1e-6)
