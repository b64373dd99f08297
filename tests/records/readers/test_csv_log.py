"""CSV as tools really write it: every genuine sample, every layout, every kind of damage."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from etude.records.logged import HEAD, Log
from etude.records.readers import csv_log
from etude.values.errors import LogError

FILES = Path(__file__).parent / "files"


@pytest.fixture
def read(tmp_path):
    """Every log in a CSV with this content."""

    def written(content, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert csv_log.recognises(path, path.read_bytes()[:HEAD])
        return list(csv_log.read([path], tmp_path))

    return written


def values(log):
    return {one.name: one.values.tolist() for one in log.series}


@pytest.mark.parametrize(
    ("sample", "train", "validation"),
    [
        ("lightning/{}/csv/version_0/metrics.csv", "train_loss_epoch", "val_loss"),
        ("keras/{}/training.csv", "loss", "val_loss"),
        ("fastai/{}/history.csv", "train_loss", "valid_loss"),
        ("plain/{}/log.csv", "train_loss", "val_loss"),
    ],
)
@pytest.mark.parametrize("kind", ["healthy", "overfit"])
def test_a_genuine_sample_has_the_values_that_the_tool_itself_recorded(sample, train, validation, kind):
    path = FILES / sample.format(kind)
    truth = json.loads((FILES / sample.partition("/")[0] / f"{kind}.truth.json").read_text())
    assert csv_log.recognises(path, path.read_bytes()[:HEAD])
    (log,) = csv_log.read([path], FILES)
    assert values(log)[train] == truth["train_loss"]
    assert values(log)[validation] == truth["val_loss"]
    assert not log.lost


def test_the_sparse_rows_of_lightning_keep_their_steps_and_epochs_and_find_hparams():
    path = FILES / "lightning/overfit/csv/version_0/metrics.csv"
    (log,) = csv_log.read([path], FILES)
    by_name = {one.name: one for one in log.series}
    assert by_name["val_loss"].steps[:3].tolist() == [7, 15, 23]
    assert by_name["train_loss_step"].steps[:3].tolist() == [9, 19, 29]
    assert by_name["train_loss_step"].epochs[:3].tolist() == [1, 2, 3]
    assert log.facts == {"lr": 0.001, "wd": 0.0}
    assert log.name == "lightning/overfit/csv/version_0"


def test_fastai_says_that_its_training_loss_is_smoothed():
    (log,) = csv_log.read([FILES / "fastai/healthy/history.csv"], FILES)
    assert any("smoothed" in note for note in log.notes)


def test_spaces_in_the_header_of_ultralytics_are_taken_off(read):
    (log,) = read("   epoch,   train/box_loss,  val/box_loss\n   0,   1.5,  1.75\n   1,   1.25,  1.5\n", "results.csv")
    assert values(log) == {"train/box_loss": [1.5, 1.25], "val/box_loss": [1.75, 1.5]}
    assert log.series[0].epochs.tolist() == [0, 1]
    assert log.format == "Ultralytics CSV"


def test_a_chart_of_wandb_with_two_runs_is_two_logs_without_its_bounds(read):
    header = '"Step","a - 1 - loss","a - 1 - loss__MIN","a - 1 - loss__MAX","b - loss","b - loss__MIN","b - loss__MAX"'
    first, second = read(f'{header}\n"0","0.5","0.4","0.6","0.7","0.7","0.7"\n"1","0.25","0.2","0.3","",,""\n')
    assert (first.name, values(first), first.series[0].steps.tolist()) == ("a - 1", {"loss": [0.5, 0.25]}, [0, 1])
    assert (second.name, values(second), second.series[0].steps.tolist()) == ("b", {"loss": [0.7]}, [0])
    assert any("lowest and highest" in note for note in first.notes)


def test_the_history_of_wandb_has_steps_and_clock(read):
    (log,) = read("_step,_runtime,_timestamp,loss,val_loss\n0,1.5,1700000000.5,0.5,\n1,2.5,1700000001.5,,0.75\n")
    by_name = {one.name: one for one in log.series}
    assert by_name["val_loss"].steps.tolist() == [1]
    assert by_name["val_loss"].clock.tolist() == [1700000001.5]


def test_a_download_of_tensorboard_is_called_what_the_file_is_called(read):
    (log,) = read("Wall time,Step,Value\n1700000000,1,0.5\n1700000001,2,0.25\n", "run-a-tag-val_loss.csv")
    assert values(log) == {"val_loss": [0.5, 0.25]}
    assert log.series[0].clock[0] == 1700000000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_and_encodings_are_told_apart(read, encoding, delimiter):
    text = f"epoch{delimiter}Verlust é\n1{delimiter}0.5\n2{delimiter}0.25\n"
    (log,) = read(text.encode(encoding))
    assert values(log) == {"Verlust é": [0.5, 0.25]}


def test_decimal_commas_are_read_where_semicolons_divide(read):
    (log,) = read("epoch;loss\n1;0,5\n2;1,25e-1\n3;2\n")
    assert values(log) == {"loss": [0.5, 0.125, 2.0]}


def test_a_comma_in_a_table_of_tabs_is_no_decimal_comma(read):
    (log,) = read("epoch\tloss\tn\n1\t0.5\t1,234\n2\t0.25\t1,235\n")
    assert values(log) == {"loss": [0.5, 0.25]}


def test_comments_and_blank_lines_are_passed_over(read):
    (log,) = read("# made by hand\nepoch,loss\n\n1,0.5\n# half way\n2,0.25\n")
    assert values(log) == {"loss": [0.5, 0.25]}
    assert not log.lost


def test_the_commented_header_of_numpys_savetxt_names_the_columns(read):
    (log,) = read("# epoch,loss\n1,0.5\n2,0.25\n")
    assert values(log) == {"loss": [0.5, 0.25]}
    assert log.series[0].epochs.tolist() == [1, 2]


def test_numbers_without_a_header_are_columns_by_place(read):
    (log,) = read("1,0.5\n2,0.25\n3,0.125\n")
    assert values(log) == {"column 2": [0.5, 0.25, 0.125]}
    assert log.series[0].steps.tolist() == [1, 2, 3]


def test_a_lone_column_of_numbers_is_counted(read):
    (log,) = read("loss\n0.5\n0.25\n0.125\n")
    assert values(log) == {"loss": [0.5, 0.25, 0.125]}
    assert log.series[0].steps.tolist() == [1, 2, 3]
    assert any("counted" in note for note in log.notes)


def test_lines_that_end_in_carriage_returns_are_lines(read):
    (log,) = read("epoch,loss\r1,0.5\r2,0.25\r")
    assert values(log) == {"loss": [0.5, 0.25]}


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_ends(read):
    (log,) = read('epoch,note,loss\n1,"a, ""b""\nand c",0.5\n2,"d",0.25\n')
    assert values(log) == {"loss": [0.5, 0.25]}
    assert not log.lost


def test_a_quote_that_is_never_closed_costs_its_line_only(read):
    (log,) = read('epoch,loss\n1,0.5\n2,"0.25\n3,0.125\n4,0.1\n')
    assert values(log) == {"loss": [0.5, 0.125, 0.1]}
    assert [(one.where, one.records) for one in log.lost] == [("line 3", 1)]
    assert "quote" in log.lost[0].because


def test_lines_with_too_few_or_too_many_cells_are_lost_with_their_numbers(read):
    (log,) = read("epoch,a,b\n1,0.5,0.5\n2,0.5\n3,0.5\n4,0.5,0.5,9\n5,0.25,0.25\n")
    assert values(log) == {"a": [0.5, 0.25], "b": [0.5, 0.25]}
    assert [(one.where, one.records) for one in log.lost] == [("line 3", 2), ("line 5", 1)]
    assert "4 cells where the header has 3" in log.lost[1].because


def test_a_header_that_comes_again_is_a_note_and_no_damage(read):
    (log,) = read("epoch,loss\n1,0.5\n2,0.4\nepoch,loss\n2,0.45\n3,0.3\n")
    assert log.series[0].epochs.tolist() == [1, 2, 2, 3]
    assert any("header comes again in line 4" in note for note in log.notes)
    assert not log.lost


def test_a_later_header_with_more_columns_is_followed(read):
    (log,) = read("epoch,loss\n1,0.5\nacc,epoch,loss\n0.75,2,0.25\n")
    assert values(log) == {"loss": [0.5, 0.25], "acc": [0.75]}


def test_a_text_among_numbers_is_lost_with_its_line(read):
    (log,) = read("epoch,loss\n1,0.5\n2,0.2x5\n3,0.125\n")
    assert values(log) == {"loss": [0.5, 0.125]}
    assert (log.lost[0].where, log.lost[0].records) == ("line 3", 1)
    assert "'0.2x5'" in log.lost[0].because


def test_nan_and_infinity_are_data(read):
    (log,) = read("epoch,loss\n1,0.5\n2,inf\n3, nan\n4,NaN\n")
    np.testing.assert_equal(log.series[0].values, [0.5, np.inf, np.nan, np.nan])


def test_a_field_of_two_million_characters_and_a_megabyte_of_nuls_cost_their_lines_only(read):
    text = "epoch,loss\n1,0.5\n2," + "9" * 2_000_000 + "\n" + "\0" * 1_000_000 + "\n3,0.25\n"
    (log,) = read(text)
    assert values(log) == {"loss": [0.5, 0.25]}
    assert sorted(one.where for one in log.lost) == ["line 3", "line 4"]


def test_a_column_without_a_name_is_pandas_number_of_the_row(read):
    (log,) = read(",loss,val_loss\n0,0.5,0.75\n1,0.25,0.5\n")
    assert values(log) == {"loss": [0.5, 0.25], "val_loss": [0.75, 0.5]}
    assert log.series[0].steps.tolist() == [0, 1]


def test_a_header_without_rows_is_refused_with_the_files_name(read):
    (error,) = read("epoch,loss\n")
    assert isinstance(error, LogError)
    assert "log.csv, line 1" in str(error)
    assert str(error).endswith("Nothing was read.")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"Dear all, this is it,\nand more, of the same,\n"),
        ("seed", b"411"),
        ("hparams.yaml", b"lr: 0.003\nwd: 0.0001\n"),
        ("requirements.txt", b"numpy==1.26\nscipy==1.12\n"),
        ("a.json", b'{"a": 1,\n"b": 2}'),
        ("a.bin", b"\0\1\2,3\n4,5\n"),
        ("words.csv", b"name,place\nAnn,here\nBob,there\n"),
    ],
)
def test_what_is_no_table_of_numbers_is_no_log(tmp_path, name, content):
    recognised = csv_log.recognises(tmp_path / name, content)
    (tmp_path / name).write_bytes(content)
    assert not recognised or isinstance(next(csv_log.read([tmp_path / name], tmp_path)), LogError)
    assert not recognised or name == "words.csv"  # a table by its name, of which reading says that it has no numbers


def test_one_bad_file_does_not_stop_the_others(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n")
    (tmp_path / "b.csv").write_text("epoch,loss\n1,0.5\n")
    bad, good = csv_log.read([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path)
    assert isinstance(bad, LogError)
    assert isinstance(good, Log)


def test_a_pipe_is_an_error_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "log.csv")
    (error,) = csv_log.read([tmp_path / "log.csv"], tmp_path)
    assert "not a regular file" in str(error)


@pytest.mark.parametrize("sample", ["plain/healthy/log.csv", "lightning/overfit/csv/version_0/metrics.csv"])
def test_no_mutant_raises_and_every_error_names_its_file(tmp_path, mutants, sample):
    path = tmp_path / "log.csv"
    for mutant in mutants((FILES / sample).read_bytes(), 150, seed=5):
        path.write_bytes(mutant)
        csv_log.recognises(path, mutant[:HEAD])
        for one in csv_log.read([path], tmp_path):
            assert isinstance(one, Log) or str(path) in str(one)
