"""What can be saved of a damaged store."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from etude.records.salvage import salvage
from etude.records.store import open_store, read_store
from etude.values.errors import StoreDamagedError, StoreError


@pytest.fixture
def damaged(tmp_path: Path, make_run) -> Path:
    """Six runs and a study, one page in the middle of run 2's curves overwritten, and the index of names emptied."""
    path = tmp_path / "damaged.sqlite"
    with open_store(path) as store:
        for i in range(6):
            store.add(f"key {i}", make_run(i))
        store.put_plan("s", "{}", {"arm": ["key 0"]})
        harmed = store._file.body("run", "key 2")  # noqa: SLF001
    content = bytearray(path.read_bytes())
    place = content.index(harmed[9000:9040])
    content[place : place + 40] = bytes(40)
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tally SET n = 7 WHERE kind = 'run'")
    return path


def test_all_that_is_whole_is_in_the_new_store(damaged: Path, tmp_path: Path, make_run, plain):
    with read_store(damaged) as reader, pytest.raises(StoreDamagedError, match="salvage"):
        reader.keys()
    before = damaged.read_bytes()
    assert salvage(damaged, tmp_path / "saved.sqlite") == (6, 1)
    assert damaged.read_bytes() == before
    with read_store(tmp_path / "saved.sqlite") as reader:
        assert reader.keys() == {f"key {i}" for i in (0, 1, 3, 4, 5)}
        assert all(plain(reader.get(f"key {i}")) == plain(make_run(i)) for i in (0, 1, 3, 4, 5))
        assert reader.plans()[0].arms == {"arm": ("key 0",)}


def test_a_store_that_holds_runs_already_is_not_salvaged_into(damaged: Path, tmp_path: Path, make_run):
    with open_store(tmp_path / "saved.sqlite") as store:
        store.add("k", make_run(0))
    with pytest.raises(StoreError, match=r"already holds runs.*Nothing was changed"):
        salvage(damaged, tmp_path / "saved.sqlite")


def test_runs_behind_a_page_that_cannot_be_read_are_saved(tmp_path: Path, make_run):
    path = tmp_path / "damaged.sqlite"
    with open_store(path) as store:
        for i in range(60):
            store.add(f"key {i}", replace(make_run(i), curves={}))  # several runs a page
        harmed = store._file.body("run", "key 30")  # noqa: SLF001
    content = bytearray(path.read_bytes())
    page = content.index(harmed) // 4096 * 4096
    content[page : page + 4096] = bytes(4096)
    path.write_bytes(content)
    whole, places = salvage(path, tmp_path / "saved.sqlite")
    assert 50 <= whole < 60
    assert places == 1
    with read_store(tmp_path / "saved.sqlite") as reader:
        keys = reader.keys()
    assert keys >= {"key 0", "key 59"}
    assert "key 30" not in keys


def test_a_file_whose_table_is_gone_has_nothing_to_save(tmp_path: Path, make_run):
    path = tmp_path / "damaged.sqlite"
    with open_store(path) as store:
        store.add("k", make_run(0))
    content = bytearray(path.read_bytes())
    content[4096:8192] = bytes(4096)  # the second page is the root of the table of records
    path.write_bytes(content)
    assert salvage(path, tmp_path / "saved.sqlite") == (0, 1)
