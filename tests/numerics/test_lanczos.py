"""Lanczos against matrices whose eigenvalues are known."""

import numpy as np
import pytest

from etude.numerics.lanczos import lanczos


def symmetric(eigenvalues, seed=0):
    chance = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(chance.standard_normal((len(eigenvalues), len(eigenvalues))))
    return basis @ np.diag(eigenvalues) @ basis.T


def start(n, seed=1):
    return np.random.default_rng(seed).standard_normal(n)


def test_the_largest_eigenvalues_are_those_of_the_whole_matrix():
    matrix = symmetric(np.linspace(-5, 4, 40))
    found = lanczos(lambda v: matrix @ v, start(40), steps=40, n=3)
    assert found.values == pytest.approx(np.linalg.eigvalsh(matrix)[::-1][:3], abs=1e-10)
    assert (found.residuals < 1e-5).all()


def test_a_large_eigenvalue_is_found_in_a_few_products_of_many():
    matrix = symmetric([50.0, 20.0, *np.linspace(-1, 1, 298)])
    found = lanczos(lambda v: matrix @ v, start(300), steps=60, n=2)
    assert found.values == pytest.approx([50, 20], rel=1e-9)
    assert found.steps < 20


def test_no_eigenvalue_comes_as_a_copy_of_another_however_long_it_goes_on():
    # without orthogonal directions the largest would come again and again; residuals may be 1e-6 of it
    matrix = symmetric([1000.0, *np.linspace(0, 1, 79)])
    found = lanczos(lambda v: matrix @ v, start(80), steps=80, n=4)
    assert found.values == pytest.approx(np.linalg.eigvalsh(matrix)[::-1][:4], abs=1e-3)


def test_an_eigenvalue_that_comes_several_times_is_found_once():
    found = lanczos(lambda v: np.array([2.0, 2.0, 1.0, 1.0]) * v, start(4), steps=4, n=3)
    assert found.values == pytest.approx([2, 1])
    assert found.steps == 2


def test_a_matrix_of_zeros_has_the_eigenvalue_zero():
    found = lanczos(lambda v: 0 * v, start(5), steps=5, n=3)
    assert found.values.tolist() == [0.0]
    assert found.residuals.tolist() == [0.0]


def test_residuals_bound_the_error_where_steps_are_too_few():
    values = np.linspace(0, 10, 200)
    matrix = symmetric(values)
    found = lanczos(lambda v: matrix @ v, start(200), steps=12, n=2)
    size = np.abs(found.values).max()
    for value, residual in zip(found.values, found.residuals, strict=True):
        assert np.abs(values - value).min() <= residual * size + 1e-9
    assert found.residuals.max() > 1e-3


def test_rounding_of_products_in_float32_shows_in_the_residuals():
    matrix = symmetric([5.0, 3.0, *np.linspace(-1, 1, 48)])
    rounded = matrix.astype(np.float32)
    found = lanczos(lambda v: (rounded @ v.astype(np.float32)).astype(np.float64), start(50), steps=50, n=2)
    assert found.values == pytest.approx([5, 3], rel=1e-5)
    assert (found.residuals < 1e-4).all()


def test_the_same_start_gives_the_same_bits():
    matrix = symmetric(np.linspace(0, 1, 30))
    one, other = (lanczos(lambda v: matrix @ v, start(30), steps=10, n=2) for _ in range(2))
    assert (one.values == other.values).all()
    assert not one.values.flags.writeable
