"""What a study looks like in a terminal: progress while it runs, then claims and effects."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from etude.figures.numbers import level, number
from etude.figures.scores import ScoresData, metrics_of, scores_data
from etude.figures.variance import variance_data
from etude.figures.words import effect_sentence
from etude.values.claim import ClaimVerdict
from etude.values.effect import Effect, Verdict
from etude.values.metric import METRICS
from etude.values.study import Progress, StudyResult

CLAIM_STYLES: Mapping[ClaimVerdict, tuple[str, str]] = {
    "supported": ("✓", "green"),
    "refuted": ("✗", "red"),
    "not comparable": ("≠", "magenta"),
    "confounded": ("⚠", "magenta"),
    "undecided": ("?", "yellow"),
}
EFFECT_STYLES: Mapping[Verdict, tuple[str, str]] = {
    "better": ("▲", "green"),
    "worse": ("▼", "red"),
    "equivalent": ("=", "cyan"),
    "undecided": ("?", "yellow"),
}


NO_BREAK = "\N{NO-BREAK SPACE}"
FORECAST_FROM = 4
"""Runs made before a rate is worth saying."""


def talk() -> Console:
    """Where étude talks: standard error, so that standard output stays data."""
    return Console(stderr=True, highlight=False)


def words(told: str, style: str = "") -> Text:
    """Text that does to a terminal what it looks like: control and direction characters of others are shown, not sent.

    >>> words("a\\x1b[31m").plain
    'a\ufffd[31m'
    """
    return Text("".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in told), style=style)


@contextlib.contextmanager
def progress_display(console: Console, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A live line of arms, replicates, runs done, rate and time left; a silent one when quiet."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
    )
    if quiet:
        yield lambda _: None
        return
    with ProgressBar(*columns, console=console, transient=console.is_terminal) as bar:
        line = bar.add_task("preparing", total=None, pace="")

        def watch(now: Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            kept = f" ({now.kept:,} kept)" if now.kept else ""
            told = f"{now.arms} arms × {now.replicates} replicates{kept}"
            bar.update(line, description=told, completed=now.done, total=now.planned, pace=_pace(now, elapsed))

        yield watch


def show_result(console: Console, result: StudyResult) -> None:
    """Claims first, then the effects of the factors on the primary metric, then what to keep in mind."""
    if result.judgements:
        console.print(Text("Claims on trial\n", style="bold"))
        console.print(claims_table(result))
    primary = result.effects[0].metric if result.effects else ""
    shown = [effect for effect in result.effects if effect.metric == primary]
    if shown:
        way = "lower is better" if shown[0].lower_is_better else "higher is better"
        family = "one question" if shown[0].family == 1 else f"one family of {shown[0].family} questions"
        title = f"Effects on the {shown[0].split} set: {METRICS[primary].label}, {way}; {family}"
        console.print(Text(f"\n{title}\n", style="bold"))
        console.print(effects_table(shown))
    if result.variance:
        console.print(Text(f"\nShares of the variance of {METRICS[result.variance[0].metric].label}\n", style="bold"))
        for bar in variance_data(result.variance):
            console.print(words(f"{bar.percent:>7}  {bar.term}"))
    scores = scores_data(result, metrics_of(result)[0])
    if not result.judgements and not shown and scores:
        console.print(scores_table(scores))
    for note in result.notes:
        console.print(words(f"note: {note}", "dim"))


def claims_table(result: StudyResult) -> Table:
    """Each verdict beside its claim, why, and the valid comparisons behind it."""
    table = Table.grid(padding=(0, 2, 1, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for judgement in result.judgements:
        mark, style = CLAIM_STYLES[judgement.verdict]
        told = words(f"“{judgement.claim.text}”\n", "bold").append(words(judgement.because, "not bold"))
        for effect in judgement.instead:
            mark_of, style_of = EFFECT_STYLES[effect.verdict]
            told.append(f"\n{mark_of} ", style=style_of).append(words(effect_sentence(effect), "not bold"))
        table.add_row(Text(f"{mark} {judgement.verdict}", style=style), told)
    return table


def effects_table(effects: list[Effect]) -> Table:
    """Effects of one metric: each verdict beside what changed, by how much, how sure, and what to keep in mind."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for effect in effects:
        mark, style = EFFECT_STYLES[effect.verdict]
        sure = f" {level(effect.level).replace(' ', NO_BREAK)} interval, {effect.n_pairs} pairs, p = {effect.p:.2g}."
        told = words(effect_sentence(effect)).append(sure, style="dim")
        for note in effect.notes:
            told.append(words(f"\n{note[0].upper()}{note[1:]}.", "dim"))
        table.add_row(Text(f"{mark} {effect.verdict}", style=style), told)
    return table


def scores_table(data: ScoresData) -> Table:
    """For a study without factors and claims: the spread of the primary score over the replicates of each arm."""
    title = f"{data.metric.label} ({data.split}), {data.metric.unit}: median and range over replicates"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("arm", "median", "lowest", "highest", "diverged"):
        table.add_column(name)
    for row in data.rows:
        numbers = (number(value, data.places) for value in (row.median, row.low, row.high))
        table.add_row(words(row.arm), *numbers, str(row.diverged))
    return table


def _pace(now: Progress, elapsed: float) -> str:
    made, left = now.done - now.kept, now.planned - now.done
    if made < FORECAST_FROM or elapsed <= 0 or not left:
        return ""
    rate = made / elapsed
    seconds = left / rate
    speed = f"{rate:.1f} runs/s" if rate >= 0.1 else f"{60 * rate:.1f} runs/min"
    return f"{speed}, {seconds // 60:.0f} min {seconds % 60:.0f} s left"
