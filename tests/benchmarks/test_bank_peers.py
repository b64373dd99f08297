"""The peers beside étude: what their words mean, that no failure of theirs is hidden, what they say of clear runs."""

import math
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from etude.values.finding import Verdict

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
EPOCHS = np.arange(1, 61)


@pytest.fixture
def peers(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from bank import peers

    yield peers
    for name in [name for name in sys.modules if name.partition(".")[0] == "bank"]:
        del sys.modules[name]


def named(peers, name):
    return next(peer for peer in peers.PEERS if peer.name == name)


def asked(peers, ask, name="numpy"):
    """The answer of a peer that is asked so; it has the name of a package that is installed, for its version."""
    peer = peers.Peer(name, "0", lambda: ask, ("bad", "fair"), {"broken": ("diverged",), "other": ()})
    return peers.answer(peer, ask, {}, Path("no.csv"))


def test_every_word_means_verdicts_that_etude_has(peers):
    meant = {verdict for peer in peers.PEERS for verdicts in peer.means.values() for verdict in verdicts}
    assert meant <= set(get_args(Verdict))
    assert {"good fit", "overfit", "diverged", "not learning"} <= meant


def test_a_silent_peer_says_good_fit(peers):
    assert all(peers.meaning(peer, []) == ("good fit",) for peer in peers.PEERS)


def test_the_most_severe_that_speaks_of_the_fit_counts(peers):
    said = [("info", "overfit_onset"), ("error", "nan_inf"), ("warning", "parse")]
    assert peers.meaning(named(peers, "losslint"), said) == ("diverged",)
    # "no warmup" and "noisy" are more severe than "plateau", but are not about the fit
    said = [("warning", "lr_schedule"), ("warning", "eval_noise"), ("info", "plateau")]
    assert peers.meaning(named(peers, "trainspotter"), said)[0] == "not learning"


def test_of_equally_severe_ones_the_first_of_the_table_counts_and_all_are_told_once(peers):
    said = [("error", "spikes"), ("error", "Diverged (non-finite values), train/loss"), ("error", "spikes")]
    trainspotter = named(peers, "trainspotter")
    assert peers.meaning(trainspotter, said) == ("diverged",)
    assert peers.ranked(trainspotter, said) == [said[1], said[0]]


def test_an_answer_has_the_rules_and_the_version_that_is_installed(peers):
    told = asked(peers, lambda *_: [("fair", "other"), ("bad", "broken")])
    assert told.pop("seconds") >= 0
    assert told == {
        "peer": "numpy",
        "version": version("numpy"),
        "says": ["bad: broken", "fair: other"],
        "verdict": "diverged",
        "may_mean": ["diverged"],
        "error": None,
    }


def test_a_peer_that_fails_is_recorded_with_its_error(peers):
    def fails(*_):
        raise ZeroDivisionError("of its own")

    told = asked(peers, fails)
    assert told["verdict"] is None
    assert told["error"] == "ZeroDivisionError: of its own"


@pytest.mark.parametrize("said", [("bad", "unheard of"), ("awful", "broken")])
def test_a_word_that_the_table_lacks_is_no_good_fit(peers, said):
    told = asked(peers, lambda *_: [said])
    assert told["verdict"] is None
    assert told["error"] == f"PeerError: numpy 0 said {said[0]}: {said[1]}, which its table does not have"


def test_a_line_becomes_a_table_whose_steps_are_its_epochs_where_it_has_no_steps(peers):
    line = {"id": "a", "train": [2, None], "validation": None, "epochs": [1, 2], "learning_rate": 0.1}
    columns = peers.columns_of(line)
    assert {name: columns[name] for name in ("step", "epoch", "learning_rate")} == {
        "step": [1, 2],
        "epoch": [1, 2],
        "learning_rate": [0.1, 0.1],
    }
    assert columns["train_loss"][0] == 2
    assert math.isnan(columns["train_loss"][1])
    assert "val_loss" not in columns


def test_series_of_unequal_length_are_refused_with_the_run(peers):
    with pytest.raises(ValueError, match=r"run b: 2 epochs, but 3 of train_loss\. Nothing was asked"):
        peers.columns_of({"id": "b", "train": [1, 2, 3], "epochs": [1, 2]})


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A command of the name `lint` that is installed here, with the body given."""

    def install(body):
        (tmp_path / "lint-1.dist-info").mkdir()
        (tmp_path / "lint-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: lint\nVersion: 1\n")
        (tmp_path / "lint-1.dist-info" / "entry_points.txt").write_text("[console_scripts]\nlint = lint:main\n")
        (tmp_path / "lint.py").write_text(f"import pathlib, sys\ndef main():\n    {body}\n")
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    sys.modules.pop("lint", None)


def test_a_command_reads_the_log_and_its_exit_code_is_no_failure_where_it_printed(peers, installed, tmp_path):
    installed("print(pathlib.Path(sys.argv[2]).read_text()); sys.exit(1)")
    log = tmp_path / "metrics.csv"
    log.write_text('{"found": "nan_inf"}')
    before = list(sys.argv)
    ask = peers.command("lint", ("check", "LOG"), lambda told: [("error", told["found"])])()
    assert ask({}, log) == [("error", "nan_inf")]
    assert sys.argv == before


def test_a_command_that_ends_without_an_answer_is_a_failure_with_its_complaint(peers, installed):
    installed("print('no loss in it', file=sys.stderr); sys.exit(2)")
    ask = peers.command("lint", (), lambda _: [])()
    with pytest.raises(peers.PeerError, match="lint ended with 2: no loss in it"):
        ask({}, Path("no.csv"))


def test_an_environment_with_these_versions_is_used_as_it_is(peers, tmp_path, capsys):
    (tmp_path / "bin").mkdir()
    # in place of its Python, a command that says how it was called
    (tmp_path / "bin" / "python").write_text('#!/bin/sh\necho "$@" > "$4"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    (tmp_path / "ready").write_text("\n".join(f"{peer.name}=={peer.version}" for peer in peers.PEERS))
    answers = tmp_path / "answers.jsonl"
    peers.ask_peers(Path("curves.jsonl"), answers, environment=tmp_path)
    assert answers.read_text().split() == ["-P", peers.__file__, "curves.jsonl", str(answers)]
    assert "setting up" not in capsys.readouterr().out


def clear_runs():
    """Train and validation losses, 60 epochs each, that nobody would argue about."""
    rng = np.random.default_rng(5)

    def noise(size):
        return rng.normal(0, size, EPOCHS.size)

    falls = 0.25 + 0.45 * np.exp(-EPOCHS / 8)
    breaks = np.where(EPOCHS < 30, falls, np.nan)
    swings = 0.2 * (-1.0) ** EPOCHS
    rises = 0.35 + 0.35 * np.exp(-EPOCHS / 5) + 0.006 * np.maximum(0, EPOCHS - 15)
    return {
        "healthy": (falls + noise(0.003), falls + 0.015 + noise(0.004)),
        "overfit": (0.05 + 0.65 * np.exp(-EPOCHS / 12) + noise(0.003), rises + noise(0.005)),
        "diverged": (breaks, breaks + 0.02),
        "flat": (np.log(2) + noise(0.002), np.log(2) + noise(0.003)),
        "falling": (0.69 - 0.004 * EPOCHS + noise(0.003), 0.70 - 0.004 * EPOCHS + noise(0.004)),
        "oscillating": (0.5 + swings + noise(0.03), 0.55 - swings + noise(0.04)),
    }


CLEAR = {
    #               healthy, overfit, diverged, flat at ln 2, still falling, oscillating
    "losslint": ("good fit", "overfit", "diverged", "good fit", "good fit", "good fit"),
    "runmedic": ("good fit", "overfit", "diverged", "not learning", "good fit", "diverged"),
    "trainspotter": ("good fit", "overfit", "diverged", "not learning", "good fit", "good fit"),
    "trainproof": ("good fit", "overfit", "diverged", "not learning", "good fit", "diverged"),
    "trainlens": ("good fit", "overfit", "diverged", "good fit", "good fit", "good fit"),
}
"""What each says of them, with this noise; with another, losslint names the overfit run half of the time, and runmedic
calls the flat one diverged as often as not. None has a word for the run that is still falling."""


@pytest.mark.skipif(find_spec("losslint") is None, reason="the peers are in an environment of their own")
def test_each_peer_says_of_clear_runs_what_is_known_of_it(peers):
    lines = [
        {
            "id": name,
            "epochs": EPOCHS.tolist(),
            **{
                split: [float(value) if np.isfinite(value) else None for value in values]
                for split, values in zip(("train", "validation"), pair, strict=True)
            },
        }
        for name, pair in clear_runs().items()
    ]
    answers = list(peers.answers_on(iter(lines)))
    assert [told["error"] for told in answers] == [None] * 30
    said = {name: tuple(told["verdict"] for told in answers if told["peer"] == name) for name in CLEAR}
    assert said == CLEAR
