"""Treating in words, the same in a terminal, a notebook and on the page."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from etude.faces.treating import Record
from etude.figures.numbers import bounds, decimals, number, percent, plural, significant
from etude.figures.verdicts import chances
from etude.figures.words import amount, field_words, finished, level_words, shown_places
from etude.numerics.shape import Shape
from etude.studies.changes import changes_of
from etude.values.effect import Effect
from etude.values.finding import Diagnosis
from etude.values.metric import METRICS
from etude.values.model import Convnet, Mlp
from etude.values.recipe import Recipe
from etude.values.treatment import Change, Level, Outcome, Round, Setting, Treated, Tried

NEEDED = re.compile(r"about ([\d,]+) replicates, on a fresh seed, would decide it")
"""How an undecided effect's note says what would decide it (`studies/estimate.py`)."""


def headline(record: Record) -> str:
    """What it came to, in one line."""
    found = record.found
    if found.final is not None:
        name, outcome = next(iter(found.final.outcomes.items()))
        return f"{_verb(outcome)}: {_label(record, name)} {_sides(outcome)}"
    if _fits(found.rounds[0].diagnosis) and found.ended.startswith("the verdict is good fit"):
        return "Nothing to treat: it is a good fit already"
    return "Nothing was verified to help"


def _verb(outcome: Outcome) -> str:
    verb = {"better": "Treated", "worse": "Made worse", "equivalent": "No different"}
    return verb.get(outcome.effect.verdict, "Undecided")


def _fits(diagnosis: Diagnosis) -> bool:
    return diagnosis.verdict == "good fit"


def _label(record: Record, metric: str) -> str:
    return record.found.metric.label if metric == record.found.metric.name else metric


def _sides(outcome: Outcome) -> str:
    places = side_places(outcome)
    return f"{_mean(outcome.before, places)} → {_mean(outcome.after, places)}"


def side_places(outcome: Outcome) -> int:
    """Decimals that the difference of the two sides deserves, one more than it takes to see it."""
    widths = [side.high - side.low for side in (outcome.before, outcome.after)]
    finite = [width for width in (*widths, abs(outcome.effect.mean)) if math.isfinite(width) and width > 0]
    return min(decimals(min(finite, default=0.0)), 4)


def _mean(side: Level, places: int) -> str:
    return number(side.mean, places) if math.isfinite(side.mean) else "diverged"


def subline(record: Record) -> str:
    """How far it went of the way that was left, how sure that is, and on what; else why nothing was done."""
    found = record.found
    if found.final is None:
        return f"{_sentence(found.ended)} {_spent(record)}"
    outcome = next(iter(found.final.outcomes.values()))
    on = f"on {plural(len(found.final.before), 'fresh seed')}, scored on the {found.final.split} part"
    if outcome.removed is not None and math.isfinite(outcome.removed.mean):
        return f"{shares_text(outcome.removed)} of the distance from the best possible is gone, {on}."
    if not math.isfinite(outcome.effect.mean):
        return f"{measured(outcome.effect)[:1].upper()}{measured(outcome.effect)[1:]}, {on}."
    places = shown_places(outcome.effect)
    return (
        f"A difference of {amount(outcome.effect, places)} "
        f"({bounds(outcome.effect.low, outcome.effect.high, places)}), {on}."
    )


def shares_text(removed: Level) -> str:
    """A share with its interval.

    >>> shares_text(Level(0.71, 0.65, 0.77))
    '71 % (65 to 77 %)'
    """
    low, high = (100 * end for end in (removed.low, removed.high))
    between = f"{number(low, 0)} to {number(high, 0)} %" if math.isfinite(low + high) else "no interval"
    return f"{percent(removed.mean)} ({between})"


def averaging_text(record: Record) -> str:
    """How far averaging would get, in one sentence that says what it is not; "" where nothing could be averaged."""
    found = record.found
    if found.final is None or not isinstance(found.setting, Recipe):
        return ""
    one = found.final.averaged
    if one is None:
        return (
            "How far averaging would get was not looked at: too little of the budget was left, or one takes too long."
        )
    if not math.isfinite(one.effect.mean):
        return f"How far averaging would get is not known: {measured(one.effect)}."
    places = shown_places(one.effect)
    between = bounds(one.effect.low, one.effect.high, places)
    is_known = one.removed is not None and math.isfinite(one.removed.mean)
    share = f", {shares_text(one.removed)} of the distance from the best possible" if one.removed and is_known else ""
    return (
        "About as far as more trainings of this recipe could get, which is no recipe and no part of the result: "
        f"averaging the predictions of {one.members} networks takes the {found.metric.label} "
        f"{_sides(Outcome(one.single, one.averaged, one.effect))}, a difference of {amount(one.effect, places)} "
        f"({between}){share}, on the {one.effect.split} part, {one.effect.based_on}."
    )


def _spent(record: Record) -> str:
    found = record.found
    tried = sum(len(one.tried) for one in found.rounds)
    return f"{plural(tried, 'treatment')} tried, {plural(found.trainings, 'training')}."


def _sentence(told: str) -> str:
    return f"{told[:1].upper()}{told[1:]}{'' if told.endswith('.') else '.'}"


def level_text(side: Level, places: int) -> str:
    """A mean over replicates with its interval.

    >>> level_text(Level(0.2134, 0.21, 0.2171), 3)
    '0.213 (0.210 to 0.217)'
    """
    if not math.isfinite(side.mean):
        return "diverged"
    if not (math.isfinite(side.low) and math.isfinite(side.high)):
        return number(side.mean, places)
    return f"{number(side.mean, places)} ({number(side.low, places)} to {number(side.high, places)})"


def change_text(change: Change) -> str:
    """A change of a field in people's words.

    >>> change_text(Change("optimizer.learning_rate", "0.001", "0.01"))
    'learning rate 0.001 → 0.01'
    """
    before, after = (value_text(change.field, side) for side in (change.before, change.after))
    return f"{field_words(change.field)} {before} → {after}"


def value_text(field: str, value: str) -> str:
    """A value of a field, without saying again what the field is.

    >>> value_text("early_stopping", "earlystopping (patience 450)"), value_text("epochs", "4500")
    ('patience 450', '4,500')
    """
    head, _, rest = value.partition(" (")
    if rest and head == field.rpartition(".")[2].replace("_", ""):
        return rest.removesuffix(")")
    return level_words(field, value)


def changes_text(before: Setting, after: Setting) -> str:
    """All of them, as in a list."""
    return "; ".join(map(change_text, changes_of(before, after)))


def diagnosis_text(diagnosis: Diagnosis) -> str:
    """The verdict and how sure it is."""
    if diagnosis.verdict == "cannot tell":
        return diagnosis.verdict
    return f"{diagnosis.verdict} ({chances(diagnosis.probability)})"


def score_text(scores: Sequence[float]) -> str:
    """The mean over the replicates that finished, and how many did not."""
    finite = np.array([score for score in scores if math.isfinite(score)])
    lost = len(scores) - finite.size
    told = significant(float(finite.mean()), 4) if finite.size else "none finished"
    return f"{told}, {lost} diverged" if lost and finite.size else told


def measured(effect: Effect) -> str:
    """The mean with its interval and, where runs diverged, that they did."""
    failures = _failures(effect)
    if not math.isfinite(effect.mean):
        return failures or f"no estimate: {finished(effect)}"
    places = shown_places(effect)
    told = f"{amount(effect, places)} ({bounds(effect.low, effect.high, places)}), {effect.based_on}"
    return f"{told}; {failures}" if failures else told


def _failures(effect: Effect) -> str:
    """How many runs gave no score, on which side; "" where all did."""
    return next((note.partition(";")[0] for note in effect.notes if note.startswith("diverged")), "")


def counts_text(round_: Round) -> str:
    """How many treatments were tried, and what came of them."""
    tried = round_.tried
    words = {"confirmed": "verified to help", "refuted": "ruled out", "undecided": "undecided"}
    counts = [(sum(one.bears == bears for one in tried), says) for bears, says in words.items()]
    told = ", ".join(f"{n} {says}" for n, says in counts if n)
    ahead = f"; {plural(round_.scouted, 'training')} of scouts" if round_.scouted else ""
    return (f"{len(tried)} tried: {told}" if told else "none tried") + ahead


def kept_of(round_: Round) -> Tried | None:
    """The treatment that was kept of a round."""
    return next((one for one in round_.tried if one.prescription.name == round_.kept), None)


@dataclass(frozen=True, slots=True)
class Open:
    """A treatment that nothing was decided about.

    round:  the last one that tried it, from 1
    needed: replicates that would decide it if its estimate is right; None where that is not known
    why:    what came in between, or that nothing did
    """

    name: str
    round: int
    effect: Effect | None
    needed: int | None
    why: str


def open_questions(found: Treated) -> tuple[Open, ...]:
    """What is not known of a treatment after the last round that tried it; those first that would take least."""
    last = {one.prescription.name: (number, one) for number, of in enumerate(found.rounds, 1) for one in of.tried}
    asked = [_open(number, one) for number, one in last.values() if one.bears == "undecided"]
    return tuple(sorted(asked, key=lambda one: one.needed or math.inf))


def _open(number: int, one: Tried) -> Open:
    return Open(one.prescription.name, number, one.effect, _needed(one.effect), _why(one))


def _needed(effect: Effect | None) -> int | None:
    """The number in the note that says how many replicates would decide an effect."""
    told = (NEEDED.match(note) for note in (effect.notes if effect else ()))
    return next((int(match[1].replace(",", "")) for match in told if match), None)


def _why(one: Tried) -> str:
    if one.failed:
        return f"could not be trained: {one.failed}"
    if one.effect is None:
        return "the budget was spent before it was trained"
    if failures := _failures(one.effect):
        return failures
    if one.dropped is not None:
        return f"left after {one.dropped} replicates, when others were ahead"
    return "in to the last look"


def cautions(record: Record) -> tuple[str, ...]:
    """What a reader must know before the verdict is believed: what is still bad, what got worse, the loop's notes."""
    found = record.found
    outcomes = {} if found.final is None else found.final.outcomes
    worse = [
        f"{_named(name)} got worse: {_sides(outcome)}. Treatments were chosen by the {found.metric.label}; "
        f"--metric {name} chooses by this one"
        for name, outcome in outcomes.items()
        if outcome.effect.verdict == "worse" and name != found.metric.name
    ]
    about = (*_on_the_shape(found), *_on_the_data(found))
    return (*_still_useless(record), *worse, *about, *_same_test_rows(found), *_slow(found), *found.notes)


def _on_the_shape(found: Treated) -> list[str]:
    """That a few fresh seeds lie far from the rest, or in two groups, where it is so of the score it was chosen by."""
    effect = None if found.final is None else found.final.outcomes[found.metric.name].effect
    notes = () if effect is None else effect.notes
    return [f"The fresh seeds: {note}" for note in notes if note.startswith(get_args(Shape))]


def _on_the_data(found: Treated) -> list[str]:
    """What was done to the rows, and what looks odd of them."""
    notes = found.rounds[0].diagnosis.notes if isinstance(found.before, Recipe) else ()
    return [note.removesuffix(".") for note in notes]


def _same_test_rows(found: Treated) -> list[str]:
    """That the rows behind the scores are few and the same, where they were set aside once."""
    data = dict(found.before.data) if isinstance(found.before, Recipe) else {}
    if found.final is None or found.final.split != "test" or data.get("test_drawn") != "once":
        return []
    return [
        "All replicates are scored on the same test rows, which were set aside once. The intervals speak of training "
        "anew, not of other rows: where the rows are few, the scores on others may lie well outside"
    ]


def _slow(found: Treated) -> list[str]:
    """That small networks were not trained by the engine that is made for them."""
    engines = {str(run.provenance.get("engine")) for one in found.rounds for run in one.runs}
    small = isinstance(found.before, Recipe) and isinstance(found.before.model, Mlp | Convnet)
    if not small or "loop" not in engines:
        return []
    return ["Trained in part or all by the engine 'loop', which is slow for small networks: `etude doctor` says why"]


def _still_useless(record: Record) -> list[str]:
    """That the treated recipe is no better than one answer for every row, where it is so."""
    found = record.found
    limit = record.limits.get(found.metric.name)
    if found.final is None or limit is None:
        return []
    after = found.final.outcomes[found.metric.name].after.mean
    sign = 1 if found.metric.lower_is_better else -1
    if not math.isfinite(after) or sign * (after - limit.best_constant) < 0:
        return []
    return [
        f"It is still of no use: the same answer for every row would have a {found.metric.label} of "
        f"{significant(limit.best_constant)}"
    ]


def _named(metric: str) -> str:
    label = METRICS[metric].label if metric in METRICS else metric
    return f"{label[:1].upper()}{label[1:]}"


def repr_lines(record: Record) -> list[str]:
    """What was changed, and what to keep in mind, a line each."""
    found = record.found
    changed = [f"  {change_text(change)}" for change in changes_of(found.before, found.setting)]
    return [*changed, *(f"note: {note}" for note in cautions(record))]
