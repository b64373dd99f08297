"""Whole diagnoses: shapes that everybody would judge alike, logs of little, and what the table of checks holds."""

from dataclasses import replace
from types import MappingProxyType
from typing import get_args

import numpy as np
import pytest

from etude.diagnosis.check import ArmCheck, RunCheck, StudyCheck
from etude.diagnosis.diagnose import CHECKS, SAYS, compared, diagnosed
from etude.diagnosis.suspicion import WORTH_SAYING
from etude.values.curve import curve
from etude.values.finding import Finding, Verdict
from etude.values.run import Run

EPOCHS = np.arange(1, 61)


@pytest.fixture
def logged():
    """A run of another tool's log: training and validation losses an epoch, with a little noise."""

    def make(train=None, validation=None, *, noise=0.004, word="objective", seed=0, **fields):
        rng = np.random.default_rng(seed)
        curves = {}
        for split, values in (("train", train), ("validation", validation)):
            if values is not None:
                noisy = np.asarray(values, dtype=float) + rng.normal(0, noise, len(values))
                curves[f"{split}/{word}"] = curve(f"{split}/{word}", np.arange(1, len(values) + 1) * 10, noisy)
        return Run("a run", MappingProxyType(curves), **fields)

    return make


def settling(low, rate=8.0, start=0.69):
    return low + (start - low) * np.exp(-EPOCHS / rate)


def test_both_settled_and_close_is_a_good_fit(logged):
    found = diagnosed([logged(settling(0.3), settling(0.32))])
    assert found.verdict == "good fit"
    assert found.probability > 0.5
    assert [sign.healthy for sign in found.signs].count(False) <= 1


def test_validation_that_rises_while_training_falls_is_overfit(logged):
    held = settling(0.4, 5.0) + 0.012 * np.maximum(EPOCHS - 15, 0)
    found = diagnosed([logged(settling(0.02, 15.0), held)])
    assert found.verdict == "overfit"
    finding = next(one for one in found.findings if one.symptom == "overfit")
    # the best step of the smoothed course is near epoch 15, and the rise a little below 0.012 times 45
    assert 100 <= finding.where[0].first <= 250
    rise = next(one for one in finding.evidence if one.name == "validation loss above its best, smoothed")
    assert rise.value == pytest.approx(0.5, abs=0.06)
    assert finding.prediction.direction == "falls"
    assert 0 < finding.prediction.low < finding.prediction.high
    assert found.best_step == finding.where[0].first or 100 <= found.best_step <= 250


def test_a_loss_that_is_no_number_has_diverged_from_there_on(logged):
    losses = settling(0.3)
    losses[30:] = np.nan
    found = diagnosed([logged(losses, settling(0.3))])
    assert found.verdict == "diverged"
    finding = found.findings[0]
    assert (finding.symptom, finding.severity) == ("diverged", "error")
    assert "step 310" in finding.says


def test_a_loss_that_stays_at_ln_2_is_most_likely_not_learning(logged):
    flat = np.full(60, np.log(2))
    found = diagnosed([logged(flat, flat, noise=0.002)])
    assert max(found.probabilities, key=found.probabilities.get) == "not learning"
    assert found.findings[0].symptom == "not learning"
    assert found.findings[0].severity == "error"


def test_a_straight_and_smooth_descent_asks_for_more(logged):
    straight = 0.69 - 0.003 * EPOCHS
    found = diagnosed([logged(straight, straight + 0.005, noise=0.0005)])
    asks = found.probabilities["learning rate too low"] + found.probabilities["not converged"]
    assert asks > 0.6
    assert found.verdict != "good fit"


def test_an_accuracy_is_judged_as_a_loss_is(logged):
    losses = logged(settling(0.1, start=0.5), settling(0.12, start=0.5), noise=0.001)
    scores = {
        name.replace("objective", "score"): replace(one, name=name.replace("objective", "score"), values=1 - one.values)
        for name, one in losses.curves.items()
    }
    of_loss, of_score = diagnosed([losses]), diagnosed([replace(losses, curves=MappingProxyType(scores))])
    assert of_score.verdict == of_loss.verdict
    assert of_score.probability == pytest.approx(of_loss.probability)


def test_the_unit_does_not_matter(logged):
    one, other = logged(settling(0.3), settling(0.32)), logged(settling(0.3), settling(0.32))
    large = {name: replace(c, values=1000 * c.values) for name, c in other.curves.items()}
    assert diagnosed([replace(other, curves=MappingProxyType(large))]).probabilities == pytest.approx(
        dict(diagnosed([one]).probabilities)
    )


@pytest.mark.parametrize("points", [0, 1, 2])
def test_too_few_points_cannot_tell_and_say_what_to_log(logged, points):
    found = diagnosed([logged(settling(0.3)[:points], settling(0.3)[:points])])
    assert found.verdict == "cannot tell"
    assert any("at least 10 times" in advice for advice in found.next)
    assert any(one.check == "overfit" and "series" in one.because for one in found.not_run)


def test_a_run_without_any_judged_series_cannot_tell():
    found = diagnosed([Run("bare", {})])
    assert found.verdict == "cannot tell"
    assert found.best_step is None


def test_one_series_is_judged_as_far_as_it_goes(logged):
    found = diagnosed([logged(settling(0.3))])
    assert found.probabilities
    assert any(one.check == "overfit" and "validation" in one.because for one in found.not_run)


def test_the_probabilities_sum_to_one_and_likely_verdicts_are_findings(logged):
    found = diagnosed([logged(settling(0.02, 15.0), settling(0.4, 5.0) + 0.012 * np.maximum(EPOCHS - 15, 0))])
    assert sum(found.probabilities.values()) == pytest.approx(1)
    likely = {verdict for verdict, p in found.probabilities.items() if p >= WORTH_SAYING} - {"good fit"}
    assert likely <= {finding.symptom for finding in found.findings}


def test_replicates_together_are_surer_than_one(logged):
    held = settling(0.4, 5.0) + 0.004 * np.maximum(EPOCHS - 15, 0)
    runs = [logged(settling(0.1, 15.0), held, seed=seed, noise=0.01) for seed in range(5)]
    together, alone = diagnosed(runs, "five"), diagnosed(runs[:1])
    assert together.runs == 5
    assert together.source == "five"
    assert max(together.probabilities.values()) >= max(alone.probabilities.values()) - 0.1


def test_arms_are_held_against_each_other(logged):
    arms = {"one": [logged(settling(0.3), settling(0.3))], "other": [logged(settling(0.2), settling(0.2), seed=1)]}
    seen = [one.symptom if isinstance(one, Finding) else one.check for one in compared(arms)]
    assert sorted(set(seen)) == sorted({c.symptom for c in CHECKS if isinstance(c, StudyCheck)} & set(seen))
    assert "confounded comparison" in seen, "arms without recipes or parameters cannot be told apart, which is said"


def test_every_verdict_has_its_sentence_and_every_illness_its_check():
    assert set(SAYS) == set(get_args(Verdict))
    symptoms = {check.symptom for check in CHECKS}
    assert set(SAYS) - {"good fit", "cannot tell"} <= symptoms


def test_a_symptom_is_looked_for_once_in_a_run_once_in_an_arm_and_once_in_a_study():
    for kind in (RunCheck, ArmCheck, StudyCheck):
        symptoms = [check.symptom for check in CHECKS if isinstance(check, kind)]
        assert len(symptoms) == len(set(symptoms))


def test_a_prediction_promises_no_more_than_is_left(logged):
    held = settling(0.05, 30.0)
    for finding in diagnosed([logged(settling(0.05, 30.0), held)]).findings:
        if finding.prediction is not None and finding.symptom in SAYS:
            assert finding.prediction.high <= 1.1 * held[-1]


def test_a_good_fit_names_the_signs_of_health_that_are_missing(logged):
    found = diagnosed([logged(settling(0.02, 5.0), settling(0.35, 5.0))])
    assert found.verdict == "good fit"
    missing = [sign.name for sign in found.signs if sign.healthy is False]
    assert "small gap" in missing
    assert all(name in found.says for name in missing)


def test_what_cannot_be_told_names_the_likeliest(logged):
    found = diagnosed([logged(settling(0.55, 5.0), settling(0.56, 5.0))])
    assert found.verdict == "cannot tell"
    assert max(found.probabilities, key=found.probabilities.get) in found.says
    assert not any("at least 10 times" in advice for advice in found.next), "it was logged sixty times"


def test_a_noiseless_rise_is_seen_as_well_as_a_noisy_one(logged):
    # smooth curves were once called a good fit: levels were weighed beside those of runs that diverged
    held = settling(0.43, 3.0, start=1.1) + 0.02 * np.maximum(EPOCHS - 20, 0)
    found = diagnosed([logged(settling(0.003, 6.0, start=1.0), held, noise=0.0)])
    assert found.verdict == "overfit"


def test_validation_alone_that_rises_is_no_good_fit(logged):
    held = settling(1.2, 4.0, start=2.3) + 0.03 * np.maximum(EPOCHS - 12, 0)
    assert diagnosed([logged(None, held, noise=0.01)]).verdict != "good fit"
