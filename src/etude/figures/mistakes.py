"""The worst mistakes on images: wrong answers that were given with the largest probability, as small pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.figures.numbers import percent
from etude.figures.png import image_png
from etude.figures.svg import element, words
from etude.values.run import Run

MOST_MISTAKES = 12
MOST_SIDE = 64
"""Pixels along a side; of a larger image every second row and column is drawn, or every third."""

SURE = 0.9995
"""A probability from here on would be rounded to one."""


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """A test image and the wrong class that was given the probability `p`.

    image: uint8, shape (channels, height, width), 1 or 3 channels
    """

    image: NDArray[np.uint8]
    truth: str
    said: str
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class MistakesData:
    """The worst mistakes of one run, the worst first."""

    replicate: int | None
    mistakes: tuple[Mistake, ...]


def mistakes_data(
    run: Run, classes: Sequence[str], *, most_values: int = MOST_MISTAKES * 3 * MOST_SIDE**2
) -> MistakesData | None:
    """The worst mistakes that a run kept; None where it kept none.

    most_values: pixel values of all images together, 4/3 bytes each at the most; one image is always shown
    """
    images = _small(np.asarray(run.arrays.get("mistakes/images", np.empty((0, 1, 1, 1))), dtype=np.uint8))
    if not images.size:
        return None
    shown = max(1, min(MOST_MISTAKES, most_values // images[0].size))
    truth, said, p = (run.arrays[f"mistakes/{name}"][:shown].tolist() for name in ("truth", "said", "p"))
    found = zip(images, truth, said, p, strict=False)
    return MistakesData(run.replicate, tuple(Mistake(image, classes[t], classes[s], q) for image, t, s, q in found))


def _small(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    every = -(-max(images.shape[2:]) // MOST_SIDE)
    return images[:, :, ::every, ::every]


def mistake_text(mistake: Mistake) -> str:
    """What the image is and what was said, in words.

    >>> mistake_text(Mistake(np.zeros((1, 2, 2), dtype=np.uint8), "8", "9", 0.97))
    'is an 8, said 9 with 97 %'
    """
    return f"is {_with_article(mistake.truth)}, said {mistake.said} with {_probability(mistake.p)}"


def _with_article(name: str) -> str:
    """A noun or a number with its article.

    >>> _with_article("4"), _with_article("11"), _with_article("airplane"), _with_article("Shirt")
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


def draw_mistakes(data: MistakesData) -> str:
    """A list of the images, enlarged by the page's style, each with what it is and what was said beneath."""
    return element("ul", *map(_item, data.mistakes), class_="mistakes")


def _item(mistake: Mistake) -> str:
    height, width = mistake.image.shape[1:]
    seen = f"Test image of {_with_article(mistake.truth)}, taken for {_with_article(mistake.said)}"
    return element(
        "li",
        element("img", src=image_png(mistake.image), alt=seen, width=width, height=height),
        words(mistake_text(mistake)),
    )
