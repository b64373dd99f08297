"""A store of the first layout opens, reads bit for bit, and becomes one of this layout once it is opened for writing.

`layout_1.sqlite` was written by étude at commit 84bcd65, the last to write that layout, from `runs_kept_then` and
`ARMS_KEPT_THEN`.
"""

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from etude.records.database import LAYOUT, reading
from etude.records.encoding import EncodedRun, decoded, encoded, same_result
from etude.records.salvage import salvage
from etude.records.store import open_store, read_store
from etude.values.curve import curve
from etude.values.errors import StoreDamagedError
from etude.values.recipe import Recipe
from etude.values.run import Run

KEPT_THEN = Path(__file__).with_name("layout_1.sqlite")
RECIPE = Recipe(data={"task": "sincos", "rows": 100}, loss="bce", epochs=8)
ARMS_KEPT_THEN = {"loss BCE": ("0f" * 32, "1e" * 32), "by hand": ("few", "to come")}


def runs_kept_then() -> Mapping[str, Run]:
    """By key: a run with numbers of every kind, one that diverged, and an empty one whose recipe has arrays."""
    steps = np.arange(0, 80, 10)
    whole = {
        "test/brier": curve(
            "test/brier", steps, 1 / (3 + steps), unit="squared probability", standard_errors=steps / 7
        ),
        "train/objective": curve("train/objective", steps, np.float32(1 / (1 + steps)), unit="nats"),
    }
    odd = np.array([0x7FF8_0000_0000_1234, 0x8000_0000_0000_0000, 0x7FF0_0000_0000_0000], dtype=np.uint64)
    broken = {"train/objective": curve("train/objective", [1, 2, 3], odd.view(np.float64), unit="nats")}
    arrays = {
        "weights/0.weight": (np.arange(6, dtype=np.float32) / 7).reshape(2, 3),
        "steps": steps,
        "flags": np.array([True, False]),
        "half": np.arange(3, dtype=np.float16),
        "waves": np.array([1 + 2j, -3j]),
        "empty": np.zeros((0, 4), dtype=np.int8),
        "single": np.array(7, dtype=np.uint16),
    }
    facts = {"engine": "loop", "threads": 1, "seconds": 0.1}
    mine = Recipe(data=(np.zeros((4, 1)), np.array([0, 1, 0, 1])), loss="bce")
    return {
        "0f" * 32: Run(
            "one · 1", whole, "stopped early", 70, 40, RECIPE, 0, arrays, facts, ("a note", "and “another”")
        ),
        "1e" * 32: Run("wild", broken, "diverged", 3, 3, RECIPE, 1),
        "few": Run("few", {}, recipe=mine),
    }


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copy(KEPT_THEN, tmp_path / "old.sqlite"))


def layout_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def body_of(key: str) -> bytes:
    with closing(reading(KEPT_THEN)) as file:
        return file.body("run", key)


def test_every_run_reads_bit_for_bit_and_reading_changes_nothing(old: Path, plain):
    before = old.read_bytes()
    assert layout_of(old) == 1
    with read_store(old) as reader:
        assert reader.keys() == runs_kept_then().keys()
        for key, run in runs_kept_then().items():
            assert plain(reader.get(key, recipe=run.recipe)) == plain(run)
        assert reader.get("few").recipe is None
        (study,) = reader.plans()
    assert (study.name, study.plan, dict(study.arms)) == ("then", '{"x": 1}', ARMS_KEPT_THEN)
    assert old.read_bytes() == before
    assert [path.name for path in old.parent.iterdir()] == [old.name]


def test_its_owner_makes_it_this_layout_and_loses_nothing(old: Path, make_run, plain):
    with open_store(old) as store:
        store.add("new", make_run(0))
        assert store.keys() == {*runs_kept_then(), "new"}
    assert layout_of(old) == LAYOUT
    with read_store(old) as reader:
        for key, run in {**runs_kept_then(), "new": make_run(0)}.items():
            assert plain(reader.get(key, recipe=run.recipe)) == plain(run)
        assert dict(reader.plan("then").arms) == ARMS_KEPT_THEN


def test_a_run_made_again_is_known_as_the_one_kept_then(old: Path):
    with open_store(old) as store:
        before = store._file.body("run", "0f" * 32)  # noqa: SLF001 - which of two equal runs is kept is seen nowhere else
        for key, run in runs_kept_then().items():
            store.add(key, run)
        assert store._file.body("run", "0f" * 32) == before  # noqa: SLF001
    one, other = (runs_kept_then()[key] for key in ("0f" * 32, "1e" * 32))
    assert not same_result(EncodedRun("0f" * 32, before), encoded("0f" * 32, other))
    assert same_result(EncodedRun("0f" * 32, before), encoded("0f" * 32, one))


@pytest.mark.parametrize("key", ["0f" * 32, "1e" * 32])
@pytest.mark.parametrize("bits", [0x01, 0xFF])
def test_a_changed_byte_never_gives_another_run(key: str, bits: int, plain):
    body, truth, noticed = body_of(key), plain(runs_kept_then()[key]), 0
    for place in range(len(body)):
        broken = body[:place] + bytes([body[place] ^ bits]) + body[place + 1 :]
        try:
            assert plain(decoded(EncodedRun(key, broken), RECIPE)) == truth
        except StoreDamagedError:
            noticed += 1
    assert noticed > 0.95 * len(body)  # the rest are spare bits of deflate, which mean nothing


def test_damage_names_what_is_damaged():
    body = bytearray(body_of("1e" * 32))
    body[-1] ^= 0x10  # the last bytes are those of the only curve's values
    with pytest.raises(StoreDamagedError, match="curve 'train/objective'"):
        decoded(EncodedRun("1e" * 32, bytes(body)), RECIPE)


def test_its_runs_can_be_salvaged_into_a_new_store(old: Path, tmp_path: Path, plain):
    assert salvage(old, tmp_path / "saved.sqlite") == (4, 0)
    assert layout_of(tmp_path / "saved.sqlite") == LAYOUT
    with read_store(tmp_path / "saved.sqlite") as reader:
        for key, run in runs_kept_then().items():
            assert plain(reader.get(key, recipe=run.recipe)) == plain(run)
