"""Windows of a text, and at each position the character that comes next."""

import numpy as np
import pytest

from etude.data.load import check, fingerprint, kind_of, limits, load
from etude.values.data import Text
from etude.values.errors import DataError

LINE = "the quick brown fox jumps over the lazy dog; "


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text(LINE * 40, encoding="utf-8")
    return path


def test_the_targets_are_the_inputs_one_character_later(book):
    splits = load(Text(text=str(book), length=9), seed=0, replicate=0)
    assert splits.form == (9,)
    assert splits.each_position
    assert splits.characters == len(splits.classes) == len(set(LINE))
    for part in splits.parts().values():
        assert part.inputs.shape == part.targets.shape
        assert (part.inputs[:, 1:] == part.targets[:, :-1]).all()
    spelled = "".join(splits.classes[int(code)] for code in splits.train.inputs[0])
    assert spelled in LINE * 2


def test_the_end_is_the_test_part_and_validation_is_one_piece_of_the_rest(book):
    data = Text(text=str(book), length=9)
    one, other = (load(data, seed=0, replicate=r) for r in (0, 1))
    assert (one.test.inputs == other.test.inputs).all()
    windows = (len(LINE) * 40 - 1) // 9
    assert len(one.train.inputs) + len(one.validation.inputs) + len(one.test.inputs) == (len(LINE) * 40 - 1) // 9
    assert len(one.test.inputs) == int(windows * 0.1)
    follows = one.validation.targets[:-1, -1] == one.validation.inputs[1:, 0]
    assert follows.all()


def test_rows_are_drawn_of_the_windows_to_learn_from(book):
    few = load(Text(text=str(book), length=9, rows=30), seed=0, replicate=0)
    assert len(few.train.inputs) == 30


def test_the_limits_are_chance_and_the_likeliest_character(book):
    found = limits(Text(text=str(book), length=9), seed=0)
    n = len(set(LINE))
    assert found["log_loss"].chance == pytest.approx(np.log(n))
    assert found["accuracy"].best_constant == pytest.approx(LINE.count(" ") / len(LINE))
    assert found["log_loss"].bayes is None
    assert kind_of(Text(text=str(book))) == "multiclass"


def test_an_edit_is_another_text_and_line_ends_of_windows_are_not(book):
    before = fingerprint(Text(text=str(book)))
    book.write_text(LINE * 40 + "!", encoding="utf-8")
    assert fingerprint(Text(text=str(book))) != before
    book.write_bytes((LINE * 40 + "\r\n").encode())
    with_windows = fingerprint(Text(text=str(book)))
    book.write_bytes((LINE * 40 + "\n").encode())
    assert fingerprint(Text(text=str(book))) == with_windows


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"good\nbad \xff\n" * 50, r"line 2: byte 9 is 0xff, which is no character in UTF-8"),
        (b"a" * 1000, "1 different characters"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 600))).encode() * 3, "600 different characters"),
        (b"", "0 different characters"),
        (b"ab" * 40, r"80 characters are 1 windows of 64, and 0 of them are left"),
    ],
)
def test_what_is_no_text_to_learn_from_is_refused(tmp_path, content, says):
    path = tmp_path / "odd.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        check(Text(text=str(path)))


def test_a_file_that_is_not_there_is_named_with_what_there_is():
    with pytest.raises(DataError, match=r"nowhere\.txt: cannot be read .*moby_dick"):
        check(Text(text="nowhere.txt"))
