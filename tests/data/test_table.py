"""Tables: what each kind of column becomes, and what each kind of damage is told."""

import contextlib
import os
import sys
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from etude.data.load import check, fingerprint, kind_of, limits, load, table
from etude.data.sheet import read_sheet
from etude.data.table import table_frame
from etude.values.data import Table
from etude.values.errors import DataError

ROWS = 40
PLAIN = {
    "age": [str(20 + i) for i in range(ROWS)],
    "city": [("Rome", "Oslo", "Lima")[i % 3] for i in range(ROWS)],
    "left": [("no", "yes")[i % 2] for i in range(ROWS)],
}


@pytest.fixture
def write(tmp_path):
    """Writes columns, text or bytes as a file and says its path."""

    def written(content, name="people.csv"):
        path = tmp_path / name
        if isinstance(content, dict):
            lines = [",".join(content), *(",".join(row) for row in zip(*content.values(), strict=True))]
            content = "\n".join(lines) + "\n"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


def changed(column, row, cell):
    cells = list(PLAIN[column])
    cells[row] = cell
    return {**PLAIN, column: cells}


def loaded(path, *, replicate=0, **fields):
    return load(table(path, **{"target": "left", **fields}), seed=0, replicate=replicate)


def test_numbers_are_scaled_and_texts_become_one_input_a_category(write):
    splits = loaded(write(PLAIN))
    assert splits.features == ("age", "city=Lima", "city=Oslo", "city=Rome")
    assert splits.train.inputs[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert splits.train.inputs[:, 0].std() == pytest.approx(1, abs=1e-6)
    assert (splits.train.inputs[:, 1:].sum(axis=1) == 1).all()
    assert (splits.kind, splits.classes) == ("binary", ("no", "yes"))
    assert "one input a category: 'city' (3)" in splits.notes


def test_every_row_lands_in_one_part(write):
    parts = loaded(write(PLAIN)).parts()
    assert [part.targets.size for part in parts.values()] == [24, 8, 8]


def test_gaps_are_refused_with_place_count_and_both_ways_out(write):
    cells = changed("age", 3, "NA")
    cells["age"][9] = ""
    with pytest.raises(
        DataError, match=r"people\.csv, line 5, column 'age'.*one of 2.*missing=\"impute\".*drop=\[\"age\"\]"
    ):
        loaded(write(cells))


@pytest.mark.parametrize("gap", ["", "NA", "NaN", "nan", "null", "None", "?"])
def test_gaps_in_numbers_take_the_training_median_and_are_marked(write, gap):
    cells = changed("age", 3, gap)
    splits = loaded(write(cells), missing="impute")
    assert splits.features[:2] == ("age", "age is missing")
    marked = np.concatenate([part.inputs[:, 1] for part in splits.parts().values()])
    assert sorted(set(marked.tolist())) == [0, 1]
    assert marked.sum() == 1
    assert "1 gap in 'age', filled with the training median and marked" in splits.notes


def test_the_fill_is_the_median_of_training_rows_only(write):
    # 39 known ages; whatever part the gap falls in, its filled value is the scaled median of the training rows
    path = write(changed("age", 3, "NA"))
    for replicate in range(4):
        splits = loaded(path, missing="impute", replicate=replicate)
        known = splits.train.inputs[splits.train.inputs[:, 1] == 0, 0]
        filled = [part.inputs[part.inputs[:, 1] == 1, 0] for part in splits.parts().values()]
        assert np.concatenate(filled)[0] == pytest.approx(np.median(known), abs=1e-6)


def test_gaps_in_texts_are_a_category_of_their_own(write):
    splits = loaded(write(changed("city", 3, "NA")), missing="impute")
    assert "city=missing" in splits.features
    assert "1 gap in 'city', a category of their own, 'missing'" in splits.notes


def test_a_category_no_training_row_has_is_zero_everywhere_and_said(write):
    path = write(changed("city", 3, "Bern"))
    found = {True: 0, False: 0}
    for replicate in range(12):
        splits = loaded(path, replicate=replicate)
        at = splits.features.index("city=Bern")
        in_training = bool(splits.train.inputs[:, at].any())
        found[in_training] += 1
        outside = sum(part.inputs[:, at].sum() for part in (splits.validation, splits.test))
        assert outside == 0
        assert any("not among the training rows of a replicate" in note for note in splits.notes) == (not in_training)
    assert min(found.values()) > 0


def test_truth_values_are_one_and_zero(write):
    cells = {**PLAIN, "city": [("True", "false")[i % 2] for i in range(ROWS)]}
    splits = loaded(write(cells))
    assert splits.features == ("age", "city")
    assert "true is 1 and false is 0: 'city'" in splits.notes


def test_constant_and_unwanted_columns_are_left_out_and_said(write):
    cells = {**PLAIN, "planet": ["Earth"] * ROWS, "name": [f"person {i}" for i in range(ROWS)]}
    splits = loaded(write(cells), drop=("name",))
    assert "dropped 'planet': the same in every row" in splits.notes
    assert "left out as asked: name" in splits.notes
    assert not [name for name in splits.features if name.startswith(("planet", "name"))]


def test_a_numeric_target_with_many_values_is_a_regression_in_its_own_unit(write):
    splits = loaded(write(PLAIN), target="age")
    assert splits.kind == "regression"
    assert splits.target_center == pytest.approx(splits.train.targets.mean())
    assert splits.target_scale == pytest.approx(splits.train.targets.std())
    assert 20 <= splits.train.targets.min() <= splits.train.targets.max() < 60


def test_a_numeric_target_with_few_values_is_classes_in_numeric_order_and_said(write):
    cells = {**PLAIN, "left": [str((10, 9, 100)[i % 3]) for i in range(ROWS)]}
    splits = loaded(write(cells))
    assert splits.classes == ("9", "10", "100")
    assert any("read as 3 classes" in note and "kind='regression'" in note for note in splits.notes)
    assert kind_of(table(write(cells), target="left", kind="regression")) == "regression"


@pytest.mark.parametrize(
    "content",
    [
        "﻿age,city,left\r\n" + "".join(f"{20 + i},Rome {i % 3},{'yes' if i % 2 else 'no'}\r\n" for i in range(ROWS)),
        "age;city;left\n" + "".join(f"{20 + i};Rome {i % 3};{'yes' if i % 2 else 'no'}\n" for i in range(ROWS)),
        "age, city, left\n\n" + "".join(f'{20 + i}, "Rome {i % 3}", {"yes" if i % 2 else "no"}\n' for i in range(ROWS)),
    ],
    ids=["byte order mark and CRLF", "semicolons", "spaces and a blank line"],
)
def test_the_common_dialects_of_csv_give_the_same_columns(write, content):
    content = content.replace(', "', ',"')
    assert loaded(write(content)).features == ("age", "city=Rome 0", "city=Rome 1", "city=Rome 2")


def test_a_tsv_is_read_by_tabs(write):
    content = "age\tleft\n" + "".join(f"{i}\t{i % 2}\n" for i in range(ROWS))
    assert loaded(write(content, "people.tsv")).features == ("age",)


def test_a_quoted_line_break_does_not_shift_the_lines_of_errors(write):
    rows = "".join(f"{20 + i},Rome,{'yes' if i % 2 else 'no'}\n" for i in range(ROWS))
    content = 'age,city,left\n1,"New\nYork",no\n,Rome,yes\n' + rows
    with pytest.raises(DataError, match=r"line 4, column 'age'"):
        loaded(write(content))


def test_parquet_and_csv_of_the_same_rows_give_the_same_splits(write, tmp_path):
    numbers = pa.table({**PLAIN, "age": pa.array([20 + i for i in range(ROWS)])})
    parquet.write_table(numbers, tmp_path / "people.parquet")
    assert loaded(tmp_path / "people.parquet").checksum == loaded(write(PLAIN)).checksum


def test_parquet_nulls_categories_and_truths_are_understood(tmp_path):
    columns = {
        "age": pa.array([None, *range(1, ROWS)], pa.float64()),
        "city": pa.array(PLAIN["city"]).dictionary_encode(),
        "old": pa.array([i % 2 == 0 for i in range(ROWS)]),
        "left": pa.array(PLAIN["left"]),
    }
    parquet.write_table(pa.table(columns), tmp_path / "people.parquet")
    splits = loaded(tmp_path / "people.parquet", missing="impute")
    assert splits.features == ("age", "age is missing", "city=Lima", "city=Oslo", "city=Rome", "old")
    with pytest.raises(DataError, match=r"people\.parquet, row 1, column 'age'"):
        loaded(tmp_path / "people.parquet")


def test_a_parquet_column_of_lists_is_refused_by_name(tmp_path):
    parquet.write_table(pa.table({"x": [[1, 2], [3, 4]], "left": [0, 1]}), tmp_path / "lists.parquet")
    with pytest.raises(DataError, match=r"column 'x' holds list.*columns of their own"):
        loaded(tmp_path / "lists.parquet")


def test_a_damaged_parquet_file_is_refused(write):
    with pytest.raises(DataError, match=r"junk\.parquet is not a readable Parquet file.*write it again"):
        loaded(write(b"PAR1 and then nothing that makes sense", "junk.parquet"))


def test_without_pyarrow_the_error_says_what_to_install(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"reading Parquet needs pyarrow\. Run: pip install 'etude\[data\]'"):
        loaded(write(b"PAR1", "other.parquet"))


@pytest.mark.parametrize(
    ("content", "fields", "says"),
    [
        (PLAIN, {"target": "lef"}, r"no column 'lef' \(target\)\. Did you mean 'left'\? Known: age, city, left"),
        (PLAIN, {"drop": ("citty",)}, r"no column 'citty' \(drop\)\. Did you mean 'city'"),
        (PLAIN, {"drop": ("left",)}, r"'left' is both target and in drop"),
        (PLAIN, {"drop": ("age", "city")}, r"no column is left to learn from"),
        (PLAIN, {"kind": "regression"}, r"kind='regression' needs numbers.*'no'"),
        (changed("age", 3, "old"), {}, r"line 5, column 'age': 'old' is text where numbers belong \(98 % .*drop="),
        (changed("age", 3, "1_000"), {}, r"line 5, column 'age': '1_000' is text where numbers belong"),
        (changed("age", 3, "-NAN"), {}, r"line 5, column 'age': '-NAN' is text where numbers belong"),
        (changed("age", 3, "inf"), {}, r"line 5, column 'age': inf is infinite or beyond 3\.4e\+38"),
        (changed("age", 3, "1e39"), {}, r"line 5, column 'age': 1e\+39 is infinite or beyond"),
        (
            changed("left", 3, ""),
            {},
            r"column 'left': the target is missing in 1 of 40 rows \(line 5\).*remove those rows",
        ),
        (changed("left", 3, "maybe"), {}, r"class 'maybe' of 'left' has 1 row, and.*at least 3.*merge"),
        ({**PLAIN, "left": ["no"] * ROWS}, {}, r"every row has the class 'no'.*another class"),
        ("age,age,left\n1,2,no\n", {}, r"line 1: the header names 'age' in columns 1, 2.*rename all but one"),
        (",age,left\n0,1,no\n", {}, r"line 1: column 1 has no name.*drop=\[\"\"\]"),
        ("age,left\n1,no\n2,yes,3\n", {}, r"line 3 has 3 cells, but the header has 2.*Correct that line"),
        ("age,left\n1,no\n2\n", {}, r"line 3 has 1 cell, but the header has 2"),
        ("", {}, r"people\.csv is empty \(0 bytes\)"),
        ("\n\n", {}, r"people\.csv has no text"),
        ("age,left\n", {}, r"has a header but no rows"),
        ('age,left\n1,no\n"2,yes\n3,no\n', {}, r"line \d+: unexpected end of data.*from line 3 on"),
        ("age,left\n1," + "x" * 200_000 + "\n", {}, r"line 2: field larger than field limit.*131072 characters"),
        (b"age,left\n1,no\n2,caf\xe9\n", {}, r"line 3: byte 19 \(0xe9\) is not UTF-8.*save it again as UTF-8"),
        (b"age,left\n1,\x00\x01\x02\n", {}, r"byte 11 is NUL, so this is not a UTF-8 text file"),
        ("age,left\n1,no\n2,yes\n", {}, r"class 'no' of 'left' has 1 row"),
    ],
)
def test_damage_is_told_with_place_reason_and_way_out(write, content, fields, says):
    with pytest.raises(DataError, match=says):
        loaded(write(content), **fields)


def test_a_column_of_names_is_refused_with_the_way_to_leave_it_out(write):
    content = "name,left\n" + "".join(f"person {i},{i % 2}\n" for i in range(60))
    with pytest.raises(DataError, match=r"column 'name': 60 different texts in 60 rows.*drop = \[\"name\"\]"):
        loaded(write(content))


def test_all_columns_to_leave_out_are_told_at_once_with_one_ready_line(write):
    header = "customerID,plan,signup,left,note\n"
    rows = (f"c-{i},{'ab'[i % 2]},2024-{1 + i // 28:02}-{1 + i % 28:02},{i % 2},-\n" for i in range(60))
    path = write(header + "".join(rows))
    with pytest.raises(DataError, match=r"'customerID': 60 .*'signup': 60 .*drop = \[\"customerID\", \"signup\"\]$"):
        loaded(path)
    with pytest.raises(DataError, match=r"drop = \[\"note\", \"customerID\", \"signup\"\]$"):
        loaded(path, drop=("note",))
    assert loaded(path, drop=("note", "customerID", "signup")).features == ("plan=a", "plan=b")


def semicolons(cells):
    return "x;left\n" + "".join(f"{cell};{i % 2}\n" for i, cell in enumerate(cells))


def test_decimal_commas_are_read_as_points_and_said(write):
    commas = write(semicolons([f"{i // 10 - 2},{i % 10}" for i in range(ROWS)]), "commas.csv")
    points = write(semicolons([f"{i // 10 - 2}.{i % 10}" for i in range(ROWS)]), "points.csv")
    splits = loaded(commas)
    assert splits.features == ("x",)
    assert splits.checksum == loaded(points).checksum
    assert "decimal commas read as points: 'x'" in splits.notes


@pytest.mark.parametrize(
    ("cell", "number"), [("1.234,5", 1234.5), ("12.345.678", 12345678.0), ("-16,98", -16.98), ("1,5E-3", 0.0015)]
)
def test_thousands_points_signs_and_exponents_go_with_decimal_commas(write, cell, number):
    path = write(semicolons([cell, *(f"{i},5" for i in range(1, ROWS))]))
    assert table_frame(table(path, target="left")).columns[0].values[0] == number


def test_a_target_with_decimal_commas_is_a_regression(write):
    path = write(semicolons([f"{i},5" for i in range(ROWS)]).replace("left", "y").replace("x", "left"))
    splits = load(table(path, target="left"), seed=0, replicate=0)
    assert splits.kind == "regression"
    assert "decimal commas read as points: 'left'" in splits.notes


def test_gaps_and_whole_numbers_may_stand_among_decimal_commas(write):
    path = write(semicolons(["NA", "3", *(f"{i},5" for i in range(2, ROWS))]))
    assert loaded(path, missing="impute").features == ("x", "x is missing")


def test_a_slip_among_decimal_commas_is_refused_where_it_stands(write):
    with pytest.raises(DataError, match=r"line 5, column 'x': '7\.5' is text where numbers belong \(98 %"):
        loaded(write(semicolons(["1,5", "2,5", "3,5", "7.5", *(f"{i},5" for i in range(4, ROWS))])))


def test_texts_with_commas_stay_categories(write):
    assert loaded(write(semicolons([("Rome, Italy", "1,5")[i // 2 % 2] for i in range(ROWS)]))).features == (
        "x=1,5",
        "x=Rome, Italy",
    )


def test_commas_that_may_set_off_thousands_are_refused_not_guessed(write):
    content = "x,left\n" + "".join(f'"{1 + i},234",{i % 2}\n' for i in range(ROWS))
    with pytest.raises(DataError, match=r"line 2, column 'x': '1,234' may be 1234 or 1\.234.*without commas"):
        loaded(write(content))
    # a semicolon between cells is written where the comma is the decimal mark
    path = write(content.replace(",left", ";left").replace('",', '";'), "european.csv")
    assert table_frame(table(path, target="left")).columns[0].values[0] == 1.234


def test_gaps_of_many_columns_are_one_sentence_without_a_replicates_number(write):
    cells = changed("age", 3, "NA")
    path = write({**cells, "height": ["NA", "", *map(str, range(2, ROWS))]})
    for replicate in range(3):
        notes = loaded(path, missing="impute", replicate=replicate).notes
        assert "1 to 2 gaps in each of 2 columns, filled with the training median and marked: 'age', 'height'" in notes


def test_notes_are_the_same_for_every_replicate_of_well_filled_columns(write):
    path = write(changed("age", 3, "NA"))
    assert len({loaded(path, missing="impute", replicate=replicate).notes for replicate in range(5)}) == 1


def test_rows_written_three_times_are_told_once(write):
    rng = np.random.default_rng(0)
    rows = [f"{x:.6f},{y}" for x, y in zip(rng.normal(size=20), rng.permutation(20) % 2, strict=True)]
    once, thrice = write("x,left\n" + "\n".join(rows), "once.csv"), write("x,left\n" + "\n".join(3 * rows), "three.csv")
    told = [note for note in loaded(thrice).notes if "more than once" in note]
    assert told == ["60 of 60 rows occur more than once; copies may stand in training and test: a score may be memory"]
    assert not any("more than once" in note for note in loaded(once).notes)


def test_equal_inputs_with_another_target_are_no_copies(write):
    content = "x,left\n0,a\n-0.0,a\n0,b\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(1, ROWS))
    assert any(note.startswith("2 of 42 rows occur more than once") for note in loaded(write(content)).notes)


@pytest.mark.parametrize(("first", "step", "told"), [(0, 1, True), (1, 1, True), (1000, 1, True), (0, 3, False)])
def test_a_column_that_numbers_the_rows_is_told(write, first, step, told):
    cells = {"id": [str(first + step * (7 * i % ROWS)) for i in range(ROWS)], "x": [str(i / 3) for i in range(ROWS)]}
    notes = loaded(write({**cells, "left": PLAIN["left"]})).notes
    says = "'id': every row has another whole number; if it is an identifier, drop it"
    assert (says in notes) == told


def test_a_twenty_thousand_column_table_is_read_in_seconds(write):
    names = [f"x{i}" for i in range(20_000)]
    rng = np.random.default_rng(0)
    lines = [",".join(map(str, row)) + f",{i % 2}" for i, row in enumerate(rng.integers(0, 9, (20, 20_000)).tolist())]
    path = write("\n".join([",".join([*names, "left"]), *lines]))
    before = time.process_time()
    loaded(path)
    assert time.process_time() - before < 5


def test_a_file_that_is_not_there_or_not_a_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv' cannot be read: No such file.*Check the name"):
        check(Table(table=str(tmp_path / "nowhere.csv"), target="left"))
    with pytest.raises(DataError, match=r"is a folder\. Name the \.csv"):
        check(Table(table=str(tmp_path), target="left"))


def test_what_is_no_regular_file_is_refused_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        with pytest.raises(DataError, match=rf"{name} is a pipe, socket or device.*save the rows.*Nothing was read"):
            check(Table(table=str(tmp_path / name), target="left"))


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(write):
    path = write(PLAIN)
    os.truncate(path, 3 * 2**30)  # a hole: it takes no room on the disk
    with pytest.raises(DataError, match=r"people\.csv has 3\.0 GiB; at most 2 GiB.*sample of the rows"):
        check(Table(table=str(path), target="left"))


def test_a_spreadsheet_is_refused_with_the_way_out(write):
    with pytest.raises(DataError, match=r"ends in \.csv, \.tsv, \.parquet, not '\.xlsx'.*as CSV"):
        loaded(write(b"PK", "people.xlsx"))


def test_a_changed_file_is_read_again_and_has_another_fingerprint(write):
    path = write(PLAIN)
    data = table(path, target="left")
    before = fingerprint(data), load(data, seed=0, replicate=0).checksum
    write(changed("age", 3, "99.5"))
    assert fingerprint(data) != before[0]
    assert load(data, seed=0, replicate=0).checksum != before[1]


def test_the_best_constant_of_a_table_is_its_base_rate(write):
    cells = {**PLAIN, "left": ["yes" if i % 4 == 0 else "no" for i in range(ROWS)]}
    found = limits(table(write(cells), target="left"), seed=0)
    assert found["accuracy"].best_constant == 0.75
    assert found["log_loss"].bayes is None


def test_thirty_replicates_parse_the_file_once(write):
    data = table(write(PLAIN), target="left")
    before = read_sheet.cache_info().misses
    for replicate in range(30):
        load(data, seed=0, replicate=replicate)
    assert read_sheet.cache_info().misses == before


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200) | st.text(alphabet='ab1,;"\n\r\t .-?e', max_size=80).map(str.encode))
def test_whatever_bytes_a_file_holds_it_is_read_or_refused_as_data(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("junk") / "junk.csv"
    path.write_bytes(b"a,b\n" + content)
    with contextlib.suppress(DataError):
        table(path, target="b")


def test_a_parquet_file_cut_anywhere_is_refused(tmp_path):
    parquet.write_table(pa.table(PLAIN), tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    for i, end in enumerate(range(1, len(content), 97)):
        path = tmp_path / f"cut{i}.parquet"
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match="not a readable Parquet file"):
            table(path, target="left")
