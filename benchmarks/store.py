"""What it costs to keep runs: to encode, write and read one, and what grows with how many a store holds.

Trains two runs as they are kept today (two objectives at 1,500 steps; twelve scores with standard errors at 21 or 101;
weights and a decision surface) and times everything on them. Growth, from 10² runs on, is measured with runs that have
no curves, so that what is seen is the cost of there being many. The last lines reckon a million runs of the journey
from what was measured. `--quick` stops at 10⁴ runs and takes some 10 s.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from etude.engine.loop import train
from etude.records.encoding import EncodedRun, decoded, encoded
from etude.records.store import Store, open_store
from etude.values.data import Task
from etude.values.model import Mlp
from etude.values.recipe import Recipe
from etude.values.run import Run

EPOCHS = 1500
SCORINGS = (20, 100)
"""After the first step; the journey's own number comes first."""

BATCHES = (1, 8, 64, 512)
SIZES = (100, 1_000, 10_000, 100_000)
QUICK_SIZES = SIZES[:-1]
N_ARMS = 100
MILLION = 1_000_000


class OneRun(NamedTuple):
    """What a run takes: bytes encoded, and milliseconds to encode and to decode."""

    size: int
    encode_ms: float
    decode_ms: float


class Writing(NamedTuple):
    """What `add_all` manages with batches of one size, and what a run then takes of the file, in bytes."""

    batch: int
    runs_a_second: float
    bytes_a_run: float


class Growth(NamedTuple):
    """What the owner of a store of so many runs waits for, in milliseconds, and what that takes, in MB."""

    runs: int
    file_mb: float
    written_a_second: float
    open_ms: float
    first_keys_ms: float
    keys_mb: float
    next_keys_ms: float
    add_ms: float
    get_ms: float
    put_plan_ms: float
    plan_ms: float


def journey_run(scorings: int) -> Run:
    """A run of the journey, scored that often after its first step."""
    data = Task(task="sincos", rows=1000, flip=0.05)
    recipe = Recipe(data=data, model=Mlp(hidden=(4,)), loss="bce", epochs=EPOCHS, score_every=EPOCHS // scorings)
    return train(recipe, 0)


def key_of(number: int) -> str:
    """A key like those of `run_keys`: 64 letters that look like chance."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Milliseconds, the median of some repeats after a first that does not count."""
    work()
    return 1e3 * statistics.median(seconds(work) for _ in range(repeats))


def one_run(run: Run, repeats: int) -> OneRun:
    """Encode and decode one run again and again."""
    kept = encoded(key_of(0), run)
    encode = median_ms(lambda: encoded(key_of(0), run), repeats)
    return OneRun(len(kept.body), encode, median_ms(lambda: decoded(kept, run.recipe), repeats))


def writing(runs: Sequence[EncodedRun], batch: int) -> Writing:
    """Write runs that are encoded already, each batch durable before the next."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.sqlite"
        with open_store(path) as store:
            store.keys()
            took = seconds(lambda: add_in_batches(store, iter(runs), batch))
        return Writing(batch, len(runs) / took, path.stat().st_size / len(runs))


def add_in_batches(store: Store, runs: Iterator[EncodedRun], batch: int) -> None:
    """All the runs, so many in a transaction."""
    while some := list(islice(runs, batch)):
        store.add_all(some)


def growing(sizes: Sequence[int]) -> Iterator[Growth]:
    """Let one store grow, and at each size open it, list it, add to it, read from it and keep a study of all of it."""
    with tempfile.TemporaryDirectory() as folder:
        path, before = Path(folder) / "runs.sqlite", 0
        for size in sizes:
            runs = [encoded(key_of(i), Run("r", {})) for i in range(before, size)]
            with open_store(path) as store:
                store.keys()
                took = seconds(lambda runs=runs, store=store: add_in_batches(store, iter(runs), 64))
            yield growth(path, size, len(runs) / took)
            before = size


def growth(path: Path, size: int, written_a_second: float) -> Growth:
    """Measure a store that holds so many runs, and leave it as it was but for its study."""
    file_mb = path.stat().st_size / 1e6
    began = time.perf_counter()
    with open_store(path) as store:
        took = [time.perf_counter() - began, seconds(store.keys), seconds(store.keys)]
        took.append(seconds(lambda: store.add(key_of(-size), Run("r", {}))))
        took.append(seconds(lambda: store.get(key_of(size // 2))))
        each = size // N_ARMS
        arms = {f"arm {i}": [key_of(k) for k in range(i * each, (i + 1) * each)] for i in range(N_ARMS)}
        took.append(seconds(lambda: store.put_plan("all", "{}", arms)))
        took.append(seconds(lambda: store.plan("all")))
        store.discard(key_of(-size))
    opened, first, following, add, get, put_plan, plan = (1e3 * each for each in took)
    return Growth(
        size, file_mb, written_a_second, opened, first, megabytes_of_keys(path), following, add, get, put_plan, plan
    )


def megabytes_of_keys(path: Path) -> float:
    """Memory at the highest while all keys are listed."""
    with open_store(path) as store:
        tracemalloc.start()
        store.keys()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak / 1e6


def show_million(one: OneRun, written: Writing, largest: Growth) -> None:
    """A million runs of the journey, each cost in proportion to what was measured.

    Writing is not quite: keys come in no order, so the larger the index, the more of its pages a batch touches.
    """
    slower = min(written.runs_a_second, largest.written_a_second)
    factor = MILLION / largest.runs
    keys_s, put_plan_s, plan_s = (
        factor * ms / 1e3 for ms in (largest.first_keys_ms, largest.put_plan_ms, largest.plan_ms)
    )
    print(f"\na million runs of the journey, reckoned in proportion (from {largest.runs:,} runs and batches of 64)")
    lines = (
        ("file", f"{written.bytes_a_run * MILLION / 1e9:,.1f} GB"),
        ("to encode them", f"{one.encode_ms * MILLION / 1e3:,.0f} s of one core"),
        ("to write them, or more", f"{MILLION / slower:,.0f} s"),
        ("to read them all", f"{(one.decode_ms + largest.get_ms) * MILLION / 1e3:,.0f} s"),
        ("first keys() of an opened store", f"{keys_s:,.1f} s, {largest.keys_mb * factor:,.0f} MB"),
        ("to keep a study of all of them", f"{put_plan_s:,.1f} s, {32 * MILLION / 1e6:,.0f} MB"),
        ("to find that study again", f"{plan_s:,.1f} s"),
    )
    for what, how_much in lines:
        print(f"{what:>33}  {how_much}")


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats, and no store of 10⁵ runs")
    quick = parser.parse_args().quick
    runs = [journey_run(scorings) for scorings in SCORINGS]
    print(f"one run\n{'scorings':>9} {'bytes':>8} {'encode ms':>10} {'decode ms':>10}")
    each = [one_run(run, 100 if quick else 500) for run in runs]
    for scorings, one in zip(SCORINGS, each, strict=True):
        print(f"{scorings + 1:>9} {one.size:>8,} {one.encode_ms:>10.2f} {one.decode_ms:>10.2f}")

    print(f"\nadd_all of such runs ({SCORINGS[0] + 1} scorings), encoded already")
    print(f"{'batch':>9} {'runs/s':>8} {'bytes a run in the file':>24}")
    made = [encoded(key_of(i), runs[0]) for i in range(512 if quick else 4096)]
    by_batch = {batch: writing(made[: len(made) // 8] if batch == 1 else made, batch) for batch in BATCHES}
    for one in by_batch.values():
        print(f"{one.batch:>9} {one.runs_a_second:>8,.0f} {one.bytes_a_run:>24,.0f}", flush=True)

    print("\nas a store grows (runs without curves, written 64 at a time)")
    print(
        f"{'runs':>9} {'file MB':>8} {'written/s':>10} {'open ms':>8} {'first keys() ms':>16} {'its MB':>7} "
        f"{'next ms':>8} {'add ms':>7} {'get ms':>7} {'put_plan ms':>12} {'plan() ms':>10}"
    )
    for row in growing(QUICK_SIZES if quick else SIZES):
        print(
            f"{row.runs:>9,} {row.file_mb:>8.1f} {row.written_a_second:>10,.0f} {row.open_ms:>8.1f} "
            f"{row.first_keys_ms:>16.1f} {row.keys_mb:>7.1f} {row.next_keys_ms:>8.1f} {row.add_ms:>7.1f} "
            f"{row.get_ms:>7.2f} {row.put_plan_ms:>12.1f} {row.plan_ms:>10.1f}",
            flush=True,
        )
    show_million(each[0], by_batch[64], row)


if __name__ == "__main__":
    main()
