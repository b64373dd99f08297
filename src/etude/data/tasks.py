"""Drawing a synthetic task: the pool, its flips and split, the test set, and the best possible score."""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

import numpy as np

from etude.data.encode import splits
from etude.data.partition import smallest_keys
from etude.data.source import Floats, Source, normal
from etude.data.splits import Part, Splits
from etude.numerics.limits import binary_limits, regression_limits
from etude.numerics.seeds import stream
from etude.values.data import Task
from etude.values.errors import RecipeError
from etude.values.metric import Limit

LIMIT_ROWS = 2**16
"""Quasi-random rows behind each limit, a power of 2; its error is below 5e-4 (docs/data.md)."""

MOST_BYTES = 4 * 2**30
"""Bytes of the numbers drawn for one replicate; drawing takes a few times as much memory, and a laptop has 16 GiB."""
MOST_NOISE = 1e6
"""A million times the height of the pattern; squares of it still leave ten digits to R²."""

Uniforms = Callable[[Literal["inputs", "noise"], int], Floats]
"""Column j of the uniform numbers for inputs or for noise, each from a stream of its own, shape (rows,)."""


def check_task(source: Source, task: Task) -> None:
    """A RecipeError where the task cannot be drawn as described."""
    features = _features(source, task)
    if features < source.pattern:
        raise RecipeError(
            f"task {task.task!r} with features={features}: its pattern uses {source.pattern} features. "
            f"Ask for {source.pattern} or more; those beyond {source.pattern} are distractors."
        )
    _check_size(task, features)
    if task.flip and source.kind == "regression":
        raise RecipeError(
            f"task {task.task!r} with flip={task.flip}: it predicts a number, and only labels can be flipped. "
            "Leave flip out, and set noise instead."
        )
    if task.noise is not None and source.noise is None:
        raise RecipeError(
            f"task {task.task!r} with noise={task.noise}: its labels follow from the inputs without noise. "
            "Leave noise out, and set flip instead."
        )
    if task.noise is not None and task.noise < source.least_noise:
        raise RecipeError(
            f"task {task.task!r} with noise={task.noise}: below {source.least_noise} the Bayes limit cannot be "
            f"computed reliably. Set noise to {source.least_noise} or more."
        )
    if task.noise is not None and task.noise > MOST_NOISE:
        raise RecipeError(
            f"task {task.task!r} with noise={task.noise:g}: beyond {MOST_NOISE:g} nothing of the pattern is left, and "
            f"sums of squares lose their digits. Set noise to {MOST_NOISE:g} or less."
        )
    kept = _validation_rows(task)
    if not 1 <= kept <= task.rows - 2:
        raise RecipeError(
            f"task {task.task!r}: {task.rows} rows with validation={task.validation} leave {task.rows - kept} to learn "
            f"from and {kept} to validate on; at least 2 and 1 are needed. Ask for more rows or another share."
        )


def _check_size(task: Task, features: int) -> None:
    if 8 * features * (task.rows + task.test_rows) <= MOST_BYTES:
        return
    rows, test_rows, each = (_digits(n) for n in (task.rows, task.test_rows, features))
    raise RecipeError(
        f"task {task.task!r} with rows={rows}, test_rows={test_rows}, features={each}: (rows + test_rows) × features "
        f"× 8 bytes are more than {MOST_BYTES / 2**30:g} GiB, which is the most that is drawn for one replicate. "
        "Ask for fewer rows or features. Nothing was drawn."
    )


def draw_task(source: Source, task: Task, *, seed: int, replicate: int) -> Splits:
    """The rows of one replicate.

    Every column, the flips and the split come from streams of their own, in row order: fewer rows are the first rows of
    more, another distractor changes nothing else, and the labels flipped at 5 % are among those flipped at 10 %.
    """

    def pool(of: Literal["inputs", "noise"], j: int) -> Floats:
        return stream(seed, replicate, of, j).random(task.rows)

    def fresh(of: Literal["inputs", "noise"], j: int) -> Floats:
        return stream(seed, replicate, "test", int(of == "noise"), j).random(task.test_rows)

    inputs, clean = _rows(source, task, pool)
    flipped = stream(seed, replicate, "flips").random(task.rows) < task.flip
    targets = np.where(flipped, 1 - clean, clean)
    kept = smallest_keys(stream(seed, replicate, "split").random(task.rows), _validation_rows(task))
    test, test_targets = _rows(source, task, fresh)
    if source.kind == "binary":
        test_targets = flipped_truth(source, task, test)
    return splits(
        parts=(
            _part(inputs[~kept], targets[~kept]),
            _part(inputs[kept], targets[kept]),
            _part(test, test_targets),
        ),
        kind=source.kind,
        classes=("0", "1") if source.kind == "binary" else (),
        features=tuple(f"x{j + 1}" for j in range(inputs.shape[1])),
        notes=(),
    )


def flipped_truth(source: Source, task: Task, inputs: Floats) -> Floats:
    """P(y = 1 | x) with flips, p(1 − f) + (1 − p)f, of inputs of shape (rows, features), shape (rows,)."""
    p = source.truth(inputs[:, : source.pattern], _noise(source, task))
    return p * (1 - task.flip) + (1 - p) * task.flip


@lru_cache(maxsize=64)
def task_limits(source: Source, task: Task) -> Mapping[str, Limit]:
    """Chance, best constant and Bayes limit, integrated over quasi-random rows."""
    inputs, targets = source.draw(
        _quasi_random(LIMIT_ROWS, source.from_inputs + source.from_noise), _noise(source, task)
    )
    if source.kind == "binary":
        return binary_limits(flipped_truth(source, task, inputs), bayes=True)
    return regression_limits(targets, noise=_noise(source, task))


def task_fingerprint(source: Source) -> str:
    """sha256 of the task's name and version, which together fix what a seed draws."""
    return hashlib.sha256(f"task {source.name} version {source.version}".encode()).hexdigest()


def _rows(source: Source, task: Task, column: Uniforms) -> tuple[Floats, Floats]:
    """Inputs with distractors, shape (rows, features), and labels before flips or numbers, shape (rows,)."""
    own = [column("inputs", j) for j in range(source.from_inputs)]
    blur = [column("noise", j) for j in range(source.from_noise)]
    inputs, targets = source.draw(np.stack([*own, *blur], axis=1), _noise(source, task))
    extra = range(source.pattern, _features(source, task))
    distractors = [source.spread * normal(column("inputs", j)) for j in extra]
    return np.column_stack([inputs, *distractors]), targets


def _quasi_random(rows: int, columns: int) -> Floats:
    """Evenly spread points of the unit cube, the same each time, shape (rows, columns); `rows` is a power of 2."""
    from scipy.stats import qmc  # slow to import, and most uses of étude need no limits

    return np.asarray(qmc.Sobol(columns, seed=0).random(rows))


def _part(inputs: Floats, targets: Floats) -> Part:
    return Part(inputs.astype(np.float32), targets)


def _features(source: Source, task: Task) -> int:
    return source.pattern if task.features is None else task.features


def _noise(source: Source, task: Task) -> float:
    return (source.noise or 0.0) if task.noise is None else task.noise


def _digits(n: int) -> str:
    return f"{n:,}" if n < 10**15 else "10^15 or more"


def _validation_rows(task: Task) -> int:
    return int(np.floor(task.rows * task.validation + 0.5))
