"""The core's numbers against float64 and against sums by hand, without torch."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import expit, log1p, log_softmax, ndtr

from etude.engine.native.library import KINDS, Core, Layer
from etude.engine.native.training import CoreJob, Rows, Stop, Training
from etude.numerics.seeds import hashed_uniform
from etude.values.optimizer import Optimizer, Sgd

ULP = 2.0**-23
"""From 1 to the next float32."""

STILL = Sgd(learning_rate=1e-30)
"""Moves no weight that is not 0."""


def linear(units: int, *, has_bias: bool = False) -> Layer:
    return Layer(kind=KINDS["linear"], units=units, has_bias=has_bias)


class Case:
    """A training of a few layers on a few rows, as the core takes them."""

    def __init__(self, core: Core, layers: Sequence[Layer], start: Sequence[float], inputs, targets=None):
        """Targets are 0 where none are given."""
        self.core, self.layers, self.start = core, layers, np.array(start, dtype=np.float32)
        self.inputs = np.array(inputs, dtype=np.float32)
        self.targets = np.zeros(len(self.inputs), np.float32) if targets is None else np.array(targets, np.float32)

    def opened(
        self, *, form=None, outputs: int = 1, loss: str = "mse", optimizer: Optimizer = STILL, **aim
    ) -> Training:
        """It, in full batches, with the same rows for validation."""
        job = CoreJob(
            form or (self.inputs.shape[1], 1, 1), outputs, self.layers, loss, optimizer, batch=len(self.inputs), **aim
        )
        rows = Rows(self.inputs, self.targets)
        return Training(self.core, job, {"train": rows, "validation": rows}, self.start, stop=Stop())


@pytest.fixture(params=["avx2", "portable"])
def build(request, builds) -> Core:
    if request.param not in builds:
        pytest.skip(f"this processor cannot run the {request.param} build")
    return builds[request.param]


def advanced(training: Training, epochs: int = 1, rate: float = 1e-30) -> np.ndarray:
    losses, _ = training.advance(epochs, order=None, rates=np.array([rate]), every=epochs + 1)
    return losses


# the functions, on a dense grid of what they may meet

GRID = np.concatenate([np.linspace(-12, 12, 24_001), np.linspace(-110, 110, 2_201), np.geomspace(1e-38, 1e-3, 400)])
GRID = GRID.astype(np.float32).astype(np.float64)


def activation(core: Core, name: str) -> np.ndarray:
    layers = (linear(1), Layer(kind=KINDS[name], slope=0.01))
    with Case(core, layers, [1.0], GRID[:, None]).opened() as training:
        return training.outputs(GRID[:, None].astype(np.float32))[:, 0].astype(np.float64)


@pytest.mark.parametrize(
    ("name", "formula", "relative"),
    [
        ("sigmoid", expit, 3 * ULP),
        ("tanh", np.tanh, 3 * ULP),
        ("relu", lambda x: np.maximum(x, 0), 0),
        ("leaky_relu", lambda x: np.where(x > 0, x, np.float32(0.01) * x), ULP),
    ],
)
def test_an_activation_is_its_formula_to_some_units_in_the_last_place(build, name, formula, relative):
    expected = formula(GRID)
    np.testing.assert_allclose(activation(build, name), expected, rtol=relative, atol=2e-38)  # below it: denormal


def test_gelu_is_its_formula_to_what_float32_can_say_of_its_tail(build):
    # x Φ(x): relative to x, for Φ is 1 less a tail where x is positive and a tail of some units where it is negative
    error = np.abs(activation(build, "gelu") - GRID * ndtr(GRID))
    assert (error <= 2 * ULP * np.abs(GRID) + 2e-38).all()
    deep = (GRID < -0.5) & (GRID > -5)
    assert (error[deep] <= 1e-5 * np.abs(GRID * ndtr(GRID))[deep]).all()


def losses_of(core: Core, loss: str, z: np.ndarray, target: float, outputs: int = 1, **aim) -> np.ndarray:
    """The loss of each z alone in training and in validation, of a training of one row that moves nothing."""
    found = []
    for row in z.reshape(len(z), -1):
        start = np.append(np.eye(outputs, dtype=np.float32).ravel(), np.zeros(-(outputs**2) % 8))
        case = Case(core, (linear(outputs),), start, row[None], [target])
        with case.opened(outputs=outputs, loss=loss, **aim) as training:
            found.append(advanced(training)[:, 0])
    return np.array(found)


COARSE = np.concatenate([np.linspace(-20, 20, 801), [-100, -88.5, -87.5, -86, 86, 87.5, 88.5, 100]]).astype(np.float32)


@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        ("bce", lambda z, t: np.maximum(z, 0) - t * z + log1p(np.exp(-np.abs(z)))),
        ("squared probability", lambda z, t: (expit(z) - t) ** 2),
        ("mse", lambda z, t: (z - t) ** 2),
        ("l1", lambda z, t: np.abs(z - t)),
        ("huber", lambda z, t: np.where(np.abs(z - t) < 1, (z - t) ** 2 / 2, np.abs(z - t) - 0.5)),
    ],
)
def test_a_loss_of_one_output_is_its_formula(build, loss, formula, target):
    expected = formula(COARSE.astype(np.float64), target)
    # relative, and a unit in the last place of what is squared or subtracted on the way
    for found in losses_of(build, loss, COARSE, target).T:
        np.testing.assert_allclose(found, expected, rtol=6 * ULP, atol=ULP)


@pytest.mark.parametrize("target", [0, 2])
def test_the_losses_of_several_outputs_are_their_formulas(build, target):
    z = np.random.default_rng(1).normal(scale=[[1.0], [10.0], [60.0]] * 60, size=(180, 3)).astype(np.float32)
    log_p = log_softmax(z.astype(np.float64), axis=1)
    squares = ((np.exp(log_p) - np.eye(3)[target]) ** 2).mean(axis=1)
    scale = np.abs(z).max()  # the largest output is subtracted, with its rounding
    found = losses_of(build, "cross_entropy", z, target, outputs=3)[:, 0]
    np.testing.assert_allclose(found, -log_p[:, target], rtol=2 * ULP, atol=ULP * scale)
    found = losses_of(build, "squared probabilities", z, target, outputs=3)[:, 0]
    np.testing.assert_allclose(found, squares, rtol=6 * ULP, atol=ULP)


@pytest.mark.parametrize("target", [0, 2])
def test_smoothed_labels_and_weighted_classes_are_their_formulas(build, target):
    aim = {"smoothing": 0.25, "class_weights": (3.0, 1.0, 0.5)}
    z = np.random.default_rng(2).normal(scale=[[1.0], [10.0]] * 30, size=(60, 3)).astype(np.float32)
    log_p, wanted = log_softmax(z.astype(np.float64), axis=1), 0.25 / 3 + 0.75 * np.eye(3)[target]
    weight, scale = aim["class_weights"][target], np.abs(z).max()
    found = losses_of(build, "cross_entropy", z, target, outputs=3, **aim)[:, 0]
    np.testing.assert_allclose(found, -weight * (log_p * wanted).sum(axis=1), rtol=8 * ULP, atol=4 * ULP * scale)
    found = losses_of(build, "squared probabilities", z, target, outputs=3, **aim)[:, 0]
    squares = ((np.exp(log_p) - wanted) ** 2).mean(axis=1)
    np.testing.assert_allclose(found, weight * squares, rtol=8 * ULP, atol=2 * ULP)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_smoothed_label_of_one_output_is_its_formula_and_its_loss_weighs_as_its_class(build, label):
    aim = {"smoothing": 0.5, "class_weights": (3.0, 0.25)}
    weight, t, z = aim["class_weights"][int(label)], 0.25 + 0.5 * label, COARSE.astype(np.float64)
    found = losses_of(build, "bce", COARSE, label, **aim)[:, 0]
    expected = weight * (np.maximum(z, 0) - t * z + log1p(np.exp(-np.abs(z))))
    np.testing.assert_allclose(found, expected, rtol=8 * ULP, atol=4 * ULP)
    found = losses_of(build, "squared probability", COARSE, label, **aim)[:, 0]
    np.testing.assert_allclose(found, weight * (expit(z) - t) ** 2, rtol=8 * ULP, atol=4 * ULP)


# what can be said by hand


def test_a_step_of_gradient_descent_is_the_one_on_paper(build):
    # z = 2x + 1 at x = 3 and 5: errors 7 and 11, so ∂/∂w = (2·7·3 + 2·11·5) / 2 = 76 and ∂/∂b = (2·7 + 2·11) / 2 = 18
    case = Case(build, (linear(1, has_bias=True),), [2, 1, 0, 0, 0, 0, 0, 0], [[3.0], [5.0]])
    with case.opened(optimizer=Sgd(learning_rate=0.5)) as training:
        losses = advanced(training, rate=0.5)
        assert training.state()[:2].tolist() == [2 - 0.5 * 76, 1 - 0.5 * 18]
    assert losses[0, 0] == (7**2 + 11**2) / 2
    assert losses[1, 0] == ((-36 * 3 - 8) ** 2 + (-36 * 5 - 8) ** 2) / 2


def test_the_gradient_of_a_maximum_that_two_pixels_hold_goes_to_the_first(build):
    # The kernel (1, 0) passes each pixel on, and pixels 1, 1 tie; the gradient of the kernel is the pair of pixels that
    # the chosen place covers: (1, 1) at the first, (1, 5) at the second.
    convolution = Layer(kind=KINDS["convolution"], units=1, kernel=(1, 2), step=(1, 1))
    pool = Layer(kind=KINDS["max_pool"], kernel=(1, 2), step=(1, 1))
    case = Case(build, (convolution, pool), [1, 0, 0, 0, 0, 0, 0, 0], [[1.0, 1.0, 5.0]])
    with case.opened(form=(1, 1, 3), loss="l1") as training:
        assert training.outputs(case.inputs).tolist() == [[1.0]]
        advanced(training, rate=1.0)
        assert training.state()[:2].tolist() == [1 - 1, 0 - 1]


def test_a_window_over_the_padding_counts_it_or_not_as_asked(build):
    # pixels of 6, windows of 3 with a border of 1: the first sees 6 + 6 and one border
    for counts, expected in ((True, [4, 6, 4]), (False, [6, 6, 6])):
        pool = Layer(kind=KINDS["average_pool"], kernel=(1, 3), step=(1, 1), padding=(0, 1), counts_padding=counts)
        layers = (Layer(kind=KINDS["convolution"], units=1, kernel=(1, 1), step=(1, 1)), pool)
        case = Case(build, layers, [1, 0, 0, 0, 0, 0, 0, 0], [[6.0, 6.0, 6.0]])
        with case.opened(form=(1, 1, 3), outputs=3, loss="cross_entropy") as training:
            assert training.outputs(case.inputs)[0] == pytest.approx(expected, rel=1e-6)


def test_batch_norm_is_that_of_the_paper_and_its_running_variance_unbiased(build):
    # 1, 2, 3, 6: mean 3, variance 14/4, unbiased 14/3; from running statistics 0 and 1 with momentum 0.1
    norm = Layer(kind=KINDS["batch_norm"], epsilon=0.5, momentum=0.1)
    start = [1.0, 2.0, 0.25, *[0] * 5, 0.0, 1.0]  # the weight before it, gamma, beta; then mean and variance
    case = Case(build, (linear(1), norm), start, [[1.0], [2.0], [3.0], [6.0]])
    with case.opened() as training:
        losses = advanced(training)
        assert training.state()[8:].tolist() == pytest.approx([0.3, 0.9 + 0.1 * 14 / 3], rel=1e-6)
        evaluated = training.outputs(case.inputs)[:, 0]
    normal = (np.array([1, 2, 3, 6]) - 3) / np.sqrt(14 / 4 + 0.5)
    assert losses[0, 0] == pytest.approx(((2 * normal + 0.25) ** 2).mean(), rel=1e-6)
    running = (np.array([1, 2, 3, 6]) - 0.3) / np.sqrt(0.9 + 0.1 * 14 / 3 + 0.5)
    assert evaluated == pytest.approx(2 * running + 0.25, rel=1e-6)


def test_layer_norm_is_that_of_the_paper(build):
    # of an example (1, 2, 3, 6): mean 3, variance 14/4; factors 2 and shifts 0.25, and the sum of it all is the output
    norm = Layer(kind=KINDS["layer_norm"], epsilon=0.5)
    start = [*np.eye(4).ravel(), *[2.0] * 4, *[0.25] * 4, *[1.0, 0.0, 0.0, 2.0], *[0.0] * 4]
    case = Case(build, (linear(4), norm, linear(1)), start, [[1.0, 2.0, 3.0, 6.0], [0.0, 0.0, 0.0, 0.0]])
    with case.opened() as training:
        found = training.outputs(case.inputs)[:, 0]
    normal = (np.array([1, 2, 3, 6]) - 3) / np.sqrt(14 / 4 + 0.5)
    assert found == pytest.approx([2 * (normal[0] + 2 * normal[3]) + 3 * 0.25, 3 * 0.25], rel=1e-6)


@pytest.mark.parametrize("probability", [0.5, 0.3])
def test_dropout_silences_by_the_published_function_of_counters(build, probability):
    # Unit u of example i carries 2^-(4i + u), so the mean over the rows says which of them were kept, bit by bit.
    rows, units, key, position = 4, 4, 12345678901234567890, 3
    dropout = Layer(kind=KINDS["dropout"], position=position, scale=1 / (1 - probability), key=key)
    dropout.threshold = int(np.ceil(probability * 2**53))
    layers = (linear(units), dropout, linear(1))
    start = [*[2.0**-u for u in range(units)], *[1.0] * units]
    inputs = [[16.0**-i] for i in range(rows)]
    with Case(build, layers, start, inputs).opened(loss="l1") as training:
        losses = advanced(training, epochs=30)
        assert training.outputs(np.array(inputs, np.float32))[0, 0] == 1 + 1 / 2 + 1 / 4 + 1 / 8  # none in evaluation
    example, unit = np.arange(rows, dtype=np.uint64)[:, None], np.arange(units, dtype=np.uint64)
    for step in range(30):
        kept = hashed_uniform(np.uint64(key), step, position, example, unit) >= probability
        carried = (kept * 2.0 ** -(4.0 * np.arange(rows)[:, None] + np.arange(units))).sum()
        assert losses[0, step] == pytest.approx(carried / (1 - probability) / rows, rel=1e-6)


def test_a_gradient_is_clipped_to_its_norm_only_where_it_is_longer(build):
    # one weight, error 3 at x = 1: gradient 6
    for most, moved in ((2.0, 2.0), (60.0, 6.0)):
        case = Case(build, (linear(1),), [3, *[0] * 7], [[1.0]])
        job = CoreJob((1, 1, 1), 1, case.layers, "mse", Sgd(), batch=1, clip_norm=most)
        rows = Rows(case.inputs, case.targets)
        with Training(build, job, {"train": rows, "validation": rows}, case.start, stop=Stop()) as training:
            advanced(training, rate=1.0)
            assert training.state()[0] == pytest.approx(3 - moved, abs=1e-5)


# NaN and infinity, which no -ffast-math may think away


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [np.inf, 0, np.nan]),
        ("leaky_relu", [np.inf, -np.inf, np.nan]),
        ("sigmoid", [1, 0, np.nan]),
        ("tanh", [1, -1, np.nan]),
        ("gelu", [np.inf, np.nan, np.nan]),  # -∞ · Φ(-∞) is -∞ · 0
    ],
)
def test_an_activation_of_infinity_and_nan(build, name, expected):
    layers = (linear(1), Layer(kind=KINDS[name], slope=0.01))
    inputs = np.array([[np.inf], [-np.inf], [np.nan]], dtype=np.float32)
    with Case(build, layers, [1, *[0] * 7], [[1.0]]).opened() as training:
        assert np.array_equal(training.outputs(inputs)[:, 0], np.array(expected, np.float32), equal_nan=True)


@pytest.mark.parametrize(
    ("loss", "target", "expected"),
    [  # as PyTorch's: with logits it is (1 - t) z - log sigmoid(z), whose terms may be 0 · ∞ or ∞ - ∞
        ("bce", 0, [np.inf, np.nan, np.nan]),
        ("bce", 1, [np.nan, np.nan, np.nan]),
        ("squared probability", 0, [np.nan, np.nan, np.nan]),
        ("mse", 0, [np.inf, np.inf, np.nan]),
        ("l1", 0, [np.inf, np.inf, np.nan]),
        ("huber", 0, [np.inf, np.inf, np.nan]),
        ("cross_entropy", 0, [np.nan, np.nan, np.nan]),
    ],
)
def test_a_loss_of_infinity_and_nan(build, loss, target, expected):
    found = losses_of(build, loss, np.array([np.inf, -np.inf, np.nan], np.float32), target)[:, 0]
    assert np.array_equal(found, expected, equal_nan=True)


def test_training_stops_at_the_first_loss_that_is_not_finite(build):
    case = Case(build, (linear(1),), [1, *[0] * 7], [[1e30]])
    with case.opened() as training:
        losses = advanced(training, epochs=5)
        assert losses.shape == (2, 1)
        assert losses[0, 0] == np.inf
        assert (training.progress().step, training.progress().epochs) == (1, 1)


def test_a_stop_ends_a_training_before_its_next_step(build):
    stop: Stop = Stop()
    case = Case(build, (linear(1),), [1, *[0] * 7], [[1.0]])
    rows = Rows(case.inputs, case.targets)
    job = CoreJob((1, 1, 1), 1, case.layers, "mse", STILL, batch=1)
    with Training(build, job, {"train": rows, "validation": rows}, case.start, stop=stop) as training:
        assert advanced(training, epochs=2).shape == (2, 2)
        stop.set()
        advanced(training, epochs=3)
        assert (training.progress().step, training.progress().epochs) == (2, 2)
