"""Fitting the verdicts' constants on the bank's fitting part, and judging them by leaving parts of it out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from bank.runs import BankRun
from numpy.typing import NDArray
from scipy.optimize import minimize

from etude.diagnosis.case import Case
from etude.diagnosis.evidence import Evidence, evidence_of
from etude.diagnosis.verdict import VERDICTS, Model, confirmed, known, numbers, standardised
from etude.numerics.trends import running_median
from etude.values.curve import Curve, curve

Floats = NDArray[np.float64]

PENALTY = 3e-3
"""Of the squared weights, against the mean log likelihood. With 1e-2 five of the six views name rare verdicts worse,
data sets and architectures left out."""

STEPS = 300
"""Steps of the fit at most."""

OBSERVED = frozenset({"diverged", "not learning"})
"""Verdicts that are seen on the run itself: there the model is taught that one alone, whatever would help it."""

VIEWS: tuple[tuple[str, ...], ...] = (
    ("train", "validation", "recipe"),
    ("train", "validation"),
    ("train", "recipe"),
    ("train",),
    ("validation", "recipe"),
    ("validation",),
)
"""What may be known of a run; a model is fitted for each."""


EMPTY = Model((), np.zeros(0), np.zeros(0), np.zeros((len(VERDICTS), 1)))


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A run of the bank as one view shows it. `weighed`: its numbers, in the alphabetical order of their names."""

    run: BankRun
    evidence: Evidence
    weighed: Floats


def samples(runs: Sequence[BankRun], view: Sequence[str], *, smooth: bool = False) -> list[Sample]:
    """The runs as a log with those parts would show them; those of which nothing can be weighed are left out.

    smooth: with their noise taken off, as trackers show them, and as whole-batch training makes them
    """
    seen = ((run, evidence_of(seen_as(run, view, smooth=smooth))) for run in runs)
    return [
        Sample(run, evidence, numbers(sorted(evidence.values), evidence.values))
        for run, evidence in seen
        if evidence.finite and known(evidence.values) == " ".join(view)
    ]


def seen_as(run: BankRun, view: Sequence[str], *, smooth: bool = False) -> Case:
    """The case of which only these parts are known."""
    curves = {name: _smoothed(one) if smooth else one for name, one in run.run.curves.items()}
    train, validation = (curves[f"{split}/objective"] if split in view else None for split in ("train", "validation"))
    recipe = run.run.recipe if "recipe" in view else None
    return Case(run.run, train, validation, higher=False, recipe=recipe)


def _smoothed(one: Curve) -> Curve:
    """A running median over a sixth of the values, and a running mean over a tenth of them."""
    if one.values.size < 6 or not np.isfinite(one.values).all():
        return one
    level = running_median(one.values, max(3, one.values.size // 6) | 1)
    reach = max(1, level.size // 20)
    padded = np.pad(level, reach, mode="reflect", reflect_type="odd")
    mean = np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), mode="valid")
    return curve(one.name, one.steps, mean)


def fitted(given: Sequence[Sample]) -> Model:
    """The model of these samples: multinomial logistic, by penalised likelihood of any accepted verdict."""
    names = tuple(sorted(given[0].evidence.values))
    table = np.array([one.weighed for one in given])
    centre, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    empty = Model(names, centre, scale, np.zeros((len(VERDICTS), 2 * len(names) + 1)))
    weights = _most_likely(standardised(empty, table), taught(given))
    return Model(names, centre, scale, weights)


def taught(given: Sequence[Sample]) -> NDArray[np.bool_]:
    """Which verdicts are right of each sample, shape (samples, verdicts)."""
    return np.array([[verdict in _right(one.run) for verdict in VERDICTS] for one in given])


def _right(run: BankRun) -> frozenset[str]:
    return frozenset({run.truth.verdict}) if run.truth.verdict in OBSERVED else frozenset(run.truth.accepted)


def _most_likely(z: Floats, right: NDArray[np.bool_]) -> Floats:
    n, k = z.shape
    v = right.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(v, k)
        p = softmax(z @ weights.T)
        some = (p * right).sum(axis=1) + 1e-12
        shrunk = weights.copy()
        shrunk[:, -1] = 0
        slope = (p - p * right / some[:, None]).T @ z / n + PENALTY * shrunk
        return float(-np.log(some).mean() + PENALTY * (shrunk**2).sum() / 2), slope.ravel()

    found = minimize(loss, np.zeros(v * k), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return np.asarray(found.x).reshape(v, k)


def softmax(logits: Floats) -> Floats:
    """Shares of each row, shape (n, verdicts)."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def probabilities(model: Model, given: Sequence[Sample]) -> Floats:
    """Of each verdict, shape (samples, verdicts)."""
    z = standardised(model, np.array([one.weighed for one in given]))
    return softmax(z @ model.weights.T)


def left_out(given: Sequence[Sample]) -> Floats:
    """The probabilities of each sample, shape (samples, verdicts), by a model that has seen neither its data set nor
    its architecture.
    """
    found = np.zeros((len(given), len(VERDICTS)))
    for data, architecture in sorted({(one.run.data, one.run.architecture) for one in given}):
        mine = [i for i, one in enumerate(given) if (one.run.data, one.run.architecture) == (data, architecture)]
        others = [one for one in given if one.run.data != data and one.run.architecture != architecture]
        found[mine] = probabilities(fitted(others), [given[i] for i in mine])
    return found


def right(given: Sequence[Sample], found: Floats) -> NDArray[np.bool_]:
    """Whether the likeliest verdict of each sample is one that interventions confirm, shape (samples,)."""
    said = [VERDICTS[i] for i in found.argmax(axis=1)]
    return np.array([verdict in one.run.truth.accepted for verdict, one in zip(said, given, strict=True)])


def sureness(given: Sequence[Sample], found: Floats) -> tuple[float, float]:
    """How the share of the likeliest verdict turns into the probability that it is confirmed: Platt's two numbers.

    Source: Platt (1999), Probabilistic outputs for support vector machines.
    """
    top = np.clip(found.max(axis=1), 1e-6, 1 - 1e-6)
    logit, was = np.log(top / (1 - top)), right(given, found)

    def loss(ab: Floats) -> float:
        z = ab[0] + ab[1] * logit
        return float(np.mean(np.logaddexp(0, z) - was * z))

    a, b = minimize(loss, np.array([0.0, 1.0]), method="Nelder-Mead").x
    return float(a), float(b)


def threshold(model: Model, given: Sequence[Sample], found: Floats, *, alarms: float) -> float:
    """The least probability of an illness at which no more than that share of healthy runs is called ill."""
    well = VERDICTS.index("good fit")
    healthy = [i for i, one in enumerate(given) if one.run.truth.accepted == {"good fit"}]
    ill = [confirmed(model, float(found[i].max())) if int(found[i].argmax()) != well else 0.0 for i in healthy]
    return max(0.5, float(np.quantile(ill, 1 - alarms)))


def stated(given: Sequence[Sample], found: Floats) -> Floats:
    """The probability that each likeliest verdict is confirmed, sureness learned on other data, shape (samples,)."""
    chances, data = np.zeros(len(given)), np.array([one.run.data for one in given])
    for name in sorted(set(data)):
        others, mine = np.flatnonzero(data != name), np.flatnonzero(data == name)
        sure = sureness([given[i] for i in others], found[others])
        chances[mine] = [confirmed(replace(EMPTY, sure=sure), float(share)) for share in found[mine].max(axis=1)]
    return chances


def together(given: Sequence[Sample], found: Floats, power: float) -> tuple[list[Sample], Floats]:
    """Arms as `etude.diagnosis.pooling` sees them: mean shares over replicates, to that power, and made to sum to 1."""
    arms: dict[str, list[int]] = {}
    for i, one in enumerate(given):
        arms.setdefault(one.run.arm, []).append(i)
    mean = np.array([found[rows].mean(axis=0) for rows in arms.values()]) ** power
    return [_typical([given[i] for i in rows]) for rows in arms.values()], mean / mean.sum(axis=1, keepdims=True)


def _typical(of: Sequence[Sample]) -> Sample:
    most = Counter(one.run.truth.verdict for one in of).most_common(1)[0][0]
    return next(one for one in of if one.run.truth.verdict == most)


def plain(models: Mapping[str, Model]) -> dict[str, dict[str, object]]:
    """The models as JSON, four digits of each number."""
    return {
        key: {
            "names": list(model.names),
            "centre": _digits(model.centre),
            "scale": _digits(model.scale),
            "weights": [_digits(row) for row in model.weights],
            "sure": _digits(np.array(model.sure)),
            "ill": round(model.ill, 3),
        }
        for key, model in models.items()
    }


def _digits(numbers: Floats) -> list[float]:
    return [float(f"{number:.4g}") for number in numbers]
