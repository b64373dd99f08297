"""One trial: prescriptions against one untouched control, on paired replicates, and which of them is kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from etude.numerics.intervals import student_t
from etude.studies.budget import Purse
from etude.studies.changes import changes_of
from etude.studies.estimate import Asked, Terms, estimate
from etude.studies.trainers import Trainer
from etude.values.effect import AND, Effect
from etude.values.errors import EtudeError
from etude.values.metric import Metric
from etude.values.run import Run
from etude.values.study import MINIMUM_REPLICATES
from etude.values.treatment import Borne, Prescription, Setting, Tried

CONTROL = "control"

HALF = 0.5
"""Share of the arms that go on to the next look: successive halving, the best by their mean score."""

FEWEST_ARMS = 2
"""As many go on after the first look at least."""

ALIKE = 0.1
"""The error rate at which a treatment counts as worse than the best one."""


@dataclass(frozen=True, slots=True)
class Ward:
    """Where trials are made: who trains, what is looked at, and what may be spent."""

    trainer: Trainer
    metric: Metric
    purse: Purse


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial came to.

    runs:   of the control
    kept:   the prescription that helped most of those verified to help; None where none was
    looks:  the numbers of replicates at which it was looked
    broke:  whether the budget ended it before its last look
    """

    runs: tuple[Run, ...]
    tried: tuple[Tried, ...]
    kept: Prescription | None
    looks: tuple[int, ...]
    broke: bool


@dataclass(slots=True)
class _Arms:
    """A trial that is going on: the arms that are still in it, and what was last seen of each."""

    alive: dict[str, Prescription]
    effects: dict[str, Effect]
    failed: dict[str, str]
    dropped: dict[str, int]
    ranks: dict[str, tuple[int, float]]


def on_trial(control: Setting, given: Sequence[Prescription], ward: Ward, terms: Terms) -> Trial:
    """Train control and treated alike, look as often as the terms say, and stop as soon as one is verified to help.

    terms: of the whole family, which is every prescription given; arms that fall behind leave after a look, which
           takes nothing from the others' error rate and gives nothing to it
    """
    trainer, metric = ward.trainer, ward.metric
    arms = _Arms(*_checked(given, trainer), {}, {})
    runs: Mapping[str, tuple[Run, ...]] = {}
    seen: list[int] = []
    broke = False
    for look in terms.looks:
        wanted = {CONTROL: control, **{name: one.setting for name, one in arms.alive.items()}}
        settings, more = list(wanted.values()), look - (seen[-1] if seen else 0)
        if not arms.alive:
            break
        broke = not ward.purse.affords(settings, more)
        if broke:
            break
        runs = ward.purse.train(wanted, range(look), new=more)
        seen.append(look)
        outcomes = {name: trainer.scores(setting, runs[name], metric) for name, setting in wanted.items()}
        arms.failed |= {name: _failure(runs[name]) for name in arms.alive if not np.isfinite(outcomes[name]).any()}
        own = replace(terms, level=1 - (1 - terms.level) * len(arms.alive) / len(given))
        asked = [_asked(control, one, outcomes, metric) for one in arms.alive.values()]
        effects = [replace(effect, family=len(given)) for effect in estimate(asked, own, rule="planned")]
        arms.effects |= dict(zip(arms.alive, effects, strict=True))
        arms.ranks |= {name: rank(outcomes[name], metric) for name in arms.alive}
        if any(effect.verdict == "better" for effect in effects):
            break
        if look != terms.looks[-1]:
            _drop(arms, outcomes, metric, look)
    tried = tuple(_tried(one, arms) for one in given)
    return Trial(runs.get(CONTROL, ()), tried, _best(tried, arms.ranks, metric), tuple(seen), broke)


def bears(effect: Effect | None) -> Borne:
    """What an effect says of the prediction that a treatment helps."""
    if effect is None or effect.verdict == "undecided":
        return "undecided"
    return "confirmed" if effect.verdict == "better" else "refuted"


def _checked(
    given: Sequence[Prescription], trainer: Trainer
) -> tuple[dict[str, Prescription], dict[str, Effect], dict[str, str]]:
    """Those that can be trained, and of the others why not."""
    alive: dict[str, Prescription] = {}
    failed: dict[str, str] = {}
    for one in given:
        try:
            trainer.check(one.setting)
        except EtudeError as error:
            failed[one.name] = str(error)
        else:
            alive[one.name] = one
    return alive, {}, failed


def _asked(control: Setting, one: Prescription, outcomes: Mapping[str, NDArray[np.float64]], metric: Metric) -> Asked:
    changes = changes_of(control, one.setting)
    return Asked(
        factor=AND.join(change.field for change in changes),
        control=AND.join(change.before for change in changes),
        treated=AND.join(change.after for change in changes),
        metric=metric,
        split="validation",
        control_outcomes=outcomes[CONTROL],
        treated_outcomes=outcomes[one.name],
        margin=metric.smallest_effect,
        says=one.name,
    )


def _drop(arms: _Arms, outcomes: Mapping[str, NDArray[np.float64]], metric: Metric, look: int) -> None:
    """Only the better arms go on, those that failed less often first, and none that is behind the control.

    The best two go on after the first look whatever they did, so that something is found out of them.
    """
    ranked = sorted(arms.alive, key=lambda name: rank(outcomes[name], metric))
    better = [name for name in ranked if rank(outcomes[name], metric) < rank(outcomes[CONTROL], metric)]
    half = [name for name in ranked[: math.ceil(HALF * len(ranked))] if name in better]
    going_on = half if arms.dropped else ranked[: max(FEWEST_ARMS, len(half))]
    arms.dropped |= {name: look for name in arms.alive if name not in going_on}
    arms.alive = {name: one for name, one in arms.alive.items() if name in going_on}


def _failure(runs: Sequence[Run]) -> str:
    """That none of these gave a score, and what the first of them left as its reason."""
    why = next((note for run in runs for note in run.notes), runs[0].ended)
    return f"none of {len(runs)} trainings gave a score: {why}"


def rank(outcomes: NDArray[np.float64], metric: Metric) -> tuple[int, float]:
    """What arms are ordered by, the best first: how many of its trainings failed, then the mean score of the others."""
    finite = outcomes[np.isfinite(outcomes)]
    mean = float(finite.mean()) if finite.size else 0.0
    return outcomes.size - finite.size, mean if metric.lower_is_better else -mean


def _tried(one: Prescription, arms: _Arms) -> Tried:
    effect = arms.effects.get(one.name)
    return Tried(one, effect, bears(effect), arms.dropped.get(one.name), arms.failed.get(one.name, ""))


def _best(tried: Sequence[Tried], ranks: Mapping[str, tuple[int, float]], metric: Metric) -> Prescription | None:
    """Of those verified to help and not surely worse than the best of them, the one most was expected of.

    Between treatments that the trial cannot tell apart the mean is luck, and what is expected of them is not. The best
    is the one with the fewest failures, and then the best mean score.
    """
    helped = [(one.effect, one.prescription) for one in tried if one.effect and one.bears == "confirmed"]
    if not helped:
        return None
    best = min(helped, key=lambda pair: ranks[pair[1].name])
    alike = [one for effect, one in helped if one is best[1] or not _is_surely_worse(effect, best[0], metric)]
    return max(alike, key=lambda one: one.weight)


def _is_surely_worse(one: Effect, best: Effect, metric: Metric) -> bool:
    """Whether a paired t test at `ALIKE` tells them apart, or too few of their replicates could be paired."""
    sign = 1 if metric.lower_is_better else -1
    differences = sign * (np.array(one.differences) - np.array(best.differences))
    known = differences[np.isfinite(differences)]
    return known.size < MINIMUM_REPLICATES or bool(student_t(known).bounds(ALIKE)[0] > 0)
