"""What the peers beside étude say of curves: how each is asked, and what its words mean in étude's.

    python benchmarks/bank/peers.py CURVES ANSWERS --environment .bank/peers

makes an environment that holds the peers and nothing of étude's, and asks each of them there about every line of
CURVES: {"id", "train", "validation", "epochs"} and, where known, "steps", "learning_rate" (a number or a series),
"train_accuracy", "validation_accuracy"; null is a value that is not finite. A line of ANSWERS is one peer's answer:

    id, peer, version, seconds (reading the log and judging it; starting Python is left out)
    says:     what it found, as "severity: rule", worst first
    verdict:  what the worst of it means; null where the peer failed
    may_mean: every verdict that those words could stand for, for a reader kinder than the first
    error:    of a peer that failed, the error's class and words; else null

Each peer gets the same series in its most usual form, with its defaults. The first four read a CSV file through their
own commands. trainlens reads no logs: `analyze` gets a Keras history, as in its own guide; it leaves out values that
are not finite, so the one critical alert of its live monitor, which sees them, is added.

Where a peer finds several things, the most severe one that speaks of the fit counts: none of them ranks further. Of
equally severe ones it is the one that comes first in the peer's table, whose order is ours. Nothing found is a good
fit. So is a plateau, with which every healthy run ends, except where a peer says that it has ruled convergence out.
"""

import argparse
import csv
import importlib
import io
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import entry_points, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

Columns = Mapping[str, Sequence[float]]
"""A run as a table: names as in most logs, values of equal length."""
Said = tuple[str, str]
"""Severity and rule, in the peer's words."""
Ask = Callable[[Columns, Path], list[Said]]
"""Everything a peer finds in a run, given also as a CSV file."""
Meanings = Mapping[str, tuple[str, ...]]
"""Of each rule the verdicts that it may stand for, likeliest first; none where it does not speak of the fit."""


class PeerError(Exception):
    """A peer did not answer, or in words that its table does not have."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that judges curves.

    ask:        made once, so that no answer's time has an import in it
    severities: worst first
    means:      every word it has for series of numbers
    """

    name: str
    version: str
    ask: Callable[[], Ask]
    severities: tuple[str, ...]
    means: Meanings


def command(name: str, arguments: Sequence[str], said_of: Callable[[Any], list[Said]]) -> Callable[[], Ask]:
    """A peer that is asked through its own command, which prints JSON; "LOG" stands for the file's path."""

    def prepared() -> Ask:
        (script,) = entry_points(group="console_scripts", name=name)
        main = script.load()

        def ask(_: Columns, file: Path) -> list[Said]:
            out, complaints = io.StringIO(), io.StringIO()
            kept, sys.argv = sys.argv, [name, *(str(file) if part == "LOG" else part for part in arguments)]
            try:
                with redirect_stdout(out), redirect_stderr(complaints):
                    main()
            except SystemExit as ended:
                if not out.getvalue():
                    raise PeerError(f"{name} ended with {ended.code}: {complaints.getvalue().strip()}") from ended
            finally:
                sys.argv = kept
            return said_of(json.loads(out.getvalue()))

        return ask

    return prepared


def _losslint(told: Any) -> list[Said]:  # noqa: ANN401 - JSON
    return [(found["severity"], found["check"]) for found in told["findings"]]


def _runmedic(told: Any) -> list[Said]:  # noqa: ANN401 - JSON
    (run,) = told
    if "train_loss" not in run["roles"]:
        raise PeerError("runmedic found no training loss")
    return [(found["severity"], found["check"]) for found in run["findings"]]


def _trainspotter(told: Any) -> list[Said]:  # noqa: ANN401 - JSON
    def rule(found: Mapping[str, str]) -> str:
        named_by_title = found["detector"] in ("divergence", "grad_norm")  # detectors that find more than one thing
        return f"{found['title']}, {found['metric']}" if named_by_title else found["detector"]

    return [(found["severity"], rule(found)) for found in told["findings"]]


def _trainproof(told: Any) -> list[Said]:  # noqa: ANN401 - JSON
    if told["error"]:
        raise PeerError(f"trainproof: {told['error']}")
    (report,) = told["reports"]
    return [(found["level"], found["id"]) for found in report["findings"]]


def _trainlens() -> Ask:
    trainlens = importlib.import_module("trainlens")
    keras = {"train_loss": "loss", "train_accuracy": "accuracy"}

    def ask(columns: Columns, _: Path) -> list[Said]:
        history = {keras.get(name, name): values for name, values in columns.items() if name not in ("step", "epoch")}
        said = [(signal.severity, signal.title) for signal in trainlens.analyze({"history": history}).signals]
        monitor = trainlens.TrainLensMonitor()
        for step, row in enumerate(zip(*history.values(), strict=True)):
            alerts = monitor.observe(step, dict(zip(history, row, strict=True)))
            said += [(alert.severity, alert.code) for alert in alerts if alert.severity == "critical"]
        return said

    return ask


PEERS: tuple[Peer, ...] = (
    Peer(
        "losslint",
        "0.4.1",
        command("losslint", ("check", "LOG", "--format", "json"), _losslint),
        ("error", "warning", "info"),
        MappingProxyType(
            {
                "nan_inf": ("diverged",),
                "divergence": ("diverged", "learning rate too high"),  # the train loss ends above its start
                "loss_spike": ("learning rate too high",),  # "data shard or LR bug?"
                "overfit_onset": ("overfit",),
                # says to stop, or to raise the learning rate
                "stagnation": ("good fit", "not learning", "learning rate too low", "underfit (optimisation)"),
                "step_backtrack": (),
                "parse": (),
            }
        ),
    ),
    Peer(
        "runmedic",
        "0.1.1",
        command("runmedic", ("diagnose", "LOG", "--json"), _runmedic),
        ("critical", "warning", "info"),
        MappingProxyType(
            {
                "non_finite": ("diverged",),
                "no_learning": ("not learning", "learning rate too low"),
                # the train loss lost half of what it had won, which may be noise where it had won nothing
                "divergence": ("diverged", "learning rate too high"),
                "overfitting": ("overfit",),
                "loss_spikes": ("learning rate too high",),
                "grad_spikes": ("learning rate too high",),
                # says to let the rate decay, or to stop earlier
                "constant_lr_plateau": ("good fit", "learning rate too high", "underfit (optimisation)"),
                "val_below_train": (),  # "usually harmless"
                "input_bound": (),
                "slow_steps": (),
                "slowdown": (),
                "memory_growth": (),
            }
        ),
    ),
    Peer(
        "trainspotter",
        "0.2.6",
        command("trainspotter", ("analyze", "LOG", "--output", "json"), _trainspotter),
        ("error", "warning", "info"),
        MappingProxyType(
            {
                "Diverged (non-finite values), train/loss": ("diverged",),
                "Diverged (non-finite values), eval/loss": ("diverged",),
                "Diverged (sustained growth), train/loss": ("diverged", "learning rate too high"),
                # it then plays its own "overfitting" down to info, as the same rise said twice
                "Diverged (sustained growth), eval/loss": ("overfit", "diverged"),
                "overfitting": ("overfit",),
                "spikes": ("learning rate too high",),
                "Gradient-norm explosion, grad_norm": ("learning rate too high",),
                # "stalled, not just converged"
                "plateau": ("not learning", "learning rate too low", "underfit (optimisation)"),
                "Gradient clipping likely saturated, grad_norm": (),
                "eval_noise": (),  # of the measurement: "too noisy to rank checkpoints"
                "lr_schedule": (),  # of the log's learning rate alone; "no warmup" for every constant one
                "loss_floor": (),  # leakage
                "throughput": (),
            }
        ),
    ),
    Peer(
        "trainproof",
        "0.22.0",
        command("trainproof", ("doctor", "LOG", "--json"), _trainproof),
        ("FAIL", "WARN", "INFO", "PASS", "NOT-CHECKED"),
        MappingProxyType(
            {
                "TP-NAN": ("diverged",),
                "TP-NAN-GRAD": ("diverged",),
                "TP-ZERO-LOSS": ("not learning",),
                "TP-ZERO-LOSS-ONSET": ("diverged",),
                "TP-FLAT": ("not learning",),
                "TP-DIVERGE": ("diverged", "learning rate too high"),  # the train loss ends at 1.5 times its minimum
                "TP-ZERO-LR": ("not learning", "learning rate too low"),
                "TP-DEAD-RUN": ("not learning", "learning rate too low"),  # the train loss fell by less than 5 %
                "TP-ZERO-GRAD": ("not learning",),
                "TP-OVERFIT": ("overfit",),
                "TP-GRAD-SPIKE": ("learning rate too high",),
                "TP-ZERO-LR-PARTIAL": ("learning rate too low",),
                "TP-STEP-CLIFF": (),
                "TP-LOADER-BOUND": (),
                "TP-THROUGHPUT": (),
                "TP-GPU-UTIL": (),
                "TP-PASS": ("good fit",),
                "TP-NOT-CHECKED": ("cannot tell",),
                "TP-NO-LOSS": ("cannot tell",),
                "TP-NO-RECORDS": ("cannot tell",),
            }
        ),
    ),
    Peer(
        "trainlens",
        "0.20.0",
        _trainlens,
        ("critical", "warning", "info"),
        MappingProxyType(
            {
                "non_finite_metric": ("diverged",),
                "Possible overfitting": ("overfit",),
                # any loss that has fallen by much is "unstable": the rule is its mean distance from its mean
                "Validation metric is unstable": ("good fit", "learning rate too high"),
                "Loss plateau detected": (
                    "good fit",
                    "not learning",
                    "learning rate too low",
                    "underfit (optimisation)",
                ),
                "Metric appears to have stabilized": ("good fit",),
            }
        ),
    ),
)
"""In the order in which a table shows them."""

COLUMN_OF: Mapping[str, str] = MappingProxyType(
    {
        "steps": "step",
        "epochs": "epoch",
        "train": "train_loss",
        "validation": "val_loss",
        "learning_rate": "learning_rate",
        "train_accuracy": "train_accuracy",
        "validation_accuracy": "val_accuracy",
    }
)
"""What a series of CURVES is called in the log that the peers read: names that all of them know."""


def ask_peers(curves: Path, answers: Path, *, environment: Path) -> None:
    """Every peer's answer on every line of `curves`, from the environment of the peers, made where it is not there."""
    python = _python_of(environment)
    # -P: modules beside this file must not stand in for modules that a peer imports
    subprocess.run([python, "-P", __file__, curves, answers], check=True)


def answers_on(lines: Iterator[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every peer's answer on each run, in the peers' own environment."""
    asks = [(peer, peer.ask()) for peer in PEERS]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "metrics.csv"
        for line in lines:
            columns = columns_of(line)
            _write(columns, file)
            for peer, ask in asks:
                yield {"id": line["id"], **answer(peer, ask, columns, file)}


def answer(peer: Peer, ask: Ask, columns: Columns, file: Path) -> dict[str, Any]:
    """What one peer says of one run; its failure is an answer too."""
    told: dict[str, Any] = {"peer": peer.name, "version": version(peer.name)}
    start = time.perf_counter()
    try:
        said = ask(columns, file)
        seconds = time.perf_counter() - start
        means = meaning(peer, said)
    except Exception as error:  # noqa: BLE001 - whatever another's program does is its answer
        failed = f"{type(error).__name__}: {error}"
        seconds = time.perf_counter() - start
        return told | {"seconds": seconds, "says": [], "verdict": None, "may_mean": [], "error": failed}
    says = [f"{severity}: {rule}" for severity, rule in ranked(peer, said)]
    return told | {"seconds": seconds, "says": says, "verdict": means[0], "may_mean": list(means), "error": None}


def meaning(peer: Peer, said: Sequence[Said]) -> tuple[str, ...]:
    """The verdicts that the worst of what a peer said may stand for, likeliest first; a good fit where it is silent."""
    return next((peer.means[rule] for _, rule in ranked(peer, said) if peer.means[rule]), ("good fit",))


def ranked(peer: Peer, said: Sequence[Said]) -> list[Said]:
    """What a peer said, once each, worst first, equally severe ones in the order of its table."""
    rules = list(peer.means)
    unknown = [f"{severity}: {rule}" for severity, rule in said if rule not in rules or severity not in peer.severities]
    if unknown:
        raise PeerError(f"{peer.name} {peer.version} said {', '.join(unknown)}, which its table does not have")
    return sorted(dict.fromkeys(said), key=lambda one: (peer.severities.index(one[0]), rules.index(one[1])))


def columns_of(line: Mapping[str, Any]) -> dict[str, list[float]]:
    """A line of CURVES as a table; without steps, its epochs are its steps."""
    epochs = line["epochs"]
    given = {"steps": epochs, **{name: series for name, series in line.items() if series is not None}}
    columns = {
        column: [math.nan if value is None else value for value in _series(given[name], len(epochs))]
        for name, column in COLUMN_OF.items()
        if name in given
    }
    uneven = [f"{len(values)} of {name}" for name, values in columns.items() if len(values) != len(epochs)]
    if uneven:
        raise ValueError(f"run {line['id']}: {len(epochs)} epochs, but {', '.join(uneven)}. Nothing was asked of it.")
    return columns


def _series(given: Any, length: int) -> Sequence[float | None]:  # noqa: ANN401 - JSON: a number or a list of them
    return given if isinstance(given, list) else [given] * length


def _write(columns: Columns, file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _python_of(environment: Path) -> Path:
    """The interpreter of an environment that holds these versions of the peers; made anew where it holds others."""
    python, stamp = environment / "bin" / "python", environment / "ready"
    pins = [f"{peer.name}=={peer.version}" for peer in PEERS]
    if not stamp.exists() or stamp.read_text(encoding="utf-8").split() != pins:
        print(f"setting up {environment}: {', '.join(pins)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins]
        subprocess.run([python, *install], check=True)
        stamp.write_text("\n".join(pins), encoding="utf-8")
    return python


def main() -> None:
    """Ask the peers, here or in the environment named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--environment", type=Path, help="where the peers are, or are to be installed")
    asked = parser.parse_args()
    if asked.environment:
        ask_peers(asked.curves, asked.answers, environment=asked.environment)
        return
    start, count = time.perf_counter(), 0
    with asked.curves.open(encoding="utf-8") as curves, asked.answers.open("w", encoding="utf-8") as out:
        for count, told in enumerate(answers_on(map(json.loads, curves)), start=1):  # noqa: B007 - wanted after it
            out.write(json.dumps(told) + "\n")
    print(f"{count} answers of {len(PEERS)} peers in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
