"""Verdicts, findings and signs of health as shapes on a page: told apart by form and word, never by colour alone.

Each shape is drawn once for a page, by `shapes`, and used wherever it is wanted: a run has ten of them. Style sheets
reach what is used by its class alone.
"""

from collections.abc import Mapping
from types import MappingProxyType

from etude.figures.svg import element
from etude.figures.verdicts import ASKED, CROSS, LOOKS, OCTAGON, RING, TRIANGLE
from etude.values.finding import Severity, Sign, Verdict

Shape = tuple[str, str, str]
"""Outline, glyph and colour."""

SEVERITY_SHAPES: Mapping[Severity, Shape] = MappingProxyType(
    {
        "error": (OCTAGON, CROSS, "red"),
        "warning": (TRIANGLE, "M12 9v6.5M12 18.2v1.2", "yellow"),
        "note": (RING, "M12 10.5v7M12 6.2v1.2", "cyan"),
    }
)

SIGN_SHAPES: Mapping[bool | None, Shape] = MappingProxyType(
    {
        True: (RING, LOOKS["good fit"].glyph, "green"),
        False: (OCTAGON, CROSS, "red"),
        None: (RING, ASKED, "cyan"),
    }
)

BOX = "0 0 24 24"


def shapes() -> str:
    """Every shape, to be put once on a page before any of them is used; nothing is seen of it."""
    drawn = {_name(shape): shape for shape in _all()}
    symbols = (
        element(
            "symbol",
            element("path", d=outline, class_=f"etude-{colour}"),
            element("path", d=glyph, class_=f"etude-glyph-{colour}", fill="none", stroke_width=2.2),
            id=name,
            viewBox=BOX,
        )
        for name, (outline, glyph, colour) in drawn.items()
    )
    return element("svg", *symbols, width=0, height=0, class_="shapes", aria_hidden="true")


def verdict_icon(verdict: Verdict) -> str:
    """The sign of a verdict; decoration beside the word, so hidden from screen readers."""
    return _icon(_of_verdict(verdict))


def severity_icon(severity: Severity) -> str:
    """The sign of how much a finding spoils."""
    return _icon(SEVERITY_SHAPES[severity])


def sign_icon(sign: Sign) -> str:
    """Whether a sign of health is there, is not, or could not be measured."""
    return _icon(SIGN_SHAPES[sign.healthy])


def sureness_bar(probability: float) -> str:
    """A probability as the filled part of a bar, beside its number."""
    filled = f"M0 4h{round(100 * min(max(probability, 0.0), 1.0))}"
    parts = element("path", d="M0 4h100", class_="bar-whole"), element("path", d=filled, class_="bar-part")
    return element("svg", *parts, viewBox="0 0 100 8", aria_hidden="true", class_="bar", preserveAspectRatio="none")


def _all() -> list[Shape]:
    return [*map(_of_verdict, LOOKS), *SEVERITY_SHAPES.values(), *SIGN_SHAPES.values()]


def _of_verdict(verdict: Verdict) -> Shape:
    look = LOOKS[verdict]
    return look.outline, look.glyph, look.colour


def _name(shape: Shape) -> str:
    """The name under which a shape is used; the first of several that are alike."""
    return f"etude-{_all().index(shape)}"


def _icon(shape: Shape) -> str:
    use = element("use", href=f"#{_name(shape)}")
    return element("svg", use, viewBox=BOX, width=20, height=20, aria_hidden="true", class_="icon")
