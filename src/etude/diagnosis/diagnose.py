"""Runs to a diagnosis: every check that can run, one verdict with its probability, and what could not be told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from etude.diagnosis.case import Case, arm_of, badness
from etude.diagnosis.check import ArmCheck, Check, RunCheck, Seen, StudyCheck
from etude.diagnosis.checks import (
    bad_initialisation,
    batch_mixing,
    better_than_possible,
    class_imbalance,
    clipping_always,
    confounded_comparison,
    data_order,
    decay_on_bias,
    distractor_features,
    diverged,
    double_descent,
    dying_relu,
    early_stop_unreliable,
    evaluation_mode,
    exploding_gradients,
    inputs_not_used,
    l2_through_adam,
    label_noise_memorised,
    leakage,
    lucky_seed,
    not_converged,
    not_learning,
    one_batch,
    oscillation,
    over_regularised,
    overconfident,
    overfit,
    plateau_then_drop,
    rate_too_high,
    rate_too_low,
    regulariser_helps_later,
    resume_bump,
    same_seed_other_machine,
    saturation,
    schedule,
    spread_over_initialisations,
    underfit_capacity,
    underfit_optimisation,
    units_not_comparable,
    unnecessary_regularisation,
    unused_embedding_rows,
    validation_better,
    validation_too_small,
    vanishing_gradients,
)
from etude.diagnosis.pooling import how_sure_one_run_is, pooled
from etude.diagnosis.saying import percent
from etude.diagnosis.signs import signs
from etude.diagnosis.suspicion import Suspicion, has_broken, suspicion_of
from etude.diagnosis.verdict import concluded, known
from etude.values.curve import Curve
from etude.values.finding import SEVERITIES, Diagnosis, Finding, NotRun, Verdict
from etude.values.run import Run

CHECKS: tuple[Check, ...] = (
    diverged.CHECK,
    not_learning.CHECK,
    rate_too_high.CHECK,
    rate_too_low.CHECK,
    not_converged.CHECK,
    overfit.CHECK,
    underfit_capacity.CHECK,
    underfit_optimisation.CHECK,
    over_regularised.CHECK,
    plateau_then_drop.CHECK,
    oscillation.CHECK,
    schedule.CHECK,
    data_order.CHECK,
    resume_bump.CHECK,
    bad_initialisation.CHECK,
    vanishing_gradients.CHECK,
    exploding_gradients.CHECK,
    dying_relu.CHECK,
    saturation.CHECK,
    clipping_always.CHECK,
    unused_embedding_rows.CHECK,
    label_noise_memorised.CHECK,
    leakage.CHECK,
    better_than_possible.CHECK,
    validation_better.CHECK,
    validation_too_small.CHECK,
    early_stop_unreliable.CHECK,
    early_stop_unreliable.ARM_CHECK,
    evaluation_mode.CHECK,
    batch_mixing.CHECK,
    inputs_not_used.CHECK,
    one_batch.CHECK,
    class_imbalance.CHECK,
    overconfident.CHECK,
    decay_on_bias.CHECK,
    l2_through_adam.CHECK,
    distractor_features.CHECK,
    distractor_features.STUDY_CHECK,
    spread_over_initialisations.CHECK,
    lucky_seed.CHECK,
    lucky_seed.ARM_CHECK,
    same_seed_other_machine.CHECK,
    same_seed_other_machine.ARM_CHECK,
    double_descent.CHECK,
    double_descent.ARM_CHECK,
    units_not_comparable.CHECK,
    confounded_comparison.CHECK,
    unnecessary_regularisation.CHECK,
    regulariser_helps_later.CHECK,
)
"""What is looked for, in the order in which we would explain it; a new symptom is one file and one line."""

SAYS: Mapping[Verdict, str] = MappingProxyType(
    {
        "good fit": "Nothing that was weighed would help it much.",
        "overfit": "The run has learned its training rows better than what they have in common with others.",
        "underfit (capacity)": "The network is too small for what there is to learn.",
        "underfit (optimisation)": "The network could learn more; the way it is trained does not get it there.",
        "not converged": "The run was stopped while it was still getting better.",
        "learning rate too low": "The steps are too small: as many larger ones would get further.",
        "learning rate too high": "The steps are too large for the loss to settle.",
        "diverged": "The loss left all bounds; nothing after that means anything.",
        "not learning": "The run never got better than saying the same for every input.",
        "over-regularised": "Weight decay or dropout keeps the network from learning what it could.",
        "cannot tell": "What was logged does not tell one illness from another, or from health, surely enough.",
    }
)
ENOUGH = 10
"""Points of a series from which more of them would tell little."""

MEASURE_NEXT = (
    "run more replicates of it: together they tell more than one run",
    "try three times the learning rate and three times the epochs, each alone: they tell the likely causes apart",
    "let étude watch the gradients (etude.watch): layers that stand still, or are dead, tell causes apart",
)
LOG_MORE = f"log training and validation loss at least {ENOUGH} times"


def diagnosed(runs: Sequence[Run], name: str = "") -> Diagnosis:
    """What is wrong with a run, or with several that are replicates of one recipe.

    name: what a person calls them; by default the first run's name
    """
    arm = arm_of(runs, name)
    with np.errstate(all="ignore"):  # values of 1e300 overflow in squares; what comes of it is looked at, not warned of
        together = pooled([_of_one(case, name) for case in arm.cases], arm)
        seen = [(check.symptom, check.look(arm)) for check in CHECKS if isinstance(check, ArmCheck)]
    return _with(together, seen)


def compared(arms: Mapping[str, Sequence[Run]]) -> tuple[Finding | NotRun, ...]:
    """What shows only when arms are held against each other, worst first; then the checks that could not run."""
    given = [arm_of(runs, name) for name, runs in arms.items()]
    with np.errstate(all="ignore"):
        seen = [check.look(given) for check in CHECKS if isinstance(check, StudyCheck)]
    found = [one for one in seen if isinstance(one, Finding)]
    return (*sorted(found, key=_worst_first), *(one for one in seen if isinstance(one, NotRun)))


def _of_one(case: Case, name: str) -> Diagnosis:
    suspicion = suspicion_of(case)
    verdict, probability = _verdict(suspicion)
    seen = [(check.symptom, check.look(case)) for check in CHECKS if isinstance(check, RunCheck)]
    seen = [(name, _as_sure(one, verdict, probability)) for name, one in seen]
    run = case.run
    took = {split: run.provenance.get(f"{split} is", f"{split}/objective") for split in ("train", "validation")}
    judged = {split: str(took[split]) for split, curve in _judged(case).items() if curve is not None}
    plain = Diagnosis(
        source=name or run.name,
        verdict=verdict,
        probability=probability,
        says=SAYS[verdict],
        probabilities=suspicion.probabilities,
        signs=signs(case),
        judged=MappingProxyType(judged),
        best_step=_best_step(case),
        lost=run.lost,
        notes=run.notes,
    )
    points = max((curve.values.size for curve in _judged(case).values() if curve is not None), default=0)
    return _told(_with(plain, seen), points)


def _verdict(suspicion: Suspicion) -> tuple[Verdict, float]:
    if has_broken(suspicion.evidence):
        return "diverged", suspicion.probabilities["diverged"]
    return concluded(suspicion.probabilities, known(suspicion.evidence.values))


def _as_sure(seen: Seen, verdict: Verdict, probability: float) -> Seen:
    """The verdict's own finding is as probable as the verdict."""
    if isinstance(seen, Finding) and seen.symptom == verdict:
        return replace(seen, probability=probability)
    return seen


def _with(diagnosis: Diagnosis, seen: Sequence[tuple[str, Seen]]) -> Diagnosis:
    """The diagnosis and what more checks saw."""
    found = (*diagnosis.findings, *(one for _, one in seen if isinstance(one, Finding)))
    missing = (*diagnosis.not_run, *(one for _, one in seen if isinstance(one, NotRun)))
    checked = dict.fromkeys((*diagnosis.checked, *(name for name, one in seen if not isinstance(one, NotRun))))
    return replace(
        diagnosis,
        findings=tuple(sorted(found, key=_worst_first)),
        not_run=tuple(one for one in dict.fromkeys(missing) if one.check not in checked),
        checked=tuple(checked),
    )


def _told(diagnosis: Diagnosis, points: int) -> Diagnosis:
    """The diagnosis in words: what speaks for it, how sure one run can be, and what to try next."""
    own = [one for one in diagnosis.findings if one.symptom == diagnosis.verdict]
    others = [one for one in diagnosis.findings if one.symptom != diagnosis.verdict and one.severity != "note"]
    tried = [one.treatments[0] for one in (*own, *others) if one.treatments]
    measured = MEASURE_NEXT if points >= ENOUGH else (LOG_MORE, *MEASURE_NEXT)
    advice = {"good fit": [], "cannot tell": [*measured, *tried]}.get(
        diagnosis.verdict, [*(own[0].treatments[:2] if own else ()), *tried]
    )
    says = f"{diagnosis.says} {_beside(diagnosis)}{how_sure_one_run_is(diagnosis)}"
    return replace(diagnosis, says=says, next=tuple(dict.fromkeys(advice))[:4])


def _beside(diagnosis: Diagnosis) -> str:
    """What else is to be said of health, by its signs, and of what cannot be told, by what is likeliest."""
    if diagnosis.verdict == "good fit":
        missing = [sign.name for sign in diagnosis.signs if sign.healthy is False]
        return f"Yet not every sign of health is there: {' and '.join(missing)}. " if missing else ""
    if diagnosis.verdict == "cannot tell" and diagnosis.probabilities:
        ranked = sorted(diagnosis.probabilities, key=lambda one: -diagnosis.probabilities[one])[:2]
        likely = " or ".join(f"{one} ({percent(diagnosis.probabilities[one])})" for one in ranked)
        return f"Likeliest: {likely}. "
    return ""


def _worst_first(finding: Finding) -> tuple[int, float]:
    return -SEVERITIES.index(finding.severity), -finding.probability


def _judged(case: Case) -> dict[str, Curve | None]:
    return {"train": case.train, "validation": case.validation}


def _best_step(case: Case) -> int | None:
    if case.validation is None:
        return None
    values = badness(case, case.validation)
    if not np.isfinite(values).any():
        return None
    return int(case.validation.steps[int(np.nanargmin(np.where(np.isfinite(values), values, np.nan)))])
