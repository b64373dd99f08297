"""A regulariser that does nothing."""

import math

import numpy as np
import pytest

from etude.diagnosis.checks import unnecessary_regularisation
from etude.values.finding import Finding, NotRun

NOISE = np.array([0.03, -0.02, 0.01, -0.03, 0.02, -0.01, 0.015, -0.015])
"""What eight replicates share over arms; its mean is 0."""


WOBBLE = 0.001 * np.array([1, -1, 2, -2, 1, -1, 3, -3])
"""What they do not share."""


def scores(level, n=8):
    return {"test/log_loss": (level + NOISE)[:n]}


def decayed(arm, effect, n=8):
    without = arm("none", curves=scores(0.5, n))
    values = (0.5 + NOISE + effect + WOBBLE)[:n]
    return [without, arm("decay", curves={"test/log_loss": values}, settings={"coupled_weight_decay": 1e-3})]


def test_an_effect_below_the_smallest_of_interest_is_found_with_its_interval(arm):
    seen = unnecessary_regularisation.look(decayed(arm, 0.001))
    assert isinstance(seen, Finding)
    # WOBBLE has mean 0 and standard deviation √(30/7) ‰ = 2.07 ‰; t(7) at 5 % on each side is 1.8946
    reach = 1.8946 * 0.001 * math.sqrt(30 / 7) / math.sqrt(8)
    (measured,) = seen.evidence
    assert (measured.value, measured.low) == pytest.approx((0.001, 0.001 - reach), rel=1e-4)
    assert seen.severity == "note"


@pytest.mark.parametrize("effect", [0.02, -0.02, 0.0099])
def test_an_effect_that_matters_or_may_is_not(arm, effect):
    assert unnecessary_regularisation.look(decayed(arm, effect)) is None


def test_four_replicates_are_too_few_and_no_regulariser_is_nothing_to_ask(arm):
    seen = unnecessary_regularisation.look(decayed(arm, 0.0, 4))
    assert isinstance(seen, NotRun)
    assert "5 replicates" in seen.because
    assert isinstance(unnecessary_regularisation.look(decayed(arm, 0.0)[:1]), NotRun)
