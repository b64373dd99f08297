"""Rows small enough to train on in milliseconds."""

from collections.abc import Callable

import numpy as np
import pytest

from etude.data.splits import Part, Splits


def rows_of(kind: str, *, rows: int = 60, features: int = 2, classes: int = 3) -> Splits:
    chance = np.random.default_rng(11)

    def part(n: int) -> Part:
        inputs = (2 * chance.standard_normal((n, features))).astype(np.float32)
        score = np.sin(inputs[:, 0]) + np.cos(inputs[:, -1])
        targets = {
            "binary": (score > 0).astype(float),
            "multiclass": np.clip(np.floor(score + 1.5), 0, classes - 1),
            "regression": 50 + 10 * score,
        }[kind]
        return Part(inputs, targets)

    train, validation, test = part(rows), part(30), part(100)
    scaled = kind == "regression"
    return Splits(
        train,
        validation,
        test,
        kind,
        {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[kind],
        tuple(f"x{i + 1}" for i in range(features)),
        float(train.targets.mean()) if scaled else 0.0,
        float(train.targets.std()) if scaled else 1.0,
        checksum="made here",
        notes=("a note",),
    )


@pytest.fixture
def binary() -> Splits:
    return rows_of("binary")


@pytest.fixture
def multiclass() -> Splits:
    return rows_of("multiclass")


@pytest.fixture
def regression() -> Splits:
    return rows_of("regression")


@pytest.fixture(scope="session")
def rows() -> Callable[..., Splits]:
    """`rows_of`, for tests that draw the kind and the sizes."""
    return rows_of
