"""What other programs read, and what Python gives, of one real study that stopped at a planned look."""

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest

import etude
from etude.engine.engines import ENGINES
from etude.faces.json import SCHEMA, result_json
from etude.values.claim import Claim
from etude.values.effect import Effect, VarianceShare


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    base = etude.Recipe(
        data=etude.task("moons", rows=60, test_rows=200), model=etude.mlp(hidden=(4,)), loss="bce", epochs=30
    )
    claim = Claim(text="A larger rate is better.", control={"learning_rate": 1e-5}, treated={"learning_rate": 0.2})
    study = etude.Study(
        base,
        vary={"learning_rate": [1e-5, 0.2]},
        replicates="until decided",
        max_replicates=20,
        metric="accuracy",
        claims=[claim],
    )
    return study.run(out=tmp_path_factory.mktemp("results"), workers=1, quiet=True)


def printed(found):
    return json.loads(result_json(found, Path("out") / "study.html"))


def test_an_effect_asked_after_a_planned_look_is_held_to_that_look(result):
    effect = result.effect("learning_rate")
    assert effect.n_pairs < 20
    assert effect.level == result.effects[0].level > 0.95


def test_an_effect_has_every_field(result):
    (told, *_) = printed(result.found)["effects"]
    assert set(told) == {{"n_pairs": "pairs"}.get(field.name, field.name) for field in fields(Effect)}
    effect = result.effects[0]
    for field in fields(Effect):
        value = getattr(effect, field.name)
        name = "pairs" if field.name == "n_pairs" else field.name
        assert told[name] == (list(value) if isinstance(value, tuple) else value)


def test_what_two_factors_do_together_is_an_effect_like_any_other(factorial):
    *alone, one, _, _ = printed(factorial)["effects"]
    assert (one["factor"], one["control"], one["treated"]) == ("data.features × model.hidden", "2 × 4", "4 × 32")
    assert set(one) == set(alone[0])
    assert (one["family"], alone[0]["family"]) == (3, 7)


def test_a_share_of_variance_has_every_field(result):
    share = VarianceShare("accuracy", "loss", 0.5, 1, 3.0, 0.1)
    (told,) = printed(replace(result.found, variance=(share,)))["variance"]
    assert told == {field.name: getattr(share, field.name) for field in fields(VarianceShare)}


def test_a_claim_has_its_verdict_and_the_effects_behind_it(result):
    (told,) = printed(result.found)["claims"]
    (judgement,) = result.claims
    assert (told["text"], told["verdict"]) == ("A larger rate is better.", "supported")
    assert told["because"] == judgement.because
    assert told["effect"] == told["stated"][0]
    assert told["effect"]["mean"] == judgement.stated[0].mean
    assert told["instead"] == []


def test_a_claim_refused_as_it_stands_has_no_effect_of_its_own(result):
    refused = replace(result.claims[0], verdict="confounded", stated=())
    (told,) = printed(replace(result.found, judgements=(refused,)))["claims"]
    assert (told["verdict"], told["effect"], told["stated"]) == ("confounded", None, [])


def test_what_is_not_finite_becomes_null(result):
    odd = replace(result.effects[0], mean=math.nan, low=-math.inf, high=math.inf, differences=(math.nan, 1.0))
    (told,) = printed(replace(result.found, effects=(odd,)))["effects"]
    assert (told["mean"], told["low"], told["high"], told["differences"]) == (None, None, None, [None, 1.0])


def test_the_object_says_what_it_is_and_where_the_report_lies(result):
    found = printed(result.found)
    assert (found["schema"], found["study"], found["report"]) == (SCHEMA, "study", str(Path("out") / "study.html"))
    assert [arm["arm"] for arm in found["arms"]] == [arm.label for arm in result.found.arms]
    assert {arm["runs"] for arm in found["arms"]} == {result.effects[0].n_pairs}
    assert found["notes"] == list(result.found.notes)
    assert found["provenance"]["engine"] in ENGINES


def test_the_recipe_in_it_makes_the_same_arm_again(result):
    for told, arm in zip(printed(result.found)["arms"], result.found.arms, strict=True):
        assert etude.Recipe(**told["recipe"]) == arm.recipe
