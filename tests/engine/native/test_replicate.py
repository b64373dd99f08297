"""One replicate in the core against the same in `loop`."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from etude.data.splits import Part, Splits
from etude.engine import loop, losses
from etude.engine.architectures.mlp import initial_parameters
from etude.engine.machine import own_torch
from etude.engine.native import library
from etude.engine.native.replicate import LOSSES, Interrupted, rows_of, train_on
from etude.engine.native.training import Stop
from etude.values.errors import EngineError
from etude.values.model import Mlp
from etude.values.optimizer import Adam, AdamW, Optimizer, Rmsprop, Sgd
from etude.values.recipe import Recipe

TASK = {"task": "sincos"}

# Architectures, hyperparameters and sizes are drawn; the learning rates are moderate and the runs have a few dozen
# steps at most, so that rounding stays rounding: it grows where a pre-activation lies within rounding of a kink, and in
# Adam and RMSprop, which blow a gradient of pure noise up to the size of any other. Each time the same recipes.
PROPERTY = settings(derandomize=True, max_examples=70)

KINDS = {
    "binary": ("bce", "mse", "cross_entropy"),
    "multiclass": ("mse", "cross_entropy"),
    "regression": ("mse", "l1", "huber"),
}
WIDTHS = st.integers(1, 70)  # every height and width of a tile of the product, and every remainder
DECAYS = st.sampled_from([0.0, 1e-3, 0.1])
MOMENTA = st.sampled_from([0.0, 0.5, 0.9])
BETAS = st.tuples(st.sampled_from([0.0, 0.7, 0.9]), st.sampled_from([0.9, 0.99, 0.999]))


def rates(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(math.log(low), math.log(high)).map(math.exp)


def optimizers(epsilons: st.SearchStrategy[float]) -> st.SearchStrategy[Optimizer]:
    return st.one_of(
        st.builds(
            lambda momentum, nesterov, **rest: Sgd(momentum=momentum, nesterov=nesterov and momentum > 0, **rest),
            momentum=MOMENTA,
            nesterov=st.booleans(),
            learning_rate=rates(1e-3, 0.1),
            coupled_weight_decay=DECAYS,
        ),
        st.builds(
            Rmsprop,
            learning_rate=rates(1e-4, 3e-3),
            smoothing=st.sampled_from([0.9, 0.99]),
            epsilon=epsilons,
            momentum=MOMENTA,
            coupled_weight_decay=DECAYS,
        ),
        st.builds(Adam, learning_rate=rates(1e-4, 1e-2), betas=BETAS, epsilon=epsilons, coupled_weight_decay=DECAYS),
        st.builds(AdamW, learning_rate=rates(1e-4, 1e-2), betas=BETAS, epsilon=epsilons, decoupled_weight_decay=DECAYS),
    )


RULES = (
    {"name": "constant"},
    {"name": "step", "every": 2, "factor": 0.3},
    {"name": "cosine"},
    {"name": "cosine", "final": 0.1},
)
SCHEDULES = st.builds(
    lambda rule, warm_up: rule | {"warm_up": warm_up}, st.sampled_from(RULES), st.sampled_from([0.0, 0.5, 2.0])
)
COURSE = {
    "schedule": SCHEDULES,
    "epochs": st.integers(1, 5),
    "clip_norm": st.sampled_from([None, 0.05, 1.0]),
    "score_every": st.sampled_from([None, 1, 2]),
    # a fall within rounding of min_delta may count in one engine and not in the other: no curve here falls so evenly
    "early_stopping": st.sampled_from([None, {"patience": 1, "min_delta": 1e-4}, {"patience": 2, "min_delta": 0.01}]),
    "seed": st.integers(0, 99),
}


@st.composite
def problems(draw: st.DrawFn) -> dict[str, object]:
    """A kind of data with a loss for it, rows, and a batch that leaves none or 1 to 9 rows for the last step."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    batch = draw(st.sampled_from([None, 1, 2, 7, 8, 16, 19, 32]))
    rows = draw(st.integers(1, 3)) * (batch or 20) + draw(st.integers(0, 9))
    return {"kind": kind, "loss": draw(st.sampled_from(KINDS[kind])), "rows": max(2, rows), "batch": batch}


@PROPERTY
@given(problems(), st.data())
def test_a_perceptron_of_any_form_is_trained_as_loop_does(rows, check_agreement, problem, data):
    model = data.draw(
        st.builds(
            Mlp,
            hidden=st.lists(WIDTHS, max_size=4).map(tuple),
            activation=st.sampled_from(["relu", "leaky_relu", "sigmoid", "tanh", "gelu"]),
            dropout=st.sampled_from([0.0, 0.2, 0.7]),
        )
    )
    splits = rows(problem["kind"], rows=problem["rows"], features=data.draw(WIDTHS))
    optimizer = optimizers(st.sampled_from([1e-8, 1e-5, 1e-2]))
    fields = data.draw(st.fixed_dictionaries(COURSE | {"optimizer": optimizer}))
    recipe = Recipe(data=TASK, model=model, loss=problem["loss"], batch_size=problem["batch"], **fields)
    check_agreement(recipe, splits)


AIMS = {
    "label_smoothing": st.sampled_from([0.0, 0.1, 0.6]),
    "class_weights": st.sampled_from(["none", "balanced"]),
}


@settings(derandomize=True, max_examples=40)
@given(problems().filter(lambda problem: problem["kind"] != "regression"), st.data())
def test_smoothed_labels_weighted_classes_and_any_start_are_trained_as_loop_does(rows, check_agreement, problem, data):
    model = st.builds(
        Mlp,
        hidden=st.lists(WIDTHS, max_size=2).map(tuple),
        activation=st.sampled_from(["relu", "tanh", "gelu"]),
        initialisation=st.sampled_from(["default", "he", "xavier", "small"]),
    )
    fields = {"optimizer": optimizers(st.sampled_from([1e-5, 1e-2])), "model": model}
    drawn = data.draw(st.fixed_dictionaries(COURSE | AIMS | fields))
    splits = rows(problem["kind"], rows=problem["rows"], features=data.draw(WIDTHS))
    check_agreement(Recipe(data=TASK, loss=problem["loss"], batch_size=problem["batch"], **drawn), splits)


VARIANCES = st.sampled_from([1e-2, 0.1])
"""ε of a batch norm: torch's own 1e-5 divides a nearly constant channel by 0.003, and its rounding with it."""

ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.GELU)


@st.composite
def window(draw: st.DrawFn, form: tuple[int, int, int]) -> tuple[list, tuple[int, int, int]]:
    """A convolution or a pool, perhaps with a batch norm and an activation after it, and the form it leaves."""
    channels, *size = form
    kind = draw(st.sampled_from(["convolution", "convolution", "max", "average"]))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    # no window sees only padding: a batch norm makes 0 of what is constant over a batch, exactly the kink of a ReLU
    padding = tuple(draw(st.integers(0, min(2, k - 1) if kind == "convolution" else k // 2)) for k in kernel)
    height, width = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    if min(height, width) < 1:
        return [], form
    if kind == "max":
        return [(nn.MaxPool2d, (kernel, stride, padding))], (channels, height, width)
    if kind == "average":
        return [(nn.AvgPool2d, (kernel, stride, padding, False, draw(st.booleans())))], (channels, height, width)
    units = draw(st.integers(1, 9))
    layers: list = [(nn.Conv2d, (channels, units, kernel, stride, padding, 1, 1, draw(st.booleans())))]
    if draw(st.booleans()):
        layers.append((nn.BatchNorm2d, (units, draw(VARIANCES), draw(st.sampled_from([0.1, 0.5])))))
    if len(layers) > 1 or draw(st.booleans()):  # and padding beside what has a mean of 0 is no better
        layers.append((draw(st.sampled_from(ACTIVATIONS)), ()))
    return layers, (units, height, width)


@st.composite
def convolutional(draw: st.DrawFn) -> tuple[list, tuple[int, int, int]]:
    """The layers of a small convolutional network, each as (class, arguments), and the form of its images."""
    image = form = draw(st.tuples(st.integers(1, 3), st.integers(3, 9), st.integers(3, 9)))
    layers: list = [(nn.Unflatten, (1, image))]
    for _ in range(draw(st.integers(1, 3))):
        made, form = draw(window(form))
        layers += made + draw(st.sampled_from([[], [], [(nn.Dropout, (0.3,))]]))
    layers.append((nn.Flatten, ()))
    width = math.prod(form)
    if draw(st.booleans()):
        units = draw(st.integers(1, 20))
        layers += [
            (nn.Linear, (width, units, draw(st.booleans()))),
            (nn.BatchNorm1d, (units, draw(VARIANCES))),
            (draw(st.sampled_from(ACTIVATIONS)), ()),
        ]
        width = units
    return [*layers, (nn.Linear, (width,))], image


@PROPERTY
@given(convolutional(), st.data())
def test_a_convolutional_network_of_any_form_is_trained_as_loop_does(rows, check_agreement, network, data):
    layers, image = network

    def build(n_inputs: int, n_outputs: int) -> nn.Sequential:
        *before, (last, (width,)) = layers
        return nn.Sequential(*(layer(*arguments) for layer, arguments in before), last(width, n_outputs))

    kind = data.draw(st.sampled_from(sorted(KINDS)))
    batch, left = data.draw(st.sampled_from([None, 8, 11, 16])), data.draw(st.sampled_from([0, 4, 5, 7]))
    splits = rows(kind, rows=2 * (batch or 12) + left, features=math.prod(image))
    # what a batch norm takes out again has no gradient but rounding's; so large an epsilon keeps its steps small
    fields = data.draw(st.fixed_dictionaries(COURSE | {"optimizer": optimizers(st.just(1e-2))}))
    loss = data.draw(st.sampled_from(KINDS[kind]))
    recipe = Recipe(data=TASK, model=build, loss=loss, batch_size=batch, **fields)
    check_agreement(recipe, splits)


def test_windows_that_see_only_padding_are_trained_as_in_loop(check_agreement, rows):
    def network() -> nn.Sequential:
        # 2 x 3 x 4 to 3 x 5 x 4 to 2 x 9 x 3 to 2 x 4 x 3
        return nn.Sequential(
            nn.Unflatten(1, (2, 3, 4)), nn.Conv2d(2, 3, 1, padding=(1, 0)), nn.Tanh(),
            nn.Conv2d(3, 2, (1, 2), padding=(2, 1), stride=(1, 2)), nn.ReLU(), nn.Conv2d(2, 2, 1, stride=4, padding=3),
            nn.Flatten(), nn.Linear(24, 1)
        )  # fmt: skip

    splits = rows("regression", features=24)
    check_agreement(Recipe(data=TASK, loss="mse", model=network, batch_size=16, epochs=4), splits)


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "sigmoid"])
@pytest.mark.parametrize(("kind", "loss"), [("binary", "bce"), ("multiclass", "cross_entropy"), ("regression", "mse")])
def test_a_perceptron_with_norms_is_trained_as_loop_does(check_agreement, rows, norm, activation, kind, loss):
    model = Mlp(hidden=(19, 8), norm=norm, activation=activation, dropout=0.2, initialisation="xavier")
    recipe = Recipe(
        data=TASK, loss=loss, model=model, optimizer=Adam(learning_rate=3e-3, epsilon=1e-2), batch_size=11, epochs=5,
        early_stopping={"patience": 2, "min_delta": 1e-4},
    )  # fmt: skip
    check_agreement(recipe, rows(kind, features=5))


@pytest.mark.parametrize("loss", ["bce", "mse", "cross_entropy"])
def test_a_rare_class_is_weighted_as_in_loop(check_agreement, binary, loss):
    splits = copy.copy(binary)
    kept = np.flatnonzero((binary.train.targets == 0) | (np.cumsum(binary.train.targets) <= 2))
    object.__setattr__(splits, "train", Part(binary.train.inputs[kept], binary.train.targets[kept]))
    recipe = Recipe(
        data=TASK, loss=loss, model=Mlp(hidden=(8,)), batch_size=8, epochs=6, label_smoothing=0.1,
        class_weights="balanced",
    )  # fmt: skip
    expected, _ = check_agreement(recipe, splits)
    plain, _ = check_agreement(Recipe(**dict(recipe) | {"class_weights": "none"}), splits)
    moved_by = np.abs(expected.curve("validation/log_loss").values - plain.curve("validation/log_loss").values)
    assert moved_by.max() > 1e-3


# batches


def test_a_batch_of_all_rows_is_shuffled_as_in_loop(check_agreement, binary):
    # the dropout mask of a row is that of its place in the batch, so an order that is not kept shows at once
    given_all = Recipe(data=TASK, loss="bce", model=Mlp(hidden=(8,), dropout=0.5), epochs=6, batch_size=60)
    expected, _ = check_agreement(given_all, binary)
    whole = Recipe(**dict(given_all) | {"batch_size": None})
    unshuffled, _ = check_agreement(whole, binary)
    assert not np.allclose(expected.curve("train/objective").values, unshuffled.curve("train/objective").values)


def test_scores_between_epochs_are_those_of_loop(check_agreement, regression):
    check_agreement(Recipe(data=TASK, loss="mse", batch_size=13, epochs=20, score_every=3), regression)


def test_early_stopping_keeps_the_weights_that_loop_keeps(check_agreement, binary):
    recipe = Recipe(
        data=TASK,
        loss="bce",
        model=Mlp(hidden=(16,)),
        optimizer=Adam(learning_rate=0.05),
        epochs=400,
        early_stopping={"patience": 3},
    )
    expected, found = check_agreement(recipe, binary)
    assert expected.ended == "stopped early"
    for run in found.values():
        for name, array in expected.arrays.items():
            np.testing.assert_allclose(run.arrays[name], array, rtol=0, atol=1e-3, err_msg=name)


def test_without_a_test_part_there_are_no_test_scores(native, binary):
    splits = copy.copy(binary)
    object.__setattr__(splits, "test", None)
    run = native(Recipe(data=TASK, loss="bce", epochs=2), splits)
    assert not [name for name in run.curves if name.startswith("test/")]


def test_a_run_says_where_it_comes_from(native, binary):
    run = native(Recipe(data=TASK, loss="bce", model=Mlp(hidden=(4,)), epochs=2), binary, 6)
    assert (run.name, run.replicate, run.notes) == ("replicate 6", 6, ("a note",))
    assert run.provenance["parameters"] == 17  # 2·4 + 4 + 4 + 1
    assert (run.provenance["engine"], run.provenance["data"]) == ("native", "made here")
    assert run.arrays["weights/hidden_1.weight"].shape == (4, 2)


def test_what_a_users_model_raises_is_said_with_its_name_and_replicate(native, binary):
    def broken() -> nn.Module:
        raise KeyError("no such head")

    with pytest.raises(EngineError, match=r"model .*broken failed in replicate 7: KeyError: 'no such head'"):
        native(Recipe(data=TASK, loss="bce", model=broken), binary, 7)


def test_a_flag_ends_a_training_without_a_run(core, binary):
    stop = Stop()
    stop.set()
    with pytest.raises(Interrupted):
        train_on(core, Recipe(data=TASK, loss="bce"), binary, 0, stop=stop)


def test_every_loss_of_ours_is_one_of_the_cores():
    functions = {objective.function for kinds in losses.LOSSES.values() for objective in kinds.values()}
    assert functions == set(LOSSES)
    assert set(LOSSES.values()) == set(library.LOSSES)


# NaN and infinity

# Where partial sums overflow with both signs, even torch's result is that of the order in which its library adds: NaN
# here and infinity there. So a whole run is held to where it is finite, and test_core.py to which of the two it is;
# rates of 1e30, with which the first such sum decides how a run ends, are left out.
TOO_FAST = (
    Sgd(learning_rate=1e6),
    Sgd(learning_rate=1e6, momentum=0.9),
    Adam(learning_rate=1e6),
    Rmsprop(learning_rate=1e6),
)


@pytest.mark.parametrize("stops", [True, False])
@pytest.mark.parametrize("optimizer", TOO_FAST, ids=["sgd", "momentum", "adam", "rmsprop"])
@pytest.mark.parametrize(
    ("kind", "loss"), [("binary", "bce"), ("regression", "mse"), ("multiclass", "cross_entropy"), ("multiclass", "mse")]
)
def test_a_run_that_diverges_ends_as_in_loop(native, rows, kind, loss, optimizer, stops):
    recipe = Recipe(
        data=TASK,
        loss=loss,
        model=Mlp(hidden=(8,), activation="gelu"),
        optimizer=optimizer,
        batch_size=16,
        epochs=6,
        stop_on_divergence=stops,
    )
    expected, found = loop.train_on(recipe, rows(kind), 0), native(recipe, rows(kind))
    assert (found.ended, found.last_step, found.kept_step) == (expected.ended, expected.last_step, expected.kept_step)
    for name, curve in expected.curves.items():
        assert found.curves[name].steps.tolist() == curve.steps.tolist()
        assert np.isfinite(found.curves[name].values).tolist() == np.isfinite(curve.values).tolist(), name


@pytest.mark.parametrize("stops", [True, False])
@pytest.mark.parametrize(("kind", "loss"), [("binary", "bce"), ("regression", "mse"), ("regression", "l1")])
def test_inputs_near_the_end_of_float32_are_taken_as_in_loop(native, rows, kind, loss, stops):
    splits = moved(rows(kind, features=1), scale=1e38)
    recipe = Recipe(data=TASK, loss=loss, model=Mlp(hidden=()), epochs=3, stop_on_divergence=stops)
    expected, found = loop.train_on(recipe, splits, 0), native(recipe, splits)
    assert (found.ended, found.last_step) == (expected.ended, expected.last_step)
    for name in ("train/objective", "validation/objective"):
        np.testing.assert_allclose(found.curves[name].values, expected.curves[name].values, rtol=1e-5)


def test_a_nan_in_the_weights_reaches_every_weight_that_it_reaches_in_torch(native, rows):
    def network() -> nn.Sequential:
        model = nn.Sequential(
            nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 1)
        )
        with torch.no_grad():
            model[1].weight[0, 0, 0, 0] = float("nan")
        return model

    recipe = Recipe(data=TASK, loss="mse", model=network, epochs=2, stop_on_divergence=False)
    splits = rows("regression", features=16)
    expected, found = loop.train_on(recipe, splits, 0), native(recipe, splits)
    for name, array in expected.arrays.items():
        assert np.array_equal(np.isnan(found.arrays[name]), np.isnan(array)), name
    assert np.isnan(found.arrays["weights/1.bias"]).any()


def test_the_lanes_that_fill_up_the_last_vector_overflow_alone_never(check_agreement, binary):
    # -1e20 x + 1e19 is negative for x ≥ 1, so each ReLU gives 0; were a spare lane 0, it would give 1e19 there, ∞ after
    # the next layer, and NaN in its gradient
    def network() -> nn.Sequential:
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
        with torch.no_grad():
            model[0].weight[:], model[0].bias[:], model[2].weight[:] = -1e20, 1e19, 1e20
        return model

    recipe = Recipe(data=TASK, loss="bce", model=network, optimizer=Sgd(learning_rate=0.1), batch_size=7, epochs=4)
    splits = moved(binary, shift=1)
    expected, _ = check_agreement(recipe, splits)
    assert expected.ended == "completed"


def moved(splits: Splits, *, scale: float = 1.0, shift: float = 0.0) -> Splits:
    """The same rows, their inputs' magnitudes scaled and shifted."""
    made = copy.copy(splits)
    for name, part in splits.parts().items():
        inputs = np.minimum(np.abs(part.inputs), 3) * np.float32(scale) + np.float32(shift)
        object.__setattr__(made, name, Part(inputs.astype(np.float32), part.targets))
    return made


# long runs


def test_over_1500_epochs_it_stays_as_near_to_float64_as_torch_does(native):
    # Both engines are at least 1e-5 away: 0.999 and 1 - 0.999, each as float32, do not add up to 1, which makes each
    # step of Adam 6e-6 shorter. Beyond that, a pre-activation that crosses a ReLU's kink an epoch earlier or later lets
    # rounding grow a thousandfold, so a single run is nearer or further by chance: what is compared is the median and
    # the geometric mean of a dozen, each run's distance being its largest over the epochs.
    recipe = Recipe(
        data={"task": "sincos", "flip": 0.05}, loss="bce", model=Mlp(hidden=(4,)), epochs=1500, seed=2, score_every=1500
    )
    replicates = range(12)
    splits = [rows_of(recipe.data, recipe.seed, replicate) for replicate in replicates]
    with own_torch(torch.device("cpu")):
        exact = in_float64(recipe, splits)
    distances = {}
    for name, train in (("torch", loop.train_on), ("native", native)):
        runs = [train(recipe, splits[replicate], replicate) for replicate in replicates]
        curves = np.stack([run.curve("validation/objective").values for run in runs])
        distances[name] = np.abs(curves - exact).max(axis=1)
    mine, theirs = distances["native"], distances["torch"]
    assert np.median(mine) <= 2 * np.median(theirs), distances
    assert np.exp(np.log(mine).mean()) <= 2 * np.exp(np.log(theirs).mean()), distances
    assert mine.max() <= 5e-3, distances  # a run that goes another way differs by a hundredth and more


def in_float64(recipe: Recipe, splits: list[Splits]) -> np.ndarray:
    """Validation objectives after each epoch of replicates 0, 1, … in float64, shape (replicates, epochs)."""
    starts = [initial_parameters(recipe.model, (2, 1), seed=recipe.seed, replicate=i) for i in range(len(splits))]
    flat = torch.tensor(np.stack(starts), dtype=torch.float64)
    width = recipe.model.hidden[0]
    weights = [part.clone().requires_grad_() for part in torch.split(flat, [2 * width, width, width, 1], dim=1)]
    optimizer = torch.optim.Adam(weights, lr=recipe.optimizer.learning_rate)

    parts = {
        name: (doubles(splits, name, "inputs").mT.contiguous(), doubles(splits, name, "targets")[:, None])
        for name in ("train", "validation")
    }

    def objectives(part: str) -> torch.Tensor:
        (inputs, targets), (w1, b1, w2, b2) = parts[part], weights
        hidden = torch.relu(w1.reshape(-1, width, 2) @ inputs + b1[:, :, None])  # examples last, which is faster
        outputs = w2[:, None] @ hidden + b2[:, :, None]
        losses = functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
        return losses.mean(dim=(1, 2))

    curves = []
    for _ in range(recipe.epochs):
        optimizer.zero_grad()
        objectives("train").sum().backward()  # of replicates that share nothing, so each has its own gradient
        optimizer.step()
        with torch.no_grad():
            curves.append(objectives("validation").numpy())
    return np.stack(curves, axis=1)


def doubles(splits: list[Splits], part: str, field: str) -> torch.Tensor:
    return torch.tensor(np.stack([getattr(one.parts()[part], field) for one in splits]), dtype=torch.float64)


@pytest.mark.parametrize("rate", [1e18, 1e25])
def test_an_output_that_overflows_is_a_divergence_in_both_engines_though_a_probability_would_hide_it(
    native, rows, rate
):
    recipe = Recipe(
        data=TASK, loss="mse", model=Mlp(hidden=(32,)), epochs=6, batch_size=20, optimizer=Adam(learning_rate=rate)
    )
    splits = rows("binary", rows=60, features=3)
    expected, found = loop.train_on(recipe, splits, 0), native(recipe, splits)
    assert expected.ended == found.ended == "diverged"  # perhaps a few steps apart


def test_more_epochs_than_memory_has_room_for_are_trained_a_stretch_at_a_time(native, rows):
    recipe = Recipe(
        data=TASK,
        loss="bce",
        model=Mlp(hidden=(4,)),
        epochs=10**12,
        early_stopping={"patience": 2},
        optimizer=Adam(learning_rate=0.3),
        schedule={"name": "cosine"},
        score_every=10**9,
    )
    run = native(recipe, rows("binary", rows=60, features=3))
    assert run.ended == "stopped early"
