"""Tables to series: axes, splits, runs and parameters, each told from columns alone."""

import numpy as np
import pytest

from etude.records.logged import Log
from etude.records.rows import logs
from etude.records.tables import from_records

NAN = float("nan")


def read(*records):
    """Every log in records, one a line."""
    return list(logs(from_records(enumerate(records, 1)), Log("run", "test", ("file",), ())))


def only(*records):
    (log,) = read(*records)
    return log


def rows(**columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def values(log):
    return {one.name: one.values.tolist() for one in log.series}


@pytest.mark.parametrize("name", ["step", "Step", " global_step ", "trainer/global_step", "_step", "iteration", "iter"])
def test_a_step_is_a_step_by_any_of_its_names(name):
    log = only(*rows(**{name: [10, 20], "loss": [0.5, 0.25]}))
    assert values(log) == {"loss": [0.5, 0.25]}
    assert log.series[0].steps.tolist() == [10, 20]
    assert log.series[0].epochs is None


@pytest.mark.parametrize("name", ["epoch", "Epoch", "epochs", "train/epoch"])
def test_an_epoch_is_an_epoch_by_any_of_its_names(name):
    log = only(*rows(**{name: [1, 2], "loss": [0.5, 0.25]}))
    assert log.series[0].epochs.tolist() == [1, 2]
    assert log.series[0].steps is None


def test_the_step_of_the_trainer_goes_before_wandbs_count_of_calls():
    log = only(*rows(_step=[0, 1], loss=[0.5, 0.25], **{"trainer/global_step": [49, 99]}))
    assert log.series[0].steps.tolist() == [49, 99]


def test_a_series_takes_the_axis_that_its_own_rows_have():
    log = only({"step": 5, "loss": 0.5}, {"iter": 9, "val_loss": 0.75})
    assert [one.steps.tolist() for one in log.series] == [[5], [9]]


def test_epochs_that_never_change_beside_an_epoch_are_how_many_there_are_to_be():
    log = only(*rows(epoch=[1, 2], epochs=[10, 10], loss=[0.5, 0.25]))
    assert log.series[0].epochs.tolist() == [1, 2]


def test_a_batch_that_begins_anew_with_every_epoch_is_counted_through():
    log = only(*rows(epoch=[0, 0, 0, 1, 1, 1], batch=[0, 1, 2, 0, 1, 2], loss=[6, 5, 4, 3, 2, 1]))
    assert log.series[0].steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert any("begins anew" in note for note in log.notes)


def test_steps_that_a_resumed_job_repeats_stay_as_they_were_written():
    log = only(*rows(epoch=[1, 2, 3, 2, 3], step=[10, 20, 30, 20, 30], loss=[5, 4, 3, 4, 2]))
    assert log.series[0].steps.tolist() == [10, 20, 30, 20, 30]
    assert log.series[0].values.tolist() == [5, 4, 3, 4, 2]


def test_without_an_axis_the_rows_of_each_series_are_counted_and_a_note_says_so():
    log = only({"loss": 0.5}, {"val_loss": 0.75}, {"loss": 0.25})
    assert [one.steps.tolist() for one in log.series] == [[1, 2], [1]]
    assert any("counted from 1" in note and "'val_loss'" in note for note in log.notes)


def test_a_first_column_that_counts_is_the_step_whatever_its_name():
    log = only(*rows(Zeitpunkt=[100, 200, 300], loss=[3, 2, 1]))
    assert log.series[0].steps.tolist() == [100, 200, 300]
    assert any("'Zeitpunkt' was taken for the step" in note for note in log.notes)


@pytest.mark.parametrize("stamp", [1700000000, 1700000000000, "2023-11-14T22:13:20+00:00", "2023-11-14 22:13:20"])
def test_a_clock_is_seconds_since_1970_however_it_was_written(stamp):
    log = only({"epoch": 1, "timestamp": stamp, "loss": 0.5})
    assert log.series[0].clock.tolist() == [1700000000]


def test_a_time_that_is_a_duration_is_no_clock():
    log = only(*rows(epoch=[1, 2], time=[3.5, 7.0], loss=[0.5, 0.25]))
    assert values(log)["time"] == [3.5, 7.0]
    assert log.series[0].clock is None


def test_a_phase_with_words_of_its_own_still_divides():
    log = only(*rows(epoch=[1, 2], phase=["warmup", "main"], loss=[0.5, 0.25]))
    assert values(log) == {"warmup/loss": [0.5], "main/loss": [0.25]}


def test_a_split_that_is_the_same_in_all_rows_is_still_said():
    assert values(only(*rows(epoch=[1, 2], split=["val", "val"], loss=[0.5, 0.25]))) == {"val/loss": [0.5, 0.25]}


def test_a_column_of_run_names_makes_a_log_each():
    found = read(*rows(run=["a", "b"] * 2, epoch=[1, 1, 2, 2], loss=[4, 3, 2, 1], note=["x", "y"] * 2))
    first, second = found
    assert (first.name, values(first), first.facts) == ("run/a", {"loss": [4, 2]}, {"note": "x"})
    assert (second.name, second.series[0].epochs.tolist()) == ("run/b", [1, 2])


def test_arms_and_seeds_together_tell_runs_apart():
    found = read(*rows(arm=["a"] * 4 + ["b"] * 4, seed=[1, 1, 2, 2] * 2, epoch=[1, 2] * 4, loss=range(8)))
    assert [log.name for log in found] == ["run/a seed 1", "run/a seed 2", "run/b seed 1", "run/b seed 2"]
    assert values(found[3]) == {"loss": [6, 7]}


def test_a_lone_run_name_is_a_fact():
    log = only(*rows(run=["a", "a"], epoch=[1, 2], loss=[0.5, 0.25]))
    assert (log.name, log.facts) == ("run", {"run": "a"})


def test_a_long_table_is_made_wide():
    log = only(*rows(step=[1, 1, 2, 2], metric=["loss", "acc"] * 2, value=[4, 3, 2, 1]))
    assert values(log) == {"loss": [4, 2], "acc": [3, 1]}
    assert log.series[1].steps.tolist() == [1, 2]


def test_parameters_that_stay_the_same_are_facts_and_a_learning_rate_stays_a_series_too():
    log = only(*rows(epoch=[1, 2], batch_size=[16, 16], lr=[0.1, 0.1], optimizer=["adam", "adam"], loss=[1, 2]))
    assert log.facts == {"batch_size": 16, "lr": 0.1, "optimizer": "adam"}
    assert list(values(log)) == ["lr", "loss"]


def test_a_score_that_stays_the_same_is_no_parameter():
    assert values(only(*rows(epoch=[1, 2], accuracy=[0.5, 0.5]))) == {"accuracy": [0.5, 0.5]}


def test_nan_that_alternates_with_numbers_is_what_was_not_measured():
    log = only(*rows(step=range(6), loss=[1.0, NAN, 0.9, NAN, 0.8, NAN], val_loss=[NAN, 2.0, NAN, 1.9, NAN, 1.8]))
    assert values(log) == {"loss": [1.0, 0.9, 0.8], "val_loss": [2.0, 1.9, 1.8]}
    assert log.series[1].steps.tolist() == [1, 3, 5]
    assert any("not measured" in note for note in log.notes)


def test_nan_in_the_end_is_a_run_that_diverged():
    log = only(*rows(step=range(5), loss=[1.0, 0.9, NAN, NAN, NAN]))
    np.testing.assert_equal(log.series[0].values, [1.0, 0.9, NAN, NAN, NAN])


def test_a_sparse_column_may_diverge_too():
    log = only(*rows(step=range(9), loss=[1.0, NAN, 0.9, NAN, NAN, NAN, NAN, NAN, NAN]))
    assert log.series[0].values.size == 8
    assert np.isnan(log.series[0].values[-6:]).all()


def test_two_series_of_one_name_are_told_apart():
    log = only(*rows(epoch=[1, 1], split=["train", "val"], loss=[0.5, 0.75], **{"train/loss": [0.1, 0.2]}))
    assert len({one.name for one in log.series}) == len(log.series)


def test_a_text_in_a_column_of_numbers_is_lost_with_its_line():
    log = only(*rows(epoch=[1, 2, 3], loss=[0.5, "broken", 0.25]))
    assert values(log) == {"loss": [0.5, 0.25]}
    assert [(one.where, one.records) for one in log.lost] == [("line 2", 1)]


def test_columns_without_numbers_are_named_in_a_note():
    log = only(*rows(epoch=[1, 2], loss=[0.5, 0.25], remark=["good", "bad"]))
    assert any("'remark'" in note for note in log.notes)


def test_more_series_than_the_bound_are_counted_as_lost():
    record = {f"a{i}": 1.0 for i in range(9_000)}
    log = only({"step": 1, "split": "train", **record}, {"step": 2, "split": "val", **record})
    assert len(log.series) == 10_000
    assert log.lost[-1].records == 8_000
