"""Rows for tiny trainings: six features, and labels of which a fifth is noise."""

import numpy as np
import pytest


def rows(n: int, seed: int):
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(n, 6)).astype(np.float32)
    y = x[:, 0] * x[:, 1] > 0
    return x, (y ^ (chance.random(n) < 0.2)).astype(np.int64)


@pytest.fixture(scope="session")
def learned():
    """160 rows: ten batches of 16."""
    return rows(160, 0)


@pytest.fixture(scope="session")
def held():
    return rows(80, 1)
