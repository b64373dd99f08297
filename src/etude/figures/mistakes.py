"""The worst mistakes on images: wrong answers that were given with the largest probability, as small pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

from etude.figures.examples import MOST_SIDE, Answer, draw_answers, kept_answers
from etude.values.run import Run

MOST_MISTAKES = 12


@dataclass(frozen=True, slots=True, eq=False)
class MistakesData:
    """The worst mistakes of one run, the worst first."""

    replicate: int | None
    mistakes: tuple[Answer, ...]


def mistakes_data(
    run: Run, classes: Sequence[str], *, most_values: int = MOST_MISTAKES * 3 * MOST_SIDE**2
) -> MistakesData | None:
    """The worst mistakes that a run kept; None where it kept none.

    most_values: pixel values of all images together, 4/3 bytes each at the most; one image is always shown
    """
    mistakes = kept_answers(run, "mistakes", classes, most=MOST_MISTAKES, most_values=most_values)
    return MistakesData(run.replicate, mistakes) if mistakes else None


def draw_mistakes(data: MistakesData) -> str:
    """A list of the images, enlarged by the page's style, each with what it is and what was said beneath."""
    return draw_answers(data.mistakes, "mistakes")
