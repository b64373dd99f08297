"""The reference engine: one training as plain PyTorch. What it does is the definition of correct."""

import time

import torch
from torch import Tensor, nn

from etude.data.load import load
from etude.data.splits import Splits
from etude.engine.best import BestWeights
from etude.engine.course import Course, score_every
from etude.engine.machine import device_called, explained, facts, own_torch, seed_torch
from etude.engine.trial import Trial, prepare
from etude.values.recipe import Recipe
from etude.values.run import Run


def train(recipe: Recipe, replicate: int, *, device: str = "cpu") -> Run:
    """One training of one replicate: the same arguments give the same bits, whatever ran before."""
    return train_on(recipe, load(recipe.data, seed=recipe.seed, replicate=replicate), replicate, device=device)


def train_on(recipe: Recipe, splits: Splits, replicate: int, *, device: str = "cpu") -> Run:
    """One training on rows that are loaded already."""
    started = time.perf_counter()
    where = device_called(device)
    with explained(recipe, replicate), own_torch(where):
        trial = prepare(recipe, splits, replicate, device=where)
        seed_torch(recipe.seed, replicate, building=False)
        course = fit(trial)
        return course.run(replicate, trial, {"engine": "loop", **facts(device)}, started=started)


def fit(trial: Trial) -> Course:
    """Train the model of a trial; it ends with the kept weights, in evaluation mode."""
    recipe, model, optimizer = trial.recipe, trial.model, trial.optimizer
    course = Course(recipe, trial.splits, trial.objective.unit)
    best = BestWeights(recipe.early_stopping, model)
    course.scores.record(0, trial)
    for epoch in range(1, recipe.epochs + 1):
        model.train()
        losses: list[Tensor] = []
        for inputs, targets in trial.batches(epoch):
            trial.set_step(course.step + len(losses))
            optimizer.zero_grad()
            loss = trial.loss(model(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.clip_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
            optimizer.step()
            losses.append(loss.detach())
        course.note_epoch(torch.stack(losses).tolist(), trial.validation_objective())
        if course.ended == "diverged":
            break
        if epoch % score_every(recipe) == 0:
            course.scores.record(course.step, trial)
        if best.is_exhausted(course.step, course.validation[-1]):
            course.ended = "stopped early" if epoch < recipe.epochs else "completed"
            break
    course.scores.record(course.step, trial)
    course.finish(best.restore(last_step=course.step), trial)
    return course
