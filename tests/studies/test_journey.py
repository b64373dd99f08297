"""The journey repeats the learner's three notebooks with their very settings."""

import pytest

from etude.studies.design import resolve
from etude.studies.journey import JOURNEY
from etude.values.claim import Bound
from etude.values.recipe import Recipe


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
        data={"task": "sincos", "rows": rows, "features": features, "flip": 0.05, "validation": 0.2},
        model={"name": "mlp", "hidden": [hidden], "activation": "relu", "dropout": 0.0},
        loss=loss,
        optimizer={"name": "adam", "learning_rate": 0.001, "coupled_weight_decay": weight_decay},
        epochs=1500,
        batch_size=None,
    )


def test_the_eight_claims_are_all_on_trial_on_sixteen_replicates():
    words = ("71 %", "L2 hurt", "0.05", "More data", "0.0005", "Zero overfitting", "medicine", "as they stand")
    assert len(JOURNEY.claims) == len(words)
    assert all(word in claim.text for word, claim in zip(words, JOURNEY.claims, strict=True))
    assert JOURNEY.replicates >= 16


def test_the_numbers_of_the_claims_are_the_learners():
    (bound,) = [part for claim in JOURNEY.claims for part in claim.stated if isinstance(part, Bound)]
    assert (bound.metric, bound.value) == ("log_loss", 0.05)
    rows = [resolve(JOURNEY, name).data for name in ("1,000 rows, 5 units", "1,500 rows, 5 units")]
    assert [data.rows * (1 - data.validation) for data in rows] == [800, 1200]
    parameters = [3 * units + units + units + 1 for units in (5, 10)]  # 3 inputs, a bias a unit, one output
    assert parameters == [26, 51]  # twice as many
    wide = resolve(JOURNEY, "1,000 rows, 10 units")
    assert (wide.data.features, wide.model.hidden) == (3, (10,))
