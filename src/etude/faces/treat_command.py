"""The command `treat`: what the user asks for, and what is done with it."""

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from etude.faces.plain import tell
from etude.faces.treating import Wanted, recipe_in, treated


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks for; the fields are the options of the command, which say what they mean."""

    recipe: str
    arm: str | None
    seed: int | None
    wanted: Wanted
    report: Path | None = None
    as_json: bool = False


def treat_recipe(asked: Asked) -> None:
    """Treat, write the report and show what it came to."""
    from rich.console import Console

    from etude.faces.pages import check_replaceable
    from etude.faces.terminal import talk, words
    from etude.faces.treat_json import record_json
    from etude.faces.treat_page import write_page
    from etude.faces.treat_terminal import show_treated

    if asked.report is not None:
        check_replaceable(asked.report, what="report")
    name, recipe = recipe_in(asked.recipe, arm=asked.arm, seed=asked.seed)
    record = treated(recipe, replace(asked.wanted, name=name))
    target = asked.report or asked.wanted.out / f"{name}-treated.html"
    report = write_page(record, target, command=_typed())
    if asked.as_json:
        tell(record_json(record, report=report) + "\n")
    elif not asked.wanted.quiet:
        show_treated(Console(highlight=False), record)
    if not asked.wanted.quiet:
        talk().print(words(f"report: {report}"), soft_wrap=True)


def list_treatments() -> None:
    """Every treatment, on standard output."""
    from rich.console import Console

    from etude.faces.treat_terminal import treatments_table

    Console(highlight=False).print(treatments_table())


def _typed() -> str:
    """The command as it was typed."""
    return shlex.join(["etude", *sys.argv[1:]])
