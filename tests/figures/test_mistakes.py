"""The worst mistakes on images, as pictures."""

import base64
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest

from etude.figures.examples import answer_text
from etude.figures.mistakes import MOST_MISTAKES, draw_mistakes, mistakes_data
from etude.figures.png import image_png
from etude.values.run import Run

DIGITS = tuple(map(str, range(10)))


def run(images, *, p=0.97):
    n = len(images)
    arrays = {
        "mistakes/images": images,
        "mistakes/truth": np.full(n, 4),
        "mistakes/said": np.full(n, 9),
        "mistakes/p": np.full(n, p, dtype=np.float32),
    }
    return Run("r", {}, replicate=3, arrays=arrays)


def noise(n, channels, side):
    return np.random.default_rng(0).integers(0, 256, (n, channels, side, side), dtype=np.uint8)


def decoded(address):
    """The slow obvious twin: a reader of the PNGs we write, shape (channels, height, width)."""
    file = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(file):
        (length,) = struct.unpack(">I", file[at : at + 4])
        name, body = file[at + 4 : at + 8], file[at + 8 : at + 8 + length]
        assert struct.unpack(">I", file[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + body)
        chunks[name], at = body, at + 12 + length
    width, height, bits, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (bits, list(chunks)) == (8, [b"IHDR", b"IDAT", b"IEND"])
    channels = {0: 1, 2: 3}[colour]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(height, 1 + width * channels)
    assert not rows[:, 0].any()
    return np.moveaxis(rows[:, 1:].reshape(height, width, channels), 2, 0)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 3, 5), (3, 5, 3)])
def test_a_picture_read_back_is_the_image_that_was_written(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert decoded(image_png(image)).tolist() == image.tolist()


def test_each_mistake_says_what_it_is_what_was_said_and_how_surely():
    data = mistakes_data(run(noise(2, 1, 8)), DIGITS)
    assert data.replicate == 3
    assert [answer_text(mistake) for mistake in data.mistakes] == ["is a 4, said 9 with 97 %"] * 2


def test_a_probability_below_one_is_never_rounded_to_it():
    assert answer_text(mistakes_data(run(noise(1, 1, 8), p=0.99999), DIGITS).mistakes[0]).endswith("over 99.9 %")
    assert answer_text(mistakes_data(run(noise(1, 1, 8), p=0.9962), DIGITS).mistakes[0]).endswith(" 99.6 %")


def test_a_run_that_kept_no_images_or_made_no_mistake_has_no_pictures():
    assert mistakes_data(Run("r", {}), DIGITS) is None
    assert mistakes_data(run(noise(0, 1, 28)), DIGITS) is None


def test_a_larger_image_is_thinned_to_sixty_four_pixels_a_side_at_most():
    images = noise(1, 1, 150)
    (mistake,) = mistakes_data(run(images), DIGITS).mistakes
    assert mistake.image.tolist() == images[0, :, ::3, ::3].tolist()


def test_fewer_images_are_shown_where_the_page_has_no_room_for_more():
    images = noise(12, 3, 32)
    assert len(mistakes_data(run(images), DIGITS).mistakes) == MOST_MISTAKES
    assert len(mistakes_data(run(images), DIGITS, most_values=5 * 3 * 32**2).mistakes) == 5
    assert len(mistakes_data(run(images), DIGITS, most_values=0).mistakes) == 1


def test_twelve_of_the_largest_images_take_two_hundred_and_ten_kilobytes_at_most():
    assert len(draw_mistakes(mistakes_data(run(noise(12, 3, 64)), DIGITS))) < 210_000


def test_the_list_is_well_formed_escaped_and_has_words_for_those_who_cannot_see_it():
    classes = ("", "", "", "", "<b>", "", "", "", "", '"&')
    drawn = ET.fromstring(draw_mistakes(mistakes_data(run(noise(3, 1, 8)), classes)))
    assert [item.find("img").get("alt") for item in drawn] == ['Test image of a <b>, taken for a "&'] * 3
    assert drawn[0].find("img").tail == 'is a <b>, said "& with 97 %'
    assert (drawn[0].find("img").get("width"), drawn[0].find("img").get("height")) == ("8", "8")
