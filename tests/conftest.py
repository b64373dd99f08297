"""Settings and values that all tests share."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import settings

from etude.values.effect import Effect

settings.register_profile("etude", deadline=None)  # a shared machine's pauses are not our failures
settings.load_profile("etude")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a cluster come first: a worker that stole some of them later would start one of its own."""
    items.sort(key=lambda item: "cluster" not in item.fixturenames)


@pytest.fixture
def effect():
    return Effect(
        mean=-0.05,
        low=-0.08,
        high=-0.02,
        level=0.95,
        n_pairs=16,
        verdict="better",
        metric="log_loss",
        unit="nats",
        split="test",
        lower_is_better=True,
        factor="loss",
        control="bce",
        treated="mse",
        differences=(-0.05,) * 16,
        p=0.01,
        p_sign_flip=0.01,
        method="Student t",
    )


@pytest.fixture(scope="session")
def steps():
    """Three steps of a small network under the microscope, taken with numpy alone."""
    spec = importlib.util.spec_from_file_location("step_records", Path(__file__).with_name("step_records.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.taken_steps(3)
