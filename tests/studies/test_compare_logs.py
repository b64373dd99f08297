"""Groups of runs from any logs: what is compared, what is refused, which runs are pairs, and what it takes to tell."""

import math
from types import MappingProxyType

import numpy as np
import pytest

from etude.records.logged import Log, series
from etude.records.roles import Choices, run_of
from etude.studies.compare_logs import Asking, LogComparison, compare_logs
from etude.studies.log_groups import Group, parameters, seed_of, split_by
from etude.studies.log_metric import Wanted
from etude.values.errors import ComparisonError, ConfoundedError, NotComparableError
from etude.values.run import Run

EPOCHS = np.arange(1, 21)
LUCK = (0.013, -0.008, 0.004, -0.015, 0.009, 0.001, -0.003, 0.011)
OWN = (0.001, -0.002, 0.003, 0.0, -0.001, 0.002, -0.003, 0.001)


def log_run(name: str, accuracy: float, *, loss: float = 0.4, scale: float = 1.0, epochs=EPOCHS, **facts) -> Run:
    """A classifier's log whose last accuracy is exactly `accuracy`, and last validation loss `loss`."""
    still = 1 - np.exp(-(epochs - epochs[-1]) / 5.0)
    held = scale * (loss - 0.3 * still / (1 - math.exp(19 / 5)) * -1)
    log = Log(
        name,
        "test",
        (f"{name}.csv",),
        (
            series("train_loss", held * 0.9, epochs=epochs),
            series("val_loss", held, epochs=epochs),
            series("val_acc", accuracy + 0.1 * still / 30, epochs=epochs),
        ),
        facts=MappingProxyType(facts),
    )
    return run_of(log, Choices())


def group(name: str, better: float = 0.0, *, n: int = 8, own: bool = False, seeds: bool = True, **facts) -> Group:
    """Runs whose accuracy is 0.8, plus luck that all groups share seed by seed, plus what makes them better."""
    noise = OWN if own else (0.0,) * 8
    seeded = [{"seed": i} if seeds else {} for i in range(n)]
    return Group(
        name,
        tuple(
            log_run(f"{name}-{i}", 0.8 + LUCK[i] + noise[i] + better, loss=0.4 + LUCK[i], **facts, **seeded[i])
            for i in range(n)
        ),
    )


def compared(*groups: Group, metric: str | None = "val_acc", smallest: float | None = None, **asked) -> LogComparison:
    return compare_logs(groups, Asking(wanted=Wanted(metric, smallest), **asked))


def the(found: LogComparison):
    (one,) = found.compared
    return one


def test_runs_of_one_seed_are_pairs_and_their_luck_cancels():
    one = the(compared(group("sgd"), group("adam", 0.02, own=True)))
    assert (one.pairing.how, one.effect.n_pairs, one.effect.verdict) == ("seed", 8, "better")
    assert one.effect.differences == pytest.approx([0.02 + own for own in OWN])


def test_treated_minus_control_so_that_exchanged_groups_change_the_sign():
    there, back = (the(compared(*pair)).effect for pair in ((group("a"), group("b", 0.02, own=True)),) * 2)
    swapped = the(compared(group("b", 0.02, own=True), group("a"))).effect
    assert there.mean == back.mean == pytest.approx(-swapped.mean)
    assert (there.verdict, swapped.verdict) == ("better", "worse")


def test_without_seeds_the_spread_of_both_groups_counts():
    one = the(compared(group("sgd", seeds=False), group("adam", 0.02, own=True, seeds=False)))
    assert (one.pairing.how, one.effect.n_pairs, one.effect.n_runs) == ("none", 0, (8, 8))
    assert one.effect.method == "Welch t"
    assert one.pairing.says.startswith("not paired: no seed is known of sgd-0")


def test_runs_are_paired_by_order_where_that_is_asked_for_and_they_are_as_many():
    plain = group("sgd", seeds=False)
    assert the(compared(plain, group("adam", own=True, seeds=False), pair="order")).effect.n_pairs == 8
    with pytest.raises(ComparisonError, match=r"5 treated and 8 control runs cannot be paired one by one"):
        compared(plain, group("adam", own=True, n=5, seeds=False), pair="order")


def test_pairs_of_the_seeds_that_both_have_leave_out_the_others_and_say_so():
    one = the(compared(group("sgd"), group("adam", 0.02, own=True, n=6), pair="seed"))
    assert one.effect.n_pairs == 6
    assert any("2 control runs without a pair left out: sgd-6, sgd-7" in note for note in one.effect.notes)


def test_a_seed_is_read_from_what_is_logged_or_from_the_name():
    assert seed_of(Run("adam-seed=12", {}, provenance={"params/random_seed": 3})) == 3
    assert seed_of(Run("adam-seed=12", {})) == 12
    assert seed_of(Run("seedling 5", {})) is None


def test_four_runs_give_an_estimate_and_the_number_needed_but_no_verdict():
    one = the(compared(group("sgd", n=4), group("adam", 0.02, own=True, n=4)))
    assert one.effect.verdict == "undecided"
    assert one.effect.mean == pytest.approx(0.02 + np.mean(OWN[:4]))
    assert one.needed is not None
    assert one.needed.difference == 0.01
    assert any(note.startswith("you need about") and "to see 1 point" in note for note in one.effect.notes)


def test_one_run_against_one_gives_their_difference_and_no_interval():
    effect = the(compared(group("sgd", n=1), group("adam", 0.02, n=1))).effect
    assert (effect.verdict, effect.mean) == ("undecided", pytest.approx(0.02))
    assert math.isnan(effect.low)


def test_a_parameter_that_alone_differs_is_named_as_the_factor():
    effect = the(compared(group("x", lr=0.1), group("y", 0.02, own=True, lr=0.01))).effect
    assert (effect.factor, effect.control, effect.treated) == ("learning rate", "0.1", "0.01")


def test_groups_that_differ_in_two_parameters_are_refused_with_both():
    one, other = group("x", lr=0.1, optimizer="sgd"), group("y", lr=0.01, optimizer="adam")
    with pytest.raises(ConfoundedError, match=r"2 parameters: learning rate \(0.01 against 0.1\); optimizer \(adam"):
        compared(one, other)
    with pytest.raises(ConfoundedError, match=r"1 parameter besides lr: optimizer"):
        compared(one, other, differs=("lr",))
    assert the(compared(one, other, differs=("lr", "optimizer"))).effect.factor == "learning rate + optimizer"
    whole = compared(one, other, as_a_whole=True)
    assert the(whole).effect.factor == ""
    assert any("names no cause" in note for note in whole.notes)


def test_what_is_said_to_differ_and_does_not_is_refused():
    with pytest.raises(ComparisonError, match="--differs optimizer: it is the same in y and x"):
        compared(group("x", optimizer="sgd"), group("y", optimizer="SGD"), differs=("optimizer",))


def test_parameters_that_only_some_runs_log_are_said_to_be_unknown():
    found = compared(group("x", lr=0.1), group("y", own=True, lr=0.1, momentum=0.9))
    assert the(found).parameters.unknown == ("momentum",)
    assert any("whether it differs is unknown: momentum" in note for note in found.notes)


def test_one_value_written_in_two_ways_is_no_difference():
    found = parameters(group("x", lr=0.001, optimizer="Adam"), group("y", learning_rate="1e-3", optimizer="adam"))
    assert found.differing == ()


def test_a_parameter_that_is_another_one_in_every_run_is_a_name():
    sides = [
        Group(name, tuple(log_run(f"{name}{i}", 0.8, trial=f"{name}-{i}") for i in range(3))) for name in ("x", "y")
    ]
    assert parameters(*sides).differing == ()


def test_groups_that_learn_from_different_data_are_not_comparable():
    with pytest.raises(NotComparableError, match=r"learn from different data: dataset \(cifar against mnist\)"):
        compared(group("x", dataset="mnist"), group("y", dataset="cifar"))


def test_a_run_that_is_in_both_groups_is_refused():
    both = group("x")
    with pytest.raises(ComparisonError, match=r"x-0 \(x-0.csv\) is in both groups"):
        compared(both, Group("y", (*group("y").runs, both.runs[0])))


def test_a_copy_of_a_run_in_its_group_is_refused():
    runs = group("x").runs
    twin = log_run("copy", 0.8 + LUCK[0], loss=0.4 + LUCK[0])
    with pytest.raises(ComparisonError, match="x-0 and copy of x are the same run"):
        compared(Group("x", (*runs, twin)), group("y"))


def test_objectives_of_unlike_units_are_refused_and_what_is_valid_is_named():
    nats = Group("bce", tuple(log_run(f"bce{i}", 0.8 + LUCK[i], loss=0.5) for i in range(8)))
    squared = Group("mse", tuple(log_run(f"mse{i}", 0.81 + LUCK[i], loss=0.5, scale=0.2) for i in range(8)))
    with pytest.raises(NotComparableError, match=r"the unit of val_loss is not one.*Valid, and in all runs: val_acc"):
        compared(nats, squared, metric="val_loss")
    found = compared(nats, squared, metric=None)
    assert found.measured.metric.name == "val_acc"
    assert any("not in one unit" in note for note in found.notes)


def test_shares_and_per_cent_are_brought_to_one_scale():
    percent = Group("keras", tuple(log_run(f"keras{i}", 100 * (0.82 + LUCK[i] + OWN[i]), seed=i) for i in range(8)))
    one = the(compared(group("torch"), percent))
    assert one.effect.unit == "share correct"
    assert one.effect.mean == pytest.approx(0.02 + np.mean(OWN), abs=0.002)


def test_a_series_is_found_under_the_name_that_another_tool_gives_it():
    runs = []
    for i in range(8):
        log = Log(f"k{i}", "t", (f"k{i}.json",), (series("val_accuracy", [0.5, 0.82 + OWN[i]], epochs=[10, 20]),))
        runs.append(run_of(log, Choices()))
    assert the(compared(group("torch", seeds=False), Group("keras", tuple(runs)))).effect.n_runs == (8, 8)


def test_an_unknown_series_is_refused_with_the_nearest():
    with pytest.raises(ComparisonError, match=r"no series 'val_ac'\. Did you mean 'val_acc'"):
        compared(group("x"), group("y"), metric="val_ac")


def test_runs_that_diverged_are_counted_and_their_number_decides():
    broken = [log_run(f"y-{i}", math.nan if i < 6 else 0.8, loss=0.4 + LUCK[i], seed=i) for i in range(8)]
    effect = the(compared(group("x"), Group("y", tuple(broken)))).effect
    assert effect.verdict == "worse"
    assert any("diverged: 0 of 8 control and 6 treated runs" in note for note in effect.notes)


def test_failures_without_pairs_are_judged_by_fishers_exact_test():
    # All 6 failures on one side of 8 and 8: C(8,6)/C(16,6) = 28/8008 in each tail.
    broken = [log_run(f"y-{i}", math.nan if i < 6 else 0.8, loss=0.4 + LUCK[i]) for i in range(8)]
    effect = the(compared(group("x", seeds=False), Group("y", tuple(broken)))).effect
    assert effect.verdict == "worse"
    assert any(f"exact Fisher p = {2 * 28 / 8008:.2g}" in note for note in effect.notes)


def test_runs_that_lack_the_step_are_counted_and_no_verdict_follows():
    short = [log_run(f"y-{i}", 0.85 + LUCK[i], epochs=EPOCHS[: 10 if i == 3 else 20], seed=i) for i in range(8)]
    effect = the(compared(group("x"), Group("y", tuple(short)), at=15)).effect
    assert (effect.verdict, effect.n_pairs) == ("undecided", 7)
    assert any("1 of 8 treated runs have no number there, as y-3" in note for note in effect.notes)


def test_a_step_that_no_run_reaches_is_refused_with_one_that_all_have():
    with pytest.raises(ComparisonError, match=r"no run has val_acc at epoch 50.*--at 20"):
        compared(group("x"), group("y"), at=50)


def test_the_best_step_is_where_the_validation_loss_is_lowest():
    curve = log_run("x", 0.8).curves["validation/objective"]
    found = compared(group("x"), group("y", own=True), at="best")
    assert {score.step for score in found.sides[0].scores} == {int(curve.steps[np.argmin(curve.values)])}


def test_groups_of_which_one_was_trained_longer_are_refused_unless_that_is_said():
    short = Group("y", tuple(log_run(f"y-{i}", 0.8 + LUCK[i], epochs=EPOCHS[:10], seed=i) for i in range(8)))
    with pytest.raises(ConfoundedError, match=r"y ends at epoch 10 and x at epoch 20.*--at 10"):
        compared(group("x"), short)
    assert the(compared(group("x"), short, differs=("length",))).effect.n_pairs == 8
    assert the(compared(group("x"), short, at=10)).effect.n_pairs == 8


def test_levels_of_a_parameter_are_one_family_against_the_control_that_is_named():
    runs = [
        run
        for name, better in (("adam", 0.02), ("sgd", 0.0), ("rmsprop", 0.001))
        for run in group(name, better, own=name != "sgd", optimizer=name).runs
    ]
    groups = split_by(runs, "optimizer", control="SGD")
    found = compared(*groups, by="optimizer", control="SGD")
    assert [side.group.name for side in found.sides] == ["sgd", "adam", "rmsprop"]
    assert [one.effect.family for one in found.compared] == [2, 2]
    assert [one.effect.verdict for one in found.compared] == ["better", "equivalent"]


def test_a_parameter_that_runs_do_not_log_cannot_group_them():
    with pytest.raises(ComparisonError, match=r"log no 'optimiser_kind'.*Known: learning rate"):
        split_by(group("x", lr=0.1).runs, "optimiser_kind", control=None)
    with pytest.raises(ComparisonError, match=r"'lr' is 0\.1 in all 8 runs"):
        split_by(group("x", lr=0.1).runs, "lr", control=None)


def test_the_same_groups_give_the_same_bits():
    one, other = (the(compared(group("x", seeds=False), group("y", 0.01, own=True, seeds=False))) for _ in range(2))
    assert one.effect == other.effect
