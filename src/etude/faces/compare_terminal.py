"""What a comparison of logs looks like in a terminal: the verdicts, what they rest on, and what to keep in mind."""

import math

import numpy as np

from etude.faces.comparing import LogsCompared
from etude.faces.plain import NO_BREAK, Page
from etude.figures.marks import EFFECT_STYLES
from etude.figures.numbers import decimals, level, number, p_value, plural
from etude.figures.words import effect_phrase, effect_sentence
from etude.studies.compare_logs import Compared, LogComparison, Side

INDENT = 2
LISTED = 20


def compared_text(compared: LogsCompared, *, coloured: bool = False, wide: int = 100) -> str:
    """Everything that is shown of a comparison, as text."""
    page = Page(coloured=coloured, wide=wide)
    found = compared.found
    page.say(heading(found), "bold")
    page.say(about(found), "dim")
    page.line()
    _groups(page, found)
    for one in found.compared:
        page.line()
        _effect(page, one)
    if found.notes:
        page.line()
        for note in found.notes:
            page.say(f"{note}.", "dim", first="note: ")
    if compared.failed:
        page.line()
        page.say(f"{plural(len(compared.failed), 'log')} could not be read", "bold")
        for error in compared.failed[:LISTED]:
            page.say(str(error), first="- ")
    return page.text()


def heading(found: LogComparison) -> str:
    """Which group is held against which."""
    treated = [one.treated.group.name for one in found.compared]
    names = treated[0] if len(treated) == 1 else f"{len(treated)} groups"
    return f"{names} against the control, {found.sides[0].group.name}"


def about(found: LogComparison) -> str:
    """The metric, where it is read off, and how many questions share the error rate."""
    metric = found.measured.metric
    unit = f", {metric.unit}" if metric.unit else ""
    told = f" (told by {found.measured.told_by})" if found.measured.told_by else ""
    where = (
        f"at {found.axis} {found.at:,}" if isinstance(found.at, int) else f"at the {found.at} {found.axis} of each run"
    )
    way = "lower is better" if metric.lower_is_better else "higher is better"
    family = len(found.compared)
    asked = "one question" if family == 1 else f"one family of {family} questions (Holm)"
    return f"{metric.name}{unit}{told}, {way}, {where}; {asked}"


def score_places(found: LogComparison) -> int:
    """Decimals that tell the runs of a group apart."""
    spreads = [float(np.ptp(finite)) for side in found.sides if (finite := _finite(side)).size > 1]
    return decimals(min((spread for spread in spreads if spread > 0), default=0.0))


def _groups(page: Page, found: LogComparison) -> None:
    wide = min(max(len(side.group.name) for side in found.sides), 40)
    places = score_places(found)
    for i, side in enumerate(found.sides):
        finite, name = _finite(side), side.group.name
        shown = name if len(name) <= wide else "…" + name[1 - wide :]
        told = f"{plural(len(side.scores), 'run'):>8}  "
        if finite.size:
            told += f"mean {number(float(finite.mean()), places)}"
        if finite.size > 1:
            low, high = (number(float(end), places) for end in (finite.min(), finite.max()))
            told += f", from {low} to {high}, standard deviation {number(float(finite.std(ddof=1)), places + 1)}"
        told += "".join(f"; {count} {what}" for count, what in _lost(side) if count)
        role = "control" if i == 0 else "treated"
        page.line(page.style(f"{role:<8} {shown:<{wide}}", "bold"), page.style(told))


def _lost(side: Side) -> tuple[tuple[int, str], ...]:
    return (
        (int((~np.isfinite(side.outcomes)).sum()), "diverged"),
        (len(side.lacking), "without a number there"),
    )


def _finite(side: Side) -> np.ndarray:
    return side.outcomes[np.isfinite(side.outcomes)]


def _effect(page: Page, one: Compared) -> None:
    effect = one.effect
    sign, colour = EFFECT_STYLES[effect.verdict]
    page.line(page.style(f"{sign} {effect.verdict}", colour, "bold"))
    phrase, sentence = effect_phrase(effect), effect_sentence(effect)
    page.say(sentence if effect.factor else phrase + sentence[len(phrase) :], indent=INDENT)  # a name keeps its case
    if math.isfinite(effect.low) or math.isfinite(effect.high):
        interval = level(effect.level).replace(" ", NO_BREAK)
        sure = f"{interval} interval, {effect.method}, {effect.based_on}, p {_p(effect.p)}"
        page.say(f"{sure}; {one.pairing.says}", "dim", indent=INDENT)
    else:
        page.say(f"{effect.based_on}; {one.pairing.says}", "dim", indent=INDENT)
    for note in effect.notes:
        page.say(f"{note[0].upper()}{note[1:]}.", indent=INDENT)


def _p(p: float) -> str:
    told = p_value(p)
    return told if told.startswith("below") else f"= {told}"
