"""What a result looks like in a notebook cell: a compact piece of HTML that brings its own style."""

from typing import Any

from etude.faces.factorial import factorial_of, interactions, is_found, main_effects
from etude.faces.pages import style_sheet, templates
from etude.figures.forest import claim_forests, forest_data
from etude.figures.summary import summary_data
from etude.values.effect import Effect
from etude.values.study import StudyResult


def result_fragment(result: StudyResult) -> str:
    """A study as a cell: its notes, the table of claims, the forest of its primary metric's effects, and its map.

    Without effects of factors, those behind the claims are drawn.
    """
    claimed = tuple(effect for found in result.judgements for effect in (*found.stated, *found.instead))
    families = forest_data(main_effects(result))[:1] or claim_forests(claimed)
    together = forest_data([effect for effect in interactions(result) if is_found(effect)])
    return _fragment(
        title=result.plan.title or result.plan.name,
        counts=summary_data(result),
        notes=tuple(dict.fromkeys(result.notes)),
        judgements=result.judgements,
        families=(*families, *together),
        factorial=factorial_of(result),
    )


def effect_fragment(effect: Effect) -> str:
    """One effect as a cell: its interval, every paired difference, and the verdict."""
    return _fragment(title="", counts=None, notes=(), judgements=(), families=forest_data([effect]), factorial=None)


def _fragment(**view: Any) -> str:  # noqa: ANN401 - what the template shows
    made = templates()
    style = style_sheet(made, "figures.css", "notebook.css")
    return made.get_template("notebook.jinja").render(style=style, **view)
