"""From a log to a run: what is taken for training and validation, and what is said of it."""

import numpy as np
import pytest

from etude.records.logged import Log, Lost, series
from etude.records.roles import Choices, run_of
from etude.values.errors import LogError


def log(*names, lost=(), **axes) -> Log:
    axes = axes or {"epochs": [1, 2, 3]}
    values = {name: [i + 0.5, i + 0.4, i + 0.3] for i, name in enumerate(names)}
    return Log("run", "a tool", ("log",), tuple(series(name, values[name], **axes) for name in names), lost)


def took(*names, choices=None) -> tuple[str | int | float | None, str | int | float | None]:
    known = run_of(log(*names), choices or Choices()).provenance
    return known.get("train is"), known.get("validation is")


@pytest.mark.parametrize(
    ("names", "train", "validation"),
    [
        (("accuracy", "loss", "val_accuracy", "val_loss"), "loss", "val_loss"),  # Keras
        (("epoch_loss", "val_loss", "train_loss_step", "train_loss_epoch", "lr"), "train_loss_epoch", "val_loss"),
        (("grad_norm", "learning_rate", "loss", "eval_loss", "eval_runtime"), "loss", "eval_loss"),  # Trainer
        (("batches/train_loss", "train_loss", "valid_loss"), "train_loss", "valid_loss"),  # skorch
        (("train/epoch_loss", "validation/epoch_loss"), "train/epoch_loss", "validation/epoch_loss"),  # TF2
        (("Loss/train", "Accuracy/train", "Loss/test"), "Loss/train", "Loss/test"),
        (("train_rmse", "val_rmse", "val_mae"), "train_rmse", "val_rmse"),
        (("train_mae", "val_mae", "train_loss", "val_loss"), "train_loss", "val_loss"),
        (("train_acc", "val_acc"), "train_acc", "val_acc"),
        (("val_loss",), None, "val_loss"),
        (("loss",), "loss", None),
        (("reading",), "reading", None),
    ],
)
def test_which_series_are_training_and_validation(names, train, validation):
    assert took(*names) == (train, validation)


def test_losses_are_objectives_and_scores_say_that_more_is_better():
    assert {"train/objective", "validation/objective", "lr"} == set(
        run_of(log("loss", "val_loss", "lr"), Choices()).curves
    )
    assert {"train/score", "validation/score"} == set(run_of(log("acc", "val_acc"), Choices()).curves)


def test_parts_of_a_loss_are_added_up():
    parts = [f"{split}/{part}_loss" for split in ("train", "val") for part in ("box", "cls", "dfl")]
    run = run_of(log(*parts, "metrics/mAP50(B)"), Choices())
    assert run.curve("train/objective").values == pytest.approx([0.5 + 1.5 + 2.5, 0.4 + 1.4 + 2.4, 0.3 + 1.3 + 2.3])
    assert run.curve("validation/objective").values[0] == pytest.approx(3.5 + 4.5 + 5.5)
    assert "the parts of the loss were added up" in run.notes


def test_a_test_series_stands_in_for_validation_and_it_is_said():
    run = run_of(log("train_loss", "test_loss"), Choices())
    assert "validation/objective" in run.curves
    assert any("the test series was taken for one" in note for note in run.notes)


def test_the_user_says_otherwise():
    assert took("a", "b", choices=Choices(train="a", validation="b")) == ("a", "b")
    run = run_of(log("a", "b"), Choices(train="a", validation="b", higher_is_better=True))
    assert set(run.curves) == {"train/score", "validation/score"}
    assert took("a", "val_loss", "loss", choices=Choices(train="a")) == ("a", "val_loss")  # the other one is found
    assert took("a", "b", choices=Choices(validation="b")) == (None, "b")
    assert "train/objective" in run_of(log("acc", "val_acc"), Choices(higher_is_better=False)).curves
    with pytest.raises(LogError, match=r"run has no series 'los'\. Did you mean 'loss'\?"):
        run_of(log("loss"), Choices(train="los"))


def test_names_that_say_nothing_are_listed():
    with pytest.raises(LogError, match=r"There are: 'a', 'b'\. Say which with --train"):
        run_of(log("a", "b"), Choices())


def test_what_was_lost_and_what_the_reader_said_goes_along():
    lost = (Lost("log", "line 3", 1, "it has no end"),)
    assert run_of(log("loss", lost=lost), Choices()).lost == lost


def test_a_run_that_ends_in_nan_is_a_run():
    made = Log("run", "a tool", ("log",), (series("loss", [1, np.nan], steps=[1, 2]),))
    assert np.isnan(run_of(made, Choices()).curve("train/objective").values[-1])
