"""The contract every synthetic task keeps, and what callers of `load` may rely on."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit

import etude.data.sources
from etude.data.load import (
    SOURCES,
    bundled,
    check,
    decision_truth,
    fingerprint,
    kind_of,
    limits,
    load,
    task,
)
from etude.numerics.metrics import classification_scores, regression_scores
from etude.values.data import Arrays, Task
from etude.values.errors import RecipeError
from etude.values.metric import METRICS_OF

BINARY = [name for name, source in SOURCES.items() if source.kind == "binary"]
BLURRED = [name for name, source in SOURCES.items() if source.noise is not None]


def drawn(name, *, seed=0, replicate=0, **fields):
    return load(Task(task=name, test_rows=200, **fields), seed=seed, replicate=replicate)


def pool(splits):
    """Every row of the pool as a set, whichever part it is in."""
    parts = (splits.train, splits.validation)
    return {(*map(float, x), float(y)) for part in parts for x, y in zip(part.inputs, part.targets, strict=True)}


def test_the_table_lists_every_file_of_the_folder():
    files = {path.stem for path in Path(etude.data.sources.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_the_same_seed_gives_the_same_bits_and_another_replicate_other_rows(name):
    assert drawn(name).checksum == drawn(name).checksum
    assert drawn(name).checksum != drawn(name, replicate=1).checksum
    assert drawn(name).checksum != drawn(name, seed=1).checksum


@pytest.mark.parametrize("name", SOURCES)
def test_fewer_rows_are_the_first_rows_of_more(name):
    assert pool(drawn(name, rows=300)) < pool(drawn(name, rows=450))


@pytest.mark.parametrize("name", SOURCES)
def test_another_distractor_changes_nothing_else(name):
    few, many = drawn(name, features=2, flip=0), drawn(name, features=4)
    for part in ("train", "validation", "test"):
        a, b = few.parts()[part], many.parts()[part]
        assert np.array_equal(a.inputs, b.inputs[:, :2])
        assert np.array_equal(a.targets, b.targets)


@pytest.mark.parametrize("name", BINARY)
def test_flips_are_nested_and_as_many_as_asked_for(name):
    none, some, more = (drawn(name, rows=2000, flip=flip).train.targets for flip in (0, 0.05, 0.1))
    assert set(np.flatnonzero(none != some)) < set(np.flatnonzero(none != more))
    assert (none != more).mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 1600))


@pytest.mark.parametrize("name", BLURRED)
def test_noise_moves_rows_without_drawing_others(name):
    # the pool at twice the noise: what moved is exactly proportional to the noise
    low, mid, high = (drawn(name, noise=noise) for noise in (0.1, 0.2, 0.3))
    for a, b, c in zip(*((s.train.inputs, s.train.targets) for s in (low, mid, high)), strict=True):
        assert np.asarray(a, dtype=np.float64) + c == pytest.approx(2 * np.asarray(b, dtype=np.float64), abs=1e-5)


@pytest.mark.parametrize("name", SOURCES)
def test_validation_gets_its_rounded_share_and_rows_keep_their_order(name):
    small, large = drawn(name, rows=103, validation=0.25), drawn(name, rows=103, validation=0.5)
    assert (small.validation.targets.size, small.train.targets.size) == (26, 77)
    rows = [tuple(row) for row in small.train.inputs.tolist()]
    kept = [tuple(row) for row in large.train.inputs.tolist()]
    assert kept == [row for row in rows if row in set(kept)]


@pytest.mark.parametrize("name", SOURCES)
def test_test_rows_are_no_rows_of_the_pool(name):
    splits = drawn(name)
    assert not {tuple(x) for x in splits.test.inputs.tolist()} & {row[:2] for row in pool(splits)}


@pytest.mark.parametrize("flip", [0.0, 0.1])
@pytest.mark.parametrize("name", BINARY)
def test_labels_follow_the_stated_probability(name, flip):
    # calibration of P(y = 1 | x) itself: the mean residual, alone and weighted by p, is 0 within 4 standard errors
    data = Task(task=name, rows=20_000, flip=flip)
    train = load(data, seed=3, replicate=0).train
    p = decision_truth(data, train.inputs)
    assert ((p >= flip - 1e-12) & (p <= 1 - flip + 1e-12)).all()
    for weight in (1.0, p - 0.5, train.inputs[:, 0], train.inputs[:, 1]):
        residual = weight * (train.targets - p)
        assert abs(residual.mean()) <= 4 * residual.std() / np.sqrt(p.size) + 1e-7


@pytest.mark.parametrize("name", BINARY)
def test_the_best_predictor_attains_the_bayes_limit_on_the_test_set(name):
    data = Task(task=name, flip=0.05, test_rows=20_000)
    test = load(data, seed=4, replicate=0).test
    scores = classification_scores(logit(decision_truth(data, test.inputs))[None], test.targets)
    for metric, limit in limits(data, seed=4).items():
        values, errors = scores[metric]
        assert abs(values[0] - limit.bayes) <= 4 * errors[0] + 5e-4, metric


@pytest.mark.parametrize("name", SOURCES)
def test_no_constant_beats_the_best_one_and_no_limit_is_out_of_order(name):
    data = Task(task=name, test_rows=20_000)
    test = load(data, seed=5, replicate=0).test
    found = limits(data, seed=0)
    assert tuple(found) == METRICS_OF[kind_of(data)]
    if kind_of(data) == "regression":
        guesses = np.linspace(-1, 1, 41)[:, None] * np.ones(20_000)
        scores = regression_scores(guesses, test.targets)
    else:
        scores = classification_scores(np.linspace(-2, 2, 41)[:, None] * np.ones(20_000), test.targets)
    for metric, (values, errors) in scores.items():
        sign = -1 if metric in ("accuracy", "r2") else 1
        limit = found[metric]
        assert sign * limit.bayes <= sign * limit.best_constant <= sign * limit.chance
        best = np.argmin(sign * values)
        assert values[best] == pytest.approx(limit.best_constant, abs=4 * errors[best] + 2e-3), metric


def test_the_best_predictor_of_waves_attains_its_bayes_limit():
    data = Task(task="waves", noise=0.3, test_rows=20_000)
    test = load(data, seed=6, replicate=0).test
    mean = np.sin(test.inputs[:, 0]) + np.cos(test.inputs[:, 1])
    scores, found = regression_scores(mean[None], test.targets), limits(data, seed=6)
    assert found["squared_error"].bayes == pytest.approx(0.09)
    # Var sin x1 + Var cos x2 for N(0, 9): (1 - e⁻¹⁸)/2 + (1 + e⁻¹⁸)/2 - e⁻⁹, plus the noise
    assert found["squared_error"].best_constant == pytest.approx(1 - np.exp(-9) + 0.09, abs=5e-4)
    for metric, limit in found.items():
        values, errors = scores[metric]
        assert abs(values[0] - limit.bayes) <= 4 * errors[0], metric


def test_sincos_with_five_percent_flips_has_the_published_limits():
    found = limits(task("sincos", flip=0.05), seed=0)
    assert found["log_loss"].bayes == pytest.approx(0.19852, abs=5e-6)
    assert found["brier"].bayes == pytest.approx(0.0475)
    assert found["accuracy"].bayes == pytest.approx(0.95)
    assert found["log_loss"].chance == pytest.approx(np.log(2))


def test_sincos_inputs_are_normal_with_deviation_three_distractors_included():
    inputs = drawn("sincos", rows=20_000, features=4).train.inputs
    assert inputs.std(axis=0) == pytest.approx(3 * np.ones(4), abs=4 * 3 / np.sqrt(32_000))
    assert inputs.mean(axis=0) == pytest.approx(np.zeros(4), abs=4 * 3 / np.sqrt(16_000))


def test_the_posterior_of_moons_equals_a_fine_sum_over_both_arcs():
    angle = np.pi * (np.arange(20_000) + 0.5) / 20_000
    point, noise = np.array([0.9, 0.2]), 0.2
    densities = [
        np.exp(-((point[0] - x1) ** 2 + (point[1] - x2) ** 2) / (2 * noise**2)).mean()
        for x1, x2 in ((np.cos(angle), np.sin(angle)), (1 - np.cos(angle), 0.5 - np.sin(angle)))
    ]
    p = decision_truth(Task(task="moons"), point[None])
    assert p[0] == pytest.approx(densities[1] / sum(densities), rel=1e-8)


def test_truth_far_from_both_arcs_is_still_a_probability():
    for name in ("moons", "spirals"):
        p = decision_truth(Task(task=name, noise=0.02), np.array([[1e6, -1e6], [0.0, 0.0], [50.0, 50.0]]))
        assert ((p >= 0) & (p <= 1)).all()


def test_regression_targets_come_with_the_training_mean_and_deviation():
    splits = drawn("waves")
    assert splits.target_center == pytest.approx(splits.train.targets.mean())
    assert splits.target_scale == pytest.approx(splits.train.targets.std())
    assert (drawn("xor").target_center, drawn("xor").target_scale) == (0, 1)


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        drawn("xor").train.inputs[0, 0] = 1


def test_a_regression_has_no_decision_boundary():
    assert decision_truth(Task(task="waves"), np.zeros((1, 2))) is None
    assert decision_truth(Arrays(inputs=np.eye(4), targets=[0, 1, 0, 1]), np.zeros((1, 4))) is None


def test_the_fingerprint_tells_tasks_apart_but_not_their_settings():
    assert fingerprint(Task(task="xor")) == fingerprint(Task(task="xor", flip=0.1))
    assert len({fingerprint(Task(task=name)) for name in SOURCES}) == len(SOURCES)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "sincoss"}, r"no task 'sincoss'\. Did you mean 'sincos'\? Known: moons, rings"),
        ({"name": "sincos", "features": 1}, r"features=1: its pattern uses 2 features\. Ask for 2 or more"),
        ({"name": "sincos", "noise": 0.1}, r"noise=0\.1: its labels follow.*set flip instead"),
        ({"name": "waves", "flip": 0.1}, r"flip=0\.1: it predicts a number.*set noise instead"),
        ({"name": "moons", "noise": 0.001}, r"below 0\.02 the Bayes limit.*Set noise to 0\.02 or more"),
        ({"name": "xor", "rows": 2}, r"2 rows with validation=0\.2 leave 2 to learn from and 0 to validate"),
        ({"name": "xor", "rows": 10, "validation": 0.95}, r"leave 0 to learn from and 10 to validate"),
    ],
)
def test_a_task_that_cannot_be_drawn_is_refused_before_anything_is_trained(fields, says):
    with pytest.raises(RecipeError, match=says):
        task(**fields)


def test_a_field_out_of_range_is_refused_by_the_task_itself():
    with pytest.raises(RecipeError, match="flip"):
        task("xor", flip=0.7)


def test_check_is_quick_and_returns_nothing():
    assert check(task("spirals")) is None


def test_bundled_names_are_checked_with_the_nearest_known_one():
    with pytest.raises(RecipeError, match=r"no bundled set 'wines'\. Did you mean 'wine'\?"):
        bundled("wines")


@pytest.mark.parametrize(
    "fields", [{"features": 10**9}, {"rows": 10**10}, {"rows": 10**26}, {"rows": 10**5000}, {"test_rows": 10**12}]
)
def test_a_task_beyond_memory_is_refused_by_its_size_before_drawing(fields):
    with pytest.raises(
        RecipeError, match=r"\(rows \+ test_rows\) × features × 8 bytes are more than 4 GiB.*fewer rows"
    ):
        task("sincos", **fields)


@pytest.mark.parametrize("name", BLURRED)
def test_noise_has_a_bound_within_which_the_limits_are_finite(name):
    with pytest.raises(RecipeError, match=r"noise=1e\+300: beyond 1e\+06 nothing of the pattern is left"):
        task(name, noise=1e300)
    found = limits(task(name, noise=1e6), seed=0)
    assert all(np.isfinite([limit.chance, limit.best_constant, limit.bayes]).all() for limit in found.values())
