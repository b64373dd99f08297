"""JSON documents as tools really write them, and as they are left when a job is killed."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from etude.records.logged import HEAD, Log
from etude.records.readers import json_log
from etude.values.errors import LogError

FILES = Path(__file__).parent / "files"


@pytest.fixture
def read(tmp_path):
    """Every log in a document, or in a text."""

    def written(document, name="log.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return list(json_log.read([path], tmp_path))

    return written


def values(log):
    return {one.name: one.values.tolist() for one in log.series}


def by_name(log):
    return {one.name: one for one in log.series}


def truth(tool, kind):
    return json.loads((FILES / tool / f"{kind}.truth.json").read_text())


@pytest.mark.parametrize("kind", ["healthy", "overfit"])
@pytest.mark.parametrize("file", ["history.json", "history_full.json"])
def test_the_history_of_keras_has_the_values_that_keras_recorded(kind, file):
    path = FILES / "keras" / kind / file
    assert json_log.recognises(path, path.read_bytes()[:HEAD])
    (log,) = json_log.read([path], FILES)
    assert values(log)["loss"] == truth("keras", kind)["train_loss"]
    assert values(log)["val_loss"] == truth("keras", kind)["val_loss"]
    assert by_name(log)["val_loss"].epochs.tolist() == list(range(len(values(log)["loss"])))
    assert log.format == "Keras History JSON"


@pytest.mark.parametrize("kind", ["healthy", "overfit"])
def test_the_state_of_hugging_faces_trainer_has_rows_of_training_and_of_evaluation(kind):
    path = FILES / "hf_trainer" / kind / "trainer_state.json"
    assert json_log.recognises(path, path.read_bytes()[:HEAD])
    (log,) = json_log.read([path], FILES)
    assert values(log)["loss"] == truth("hf_trainer", kind)["train_loss"]
    assert values(log)["eval_loss"] == truth("hf_trainer", kind)["val_loss"]
    assert by_name(log)["eval_loss"].steps[0] == {"healthy": 47, "overfit": 10}[kind]
    assert "train_loss" not in values(log)
    assert any("mean over the run" in note for note in log.notes)
    assert log.facts["train_batch_size"] == {"healthy": 32, "overfit": 16}.get(kind, 16)
    assert log.name == f"hf_trainer/{kind}"


@pytest.mark.parametrize("kind", ["healthy", "overfit"])
def test_the_history_of_skorch_has_epochs_and_the_batches_within(tmp_path, kind):
    path = tmp_path / "history.json"
    path.write_bytes(gzip.decompress((FILES / "skorch" / kind / "history.json.gz").read_bytes()))
    assert json_log.recognises(path, path.read_bytes()[:HEAD])
    (log,) = json_log.read([path], tmp_path)
    assert values(log)["train_loss"] == truth("skorch", kind)["train_loss"]
    assert values(log)["valid_loss"] == truth("skorch", kind)["val_loss"]
    batches = by_name(log)["batches/train_loss"]
    document = json.loads(path.read_text())
    train = [row["train_loss"] for epoch in document for row in epoch["batches"] if "train_loss" in row]
    assert batches.values.tolist() == train
    assert batches.epochs[0] == 1 / document[0]["train_batch_count"]
    assert batches.epochs[-1] == len(document)


def test_the_longest_checkpoint_of_a_run_stands_for_all(tmp_path):
    paths = []
    for count in (2, 3, 1):
        path = tmp_path / f"run/checkpoint-{count}/trainer_state.json"
        path.parent.mkdir(parents=True)
        rows = [{"step": step, "loss": 1 / step} for step in range(1, count + 1)]
        path.write_text(json.dumps({"log_history": rows, "global_step": count}))
        paths.append(path)
    (log,) = json_log.read(sorted(paths), tmp_path)
    assert by_name(log)["loss"].steps.tolist() == [1, 2, 3]
    assert log.name == "run"
    assert len(log.files) == 3
    assert any("2 more checkpoints" in note for note in log.notes)


def test_a_list_of_records_has_nested_names(read):
    (log,) = read([{"epoch": 1, "train": {"loss": 0.5}, "val": {"loss": 0.75}}, {"epoch": 2, "train": {"loss": 0.25}}])
    assert values(log) == {"train/loss": [0.5, 0.25], "val/loss": [0.75]}
    assert by_name(log)["val/loss"].epochs.tolist() == [1]


def test_records_under_one_name_are_read_and_what_stands_beside_are_facts(read):
    (log,) = read({"lr": 0.1, "model": "mlp", "epochs": [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]})
    assert values(log) == {"loss": [0.5, 0.25]}
    assert log.facts == {"lr": 0.1, "model": "mlp"}


def test_records_under_several_names_keep_them_apart(read):
    (log,) = read({"train": [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}], "val": [{"step": 2, "loss": 0.75}]})
    assert values(log) == {"train/loss": [0.5, 0.25], "val/loss": [0.75]}
    assert by_name(log)["val/loss"].steps.tolist() == [2]


def test_lists_of_different_lengths_are_counted_each_on_its_own(read):
    (log,) = read({"train_loss": [0.5, 0.4, 0.3, 0.2], "val_loss": [0.6, 0.5], "epoch": [1, 2]})
    assert by_name(log)["train_loss"].steps.tolist() == [1, 2, 3, 4]
    assert by_name(log)["val_loss"].epochs.tolist() == [1, 2]


def test_lists_within_records_have_the_axis_of_their_record(read):
    (log,) = read({"train": {"step": [1, 2], "loss": [0.5, 0.25]}, "val": {"step": [2, 4], "loss": [0.75, 0.5]}})
    assert by_name(log)["train/loss"].steps.tolist() == [1, 2]
    assert by_name(log)["val/loss"].steps.tolist() == [2, 4]


@pytest.mark.parametrize(
    "document",
    [
        {"loss": {"0": 0.5, "1": 0.25}, "val_loss": {"0": 0.75, "1": 0.5}},
        {"columns": ["loss", "val_loss"], "index": [0, 1], "data": [[0.5, 0.75], [0.25, 0.5]]},
    ],
)
def test_what_pandas_writes_is_read(read, document):
    (log,) = read(document)
    assert values(log) == {"loss": [0.5, 0.25], "val_loss": [0.75, 0.5]}


def test_a_bare_list_is_called_what_the_file_is_called(read):
    (log,) = read([0.5, 0.25, 0.125], "val_loss.json")
    assert values(log) == {"val_loss": [0.5, 0.25, 0.125]}


def test_nan_infinity_texts_and_integers_of_any_length_are_numbers(read):
    (log,) = read(
        '[{"epoch": 1, "loss": NaN}, {"epoch": 2, "loss": "1e-3"}, {"epoch": 3, "loss": -Infinity}, '
        f'{{"epoch": 4, "loss": {"9" * 5000}}}, {{"epoch": 5, "loss": 1e999}}]'
    )
    np.testing.assert_equal(by_name(log)["loss"].values, [np.nan, 0.001, -np.inf, np.inf, np.inf])


def test_truths_are_no_numbers(read):
    (log,) = read([{"epoch": 1, "loss": 0.5, "best": True}, {"epoch": 2, "loss": 0.25, "best": False}])
    assert values(log) == {"loss": [0.5, 0.25]}


def test_a_document_cut_in_the_middle_gives_the_records_before(read):
    whole = json.dumps({"log_history": [{"step": step, "loss": 0.5, "epoch": 1.0} for step in range(1, 6)]}, indent=1)
    (log,) = read(whole[: whole.index('"step": 4')])
    assert by_name(log)["loss"].steps.tolist() == [1, 2, 3]
    assert log.lost
    assert log.lost[0].where.startswith("line ")


def test_a_damaged_record_among_others_is_lost_alone(read):
    (log,) = read('[{"epoch": 1, "loss": 0.5},\n{"epoch": 2, "lo!:: 0.4},\n{"epoch": 3, "loss": 0.25}]')
    assert by_name(log)["loss"].epochs.tolist() == [1, 3]
    assert [one.where for one in log.lost] == ["line 2"]


def test_a_damaged_list_ends_where_the_damage_is(read):
    (log,) = read('{"loss": [0.5, 0.25, 0.1], "val_loss": [0.75, 0.5, x.1]}')
    assert values(log) == {"loss": [0.5, 0.25, 0.1], "val_loss": [0.75, 0.5]}
    assert log.lost


@pytest.mark.parametrize(
    "document",
    [
        {"hidden": [256, 256], "drop": 0.0, "epochs": 40, "lr": 0.001},
        {"model": {"betas": [0.9, 0.999]}, "names": ["a", "b"]},
        ["loss", "accuracy"],
        [256, 256],
        {"lr": 0.1},
        {},
        [],
    ],
)
def test_settings_and_texts_are_no_log(tmp_path, read, document):
    assert not json_log.recognises(tmp_path / "log.json", json.dumps(document).encode())
    (error,) = read(document)
    assert isinstance(error, LogError)
    assert "no series of numbers" in str(error)
    assert str(tmp_path / "log.json") in str(error)


DEEP = ("[" * 100_000, '{"loss":' * 100_000, '[{"loss": ' + "[" * 100_000, '{"' + "x" * 10**6)


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_a_document_nested_too_deep_is_an_error_and_no_traceback(read, text):
    (error,) = read(text)
    assert isinstance(error, LogError)


def test_json_lines_are_left_to_their_reader(tmp_path):
    assert not json_log.recognises(tmp_path / "log.json", b'{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n')


@pytest.mark.parametrize("sample", ["keras/healthy/history_full.json", "hf_trainer/healthy/trainer_state.json"])
def test_no_mutant_raises_and_every_error_names_its_file(tmp_path, mutants, sample):
    path = tmp_path / "log.json"
    for mutant in mutants((FILES / sample).read_bytes(), 150, seed=5):
        path.write_bytes(mutant)
        json_log.recognises(path, mutant[:HEAD])
        for one in json_log.read([path], tmp_path):
            assert isinstance(one, Log) or str(path) in str(one)
