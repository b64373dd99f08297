"""Other tools' SQLite files: sound, written to meanwhile, damaged, hostile."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from etude.records import sqlite_log as sqlite_log_module
from etude.records import sqlite_opening
from etude.records.logged import Lost
from etude.records.sqlite_log import has_tables, is_sqlite, sqlite_log
from etude.values.errors import LogError

PAGE = 4096
LEFT = """
import os, sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    file.execute(statement)
os._exit(0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a log.db"


@pytest.fixture
def make(path: Path) -> Callable[..., None]:
    """Runs statements on the file, then one INSERT for each of the rows."""

    def run(*statements: str, rows: int = 0) -> None:
        with closing(sqlite3.connect(path)) as file:
            for statement in statements:
                file.execute(statement)
            for i in range(rows):
                file.execute("INSERT INTO metrics VALUES (?, ?)", (f"key {i} " + "x" * 80, i * 0.5))
            file.commit()

    return run


def leave(path: Path, *statements: str) -> None:
    """A process that runs statements and is killed before it can tidy up."""
    subprocess.run([sys.executable, "-c", LEFT, str(path), *statements], check=True)


def values(path: Path) -> list[float]:
    with sqlite_log(path) as file:
        return [row[2] for row in file.rows("metrics", ("key", "value")) if not isinstance(row, Lost)]


def test_rows_come_in_the_order_of_writing_with_their_numbers_and_text_as_bytes(path, make):
    make("CREATE TABLE metrics (key, value)", "INSERT INTO metrics VALUES ('b', 2.0), ('a', 1.0)")
    with sqlite_log(path) as file:
        assert list(file.rows("metrics", ("key", "value", "gone"))) == [(1, b"b", 2.0, None), (2, b"a", 1.0, None)]
        assert list(file.rows("nothing", ("key",))) == []
    assert is_sqlite(path.read_bytes())


def test_views_and_virtual_tables_are_no_tables_so_that_nothing_of_theirs_is_run(path, make):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS key, i AS value FROM n"
    make("CREATE TABLE other (key)", f"CREATE VIEW metrics AS {endless}", "CREATE VIRTUAL TABLE text USING fts5(key)")
    with sqlite_log(path) as file:
        assert "other" in file.tables
        assert not {"metrics", "text"} & file.tables.keys()
    assert not has_tables(path, {"metrics": frozenset({"key"})}, mark=b"?")


def test_a_column_that_is_called_like_the_number_of_a_row_is_not_taken_for_it(path, make):
    make("CREATE TABLE metrics (rowid TEXT, value)", "INSERT INTO metrics VALUES ('x', 1.0), ('a', 2.0)")
    with sqlite_log(path) as file:
        assert [row[0] for row in file.rows("metrics", ("value",))] == [1, 2]
    make("CREATE TABLE worse (rowid, oid, _rowid_)", "INSERT INTO worse VALUES ('x', 'y', 'z')")
    with sqlite_log(path) as file:
        assert list(file.rows("worse", ("oid",))) == []


def test_reading_goes_on_behind_a_damaged_page_and_says_which_rows_are_lost(path, make):
    make("CREATE TABLE metrics (key, value)", rows=2000)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"key 1000 ") // PAGE * PAGE
    raw[at : at + PAGE] = bytes(PAGE)
    path.write_bytes(raw)
    with sqlite_log(path) as file:
        rows = list(file.rows("metrics", ("value",)))
    lost = [row for row in rows if isinstance(row, Lost)]
    kept = [row[0] for row in rows if not isinstance(row, Lost)]
    missing = sorted(set(range(1, 2001)) - set(kept))
    assert [one.where for one in lost] == [f"rows {missing[0]:,} to {missing[-1]:,} of table metrics"]
    assert 1000 in missing
    assert len(missing) < 60
    assert "malformed" in lost[0].because


def test_a_file_that_ends_too_early_gives_what_is_there_and_says_that_the_rest_is_lost(path, make):
    make("CREATE TABLE metrics (key, value)", rows=2000)
    path.write_bytes(path.read_bytes()[: 20 * PAGE])
    with sqlite_log(path) as file:
        *rows, last = file.rows("metrics", ("value",))
    assert [row[1] for row in rows] == [i * 0.5 for i in range(len(rows))]
    assert isinstance(last, Lost)
    assert last.where == f"rows {len(rows) + 1:,} on of table metrics"


def test_a_file_of_which_nothing_is_left_is_an_error_with_its_name(path, make):
    make("CREATE TABLE metrics (key, value)", rows=10)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(LogError, match=r"a log\.db cannot be read: .*put back a copy.*Nothing was read"):
        values(path)


def test_a_value_too_long_to_be_one_is_lost_alone(path, make):
    make("CREATE TABLE metrics (key, value)", "INSERT INTO metrics VALUES ('a', 1.0), (zeroblob(5000000), 2.0)")
    make("INSERT INTO metrics VALUES ('c', 3.0)")
    with sqlite_log(path) as file:
        first, lost, last = file.rows("metrics", ("key", "value"))
    assert (first[2], last[2]) == (1.0, 3.0)
    assert lost.where == "rows 2 to 2 of table metrics"


def test_rows_that_only_the_write_ahead_log_holds_are_read_and_no_file_is_added(path, make):
    make("CREATE TABLE metrics (key, value)", "PRAGMA journal_mode = WAL")
    leave(path, "PRAGMA wal_autocheckpoint = 0", "INSERT INTO metrics VALUES ('a', 1.0)")
    with_shm = sorted(one.name for one in path.parent.iterdir())
    assert len(with_shm) == 3
    assert values(path) == [1.0]
    path.with_name(path.name + "-shm").unlink()  # as in a copy that somebody made of the other two
    before = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    assert values(path) == [1.0]
    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == before


def test_a_write_ahead_log_without_a_log_needs_no_second_file(path, make):
    make("CREATE TABLE metrics (key, value)", "INSERT INTO metrics VALUES ('a', 1.0)", "PRAGMA journal_mode = WAL")
    assert values(path) == [1.0]
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_pipes_are_not_waited_for(path, make):
    make("CREATE TABLE metrics (key, value)", "INSERT INTO metrics VALUES ('a', 1.0)", "PRAGMA journal_mode = WAL")
    os.mkfifo(path.with_name(path.name + "-wal"))
    assert values(path) == [1.0]
    pipe = path.with_name("pipe.db")
    os.mkfifo(pipe)
    with pytest.raises(LogError, match=r"pipe\.db is not a regular file"):
        values(pipe)


def test_a_journal_of_a_write_that_was_cut_off_is_not_played_back_and_a_note_says_so(path, make, tmp_path):
    make("CREATE TABLE metrics (key, value)", rows=50)
    leave(path, "PRAGMA cache_size = 1", "PRAGMA cache_spill = 1", "BEGIN", "UPDATE metrics SET value = 7.0")
    journal = path.with_name(path.name + "-journal")
    assert journal.stat().st_size > 0
    before = path.read_bytes(), journal.read_bytes()
    with sqlite_log(path) as file:
        assert len(list(file.rows("metrics", ("value",)))) == 50
        assert "a log.db-journal" in file.notes[0]
    assert (path.read_bytes(), journal.read_bytes()) == before


def test_a_file_that_is_being_written_is_an_error_that_says_to_try_again(path, make, monkeypatch):
    make("CREATE TABLE metrics (key, value)")
    monkeypatch.setattr(sqlite_opening, "PATIENCE", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LogError, match=r"a log\.db cannot be read: another program is writing it\. Try again"):
            values(path)


def test_a_file_that_takes_too_long_is_given_up(path, make, monkeypatch):
    make("CREATE TABLE metrics (key, value)", rows=50_000)
    monkeypatch.setattr(sqlite_log_module, "SECONDS", -1e9)
    with sqlite_log(path) as file:
        *_, last = file.rows("metrics", ("value",))
    assert isinstance(last, Lost)
    assert "longer than any sound file" in last.because


def test_a_damaged_file_is_known_by_what_its_tables_are_defined_with(path, make):
    make("CREATE TABLE metrics (key, value)", rows=100)
    assert has_tables(path, {"metrics": frozenset({"key"})}, mark=b"?")
    assert not has_tables(path, {"metrics": frozenset({"key", "step"})}, mark=b"?")
    raw = bytearray(path.read_bytes())
    raw[100:108] = b"\xff" * 8
    path.write_bytes(raw)
    assert has_tables(path, {"metrics": frozenset({"key"})}, mark=b"CREATE TABLE metrics")
    assert not has_tables(path, {"metrics": frozenset({"key"})}, mark=b"CREATE TABLE runs")
    assert not has_tables(path.with_name("none"), {}, mark=b"")


def test_a_name_with_signs_that_mean_something_in_an_address_is_only_a_name(path, make):
    make("CREATE TABLE metrics (key, value)", "INSERT INTO metrics VALUES ('a', 1.0)")
    odd = path.with_name("a?mode=rwc#%41é.db")
    shutil.copy(path, odd)
    assert values(odd) == [1.0]
