"""The analysis of variance by hand and against statsmodels."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from etude.numerics.factorial import analysis_of_variance
from etude.values.errors import ComparisonError, NotEnoughDataError

NAMES = ("a", "b", "c", "d")


def table(outcomes: np.ndarray) -> pd.DataFrame:
    cells = itertools.product(*(range(size) for size in outcomes.shape))
    rows = [(*cell, float(outcomes[cell])) for cell in cells]
    return pd.DataFrame(rows, columns=["replicate", *NAMES[: outcomes.ndim - 1], "y"])


@pytest.mark.parametrize(
    ("shape", "formula"),
    [
        ((3, 4), "C(a)"),
        ((4, 2, 3), "C(a)*C(b)"),
        ((3, 2, 3, 2), "C(a)*C(b)*C(c)"),
        ((2, 2, 2, 2, 3), "(C(a)+C(b)+C(c)+C(d))**3"),
    ],
)
def test_sums_of_squares_f_and_p_equal_those_of_statsmodels(shape, formula):
    rng = np.random.default_rng(len(shape))
    outcomes = rng.normal(size=shape) + 2 * rng.normal(size=(shape[0], *[1] * (len(shape) - 1))) + np.arange(shape[-1])
    ours = analysis_of_variance(outcomes, NAMES[: len(shape) - 1], metric="brier")
    theirs = anova_lm(ols(f"y ~ C(replicate) + {formula}", table(outcomes)).fit(), typ=2)
    total = theirs["sum_sq"].sum()
    names = [name.replace("C(", "").replace(")", "").replace(":", " × ") for name in theirs.index]
    assert [row.term for row in ours] == [{"Residual": "residual"}.get(name, name) for name in names]
    for row, (_, reference) in zip(ours, theirs.iterrows(), strict=True):
        assert row.share == pytest.approx(reference["sum_sq"] / total, rel=1e-8, abs=1e-12)
        assert row.degrees == reference["df"]
        if row.term not in ("replicate", "residual"):
            assert (row.f, row.p) == pytest.approx((reference["F"], reference["PR(>F)"]), rel=1e-8)
        else:
            assert math.isnan(row.f)
            assert math.isnan(row.p)


def test_two_by_two_without_noise_is_split_by_hand():
    # y = a + 2b + replicate: sums of squares 2·4·(1/2)² … a: 8·0.25 = 2, b: 8·1 = 8, replicate: 2; no interaction.
    outcomes = np.array([[[a + 2 * b + r for b in (0, 1)] for a in (0, 1)] for r in (0, 1)], dtype=float)
    shares = {row.term: row for row in analysis_of_variance(outcomes, ["a", "b"], metric="brier")}
    assert shares["a"].share == pytest.approx(2 / 12)
    assert shares["b"].share == pytest.approx(8 / 12)
    assert shares["replicate"].share == pytest.approx(2 / 12)
    assert shares["a × b"].share == 0
    assert shares["a"].f == math.inf
    assert shares["a"].p == 0
    assert math.isnan(shares["a × b"].p)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 4), st.integers(2, 3), st.integers(2, 3), st.integers(0, 1_000), st.floats(-1e3, 1e3))
def test_shares_add_up_to_one_and_ignore_the_origin(replicates, a, b, seed, shift):
    outcomes = np.random.default_rng(seed).normal(size=(replicates, a, b))
    rows = analysis_of_variance(outcomes, ["a", "b"], metric="brier")
    moved = analysis_of_variance(outcomes + shift, ["a", "b"], metric="brier")
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert sum(row.degrees for row in rows) == outcomes.size - 1
    assert [row.share for row in moved] == pytest.approx([row.share for row in rows], abs=1e-8)


def test_outcomes_that_are_all_equal_explain_nothing():
    rows = analysis_of_variance(np.full((3, 2, 2), 0.1), ["a", "b"], metric="brier")
    assert {row.share for row in rows} == {0.0}


def test_a_study_in_which_a_run_diverged_is_refused_with_the_way_out():
    with pytest.raises(ComparisonError, match=r"1 of 8 outcomes .* leave out the replicates"):
        analysis_of_variance([[[1, 2], [3, math.nan]], [[1, 2], [3, 4]]], ["a", "b"], metric="brier")


def test_axes_and_factors_must_agree():
    with pytest.raises(ComparisonError, match=r"\(2, 2\) against 2 factors"):
        analysis_of_variance([[1, 2], [3, 4]], ["a", "b"], metric="brier")


def test_a_single_replicate_is_refused():
    with pytest.raises(NotEnoughDataError, match="replicates=2"):
        analysis_of_variance([[1.0, 2.0]], ["a"], metric="brier")
