"""Event files: genuine ones of four writers, every way to write a number, folders that are one run, and damage."""

import json
import math
import os
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from etude.records.crc32c import crc32c, masked
from etude.records.logged import HEAD, Log
from etude.records.readers.tensorboard import read, recognises
from etude.values.errors import LogError

FILES = Path(__file__).parent / "files"
NAME = "events.out.tfevents.1700000000.host.1.0"


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def put(number, kind, content):
    """A field: its key, and its content behind its length where that is of kind 2."""
    return varint(8 * number + kind) + (varint(len(content)) if kind == 2 else b"") + content


def record(data):
    length = struct.pack("<Q", len(data))
    return b"".join((length, struct.pack("<I", masked(crc32c(length))), data, struct.pack("<I", masked(crc32c(data)))))


def event(*values, step=0, clock=1.7e9):
    at = put(2, 0, varint(step)) if step else b""
    return record(put(1, 1, struct.pack("<d", clock)) + at + put(5, 2, b"".join(put(1, 2, value) for value in values)))


def simple(tag, value):
    return put(1, 2, tag.encode()) + put(2, 5, struct.pack("<f", value))


def tensor(tag, dtype, content, *, dims=(), plugin=b"scalars"):
    shape = b"".join(put(2, 2, put(1, 0, varint(dim))) for dim in dims)
    about = put(9, 2, put(1, 2, put(1, 2, plugin))) if plugin else b""
    return put(1, 2, tag.encode()) + put(8, 2, put(1, 0, varint(dtype)) + put(2, 2, shape) + content) + about


START = record(put(1, 1, struct.pack("<d", 1.7e9)) + put(3, 2, b"brain.Event:2"))


def losses(n):
    return [event(simple("loss", 1 / (i + 1)), step=i, clock=1.7e9 + i) for i in range(n)]


@pytest.fixture
def place(tmp_path):
    """Writes an event file into a folder of a root, and gives the root."""

    def written(events, folder=".", name=NAME):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / name).write_bytes(b"".join((START, *events)))
        return tmp_path

    return written


def logs(root):
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".json"]
    return list(read([path for path in files if recognises(path, path.read_bytes()[:HEAD])], root))


def one_log(root):
    (log,) = logs(root)
    assert isinstance(log, Log)
    return log


def by_name(log):
    return {one.name: one for one in log.series}


def points(log):
    """All that a log says, as a set that NaN can be in."""
    return {
        (one.name, *map(repr, row))
        for one in log.series
        for row in zip(one.steps.tolist(), one.clock.tolist(), one.values.tolist(), strict=True)
    }


@pytest.mark.parametrize("kind", ["healthy", "overfit"])
@pytest.mark.parametrize(
    ("tool", "train", "validation"),
    [
        ("tensorboard", "train/loss", "val/loss"),
        ("tensorboard", "loss_both_train/loss_both", "loss_both_val/loss_both"),
        ("tensorboardx", "Loss/train_epoch", "Loss/valid"),
        ("tensorboard_v2", "train/epoch_loss", "validation/epoch_loss"),
        ("lightning_tensorboard", "train_loss_epoch", "val_loss"),
    ],
)
def test_genuine_files_hold_what_the_tool_recorded(tool, kind, train, validation):
    truth = json.loads((FILES / tool / f"{kind}.truth.json").read_text())
    found = by_name(one_log(FILES / tool / kind))
    assert found[train].values.tolist() == np.float32(truth["train_loss"]).tolist()
    assert found[validation].values.tolist() == np.float32(truth["val_loss"]).tolist()
    assert (np.diff(found[validation].steps) > 0).all()
    assert (np.diff(found[validation].clock) >= 0).all()


def test_what_add_hparams_wrote_is_facts_and_no_run_of_its_own():
    facts = one_log(FILES / "tensorboard" / "healthy").facts
    assert (facts["lr"], facts["bs"], facts["hidden"]) == (0.003, 64, "[32]")
    assert facts["hparam/val_loss"] == np.float32(0.10053998976945877)


def test_the_parameters_that_lightning_logs_are_facts():
    assert dict(one_log(FILES / "lightning_tensorboard" / "healthy").facts) == {"lr": 0.003, "wd": 0.0001}


def test_a_folder_of_runs_gives_them_by_their_paths():
    assert [log.name for log in logs(FILES / "tensorboard_v2")] == ["healthy", "overfit"]
    assert "awkward/tb_resumed" in [log.name for log in logs(FILES)]


def test_a_resumed_run_is_given_in_the_order_in_which_its_files_were_begun():
    truth = json.loads((FILES / "awkward" / "tb_resumed.truth.json").read_text())["history"]
    log = one_log(FILES / "awkward" / "tb_resumed")
    loss = by_name(log)["loss/val"]
    assert loss.steps.tolist() == [*range(15), *range(10, 25)]
    last = dict(zip(loss.steps.tolist(), loss.values.tolist(), strict=True))
    assert list(last.values()) == np.float32([row["val"] for row in truth]).tolist()
    assert log.notes == ("the 2 event files in tb_resumed were read in the order in which they were begun",)


def test_nan_is_kept():
    values = by_name(one_log(FILES / "awkward" / "tb_nan"))["loss/train"].values
    assert values.size == 8
    assert np.isnan(values).all()


def test_a_file_that_is_cut_short_says_where():
    log = one_log(FILES / "awkward" / "tb_truncated")
    whole = points(one_log(FILES / "tensorboardx" / "overfit"))
    assert points(log) < whole
    (lost,) = log.lost
    assert (lost.where, lost.records) == ("byte 13283", 1)
    assert "the file ends at byte 13311" in lost.because


def test_torch_writes_numbers_in_many_ways():
    log = one_log_of_two(FILES / "tensorboard" / "odd")
    found = by_name(log)
    at = np.arange(20)
    sine = np.float32([math.sin(i) for i in at]).tolist()
    assert found["f"].values.tolist() == found["n"].values.tolist() == sine
    assert found["d"].values.tolist() == np.float32(math.pi * at).tolist()
    assert found["t1"].values.tolist() == (at / 3).tolist()
    assert found["th"].values.tolist() == (at / 3).astype(np.float16).tolist()
    assert found["ti"].values.tolist() == (at - 5).tolist()
    assert found["neg"].steps.tolist() == (-at - 1).tolist()
    assert found["long/" + "x" * 150].steps.tolist() == (at * 10**9).tolist()
    assert found["a_loss_train/x/a/loss"].values.tolist() == at.tolist()
    assert found["e"].values.tolist()[1] == math.inf
    assert log.notes == ("no scalars, and passed over: tv (tensor)",)


def one_log_of_two(root):
    """The first; the other is of `add_hparams(run_name=…)`, which nothing but its name tells from a run."""
    first, _ = logs(root)
    return first


def test_tensorboardx_puts_the_parts_of_add_scalars_into_folders_of_folders():
    log = one_log(FILES / "tensorboardx" / "odd")
    names = ["data/x", "data/acc/train/data/acc", "data/acc/val/data/acc", "loss/train/loss", "loss/val/loss"]
    assert [one.name for one in log.series] == names
    assert log.facts["amsgrad"] == "true"
    assert log.notes == ("no scalars, and passed over: args/text_summary (text), im (image), weights (histogram)",)


@pytest.mark.parametrize(
    ("dtype", "content", "number"),
    [
        (1, put(5, 2, struct.pack("<f", 0.25)), 0.25),
        (1, put(5, 5, struct.pack("<f", 0.25)), 0.25),
        (1, put(4, 2, struct.pack("<f", 0.25)), 0.25),
        (2, put(6, 2, struct.pack("<d", 0.1)), 0.1),
        (2, put(6, 1, struct.pack("<d", 0.1)), 0.1),
        (2, put(4, 2, struct.pack("<d", 0.1)), 0.1),
        (19, put(13, 2, varint(0x3800)), 0.5),
        (19, put(13, 0, varint(0x3800)), 0.5),
        (19, put(4, 2, struct.pack("<e", 0.5)), 0.5),
        (14, put(13, 2, varint(0x3F00)), 0.5),
        (14, put(4, 2, b"\x00\x3f"), 0.5),
        (3, put(7, 2, varint(300)), 300),
        (3, put(7, 2, varint(2**64 - 7)), -7),
        (3, put(4, 2, struct.pack("<i", -7)), -7),
        (9, put(10, 2, varint(2**40)), 2**40),
        (9, put(4, 2, struct.pack("<q", -(2**40))), -(2**40)),
        (22, put(16, 2, varint(5)), 5),
        (23, put(17, 2, varint(2**63)), 2.0**63),
        (4, put(4, 2, b"\xff"), 255),
        (6, put(4, 2, b"\xff"), -1),
    ],
)
@pytest.mark.parametrize("plugin", [b"scalars", b""])
@pytest.mark.parametrize("dims", [(), (1,), (1, 1)])
def test_a_tensor_of_one_number_is_a_scalar_whichever_way_it_was_written(place, dtype, content, number, plugin, dims):
    value = tensor("loss", dtype, content, dims=dims, plugin=plugin)
    log = one_log(place([event(value, step=i) for i in range(3)]))
    assert by_name(log)["loss"].values.tolist() == [number] * 3
    assert by_name(log)["loss"].steps.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "value",
    [
        tensor("odd", 1, put(4, 2, struct.pack("<2f", 1, 2)), dims=(2,)),
        tensor("odd", 1, put(5, 2, struct.pack("<2f", 1, 2))),
        tensor("odd", 7, put(8, 2, b"words"), plugin=b"text"),
        tensor("odd", 10, put(11, 2, b"\x01")),
        tensor("odd", 1, b""),
        tensor("odd", 1, put(5, 2, struct.pack("<f", 1)), plugin=b"pr_curves"),
        put(1, 2, b"odd") + put(5, 2, b"histogram"),
    ],
)
def test_what_is_no_scalar_is_passed_over_and_named(place, value):
    log = one_log(place([event(value), *losses(2)]))
    assert [one.name for one in log.series] == ["loss"]
    assert log.notes[0].startswith("no scalars, and passed over: odd (")
    assert not log.lost


def test_a_summary_of_several_values_and_fields_in_another_order_are_read(place):
    merged = event(simple("loss", 0.5), simple("acc", 0.75), step=7)
    summary = put(5, 2, put(1, 2, put(2, 5, struct.pack("<f", 0.25)) + put(1, 2, b"loss")))
    turned = record(summary + put(2, 0, varint(8)) + put(1, 1, struct.pack("<d", 5.0)))
    found = by_name(one_log(place([merged, turned, event(simple("loss", 0.125), step=9)])))
    assert found["loss"].values.tolist() == [0.5, 0.25, 0.125]
    assert found["loss"].steps.tolist() == [7, 8, 9]
    assert found["loss"].clock.tolist() == [1.7e9, 5.0, 1.7e9]
    assert found["acc"].values.tolist() == [0.75]


def test_a_number_that_looks_like_a_tag_is_no_tag(place):
    number = struct.unpack("<f", b"loss")[0]
    log = one_log(place([event(simple("loss", number)), event(simple("loss", 1.0)), event(simple("lossloss", number))]))
    assert by_name(log)["loss"].values.tolist() == [number, 1.0]
    assert by_name(log)["lossloss"].values.tolist() == [number]


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["run/train", "run/validation"], {"run": ["train/loss", "validation/loss"]}),
        (["run/train"], {"run": ["train/loss"]}),
        (["run", "run/eval"], {"run": ["loss", "eval/loss"]}),
        (["adam", "test"], {"adam": ["loss"], "test": ["loss"]}),
        (["a/train", "a/val", "b/train", "b/val"], {run: ["train/loss", "val/loss"] for run in "ab"}),
        (["run", "run/loss_train", "run/loss_val"], {"run": ["loss", "loss_train/loss", "loss_val/loss"]}),
        (["run", "run/version_0"], {"run": ["loss"], "run/version_0": ["loss"]}),
        (["1700000000.25"], {"1700000000.25": ["loss"]}),
    ],
)
def test_folders_that_a_writer_puts_beside_a_run_are_part_of_it(place, folders, names):
    for folder in folders:
        root = place(losses(2), folder)
    assert {log.name: [one.name for one in log.series] for log in logs(root)} == names


def test_two_series_of_one_name_stay_two(place):
    place([event(simple("train/loss", 0.5))], "run")
    log = one_log(place([event(simple("loss", 0.25))], "run/train"))
    assert [(one.name, one.values.tolist()) for one in log.series] == [
        ("train/loss", [0.5]),
        ("train/loss (in train)", [0.25]),
    ]


def test_files_of_one_folder_follow_the_times_in_their_names(place):
    place([event(simple("loss", 2.0), step=1)], name="events.out.tfevents.1700000009.host")
    log = one_log(place([event(simple("loss", 1.0), step=0)], name="events.out.tfevents.1700000008.host"))
    assert by_name(log)["loss"].values.tolist() == [1.0, 2.0]


def test_a_flipped_bit_in_the_data_loses_that_record_only(place):
    raw = losses(5)
    place(raw)
    before = points(one_log(place(raw)))
    hit = bytearray(raw[2])
    hit[-6] ^= 1
    log = one_log(place([*raw[:2], bytes(hit), *raw[3:]]))
    at = len(START) + len(raw[0]) + len(raw[1])
    assert [(one.where, one.records) for one in log.lost] == [(f"byte {at}", 1)]
    assert len(before - points(log)) == 1
    assert points(log) < before


@pytest.mark.parametrize("byte", [0, 5, 8, 11])
def test_after_a_damaged_length_the_next_record_is_found(place, byte):
    raw = losses(5)
    hit = bytearray(raw[2])
    hit[byte] ^= 64
    log = one_log(place([*raw[:2], bytes(hit), *raw[3:]]))
    assert [one.records for one in log.lost] == [1]
    assert by_name(log)["loss"].steps.tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    ("damage", "steps"),
    [
        (lambda raw: [*raw[:2], raw[2][:20] + b"\0" * 7 + raw[2][20:], *raw[3:]], [0, 1, 3, 4]),
        (lambda raw: [*raw[:2], raw[2][:20] + raw[2][25:], *raw[3:]], [0, 1, 3, 4]),
        (lambda raw: [*raw[:2], raw[2][:-9], *raw[3:]], [0, 1, 3, 4]),
        (lambda raw: [*raw[:2], b"\0" * 1000, *raw[2:]], [0, 1, 2, 3, 4]),
        (lambda raw: [*raw[:2], b"garbage" * 300, *raw[2:]], [0, 1, 2, 3, 4]),
        (lambda raw: [*raw[:3], raw[3][:10]], [0, 1, 2]),
        (lambda raw: [*raw[:3], raw[3][:-1]], [0, 1, 2]),
        (lambda raw: [*raw, b"\0" * 5000], [0, 1, 2, 3, 4]),
    ],
)
def test_bytes_that_are_added_or_missing_lose_no_other_record(place, damage, steps):
    log = one_log(place(damage(losses(5))))
    assert by_name(log)["loss"].steps.tolist() == steps
    assert len(log.lost) == 1


def test_a_damaged_beginning_is_lost_and_the_rest_is_read(tmp_path):
    path = tmp_path / NAME
    path.write_bytes(b"x" * 30 + b"".join(losses(3)))
    log = one_log(tmp_path)
    assert log.lost[0].where == "byte 0"
    assert by_name(log)["loss"].values.size == 3


def test_a_record_that_is_sound_but_no_event_is_lost(place):
    log = one_log(place([record(b"\x0b" * 20), *losses(2), event(put(1, 2, b"a") + b"\x0c")]))
    assert [one.records for one in log.lost] == [1, 1]
    assert "it is no event" in log.lost[0].because


def test_ten_thousand_tags_are_read_and_the_others_counted(place):
    log = one_log(place([event(simple(f"tag {i}", 1.0)) for i in range(10_003)]))
    assert len(log.series) == 10_000
    assert [(one.records, one.because) for one in log.lost] == [(3, "more than 10,000 series are not read")]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "holds no scalar"),
        (START, "holds no scalar"),
        (b"nothing of the kind", r"byte 0: the rest of the file .* No scalar is left"),
        (START[:20], "byte 0: the record is cut short"),
    ],
)
def test_a_file_without_scalars_is_an_error_that_names_it(tmp_path, raw, says):
    (tmp_path / NAME).write_bytes(raw)
    (error,) = logs(tmp_path)
    assert isinstance(error, LogError)
    with pytest.raises(LogError, match=says):
        raise error
    assert str(tmp_path / NAME) in str(error)


def test_one_bad_file_does_not_stop_the_others(place):
    root = place(losses(3), "good")
    os.mkfifo(root / NAME)
    error, log = read([root / NAME, root / "good" / NAME], root)
    assert "is not a regular file" in str(error)
    assert log.name == "good"


def test_event_files_are_recognised_by_content_and_damaged_ones_by_name():
    examples = record(put(1, 2, b"a training example"))
    assert recognises(Path("any name"), START)
    assert recognises(Path(NAME), b"damaged")
    assert not recognises(Path("train.tfrecord"), examples)
    assert not recognises(Path("notes.txt"), b"brain.Event:2")


def test_no_mutant_is_a_traceback_or_a_wrong_value(tmp_path, mutants):
    path = tmp_path / NAME
    for source in (FILES / "awkward" / "tb_resumed", FILES / "tensorboard_v2" / "overfit" / "validation"):
        raw = sorted(source.iterdir())[0].read_bytes()
        path.write_bytes(raw)
        genuine = points(one_log(tmp_path))
        for mutant in mutants(raw, 150, seed=1):
            path.write_bytes(mutant)
            for one in read([path], tmp_path):
                assert points(one) <= genuine if isinstance(one, Log) else str(path) in str(one)


def test_a_hundred_thousand_scalars_take_less_than_half_a_second(place):
    rng = np.random.default_rng(0)
    root = place([event(simple("train/loss", rng.random()), step=i) for i in range(100_000)])
    seconds = []
    for _ in range(3):
        start = time.process_time()
        log = one_log_at(root / NAME)
        seconds.append(time.process_time() - start)
    assert log.series[0].values.size == 100_000
    assert min(seconds) < 0.5


def one_log_at(path):
    (log,) = read([path], path.parent)
    return log
