"""`etude.watch`: a verdict in one line, when it changes, and never more."""

import io
import itertools
import math
import time

import pytest
import torch
from torch import nn

from etude.engine.watch import Options
from etude.faces.watching import AGAIN, Telling, Watching, line, watch
from etude.figures.verdicts import LOOKS
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
    assert line(watching, diagnosis) == (
        "étude ▲ step 28, 14 validations: overfit (82 %); the run learned its examples by heart: new ones went badly; "
        "best at step 24. Try: stop at the best epoch."
    )


def test_a_good_fit_gets_no_advice():
    with made() as watching:
        take_step(watching)
    told = line(watching, Diagnosis("run", "good fit", 0.9, "", next=("nothing",)))
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
