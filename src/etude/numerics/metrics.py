"""The common scores of a run, at many steps at once, each with its sampling standard error over examples.

Predictions are logits, because a probability that was rounded to 0 or 1 has lost its log loss. Everything is
computed in float64. A step at which any prediction is NaN or infinite scores NaN: a run that diverged is data.

A small network trains in milliseconds, and its scores must not cost more than that. So steps are scored in blocks,
through arrays that every block overwrites: fresh memory would cost as much again as the arithmetic.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Given = NDArray[Any]
"""Predictions or targets in whatever type of number they came."""
Scores = Mapping[str, tuple[Floats, Floats]]
"""Metric → (values, standard errors), each of shape (steps,)."""

BINS = 15
"""Equal-mass bins of the calibration error (Guo et al. 2017, arXiv:1706.04599, use 15)."""

BLOCK = 300_000
"""Numbers of working memory that steps are scored in, 2.4 MB: fewer pay more for calls, more leave the cache."""

MOST_KEPT = 2**21
"""Numbers that a thread keeps to work in, 16 MiB; a step that needs more has fresh memory, which costs as much again
as the arithmetic in it."""


def classification_scores(logits: ArrayLike, targets: ArrayLike) -> Scores:
    """Log loss (nats), Brier score, accuracy and debiased calibration error.

    logits:  binary: log odds of class 1, shape (steps, rows); multiclass: unnormalised log probabilities, shape
             (steps, rows, classes)
    targets: shape (rows,). Binary: labels 0 or 1, or probabilities of class 1; each score is then its expectation
             over the labels, so label noise adds nothing to its standard error. Multiclass: class numbers.

    Brier: binary (p − y)²; multiclass the sum over classes of (p_k − y_k)², so twice the binary form for two
    classes (Brier 1950). Accuracy: classes that tie for the largest probability share the credit, so a predictor
    that knows nothing scores 1/classes. Calibration: see `calibration_error`; of P(class 1) for binary, of the
    likeliest class for multiclass.

    >>> scores = classification_scores([[0.0, 0.0]], [0, 1])
    >>> {name: float(values[0].round(4)) for name, (values, errors) in scores.items()}
    {'log_loss': 0.6931, 'brier': 0.25, 'accuracy': 0.5, 'calibration': -0.25}
    """
    given, truth = np.asarray(logits), np.asarray(targets)
    fill = _binary if given.ndim == 2 else _multiclass
    parts = []
    with np.errstate(over="ignore", invalid="ignore"):  # of steps that are broken, or of a single row
        for block, work in _blocks(given):
            fill(block, truth, work)
            parts.append((_bin_sums(work), *_moments(work.scores)))
        bins, means, deviations = _joined(parts)
        named = zip(("log_loss", "brier", "accuracy"), means, _errors(deviations, given.shape[1]), strict=True)
        found = {name: (values, errors) for name, values, errors in named}
        return _unbroken(found | {"calibration": _debiased(bins, given.shape[1])}, given)


def regression_scores(predictions: ArrayLike, targets: ArrayLike) -> Scores:
    """Mean squared error, mean absolute error and R², in the target's unit.

    predictions: shape (steps, rows); targets: shape (rows,).

    R² = 1 − a/b with a the mean squared error and b the mean squared distance of the targets from their own mean.
    Its standard error is by the delta method: row i contributes −(e_i² − (a/b) d_i²)/b; that the mean is estimated
    changes nothing to first order. NaN where all targets are equal.

    >>> values, errors = regression_scores([[1.0, 2.0, 4.0]], [1, 2, 3])["r2"]
    >>> float(values[0])
    0.5
    """
    given, truth = np.asarray(predictions), np.asarray(targets, dtype=np.float64)
    parts = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # float64's end is a diverged run as well
        distance = (truth - truth.mean()) ** 2
        spread = distance.mean() if distance.any() else np.nan
        for block, work in _blocks(given):
            squared, absolute, surplus = work.scores
            np.subtract(block, truth, out=surplus)
            np.abs(surplus, out=absolute)
            np.multiply(surplus, surplus, out=squared)
            np.multiply(distance, squared.mean(axis=1, keepdims=True) / spread, out=surplus)
            np.subtract(squared, surplus, out=surplus)
            parts.append(_moments(work.scores))
        means, deviations = _joined(parts)
        squares, sizes, surpluses = _errors(deviations, truth.size)
        found = {
            "squared_error": (means[0], squares),
            "absolute_error": (means[1], sizes),
            "r2": (1 - means[0] / spread, surpluses / spread),
        }
        return _unbroken(found, given)


def calibration_error(stated: Floats, happened: Floats) -> tuple[Floats, Floats]:
    """Squared L2 calibration error without the bias of small bins, and its standard error.

    stated:   probability given to an event, shape (steps, rows)
    happened: whether it did (0 or 1), or the probability that it does, same shape or (rows,)

    Rows are sorted by stated probability into `BINS` bins of equal mass (at most half as many bins as rows; equal
    probabilities stay in one bin). With r = happened − stated, a bin of m rows, mean residual d and variance s² (over
    m − 1), the squared mean overstates by its own variance, so a bin contributes U = d² − s²/m, the mean of r_i r_j
    over all pairs i ≠ j: unbiased, so it may be negative. The error is the mean of U weighted by m.

    With probabilities q instead of labels U is exactly its expectation over the labels: these add
    q(1 − q) to the expectation of each r_i², which U does not contain, and nothing to that of r_i r_j.

    Var U = 4 δ²σ²/m + 2 σ⁴/(m(m − 1)) in a bin with mean δ and variance σ² (Hoeffding 1948, for the kernel r_i r_j).
    Rows fall into other bins in another sample, which adds the variance of δ² between bins over n. The standard error
    puts U and s² in the place of δ² and σ², clamped at 0 in sums only: clamping each bin would overstate. In
    simulations of 200 to 5,000 rows it is within 15 % of the spread, but up to 25 % too large for a calibrated
    predictor scored on labels.
    Source: Kumar, Liang and Ma (2019), arXiv:1909.10155, section 5, with the variance of y replaced by that of r,
    which also holds where probabilities vary within a bin.

    >>> values, errors = calibration_error(np.full((1, 4), 0.5), np.array([1.0, 1.0, 1.0, 1.0]))
    >>> float(values[0]), float(errors[0])
    (0.25, 0.0)
    """
    work = _work(stated.shape)
    work.stated[...] = stated
    np.subtract(happened, stated, out=work.residual)
    with np.errstate(invalid="ignore"):  # a single row has no pairs
        return _debiased(_bin_sums(work), stated.shape[1])


class _Work(NamedTuple):
    """The arrays that a block is scored in.

    scores:   what is averaged over rows, shape (3, steps, rows)
    stated, residual: probability of the event that is judged for calibration, and happened − stated,
              shape (steps, rows)
    spare:    shape (steps, rows)
    cell, above: for the bins, see `_bin_sums`; shapes (steps, rows) and (bins − 1, steps, rows)
    logits:   of each class, classes first, so that a sum over classes adds whole arrays; shape (classes, steps, rows)
    """

    scores: Floats
    stated: Floats
    residual: Floats
    spare: Floats
    cell: NDArray[np.int64]
    above: NDArray[np.bool_]
    logits: Floats


def _work(shape: tuple[int, ...]) -> _Work:
    """Arrays for predictions of shape (steps, rows) or (steps, rows, classes), which the next call gives out again."""
    steps, rows = shape[:2]
    n, edges, arrays = steps * rows, _n_bins(rows) - 1, _n_arrays(shape)
    memory = _memory(arrays * n).reshape(arrays, steps, rows)
    above = memory[7:9].reshape(-1).view(np.bool_)[: edges * n].reshape(edges, steps, rows)
    stated, residual, spare, cell = memory[3:7]
    return _Work(memory[:3], stated, residual, spare, cell.view(np.int64), above, memory[9:])


def _n_arrays(shape: tuple[int, ...]) -> int:
    """How many arrays of shape (steps, rows) a block takes: nine, and one a class; two hold all of `above`."""
    return 9 + sum(shape[2:])


class _Kept(threading.local):
    numbers = np.empty(0)


_kept = _Kept()


def _memory(n: int) -> Floats:
    """`n` numbers of any value, in memory that this thread keeps."""
    if n > MOST_KEPT:
        return np.empty(n)
    if _kept.numbers.size < n:
        _kept.numbers = np.empty(max(n, BLOCK))
    return _kept.numbers[:n]


def _blocks(given: Given) -> Iterator[tuple[Given, _Work]]:
    """A few steps at a time of predictions, with arrays to score them in."""
    steps, rows = given.shape[:2]
    at_once = max(1, BLOCK // max(1, rows * _n_arrays(given.shape)))
    for start in range(0, max(1, steps), at_once):
        block = given[start : start + at_once]
        yield block, _work(block.shape)


def _joined(parts: Sequence[tuple[Floats, ...]]) -> tuple[Floats, ...]:
    """What the blocks gave, joined along their steps."""
    return tuple(np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))


def _binary(block: Given, targets: Given, work: _Work) -> None:
    log_loss, brier, credit = work.scores
    q, p, residual = targets.astype(np.float64), work.stated, work.residual
    z, e, sign = work.spare, brier, credit
    z[...] = block
    np.sign(z, out=sign)
    np.exp(np.copysign(z, -1, out=e), out=e)  # exp(-|z|) never overflows
    np.divide(np.maximum(e, sign, out=p), np.add(e, 1, out=residual), out=p)  # 1/(1 + e) or, of negative z, e/(1 + e)
    # log(1 + exp z) - q z without cancellation, for both labels at once
    np.subtract(np.maximum(z, 0, out=log_loss), np.multiply(z, q, out=z), out=log_loss)
    log_loss += np.log1p(e, out=e)
    np.subtract(q, p, out=residual)
    np.multiply(residual, residual, out=brier)
    brier += q * (1 - q)
    credit *= q - 0.5
    credit += 0.5


def _multiclass(block: Given, targets: Given, work: _Work) -> None:
    log_loss, brier, credit = work.scores
    z, total, label = work.logits, work.spare, work.cell
    np.add(targets.astype(np.int64) * total.size, np.arange(total.size).reshape(total.shape), out=label)
    z[...] = np.moveaxis(block, 2, 0)
    z -= z.max(axis=0, out=total)
    at_label = z.take(label)
    np.divide(at_label == 0, np.equal(z, 0).sum(axis=0, dtype=np.uint16), out=credit)
    e = np.exp(z, out=z)
    e.sum(axis=0, out=total)
    np.subtract(np.log(total, out=log_loss), at_label, out=log_loss)
    p = np.divide(1, total, out=work.stated)
    np.einsum("crs,crs->rs", e, e, out=brier)  # Σ p² - 2 p_label + 1, with p = e/total
    brier *= p
    brier -= 2 * e.take(label)
    brier *= p
    brier += 1
    np.subtract(credit, p, out=work.residual)


def _bin_sums(work: _Work) -> Floats:
    """Rows, and sums of residuals and of their squares, in each bin, shape (3, steps, bins).

    With edges e_k, the values of sorted rank ⌈k·rows/bins⌉ − 1, the bin of v is the number of edges below v. So equal
    values share the bin of the first of them, whatever the order of rows, and no row need be told its rank.
    """
    steps, rows = work.stated.shape
    n_bins = _n_bins(rows)
    work.spare[...] = work.stated
    work.spare.sort(axis=1)
    edges = work.spare[:, -(-np.arange(1, n_bins) * rows // n_bins) - 1]
    np.greater(work.stated, edges.T[:, :, None], out=work.above)
    below = work.above.view(np.uint8).sum(axis=0, dtype=np.uint8)
    cell = np.add(below, n_bins * np.arange(steps)[:, None], out=work.cell).ravel()
    squares = np.multiply(work.residual, work.residual, out=work.spare)
    weights = (None, work.residual.ravel(), squares.ravel())
    sums = [np.bincount(cell, weight, steps * n_bins) for weight in weights]
    return np.stack(sums).reshape(3, steps, n_bins).astype(np.float64, copy=False)


def _n_bins(rows: int) -> int:
    return max(1, min(BINS, rows // 2))


def _debiased(bins: Floats, rows: int) -> tuple[Floats, Floats]:
    """`calibration_error` from the sums of its bins."""
    size, sums, squares = bins
    paired = size >= 2  # a row alone says nothing about its bin's variance
    m = np.where(paired, size, 2.0)
    variance = np.maximum(squares - sums**2 / m, 0) / (m - 1)
    unbiased = (sums / m) ** 2 - variance / m
    noise = 2 * variance**2 / (m * (m - 1))
    signal = 4 * unbiased * variance / m
    counted = np.where(paired, size, 0)
    weight = counted / counted.sum(axis=1, keepdims=True)  # of a single row, which has no pairs, 0/0
    values = (weight * unbiased).sum(axis=1)
    within = (weight**2 * noise).sum(axis=1) + np.maximum((weight**2 * signal).sum(axis=1), 0)
    between = (weight * (unbiased**2 - noise - signal)).sum(axis=1) - values**2 + within
    return values, np.sqrt(within + np.maximum(between, 0) / rows)


def _moments(scores: Floats) -> tuple[Floats, Floats]:
    """Means over rows and sums of squared deviations from them, shapes (scores, steps); overwrites the scores."""
    means = scores.mean(axis=2)
    scores -= means[:, :, None]  # the second pass: a difference of large sums would lose the digits of small errors
    return means, np.einsum("kij,kij->ki", scores, scores)


def _errors(deviations: Floats, rows: int) -> Floats:
    """Standard errors of means, sd/√rows; NaN of a single row, which is 0/0."""
    return np.asarray(np.sqrt(deviations / np.float64(rows - 1) / rows))


def _unbroken(found: Scores, given: Given) -> Scores:
    """The scores, but NaN at each step at which a prediction is NaN or infinite."""
    whole = np.isfinite(given).all(axis=tuple(range(1, given.ndim)))
    return {
        name: (np.where(whole, values, np.nan), np.where(whole, errors, np.nan))
        for name, (values, errors) in found.items()
    }
