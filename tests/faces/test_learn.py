"""`etude learn`: what is listed, what is written, and what is never replaced."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from etude.faces import learn
from etude.faces.learn import learn_lesson, lesson_lines, lessons_json, notebook_of, write_lesson
from etude.faces.lessons import Listed, Measured, lesson_file, lesson_files, listed
from etude.values.errors import EngineError, RecipeError, ReportError

LISTED = Listed(3, "L2", "Does it help?", Path("03_l2.py"), Measured(small_seconds=31, full_seconds=200))


def test_the_list_says_number_title_time_and_question():
    assert list(lesson_lines([LISTED])) == [" 3  L2 · 31 s, in full 3 min 20 s", "    Does it help?"]


def test_the_list_says_no_time_that_was_not_measured():
    untimed = Listed(3, "L2", "Does it help?", Path("03_l2.py"), Measured())
    assert next(iter(lesson_lines([untimed]))) == " 3  L2"
    assert json.loads(lessons_json([untimed]))["lessons"][0]["seconds"] is None


def test_every_lesson_is_listed_with_a_question():
    assert [lesson.number for lesson in listed()] == [int(path.stem[:2]) for path in lesson_files()]
    assert all(lesson.question.endswith("?") for lesson in listed())


def test_a_lesson_is_written_as_a_notebook_that_has_not_run(tmp_path: Path):
    path, written = write_lesson(1, tmp_path / "new folder", fresh=False)
    assert written
    held = json.loads(path.read_text("utf-8"))
    assert path.name == "01_baseline.ipynb"
    assert held == notebook_of(lesson_file(1))
    assert {tuple(cell["outputs"]) for cell in held["cells"] if cell["cell_type"] == "code"} == {()}


def test_what_the_reader_has_written_into_a_lesson_is_kept_unless_it_is_begun_anew(tmp_path: Path):
    path, _ = write_lesson(1, tmp_path, fresh=False)
    held = json.loads(path.read_text("utf-8"))
    held["cells"].append({"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "my answer"})
    path.write_text(json.dumps(held), "utf-8")
    assert write_lesson(1, tmp_path, fresh=False) == (path, False)
    assert "my answer" in path.read_text("utf-8")
    assert write_lesson(1, tmp_path, fresh=True) == (path, True)
    assert "my answer" not in path.read_text("utf-8")


@pytest.mark.parametrize("content", ['{"cells": []}', "a diary", "", '{"metadata": {"etude": {"lesson": 2}}}'])
def test_a_file_that_is_not_that_lesson_is_never_replaced(tmp_path: Path, content: str):
    path = tmp_path / "01_baseline.ipynb"
    path.write_text(content, "utf-8")
    with pytest.raises(ReportError, match=r"is not the notebook of lesson 1.*--to.*as it was"):
        write_lesson(1, tmp_path, fresh=True)
    assert path.read_text("utf-8") == content


def test_a_folder_that_cannot_be_written_is_said_with_the_way_out(tmp_path: Path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(ReportError, match=r"cannot be written.*--to.*Nothing was written"):
        write_lesson(1, tmp_path / "file", fresh=False)


def test_a_number_that_no_lesson_has_lists_those_that_exist(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"no lesson 99\. There are 1"):
        write_lesson(99, tmp_path, fresh=False)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_one_line_with_the_command_that_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(learn, "NEEDS", ("numpy", "no_such_package", "nor_this"))
    with pytest.raises(EngineError) as refused:
        write_lesson(1, tmp_path, fresh=False)
    assert str(refused.value) == (
        'a lesson needs no_such_package and nor_this, not installed here. Run: pip install "etude[learn]". '
        "Nothing was written."
    )
    assert list(tmp_path.iterdir()) == []


def test_without_jupyter_it_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(learn, "SERVERS", ("no_such_package",))
    said = list(learn_lesson(1, tmp_path, fresh=False, opens=True))
    assert said[0] == f"{tmp_path / '01_baseline.ipynb'} written"
    assert 'pip install "etude[learn]"' in said[1]


def test_with_jupyter_it_is_opened_by_the_same_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pretend_jupyter.py").write_text("import sys, pathlib; pathlib.Path('seen').write_text(sys.argv[1])")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(learn, "SERVERS", ("no_such_package", "pretend_jupyter"))
    said = list(learn_lesson(1, tmp_path, fresh=False, opens=True))
    assert said[-1] == "opening it; end with Ctrl-C"
    assert (tmp_path / "seen").read_text() == str(tmp_path / "01_baseline.ipynb")


def test_the_command_lists_on_standard_output_and_talks_on_standard_error(tmp_path: Path):
    def etude(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "etude", "learn", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert " 1  A baseline and its loss curves" in etude().stdout
    assert json.loads(etude("--json").stdout)["lessons"][0]["number"] == 1
    written = etude("1", "--no-open")
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "01_baseline.ipynb written\n")
    unknown = etude("99", "--no-open")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
