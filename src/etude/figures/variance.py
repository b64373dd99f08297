"""Shares of variance: how much of the differences between runs each factor explains."""

from collections.abc import Sequence
from dataclasses import dataclass

from etude.figures.numbers import p_value, percent, significant
from etude.figures.svg import element, picture
from etude.figures.words import field_words
from etude.values.effect import VarianceShare

PLAIN = {"replicate": "replicate (data draw and initialisation)", "residual": "what is left"}
LAST = tuple(PLAIN)
SMALL = 0.005
"""Shares below this are told apart from the others: of five factors there are 25 terms, and most of them are small."""


@dataclass(frozen=True, slots=True)
class VarianceBar:
    """One term: its words, its share from 0 to 1, and its F test."""

    term: str
    share: float
    percent: str
    degrees: int
    f: str
    p: str


def variance_data(shares: Sequence[VarianceShare]) -> tuple[VarianceBar, ...]:
    """The terms, largest share first, but with replicates and the residual at the end."""
    ranked = sorted(shares, key=lambda s: (LAST.index(s.term) if s.term in LAST else -1, -s.share))
    return tuple(_bar(share) for share in ranked)


def large_and_small(bars: Sequence[VarianceBar]) -> tuple[tuple[VarianceBar, ...], tuple[VarianceBar, ...]]:
    """The bars worth a look, and the rest: none where a single one is small."""
    small = tuple(bar for bar in bars if bar.share < SMALL and bar.term not in PLAIN.values())
    return (tuple(bar for bar in bars if bar not in small), small) if len(small) > 1 else (tuple(bars), ())


def _bar(share: VarianceShare) -> VarianceBar:
    parts = (field_words(part) for part in share.term.split(" × "))
    f = significant(share.f) if share.f == share.f else "–"
    p = p_value(share.p) if share.p == share.p else "–"
    term = PLAIN.get(share.term, " × ".join(parts))
    return VarianceBar(term, share.share, percent(share.share, 1), share.degrees, f, p)


def draw_variance_bar(bar: VarianceBar) -> str:
    """One share as a bar over the full width, which is all of the variance."""
    width = f"{100 * min(max(bar.share, 0.0), 1.0):.2f}%"
    parts = (
        element("rect", width="100%", height=12, y=4, class_="whole", fill_opacity=0.08),
        element("rect", width=width, height=12, y=4, class_="share"),
    )
    title, says = f"{bar.term}: {bar.percent}", f"{bar.percent} of the variance between runs."
    return picture(title, says, *parts, width="100%", height=20, class_="bar")
