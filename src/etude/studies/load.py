"""From a name or a TOML file to a plan."""

import tomllib
from pathlib import Path
from typing import Any

from etude.studies.journey import JOURNEY
from etude.values.errors import EtudeError, RecipeError
from etude.values.nearest import nearest
from etude.values.recipe import changed
from etude.values.study import Plan

PATHS, NAMED = ("table", "folder", "text", "series"), ("text", "series")
"""Fields that hold a path, and those of them that without a file's ending hold the name of something published."""

CALLED = ("name", "title")
"""Fields of a study that a bare recipe may have too."""

READY = Path(__file__).parent / "ready"
"""Study files that come with étude, to be run by their names, and to be copied."""

BUILT_IN: tuple[str, ...] = (JOURNEY.name, *sorted(path.stem for path in READY.glob("*.toml")))
"""The studies that come with étude, by name."""


def load_plan(study: str, *, replicates: int | str | None = None, seed: int | None = None) -> Plan:
    """The built-in study of that name or the study in that file, with replicates and seed replaced where given."""
    path = Path(study).expanduser()
    if study == JOURNEY.name:
        plan = JOURNEY
    elif study in BUILT_IN:
        plan = read_plan(READY / f"{study}.toml")
    elif path.suffix or path.exists():
        plan = read_plan(path)
    else:
        raise RecipeError(f"no built-in study and no file is called {study!r}. {nearest(study, BUILT_IN)}")
    fields = dict(plan)
    if replicates is not None:
        fields["replicates"] = replicates
    if seed is not None:
        fields["base"] = changed(plan.base, {"seed": seed})
    return Plan(**fields)


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file: a study, or a bare recipe, which is a study of one arm.

    Relative paths in it are taken from the file's own folder.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise RecipeError(
            f"{path}: no such file. Give the path of a study in TOML, or the name of a built-in."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as text ({error}). A study is a UTF-8 text file in TOML.") from error
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:  # an endless number, an endless nesting
        raise RecipeError(f"{path}: not TOML: {error}. Nothing was run.") from error
    if "base" not in fields and "data" in fields:
        called = {name: fields.pop(name) for name in CALLED if name in fields}
        fields = {**called, "base": fields}
    fields.setdefault("name", path.stem)
    try:
        return Plan(**_with_paths_from(fields, path.parent))
    except EtudeError as error:
        raise type(error)(f"{path}: {error} Nothing was run.") from error


def _with_paths_from(value: Any, folder: Path, *, key: str = "") -> Any:  # noqa: ANN401 - whatever TOML can say
    """The same fields with each path taken from `folder`, in the base, in arms, levels and claims."""
    if isinstance(value, dict):
        return {name: _with_paths_from(inner, folder, key=name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_paths_from(inner, folder, key=key) for inner in value]
    if isinstance(value, str) and key.rpartition(".")[2] in PATHS and _is_file(key.rpartition(".")[2], value):
        return str(folder / Path(value).expanduser())
    return value


def _is_file(field: str, value: str) -> bool:
    return field not in NAMED or bool(Path(value).suffix)
