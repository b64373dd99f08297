"""Trainings that a recipe of étude's cannot say: initial weights of any size, and rows that come in one order."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from etude.data.load import load
from etude.engine.architectures.mlp import multilayer_perceptron
from etude.engine.course import Course, score_every
from etude.engine.engines import Job
from etude.engine.machine import device_called, explained, facts, own_torch, seed_torch
from etude.engine.trial import Trial, prepare
from etude.values.curve import curve
from etude.values.model import Mlp
from etude.values.recipe import Recipe, changed
from etude.values.run import Run

STEPS = "train/step"
"""The curve of each step's loss, as a loop of the user's own would log it."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """A user's own function that builds a perceptron whose initial weights are all multiplied by a number."""

    spec: Mlp
    times: float

    def __call__(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """The network, with torch's chance, which is the replicate's."""
        chance = int(torch.randint(2**31, ()))
        network = multilayer_perceptron(self.spec, (n_inputs, n_outputs), seed=chance, replicate=0)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(self.times)
        return network


def with_weights(recipe: Recipe, times: float) -> Recipe:
    """The recipe with the same network as user code, its initial weights multiplied."""
    assert isinstance(recipe.model, Mlp)
    return changed(recipe, {"model": Scaled(recipe.model, times)})


def sorted_engine(jobs: Iterator[Job], *, workers: int | None) -> Iterator[tuple[Job, Run]]:
    """An engine, in this process alone, that shows the rows in the order of their targets, in every epoch."""
    assert workers is None or workers > 0
    return ((job, trained(job.recipe, job.replicate, shuffled=False)) for job in jobs)


def shuffled_engine(jobs: Iterator[Job], *, workers: int | None) -> Iterator[tuple[Job, Run]]:
    """The same with a fresh order each epoch."""
    assert workers is None or workers > 0
    return ((job, trained(job.recipe, job.replicate, shuffled=True)) for job in jobs)


def trained(recipe: Recipe, replicate: int, *, shuffled: bool) -> Run:
    """One training as a plain loop of PyTorch makes it, with the loss of every step as a curve besides."""
    started, where = time.perf_counter(), device_called("cpu")
    splits = load(recipe.data, seed=recipe.seed, replicate=replicate)
    with explained(recipe, replicate), own_torch(where):
        trial = prepare(recipe, splits, replicate, device=where)
        seed_torch(recipe.seed, replicate, building=False)
        course, losses = _fit(trial, shuffled=shuffled)
        run = course.run(replicate, trial, {"engine": "plain loop", **facts("cpu")}, started=started)
    steps = curve(STEPS, np.arange(1, len(losses) + 1), losses)
    return replace(run, curves={**run.curves, STEPS: steps})


def _fit(trial: Trial, *, shuffled: bool) -> tuple[Course, list[float]]:
    recipe, model, optimizer = trial.recipe, trial.model, trial.optimizer
    course, every = Course(recipe, trial.splits, trial.objective.unit), list[float]()
    course.scores.record(0, trial)
    for epoch in range(1, recipe.epochs + 1):
        model.train()
        losses: list[Tensor] = []
        for inputs, targets in trial.batches(epoch) if shuffled else _in_order(trial):
            trial.set_step(course.step + len(losses))
            optimizer.zero_grad()
            loss = trial.loss(model(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach())
        every += torch.stack(losses).tolist()
        course.note_epoch(every[-len(losses) :], trial.validation_objective())
        if course.ended == "diverged":
            break
        if epoch % score_every(recipe) == 0:
            course.scores.record(course.step, trial)
    course.scores.record(course.step, trial)
    course.finish(course.step, trial)
    return course, every[: course.step]


def _in_order(trial: Trial) -> Sequence[tuple[Tensor, Tensor]]:
    inputs, targets = trial.inputs["train"], trial.targets["train"]
    rows = torch.argsort(targets.flatten(), stable=True)
    size = trial.recipe.batch_size or len(rows)
    return [(inputs[part], targets[part]) for part in torch.split(rows, size)]
