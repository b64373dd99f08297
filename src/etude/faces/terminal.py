"""What a study looks like in a terminal: progress while it runs, then claims and effects."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from etude.figures.numbers import decimals, number, signed
from etude.figures.scores import ScoresData, metrics_of, scores_data
from etude.figures.words import effect_sentence
from etude.values.claim import ClaimVerdict
from etude.values.effect import Effect, Verdict
from etude.values.metric import METRICS
from etude.values.study import Progress, StudyResult

CLAIM_STYLES: Mapping[ClaimVerdict, tuple[str, str]] = {
    "supported": ("✓", "green"),
    "refuted": ("✗", "red"),
    "not comparable": ("≠", "magenta"),
    "confounded": ("⋈", "magenta"),
    "undecided": ("?", "yellow"),
}
EFFECT_STYLES: Mapping[Verdict, tuple[str, str]] = {
    "better": ("▲", "green"),
    "worse": ("▼", "red"),
    "equivalent": ("=", "cyan"),
    "undecided": ("?", "yellow"),
}


def talk() -> Console:
    """Where étude talks: standard error, so that standard output stays data."""
    return Console(stderr=True, highlight=False)


@contextlib.contextmanager
def progress_display(console: Console, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A live line of arms, replicates, runs done, rate and time left; a silent one when quiet."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
    )
    if quiet:
        yield lambda _: None
        return
    with ProgressBar(*columns, console=console, transient=console.is_terminal) as bar:
        line = bar.add_task("preparing", total=None, pace="")

        def watch(now: Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            kept = f", {now.kept:,} of them kept from before" if now.kept else ""
            told = f"{now.arms} arms × {now.replicates} replicates{kept}"
            bar.update(line, description=told, completed=now.done, total=now.planned, pace=_pace(now, elapsed))

        yield watch


def show_result(console: Console, result: StudyResult) -> None:
    """Claims first, then the effects of the factors on the primary metric, then what to keep in mind."""
    if result.judgements:
        console.print(claims_table(result))
    primary = result.effects[0].metric if result.effects else ""
    shown = [effect for effect in result.effects if effect.metric == primary]
    if shown:
        console.print(effects_table(shown))
        for effect in shown:
            for note in effect.notes:
                console.print(Text(f"{effect.factor}, {effect.treated} against {effect.control}: {note}", style="dim"))
    scores = scores_data(result, metrics_of(result)[0])
    if not result.judgements and not shown and scores:
        console.print(scores_table(scores))
    for note in result.notes:
        console.print(Text(f"note: {note}", style="dim"))


def claims_table(result: StudyResult) -> Table:
    """Each claim with its verdict, why, and the effects behind it."""
    table = Table(title="Claims on trial", title_justify="left", show_lines=True)
    table.add_column("claim", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("because", ratio=5)
    for judgement in result.judgements:
        mark, style = CLAIM_STYLES[judgement.verdict]
        because = Text(judgement.because)
        for effect in judgement.instead:
            because.append(f"\n{EFFECT_STYLES[effect.verdict][0]} {effect_sentence(effect)}", style="dim")
        table.add_row(Text(judgement.claim.text), Text(f"{mark} {judgement.verdict}", style=style), because)
    return table


def effects_table(effects: list[Effect]) -> Table:
    """Effects of one metric as a table: what changed, by how much, how sure, and the verdict."""
    first = effects[0]
    label = METRICS[first.metric].label if first.metric in METRICS else first.metric
    way = "lower is better" if first.lower_is_better else "higher is better"
    title = f"Effects on {label} ({first.split}), {first.unit}, {way}; one family of {first.family}"
    table = Table(title=title, title_justify="left")
    for name in ("factor", "treated against control", "mean difference", "interval", "level", "pairs", "p", "verdict"):
        table.add_column(name)
    for effect in effects:
        mark, style = EFFECT_STYLES[effect.verdict]
        places = decimals(effect.high - effect.low)
        table.add_row(
            effect.factor,
            f"{effect.treated} against {effect.control}",
            signed(effect.mean, places),
            f"[{signed(effect.low, places)}, {signed(effect.high, places)}]".replace("[", "\\["),
            f"{effect.level:.1%}",
            str(effect.n_pairs),
            f"{effect.p:.2g}",
            Text(f"{mark} {effect.verdict}", style=style),
        )
    return table


def scores_table(data: ScoresData) -> Table:
    """For a study without factors and claims: the spread of the primary score over the replicates of each arm."""
    title = f"{data.metric.label} ({data.split}), {data.metric.unit}: median and range over replicates"
    table = Table(title=title, title_justify="left")
    for name in ("arm", "median", "lowest", "highest", "diverged"):
        table.add_column(name)
    for row in data.rows:
        numbers = (number(value, data.places) for value in (row.median, row.low, row.high))
        table.add_row(row.arm, *numbers, str(row.diverged))
    return table


def _pace(now: Progress, elapsed: float) -> str:
    made = now.done - now.kept
    if made < 1 or elapsed <= 0:
        return ""
    rate = made / elapsed
    left = (now.planned - now.done) / rate
    return f"{rate:.1f} runs/s, {left // 60:.0f} min {left % 60:.0f} s left"
