"""A full factorial of thirty-six arms, and diagnoses: built from numbers, not from training."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from etude.faces.diagnosing import Examined, Judged
from etude.faces.treating import Record, Wanted
from etude.studies.design import arms_of
from etude.studies.execute import conclude
from etude.values.curve import curve
from etude.values.effect import Effect
from etude.values.errors import LogError
from etude.values.finding import Cause, Diagnosis, Finding, Measured, NotRun, Place, Prediction, Sign
from etude.values.lost import Lost
from etude.values.metric import METRICS, Limit
from etude.values.recipe import Recipe, changed
from etude.values.run import Run
from etude.values.study import Plan, StudyResult
from etude.values.treatment import Expected, Final, Level, Outcome, Prescription, Round, Treated, Tried

HOSTILE = "<script>alert(1)</script>"
VARY = {
    "data.features": (2, 3, 4),
    "model.hidden": ((4,), (8,), (16,), (32,)),
    "optimizer.coupled_weight_decay": (0.0, 0.001, 0.01),
}
REPLICATES = 8


class Page(HTMLParser):
    """Tags with their attributes, their words, and whether each that opens is closed."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})
    LOOSE = frozenset({"tr", "td", "th"})

    def __init__(self, html: str) -> None:
        """Read the whole page."""
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Keep it, and wait for its end."""
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID | self.LOOSE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Keep it."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """It must be the end of the last that was opened."""
        if tag not in self.LOOSE:
            assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep the words."""
        self.words += data


@pytest.fixture(scope="module")
def parsed():
    return Page


def loss_of(recipe) -> float:
    """What two factors do adds up, but that L2 hurts a network of 32 units by 0.1 more, and 4 features with it."""
    decay = recipe.optimizer.coupled_weight_decay > 0.005
    wide = recipe.model.hidden == (32,)
    return 0.4 + 0.03 * recipe.data.features - 0.01 * recipe.model.hidden[0] / 8 + 0.1 * decay * wide


def made_run(arm, replicate: int, luck: np.random.Generator) -> Run:
    recipe = arm.recipe
    score = loss_of(recipe) + 0.02 * np.sin(replicate) + 0.003 * luck.normal()
    curves = {
        f"{split}/{name}": curve(f"{split}/{name}", [0, 5, 10], [0.7, 0.6, value], unit=METRICS[name].unit)
        for split in ("train", "validation", "test")
        for name, value in (("log_loss", score), ("accuracy", 1 - score / 2))
    }
    return Run(f"replicate {replicate}", curves, "completed", 10, 10, recipe=recipe, replicate=replicate)


@pytest.fixture(scope="session")
def factorial() -> StudyResult:
    base = Recipe(data={"task": "sincos", "features": 2}, model={"hidden": [4]}, loss="bce", epochs=10)
    arms = {"as it was": {}, HOSTILE: {"hidden": [32], "coupled_weight_decay": 0.01}}
    plan = Plan(base=base, vary=VARY, arms=arms, replicates=REPLICATES)
    luck = np.random.default_rng(0)
    made = arms_of(plan)
    runs = {(arm.label, r): made_run(arm, r, luck) for arm in made for r in range(REPLICATES)}
    return conclude(plan, made, runs, rule="fixed")


def losses(train, validation) -> dict:
    both = {"train/objective": train, "validation/objective": validation}
    return {name: curve(name, range(len(values)), values, unit="nats") for name, values in both.items()}


@pytest.fixture
def overfit() -> Judged:
    """Validation is best, 0.30, at epoch 10, and 0.45 at the end, epoch 40."""
    epochs = np.arange(41)
    run = Run(
        HOSTILE,
        losses(0.7 * np.exp(-epochs / 8), 0.3 + 0.005 * np.abs(epochs - 10)),
        provenance={"x": "epoch", "train is": "loss", "validation is": "val_loss"},
        files=("logs/a b.csv",),
        lost=(Lost("logs/a b.csv", "line 12", 3, "they have no number"),),
    )
    rise = Measured("rise of the validation loss above its minimum", 0.15, "nats", 0.12, 0.18)
    finding = Finding(
        "overfit",
        f"{HOSTILE} validation rose by 0.15 nats.",
        "warning",
        0.93,
        evidence=(rise, Measured("what cannot be known", float("nan"))),
        where=(Place("validation/objective", 10, 40),),
        causes=(Cause("too many epochs", "stop at epoch 10"), Cause("too large a network", "half the width")),
        treatments=("stop at epoch 10", "weight decay"),
        prediction=Prediction("stop at epoch 10", "validation loss", "falls", 0.12, 0.18, "nats"),
    )
    diagnosis = Diagnosis(
        source=HOSTILE,
        verdict="overfit",
        probability=0.93,
        says="The network learned its examples by heart.",
        probabilities={"overfit": 0.93, "good fit": 0.05, "not converged": 0.02},
        next=("Stop at epoch 10.",),
        findings=(finding,),
        signs=(Sign("small gap", healthy=False, says="0.45 nats"), Sign("smooth convergence", healthy=None, says="–")),
        not_run=(NotRun("dying relu", "it needs layers"), NotRun("leakage", "it needs the data")),
        checked=("overfit",),
        judged={"train": "loss", "validation": "val_loss"},
        best_step=10,
        lost=run.lost,
        notes=("epochs were logged as steps",),
    )
    return Judged(diagnosis, (run,))


@pytest.fixture
def healthy() -> Judged:
    epochs = np.arange(41)
    run = Run("fine", losses(0.2 + np.exp(-epochs / 8), 0.21 + np.exp(-epochs / 8)), provenance={"x": "epoch"})
    diagnosis = Diagnosis("fine", "good fit", 0.8, "It fits.", best_step=40, not_run=(NotRun("leakage", "no data"),))
    return Judged(diagnosis, (run,))


@pytest.fixture
def both(overfit, healthy) -> Examined:
    across = Finding("units not comparable", "One is in nats, the other is not.", "note", 0.9)
    lacking = NotRun("double descent", "it needs several widths")
    return Examined((overfit, healthy), (across, lacking), (LogError("logs/b.csv: no number in line 1"),), passed=2)


SCORES = (0.31, 0.29, 0.30, 0.32, 0.28)
"""Of an untreated control: mean 0.30."""


def tried(setting, name: str, difference: float, verdict: str, **more) -> Tried:
    """A treatment on trial whose five paired differences are all alike, with an interval of ±0.02."""
    effect = Effect(
        difference,
        difference - 0.02,
        difference + 0.02,
        0.99,
        5,
        verdict,
        "brier",
        METRICS["brier"].unit,
        "validation",
        lower_is_better=True,
        factor="epochs",
        control="10",
        treated="30",
        differences=(difference,) * 5,
        p=0.01,
        p_sign_flip=0.06,
        method="Student t",
        smallest_effect=0.005,
        family=3,
        says=name,
        notes=("about 1,200 replicates, on a fresh seed, would decide it if the estimate is right (power 80 %)",)
        if verdict == "undecided"
        else (),
    )
    bears = {"better": "confirmed", "undecided": "undecided"}.get(verdict, "refuted")
    return Tried(Prescription(name, name.partition(" (")[0], setting, ("not converged",), 0.9), effect, bears, **more)


def side(recipe, scores: tuple[float, ...]) -> tuple[Run, ...]:
    """Runs whose curves fall to these scores."""
    return tuple(
        Run(
            f"replicate {i}",
            {
                f"{split}/brier": curve(f"{split}/brier", [0, 5, 10], [0.35, 0.32, score], unit=METRICS["brier"].unit)
                for split in ("train", "validation", "test")
            },
            "completed",
            10,
            10,
            recipe=recipe,
            replicate=i,
        )
        for i, score in enumerate(scores)
    )


@pytest.fixture
def record() -> Record:
    """Three times the epochs took the Brier score from 0.30 to 0.10, where 0.05 is the best possible."""
    before = Recipe(data={"task": "sincos", "rows": 100}, model={"hidden": [4]}, loss="mse", epochs=10)
    after, slower = changed(before, {"epochs": 30}), changed(before, {"learning_rate": 0.0001})
    ill = Diagnosis(
        HOSTILE,
        "not converged",
        0.8,
        f"{HOSTILE} it was stopped while it still got better.",
        findings=(
            Finding(
                "not converged",
                "It was still falling.",
                "warning",
                0.8,
                evidence=(Measured("to gain", 0.1, "squared probability", 0.05, 0.15),),
                prediction=Prediction(
                    "train three times as long", "validation loss", "falls", 0.1, 0.3, "squared probability"
                ),
            ),
            Finding(
                "lucky seed", "", "note", 0.6, prediction=Prediction("one more run", "log loss", "rises", 0.1, 0.2)
            ),
        ),
        runs=5,
    )
    arms = (
        tried(slower, "smaller learning rate (10)", 0.1, "worse"),
        tried(after, "more epochs (3)", -0.2, "better"),
        tried(changed(before, {"hidden": [16]}), "wider network (4)", -0.01, "undecided", dropped=5),
        Tried(
            Prescription("smaller batches (32)", "smaller batches", changed(before, {"batch_size": 32}), (), 0.1),
            None,
            "undecided",
            failed="too few rows",
        ),
    )
    first = Round(before, None, "", ill, side(before, SCORES), SCORES, arms, (5, 10), kept="more epochs (3)")
    well = Diagnosis("control", "good fit", 0.95, "It fits.", runs=5)
    ended = "the verdict is good fit, probability 0.95"
    scores = tuple(score - 0.2 for score in SCORES)
    second = Round(after, 0, "more epochs (3)", well, side(after, scores), scores, ended=ended)
    fresh = replace(arms[1].effect, split="test", factor="treatment", control="before", treated="after", says="")
    outcome = Outcome(Level(0.3, 0.28, 0.32), Level(0.1, 0.09, 0.11), fresh, best=0.05, removed=Level(0.8, 0.75, 0.85))
    final = Final({"brier": outcome}, "test", side(before, SCORES), side(after, scores), well)
    rounds = (first, second)
    found = Treated("recipe", before, after, METRICS["brier"], rounds, (0, 1), ended, final, trainings=30, seconds=4.2)
    limits = {"brier": Limit("brier", 0.25, 0.24, 0.05)}
    names = ("more epochs", "smaller learning rate", "wider network", "smaller batches", "dropout")
    return Record(found, limits, Wanted("recipe", Path("etude-results")), names, {"torch": "2"})


@pytest.fixture
def forecast(record) -> Record:
    """The same record, where it was forecast that the smaller learning rate helps at 9 %, and more epochs at 70 %."""
    first = record.found.rounds[0]
    slower, longer, *others = first.tried
    said = {slower: Expected(0.09, 0.01, 0.02, 0.03), longer: Expected(0.7, 0.05, 0.1, 0.3)}
    told = [replace(one, prescription=replace(one.prescription, expected=given)) for one, given in said.items()]
    rounds = (replace(first, tried=(*told, *others)), record.found.rounds[1])
    return replace(record, found=replace(record.found, rounds=rounds))


@pytest.fixture
def untreated(record) -> Record:
    """Of the same recipe nothing was verified to help."""
    first = replace(
        record.found.rounds[0], tried=record.found.rounds[0].tried[:1], kept="", ended="none of 1 treatments helped"
    )
    found = replace(
        record.found,
        rounds=(first,),
        path=(0,),
        setting=record.found.before,
        final=None,
        ended="none of 1 treatments helped",
    )
    return replace(record, found=found)
