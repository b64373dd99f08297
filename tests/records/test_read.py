"""Any log to runs: genuine folders of many tools at once, bad files among good ones, and patterns."""

import shutil
from pathlib import Path

import pytest

from etude.records.read import read
from etude.records.roles import Choices
from etude.values.errors import LogError

FILES = Path(__file__).parent / "readers" / "files"
CSV = "epoch,train_loss,val_loss\n1,0.7,0.8\n2,0.5,0.7\n"


def test_a_folder_with_logs_of_many_tools_is_read_at_once():
    reading = read([FILES])
    assert reading.failed == ()
    tools = {str(run.provenance["format"]) for run in reading.runs}
    assert {"TensorBoard", "Keras CSV", "fastai CSV", "MLflow files", "Parquet"} <= tools
    assert all({"train/objective", "validation/objective"} & set(run.curves) for run in reading.runs)


def test_one_bad_file_never_stops_the_others(tmp_path):
    (tmp_path / "good.csv").write_text(CSV)
    (tmp_path / "words.csv").write_text("a,b\nx,one\ny,two\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    reading = read([tmp_path])
    assert [run.name for run in reading.runs] == ["good"]
    assert len(reading.failed) + reading.passed == 2


def test_a_pattern_names_many_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(CSV)
    assert len(read([tmp_path / "*.csv"]).runs) == 2


def test_a_file_that_is_named_twice_is_read_once(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    assert len(read([tmp_path / "a.csv", tmp_path / "a.csv"]).runs) == 1


def test_a_file_that_is_reached_in_several_ways_is_one_run_named_by_the_first(tmp_path, monkeypatch):
    (tmp_path / "mine" / "seeds").mkdir(parents=True)
    for name in ("mine/a.csv", "mine/seeds/b.csv"):
        (tmp_path / name).write_text(CSV)
    (tmp_path / "mine" / "linked.csv").symlink_to(tmp_path / "mine" / "a.csv")
    monkeypatch.chdir(tmp_path)
    assert len(read(["mine", "mine/seeds", tmp_path / "mine" / "a.csv", "mine/../mine"]).runs) == 2
    assert [run.name for run in read(["mine/seeds/b.csv", "mine"]).runs] == ["b", "a"]


def test_a_file_with_two_names_is_one_run_that_says_so(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").hardlink_to(tmp_path / "a.csv")
    (tmp_path / "c.csv").write_text(CSV)  # alike, but a file of its own
    reading = read([tmp_path])
    assert [run.name for run in reading.runs] == ["a", "c"]
    said = f"{tmp_path / 'a.csv'} is the same file as {tmp_path / 'b.csv'} (hard links): it was read once"
    assert [run.notes.count(said) for run in reading.runs] == [1, 0]
    assert str(tmp_path.resolve() / "b.csv") in reading.logs  # no report may take its place


def test_a_second_name_by_which_a_file_is_no_log_hides_no_log(tmp_path):
    (tmp_path / "a.txt").write_text('{"loss": 1}\n')  # one record counts as a log in a file that is named so
    (tmp_path / "b.jsonl").hardlink_to(tmp_path / "a.txt")
    reading = read([tmp_path])
    assert (reading.passed, len(reading.runs) + len(reading.failed)) == (1, 1)


def test_a_parameter_that_two_mlflow_runs_share_by_a_link_is_of_both(tmp_path):
    for name in ("a", "b"):
        for kind in ("metrics", "params", "tags"):
            (tmp_path / "0" / name / kind).mkdir(parents=True)
        (tmp_path / "0" / name / "meta.yaml").write_text(f"run_id: {name}\nrun_name: {name}\nstatus: 3\n")
        (tmp_path / "0" / name / "metrics" / "loss").write_text("1 0.5 0\n2 0.4 1\n3 0.3 2\n")
    (tmp_path / "0" / "a" / "params" / "lr").write_text("0.1")
    (tmp_path / "0" / "b" / "params" / "lr").hardlink_to(tmp_path / "0" / "a" / "params" / "lr")
    assert [run.provenance["lr"] for run in read([tmp_path]).runs] == [0.1, 0.1]


def test_links_in_a_circle_are_no_logs(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").symlink_to(tmp_path / "c.csv")
    (tmp_path / "c.csv").symlink_to(tmp_path / "b.csv")
    reading = read([tmp_path])
    assert (len(reading.runs), reading.passed) == (1, 2)


def test_which_files_are_logs_is_known_of_those_that_failed_too(tmp_path):
    (tmp_path / "good.csv").write_text(CSV)
    (tmp_path / "words.csv").write_text("round,this,that\n1,0.5,0.4\n2,0.9,0.6\n")
    (tmp_path / "picture.png").write_bytes(bytes(range(256)))
    logs = read([tmp_path]).logs
    assert logs == {str(tmp_path.resolve() / name) for name in ("good.csv", "words.csv")}


def test_what_is_not_there_or_no_log_is_refused_with_what_is_known(tmp_path):
    with pytest.raises(LogError, match=r"nothing is not there"):
        read([tmp_path / "nothing"])
    (tmp_path / "note.bin").write_bytes(bytes(100))
    with pytest.raises(LogError, match=r"note\.bin is no log that étude knows\. It reads: TensorBoard"):
        read([tmp_path / "note.bin"])


def test_links_to_folders_are_not_followed_so_that_a_circle_ends(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "circle").symlink_to(tmp_path)
    assert len(read([tmp_path]).runs) == 1


def test_what_the_user_says_holds_for_every_run(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (run,) = read([tmp_path], Choices(train="val_loss")).runs
    assert run.provenance["train is"] == "val_loss"


def test_a_log_that_was_cut_says_what_was_lost(tmp_path):
    events = next((FILES / "tensorboard").rglob("events.out.tfevents*"))
    cut = tmp_path / events.name
    shutil.copy(events, cut)
    cut.write_bytes(cut.read_bytes()[:-7])
    (run,) = read([tmp_path]).runs
    assert [(lost.records, lost.file) for lost in run.lost] == [(1, str(cut))]


def test_a_loss_that_happens_to_count_is_no_step(tmp_path):
    (tmp_path / "a.json").write_text('{"train": [1, 2, 3], "val": [3, 4, 5]}')
    (run,) = read([tmp_path]).runs
    assert run.curve("train/objective").values.tolist() == [1, 2, 3]
