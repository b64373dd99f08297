"""What every page is made with: the templates, the drawing functions in them, and the words for numbers."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from etude.faces.whole import write_whole
from etude.figures import (
    attention,
    cost,
    decision,
    diagnosed,
    diagnosed_data,
    distance,
    examples,
    forest,
    heads,
    heatmap,
    horizon,
    learning_curves,
    marks,
    measured,
    network,
    numbers,
    predicted,
    profiles,
    ranking,
    rounds,
    scores,
    variance,
    verdict_marks,
    verdicts,
    words,
)
from etude.values.errors import ReportError
from etude.values.metric import METRICS
from etude.values.run import PICTURED, Run
from etude.values.sureness import sure


def templates() -> Environment:
    """The templates. Escaping is on for every file: Jinja's own choice by file name would miss ``.jinja``."""
    made = Environment(
        loader=PackageLoader("etude.faces"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update({name: _safe(draw) for name, draw in PICTURES.items()})
    made.globals.update(WORDS)
    return made


def whole_page(template: str, styles: Sequence[str], view: Mapping[str, Any], *, script: str = "") -> str:
    """A whole page. It states what it allows itself: the one style sheet inside it, and no script, or one of ours.

    script: the name of one beside the templates, without which the page must be readable too
    """
    made = templates()
    style, code = style_sheet(made, *styles), style_sheet(made, *([script] if script else []))
    allowed = f"default-src 'none'; style-src {_digest(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    policy = f"{allowed}; script-src {_digest(code)}" if code else allowed
    return made.get_template(template).render(policy=policy, style=style, script=code, **view)


def _digest(text: str) -> str:
    """How a page's policy names a style sheet or script inside it."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def write_html(page: str, path: str | Path, *, what: str, state: str) -> Path:
    """Write a page to `path`, whole or not at all; folders that are missing are made. Returns the path.

    what, state: for the ReportError: what the page is called, and what is safe all the same, a sentence
    """
    target = Path(path)
    check_replaceable(target, what=what)
    try:
        write_whole(target, page.encode("utf-8", "replace"))
    except OSError as error:
        raise ReportError(
            f"the {what} cannot be written to {target}: {error.strerror or error}. "
            f"Name a place that can be written, with room for about 1 MB. {state}"
        ) from error
    return target


def check_replaceable(path: str | Path, *, what: str) -> None:
    """A ReportError where a page would replace a file that is none, such as the recipe or the data themselves."""
    target = Path(path)
    if not target.is_file():
        return
    try:
        with target.open("rb") as file:
            start = file.read(64).lstrip().lower()
    except OSError:  # whoever writes it will say so
        return
    if start and not start.startswith(b"<!doctype html"):
        raise ReportError(
            f"{target} is there already and is no HTML page, so the {what} does not replace it. "
            "Name another file. It is as it was."
        )


def style_sheet(made: Environment, *names: str) -> Markup:
    """Our own style sheets, one after the other, as they go between ``<style>`` and ``</style>``."""
    assert made.loader is not None
    return Markup("".join(made.loader.get_source(made, name)[0] for name in names))


def data_checksum(run: Run) -> str:
    """The first characters of the checksum of a run's data, enough to tell draws apart."""
    return str(run.provenance.get("data", "–"))[:12]


def _safe(draw: Callable[..., str]) -> Callable[..., Markup]:
    """A drawing function whose SVG goes into the page as it is: it has escaped every word itself."""

    def drawn(*given: Any, **more: Any) -> Markup:  # noqa: ANN401 - whatever the picture takes
        return Markup(draw(*given, **more))

    return drawn


PICTURES: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        "claim_icon": marks.claim_icon,
        "effect_icon": marks.effect_icon,
        "forest_row": forest.draw_forest_row,
        "forest_axis": forest.draw_forest_axis,
        "curves_panel": learning_curves.draw_learning_curves,
        "decision_map": decision.draw_decision,
        "network_drawing": network.draw_network,
        "scores_row": scores.draw_scores_row,
        "scores_axis": scores.draw_scores_axis,
        "variance_bar": variance.draw_variance_bar,
        "profiles_drawing": profiles.draw_profiles,
        "horizon_drawing": horizon.draw_horizon,
        "attention_map": attention.draw_map,
        "examples_list": examples.draw_examples,
        "diagnosed_picture": diagnosed.draw_diagnosed,
        "diagnosed_glance": diagnosed.draw_glance,
        "verdict_shapes": verdict_marks.shapes,
        "verdict_icon": verdict_marks.verdict_icon,
        "severity_icon": verdict_marks.severity_icon,
        "sign_icon": verdict_marks.sign_icon,
        "sureness_bar": verdict_marks.sureness_bar,
        "rounds_drawing": rounds.draw_rounds,
        "distance_drawing": distance.draw_distance,
        "predicted_row": predicted.draw_predicted_row,
        "predicted_axis": predicted.draw_predicted_axis,
        "cost_bar": cost.draw_cost_bar,
    }
)

WORDS: Mapping[str, Any] = MappingProxyType(
    {
        "as_level": numbers.level,
        "as_percent": numbers.percent,
        "as_signed": numbers.signed,
        "as_bounds": numbers.bounds,
        "as_p": numbers.p_value,
        "significant": numbers.significant,
        "duration": numbers.duration,
        "plural": numbers.plural,
        "listed": numbers.listed,
        "style_name": marks.style_name,
        "claim_meaning": marks.CLAIM_MEANING,
        "metric_words": words.metric_words,
        "amount": words.amount,
        "finished": words.finished,
        "outcome": words.outcome,
        "effect_detail": words.effect_detail,
        "verdicts_of": forest.verdicts_of,
        "differences_text": forest.differences_text,
        "curve_rows": learning_curves.table_rows,
        "decision_rows": decision.table_rows,
        "decision_columns": decision.table_columns,
        "network_rows": network.table_rows,
        "limit_text": scores.limit_text,
        "median_text": scores.median_text,
        "range_text": scores.range_text,
        "run_scores": scores.run_scores,
        "score_splits": scores.score_splits,
        "data_checksum": data_checksum,
        "profile_rows": profiles.table_rows,
        "horizon_rows": horizon.table_rows,
        "horizon_sentences": horizon.sentences,
        "attention_columns": attention.example_columns,
        "attention_rows": attention.example_rows,
        "head_columns": heads.head_columns,
        "head_rows": heads.head_rows,
        "head_sentences": heads.sentences,
        "chosen_text": ranking.chosen_text,
        "scored_text": ranking.scored_text,
        "interval_text": ranking.interval_text,
        "diagnosed_rows": diagnosed_data.table_rows,
        "beyond_text": diagnosed_data.beyond_text,
        "measured_text": measured.measured_text,
        "predicted_rows": predicted.table_rows,
        "showed": predicted.showed,
        "prediction_text": measured.prediction_text,
        "sure": sure,
        "chances": verdicts.chances,
        "looks": verdicts.LOOKS,
        "shades": heatmap.SHADES,
        "pictured": PICTURED,
        "metrics": METRICS,
    }
)
