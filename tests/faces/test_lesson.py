"""What lessons are written with: settings, sentences, tables and pictures, as a plain script shows them."""

import json
import math
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest

from etude.faces import lesson as support
from etude.faces.lesson import PICTURES, READ_EFFECTS, READ_MARGIN, RECORD, SETTING, Lesson
from etude.faces.lesson_pictures import draw_curves, draw_effects, draw_limits, draw_network, draw_stack
from etude.faces.lessons import Measured
from etude.values.curve import curve
from etude.values.errors import RecipeError
from etude.values.metric import Limit
from etude.values.run import Run

mpl.use("Agg")

WORDS = "A line falls from one half to one quarter and then stays level."


@pytest.fixture
def lesson(monkeypatch: pytest.MonkeyPatch) -> Lesson:
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr(support, "measured", lambda _: Measured(figures={"gap": 0.0412, "verdict": "better"}))
    return Lesson(1)


@pytest.fixture
def axes():
    import matplotlib.pyplot as plt

    figure, made = plt.subplots()
    yield made
    plt.close(figure)


def test_the_small_setting_is_the_default_and_the_other_is_asked_for(monkeypatch: pytest.MonkeyPatch, lesson: Lesson):
    assert lesson.of(small=8, full=32) == 8
    monkeypatch.setenv(SETTING, "full")
    assert Lesson(1).of(small=8, full=32) == 32
    monkeypatch.setenv(SETTING, "large")
    with pytest.raises(RecipeError, match=r"ETUDE_LESSONS='large' is no setting. Use small"):
        Lesson(1)


def test_a_number_below_zero_gets_a_minus_sign_but_not_in_code_or_formulas(lesson: Lesson, capsys):
    lesson.say("""
        A change of -0.5 (-0.75 to +0.1), `x = -1`, $-2$, a learning rate of 1e-3, 2-4 units, lr-1.
    """)
    assert capsys.readouterr().out.strip() == (
        "A change of −0.5 (−0.75 to +0.1), `x = -1`, $-2$, a learning rate of 1e-3, 2-4 units, lr-1."
    )


def test_a_figure_says_what_the_full_setting_gave(lesson: Lesson, capsys):
    lesson.figure("gap", 0.0377, "A gap of {:.3f} nats was left.")
    assert capsys.readouterr().out.strip() == "A gap of 0.038 nats was left. *At the full setting: 0.041.*"
    lesson.figure("unheard of", 1.0, "It was {:.1f}.")
    assert capsys.readouterr().out.strip() == "It was 1.0."
    lesson.figure("gap", 0.0377, "Of the way, {:.2f} % is left.")
    assert capsys.readouterr().out.strip() == "Of the way, 0.04 % is left. *At the full setting: 0.04 %.*"
    lesson.figure("verdict", "undecided", "It is {}.")
    assert capsys.readouterr().out.strip() == "It is undecided. *At the full setting: better.*"


def test_a_figure_is_recorded_at_the_full_setting_where_a_record_is_named(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    record = tmp_path / "measured.json"
    record.write_text('{"02": {"seconds": {"full": 3}}}')
    monkeypatch.setenv(RECORD, str(record))
    lesson.figure("gap", 0.5, "A gap of {:.3f}.")
    assert "01" not in json.loads(record.read_text())
    monkeypatch.setenv(SETTING, "full")
    Lesson(1).figure("gap", 0.25, "A gap of {:.3f}.")
    assert json.loads(record.read_text()) == {"01": {"figures": {"gap": 0.25}}, "02": {"seconds": {"full": 3}}}


@pytest.mark.parametrize("sentence", ["no place", "two {} {}", "{named}", "{0}"])
def test_a_figure_needs_one_place_for_its_number(lesson: Lesson, sentence: str):
    with pytest.raises(RecipeError, match="exactly one place"):
        lesson.figure("gap", 0.5, sentence)


def test_a_picture_says_in_words_what_it_shows_and_can_be_kept(
    lesson: Lesson, axes, capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv(PICTURES, str(tmp_path))
    axes.plot([0, 1], [0.5, 0.25])
    lesson.show(axes.figure, WORDS)
    assert capsys.readouterr().out.strip() == f"[picture] {WORDS}"
    assert (tmp_path / "01_baseline-1.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_effects_says_how_it_is_read_and_another_one_does_not(lesson: Lesson, axes, effect, capsys):
    for margin, told in ((None, READ_EFFECTS), (0.01, f"{READ_EFFECTS} {READ_MARGIN}")):
        lesson.draw_effects(axes, [replace(effect, smallest_effect=margin)], ["MSE against BCE"])
        lesson.show(axes.figure, WORDS)
        assert capsys.readouterr().out.strip() == f"[picture] {WORDS} {told}"
    lesson.show(axes.figure, WORDS)
    assert capsys.readouterr().out.strip() == f"[picture] {WORDS}"


def test_a_picture_without_words_is_refused(lesson: Lesson, axes):
    with pytest.raises(RecipeError, match="does not say what the picture shows"):
        lesson.show(axes.figure, "loss curves")


def test_a_table_lines_up_in_a_terminal(lesson: Lesson, capsys):
    lesson.table([["BCE", 0.19852, 1500], ["MSE", 0.5, 8]], ["loss", "value", "steps"])
    assert capsys.readouterr().out.splitlines()[:3] == [
        "loss  value  steps",
        "BCE   0.199  1,500",
        "MSE     0.5      8",
    ]


def test_an_effect_is_told_with_interval_pairs_and_verdict(lesson: Lesson, effect):
    assert lesson.tell(effect) == "log loss −0.050 nats (95 % interval −0.080 to −0.020, 16 pairs): **better**"


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (-0.28, -0.0004, "−0.28 to −0.0004"),
        (-0.00006, 0.28, "−0.00006 to +0.28"),
        (-0.28, 0.0, "−0.28 to 0.00"),
        (-0.28, -0.006, "−0.28 to −0.01"),
        (-math.inf, -0.0002, "up to −0.0002, no lower bound yet"),
    ],
)
def test_an_end_shows_its_side_of_zero(lesson: Lesson, effect, low: float, high: float, told: str):
    assert f"interval {told}, 16 pairs" in lesson.tell(replace(effect, low=low, high=high))


def test_runs_are_kept_in_a_folder_of_their_own_and_not_where_the_reader_works(lesson: Lesson):
    assert lesson.store.is_dir()
    assert lesson.store == lesson.store
    assert Path.cwd() not in (lesson.store, *lesson.store.parents)


def test_a_set_that_is_not_at_hand_is_named_beside_the_smaller_one(
    lesson: Lesson, capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    named = ("Fashion-MNIST", "scikit-learn's digits")
    found = lesson.data({"bundled": "wine"}, {"bundled": "digits"}, names=("wine", "digits"))
    assert found.bundled == "wine"
    capsys.readouterr()
    (tmp_path / "empty").mkdir()
    absent = {"images": "mnist", "folder": str(tmp_path / "nowhere")}
    assert lesson.data(absent, {"bundled": "digits"}, names=named).bundled == "digits"
    said = capsys.readouterr().out
    assert "Fashion-MNIST is not at hand" in said
    assert "uses scikit-learn's digits" in said
    assert said.strip().count("\n") == 0


def test_many_replicates_are_a_median_and_the_middle_of_them(axes):
    runs = [Run(f"r{i}", {"train/brier": curve("train/brier", [0, 10], [i, i / 2])}) for i in range(11)]
    draw_curves(axes, runs, "train/brier", label="training", colour="#000000", style="-")
    (line,) = axes.lines
    assert line.get_ydata().tolist() == [5, 2.5]
    assert axes.collections[0].get_datalim(axes.transData).intervaly.tolist() == [0.5, 9]


def test_limits_are_named_lines_and_one_upon_another_is_left_out(axes):
    axes.plot([0, 1], [0.25, 0.1])
    draw_limits(axes, Limit("brier", chance=0.25, best_constant=0.2499, bayes=0.0475))
    assert [line.get_ydata()[0] for line in axes.lines[1:]] == [0.25, 0.0475]
    assert [text.get_text() for text in axes.texts] == ["chance 0.25", "Bayes limit 0.0475"]
    assert axes.get_ylim()[0] < 0.0475


def test_the_name_of_a_limit_can_be_read_where_a_curve_passes(axes):
    (curve_beneath,) = axes.plot([0, 1], [0.25, 0.26])
    draw_limits(axes, Limit("brier", chance=0.25, best_constant=None, bayes=None))
    (name,) = axes.texts
    box = name.get_bbox_patch()
    assert name.get_zorder() > curve_beneath.get_zorder()
    assert (box.get_facecolor(), box.get_edgecolor()[3]) == ((1, 1, 1, 0.8), 0)
    axes.figure.canvas.draw()
    assert box.get_window_extent().y0 > axes.transData.transform((0, 0.25))[1]  # it does not hide the limit's own line


def test_an_effect_is_drawn_with_every_difference_and_its_verdict(axes, effect):
    draw_effects(axes, [effect, effect], ["MSE against BCE", "again"])
    dots = [line for line in axes.lines if line.get_marker() == "."]
    assert [dot.get_xdata().tolist() for dot in dots] == [list(effect.differences)] * 2
    assert axes.texts[0].get_text() == "MSE against BCE: better"
    assert "log loss (nats); better is to the left" in axes.get_xlabel()


def test_a_stack_adds_its_parts_up(axes):
    draw_stack(axes, ["none", "some"], {"noise": [1, 1], "bias": [2, 3], "variance": [4, 0.5]})
    bars = [(bar.get_y(), bar.get_height()) for bar in axes.patches]
    assert bars == [(0, 1), (0, 1), (1, 2), (1, 3), (3, 4), (4, 0.5)]
    assert len({bar.get_hatch() for bar in axes.patches}) == 3


def test_a_network_is_drawn_unit_by_unit_and_a_wide_layer_by_its_ends(axes):
    draw_network(axes, (2, 4, 1), ("features", "hidden", "output"), ("x", "y"))
    units = [line for line in axes.lines if line.get_marker() == "o"]
    assert (len(units), len(axes.lines) - len(units)) == (7, 2 * 4 + 4)
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["x", "y", "features", "hidden", "output"]
    axes.clear()
    draw_network(axes, (2, 64, 1), ("features", "hidden", "output"))
    assert sum(line.get_marker() == "o" for line in axes.lines) == 2 + 6 + 1
    assert "⋮" in [text.get_text() for text in axes.texts]
