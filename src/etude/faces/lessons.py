"""Where the lessons are, what each is called and asks, and what was measured when they were last run in full."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import etude
from etude.values.errors import RecipeError

MEASURED = "measured.json"

_TITLE = re.compile(r"^# # (\d+) · (.+)$", re.MULTILINE)
_QUESTION = re.compile(r"\*\*(.+?\?)\*\*", re.DOTALL)
_OF_A_COMMENT = re.compile(r"\n# ?")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a lesson: seconds at either setting, 0 where it was not run, and the full one's figures."""

    small_seconds: float = 0.0
    full_seconds: float = 0.0
    figures: Mapping[str, float | str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Listed:
    """A lesson as the list shows it."""

    number: int
    title: str
    question: str
    path: Path
    measured: Measured


def lesson_folder() -> Path:
    """The folder of the lessons: in an installed package beside the code, in a checkout at its root.

    >>> lesson_folder().name
    'lessons'
    """
    package = Path(etude.__file__).parent
    for place in (package / "lessons", package.parents[1] / "lessons"):
        if place.is_dir() and any(place.glob("[0-9][0-9]_*.py")):
            return place
    raise RecipeError("the lessons are not part of this installation. Install étude anew: pip install 'etude[learn]'.")


def lesson_files() -> tuple[Path, ...]:
    """Every lesson, in order.

    >>> lesson_files()[0].stem
    '01_baseline'
    """
    return tuple(sorted(lesson_folder().glob("[0-9][0-9]_*.py")))


def lesson_file(number: int) -> Path:
    """The file of one lesson; a RecipeError lists those that exist.

    >>> lesson_file(1).name
    '01_baseline.py'
    """
    for path in lesson_files():
        if path.stem.startswith(f"{number:02}_"):
            return path
    raise _no_lesson(str(number))


def lesson_number(asked: str) -> int:
    """The number of a lesson as somebody typed it; a RecipeError lists those that exist.

    >>> lesson_number("03")
    3
    """
    for path in lesson_files():
        number = int(path.stem[:2])
        if asked.strip().lstrip("0") == str(number):
            return number
    raise _no_lesson(asked)


def listed() -> Iterator[Listed]:
    """Every lesson with its title and question, in order.

    >>> next(listed()).number
    1
    """
    for path in lesson_files():
        yield listed_at(path)


def listed_at(path: Path) -> Listed:
    """The lesson of one file, by its first cell.

    >>> listed_at(lesson_file(1)).question.endswith("?")
    True
    """
    text = path.read_text("utf-8")
    title, question = _TITLE.search(text), _QUESTION.search(text)
    number = int(path.stem[:2])
    asked = _OF_A_COMMENT.sub(" ", question[1]) if question else ""
    return Listed(number, title[2] if title else path.stem[3:], asked, path, measured(number))


def measured(number: int) -> Measured:
    """What was measured of one lesson, as measured.json holds it.

    >>> measured(99)
    Measured(small_seconds=0.0, full_seconds=0.0, figures=mappingproxy({}))
    """
    held = _all_measured(lesson_folder() / MEASURED).get(f"{number:02}", {})
    seconds = held.get("seconds", {})
    return Measured(seconds.get("small", 0.0), seconds.get("full", 0.0), MappingProxyType(held.get("figures", {})))


def _no_lesson(asked: str) -> RecipeError:
    known = ", ".join(str(int(path.stem[:2])) for path in lesson_files())
    return RecipeError(f"there is no lesson {asked}. There are {known}; `etude learn` says what each is about.")


@lru_cache(maxsize=1)
def _all_measured(path: Path) -> Mapping[str, dict[str, dict[str, float]]]:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}
