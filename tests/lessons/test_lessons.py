"""Every lesson, by one contract: it has all its parts, says no number that nobody measured, and runs."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

from etude.faces.learn import notebook_of
from etude.faces.lessons import lesson_files, lesson_folder, listed_at

LESSONS = lesson_files()
NOTEBOOKS = lesson_folder() / "notebooks"
PARTS = ("Your prediction", "Exercise", "What would change our mind", "Where to read on")
SLUGS = [
    "01_baseline",
    "02_losses",
    "03_l2_and_bias_variance",
    "04_one_seed",
    "05_backpropagation",
    "06_dropout_or_l2",
    "07_convolution",
    "08_colour_and_augmentation",
    "09_memory",
    "10_attention",
    "11_transfer",
    "12_double_descent",
]
UNTOLD = re.compile(r"^>.*$|`[^`]*`|\$\$[\s\S]*?\$\$|\$[^$]*\$|“[^”]*”|\]\([^)]*\)|arXiv:[\d.]+", re.MULTILINE)
"""Of static text, what may have numbers: what somebody else said, code, formulas, addresses."""
A_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+")

each_lesson = pytest.mark.parametrize("source", LESSONS, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def tool():
    spec = importlib.util.spec_from_file_location("make_lessons", lesson_folder() / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(source: Path, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook_of(source)["cells"] if cell["cell_type"] == kind]


def test_lessons_are_called_as_the_list_has_them():
    assert [path.stem for path in LESSONS] == [slug for slug in SLUGS if (lesson_folder() / f"{slug}.py").exists()]


@each_lesson
def test_a_lesson_opens_with_its_title_and_one_question(source: Path):
    lesson = listed_at(source)
    first = cells(source, "markdown")[0]
    assert first.startswith(f"# {lesson.number} · {lesson.title}\n\n**")
    assert lesson.question.endswith("?")
    assert f"Lesson({lesson.number})" in "".join(cells(source, "code"))


@each_lesson
def test_a_lesson_has_its_parts_in_order(source: Path):
    headings = re.findall(r"^## (.+)$", "\n".join(cells(source, "markdown")), re.MULTILINE)
    assert [heading for heading in headings if heading in PARTS] == list(PARTS)
    code = "\n".join(cells(source, "code"))
    assert "assert " in code
    assert "lesson.show(" in code
    assert "lesson.full(" in code


@each_lesson
def test_an_exercise_has_a_solution_that_is_hidden(source: Path):
    solutions = [cell for cell in notebook_of(source)["cells"] if "solution" in cell["metadata"].get("tags", ())]
    assert solutions
    for cell in solutions:
        assert cell["cell_type"] == "code"
        assert cell["metadata"]["jupyter"] == {"source_hidden": True}


@each_lesson
def test_text_that_stands_still_has_no_number_that_was_measured(source: Path):
    # A setting stands in the code too; a number that is in neither must have come from somewhere: say it by the code.
    code = "\n".join(cells(source, "code"))
    told = UNTOLD.sub("", "\n\n".join(cells(source, "markdown")))
    assert not [number for number in A_DECIMAL.findall(told) if number not in code]


@each_lesson
def test_a_lesson_runs_and_says_all_that_its_pictures_show(source: Path, tool):
    notebook, _ = tool.executed(source)
    assert not list(tool.troubles(notebook))


@each_lesson
def test_the_notebook_to_be_read_is_that_of_the_lesson(source: Path, tool):
    path = NOTEBOOKS / f"{source.stem}.ipynb"
    if not path.exists():
        pytest.fail(f"{path.name} is missing: run make lessons")
    held = nbformat.read(path, as_version=4)
    fresh = notebook_of(source)
    assert held["metadata"] == fresh["metadata"]
    assert [("".join(cell["source"]), cell["metadata"]) for cell in held["cells"]] == [
        ("".join(cell["source"]), cell["metadata"]) for cell in fresh["cells"]
    ]
    assert not list(tool.troubles(held))
    assert all(cell.get("execution_count", True) for cell in held["cells"])
