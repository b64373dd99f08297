"""The commands: each one's options, what they mean, and what is done with them."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from etude.faces.diagnose_command import Asked, diagnose_paths
from etude.faces.follow import EVERY
from etude.faces.python import RESULTS, STORE
from etude.values.errors import InterruptedStudy, RecipeError
from etude.values.finding import Severity
from etude.values.study import DEFAULT_ENGINE

app = typer.Typer(
    help="A laboratory for neural-network training: what is wrong, what would help, did it really help?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def about(*, show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Say which version this is."""
    if show_version:
        typer.echo(f"etude {version('etude')}")
        raise typer.Exit


@app.command()
def run(  # noqa: PLR0913 - each parameter is one option of the command
    study: Annotated[
        str,
        typer.Argument(help="A study in TOML, or the name of one that comes with étude, such as journey or memory."),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the store of runs and the report.")] = RESULTS,
    replicates: Annotated[str | None, typer.Option(help="Runs of each arm, or 'until decided'.")] = None,
    seed: Annotated[int | None, typer.Option(help="The number all chance is derived from.")] = None,
    engine: Annotated[str, typer.Option(help="How runs are trained: native, or the slower loop.")] = DEFAULT_ENGINE,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads, or processes of loop; by default one a processor.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, or a torch device such as cuda.")] = "cpu",
    cluster: Annotated[
        str | None, typer.Option(help="Spread the runs over a Ray cluster: auto, or host:port of one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no tables.")] = False,
) -> None:
    """Run a study: arms × replicates, resumable; then its claims, effects and report.

    Stopped with Ctrl-C, or killed, the same command goes on where it was. Exit codes: 0 fine, 2 usage, 3 unreadable
    input, 4 stopped but resumable.
    """
    from rich.console import Console

    from etude.data.load import fetch
    from etude.faces.diagnosing import arms_diagnosed
    from etude.faces.json import result_json
    from etude.faces.report import write_report
    from etude.faces.terminal import download_display, progress_display, show_result, talk, words
    from etude.records.store import open_store
    from etude.studies.collect import Means
    from etude.studies.design import data_of
    from etude.studies.execute import execute
    from etude.studies.load import load_plan

    try:
        plan = load_plan(study, replicates=_count(replicates), seed=seed)
        means = Means(engine=engine, workers=workers, device=device, cluster=cluster)
        command = f"etude run {study} --replicates {plan.replicates!r} --seed {plan.base.seed}"
        with download_display(talk(), quiet=quiet) as watch_bytes:
            for data in data_of(plan):
                fetch(data, watch_bytes)
        with open_store(out / STORE) as store, progress_display(talk(), quiet=quiet) as watch:
            result = execute(plan, store, means=means, watch=watch)
        trained = arms_diagnosed(result.runs)
        report = write_report(result, out / f"{plan.name}.html", command=command, trained=trained)
    except KeyboardInterrupt:
        raise InterruptedStudy(
            f"stopped. Finished runs are kept in {out / STORE}; the same command goes on from there."
        ) from None
    if as_json:
        typer.echo(result_json(result, report, trained))
    elif not quiet:
        show_result(Console(highlight=False), result, trained)
    if not quiet:
        talk().print(words(f"report: {report}"), soft_wrap=True)


@app.command()
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


@app.command(context_settings={"allow_interspersed_args": False})
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


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write: a .csv or .parquet file.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder that holds the store of runs.")] = RESULTS,
    study: Annotated[str | None, typer.Option(help="Only this study; by default all.")] = None,
) -> None:
    """Write every measurement of every run, one row each: study, arm, replicate, curve, step, value, error, unit."""
    from etude.faces.terminal import talk
    from etude.records.export import export_runs
    from etude.records.store import read_store

    with read_store(out / STORE) as store:
        rows = export_runs(store, file, study=study)
    talk().print(f"{rows:,} measurements written to {file}")


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the same as JSON on standard output.")] = False,
) -> None:
    """Say what this machine trains with, and how fast: engine, instructions, cores, versions, and a second's timing."""
    from rich.console import Console

    from etude.faces.doctor import examined, health_json, health_table

    health = examined()
    if as_json:
        typer.echo(health_json(health))
    else:
        Console(highlight=False).print(health_table(health))


def _count(replicates: str | None) -> int | str | None:
    if replicates is None or replicates == "until decided":
        return replicates
    try:
        return int(replicates)
    except ValueError:
        raise RecipeError(f"--replicates {replicates!r} is neither a whole number nor 'until decided'.") from None
