"""What was minimised, told from a record, a recipe, a name, a first value, or an accuracy beside it."""

import math
from types import MappingProxyType

import numpy as np
import pytest

from etude.diagnosis.units import comparable, objective_unit, told_unit
from etude.values.curve import curve
from etude.values.recipe import Recipe, changed
from etude.values.run import Run


def run(*, called="", train=(0.6, 0.5), accuracy=None, unit="", recipe=None, name="run", facts=None, score=False):
    word = "score" if score else "objective"
    steps = range(len(train))
    curves = {f"{split}/{word}": curve(f"{split}/{word}", steps, train, unit=unit) for split in ("train", "validation")}
    if accuracy is not None:
        curves["val_acc"] = curve("val_acc", steps, accuracy)
    told = {"train is": called, **(facts or {})}
    return Run(name, MappingProxyType(curves), recipe=recipe, provenance=MappingProxyType(told))


RECIPE = Recipe(data={"task": "sincos"}, loss="bce")


def test_the_runs_own_unit_comes_before_everything_else():
    told = told_unit(run(called="mse_loss", unit="nats", recipe=changed(RECIPE, {"loss": "mse"})))
    assert (told.name, told.probability) == ("nats", 1.0)


@pytest.mark.parametrize(
    ("loss", "data", "unit"),
    [
        ("bce", {"task": "sincos"}, "nats"),
        ("mse", {"task": "sincos"}, "squared probability"),
        ("mse", {"bundled": "wine"}, "squared probability, mean over classes"),
        ("huber", {"task": "waves"}, "huber of the standardised target"),
    ],
)
def test_a_recipe_tells_by_its_loss_and_its_data(loss, data, unit):
    told = told_unit(run(called="mae", recipe=Recipe(data=data, loss=loss)))
    assert (told.name, told.probability) == (unit, 1.0)


@pytest.mark.parametrize(
    ("called", "unit"),
    [
        ("val_mse_loss", "squared error"),
        ("train/BCEWithLogitsLoss", "nats"),
        ("crossEntropy", "nats"),
        ("train_nll", "nats"),
        ("rmse", "root of the squared error"),
        ("Train Perplexity", "perplexity"),
        ("l1_loss", "absolute error"),
        ("smooth_l1", "Huber loss"),
        ("val_bpb", "bits"),
    ],
)
def test_a_name_tells(called, unit):
    assert objective_unit(run(called=called, train=(3.0, 2.9))) == unit


def test_a_name_that_only_looks_like_one_does_not_tell():
    assert objective_unit(run(called="balanced_loss", train=(3.0, 2.9))) == "?"


@pytest.mark.parametrize(("classes", "share"), [(2, 1.04), (10, 0.96), (100, 1.0)])
def test_a_first_value_near_that_of_knowing_nothing_is_nats_of_so_many_classes(classes, share):
    told = told_unit(run(called="loss", train=(share * math.log(classes), 0.4)))
    assert (told.name, told.classes) == ("nats", classes)
    assert told.probability < 0.95


def test_a_first_value_that_is_six_per_cent_off_tells_nothing():
    assert objective_unit(run(called="loss", train=(1.06 * math.log(2), 0.4))) == "?"


def test_a_quarter_is_the_squared_error_of_one_half():
    assert objective_unit(run(called="loss", train=(0.25, 0.1))) == "squared probability"


def test_a_first_value_that_is_the_entropy_of_the_first_accuracy_is_nats():
    # nine in ten are of one class: -.9 ln .9 - .1 ln .1 = 0.3251; the later ones cost 0.3/.1 = 3 nats a wrong answer
    told = told_unit(run(called="loss", train=(0.325, 0.3), accuracy=(0.9, 0.9)))
    assert told.name == "nats"
    assert "0.9" in told.told_by


def test_a_wrong_answer_that_costs_half_of_one_is_no_nat():
    # 0.69 begins like ln 2, but with 60 % wrong answers, and stays at 1.15 and 1 of them
    assert objective_unit(run(called="loss", train=(0.69, 0.4), accuracy=(0.4, 0.6))) == "squared probability"
    # the same loss with 30 and 20 % wrong answers: 2.3 and 2 each
    assert objective_unit(run(called="loss", train=(0.69, 0.4), accuracy=(70, 80))) == "nats"


def test_an_accuracy_without_errors_tells_nothing():
    assert objective_unit(run(called="loss", train=(0.1, 0.05), accuracy=(0.99, 1.0))) == "?"


def test_a_score_is_a_share_or_per_cent():
    assert objective_unit(run(called="val_acc", train=(0.5, 0.9), score=True)) == "share correct"
    assert objective_unit(run(called="val_acc", train=(50, 90), score=True)) == "% correct"


def test_a_run_of_nothing_but_nan_has_no_unit():
    assert objective_unit(run(called="loss", train=(math.nan, math.nan))) == "?"


def test_losses_of_two_units_stand_in_two_rankings_with_the_reason():
    nats = [run(name=f"a{i}", called="bce", train=(0.6, 0.3)) for i in range(3)]
    squares = [run(name=f"b{i}", called="brier", train=(0.2, 0.1)) for i in range(2)]
    first, second = comparable([squares[0], *nats, squares[1]])
    assert [one.name for one in first.runs] == ["a0", "a1", "a2"]
    assert [one.name for one in second.runs] == ["b0", "b1"]
    assert (first.apart, second.apart) == ("", "squared probability against nats")


def test_runs_of_one_name_whose_unit_is_not_known_belong_together_if_they_start_alike():
    known = run(name="known", called="loss", train=(0.69, 0.3))
    near, far = run(name="near", called="loss", train=(0.4, 0.3)), run(name="far", called="loss", train=(0.3, 0.2))
    other = run(name="other", called="objective", train=(0.5, 0.3))
    rankings = comparable([far, other, near, known])
    assert [[one.name for one in ranking.runs] for ranking in rankings] == [["known", "near"], ["far"], ["other"]]
    assert "starts at 0.3" in rankings[1].apart
    assert "'objective'" in rankings[2].apart


def test_runs_on_other_data_stand_apart():
    one, other = (run(called="bce", facts={"params/dataset": name}) for name in ("mnist", "cifar10"))
    assert "learns from the data cifar10" in comparable([one, other, one])[1].apart
    xor = changed(RECIPE, {"data": {"task": "xor"}})
    assert len(comparable([run(recipe=RECIPE), run(recipe=xor)])) == 2


def test_a_regression_on_other_rows_has_another_scale():
    recipes = [Recipe(data={"task": "waves", "rows": rows}, loss="mse") for rows in (100, 200)]
    r2 = {"train/r2": curve("train/r2", [1], [0.5])}
    runs = [Run("a", MappingProxyType({**run(unit="v").curves, **r2}), recipe=recipe) for recipe in recipes]
    assert comparable(runs)[1].apart == "each target is standardised by its own data"


def test_the_unit_of_a_ranking_is_the_surest_one():
    ranking, *others = comparable([run(called="loss", train=(0.69, 0.3)), run(unit="nats"), run(unit="nats")])
    assert not others
    assert ranking.unit.probability == 1.0
    assert len(ranking.runs) == 3
    assert np.isfinite(ranking.runs[0].curves["train/objective"].values).all()
