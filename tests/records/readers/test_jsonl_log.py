"""JSON lines: one key for both splits, keys that change from line to line, and damaged lines."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from etude.records.logged import HEAD, Log
from etude.records.readers import jsonl_log
from etude.values.errors import LogError

FILES = Path(__file__).parent / "files"


@pytest.fixture
def read(tmp_path):
    """Every log in lines, given as records or as texts."""

    def written(*lines):
        path = tmp_path / "log.jsonl"
        path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines))
        assert jsonl_log.recognises(path, path.read_bytes()[:HEAD])
        return list(jsonl_log.read([path], tmp_path))

    return written


def by_name(log):
    return {one.name: one for one in log.series}


@pytest.mark.parametrize("kind", ["healthy", "overfit"])
def test_one_key_for_both_splits_becomes_a_series_for_each(tmp_path, kind):
    path = tmp_path / "log.jsonl"
    path.write_bytes(gzip.decompress((FILES / "plain" / kind / "log.jsonl.gz").read_bytes()))
    truth = json.loads((FILES / "plain" / f"{kind}.truth.json").read_text())
    assert jsonl_log.recognises(path, path.read_bytes()[:HEAD])
    (log,) = jsonl_log.read([path], tmp_path)
    validation, train = by_name(log)["val/loss"], by_name(log)["train/loss"]
    assert validation.values.tolist() == truth["val_loss"]
    assert validation.epochs.tolist() == list(range(1, truth["n_epochs"] + 1))
    assert train.steps.tolist() == list(range(train.values.size))
    assert train.epochs is None
    assert log.facts["lr"] == {"healthy": 0.003, "overfit": 0.001}[kind]


@pytest.mark.parametrize("key", ["split", "phase", "mode", "stage", "set", "anything"])
def test_the_split_is_told_by_its_key_or_by_its_words(read, key):
    (log,) = read({key: "train", "epoch": 1, "loss": 0.5}, {key: "valid", "epoch": 1, "loss": 0.75})
    assert [(one.name, one.values.tolist()) for one in log.series] == [("train/loss", [0.5]), ("valid/loss", [0.75])]


def test_records_may_have_different_keys(read):
    (log,) = read({"step": 1, "loss": 0.5}, {"step": 2, "val_loss": 0.75}, {"step": 3, "loss": 0.25})
    assert by_name(log)["loss"].steps.tolist() == [1, 3]
    assert by_name(log)["val_loss"].steps.tolist() == [2]


def test_numbers_in_texts_are_numbers(read):
    (log,) = read({"epoch": 1, "loss": "6.125"}, {"epoch": 2, "loss": " nan"})
    np.testing.assert_equal(by_name(log)["loss"].values, [6.125, np.nan])


def test_damaged_lines_are_lost_with_their_numbers(read):
    (log,) = read({"step": 1, "loss": 0.5}, '{"step": 2, "lo', "INFO epoch done", {"step": 4, "loss": 0.25})
    assert by_name(log)["loss"].steps.tolist() == [1, 4]
    assert [one.where for one in log.lost] == ["line 2", "line 3"]


def test_two_records_on_one_line_are_two(read):
    (log,) = read('{"step": 1, "loss": 0.5}{"step": 2, "loss": 0.25}', {"step": 3, "loss": 0.125})
    assert by_name(log)["loss"].steps.tolist() == [1, 2, 3]


def test_a_line_nested_too_deep_costs_that_line_only(read):
    (log,) = read({"step": 1, "loss": 0.5}, '{"a":' * 50_000, {"step": 2, "loss": 0.25})
    assert by_name(log)["loss"].steps.tolist() == [1, 2]
    assert "nested too deep" in log.lost[0].because


def test_a_thousand_damaged_lines_are_counted_without_naming_each(read):
    (log,) = read({"step": 1, "loss": 0.5}, *["no record"] * 1000, {"step": 2, "loss": 0.25})
    assert len(log.lost) <= 100
    assert sum(one.records for one in log.lost) == 1000


def test_a_log_without_numbers_is_refused(read):
    (error,) = read({"message": "hello"}, {"message": "world"})
    assert isinstance(error, LogError)
    assert "log.jsonl, line 1" in str(error)


def test_a_document_over_several_lines_is_left_to_its_reader(tmp_path):
    assert not jsonl_log.recognises(tmp_path / "log.json", b'{\n  "loss": [0.5],\n  "val_loss": [0.75]\n}\n')


def test_no_mutant_raises_and_every_error_names_its_file(tmp_path, mutants):
    path = tmp_path / "log.jsonl"
    raw = gzip.decompress((FILES / "plain/overfit/log.jsonl.gz").read_bytes())[-8000:]
    for mutant in mutants(raw, 300, seed=5):
        path.write_bytes(mutant)
        jsonl_log.recognises(path, mutant[:HEAD])
        for one in jsonl_log.read([path], tmp_path):
            assert isinstance(one, Log) or str(path) in str(one)
