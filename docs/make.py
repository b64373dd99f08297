"""Write the pages that are made from the code: the command line's manual and the fields of a study file."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from etude.data.images import COLLECTIONS
from etude.data.load import SOURCES
from etude.values.augment import Augment
from etude.values.claim import Bound, Claim, Contrast
from etude.values.data import Bundled, Images, Memory, Names, Series, Table, Task, Text
from etude.values.metric import METRICS
from etude.values.model import Attention, Convnet, Mlp, Pretrained, Recurrent
from etude.values.optimizer import Adam, AdamW, EarlyStopping, Rmsprop, Schedule, Sgd
from etude.values.recipe import Recipe
from etude.values.spec import Spec
from etude.values.study import Plan

HERE = Path(__file__).parent

SECTIONS: tuple[tuple[str, type[Spec]], ...] = (
    ("The study", Plan),
    ("`[base]`: the recipe", Recipe),
    ("`[base.data]` with `task`: a synthetic task", Task),
    ("`[base.data]` with `bundled`: one of scikit-learn's sets", Bundled),
    ("`[base.data]` with `table`: your own file", Table),
    ("`[base.data]` with `images`: a published set", Images),
    ("`[base.data]` with `memory`: a synthetic task on sequences", Memory),
    ("`[base.data]` with `series`: time series", Series),
    ("`[base.data]` with `text`: characters to be continued", Text),
    ("`[base.data]` with `names`: whose name is it?", Names),
    ('`[base.model]` with `name = "mlp"`', Mlp),
    ('`[base.model]` with `name = "convnet"`', Convnet),
    ('`[base.model]` with `name = "recurrent"`', Recurrent),
    ('`[base.model]` with `name = "attention"`', Attention),
    ('`[base.model]` with `name = "pretrained"`', Pretrained),
    ('`[base.optimizer]` with `name = "sgd"`', Sgd),
    ('`[base.optimizer]` with `name = "rmsprop"`', Rmsprop),
    ('`[base.optimizer]` with `name = "adam"`', Adam),
    ('`[base.optimizer]` with `name = "adamw"`', AdamW),
    ("`[base.augment]`: for images", Augment),
    ("`[base.schedule]`", Schedule),
    ("`[base.early_stopping]`", EarlyStopping),
    ("`[[claims]]`: a sentence on trial", Claim),
    ("A contrast, in `stated` or `instead`, or directly in a claim", Contrast),
    ("A bound, in `stated` or `instead`", Bound),
)


def study_file_page() -> str:
    """Every field of a study file, with its default and what it means, from the specs themselves."""
    lines = [
        "# The fields of a study file",
        "",
        "The same names in TOML and in Python. Made from the code by `make docs`; unknown fields are refused.",
        "",
    ]
    for title, spec in SECTIONS:
        says = (spec.__doc__ or "").partition("\n")[0]
        lines += [f"## {title}", "", says, "", "| field | default | meaning |", "|---|---|---|", *_rows(spec), ""]
    lines += ["## Tasks", "", *(f"- `{name}`" for name in SOURCES), ""]
    lines += ["## Sets of images", "", *(f"- `{name}`: {of.says}" for name, of in COLLECTIONS.items()), ""]
    lines += ["## Metrics", "", "| name | unit | better | smallest effect | meaning |", "|---|---|---|---|---|"]
    for metric in METRICS.values():
        better = "lower" if metric.lower_is_better else "higher"
        margin = metric.smallest_effect or "—"
        lines.append(f"| `{metric.name}` | {metric.unit} | {better} | {margin} | {metric.says} |")
    return "\n".join([*lines, ""])


def cli_page() -> str:
    """The manual that the command line writes of itself."""
    command = [str(Path(sys.executable).parent / "typer"), "etude.faces.commands", "utils", "docs", "--name", "etude"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip() + "\n"


def _rows(spec: type[Spec]) -> Iterator[str]:
    for name, field in spec.model_fields.items():
        yield f"| `{name}` | {_default(field)} | {(field.description or '').replace('|', 'or')} |"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, Spec):
        return f"`{type(field.default).__name__}`"
    return f"`{field.default!r}`"


PAGES = {"cli.md": cli_page, "study-file.md": study_file_page}


def main() -> None:
    """Write each page beside this file."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
