"""Aim's repository: with the package where it is installed, and in any case what is made of what it gives."""

import builtins
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from etude.records.logged import HEAD
from etude.records.readers.aim import READER, aligned, log_of
from etude.values.errors import LogError

META = {
    "attrs": {"hparams": {"lr": 0.1, "opt": {"name": "adam"}}, "note": "x", "__system_params": {"cpu": 4}},
    "contexts": {1: {"subset": "train"}, 2: {"subset": "val"}, 3: {}},
    "traces": {
        1: {"loss": {"dtype": "float", "version": 2}},
        2: {"loss": {"dtype": "float", "version": 2}},
        3: {"acc": {}, "words": {"dtype": "text", "version": 2}},
    },
}
"""As Aim 3.29 describes a run; version 1 had no dtype and no version."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What of a repository can be made without Aim; returns its SQLite file."""
    (tmp_path / ".aim" / "meta" / "chunks" / "a1b2").mkdir(parents=True)
    path = tmp_path / ".aim" / "run_metadata.sqlite"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE run (id, hash, name)")
        file.commit()
    return path


def test_a_repository_is_known_by_its_layout(repository, tmp_path):
    head = repository.read_bytes()[:HEAD]
    assert READER.recognises(repository, head)
    assert not READER.recognises(repository, b"text")
    assert not READER.recognises(tmp_path / "run_metadata.sqlite", head)


def test_without_aim_an_error_says_how_to_go_on(repository, monkeypatch):
    monkeypatch.setitem(sys.modules, "aim", None)
    (error,) = READER.read([repository], repository.parent)
    assert isinstance(error, LogError)
    assert str(repository.parent) in str(error)
    assert "pip install 'etude[aim]'" in str(error)
    assert "to_csv" in str(error)


def test_something_else_called_aim_is_not_taken_for_it(repository, monkeypatch):
    monkeypatch.setitem(sys.modules, "aim", builtins)
    (error,) = READER.read([repository], repository.parent)
    assert "pip install 'etude[aim]'" in str(error)


def test_values_kept_by_the_hash_of_a_step_come_in_the_order_of_the_steps():
    marks, shuffled = np.array([70, 50, 60]), np.array([50, 60, 70])
    columns = aligned(
        {
            "val": (marks, np.array([0.3, 0.5, 0.4])),
            "step": (marks, np.array([20, 0, 10])),
            "epoch": (shuffled[:2], np.array([0, 1])),
        }
    )
    assert columns["val"].tolist() == [0.5, 0.4, 0.3]
    assert columns["step"].tolist() == [0, 10, 20]
    assert columns["epoch"][:2].tolist() == [0, 1]
    assert np.isnan(columns["epoch"][2])


def test_of_old_versions_the_index_is_the_step():
    columns = aligned({"val": (np.array([0, 5]), np.array([0.5, 0.4]))})
    assert columns["step"].tolist() == [0, 5]


def test_the_context_comes_before_the_name_and_what_is_no_number_is_no_series():
    asked = []

    def columns(version, context, metric):
        asked.append((version, context, metric))
        steps = np.arange(3.0)
        return {"val": steps / 4 + context, "step": steps * 10, "epoch": steps, "time": steps + 1.5e9}

    log = log_of("base", META, columns, "here/.aim")
    assert [one.name for one in log.series] == ["train/loss", "val/loss", "acc"]
    assert asked == [(2, 1, "loss"), (2, 2, "loss"), (1, 3, "acc")]
    assert log.series[1].values.tolist() == [2, 2.25, 2.5]
    assert log.series[1].steps.tolist() == [0, 10, 20]
    assert log.series[1].epochs.tolist() == [0, 1, 2]
    assert log.facts == {"note": "x", "lr": 0.1, "opt/name": "adam"}
    assert (log.name, log.files) == ("base", ("here/.aim",))


def test_a_genuine_repository_is_read_through_aim(tmp_path):
    aim = pytest.importorskip("aim")
    for name, rate in (("slow", 0.1), ("fast", 1.0)):
        run = aim.Run(repo=str(tmp_path), system_tracking_interval=None, log_system_params=False)
        run.name = name
        run["hparams"] = {"lr": rate}
        for epoch in range(5):
            for subset, scale in (("train", 1), ("val", 2)):
                value = scale * rate / (epoch + 1)
                run.track(value, name="loss", epoch=epoch, step=10 * epoch, context={"subset": subset})
        run.close()
    logs = {log.name: log for log in READER.read([tmp_path / ".aim" / "run_metadata.sqlite"], tmp_path)}
    assert set(logs) == {"slow", "fast"}
    series = {one.name: one for one in logs["slow"].series}
    assert series["val/loss"].values.tolist() == [2 * 0.1 / (epoch + 1) for epoch in range(5)]
    assert series["train/loss"].steps.tolist() == [0, 10, 20, 30, 40]
    assert logs["fast"].facts == {"lr": 1.0}
