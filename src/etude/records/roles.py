"""From a log to a run: which series are training and validation, on which axis, and what was assumed to say so."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.records.logged import Log, Series
from etude.records.names import Meaning, meaning
from etude.records.placing import placed, placed_pair
from etude.values.curve import Curve, frozen
from etude.values.errors import LogError
from etude.values.metric import Split
from etude.values.nearest import nearest
from etude.values.run import Run

PLAIN = ("loss", "objective", "log loss", "cross entropy", "nll")
"""Names of what is minimised, the plainest first."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user says of a log; None: as it is found.

    train, validation: names of series
    x:                 "step", "epoch" or "row"
    higher_is_better:  of what is judged
    """

    train: str | None = None
    validation: str | None = None
    x: str | None = None
    higher_is_better: bool | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """Which series are judged; None: there is none. `higher`: whether more of them is better."""

    train: Series | None
    validation: Series | None
    higher: bool
    notes: tuple[str, ...]


def run_of(log: Log, choices: Choices) -> Run:
    """The run of a log; a LogError where no series measures how good the model is.

    What is judged becomes "train/objective" and "validation/objective", or "…/score" where more is better; every other
    series keeps its name.
    """
    roles = roles_of(log, choices)
    judged = {split: one for split, one in (("train", roles.train), ("validation", roles.validation)) if one}
    axis = placed_pair(tuple(judged.values()), choices.x)
    word = "score" if roles.higher else "objective"
    curves = {f"{split}/{word}": one for split, one in zip(judged, axis.curves, strict=True)}
    others = placed(tuple(one for one in log.series if one not in judged.values()), axis.x)
    named = {one.name: one for one in others.curves}
    all_curves = {name: _renamed(curve, name) for name, curve in (named | curves).items()}
    took = {f"{split} is": one.name for split, one in judged.items()}
    return Run(
        name=log.name,
        curves=MappingProxyType(all_curves),
        last_step=max((int(curve.steps[-1]) for curve in curves.values() if curve.steps.size), default=0),
        kept_step=max((int(curve.steps[-1]) for curve in curves.values() if curve.steps.size), default=0),
        provenance=MappingProxyType({**log.facts, **took, "format": log.format, "x": axis.x}),
        notes=(*log.notes, *roles.notes, *axis.notes),
        lost=log.lost,
        files=log.files,
    )


def roles_of(log: Log, choices: Choices) -> Roles:
    """Which series are training and validation: as the user says, or else by their names."""
    by_name = {one.name: one for one in log.series}
    train, validation = (_chosen(by_name, name, log) for name in (choices.train, choices.validation))
    if train is None and validation is None:
        return _found(log, choices)
    if train is None or validation is None:
        with suppress(LogError):  # the other one may have a name that tells nothing
            found = _found(log, choices)
            train = train or (None if found.train is validation else found.train)
            validation = validation or (None if found.validation is train else found.validation)
    given = meaning((validation or train or log.series[0]).name)
    higher = choices.higher_is_better if choices.higher_is_better is not None else given.kind == "score"
    return Roles(train, validation, higher, ())


def _chosen(by_name: dict[str, Series], name: str | None, log: Log) -> Series | None:
    if name is None:
        return None
    if name not in by_name:
        raise LogError(f"{log.name} has no series {name!r}. {nearest(name, by_name)}")
    return by_name[name]


def _found(log: Log, choices: Choices) -> Roles:
    means = {one.name: meaning(one.name) for one in log.series}
    for kind in ("loss", "score"):
        measured = [one for one in log.series if means[one.name].kind == kind and one.values.size]
        if measured:
            higher = kind == "score" if choices.higher_is_better is None else choices.higher_is_better
            return _pair(measured, means, higher=higher)
    lone = [one for one in log.series if one.values.size]
    if len(lone) == 1:
        says = f"{lone[0].name!r} is the only series, and was taken for a training loss"
        return Roles(lone[0], None, bool(choices.higher_is_better), (says,))
    names = ", ".join(repr(one.name) for one in lone[:12]) or "none"
    raise LogError(
        f"{log.name}: no series has a name that tells a loss or a score. There are: {names}. "
        "Say which with --train and --validation. Nothing was judged."
    )


def _pair(measured: Sequence[Series], means: dict[str, Meaning], *, higher: bool) -> Roles:
    """The best pair of one base: the plainest name, on both splits, an epoch's mean rather than a batch's."""
    held = _of(measured, means, ("validation",)) or _of(measured, means, ("test",))
    train = [one for one in measured if one not in held and means[one.name].split in ("train", None)]
    bases = {means[one.name].base for one in held} | {means[one.name].base for one in train}
    shared = {means[one.name].base for one in held} & {means[one.name].base for one in train}
    base = min(shared or bases, key=lambda words: (_plainness(words), words))
    summed = _summed(measured, held, train, means) if _plainness(base) == len(PLAIN) + 1 else None
    if summed:
        return Roles(*summed, higher, ("the parts of the loss were added up",))
    tested = bool(held) and means[held[0].name].split == "test"
    notes = ("there is no validation series; the test series was taken for one",) if tested else ()
    return Roles(_best(train, means, base), _best(held, means, base), higher, notes)


def _of(measured: Iterable[Series], means: dict[str, Meaning], splits: tuple[Split, ...]) -> list[Series]:
    return [one for one in measured if means[one.name].split in splits]


def _plainness(base: str) -> int:
    """0 for the plainest name of a loss."""
    if base in PLAIN:
        return PLAIN.index(base)
    return len(PLAIN) + ("loss" in base.split())


def _best(series: Sequence[Series], means: dict[str, Meaning], base: str) -> Series | None:
    """Of that base: epoch means first, then what names its split, then what has the most values."""
    of_base = [one for one in series if means[one.name].base == base]
    order = {"epoch": 0, None: 1, "step": 2}
    return min(
        of_base,
        key=lambda one: (order[means[one.name].per], means[one.name].split is None, -one.values.size, len(one.name)),
        default=None,
    )


def _summed(
    measured: Sequence[Series], held: Sequence[Series], train: Sequence[Series], means: dict[str, Meaning]
) -> tuple[Series, Series] | None:
    """Losses of several parts on both splits, such as box and class, as their sums; None where there is one part."""
    parts = [
        [one for one in side if "loss" in means[one.name].base.split() and means[one.name].base != "loss"]
        for side in (train, held)
    ]
    names = [{means[one.name].base for one in side} for side in parts]
    sizes = {one.values.size for side in parts for one in side}
    if (
        len(names[0]) < 2
        or names[0] != names[1]
        or len(sizes) != 1
        or any(len(n) != len(s) for n, s in zip(names, parts, strict=True))
    ):
        return None
    return _sum(parts[0]), _sum(parts[1])


def _sum(parts: Sequence[Series]) -> Series:
    total: NDArray[np.float64] = np.sum([one.values for one in parts], axis=0)
    first = parts[0]
    return Series(" + ".join(one.name for one in parts), frozen(total), first.steps, first.epochs, first.clock)


def _renamed(curve: Curve, name: str) -> Curve:
    return Curve(name, curve.steps, curve.values, curve.unit, curve.standard_errors)
