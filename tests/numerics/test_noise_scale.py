"""Signal and noise from the gradients of a batch, against gradients whose signal and noise are known."""

import numpy as np
import pytest

from etude.numerics.noise_scale import noise_of, signal_error


def gradients(signal, spread, *, n, m=30, chance):
    """n gradients of m weights with |G|² = signal and tr(S) = spread."""
    true = np.zeros(m)
    true[0] = np.sqrt(signal)
    return true + chance.standard_normal((n, m)) * np.sqrt(spread / m)


def sums(g):
    return (g**2).sum(axis=1), g @ g.mean(axis=0)


def test_four_examples_match_the_numbers_by_hand():
    # gradients 1, 1, 2, 2 of one weight: mean 1.5, sample variance 1/3; |G|² is 1.5² less a quarter of that
    noise = noise_of(*sums(np.array([[1.0], [1.0], [2.0], [2.0]])))
    assert noise.spread == pytest.approx(1 / 3)
    assert noise.signal == pytest.approx(2.25 - 1 / 12)
    assert noise.scale == pytest.approx((1 / 3) / (2.25 - 1 / 12))
    assert noise.ratio == pytest.approx(4 / noise.scale)
    assert (noise.examples, noise.because) == (4, "")


def test_the_spread_is_the_trace_of_the_sample_covariance():
    g = gradients(1.0, 5.0, n=17, chance=np.random.default_rng(0))
    assert noise_of(*sums(g)).spread == pytest.approx(np.trace(np.cov(g.T)))


def test_the_signal_is_the_mean_product_of_two_different_examples():
    g = gradients(1.0, 5.0, n=9, chance=np.random.default_rng(0))
    products = (g @ g.T)[~np.eye(9, dtype=bool)]
    assert noise_of(*sums(g)).signal == pytest.approx(products.mean())


def test_its_standard_error_is_the_jackknife_by_leaving_each_out():
    g = gradients(1.0, 5.0, n=9, chance=np.random.default_rng(0))
    without = np.array([noise_of(*sums(np.delete(g, i, axis=0))).signal for i in range(9)])
    assert signal_error(*sums(g)) == pytest.approx(np.sqrt(8 / 9 * ((without - without.mean()) ** 2).sum()))


def test_neither_part_is_biased_and_the_jackknife_covers():
    # 2,000 batches of 40: the means may be off by 4 of their own standard errors; 1.96 errors cover 95 % of normal
    # estimates, and the jackknife leans high, so that only the lower end binds: 0.93 is four
    # binomial errors, √(0.95 · 0.05 / 2000), below 0.95
    chance, runs = np.random.default_rng(7), 2_000
    found = [sums(gradients(1.0, 20.0, n=40, chance=chance)) for _ in range(runs)]
    signals = np.array([noise_of(*one).signal for one in found])
    spreads = np.array([noise_of(*one).spread for one in found])
    errors = np.array([signal_error(*one) for one in found])
    assert abs(signals.mean() - 1.0) < 4 * signals.std() / np.sqrt(runs)
    assert abs(spreads.mean() - 20.0) < 4 * spreads.std() / np.sqrt(runs)
    assert (np.abs(signals - 1.0) < 1.96 * errors).mean() > 0.93
    assert errors.mean() >= signals.std()


def test_of_many_batches_the_scale_is_near_the_true_one():
    chance = np.random.default_rng(8)
    scales = [noise_of(*sums(gradients(1.0, 20.0, n=200, chance=chance))).scale for _ in range(200)]
    assert np.median(scales) == pytest.approx(20, rel=0.05)


@pytest.mark.parametrize(
    ("g", "because"),
    [
        (np.ones((1, 3)), "one example has no spread"),
        (np.array([[1.0], [2.0]]), "two examples cannot tell"),
        (np.array([[1.0], [-1.0], [1.0], [-1.0]]), "is not positive"),
        (np.array([[1.0], [1.0], [1.0]]), "one gradient, and no noise"),
        (np.array([[np.nan], [1.0], [1.0]]), "not finite"),
    ],
)
def test_what_a_batch_cannot_tell_is_said_and_not_guessed(g, because):
    noise = noise_of(*sums(g))
    assert (noise.ratio, noise.scale) == (None, None)
    assert noise.because.startswith("not estimable from this batch")
    assert because in noise.because


def test_without_any_signal_a_scale_is_told_of_few_batches():
    # of pure noise |G|² is positive in half of the batches, and above its standard error in fewer
    chance = np.random.default_rng(9)
    told = [noise_of(*sums(gradients(0.0, 20.0, n=40, chance=chance))).scale is not None for _ in range(1_000)]
    assert np.mean(told) < 0.25
