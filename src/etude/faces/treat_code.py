"""A recipe as a script in plain PyTorch that runs as it is, on its own rows or on random ones of the right shape."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from etude.faces.treat_networks import NETWORKS
from etude.faces.treat_rows import exam_code, rows_code
from etude.values.code import Code
from etude.values.metric import Kind
from etude.values.optimizer import Adam, AdamW, Optimizer, Rmsprop, Schedule, Sgd
from etude.values.recipe import Recipe
from etude.values.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the data that a script is for.

    per_class: whether targets are class numbers, and the network has an output for each
    classes:   how many there are; 0 of numbers
    rows:      of the training and the validation part
    uneven:    whether some examples end before others, with NaN after their end
    """

    sizes: Sizes
    kind: Kind
    per_class: bool
    classes: int
    rows: tuple[int, int]
    uneven: bool = False


def code_of(recipe: Recipe, *, name: str) -> str:
    """The script for the recipe's own data; "" where plain PyTorch has no such network."""
    import numpy as np

    from etude.data.load import load
    from etude.engine.losses import objective_for

    splits = load(recipe.data, seed=recipe.seed, replicate=0)
    objective = objective_for(recipe, splits)
    shape = Shape(
        splits.sizes(objective.n_outputs(len(splits.classes))),
        splits.kind,
        objective.per_class,
        len(splits.classes),
        (len(splits.train.inputs), len(splits.validation.inputs)),
        bool(np.isnan(splits.train.inputs).any()),
    )
    return recipe_code(recipe, shape, name=name, rows=rows_code(recipe.data, per_class=objective.per_class))


def recipe_code(recipe: Recipe, shape: Shape, *, name: str, rows: str = "") -> str:
    """The whole script; "" where plain PyTorch has no such network, as of one that photographs have trained.

    rows: what reads the recipe's own rows; "": random ones, with words on where to put one's own
    """
    network = _own_model(recipe.model) if isinstance(recipe.model, Code) else NETWORKS.get(type(recipe.model), _none)
    drawn = network(recipe.model, shape)
    if not drawn:
        return ""
    parts = (
        _head(name, recipe),
        rows or _data(shape),
        *_augmentation(recipe, shape),
        drawn,
        _loss(recipe, shape),
        _steps(recipe),
        *([exam_code(recipe.data)] if rows else []),
    )
    return _joined([part.strip("\n") for part in parts if part])


def _joined(parts: list[str]) -> str:
    """The parts with a blank line between them, and with two around what defines something."""
    text = parts[0]
    for before, part in itertools.pairwise(parts):
        defines = part.startswith(("def ", "class ")) or before.splitlines()[-1].startswith("    ")
        text += ("\n\n\n" if defines else "\n\n") + part
    return text + "\n"


def _none(*_: object) -> str:
    return ""


def _own_model(model: Code) -> Callable[..., str]:
    def told(*_: object) -> str:
        return f"# The network: your own {_line(model.name)}\nmodel = build()  # your function goes here"

    return told


def _line(words: str) -> str:
    return " ".join(words.split())


def _head(name: str, recipe: Recipe) -> str:
    needed = "import copy\nimport math" if recipe.early_stopping else "import math"
    said = _line(name).replace("\\", "").replace('"', "'")
    return f'''"""{said}: what étude ended with, in plain PyTorch."""

{needed}

import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)'''


def _data(shape: Shape) -> str:
    train, validation = shape.rows
    inputs = (
        f"torch.randint(0, {shape.sizes.characters}, (rows, {shape.sizes.n_inputs})).float()"
        if shape.sizes.characters
        else f"torch.randn(rows, {shape.sizes.n_inputs})"
    )
    form = f"  # each {' × '.join(map(str, shape.sizes.inputs))}, laid flat" if len(shape.sizes.inputs) > 1 else ""
    return f"""# The data: random rows of the right shape. Put yours here, prepared as étude does: numbers less the
# training part's mean, divided by its standard deviation{_targets_said(shape)}.
def some(rows):
    inputs = {inputs}{form}
    targets = {_targets(shape)}
    return inputs, targets


(inputs, targets), (validation_inputs, validation_targets) = some({train}), some({validation})"""


def _targets(shape: Shape) -> str:
    if shape.kind == "regression":
        return "torch.randn(rows, 1)"
    if not shape.per_class:
        return "torch.randint(0, 2, (rows, 1)).float()"
    positions = f", {shape.sizes.inputs[0]}" if shape.sizes.each_position else ""
    return f"torch.randint(0, {shape.classes}, (rows{positions or ','}))"


def _targets_said(shape: Shape) -> str:
    return ", targets too" if shape.kind == "regression" else ""


def _augmentation(recipe: Recipe, shape: Shape) -> tuple[str, ...]:
    """Images mirrored and moved by chance, each epoch anew."""
    how = recipe.augment
    if how is None:
        return ()
    channels, height, width = shape.sizes.inputs
    mirror = (
        "\n    images = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(3), images)" if how.flip else ""
    )
    move = f"""
    wide = functional.pad(images, ({how.shift},) * 4, value=images.min())
    up, left = torch.randint(0, {2 * how.shift + 1}, (2, len(images)))
    images = torch.stack([wide[i, :, y : y + {height}, x : x + {width}] for i, (y, x) in enumerate(zip(up, left))])"""
    return (
        f"""def augmented(rows):
    images = rows.reshape(-1, {channels}, {height}, {width}){mirror}{move if how.shift else ""}
    return images.flatten(1)""",
    )


def _loss(recipe: Recipe, shape: Shape) -> str:
    if isinstance(recipe.loss, Code):
        return f"# The loss: your own {_line(recipe.loss.name)}\nloss_of = loss  # your function goes here"
    flat = "\n    outputs, targets = outputs.flatten(0, 1), targets.flatten(0, 1)" if shape.sizes.each_position else ""
    weights, weighed = _class_weights(recipe, shape)
    return f"""{weights}def loss_of(outputs, targets):{flat}
    losses = {_row_losses(recipe, shape)}
    return {weighed}"""


def _class_weights(recipe: Recipe, shape: Shape) -> tuple[str, str]:
    """What makes them, and what takes the mean."""
    if recipe.class_weights == "none" or not shape.classes:
        return "", "losses.mean()"
    made = f"""counts = torch.bincount(targets.flatten().long(), minlength={shape.classes})
class_weights = counts.sum() / ({shape.classes} * counts.clamp(min=1))


"""
    labels = "targets" if shape.per_class else "targets[:, 0].long()"
    return made, f"(losses * class_weights[{labels}]).mean()"


def _row_losses(recipe: Recipe, shape: Shape) -> str:
    """The loss of each row, as an expression of outputs and targets."""
    s = recipe.label_smoothing
    soft = f"targets * {1 - s:g} + {s / 2:g}" if s else "targets"
    if recipe.loss == "bce":
        return f'functional.binary_cross_entropy_with_logits(outputs, {soft}, reduction="none")[:, 0]'
    if recipe.loss == "cross_entropy":
        smoothing = f", label_smoothing={s:g}" if s else ""
        return f'functional.cross_entropy(outputs, targets{smoothing}, reduction="none")'
    if shape.kind == "regression":
        named = {"mse": "mse_loss", "l1": "l1_loss", "huber": "huber_loss"}[str(recipe.loss)]
        return f'functional.{named}(outputs, targets, reduction="none")[:, 0]'
    if not shape.per_class:
        return f'functional.mse_loss(torch.sigmoid(outputs), {soft}, reduction="none")[:, 0]'
    one_hot = f"functional.one_hot(targets, {shape.classes}).float()"
    soft = f"{one_hot} * {1 - s:g} + {s / shape.classes:g}" if s else one_hot
    return f'functional.mse_loss(outputs.softmax(dim=1), {soft}, reduction="none").mean(dim=1)'


def _sgd(spec: Sgd) -> str:
    return f"momentum={spec.momentum}, nesterov={spec.nesterov}, weight_decay={spec.coupled_weight_decay}"


def _rmsprop(spec: Rmsprop) -> str:
    said = f"alpha={spec.smoothing}, eps={spec.epsilon}, momentum={spec.momentum}"
    return f"{said}, weight_decay={spec.coupled_weight_decay}"


def _adam(spec: Adam) -> str:
    return f"betas={spec.betas}, eps={spec.epsilon}, weight_decay={spec.coupled_weight_decay}"


def _adamw(spec: AdamW) -> str:
    return f"betas={spec.betas}, eps={spec.epsilon}, weight_decay={spec.decoupled_weight_decay}"


OPTIMIZERS: Mapping[type, tuple[str, Callable[[Any], str]]] = MappingProxyType(
    {Sgd: ("SGD", _sgd), Rmsprop: ("RMSprop", _rmsprop), Adam: ("Adam", _adam), AdamW: ("AdamW", _adamw)}
)
"""Optimiser → torch's class and its arguments."""


def _optimizer(spec: Optimizer) -> str:
    kind, arguments = OPTIMIZERS[type(spec)]
    return f"optimizer = torch.optim.{kind}(model.parameters(), lr={spec.learning_rate}, {arguments(spec)})"


def _schedule(schedule: Schedule, rate: float) -> str:
    """The factor on the learning rate at a step, and what it needs; "" where it is always 1."""
    if schedule.name == "constant" and not schedule.warm_up:
        return ""
    warm = f"""    warm_up = {schedule.warm_up} * steps_an_epoch
    if step < warm_up:
        return min(1.0, (step + 1) / warm_up)
    step -= warm_up
"""
    after = {
        "constant": "    return 1.0",
        "step": f"    return {schedule.factor} ** math.floor(step / ({schedule.every} * steps_an_epoch))",
        "cosine": f"    share = step / (EPOCHS * steps_an_epoch{' - warm_up' if schedule.warm_up else ''})\n"
        f"    return {schedule.final or 0.0} + {1 - (schedule.final or 0.0):g} * (1 + math.cos(math.pi * share)) / 2",
    }[schedule.name]
    return f"""RATE, steps_an_epoch = {rate}, math.ceil(len(inputs) / BATCH)


def rate_factor(step):
{warm if schedule.warm_up else ""}{after}

"""


def _steps(recipe: Recipe) -> str:
    stop, schedule = recipe.early_stopping, _schedule(recipe.schedule, recipe.optimizer.learning_rate)
    size = recipe.batch_size or "len(inputs)"
    shown = "augmented(inputs[rows])" if recipe.augment else "inputs[rows]"
    rate = '\n        for group in optimizer.param_groups:\n            group["lr"] = RATE * rate_factor(step)'
    clip = f"\n        nn.utils.clip_grad_norm_(model.parameters(), {recipe.clip_norm})"
    diverged = '\n        if not math.isfinite(loss.item()):\n            raise SystemExit(f"diverged at step {step}")'
    best = "\nbest, best_weights, waited = math.inf, copy.deepcopy(model.state_dict()), 0" if stop else ""
    return f"""{_optimizer(recipe.optimizer)}
EPOCHS, BATCH = {recipe.epochs}, {size}
{schedule}
step = 0{best}
for epoch in range(1, EPOCHS + 1):
    model.train()
    for rows in torch.randperm(len(inputs)).split(BATCH):{rate if schedule else ""}
        optimizer.zero_grad()
        loss = loss_of(model({shown}), targets[rows])
        loss.backward(){clip if recipe.clip_norm else ""}
        optimizer.step()
        step += 1{diverged if recipe.stop_on_divergence else ""}
    model.eval()
    with torch.no_grad():
        validation = loss_of(model(validation_inputs), validation_targets).item()
{_stopping(stop.patience, stop.min_delta) if stop else ""}    if epoch % max(1, EPOCHS // 10) == 0:
        print(f"epoch {{epoch}}: training loss {{loss.item():.4g}}, validation loss {{validation:.4g}}")
{"model.load_state_dict(best_weights)  # those of the best validation epoch" if stop else ""}
"""


def _stopping(patience: int, min_delta: float) -> str:
    least = f" - {min_delta}" if min_delta else ""
    return f"""    if validation < best{least}:
        best, best_weights, waited = validation, copy.deepcopy(model.state_dict()), 0
    else:
        waited += 1
        if waited >= {patience}:
            print(f"stopped after epoch {{epoch}}")
            break
"""
