"""SVG as text: escaped elements, accessible pictures, compact paths. No picture is decided here."""

import re
from collections.abc import Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids; a single one would make a whole picture unreadable."""

GOLDEN = 0.618033988749895
"""Its multiples, modulo 1, spread evenly however many there are."""


def words(text: str) -> str:
    """Anybody's text, safe between tags and inside attributes.

    >>> words('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return escape(ILLEGAL.sub("\ufffd", text), {'"': "&quot;"})


def element(tag: str, *children: str, **attributes: object) -> str:
    """One element. Children are SVG already, attribute values are escaped; None leaves an attribute out.

    >>> element("circle", cx="5%", r=2, class_="dot")
    '<circle cx="5%" r="2" class="dot"/>'
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{words(_attribute(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{given}>{''.join(children)}</{tag}>" if children else f"<{tag}{given}/>"


def _attribute(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(says: str, **attributes: object) -> str:
    """A text element whose words are escaped."""
    return element("text", words(says), **attributes)


def picture(title: str, description: str, *children: str, **attributes: object) -> str:
    """A whole SVG with a name and a description for those who cannot see it."""
    named = (element("title", words(title)), element("desc", words(description)))
    space = {"xmlns": "http://www.w3.org/2000/svg", "role": "img"}
    return element("svg", *named, *children, **space, **attributes)


def dots(percents: Sequence[float], between: tuple[float, float], *, height: int, size: float) -> str:
    """A cloud of dots at these percentages of the width, spread over heights so that few hide another.

    One path of points whose round ends are the dots: a fourth of the bytes of as many circles.

    >>> dots([12.5], (4.0, 20.0), height=26, size=5.0).partition("path")[2][:12]
    ' d="M125 4h0'
    """
    low, high = between
    heights = (low + (high - low) * ((GOLDEN * i) % 1.0) for i in range(len(percents)))
    points = "".join(f"M{10 * x:.0f} {y:.0f}h0" for x, y in zip(percents, heights, strict=True))
    look = {"stroke_width": size, "stroke_linecap": "round", "vector_effect": "non-scaling-stroke"}
    path = element("path", d=points, class_="dots", stroke="currentColor", stroke_opacity=0.55, **look)
    frame = {"viewBox": f"0 0 1000 {height}", "preserveAspectRatio": "none", "width": "100%", "height": height}
    return element("svg", path, overflow="visible", **frame)


def line_path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Path data through points rounded to whole units, as relative steps; NaN and inf break the line.

    >>> line_path(np.array([0.0, 10.0, 20.0]), np.array([5.0, 5.2, 3.0]))
    'M0 5l10 0 10-2'
    """
    good = np.isfinite(x) & np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(np.int8)))
    points = np.rint(np.where(good, [x, y], 0)).astype(np.int64).T
    return "".join(_piece(points[a:b].tolist()) for a, b in zip(edges[::2], edges[1::2], strict=True))


def _piece(points: list[list[int]]) -> str:
    moves = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points) if a != b] or [(0, 0)]
    numbers = " ".join(f"{dx} {dy}" for dx, dy in moves).replace(" -", "-")
    return f"M{points[0][0]} {points[0][1]}l{numbers}".replace(" -", "-")


def band_path(x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> str:
    """Path data of the area between two curves over the same x, each unbroken stretch closed on itself."""
    good = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(np.int8)))
    there_and_back = (
        line_path(np.concatenate((x[a:b], x[a:b][::-1])), np.concatenate((high[a:b], low[a:b][::-1])))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    )
    return "".join(f"{piece}z" for piece in there_and_back)
