"""The commands: each one's options, what they mean, and what is done with them."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from etude.faces.commands_on_logs import compare, diagnose, watch
from etude.faces.python import RESULTS, STORE
from etude.values.errors import InterruptedStudy, RecipeError
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


app.command()(diagnose)


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
    max_trainings: Annotated[
        int, typer.Option(help="Trainings that it may ask for, those that the store has included.")
    ] = 8000,
    max_minutes: Annotated[float, typer.Option(help="Of this call; a look that would end later is not begun.")] = 10.0,
    max_replicates: Annotated[int, typer.Option(help="Of an arm in a trial; twice as many of what scouts found.")] = 20,
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
    toml: Annotated[
        Path | None, typer.Option(help="A file for the treated recipe; only one that étude wrote is replaced.")
    ] = None,
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
    treat_recipe(Treated(recipe, arm, seed, wanted, report, toml, as_json))


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
    example: Annotated[
        str | None,
        typer.Option(
            help="Of the batch, from 0: whose path is written out. With --vs who is compared: a number, or wrong or "
            "right, the most confidently so; by default wrong."
        ),
    ] = None,
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
    from etude.faces.stepping import Against, Look, example_in

    look = Look(
        steps=tuple(steps or ("1",)),
        replicate=replicate,
        example=None if example is None else example_in(example, compared=vs is not None),
        output=output,
        weight=weight,
        curvature=curvature,
        surface=surface,
        float64=float64,
        device=device,
        against=None if vs is None else Against(vs, replicates),
    )
    raise typer.Exit(step_recipe(Looked(recipe, arm, seed, look, report, as_json, quiet)))


app.command(cls=TakesSeveral)(compare)
app.command(context_settings={"allow_interspersed_args": False})(watch)


@app.command()
def learn(
    lesson: Annotated[str | None, typer.Argument(help="The lesson's number; without it, all are listed.")] = None,
    *,
    to: Annotated[Path | None, typer.Option(help="The folder to write the notebook to; by default this one.")] = None,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open it with Jupyter, if that is installed.")] = True,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew where the lesson's notebook is there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON on standard output.")] = False,
) -> None:
    """List the twelve lessons, or write one as a notebook and open it.

    Each asks one question, and takes the time shown on two cores; the full setting, chosen by ETUDE_LESSONS=full in the
    environment, takes longer and trains more replicates.
    """
    from etude.faces.learn import all_lessons, check_list, learn_lesson, lesson_lines, lessons_json
    from etude.faces.lessons import lesson_number

    if lesson is None:
        check_list(to=to, fresh=fresh, opens=opens)
        typer.echo(lessons_json(all_lessons()) if as_json else "\n".join(lesson_lines(all_lessons())))
        return
    if as_json:
        raise RecipeError("--json prints the list of lessons; leave out the number.")
    for line in learn_lesson(lesson_number(lesson), to or Path(), fresh=fresh, opens=opens):
        typer.echo(line, err=True)


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
