"""Which number decides a claim, at a glance."""

from dataclasses import replace

from etude.figures.glance import Number, deciding_effect, glance_at_claim, glance_at_effect, shortened
from etude.values.claim import Bound, Claim, Contrast, Judgement

BOUND = Bound(metric="log_loss", value=0.05, within=0.01)


def judged(verdict, *, stated=(), instead=(), expect=(), parts=()):
    contrasts = tuple(Contrast(treated={"loss": "mse"}, expect=each) for each in expect)
    claim = Claim(text="MSE is better.", stated=(*contrasts, *parts) or (Contrast(treated={"loss": "mse"}),))
    return Judgement(claim, verdict, "because", stated=tuple(stated), instead=tuple(instead))


def test_a_supported_claim_shows_its_effects(effect):
    other = replace(effect, mean=0.3, low=0.2, high=0.4, verdict="worse", says="where it overfits")
    line = glance_at_claim(1, judged("supported", stated=[effect, other], expect=["better", "worse"]), [])
    assert (line.anchor, line.text, line.verdict) == ("claim-1", "MSE is better.", "supported")
    assert line.numbers == (
        Number("−0.050 nats", "−0.080 to −0.020", "log loss, loss MSE against BCE: better"),
        Number("+0.30 nats", "+0.20 to +0.40", "log loss, where it overfits: worse"),
    )


def test_a_refuted_claim_shows_the_effect_it_fails_by(effect):
    undecided, equivalent = (replace(effect, verdict=verdict) for verdict in ("undecided", "equivalent"))
    found = judged("refuted", stated=[effect, undecided, equivalent], expect=["better", "better", "better"])
    assert deciding_effect(found) is equivalent


def test_a_claim_of_any_difference_is_met_by_either_side(effect):
    worse, equivalent = replace(effect, verdict="worse"), replace(effect, verdict="equivalent")
    found = judged("refuted", stated=[effect, worse, equivalent], expect=["different"] * 3)
    assert deciding_effect(found) is equivalent


def test_an_undecided_claim_shows_the_first_undecided_effect(effect):
    undecided = replace(effect, verdict="undecided")
    assert deciding_effect(judged("undecided", stated=[effect, undecided], expect=["better", "better"])) is undecided


def test_where_some_comparisons_were_refused_the_first_of_the_others_is_shown(effect):
    found = judged("confounded", stated=[effect], expect=["worse", "worse"])
    assert deciding_effect(found) is effect


def test_a_refused_comparison_shows_a_fair_one_and_what_came_of_all_of_them(effect):
    fair = [replace(effect, verdict="undecided"), effect, replace(effect, verdict="undecided")]
    (number,) = glance_at_claim(2, judged("not comparable", instead=fair), []).numbers
    assert number.about == (
        "a fair comparison: log loss, loss MSE against BCE: undecided (of 3 such: 2 undecided, 1 better)"
    )


def test_a_bound_is_shown_with_what_was_claimed():
    (number,) = glance_at_claim(3, judged("refuted", parts=[BOUND]), [0.19852]).numbers
    assert number == Number("0.199 nats", "claimed: 0.05", "the best log loss possible")
    (number,) = glance_at_claim(3, judged("undecided", parts=[BOUND]), [None]).numbers
    assert number.measured == "not known"


def test_a_claim_that_no_number_decides_has_none():
    assert glance_at_claim(4, judged("confounded"), []).numbers == ()


def test_without_claims_an_effect_is_the_line(effect):
    line = glance_at_effect(effect)
    assert (line.anchor, line.text, line.verdict) == ("effects", "loss: MSE against BCE", "better")
    assert line.numbers[0].about == "log loss, test"


def test_an_effect_without_an_estimate_says_how_many_pairs_finished(effect):
    nothing = float("nan")
    gone = replace(effect, mean=nothing, low=nothing, high=nothing, n_pairs=0, verdict="worse")
    assert glance_at_effect(gone).numbers[0].measured == "no estimate"
    assert glance_at_effect(gone).numbers[0].beside == "0 of 16 pairs finished"


def test_a_long_sentence_is_cut_between_words():
    assert shortened("one two three", 13) == "one two three"
    assert shortened("one two, three", 13) == "one two…"
    assert shortened("x" * 20, 10) == "x" * 9 + "…"
