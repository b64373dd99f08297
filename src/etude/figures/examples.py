"""Example images: one of each class from the test set, with what a run said, so that a newcomer sees the data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from etude.figures.numbers import percent
from etude.figures.png import image_png
from etude.figures.svg import element, words
from etude.values.run import Run

MOST_EXAMPLES = 12
MOST_SIDE = 64
"""Pixels along a side; of a larger image every second row and column is drawn, or every third."""

MOST_VALUES = 40_000
"""Pixel values of all examples together, 4/3 bytes each at the most: twelve of 32 × 32 in colour."""

SURE = 0.9995
"""A probability from here on would be rounded to one."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A test image, and the class that was said with the probability `p`.

    image: uint8, shape (channels, height, width), 1 or 3 channels
    """

    image: NDArray[np.uint8]
    truth: str
    said: str
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class ExamplesData:
    """What one run said of the first test image of each class, in class order.

    classes: how many classes there are; of many, only the first have an example
    """

    replicate: int | None
    answers: tuple[Answer, ...]
    classes: int


def examples_data(run: Run, classes: Sequence[str], *, most_values: int = MOST_VALUES) -> ExamplesData | None:
    """The examples that a run kept; None where it kept none, as runs of an older étude."""
    answers = kept_answers(run, "examples", classes, most=MOST_EXAMPLES, most_values=most_values)
    return ExamplesData(run.replicate, answers, len(classes)) if answers else None


def kept_answers(
    run: Run, kept: Literal["examples", "mistakes"], classes: Sequence[str], *, most: int, most_values: int
) -> tuple[Answer, ...]:
    """The first images that a run kept under a name, and what it said of them; none where it kept none.

    most_values: pixel values of all images together; one image is always shown
    """
    images = _small(np.asarray(run.arrays.get(f"{kept}/images", np.empty((0, 1, 1, 1))), dtype=np.uint8))
    if not images.size:
        return ()
    shown = max(1, min(most, most_values // images[0].size))
    truth, said, p = (run.arrays[f"{kept}/{name}"][:shown].tolist() for name in ("truth", "said", "p"))
    found = zip(images, truth, said, p, strict=False)
    return tuple(Answer(image, classes[t], classes[s], q) for image, t, s, q in found)


def _small(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    every = -(-max(images.shape[2:]) // MOST_SIDE)
    return images[:, :, ::every, ::every]


def answer_text(answer: Answer) -> str:
    """What the image is and what was said, in words.

    >>> answer_text(Answer(np.zeros((1, 2, 2), dtype=np.uint8), "8", "9", 0.97))
    'is an 8, said 9 with 97 %'
    """
    return f"is {with_article(answer.truth)}, said {answer.said} with {_probability(answer.p)}"


def with_article(name: str) -> str:
    """A noun or a number with its article.

    >>> with_article("4"), with_article("11"), with_article("airplane"), with_article("Shirt")
    ('a 4', 'an 11', 'an airplane', 'a Shirt')
    """
    vowel = name[:1].lower() in tuple("aeiou8") or name in ("11", "18")
    return f"{'an' if vowel else 'a'} {name}"


def _probability(p: float) -> str:
    """Never rounded to certainty.

    >>> _probability(0.971), _probability(0.9971), _probability(0.99999)
    ('97 %', '99.7 %', 'over 99.9 %')
    """
    return "over 99.9 %" if p >= SURE else percent(p, 1 if p >= 0.995 else 0)


def draw_examples(data: ExamplesData) -> str:
    """The images as `draw_answers` draws them."""
    return draw_answers(data.answers, "examples")


def draw_answers(answers: Iterable[Answer], kept: Literal["examples", "mistakes"]) -> str:
    """A list of the images, enlarged by the page's style, each with what it is and what was said beneath."""
    return element("ul", *map(_item, answers), class_=kept)


def _item(answer: Answer) -> str:
    height, width = answer.image.shape[1:]
    seen = f"Test image of {with_article(answer.truth)}, taken for {with_article(answer.said)}"
    picture = element("img", src=image_png(answer.image), alt=seen, width=width, height=height)
    return element("li", picture, words(answer_text(answer)), class_=None if answer.truth == answer.said else "wrong")
