"""The command `compare` and its face in Python, on files, as people use them."""

import inspect
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import etude
from etude.faces.commands import app
from etude.faces.commands import compare as command
from etude.faces.compare import compare
from etude.faces.compare_command import FLAGS, MANY, VALUED, Asked, asked, spread
from etude.faces.comparing import group_name
from etude.values.errors import ComparisonError, LogError, ReportError
from etude.values.run import Run

EPOCHS = np.arange(1, 31)
HOSTILE = "<script>alert(1)</script>"


def curves(seed: int, better: float) -> tuple[np.ndarray, np.ndarray]:
    """Validation loss in nats and accuracy; luck of a seed that both groups share, and a little of their own."""
    luck, own = np.random.default_rng(seed).normal(0, 0.012), np.random.default_rng((seed, 1)).normal(0, 0.002)
    accuracy = 0.9 + luck + better * (1 + own) + own * bool(better) - 0.3 * np.exp(-EPOCHS / 6)
    return 0.5 * np.exp(-EPOCHS / 8) + 0.25 - luck - better + own, accuracy


def written_csv(path: Path, seed: int, better: float, **parameters: object) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    rows = zip(EPOCHS, *curves(seed, better), strict=True)
    names = "".join(f",{name}" for name in parameters)
    values = "".join(f",{value}" for value in parameters.values())
    path.write_text(f"epoch,val_loss,val_acc{names}\n" + "".join(f"{e},{a},{b}{values}\n" for e, a, b in rows))


def written_jsonl(path: Path, seed: int, better: float) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    rows = zip(EPOCHS.tolist(), *(values.tolist() for values in curves(seed, better)), strict=True)
    path.write_text(
        "".join(json.dumps({"epoch": e, "eval_loss": a, "eval_accuracy": 100 * b}) + "\n" for e, a, b in rows)
    )


@pytest.fixture
def folder(tmp_path) -> Path:
    for seed in range(8):
        written_csv(tmp_path / "logs" / f"sgd_seed{seed}.csv", seed, 0.0, optimizer="sgd", lr=0.1)
        written_csv(tmp_path / "logs" / f"adam_seed{seed}.csv", seed, 0.02, optimizer="adam", lr=0.1)
        written_jsonl(tmp_path / "other" / f"torch_seed{seed}.jsonl", seed, 0.021)
    return tmp_path


def run_etude(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "etude", "compare", *map(str, arguments)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def files(folder: Path, pattern: str) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.glob(pattern))


def test_two_groups_are_told_apart_with_the_control_named(folder):
    done = run_etude(
        *files(folder, "logs/adam*"), "--vs", *files(folder, "logs/sgd*"), "--metric", "val_acc", folder=folder
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("adam against the control, sgd\nval_acc, share correct")
    assert "▲ better" in done.stdout
    assert "paired by seed" in done.stdout


def test_json_is_one_object_with_the_keys_of_the_design(folder):
    arguments = ("logs", "--by", "optimizer", "--control", "sgd", "--metric", "val_acc", "--json")
    done = run_etude(*arguments, folder=folder)
    found = json.loads(done.stdout)
    (effect,) = found["effects"]
    assert {name: effect[name] for name in ("factor", "control", "treated", "pairs", "verdict")} == {
        "factor": "optimizer",
        "control": "sgd",
        "treated": "adam",
        "pairs": 8,
        "verdict": "better",
    }
    assert {"metric", "unit", "mean", "low", "high", "level", "p"} <= effect.keys()
    assert found["schema"] == 1
    assert [group["name"] for group in found["groups"]] == ["sgd", "adam"]
    assert effect["paired_runs"][0] == ["sgd_seed0", "adam_seed0"]


def test_logs_of_two_frameworks_are_compared_in_one_unit(folder):
    found = compare(folder / "other", vs=[folder / name for name in files(folder, "logs/sgd*")], metric="val_acc")
    assert found.effect.unit == "share correct"
    assert found.effect.mean == pytest.approx(0.021, abs=0.004)
    assert found.verdict == "better"


def test_quiet_writes_the_page_and_says_nothing(folder):
    done = run_etude("logs", "--by", "optimizer", "--quiet", "--report", "out/page.html", folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "adam" in (folder / "out" / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("logs", 2, "neither --vs nor --by"),
        ("logs --by optimizer --vs other", 2, "both --vs and --by"),
        ("logs --by colour", 2, "log no 'colour'"),
        ("logs --by optimizer --control lion", 2, "no run has optimizer 'lion'"),
        ("logs --vs logs/sgd_seed1.csv", 2, "is in both groups"),
        ("logs --by optimizer --at never", 2, "--at never: it is last, best, or a step"),
        ("logs --by optimizer --pair twins", 2, "--pair twins: it is one of seed, order, none"),
        ("other --vs logs --control sgd", 2, "goes with --by"),
        ("nowhere.csv --vs logs", 3, "nowhere.csv is not there"),
        ("logs --by optimizer --level", 2, "requires an argument"),
        ("logs --by optimizer --report -", 2, "--report - names no file"),
        ("logs --by optimizer --report logs/sgd_seed1.csv", 2, "would replace a log"),
    ],
)
def test_what_cannot_be_done_is_one_paragraph_and_an_exit_code(folder, arguments, code, says):
    done = run_etude(*shlex.split(arguments), folder=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in " ".join(done.stderr.split())


def test_a_broken_log_is_told_and_the_others_are_compared(folder):
    (folder / "logs" / "broken.csv").write_text("epoch,val_loss\n")
    done = run_etude("logs", "--by", "optimizer", "--json", folder=folder)
    assert done.returncode == 0
    assert "broken.csv" in done.stderr
    assert len(json.loads(done.stdout)["failed"]) == 1


def test_comparing_logs_imports_no_torch(folder):
    probe = (
        "import sys; from etude.faces.compare_command import asked, compare_paths; "
        "compare_paths(asked(['logs', '--by', 'optimizer'])); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", probe], cwd=folder, check=True, capture_output=True, timeout=120)


def test_every_word_after_vs_up_to_the_next_option_is_of_the_control():
    assert spread(["a", "--vs", "b", "c", "--at", "best"]) == ["a", "--vs=b", "--vs=c", "--at", "best"]
    assert spread(["a", "--vs=b", "c", "--differs", "lr", "wd"]) == [
        "a",
        "--vs=b",
        "--vs=c",
        "--differs=lr",
        "--differs=wd",
    ]


def test_the_command_line_proper_reads_the_same(folder, monkeypatch):
    monkeypatch.chdir(folder)
    arguments = [*files(folder, "logs/adam*"), "--vs", *files(folder, "logs/sgd*"), "--json"]
    done = CliRunner().invoke(app, ["compare", *arguments])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads(run_etude(*arguments, folder=folder).stdout)


def test_the_quick_reading_of_options_knows_every_option():
    options = {name for name in inspect.signature(command).parameters if name != "paths"}
    known = {name.replace("-", "_") for name in (*MANY, *VALUED, *FLAGS)} - {"lower_is_better", "json"} | {"as_json"}
    assert known == options
    assert {*Asked.__dataclass_fields__} - {"paths"} == options


@pytest.mark.parametrize(
    "words", ["", "--help", "a --nonsense", "a --level x", "a --higher-is-better --lower-is-better"]
)
def test_unusual_arguments_are_left_to_the_command_line_proper(words):
    assert asked(shlex.split(words)) is None


def test_in_python_a_comparison_shows_itself(folder):
    found = compare(folder / "logs", by="optimizer", control="sgd", metric="val_acc", at="best")
    assert repr(found).startswith("adam against the control, sgd")
    assert found[0] is found.effect
    assert len(found) == 1
    assert json.loads(found.json())["at"] == "best"
    page = found.report(folder / "page.html").read_text(encoding="utf-8")
    assert "Treated minus control" in page
    with pytest.raises(ReportError, match="is a log that was compared"):
        found.report(folder / "logs" / "sgd_seed1.csv")


def test_in_python_runs_are_taken_as_well_as_paths(folder):
    runs = etude.read_runs(*(folder / name for name in files(folder, "logs/adam*")))
    found = compare(runs, vs=[folder / name for name in files(folder, "logs/sgd*")])
    assert found.effect.n_pairs == 8


def test_in_python_what_cannot_be_compared_is_an_error():
    with pytest.raises(ComparisonError, match="neither --vs nor --by"):
        compare("a.csv")
    with pytest.raises(ComparisonError, match="a group has no run"):
        compare([], vs=[Run("a", {})])
    with pytest.raises(LogError, match=r"a\.csv is not there"):
        compare("a.csv", vs="b.csv")


@pytest.mark.parametrize("how", ["seed", "none"])
def test_the_page_loads_nothing_runs_no_script_and_shows_names_as_they_are(folder, how):
    for seed in range(6):
        written_csv(folder / "bad" / f"x_seed{seed}.csv", seed, 0.0, optimizer=HOSTILE)
        written_csv(folder / "bad" / f"y_seed{seed}.csv", seed, 0.01, optimizer="plain")
    found = compare(folder / "bad", by="optimizer", metric="val_acc", pair=how)
    page = found.report(folder / "page.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "default-src &#39;none&#39;" in page


def test_a_group_is_called_by_what_its_runs_have_in_common():
    assert group_name(["a", "b"], [Run("adam_seed1", {}), Run("adam_seed22", {})]) == "adam"
    assert group_name(["runs/big.csv"], [Run("big", {})]) == "big"
    assert group_name(["a", "b"], [Run("left", {}), Run("right", {})]) == "left and 1 more"


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (("a_seed0", "a_seed1", "a_seed10"), "a"),
        (("seed0_wide", "seed1_wide"), "wide"),
        (("adam_big", "adam_bad"), "adam"),
        (("lr0.1_s1", "lr0.1_s2"), "lr0.1"),
        (("resnet", "rnn"), "resnet and 1 more"),
        (("0", "1"), "0 and 1 more"),
    ],
)
def test_a_group_is_called_by_the_parts_that_all_names_share(names, common):
    assert group_name(["a", "b"], [Run(name, {}) for name in names]) == common
