"""The journey repeats the learner's three notebooks with their very settings."""

import itertools

import pytest

from etude.studies.design import arms_of, resolve, told_arms, with_valid_comparisons
from etude.studies.journey import JOURNEY, VARY
from etude.values.claim import OBJECTIVE, Bound
from etude.values.recipe import Recipe, changed, differing_fields


@pytest.mark.parametrize(
    ("notebook", "features", "rows", "hidden", "loss", "weight_decay"),
    [
        ("notebook 1", 2, 1000, 4, "bce", 0),
        ("notebook 2", 3, 1500, 5, "mse", 0),
        ("notebook 3", 4, 1500, 7, "bce", 0.01),  # said MSE; the code has BCE
    ],
)
def test_a_notebook_is_the_learners_own(notebook, features, rows, hidden, loss, weight_decay):
    assert resolve(JOURNEY, notebook) == Recipe(
        data={
            "task": "sincos",
            "rows": rows,
            "features": features,
            "flip": 0.05,
            "validation": 0.2,
            "test_rows": 1000,
        },
        model={"name": "mlp", "hidden": [hidden], "activation": "relu", "dropout": 0.0},
        loss=loss,
        optimizer={"name": "adam", "learning_rate": 0.001, "coupled_weight_decay": weight_decay},
        epochs=1500,
        batch_size=None,
        score_every=150,
    )


def test_the_eight_claims_are_all_on_trial_on_thirty_two_replicates():
    words = ("71 %", "L2 hurt", "0.05", "More data", "0.0005", "Zero overfitting", "medicine", "as they stand")
    assert len(JOURNEY.claims) == len(words)
    assert all(word in claim.text for word, claim in zip(words, JOURNEY.claims, strict=True))
    assert JOURNEY.replicates == 32


def test_every_choice_of_the_notebooks_meets_every_other_one():
    cells = list(itertools.product(*VARY.values()))
    assert len(cells) == 2 * 3 * 4 * 2 * 3
    recipes = {changed(JOURNEY.base, dict(zip(VARY, levels, strict=True))) for levels in cells}
    notebooks = [name for name in JOURNEY.arms if name.startswith("notebook") and "," not in name]
    assert notebooks == ["notebook 1", "notebook 2", "notebook 2 with BCE", "notebook 3", "notebook 3 without L2"]
    assert {resolve(JOURNEY, name) for name in notebooks} <= recipes
    assert resolve(JOURNEY, "notebook 1") == changed(JOURNEY.base, {f: levels[0] for f, levels in VARY.items()})


def test_every_claim_has_a_comparison_that_is_valid_or_a_limit_that_is_known():
    def is_valid(part):
        if isinstance(part, Bound):
            return True
        control, treated = resolve(JOURNEY, part.control), resolve(JOURNEY, part.treated)
        differ = differing_fields(control, treated)
        alone = len(differ) == 1 or (not differ and part.split != part.control_split) or part.as_a_whole
        unlike = part.metric == OBJECTIVE and control.loss != treated.loss
        return alone and not unlike and (part.beyond is None or is_valid(part.beyond))

    for claim in with_valid_comparisons(JOURNEY).claims:
        assert all(map(is_valid, claim.instead))
        assert claim.instead or all(map(is_valid, claim.stated))


def test_a_reader_is_told_of_the_named_arms_and_those_the_claims_compare():
    plan = with_valid_comparisons(JOURNEY)
    arms = arms_of(plan)
    assert len(arms) == 144 + 7  # long training, overfitting and other widths are not in the factorial
    told = [arm.label for arm in told_arms(plan, arms)]
    assert set(JOURNEY.arms) - {"1,500 rows, 5 units"} <= set(told)  # which is notebook 2 with BCE
    assert len(told) == 13 + 4  # and what changes one at a time between notebooks 1 and 2


def test_the_numbers_of_the_claims_are_the_learners():
    (bound,) = [part for claim in JOURNEY.claims for part in claim.stated if isinstance(part, Bound)]
    assert (bound.metric, bound.value) == ("log_loss", 0.05)
    rows = [resolve(JOURNEY, name).data for name in ("1,000 rows, 5 units", "1,500 rows, 5 units")]
    assert [data.rows * (1 - data.validation) for data in rows] == [800, 1200]
    parameters = [3 * units + units + units + 1 for units in (5, 10)]  # 3 inputs, a bias a unit, one output
    assert parameters == [26, 51]  # twice as many
    wide = resolve(JOURNEY, "1,000 rows, 10 units")
    assert (wide.data.features, wide.model.hidden) == (3, (10,))
