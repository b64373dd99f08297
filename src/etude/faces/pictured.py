"""What runs kept to be looked at: what a transformer looks at, example images, and what is taken for what."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from etude.data.load import class_names
from etude.data.names import check_names
from etude.figures import attention, confusion, examples, mistakes
from etude.values.data import Data, Images, Memory, Names, Series, Text
from etude.values.errors import EtudeError
from etude.values.run import Run
from etude.values.study import Arm, StudyResult

SHOWN_MISTAKEN = 3
"""Arms beyond these have what they take for what folded away."""

MOST_PIXEL_VALUES = 150_000
"""Of the worst mistakes of all arms together: 4/3 bytes each at the most."""

SHOWN_ATTENDED, MOST_MAPS = 2, 48
"""Arms beyond these have what they look at folded away; maps of all arms together, some 1.5 kB each."""


@dataclass(frozen=True, slots=True)
class Mistaken:
    """What an arm takes for what and, of images, the worst mistakes of one of its runs.

    often: the most frequent confusions in words
    """

    arm: str
    confusion: confusion.ConfusionData
    matrix: Markup
    rows: tuple[tuple[str, ...], ...]
    often: tuple[str, ...]
    worst: mistakes.MistakesData | None
    pictures: Markup


@dataclass(frozen=True, slots=True)
class Attentions:
    """What an arm that is a transformer looks at: one of its runs."""

    arm: str
    data: attention.AttentionData


@dataclass(frozen=True, slots=True)
class Examples:
    """A few test images, and what the first arm that kept them said of each."""

    arm: str
    data: examples.ExamplesData


@dataclass(frozen=True, slots=True)
class Positions:
    """What the positions of an example are to people.

    unit:     what one is called
    alphabet: the character of each code, of the data; none where positions are no characters
    """

    unit: str
    alphabet: Callable[[Any], tuple[str, ...]]


POSITIONS: Mapping[type, Positions] = MappingProxyType(
    {
        Text: Positions("character", class_names),
        Names: Positions("character", lambda data: check_names(data).alphabet),
        Memory: Positions("time step", lambda _: ()),
        Series: Positions("time step", lambda _: ()),
        Images: Positions("pixel row", lambda _: ()),
    }
)
"""Of each kind of data that is read position by position; a table's are its features."""


def attentions_of(result: StudyResult) -> tuple[Attentions, ...]:
    """Of every arm that is a transformer, what the first run that finished looks at."""
    kept = [(arm, _first_with(result.runs[arm.label], "attention/maps")) for arm in result.arms]
    runs = [(arm, run) for arm, run in kept if run is not None]
    made = [(arm.label, _attended(arm.recipe.data, run, MOST_MAPS // len(runs))) for arm, run in runs]
    return tuple(Attentions(label, data) for label, data in made if data is not None)


def _first_with(runs: Sequence[Run], array: str) -> Run | None:
    return next((run for run in runs if run.ended != "diverged" and array in run.arrays), None)


def _attended(data: Data, run: Run, most_maps: int) -> attention.AttentionData | None:
    positions = POSITIONS.get(type(data), Positions("feature", lambda _: ()))
    most = math.ceil(max(run.arrays[f"attention/{name}"].max() for name in ("truth", "said"))) + 1
    codes = run.arrays.get("attention/codes")
    return attention.attention_data(
        run,
        unit=positions.unit,
        classes=() if "test/squared_error" in run.curves else _names(class_names, data, most) or _numbered(most),
        alphabet=() if codes is None else _names(positions.alphabet, data, int(codes.max()) + 1),
        most_maps=most_maps,
    )


def _names(of: Callable[[Any], tuple[str, ...]], data: Data, least: int) -> tuple[str, ...]:
    """What the data call things, so many at least; none where they are no longer here, or not what they were."""
    try:
        names = of(data)
    except EtudeError:
        return ()
    return names if len(names) >= least else ()


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def examples_of(result: StudyResult) -> Examples | None:
    """The same for every arm, since all are tested alike; so they are shown once."""
    for arm in result.arms:
        run = _first_with(result.runs[arm.label], "examples/images")
        found = run and examples.examples_data(run, _classes(arm.recipe.data, len(run.arrays["confusion/test"])))
        if found:
            return Examples(arm.label, found)
    return None


def mistaken_of(result: StudyResult) -> tuple[Mistaken, ...]:
    """What every arm takes for what, over the runs that finished and know it."""
    kept = [(arm, [run for run in result.runs[arm.label] if _knows_mistakes(run)]) for arm in result.arms]
    arms = [(arm, runs) for arm, runs in kept if runs]
    return tuple(_mistaken_by(arm, runs, MOST_PIXEL_VALUES // len(arms)) for arm, runs in arms)


def _knows_mistakes(run: Run) -> bool:
    return run.ended != "diverged" and "confusion/test" in run.arrays


def _mistaken_by(arm: Arm, runs: Sequence[Run], most_values: int) -> Mistaken:
    matrices = [run.arrays["confusion/test"] for run in runs]
    classes = _classes(arm.recipe.data, len(matrices[0]))
    found = confusion.confusion_data(matrices, classes)
    worst = mistakes.mistakes_data(runs[0], classes, most_values=most_values)
    return Mistaken(
        arm=arm.label,
        confusion=found,
        matrix=Markup(confusion.draw_confusion(found)),
        rows=confusion.table_rows(found),
        often=tuple(map(confusion.confusion_text, found.confusions[: confusion.TOLD])),
        worst=worst,
        pictures=Markup(mistakes.draw_mistakes(worst) if worst else ""),
    )


def _classes(data: Data, count: int) -> tuple[str, ...]:
    """The names of the classes; their numbers where the data are no longer here, or no longer what they were."""
    names = _names(class_names, data, count)
    return names if len(names) == count else _numbered(count)
