"""The chain rule written out: a row a route from a weight to an output, each link a derivative, and their product.

Source: back-propagation sums the products over all routes (Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from etude.figures.many import boxes, strokes, texts
from etude.figures.numbers import listed, plural
from etude.figures.small import plus, small
from etude.figures.svg import element, picture
from etude.values.step_record import Hop, Path

START, BOX, LINK, ROW, HIGH = 140, 92, 60, 50, 34
TOP, PRODUCT = 22, 132
REACH = 90
MOST_ROUTES, MOST_HOPS = 6, 10
LETTERS = 23


@dataclass(frozen=True, slots=True)
class ChainData:
    """The strongest routes of a path, with what the others add.

    start:  the weight, as words
    others: routes that are not drawn, and their sum
    most:   the largest size of a product, which the longest bar stands for
    """

    start: str
    path: Path
    others: int
    rest: float
    most: float

    @property
    def routes(self) -> tuple[tuple[tuple[Hop, ...], float], ...]:
        """The routes that are drawn: their links and their product."""
        return tuple((route.hops, route.product) for route in self.path.routes[:MOST_ROUTES])


def chain_data(path: Path) -> ChainData | None:
    """None where there is no route to be drawn."""
    if not path.routes or max(len(route.hops) for route in path.routes) > MOST_HOPS:
        return None
    drawn, left = path.routes[:MOST_ROUTES], path.routes[MOST_ROUTES:]
    name, index = path.weight
    most = max(abs(route.product) for route in drawn) or 1.0
    start = f"{name}[{', '.join(map(str, index))}]"
    return ChainData(start, path, path.others + len(left), path.rest + sum(one.product for one in left), most)


def draw_chain(data: ChainData) -> str:
    """Boxes are units with what they say for the example; on each arrow the derivative of the one by the other."""
    links = max(len(hops) for hops, _ in data.routes)
    width, height = _left(links + 1) - LINK + PRODUCT, TOP + ROW * len(data.routes)
    title = f"How {data.start} reaches output {_index(data.path.output)}"
    look = {"viewBox": f"0 0 {width} {height}", "class_": "chain", "width": width}
    return picture(title, describe(data), *_ways(data), *_words(data, links), *_products(data, width), **look)


def _left(place: int) -> float:
    """Where a box begins; the first one holds the name of the weight."""
    return START + LINK + (place - 1) * (BOX + LINK) if place else 0.0


def _tops(data: ChainData) -> list[tuple[float, Sequence[Hop], float]]:
    """Each route with the place of its row."""
    return [(TOP + ROW * i, hops, product) for i, (hops, product) in enumerate(data.routes)]


def _ways(data: ChainData) -> list[str]:
    """Boxes, and arrows between them; dashed where the derivative is 0 and nothing passes."""
    hops = [(top, i, hop) for top, of, _ in _tops(data) for i, hop in enumerate(of)]
    arrows = [
        "".join(
            f"M{_left(i + 1) - LINK + 3:g} {top + HIGH / 2:g}h{LINK - 9}m-5-3.5l5 3.5-5 3.5"
            for top, i, hop in hops
            if (hop.derivative == 0) is blocked
        )
        for blocked in (False, True)
    ]
    return [
        boxes(((0.5, top + 0.5, START - 1, HIGH - 1) for top, _, _ in _tops(data)), class_="weight"),
        boxes(((_left(i + 1) + 0.5, top + 0.5, BOX - 1, HIGH - 1) for top, i, _ in hops), class_="unit-box"),
        *(element("path", d=d, class_=kind) for d, kind in zip(arrows, ("link", "link blocked"), strict=True) if d),
    ]


def _words(data: ChainData, links: int) -> list[str]:
    hops = [(top, i, hop) for top, of, _ in _tops(data) for i, hop in enumerate(of)]
    middles = {i: _left(i + 1) + BOX / 2 for i in range(links)}
    heads = [("the weight", START / 2, 12.0), *((_layer(data, i), at, 12.0) for i, at in middles.items())]
    says = [(f"says {small(hop.value)}", middles[i], top + 27) for top, i, hop in hops]
    starts = [(_cut(data.start), START / 2, top + HIGH / 2 + 4) for top, _, _ in _tops(data)]
    by = [(f"× {small(hop.derivative)}", _left(i + 1) - LINK / 2, top + HIGH / 2 - 5) for top, i, hop in hops]
    units = [(f"unit {_index(hop.unit)}", middles[i], top + 14) for top, i, hop in hops]
    groups = ((heads, "head"), ([*starts, *says], "name"), (by, "by"), (units, None))
    return [texts(told, class_=kind, text_anchor="middle") for told, kind in groups]


def _layer(data: ChainData, i: int) -> str:
    """The name of the layer at this link, where all routes pass the same."""
    names = {hops[i].layer for hops, _ in data.routes if i < len(hops)}
    return f"layer {next(iter(names))}" if len(names) == 1 else ""


def _products(data: ChainData, width: float) -> list[str]:
    """At the end of each row its product as a bar, on one scale, and as a number."""
    centre = width - PRODUCT / 2
    rows = [(top, product, REACH / 2 * abs(product) / data.most) for top, _, product in _tops(data)]
    told = [("product", centre, 12.0)], [(plus(product), centre, top + 29) for top, product, _ in rows]
    return [
        strokes((((centre, top), (centre, top + 15)) for top, _, _ in rows), class_="zero-line", stroke="currentColor"),
        boxes(((centre, top + 3, max(reach, 0.5), 9) for top, p, reach in rows if p >= 0), class_="along"),
        boxes(((centre - reach, top + 3, max(reach, 0.5), 9) for top, p, reach in rows if p < 0), class_="against"),
        *(texts(of, class_=kind, text_anchor="middle") for of, kind in zip(told, ("head", "value"), strict=True)),
    ]


def _index(index: tuple[int, ...]) -> str:
    return ", ".join(map(str, index))


def _cut(told: str) -> str:
    return told if len(told) <= LETTERS else f"…{told[1 - LETTERS :]}"


def describe(data: ChainData) -> str:
    """The picture in a sentence: the sum of the routes, and what it makes of the loss."""
    path = data.path
    others = f", and {plural(data.others, 'weaker one')} with the sum {plus(data.rest)}" if data.others else ""
    products = listed(plus(product) for _, product in data.routes)
    many = "route with the product" if len(data.routes) == 1 else "routes with the products"
    return f"For example {path.example}: {len(data.routes)} {many} {products}{others}; together {plus(path.total)}."


def route_text(hops: Sequence[Hop]) -> str:
    """One route in a line.

    >>> route_text([Hop("0", (1,), 0.5, 2.0), Hop("1", (1,), 1.0, 2.0)])
    '0.5 (0, unit 1) × 1 (1, unit 1)'
    """
    return " × ".join(f"{small(hop.derivative)} ({hop.layer}, unit {_index(hop.unit)})" for hop in hops)


TABLE_HEADS = ("route", "derivatives along it", "product")


def table_rows(data: ChainData) -> tuple[tuple[str, ...], ...]:
    """Each route, what the others add, and the sum."""
    routes = [(str(i), route_text(hops), plus(product)) for i, (hops, product) in enumerate(data.routes, 1)]
    others = [("others", plural(data.others, "route"), plus(data.rest))] if data.others else []
    return (*routes, *others, ("sum", "of all routes", plus(data.path.total)))
