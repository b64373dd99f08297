"""Routes through a chain of derivatives, against all of them written out."""

import itertools
import math

import numpy as np
import pytest

from etude.numerics.chain_rule import products_along, slopes_along


def every_route(start, links):
    """The slow, obvious twin: the product of each choice of one unit a station."""
    sizes = [start.size, *(len(link) for link in links)]
    routes = itertools.product(*(range(size) for size in sizes))
    made = {}
    for route in routes:
        steps = [link[b, a] for link, (a, b) in zip(links, itertools.pairwise(route), strict=True)]
        made[route] = float(start[route[0]] * np.prod(steps))
    return {route: product for route, product in made.items() if product != 0}


def chain(seed, *sizes, zeros=0.3):
    chance = np.random.default_rng(seed)
    start = chance.standard_normal(sizes[0])
    links = [chance.standard_normal((after, before)) for before, after in itertools.pairwise(sizes)]
    for link in links:
        link[chance.random(link.shape) < zeros] = 0
    return start, links


@pytest.mark.parametrize("seed", range(5))
def test_the_strongest_routes_the_sum_and_the_number_are_those_of_all_routes(seed):
    start, links = chain(seed, 3, 4, 5, 1)
    all_routes = every_route(start, links)
    found = products_along(start, links, n=6)
    strongest = sorted(all_routes, key=lambda route: -abs(all_routes[route]))[:6]
    assert list(found.units) == strongest
    assert found.products == pytest.approx([all_routes[route] for route in strongest])
    assert found.total == pytest.approx(sum(all_routes.values()))
    assert found.count == len(all_routes)


def test_a_station_of_units_that_depend_on_their_own_place_alone_is_a_diagonal_matrix():
    start, links = chain(1, 3, 4, 1)
    slopes = np.array([2.0, 0.0, -1.0, 0.5])
    short = products_along(start, [links[0], slopes, links[1]], n=20)
    long = products_along(start, [links[0], np.diag(slopes), links[1]], n=20)
    assert short == long
    assert slopes_along(start, [links[0], slopes, links[1]], short.units[0]) == slopes_along(
        start, [links[0], np.diag(slopes), links[1]], short.units[0]
    )


def test_a_number_of_routes_that_no_float_holds_is_told_exactly():
    links = [np.ones((40, 40))] * 12 + [np.ones((1, 40))]
    found = products_along(np.ones(40), links, n=2)
    assert found.count == 40**13
    assert found.products == (1.0, 1.0)


def test_where_no_route_has_a_product_the_one_that_is_blocked_latest_is_told():
    # the only weight's unit is dead: unit 0 feeds units 0 and 1 after it, whose own derivative is 0
    start, dead, last = np.array([3.0]), np.array([0.0]), np.array([[2.0]])
    found = products_along(start, [dead, last], n=12)
    assert found.units == ((0, 0, 0),)
    assert found.products == (0.0,)
    assert (found.total, found.count) == (0.0, 0)
    assert math.copysign(1.0, found.products[0]) == 1.0


def test_a_weight_that_leads_nowhere_has_no_route():
    assert products_along(np.empty(0), [np.empty((1, 0))], n=12).units == ()
