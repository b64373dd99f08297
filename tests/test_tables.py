"""A table and what it lists never drift apart."""

from pathlib import Path
from typing import get_args

import pytest

from etude.data.load import SOURCES
from etude.engine.architectures.mlp import ACTIVATIONS
from etude.engine.build import ARCHITECTURES, OPTIMIZERS
from etude.engine.losses import LOSSES
from etude.faces.terminal import CLAIM_STYLES, EFFECT_STYLES
from etude.figures.words import LOSS_WORDS
from etude.numerics.metrics import classification_scores, regression_scores
from etude.numerics.seeds import PURPOSES, Purpose
from etude.studies.claims import WEIGHT
from etude.studies.design import arms_of, resolve, with_valid_comparisons
from etude.studies.load import BUILT_IN, load_plan
from etude.values.claim import Bound, ClaimVerdict, Contrast
from etude.values.effect import Verdict
from etude.values.metric import METRICS, METRICS_OF, Kind
from etude.values.model import MODELS, Activation
from etude.values.optimizer import Optimizer
from etude.values.recipe import LossName

DATA_PAGE = (Path(__file__).parent.parent / "docs" / "data.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (LossName, LOSSES),
        (LossName, LOSS_WORDS),
        (Activation, ACTIVATIONS),
        (get_args(Optimizer)[0], OPTIMIZERS),
        (Kind, METRICS_OF),
        (Purpose, PURPOSES),
        (ClaimVerdict, WEIGHT),
        (ClaimVerdict, CLAIM_STYLES),
        (Verdict, EFFECT_STYLES),
    ],
)
def test_a_table_has_an_entry_for_each_name_a_user_may_write_and_no_other(names, table):
    assert set(table) == set(get_args(names))


def test_every_architecture_in_values_is_built():
    assert set(ARCHITECTURES) == set(MODELS)


def test_every_metric_belongs_to_a_kind_of_problem_and_is_computed_for_it():
    assert set(METRICS) == {name for names in METRICS_OF.values() for name in names}
    binary = classification_scores([[0.0, 1.0]], [0, 1])
    several = classification_scores([[[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]], [0, 1])
    numbers = regression_scores([[0.0, 1.0]], [0, 1])
    computed = {"binary": binary, "multiclass": several, "regression": numbers}
    assert {kind: set(scores) for kind, scores in computed.items()} == {k: set(v) for k, v in METRICS_OF.items()}


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_the_limits_of_every_metric_have_their_row_in_the_docs(metric):
    first = metric.label.split()[0]
    rows = [line for line in DATA_PAGE.splitlines() if line.startswith(f"| {first}")]
    assert rows, f"docs/data.md has no row of formulas for {metric.label}"


@pytest.mark.parametrize("task", SOURCES)
def test_every_task_has_its_row_in_the_docs(task):
    assert f"| `{task}` |" in DATA_PAGE


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_study_loads_and_each_claim_finds_its_arms(name):
    plan = with_valid_comparisons(load_plan(name))
    recipes = {arm.recipe.checksum for arm in arms_of(plan)}
    sides = [side for claim in plan.claims for part in (*claim.stated, *claim.instead) for side in sides_of(part)]
    assert sides
    assert {resolve(plan, side).checksum for side in sides} <= recipes


def sides_of(part):
    if isinstance(part, Bound):
        return [part.settings]
    assert isinstance(part, Contrast)
    return [part.control, part.treated, *(sides_of(part.beyond) if part.beyond else [])]
