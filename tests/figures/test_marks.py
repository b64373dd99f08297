"""Every verdict has a shape of its own."""

from typing import get_args

from etude.figures.marks import CLAIM_MEANING, CLAIM_SHAPES, EFFECT_SHAPES, claim_icon, effect_icon
from etude.values.claim import ClaimVerdict
from etude.values.effect import Verdict


def test_every_effect_verdict_has_its_own_shape():
    assert set(EFFECT_SHAPES) == set(get_args(Verdict))
    assert len({effect_icon(verdict) for verdict in EFFECT_SHAPES}) == len(EFFECT_SHAPES)


def test_every_claim_verdict_has_its_own_shape_and_meaning():
    assert set(CLAIM_SHAPES) == set(CLAIM_MEANING) == set(get_args(ClaimVerdict))
    assert len(set(CLAIM_SHAPES.values())) == len(CLAIM_SHAPES)
    assert 'aria-hidden="true"' in claim_icon("not comparable")
