"""What a lesson is written with: its setting, its sentences with numbers, its pictures with a text alternative.

A lesson is ``lessons/NN_slug.py`` in jupytext's percent format: ``# %% [markdown]`` begins a cell of text, ``# %%`` one
of code. It runs as a notebook and as a plain script. Its first code cell makes one of these::

    from etude.faces.lesson import Lesson

    lesson = Lesson(1)

Parts that every lesson has, found by their headings: a title ``# # 1 · Title`` with the **question** in bold below it,
``## Your prediction``, ``## Exercise`` followed by a cell ``# %% tags=["solution"] jupyter={"source_hidden": true}``,
``## What would change our mind`` and ``## Where to read on``. Every number that was measured is said by code. A cell
that only draws may be folded: ``# %% jupyter={"source_hidden": true}``.
"""

import atexit
import json
import os
import re
import shutil
import string
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etude.faces.lesson_pictures import (
    COLOURS,
    draw_curves,
    draw_effects,
    draw_limits,
    draw_network,
    draw_stack,
    picture_png,
    use_style,
)
from etude.faces.lessons import Measured, lesson_file, measured
from etude.faces.whole import write_whole
from etude.figures.numbers import bounds, duration, level, significant
from etude.figures.words import amount, metric_words, outcome, shown_places
from etude.values.effect import Effect
from etude.values.errors import DataError, RecipeError
from etude.values.metric import Limit
from etude.values.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

SETTING = "ETUDE_LESSONS"
"""The environment variable that chooses between the settings "small", which is the default, and "full"."""

RECORD = "ETUDE_LESSONS_RECORD"
"""A JSON file that a lesson at the full setting adds its figures to; ``make lessons`` names measured.json."""

PICTURES = "ETUDE_LESSONS_PICTURES"
"""A folder that pictures are written to as PNG as well, to look at those of a plain script."""

READ_EFFECTS = "A small dot is one replicate’s difference, the large dot their mean, and the black bar its interval."
"""How to read a picture of effects; `show` adds it to the text alternative."""

READ_MARGIN = "What lies in the grey band is too small to care about."
"""The same of the smallest effect of interest, where there is one."""


def chosen_setting() -> str:
    """The setting that the environment chooses, "small" or "full"; a RecipeError where it says anything else."""
    chosen = os.environ.get(SETTING, "small")
    if chosen not in ("small", "full"):
        raise RecipeError(f"{SETTING}={chosen!r} is no setting. Use small, the default, or full.")
    return chosen


_A_MINUS = re.compile(r"(?<![\w\-–−.])-(?=\.?\d)")
_CODE_OR_FORMULA = re.compile(r"(`[^`]*`|\$[^$]*\$)")


class Lesson:
    """One of the twelve lessons, by its number.

    number:  of the lesson
    is_full: whether this is the full setting; the small one is what CI runs
    colours: of the palette of Okabe and Ito by name, to be told apart by everybody: black, blue, orange, green, red,
             sky, purple, yellow and grey; what is compared differs in line style or marker as well
    """

    def __init__(self, number: int) -> None:
        """Find the lesson, check the setting, and give pictures their common style."""
        self.number = number
        self.slug = lesson_file(number).stem
        self.is_full = chosen_setting() == "full"
        self.colours: Mapping[str, str] = COLOURS
        self._shown = 0
        self._keys: dict[Figure | SubFigure, str] = {}
        use_style()

    def of(self, small: Any, full: Any) -> Any:  # noqa: ANN401 - whatever differs between the settings
        """The value of the present setting, as in ``replicates = lesson.of(small=8, full=32)``."""
        return full if self.is_full else small

    @cached_property
    def store(self) -> Path:
        """A folder for ``Study.run(out=lesson.store, quiet=True)``, so that nothing is left where the reader works."""
        made = Path(tempfile.mkdtemp(prefix=f"etude-{self.slug}-"))
        atexit.register(shutil.rmtree, made, ignore_errors=True)
        return made

    def say(self, text: str) -> None:
        """Markdown made by the code: for every sentence that has a measured number in it, or depends on an outcome.

        Common indentation is taken off, and a hyphen before a number becomes a minus sign, but for code and formulas.
        """
        parts = _CODE_OR_FORMULA.split(textwrap.dedent(text).strip())
        told = "".join(part if i % 2 else _A_MINUS.sub("−", part) for i, part in enumerate(parts))
        if _is_notebook():
            _display({"text/markdown": told, "text/plain": told})
        else:
            _write(f"{told}\n")

    def show(self, figure: "Figure", alternative: str) -> None:
        """A picture, and below it in words what it shows, for those who cannot see it and those who can.

        alternative: one to three sentences; numbers in it are made by the code, as everywhere. How effects are to be
                     read is added where `draw_effects` drew some.
        """
        if len(alternative.split()) < 8:
            raise RecipeError(f"the text alternative {alternative!r} does not say what the picture shows.")
        told = _A_MINUS.sub("−", " ".join([*alternative.split(), *self._keys.pop(figure, "").split()]))
        png = picture_png(figure)
        self._shown += 1
        folder = os.environ.get(PICTURES)
        if folder:
            write_whole(Path(folder) / f"{self.slug}-{self._shown}.png", png)
        if _is_notebook():
            from IPython.display import Image, display

            display(Image(png, format="png", alt=told))  # type: ignore[no-untyped-call]
            _display({"text/markdown": f"*{told}*", "text/plain": told})
        else:
            _write(f"[picture] {told}\n")

    def table(self, rows: Sequence[Sequence[object]], columns: Sequence[str]) -> None:
        """Rows under column heads; numbers have three significant digits, unless they come as text."""
        cells = [[_A_MINUS.sub("−", cell if isinstance(cell, str) else _cell(cell)) for cell in row] for row in rows]
        right = [bool(rows) and all(isinstance(row[j], int | float) for row in rows) for j in range(len(columns))]
        rule = ["---:" if to_the_right else "---" for to_the_right in right]
        lines = (f"| {' | '.join(line)} |" for line in (list(columns), rule, *cells))
        if _is_notebook():
            self.say("\n".join(lines))
            return
        widths = [max(len(line[j]) for line in (list(columns), *cells)) for j in range(len(columns))]
        for line in (list(columns), *cells):
            padded = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True))
            _write("  ".join(padded).rstrip())
        _write("")

    def figure(self, key: str, value: float | str, sentence: str) -> None:
        """A sentence with a measured number; at the small setting it says too what the full one gave.

        key:      what the figure is called in measured.json
        sentence: with one place for the number, with its format, as in "A gap of {:.3f} nats was left."
        """
        fields = [field for field in string.Formatter().parse(sentence) if field[1] is not None]
        if len(fields) != 1 or fields[0][1] != "":
            raise RecipeError(f"the sentence {sentence!r} needs exactly one place for the number, such as {{:.3f}}.")
        value = value if isinstance(value, str) else float(value)
        told = sentence.format(value)
        if self.is_full:
            self._record(key, value)
            self.say(told)
            return
        full = self._measured.figures.get(key)
        unit = " %" if sentence.partition("}")[2].startswith(" %") else ""
        beside = "" if full is None else f" *At the full setting: {format(full, fields[0][2] or '')}{unit}.*"
        self.say(f"{told}{beside}")

    def full(self, what: str) -> None:
        """The line on the full setting: `what` it does more, how to choose it, and what it took where it was run."""
        taken = self._measured.full_seconds
        took = f" It took {duration(taken)} on two cores." if taken else ""
        self.say(f"**The full setting** (start Jupyter with `{SETTING}=full`): {what.rstrip('.')}.{took}")

    def tell(self, effect: Effect) -> str:
        """An effect in words: metric, mean difference with unit, interval and how it came about, verdict."""
        places = shown_places(effect)
        interval = f"{level(effect.level)} interval {bounds(effect.low, effect.high, places)}, {effect.based_on}"
        return f"{metric_words(effect.metric)} {amount(effect, places)} ({interval}): **{outcome(effect)}**"

    def data(
        self, wanted: Mapping[str, Any], otherwise: Mapping[str, Any] | tuple[Any, Any], *, names: tuple[str, str]
    ) -> Any:  # noqa: ANN401 - whichever of a recipe's sources of rows it is
        """A published set where it can be had, else a smaller genuine one that scikit-learn brings, named as such.

        wanted, otherwise: as a recipe's ``data``, such as ``{"images": "mnist"}`` and ``{"bundled": "digits"}``; the
                           second may be arrays (inputs, targets), made of a set of scikit-learn's
        names:             what the two are called in the sentence that says which one it is
        """
        from etude.data.load import fetch
        from etude.values.recipe import Recipe

        first = Recipe(data=dict(wanted), loss="cross_entropy").data
        try:
            fetch(first)
        except DataError as error:
            why = str(error).partition(". ")[0].partition(" (")[0]
            self.say(
                f"**{names[0]} is not at hand** ({why}), so this lesson uses {names[1]}. "
                f"To have {names[0]}, see docs/data.md; then run this notebook again."
            )
            instead = otherwise if isinstance(otherwise, tuple) else dict(otherwise)
            return Recipe(data=instead, loss="cross_entropy").data
        self.say(f"This lesson uses {names[0]}.")
        return first

    def draw_curves(  # noqa: PLR0913 - what a line may look like
        self,
        axes: "Axes",
        runs: Sequence[Run],
        curve: str,
        *,
        label: str,
        colour: str = "blue",
        style: str = "-",
    ) -> None:
        """A curve of many replicates: their median as a line, the middle 80 % of them as a band around it.

        curve: its name in the runs, such as "train/log_loss"; colour: a name of the palette; style: "-", "--", ":"
        """
        draw_curves(axes, runs, curve, label=label, colour=COLOURS[colour], style=style)

    def draw_limits(self, axes: "Axes", limit: Limit) -> None:
        """Chance, best constant and Bayes limit as named horizontal lines, those that are known and in sight.

        limit: of one metric, as in ``result.found.limits[arm]["log_loss"]`` or ``limits(data, seed=0)["log_loss"]``
        """
        draw_limits(axes, limit)

    def draw_effects(self, axes: "Axes", effects: Sequence[Effect], labels: Sequence[str]) -> None:
        """Effects of one metric below one another: every paired difference a dot, the interval, the verdict in words.

        What is smaller than the smallest effect of interest lies in a grey band around zero.
        """
        draw_effects(axes, effects, labels)
        self._keys[axes.figure] = f"{READ_EFFECTS} {READ_MARGIN if effects[0].smallest_effect else ''}".rstrip()

    def draw_network(
        self, axes: "Axes", layers: Sequence[int], names: Sequence[str], inputs: Sequence[str] = ()
    ) -> None:
        """An architecture: layers of units from left to right, their names below, `inputs` written into the first."""
        draw_network(axes, layers, names, inputs)

    def draw_stack(self, axes: "Axes", names: Sequence[str], parts: Mapping[str, Sequence[float]]) -> None:
        """A bar for each name, of parts that add up, such as ``{"noise": …, "bias²": …, "variance": …}``."""
        draw_stack(axes, names, parts)

    @cached_property
    def _measured(self) -> Measured:
        return measured(self.number)

    def _record(self, key: str, value: float | str) -> None:
        path = os.environ.get(RECORD)
        if not path:
            return
        held = json.loads(Path(path).read_text("utf-8")) if Path(path).exists() else {}
        held.setdefault(f"{self.number:02}", {}).setdefault("figures", {})[key] = (
            value if isinstance(value, str) else float(f"{value:.6g}")
        )
        write_whole(Path(path), (json.dumps(held, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())


def _is_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and hasattr(shell, "kernel")


def _display(bundle: Mapping[str, str]) -> None:
    from IPython.display import display

    display(dict(bundle), raw=True)  # type: ignore[no-untyped-call]


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _cell(value: object) -> str:
    return (
        significant(float(value))
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
