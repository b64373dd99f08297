"""The mean of probabilities as logits: exact where they would round, and never worse than the members on average."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, softmax

from etude.numerics.averaging import averaged_logits
from etude.numerics.metrics import classification_scores

LOGITS = st.floats(-50, 50)


def members(*shape):
    return st.integers(1, 5).flatmap(lambda n: arrays(np.float64, (n, *shape), elements=LOGITS))


@given(logits=members(4))
def test_of_two_classes_it_is_the_mean_of_sigmoids(logits):
    assert expit(averaged_logits(logits)) == pytest.approx(expit(logits).mean(axis=0), rel=1e-9, abs=1e-300)


@given(logits=members(4, 3))
def test_of_several_classes_it_is_the_mean_of_softmaxes(logits):
    found = softmax(averaged_logits(logits), axis=-1)
    assert found == pytest.approx(softmax(logits, axis=-1).mean(axis=0), rel=1e-9, abs=1e-300)


@given(logits=st.one_of(members(6), members(6, 3)))
def test_it_never_has_a_worse_log_loss_or_brier_score_than_the_members_on_average(logits):
    targets = [0, 1, 0, 1, 1, 0]
    each = classification_scores(logits, targets)
    both = classification_scores(averaged_logits(logits)[None], targets)
    for name in ("log_loss", "brier"):
        assert both[name][0][0] <= each[name][0].mean() + 1e-9


def test_certainty_beyond_rounding_is_kept():
    # p = 1 - e^-800 is 1 in float64; the mean of two such is the same
    assert averaged_logits([[800.0], [800.0]]).tolist() == [800.0]
    # of a sure yes and a sure no it is even odds
    assert averaged_logits([[800.0], [-800.0]]).tolist() == [0.0]


def test_a_member_that_diverged_leaves_nothing_to_average():
    assert np.isnan(averaged_logits([[1.0, 2.0], [np.inf, 0.0]])).all()
    assert np.isnan(averaged_logits([[[1.0, 2.0]], [[np.nan, 0.0]]])).all()
