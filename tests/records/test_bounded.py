"""Other people's files: what is no regular file is refused at once, and lines are bounded."""

import os

import pytest

from etude.records.bounded import content, lines, opened
from etude.values.errors import LogError


def test_a_folder_a_pipe_and_a_device_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(LogError, match="is not a regular file"), opened(path):
            pass


def test_what_is_not_there_and_what_is_too_large_is_named(tmp_path):
    with pytest.raises(LogError, match=r"nothing\.csv cannot be read: No such file"):
        content(tmp_path / "nothing.csv")
    (tmp_path / "large").write_bytes(b"12345")
    with pytest.raises(LogError, match=r"large has 5 bytes; at most 4 are read"):
        content(tmp_path / "large", most=4)


def test_lines_are_numbered_and_one_that_is_too_long_is_passed_over(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\r\n" + b"x" * 50 + b"\nthree")
    assert list(lines(path, longest=10)) == [(1, b"one"), (2, None), (3, b"three")]


def test_a_circle_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(LogError, match="cannot be read"):
        content(tmp_path / "a")
