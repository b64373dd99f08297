"""Several runs of one configuration, one diagnosis."""

import pytest

from etude.diagnosis.case import arm_of
from etude.diagnosis.pooling import how_sure_one_run_is, pooled
from etude.diagnosis.verdict import concluded
from etude.values.curve import curve
from etude.values.finding import Cause, Diagnosis, Finding, Measured, NotRun, Place, Prediction, Sign
from etude.values.run import Run

CURVES = {
    f"{part}/objective": curve(f"{part}/objective", range(9), range(9, 0, -1)) for part in ("train", "validation")
}
ARM = arm_of([Run("run", CURVES)], "wide")
VIEW = "train validation"


def diagnosis(verdict="overfit", probability=0.9, other="good fit", **fields):
    weighed = {verdict: probability, other: 1 - probability}
    return Diagnosis("run", verdict, probability, "", probabilities=weighed, **fields)


def finding(value=1.0, *, severity="warning", probability=0.8, **fields):
    measured = (Measured("rise", value, "nats"),)
    return Finding("overfit", f"it rises by {value}", severity, probability, measured, **fields)


def test_a_probability_is_its_mean_over_replicates_made_surer_and_says_how_many_agree():
    together = pooled([diagnosis(probability=p) for p in (0.95, 0.9, 0.85, 0.9)], ARM)
    assert (together.source, together.verdict, together.runs) == ("wide", "overfit", 4)
    # a mean of .9 against .1, to the power of 1.25: odds of 9 become 9^1.25 = 15.59
    assert together.probabilities["overfit"] == pytest.approx(15.588 / 16.588, rel=1e-4)
    assert (together.verdict, together.probability) == concluded(together.probabilities, VIEW)
    # Wilson, 4 of 4: from 1/(1 + z²/4) = 51 %
    assert together.says.startswith("4 of 4 replicates are judged 'overfit' (51 to 100 % of such runs).")
    assert sum(together.probabilities.values()) == pytest.approx(1)


def test_those_that_differ_are_named():
    together = pooled([*[diagnosis(probability=0.99)] * 6, diagnosis("diverged", 0.99)], ARM)
    assert together.verdict == "overfit"
    assert "the others: 1 'diverged'" in together.says


def test_replicates_that_contradict_each_other_do_not_tell():
    halves = [diagnosis("diverged", 1.0)] + [diagnosis("not learning", 1.0)] + [diagnosis("not converged", 1.0)] * 2
    halves += [diagnosis("overfit", 1.0), diagnosis("underfit (capacity)", 1.0), diagnosis("good fit", 1.0, "overfit")]
    together = pooled(halves, ARM)
    assert together.verdict == "cannot tell"
    assert together.probability > 0.5
    assert "do not agree" in together.says
    assert "2 'not converged'" in together.says


def test_nothing_weighed_is_cannot_tell_for_sure():
    nothing = Diagnosis("run", "cannot tell", 1.0, "")
    together = pooled([nothing, nothing], ARM)
    assert (together.verdict, together.probability) == ("cannot tell", 1.0)


def test_runs_that_all_diverged_are_an_arm_that_diverged():
    broken = {name: curve(name, range(9), [1.0] + [float("nan")] * 8) for name in CURVES}
    diverged = Diagnosis("run", "diverged", 0.96, "", probabilities={"diverged": 0.96, "not learning": 0.04})
    together = pooled([diverged] * 5, arm_of([Run("run", broken)] * 5, "wild"))
    assert (together.verdict, together.probability) == ("diverged", pytest.approx(0.96))
    assert together.says.startswith("5 of 5 replicates are judged 'diverged'")


def test_one_replicate_is_its_own_diagnosis_under_the_arms_name():
    one = diagnosis()
    assert pooled([one], ARM).source == "wide"
    assert pooled([one], ARM).says == one.says


def test_a_symptoms_numbers_are_means_with_students_interval_and_its_share_is_counted():
    together = pooled([diagnosis(findings=(finding(value),)) for value in (1.0, 2.0, 3.0)] + [diagnosis()], ARM)
    (found,) = together.findings
    share, rise = found.evidence
    assert share.value == 75
    assert found.says.startswith("3 of 4 replicates show it")
    assert "it rises by 2.0" in found.says  # the middle one speaks
    # t with 2 degrees of freedom: 4.3027 / √3
    assert (rise.value, rise.high) == pytest.approx((2.0, 2 + 4.302653 / 3**0.5), rel=1e-5)
    assert (rise.name, rise.runs) == ("rise", 3)  # those that have it
    assert found.probability == pytest.approx(0.75 * 0.8)


def test_what_few_replicates_show_counts_for_less():
    rare = pooled([diagnosis(findings=(finding(severity="error"),))] + [diagnosis()] * 4, ARM).findings[0]
    usual = pooled([diagnosis(findings=(finding(severity="error"),))] * 5, ARM).findings[0]
    assert (rare.severity, usual.severity) == ("warning", "error")


def test_places_predictions_causes_and_treatments_are_merged():
    def seen(first, low, cause, treatment):
        prediction = Prediction("stop earlier", "validation loss", "falls", low, low + 1, "nats")
        return finding(
            where=(Place("validation/objective", first, first + 10),),
            causes=(Cause(cause, "a trial"),),
            treatments=(treatment, "stop earlier"),
            prediction=prediction,
        )

    runs = [seen(10, 1.0, "a", "decay"), seen(20, 2.0, "b", "stop earlier"), seen(30, 3.0, "a", "stop earlier")]
    (found,) = pooled([diagnosis(findings=(one,)) for one in runs], ARM).findings
    assert found.where == (Place("validation/objective", 20, 30),)
    assert (found.prediction.low, found.prediction.high) == (2.0, 3.0)
    assert {cause.says for cause in found.causes} == {"a", "b"}
    assert found.treatments == ("stop earlier", "decay")


def test_a_check_that_ran_on_some_replicates_only_says_on_how_many():
    lacking = NotRun("leakage", "it needs the data")
    everywhere = pooled([diagnosis(not_run=(lacking,))] * 2, ARM)
    somewhere = pooled([diagnosis(not_run=(lacking,)), diagnosis()], ARM)
    assert everywhere.not_run == (lacking,)
    assert somewhere.not_run[0].because == "of 1 of 2 replicates it needs the data"


def test_a_sign_is_healthy_where_most_that_were_measured_are():
    def signed(healthy):
        return diagnosis(signs=(Sign("small gap", healthy, "", (Measured("gap", 0.1, "nats"),)),))

    together = pooled([signed(healthy) for healthy in (True, True, False, None)], ARM)
    (sign,) = together.signs
    assert sign.healthy
    assert sign.says.startswith("2 of 3 replicates that could be measured have it")
    assert sign.says.endswith(": gap 0.1 nats on average over 3 runs.")


def test_a_single_run_says_how_sure_it_is_and_what_else_it_may_be():
    told = how_sure_one_run_is(diagnosis(probability=0.7))
    assert "more likely than not (70 %), or else good fit (30 %)" in told
    assert "does not show enough" in how_sure_one_run_is(Diagnosis("run", "cannot tell", 0.6, ""))
