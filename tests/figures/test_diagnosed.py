"""The picture of a diagnosis: which numbers it shows, and that none is hidden."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from etude.figures.diagnosed import draw_diagnosed, draw_glance
from etude.figures.diagnosed_data import STRETCHES, beyond_text, describe, diagnosed_data, table_rows
from etude.values.curve import curve
from etude.values.finding import Diagnosis, Finding, Place
from etude.values.run import Run

PLAIN = Diagnosis("a run", "overfit", 0.9, "")


def made(validation, train=None, *, word="objective", x="epoch", steps=None) -> Run:
    series = {"train": train, "validation": validation}
    curves = {
        f"{split}/{word}": curve(f"{split}/{word}", steps or range(len(values)), values)
        for split, values in series.items()
        if values is not None
    }
    return Run("a run", curves, provenance={"x": x})


def seen(*spans) -> tuple[Finding, ...]:
    return tuple(
        Finding(f"symptom {i}", "", "note", 0.5, where=(Place("validation/objective", first, last),))
        for i, (first, last) in enumerate(spans)
    )


def test_the_best_place_has_the_value_that_was_measured_there():
    data = diagnosed_data(replace(PLAIN, best_step=1), [made([0.5, 0.2, 0.4])])
    assert data.best == (1, pytest.approx(0.2))
    assert "best: epoch 1, 0.2" in draw_diagnosed(data)


def test_a_run_without_validation_has_no_best_place():
    assert diagnosed_data(replace(PLAIN, best_step=1), [made(None, [0.5, 0.2])]).best is None


def test_nothing_finite_is_no_picture():
    assert diagnosed_data(PLAIN, [made([float("nan")], [float("inf")])]) is None
    assert diagnosed_data(PLAIN, [Run("empty", {})]) is None


def test_training_that_goes_to_nothing_does_not_flatten_validation():
    data = diagnosed_data(PLAIN, [made([0.7, 0.4, 0.6], [0.7, 0.01, 0.0001])])
    assert not data.upright.log


def test_validation_over_a_wide_range_is_drawn_on_a_logarithmic_axis():
    assert diagnosed_data(PLAIN, [made(10.0 ** -np.arange(20.0))]).upright.log


def test_a_spike_that_leaves_the_picture_is_told():
    values = np.full(400, 1.0) + np.linspace(0, 0.5, 400)
    values[123] = 900.0
    data = diagnosed_data(PLAIN, [made(values)])
    assert data.beyond == (123, 900.0)
    assert beyond_text(data) == "Not all of it fits: 900 at epoch 123 lies outside."


def test_a_spike_inside_the_picture_survives_the_thinning_of_points():
    values = np.linspace(1.0, 0.0, 5000)
    values[2500] = 1.4
    data = diagnosed_data(PLAIN, [made(values)])
    assert beyond_text(data) == ""
    top = min(height for _, height in corners(draw_diagnosed(data, points=50), "held-out"))
    assert top == round(2 * 190 * (1 - float(data.upright.place(1.4))))


def corners(svg: str, kind: str) -> list[tuple[float, float]]:
    """The absolute points of the raw line of a split."""
    path = next(
        p for p in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path") if p.get("class") == f"raw {kind}"
    )
    start, _, moves = path.get("d").removeprefix("M").partition("l")
    x, y = map(float, start.split())
    numbers = list(map(float, moves.replace("-", " -").split()))
    found = [(x, y)]
    for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
        found.append((found[-1][0] + dx, found[-1][1] + dy))
    return found


def test_a_noisy_run_has_medians_over_its_raw_line_and_a_smooth_one_has_not():
    n = 4 * STRETCHES
    noise = np.random.default_rng(0).normal(0, 0.2, n)
    noisy, smooth = (diagnosed_data(PLAIN, [made(np.linspace(1, 0, n) + by)]) for by in (noise, 0.0))
    (line,) = noisy.lines
    assert line.middle is not None
    steps, medians = line.middle
    assert (steps[0], medians[0]) == (1.5, pytest.approx(np.median(np.linspace(1, 0, n)[:4] + noise[:4])))
    assert smooth.lines[0].middle is None
    assert 'class="thin held-out"' in draw_diagnosed(noisy)
    assert 'class="raw held-out"' in draw_diagnosed(smooth)


def test_replicates_are_thin_lines_with_their_median():
    data = diagnosed_data(PLAIN, [made([1.0, 0.5]), made([3.0, 0.6]), made([2.0, 0.1])])
    (line,) = data.lines
    assert line.series.median.tolist() == [2.0, 0.5]
    assert (line.series.replicates.shape, data.runs) == ((3, 2), 3)


def test_where_a_loss_stops_being_a_number_is_marked():
    data = diagnosed_data(PLAIN, [made([0.5, 0.6, float("nan"), float("nan")])])
    assert data.lines[0].broken == 2
    assert "not finite from epoch 2" in draw_diagnosed(data)
    assert "is not finite from epoch 2 on" in describe(data)


def test_places_are_numbered_as_the_findings_are_listed():
    diagnosis = replace(PLAIN, findings=(*seen((1, 2)), Finding("nowhere", "", "note", 0.5), *seen((3, 3))))
    data = diagnosed_data(diagnosis, [made([0.5, 0.4, 0.3, 0.2])])
    assert [(place.number, place.first, place.last) for place in data.places] == [(1, 1, 2), (3, 3, 3)]


def test_numbers_of_places_that_overlap_lie_in_rows_of_their_own():
    data = diagnosed_data(replace(PLAIN, findings=seen((0, 50), (60, 99), (20, 80))), [made(np.linspace(1, 0, 100))])
    svg = ET.fromstring(draw_diagnosed(data))
    heights = [float(c.get("cy")) for c in svg.iter("{http://www.w3.org/2000/svg}circle") if c.get("class") == "count"]
    assert heights[0] == heights[1] != heights[2]


def words_drawn(svg: str) -> list[tuple[float, float, float]]:
    """Of the words inside the picture where they begin, where they end, and their baselines."""
    found = []
    for one in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        if one.get("class") == "named":
            x, wide = float(one.get("x")), 5.2 * len(one.text)  # a letter of 10.5 px is about half as wide as high
            start = x - wide if one.get("text-anchor") == "end" else x
            found.append((start, start + wide, float(one.get("y"))))
    return found


@pytest.mark.parametrize("best", range(10))
def test_words_beside_the_best_place_and_beside_levels_do_not_touch(best):
    falling = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.42, 0.4, 0.41]
    levels = [("chance", 1.1), ("best constant", 1.05), ("Bayes limit", 0.95)]
    words = words_drawn(draw_diagnosed(diagnosed_data(replace(PLAIN, best_step=best), [made(falling)], levels=levels)))
    assert len(words) == 4
    for i, (start, end, baseline) in enumerate(words):
        for other_start, other_end, other in words[:i]:
            assert end < other_start or other_end < start or abs(baseline - other) >= 11


def test_the_best_of_replicates_is_called_that_of_their_median():
    data = diagnosed_data(replace(PLAIN, best_step=1), [made([1.0, 0.5]), made([3.0, 0.6]), made([2.0, 0.1])])
    assert "median best: epoch 1, 0.5" in draw_diagnosed(data)
    assert "At the median of the runs' best places, epoch 1, the validation loss is 0.5." in describe(data)


def test_the_names_of_lines_stand_off_the_mark_of_a_best_place_at_the_end():
    svg = ET.fromstring(draw_diagnosed(diagnosed_data(replace(PLAIN, best_step=1), [made([0.5, 0.2])])))
    names = [one for one in svg.iter("{http://www.w3.org/2000/svg}text") if "line-name" in one.get("class", "")]
    (mark,) = (one for one in svg.iter("{http://www.w3.org/2000/svg}circle") if one.get("class") == "best")
    right = float(mark.get("cx")) + float(mark.get("r")) + 0.9  # half of the width of its outline
    assert min(float(one.get("x")) for one in names) > right + 2


def test_known_levels_are_lines_inside_the_picture():
    levels = [("chance", 0.693147), ("unknown", float("nan")), ("far away", 9.0)]
    data = diagnosed_data(PLAIN, [made([0.6, 0.3])], levels=levels)
    assert data.levels == (("chance", 0.693147),)
    assert data.upright.high > 0.693147
    assert "chance 0.693" in draw_diagnosed(data)


def test_scores_are_called_scores():
    data = diagnosed_data(PLAIN, [made([0.5, 0.9], word="score")])
    assert (data.quantity, draw_diagnosed(data).count("score") > 0) == ("score", True)


def test_one_point_is_drawn_as_a_dot():
    svg = draw_diagnosed(diagnosed_data(PLAIN, [made([0.5])]))
    assert 'class="spots held-out"' in svg


def test_the_table_has_the_first_the_last_and_some_between():
    rows = table_rows(diagnosed_data(PLAIN, [made(np.linspace(1, 0, 11), np.linspace(2, 1, 11))]))
    assert rows[0] == ("0", "2.00", "1.00")
    assert rows[-1] == ("10", "1.00", "0.00")


def test_names_of_others_are_escaped():
    data = diagnosed_data(replace(PLAIN, source="<script>"), [made([0.5, 0.4])])
    assert "<script>" not in draw_diagnosed(data)
    ET.fromstring(draw_diagnosed(data))


def test_the_glance_is_a_small_picture():
    assert len(draw_glance(diagnosed_data(PLAIN, [made(np.linspace(1, 0, 5000))]))) < 500
