"""What every treatment keeps to, whatever the recipe: it changes what it says, and nothing else."""

import functools

import pytest

from etude.diagnosis.diagnose import CHECKS
from etude.diagnosis.own_fields import ANYTHING, OWN_TREATMENTS, own_treatment
from etude.diagnosis.prescribe import COSTLY, TREATMENTS, UNMEASURED, prescribed
from etude.diagnosis.verdict import VERDICTS
from etude.values.data import Bundled, Images, Memory, Task
from etude.values.errors import EngineError, RecipeError
from etude.values.finding import Diagnosis, Finding
from etude.values.model import Attention, Convnet, Mlp, Recurrent
from etude.values.optimizer import Adam, AdamW, Schedule, Sgd
from etude.values.recipe import Recipe, changed, differing_fields
from etude.values.treatment import Treatment

PLAIN = Recipe(data=Task(task="moons", rows=200), loss="bce", epochs=40)
RECIPES = {
    "plain": PLAIN,
    "squared error of classes": changed(PLAIN, {"loss": "mse"}),
    "linear": changed(PLAIN, {"model": Mlp(hidden=())}),
    "sigmoid": changed(PLAIN, {"model": Mlp(hidden=(8, 8), activation="sigmoid", dropout=0.4)}),
    "sgd": changed(PLAIN, {"optimizer": Sgd(learning_rate=0.1, coupled_weight_decay=0.01), "batch_size": 256}),
    "adamw": changed(PLAIN, {"optimizer": AdamW(), "schedule": Schedule(name="cosine"), "clip_norm": 5.0}),
    "numbers": Recipe(data=Bundled(bundled="diabetes"), loss="mse", optimizer=Adam(coupled_weight_decay=0.1)),
    "images": Recipe(data=Images(images="mnist", rows=100), model=Convnet(), loss="cross_entropy", batch_size=16),
    "sequence": Recipe(data=Memory(memory="adding"), model=Recurrent(cell="rnn", layers=2), loss="mse"),
    "attention": Recipe(data=Memory(memory="copy"), model=Attention(), loss="cross_entropy"),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("treatment", TREATMENTS, ids=lambda one: one.name)
def test_a_treatment_changes_what_it_declares_and_nothing_else(treatment, recipe):
    for strength in treatment.strengths:
        treated = treatment.apply(recipe, strength)
        assert treated == treatment.apply(recipe, strength)
        if treated is not None:
            assert treated != recipe
            assert set(differing_fields(recipe, treated)) <= set(treatment.fields)
            assert isinstance(treated, Recipe)


@pytest.mark.parametrize("treatment", TREATMENTS, ids=lambda one: one.name)
def test_every_treatment_changes_one_of_these_recipes_at_each_strength(treatment):
    for strength in treatment.strengths:
        assert any(treatment.apply(recipe, strength) is not None for recipe in RECIPES.values())


def test_what_a_treatment_answers_is_a_verdict_or_a_symptom():
    known = {*VERDICTS, *(check.symptom for check in CHECKS)}
    for treatment in TREATMENTS:
        assert set(treatment.answers) <= known, treatment.name


def test_every_verdict_but_good_fit_has_two_treatments_or_more():
    for verdict in VERDICTS:
        answering = [one.name for one in TREATMENTS if verdict in one.answers]
        assert len(answering) >= 2 or verdict == "good fit", (verdict, answering)


def test_the_likelier_illness_is_treated_first():
    diagnosis = Diagnosis("a", "overfit", 0.7, "", probabilities={"overfit": 0.7, "not converged": 0.3})
    names = [one.treatment for one in prescribed(diagnosis, PLAIN)]
    assert names.index("early stopping") < names.index("more epochs")
    assert "less weight decay" not in names


def test_a_finding_counts_half_of_a_verdict():
    finding = Finding("class imbalance", "", "warning", 0.9)
    diagnosis = Diagnosis("a", "overfit", 0.2, "", probabilities={"overfit": 0.2}, findings=(finding,))
    dropout = next(one for one in prescribed(diagnosis, PLAIN) if one.name == "dropout (0.1)")
    assert dropout.because == ("overfit",)
    assert dropout.weight == pytest.approx(0.2 * UNMEASURED)
    noisy = Finding("label noise memorised", "", "warning", 0.8)
    both = Diagnosis("a", "overfit", 0.2, "", probabilities={"overfit": 0.2}, findings=(noisy,))
    dropout = next(one for one in prescribed(both, PLAIN) if one.name == "dropout (0.1)")
    assert dropout.because == ("label noise memorised", "overfit")
    assert dropout.weight == pytest.approx((0.2 + 0.8 / 2) * UNMEASURED)


def test_one_changed_recipe_is_prescribed_once_in_its_best_place():
    # a third treatment between the two that come to the same: the first of these stands, before the third
    def doubles(fields, _):
        return {"epochs": 2 * fields["epochs"]}

    def drops(fields, _):
        return {**fields, "dropout": 0.5}

    given = [
        Treatment(name, "", answers, (), (1.0,), apply)
        for name, answers, apply in (
            ("late", ("overfit",), doubles),
            ("first", ("not converged",), doubles),
            ("between", ("diverged",), drops),
        )
    ]
    shares = {"not converged": 0.6, "diverged": 0.3, "overfit": 0.1}
    diagnosis = Diagnosis("a", "not converged", 0.6, "", probabilities=shares)
    assert [one.name for one in prescribed(diagnosis, {"epochs": 3}, given)] == ["first", "between"]


def test_more_rows_are_not_to_be_had_by_a_change_of_settings():
    assert {"more data"} == COSTLY


def test_without_anything_weighed_every_treatment_is_tried():
    score_alone = Diagnosis("a", "cannot tell", 1.0, "", probabilities={"cannot tell": 1.0})
    names = {one.treatment for one in prescribed(score_alone, {"lr": 0.1, "epochs": 3}, OWN_TREATMENTS)}
    assert names == {"more epochs", "larger learning rate", "smaller learning rate"}


def test_own_fields_are_told_by_their_names_and_stay_whole():
    fields = {"lr": 0.01, "hidden": [8, 4], "epochs": 5, "seed_note": "x"}
    changes = {one.name: one.apply(fields, one.strengths[0]) for one in OWN_TREATMENTS}
    assert changes["larger learning rate"] == {**fields, "lr": pytest.approx(0.03)}
    assert changes["wider network"] == {**fields, "hidden": [32, 16]}
    assert changes["more epochs"] == {**fields, "epochs": 15}
    assert changes["dropout"] is None


def test_a_function_of_the_users_is_a_treatment_that_is_always_tried():
    def flips(fields):
        """Mirror the images."""
        return {**fields, "flip": True}

    treatment = own_treatment(flips)
    assert (treatment.name, treatment.says, treatment.answers) == ("flips", "Mirror the images", (ANYTHING,))
    (one,) = prescribed(
        Diagnosis("a", "good fit", 1.0, "", probabilities={"good fit": 1.0}), {"flip": False}, [treatment]
    )
    assert one.setting == {"flip": True}


@pytest.mark.parametrize("given", [{"flip": False}, Recipe(data={"task": "moons"}, loss="bce")])
def test_a_treatment_of_the_users_that_raises_or_forgets_to_return_is_named(given):
    def stumbles(setting):
        raise KeyError("dropout")

    def forgets(setting):
        dict(setting)

    with pytest.raises(EngineError, match=r"treatment 'stumbles' raised KeyError.*'dropout'.*finished are kept"):
        own_treatment(stumbles).apply(given, 1.0)
    with pytest.raises(RecipeError, match=r"treatment 'forgets' gave None.*A function without `return` gives None"):
        own_treatment(forgets).apply(given, 1.0)
    assert own_treatment(lambda setting: setting).apply(given, 1.0) == given


def test_a_treatment_may_be_any_callable():
    assert own_treatment(functools.partial(dict, flip=True)).apply({"flip": False}, 1.0) == {"flip": True}
