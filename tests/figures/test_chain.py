"""The chain rule written out."""

from dataclasses import replace

import numpy as np
import pytest

from etude.figures.chain import MOST_ROUTES, chain_data, describe, draw_chain, table_rows
from etude.values.step_record import Hop, Path, Route


def route(*derivatives):
    hops = tuple(Hop(str(i), (i,), by, 1.0) for i, by in enumerate(derivatives))
    return Route(hops, float(np.prod(derivatives)))


def path(routes, **more):
    total = sum(one.product for one in routes)
    given = {"others": 0, "rest": 0.0, "difference": None, "error": None, "kinks": ()}
    return Path(3, (0,), ("0.weight", (2, 1)), 0.5, routes, total=total, autograd=total, **{**given, **more})


def test_rows_and_what_is_left_out_sum_to_the_derivative(steps):
    data = chain_data(steps[1].path)
    assert sum(product for _, product in data.routes) + data.rest == pytest.approx(steps[1].path.total)


def test_routes_that_are_not_drawn_are_added_to_the_others():
    routes = tuple(route(1.0, float(i + 1)) for i in range(MOST_ROUTES + 2))
    data = chain_data(path(routes, others=5, rest=0.5))
    assert len(data.routes) == MOST_ROUTES
    assert (data.others, data.rest) == (7, 0.5 + MOST_ROUTES + 1 + MOST_ROUTES + 2)


def test_the_sentence_has_the_products_and_their_sum():
    told = describe(chain_data(path((route(2.0, 3.0), route(2.0, -1.0)))))
    assert told == "For example 3: 2 routes with the products +6 and −2; together +4."


def test_an_arrow_that_passes_nothing_is_dashed():
    assert draw_chain(chain_data(path((route(2.0, 0.0),)))).count('class="link blocked"') == 1
    assert "blocked" not in draw_chain(chain_data(path((route(2.0, 1.0),))))


def test_the_table_writes_each_route_out():
    first, last = table_rows(chain_data(path((route(0.5, -4.0),))))
    assert first == ("1", "0.5 (0, unit 0) × −4 (1, unit 1)", "−2")
    assert last == ("sum", "of all routes", "−2")


def test_a_path_without_routes_or_too_long_to_be_drawn_has_no_picture():
    assert chain_data(path(())) is None
    assert chain_data(path((route(*[1.0] * 30),))) is None


def test_names_are_escaped(steps):
    hostile = replace(steps[0].path, weight=("<b>", (0, 0)))
    assert "<b>" not in draw_chain(chain_data(hostile))
