"""Images, series and text through the engines: what is trained on and what is scored."""

import math

import numpy as np
import pytest
from torch import nn

from etude.data.fetch import found
from etude.data.images import COLLECTIONS
from etude.data.splits import Part, Splits
from etude.engine import loop
from etude.engine.engines import check
from etude.engine.native.library import core
from etude.engine.native.replicate import train
from etude.engine.native.training import Stop
from etude.engine.scoring import MOST_POSITIONS, MOST_SCORED, notes_on_scoring, predictions, scored_rows
from etude.engine.weights import WEIGHTS
from etude.values.errors import EngineError, RecipeError
from etude.values.recipe import Recipe

ADAM = {"name": "adam", "learning_rate": 0.01}


def parts(rows: int, targets: tuple[int, ...] = ()) -> Splits:
    inputs = np.zeros((rows, 4), dtype=np.float32)
    part = Part(inputs, np.zeros((rows, *targets)))
    return Splits(part, part, None, "multiclass", ("a", "b"), (), 0.0, 1.0, "", each_position=bool(targets))


def test_all_rows_are_scored_while_they_are_few_and_then_evenly_spaced_ones():
    assert scored_rows(parts(MOST_SCORED)) == {"train": None, "validation": None}
    chosen = scored_rows(parts(25_000))["train"]
    assert len(chosen) == MOST_SCORED
    assert (chosen[0], chosen[-1]) == (0, 24_999)
    assert set(np.diff(chosen)) == {2, 3}
    (note,) = notes_on_scoring(parts(25_000))
    assert note == "scores are those of evenly spaced rows: 10,000 of 25,000 train, 10,000 of 25,000 validation"


def test_where_each_position_is_asked_positions_are_what_is_bounded():
    assert len(scored_rows(parts(5_000, (64,)))["train"]) == MOST_POSITIONS // 64


def test_each_position_is_a_row_of_the_scores():
    outputs = np.arange(2 * 3 * 5 * 2, dtype=np.float32).reshape(2, 3, 5, 2)
    assert predictions(outputs, parts(3, (5,))).shape == (2, 15, 2)


def test_text_is_learned_at_every_position(tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("abcdefgh" * 300, encoding="utf-8")
    for model in ("recurrent", "attention"):
        recipe = Recipe(
            data={"text": str(book), "length": 10},
            model=model,
            loss="cross_entropy",
            epochs=12,
            batch_size=16,
            optimizer=ADAM,
            score_every=12,
        )
        run = loop.train(recipe, 0)
        assert run.curve("test/log_loss").values[0] == pytest.approx(math.log(8), abs=0.8)
        assert run.score("accuracy", "test") == 1  # each letter follows from the one before


def test_series_of_unequal_length_are_learned_by_what_can_stop_early_and_refused_by_the_rest(tmp_path):
    lines = ["1,2,3:up", "3,2,1:down", "1,2,3,4:up", "4,3,2,1:down", "2,3,4,5,6:up", "6,5,4,3,2:down"] * 8
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"S_{part}.ts").write_text("@classLabel true up down\n@data\n" + "\n".join(lines), encoding="utf-8")
    fields = {"data": {"series": str(tmp_path / "S_TRAIN.ts")}, "loss": "bce", "epochs": 30, "optimizer": ADAM}
    for cell in ("rnn", "gru", "lstm"):
        run = loop.train(Recipe(model={"name": "recurrent", "cell": cell}, score_every=30, **fields), 0)
        assert run.score("accuracy", "test") == 1
    with pytest.raises(RecipeError, match=r"the model mlp reads examples of one length.*'recurrent' or 'attention'"):
        check(Recipe(**fields))


def test_a_text_is_refused_by_a_model_of_numbers_with_those_that_read_it(tmp_path):
    (tmp_path / "t.txt").write_text("ab" * 500, encoding="utf-8")
    recipe = Recipe(data={"text": str(tmp_path / "t.txt")}, loss="cross_entropy")
    with pytest.raises(EngineError, match=r"the model mlp takes numbers.*'recurrent' or 'attention'"):
        check(recipe)
    own = Recipe(data={"text": str(tmp_path / "t.txt")}, loss="cross_entropy", model=lambda: nn.Linear(64, 2))
    with pytest.raises(EngineError, match=r"into \(2, 2\); this data and loss need \(2, 64, 2\).*a position of one"):
        check(own)


@pytest.mark.skipif(core() is None, reason="the native engine was not built here")
@pytest.mark.skipif(
    not all(map(found, COLLECTIONS["mnist"].edition().files)), reason="mnist is not here; `make sets` has it"
)
def test_a_small_convnet_on_genuine_digits_is_trained_by_the_native_engine_as_by_loop():
    recipe = Recipe(
        data={"images": "mnist", "rows": 300, "test_rows": 200},
        model={"name": "convnet", "channels": [4, 8]},
        loss="cross_entropy",
        epochs=2,
        batch_size=50,
        optimizer=ADAM,
    )
    assert check(recipe).engine == "native"
    ours, reference = train(core(), recipe, 0, stop=Stop()), loop.train(recipe, 0)
    for name, curve in reference.curves.items():
        assert ours.curve(name).values == pytest.approx(curve.values, rel=1e-4, abs=1e-5), name


@pytest.mark.skipif(
    found(WEIGHTS["efficientnet_lite0"]) is None, reason="the weights are not here; `make sets` has them"
)
@pytest.mark.skipif(
    not all(map(found, COLLECTIONS["mnist"].edition().files)), reason="mnist is not here; `make sets` has it"
)
def test_a_linear_probe_learns_its_last_layer_alone_and_fine_tuning_everything():
    fields = {
        "data": {"images": "mnist", "rows": 120, "test_rows": 100},
        "loss": "cross_entropy",
        "batch_size": 30,
        "optimizer": ADAM,
        "score_every": 20,
    }
    probe = loop.train(Recipe(model={"name": "pretrained", "pixels": 32}, epochs=20, **fields), 0)
    assert probe.provenance["parameters"] == 1281 * 10
    assert probe.score("accuracy", "test") > 0.5  # chance is 0.1
    tuned = loop.train(Recipe(model={"name": "pretrained", "pixels": 32, "train": "all"}, epochs=1, **fields), 0)
    assert tuned.provenance["parameters"] > 3_000_000
