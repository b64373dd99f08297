"""Shares of variance."""

import xml.etree.ElementTree as ET

from etude.figures.variance import draw_variance_bar, large_and_small, variance_data
from etude.values.effect import VarianceShare

NOTHING = float("nan")
SHARES = (
    VarianceShare("log_loss", "residual", 0.45, 20, NOTHING, NOTHING),
    VarianceShare("log_loss", "replicate", 0.05, 5, NOTHING, NOTHING),
    VarianceShare("log_loss", "loss", 0.1, 1, 4.0, 0.06),
    VarianceShare("log_loss", "data.rows × model.hidden", 0.4, 1, 16.0, 0.0007),
)


def test_the_largest_share_comes_first_and_what_is_left_last():
    bars = variance_data(SHARES)
    assert [bar.term.partition(" (")[0] for bar in bars] == ["rows × hidden units", "loss", "replicate", "what is left"]
    assert [bar.percent for bar in bars] == ["40.0 %", "10.0 %", "5.0 %", "45.0 %"]
    assert [(bar.f, bar.p) for bar in bars[:3]] == [("16", "below 0.001"), ("4", "0.060"), ("–", "–")]


def test_a_bar_is_as_long_as_its_share():
    drawn = ET.fromstring(draw_variance_bar(variance_data(SHARES)[0]))
    assert drawn.find("{*}rect[@class='share']").get("width") == "40.00%"


def test_small_shares_stand_apart_but_what_is_left_and_one_alone_do_not():
    small = [VarianceShare("log_loss", name, 0.004, 1, 1.0, 0.3) for name in ("epochs", "data.flip")]
    tiny_rest = VarianceShare("log_loss", "residual", 0.001, 20, NOTHING, NOTHING)
    large, rest = large_and_small(variance_data([*SHARES[1:], tiny_rest, *small]))
    assert [bar.term for bar in rest] == ["epochs", "flipped labels"]
    assert [bar.term for bar in large][-1] == "what is left"
    assert large_and_small(variance_data([*SHARES, small[0]]))[1] == ()
