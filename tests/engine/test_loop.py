"""The reference engine against the loop that a learner writes."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.build import build_model
from etude.engine.loop import train, train_on
from etude.numerics.metrics import classification_scores
from etude.numerics.seeds import stream
from etude.values.errors import EngineError, RecipeError
from etude.values.metric import METRICS_OF
from etude.values.model import Mlp
from etude.values.optimizer import Adam, AdamW, Sgd
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.sizes import Sizes

CPU = torch.device("cpu")


def recipe(**fields) -> Recipe:
    plain = {"data": {"task": "sincos"}, "loss": "bce", "model": Mlp(hidden=(4,)), "epochs": 30, "seed": 3}
    return Recipe(**(plain | fields))


def tensors(part):
    return torch.from_numpy(part.inputs), torch.from_numpy(part.targets).float()[:, None]


def assert_same(one: Run, other: Run) -> None:
    assert (one.ended, one.last_step, one.kept_step) == (other.ended, other.last_step, other.kept_step)
    assert list(one.curves) == list(other.curves)
    assert list(one.arrays) == list(other.arrays)
    for name, curve in one.curves.items():
        assert curve.unit == other.curves[name].unit
        assert np.array_equal(curve.steps, other.curves[name].steps)
        assert np.array_equal(curve.values, other.curves[name].values, equal_nan=True), name
    for name, array in one.arrays.items():
        assert np.array_equal(array, other.arrays[name], equal_nan=True), name


# what a learner writes, against what the engine does


def test_full_batch_training_is_the_notebooks_loop(binary):
    run = train_on(recipe(), binary, 2)
    model = build_model(recipe(), Sizes((2,), 1), replicate=2, device=CPU)
    loss_function, optimizer = nn.BCELoss(), torch.optim.Adam(model.parameters(), lr=1e-3)
    (inputs, targets), (held, truth) = tensors(binary.train), tensors(binary.validation)
    train_losses, validation_losses = [], []
    for _ in range(30):
        model.train()
        optimizer.zero_grad()
        loss = loss_function(torch.sigmoid(model(inputs)), targets)
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            validation_losses.append(loss_function(torch.sigmoid(model(held)), truth).item())
        train_losses.append(loss.item())
    assert run.curve("train/objective").values == pytest.approx(train_losses, abs=1e-6)
    assert run.curve("validation/objective").values == pytest.approx(validation_losses, abs=1e-6)
    assert run.curve("train/objective").unit == "nats"


def test_mini_batches_clipping_and_a_schedule_are_the_notebooks_loop(binary):
    given = recipe(
        batch_size=25, clip_norm=0.1, optimizer=Sgd(learning_rate=0.5), schedule={"name": "cosine"}, epochs=8
    )
    run = train_on(given, binary, 1)
    model = build_model(given, Sizes((2,), 1), replicate=1, device=CPU)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8 * 3)
    inputs, targets = tensors(binary.train)
    losses, rates = [], []
    for epoch in range(1, 9):
        batch_losses = []
        for rows in np.split(stream(3, 1, "order", epoch).permutation(60), [25, 50]):
            optimizer.zero_grad()
            loss = nn.BCEWithLogitsLoss()(model(inputs[rows]), targets[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
            batch_losses.append(loss.item())
        losses.append(np.mean(batch_losses))
    assert run.curve("train/objective").values == pytest.approx(losses, abs=1e-6)
    assert run.curve("train/objective").steps.tolist() == list(range(3, 25, 3))
    assert run.curve("learning_rate").values == pytest.approx(rates[2::3], rel=1e-9)
    assert run.last_step == 24


def test_coupled_decay_joins_the_gradient_and_is_no_part_of_the_objective(binary):
    # after one step of SGD: w minus rate · (gradient + λ w), so decay moves w by rate · λ · w towards 0
    one = {"epochs": 1, "optimizer": Sgd(learning_rate=0.1)}
    with_decay = {"epochs": 1, "optimizer": Sgd(learning_rate=0.1, coupled_weight_decay=0.5)}
    plain, decayed = (train_on(recipe(**fields), binary, 0) for fields in (one, with_decay))
    start = build_model(recipe(), Sizes((2,), 1), replicate=0, device=CPU).hidden_1.weight.detach().numpy()
    name = "weights/hidden_1.weight"
    assert decayed.arrays[name] == pytest.approx(plain.arrays[name] - 0.1 * 0.5 * start, abs=1e-6)
    assert decayed.curve("train/objective").values[0] == plain.curve("train/objective").values[0]


def test_a_regression_is_trained_on_the_standardised_target_and_scored_in_its_own_unit(regression):
    run = train_on(recipe(loss="mse", epochs=5), regression, 0)
    objective, score = run.curve("validation/objective"), run.curve("validation/squared_error")
    # the model is scored after the epoch as the objective is, so one is the other times the target's variance
    assert score.at(5) == pytest.approx(objective.at(5) * regression.target_scale**2, rel=1e-5)
    assert 2 < run.arrays["decision/p"].mean() < 100


def test_two_outputs_of_cross_entropy_score_as_one_logit(binary):
    run = train_on(recipe(loss="cross_entropy", epochs=5), binary, 0)
    assert run.arrays["weights/output.weight"].shape == (2, 4)
    assert run.curve("validation/log_loss").at(5) == pytest.approx(run.curve("validation/objective").at(5), abs=1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_many_classes_are_learned(multiclass, loss):
    run = train_on(recipe(loss=loss, epochs=200, optimizer=Adam(learning_rate=0.02)), multiclass, 0)
    assert run.score("accuracy", "train") > run.curve("train/accuracy").at(0)
    assert "decision/p" not in run.arrays


# the points of a curve


def test_scores_are_taken_before_training_then_at_intervals_and_at_the_end(binary):
    run = train_on(recipe(epochs=10, score_every=4), binary, 0)
    assert run.curve("test/brier").steps.tolist() == [0, 4, 8, 10]
    assert run.curve("train/objective").steps.tolist() == list(range(1, 11))
    names = {f"{split}/{metric}" for split in ("train", "validation", "test") for metric in METRICS_OF["binary"]}
    assert set(run.curves) == names | {"train/objective", "validation/objective"}


def test_by_default_there_are_about_a_hundred_scorings(binary):
    assert train_on(recipe(epochs=250, model=Mlp(hidden=())), binary, 0).curve("test/brier").steps.size == 85  # 0, 3, …


def test_a_score_is_the_metric_of_the_weights_at_that_step(binary):
    run = train_on(recipe(epochs=3), binary, 0)
    model = build_model(recipe(), Sizes((2,), 1), replicate=0, device=CPU)
    with torch.no_grad():
        before = model(torch.from_numpy(binary.test.inputs)).numpy().T
    values, errors = classification_scores(before, binary.test.targets)["log_loss"]
    assert run.curve("test/log_loss").at(0) == pytest.approx(values[0])
    assert run.curve("test/log_loss").standard_errors[0] == pytest.approx(errors[0])


def test_scoring_more_often_changes_no_training(binary):
    given = {"model": Mlp(hidden=(8,), dropout=0.3), "batch_size": 20}
    often, seldom = (train_on(recipe(score_every=n, **given), binary, 0) for n in (1, 30))
    assert np.array_equal(often.curve("train/objective").values, seldom.curve("train/objective").values)
    assert often.score("log_loss", "test") == seldom.score("log_loss", "test")


def test_without_a_test_part_there_are_no_test_scores(binary):
    splits = copy.copy(binary)
    object.__setattr__(splits, "test", None)
    assert not [name for name in train_on(recipe(epochs=1), splits, 0).curves if name.startswith("test/")]


# how a run ends


def test_early_stopping_keeps_the_best_weights(binary):
    stopping = {"patience": 5}
    run = train_on(recipe(early_stopping=stopping, optimizer=Adam(learning_rate=0.3), epochs=500), binary, 0)
    validation = run.curve("validation/objective")
    best = int(validation.steps[validation.values.argmin()])
    assert run.ended == "stopped early"
    assert (run.kept_step, run.last_step) == (best, best + 5)
    assert best in run.curve("validation/log_loss").steps
    assert run.score("log_loss", "validation") == pytest.approx(validation.at(best), abs=1e-6)
    shorter = train_on(recipe(optimizer=Adam(learning_rate=0.3), epochs=best), binary, 0)
    for name, weights in shorter.arrays.items():
        assert np.array_equal(weights, run.arrays[name]), name


def test_a_run_that_reaches_its_end_still_keeps_its_best_weights(binary):
    stopping = {"patience": 1000}
    run = train_on(recipe(early_stopping=stopping, optimizer=Adam(learning_rate=0.3), epochs=300), binary, 0)
    validation = run.curve("validation/objective")
    assert (run.ended, run.last_step) == ("completed", 300)
    assert run.kept_step == validation.steps[validation.values.argmin()] < 300


def test_an_improvement_within_min_delta_is_none(binary):
    run = train_on(recipe(early_stopping={"patience": 3, "min_delta": 100.0}), binary, 0)
    assert (run.kept_step, run.last_step) == (1, 4)  # the first epoch is better than nothing, no other is by 100


def test_a_run_that_diverges_is_data(regression, recwarn):
    given = recipe(loss="mse", optimizer=Sgd(learning_rate=1e12), epochs=50, batch_size=15)
    run = train_on(given, regression, 0)
    objective = run.curve("train/objective")
    assert run.ended == "diverged"
    assert not np.isfinite(objective.values[-1])
    assert np.isfinite(objective.values[:-1]).all()
    assert run.last_step == objective.steps[-1] == run.curve("test/squared_error").steps[-1]
    assert np.isnan(run.score("squared_error", "test"))
    assert not recwarn.list


def test_the_step_of_a_divergence_is_that_of_its_batch(binary):
    calls = iter(range(100))

    def breaks_in_its_fifth_training_batch(outputs, targets):
        training = torch.is_grad_enabled() and len(outputs) == 20
        return outputs.mean() * (float("nan") if training and next(calls) == 4 else 1.0)

    run = train_on(recipe(loss=breaks_in_its_fifth_training_batch, batch_size=20), binary, 0)
    assert (run.ended, run.last_step) == ("diverged", 5)
    assert run.curve("train/objective").steps.tolist() == [3, 5]


# the same seed gives the same bits


@pytest.mark.parametrize(
    "fields",
    [
        {"model": Mlp(hidden=(6, 5), dropout=0.2), "batch_size": 16},
        {"model": lambda: nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 1))},
        {"optimizer": AdamW(), "early_stopping": {"patience": 2}},
    ],
    ids=["ours", "a user's with its own dropout", "stopped"],
)
def test_the_same_replicate_twice_is_the_same_run_whatever_ran_between(binary, fields):
    first = train_on(recipe(**fields), binary, 4)
    torch.rand(3)
    np.random.default_rng().random(3)
    torch.set_num_threads(2)
    with torch.no_grad():
        assert_same(first, train_on(recipe(**fields), binary, 4))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_training_leaves_the_callers_chance_alone(binary):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    train_on(recipe(model=lambda: nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.1)), epochs=2), binary, 0)
    assert torch.equal(torch.rand(1), expected)


def test_arms_share_the_order_of_their_batches(binary):
    # a loss that sees each batch: both widths must be shown the same targets in the same order
    seen: dict[int, list[float]] = {}
    for width in (2, 9):
        seen[width] = []

        def note(outputs, targets, into=seen[width]):
            if torch.is_grad_enabled():
                into += targets[:, 0].tolist()
            return outputs.square().mean()

        train_on(recipe(loss=note, model=Mlp(hidden=(width,)), batch_size=7, epochs=3), binary, 0)
    assert seen[2] == seen[9]
    first, second, third = (seen[2][-60 * k :][:60] for k in (3, 2, 1))
    assert sum(first) == sum(second) == sum(third)
    assert first != second != third


# the user's own parts


def test_a_users_loss_gets_targets_of_its_outputs_shape(binary):
    def absolute(outputs, targets):
        assert outputs.shape == targets.shape
        assert targets.dtype == torch.float32
        return (torch.sigmoid(outputs) - targets).abs().mean()

    run = train_on(recipe(loss=absolute, epochs=2), binary, 0)
    assert run.curve("train/objective").unit.startswith("as defined by test_a_users_loss")


def test_a_torch_loss_is_the_named_one(binary):
    named, own = (train_on(recipe(loss=loss), binary, 0) for loss in ("bce", nn.BCEWithLogitsLoss()))
    assert np.array_equal(named.curve("train/objective").values, own.curve("train/objective").values)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (nn.MSELoss(reduction="none"), r"returned a tensor of shape \(2, 1\).*mean over the rows"),
        (lambda outputs, targets: 0.5, r"returned a float"),
        (lambda outputs, targets: targets.mean(), r"depends on the outputs"),
    ],
)
def test_a_loss_that_is_no_scalar_is_refused(binary, loss, says):
    with pytest.raises(EngineError, match=says):
        train_on(recipe(loss=loss), binary, 0)


def test_what_a_users_model_raises_is_said_with_its_name_and_replicate(binary):
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, inputs):
            if self.training:
                raise KeyError("no such head")
            return self.layer(inputs)

    with pytest.raises(EngineError, match=r"model .*Broken failed in replicate 7: KeyError: 'no such head'"):
        train_on(recipe(model=Broken), binary, 7)


def test_batch_norm_trains_and_its_statistics_are_kept(binary):
    def network():
        return nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1))

    stopping = {"patience": 5}
    run = train_on(
        recipe(model=network, early_stopping=stopping, optimizer=Adam(learning_rate=0.3), epochs=300), binary, 0
    )
    assert run.kept_step < run.last_step
    at_best = run.curve("validation/objective").at(run.kept_step)
    assert run.score("log_loss", "validation") == pytest.approx(at_best, abs=1e-6)


def test_a_batch_larger_than_the_training_part_is_refused(binary):
    with pytest.raises(RecipeError, match=r"batch_size 61 is larger than the training part, which has 60 rows"):
        train_on(recipe(batch_size=61), binary, 0)


# what else a run holds


def test_a_run_says_where_it_comes_from(binary):
    run = train_on(recipe(), binary, 6)
    assert (run.name, run.replicate, run.recipe, run.notes) == ("replicate 6", 6, recipe(), ("a note",))
    assert run.provenance["parameters"] == 17  # 2·4 + 4 + 4 + 1
    assert run.provenance["data"] == "made here"
    assert (run.provenance["engine"], run.provenance["threads"]) == ("loop", 1)
    assert run.provenance["seconds"] > 0


def test_train_loads_the_replicates_own_rows():
    given = recipe(data={"task": "sincos", "rows": 50, "test_rows": 100}, epochs=2)
    first, second = (train(given, replicate) for replicate in (0, 1))
    assert first.provenance["data"] != second.provenance["data"]
    assert_same(first, train(given, 0))


def test_the_training_loss_falls_from_scoring_to_scoring():
    given = recipe(
        data={"task": "sincos", "rows": 500}, epochs=400, model=Mlp(hidden=(16,)), optimizer=Adam(learning_rate=0.02)
    )
    losses = train(given, 0).curve("train/log_loss").values[::20]
    assert all(later < earlier for earlier, later in pairwise(losses))
