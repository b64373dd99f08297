"""Parquet and Arrow tables, whole and damaged, and what is said without pyarrow."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from etude.records.logged import HEAD, Log
from etude.records.readers import parquet_log
from etude.values.errors import LogError

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
feather = pytest.importorskip("pyarrow.feather")

FILES = Path(__file__).parent / "files"


@pytest.fixture
def read(tmp_path):
    """Every log in a table with these columns, written by a function of pyarrow."""

    def written(columns, write=parquet.write_table, **options):
        path = tmp_path / "history.parquet"
        write(arrow.table(columns), path, **options)
        assert parquet_log.recognises(path, path.read_bytes()[:HEAD])
        return list(parquet_log.read([path], tmp_path))

    return written


def values(log):
    return {one.name: one.values.tolist() for one in log.series}


@pytest.mark.parametrize("kind", ["healthy", "overfit"])
def test_a_genuine_table_has_the_values_of_the_run(kind):
    path = FILES / "plain" / kind / "log.parquet"
    truth = json.loads((FILES / "plain" / f"{kind}.truth.json").read_text())
    assert parquet_log.recognises(path, path.read_bytes()[:HEAD])
    (log,) = parquet_log.read([path], FILES)
    assert values(log)["train_loss"] == truth["train_loss"]
    assert values(log)["val_loss"] == truth["val_loss"]
    assert log.series[0].epochs.tolist() == list(range(1, truth["n_epochs"] + 1))


@pytest.mark.parametrize("write", [parquet.write_table, feather.write_feather])
def test_the_history_of_wandb_is_read_from_parquet_and_from_feather(read, write):
    (log,) = read(
        {
            "_step": [0, 1, 2],
            "_timestamp": [1700000000.5, 1700000001.5, 1700000002.5],
            "loss": arrow.array([0.5, None, 0.25], arrow.float32()),
            "val": [{"loss": None}, {"loss": 0.75}, {"loss": None}],
            "media": [["a"], ["b"], ["c"]],
        },
        write,
    )
    assert values(log) == {"loss": [0.5, 0.25], "val.loss": [0.75]}
    assert log.series[1].steps.tolist() == [1]
    assert log.series[1].clock.tolist() == [1700000001.5]
    assert any("'media'" in note for note in log.notes)


def test_integers_decimals_halves_and_dictionaries_are_read(read):
    (log,) = read(
        {
            "step": arrow.array([1, 2], arrow.uint16()),
            "split": arrow.array(["train", "val"]).dictionary_encode(),
            "loss": arrow.array([0.5, 0.25], arrow.float16()),
            "time": arrow.array([1_700_000_000_000, 1_700_000_001_000], arrow.timestamp("ms")),
        }
    )
    assert values(log) == {"train/loss": [0.5], "val/loss": [0.25]}
    assert log.series[0].clock.tolist() == [1700000000]


def test_nan_is_data_and_null_is_not(read):
    (log,) = read({"epoch": [1, 2, 3, 4], "loss": [0.5, None, 0.25, float("nan")]})
    np.testing.assert_equal(log.series[0].values, [0.5, 0.25, np.nan])


def test_a_damaged_group_of_rows_is_lost_and_the_others_are_read(tmp_path):
    path = tmp_path / "history.parquet"
    table = arrow.table({"step": list(range(3000)), "loss": np.random.default_rng(0).random(3000)})
    parquet.write_table(table, path, row_group_size=1000, write_page_checksum=True, use_dictionary=False)
    raw = bytearray(path.read_bytes())
    chunk = parquet.ParquetFile(path).metadata.row_group(1).column(1)
    raw[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(raw)
    (log,) = parquet_log.read([path], tmp_path)
    assert [(one.where, one.records) for one in log.lost] == [("row group 2", 1000)]
    np.testing.assert_array_equal(log.series[0].values, np.delete(table["loss"].to_numpy(), np.s_[1000:2000]))
    assert log.series[0].steps[1000] == 2000


def test_a_file_cut_short_is_refused_with_its_name(tmp_path):
    path = tmp_path / "log.parquet"
    path.write_bytes((FILES / "plain/healthy/log.parquet").read_bytes()[:2000])
    (error,) = parquet_log.read([path], tmp_path)
    assert isinstance(error, LogError)
    assert str(path) in str(error)
    assert str(error).endswith("Nothing was read.")


def test_a_table_without_numbers_is_refused(read):
    (error,) = read({"word": ["a", "b"]})
    assert isinstance(error, LogError)
    assert "no series of numbers" in str(error)


def test_without_pyarrow_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (error,) = parquet_log.read([FILES / "plain/healthy/log.parquet"], FILES)
    assert "pip install 'etude[data]'" in str(error)


@pytest.mark.parametrize("write", [parquet.write_table, feather.write_feather])
def test_no_mutant_raises_and_every_error_names_its_file(tmp_path, mutants, write):
    path = tmp_path / "log.parquet"
    columns = {"step": list(range(200)), "loss": np.linspace(1, 0, 200), "split": ["train", "val"] * 100}
    write(arrow.table(columns), path)
    for mutant in mutants(path.read_bytes(), 150, seed=5):
        path.write_bytes(mutant)
        for one in parquet_log.read([path], tmp_path):
            assert isinstance(one, Log) or str(path) in str(one)
