"""The command line, run as people run it: in a process of its own, on files, with signals.

What is refused at once is tried in this process, which has loaded PyTorch already.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from etude.faces.cli import main

STUDY = """
replicates = 6
vary = { loss = ["bce", "mse"] }
[base]
loss = "bce"
epochs = 20
data = { task = "sincos", rows = 200, flip = 0.05, test_rows = 500 }
model = { name = "mlp", hidden = [4] }
[[claims]]
text = "MSE is 71 % better"
treated = { loss = "mse" }
metric = "objective"
"""

DATA = '{ task = "sincos", rows = 200, flip = 0.05, test_rows = 500 }'
SLOW = STUDY.replace("epochs = 20", "epochs = 300_000")


def etude(*arguments: object, folder: Path, **more) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "etude", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False, **more)


def start(*arguments: object, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "etude", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_runs(store: Path, count: int) -> None:
    """Until the store of a running study holds that many runs; a reader never disturbs the owner."""
    from etude.records.store import read_store

    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if store.exists():
            try:
                with read_store(store) as reader:
                    if len(reader.keys()) >= count:
                        return
            except Exception:  # noqa: BLE001 - the file is just being created
                time.sleep(0.05)
        time.sleep(0.05)
    pytest.fail(f"no {count} runs in {store} after two minutes")


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "slow.toml").write_text(SLOW)
    return tmp_path


@pytest.fixture
def within(folder, monkeypatch, capsys):
    """The command line in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["etude", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return subprocess.CompletedProcess(arguments, left.value.code, *capsys.readouterr())

    return ended


def test_json_is_one_object_and_talk_goes_to_standard_error(folder):
    done = etude("run", "study.toml", "--json", folder=folder)
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["schema"] == 1
    assert found["study"] == "study"
    assert [claim["verdict"] for claim in found["claims"]] == ["not comparable"]
    assert found["claims"][0]["effect"]["metric"] == "log_loss"
    effect = found["effects"][0]
    assert (effect["factor"], effect["control"], effect["treated"]) == ("loss", "bce", "mse")
    assert (effect["metric"], effect["unit"], effect["pairs"]) == ("log_loss", "nats", 6)
    assert effect["low"] <= effect["mean"] <= effect["high"]
    assert effect["mean"] == pytest.approx(sum(effect["differences"]) / 6)
    assert (folder / found["report"]).exists()
    assert "report" in done.stderr


def test_a_second_run_trains_nothing_and_says_the_same(folder):
    first = etude("run", "study.toml", "--json", folder=folder)
    second = etude("run", "study.toml", "--json", folder=folder)
    assert json.loads(first.stdout)["effects"] == json.loads(second.stdout)["effects"]
    assert "(12 kept)" in second.stderr


def test_workers_change_nothing_but_speed(folder):
    one = etude("run", "study.toml", "--json", "--workers", 1, "--out", "one", folder=folder)
    two = etude("run", "study.toml", "--json", "--workers", 2, "--out", "two", folder=folder)
    assert json.loads(one.stdout)["effects"] == json.loads(two.stdout)["effects"]


def test_quiet_says_nothing_at_all(folder):
    done = etude("run", "study.toml", "--quiet", folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_colour_where_none_is_wanted(folder):
    done = etude("run", "study.toml", folder=folder, env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": ""})
    assert "\x1b[3" not in done.stdout
    assert "not comparable" in done.stdout


def test_seed_and_replicates_replace_those_of_the_file(folder):
    base = json.loads(etude("run", "study.toml", "--json", folder=folder).stdout)
    other = json.loads(etude("run", "study.toml", "--json", "--seed", 7, "--replicates", 5, folder=folder).stdout)
    assert other["effects"][0]["pairs"] == 5
    assert other["arms"][0]["recipe"]["seed"] == 7
    assert other["effects"][0]["mean"] != base["effects"][0]["mean"]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_study_says_how_to_go_on_and_goes_on_to_the_same_result(folder, stop):
    running = start("run", "slow.toml", "--out", "stopped", folder=folder)
    wait_for_runs(folder / "stopped" / "etude.db", 2)
    os.kill(running.pid, stop)
    asked = time.monotonic()
    _, said = running.communicate(timeout=30)
    assert time.monotonic() - asked < 10
    assert running.returncode == 4
    assert "The same command goes on from there" in said
    assert "Traceback" not in said
    finished = etude("run", "slow.toml", "--json", "--out", "stopped", folder=folder)
    whole = etude("run", "slow.toml", "--json", "--out", "whole", folder=folder)
    assert json.loads(finished.stdout)["effects"] == json.loads(whole.stdout)["effects"]
    assert "kept)" in finished.stderr


@pytest.mark.slow
def test_a_killed_study_goes_on_with_nothing_lost_or_doubled(folder):
    running = start("run", "slow.toml", "--out", "killed", folder=folder)
    store = folder / "killed" / "etude.db"
    wait_for_runs(store, 3)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    finished = etude("run", "slow.toml", "--json", "--out", "killed", folder=folder)
    kept = int(finished.stderr.partition(" kept)")[0].rpartition("(")[2])
    assert 3 <= kept <= 12
    assert [arm["runs"] for arm in json.loads(finished.stdout)["arms"]] == [6, 6]


@pytest.mark.slow
def test_a_second_study_on_a_store_in_use_is_refused_clearly(folder):
    (folder / "endless.toml").write_text(STUDY.replace("epochs = 20", "epochs = 10_000_000"))
    running = start("run", "endless.toml", folder=folder)
    try:
        wait_for_runs(folder / "etude-results" / "etude.db", 0)
        second = etude("run", "endless.toml", folder=folder)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    assert second.returncode == 2
    assert str(running.pid) in second.stderr
    assert "Traceback" not in second.stderr


BAD = {
    "misspelt field": (STUDY.replace("epochs", "epoch"), 2, "no field 'epoch'. Did you mean 'epochs'?"),
    "missing field": (STUDY.replace('loss = "bce"\n', ""), 2, "needs the field 'loss'"),
    "one replicate": (STUDY.replace("replicates = 6", "replicates = 1"), 2, "at least 2"),
    "no replicate": (STUDY.replace("replicates = 6", "replicates = 0"), 2, "at least 2"),
    "unknown task": (STUDY.replace('"sincos"', '"sinscos"'), 2, "sincos"),
    "unknown metric": (STUDY.replace('"objective"', '"brir"'), 2, "Did you mean 'brier'?"),
    "not TOML": ("replicates = = 6", 2, "not TOML"),
    "batch larger than the data": (STUDY.replace("epochs = 20", "epochs = 20\nbatch_size = 500"), 2, "batch"),
    "misspelt loss": (STUDY.replace('"mse"] }', '"mes"] }'), 2, "'mse', 'cross_entropy'"),
    "text for a table": (STUDY.replace('{ name = "mlp", hidden = [4] }', '"mpl"'), 2, "mpl"),
    "endless nesting": ("a = " + "[" * 100_000, 2, "not TOML"),
    "loss that does not fit": (STUDY.replace('"mse"] }', '"l1"] }'), 2, "l1"),
    "too few rows": (STUDY.replace("rows = 200", "rows = 2"), 2, "rows"),
    "missing table": (STUDY.replace(DATA, '{ table = "no.csv", target = "y" }'), 3, "no.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_paragraph_that_names_the_way_out(folder, within, case):
    text, code, part = BAD[case]
    (folder / "bad.toml").write_text(text)
    done = within("run", "bad.toml")
    assert part in " ".join(done.stderr.split())
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unknown_study_engine_or_device_is_refused(within):
    for arguments, part in (
        (("run", "jurney"), "Did you mean 'journey'?"),
        (("run", "nothing.toml"), "no such file"),
        (("run", "study.toml", "--engine", "lop"), "Did you mean 'loop'?"),
        (("run", "study.toml", "--device", "abacus"), "abacus"),
        (("run", "study.toml", "--replicates", "many"), "neither a whole number"),
    ):
        done = within(*arguments)
        assert part in " ".join(done.stderr.split()), done.stderr
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_help_and_version_do_not_import_torch(folder):
    probe = "import sys; import etude, etude.faces.cli; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", probe], check=True)
    assert etude("--version", folder=folder).stdout.startswith("etude 0.")
    assert "Run a study" in etude("--help", folder=folder).stdout
