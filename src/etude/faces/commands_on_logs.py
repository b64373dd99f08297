"""The commands on logs of any tool: each one's options, what they mean, and what is done with them."""

from pathlib import Path
from typing import Annotated

import typer

from etude.faces.diagnose_command import Asked, diagnose_paths
from etude.faces.follow import EVERY
from etude.values.finding import Severity


def diagnose(  # noqa: PLR0913 - each parameter is one option of the command
    paths: Annotated[
        list[str],
        typer.Argument(help="Logs of any tool, folders with all below them, patterns with *, a store of étude's."),
    ],
    *,
    train: Annotated[str | None, typer.Option(help="The series of the training loss, where names do not tell.")] = None,
    validation: Annotated[str | None, typer.Option(help="The series of the validation loss.")] = None,
    x: Annotated[str | None, typer.Option(help="What the curves are drawn over: step, epoch or row.")] = None,
    higher_is_better: Annotated[
        bool | None,
        typer.Option("--higher-is-better/--lower-is-better", help="Of what is judged, where its name does not tell."),
    ] = None,
    replicates: Annotated[
        str | None,
        typer.Option(
            help="Which runs are replicates, to be judged together: all; a logged parameter that they share; or a "
            "pattern of what their names differ in, such as '_seed[0-9]+'. Arms of étude's own are told apart without."
        ),
    ] = None,
    fail_on: Annotated[
        Severity | None,
        typer.Option(
            help="Exit with 1 where a finding is as severe as this, or more. Those count whose probability is 50 % or "
            "more, and those that the verdict itself names."
        ),
    ] = None,
    sarif: Annotated[Path | None, typer.Option(help="Write the findings to this file, as SARIF 2.1.0 for CI.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write one HTML page of all runs, worst first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the diagnoses as JSON on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Say what is wrong with runs, of any framework: a verdict with its probability, evidence, and what would help.

    Many runs are a table, worst first, then the worst few in full. Exit codes: 0 fine, 1 a finding at or above
    --fail-on, 2 usage, 3 unreadable input, 130 stopped with Ctrl-C.
    """
    given = Asked(
        tuple(paths), train, validation, x, higher_is_better, replicates, fail_on, sarif, report, as_json, quiet
    )
    raise typer.Exit(diagnose_paths(given))


def compare(  # noqa: PLR0913 - each parameter is one option of the command
    paths: Annotated[
        list[str],
        typer.Argument(help="Logs of the treated runs, of any tool: files, folders with all below them, patterns."),
    ],
    *,
    vs: Annotated[
        list[str] | None,
        typer.Option(help="Logs of the control, all words up to the next option: the effect is treated minus control."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Instead of --vs: the logged parameter whose values tell the groups apart.")
    ] = None,
    control: Annotated[
        str | None, typer.Option(help="With --by: the value of the control; by default the first that is read.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="A series, or validation or train for what is judged on them; by default what all runs are judged by "
            "on held-out data, in one unit."
        ),
    ] = None,
    at: Annotated[str, typer.Option(help="Where each run is scored: last, best by validation, or a step.")] = "last",
    pair: Annotated[
        str | None,
        typer.Option(
            help="How runs are paired: seed, order or none; by default by seed where every run has one, logged or in "
            "its name, and both groups have the same seeds; else not at all."
        ),
    ] = None,
    differs: Annotated[
        list[str] | None,
        typer.Option(help="Logged parameters that are meant to differ, all words up to the next option."),
    ] = None,
    as_a_whole: Annotated[
        bool, typer.Option("--as-a-whole", help="Compare groups that differ in several things, and name no cause.")
    ] = False,
    same_unit: Annotated[
        bool, typer.Option("--same-unit", help="Your word that the metric is in one unit, whatever it looks like.")
    ] = False,
    smallest_effect: Annotated[
        float | None, typer.Option(help="The smallest difference worth acting on, in the metric's unit.")
    ] = None,
    level: Annotated[float, typer.Option(help="One minus the error rate of all comparisons together.")] = 0.95,
    higher_is_better: Annotated[
        bool | None,
        typer.Option("--higher-is-better/--lower-is-better", help="Of the metric, where its name does not tell."),
    ] = None,
    train: Annotated[str | None, typer.Option(help="The series of the training loss, where names do not tell.")] = None,
    validation: Annotated[str | None, typer.Option(help="The series of the validation loss.")] = None,
    x: Annotated[str | None, typer.Option(help="What the curves are drawn over: step, epoch or row.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write one HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Is the difference between two groups of runs real? Of any framework: etude compare TREATED… --vs CONTROL…

    Paired by seed where that is sure, else by Welch's t; better, worse, equivalent or undecided, and how many runs
    would tell. Groups that differ in more than is said are refused. Exit codes: 0 fine, 2 usage or a comparison that
    would mislead, 3 unreadable input, 130 stopped with Ctrl-C.
    """
    from etude.faces.compare_command import Asked as Compared
    from etude.faces.compare_command import compare_paths

    given = Compared(
        paths=tuple(paths),
        vs=tuple(vs or ()),
        by=by,
        control=control,
        metric=metric,
        at=at,
        pair=pair,
        differs=tuple(differs or ()),
        as_a_whole=as_a_whole,
        same_unit=same_unit,
        smallest_effect=smallest_effect,
        level=level,
        higher_is_better=higher_is_better,
        train=train,
        validation=validation,
        x=x,
        report=report,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(compare_paths(given))


def watch(  # noqa: PLR0913 - each parameter is one option of the command
    command: Annotated[list[str], typer.Argument(help="The command, after --, as in: -- python train.py --lr 0.1")],
    *,
    log: Annotated[
        list[Path] | None,
        typer.Option(help="A log to follow; by default what the command writes below this folder, or else prints."),
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = EVERY,
    stop: Annotated[
        bool, typer.Option("--stop", help="End the command once a run of it has surely diverged or overfits.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write one HTML page of its runs at the end.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on standard error while it runs.")] = False,
) -> None:
    """Run a command as if étude were not there, and say what is wrong with its training while it goes on.

    Its input, output, signals and exit code are passed through; verdicts are told on standard error when they change.
    """
    from etude.faces.follow import Asked as Wanted
    from etude.faces.follow import follow

    raise typer.Exit(follow(Wanted(tuple(command), tuple(log or ()), every, stop, report, quiet)))
