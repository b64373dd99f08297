"""Time series in .ts files: genuine ones are read to the digit, and each kind of damage is told with its line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.data.formats.series import KEYWORDS, read_series
from etude.values.errors import DataError

FILES = Path(__file__).parent / "files"
HEADER = "#made by hand\n@problemName Steps\n@timeStamps false\n@classLabel true up down\n@data\n"


def read(lines, header=HEADER):
    return read_series(header + lines, "steps.ts")


def refused(lines, says, header=HEADER):
    with pytest.raises(DataError, match=f"^steps.ts{says}"):
        read(lines, header)


def genuine(name):
    return read_series((FILES / f"{name}.ts").read_text(encoding="utf-8"), name)


def test_genuine_cases_of_different_length_are_read():
    vowels = genuine("JapaneseVowels")
    assert vowels.labels == ("1", "1", "2", "2", "9", "9")
    assert vowels.classes == tuple("123456789")
    assert [case.shape for case in vowels.cases] == [(20, 12), (26, 12), (18, 12), (17, 12), (17, 12), (12, 12)]
    first = vowels.cases[0]
    # the first line of data begins 1.860936,1.891651, its second channel -0.207383, and it ends -0.175986:1
    assert (first[0, 0], first[1, 0], first[0, 1]) == tuple(np.float32([1.860936, 1.891651, -0.207383]))
    assert first[-1, -1] == np.float32(-0.175986)


def test_genuine_cases_of_one_channel_are_read():
    power = genuine("ItalyPowerDemand")
    assert power.labels == ("1", "1", "2", "2", "1", "2")
    assert {case.shape for case in power.cases} == {(24, 1)}
    assert power.cases[2][-1, 0] == np.float32(1.6000516)


def test_channels_become_columns():
    case = read("1,2,3:4,5,6:up\n").cases[0]
    assert case.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert case.dtype == np.float32
    assert not case.flags.writeable


def test_classes_come_in_the_declared_order_even_where_a_case_is_lacking():
    assert read("1:down\n").classes == ("up", "down")


def test_classes_that_are_not_declared_by_name_are_sorted():
    assert read("1:b\n2:a\n3:b\n", "@classLabel true\n@data\n").classes == ("a", "b")


@pytest.mark.parametrize(
    "lines", [" 1 , 2 : up \n", "\n1,2:up", "#one\n% two\n1,2:up\n\n", "1,2:up\r\n", "+1.0,2e0:up\n", "1,2:up\n#end"]
)
def test_spaces_blank_lines_remarks_and_line_ends_change_nothing(lines):
    series = read(lines)
    assert (series.cases[0].ravel().tolist(), series.labels) == ([1, 2], ("up",))


def test_keywords_are_known_in_any_case_and_after_a_byte_order_mark():
    assert read("1:up\n", "\ufeff@CLASSLABEL TRUE up\n@DATA\n").labels == ("up",)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("1,2:up\n1,?,?:up\n", ", line 7, channel 1: value 2 is missing .*one of 2 there.* fill them in, or remove"),
        ("1,2:3,?:up\n", ", line 6, channel 2: value 2 is missing"),
        ("1,2:3:up\n", ", line 6: channel 2 has 1 values, but channel 1 has 2"),
        (":up\n", ", line 6, channel 1 is a series of length 0"),
        ("1:  :up\n", ", line 6, channel 2 is a series of length 0"),
        ("1,2\n", ", line 6 has no label"),
        ("1,2:\n", ", line 6 has no label"),
        ("1,2:upp\n", ", line 6: the header does not declare the label 'upp'. Did you mean 'up'"),
        ("1,2:UP\n", ", line 6: the header does not declare the label 'UP'"),
        ("1,two:up\n", ", line 6, channel 1: value 2, 'two', is not a number"),
        ("1,,2:up\n", ", line 6, channel 1: value 2, '', is not a number"),
        ("1,1_000:up\n", ", line 6, channel 1: value 2, '1_000', is not a number"),
        ("(0,1),(1,2):up\n", ", line 6, channel 1: value 1, '\\(0', is not a number"),
        ("1,NaN:up\n", ", line 6, channel 1: value 2, 'NaN', is not finite"),
        ("-inf:up\n", ", line 6, channel 1: value 1, '-inf', is not finite"),
        ("1:1e39:up\n", ", line 6, channel 2: value 1, '1e39', is not finite as float32"),
        ("1:up\n1:2:up\n", ", line 7 has 2 channels, but the first case has 1"),
        (f"{'x' * 99}:up\n", f", line 6, channel 1: value 1, '{'x' * 39}…', is not a number"),
        ("", " has a header but no cases"),
        ("\n#1:up\n", " has a header but no cases"),
    ],
)
def test_damage_among_the_cases_is_told_with_its_line(lines, says):
    refused(lines, says)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", ", line 1: '1,2:up' is not a keyword"),
        ("@classLabel true up\n", ", line 2: '1,2:up' is not a keyword of the header, which @data ends"),
        ("@clasLabel true up\n@data\n", ", line 1: '@claslabel' is not a keyword .* Did you mean '@classlabel'"),
        ("@data\n", " has no line @classLabel"),
        ("@classLabel false\n@data\n", ", line 1: the cases have no labels"),
        ("@classLabel\n@data\n", ", line 1: @classlabel needs true and the labels, or false, not ''"),
        ("@classLabel true up up\n@data\n", ", line 1: a label is declared twice"),
        ("@classLabel true up\n@classLabel true down\n@data\n", ", line 2: @classlabel is declared a second time"),
        ("@timeStamps true\n@data\n", ", line 1: the values have timestamps.* Write the file with values alone"),
        ("@timeStamps maybe\n@data\n", ", line 1: @timestamps needs true or false, not 'maybe'"),
        ("@targetLabel true\n@data\n", ", line 1: the cases are labelled with numbers"),
        ("@dimensions many\n@data\n", ", line 1: @dimensions needs a whole number from 1 on, not 'many'"),
        ("@dimensions ²\n@data\n", ", line 1: @dimensions needs a whole number from 1 on"),
        ("@seriesLength 0\n@data\n", ", line 1: @serieslength needs a whole number from 1 on, not '0'"),
        (f"@seriesLength {'9' * 5000}\n@data\n", ", line 1: @serieslength needs a whole number"),
        ("@univariate true\n@dimensions 2\n@classLabel true up\n@data\n", ": the header declares 1 and 2 channels"),
        ("@dimension 3\n@dimensions 2\n@classLabel true up\n@data\n", ": the header declares 2 and 3 channels"),
        ("@dimensions 2\n@classLabel true up\n@data\n", ", line 4 has 1 channel, but the header declares 2"),
        ("@seriesLength 3\n@classLabel true up\n@data\n", ", line 4 has 2 values a channel, but @seriesLength says 3"),
    ],
)
def test_a_header_that_is_wrong_or_not_kept_to_is_told_with_its_line(header, says):
    refused("1,2:up\n", says, header)


def test_lengths_may_differ_unless_the_header_says_that_they_are_equal():
    lines, equal = "1,2:up\n1:up\n", "@equalLength true\n@classLabel true up\n@data\n"
    assert [len(case) for case in read(lines).cases] == [2, 1]
    refused(lines, ", line 5 has 1 value a channel, but @equalLength is true and the first case has 2", equal)


def test_a_file_without_its_data_is_refused():
    refused("", " has no line @data", "@classLabel true up\n")
    refused("", " has no line @data", "")


numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(
    channels=st.integers(1, 3),
    held=st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["up", "down"])), min_size=1, max_size=4),
    data=st.data(),
)
def test_what_is_written_is_read_back(channels, held, data):
    cases = [[[data.draw(numbers) for _ in range(length)] for _ in range(channels)] for length, _ in held]
    lines = [
        ":".join([*(",".join(map(repr, channel)) for channel in case), label])
        for case, (_, label) in zip(cases, held, strict=True)
    ]
    series = read("\n".join(lines))
    assert [case.T.tolist() for case in series.cases] == cases
    assert series.labels == tuple(label for _, label in held)


words = st.sampled_from(
    [*KEYWORDS, "@data", "true", "false", "1", "-2.5", "?", "nan", "a", "b", ":", ",", "\n", " ", "#"]
)


@given(st.text(max_size=60) | st.lists(words, max_size=60).map("".join))
def test_no_text_raises_anything_but_a_data_error(text):
    for whole in (text, HEADER + text):
        try:
            series = read_series(whole, "steps.ts")
        except DataError:
            continue
        assert len(series.cases) == len(series.labels) > 0
        assert all(np.isfinite(case).all() for case in series.cases)
