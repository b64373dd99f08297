"""From runs to what follows from them: nothing is mixed up on the way, and each effect is told as what it is."""

from dataclasses import replace

import numpy as np
import pytest

from etude.data.load import decision_truth
from etude.figures.words import effect_label, outcome
from etude.records.store import open_store
from etude.studies.claims import judge
from etude.studies.collect import Means
from etude.studies.compare import contrast_asked
from etude.studies.estimate import estimate, terms_of
from etude.studies.execute import conclude, execute
from etude.studies.notes import is_decided
from etude.values.claim import Claim, Contrast
from etude.values.recipe import Recipe
from etude.values.study import Plan

NOISE = np.linspace(-0.01, 0.01, 12)


def concluded(evidence):
    runs = {(label, r): run for label, runs in evidence.runs.items() for r, run in enumerate(runs)}
    return conclude(evidence.plan, evidence.arms, runs, rule="fixed")


def executed(plan, folder):
    with open_store(folder / "etude.db") as store:
        return execute(plan, store, means=Means(workers=1), watch=lambda _: None)


def test_each_arm_has_the_limits_of_its_own_data(base, evidence_of):
    plan = Plan(base=base, vary={"flip": (0.05, 0.2)})
    limits = concluded(evidence_of(plan, lambda _: NOISE)).limits
    found = {label: known["accuracy"].bayes for label, known in limits.items()}
    assert found == {"flipped labels 0.05": pytest.approx(0.95), "flipped labels 0.2": pytest.approx(0.8)}


@pytest.mark.parametrize("matters", ["loss", "model.hidden"])
def test_of_two_by_three_arms_the_one_factor_that_matters_has_all_the_variance(base, evidence_of, matters):
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "model.hidden": ((4,), (5,), (6,))})
    heights = {"bce": 0.0, "mse": 1.0, (4,): 0.0, (5,): 1.0, (6,): 5.0}
    evidence = evidence_of(plan, lambda arm: heights[arm.levels[matters]] + 1e-3 * NOISE)
    shares = {share.term: share.share for share in concluded(evidence).variance}
    assert shares[matters] == pytest.approx(1, abs=1e-6)


def test_the_cells_of_a_factorial_lie_where_their_levels_are_whatever_the_order_of_the_arms(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (5,), (6,))}, arms={"odd": {"hidden": [6]}})
    evidence = evidence_of(plan, lambda arm: arm.recipe.model.hidden[0] + 10 * (arm.recipe.loss == "mse") + NOISE)
    assert evidence.arms[0].label == evidence.cells[0, 2].label == "odd"
    assert evidence.cell_outcomes("log_loss", "test")[:, :, 0] - NOISE[0] == pytest.approx(
        np.array([[4, 5, 6], [14, 15, 16]])
    )


def test_nobody_waits_until_an_interaction_is_decided(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse"), "hidden": ((4,), (8,))})
    wild = np.where(np.arange(12) % 2, 1.0, -1.0)

    def score(arm):
        mse, wide = arm.recipe.loss == "mse", arm.recipe.model.hidden == (8,)
        return 5 * mse + 5 * wide + NOISE * (1 + 2 * mse + 3 * wide) + (wild if mse == wide else -wild)

    result = concluded(evidence_of(plan, score))
    assert [effect.verdict for effect in result.effects] == ["worse", "worse", "undecided"]
    assert is_decided(result)


def test_the_truth_lies_under_the_points_at_which_the_network_was_asked(tmp_path):
    data = {"task": "sincos", "rows": 60, "flip": 0.05, "test_rows": 100}
    result = executed(Plan(base=Recipe(data=data, loss="bce", epochs=2), replicates=2), tmp_path)
    run = result.runs["base"][0]
    x1, x2, truth = (run.arrays[f"decision/{name}"] for name in ("x1", "x2", "truth"))
    assert truth.shape == run.arrays["decision/p"].shape
    task = run.recipe.data
    for row, column in ((0, 20), (20, 0), (5, 30), (30, 5)):  # row i and column j are at (x1[j], x2[i])
        assert truth[row, column] == decision_truth(task, [[x1[column], x2[row]]])[0]
    assert (truth != truth.T).any()


def test_an_effect_is_judged_on_the_test_part_where_every_arm_has_one(base, evidence_of):
    plan = Plan(base=base, vary={"loss": ("bce", "mse")})
    evidence = evidence_of(plan, lambda _: NOISE)
    assert evidence.held_out == "test"
    assert {effect.split for effect in concluded(evidence).effects} == {"test"}


def test_an_effect_is_judged_on_validation_where_no_rows_were_kept_apart(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("x,y\n" + "\n".join(f"{i % 7},{'ab'[i % 2]}" for i in range(60)))
    for test, split in ((0.0, "validation"), (0.2, "test")):
        data = {"table": str(table), "target": "y", "test": test}
        plan = Plan(base=Recipe(data=data, loss="bce", epochs=2), vary={"loss": ("bce", "mse")}, replicates=2)
        result = executed(plan, tmp_path)
        assert {effect.split for effect in result.effects} == {split}


ARMS = {"first": {}, "wide": {"hidden": [8]}, "long": {"epochs": 20}, "both": {"hidden": [8], "epochs": 20}}
CONTRASTS = {
    "change": Contrast(control="first", treated="wide"),
    "gap": Contrast(split="test", control_split="train"),
    "difference of differences": Contrast(
        control="first", treated="long", beyond=Contrast(control="first", treated="wide")
    ),
    "whole": Contrast(control="first", treated="both", as_a_whole=True),
}


@pytest.mark.parametrize(
    ("contrast", "label", "says"),
    [
        ("change", "hidden units: 8 against 4", "better"),
        ("gap", "test minus train, the same runs", "worse on test than on train"),
        (
            "difference of differences",
            "epochs: 20 against 10, beyond hidden units: 8 against 4",
            "better than the other change",
        ),
        ("whole", "both against first: hidden units and epochs differ", "better"),
    ],
)
def test_a_contrast_is_told_as_what_was_asked(base, evidence_of, contrast, label, says):
    shifts = {"first": 0.0, "wide": -0.1, "long": -0.3, "both": -0.4}
    evidence = evidence_of(Plan(base=base, arms=ARMS), lambda arm: 0.5 + shifts[arm.label] + NOISE)
    asked = contrast_asked(evidence, CONTRASTS[contrast])
    spread = replace(asked, treated_outcomes=asked.treated_outcomes + NOISE)  # without it nothing can be judged
    (effect,) = estimate([spread], terms_of(evidence.plan), rule="fixed")
    assert (effect_label(effect), outcome(effect)) == (label, says)


@pytest.mark.parametrize(
    ("mse", "verdict"), [(+0.1, "refuted"), (-0.1, "undecided")], ids=["one part refuted", "one part supported"]
)
def test_beside_an_undecided_part_a_claim_may_be_refuted_but_not_supported(base, evidence_of, mse, verdict):
    parts = (Contrast(treated={"loss": "mse"}), Contrast(treated={"hidden": [8]}))
    plan = Plan(base=base, claims=(Claim(text="MSE and width help", stated=parts),))
    wild = np.where(np.arange(12) % 2, 1.0, -1.0)
    shifts = {("bce", (4,)): 0.0, ("mse", (4,)): mse + NOISE, ("bce", (8,)): wild}
    evidence = evidence_of(plan, lambda arm: NOISE + shifts[arm.recipe.loss, arm.recipe.model.hidden])
    (found,) = judge(evidence, {}, rule="fixed")
    assert [effect.verdict for effect in found.stated] == ["worse" if mse > 0 else "better", "undecided"]
    assert found.verdict == verdict
