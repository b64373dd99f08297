"""The estimate of memory, held against what a training takes."""

import subprocess
import sys

import pytest

from etude.engine.memory import available_bytes, check_memory, training_bytes
from etude.values.errors import EngineError
from etude.values.recipe import Recipe

MEASURED = """
import sys
from pathlib import Path
from etude.engine.engines import engine_called
from etude.engine.spread import Job
from etude.values.recipe import Recipe

def train(rows, hidden, features):
    data = {"task": "sincos", "rows": rows, "features": features, "test_rows": 1000}
    recipe = Recipe(data=data, model={"hidden": hidden}, loss="bce", epochs=1)
    list(engine_called(sys.argv[1])([Job(recipe, 0)], workers=1))

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()  # ru_maxrss would begin at that of whoever forked us
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

train(1000, [4], 2)
before = peak()
train(int(sys.argv[2]), [int(sys.argv[3])], int(sys.argv[4]))
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("engine", "rows", "hidden", "features"),
    [("loop", 1_000_000, 4, 2), ("loop", 200_000, 128, 2), ("loop", 200_000, 4, 100), ("native", 200_000, 4, 100)],
)
def test_the_estimate_is_within_a_factor_of_two_and_a_half(engine, rows, hidden, features):
    command = [sys.executable, "-c", MEASURED, engine, str(rows), str(hidden), str(features)]
    taken = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    data = {"task": "sincos", "rows": rows, "features": features, "test_rows": 1000}
    reckoned = training_bytes(Recipe(data=data, model={"hidden": [hidden]}, loss="bce"))
    assert 0.4 < reckoned / taken < 2.5


def test_what_does_not_fit_is_refused_before_anything_is_drawn():
    huge = Recipe(data={"task": "sincos", "rows": 10**8, "test_rows": 100}, model={"hidden": [100_000]}, loss="bce")
    with pytest.raises(
        EngineError, match=r"100,000,000 rows of 2 features.*would need about .* GiB.*Nothing was trained"
    ):
        check_memory(huge, workers=1)


def test_smaller_batches_need_less():
    data = {"task": "sincos", "rows": 100_000}
    whole, parts = (Recipe(data=data, loss="bce", model={"hidden": [512]}, batch_size=n) for n in (None, 64))
    assert training_bytes(parts) < 0.1 * training_bytes(whole)


def test_what_is_left_is_known_on_linux():
    if sys.platform == "linux":
        assert available_bytes() > 2**20
