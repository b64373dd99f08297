"""How the pictures of lessons look: one style and one palette, replicates as median and band, limits with their names.

Drawn with matplotlib, which the extra `learn` brings; imported where it draws.
"""

import io
import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from etude.figures.numbers import significant
from etude.figures.words import outcome
from etude.values.effect import Effect
from etude.values.errors import EngineError
from etude.values.metric import METRICS, Limit
from etude.values.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "black": "#000000",
        "blue": "#0072B2",
        "orange": "#E69F00",
        "green": "#009E73",
        "red": "#D55E00",
        "sky": "#56B4E9",
        "purple": "#CC79A7",
        "yellow": "#F0E442",
        "grey": "#6B6B6B",
    }
)
"""Okabe and Ito (2008), Color Universal Design, and a grey that can be read on white (contrast 5.3)."""

CYCLE = ("blue", "orange", "green", "red", "purple", "sky", "black")

BAND = (10, 90)
"""Percentiles between which the band of many replicates lies."""

BOX: Mapping[str, Any] = MappingProxyType(
    {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
)
"""What lies under the name of a limit, so that it can be read where a curve passes."""

DOTS_PER_INCH = 100

STYLE: Mapping[Any, Any] = MappingProxyType(
    {
        "figure.figsize": (7.0, 3.6),
        "figure.dpi": DOTS_PER_INCH,
        "figure.constrained_layout.use": True,
        "font.size": 10.5,
        "axes.titlesize": 11.5,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E6E6E6",
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
    }
)


def use_style() -> None:
    """Give matplotlib the lessons' style; an EngineError says what to install where there is none."""
    try:
        import matplotlib as mpl
        from cycler import cycler
    except ModuleNotFoundError as error:
        raise EngineError('lessons draw with matplotlib. Run: pip install "etude[learn]".') from error
    mpl.rcParams.update(STYLE)
    mpl.rcParams["axes.prop_cycle"] = cycler(color=[COLOURS[name] for name in CYCLE])


def picture_png(figure: "Figure") -> bytes:
    """A figure as PNG, which is then closed so that a notebook does not show it twice."""
    import matplotlib.pyplot as plt

    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    plt.close(figure)
    return held.getvalue()


def draw_curves(  # noqa: PLR0913 - what a line may look like
    axes: "Axes", runs: Sequence[Run], curve: str, *, label: str, colour: str, style: str
) -> None:
    """The median of a curve over runs that were measured at the same steps, and a band that holds most of them."""
    curves = [run.curve(curve) for run in runs]
    steps, values = curves[0].steps, np.array([c.values for c in curves])
    low, high = np.nanpercentile(values, BAND, axis=0)
    if len(runs) > 1:
        axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(steps, np.nanmedian(values, axis=0), style, color=colour, label=label)


def draw_limits(axes: "Axes", limit: Limit) -> None:
    """Named horizontal lines; one that another lies on is not drawn twice."""
    known = {"chance": limit.chance, "best constant": limit.best_constant, "Bayes limit": limit.bayes}
    bottom, top = axes.get_ylim()
    drawn: list[float] = []
    for name, value in known.items():
        if value is None or any(abs(value - other) < 0.03 * (top - bottom) for other in drawn):
            continue
        drawn.append(value)
        axes.axhline(value, color=COLOURS["grey"], linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            f"{name} {significant(value)}",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=9,
            color=COLOURS["grey"],
            bbox=dict(BOX),
            zorder=4,  # lines have 2, and text as such 3
        )
    if drawn:
        margin = 0.06 * (max(top, *drawn) - min(bottom, *drawn))
        axes.set_ylim(min(bottom, min(drawn) - margin), max(top, max(drawn) + margin))


def draw_effects(axes: "Axes", effects: Sequence[Effect], labels: Sequence[str]) -> None:
    """One row an effect, of one metric: dots of the pairs, interval, mean, and the verdict at the right."""
    first = effects[0]
    margin = first.smallest_effect or 0.0
    if margin:
        axes.axvspan(-margin, margin, color="#EDEDED", zorder=0)
    axes.axvline(0, color=COLOURS["grey"], linewidth=1.1)
    for row, (effect, label) in enumerate(zip(effects, labels, strict=True)):
        spread = np.linspace(-0.16, 0.16, max(len(effect.differences), 2))[: len(effect.differences)]
        axes.plot(effect.differences, row + 0.12 + spread, ".", color=COLOURS["sky"], markersize=5, alpha=0.8)
        if np.isfinite([effect.low, effect.high]).all():
            axes.plot([effect.low, effect.high], [row, row], color=COLOURS["black"], linewidth=2.4)
        axes.plot([effect.mean], [row], "o", color=COLOURS["black"], markersize=6)
        axes.annotate(
            f"{label}: {outcome(effect)}",
            (0, row - 0.34),
            xycoords=("axes fraction", "data"),
            fontsize=9.5,
            va="center",
        )
    axes.set_ylim(len(effects) - 0.35, -0.65)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    name = METRICS[first.metric].label if first.metric in METRICS else first.metric
    better = "left" if first.lower_is_better else "right"
    axes.set_xlabel(f"difference in {name} ({first.unit}); better is to the {better}")


def draw_stack(axes: "Axes", names: Sequence[str], parts: Mapping[str, Sequence[float]]) -> None:
    """A bar for each name, of parts that add up; parts differ in hatching as well as in colour."""
    bottom = np.zeros(len(names))
    for (part, values), (colour, hatch) in zip(parts.items(), _STACK, strict=False):
        axes.bar(
            range(len(names)),
            values,
            bottom=bottom,
            width=0.7,
            label=part,
            color=colour,
            hatch=hatch,
            edgecolor="white",
        )
        bottom = bottom + np.asarray(values)
    axes.set_xticks(range(len(names)), names)
    axes.grid(visible=False, axis="x")


_STACK = (
    ("#C8C8C8", ""),
    (COLOURS["orange"], "//"),
    (COLOURS["sky"], ".."),
    (COLOURS["green"], "xx"),
    (COLOURS["purple"], "--"),
)
"""Colour and hatching of each part of a stack, from the bottom."""

MOST_UNITS = 8
"""Units of a layer that are drawn one by one; of more, the first and the last with dots between."""

MOST_LARGE_UNITS = 5
"""Units of a layer that are drawn large; of more, circles are smaller so that they do not touch."""

DRAWN_OF_MANY = 3
"""Units drawn at either end of a layer that has more than `MOST_UNITS`."""


def draw_network(axes: "Axes", layers: Sequence[int], names: Sequence[str], inputs: Sequence[str] = ()) -> None:
    """Layers of units from left to right, each unit joined to all of the layer before, the name of each layer below.

    inputs: what to write into the units of the first layer
    """
    places = [[(column, y, unit) for y, unit in _heights(n)] for column, n in enumerate(layers)]
    for before, after in itertools.pairwise(places):
        for x, y, _ in before:
            for x_after, y_after, _ in after:
                axes.plot([x, x_after], [y, y_after], color="#B5B5B5", linewidth=0.9, zorder=1)
    for column, units in enumerate(places):
        size = 22 if len(units) <= MOST_LARGE_UNITS else 14
        for x, y, unit in units:
            axes.plot([x], [y], "o", markersize=size, color="white", markeredgecolor=COLOURS["blue"], zorder=2)
            axes.annotate(inputs[unit] if column == 0 and inputs else "", (x, y), ha="center", va="center", zorder=3)
        if layers[column] > MOST_UNITS:
            axes.annotate("⋮", (column, 0), ha="center", va="center", fontsize=16, zorder=3)
        axes.annotate(names[column], (column, -MOST_UNITS / 4 - 0.55), ha="center", va="top", fontsize=9.5)
    axes.set(xlim=(-0.5, len(layers) - 0.5), ylim=(-MOST_UNITS / 4 - 1.2, MOST_UNITS / 4 + 0.2))
    axes.axis("off")


def _heights(n: int) -> list[tuple[float, int]]:
    """Height and number of each unit that is drawn, from the top."""
    if n <= MOST_UNITS:
        step = min(1.0, MOST_UNITS / 2 / n)
        return [(step * ((n - 1) / 2 - unit), unit) for unit in range(n)]
    top = [(MOST_UNITS / 4 - 0.25 - 0.56 * i, i) for i in range(DRAWN_OF_MANY)]
    return [*top, *((-y, n - 1 - unit) for y, unit in reversed(top))]
