"""`etude.watch`: a verdict in one line, when it changes, and never more."""

import io
import itertools
import math
import time

import numpy as np
import pytest
import torch
from torch import nn

import etude
from etude.engine.watch_options import Options
from etude.faces.telling import AGAIN, Telling, last_line, line_of
from etude.faces.watching import Watching, watch
from etude.figures.verdicts import LOOKS
from etude.values.errors import EngineError
from etude.values.finding import Diagnosis


def loop(watching, *, epochs=30, rise_from=12):
    """A training that fits ever better, and a validation that turns."""
    for epoch in range(1, epochs + 1):
        for _ in range(2):
            take_step(watching)
            watching.loss(1 / epoch)
        watching.validation(1 / min(epoch, rise_from) + 0.05 * max(0, epoch - rise_from))


STEPS: dict[int, tuple[nn.Module, torch.optim.Optimizer]] = {}


def take_step(watching):
    model, optimizer = STEPS[id(watching)]
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def made(telling=None, **options):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watching = Watching(model, [optimizer], Options(**options), telling)
    STEPS[id(watching)] = model, optimizer
    return watching


def test_each_verdict_is_told_in_one_line_and_the_last_is_that_of_the_whole_run():
    stream = io.StringIO()
    with made(Telling(stream, share=math.inf)) as watching:
        loop(watching)
    told = stream.getvalue().splitlines()
    verdicts = [one.split(": ")[1].partition(" (")[0] for one in told]
    assert all(one.startswith("étude ") for one in told)
    assert verdicts[-1] == watching.diagnosis().verdict
    assert all(before != after for before, after in itertools.pairwise(verdicts[:-1]))


def test_quiet_says_nothing(capsys):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer, quiet=True) as watching:
        STEPS[id(watching)] = model, optimizer
        loop(watching, epochs=5)
    assert capsys.readouterr() == ("", "")


def test_a_loop_that_ends_is_judged_once_more(capsys):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer) as watching:
        STEPS[id(watching)] = model, optimizer
        loop(watching, epochs=30)
    told = capsys.readouterr()
    assert told.out == ""
    verdict = watching.diagnosis().verdict
    assert told.err.splitlines()[-1].startswith(f"étude {LOOKS[verdict].sign} step 60, 30 validations: {verdict}")


def test_the_line_has_verdict_place_best_and_advice():
    with made() as watching:
        loop(watching, epochs=14, rise_from=12)
    diagnosis = Diagnosis("run", "overfit", 0.816, "", next=("stop at the best epoch",))
    assert line_of(watching, diagnosis) == (
        "étude ▲ step 28, 14 validations: overfit (82 %); the run learned its examples by heart: new ones went badly; "
        "best at step 24. Try: stop at the best epoch."
    )


def test_a_good_fit_gets_no_advice():
    with made() as watching:
        take_step(watching)
    told = line_of(watching, Diagnosis("run", "good fit", 0.9, "", next=("nothing",)))
    assert told == "étude ✓ step 1: good fit (90 %); the run learned what it could, and does as well on new data."


class Counting(Watching):
    """Counts how often it is judged, and says what it is told to."""

    said: tuple[str, ...] = ()
    count = 0

    def diagnosis(self):
        """The next verdict."""
        self.count += 1
        return Diagnosis("run", self.said[min(self.count, len(self.said)) - 1], 0.9, "")


class Slow(Counting):
    """Takes 10 ms."""

    def diagnosis(self):
        """The next verdict, later."""
        time.sleep(0.01)
        return super().diagnosis()


def counted(*verdicts, epochs):
    stream, model = io.StringIO(), nn.Linear(3, 1)
    telling = Telling(stream, share=math.inf)
    watching = Counting(model, [torch.optim.SGD(model.parameters(), lr=0.01)], Options(), telling)
    watching.said = verdicts
    watching.open()
    for _ in range(epochs):
        watching.validation(1.0)
    return watching, stream.getvalue().splitlines()


def test_a_verdict_is_told_when_it_held_twice():
    watching, told = counted("cannot tell", "cannot tell", "overfit", "not converged", *["overfit"] * 5, epochs=9)
    assert watching.count == 9
    assert AGAIN == 2
    assert [one.split(": ")[1].partition(" (")[0] for one in told] == ["overfit"]


def test_judging_takes_a_hundredth_of_the_time():
    stream, model = io.StringIO(), nn.Linear(3, 1)
    watching = Slow(model, [torch.optim.SGD(model.parameters(), lr=0.01)], Options(), Telling(stream))
    watching.said = ("overfit",)
    watching.open()
    for _ in range(1_000):  # some 20 ms, of which judging once takes 10
        watching.validation(1.0)
    assert watching.count <= 3


@pytest.mark.parametrize("stop", [False, True])
def test_stopping_is_asked_for(stop):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer, stop=stop, quiet=True) as watching:
        STEPS[id(watching)] = model, optimizer
        loop(watching, epochs=40)
        assert watching.should_stop is stop
    assert watching.best.validation == 12


def fitted(**how):
    """A loop that asks whether to stop, and does."""
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer, **how) as watching:
        STEPS[id(watching)] = model, optimizer
        for epoch in range(1, 60):
            take_step(watching)
            watching.loss(1 / epoch)
            watching.validation(1 / min(epoch, 12) + 0.05 * max(0, epoch - 12))
            if watching.should_stop:
                break
    return watching


def test_a_loop_that_is_stopped_is_told_why_and_what_is_kept_and_the_last_line_says_the_same(capsys):
    # 1/12 = 0.0833 at the twelfth validation is the lowest
    watching = fitted(stop=True)
    told = capsys.readouterr().err.splitlines()
    n = watching.validations
    assert n < 59
    kept = "Kept are the weights of the best validation, number 12 at step 12, whose loss was 0.0833; "
    why = "because the validation loss has turned for good. "
    asked = f"étude ■ step {n}, {n} validations: stop, {why}{kept}restore_best() puts them back."
    assert told.count(asked) == 1
    assert told[-1].startswith(f"étude ■ step {n}, {n} validations: stopped {why}{kept}")
    assert "more replicates" not in told[-1]


def test_a_stopped_run_that_cannot_be_told_is_not_sent_for_replicates(capsys):
    watching = fitted(stop=True, quiet=True)
    unsure = Diagnosis("run", "cannot tell", 0.3, "", next=("run more replicates",))
    assert last_line(watching, unsure).endswith("whose loss was 0.0833; what is behind it: cannot tell.")
    fine = Diagnosis("run", "good fit", 0.7, "")
    assert last_line(watching, fine).endswith("; with these weights: good fit (70 %).")
    sure = Diagnosis("run", "overfit", 0.8, "", next=("use more data",))
    assert last_line(watching, sure).endswith("the run as a whole: overfit (80 %). Try: use more data.")


def test_a_training_loss_that_is_no_number_is_said_to_be_why(capsys):
    model = nn.Linear(3, 1)
    with watch(model, torch.optim.SGD(model.parameters(), lr=0.01), stop=True) as watching:
        watching.loss(math.nan)
        watching.validation(math.nan)
        assert watching.should_stop
    told = capsys.readouterr().err.splitlines()
    assert told[0] == (
        "étude ■ step 0, 1 validation: stop, because the training loss is nan. "
        "No weights are kept, since no validation loss was a finite number."
    )


def test_a_watch_that_was_never_opened_says_so_once_and_no_verdict_twice(capsys):
    model = nn.Linear(3, 1)
    watching = watch(model, torch.optim.SGD(model.parameters(), lr=0.01))
    with pytest.warns(RuntimeWarning, match="the watch was never opened.*with etude.watch") as told:
        watching.loss(1.0)
    watching.validation(1.0)
    for epoch in range(2, 31):
        watching.loss(1 / epoch)
        watching.validation(1 / epoch)
    assert len(told) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(set(said)) <= 2
    assert watching.run.curve("validation/objective").steps.tolist() == list(range(1, 31))


def test_the_last_line_stands_once_though_a_test_set_is_told_afterwards(capsys):
    model = nn.Linear(3, 1)
    with watch(model, torch.optim.SGD(model.parameters(), lr=0.01)) as watching:
        watching.validation(1.0)
    before = capsys.readouterr().err
    watching.validation(1.0)
    assert before.count("\n") == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"every": 0}, r"every=0: .* whole number from 1 on.*Leave it out"),
        ({"every": -3}, r"every=-3: "),
        ({"every": 2.5}, r"every=2\.5: "),
        ({"every": True}, r"every=True: "),
        ({"clip_norm": -1.0}, r"clip_norm=-1\.0: .* above 0"),
        ({"clip_norm": math.nan}, r"clip_norm=nan: "),
        ({"clip_norm": "1"}, r"clip_norm='1': "),
        ({"stop": 5}, r"stop=5: it is True or False\. There is no patience"),
        ({"keep_best": "yes"}, r"keep_best='yes': "),
        ({"quiet": 1}, r"quiet=1: "),
        ({"path": 3}, r"path=3: it is the name of a file"),
        ({"path": ""}, r"path='': "),
        ({"path": "."}, r"path='\.': that is a folder\. Name a file in it"),
    ],
    ids=repr,
)
def test_an_option_that_cannot_be_meant_is_refused_at_the_call(how, says):
    model = nn.Linear(3, 1)
    with pytest.raises(EngineError, match=f"{says}.*Nothing is watched yet"):
        etude.watch(model, torch.optim.SGD(model.parameters(), lr=0.01), **how)


@pytest.mark.parametrize("every", [1, np.int64(3)])
def test_whole_numbers_of_numpy_are_intervals_too(every):
    model = nn.Linear(3, 1)
    with watch(model, torch.optim.SGD(model.parameters(), lr=0.01), every=every, quiet=True) as watching:
        assert watching.is_open


MODEL = nn.Linear(3, 1)
OPTIMIZER = torch.optim.SGD(MODEL.parameters(), lr=0.01)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((OPTIMIZER, MODEL), r"change places: the right order is etude\.watch\(model, optimizer\)"),
        ((OPTIMIZER,), r"the first argument is of type SGD, not a model"),
        ((None, OPTIMIZER), r"the first argument is None, not a model"),
        ((MODEL, None), r"argument 2 is None, not an optimiser"),
        ((MODEL, [OPTIMIZER]), r"argument 2 is of type list.*one after the other"),
        ((MODEL, OPTIMIZER, 50), r"argument 3 is of type int.*by name, such as every=50"),
        (
            (MODEL, torch.optim.lr_scheduler.StepLR(OPTIMIZER, 3)),
            r"argument 2 is of type StepLR.*through its optimiser",
        ),
    ],
    ids=["swapped", "optimiser alone", "no model", "no optimiser", "list", "interval", "schedule"],
)
def test_what_is_no_model_or_no_optimiser_is_refused_with_the_right_order(given, says):
    with pytest.raises(EngineError, match=f"{says}.*Nothing is watched yet"):
        etude.watch(*given)
