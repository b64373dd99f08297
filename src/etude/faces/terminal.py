"""What a study looks like in a terminal: progress while it runs, then claims and effects."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from etude.faces.plain import NO_BREAK, printable
from etude.figures.marks import EFFECT_STYLES
from etude.figures.numbers import level, number, percent, plural
from etude.figures.scores import ScoresData, metrics_of, scores_data
from etude.figures.variance import SMALL, large_and_small, variance_data
from etude.figures.verdicts import LOOKS, chances, rank
from etude.figures.words import effect_sentence
from etude.studies.design import told_arms
from etude.values.claim import ClaimVerdict
from etude.values.effect import Effect
from etude.values.finding import Diagnosis
from etude.values.metric import METRICS
from etude.values.study import Progress, StudyResult

if TYPE_CHECKING:
    from etude.figures.ranking import Ranking

CLAIM_STYLES: Mapping[ClaimVerdict, tuple[str, str]] = {
    "supported": ("✓", "green"),
    "refuted": ("✗", "red"),
    "not comparable": ("≠", "magenta"),
    "confounded": ("⚠", "magenta"),
    "undecided": ("?", "yellow"),
}
FEW_PAIRS = 3
FEW_TRAINED = 12
"""Arms of which it is told how they trained."""

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
    return Text(printable(told), style=style)


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
            by = f", {now.engines}" if now.engines else ""
            told = f"{now.arms} arms × {now.replicates} replicates{kept}{by}"
            bar.update(line, description=told, completed=now.done, total=now.planned, pace=_pace(now, elapsed))

        yield watch


@contextlib.contextmanager
def download_display(console: Console, *, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A line of bytes done, rate and time left, once there is something to download; nothing before, or when quiet."""
    columns = (TextColumn("fetching data"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = ProgressBar(*columns, console=console, transient=True, disable=quiet)
    line = bar.add_task("", total=None)

    def watch(done: int, total: int | None) -> None:
        bar.start()
        bar.update(line, completed=done, total=total)

    try:
        yield watch
    finally:
        bar.stop()


def show_result(console: Console, result: StudyResult, trained: Sequence[Diagnosis] = ()) -> None:
    """Claims first, then the effects of the factors on the primary metric, how the arms trained, what to keep in mind.

    trained: how each arm trained, in the order of the arms
    """
    from etude.faces.factorial import factorial_of, interactions, main_effects  # with scipy: too slow for `--help`

    if result.judgements:
        console.print(Text("Claims on trial\n", style="bold"))
        console.print(claims_table(result))
    primary = result.effects[0].metric if result.effects else ""
    shown = [effect for effect in main_effects(result) if effect.metric == primary]
    if shown:
        title = f"Effects on the {shown[0].split} set: {METRICS[primary].label}, {_way(shown[0])}; {_family(shown[0])}"
        console.print(Text(f"\n{title}\n", style="bold"))
        console.print(effects_table(shown))
    _show_interactions(console, interactions(result))
    _show_variance(console, result)
    factorial = factorial_of(result)
    _show_best(console, factorial.ranking if factorial else None)
    told = replace(result, arms=told_arms(result.plan, result.arms))
    scores = scores_data(told, metrics_of(result)[0])
    if not result.judgements and not shown and scores:
        console.print(scores_table(scores))
    _show_trained(console, trained)
    for note in result.notes:
        console.print(words(f"note: {note}", "dim"))


def _show_trained(console: Console, trained: Sequence[Diagnosis]) -> None:
    """A line for each arm, worst first; of many, the worst alone."""
    if not trained:
        return
    console.print(Text(f"\nHow the {plural(len(trained), 'arm')} trained\n", style="bold"))
    for diagnosis in sorted(trained, key=lambda one: rank(one.verdict))[:FEW_TRAINED]:
        look = LOOKS[diagnosis.verdict]
        chance = "" if diagnosis.verdict == "cannot tell" else chances(diagnosis.probability)
        told = words(f"{look.sign} {diagnosis.verdict:<23}", look.colour)
        console.print(told.append(words(f" {chance:>9}  ", "not bold")).append(words(diagnosis.source)), soft_wrap=True)
    if len(trained) > FEW_TRAINED:
        console.print(words(f"and {len(trained) - FEW_TRAINED} more in the report", "dim"))


def _way(effect: Effect) -> str:
    return "lower is better" if effect.lower_is_better else "higher is better"


def _family(effect: Effect) -> str:
    return "one question" if effect.family == 1 else f"one family of {effect.family} questions"


def _show_interactions(console: Console, effects: Sequence[Effect]) -> None:
    """All in words if they are few, else those that were found, and how many others there are."""
    if not effects:
        return
    told = [effect for effect in effects if effect.verdict in ("better", "worse") or len(effects) <= FEW_PAIRS]
    counts = Counter(effect.verdict for effect in effects if effect not in told)
    title = f"What two factors do together: {METRICS[effects[0].metric].label}; {_family(effects[0])}"
    console.print(Text(f"\n{title}\n", style="bold"))
    if told:
        console.print(effects_table(told))
    for verdict, n in counts.most_common():
        mark, style = EFFECT_STYLES[verdict]
        what = "add up, or nearly" if verdict == "equivalent" else "may add up, or not"
        console.print(Text(f"{mark} {verdict}", style=style).append(f"  {plural(n, 'pair')} of factors {what}", ""))


def _show_variance(console: Console, result: StudyResult) -> None:
    if not result.variance:
        return
    console.print(Text(f"\nShares of the variance of {METRICS[result.variance[0].metric].label}\n", style="bold"))
    bars, small = large_and_small(variance_data(result.variance))
    for bar in bars:
        console.print(words(f"{bar.percent:>7}  {bar.term}"))
    if small:
        console.print(words(f"         {len(small)} more, each below {percent(SMALL, 1)}", "dim"))


def _show_best(console: Console, ranking: "Ranking | None") -> None:
    """The winner, with the score of the half that did not choose it."""
    from etude.figures.ranking import interval_text, scored_text

    if ranking is None:
        return
    best = ranking.best[0]
    console.print(Text(f"\nThe best of {ranking.arms} combinations\n", style="bold"))
    console.print(
        words(
            f"{best.arm[:1].upper()}{best.arm[1:]}: {ranking.metric.label} {scored_text(ranking, best)} "
            f"({interval_text(ranking, best)}). {plural(ranking.choosing, 'replicate')} chose it; the score and its "
            f"{level(ranking.level).replace(' ', NO_BREAK)} interval are of the other {ranking.scoring}."
        )
    )


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
        sure = f" {level(effect.level).replace(' ', NO_BREAK)} interval, {effect.based_on}, p = {effect.p:.2g}."
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
