"""trackio's SQLite file as trackio writes it, with its traps, and damaged."""

import gzip
import json
import math
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from etude.records.logged import HEAD, Log
from etude.records.readers.trackio import READER
from etude.values.errors import LogError

FILES = Path(__file__).with_name("files") / "trackio"
WHEN = "2026-11-22T08:10:57.500000+00:00"
METRICS = "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id, timestamp, run_name, step, metrics)"
CONFIGS = "CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id, run_name, config, created_at)"


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[str], Path]:
    def unpack(name: str) -> Path:
        path = tmp_path / "fixture.db"
        path.write_bytes(gzip.decompress((FILES / f"{name}.db.gz").read_bytes()))
        return path

    return unpack


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """A project of these calls of log, each the id of its run and what was logged, as JSON text or a mapping."""

    def make(calls: Sequence[tuple[str | None, object]], configs: Sequence[tuple[str, str]] = ()) -> Path:
        path = tmp_path / "small.db"
        with closing(sqlite3.connect(path)) as file:
            file.execute(METRICS)
            file.execute(CONFIGS)
            for step, (run, logged) in enumerate(calls):
                written = logged if isinstance(logged, str | bytes | int) else json.dumps(logged)
                row = (run, WHEN, f"name of {run}", step, written)
                file.execute("INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?,?,?,?,?)", row)
            file.executemany("INSERT INTO configs (run_id, config) VALUES (?, ?)", configs)
            file.commit()
        return path

    return make


def read(path: Path) -> list[Log | LogError]:
    assert READER.recognises(path, path.read_bytes()[:HEAD])
    return list(READER.read([path], path.parent))


@pytest.mark.parametrize("name", ["healthy", "overfit"])
def test_a_genuine_project_has_every_value_at_its_call_and_epoch(sample, name):
    truth = json.loads((FILES / f"{name}.truth.json").read_text())
    (log,) = read(sample(name))
    series = {one.name: one for one in log.series}
    assert set(series) == {"train_loss", "val_loss", "val_acc"}
    for metric in ("train_loss", "val_loss"):
        assert series[metric].values.tolist() == truth[metric]
        assert series[metric].steps.tolist() == list(range(truth["n_epochs"]))
        assert series[metric].epochs.tolist() == list(range(truth["n_epochs"]))
    assert 1.79e9 < series["val_loss"].clock[0] < 1.80e9
    assert log.name == f"dev-{name}"
    assert log.facts == {**truth["hparams"], "hidden": str(truth["hparams"]["hidden"])}
    assert log.lost == ()


def test_a_step_that_the_user_logs_counts_more_than_the_number_of_the_call(project):
    calls = [("a", {"train/loss": 1 / (i + 1), "train/global_step": 50 * i, "train/epoch": i / 2}) for i in range(3)]
    (log,) = read(project(calls))
    (loss,) = log.series
    assert (loss.name, loss.steps.tolist(), loss.epochs.tolist()) == ("train/loss", [0, 50, 100], [0, 0.5, 1])


def test_nan_and_infinities_are_written_as_words_and_read_as_what_they_are(project):
    (log,) = read(project([("a", {"loss": word}) for word in ("NaN", "Infinity", "-Infinity", 0.5)]))
    values = log.series[0].values.tolist()
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, 0.5]


def test_mappings_are_read_by_their_paths_but_pictures_and_tables_are_not(project):
    (log,) = read(
        project([("a", {"loss": {"box": 1.0, "class": 2}, "picture": {"_type": "trackio.image", "size": 3}})])
    )
    assert [(one.name, one.values.tolist()) for one in log.series] == [("loss/box", [1.0]), ("loss/class", [2.0])]


def test_each_run_is_a_log_with_its_own_parameters(project):
    calls = [(run, {"loss": i / 4}) for i in range(3) for run in "ab"]
    configs = [("a", '{"lr": 0.1, "_Created": "today", "group": null}'), ("b", '{"model": {"depth": 2}}')]
    first, second = read(project(calls, configs))
    assert (first.name, dict(first.facts)) == ("name of a", {"lr": 0.1})
    assert (second.name, dict(second.facts)) == ("name of b", {"model/depth": 2})
    assert second.series[0].values.tolist() == [0, 0.25, 0.5]


def test_runs_of_before_there_were_ids_go_by_their_names(tmp_path):
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE metrics (id INTEGER PRIMARY KEY, timestamp, run_name, step, metrics)")
        rows = [(WHEN, name, 0, '{"loss": 0.5}') for name in ("one", "two")]
        file.executemany("INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?)", rows)
        file.commit()
    assert [log.name for log in read(path)] == ["one", "two"]


@pytest.mark.parametrize("bad", ["{", "[1]", "7", b"\xff", 3, "[" * 100_000, '{"loss": ' * 100_000, "1" * 10_000])
def test_a_row_that_is_no_json_object_is_lost_alone(project, bad):
    (log,) = read(project([("a", {"loss": 0.5}), ("a", bad), ("a", {"loss": 0.25})]))
    assert log.series[0].values.tolist() == [0.5, 0.25]
    assert log.series[0].steps.tolist() == [0, 2]
    (lost,) = log.lost
    assert (lost.file[-8:], lost.where, lost.records) == ("small.db", "row 2 of table metrics", 1)


def test_truths_and_numbers_beyond_all_bounds_do_no_harm(project):
    text = '{"loss": 0.5, "flag": true, "big": 1%s, "list": [1], "half \\ud800": 1}' % ("0" * 400)
    (log,) = read(project([("a", text)]))
    series = {one.name: one.values.tolist() for one in log.series}
    assert series["loss"] == [0.5]
    assert series["big"] == [math.inf]
    assert "flag" not in series
    assert all(name.encode() for name in series)


def test_a_project_without_anything_logged_is_an_error_with_its_name(project):
    (error,) = read(project([]))
    assert isinstance(error, LogError)
    assert "small.db" in str(error)


def test_no_damage_ends_in_a_traceback_or_takes_long(sample, mutants):
    path = sample("healthy")
    for mutant in mutants(path.read_bytes(), 300, seed=1):
        path.write_bytes(mutant)
        started = time.process_time()
        if READER.recognises(path, mutant[:HEAD]):
            found = list(READER.read([path], path.parent))
            assert found
            assert all(str(path) in str(one) for one in found if isinstance(one, LogError))
        assert time.process_time() - started < 2
