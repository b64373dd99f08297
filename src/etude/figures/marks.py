"""Verdicts as shapes: told apart by form and word, never by colour alone."""

from collections.abc import Mapping
from types import MappingProxyType

from etude.figures.svg import element
from etude.values.claim import ClaimVerdict
from etude.values.effect import Verdict

EFFECT_SHAPES: Mapping[Verdict, str] = MappingProxyType(
    {
        "better": "M0-6L6 5H-6z",  # a triangle that points up
        "worse": "M0 6L6-5H-6z",  # and one that points down
        "equivalent": "M-5-5H5V5H-5z",  # a square
        "undecided": "M-5 0a5 5 0 1 1 10 0a5 5 0 1 1-10 0z",  # a ring
    }
)

EFFECT_STYLES: Mapping[Verdict, tuple[str, str]] = MappingProxyType(
    {
        "better": ("▲", "green"),
        "worse": ("▼", "red"),
        "equivalent": ("=", "cyan"),
        "undecided": ("?", "yellow"),
    }
)
"""The sign and the colour of an effect's verdict in a terminal."""

CLAIM_SHAPES: Mapping[ClaimVerdict, tuple[str, str]] = MappingProxyType(
    {  # (outline, glyph inside)
        "supported": ("M1 12a11 11 0 1 1 22 0a11 11 0 1 1-22 0z", "M6.5 12.5l4 4 7-8.5"),
        "refuted": ("M7.4 1h9.2L23 7.4v9.2L16.6 23H7.4L1 16.6V7.4z", "M8 8l8 8M16 8l-8 8"),
        "not comparable": ("M12 0L24 12 12 24 0 12z", "M7.5 10h9M7.5 14.5h9M14.5 7l-5 10.5"),
        "confounded": ("M12 1.5L23.5 22H.5z", "M12 9v6.5M12 18.2v1.2"),
        "undecided": (
            "M1 12a11 11 0 1 1 22 0a11 11 0 1 1-22 0z",
            "M8.8 9.6a3.2 3.2 0 1 1 4.6 3.2c-1 .5-1.4 1-1.4 2.2M12 17.2v1.4",
        ),
    }
)

CLAIM_MEANING: Mapping[ClaimVerdict, str] = MappingProxyType(
    {
        "supported": "the comparison came out as the claim says",
        "refuted": "the comparison came out otherwise",
        "not comparable": "the two numbers are in different units, so neither is larger",
        "confounded": "several things differ at once, so no single cause can be named",
        "undecided": "more replicates are needed to say",
    }
)


def style_name(verdict: str) -> str:
    """The verdict as a CSS class.

    >>> style_name("not comparable")
    'not-comparable'
    """
    return verdict.replace(" ", "-")


def effect_mark(verdict: Verdict) -> str:
    """The shape of an effect's verdict, centred on (0, 0), about 12 units wide."""
    return element("path", d=EFFECT_SHAPES[verdict], class_=f"mark {style_name(verdict)}", stroke_linejoin="round")


def effect_icon(verdict: Verdict) -> str:
    """The same shape as a picture of its own, beside the word that names it."""
    inside = effect_mark(verdict)
    return element("svg", inside, viewBox="-8 -8 16 16", width=14, height=14, aria_hidden="true", class_="icon")


def claim_icon(verdict: ClaimVerdict) -> str:
    """The shape of a claim's verdict; decoration beside the word, so hidden from screen readers."""
    outline, glyph = CLAIM_SHAPES[verdict]
    parts = (
        element("path", d=outline, class_=f"badge {style_name(verdict)}"),
        element("path", d=glyph, class_=f"glyph {style_name(verdict)}", fill="none", stroke_width=2.2),
    )
    return element("svg", *parts, viewBox="0 0 24 24", width=24, height=24, aria_hidden="true", class_="icon")
