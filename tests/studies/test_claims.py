"""A claim's verdict follows from its contrasts, and a bad comparison is shown with a good one."""

import numpy as np

from etude.studies.claims import ANSWERS, judge
from etude.studies.design import with_valid_comparisons
from etude.values.claim import Bound, Claim, Contrast
from etude.values.metric import Limit
from etude.values.study import Plan

NOISE = np.linspace(-0.01, 0.01, 12)
LIMITS = {"base": {"log_loss": Limit("log_loss", 0.693, 0.69, 0.1985)}}


def judged(base, evidence_of, claim, effect_of):
    plan = with_valid_comparisons(Plan(base=base, claims=(claim,)))
    evidence = evidence_of(plan, lambda arm: 0.5 + NOISE + effect_of(arm) + 1e-4 * np.sin(len(arm.label) * NOISE))
    return judge(evidence, LIMITS, rule="fixed")[0]


def mse_is(shift):
    return lambda arm: shift * (arm.recipe.loss == "mse")


def test_a_claim_is_supported_refuted_or_undecided_by_its_effect(base, evidence_of):
    claim = Claim(text="MSE is better", treated={"loss": "mse"})
    assert judged(base, evidence_of, claim, mse_is(-0.1)).verdict == "supported"
    assert judged(base, evidence_of, claim, mse_is(+0.1)).verdict == "refuted"
    assert judged(base, evidence_of, claim, mse_is(-0.001)).verdict == "refuted"  # smaller than 0.01 nats


def test_every_part_of_a_sentence_must_hold(base, evidence_of):
    parts = (Contrast(treated={"loss": "mse"}), Contrast(treated={"hidden": [8]}, expect="worse"))
    claim = Claim(text="MSE is better and width hurts", stated=parts)
    wide = {(4,): 0.0, (8,): 0.2}
    right = judged(base, evidence_of, claim, lambda arm: mse_is(-0.1)(arm) + wide[arm.recipe.model.hidden])
    wrong = judged(base, evidence_of, claim, lambda arm: mse_is(-0.1)(arm) - wide[arm.recipe.model.hidden])
    assert (right.verdict, wrong.verdict) == ("supported", "refuted")


def test_unlike_objectives_are_not_comparable_and_the_valid_comparison_stands_beside(base, evidence_of):
    claim = Claim(text="71 % better", treated={"loss": "mse"}, metric="objective")
    found = judged(base, evidence_of, claim, mse_is(-0.1))
    assert found.verdict == "not comparable"
    assert "nats against squared probability" in found.because
    assert found.stated == ()
    assert [effect.metric for effect in found.instead] == ["log_loss"]
    assert found.instead[0].verdict == "better"


def test_several_factors_at_once_are_confounded_and_each_is_shown_alone(base, evidence_of):
    claim = Claim(text="the change helped", treated={"loss": "mse", "hidden": [8]})
    found = judged(base, evidence_of, claim, mse_is(-0.1))
    assert found.verdict == "confounded"
    assert [effect.factor for effect in found.instead] == ["model.hidden", "loss"]
    assert [effect.verdict for effect in found.instead] == ["equivalent", "better"]


def test_a_bound_is_held_against_the_known_limit(base, evidence_of):
    def bound(value):
        return Claim(text="the least loss", stated=(Bound(metric="log_loss", value=value, within=0.01),))

    wrong = judged(base, evidence_of, bound(0.05), mse_is(0))
    assert wrong.verdict == "refuted"
    assert "0.1985 nats. The claim says 0.05." in wrong.because
    assert judged(base, evidence_of, bound(0.2), mse_is(0)).verdict == "supported"


def test_all_contrasts_of_all_claims_are_one_family(base, evidence_of):
    claims = tuple(Claim(text=str(h), treated={"hidden": [h]}) for h in (8, 16, 32))
    evidence = evidence_of(Plan(base=base, claims=claims), lambda arm: NOISE * len(arm.label))
    effects = [judgement.stated[0] for judgement in judge(evidence, LIMITS, rule="fixed")]
    assert [effect.family for effect in effects] == [3, 3, 3]


def test_no_expectation_is_met_and_failed_by_the_same_verdict():
    for expected in ("better", "worse", "equivalent", "different"):
        answers = {verdict: ANSWERS.get((expected, verdict)) for verdict in ("better", "worse", "equivalent")}
        assert set(answers.values()) == {"supported", "refuted"}
        assert (expected, "undecided") not in ANSWERS


def test_that_nothing_changes_is_refuted_by_a_difference_of_note_and_left_open_by_one_that_may_be_none(
    base, evidence_of
):
    same = Contrast(treated={"loss": "mse"}, expect="equivalent")
    claim = Claim(text="MSE changes nothing", stated=(same,))  # by 0.01 nats
    verdicts = {shift: judged(base, evidence_of, claim, mse_is(shift)).verdict for shift in (0.001, 0.01, 0.1)}
    assert verdicts == {0.001: "supported", 0.01: "undecided", 0.1: "refuted"}


def test_a_contrast_that_two_claims_share_counts_once(base, evidence_of):
    claims = tuple(Claim(text=text, treated={"hidden": [8]}) for text in ("wider is better", "width helps"))
    evidence = evidence_of(Plan(base=base, claims=claims), lambda arm: NOISE * len(arm.label))
    first, second = (judgement.stated[0] for judgement in judge(evidence, LIMITS, rule="fixed"))
    assert first == second
    assert first.family == 1
