"""The loss around the weights."""

import numpy as np
import pytest

from etude.figures.loss_surface import describe, draw_surface, surface_data, table_heads, table_rows
from etude.values.step_record import LossSurface

SIDE = np.linspace(-1.0, 1.0, 41)
X, Y = np.meshgrid(SIDE, SIDE)
WAY = np.array([[0.9, 0.9], [0.5, 0.4], [0.0, 0.0]])


def bowl(losses=1 + X**2 + Y**2):
    return LossSurface(SIDE, SIDE, losses, WAY, (0, 1, 2), "two made up directions")


def test_lines_of_a_bowl_are_circles_of_the_right_radius():
    data = surface_data(bowl())
    level, (line,) = data.levels[3]
    assert np.hypot(line[:, 0], line[:, 1]) == pytest.approx(np.sqrt(level - 1), abs=0.01)


def test_losses_over_many_orders_are_spaced_by_their_logarithm():
    data = surface_data(bowl(np.exp(6 * np.hypot(X, Y))))
    ratios = np.diff(np.log([level for level, _ in data.levels]))
    assert data.log
    assert ratios == pytest.approx(ratios[0])
    assert not surface_data(bowl()).log


def test_what_is_no_number_is_as_high_as_the_highest_and_a_plane_without_any_has_no_picture():
    losses = 1 + X**2 + Y**2
    holed = np.where(X > 0.9, np.nan, losses)
    assert "nan" not in draw_surface(surface_data(bowl(holed)))
    assert surface_data(bowl(np.full_like(losses, np.nan))) is None


def test_the_ends_of_the_way_are_named_and_the_sentence_says_how_the_axes_were_chosen():
    data = surface_data(bowl())
    assert ">step 0<" in draw_surface(data)
    assert ">step 2<" in draw_surface(data)
    assert "two made up directions" in describe(data)
    assert "between 1 and 3" in describe(data)


def test_the_table_has_the_losses_of_a_coarse_grid_with_the_highest_row_on_top():
    data = surface_data(bowl())
    assert table_heads(data)[1] == "−1"
    assert table_rows(data)[0][:2] == ("1", "3")
    assert table_rows(data)[3][4] == "1"  # the middle
