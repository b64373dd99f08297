"""A validation loss below the training loss."""

import numpy as np
import pytest

from etude.diagnosis.checks.validation_better import CHECK
from etude.values.data import Task
from etude.values.finding import Finding, NotRun
from etude.values.model import Mlp
from etude.values.recipe import Recipe

DROPPING = Recipe(data=Task(task="sincos"), loss="bce", model=Mlp(dropout=0.5))


def test_a_validation_loss_a_fifth_below_is_told_with_the_gap(case):
    found = CHECK.look(case({"train/objective": np.full(20, 0.5), "validation/objective": np.full(20, 0.4)}))
    assert isinstance(found, Finding)
    assert found.severity == "note"
    assert found.evidence[0].value == pytest.approx(0.1)


def test_dropout_is_the_first_cause_where_the_recipe_has_it(case):
    both = {"train/objective": np.full(20, 0.5), "validation/objective": np.full(20, 0.4)}
    assert "dropout" in CHECK.look(case(both, recipe=DROPPING)).causes[0].says


def test_a_loss_that_falls_within_the_epoch_explains_what_half_an_epoch_takes_away(case):
    # training means lie half an epoch behind: with a slope of -1 an epoch, half of a gap of 1 is due to that
    steps = np.arange(1, 21)
    both = {"train/objective": 40.0 - steps, "validation/objective": 39.5 - steps}
    found = CHECK.look(case({name: (steps, values / 10) for name, values in both.items()}))
    assert found is None  # 0.05 of about 3
    steep = {"train/objective": 21.0 - steps, "validation/objective": 20.0 - steps}
    found = CHECK.look(case({name: (steps, values) for name, values in steep.items()}))
    assert found.evidence[1].value == pytest.approx(0.5)


def test_more_is_better_turns_the_comparison(case):
    both = {"train/score": np.full(20, 0.6), "validation/score": np.full(20, 0.8)}
    assert isinstance(CHECK.look(case(both)), Finding)
    assert CHECK.look(case(dict(zip(both, reversed(both.values()), strict=True)))) is None


def test_a_gap_within_the_standard_error_of_the_validation_part_is_none(case):
    curves = {"train/objective": np.full(20, 0.5), "validation/objective": np.full(20, 0.4)}
    scored = {**curves, "validation/log_loss": np.full(20, 0.4)}
    assert CHECK.look(case(scored, errors={"validation/log_loss": 0.05})) is None
    assert isinstance(CHECK.look(case(scored, errors={"validation/log_loss": 0.03})), Finding)


def test_one_series_cannot_be_compared(case):
    assert isinstance(CHECK.look(case({"train/objective": np.ones(20)})), NotRun)
