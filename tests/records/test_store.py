"""Studies and runs on a disk: killed, full, flipped, read and owned by several at once."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from etude.records import store as store_module
from etude.records.encoding import encoded
from etude.records.store import Store, StoreReader, open_store, read_store, run_keys
from etude.values.errors import EtudeError, StoreBusyError, StoreDamagedError, StoreError
from etude.values.recipe import Recipe, changed
from etude.values.run import Run

ERRORS = ("StoreError", "StoreDamagedError", "StoreVersionError")
CONFTEST = str(Path(__file__).with_name("conftest.py"))
RECIPE = Recipe(data={"task": "sincos"}, loss="bce")
FILL = """
import resource, runpy, sys
from pathlib import Path
from etude.records.encoding import encoded
from etude.records.store import open_store, read_store
from etude.values.errors import StoreError
path, limit, batch = Path(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
make = runpy.run_path(sys.argv[2])["make_run"]
kept = []
with open_store(path) as store:
    try:
        for i in range(0, 10_000, batch):
            runs = [encoded(f"key {k}", make(k)) for k in range(i, i + batch)]
            store.add_all(runs)
            kept += [run.key for run in runs]
    except StoreError as error:
        print(type(error).__name__, error, flush=True)
    assert store.keys() == set(kept), "what was kept is still listed"
with read_store(path) as store:
    assert store.keys() == set(kept), "after closing too"
    assert all(store.get(key) for key in kept)
    print(len(kept))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


def key_of(number: int) -> str:
    return f"key {number}"


def test_a_run_is_there_for_the_next_who_opens_the_store(path: Path, make_run, plain):
    with open_store(path) as store:
        store.add("k", make_run(0))
        assert plain(store.get("k", recipe=make_run(0).recipe)) == plain(make_run(0))
    with read_store(path) as reader:
        assert reader.keys() == {"k"}
        assert plain(reader.get("k")) == plain(make_run(0))
        assert reader.get("other") is None


def test_the_same_numbers_again_change_nothing_and_the_first_are_kept(path: Path, make_run):
    with open_store(path) as store:
        store.add("k", make_run(0))
        store.add("k", replace(make_run(0), provenance={"seconds": 99.0}))
        assert store.get("k").provenance["seconds"] == 1.25
        assert len(store.keys()) == 1


def test_other_numbers_under_the_same_key_are_refused_and_nothing_changes(path: Path, make_run, plain):
    with open_store(path) as store:
        store.add("k", make_run(0))
        with pytest.raises(StoreError, match=r"holds other numbers for run k .*Nothing was changed"):
            store.add("k", make_run(1))
        assert plain(store.get("k")) == plain(make_run(0))


def test_many_runs_at_once_are_as_good_as_one_after_another(path: Path, make_run, plain):
    with open_store(path) as store:
        store.add("key 1", make_run(1))
        store.add_all([])
        store.add_all(encoded(key_of(i), make_run(i)) for i in (0, 1, 2, 2))  # one is there, and one comes twice
        assert store.keys() == {"key 0", "key 1", "key 2"}
    with read_store(path) as reader:
        assert [plain(reader.get(key_of(i))) for i in range(3)] == [plain(make_run(i)) for i in range(3)]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_of_many_runs_at_once_none_is_kept_if_one_is_refused(path: Path, make_run, place: int):
    with open_store(path) as store:
        store.add("k", make_run(0))
        batch = [encoded("a", make_run(1)), encoded("b", make_run(2))]
        batch.insert(place, encoded("k", make_run(3)))
        with pytest.raises(StoreError, match=r"other numbers for run k .*no run that was to be kept at the same time"):
            store.add_all(batch)
        assert store.keys() == {"k"}
        twice = [encoded("a", make_run(1)), encoded("a", make_run(2))]
        with pytest.raises(StoreError, match="other numbers for run a"):
            store.add_all(twice)
        assert store.keys() == {"k"}
    with read_store(path) as reader:
        assert reader.keys() == {"k"}


def test_what_stops_a_batch_from_coming_leaves_none_of_it(path: Path, make_run):
    def interrupted():
        yield encoded("a", make_run(1))
        raise KeyboardInterrupt

    with open_store(path) as store:
        with pytest.raises(KeyboardInterrupt):
            store.add_all(interrupted())
        assert store.keys() == frozenset()
        store.add("a", make_run(1))


def test_a_discarded_run_is_gone_and_can_be_made_again(path: Path, make_run, plain):
    with open_store(path) as store:
        store.add("k", make_run(0))
        assert (store.discard("k"), store.discard("k")) == (True, False)
        assert store.get("k") is None
        store.add("k", make_run(1))
        assert plain(store.get("k")) == plain(make_run(1))


def test_studies_come_back_by_name_with_their_arms_in_order(path: Path):
    arms = {'loss="bce" · ±': ["b", "a"], "loss='mse'": ["c", "d"]}
    with open_store(path) as store:
        store.put_plan("zebra", "{}", {})
        store.put_plan("ab'c\"é", '{"x": 1}', arms)
    with read_store(path) as reader:
        first, second = reader.plans()
    assert (first.name, first.plan, list(first.arms.items())) == (
        "ab'c\"é",
        '{"x": 1}',
        [(label, tuple(keys)) for label, keys in arms.items()],
    )
    assert second.name == "zebra"


def test_keeping_a_study_again_replaces_it(path: Path):
    with open_store(path) as store:
        for keys in (["a"], ["a"], ["a", "b"]):
            store.put_plan("s", "{}", {"arm": keys})
        assert [study.arms for study in store.plans()] == [{"arm": ("a", "b")}]


def test_a_damaged_plan_leaves_the_runs_alone_and_is_repaired_by_keeping_it_again(path: Path, make_run):
    with open_store(path) as store:
        store.add("k", make_run(0))
        store.put_plan("s", "{}", {"arm": ["k"]})
        store._file.put_all("study", {"s": b"not what was sealed"})  # noqa: SLF001 - damage cannot be done from outside
        with pytest.raises(StoreDamagedError, match=r"plan of study 's'.*Run the study again"):
            store.plans()
        assert store.get("k") is not None
        store.put_plan("s", "{}", {"arm": ["k"]})
        assert store.plans()[0].arms == {"arm": ("k",)}


def test_one_study_is_found_by_name_whatever_became_of_another(path: Path):
    with open_store(path) as store:
        store.put_plan("s", '{"x": 1}', {"arm": ["a"]})
        store._file.put_all("study", {"other": b"not what was sealed"})  # noqa: SLF001
        assert (store.plan("s").plan, store.plan("t")) == ('{"x": 1}', None)
        with pytest.raises(StoreDamagedError, match="plan of study 'other'"):
            store.plan("other")


def test_a_damaged_curve_names_file_run_and_curve_and_the_way_out_works(path: Path, make_run, plain):
    with open_store(path) as store:
        for i in range(3):
            store.add(key_of(i), make_run(i))
        body = bytearray(store._file.body("run", "key 1"))  # noqa: SLF001
        body[-40] ^= 1  # the scores and their standard errors come last, because they need 64 bits
        store._file.put_all("run", {"key 1": bytes(body)})  # noqa: SLF001
        says = r"runs\.sqlite: run key 1: curve 'train/log_loss' or one of 23 more.*`Store\.discard\('key 1'\)`"
        with pytest.raises(StoreDamagedError, match=says):
            store.get("key 1")
        with pytest.raises(StoreDamagedError, match=says):
            store.get("key 1")
        assert [plain(store.get(key_of(i))) for i in (0, 2)] == [plain(make_run(i)) for i in (0, 2)]
        store.discard("key 1")
        store.add("key 1", make_run(1))
        assert plain(store.get("key 1")) == plain(make_run(1))


def test_a_second_owner_is_refused_at_once_and_a_reader_is_not(path: Path, writer, make_run, plain):
    owner = writer(path, 2)
    assert [owner.stdout.readline().strip() for _ in range(2)] == ["key 0", "key 1"]
    began = time.monotonic()
    with pytest.raises(StoreBusyError, match=rf"process {owner.pid} on"):
        open_store(path)
    assert time.monotonic() - began < 1
    with read_store(path) as reader:
        assert plain(reader.get("key 1")) == plain(make_run(1))
    owner.communicate()
    with open_store(path) as store:
        assert len(store.keys()) == 2


def test_readers_see_whole_runs_only_and_never_fewer_than_before(path: Path, writer, make_run, plain):
    open_store(path).close()
    writing = writer(path, 60)
    expected = [plain(make_run(i)) for i in range(60)]
    seen = 0
    with read_store(path) as staying:
        while seen < 60:
            with read_store(path) as fresh:
                for reader in (staying, fresh):
                    keys = reader.keys()
                    assert keys == {key_of(i) for i in range(len(keys))}
                    assert len(keys) >= seen
                    seen = len(keys)
                    assert seen == 0 or plain(reader.get(key_of(seen - 1))) == expected[seen - 1]
            assert writing.poll() is None
            time.sleep(0.002)


def acknowledged_before_the_kill(forks: subprocess.Popen[str], rng: random.Random, batch: int) -> set[str]:
    """Let a writer work for a random while, from before it has opened the store to after some runs, and kill it."""
    forks.stdin.write("go\n")
    pid = int(forks.stdout.readline())
    lines = [forks.stdout.readline() for _ in range(rng.randrange(6))]
    time.sleep(rng.random() * 0.01 * batch)
    os.kill(pid, signal.SIGKILL)
    lines += iter(forks.stdout.readline, "dead\n")
    return {line.strip() for line in lines} - {""}


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("kills", [4, pytest.param(22, marks=pytest.mark.slow)])
def test_a_killed_writer_loses_doubles_and_changes_nothing(path: Path, writer, make_run, plain, kills, batch):
    rng, acknowledged, forks = random.Random(kills), set(), writer(path, batch=batch)
    expected = cache(lambda i: plain(make_run(i)))
    open_store(path).close()
    for _ in range(kills):
        acknowledged |= acknowledged_before_the_kill(forks, rng, batch)
        with read_store(path) as reader:
            keys = reader.keys()
            assert keys >= acknowledged, "what was acknowledged is there"
            assert keys == {key_of(i) for i in range(len(keys))}, "runs were made in order, so none is half there"
            assert len(keys) % batch == 0, "all runs of a batch or none"
            assert len(keys) <= len(acknowledged) + batch, "at most one batch was durable before it could say so"
            assert all(plain(reader.get(key_of(i))) == expected(i) for i in range(len(keys)))
        acknowledged = set(keys)
    with open_store(path) as store:
        store.add("after", make_run(0))
        assert store.keys() == {*acknowledged, "after"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_a_writer_killed_while_the_store_is_being_made_leaves_nothing_in_the_way(path: Path, writer, make_run):
    forks = writer(path)
    for microseconds in range(0, 8000, 400):
        forks.stdin.write("go\n")
        pid = int(forks.stdout.readline())
        time.sleep(microseconds / 1e6)
        os.kill(pid, signal.SIGKILL)
        acknowledged = {line.strip() for line in iter(forks.stdout.readline, "dead\n")} - {""}
        with open_store(path) as store:
            assert len(store.keys()) >= len(acknowledged)
            store.add("after", make_run(0))
        for left in path.parent.iterdir():
            left.unlink()


def fill(
    path: Path, *, before: tuple[str, ...] = (), limit: int = 0, batch: int = 1
) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", FILL, str(path), CONFTEST, str(limit), str(batch)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize(("limit", "batch"), [(300_000, 1), (900_000, 1), (900_000, 8)])
def test_a_file_that_may_not_grow_keeps_what_it_acknowledged(path: Path, make_run, limit: int, batch: int):
    done = fill(path, limit=limit, batch=batch)
    said, kept = done.stdout.strip().splitlines()
    assert said.startswith("StoreError")
    assert "every run that was acknowledged is" in said
    assert int(kept) > 3
    with open_store(path) as store:  # with room again, it goes on
        assert len(store.keys()) == int(kept)
        store.add("next", make_run(0))


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a small disk of its own")
def test_a_full_disk_keeps_what_was_acknowledged(tmp_path: Path):
    mount = 'mount -t tmpfs -o size=600k tmpfs "$0" && exec "$@"'
    done = fill(tmp_path / "s.sqlite", before=("unshare", "-rm", "sh", "-c", mount, str(tmp_path)))
    if not done.stdout and "Error" not in done.stderr:
        pytest.skip(f"no small disk can be had here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    said, kept = done.stdout.strip().splitlines()
    assert said.startswith("StoreError")
    assert "full" in said
    assert int(kept) > 3


def whatever_can_be_read(path: Path, keys: list[str], plain: Callable[[Run | None], object]) -> dict[str, object]:
    """Every answer that the store gives, and the name of the error in place of each it refuses."""
    questions: dict[str, Callable[[StoreReader], object]] = {"keys": StoreReader.keys, "plans": StoreReader.plans}
    questions |= {key: lambda reader, key=key: plain(reader.get(key)) for key in keys}
    try:
        reader = read_store(path)
    except StoreError as error:
        return dict.fromkeys(questions, type(error).__name__)
    with reader:
        return {what: answer_or_error(reader, question) for what, question in questions.items()}


def answer_or_error(reader: StoreReader, question: Callable[[StoreReader], object]) -> object:
    try:
        return question(reader)
    except StoreError as error:
        return type(error).__name__


def test_two_hundred_flipped_bytes_never_give_a_wrong_answer(path: Path, make_run, plain):
    # 44 of the 50 runs are tiny, so that the file has an index with several pages, and not only curves
    runs = {key_of(i): make_run(i) if i < 6 else Run(f"r{i}", {}, notes=("." * 300,)) for i in range(50)}
    with open_store(path) as store:
        for key, run in runs.items():
            store.add(key, run)
        store.put_plan("s", "{}", {"arm": list(runs)})
    keys = [*list(runs)[:8], "key 49", "never there"]
    truth, whole, rng = whatever_can_be_read(path, keys, plain), path.read_bytes(), random.Random(0)
    assert not any(isinstance(answer, str) for answer in truth.values())
    wrong, noticed = [], 0
    for place in rng.sample(range(len(whole)), 200):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ rng.randrange(1, 256)]) + whole[place + 1 :])
        answers = whatever_can_be_read(path, keys, plain)
        wrong += [(place, what) for what, answer in answers.items() if answer not in (truth[what], *ERRORS)]
        noticed += answers != truth
    assert not wrong
    assert noticed > 50, "most bytes belong to curves, and six of the runs with curves were read"


def test_the_owner_of_a_flipped_file_meets_store_errors_only(path: Path, make_run):
    with open_store(path) as store:
        for i in range(60):
            store.add(key_of(i), replace(make_run(i), curves={}))
    whole, rng = path.read_bytes(), random.Random(1)
    for place in [*range(16, 100, 4), *(rng.randrange(len(whole)) for _ in range(60))]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ rng.randrange(1, 256)]) + whole[place + 1 :])
        try:
            with open_store(path) as store:
                store.add("new", make_run(0))
                store.discard("key 7")
                assert store.keys() == {*map(key_of, range(60)), "new"} - {"key 7"}
        except StoreError:
            continue


def test_a_key_tells_apart_everything_that_changes_the_numbers(monkeypatch: pytest.MonkeyPatch):
    def keys(recipe: Recipe = RECIPE, fingerprint: str = "f", engine: str = "loop", device: str = "cpu") -> set[str]:
        return set(run_keys(recipe, 2, data_fingerprint=fingerprint, engine=engine, device=device))

    seen = keys() | keys(changed(RECIPE, {"seed": 1})) | keys(fingerprint="g") | keys(engine="native")
    seen |= keys(device="cuda")
    monkeypatch.setattr(store_module, "RESULTS_VERSION", store_module.RESULTS_VERSION + 1)
    seen |= keys()
    monkeypatch.undo()
    assert len(seen) == 6 * 2
    assert keys() == keys(Recipe(data={"task": "sincos"}, loss="bce"))


def test_a_key_is_the_same_whatever_the_number_of_replicates_and_as_it_was_in_earlier_stores():
    few, many = (run_keys(RECIPE, n, data_fingerprint="f", engine="loop", device="cpu") for n in (2, 5))
    assert many[:2] == few
    identity = f'[{store_module.RESULTS_VERSION}, "{RECIPE.checksum}", 1, "f", "loop", "cpu"]'
    assert few[1] == hashlib.sha256(identity.encode()).hexdigest()


def test_a_store_that_is_closed_twice_or_by_an_error_is_free(path: Path):
    store: Store = open_store(path)
    store.close()
    store.close()
    with pytest.raises(EtudeError, match="closed"):
        store.keys()
    with pytest.raises(KeyboardInterrupt), open_store(path):
        raise KeyboardInterrupt
    open_store(path).close()
