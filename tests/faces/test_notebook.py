"""What a notebook cell shows."""

from dataclasses import replace

import pytest

from etude.faces.notebook import effect_fragment, result_fragment
from etude.values.claim import Claim, Contrast, Judgement
from etude.values.recipe import Recipe
from etude.values.study import Arm, Plan, StudyResult

BASE = Recipe(data={"task": "sincos"}, loss="bce")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def effect(effect):
    return replace(
        effect,
        mean=-0.02,
        low=-0.03,
        high=-0.01,
        n_pairs=5,
        treated=HOSTILE,
        differences=(-0.01, -0.02, -0.03, -0.02, -0.02),
        p=0.003,
        p_sign_flip=0.06,
        smallest_effect=0.01,
    )


def test_an_effect_shows_verdict_number_and_interval(effect):
    shown = effect_fragment(effect)
    assert "<strong>better</strong>" in shown
    assert "−0.020 nats" in shown
    assert "−0.030 to −0.010" in shown


def test_a_result_shows_its_claims_and_the_effects_behind_them(effect):
    claim = Claim(text="MSE helps", stated=(Contrast(treated={"loss": "mse"}),))
    result = StudyResult(
        plan=Plan(base=BASE, title="A study", claims=(claim,)),
        arms=(Arm("as it is", {}, BASE),),
        runs={"as it is": ()},
        limits={},
        judgements=(Judgement(claim, "supported", "it does", stated=(effect,)),),
        notes=("two runs diverged",),
    )
    shown = result_fragment(result)
    for words in ("A study", "MSE helps", "supported", "it does", "two runs diverged", "−0.020 nats"):
        assert words in shown


def test_a_factorial_shows_its_map_and_what_interacts(factorial):
    shown = result_fragment(factorial)
    assert shown.count('class="forest"') == 2
    assert shown.count('<td class="s') == 36
    assert "together than added up" in shown
    assert "<script" not in shown


def test_a_fragment_escapes_what_the_user_wrote(effect):
    assert "<script" not in effect_fragment(effect)
    assert "&lt;script&gt;" in effect_fragment(effect)
