"""Every stored result hangs on these numbers, so they are written down."""

import hashlib
import math

import numpy as np
import pytest
from scipy import stats

from etude.data.load import SOURCES, load
from etude.numerics.seeds import PURPOSES, hashed_uniform, key, stream
from etude.values.data import Task

MEANT = (
    "A seed now gives other numbers, so results in existing stores are no longer what this version would compute. "
    "Raise Source.version / RESULTS_VERSION if this change is meant, and then write down the new numbers."
)

GOLDEN = {
    "inputs": (3145131175, 13998879582043975642),
    "noise": (1433031997, 14655934997966864248),
    "flips": (1066848389, 7497344561439099852),
    "split": (181322938, 17897042338980825752),
    "init": (3763936583, 2924442288183471511),
    "order": (1321253262, 2996089601602301123),
    "dropout": (844701265, 391721462412208723),
    "test": (2874095279, 16653903850690885349),
    "model": (4268885151, 17083013965741679656),
    "augment": (2296416935, 12701848910177972063),
}
"""Purpose → the first 32 bits of its stream, and its key, of seed 7 and replicate 3."""

GOLDEN_ROWS = {
    "sincos": "c2c15137cec5cd64",
    "xor": "cd6233609413418f",
    "rings": "b813a1a36b804fcf",
    "moons": "a54c923458534134",
    "spirals": "9643148fd5ccedb5",
    "waves": "da47dc4d7beb4cfb",
}
"""Task → the beginning of the sha256 of its rows, 50 and 100 to test on, of seed 0 and replicate 0."""


@pytest.mark.parametrize("purpose", PURPOSES)
def test_each_purpose_has_the_chance_it_always_had(purpose):
    drawn = int(stream(7, 3, purpose).integers(2**32)), int(key(7, 3, purpose))
    assert drawn == GOLDEN[purpose], MEANT


def test_a_part_of_a_purpose_and_a_hashed_number_are_what_they_always_were():
    assert int(stream(7, 3, "inputs", 1).integers(2**32)) == 3225876425, MEANT
    hashed = hashed_uniform(np.uint64(7), 5, np.arange(3, dtype=np.uint64))
    assert hashed.tolist() == [0.43482696695362877, 0.03379797299933429, 0.7310548106206665], MEANT


@pytest.mark.parametrize("task", SOURCES)
def test_each_task_draws_the_rows_it_always_drew(task):
    assert digest(load(Task(task=task, rows=50, test_rows=100), seed=0, replicate=0)) == GOLDEN_ROWS[task], MEANT


def digest(splits):
    """Of six decimals, because a sine or a logarithm may differ in its last bit on another processor."""
    arrays = [array for part in splits.parts().values() for array in (part.inputs, part.targets)]
    rounded = (
        np.round(array.astype(np.float64), 6) + 0.0 for array in arrays
    )  # + 0.0: minus zero and zero are one number
    return hashlib.sha256(b"".join(array.tobytes() for array in rounded)).hexdigest()[:16]


def test_purposes_replicates_and_seeds_are_independent_of_one_another():
    places = [(seed, replicate, purpose) for seed in (0, 1) for replicate in (0, 1) for purpose in PURPOSES]
    assert len({int(key(*place)) for place in places}) == len(places)
    drawn = np.array([stream(*place).random(10_000) for place in places])
    correlations = np.abs(np.corrcoef(drawn) - np.eye(len(places)))
    # √n·r is standard normal; Bonferroni over the pairs at one in a million
    pairs = len(places) * (len(places) - 1) / 2
    assert correlations.max() < stats.norm.isf(1e-6 / (2 * pairs)) / math.sqrt(10_000)


@pytest.mark.parametrize("axis", [0, 1])
def test_hashed_numbers_are_uniform_along_every_counter_and_without_serial_correlation(axis):
    counters = np.arange(10_000, dtype=np.uint64)
    drawn = hashed_uniform(np.uint64(7), *((counters, 5) if axis == 0 else (5, counters)))
    # Massart (1990): P(√n·D > x) ≤ 2 exp(-2x²), one in a million at x = √(ln(2e6) / 2)
    farthest = stats.kstest(drawn, "uniform").statistic
    assert math.sqrt(drawn.size) * farthest < math.sqrt(math.log(2e6) / 2)
    neighbours = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    assert abs(neighbours) < stats.norm.isf(1e-6 / 2) / math.sqrt(drawn.size)
