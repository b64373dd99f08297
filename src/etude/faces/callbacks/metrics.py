"""A framework's metrics, sorted by their names: the validation loss, other scores of validation, those of training."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from etude.records.names import Meaning, meaning

PLAIN = ("loss", "objective", "log loss", "cross entropy", "nll")
"""Words of what is minimised, the plainest first."""

EPOCH_MEAN = "train/epoch_mean"
"""The curve of the training loss as its framework averages it over an epoch."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Metrics of one moment.

    loss:   the name and the value of the validation loss; None where none is there
    scores: what else was measured on validation, by plain names
    train:  by names of curves; the training loss is "train/epoch_mean"
    """

    loss: tuple[str, float] | None
    scores: Mapping[str, float]
    train: Mapping[str, float]


def sort_out(metrics: Mapping[str, float], validation: str | None = None) -> Sorted:
    """The metrics by what their names say.

    validation: the name of the validation loss, where names do not tell

    >>> told = sort_out({"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.7})
    >>> told.loss, dict(told.scores), dict(told.train)
    (('val_loss', 0.6), {'accuracy': 0.7}, {'train/accuracy': 0.8, 'train/epoch_mean': 0.5})
    """
    means = {name: meaning(name) for name in metrics}
    held = [name for name in metrics if means[name].split in ("validation", "test") and means[name].kind != "other"]
    seen = [name for name in metrics if means[name].split in ("train", None) and _is_of_an_epoch(means[name])]
    losses = [name for name in held if means[name].kind == "loss"]
    judged = validation if validation in metrics else _plainest(losses, means)
    trained = _plainest([name for name in seen if means[name].kind == "loss"], means)
    train = {f"train/{_plain(means[name])}": float(metrics[name]) for name in seen}
    if trained is not None:  # under one name, though the framework may have two
        train[EPOCH_MEAN] = train.pop(f"train/{_plain(means[trained])}")
    return Sorted(
        None if judged is None else (judged, float(metrics[judged])),
        {_plain(means[name]): float(metrics[name]) for name in held if name != judged},
        train,
    )


def _is_of_an_epoch(means: Meaning) -> bool:
    return means.kind != "other" and means.per != "step"


def _plainest(names: Iterable[str], means: Mapping[str, Meaning]) -> str | None:
    return min(names, key=lambda name: (_plainness(means[name].base), len(name)), default=None)


def _plainness(base: str) -> int:
    return PLAIN.index(base) if base in PLAIN else len(PLAIN)


def _plain(means: Meaning) -> str:
    """What is measured, as étude calls it."""
    return "accuracy" if means.base == "acc" else means.base.replace(" ", "_") or "loss"
