"""What `etude doctor` says of this machine."""

import json

import pytest
from rich.console import Console

from etude.engine import pace as timing
from etude.engine.native import library
from etude.faces.doctor import Health, examined, health_json, health_table


@pytest.fixture(scope="module")
def health() -> Health:
    return examined()


def shown(health: Health) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(health_table(health))
    return capture.get()


def test_it_names_engine_instructions_cores_and_versions(health):
    text = shown(health)
    build = library.build_name()
    assert ("native" in text) == (build is not None)
    assert dict(library.BUILDS).get(build, "of PyTorch") in text
    for name in ("cores", "memory", "torch", "SQLite", "runs a second of J1"):
        assert name in text


def test_it_times_j1_on_one_thread_and_on_all(health):
    assert 1 in health.rates
    assert all(rate > 0.1 for rate in health.rates.values())


def test_json_is_one_object_with_a_schema(health):
    told = json.loads(health_json(health))
    assert told["schema"] == 1
    assert set(told["j1_runs_per_second"]) == {str(n) for n in health.rates}


def test_what_makes_it_slow_stands_out():
    slow = Health({"engine": "loop"}, {1: 0.9}, worry=("engine",))
    assert json.loads(health_json(slow))["worry"] == ["engine"]
    assert "0.9 on 1 thread" in shown(slow)


def test_the_pace_of_loop_is_that_of_whole_trainings(monkeypatch):
    # an engine that takes 10 ms a run of a tenth of the epochs makes 10 whole runs a second
    from time import sleep

    def slow(jobs, *, workers):
        for job in jobs:
            sleep(0.01)
            yield job, None

    monkeypatch.setattr(timing, "engine_called", lambda name: slow)
    assert timing.pace("loop", workers=1, seconds=0.3) == pytest.approx(10, rel=0.2)
