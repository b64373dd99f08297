"""Example images: one a class, what was said of each, and how many bytes they may take."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from etude.figures.examples import MOST_EXAMPLES, MOST_VALUES, draw_examples, examples_data
from etude.values.run import Run

DIGITS = tuple(map(str, range(10)))


def run(images, said=None):
    n = len(images)
    arrays = {
        "examples/images": images,
        "examples/truth": np.arange(n) % 10,
        "examples/said": np.arange(n) % 10 if said is None else np.array(said),
        "examples/p": np.full(n, 0.97, dtype=np.float32),
    }
    return Run("r", {}, replicate=3, arrays=arrays)


def noise(n, channels, side):
    return np.random.default_rng(0).integers(0, 256, (n, channels, side, side), dtype=np.uint8)


def test_each_class_has_its_image_with_what_it_is_and_what_was_said():
    images = noise(3, 1, 8)
    data = examples_data(run(images, said=[0, 7, 2]), DIGITS)
    assert (data.replicate, data.classes) == (3, 10)
    assert [(answer.truth, answer.said) for answer in data.answers] == [("0", "0"), ("1", "7"), ("2", "2")]
    assert [answer.image.tolist() for answer in data.answers] == images.tolist()


def test_what_was_said_wrongly_is_marked_and_read_out():
    drawn = ET.fromstring(draw_examples(examples_data(run(noise(3, 1, 8), said=[0, 7, 2]), DIGITS)))
    assert [item.get("class") for item in drawn] == [None, "wrong", None]
    assert drawn[1].find("img").get("alt") == "Test image of a 1, taken for a 7"
    assert drawn[1].find("img").tail == "is a 1, said 7 with 97 %"


def test_a_run_of_an_older_etude_has_no_examples():
    assert examples_data(Run("r", {}), DIGITS) is None


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (3, 64)])
def test_examples_of_any_size_take_fifty_five_kilobytes_at_most(channels, side):
    data = examples_data(run(noise(MOST_EXAMPLES, channels, side)), DIGITS)
    assert sum(answer.image.size for answer in data.answers) <= MOST_VALUES
    assert len(draw_examples(data)) < 1.4 * MOST_VALUES
