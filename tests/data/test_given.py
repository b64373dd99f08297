"""Bundled sets and the user's arrays."""

import sys

import numpy as np
import pytest

from etude.data import given
from etude.data.given import bundled_frame
from etude.data.load import bundled, check, fingerprint, kind_of, limits, load
from etude.data.partition import Shares, partition
from etude.values.data import Arrays, as_data
from etude.values.errors import DataError, RecipeError
from etude.values.recipe import Recipe


def arrays(inputs=None, targets=None, **fields):
    rng = np.random.default_rng(0)
    inputs = rng.normal(5, 2, (40, 3)) if inputs is None else inputs
    return Arrays(inputs=inputs, targets=np.arange(40) % 2 if targets is None else targets, **fields)


@pytest.mark.parametrize(
    ("name", "kind", "classes", "rows", "features"),
    [
        ("breast_cancer", "binary", 2, 569, 30),
        ("digits", "multiclass", 10, 1797, 61),  # three pixels are never inked
        ("diabetes", "regression", 0, 442, 10),
        ("iris", "multiclass", 3, 150, 4),
        ("wine", "multiclass", 3, 178, 13),
    ],
)
def test_each_bundled_set_splits_into_three_parts_that_share_no_row(name, kind, classes, rows, features):
    splits = load(bundled(name), seed=0, replicate=0)
    assert (splits.kind, len(splits.classes), len(splits.features)) == (kind, classes, features)
    assert sum(part.targets.size for part in splits.parts().values()) == rows
    assert splits.validation.targets.size == pytest.approx(0.2 * rows, abs=max(1, classes / 2))
    assert kind_of(bundled(name)) == kind


def test_scaling_is_learned_from_the_training_part_alone():
    splits = load(bundled("wine"), seed=0, replicate=0)
    assert splits.train.inputs.mean(axis=0) == pytest.approx(np.zeros(13), abs=1e-5)
    assert splits.train.inputs.std(axis=0) == pytest.approx(np.ones(13), abs=1e-5)
    assert np.abs(splits.validation.inputs.mean(axis=0)).max() > 0.01


def images(**fields):
    pixels = np.random.default_rng(0).uniform(0, 255, (60, 2, 3, 4))
    pixels[:, :, 0, 0] = 0.0  # a corner that is always empty
    pixels[:, 1] *= 0.1
    return Arrays(inputs=pixels, targets=np.arange(60) % 3, **fields), pixels


def test_images_keep_their_form_and_every_pixel_of_them_on_one_scale():
    data, pixels = images()
    splits = load(data, seed=0, replicate=0)
    assert (data.form, splits.form, splits.train.inputs.shape[1]) == ((2, 3, 4), (2, 3, 4), 24)
    assert splits.train.inputs.mean() == pytest.approx(0, abs=1e-5)
    assert splits.train.inputs.std() == pytest.approx(1, abs=1e-5)
    together = np.concatenate([part.inputs for part in splits.parts().values()]).ravel()
    slope, start = np.polyfit(np.sort(together), np.sort(pixels.reshape(60, -1).ravel()), 1)
    np.testing.assert_allclose(slope * np.sort(together) + start, np.sort(pixels.ravel()), atol=1e-3)


def test_images_given_flat_with_their_form_are_the_same_images():
    data, pixels = images()
    assert Arrays(inputs=pixels.reshape(60, -1), targets=data.targets, form=(2, 3, 4)) == data
    assert Arrays(inputs=pixels.reshape(60, -1), targets=data.targets) != data
    with pytest.raises(DataError, match=r"of form \(3, 3\) does not have the 24 numbers"):
        Arrays(inputs=pixels.reshape(60, -1), targets=data.targets, form=(3, 3))


def test_a_dataset_of_images_becomes_images():
    data, pixels = images()
    made = as_data(list(zip(pixels, data.targets.tolist(), strict=True)))
    assert made == data


def test_every_part_has_the_classes_in_the_same_shares():
    splits = load(bundled("breast_cancer"), seed=0, replicate=0)
    for part in splits.parts().values():
        assert part.targets.mean() == pytest.approx(357 / 569, abs=1 / part.targets.size + 0.005)


def test_each_replicate_splits_anew_and_the_same_one_alike():
    first, again, other = (load(bundled("iris"), seed=0, replicate=r).checksum for r in (0, 0, 1))
    assert first == again != other


REPLICATES = range(20)


def test_a_test_part_that_is_drawn_once_is_the_same_in_every_replicate_and_learned_from_in_none():
    frame = bundled_frame(bundled("wine"))
    made = [partition(frame, Shares(0.2, 0.2, test_once=True), seed=3, replicate=r) for r in REPLICATES]
    again = [partition(frame, Shares(0.2, 0.2), seed=3, replicate=r) for r in REPLICATES]
    for one in made:
        assert np.array_equal(one.test, made[0].test)
        assert not (one.test & (one.train | one.validation)).any()
        assert (one.train ^ one.validation ^ one.test).all()
        sizes = [[mask.sum() for mask in (of.train, of.validation, of.test)] for of in (one, again[0])]
        assert sizes[0] == sizes[1]
    assert len({one.validation.tobytes() for one in made}) == len(REPLICATES)
    assert len({one.test.tobytes() for one in again}) == len(REPLICATES)
    assert np.bincount(frame.targets[made[0].test].astype(int)).tolist() == [12, 14, 10]  # of 59, 71 and 48


def test_loaded_rows_keep_out_the_test_rows_of_the_seed_alone():
    data = arrays(targets=np.arange(40.0), test_drawn="once")  # a number's target tells which row it is
    parts = [load(data, seed=3, replicate=r).parts() for r in REPLICATES]
    tested = set(parts[0]["test"].targets)
    assert len(tested) == 8
    for part in parts:
        assert set(part["test"].targets) == tested
        assert not tested & {*part["train"].targets, *part["validation"].targets}
    assert set(load(data, seed=4, replicate=0).test.targets) != tested


def test_arrays_that_draw_their_test_part_otherwise_are_not_the_same_data():
    assert arrays() != arrays(test_drawn="once")
    assert arrays(test_drawn="once") == arrays(test_drawn="once")


def test_a_test_part_is_drawn_per_replicate_or_once():
    with pytest.raises(RecipeError, match=r"test_drawn.*'per replicate' or 'once'.*got 'twice'"):
        bundled("wine", test_drawn="twice")


def test_never_inked_pixels_are_dropped_and_said():
    notes = load(bundled("digits"), seed=0, replicate=0).notes
    assert "dropped 'pixel_0_0', 'pixel_4_0', 'pixel_4_7': the same in every row" in notes


def test_limits_of_real_rows_have_no_bayes_limit():
    found = limits(bundled("breast_cancer"), seed=0)
    assert found["accuracy"].best_constant == pytest.approx(357 / 569)
    assert {limit.bayes for limit in found.values()} == {None}
    assert limits(bundled("diabetes"), seed=0)["r2"].best_constant == 0
    assert limits(bundled("digits"), seed=0)["log_loss"].chance == pytest.approx(np.log(10))


def test_a_test_share_of_zero_leaves_two_parts():
    splits = load(bundled("iris", test=0), seed=0, replicate=0)
    assert list(splits.parts()) == ["train", "validation"]
    assert splits.train.targets.size == 120


def test_arrays_are_scaled_and_split_like_any_real_rows():
    splits = load(arrays(), seed=0, replicate=0)
    assert splits.features == ("x1", "x2", "x3")
    assert splits.train.inputs.mean() == pytest.approx(0, abs=1e-6)
    assert (splits.kind, splits.classes) == ("binary", ("0", "1"))


def test_text_labels_become_classes_in_alphabetical_order():
    splits = load(arrays(targets=np.array(["wolf", "dog"] * 20)), seed=0, replicate=0)
    assert splits.classes == ("dog", "wolf")


def test_a_number_with_many_values_is_a_regression_unless_said_otherwise():
    many, few = np.arange(40.0), np.arange(40.0) % 20
    assert kind_of(arrays(targets=many)) == "regression"
    assert kind_of(arrays(targets=few)) == "multiclass"
    assert kind_of(arrays(targets=few, kind="regression")) == "regression"


def test_the_fingerprint_of_arrays_is_their_content():
    assert fingerprint(arrays()) == fingerprint(arrays())
    assert fingerprint(arrays()) != fingerprint(arrays(targets=np.arange(40) // 2 % 2))


def test_a_column_constant_among_training_rows_only_is_zero_not_huge():
    # 0.1 twenty times over has a standard deviation of 1e-17 in floating point
    inputs = np.column_stack([np.arange(40.0), np.where(np.arange(40) == 0, 0.2, 0.1)])
    for replicate in range(6):
        splits = load(arrays(inputs=inputs), seed=0, replicate=replicate)
        assert max(np.abs(part.inputs).max() for part in splits.parts().values()) < 10


def spoiled(value):
    inputs = np.ones((40, 3)) * np.arange(40)[:, None]
    inputs[7, 2] = value
    return inputs


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"inputs": spoiled(np.nan)}, r"inputs\[7, 2\] is nan, one of 1 entries.*Fill or remove"),
        ({"inputs": spoiled(np.inf)}, r"inputs\[7, 2\] is inf"),
        ({"inputs": np.ones((40, 3))}, r"no column is left.*never vary: 'x1', 'x2', 'x3'"),
        ({"targets": np.zeros(40)}, r"target 'target': every row has the class '0'.*at least two"),
        ({"targets": np.zeros(40), "kind": "regression"}, r"every value is 0, so nothing can be learned"),
        ({"targets": np.where(np.arange(40) == 5, np.nan, 1.0)}, r"targets\[5\] is nan.*without its answer"),
        ({"targets": np.array([None, "a"] * 20)}, r"targets\[0\] is missing, one of 20"),
        ({"targets": np.array(["a", "b"] * 20), "kind": "regression"}, r"kind='regression' needs numbers.*'a'"),
        ({"targets": np.arange(40) + 1j}, r"type complex128 are neither numbers nor labels"),
        ({"targets": np.arange(40) >= 38}, r"class '1' of 'target' has 2 rows.*at least 3"),
        ({"validation": 0.6, "test": 0.5}, r"validation=0\.6 and test=0\.5 leave nothing to learn from"),
    ],
)
def test_arrays_that_cannot_be_learned_from_say_where_and_the_way_out(fields, says):
    with pytest.raises(DataError, match=says):
        check(arrays(**fields))


def test_a_regression_of_three_rows_is_too_small_to_split():
    with pytest.raises(DataError, match=r"3 rows are too few to split.*at least 4"):
        check(Arrays(inputs=np.eye(3), targets=[0.0, 1.0, 2.5], kind="regression"))


def test_no_rows_at_all_are_refused():
    with pytest.raises(DataError, match="there are no rows"):
        check(Arrays(inputs=np.ones((0, 2)), targets=np.ones(0)))


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):

    given._loaded.cache_clear()  # noqa: SLF001 - as in a process that has not loaded the set yet
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DataError, match=r"needs scikit-learn\. Run: pip install 'etude\[data\]'"):
        bundled("iris", validation=0.31)


class Items:
    """A map-style dataset of these items; an exception among them is raised."""

    def __init__(self, *items):
        """Keep the items."""
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        if isinstance(self.items[index], Exception):
            raise self.items[index]
        return self.items[index]


def test_a_dataset_of_pairs_becomes_arrays_of_flattened_inputs():
    made = as_data(Items(*((np.full((2, 2), i), i) for i in range(5))))
    assert made.inputs.shape == (5, 4)
    assert made.targets.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ((([1.0], 0), 7), r"item 1: int, where an \(input, target\) pair belongs\. Pass a pair"),
        (([1.0], 0), r"item 0: list of length 1"),
        ((([1.0], 0), {"x": 1, "y": 0}), r"item 1: dict, where"),
        ((([1.0], 0), ([1.0], 0), ([1.0, 2.0], 0)), r"item 2: input and target have shapes \(2,\) and \(\).*\(1,\)"),
        ((([[1.0, 2.0]], 0), ([[1.0], [2.0]], 0)), r"item 1: .*shapes \(2, 1\)"),
        ((([1.0], 0), ([1.0], [0, 1])), r"item 1: .*and \(2,\), those of item 0"),
        ((([1.0], 0), (["a"], 0)), r"item 1: it does not convert to arrays of numbers: could not convert string"),
        ((([1.0], 0), OSError("disk gone")), r"item 1: reading it raises OSError: disk gone"),
        ((), r"it is empty \(length 0\)"),
    ],
)
def test_a_dataset_that_is_none_names_the_item_and_what_it_found(items, says):
    with pytest.raises(DataError, match=says):
        as_data(Items(*items))


def test_the_error_of_a_dataset_is_kept_as_the_cause():
    with pytest.raises(DataError, match="KeyError") as caught:
        as_data(Items(KeyError("label")))
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("other", ["sincos", 3, np.ones((4, 2)), None])
def test_what_is_neither_arrays_nor_a_dataset_is_left_for_the_recipe_to_refuse(other):
    assert as_data(other) is other
    with pytest.raises(RecipeError, match="needs one of the keys task, bundled, table, memory"):
        Recipe(data=other, model={"name": "mlp"}, loss="bce")


def test_copies_among_arrays_are_told():
    inputs = np.repeat(np.random.default_rng(0).normal(size=(20, 2)), 2, axis=0)
    notes = load(arrays(inputs=inputs, targets=np.arange(40) // 2 % 2), seed=0, replicate=0).notes
    assert any(note.startswith("40 of 40 rows occur more than once") for note in notes)


def test_arrays_are_checked_once_for_all_replicates():
    data = arrays()
    before = given.arrays_frame.cache_info().misses
    for replicate in range(5):
        load(data, seed=1, replicate=replicate)
    assert given.arrays_frame.cache_info().misses <= before + 1
