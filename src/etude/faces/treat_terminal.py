"""What treating looks like in a terminal: a line a round and a live bar, then what it came to."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from etude.diagnosis.prescribe import COSTLY, TREATMENTS
from etude.faces.terminal import FORECAST_FROM, words
from etude.faces.treat_words import (
    averaging_text,
    cautions,
    change_text,
    changes_text,
    counts_text,
    diagnosis_text,
    headline,
    kept_of,
    level_text,
    measured,
    open_questions,
    score_text,
    side_places,
    subline,
)
from etude.faces.treating import Record
from etude.figures import forecasts
from etude.figures.marks import EFFECT_STYLES
from etude.figures.numbers import duration, listed, plural, significant
from etude.figures.verdicts import LOOKS
from etude.figures.words import field_words
from etude.studies.changes import changes_of
from etude.values.metric import METRICS
from etude.values.study import Progress
from etude.values.treatment import Round, Tried

SHOWN, SHOWN_OPEN = 12, 5
"""Lines of treatments of one round, and of those that nothing was decided about."""


@dataclass(slots=True)
class Display:
    """Progress while treatments are on trial; without a bar it is silent but for the rounds, without a console mute."""

    console: Console | None
    bar: ProgressBar | None = None
    rounds: int = 0
    _since: float = field(default_factory=time.monotonic)
    _size: tuple[int, int] = (0, 0)

    def watch(self, now: Progress) -> None:
        """So many runs of the present look are done."""
        if self.bar is None:
            return
        if (now.arms, now.replicates) != self._size:
            self._size, self._since = (now.arms, now.replicates), time.monotonic()
        told = f"round {self.rounds + 1}: {plural(now.arms, 'arm')} × {plural(now.replicates, 'replicate')}"
        pace = _pace(now, time.monotonic() - self._since)
        line = self.bar.tasks[0].id
        self.bar.update(line, description=told, completed=now.done, total=now.planned, pace=pace)

    def remarked(self, remark: str) -> None:
        """Something that a reader must know showed while it went on."""
        if self.console is not None:
            self.console.print(words(f"note: {remark}.", "yellow"), soft_wrap=True)

    def told(self, round_: Round) -> None:
        """A round has ended."""
        self.rounds += 1
        if self.console is not None:
            for line in round_lines(self.rounds, round_):
                self.console.print(line, soft_wrap=True)


@contextlib.contextmanager
def treat_display(console: Console, *, quiet: bool) -> Iterator[Display]:
    """A line a round and, on a terminal, a live bar within a look; a silent one when quiet."""
    if quiet or not console.is_terminal:
        yield Display(None if quiet else console)
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}")
    with ProgressBar(*columns, console=console, transient=True) as bar:
        bar.add_task("preparing", total=None, pace="")
        yield Display(bar.console, bar)


def _pace(now: Progress, elapsed: float) -> str:
    made, left = now.done - now.kept, now.planned - now.done
    if made < FORECAST_FROM or elapsed <= 0 or not left:
        return ""
    return f"{duration(elapsed * left / made)} left"


def round_lines(place: int, round_: Round) -> list[Text]:
    """What a round found: its verdict, what it kept, by how much that helped."""
    look = LOOKS[round_.diagnosis.verdict]
    found = words(f"round {place}  ", "dim").append(
        words(f"{look.sign} {diagnosis_text(round_.diagnosis)}", look.colour)
    )
    found.append(words(f"  score {score_text(round_.scores)}" if round_.scores else "", "dim"))
    kept = kept_of(round_)
    is_told = round_.tried or round_.scouted
    told = words(f"         {counts_text(round_)}", "dim")
    if kept is not None and kept.effect is not None:
        what = f"kept {kept.prescription.name} ({changes_text(round_.control, kept.prescription.setting)})"
        line = words("         ").append(words(f"▲ {what}", "green"))
        return [found, told, line.append(words(f"  {measured(kept.effect)}", "dim"))]
    return [found, *([told] if is_told else []), words(f"         {round_.ended}", "dim")]


def show_treated(console: Console, record: Record) -> None:
    """The verdict first, then what was changed, how each metric moved, what was ruled out and what is not known."""
    found = record.found
    console.print(words(f"\n{headline(record)}", "bold"))
    console.print(words(subline(record)))
    if found.final is not None:
        _show_changes(console, record)
        _show_final(console, record)
    for place, round_ in enumerate(found.rounds, 1):
        _show_round(console, place, round_)
    _show_forecasts(console, record)
    _show_open(console, record)
    ended = f"Ended: {found.ended}." if found.final is not None else ""
    cost = f"{plural(found.trainings, 'training')} in all, {duration(found.seconds)} of this call."
    console.print(words(f"\n{f'{ended} {cost}'.strip()}", "dim"))
    for note in cautions(record):
        console.print(words(f"note: {note}.", "yellow"))


def _show_changes(console: Console, record: Record) -> None:
    console.print(Text("\nWhat was changed\n", style="bold"))
    for change in changes_of(record.found.before, record.found.setting):
        console.print(words(f"  {change_text(change)}"))


def _show_final(console: Console, record: Record) -> None:
    final = record.found.final
    assert final is not None
    console.print(
        Text(f"\nUntreated and treated, {plural(len(final.before), 'fresh seed')}, {final.split}\n", style="bold")
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for name, outcome in final.outcomes.items():
        mark, style = EFFECT_STYLES[outcome.effect.verdict]
        places = side_places(outcome)
        sides = f"{level_text(outcome.before, places)} → {level_text(outcome.after, places)}"
        best = "" if outcome.best is None else f"; best possible {significant(outcome.best)}"
        label = METRICS[name].label if name in METRICS else name
        told = words(sides).append(words(best, "dim"))
        table.add_row(Text(f"{mark} {outcome.effect.verdict}", style=style), words(label), told)
    console.print(table)
    averaging = averaging_text(record)
    if averaging:
        console.print(words(f"\n{averaging}", "dim"))


def _show_round(console: Console, place: int, round_: Round) -> None:
    """What was decided, a line each, and the names of what was not."""
    begun = f", after {round_.by}" if round_.by else ""
    console.print(Text(f"\nRound {place}{begun}: {diagnosis_text(round_.diagnosis)}\n", style="bold"))
    decided = [one for one in round_.tried if one.effect is not None and one.bears != "undecided"]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for one in decided[:SHOWN]:
        table.add_row(*_decided(one, round_))
    if decided:
        console.print(table)
    undecided = [one.prescription.name for one in round_.tried if one.bears == "undecided"]
    if undecided:
        mark, style = EFFECT_STYLES["undecided"]
        told = Text(f"{mark} {len(undecided)} undecided  ", style=style)
        console.print(told.append(words(listed(undecided), "dim")))
    if not round_.kept:
        console.print(words(f"  {round_.ended}", "dim"))


def _decided(one: Tried, round_: Round) -> tuple[Text, Text]:
    assert one.effect is not None
    kept = one.prescription.name == round_.kept
    mark, style = EFFECT_STYLES[one.effect.verdict]
    told = words(f"{one.prescription.name}{', kept' if kept else ''}: ", "bold" if kept else "")
    told.append(words(changes_text(round_.control, one.prescription.setting), "not bold"))
    return Text(f"{mark} {one.effect.verdict}", style=style), told.append(
        words(f"; {measured(one.effect)}", "not bold dim")
    )


def _show_forecasts(console: Console, record: Record) -> None:
    """How many treatments were to help and how many did, by how likely that was said to be."""
    every = forecasts.forecasts(record.found.rounds)
    if every is None:
        return
    console.print(Text("\nForecasts, held against trials\n", style="bold"))
    console.print(words(f"  {forecasts.summary(every)}"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for i, head in enumerate(forecasts.TABLE_HEADS):
        table.add_column(head, justify="right" if i else "left")
    for cells in forecasts.table_rows(forecasts.by_probability(record.found.rounds)):
        table.add_row(*cells)
    console.print(Padding(table, (0, 0, 0, 2)))


def _show_open(console: Console, record: Record) -> None:
    """What is not known, those first that would take least."""
    asked = [one for one in open_questions(record.found) if one.needed is not None][:SHOWN_OPEN]
    if asked:
        console.print(Text("\nNot known yet\n", style="bold"))
    for one in asked:
        console.print(
            words(f"  {one.name} (round {one.round}): about {plural(one.needed or 0, 'replicate')} would tell")
        )


def treatments_table() -> Table:
    """Every treatment: what it answers, what it changes, how strongly, and why it may help."""
    table = Table(box=None, padding=(0, 2, 1, 0))
    for name in ("treatment", "changes", "answers", "why it may help"):
        table.add_column(name)
    for one in TREATMENTS:
        strengths = f" ({', '.join(f'{strength:g}' for strength in one.strengths)})" if len(one.strengths) > 1 else ""
        costly = "\nonly with --with" if one.name in COSTLY else ""
        changes = listed(dict.fromkeys(field_words(path) for path in one.fields))
        table.add_row(
            words(f"{one.name}{strengths}{costly}"), words(changes), words(", ".join(one.answers)), words(one.says)
        )
    return table
