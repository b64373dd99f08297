"""W&B's offline logs: genuine ones, names and values of every kind, blocks and fragments, and damage."""

import gzip
import json
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from etude.records.logged import HEAD, Log
from etude.records.readers.wandb import read, recognises
from etude.values.errors import LogError

FILES = Path(__file__).parent / "files" / "wandb"
NAME = "run-abc.wandb"
START = b":W&B\xe1\xbe\x00"
BLOCK = 32768


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def put(number, kind, content):
    """A field: its key, and its content behind its length where that is of kind 2."""
    return varint(8 * number + kind) + (varint(len(content)) if kind == 2 else b"") + content


def item(name, value):
    """Of a name, or of a list of its parts; with a value, or with JSON as bytes."""
    keys = put(1, 2, name.encode()) if isinstance(name, str) else b"".join(put(2, 2, part.encode()) for part in name)
    return put(1, 2, keys + put(16, 2, value if isinstance(value, bytes) else json.dumps(value).encode()))


def row(number, items):
    return put(1, 0, varint(number)) + put(2, 2, b"".join(item(*pair) for pair in items.items()))


def rows(n, first=1):
    return [row(first + i, {"_step": i, "loss": 1 / (i + 1), "_timestamp": 1.7e9 + i}) for i in range(n)]


def fragment(kind, data):
    return struct.pack("<IHB", zlib.crc32(bytes([kind]) + data), len(data), kind) + data


def fragments(messages):
    """The fragments of a file with these records, each behind the zeros before it."""
    at = len(START)
    for message in messages:
        first = True
        while message or first:
            room = BLOCK - at % BLOCK
            filling = bytes(room if room < 7 else 0)
            part = message[: (room if room >= 7 else BLOCK) - 7]
            message = message[len(part) :]
            kind = (1 if first else 4) if not message else (2 if first else 3)
            out = filling + fragment(kind, part)
            at += len(out)
            first = False
            yield out


@pytest.fixture
def log_of(tmp_path):
    """The one log in records, or in fragments that were put together before."""

    def found(messages=(), *, parts=None, start=START):
        (tmp_path / NAME).write_bytes(start + b"".join(fragments(messages) if parts is None else parts))
        (log,) = read([tmp_path / NAME], tmp_path)
        if isinstance(log, LogError):
            raise log
        return log

    return found


@pytest.fixture
def genuine(tmp_path):
    """A genuine file, unpacked."""

    def unpacked(name):
        path = tmp_path / f"run-{name}.wandb"
        path.write_bytes(gzip.decompress((FILES / f"{name}.wandb.gz").read_bytes()))
        return path

    return unpacked


def one_log(path):
    (log,) = read([path], path.parent)
    assert isinstance(log, Log)
    return log


def by_name(log):
    return {one.name: one for one in log.series}


def points(log):
    """All that a log says, as a set that NaN can be in."""
    found = set()
    for one in log.series:
        axes = [
            np.full(one.values.size, np.nan) if axis is None else axis for axis in (one.steps, one.epochs, one.clock)
        ]
        found |= {
            (one.name, *map(repr, at)) for at in zip(one.values.tolist(), *map(np.ndarray.tolist, axes), strict=True)
        }
    return found


@pytest.mark.parametrize("kind", ["healthy", "overfit"])
def test_genuine_files_hold_what_the_tool_recorded(genuine, kind):
    truth = json.loads((FILES / f"{kind}.truth.json").read_text())
    log = one_log(genuine(kind))
    found = by_name(log)
    assert found["train/epoch_loss"].values.tolist() == truth["train_loss"]
    assert found["val/loss"].values.tolist() == truth["val_loss"]
    assert found["val/loss"].epochs.tolist() == list(range(truth["n_epochs"]))
    assert found["train/loss"].steps.tolist() == list(range(found["train/loss"].values.size))
    assert log.name == f"dev-{kind}"
    assert log.facts["lr"] == truth["hparams"]["lr"]
    assert not log.lost
    assert not log.notes


def test_nested_names_text_nan_and_huge_numbers_are_read_as_wandb_wrote_them(genuine):
    log = one_log(genuine("odd"))
    found = by_name(log)
    at = np.arange(300)
    assert found["train.loss"].values.tolist() == (1 / (at + 1)).tolist()
    assert found["train.inner.x"].values.tolist() == at.tolist()
    assert found["k_ü"].values.tolist() == (at * 0.5).tolist()
    assert np.isnan(found["n"].values).tolist() == (at % 50 == 3).tolist()
    assert found["big"].values[5] == found["big"].values.max() == math.inf
    assert (found["inf"].values == -math.inf).all()
    assert found["train.loss"].epochs.tolist() == (at / 10).tolist()
    assert found["custom"].steps.tolist() == [5000]
    assert (log.facts["optim.name"], log.facts["flag"], log.facts["later"]) == ("adam", "true", 3)
    assert (log.facts["big"], len(log.facts["text"])) == (str(10**30), 200)
    assert log.notes[0] == "the run ended with exit code 3"
    assert log.notes[1].startswith("no numbers, and passed over: flag, s, h._type")


@pytest.mark.parametrize(
    ("name", "value", "read_as"),
    [
        ("a", b"0.5", {"a": 0.5}),
        ("a", b"1e-3", {"a": 0.001}),
        ("a", b'"0.5"', {"a": 0.5}),
        ("a", b'" 1e-3"', {"a": 0.001}),
        ("a", b"-Infinity", {"a": -math.inf}),
        ("a", b'"inf"', {"a": math.inf}),
        ("a", b"9" * 5000, {"a": math.inf}),
        (["a", "b"], b"2", {"a.b": 2}),
        (["a/b"], b"2", {"a/b": 2}),
        ("a", b'{"b": {"c": 1, "d": "x"}, "e": 2}', {"a.b.c": 1, "a.e": 2}),
        ("a", b"true", {}),
        ("a", b"null", {}),
        ("a", b"[1, 2]", {}),
        ("a", b'"word"', {}),
        ("a", b'"1_000"', {}),
        ("a", b'{"_type": "histogram", "count": 3}', {}),
        ("a", b"[" * 50_000, {}),
        ("a", b'{"a":' * 50_000, {}),
        ("a", b'{"a":' * 900 + b"1" + b"}" * 900, {}),
        ("a", b"{" + b" " * 200_000 + b"}", {}),
        ("a", b"0x10", {}),
        ("a", b"", {}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_value_is_the_number_that_it_says(log_of, name, value, read_as):
    first = put(1, 0, varint(1)) + put(2, 2, item("_step", 0) + item("loss", 0.5) + item(name, value))
    found = by_name(log_of([first, *rows(2, first=2)]))
    assert found.pop("loss").values.size == 3
    assert {key: one.values.tolist() for key, one in found.items()} == {key: [one] for key, one in read_as.items()}


def test_the_step_may_be_beside_the_items(log_of):
    beside = [
        put(1, 0, varint(i + 1)) + put(2, 2, item("loss", i) + put(2, 2, put(1, 0, varint(3 * i)))) for i in range(3)
    ]
    assert by_name(log_of(beside))["loss"].steps.tolist() == [0, 3, 6]


def test_rows_in_any_order_with_other_items_keep_their_places(log_of):
    log = log_of(
        [
            row(1, {"_step": 0, "a": 1}),
            row(2, {"b": 2, "_step": 5, "epoch": 1}),
            row(3, {"a": 3, "b": 4, "_step": 6}),
        ]
    )
    a, b = log.series
    assert (a.values.tolist(), a.steps.tolist(), b.values.tolist(), b.steps.tolist()) == (
        [1, 3],
        [0, 6],
        [2, 4],
        [5, 6],
    )
    assert repr(b.epochs.tolist()) == "[1.0, nan]"


def test_the_configuration_and_its_updates_are_facts(log_of):
    begun = put(1, 0, varint(1)) + put(17, 2, put(1, 2, b"id1") + put(4, 2, item("lr", 0.1) + item("_wandb", {"a": 1})))
    update = put(1, 0, varint(2)) + put(5, 2, item("lr", 0.2) + item("net", {"width": 8, "on": False}) + item("l", [1]))
    log = log_of([begun, update, *rows(2, first=3)])
    assert dict(log.facts) == {"lr": 0.2, "net.width": 8, "net.on": "false"}
    assert log.name == "id1"


def test_a_log_without_an_end_says_that_the_run_was_killed_or_goes_on(log_of):
    assert log_of(rows(2)).notes == ("the log does not say how the run ended: it was killed, or is still going on",)
    assert log_of([*rows(2), put(1, 0, varint(3)) + put(18, 2, b"")]).notes == ()


def test_records_go_across_blocks(log_of):
    long = row(2, {"_step": 1, "loss": 0.25, "text": "x" * 3 * BLOCK})
    log = log_of([*rows(1), long, *rows(2000, first=3)])
    assert by_name(log)["loss"].values.size == 2002
    assert not log.lost


def test_a_file_of_a_resumed_run_follows_the_one_before(tmp_path):
    paths = [tmp_path / folder / NAME for folder in ("offline-run-20260102_x", "offline-run-20260101_x")]
    for path, losses in zip(paths, ([0.25], [0.75, 0.5]), strict=True):
        path.parent.mkdir()
        path.write_bytes(
            START + b"".join(fragments([row(i + 1, {"_step": i, "loss": x}) for i, x in enumerate(losses)]))
        )
    (log,) = read(paths, tmp_path)
    assert log.series[0].values.tolist() == [0.75, 0.5, 0.25]
    assert log.notes[0] == "the 2 files of the run were read in the order of their folders' names"


@pytest.mark.parametrize("byte", [0, 4, 6, 7, 30])
def test_a_damaged_fragment_loses_its_record_only(log_of, byte):
    parts = list(fragments(rows(6)))
    hit = bytearray(parts[2])
    hit[byte] ^= 1
    log = log_of(parts=[*parts[:2], bytes(hit), *parts[3:]])
    at = len(START) + len(parts[0]) + len(parts[1])
    assert [(one.where, one.records) for one in log.lost] == [(f"byte {at}", 1)]
    assert log.series[0].steps.tolist() == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(
    ("damage", "steps", "lost"),
    [
        (lambda parts: [*parts[:2], parts[2][:20] + b"\0" * 9 + parts[2][20:], *parts[3:]], [0, 1, 3, 4, 5], [1]),
        (lambda parts: [*parts[:2], parts[2][:20] + parts[2][25:], *parts[3:]], [0, 1, 3, 4, 5], [1]),
        (lambda parts: [*parts[:2], b"\0" * 1000, *parts[2:]], [0, 1, 2, 3, 4, 5], [0]),
        (lambda parts: [*parts[:2], b"\1\2\3\4" * 999, *parts[2:]], [0, 1, 2, 3, 4, 5], [0]),
        (lambda parts: [*parts[:2], b"x" * 9, *parts[4:]], [0, 1, 4, 5], [2]),
        (lambda parts: [*parts[:2], *parts[4:]], [0, 1, 4, 5], [2]),
        (lambda parts: [*parts[:5], parts[5][:10]], [0, 1, 2, 3, 4], [1]),
        (lambda parts: [*parts[:5], parts[5][:3]], [0, 1, 2, 3, 4], [1]),
        (lambda parts: [*parts[:5], b"x" * 50], [0, 1, 2, 3, 4], [None]),
    ],
)
def test_bytes_that_are_added_or_missing_lose_no_other_record(log_of, damage, steps, lost):
    log = log_of(parts=damage(list(fragments(rows(6)))))
    assert log.series[0].steps.tolist() == steps
    assert [one.records for one in log.lost] == lost


def test_what_follows_on_missing_bytes_is_found_in_spite_of_its_blocks(log_of):
    raw = b"".join(fragments(rows(3000)))
    log = log_of(parts=[raw[:1000], raw[1100:]])
    assert len(raw) > 4 * BLOCK
    assert log.series[0].values.size >= 2996
    assert sum(one.records for one in log.lost) == 3000 - log.series[0].values.size


def test_the_parts_of_two_records_are_not_put_together(log_of):
    long = [row(i + 1, {"_step": i, "a": i, "text": "x" * BLOCK, "b": i}) for i in range(6)]
    parts = list(fragments([*rows(0), *long]))
    kinds = [part.lstrip(b"\0")[6] if part[0] == 0 else part[6] for part in parts]
    first = kinds.index(2)
    last = [i for i, kind in enumerate(kinds) if kind == 4][1]
    log = log_of(parts=[*parts[: first + 1], *parts[last:]])
    found = by_name(log)
    assert found["a"].steps.tolist() == found["a"].values.tolist() == found["b"].values.tolist() == [2, 3, 4, 5]
    assert [one.records for one in log.lost] == [2]


def test_a_damaged_header_is_said_and_the_rest_is_read(log_of):
    log = log_of(rows(3), start=b":W&X\xe1\xbe\x00")
    assert [(one.where, one.records, one.because) for one in log.lost] == [
        ("byte 0", 0, "the header of the file is damaged")
    ]
    assert log.series[0].values.size == 3
    assert log_of(rows(3), start=b"").series[0].values.size == 3


def test_a_record_that_is_sound_but_none_of_wandb_is_lost(log_of):
    odd = put(1, 0, varint(2)) + put(2, 2, item("_step", 1) + item("loss", 9.0) + b"\x0b")
    log = log_of([*rows(1), odd, *rows(2, first=3)])
    assert by_name(log)["loss"].values.tolist() == [1.0, 1.0, 0.5]
    assert [one.records for one in log.lost] == [1]
    assert "it is no record of W&B" in log.lost[0].because


def test_ten_thousand_names_are_read_and_the_others_counted(log_of):
    log = log_of([row(1, {"_step": 0, **{f"name {i}": i for i in range(10_002)}})])
    assert len(log.series) == 9_999  # the step is one
    assert [(one.records, one.because) for one in log.lost] == [(3, "more than 10,000 series are not read")]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "byte 0: the header of the file is damaged"),
        (START, "holds no number"),
        (START + b"nothing of the kind", "byte 7: the rest of the file holds nothing that matches its checksum"),
    ],
)
def test_a_file_without_numbers_is_an_error_that_names_it(tmp_path, raw, says):
    path = tmp_path / NAME
    path.write_bytes(raw)
    (error,) = read([path], tmp_path)
    with pytest.raises(LogError, match=says):
        raise error
    assert str(path) in str(error)


def test_one_bad_file_does_not_stop_the_others(tmp_path):
    os.mkfifo(tmp_path / "run-a.wandb")
    (tmp_path / "run-b.wandb").write_bytes(START + b"".join(fragments(rows(2))))
    error, log = read(sorted(tmp_path.iterdir()), tmp_path)
    assert "run-a.wandb" in str(error)
    assert log.name == "run-b"


def test_logs_are_recognised_by_their_header_and_damaged_ones_by_name():
    assert recognises(Path("any name"), START)
    assert recognises(Path(NAME), b"damaged")
    assert not recognises(Path("run-abc.wandb.synced"), b"")


def test_no_mutant_is_a_traceback_or_a_wrong_value(genuine, mutants):
    path = genuine("overfit")
    raw = path.read_bytes()[: 2 * BLOCK]
    path.write_bytes(raw)
    whole = points(one_log(path))
    for mutant in mutants(raw, 300, seed=2):
        path.write_bytes(mutant)
        for one in read([path], path.parent) if recognises(path, mutant[:HEAD]) else ():
            assert points(one) <= whole if isinstance(one, Log) else str(path) in str(one)
