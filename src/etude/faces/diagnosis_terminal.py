"""What diagnoses look like in a terminal: a table of many runs, worst first, and the worst few in full."""

from collections import Counter
from collections.abc import Sequence

from etude.faces.diagnosing import Examined, Judged, by_reason
from etude.faces.plain import Page
from etude.figures.measured import measured_text, prediction_text
from etude.figures.numbers import listed, plural, significant
from etude.figures.spark import common_range, spark
from etude.figures.verdicts import LOOKS, SEVERITY_SIGNS, chances
from etude.values.curve import Curve
from etude.values.finding import Diagnosis, Finding, NotRun, Sign
from etude.values.lost import Lost
from etude.values.run import Run
from etude.values.sureness import sure

LISTED, IN_FULL = 30, 3
"""Of many runs, lines of the table and diagnoses in full."""

REASONS = 6
"""Reasons why checks could not run."""

SPARKS = 40
"""Characters of a curve."""

MOST_LOST = 5

INDENT = 2


def examined_text(examined: Examined, *, coloured: bool = False, wide: int = 100) -> str:
    """Everything that is shown of some runs, as text."""
    page = Page(coloured=coloured, wide=wide)
    judged = examined.judged
    full = judged if len(judged) == 1 else judged[:IN_FULL]
    if len(judged) > 1:
        _table(page, judged)
        _across(page, examined.comparison)
    for one in full:
        _in_full(page, one)
    _lost_elsewhere(page, judged[len(full) :])
    _failures(page, examined)
    if len(judged) > len(full):
        page.line()
        page.say(
            f"In full: the worst {len(full)} of {len(judged):,}. One run alone: name its file or folder. "
            "All of them on one page: --report FILE.html; as data: --json.",
            "dim",
        )
    return page.text()


def diagnosis_text(judged: Judged, *, coloured: bool = False, wide: int = 100) -> str:
    """One diagnosis in full."""
    page = Page(coloured=coloured, wide=wide)
    _in_full(page, judged)
    return page.text()


def _table(page: Page, judged: Sequence[Judged]) -> None:
    counts = Counter(one.diagnosis.verdict for one in judged)
    runs = sum(one.diagnosis.runs for one in judged)
    of = f" in {plural(len(judged), 'group')}" if runs != len(judged) else ""
    told = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in LOOKS if counts[verdict])
    page.say(f"{plural(runs, 'run')}{of}: {told}", "bold")
    page.line()
    shown = judged[:LISTED]
    verdicts = max(len(one.diagnosis.verdict) for one in shown)
    names = min(max(len(one.diagnosis.source) for one in shown), 40)
    for one in shown:
        _row(page, one, verdicts, names)
    if len(judged) > len(shown):
        rest = Counter(one.diagnosis.verdict for one in judged[len(shown) :])
        page.say(
            f"… and {len(judged) - len(shown):,} more: {', '.join(f'{n:,} {verdict}' for verdict, n in rest.items())}",
            "dim",
        )


def _row(page: Page, one: Judged, verdicts: int, names: int) -> None:
    diagnosis, look = one.diagnosis, LOOKS[one.diagnosis.verdict]
    source = diagnosis.source if len(diagnosis.source) <= names else "…" + diagnosis.source[1 - names :]
    probability = " " * 9 if diagnosis.verdict == "cannot tell" else f"{chances(diagnosis.probability):>9}"
    start = f"{look.sign} {diagnosis.verdict:<{verdicts}}  {probability}  {source:<{names}}"
    left = page.wide - len(start) - 2
    curve = _judged_curve(one.runs[0], "validation") or _judged_curve(one.runs[0], "train") if one.runs else None
    drawn = spark(curve.values, min(left, 24)) if curve is not None and left >= 8 else ""
    page.line(
        page.style(f"{look.sign} {diagnosis.verdict:<{verdicts}}", look.colour),
        page.style(f"  {probability}", "dim"),
        page.style(f"  {source:<{names}}"),
        page.style(f"  {drawn}", "blue"),
    )


def _across(page: Page, comparison: Sequence[Finding | NotRun]) -> None:
    found = [one for one in comparison if isinstance(one, Finding)]
    if found:
        page.line()
        page.say("Between the runs", "bold")
        for finding in found:
            _finding(page, finding)
    lacking = len(comparison) - len(found)
    if lacking:
        page.line()
        page.say(f"{plural(lacking, 'comparison')} could not be made; --report FILE.html or --json says why", "dim")


def _in_full(page: Page, one: Judged) -> None:
    diagnosis, look = one.diagnosis, LOOKS[one.diagnosis.verdict]
    if page.lines:
        page.line()
    of = f"{plural(diagnosis.runs, 'replicate')} of" if diagnosis.runs > 1 else "run"
    told = f", {sure(diagnosis.probability)} ({chances(diagnosis.probability)})"
    page.line(
        page.style(f"{look.sign} {diagnosis.verdict}", look.colour, "bold"),
        page.style("" if diagnosis.verdict == "cannot tell" else told),
        page.style(f"   {of} {diagnosis.source}", "dim"),
    )
    page.say(diagnosis.says, indent=INDENT)
    _curves(page, one)
    _findings(page, diagnosis)
    _signs(page, diagnosis.signs)
    _steps(page, "What to do next", diagnosis.next)
    _unchecked(page, diagnosis.not_run)
    _lost(page, diagnosis.lost)
    for note in diagnosis.notes:
        page.say(note, "dim", indent=INDENT, first="note: ")


def _curves(page: Page, one: Judged) -> None:
    """Both judged series on one scale; of several replicates those of the first, which is said."""
    if not one.runs:
        return
    run = one.runs[0]
    curves = [(split, curve) for split in ("train", "validation") if (curve := _judged_curve(run, split)) is not None]
    between = common_range([curve.values for _, curve in curves])
    if curves:
        page.line()
        _whose(page, one, run)
    for split, curve in curves:
        name = one.diagnosis.judged.get(split) or str(run.provenance.get(f"{split} is", curve.name))
        best = _best(one.diagnosis, run, curve) if split == "validation" and len(one.runs) == 1 else ""
        first, last = significant(float(curve.values[0])), significant(float(curve.values[-1]))
        page.line(
            page.style(f"{' ' * INDENT}{split:<11}", "dim"),
            page.style(f"{first:>9} "),
            page.style(
                spark(curve.values, min(SPARKS, page.wide - 42), between), "yellow" if split == "train" else "blue"
            ),
            page.style(f" {last}{best}"),
            page.style(f"  {name}" if name not in (split, curve.name) else "", "dim"),
        )


def _whose(page: Page, one: Judged, run: Run) -> None:
    """Of several replicates, which of them is drawn, and where they are best, which need not be where it is."""
    if len(one.runs) == 1:
        return
    best, axis = one.diagnosis.best_step, run.provenance.get("x", "step")
    middle = "" if best is None else f"; the median of the replicates' best {axis}s is {best:,}"
    page.say(f"curves of the first of {len(one.runs):,} replicates, {run.name}{middle}", "dim", indent=INDENT)


def _best(diagnosis: Diagnosis, run: Run, curve: Curve) -> str:
    if diagnosis.best_step is None or not curve.steps.size or diagnosis.best_step < curve.steps[0]:
        return ""
    axis = str(run.provenance.get("x", "step"))
    return f", best {significant(curve.at(diagnosis.best_step))} at {axis} {diagnosis.best_step:,}"


def _judged_curve(run: Run, split: str) -> Curve | None:
    found = (run.curves.get(f"{split}/{word}") for word in ("objective", "score"))
    return next((curve for curve in found if curve is not None and curve.values.size), None)


def _findings(page: Page, diagnosis: Diagnosis) -> None:
    if not diagnosis.findings:
        return
    page.line()
    page.say(plural(len(diagnosis.findings), "finding").capitalize(), "bold", indent=INDENT)
    for finding in diagnosis.findings:
        _finding(page, finding)


def _finding(page: Page, finding: Finding) -> None:
    sign, colour = SEVERITY_SIGNS[finding.severity]
    page.line(
        page.style(f"{' ' * INDENT}{sign} {finding.symptom}", colour, "bold"),
        page.style(f"  {finding.severity}, {chances(finding.probability)}", "dim"),
    )
    inner = INDENT + 2
    page.say(finding.says, indent=inner)
    if finding.evidence:
        page.say("; ".join(f"{one.name} {measured_text(one)}" for one in finding.evidence), "dim", indent=inner)
    for i, cause in enumerate(finding.causes, 1):
        told = f" To tell: {cause.told_by}." if cause.told_by else ""
        page.say(f"{_sentence(cause.says)}{told}", indent=inner, first=f"cause {i}: ")
    if finding.treatments:
        page.say(listed(finding.treatments), indent=inner, first="try: ")
    if finding.prediction:
        page.say(prediction_text(finding.prediction), indent=inner, first="expect: ")


def _signs(page: Page, signs: Sequence[Sign]) -> None:
    if not signs:
        return
    page.line()
    page.say("Signs of health", "bold", indent=INDENT)
    for sign in signs:
        mark, colour = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "cyan")}[sign.healthy]
        page.line(page.style(f"{' ' * INDENT}{mark} {sign.name}", colour))
        page.say(sign.says, "dim", indent=INDENT + 2)


def _steps(page: Page, title: str, steps: Sequence[str]) -> None:
    if not steps:
        return
    page.line()
    page.say(title, "bold", indent=INDENT)
    for i, step in enumerate(steps, 1):
        page.say(step, indent=INDENT, first=f"{i}. ")


def _unchecked(page: Page, not_run: Sequence[NotRun]) -> None:
    """What could not be checked, by what it would take."""
    if not not_run:
        return
    page.line()
    page.say(f"Not checked: {plural(len(not_run), 'symptom')}", "bold", indent=INDENT)
    reasons = by_reason(not_run)
    for because, checks in reasons[:REASONS]:
        page.say(f"{listed(check for check in checks)}: {because}", "dim", indent=INDENT, first="- ")
    if len(reasons) > REASONS:
        left = sum(len(checks) for _, checks in reasons[REASONS:])
        page.say(f"and {left} more; --report FILE.html or --json says why", "dim", indent=INDENT, first="- ")


def _lost(page: Page, lost: Sequence[Lost]) -> None:
    if not lost:
        return
    page.line()
    page.say("Not all could be read", "bold", indent=INDENT)
    for one in lost[:MOST_LOST]:
        page.say(lost_text(one), indent=INDENT, first="- ")
    if len(lost) > MOST_LOST:
        page.say(f"and {len(lost) - MOST_LOST:,} more places; --json lists them", "dim", indent=INDENT, first="- ")


def _lost_elsewhere(page: Page, judged: Sequence[Judged]) -> None:
    """What could not be read of the runs that are rows of the table alone."""
    lost = [one for other in judged for one in other.diagnosis.lost]
    if lost:
        _lost(page, lost)


def lost_text(lost: Lost) -> str:
    """What was lost, where and why.

    >>> lost_text(Lost("a.csv", "line 12", 1, "it has 3 fields of 4"))
    'a.csv, line 12: 1 record lost, because it has 3 fields of 4'
    """
    count = "records" if lost.records is None else plural(lost.records, "record")
    return f"{lost.file}, {lost.where}: {count} lost, because {lost.because}"


def _failures(page: Page, examined: Examined) -> None:
    if not examined.failed:
        return
    page.line()
    page.say(f"{plural(len(examined.failed), 'log')} could not be read or judged", "bold")
    for error in examined.failed[:LISTED]:
        page.say(str(error), first="- ")
    if len(examined.failed) > LISTED:
        page.say(f"and {len(examined.failed) - LISTED:,} more; --json lists them", "dim", first="- ")


def _sentence(told: str) -> str:
    return told if told.endswith((".", "!", "?")) else f"{told}."
