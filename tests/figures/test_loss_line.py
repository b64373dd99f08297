"""The loss along the step."""

from dataclasses import replace

import numpy as np
import pytest

from etude.figures.loss_line import describe, draw_loss_line, loss_line_data, table_rows
from etude.values.step_record import LossLine

AT = np.linspace(-0.5, 2.5, 13)


def parabola(steps):
    """Loss (1 − x)², of which the whole step, from 0 to 1, goes to the bottom."""
    losses = (1 - AT) ** 2
    worked = replace(steps[0].worked, before=1.0, after=0.0, first=-2.0, second=-1.0, curvature=2.0)
    return replace(steps[0], worked=worked, line=LossLine(AT, losses, losses, 1 - 2 * AT + AT**2))


def test_first_order_is_the_tangent_at_the_old_weights(steps):
    data = loss_line_data(parabola(steps))
    assert data.straight == pytest.approx(1 - 2 * AT)


def test_the_sentence_names_the_lowest_point_of_those_tried(steps):
    assert "lowest at 1 times the step" in describe(loss_line_data(parabola(steps)))
    assert "a change of −1" in describe(loss_line_data(parabola(steps)))


def test_the_table_has_both_promises_beside_what_happened(steps):
    rows = table_rows(loss_line_data(parabola(steps)))
    assert dict(zip(AT.tolist(), rows, strict=True))[1.0] == ("1", "0", "0", "−1", "0")


def test_of_many_points_the_table_has_every_third(steps):
    assert len(table_rows(loss_line_data(steps[0]))) == 9  # of 25


def test_losses_that_are_no_numbers_break_the_line_and_nothing_else(steps):
    broken = parabola(steps)
    losses = np.where(AT > 1.5, np.inf, broken.line.along_step)
    data = loss_line_data(replace(broken, line=replace(broken.line, along_step=losses)))
    assert "nan" not in draw_loss_line(data)
    assert "inf" not in draw_loss_line(data)


def test_a_step_without_a_line_has_no_picture(steps):
    assert loss_line_data(replace(steps[0], line=None)) is None
