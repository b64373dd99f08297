"""Level lines and small pictures."""

import base64
import struct
import zlib

import numpy as np
import pytest

from etude.figures.contours import level_lines
from etude.figures.png import palette_png


def test_a_circle_comes_out_round_and_closed():
    x, y = np.meshgrid(np.arange(41.0), np.arange(41.0))
    (line,) = level_lines(np.hypot(x - 20, y - 20), 15.0)
    assert line[0].tolist() == line[-1].tolist()
    assert np.hypot(line[:, 0] - 20, line[:, 1] - 20) == pytest.approx(15, abs=0.02)


def test_a_plane_is_cut_along_a_straight_line_exactly():
    x, y = np.meshgrid(np.arange(6.0), np.arange(4.0))
    (line,) = level_lines(x + 2 * y, 4.5)
    assert line[:, 0] + 2 * line[:, 1] == pytest.approx(4.5)


def test_a_saddle_is_joined_by_the_mean_of_its_corners():
    high_middle = np.array([[1.0, 0.0], [0.0, 1.0]])
    lines = level_lines(high_middle, 0.4)
    assert len(lines) == 2
    # the mean is above the level, so the two high corners are connected and each low corner is cut off alone
    assert {tuple(sorted(map(tuple, line.round(3).tolist()))) for line in lines} == {
        ((0.0, 0.6), (0.4, 1.0)),
        ((0.6, 0.0), (1.0, 0.4)),
    }


def test_a_field_on_one_side_of_the_level_has_no_line():
    assert level_lines(np.zeros((5, 5)), 0.5) == ()


def test_every_crossing_is_used_once_in_a_rough_field():
    field = np.random.default_rng(0).standard_normal((30, 30))
    above = field > 0
    crossed = int((above[:, 1:] != above[:, :-1]).sum() + (above[1:] != above[:-1]).sum())
    lines = level_lines(field, 0.0)
    closed = sum(line[0].tolist() == line[-1].tolist() for line in lines)
    assert sum(len(line) for line in lines) - closed == crossed


def test_a_png_holds_its_size_its_palette_and_its_pixels():
    pixels = np.array([[0, 1, 2], [2, 1, 0]], dtype=np.uint8)
    data = base64.b64decode(palette_png(pixels, [(1, 2, 3), (4, 5, 6), (7, 8, 9)]).partition(",")[2])
    assert struct.unpack(">II", data[16:24]) == (3, 2)
    assert bytes(range(1, 10)) in data
    start = data.index(b"IDAT")
    assert zlib.decompress(data[start + 4 : data.index(b"IEND") - 8]) == b"\0\0\1\2\0\2\1\0"
