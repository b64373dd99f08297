"""Power and replicates needed, against statsmodels, pingouin, quadrature and simulation."""

import math
from functools import partial

import numpy as np
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from statsmodels.stats.power import TTestPower

from etude.numerics.decisions import Question, decide
from etude.numerics.power import (
    equivalence_power,
    paired_power,
    replicates_for_equivalence,
    replicates_needed,
    replicates_to_decide,
)
from etude.values.errors import RecipeError


@pytest.mark.parametrize("effect", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("n", [2, 5, 10, 40])
def test_paired_power_agrees_with_statsmodels_and_pingouin(n: int, effect: float):
    ours = paired_power(n, standard_deviation=2.0, difference=2 * effect)
    assert ours == pytest.approx(TTestPower().power(effect, n, 0.05), abs=1e-10)
    assert ours == pytest.approx(pingouin.power_ttest(d=effect, n=n, contrast="paired"), abs=1e-10)


@pytest.mark.parametrize(("effect", "pairs"), [(0.5, 34), (0.8, 15), (1.0, 10), (1.5, 6), (2.0, 5), (9.0, 5)])
def test_replicates_for_eighty_percent_power_are_the_textbooks(effect: float, pairs: int):
    assert replicates_needed(standard_deviation=1.0, smallest_effect=effect) == pairs


@pytest.mark.parametrize(("margin", "pairs"), [(1.0, 11), (0.5, 36)])
def test_replicates_for_equivalence_are_those_measured(margin: float, pairs: int):
    assert replicates_for_equivalence(standard_deviation=1.0, margin=margin) == pairs


@pytest.mark.parametrize(("n", "margin", "difference"), [(2, 3.0, 0.0), (5, 1.0, 0.2), (11, 1.0, 0.0), (40, 0.5, -0.1)])
def test_equivalence_power_is_the_integral_over_the_standard_deviation(n, margin, difference):
    reach = stats.t.ppf(0.95, n - 1)

    def found(s: float) -> float:
        low = (-margin - difference) * math.sqrt(n) + reach * s
        high = (margin - difference) * math.sqrt(n) - reach * s
        density = stats.chi.pdf(s * math.sqrt(n - 1), n - 1) * math.sqrt(n - 1)
        return density * max(0.0, stats.norm.cdf(high) - stats.norm.cdf(low))

    edge = margin * math.sqrt(n) / reach
    expected = integrate.quad(found, 0, edge, epsabs=1e-13, points=[min(1, edge / 2)], limit=500)[0]
    ours = equivalence_power(n, standard_deviation=1.0, margin=margin, difference=difference)
    assert ours == pytest.approx(expected, abs=1e-10)


def test_at_the_margin_equivalence_is_found_no_more_often_than_alpha():
    # With a margin many standard errors wide the second of the two tests never matters, and one errs at 5 %.
    assert equivalence_power(40, standard_deviation=1.0, margin=5.0, difference=5.0) == pytest.approx(0.05, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 200), st.floats(0.05, 5), st.floats(0.01, 100))
def test_power_grows_with_replicates_and_depends_on_the_ratio_alone(n, effect, unit):
    power = paired_power(n, standard_deviation=1.0, difference=effect)
    assert 0.05 <= power <= 1
    assert paired_power(n, standard_deviation=unit, difference=-effect * unit) == pytest.approx(power, rel=1e-6)
    assert paired_power(n + 1, standard_deviation=1.0, difference=effect) >= power - 1e-9


def test_the_fewest_replicates_are_the_fewest():
    n = replicates_needed(standard_deviation=1.0, smallest_effect=0.02)
    powers = [paired_power(k, standard_deviation=1.0, difference=0.02) for k in (n - 1, n)]
    assert powers[0] < 0.8 <= powers[1]


def test_differences_without_any_variation_need_the_fewest_pairs_of_all():
    assert replicates_needed(standard_deviation=0.0, smallest_effect=0.1) == 5
    assert replicates_for_equivalence(standard_deviation=0.0, margin=0.1) == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"standard_deviation": math.nan, "smallest_effect": 1.0}, "finite and not negative"),
        ({"standard_deviation": 1.0, "smallest_effect": 0.0}, "smallest_effect is 0"),
        ({"standard_deviation": 1.0, "smallest_effect": 1.0, "power": 1.0}, "power is 1"),
        ({"standard_deviation": 1.0, "smallest_effect": 1e-6}, "far smaller than its noise"),
    ],
)
def test_what_cannot_be_answered_is_refused(arguments, says):
    with pytest.raises(RecipeError, match=says):
        replicates_needed(**arguments)


def test_power_is_what_simulated_studies_find():
    rng = np.random.default_rng(0)
    p = stats.ttest_1samp(rng.normal(1, 1, (20_000, 10)), 0, axis=1).pvalue
    expected = paired_power(10, standard_deviation=1, difference=1)
    assert (p < 0.05).mean() == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 20_000))


def test_no_difference_seen_is_decided_by_equivalence_and_a_large_one_by_finding_it():
    advise = partial(replicates_to_decide, standard_deviation=1.0, margin=0.5)
    assert advise(difference=0.0) == replicates_for_equivalence(standard_deviation=1.0, margin=0.5) == 36
    assert advise(difference=-1.0) == replicates_needed(standard_deviation=1.0, smallest_effect=1.0) == 10
    assert advise(difference=0.25) == advise(difference=-0.25) > 36  # halfway is hardest


def test_what_no_number_within_reach_decides_has_none():
    assert replicates_to_decide(standard_deviation=1.0, margin=1e-5, difference=0.0) is None
    assert replicates_to_decide(standard_deviation=1.0, margin=1e-5, difference=1e-5) is None


@pytest.mark.parametrize("difference", [0.0, 0.25, 0.5, 0.9, 1.5])
def test_the_advised_number_decides_simulated_studies_as_often_as_it_says(difference: float):
    n = replicates_to_decide(standard_deviation=1.0, margin=1.0, difference=difference)
    rng = np.random.default_rng(0)
    studies = (difference + rng.standard_normal(n) for _ in range(1_000))
    decided = [decide([Question(study, 1.0, lower_is_better=True)], seed=0)[0].verdict for study in studies]
    assert np.mean([verdict != "undecided" for verdict in decided]) > 0.8 - 4 * math.sqrt(0.8 * 0.2 / 1_000)
