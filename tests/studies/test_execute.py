"""A plan is run, kept, gone on with and judged; here with real, tiny trainings."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from etude.engine.loop import train
from etude.records.store import open_store, read_store
from etude.studies import collect as collect_module
from etude.studies.collect import BATCH, BETWEEN_WRITES, Means
from etude.studies.execute import execute
from etude.values.claim import Claim
from etude.values.errors import EngineError, InterruptedStudy, NotComparableError, RecipeError
from etude.values.recipe import Recipe, changed
from etude.values.study import Plan

MEANS = Means(workers=1)
TINY = Recipe(
    data={"task": "sincos", "rows": 60, "flip": 0.05, "test_rows": 200},
    model={"name": "mlp", "hidden": [4]},
    loss="bce",
    optimizer={"name": "adam", "learning_rate": 0.01},
    epochs=4,
)

CLEAR = changed(TINY, {"data": {"task": "moons", "rows": 60, "test_rows": 200}, "epochs": 30})
"""Without learning, half the test set is right; with a large learning rate, most of it."""


def run(plan, folder, *, means=MEANS, watch=lambda _: None):
    with open_store(folder / "etude.db") as store:
        return execute(plan, store, means=means, watch=watch)


STUDIES = """
import os, runpy, sys
from pathlib import Path
told = runpy.run_path(sys.argv[2])
told["collect_module"].engine_called = lambda _: told["prepared"]()
plan = told["Plan"](base=told["TINY"], replicates=5000)
for _ in sys.stdin:
    child = os.fork()
    if not child:
        print(os.getpid(), flush=True)
        told["run"](plan, Path(sys.argv[1]), watch=lambda now: print(now.done, flush=True))
    os.waitpid(child, 0)
    print("\\ndead", flush=True)  # a line that the kill cut short ends here
"""
"""For each line it reads, a process that says its pid and runs a study, and "dead" after it."""


def prepared(n=None, *, then=None):
    """An engine that has one finished run at hand for every job; after `n` of them it raises `then`."""
    made = train(TINY, 0)

    def engine(jobs, **_):
        for job in jobs[:n]:
            yield job, replace(made, recipe=job.recipe, replicate=job.replicate)
        if then is not None:
            raise then

    return engine


@pytest.fixture
def engine(monkeypatch):
    return lambda made: monkeypatch.setattr(collect_module, "engine_called", lambda _: made)


def test_every_arm_has_every_replicate_and_they_share_their_data(tmp_path):
    result = run(Plan(base=TINY, vary={"loss": ("bce", "mse")}, replicates=3), tmp_path)
    one, other = (result.runs[arm.label] for arm in result.arms)
    assert [run.replicate for run in one] == [0, 1, 2]
    assert [run.provenance["data"] for run in one] == [run.provenance["data"] for run in other]
    assert len({run.provenance["data"] for run in one}) == 3


def test_the_result_does_not_depend_on_what_was_kept(tmp_path):
    plan = Plan(base=TINY, vary={"loss": ("bce", "mse")}, replicates=6)
    run(Plan(base=TINY, replicates=4), tmp_path)  # the bce arm's first four replicates
    seen = []
    again = run(plan, tmp_path, watch=seen.append)
    assert (seen[0].done, seen[0].kept, seen[0].planned, seen[-1].done) == (4, 4, 12, 12)
    assert again.effects == run(plan, tmp_path / "afresh").effects


def test_a_clear_effect_stops_at_an_early_look_and_an_unclear_one_at_the_cap(tmp_path):
    clear = Plan(
        base=CLEAR,
        vary={"learning_rate": (1e-5, 0.2)},
        replicates="until decided",
        metric="accuracy",
        max_replicates=20,
    )
    result = run(clear, tmp_path)
    assert result.effects[0].n_pairs < 20
    assert result.effects[0].verdict == "better"
    same = Claim(text="another seed is better", treated={"seed": 1}, control={}, as_a_whole=True, smallest_effect=1e-9)
    plan = Plan(base=TINY, claims=(same,), replicates="until decided", max_replicates=10)
    (effect,) = run(plan, tmp_path).judgements[0].stated
    assert (effect.n_pairs, effect.verdict) == (10, "undecided")
    assert effect.level > 0.95  # the interval is the last look's own


def test_a_study_that_may_stop_any_time_says_so_in_its_method(tmp_path):
    plan = Plan(
        base=CLEAR, vary={"learning_rate": (1e-5, 0.2)}, replicates="until decided", looks="any time", metric="accuracy"
    )
    effect = run(plan, tmp_path).effects[0]
    assert (effect.method, effect.verdict) == ("t e-process", "better")
    assert effect.n_pairs < 40


def test_a_full_factorial_shares_out_its_variance(tmp_path):
    plan = Plan(base=TINY, vary={"loss": ("bce", "mse"), "hidden": ((2,), (4,))}, replicates=3)
    terms = {share.term: share.share for share in run(plan, tmp_path).variance}
    assert set(terms) == {"loss", "hidden", "loss × hidden", "replicate", "residual"}
    assert sum(terms.values()) == pytest.approx(1)


def test_an_interrupt_keeps_what_is_finished_and_the_next_call_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(collect_module, "BETWEEN_WRITES", 0.0)
    plan = Plan(base=TINY, replicates=5)

    def stop(now):
        if now.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedStudy, match=r"3 of 5 runs are finished and kept.*The same command goes on"):
        run(plan, tmp_path, watch=stop)
    seen = []
    run(plan, tmp_path, watch=seen.append)
    assert seen[0].kept == 3


@pytest.mark.parametrize(
    ("stopped_by", "error"), [(KeyboardInterrupt(), InterruptedStudy), (EngineError("out of memory"), EngineError)]
)
def test_whatever_ends_the_engine_every_run_that_it_finished_is_kept(tmp_path, engine, stopped_by, error):
    engine(prepared(BATCH + 7, then=stopped_by))
    with pytest.raises(error, match=rf"{BATCH + 7} of 100 runs are finished and kept|out of memory"):
        run(Plan(base=TINY, replicates=100), tmp_path)
    engine(prepared())
    seen = []
    result = run(Plan(base=TINY, replicates=100), tmp_path, watch=seen.append)
    assert (seen[0].done, seen[0].kept, seen[-1].done) == (BATCH + 7, BATCH + 7, 100)
    assert [each.replicate for each in result.runs["base"]] == list(range(100))


def test_an_interrupt_while_a_run_is_being_encoded_does_not_lose_it(tmp_path, engine, monkeypatch):
    encoded, calls = collect_module.encoded, []

    def interrupted_once(key, run):
        calls.append(key)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encoded(key, run)

    engine(prepared())
    monkeypatch.setattr(collect_module, "encoded", interrupted_once)
    with pytest.raises(InterruptedStudy, match="2 of 5 runs are finished and kept"):
        run(Plan(base=TINY, replicates=5), tmp_path)


def test_a_run_is_counted_when_it_is_durable_and_many_are_written_at_once(tmp_path, engine):
    engine(prepared())
    counted, began = [], time.monotonic()

    def check(now):
        with read_store(tmp_path / "etude.db") as reader:
            assert len(reader.keys()) == now.done
        counted.append(now.done)

    run(Plan(base=TINY, replicates=5 * BATCH), tmp_path, watch=check)
    assert counted == sorted(set(counted))
    assert (counted[0], counted[1], counted[-1]) == (0, 1, 5 * BATCH)  # the first run is shown at once
    assert len(counted) <= 1 + 1 + 5 + (time.monotonic() - began) / BETWEEN_WRITES


def test_a_run_that_nobody_follows_soon_is_written_at_once(tmp_path, engine, monkeypatch):
    monkeypatch.setattr(collect_module, "BETWEEN_WRITES", 0.0)
    engine(prepared())
    seen = []
    run(Plan(base=TINY, replicates=5), tmp_path, watch=seen.append)
    assert [now.done for now in seen] == [0, 1, 2, 3, 4, 5]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_a_killed_study_keeps_every_run_that_it_counted(tmp_path, engine):
    rng, kept = random.Random(0), 0
    command = [sys.executable, "-c", STUDIES, str(tmp_path), __file__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as studies:
        for _ in range(3):
            studies.stdin.write("go\n")
            pid = int(studies.stdout.readline())
            lines = [studies.stdout.readline() for _ in range(rng.randrange(2, 6))]
            time.sleep(rng.random() * 0.05)
            os.kill(pid, signal.SIGKILL)
            lines += iter(studies.stdout.readline, "dead\n")
            with read_store(tmp_path / "etude.db") as reader:
                assert len(reader.keys()) >= max(int(line) for line in lines if line.strip()) >= kept
                kept = len(reader.keys())
        studies.stdin.close()
    assert kept > BATCH
    engine(prepared())
    seen = []
    run(Plan(base=TINY, replicates=kept + 3), tmp_path, watch=seen.append)
    assert (seen[0].kept, seen[-1].done) == (kept, kept + 3)


def test_only_the_runs_that_are_pictured_stay_whole_whether_trained_or_kept(tmp_path, monkeypatch):
    plan = Plan(base=TINY, vary={"loss": ("bce", "mse")}, replicates=6)
    whole = run(plan, tmp_path / "whole")
    monkeypatch.setattr(collect_module, "PICTURED", 2)
    for result in (run(plan, tmp_path), run(plan, tmp_path)):
        assert result.effects == whole.effects
        for runs in result.runs.values():
            assert [bool(each.arrays) for each in runs] == [True] * 2 + [False] * 4
            assert [each.curve("test/brier").steps.size > 1 for each in runs] == [True] * 2 + [False] * 4
            assert all(each.curves.keys() == runs[0].curves.keys() for each in runs)


def test_a_damaged_run_is_made_again_bit_for_bit(tmp_path):
    plan = Plan(base=TINY, vary={"loss": ("bce", "mse")}, replicates=3)
    before = run(plan, tmp_path)
    with sqlite3.connect(tmp_path / "etude.db") as raw:
        table, key, blob = largest_blob(raw)
        raw.execute(f"UPDATE {table} SET body = ? WHERE rowid = ?", (blob[:100] + b"\xff" + blob[101:], key))
    raw.close()
    seen = []
    after = run(plan, tmp_path, watch=seen.append)
    assert seen[0].kept == 5
    assert after.effects == before.effects


def largest_blob(raw):
    tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%body%'")]
    rows = [(t, *row) for t in tables for row in raw.execute(f"SELECT rowid, body FROM {t}")]
    return max(rows, key=lambda row: len(row[2]))


def test_the_store_knows_which_study_had_which_runs(tmp_path):
    run(Plan(name="mine", base=TINY, vary={"loss": ("bce", "mse")}, replicates=3), tmp_path)
    with read_store(tmp_path / "etude.db") as reader:
        (kept,) = reader.plans()
    assert kept.name == "mine"
    assert {arm: len(keys) for arm, keys in kept.arms.items()} == {"loss BCE": 3, "loss MSE": 3}


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"batch_size": 1000}, RecipeError, "batch"),
        ({"loss": "l1"}, RecipeError, "l1"),
        ({"data.features": 1}, Exception, "features"),
    ],
)
def test_nothing_trains_before_every_arm_is_checked(tmp_path, change, error, says):
    plan = Plan(base=TINY, arms={"good": {}, "wrong one": change}, replicates=3)
    seen = []
    with pytest.raises(error, match=rf"(?s)arm 'wrong one'.*{says}"):
        run(plan, tmp_path, watch=seen.append)
    assert seen == []


def test_an_unknown_engine_is_refused(tmp_path):
    with pytest.raises(EngineError, match=r"no engine 'lop'. Did you mean 'loop'"):
        run(Plan(base=TINY), tmp_path, means=Means(engine="lop"))


def test_an_arm_that_diverges_is_data(tmp_path):
    wild = {"name": "sgd", "learning_rate": 1e30}
    plan = Plan(base=TINY, arms={"tame": {}, "wild": {"optimizer": wild}}, replicates=6,
                claims=(Claim(text="wild is better", control="tame", treated="wild", as_a_whole=True),))  # fmt: skip
    result = run(plan, tmp_path)
    assert result.judgements[0].verdict == "refuted"
    assert any("runs of 'wild' diverged" in note for note in result.notes)


def test_real_rows_come_with_what_their_interval_means(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("x,y\n" + "\n".join(f"{i % 7},{'ab'[i % 2]}" for i in range(60)))
    result = run(Plan(base=Recipe(data={"table": str(table), "target": "y"}, loss="bce", epochs=2)), tmp_path)
    assert any("not about other rows like them" in note for note in result.notes)


def test_early_stopping_judged_on_validation_is_pointed_out(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("x,y\n" + "\n".join(f"{i % 7},{'ab'[i % 2]}" for i in range(60)))
    data = {"table": str(table), "target": "y", "test": 0.0}
    plan = Plan(base=Recipe(data=data, loss="bce", epochs=5, early_stopping={"patience": 2}), replicates=2)
    assert any("flatters" in note for note in run(plan, tmp_path).notes)


def test_a_changed_table_is_never_answered_from_old_runs(tmp_path):
    table = tmp_path / "t.csv"
    plan = Plan(base=Recipe(data={"table": str(table), "target": "y"}, loss="bce", epochs=2), replicates=2)
    seen = []
    for shift in (0, 1):
        table.write_text("x,y\n" + "\n".join(f"{i % 7 + shift},{'ab'[i % 2]}" for i in range(60 + shift)))
        run(plan, tmp_path, watch=seen.append)
    assert [now.kept for now in seen if now.done == now.kept] == [0, 0]


def test_looking_again_at_more_replicates_is_pointed_out(tmp_path):
    for replicates in (5, 7, 7):
        result = run(Plan(base=TINY, vary={"loss": ("bce", "mse")}, replicates=replicates), tmp_path)
    assert any("judged at 5, 7 replicates" in note for note in result.notes)
    fresh = Plan(base=changed(TINY, {"seed": 1}), vary={"loss": ("bce", "mse")}, replicates=7)
    assert not any("judged at" in note for note in run(fresh, tmp_path).notes)


def test_arms_that_claims_need_are_announced(tmp_path):
    claim = Claim(text="both help", treated={"loss": "mse", "hidden": [8]})
    notes = run(Plan(base=TINY, claims=(claim,), replicates=2), tmp_path).notes
    assert any(note.startswith("Arms added") and "loss MSE" in note for note in notes)


def test_unlike_problems_are_refused_before_anything_trains(tmp_path):
    seen = []
    levels = ({"task": "sincos"}, {"task": "xor"})
    with pytest.raises(NotComparableError, match=r"learns from the task sincos.*Study each by itself"):
        run(Plan(base=TINY, vary={"data": levels}), tmp_path, watch=seen.append)
    numbers = {"data": {"task": "waves"}, "loss": "mse"}
    with pytest.raises(NotComparableError, match=r"some arms predict numbers .numbers. and others classes"):
        run(Plan(base=TINY, arms={"classes": {}, "numbers": numbers}), tmp_path, watch=seen.append)
    assert seen == []
