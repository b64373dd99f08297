"""Many marks of one look as one element: a fourth of the bytes of as many elements."""

from collections.abc import Iterable

from etude.figures.svg import element, text

Place = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, width and height."""


def texts(told: Iterable[tuple[str, float, float]], **look: object) -> str:
    """Words, each with its place; nothing where there are none.

    >>> texts([("a", 1.0, 2.5)], class_="name")
    '<g class="name"><text x="1" y="2.5">a</text></g>'
    """
    inside = [text(says, x=x, y=y) for says, x, y in told]
    return element("g", *inside, **look) if inside else ""


def boxes(given: Iterable[Box], **look: object) -> str:
    """Rectangles as one path; nothing where there are none.

    >>> boxes([(0.0, 1.0, 5.5, 9.0)], class_="part")
    '<path d="M0 1h5.5v9h-5.5z" class="part"/>'
    """
    d = "".join(f"M{_n(x)} {_n(y)}h{_n(wide)}v{_n(high)}h{_n(-wide)}z" for x, y, wide, high in given)
    return element("path", d=d, **look) if d else ""


def strokes(given: Iterable[tuple[Place, Place]], **look: object) -> str:
    """Straight lines from one place to another as one path; nothing where there are none.

    >>> strokes([((0.0, 1.0), (4.0, 1.5))])
    '<path d="M0 1l4 0.5"/>'
    """
    d = "".join(f"M{_n(x1)} {_n(y1)}l{_n(x2 - x1)} {_n(y2 - y1)}" for (x1, y1), (x2, y2) in given)
    return element("path", d=d, **look) if d else ""


def _n(value: float) -> str:
    return f"{round(value, 1):g}"
