"""A recipe as TOML that `etude treat` and `etude run` read back to the same recipe."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from etude.faces.whole import write_whole
from etude.values.code import Code
from etude.values.data import Arrays
from etude.values.errors import ReportError
from etude.values.recipe import Recipe
from etude.values.spec import Spec

Was = Mapping[str, str]
"""Path of a field that was changed → its value before."""

HEAD = "# A recipe treated by étude"
"""How a file begins that étude may replace: it wrote it itself."""


def check_recipe_replaceable(path: Path) -> None:
    """A ReportError where the treated recipe would replace a file that is none, as the recipe that is treated."""
    if not path.exists():
        return
    if path.is_file() and path.read_bytes().startswith(HEAD.encode()):
        return
    raise ReportError(
        f"{path} is there already and is no recipe that étude has treated, so the treated one does not replace it. "
        "Name another file. It is as it was, and nothing was trained."
    )


def write_recipe(recipe: Recipe, path: Path, *, told: str, was: Was) -> Path:
    """Write the recipe to a file, whole or not at all; folders that are missing are made. Returns the path.

    told: what came of treating it, on one line
    """
    page = f"{HEAD}: {_comment(told)}\n{recipe_toml(recipe, was=was)}"
    try:
        write_whole(path, page.encode("utf-8", "replace"))
    except OSError as error:
        raise ReportError(
            f"the recipe cannot be written to {path}: {error.strerror or error}. Name a place that can be written. "
            "Every run is kept, so the same command writes it without training."
        ) from error
    return path


def recipe_toml(recipe: Recipe, *, was: Was | None = None) -> str:
    """Every field of the recipe; those that are none are left out, as they are none without being named.

    was: values before, told as comments beside what was changed

    What is Python has no words in TOML: it is told as a comment, and its table is such that reading it back is refused.

    >>> told = recipe_toml(Recipe(data={"task": "xor"}, loss="bce"), was={"epochs": "50"})
    >>> [line for line in told.splitlines() if line.startswith("epochs")]
    ['epochs = 100  # was 50']
    """
    known = was or {}
    plain = [name for name, value in recipe if not isinstance(value, Spec)]
    tables = [(name, value) for name, value in recipe if isinstance(value, Spec)]
    lines = [line for name in plain for line in _line(name, name, dict(recipe)[name], known)]
    for name, value in tables:
        lines += ["", *_own(name, value)] if isinstance(value, Code | Arrays) else ["", *_table(name, value, known)]
    gone = [f"# {path}: none, was {_comment(before)}" for path, before in known.items() if _is_none(recipe, path)]
    return "\n".join([*lines, *(["", *gone] if gone else []), ""])


def _table(name: str, value: Spec, was: Was) -> list[str]:
    told = f"  # was {_comment(was[name])}" if name in was else ""
    inner = [line for field, one in value for line in _line(field, f"{name}.{field}", one, was)]
    return [f"[{name}]{told}", *inner]


def _line(field: str, path: str, value: Any, was: Was) -> Iterator[str]:  # noqa: ANN401 - whatever a field holds
    if value is None:
        return
    told = f"  # was {_comment(was[path])}" if path in was else ""
    yield f"{field} = {_value(value, pairs=field == 'class_shares')}{told}"


def _own(name: str, value: Code | Arrays) -> list[str]:
    if isinstance(value, Arrays):
        rows, columns = value.inputs.shape
        return [
            f"[{name}]",
            f"# your own arrays, {rows:,} rows of {columns} inputs: pass them from Python, or name a table",
        ]
    if name == "loss":
        return [f"# loss: your own {_comment(value.name)}; pass it from Python"]
    return [f"[{name}]", f"name = {_value(f'your own {value.name}')}  # pass it from Python"]


def _value(value: Any, *, pairs: bool = False) -> str:  # noqa: ANN401 - whatever a field holds
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if pairs:
        return "{" + ", ".join(f"{_value(str(key))} = {_value(share)}" for key, share in value) + "}"
    return f"[{', '.join(map(_value, value))}]"


def _comment(told: str) -> str:
    """Words that stay within their comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in told).split())


def _is_none(recipe: Recipe, path: str) -> bool:
    head, _, tail = path.partition(".")
    value = dict(recipe)[head]
    return value is None or (bool(tail) and isinstance(value, Spec) and dict(value).get(tail, "") is None)
