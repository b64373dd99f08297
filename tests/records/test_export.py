"""Runs in long form."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import parquet

from etude.records.export import COLUMNS, export_runs, run_rows
from etude.records.store import StoreReader, open_store, read_store
from etude.values.curve import curve
from etude.values.errors import StoreError
from etude.values.run import Run


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[StoreReader]:
    """Study a: arm "x", with "quotes" has two replicates, and a third to come; study b has one run with no curves."""
    scores = curve("test/brier", [5, 10], [0.2, math.nan], unit="squared probability", standard_errors=[0.01, 0.02])
    loss = curve("train/objective", [1], [math.inf], unit="nats")
    with open_store(tmp_path / "s.sqlite") as store:
        store.add("k0", Run("r", {scores.name: scores, loss.name: loss}))
        store.add("k1", Run("r", {loss.name: loss}, replicate=1))
        store.add("k2", Run("empty", {}))
        store.put_plan("a", "{}", {'x, with "quotes"': ["k0", "k1", "to come"]})
        store.put_plan("b", "{}", {"y": ["k2"]})
    with read_store(tmp_path / "s.sqlite") as opened:
        yield opened


def test_every_measurement_is_one_row(reader: StoreReader):
    rows = list(run_rows(reader))
    arm, unit = 'x, with "quotes"', "squared probability"
    assert [tuple(row) for row in rows] == [COLUMNS] * 4
    assert tuple(rows[0].values()) == ("a", arm, 0, "test/brier", 5, 0.2, 0.01, unit)
    assert math.isnan(rows[1]["value"])
    assert tuple(rows[2].values()) == ("a", arm, 0, "train/objective", 1, math.inf, None, "nats")
    assert tuple(rows[3].values()) == ("a", arm, 1, "train/objective", 1, math.inf, None, "nats")


def test_one_study_alone(reader: StoreReader):
    assert len(list(run_rows(reader, study="a"))) == 4
    assert list(run_rows(reader, study="b")) == []


def test_an_unknown_study_is_answered_with_those_there_are(reader: StoreReader):
    with pytest.raises(StoreError, match=r"no study 'c'. .*Known: a, b"):
        list(run_rows(reader, study="c"))


def test_csv_and_parquet_hold_the_same_rows(reader: StoreReader, tmp_path: Path):
    assert export_runs(reader, tmp_path / "runs.csv") == 4
    assert export_runs(reader, tmp_path / "runs.parquet") == 4
    with (tmp_path / "runs.csv").open(newline="") as file:
        texts = list(csv.DictReader(file))
    rows = parquet.read_table(tmp_path / "runs.parquet").to_pylist()
    assert repr(rows) == repr(list(run_rows(reader)))  # repr, as NaN is not equal to itself
    assert [text["value"] for text in texts] == ["0.2", "nan", "inf", "inf"]
    assert [text["standard_error"] for text in texts] == ["0.01", "0.02", "", ""]
    assert texts[0]["arm"] == 'x, with "quotes"'


def test_another_format_is_answered_with_those_there_are(reader: StoreReader, tmp_path: Path):
    with pytest.raises(StoreError, match=r"Known: \.csv, \.parquet"):
        export_runs(reader, tmp_path / "runs.xlsx")


def test_a_file_that_cannot_be_written_leaves_the_old_one(reader: StoreReader, tmp_path: Path):
    (tmp_path / "runs.csv.unfinished").mkdir()
    (tmp_path / "runs.csv").write_text("old")
    with pytest.raises(StoreError, match=r"runs.csv cannot be written: .*The store is as it was"):
        export_runs(reader, tmp_path / "runs.csv")
    assert (tmp_path / "runs.csv").read_text() == "old"
