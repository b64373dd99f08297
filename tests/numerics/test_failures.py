"""Exact tests on how often runs failed, against scipy's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from etude.numerics.failures import paired_failure_p, unpaired_failure_p

COUNTS = st.integers(0, 30)


def test_six_failures_on_one_side_alone_have_the_p_of_six_heads():
    assert paired_failure_p(0, 6) == pytest.approx(2 / 2**6)


@given(COUNTS, COUNTS)
def test_the_paired_p_is_that_of_the_binomial_test(one, other):
    theirs = stats.binomtest(one, one + other).pvalue if one + other else 1.0
    assert paired_failure_p(one, other) == pytest.approx(theirs)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_unpaired_p_is_that_of_fishers_test(failed, finished, failed_too, finished_too):
    table = [[failed, finished], [failed_too, finished_too]]
    theirs = stats.fisher_exact(table).pvalue if sum(map(sum, table)) else 1.0
    groups = (failed, failed + finished), (failed_too, failed_too + finished_too)
    assert unpaired_failure_p(*groups) == pytest.approx(theirs, rel=1e-5)
