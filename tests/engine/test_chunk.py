"""A chunk: what a worker of a cluster does with it, and what it refuses. No cluster here: the bytes are the same."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from torch import nn

from etude.engine.chunk import Answer, Order, check_machine, machine, opened, packed, work
from etude.engine.loop import train
from etude.engine.spread import Job, spread
from etude.values.errors import EngineError
from etude.values.recipe import Recipe

RECIPE = Recipe(data={"task": "sincos", "rows": 50, "test_rows": 100}, loss="bce", epochs=3)


@pytest.fixture(autouse=True)
def _node_with_tokens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")


def order(*places: tuple[int, int], folder: Path = Path()) -> bytes:
    return cloudpickle.dumps(Order(spread, places, machine(spread), str(folder)))


def table(path: Path, label: str) -> None:
    rows = [f"{i % 7},{i % 5},{label if i % 2 else 'no'}" for i in range(60)]
    path.write_text("\n".join(["x1,x2,y", *rows]))


def test_a_chunk_comes_back_as_the_runs_of_one_process():
    other = RECIPE.model_copy(update={"seed": 9})
    jobs = [Job(RECIPE, 0), Job(other, 0), Job(RECIPE, 4)]
    runs, made = opened(work(order((0, 0), (1, 0), (0, 4)), packed(RECIPE), packed(other)), jobs)
    assert made.error is None
    assert made.seconds > 0
    assert [job for job, _ in runs] == jobs
    for job, run in runs:
        expected = train(job.recipe, job.replicate)
        assert run.recipe is job.recipe
        assert all(np.array_equal(run.curves[name].values, curve.values) for name, curve in expected.curves.items())


def test_an_error_of_the_users_code_comes_back_with_the_runs_before_it():
    def broken() -> nn.Module:
        raise ZeroDivisionError("no layers")

    bad = RECIPE.model_copy(update={"model": Recipe(**dict(RECIPE) | {"model": broken}).model})
    runs, made = opened(work(order((0, 0), (1, 5)), packed(RECIPE), packed(bad)), [Job(RECIPE, 0), Job(bad, 5)])
    assert [job.replicate for job, _ in runs] == [0]
    with pytest.raises(EngineError, match=r"broken failed in replicate 5: ZeroDivisionError: no layers"):
        raise made.error


@pytest.mark.parametrize("name", ["torch", "numpy", "python", "etude", "instructions", "bits of a short training"])
def test_a_machine_that_differs_in_anything_a_result_depends_on_is_refused(name: str):
    asker = machine(spread) | {name: "another"}
    with pytest.raises(EngineError, match=rf"{name} .* instead of another: .*not be bit for bit.*Nothing was trained"):
        check_machine(asker, spread)


def test_a_training_with_other_bits_shows_in_the_machine():
    def rounds_otherwise(jobs, **means):
        for job, run in spread(jobs, **means):
            yield job, replace(run, arrays={"weights/last": np.float32([1e-7])})

    assert machine(rounds_otherwise) != machine(spread)
    assert machine(rounds_otherwise) == machine(rounds_otherwise)


def test_a_node_without_tokens_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RAY_AUTH_MODE")
    runs, made = opened(work(order((0, 0)), packed(RECIPE)), [Job(RECIPE, 0)])
    assert runs == []
    with pytest.raises(EngineError, match=r"without token authentication.*RAY_AUTH_MODE=token.*Nothing was trained"):
        raise made.error


def test_rows_that_are_not_those_of_the_asker_are_refused(tmp_path: Path):
    table(tmp_path / "rows.csv", "yes")
    recipe = Recipe(data={"table": str(tmp_path / "rows.csv"), "target": "y"}, loss="bce", epochs=1)
    sent = packed(recipe)
    table(tmp_path / "rows.csv", "maybe")
    _, made = opened(work(order((0, 0)), sent), [Job(recipe, 0)])
    with pytest.raises(EngineError, match=r"does not have the rows .*content differs.*same file.*or pass arrays"):
        raise made.error
    (tmp_path / "rows.csv").unlink()
    _, made = opened(work(order((0, 0)), sent), [Job(recipe, 0)])
    with pytest.raises(EngineError, match=r"does not have the rows .*rows\.csv.*same file under the same path"):
        raise made.error


def test_a_relative_path_begins_where_the_asker_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table(tmp_path / "rows.csv", "yes")
    recipe = Recipe(data={"table": "rows.csv", "target": "y"}, loss="bce", epochs=1)
    with monkeypatch.context() as there:
        there.chdir(tmp_path)
        sent, asked = packed(recipe), order((0, 0), folder=tmp_path)
    made: Answer = cloudpickle.loads(work(asked, sent))
    assert made.error is None
    assert len(made.runs) == 1


def test_a_function_travels_with_the_module_it_is_written_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_layers.py").write_text("from torch import nn\ndef head():\n    return nn.Linear(2, 1)\n")
    (tmp_path / "my_nets.py").write_text("import my_layers\ndef net():\n    return my_layers.head()\n")
    monkeypatch.syspath_prepend(tmp_path)
    import my_nets

    (tmp_path / "sent").write_bytes(packed(Recipe(**dict(RECIPE) | {"model": my_nets.net})))
    read = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))[0].model.function())"
    there = subprocess.run(  # another interpreter, which cannot import either module
        [sys.executable, "-c", read, str(tmp_path / "sent")], capture_output=True, text=True, check=True, cwd="/"
    )
    assert "Linear(in_features=2, out_features=1" in there.stdout
