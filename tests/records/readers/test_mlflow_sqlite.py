"""MLflow's SQLite store as MLflow writes it, with its traps, and damaged."""

import gzip
import json
import math
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from etude.records.logged import HEAD, Log
from etude.records.readers.mlflow_sqlite import READER
from etude.values.errors import LogError

FILES = Path(__file__).with_name("files") / "mlflow_sqlite"
LARGEST = 1.7976931348623157e308
TABLES = (
    "CREATE TABLE runs (run_uuid, name, status, lifecycle_stage, experiment_id)",
    "CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)",
    "CREATE TABLE params (key, value, run_uuid)",
    "CREATE TABLE tags (key, value, run_uuid)",
)


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[str], Path]:
    def unpack(name: str) -> Path:
        path = tmp_path / "mlflow.db"
        path.write_bytes(gzip.decompress((FILES / f"{name}.db.gz").read_bytes()))
        return path

    return unpack


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., Path]:
    """A store of these runs, as (id, name, stage), and metrics, as (key, value, milliseconds, run, step, NaN)."""

    def make(runs, metrics, *more: str) -> Path:
        path = tmp_path / "small.db"
        with closing(sqlite3.connect(path)) as file:
            for statement in TABLES:
                file.execute(statement)
            file.executemany("INSERT INTO runs VALUES (?, ?, 'FINISHED', ?, 1)", runs)
            file.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", metrics)
            for statement in more:
                file.execute(statement)
            file.commit()
        return path

    return make


def read(path: Path) -> list[Log | LogError]:
    assert READER.recognises(path, path.read_bytes()[:HEAD])
    return list(READER.read([path], path.parent))


@pytest.mark.parametrize("name", ["healthy", "overfit"])
def test_a_genuine_store_has_every_value_at_its_step(sample, name):
    truth = json.loads((FILES / f"{name}.truth.json").read_text())
    (log,) = read(sample(name))
    series = {one.name: one for one in log.series}
    assert set(series) == {"train_loss", "val_loss", "train_loss_step", "val_accuracy"}
    for metric in ("train_loss", "val_loss"):
        assert series[metric].values.tolist() == truth[metric]
        assert series[metric].steps.tolist() == list(range(truth["n_epochs"]))
        assert series[metric].epochs is None
    assert series["train_loss_step"].steps.tolist()[:3] == [0, 5, 10]
    assert 1.79e9 < series["val_loss"].clock[0] < 1.80e9
    assert log.name == f"dev-{name}"
    assert (log.lost, log.notes) == ((), ())
    hparams = truth["hparams"]
    assert log.facts == {**hparams, "hidden": str(hparams["hidden"]), "status": "FINISHED", "experiment": "fixture"}


def test_infinities_and_nan_are_what_was_logged_not_what_sql_could_hold(store):
    rows = [("loss", value, 0, "a", i, nan) for i, (value, nan) in enumerate([(LARGEST, 0), (-LARGEST, 0), (0, 1)])]
    (log,) = read(store([("a", "x", "active")], rows))
    values = log.series[0].values.tolist()
    assert values[:2] == [math.inf, -math.inf]
    assert math.isnan(values[2])
    assert log.lost == ()


def test_each_run_is_a_log_in_the_order_of_writing_and_runs_of_one_name_are_told_apart(store):
    rows = [("loss", i / 8, i, run, 5 - i, 0) for i in range(4) for run in ("a" * 32, "b" * 32, "c" * 32)]
    runs = [("a" * 32, "base", "active"), ("b" * 32, "base", "active"), ("c" * 32, None, "active")]
    logs = read(store(runs, rows))
    assert [log.name for log in logs] == ["base (aaaaaaaa)", "base (bbbbbbbb)", "c" * 32]
    assert logs[1].series[0].values.tolist() == [0, 0.125, 0.25, 0.375]
    assert logs[1].series[0].steps.tolist() == [5, 4, 3, 2]


def test_deleted_and_empty_runs_are_left_out_and_counted(store):
    runs = [("a", "kept", "active"), ("b", "gone", "deleted"), ("c", "empty", "active")]
    rows = [("loss", 0.5, 0, "a", 0, 0), ("loss", 0.5, 0, "b", 0, 0)]
    (log,) = read(store(runs, rows))
    assert log.name == "kept"
    assert log.notes == ("left out of small.db: runs 1 that were deleted and 1 without metrics",)


def test_a_store_of_deleted_runs_only_is_an_error_with_the_way_back(store):
    (error,) = read(store([("b", "gone", "deleted")], [("loss", 0.5, 0, "b", 0, 0)]))
    assert isinstance(error, LogError)
    assert "small.db" in str(error)
    assert "1 that were deleted" in str(error)
    assert "restore_run" in str(error)


def test_what_is_no_number_is_lost_and_said_to_be(store):
    rows = [("loss", value, 0, "a", i, 0) for i, value in enumerate([0.5, "0.25", "none", None, b"\xff", 0.125])]
    (log,) = read(store([("a", "x", "active")], rows))
    assert log.series[0].values.tolist() == [0.5, 0.25, 0.125]
    assert log.series[0].steps.tolist() == [0, 1, 5]
    (lost,) = log.lost
    assert (lost.where, lost.records) == ("row 3 of table metrics", 3)


def test_metrics_of_a_run_that_is_not_listed_are_read_under_its_id(store):
    (log,) = read(store([], [("loss", 0.5, 0, "abc", 0, 0)]))
    assert log.name == "abc"


def test_the_tables_of_old_versions_without_steps_are_read(tmp_path):
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE runs (run_uuid, name)")
        file.execute("CREATE TABLE metrics (key, value, timestamp, run_uuid)")
        file.executemany("INSERT INTO metrics VALUES ('loss', ?, 1500000000000, 'a')", [(0.5,), (0.25,)])
        file.commit()
    (log,) = read(path)
    assert log.series[0].values.tolist() == [0.5, 0.25]
    assert log.series[0].steps is None
    assert log.series[0].clock.tolist() == [1.5e9, 1.5e9]


def test_parameters_and_the_users_own_tags_are_facts(store):
    add = "INSERT INTO {} VALUES ('{}', '{}', 'a')".format
    more = [add("params", "lr", "3e-4"), add("tags", "team", "blue"), add("tags", "mlflow.user", "me")]
    (log,) = read(
        store([("a", "", "active")], [("loss", 0.5, 0, "a", 0, 0)], *more, add("tags", "mlflow.runName", "n"))
    )
    assert log.name == "n"
    assert log.facts == {"lr": 0.0003, "team": "blue", "status": "FINISHED", "experiment": "1"}


def test_keys_that_no_terminal_can_show_become_names_that_are_still_unique(store):
    rows = [(key, 0.5, 0, "a", 0, 0) for key in (b"\xff", b"\xfe", "a/b", 7)]
    (log,) = read(store([("a", "x", "active")], rows))
    assert [one.name for one in log.series] == ["\ufffd", "\ufffd (2)", "a/b", "7"]


def test_no_damage_ends_in_a_traceback_or_takes_long(sample, mutants):
    path = sample("healthy")
    slim(path)
    for mutant in mutants(path.read_bytes(), 300, seed=1):
        path.write_bytes(mutant)
        started = time.process_time()
        if READER.recognises(path, mutant[:HEAD]):
            found = list(READER.read([path], path.parent))
            assert found
            assert all(str(path) in str(one) for one in found if isinstance(one, LogError))
        assert time.process_time() - started < 2


def slim(path: Path) -> None:
    """Drop the sixty tables of MLflow that have nothing to do with metrics, so that damage meets those that have."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            if name not in ("runs", "metrics", "params", "tags", "experiments"):
                file.execute(f'DROP TABLE "{name}"')
        file.execute("VACUUM")
