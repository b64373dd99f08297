"""The file itself: who may open it, and what it notices."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from etude.records import database
from etude.records.database import APPLICATION, LAYOUT, reading, writing
from etude.values.errors import StoreBusyError, StoreDamagedError, StoreError, StoreVersionError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it's 100% #1?.sqlite"


@pytest.fixture
def filled(path: Path) -> Path:
    with closing(writing(path)) as file:
        for name in "abc":
            file.put_all("run", {name: name.encode() * 10})
    return path


def behind_its_back(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_what_was_put_is_there_and_nothing_else(filled: Path):
    with closing(reading(filled)) as file:
        assert file.names("run") == {"a", "b", "c"}
        assert file.names("study") == frozenset()
        assert file.body("run", "b") == b"bbbbbbbbbb"
        assert file.body("run", "d") is None
        assert file.body("study", "a") is None


def test_putting_again_replaces_and_dropping_forgets(filled: Path):
    with closing(writing(filled)) as file:
        file.put_all("run", {"a": b"new"})
        assert file.body("run", "a") == b"new"
        assert (file.drop("run", "b"), file.drop("run", "b")) == (True, False)
        assert file.names("run") == {"a", "c"}
    with closing(reading(filled)) as file:
        assert file.names("run") == {"a", "c"}


def test_a_closed_store_is_one_plain_file_beside_its_empty_lock(filled: Path):
    assert sorted(p.name for p in filled.parent.iterdir()) == [filled.name, filled.name + ".lock"]
    with closing(sqlite3.connect(filled)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_an_owner_writes_ahead_and_syncs_at_each_commit(path: Path):
    with closing(writing(path)) as file:
        ask = file._connection.execute  # noqa: SLF001 - what was set is seen nowhere else
        assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ask("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_reader_sees_what_is_added_after_it_opened(path: Path):
    with closing(writing(path)) as owner, closing(reading(path)) as reader:
        assert reader.names("run") == frozenset()
        owner.put_all("run", {"a": b"1"})
        assert reader.names("run") == {"a"}
        assert reader.body("run", "a") == b"1"


def test_a_reader_in_the_middle_of_reading_does_not_hold_up_the_owner(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "PATIENCE", 0.0)
    with closing(writing(path)) as owner, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM records").fetchone() == (0,)
        owner.put_all("run", {"a": b"1"})
        assert reader.execute("SELECT count(*) FROM records").fetchone() == (0,)


def test_a_reader_left_open_does_not_stop_the_owner_from_closing_or_the_next_from_opening(filled: Path):
    with closing(reading(filled)) as reader:
        for name in "de":
            with closing(writing(filled)) as owner:
                assert reader.names("run")
                owner.put_all("run", {name: b""})
        assert reader.names("run") == set("abcde")


def test_a_foreign_writer_is_reported_as_such(filled: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "PATIENCE", 0.01)
    with closing(writing(filled)) as owner, closing(sqlite3.connect(filled, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match=r"not étude has it open for writing"):
            owner.put_all("run", {"d": b""})
        foreign.execute("ROLLBACK")
        owner.put_all("run", {"d": b""})


@pytest.mark.parametrize("kind", ["run", "study"])
def test_a_row_that_goes_missing_is_missed(filled: Path, kind: str):
    with closing(writing(filled)) as file:
        file.put_all("study", {"s": b""})
    behind_its_back(
        filled,
        f"DELETE FROM records WHERE kind = '{kind}' AND id = (SELECT max(id) FROM records WHERE kind = '{kind}')",
    )
    with closing(reading(filled)) as file, pytest.raises(StoreDamagedError, match=rf"lists \d {kind} records, not the"):
        file.names(kind)
    with closing(reading(filled)) as file, pytest.raises(StoreDamagedError):
        file.body(kind, "never there")


def test_a_row_under_another_name_is_noticed(filled: Path):
    behind_its_back(filled, "UPDATE records SET name = 'z' WHERE name = 'a'")
    with closing(reading(filled)) as file, pytest.raises(StoreDamagedError, match="salvage"):
        file.names("run")


def test_another_thread_is_told_to_open_its_own(filled: Path):
    said: list[str] = []

    def ask() -> None:
        try:
            file.names("run")
        except StoreError as error:
            said.append(str(error))

    with closing(reading(filled)) as file:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert "in the thread that opened it" in said[0]


def test_a_closed_file_says_so(filled: Path):
    file = reading(filled)
    file.close()
    with pytest.raises(StoreError, match="until it is closed"):
        file.names("run")


@pytest.mark.parametrize("opening", [reading, writing])
def test_a_newer_layout_is_refused(filled: Path, opening: Callable[[Path], database.Reading]):
    behind_its_back(filled, f"PRAGMA user_version = {LAYOUT + 1}")
    before = filled.read_bytes()
    with pytest.raises(StoreVersionError, match=rf"layout {LAYOUT + 1}; .*upgrade"):
        opening(filled)
    assert filled.read_bytes() == before


@pytest.mark.parametrize("opening", [reading, writing])
@pytest.mark.parametrize("content", [b"loss,step\n", b"\0" * 5000, database.MAGIC, database.MAGIC + b"\1" * 4080])
def test_some_other_file_is_refused_and_left_alone(path: Path, opening, content: bytes):
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is not an étude store"):
        opening(path)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_sqlite_file_of_another_program_is_refused_and_left_alone(path: Path):
    behind_its_back(path, "CREATE TABLE music (title)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is not an étude store"):
        writing(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("opening", [reading, writing])
def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path, opening: Callable[[Path], database.Reading]):
    with pytest.raises(StoreError, match=r"cannot be read: .*directory"):
        opening(tmp_path)


def test_an_empty_file_becomes_a_store_but_cannot_be_read(path: Path):
    path.touch()
    with pytest.raises(StoreError, match="does not exist or is empty"):
        reading(path)
    with closing(writing(path)) as file:
        assert file.names("run") == frozenset()


def test_a_store_whose_making_was_interrupted_is_made_anew(path: Path):
    behind_its_back(path, f"PRAGMA application_id = {APPLICATION}")
    with pytest.raises(StoreError, match="its making was interrupted"):
        reading(path)
    with closing(writing(path)) as file:
        file.put_all("run", {"a": b"1"})
    with closing(reading(path)) as file:
        assert file.names("run") == {"a"}


def test_missing_folders_are_made(tmp_path: Path):
    with closing(writing(tmp_path / "a" / "b" / "s.sqlite")) as file:
        assert file.path.exists()


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path):
    (tmp_path / "notes").touch()
    with pytest.raises(StoreError, match=r"notes"):
        writing(tmp_path / "notes" / "s.sqlite")


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs a folder in which nobody may make a file")
def test_an_unwritable_folder_is_named():
    with pytest.raises(StoreError, match=r"cannot be written: .*Name a file in a folder that you may write to"):
        writing(Path("/sys/kernel/s.sqlite"))


def test_a_file_cut_off_anywhere_gives_what_was_put_or_says_that_it_is_damaged(filled: Path):
    whole = filled.read_bytes()
    for size in range(100, len(whole), 200):
        filled.write_bytes(whole[:size])
        with pytest.raises(StoreError), closing(reading(filled)) as file:  # noqa: PT012 - wherever it is noticed
            assert file.names("run") == {"a", "b", "c"}
            assert file.body("run", "a") == b"a" * 10
            raise StoreError("nothing that is read was cut off")


@pytest.mark.parametrize("opening", [reading, writing])
@pytest.mark.parametrize("replacement", [b"\xa9", b"z", b"\0", b")"])
def test_damage_to_the_names_of_the_tables_themselves_is_met_with_store_errors(
    filled: Path, opening, replacement: bytes
):
    whole = filled.read_bytes()
    begin = whole.index(b"CREATE UNIQUE INDEX")
    for place in range(begin, begin + 60):
        filled.write_bytes(whole[:place] + replacement + whole[place + 1 :])
        try:
            with closing(opening(filled)) as file:
                assert file.names("run") == {"a", "b", "c"}
                assert file.body("run", "a") == b"a" * 10
        except StoreError:
            continue
