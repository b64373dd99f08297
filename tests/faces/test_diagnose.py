"""The command `diagnose` and its face in Python, on files, as people use them."""

import inspect
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import etude
from etude.faces.commands import diagnose as command
from etude.faces.diagnose_command import FLAGS, VALUED, Asked, asked


def written(path: Path, train, validation) -> Path:
    rows = (f"{i},{a},{b}\n" for i, (a, b) in enumerate(zip(train, validation, strict=True), 1))
    path.write_text("epoch,train_loss,val_loss\n" + "".join(rows))
    return path


def run_etude(*arguments: object, folder: Path, **more) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "etude", "diagnose", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, **more)


@pytest.fixture
def folder(tmp_path) -> Path:
    epochs = np.arange(60)
    broken = np.where(epochs < 20, 0.7 - 0.01 * epochs, np.nan)
    written(tmp_path / "broken.csv", broken, broken)
    written(tmp_path / "overfit.csv", 0.7 * np.exp(-epochs / 6), 0.35 + 0.01 * np.abs(epochs - 8))
    return tmp_path


def test_a_run_that_broke_down_is_told_and_fails_where_that_is_asked_for(folder):
    plain, strict = (run_etude("broken.csv", *more, folder=folder) for more in ([], ["--fail-on", "error"]))
    assert plain.stdout.startswith("✗ diverged")
    assert (plain.returncode, strict.returncode) == (0, 1)
    assert (plain.stderr, strict.stderr) == ("", "")


def test_json_is_one_object_worst_first(folder):
    done = run_etude(".", "--json", folder=folder)
    found = json.loads(done.stdout)
    assert [one["source"] for one in found["diagnoses"]] == ["broken", "overfit"]
    assert found["diagnoses"][0]["verdict"] == "diverged"
    assert done.stderr == ""


def test_files_are_written_where_they_are_asked_for(folder):
    done = run_etude(".", "--quiet", "--report", "out/page.html", "--sarif", "out/found.sarif", folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "Diverged" in (folder / "out" / "page.html").read_text(encoding="utf-8")
    assert json.loads((folder / "out" / "found.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--report", "overfit.csv"], "--report overfit.csv would replace a log"),
        (["--sarif", "./sub/../overfit.csv"], "would replace a log"),
        (["--report", "z.csv"], "would replace a log"),
        (["--report", "p.html", "--sarif", "./p.html"], "--report and --sarif both name p.html"),
        (["--report", "-"], "--report - names no file"),
        (["--sarif=-"], "--sarif - names no file"),
    ],
)
def test_no_file_is_written_over_a_log_or_over_another_file_that_was_asked_for(folder, options, says):
    (folder / "sub").mkdir()
    (folder / "z.csv").write_text("round,this,that\n1,0.5,0.4\n2,0.9,0.6\n")  # a log that cannot be judged
    before = {file: file.is_file() and file.read_bytes() for file in folder.iterdir()}
    done = run_etude(".", *options, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert {file: file.is_file() and file.read_bytes() for file in folder.iterdir()} == before


def test_python_does_not_write_the_page_over_the_log_either(folder):
    before = (folder / "overfit.csv").read_bytes()
    with pytest.raises(etude.EtudeError, match=r"overfit\.csv is a log that was judged"):
        etude.diagnose(folder / "overfit.csv").report(folder / "overfit.csv")
    assert (folder / "overfit.csv").read_bytes() == before


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_a_closed_output_is_said_and_files_are_written_all_the_same(folder, closed):
    line = f"{shlex.quote(sys.executable)} -m etude diagnose overfit.csv --report page.html {closed}"
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    said = "etude: standard output cannot be written: Bad file descriptor. Everything else was done.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "" if "2>" in closed else said)
    assert "Overfit" in (folder / "page.html").read_text(encoding="utf-8")


def test_quiet_needs_no_output(folder):
    line = f"{shlex.quote(sys.executable)} -m etude diagnose broken.csv -q --fail-on error >&-"
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    "options", [[], ["--higher-is-better", "--lower-is-better"]], ids=["the quick way", "the command line proper"]
)
def test_ctrl_c_ends_it_at_once_in_its_own_words(folder, options):
    for i in range(5000):  # a minute's work; hard links of one file would be read once
        shutil.copy(folder / "overfit.csv", folder / f"{i}.csv")
    command = [sys.executable, "-m", "etude", "diagnose", ".", *options]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(3)
    asked_at = time.monotonic()
    running.send_signal(signal.SIGINT)
    told, said = running.communicate(timeout=30)
    assert time.monotonic() - asked_at < 2
    assert (running.returncode, told) == (130, "")
    assert said.startswith("etude: stopped. The logs are as they were")


def test_a_log_that_cannot_be_judged_among_others_is_listed_and_alone_is_an_error(folder):
    (folder / "z.csv").write_text("round,this,that\n1,0.5,0.4\n2,0.9,0.6\n")
    among, quiet, alone = (
        run_etude(".", folder=folder),
        run_etude(".", "-q", folder=folder),
        run_etude("z.csv", folder=folder),
    )
    assert "1 log could not be read or judged" in among.stdout
    assert (among.returncode, quiet.stdout, alone.returncode) == (0, "", 3)
    assert "no series has a name that tells a loss" in quiet.stderr
    assert "no series has a name that tells a loss" in alone.stderr


def test_a_path_that_is_not_there_and_a_folder_without_logs_are_unreadable(folder):
    (folder / "empty").mkdir()
    assert run_etude("nothing.csv", folder=folder).returncode == 3
    assert "no log among 0 files" in run_etude("empty", folder=folder).stderr


def test_wrong_usage_is_two_and_says_what_is_known(folder):
    done = run_etude("broken.csv", "--fail-on", "fatal", folder=folder)
    assert done.returncode == 2
    assert "warning" in done.stderr


def test_colours_only_where_they_are_wanted(folder):
    forced = {**os.environ, "FORCE_COLOR": "1"}
    assert "\x1b[31;1m✗ diverged" in run_etude("broken.csv", folder=folder, env=forced).stdout
    assert "\x1b[" not in run_etude("broken.csv", folder=folder, env={**forced, "NO_COLOR": "1"}).stdout


def test_replicates_are_judged_together(tmp_path):
    luck = np.random.default_rng(0)
    for seed in range(5):
        falling = 0.3 + np.exp(-np.arange(60) / 8)
        written(tmp_path / f"a_seed{seed}.csv", *(falling + luck.normal(0, 0.01, (2, 60))))
    found = json.loads(run_etude(".", "--json", "--replicates", "_seed[0-9]", folder=tmp_path).stdout)
    assert [(one["source"], one["runs"]) for one in found["diagnoses"]] == [("a", 5)]


def test_it_needs_neither_torch_nor_what_loads_slowly(folder):
    heavy = "{'torch', 'scipy', 'pydantic', 'rich', 'typer', 'jinja2'}"
    probe = (
        "import sys; from etude.faces import cli; sys.argv = ['etude', 'diagnose', 'overfit.csv']\n"
        f"try: cli.main()\nexcept SystemExit: print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=folder, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_quick_way_knows_every_option_of_the_command_and_no_other():
    parameters = inspect.signature(command).parameters
    names = {name for name, one in parameters.items() if one.kind is one.KEYWORD_ONLY}
    quick = {name.replace("-", "_") for name in (*VALUED, *FLAGS)}
    assert quick - {"lower_is_better", "json"} == names - {"as_json"}
    assert set(Asked.__dataclass_fields__) == {"paths", *names}


def test_the_quick_way_reads_what_the_command_reads():
    given = ["a", "--train", "t", "--validation=v", "--lower-is-better", "b", "--fail-on", "note", "-q", "--json"]
    wanted = Asked(
        ("a", "b"), train="t", validation="v", higher_is_better=False, fail_on="note", as_json=True, quiet=True
    )
    assert asked(given) == wanted


@pytest.mark.parametrize("given", [[], ["--help"], ["a", "--fail-on", "fatal"], ["a", "--nonsense"], ["a", "--train"]])
def test_the_quick_way_leaves_everything_unusual_to_the_command(given):
    assert asked(given) is None


def test_python_says_the_same_as_the_command(folder):
    found = etude.diagnose(folder)
    shown = json.loads(run_etude(".", "--json", folder=folder).stdout)["diagnoses"]
    assert [(one.source, one.verdict, one.probability) for one in found] == [
        (one["source"], one["verdict"], one["probability"]) for one in shown
    ]


def test_one_run_has_its_verdict_at_hand_and_several_have_not(folder):
    (run,) = etude.read_runs(folder / "broken.csv")
    found = etude.diagnose(run)
    assert (found.verdict, found.source, len(found)) == ("diverged", "broken", 1)
    assert repr(found).startswith("✗ diverged")
    assert "Diverged" in found._repr_html_()
    with pytest.raises(etude.EtudeError, match=r"there are 2 diagnoses\. Take one of them"):
        etude.diagnose(folder).verdict  # noqa: B018 - asking for it is the test


def test_arms_are_judged_by_name(folder):
    runs = etude.read_runs(folder / "broken.csv")
    assert [one.source for one in etude.diagnose({"an arm": runs * 5})] == ["an arm"]


def test_what_is_no_run_is_refused():
    with pytest.raises(etude.EtudeError, match="a int is no run"):
        etude.diagnose(3)
    with pytest.raises(etude.EtudeError, match="there is no run to diagnose"):
        etude.diagnose([])


def test_the_page_is_written_from_python(folder):
    assert "Diverged" in etude.diagnose(folder).report(folder / "page.html").read_text(encoding="utf-8")


def test_runs_are_not_changed(folder):
    (run,) = etude.read_runs(folder / "overfit.csv")
    before = {name: curve.values.copy() for name, curve in run.curves.items()}
    etude.diagnose(run)
    assert all(np.array_equal(before[name], curve.values) for name, curve in run.curves.items())
