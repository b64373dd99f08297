"""What is found about a run beside its judged curves, and what is not looked for."""

import numpy as np

from etude.diagnosis.case import case_of
from etude.diagnosis.known import classes_of, gradient_norm, late, layers, learning_rate, limits_of, scores, setting
from etude.values.curve import curve
from etude.values.data import Images, Table, Task
from etude.values.recipe import Recipe
from etude.values.run import Run


def a_case(*names, recipe=None, **fields):
    return case_of(Run("run", {name: curve(name, [1, 2], [1.0, 2.0]) for name in names}, recipe=recipe, **fields))


def test_limits_are_those_of_the_recipes_data_and_nothing_is_downloaded_or_needed():
    assert limits_of(a_case(recipe=Recipe(data=Task(task="sincos"), loss="bce")))["accuracy"].chance == 0.5
    assert limits_of(a_case()) == {}
    assert limits_of(a_case(recipe=Recipe(data=Images(images="mnist"), loss="cross_entropy"))) == {}
    gone = Recipe(data=Table(table="nowhere.csv", target="y"), loss="bce")
    assert limits_of(a_case(recipe=gone)) == {}


def test_a_setting_is_a_field_of_the_recipe_where_there_is_one():
    flipped = a_case(recipe=Recipe(data=Task(task="sincos", flip=0.1), loss="bce"))
    assert setting(flipped, "data.flip") == 0.1
    assert setting(flipped, "model.cell") is None
    assert setting(a_case(), "data.flip") is None


def test_classes_come_from_the_confusion_matrix_the_data_or_a_parameter():
    assert classes_of(a_case(arrays={"confusion/test": np.zeros((7, 7))})) == 7
    assert classes_of(a_case(recipe=Recipe(data=Task(task="sincos"), loss="bce"))) == 2
    assert classes_of(a_case(provenance={"model/num_labels": 5})) == 5
    assert classes_of(a_case(provenance={"num_classes": "many"})) is None
    assert classes_of(a_case()) is None


def test_scores_are_found_under_the_names_of_other_tools():
    assert scores(a_case("val_acc"), "validation", "accuracy", "acc").name == "val_acc"
    assert scores(a_case("epoch_train_accuracy"), "train", "accuracy").name == "epoch_train_accuracy"
    assert scores(a_case("val_balanced_accuracy"), "validation", "accuracy") is None
    assert scores(a_case("accuracy"), "validation", "accuracy") is None


def test_rate_and_norm_are_found_wherever_they_were_logged():
    assert learning_rate(a_case("lr-Adam")).name == "lr-Adam"
    assert learning_rate(a_case("train/learning_rate")).name == "train/learning_rate"
    assert learning_rate(a_case("train/objective")) is None
    assert gradient_norm(a_case("train/grad_norm")).name == "train/grad_norm"
    assert gradient_norm(a_case("layers/a/gradient_norm")) is None


def test_layers_keep_the_order_of_the_network():
    found = layers(a_case("layers/b.1/dead", "layers/a/dead", "layers/a/saturated"), "dead")
    assert list(found) == ["b.1", "a"]


def test_the_late_part_is_the_last_quarter_of_what_is_finite():
    assert late(curve("a", range(8), [1, 2, 3, 4, 5, 6, 7, np.nan])).tolist() == [6, 7]
