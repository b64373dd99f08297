"""MLflow's file store as MLflow writes it, with its traps, and damaged."""

import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from etude.records.logged import HEAD, Log
from etude.records.readers.mlflow_files import READER
from etude.values.errors import LogError

FILES = Path(__file__).with_name("files") / "mlflow_file"
META = "run_id: {}\nrun_name: {}\nlifecycle_stage: {}\nstatus: 4\n"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Path]:
    """A run's folder with these files; contents are given by "metrics/<key>", "params/<key>" and the like."""

    def make(files: Mapping[str, str | bytes], name: str = "base", stage: str = "active", identity: str = "a1") -> Path:
        folder = tmp_path / "mlruns" / "7" / identity
        for path, content in {"meta.yaml": META.format(identity, name, stage), **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return make


def read(root: Path) -> list[Log | LogError]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return list(READER.read([path for path in files if READER.recognises(path, path.read_bytes()[:HEAD])], root))


@pytest.mark.parametrize("name", ["healthy", "overfit"])
def test_a_genuine_store_has_every_value_at_its_step(name):
    truth = json.loads((FILES / f"{name}.truth.json").read_text())
    (log,) = read(FILES / name)
    series = {one.name: one for one in log.series}
    assert set(series) == {"train_loss", "val_loss", "train_loss_step", "val_accuracy"}
    for metric in ("train_loss", "val_loss"):
        assert series[metric].values.tolist() == truth[metric]
        assert series[metric].steps.tolist() == list(range(truth["n_epochs"]))
    assert series["train_loss_step"].steps.tolist()[:3] == [0, 5, 10]
    assert 1.79e9 < series["val_loss"].clock[0] < 1.80e9
    assert log.name == f"dev-{name}"
    assert (log.lost, log.notes) == ((), ())
    hparams = truth["hparams"]
    assert log.facts == {**hparams, "hidden": str(hparams["hidden"]), "status": "FINISHED", "experiment": "fixture"}


def test_a_slash_in_a_key_is_a_folder_and_one_may_be_called_like_the_folders_of_a_run(run):
    run({"metrics/train/loss": "1 0.5 0\n", "metrics/metrics/tags/a b": "1 0.25 0\n"})
    (log,) = read(run({}))
    assert {one.name: one.values.tolist() for one in log.series} == {"train/loss": [0.5], "metrics/tags/a b": [0.25]}


def test_files_of_before_there_were_steps_have_none(run):
    (log,) = read(run({"metrics/loss": "1500000000000 0.5\n1500000001000 0.25\n"}))
    assert log.series[0].values.tolist() == [0.5, 0.25]
    assert log.series[0].steps is None
    assert log.series[0].clock.tolist() == [1.5e9, 1.5e9 + 1]


def test_steps_stay_in_the_order_of_writing_also_where_they_come_twice(run):
    (log,) = read(run({"metrics/loss": "1 0.5 0\n2 0.25 1\n3 nan 1\n4 inf 2 data 0af3\n5 -inf -3\n"}))
    assert log.series[0].steps.tolist() == [0, 1, 1, 2, -3]
    values = log.series[0].values.tolist()
    assert values[:2] + values[3:] == [0.5, 0.25, math.inf, -math.inf]
    assert math.isnan(values[2])
    assert log.lost == ()


def test_damaged_lines_are_lost_alone_and_each_stretch_is_named(run):
    text = "1 0.5 0\nx\n1 1_0 1\n\n1 0.25 3\n1 0.5 1e3\n1 1,5 4\n1 0.125 5\n"
    (log,) = read(run({"metrics/loss": text}))
    assert log.series[0].values.tolist() == [0.5, 0.25, 0.125]
    assert [(lost.where, lost.records) for lost in log.lost] == [("lines 2 to 4", 3), ("lines 6 to 7", 2)]
    assert log.lost[0].file.endswith("loss")


def test_a_last_line_without_its_end_is_lost_as_its_value_may_be_cut(run):
    (log,) = read(run({"metrics/loss": "1 0.5 0\n1 0.25 1"}))
    assert log.series[0].values.tolist() == [0.5]
    assert [(lost.where, lost.records) for lost in log.lost] == [("line 2", 1)]


def test_a_run_of_which_no_line_can_be_read_is_an_error_and_does_not_stop_the_next(run):
    run({"metrics/loss": "nothing\n"}, identity="a1")
    error, log = read(run({"metrics/loss": "1 0.5 0\n"}, identity="b2").parent)
    assert isinstance(error, LogError)
    assert str(error).startswith(str(run({}, identity="a1") / "metrics" / "loss"))
    assert "line 1" in str(error)
    assert log.name == "base (b2)"


def test_parameters_and_the_users_own_tags_are_facts_and_a_tag_names_the_run(run):
    files = {"params/lr": "3e-4", "params/net/kind": "mlp", "tags/team": "blue", "tags/mlflow.user": "me"}
    (log,) = read(run({**files, "metrics/loss": "1 0.5 0\n", "tags/mlflow.runName": "it's long: a name\n"}))
    assert log.name == "it's long: a name"
    assert log.facts == {"lr": 0.0003, "net/kind": "mlp", "team": "blue", "status": "FAILED"}


@pytest.mark.parametrize(("written", "name"), [("'it''s'", "it's"), ('"a\\tb"', "a\tb"), ("''", "a1"), ('"\\', "\\")])
def test_names_are_read_as_yaml_writes_them(run, written, name):
    (log,) = read(run({"metrics/loss": "1 0.5 0\n"}, name=written))
    assert log.name == name


def test_deleted_and_empty_runs_are_left_out_and_counted(run):
    run({"metrics/loss": "1 0.5 0\n"}, stage="deleted", identity="b2")
    run({"params/lr": "1"}, identity="c3")
    (log,) = read(run({"metrics/loss": "1 0.5 0\n"}).parent)
    assert log.name == "base"
    assert "1 that were deleted and 1 without metrics" in log.notes[0]


def test_a_store_of_deleted_runs_only_is_an_error_with_the_way_back(run):
    folder = run({"metrics/loss": "1 0.5 0\n"}, stage="deleted")
    (error,) = read(folder)
    assert isinstance(error, LogError)
    assert str(folder) in str(error)
    assert "restore_run" in str(error)


def test_metrics_without_their_meta_yaml_are_known_by_their_lines_and_other_files_are_not(run):
    folder = run(
        {"metrics/loss": "1500000000000 0.5 0\n", "metrics/table.csv": "epoch,loss\n1,0.5\n", "params/lr": "1"}
    )
    (folder / "meta.yaml").unlink()
    (log,) = read(folder)
    assert (log.name, [one.name for one in log.series]) == ("a1", ["loss"])


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_pipes_and_files_that_may_not_be_read_are_lost_and_not_waited_for(run):
    folder = run({"metrics/loss": "1 0.5 0\n"})
    os.mkfifo(folder / "params")
    os.mkfifo(folder / "metrics" / "pipe")
    (log,) = READER.read([folder / "metrics" / "loss", folder / "metrics" / "pipe"], folder)
    assert log.series[0].values.tolist() == [0.5]
    assert "not a regular file" in log.lost[0].because


def test_no_damage_ends_in_a_traceback_or_takes_long(tmp_path, mutants):
    shutil.copytree(FILES / "healthy", tmp_path / "store")
    files = sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    for damaged in (path for path in files if path.parent.name == "metrics" or path.name == "meta.yaml"):
        whole = damaged.read_bytes()
        for mutant in mutants(whole, 50, seed=1):
            damaged.write_bytes(mutant)
            started = time.process_time()
            found = list(READER.read([p for p in files if READER.recognises(p, p.read_bytes()[:HEAD])], tmp_path))
            assert found
            assert all(str(tmp_path) in str(one) for one in found if isinstance(one, LogError))
            assert time.process_time() - started < 2
        damaged.write_bytes(whole)
