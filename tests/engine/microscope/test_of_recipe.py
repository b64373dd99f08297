"""A recipe's own training under the microscope: the reference loop, looked at on its way and not moved by it."""

import numpy as np
import pytest
import torch

from etude.data.load import load
from etude.engine.loop import fit
from etude.engine.machine import device_called, own_torch, seed_torch
from etude.engine.microscope.asked import Wanted
from etude.engine.microscope.of_recipe import Eye, flipped_rows, planned_steps, stepped
from etude.engine.trial import Trial, prepare
from etude.values.errors import EngineError
from etude.values.recipe import Recipe

SINCOS = {"task": "sincos", "rows": 80, "flip": 0.1}
BARE = Wanted(path=False, pulls=False, line=False, network=False)


def recipe(**fields) -> Recipe:
    return Recipe(**{"data": SINCOS, "loss": "bce", "epochs": 3, "model": {"name": "mlp", "hidden": [6]}, **fields})


RECIPES = {
    "the whole part at each step": recipe(epochs=8),
    "batches, dropout and a schedule": recipe(
        batch_size=24,
        model={"name": "mlp", "hidden": [6, 6], "dropout": 0.4},
        schedule={"name": "cosine", "warm_up": 1.0},
        optimizer={"name": "adamw", "learning_rate": 0.01},
    ),
    "batch norm and clipping": recipe(
        batch_size=16,
        model={"name": "mlp", "hidden": [6], "norm": "batch"},
        clip_norm=0.05,
        optimizer={"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    "smoothed labels": recipe(
        label_smoothing=0.1, class_weights="balanced", optimizer={"name": "rmsprop", "momentum": 0.5}
    ),
}


def prepared(chosen: Recipe) -> Trial:
    splits = load(chosen.data, seed=chosen.seed, replicate=1)
    return prepare(chosen, splits, 1, device=device_called("cpu"))


def weights_after(chosen: Recipe, *, looked_at: bool) -> list[np.ndarray]:
    with own_torch(torch.device("cpu")):
        trial = prepared(chosen)
        seed_torch(chosen.seed, 1, building=False)
        last = planned_steps(chosen, trial.splits)
        if looked_at:
            Eye(trial, (1, 2, last), BARE).follow()
        else:
            fit(trial)
    return [values for _, values in trial.weights()]


@pytest.mark.parametrize("name", RECIPES)
def test_training_ends_at_the_very_weights_that_it_ends_at_unseen(name):
    seen, unseen = (weights_after(RECIPES[name], looked_at=one) for one in (True, False))
    assert all(np.array_equal(one, other) for one, other in zip(seen, unseen, strict=True))


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_step_did_is_where_the_next_one_begins(name):
    first, second = stepped(RECIPES[name], 0, (2, 3), BARE)
    for one, other in zip(first.tensors, second.tensors, strict=True):
        assert other.weights == pytest.approx(one.weights + one.step, abs=0)  # both are sums of float32 in float64


def test_records_come_in_the_order_that_was_asked_for_with_the_rate_of_their_step():
    chosen = recipe(epochs=4, schedule={"name": "step", "every": 2, "factor": 0.5})
    late, early = stepped(chosen, 0, (3, 1), BARE)
    assert (late.step, early.step) == (3, 1)
    assert late.rate == early.rate / 2


def test_the_step_is_clipped_as_the_recipe_says_whatever_was_wanted():
    (record,) = stepped(RECIPES["batch norm and clipping"], 0, (1,), Wanted(clip_norm=1e9, path=False))
    assert record.gradient_norm > 0.05
    assert any(factor.name == "clipping" for factor in record.tensors[0].factors)


def test_the_same_replicate_gives_the_same_record():
    one, other = (stepped(recipe(batch_size=24), 3, (2,))[0] for _ in range(2))
    assert one.worked == other.worked
    assert one.path == other.path
    assert stepped(recipe(batch_size=24), 4, (2,), BARE)[0].loss != one.loss


def test_labels_flipped_on_purpose_are_known_row_by_row():
    chosen = recipe()
    splits = load(chosen.data, seed=0, replicate=0)
    flipped = flipped_rows(chosen, splits, 0)
    clean = load(chosen.data.model_copy(update={"flip": 0.0}), seed=0, replicate=0)
    assert np.array_equal(clean.train.inputs, splits.train.inputs)
    assert 0 < flipped.sum() < 20
    assert np.array_equal(np.where(flipped, 1 - clean.train.targets, clean.train.targets), splits.train.targets)


def test_of_data_that_nobody_flipped_nothing_is_known():
    chosen = recipe(data={"bundled": "wine"}, loss="cross_entropy")
    assert flipped_rows(chosen, load(chosen.data, seed=0, replicate=0), 0) is None


def test_flips_follow_their_rows_into_a_batch():
    chosen = recipe(batch_size=16, data={**SINCOS, "flip": 0.4})
    (record,) = stepped(chosen, 0, (2,), Wanted(path=False, line=False, network=False))
    told = {one.example: one for one in (*record.pulls.helped, *record.pulls.hurt)}
    # of the same batch without flips exactly the flipped examples have another label
    twin = recipe(batch_size=16, data={**SINCOS, "flip": 0.0})
    (other,) = stepped(twin, 0, (2,), Wanted(path=False, line=False, network=False))
    labels = {one.example: one.label for one in (*other.pulls.helped, *other.pulls.hurt)}
    both = told.keys() & labels.keys()
    assert {example for example in both if told[example].label != labels[example]} == {
        example for example in both if told[example].flipped
    }
    assert {told[example].flipped for example in both} == {True, False}


def test_what_a_network_of_two_features_answers_is_drawn_and_the_plane_that_training_went_through():
    first, _, last = stepped(recipe(epochs=9), 0, (1, 4, 9), Wanted(surface=True, path=False, pulls=False))
    assert first.boundary.bayes is not None
    assert len(first.boundary.lines) == 6
    assert first.surface is None
    assert last.surface.trajectory.shape == (4, 2)
    assert last.surface.steps == (0, 3, 8, 9)


def test_dead_units_are_looked_for_on_the_training_part():
    (record,) = stepped(recipe(batch_size=16), 0, (1,), BARE)
    relu = next(one for one in record.layers if one.kind == "ReLU")
    assert relu.dead_on_set <= relu.dead


def test_a_record_says_where_it_comes_from():
    (record,) = stepped(recipe(), 5, (1,), BARE)
    assert (record.provenance["replicate"], record.provenance["recipe"]) == (5, recipe().checksum)
    assert record.provenance["torch"] == torch.__version__


@pytest.mark.parametrize("step", [0, 4])
def test_a_step_that_a_recipe_does_not_take_is_refused(step):
    with pytest.raises(EngineError, match=rf"step {step} is asked for, and this recipe takes the steps 1 to 3"):
        stepped(recipe(), 0, (step,))


def test_a_run_that_ends_before_its_time_says_where():
    chosen = recipe(
        epochs=100, early_stopping={"patience": 1, "min_delta": 1e9}, optimizer={"name": "sgd", "learning_rate": 1e-6}
    )
    with pytest.raises(EngineError, match=r"step 50 is asked for, and this run stopped early at step 2"):
        stepped(chosen, 0, (1, 50), BARE)


def test_no_step_at_all_is_refused():
    with pytest.raises(EngineError, match=r"no step is asked for"):
        stepped(recipe(), 0, ())
