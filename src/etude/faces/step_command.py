"""The command `step`: what the user asks for, and what is done with it."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from etude.faces.plain import complain, tell
from etude.faces.stepping import Look, Seen, seen
from etude.faces.treating import recipe_in

STOPPED = 130


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks for; the fields are the options of the command, which say what they mean."""

    recipe: str
    arm: str | None
    seed: int | None
    look: Look
    report: Path | None = None
    as_json: bool = False
    quiet: bool = False


def step_recipe(asked: Asked) -> int:
    """Look at the steps, write the page if one is asked for, and show what was seen; returns the exit code."""
    if asked.report is not None:
        from etude.faces.pages import check_replaceable

        check_replaceable(asked.report, what="page")
    try:
        found = _seen(asked)
    except KeyboardInterrupt:
        complain("etude: stopped. Nothing was changed: steps are looked at anew each time.")
        return STOPPED
    report = None if asked.report is None else _written(found, asked.report)
    _show(found, asked, report)
    return 0


def _seen(asked: Asked) -> Seen:
    from etude.data.load import fetch
    from etude.faces.terminal import download_display, talk

    name, recipe = recipe_in(asked.recipe, arm=asked.arm, seed=asked.seed)
    with download_display(talk(), quiet=asked.quiet) as watch_bytes:
        fetch(recipe.data, watch_bytes)
    return seen(name, recipe, asked.look)


def _written(found: Seen, report: Path) -> Path:
    from etude.faces.step_page import write_page

    return write_page(found, report, command=shlex.join(["etude", *sys.argv[1:]]))


def _show(found: Seen, asked: Asked, report: Path | None) -> None:
    from rich.console import Console

    from etude.faces.step_json import seen_json
    from etude.faces.step_terminal import show_steps
    from etude.faces.terminal import talk, words

    if asked.as_json:
        tell(seen_json(found, report=report) + "\n")
    elif not asked.quiet:
        show_steps(Console(highlight=False), found)
    if report is not None and not asked.quiet:
        talk().print(words(f"report: {report}"), soft_wrap=True)
