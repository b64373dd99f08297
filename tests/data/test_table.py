"""Tables: what each kind of column becomes, and what each kind of damage is told."""

import contextlib
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from etude.data.load import check, fingerprint, kind_of, limits, load, table
from etude.data.sheet import read_sheet
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
    assert "'city': 3 categories, one input each" in splits.notes


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
    assert any("'age': 1 gap filled with the training median" in note for note in splits.notes)


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
    assert any("'city': 1 gap" in note and "'missing'" in note for note in splits.notes)


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
        assert any("not among the training rows, so all 0" in note for note in splits.notes) == (not in_training)
    assert min(found.values()) > 0


def test_truth_values_are_one_and_zero(write):
    cells = {**PLAIN, "city": [("True", "false")[i % 2] for i in range(ROWS)]}
    splits = loaded(write(cells))
    assert splits.features == ("age", "city")
    assert "'city': true is 1 and false is 0" in splits.notes


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
    with pytest.raises(DataError, match=r"column 'name': 60 different texts in 60 rows.*drop=\[\"name\"\]"):
        loaded(write(content))


def test_a_file_that_is_not_there_or_not_a_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv' cannot be read: No such file.*Check the name"):
        check(Table(table=str(tmp_path / "nowhere.csv"), target="left"))
    with pytest.raises(DataError, match=r"is a folder\. Name the \.csv"):
        check(Table(table=str(tmp_path), target="left"))


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
