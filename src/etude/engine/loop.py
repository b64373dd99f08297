"""The reference engine: one training as plain PyTorch. What it does is the definition of correct."""

import math
import time
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor, nn

from etude.data.load import load
from etude.data.splits import Splits
from etude.engine.best import BestWeights
from etude.engine.machine import device_called, explained, facts, own_torch, seed_torch
from etude.engine.scoring import Scoring
from etude.engine.snapshots import n_parameters, snapshots
from etude.engine.trial import Trial, prepare
from etude.numerics.schedules import is_constant
from etude.values.curve import Curve, curve
from etude.values.recipe import Recipe
from etude.values.run import Ending, Run


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
        known = {"engine": "loop", "parameters": n_parameters(trial.model), "data": splits.checksum, **facts(device)}
        seconds = time.perf_counter() - started
        return Run(
            name=f"replicate {replicate}",
            curves=MappingProxyType(_curves(course, trial)),
            ended=course.ended,
            last_step=course.step,
            kept_step=course.kept_step,
            recipe=recipe,
            replicate=replicate,
            arrays=MappingProxyType(snapshots(trial)),
            provenance=MappingProxyType({**known, "seconds": seconds}),
            notes=splits.notes,
        )


@dataclass(slots=True)
class Course:
    """How a training goes: one step number, training and validation objective an epoch, and the scores."""

    scores: Scoring
    steps: list[int] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    step: int = 0
    kept_step: int = 0
    ended: Ending = "completed"


def fit(trial: Trial) -> Course:
    """Train the model of a trial; it ends with the kept weights, in evaluation mode."""
    recipe, model, optimizer = trial.recipe, trial.model, trial.optimizer
    course, best = Course(Scoring(trial)), BestWeights(recipe.early_stopping, model)
    score_every = recipe.score_every or max(1, math.ceil(recipe.epochs / 100))
    course.scores.record(0)
    for epoch in range(1, recipe.epochs + 1):
        model.train()
        losses: list[Tensor] = []
        for inputs, targets in trial.batches(epoch):
            trial.set_step(course.step + len(losses))
            optimizer.zero_grad()
            loss = trial.objective.function(model(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.clip_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
            optimizer.step()
            losses.append(loss.detach())
        model.eval()
        _note_epoch(course, torch.stack(losses).tolist(), trial.validation_objective())
        if course.ended == "diverged":
            break
        if epoch % score_every == 0:
            course.scores.record(course.step)
        if best.is_exhausted(course.step, course.validation[-1]):
            course.ended = "stopped early" if epoch < recipe.epochs else "completed"
            break
    course.scores.record(course.step)
    course.kept_step = best.restore(last_step=course.step)
    course.scores.record(course.kept_step)
    return course


def _note_epoch(course: Course, losses: list[float], validation: float) -> None:
    """Add one epoch's objectives; the first training loss that is not finite ends the run at its step."""
    broken = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), None)
    if broken is not None:
        course.ended = "diverged"
        losses = losses[: broken + 1]
    course.step += len(losses)
    course.steps.append(course.step)
    course.train.append(sum(losses) / len(losses))
    course.validation.append(validation)


def _curves(course: Course, trial: Trial) -> dict[str, Curve]:
    unit = trial.objective.unit
    objectives = {"train/objective": course.train, "validation/objective": course.validation}
    made = {name: curve(name, course.steps, values, unit=unit) for name, values in objectives.items()}
    if not is_constant(trial.recipe.schedule):
        rates = [trial.learning_rate(step - 1) for step in course.steps]
        made["learning_rate"] = curve("learning_rate", course.steps, rates)
    return made | course.scores.curves()
