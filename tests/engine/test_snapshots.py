"""Weights and decision surfaces kept with a run."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.data.splits import Part, Splits
from etude.engine.loop import train_on
from etude.engine.snapshots import central_range, snapshots
from etude.values.model import Mlp
from etude.values.recipe import Recipe


def run_of(splits, **fields):
    plain = {"data": {"task": "sincos"}, "loss": "bce", "model": Mlp(hidden=(4,)), "epochs": 2}
    return train_on(Recipe(**(plain | fields)), splits, 0)


def test_the_surface_is_what_the_kept_weights_say_at_each_point(binary):
    run = run_of(binary)
    x1, x2, p = (run.arrays[f"decision/{name}"] for name in ("x1", "x2", "p"))
    assert (x1.shape, x2.shape, p.shape) == ((41,), (41,), (41, 41))
    weights = {name: run.arrays[f"weights/{name}"] for name in ("hidden_1.weight", "hidden_1.bias")}
    hidden = np.maximum(weights["hidden_1.weight"] @ [x1[5], x2[30]] + weights["hidden_1.bias"], 0)
    logit = run.arrays["weights/output.weight"][0] @ hidden + run.arrays["weights/output.bias"][0]
    assert p[30, 5] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)  # row: x2, column: x1
    assert not p.flags.writeable


@pytest.mark.parametrize(("inputs_of_a_unit", "kept"), [(19_999, True), (20_000, False)])
def test_a_model_of_more_than_20_000_parameters_keeps_none(binary, inputs_of_a_unit, kept):
    class OneUnit(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(inputs_of_a_unit))
            self.bias = nn.Parameter(torch.zeros(1))

        def forward(self, inputs):
            return inputs[:, :1] * self.scale.sum() + self.bias

    assert ("weights/scale" in run_of(binary, model=OneUnit).arrays) is kept


def test_the_plane_is_the_same_for_two_draws_of_one_task():
    first, second = (np.random.default_rng(seed).normal(0, 3, 800).astype(np.float32) for seed in (1, 2))
    assert central_range(first).tolist() == central_range(second).tolist()
    assert central_range(first)[[0, -1]].tolist() == [-9, 9]


def test_a_column_that_never_changes_still_has_a_range():
    assert central_range(np.full(10, 5.0, dtype=np.float32))[[0, 20, -1]].tolist() == pytest.approx([4, 5, 6])


class Says:
    """A network whose outputs are given."""

    n_parameters = 10**9

    def __init__(self, outputs):
        """On the test rows."""
        self.given = outputs

    def outputs_by_split(self):
        """As they were given."""
        return {"test": self.given}

    def weights(self):
        """None."""
        return []


def images_of(truth) -> Splits:
    pixels = np.arange(len(truth) * 4, dtype=np.float32).reshape(len(truth), 4)
    part = Part((pixels - 127) / 128, np.array(truth, dtype=float))
    return Splits(part, part, part, "multiclass", ("a", "b", "c"), (), 0.0, 1.0, "", form=(1, 2, 2))


def test_the_confusion_matrix_counts_the_true_class_by_row_and_the_likeliest_by_column():
    outputs = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3], [0, 2, 0]], dtype=np.float32)
    made = snapshots(Says(outputs), images_of([0, 1, 1, 2]))
    assert made["confusion/test"].tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 0]]


def test_the_worst_mistakes_are_the_surest_wrong_answers_with_their_pictures():
    outputs = np.array([[9, 0, 0], [0, 1, 0], [0, 0, 3], [0, 2, 0]], dtype=np.float32)  # rows 1, 2 and 3 are wrong
    made = snapshots(Says(outputs), images_of([0, 2, 1, 2]))
    assert made["mistakes/truth"].tolist() == [1, 2, 2]
    assert made["mistakes/said"].tolist() == [2, 1, 1]
    assert made["mistakes/p"] == pytest.approx(
        [np.exp(3) / (np.exp(3) + 2), np.exp(2) / (np.exp(2) + 2), np.e / (np.e + 2)]
    )
    assert made["mistakes/images"][0].tolist() == [[[8, 9], [10, 11]]]
    assert made["mistakes/images"].dtype == np.uint8


def test_a_run_that_diverged_and_a_problem_of_two_classes_have_no_matrix():
    assert snapshots(Says(np.full((1, 3), np.nan, dtype=np.float32)), images_of([0])) == {}


def test_examples_are_the_first_test_image_of_each_class_with_what_was_said():
    outputs = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3], [0, 2, 0]], dtype=np.float32)
    made = snapshots(Says(outputs), images_of([1, 1, 2, 0]))
    assert made["examples/truth"].tolist() == [0, 1, 2]
    assert made["examples/said"].tolist() == [1, 0, 2]
    assert made["examples/images"][:, 0, 0, 0].tolist() == [12, 0, 8]  # rows 3, 0 and 2
    assert made["examples/p"][1] == pytest.approx(np.exp(3) / (np.exp(3) + 2))
    assert not made["examples/images"].flags.writeable


def test_large_examples_are_thinned_and_mistakes_are_not():
    part = Part(np.zeros((2, 64 * 48), dtype=np.float32), np.array([0.0, 1.0]))
    splits = Splits(part, part, part, "multiclass", ("a", "b", "c"), (), 0.0, 1.0, "", form=(1, 64, 48))
    made = snapshots(Says(np.array([[0, 1, 0], [0, 1, 0]], dtype=np.float32)), splits)
    assert made["examples/images"].shape == (2, 1, 32, 24)
    assert made["mistakes/images"].shape == (1, 1, 64, 48)


def test_a_problem_of_many_classes_keeps_a_dozen_examples():
    part = Part(np.zeros((40, 4), dtype=np.float32), np.arange(40.0))
    classes = tuple(map(str, range(40)))
    splits = Splits(part, part, part, "multiclass", classes, (), 0.0, 1.0, "", form=(1, 2, 2))
    made = snapshots(Says(np.eye(40, dtype=np.float32)), splits)
    assert made["examples/truth"].tolist() == list(range(12))


def test_of_more_rows_than_are_scored_each_picture_is_that_of_its_own_answer():
    rows = 15_000  # 10,000 of them are scored, the first and the last among them
    pixels = np.repeat(np.arange(rows) % 251, 4).reshape(rows, 4)
    truth = np.zeros(rows)
    truth[-1] = 1
    part = Part(((pixels - 127) / 128).astype(np.float32), truth)
    splits = Splits(part, part, part, "multiclass", ("a", "b", "c"), (), 0.0, 1.0, "", form=(1, 2, 2))
    made = snapshots(Says(np.tile(np.float32([3, 0, 0]), (10_000, 1))), splits)
    assert made["examples/images"][:, 0, 0, 0].tolist() == [0, (rows - 1) % 251]
    assert made["mistakes/images"][:, 0, 0, 0].tolist() == [(rows - 1) % 251]
