"""The map of a factorial: every cell where its levels are, shaded by how good it is."""

import numpy as np
import pytest

from etude.figures.heatmap import SHADES, Head, Levels, heat_map_data
from etude.values.metric import METRICS

LOSS, R2 = METRICS["log_loss"], METRICS["r2"]
ONE, OTHER = Levels("loss", ("BCE", "MSE")), Levels("hidden units", ("4", "8", "16"))
CELLS = np.array([[[0.5, 0.7], [0.4, 0.6], [0.3, 0.5]], [[0.6, 0.8], [0.5, 0.7], [0.2, 0.2]]])


def texts(found):
    return [[cell.text for cell in row.cells] for row in found.rows]


def test_a_cell_is_the_mean_of_its_replicates_where_its_levels_meet():
    found = heat_map_data([ONE, OTHER], CELLS, LOSS, names={})
    assert texts(found) == [["0.60", "0.50", "0.40"], ["0.70", "0.60", "0.20"]]
    assert (found.down, found.across) == (("loss",), ("hidden units",))
    assert [row.heads for row in found.rows] == [(Head("BCE", 1),), (Head("MSE", 1),)]
    assert found.column_heads == ((Head("4", 1), Head("8", 1), Head("16", 1)),)


def test_shades_go_in_equal_steps_from_the_worst_cell_to_the_best():
    found = heat_map_data([ONE, OTHER], CELLS, LOSS, names={})
    # losses 0.7 to 0.2 in eight steps of a sixteenth: 0.6 is 1.6 steps from the worst
    assert [[cell.shade for cell in row.cells] for row in found.rows] == [[2, 3, 5], [0, 2, SHADES - 1]]
    assert [cell.text for row in found.rows for cell in row.cells if cell.best] == ["0.20"]
    assert (found.worst, found.best) == ("0.70", "0.20")


def test_of_a_score_that_should_be_high_the_highest_is_the_best():
    found = heat_map_data([ONE, OTHER], CELLS - 0.5, R2, names={})
    assert (found.worst, found.best) == ("−0.25 or worse", "0.20")  # the median is 0.15 below the best
    assert [cell.text for row in found.rows for cell in row.cells if cell.best] == ["0.20"]


def test_a_level_that_fails_leaves_the_others_their_shades():
    outcomes = np.array([0.1, 0.2, 0.3, 0.4, 50.0, 60.0]).reshape(2, 3, 1)
    found = heat_map_data([ONE, OTHER], outcomes, LOSS, names={})
    # the median is 0.35, so the shades end three times 0.25 above the best
    assert [cell.shade for row in found.rows for cell in row.cells] == [8, 7, 6, 5, 0, 0]
    assert found.worst == "0.85 or worse"


def test_factors_nest_in_the_studys_order_with_few_enough_columns():
    factors = [Levels(name, ("0", "1", "2")[:n]) for name, n in zip("abcd", (3, 2, 3, 2), strict=True)]
    found = heat_map_data(factors, np.arange(36.0).reshape(3, 2, 3, 2, 1), LOSS, names={})
    assert (found.down, found.across) == (("a", "b"), ("c", "d"))
    assert [row.heads for row in found.rows[:3]] == [
        (Head("0", 2), Head("0", 1)),
        (Head("1", 1),),
        (Head("1", 2), Head("0", 1)),
    ]
    assert found.column_heads[0] == (Head("0", 2), Head("1", 2), Head("2", 2))
    assert found.column_heads[1] == (Head("0", 1), Head("1", 1)) * 3


def test_a_map_that_would_be_too_large_averages_over_its_last_factors():
    factors = [Levels(name, tuple("0123456789")) for name in "abc"]
    outcomes = np.add.outer(np.arange(100.0).reshape(10, 10), np.linspace(-1, 1, 10))[..., None]
    found = heat_map_data(factors, outcomes, LOSS, names={0: "first"})
    assert found.averaged == ("c",)
    assert texts(found)[0][:3] == ["0.00", "1.00", "2.00"]
    assert found.names == ()  # the cell that was named is no cell of this map


def test_diverged_runs_are_left_out_and_counted():
    outcomes = np.where(CELLS == 0.2, np.nan, CELLS)
    outcomes[0, 0, 0] = np.nan
    found = heat_map_data([ONE, OTHER], outcomes, LOSS, names={})
    assert found.diverged == 3
    assert texts(found) == [["0.700", "0.500", "0.400"], ["0.700", "0.600", "–"]]
    assert found.rows[1].cells[2].shade is None


def test_a_study_in_which_everything_diverged_still_has_its_map():
    found = heat_map_data([ONE, OTHER], np.full((2, 3, 4), np.nan), LOSS, names={})
    assert {text for row in texts(found) for text in row} == {"–"}
    assert (found.worst, found.best) == ("–", "–")


@pytest.mark.parametrize(("names", "marks"), [({0: "first", 5: "last"}, ["a", "b"]), ({5: "last"}, ["a"])])
def test_named_cells_are_marked_in_order(names, marks):
    found = heat_map_data([ONE, OTHER], CELLS, LOSS, names=names)
    assert [cell.mark for row in found.rows for cell in row.cells if cell.mark] == marks
    assert found.names == tuple(zip(marks, names.values(), strict=True))
