"""`etude learn`: what is listed, what is written, and what is never replaced."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from etude.faces import learn
from etude.faces.learn import (
    check_list,
    learn_lesson,
    lesson_lines,
    lessons_json,
    notebook_of,
    open_notebook,
    write_lesson,
)
from etude.faces.lessons import Listed, Measured, lesson_file, lesson_files, lesson_number, listed
from etude.values.errors import EngineError, RecipeError, ReportError

INTERRUPTS = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(10)"
"""What a server does while its reader presses Ctrl-C."""

LISTED = Listed(3, "L2", "Does it help?", Path("03_l2.py"), Measured(small_seconds=31, full_seconds=200))


def test_the_list_says_number_title_time_and_question():
    assert list(lesson_lines([LISTED]))[:2] == [" 3  L2 · 31 s, in full 3 min 20 s", "    Does it help?"]


def test_the_list_ends_with_how_to_begin_but_not_as_json():
    begin = "Times are for two cores. `etude learn 1` writes the first lesson and opens it."
    assert list(lesson_lines([LISTED]))[-2:] == ["", begin]
    assert list(json.loads(lessons_json([LISTED]))) == ["schema", "lessons"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"to": Path("foo")}, "--to needs the number of a lesson, as in `etude learn 3 --to foo`."),
        ({"fresh": True}, "--fresh needs the number of a lesson, as in `etude learn 3 --fresh`."),
        ({"opens": False}, "--no-open needs the number of a lesson, as in `etude learn 3 --no-open`."),
    ],
)
def test_an_option_about_one_lesson_needs_its_number(given: dict, told: str):
    with pytest.raises(RecipeError, match=f"^{re.escape(told)}$"):
        check_list(**{"to": None, "fresh": False, "opens": True, **given})
    check_list(to=None, fresh=False, opens=True)


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


def test_a_number_is_read_as_somebody_types_it():
    assert [lesson_number(asked) for asked in ("3", "03", " 3")] == [3, 3, 3]


@pytest.mark.parametrize("asked", ["x", "0", "99", "1.5", "-1"])
def test_whatever_is_no_number_of_a_lesson_gets_the_same_sentence(asked: str):
    with pytest.raises(
        RecipeError, match=rf"^there is no lesson {re.escape(asked)}\. There are 1, 2.*`etude learn` says"
    ):
        lesson_number(asked)


def test_a_home_is_written_to_and_no_folder_called_after_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    path, _ = write_lesson(1, Path("~/notes"), fresh=False)
    assert path == tmp_path / "notes" / "01_baseline.ipynb"
    with pytest.raises(ReportError, match=r"a home that is not known here.*--to.*Nothing was written"):
        write_lesson(1, Path("~no-such-user-of-ours/notes"), fresh=False)


def test_a_setting_that_no_lesson_knows_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ETUDE_LESSONS", "ful")
    with pytest.raises(RecipeError, match=r"^ETUDE_LESSONS='ful' is no setting\. Use small, the default, or full\.$"):
        write_lesson(1, tmp_path, fresh=False)
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


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A program for notebooks that does as it is told."""

    def made(does: str) -> str:
        (tmp_path / "pretend_server.py").write_text(does)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return "pretend_server"

    return made


def test_a_server_that_does_not_start_is_an_error_that_says_where_the_notebook_is(server):
    told = (
        "Jupyter did not start; its message is above. The notebook is at 03_l2.ipynb; "
        "open it with any program for notebooks, or add --no-open."
    )
    with pytest.raises(EngineError, match=f"^{re.escape(told)}$"):
        open_notebook(Path("03_l2.ipynb"), server("raise SystemExit(1)"))


@pytest.mark.parametrize("ending", ["pass", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"])
def test_a_server_that_its_reader_ends_is_no_error(server, ending: str):
    open_notebook(Path("03_l2.ipynb"), server(ending))


def test_ctrl_c_while_the_notebook_is_open_is_no_error(server):
    opens = f"from etude.faces.learn import open_notebook; open_notebook('03_l2.ipynb', '{server(INTERRUPTS)}')"
    ended = subprocess.run([sys.executable, "-c", opens], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_command_lists_on_standard_output_and_talks_on_standard_error(tmp_path: Path):
    def etude(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "etude", "learn", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert " 1  A baseline and its loss curves" in etude().stdout
    assert json.loads(etude("--json").stdout)["lessons"][0]["number"] == 1
    written = etude("1", "--no-open")
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "01_baseline.ipynb written\n")
    for asked in ("99", "x", "0"):
        unknown = etude(asked, "--no-open")
        assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
        assert f"etude: there is no lesson {asked}. There are 1, 2" in unknown.stderr
    alone = etude("--fresh", "--json")
    assert (alone.returncode, alone.stdout) == (2, "")
    both = etude("3", "--json")
    told = "etude: --json prints the list of lessons; leave out the number.\n"
    assert (both.returncode, both.stdout, both.stderr) == (2, "", told)
    assert [path.name for path in tmp_path.iterdir()] == ["01_baseline.ipynb"]
