"""The command `treat`: what the user asks for, and what is done with it."""

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from etude.faces.plain import tell
from etude.faces.treating import Record, Wanted, recipe_in, treated
from etude.values.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks for; the fields are the options of the command, which say what they mean."""

    recipe: str
    arm: str | None
    seed: int | None
    wanted: Wanted
    report: Path | None = None
    toml: Path | None = None
    as_json: bool = False


def treat_recipe(asked: Asked) -> None:
    """Treat, write the report and show what it came to."""
    from rich.console import Console

    from etude.faces.pages import check_replaceable
    from etude.faces.terminal import talk, words
    from etude.faces.treat_json import record_json
    from etude.faces.treat_page import write_page
    from etude.faces.treat_terminal import show_treated
    from etude.faces.treat_toml import check_recipe_replaceable

    if asked.report is not None:
        check_replaceable(asked.report, what="report")
    if asked.toml is not None:
        check_recipe_replaceable(asked.toml)
    name, recipe = recipe_in(asked.recipe, arm=asked.arm, seed=asked.seed)
    record = treated(recipe, replace(asked.wanted, name=name))
    target = asked.report or asked.wanted.out / f"{name}-treated.html"
    report = write_page(record, target, command=_typed())
    _write_recipe(record, asked.toml)
    if asked.as_json:
        tell(record_json(record, report=report) + "\n")
    elif not asked.wanted.quiet:
        show_treated(Console(highlight=False), record)
    if not asked.wanted.quiet:
        talk().print(words(f"report: {report}"), soft_wrap=True)
        if asked.toml is not None:
            talk().print(words(f"recipe: {asked.toml}"), soft_wrap=True)


def _write_recipe(record: Record, target: Path | None) -> None:
    """The treated recipe where a file is named, with what was changed as comments."""
    from etude.faces.treat_toml import write_recipe
    from etude.faces.treat_words import headline
    from etude.studies.changes import changes_of

    setting = record.found.setting
    if target is not None and isinstance(setting, Recipe):
        was = {one.field: one.before for one in changes_of(record.found.before, setting)}
        write_recipe(setting, target, told=headline(record), was=was)


def list_treatments() -> None:
    """Every treatment, on standard output."""
    from rich.console import Console

    from etude.faces.treat_terminal import treatments_table

    Console(highlight=False).print(treatments_table())


def _typed() -> str:
    """The command as it was typed."""
    return shlex.join(["etude", *sys.argv[1:]])
