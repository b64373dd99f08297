"""Steps as one HTML file with a slider over them: whether each worked, why, and every number behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from etude.faces.pages import style_sheet, templates, whole_page, write_html
from etude.faces.step_arms import (
    ARM_HEADS,
    arm_cells,
    arms_headline,
    arms_picture,
    arms_reason,
    arms_subline,
    arms_title,
)
from etude.faces.step_words import (
    COURSE_HEADS,
    FORMULAS,
    LAYER_HEADS,
    REGIME_MEANING,
    TENSOR_HEADS,
    course_cells,
    curvature_sentence,
    factor_cells,
    factor_heads,
    headline,
    layer_cells,
    noise_sentence,
    path_lines,
    pulls_sentence,
    subline,
    tensor_cells,
    update_sentence,
    worked_rows,
)
from etude.faces.stepping import Seen
from etude.figures import (
    boundary_frames,
    chain,
    flow_network,
    gradient_flow,
    loss_line,
    loss_surface,
    pairs,
    pulls,
    update_parts,
)
from etude.figures.numbers import plural
from etude.values.step_record import StepRecord

if TYPE_CHECKING:
    from etude.studies.under_glass import UnderGlass

Rows = Sequence[tuple[str, ...]]

STYLES = ("figures.css", "report.css", "step.css")

MOST_LAYERS = 60
"""Layers in a step's table; of a deeper network the others are in the JSON."""

MOST_TENSORS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A picture on the page, with the same in numbers.

    svg: drawn by our own figures, which escape every word themselves
    key: what its marks are: the class of a swatch, and words
    """

    caption: str
    says: str
    svg: Markup
    heads: tuple[str, ...]
    rows: Rows
    key: tuple[tuple[str, str], ...] = ()
    wide: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """One step as the page shows it; what the record lacks is None or empty."""

    record: StepRecord
    headline: str
    subline: str
    meaning: str
    worked: Rows
    penalised: Rows
    line: Shown | None
    network: tuple[Shown, ...]
    flow: Shown | None
    layers: Rows
    layers_left: int
    chain: Shown | None
    path_lines: tuple[str, ...]
    update: str
    parts: tuple[Markup, ...]
    tensors: Rows
    factor_heads: tuple[str, ...]
    factors: Rows
    pulls: Shown | None
    pulls_told: str
    noise: str
    curvature: str
    frame: Shown | None
    surface: Shown | None


def page_html(seen: Seen, *, command: str) -> str:
    """The whole page; its one script moves the slider, and without it every step can be read all the same.

    command: what a reader types to make the same again
    """
    cards = tuple(_card(one, seen.records) for one in seen.records)
    several = f"{plural(len(cards), 'step')} under the microscope"
    view = {
        "name": seen.name,
        "title": _title(seen, several if len(cards) > 1 else cards[0].headline),
        "cards": cards,
        "course_heads": COURSE_HEADS,
        "course": tuple(map(course_cells, seen.records)),
        "layer_heads": LAYER_HEADS,
        "tensor_heads": TENSOR_HEADS,
        "formulas": FORMULAS,
        "compared": None if seen.compared is None else _arms(seen.compared),
        "command": command,
        "facts": _facts(seen.records[-1].provenance or {}),
    }
    return whole_page("step.html.jinja", STYLES, view, script="step.js" if len(cards) > 1 else "")


def _title(seen: Seen, otherwise: str) -> str:
    """The comparison where there is one: it is what was asked for."""
    return otherwise if seen.compared is None else arms_title(seen.compared)


def write_page(seen: Seen, path: str | Path, *, command: str) -> Path:
    """Write the page to `path`, whole or not at all; folders that are missing are made. Returns the path."""
    state = "Nothing was changed; the same command looks again."
    return write_html(page_html(seen, command=command), path, what="page", state=state)


def fragment(record: StepRecord) -> str:
    """One step for a notebook's cell: whether it worked, the flow, the update, and the path."""
    made = templates()
    style = style_sheet(made, "figures.css", "notebook.css", "step.css")
    card = _card(record, (record,))
    return made.get_template("step_cell.jinja").render(style=style, card=card, layer_heads=LAYER_HEADS)


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Two arms as the page shows them."""

    headline: str
    subline: str
    reason: str
    picture: Shown | None
    heads: tuple[str, ...]
    rows: Rows


def _arms(compared: "UnderGlass") -> Arms:
    data = arms_picture(compared)
    rows = tuple(map(arm_cells, compared.contrasts))
    key = (("pair-dot", "a replicate"), ("weights", "the mean, with its interval"))
    shown = None
    if data is not None:
        says = "how many times as large it is; the numbers are in the table below"
        drawn = Markup(pairs.draw_pairs(data))
        shown = Shown(f"{data.treated} against {data.control}", says, drawn, (), (), key)
    return Arms(arms_headline(compared), arms_subline(compared), arms_reason(compared), shown, ARM_HEADS, rows)


def _facts(provenance: Mapping[str, str | int | float]) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(value)) for key, value in provenance.items())


def _card(record: StepRecord, among: Sequence[StepRecord]) -> Card:
    penalised, factors = record.worked_with_penalty, factor_heads(record.tensors)
    return Card(
        record=record,
        headline=headline(record),
        subline=subline(record),
        meaning=REGIME_MEANING[record.worked.regime],
        worked=worked_rows(record.worked),
        penalised=() if penalised is None else worked_rows(penalised),
        line=_line(record),
        network=_network(record),
        flow=_flow(record, among),
        layers=tuple(map(layer_cells, record.layers[:MOST_LAYERS])),
        layers_left=max(0, len(record.layers) - MOST_LAYERS),
        chain=_chain(record),
        path_lines=() if record.path is None else path_lines(record.path),
        update=update_sentence(record),
        parts=_parts(record),
        tensors=tuple(map(tensor_cells, record.tensors[:MOST_TENSORS])),
        factor_heads=factors,
        factors=tuple(factor_cells(one, factors) for one in record.tensors[:MOST_TENSORS] if one.factors),
        pulls=_pulls(record),
        pulls_told="" if record.pulls is None else pulls_sentence(record.pulls),
        noise="" if record.noise is None else noise_sentence(record.noise),
        curvature="" if record.curvature is None else curvature_sentence(record.curvature),
        frame=_frame(record),
        surface=_surface(record),
    )


def _line(record: StepRecord) -> Shown | None:
    data = loss_line.loss_line_data(record)
    if data is None:
        return None
    key = (
        ("along-step", "the loss along the step"),
        ("along-gradient", "along −gradient, as long"),
        ("second-order", "second order promised"),
        ("first-order", "first order promised"),
    )
    drawn = Markup(loss_line.draw_loss_line(data))
    return Shown("The loss along the step", "", drawn, loss_line.TABLE_HEADS, loss_line.table_rows(data), key)


def _network(record: StepRecord) -> tuple[Shown, ...]:
    """Both ways through a small network, or nothing."""
    if record.network is None:
        return ()
    forward, backward = (flow_network.flow_network_data(record.network, way) for way in ("forward", "backward"))
    rows = flow_network.table_rows(forward, backward)
    key = (("positive", "positive"), ("negative", "negative"))
    told = (
        (forward, f"Forward: example {forward.example}", "lines: weight × what the unit before says"),
        (backward, "Backward: the error signal", "in units: ∂loss/∂unit; lines: ∂loss/∂weight"),
    )
    return tuple(
        Shown(caption, says, Markup(flow_network.draw_flow_network(data)), flow_network.TABLE_HEADS, rows_of, key)
        for (data, caption, says), rows_of in zip(told, ((), rows), strict=True)
    )


def _flow(record: StepRecord, among: Sequence[StepRecord]) -> Shown | None:
    data = gradient_flow.gradient_flow(record.layers, [layer for one in among for layer in one.layers])
    if data is None:
        return None
    key = (("error", "error signal at the layer’s output"), ("weights", "gradient of its weights"))
    says = "L2 norms over the batch, on a logarithmic scale; the inputs are at the top" + (
        f"; the first {len(data.rows)} layers" if data.left else ""
    )
    drawn = Markup(gradient_flow.draw_flow(data))
    return Shown(
        "The gradient, layer by layer", f"{says}; its numbers are in the table below", drawn, (), (), key, wide=True
    )


def _chain(record: StepRecord) -> Shown | None:
    data = None if record.path is None else chain.chain_data(record.path)
    if data is None:
        return None
    says = "in boxes what a unit says, on arrows the derivative of the one by the other; a row’s product is its share"
    drawn = Markup(chain.draw_chain(data))
    return Shown("The strongest routes", says, drawn, chain.TABLE_HEADS, chain.table_rows(data), wide=True)


def _parts(record: StepRecord) -> tuple[Markup, ...]:
    """The update by tensor, and of the weights that moved most; both are tables with bars in them."""
    found = (update_parts.tensor_parts(record.tensors), update_parts.coordinate_parts(record.strongest))
    return tuple(Markup(update_parts.draw_parts(data)) for data in found if data is not None)


def _pulls(record: StepRecord) -> Shown | None:
    data = None if record.pulls is None else pulls.pulls_data(record.pulls)
    if data is None:
        return None
    flipped = any(one.flipped for one in (*data.helped, *data.hurt))
    key = (("flipped", "its label was flipped on purpose"),) if flipped else ()
    says = "first-order change of its own loss; bars: how many examples; triangles: the strongest"
    drawn = Markup(pulls.draw_pulls(data))
    return Shown(
        "What the step does to each example", says, drawn, pulls.TABLE_HEADS, pulls.table_rows(data), key, wide=True
    )


def _frame(record: StepRecord) -> Shown | None:
    data = None if record.boundary is None else boundary_frames.frame_data(record.boundary, step=record.step)
    if data is None:
        return None
    key = [("boundary", "its boundary"), ("bayes", "Bayes boundary"), ("unit-line", "where a unit switches")]
    key = [one for one, there in zip(key, (data.boundaries, data.bayes, data.lines), strict=True) if there]
    marks = [("low", "class 0"), ("high", "class 1")] if data.scale == (0.0, 1.0) else []
    drawn = Markup(boundary_frames.draw_frame(data))
    return Shown(
        "What it answers over the plane", "", drawn, boundary_frames.TABLE_HEADS, boundary_frames.table_rows(data),
        (*key, *marks),
    )  # fmt: skip


def _surface(record: StepRecord) -> Shown | None:
    data = None if record.surface is None else loss_surface.surface_data(record.surface)
    if data is None:
        return None
    says = f"{record.surface.directions if record.surface else ''}; the darker, the lower"
    drawn = Markup(loss_surface.draw_surface(data))
    return Shown(
        "The loss around the weights", says, drawn, loss_surface.table_heads(data), loss_surface.table_rows(data)
    )
