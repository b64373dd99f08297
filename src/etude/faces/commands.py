"""The commands: each one's options, what they mean, and what is done with them."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from etude.faces.diagnose_command import Asked, diagnose_paths
from etude.faces.follow import EVERY
from etude.faces.python import RESULTS, STORE
from etude.values.errors import InterruptedStudy, RecipeError
from etude.values.finding import Severity
from etude.values.study import DEFAULT_ENGINE


class TakesSeveral(TyperCommand):
    """A command with options that take every word up to the next option, which the library has none of."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - of a library within the library
        """Read the arguments, each word of such an option as an option of its own."""
        from etude.faces.compare_command import spread

        many = [name.removeprefix("--") for option in self.params for name in _several(option)]
        return super().parse_args(ctx, spread(args, many))


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


@app.command(cls=TakesSeveral)
def treat(  # noqa: PLR0913 - each parameter is one option of the command
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe in TOML, a study file with a base, or with --arm the name of a built-in study."),
    ] = None,
    *,
    arm: Annotated[
        str | None, typer.Option(help="Of a study of several recipes: the one to treat, such as 'notebook 2'.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the store of runs and the report.")] = RESULTS,
    metric: Annotated[
        str | None, typer.Option(help="What treatments are chosen by; by default the score that the recipe's loss is.")
    ] = None,
    max_trainings: Annotated[int, typer.Option(help="Trainings in all, those that the store has included.")] = 2000,
    max_minutes: Annotated[float, typer.Option(help="Of this call; a look that would end later is not begun.")] = 10.0,
    max_replicates: Annotated[int, typer.Option(help="Of an arm in a trial.")] = 20,
    only: Annotated[
        list[str] | None, typer.Option(help="Treatments that may be tried, all words up to the next option.")
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="Treatments that may not be tried, likewise.")] = None,
    also: Annotated[
        list[str] | None, typer.Option("--with", help="Costly treatments that may be tried too, such as 'more data'.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The number all chance is derived from.")] = None,
    level: Annotated[float, typer.Option(help="One minus the rate of false verdicts of each round.")] = 0.95,
    engine: Annotated[str, typer.Option(help="How runs are trained: native, or the slower loop.")] = DEFAULT_ENGINE,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads, or processes of loop; by default one a processor.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, or a torch device such as cuda.")] = "cpu",
    report: Annotated[Path | None, typer.Option(help="The page; by default OUT/NAME-treated.html.")] = None,
    treatments: Annotated[
        bool, typer.Option("--treatments", help="List all treatments, what they answer and change, and do nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no tables.")] = False,
) -> None:
    """Say what would help a recipe, and whether it did: diagnose, prescribe, put on trial, and go round again.

    Each treatment is tried on paired replicates against the untouched recipe; what is verified to help is kept, until
    it is a good fit, nothing helps, or the budget is spent; then both are compared on fresh seeds. Stopped with
    Ctrl-C, or killed, the same command goes on where it was. Exit codes: 0 fine, 2 usage, 3 unreadable input, 4
    stopped but resumable.
    """
    from etude.faces.treat_command import Asked as Treated
    from etude.faces.treat_command import list_treatments, treat_recipe
    from etude.faces.treating import Choice, Wanted

    if treatments:
        list_treatments()
        return
    if recipe is None:
        raise RecipeError("say which recipe to treat, as in: etude treat recipe.toml. Nothing was trained.")
    choice = Choice(tuple(only or ()), tuple(without or ()), tuple(also or ()))
    wanted = Wanted(
        name="recipe",
        out=out,
        metric=metric,
        trainings=max_trainings,
        minutes=max_minutes,
        replicates=max_replicates,
        choice=choice,
        level=level,
        engine=engine,
        workers=workers,
        device=device,
        quiet=quiet,
    )
    treat_recipe(Treated(recipe, arm, seed, wanted, report, as_json))


@app.command(cls=TakesSeveral)
def step(  # noqa: PLR0913 - each parameter is one option of the command
    recipe: Annotated[
        str, typer.Argument(help="A recipe in TOML, a study file with a base, or with --arm a built-in study's name.")
    ],
    *,
    arm: Annotated[
        str | None, typer.Option(help="Of a study of several recipes: the one to look at, such as 'notebook 2'.")
    ] = None,
    steps: Annotated[
        list[str] | None,
        typer.Option("--step", help="Optimiser steps from 1, or last: all words up to the next option; by default 1."),
    ] = None,
    replicate: Annotated[int, typer.Option(min=0, help="Which replicate is trained, from 0.")] = 0,
    vs: Annotated[
        str | None,
        typer.Option(help="FIELD=VALUE, such as loss=mse: compare with the same recipe but for this, on one example."),
    ] = None,
    replicates: Annotated[int, typer.Option(min=2, help="With --vs: pairs of replicates.")] = 10,
    example: Annotated[int | None, typer.Option(min=0, help="Of the batch, from 0: whose path is written out.")] = None,
    output: Annotated[int | None, typer.Option(min=0, help="The output that the path leads to, from 0.")] = None,
    weight: Annotated[str | None, typer.Option(help="Where the path begins, such as '0.weight[3,1]'.")] = None,
    curvature: Annotated[
        bool, typer.Option("--curvature", help="Seek the largest eigenvalues of the Hessian too.")
    ] = False,
    surface: Annotated[
        bool, typer.Option("--surface", help="Try the loss on a plane around the weights of the last step too.")
    ] = False,
    float64: Annotated[bool, typer.Option("--float64", help="Take the steps that are looked at in float64.")] = False,
    seed: Annotated[int | None, typer.Option(help="The number all chance is derived from.")] = None,
    device: Annotated[str, typer.Option(help="cpu, or a torch device such as cuda.")] = "cpu",
    report: Annotated[Path | None, typer.Option(help="Write one HTML page with a slider over the steps.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every number as JSON on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Say why an optimiser step did what it did: the gradient microscope, on a recipe's own training.

    A replicate is trained by the reference loop up to the last step asked for. Of each step: whether it worked, what
    every layer said and heard, the chain rule written out, the update taken apart, and which examples pulled. Exit
    codes: 0 fine, 2 usage, 3 unreadable input, 130 stopped with Ctrl-C.
    """
    from etude.faces.step_command import Asked as Looked
    from etude.faces.step_command import step_recipe
    from etude.faces.stepping import Against, Look

    look = Look(
        steps=tuple(steps or ("1",)),
        replicate=replicate,
        example=example,
        output=output,
        weight=weight,
        curvature=curvature,
        surface=surface,
        float64=float64,
        device=device,
        against=None if vs is None else Against(vs, replicates),
    )
    raise typer.Exit(step_recipe(Looked(recipe, arm, seed, look, report, as_json, quiet)))


@app.command(cls=TakesSeveral)
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


def _several(option: Any) -> list[str]:  # noqa: ANN401 - of a library within the library
    """The names of an option that may be given several times."""
    return [name for name in option.opts if name.startswith("--")] if getattr(option, "multiple", False) else []


def _count(replicates: str | None) -> int | str | None:
    if replicates is None or replicates == "until decided":
        return replicates
    try:
        return int(replicates)
    except ValueError:
        raise RecipeError(f"--replicates {replicates!r} is neither a whole number nor 'until decided'.") from None
