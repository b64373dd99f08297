"""What differs between arms."""

import pytest

from etude.diagnosis.differing import design_of, size

ONE = {"test/log_loss": [0.5] * 5}


def test_only_fields_that_differ_are_fields_of_the_design(arm):
    design = design_of([arm(curves=ONE), arm(curves=ONE, settings={"loss": "mse"})])
    assert dict(design.fields) == {"loss": ("bce", "mse")}


def test_seeds_and_how_often_a_run_is_scored_are_no_differences(arm):
    assert not design_of([arm(curves=ONE), arm(curves=ONE, settings={"seed": 3, "score_every": 7})]).fields


def test_an_optimiser_of_another_kind_is_one_difference(arm):
    adamw = {"optimizer": {"name": "adamw", "learning_rate": 0.5}}
    assert list(design_of([arm(curves=ONE), arm(curves=ONE, settings=adamw)]).fields) == ["optimizer"]


def test_arms_that_differ_in_one_field_alone_are_found_among_those_that_differ_in_two(arm):
    changes = [{}, {"loss": "mse"}, {"loss": "mse", "epochs": 7}]
    design = design_of([arm(curves=ONE, settings=change) for change in changes])
    assert design.alone("loss") == [[0, 1]]
    assert design.alone("epochs") == [[1, 2]]
    assert design.differ(0, 2) == ["loss", "epochs"] or set(design.differ(0, 2)) == {"loss", "epochs"}


def test_a_regulariser_is_paired_with_the_arm_that_has_none_of_it(arm):
    levels = (0.0, 0.01, 0.1)
    design = design_of([arm(curves=ONE, settings={"coupled_weight_decay": level}) for level in levels])
    assert design.regularisers == ["optimizer.coupled_weight_decay"]
    assert design.with_and_without("optimizer.coupled_weight_decay") == [(0, 1), (0, 2)]


def test_of_logs_only_what_somebody_chose_counts(arm):
    facts = {"lr": 0.1, "seed": 1, "final_loss": 0.3, "host": "a", "train is": "loss", "val_loss": 0.2}
    other = {"lr": 0.2, "seed": 2, "final_loss": 0.4, "host": "b", "train is": "mse", "val_loss": 0.1}
    arms = [arm(curves=ONE, recipe=None, provenance=one) for one in (facts, other)]
    assert dict(design_of(arms).fields) == {"lr": (0.1, 0.2)}


def test_a_parameter_that_one_log_lacks_is_not_compared(arm):
    arms = [arm(curves=ONE, recipe=None, provenance=one) for one in ({"lr": 0.1, "wd": 0.1}, {"lr": 0.2})]
    assert list(design_of(arms).fields) == ["lr"]


@pytest.mark.parametrize(
    ("level", "expected"), [(3, 3.0), ("0.001", 0.001), ("[64, 32]", 96.0), ("1e-4", 1e-4), ((2, 3), 5.0)]
)
def test_levels_have_the_size_that_is_written(level, expected):
    assert size(level) == pytest.approx(expected)


@pytest.mark.parametrize("level", ["adam", None, "v2-final", True, "resnet18"])
def test_a_level_that_is_no_number_has_no_size(level):
    assert size(level) != size(level)
