"""étude's own store: whole, damaged, and other files that say they are one."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from etude.records.logged import HEAD
from etude.records.readers.etude_store import READER
from etude.records.store import open_store
from etude.values.errors import LogError
from etude.values.run import Run

KEYS = [f"{i:064x}" for i in range(4)]


@pytest.fixture
def path(tmp_path: Path, make_run) -> Path:
    """Four runs, of which three are of a study with two arms."""
    path = tmp_path / "runs.sqlite"
    with open_store(path) as store:
        for i, key in enumerate(KEYS):
            store.add(key, make_run(i))
        store.put_plan("study", "{}", {"bce": KEYS[:2], "mse": [KEYS[2], "f" * 64]})
    return path


def read(path: Path) -> list[Run | LogError]:
    assert READER.recognises(path, path.read_bytes()[:HEAD])
    return list(READER.read([path], path.parent))


def test_every_run_is_a_log_by_arm_and_replicate_and_those_of_no_study_by_their_names(path):
    assert [log.name for log in read(path)] == ["bce · 0", "bce · 1", "mse · 0", "bce · 3"]


def test_a_run_is_as_it_was_kept(path, make_run):
    run, found = make_run(1), read(path)[1]
    assert list(found.curves) == list(run.curves)
    for name, kept in run.curves.items():
        assert found.curves[name].values.tolist() == kept.values.tolist()
        assert found.curves[name].unit == kept.unit
        if kept.standard_errors is not None:
            assert found.curves[name].standard_errors.tolist() == kept.standard_errors.tolist()
    assert (found.recipe, found.ended, found.kept_step) == (run.recipe, run.ended, run.kept_step)
    assert found.provenance["format"] == "étude store"


def test_a_store_is_read_while_its_owner_holds_it(path, make_run):
    with open_store(path) as store:
        store.add("e" * 64, replace(make_run(4), name="new"))
        assert [log.name for log in read(path)][-1] == "new"


def test_a_damaged_run_is_an_error_and_the_others_are_read(path):
    body = _body(path, KEYS[1])
    raw = bytearray(path.read_bytes())
    raw[raw.index(body[50:90]) + 20] ^= 1
    path.write_bytes(raw)
    first, error, third, fourth = read(path)
    assert isinstance(error, LogError)
    assert "runs.sqlite" in str(error)
    assert KEYS[1] in str(error)
    assert [log.name for log in (first, third, fourth)] == ["bce · 0", "mse · 0", "bce · 3"]


def test_of_a_store_that_misses_a_run_the_others_are_read_and_an_error_says_so(path):
    with closing(sqlite3.connect(path)) as file:
        file.execute("DELETE FROM records WHERE name = ?", (KEYS[2],))
        file.commit()
    *logs, error = read(path)
    assert [log.name for log in logs] == ["bce · 0", "bce · 1", "bce · 3"]
    assert isinstance(error, LogError)
    assert "runs.sqlite is damaged: its list of runs does not match" in str(error)


def test_a_store_without_runs_is_an_error(tmp_path):
    with open_store(tmp_path / "empty.sqlite"):
        pass
    (error,) = read(tmp_path / "empty.sqlite")
    assert "empty.sqlite is an étude store without runs" in str(error)


def test_a_view_in_the_place_of_a_table_is_not_asked(path):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 'run' AS kind, i AS name"
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE records")
        file.execute(f"CREATE VIEW records AS {endless} FROM n")
        file.commit()
    (error,) = read(path)
    assert "has not its tables" in str(error)


def test_other_sqlite_files_are_not_taken_for_a_store(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as file:
        file.execute("CREATE TABLE records (id)")
        file.commit()
    assert not READER.recognises(tmp_path / "other.db", (tmp_path / "other.db").read_bytes()[:HEAD])
    assert not READER.recognises(tmp_path / "other.db", b"")


def test_no_damage_ends_in_a_traceback_takes_long_or_changes_a_value(path, mutants, make_run):
    known = {values.values.tobytes() for i in range(4) for values in make_run(i).curves.values()}
    for mutant in mutants(path.read_bytes(), 300, seed=1):
        path.write_bytes(mutant)
        started = time.process_time()
        if READER.recognises(path, mutant[:HEAD]):
            found = list(READER.read([path], path.parent))
            assert found
            assert all(str(path) in str(one) for one in found if isinstance(one, LogError))
            assert all(
                one.values.tobytes() in known for run in found if isinstance(run, Run) for one in run.curves.values()
            )
        assert time.process_time() - started < 2


def _body(path: Path, key: str) -> bytes:
    with closing(sqlite3.connect(path)) as file:
        return file.execute("SELECT body FROM records WHERE name = ?", (key,)).fetchone()[0]
