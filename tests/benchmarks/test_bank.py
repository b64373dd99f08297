"""The bank of runs: its truths by hand-made numbers, its scores, and a small bank trained and judged for real."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from etude.values.model import Mlp
from etude.values.recipe import Recipe

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bank(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import bank.arms
    import bank.beyond
    import bank.fitting
    import bank.judging
    import bank.made
    import bank.runs
    import bank.symptoms
    import bank.truth

    return bank


def control(replicate=0, *, test=0.5, train=0.4, held=(0.6, 0.5, 0.4), tested=None, ended="completed", fell=(0.9, 0.4)):
    """A control run of an arm whose best constant scores 1."""
    steps = [1, 2, 3]
    curves = {
        "validation/objective": {"steps": steps, "values": list(held)},
        "test/log_loss": {"steps": steps, "values": list(tested or (test, test, test))},
        "train/log_loss": {"steps": [1, 2], "values": list(fell)},
    }
    return {
        "intervention": "control",
        "replicate": replicate,
        "test": test,
        "train": train,
        "train_objective": train,
        "ended": ended,
        "chance": 1.0,
        "metric": "log_loss",
        "curves": curves,
    }


def treated(name, *, test, train, replicate=0):
    return {"intervention": name, "replicate": replicate, "test": test, "train": train}


def truth(bank, *rows):
    return bank.truth.truths(rows)[0]


def test_an_arm_that_nothing_helps_is_a_good_fit(bank):
    found = truth(bank, control(), treated("3 x epochs", test=0.49, train=0.39), treated("wider", test=0.6, train=0.3))
    assert found.verdict == "good fit"
    assert found.accepted == {"good fit"}


def test_what_helps_most_names_the_verdict(bank):
    found = truth(
        bank, control(), treated("3 x epochs", test=0.2, train=0.1), treated("3 x rate", test=0.35, train=0.3)
    )
    assert found.accepted == {"not converged"}, "0.15 is less than three quarters of 0.3"


def test_of_two_that_help_alike_the_cheaper_comes_first_and_both_are_true(bank):
    found = truth(
        bank, control(), treated("3 x epochs", test=0.2, train=0.1), treated("3 x rate", test=0.22, train=0.1)
    )
    assert found.verdict == "learning rate too low"
    assert found.accepted == {"learning rate too low", "not converged"}


def test_a_lower_rate_that_learns_less_is_a_cure_of_overfitting(bank):
    # held out 0.5 → 0.2 while training goes 0.4 → 0.45; were it 0.35 instead, the rate would be too high
    assert truth(bank, control(), treated("rate / 3", test=0.2, train=0.45)).verdict == "overfit"
    assert truth(bank, control(), treated("rate / 3", test=0.2, train=0.35)).verdict == "learning rate too high"


def test_capacity_is_when_longer_does_not_do(bank):
    wider = treated("wider", test=0.1, train=0.1)
    assert truth(bank, control(), wider).verdict == "underfit (capacity)"
    assert truth(bank, control(), wider, treated("3 x epochs", test=0.3, train=0.2)).verdict == "not converged"


def test_stopping_early_is_read_off_the_control(bank):
    # validation is best at step 2, where the test score is 0.3: a gain of 0.2
    assert truth(bank, control(held=(0.6, 0.4, 0.9), tested=(0.6, 0.3, 0.5))).verdict == "overfit"


def test_a_small_gain_leaves_two_verdicts_open(bank):
    # the smallest gain that counts is 0.1; 0.12 is within one and a half times that
    found = truth(bank, control(), treated("3 x epochs", test=0.38, train=0.1))
    assert found.verdict == "not converged"
    assert found.accepted == {"not converged", "good fit"}


def test_a_run_that_left_all_bounds_or_never_beat_a_constant_says_so_itself(bank):
    assert truth(bank, control(ended="diverged")).verdict == "diverged"
    assert truth(bank, control(train=2.1)).verdict == "diverged"
    stuck = truth(bank, control(fell=(1.0, 0.98)), treated("10 x rate", test=0.1, train=0.1))
    assert stuck.verdict == "not learning"
    assert stuck.accepted == {"not learning", "learning rate too low"}


def test_no_data_set_and_no_architecture_is_in_both_parts(bank):
    made = list(bank.arms.pairs())
    fit, judge = ([pair for pair in made if pair.part == part] for part in ("fit", "judge"))
    assert not {pair.data_name for pair in fit} & {pair.data_name for pair in judge}
    assert not {pair.architecture for pair in fit} & {pair.architecture for pair in judge}
    assert len({pair.data_name for pair in made}) >= 8
    assert len({pair.architecture for pair in made}) >= 6


def test_there_are_runs_enough_and_every_arm_has_a_seed_of_its_own(bank):
    made = list(bank.arms.arms())
    assert 5 * len(made) >= 1500
    assert len({arm.recipe.seed for arm in made}) == len(made)
    beyond = {cause for causes in bank.arms.BEYOND_RECIPES.values() for cause in causes}
    assert {"healthy", *bank.arms.CAUSES, *beyond} == {arm.cause for arm in made}


def test_no_arm_changes_its_name_or_seed_when_others_are_added(bank):
    # the last of the first edition, the first of the second, and the first and the last of those added to it
    numbers = (765, 768, 2000, 2151)
    named = ("copy attention tiny batches", "iris plain healthy", "moons shallow fast", "rentals deep gelu leakage")
    seeds = {arm.name: arm.recipe.seed for arm in bank.arms.arms()}
    assert [
        seeds[f"{number:04d} {name}"] - bank.arms.SEED for number, name in zip(numbers, named, strict=True)
    ] == list(numbers)


@pytest.fixture
def said(bank):
    """What was said of runs, as (said, the one truth, everything accepted, stated probability)."""

    def make(*rows):
        runs = [
            bank.runs.BankRun(f"arm {i}", "judge", "d", "a", "c", None, bank.truth.Truth(t, frozenset(ok), {}), {})
            for i, (_, t, ok, _) in enumerate(rows)
        ]
        return [bank.judging.Said(run, row[0], row[3]) for run, row in zip(runs, rows, strict=True)]

    return make


def test_the_score_counts_abstentions_alarms_and_what_is_confirmed(bank, said):
    of = bank.judging.score(
        said(
            ("good fit", "good fit", {"good fit"}, 0.9),
            ("overfit", "good fit", {"good fit"}, 0.9),
            ("overfit", "overfit", {"overfit"}, 0.9),
            ("cannot tell", "overfit", {"overfit"}, 0.9),
        )
    )
    assert of.coverage == pytest.approx(3 / 4)
    assert of.right == pytest.approx(2 / 3)
    assert of.false_alarms == pytest.approx(1 / 2)
    # good fit: 1 right, said once, true twice: 2/3; overfit: 1 right, said twice, true twice: 2/4 … of all runs
    assert of.macro_f1 == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert of.told_f1 == pytest.approx((2 / 3 + 2 / 3) / 2), "without the abstention overfit is true once"


def test_calibration_is_near_nought_where_the_stated_share_is_right(bank, said):
    rng = np.random.default_rng(1)
    stated = rng.uniform(0.5, 1, size=4000)
    rows = [("overfit" if rng.random() < p else "good fit", "overfit", {"overfit"}, float(p)) for p in stated]
    told = said(*rows)
    assert bank.judging.calibration(told) < 0.03
    assert bank.judging.calibration([replace(one, probability=1.0) for one in told]) > 0.2


def test_arrays_are_the_same_each_time_and_a_set_of_copies_keeps_its_rows(bank):
    data = bank.made.made("friedman")
    bank.made.made.cache_clear()
    assert bank.made.made("friedman") == data
    assert data.inputs.shape == (900, 8)
    again = bank.made.copied(data, 0.25, seed=1)
    assert again.inputs.shape == (1125, 8)
    assert np.array_equal(again.inputs[:900], data.inputs)
    rows = {row.tobytes() for row in data.inputs}
    assert all(row.tobytes() in rows for row in again.inputs[900:])
    assert len({row.tobytes() for row in again.inputs[900:]}) == 225, "no row is copied twice"


def test_scaled_weights_are_the_same_network_multiplied(bank):
    import torch

    built = []
    for times in (1.0, 4.0):
        torch.manual_seed(3)
        built.append(bank.beyond.Scaled(Mlp(hidden=(5,)), times)(2, 1))
    for one, other in zip(built[0].parameters(), built[1].parameters(), strict=True):
        assert torch.equal(4 * one, other)


def test_sorted_rows_come_in_the_order_of_their_targets_and_every_step_is_logged(bank):
    recipe = Recipe(data={"bundled": "iris"}, model=Mlp(hidden=(4,)), loss="cross_entropy", epochs=3, batch_size=30)
    run = bank.beyond.trained(recipe, 0, shuffled=False)
    # 90 of the 150 rows are trained on: three steps an epoch, each of one class alone
    assert run.curves[bank.beyond.STEPS].steps.tolist() == list(range(1, 10))
    of_step = run.curves[bank.beyond.STEPS].values.reshape(3, 3)
    assert run.curves["train/objective"].values == pytest.approx(of_step.mean(axis=1))
    shuffled = bank.beyond.trained(recipe, 0, shuffled=True)
    assert of_step[2].std() > 2 * shuffled.curves[bank.beyond.STEPS].values[6:].std()


def test_what_is_left_out_is_judged_by_a_model_that_saw_neither_its_data_nor_its_architecture(bank, monkeypatch):
    seen = []

    def spy(given):
        seen.append({(one.run.data, one.run.architecture) for one in given})

    monkeypatch.setattr(bank.fitting, "fitted", spy)
    monkeypatch.setattr(bank.fitting, "probabilities", lambda _, of: np.zeros((len(of), len(bank.fitting.VERDICTS))))
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z")]
    runs = [bank.runs.BankRun("", "fit", data, model, "", None, None, {}) for data, model in pairs]
    bank.fitting.left_out([bank.fitting.Sample(run, None, np.zeros(0)) for run in runs])
    assert seen == [{("b", "z")}, {("b", "x"), ("b", "z")}, {("a", "y")}, {("a", "x"), ("a", "y")}]


@pytest.mark.slow
def test_a_small_bank_is_trained_and_judged(bank, tmp_path):
    def run(script, *arguments):
        command = [sys.executable, str(BENCHMARKS / script), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout

    few = ("--replicates", "2", "--workers", "1", "--every", "3")
    run("bank_train.py", "--folder", str(tmp_path), "--only", "iris plain", *few)
    page = tmp_path / "diagnosis.md"
    run("bank_judge.py", "--folder", str(tmp_path), "--page", str(page))
    runs = bank.runs.read_bank(tmp_path / "runs.jsonl", part="judge")
    assert len(runs) == 20
    confirmed = page.read_text().splitlines()
    never_abstaining = next(line for line in confirmed if line.startswith("| the same, never abstaining"))
    assert float(never_abstaining.split("|")[4].strip(" %")) >= 60, "85 % on the whole part"
