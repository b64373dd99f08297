"""Verdicts on runs as they are shown: sign, colour, meaning; told apart by form and word, never by colour alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from etude.values.finding import Severity, Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """How a verdict is shown.

    sign:    one character of a terminal
    colour:  of a terminal, and of the page's style sheet
    outline: of the sign on a page, in a square of 24 units
    glyph:   the lines inside it
    means:   the verdict for somebody who meets it for the first time, as words that go on after "the run"
    """

    sign: str
    colour: str
    outline: str
    glyph: str
    means: str


RING, OCTAGON, TRIANGLE, SQUARE = (
    "M1 12a11 11 0 1 1 22 0a11 11 0 1 1-22 0z",
    "M7.4 1h9.2L23 7.4v9.2L16.6 23H7.4L1 16.6V7.4z",
    "M12 1.5L23.5 22H.5z",
    "M2 2h20v20H2z",
)
CROSS, ASKED = "M8 8l8 8M16 8l-8 8", "M8.8 9.6a3.2 3.2 0 1 1 4.6 3.2c-1 .5-1.4 1-1.4 2.2M12 17.2v1.4"

LOOKS: Mapping[Verdict, Look] = MappingProxyType(
    {
        "diverged": Look("✗", "red", OCTAGON, CROSS, "broke down: its numbers grew without bound or are no numbers"),
        "not learning": Look("✗", "red", OCTAGON, "M6.5 12h11", "learned nothing: it is no better than guessing"),
        "learning rate too high": Look(
            "▲", "red", TRIANGLE, "M9 18l2-6 2 6 2-6", "takes steps so large that it jumps about instead of settling"
        ),
        "overfit": Look(
            "▲", "yellow", TRIANGLE, "M8.5 18v-3M15.5 18v-8", "learned its examples by heart: new ones went badly"
        ),
        "over-regularised": Look(
            "▲", "yellow", TRIANGLE, "M8.5 13.5h7M8.5 17h7", "is held back by its weight decay or its dropout"
        ),
        "underfit (capacity)": Look(
            "▼", "yellow", SQUARE, "M12 6v11M7.5 13l4.5 5 4.5-5", "has a network too small for what is to be learned"
        ),
        "underfit (optimisation)": Look(
            "▼", "yellow", SQUARE, "M6 8h12M12 8v9", "got stuck: the same network can reach a better place"
        ),
        "learning rate too low": Look(
            "▼", "yellow", SQUARE, "M6 8l12 7", "takes steps so small that it hardly gets anywhere"
        ),
        "not converged": Look(
            "▼", "yellow", SQUARE, "M6.5 12h10M13 8l4 4-4 4", "was stopped while it still got better"
        ),
        "cannot tell": Look("?", "cyan", RING, ASKED, "does not show enough to say"),
        "good fit": Look(
            "✓", "green", RING, "M6.5 12.5l4 4 7-8.5", "learned what it could, and does as well on new data"
        ),
    }
)
"""Worst first: the order in which runs are listed."""

SEVERITY_SIGNS: Mapping[Severity, tuple[str, str]] = MappingProxyType(
    {"error": ("✗", "red"), "warning": ("!", "yellow"), "note": ("·", "cyan")}
)


def chances(probability: float) -> str:
    """A probability as per cent, which is never all and never nothing.

    >>> chances(0.934), chances(0.9991), chances(0.001)
    ('93 %', 'over 99 %', 'below 1 %')
    """
    if probability >= 0.995:
        return "over 99 %"
    return "below 1 %" if probability < 0.005 else f"{100 * probability:.0f} %"


def rank(verdict: Verdict) -> int:
    """The place of a verdict among all, 0 the worst.

    >>> rank("diverged"), rank("good fit")
    (0, 10)
    """
    return list(LOOKS).index(verdict)
