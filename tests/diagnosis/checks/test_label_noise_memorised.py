"""Wrong labels known by heart."""

import pytest

from etude.diagnosis.checks.label_noise_memorised import CHECK
from etude.values.data import Task
from etude.values.finding import Finding, NotRun
from etude.values.recipe import Recipe

NOISY = Recipe(data=Task(task="moons", flip=0.2), loss="bce")


def test_accuracy_above_what_right_labels_give_counts_the_wrong_ones_known_by_heart(case):
    # 90 % right of which 80 % are due to right labels: half of the wrong 20 % are known
    found = CHECK.look(case({"train/accuracy": [0.5, 0.85, 0.9]}, recipe=NOISY, errors={"train/accuracy": 0.01}))
    assert isinstance(found, Finding)
    assert found.evidence[0].value == pytest.approx(50)
    # 0.5·0.5/0.01² = 2,500 examples, of which 20 % flipped are known to √(0.2·0.8/2500) = 0.008, or 4 % of the 20 %
    assert found.evidence[0].high - 50 == pytest.approx(1.96 * 4, abs=0.01)
    assert found.where[0].first == 2


def test_accuracy_at_the_share_of_right_labels_is_none(case):
    errors = {"train/accuracy": 0.01}
    assert CHECK.look(case({"train/accuracy": [0.5, 0.8]}, recipe=NOISY, errors=errors)) is None


def test_few_examples_may_be_lucky(case):
    # 25 examples: ± 8 points
    assert CHECK.look(case({"train/accuracy": [0.5, 0.9]}, recipe=NOISY, errors={"train/accuracy": 0.1})) is None


def test_without_known_noise_it_cannot_be_told(case):
    clean = Recipe(data=Task(task="moons"), loss="bce")
    assert isinstance(CHECK.look(case({"train/accuracy": [0.5, 1.0]}, recipe=clean)), NotRun)
    assert isinstance(CHECK.look(case({"train/accuracy": [0.5, 1.0]})), NotRun)
