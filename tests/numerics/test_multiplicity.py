"""Holm's step-down by hand and against statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from etude.numerics.multiplicity import holm_adjusted, holm_alphas

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_stops_at_the_first_that_is_not_rejected():
    # 0.01 < 0.05/3; 0.04 ≥ 0.05/2 stops; 0.045 < 0.05 would pass alone, and keeps 0.05/2.
    assert holm_alphas([0.045, 0.01, 0.04], alpha=0.05) == (0.025, 0.05 / 3, 0.025)


@settings(deadline=None, max_examples=20)  # statsmodels takes 70 ms a call
@given(p_values)
def test_adjusted_p_values_and_rejections_equal_those_of_statsmodels(p):
    reject, adjusted, *_ = multipletests(p, alpha=0.05, method="holm")
    np.testing.assert_allclose(holm_adjusted(p), adjusted, rtol=1e-10)
    if np.abs(adjusted - 0.05).min() > 1e-12:  # on the border itself "below" and "at most" differ
        assert [one < alpha for one, alpha in zip(p, holm_alphas(p, alpha=0.05), strict=True)] == reject.tolist()


@settings(deadline=None, max_examples=50)
@given(p_values)
def test_no_question_is_tested_more_strictly_than_bonferroni_nor_more_loosely_than_alone(p):
    alphas = holm_alphas(p, alpha=0.05)
    assert min(alphas) == pytest.approx(0.05 / len(p))
    assert max(alphas) <= 0.05


def test_no_questions_have_no_alphas():
    assert holm_alphas([], alpha=0.05) == ()
