"""Verdicts as they are shown: every one has its look, and no two are told apart by colour alone."""

import xml.etree.ElementTree as ET
from typing import get_args

from etude.figures.verdict_marks import SEVERITY_SHAPES, SIGN_SHAPES, severity_icon, shapes, sign_icon, verdict_icon
from etude.figures.verdicts import LOOKS, SEVERITY_SIGNS, rank
from etude.values.finding import SEVERITIES, Sign, Verdict

SVG = "{http://www.w3.org/2000/svg}"


def test_every_verdict_and_severity_has_its_look():
    assert set(LOOKS) == set(get_args(Verdict))
    assert set(SEVERITY_SIGNS) == set(SEVERITY_SHAPES) == set(SEVERITIES)


def test_no_two_verdicts_have_one_shape():
    assert len({(look.outline, look.glyph) for look in LOOKS.values()}) == len(LOOKS)


def test_severities_and_signs_differ_in_shape():
    for table in (SEVERITY_SHAPES, SIGN_SHAPES):
        assert len({(outline, glyph) for outline, glyph, _ in table.values()}) == len(table)


def test_health_is_listed_last_and_what_cannot_be_told_before_it():
    assert sorted(LOOKS, key=rank)[-2:] == ["cannot tell", "good fit"]


def test_every_icon_uses_a_shape_that_is_drawn():
    drawn = {symbol.get("id") for symbol in ET.fromstring(shapes()).iter("symbol")}
    icons = [
        *map(verdict_icon, LOOKS),
        *map(severity_icon, SEVERITIES),
        *(sign_icon(Sign("", healthy, "")) for healthy in (True, False, None)),
    ]
    used = {use.get("href").removeprefix("#") for icon in icons for use in ET.fromstring(icon).iter("use")}
    assert used == drawn
