"""`etude learn`: the list of lessons, and a lesson as a notebook of the reader's own."""

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from etude.faces.lessons import Listed, lesson_file, listed
from etude.faces.whole import write_whole
from etude.figures.numbers import duration
from etude.figures.numbers import listed as joined
from etude.values.errors import EngineError, RecipeError, ReportError

NEEDS = ("jupytext", "ipykernel", "matplotlib", "sklearn", "torch")
"""Packages without which a lesson cannot be written or run; the extra `learn` has all of them."""

SERVERS = ("notebook", "jupyterlab")
"""Programs that show a notebook, as modules, the simpler one first."""

ENDED = (0, -signal.SIGINT, -signal.SIGTERM)
"""Return codes of a server that its reader has ended."""

NEXT_STEP = "Times are for two cores. `etude learn 1` writes the first lesson and opens it."

LESSON = "lesson"
"""Where a notebook's metadata, under "etude", say which lesson it is."""


def lessons_json(lessons: Iterable[Listed]) -> str:
    """The list as JSON: number, title, question, and seconds at either setting, null where they were not measured."""
    rows = [
        {
            "number": lesson.number,
            "title": lesson.title,
            "question": lesson.question,
            "seconds": lesson.measured.small_seconds or None,
            "seconds_in_full": lesson.measured.full_seconds or None,
        }
        for lesson in lessons
    ]
    return json.dumps({"schema": 1, "lessons": rows}, indent=2, ensure_ascii=False)


def lesson_lines(lessons: Iterable[Listed]) -> Iterable[str]:
    """The list as text, two lines a lesson, number and title with the time it takes and what it asks; how to begin."""
    for lesson in lessons:
        yield f"{lesson.number:2}  {lesson.title}{_time(lesson)}"
        yield f"    {lesson.question}"
    yield ""
    yield NEXT_STEP


def check_list(*, to: Path | None, fresh: bool, opens: bool) -> None:
    """A RecipeError where an option that is about one lesson came without its number."""
    wanted = {"--to": f"--to {to}" if to else "", "--fresh": "--fresh" * fresh, "--no-open": "--no-open" * (not opens)}
    for name, given in wanted.items():
        if given:
            raise RecipeError(f"{name} needs the number of a lesson, as in `etude learn 3 {given}`.")


def write_lesson(number: int, folder: Path, *, fresh: bool) -> tuple[Path, bool]:
    """A lesson as a notebook that has not run yet, in a folder; returns its path, and whether it was written.

    A notebook of that lesson which is there already is the reader's work: it is kept, unless `fresh`. Any other file
    under its name is never replaced, which is a ReportError. A setting that no lesson knows is a RecipeError.
    """
    from etude.faces.lesson import chosen_setting

    source = lesson_file(number)
    check_extra()
    chosen_setting()
    target = _at_home(folder) / f"{source.stem}.ipynb"
    if target.exists() and not is_lesson(target, number):
        raise ReportError(
            f"{target} is there already and is not the notebook of lesson {number}, so it was not replaced. "
            "Name another folder with --to, or move it. It is as it was."
        )
    if target.exists() and not fresh:
        return target, False
    try:
        write_whole(target, (json.dumps(notebook_of(source), indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise ReportError(
            f"the notebook cannot be written to {target}: {error.strerror or error}. Name another folder with --to. "
            "Nothing was written."
        ) from error
    return target, True


def notebook_of(source: Path) -> dict[str, Any]:
    """A lesson's file as a notebook: its cells, named by their place, and the kernel that every Jupyter has."""
    import jupytext

    made = jupytext.read(source, fmt="py:percent")
    for place, cell in enumerate(made.cells):
        cell["id"] = f"cell-{place:02}"
        cell.metadata.pop("lines_to_next_cell", None)
    return {
        "cells": [_plain(cell) for cell in made.cells],
        "metadata": {
            "etude": {LESSON: int(source.stem[:2])},
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def is_lesson(path: Path, number: int) -> bool:
    """Whether a file is the notebook of that lesson, however much its reader has changed it."""
    try:
        held = json.loads(path.read_text("utf-8"))
        return bool(held["metadata"]["etude"][LESSON] == number)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_extra() -> None:
    """An EngineError names what is not installed and the one command that brings it."""
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineError(
            f"a lesson needs {joined(missing)}, not installed here. "
            'Run: pip install "etude[learn]". Nothing was written.'
        )


def opened_with() -> str | None:
    """The program that can show a notebook here; None where there is none."""
    return next((name for name in SERVERS if importlib.util.find_spec(name) is not None), None)


def open_notebook(path: Path, server: str) -> None:
    """Show a notebook in the browser; returns when the reader ends the server. An EngineError where it fails."""
    try:
        code = subprocess.run([sys.executable, "-m", server, str(path)], check=False).returncode
    except KeyboardInterrupt:  # which is how a server is ended
        return
    if code not in ENDED:
        raise EngineError(
            f"Jupyter did not start; its message is above. The notebook is at {path}; "
            "open it with any program for notebooks, or add --no-open."
        )


def learn_lesson(number: int, folder: Path, *, fresh: bool, opens: bool) -> Iterable[str]:
    """Write a lesson and open it; what is to be said meanwhile."""
    path, written = write_lesson(number, folder, fresh=fresh)
    yield (
        f"{path} written"
        if written
        else f"{path} is there already and was left as it is; --fresh begins the lesson anew"
    )
    if not opens:
        return
    server = opened_with()
    if server is None:
        yield 'To open it here, run: pip install "etude[learn]". Any other program for notebooks will do, too.'
        return
    yield "opening it; end with Ctrl-C"
    open_notebook(path, server)


def all_lessons() -> tuple[Listed, ...]:
    """Every lesson, in order."""
    return tuple(listed())


def _at_home(folder: Path) -> Path:
    """The folder with `~` read as the home it names, which shells leave to us in ``--to=~/notes``."""
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise ReportError(
            f"{folder} names a home that is not known here. Name another folder with --to. Nothing was written."
        ) from error


def _time(lesson: Listed) -> str:
    small, full = lesson.measured.small_seconds, lesson.measured.full_seconds
    if not small:
        return ""
    return f" · {duration(small)}" + (f", in full {duration(full)}" if full else "")


def _plain(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell as plain JSON, its source as the lines that notebooks keep."""
    lines = cell["source"].splitlines(keepends=True)
    kept = {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": dict(cell["metadata"]), "source": lines}
    return kept if cell["cell_type"] == "markdown" else {**kept, "execution_count": None, "outputs": []}
