"""From a diagnosis to the treatments worth a trial, those first for which most speaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from etude.diagnosis.own_fields import ANYTHING
from etude.diagnosis.treatments import (
    activation,
    adam,
    augmentation,
    class_weights,
    clipping,
    decaying_rate,
    decoupled_decay,
    deeper,
    dropout,
    early_stopping,
    gates,
    initialisation,
    label_smoothing,
    larger_batches,
    larger_rate,
    less_decay,
    less_dropout,
    momentum,
    more_data,
    more_decay,
    more_epochs,
    narrower,
    normalisation,
    proper_loss,
    residual,
    smaller_batches,
    smaller_rate,
    warm_up,
    wider,
)
from etude.values.finding import Diagnosis, Verdict
from etude.values.treatment import Expected, Prescription, Setting, Treatment, identity

TREATMENTS: tuple[Treatment, ...] = (
    more_epochs.TREATMENT,
    larger_rate.TREATMENT,
    smaller_rate.TREATMENT,
    decaying_rate.TREATMENT,
    warm_up.TREATMENT,
    clipping.TREATMENT,
    adam.TREATMENT,
    momentum.TREATMENT,
    smaller_batches.TREATMENT,
    larger_batches.TREATMENT,
    proper_loss.TREATMENT,
    wider.TREATMENT,
    deeper.TREATMENT,
    narrower.TREATMENT,
    activation.TREATMENT,
    initialisation.TREATMENT,
    normalisation.TREATMENT,
    residual.TREATMENT,
    gates.TREATMENT,
    early_stopping.TREATMENT,
    more_decay.TREATMENT,
    decoupled_decay.TREATMENT,
    less_decay.TREATMENT,
    dropout.TREATMENT,
    less_dropout.TREATMENT,
    label_smoothing.TREATMENT,
    class_weights.TREATMENT,
    augmentation.TREATMENT,
    more_data.TREATMENT,
)
"""Everything étude can try, in the order in which we would explain it; a new treatment is one file and one line."""

BESIDE = 0.5
"""What a finding counts that is not a verdict, against a verdict of the same probability."""

FITS = 0.04
"""What a good fit counts, against an illness of the same probability: on the bank's fitting part the treatments gained
0.005 of the best constant's score where nothing was wrong, on average, and 0.128 elsewhere."""

UNMEASURED = 0.1
"""What a treatment is taken to gain that the bank has not measured, where it answers what is surely wrong."""

UNTOLD = 0.1
"""The weight of a treatment for which nothing speaks, where nothing could be weighed: a score without a curve."""

WELL: Verdict = "good fit"

COSTLY = frozenset({more_data.TREATMENT.name})
"""What no change of settings can give; prescribed only where somebody asks for it."""


def prescribed(
    diagnosis: Diagnosis,
    control: Setting,
    treatments: Sequence[Treatment] = TREATMENTS,
    expected: Mapping[str, Expected] = MappingProxyType({}),
) -> tuple[Prescription, ...]:
    """Every treatment that answers something of the diagnosis, at each strength that changes the control.

    The one for which most speaks comes first: what it is expected to gain, where the bank has measured its like, else
    how likely it is that it answers what is wrong. What two treatments have in common, the same changed recipe, is
    prescribed once. Where nothing could be weighed, every treatment is.
    """
    speaking = _speaking(diagnosis)
    blind = 0.0 if set(diagnosis.probabilities) - {"cannot tell"} else UNTOLD
    plain = [one for treatment in treatments for one in _strengths(treatment, control, speaking, blind)]
    found = [_with_expected(one, expected.get(one.name)) for one in plain]
    ranked = sorted(found, key=lambda one: -one.weight)
    first: dict[str, Prescription] = {}
    for one in ranked:
        first.setdefault(identity(one.setting), one)
    return tuple(first.values())


def _speaking(diagnosis: Diagnosis) -> Mapping[str, float]:
    """How much each verdict and each finding counts."""
    findings = {one.symptom: BESIDE * one.probability for one in diagnosis.findings} | {ANYTHING: 1.0}
    shares = {str(verdict): probability for verdict, probability in diagnosis.probabilities.items()}
    return findings | shares | {WELL: FITS * shares.get(WELL, 0.0)}


def _strengths(
    treatment: Treatment, control: Setting, speaking: Mapping[str, float], blind: float
) -> Iterator[Prescription]:
    because = sorted(
        (name for name in treatment.answers if speaking.get(name, 0.0) > 0), key=lambda one: -speaking[one]
    )
    weight = sum(speaking[name] for name in because) or blind
    if weight <= 0:
        return
    for strength in treatment.strengths:
        setting = treatment.apply(control, strength)
        if setting is not None and setting != control:
            yield Prescription(treatment.called(strength), treatment.name, setting, tuple(because), weight)


def _with_expected(one: Prescription, expected: Expected | None) -> Prescription:
    """Ranked by what it is expected to gain, as a share of the best constant's score."""
    if expected is None:
        return replace(one, weight=UNMEASURED * one.weight)
    return replace(one, weight=expected.worth, expected=expected)
