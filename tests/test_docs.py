"""The documents cannot drift from the code."""

import importlib.util
import re
from pathlib import Path

import pytest

from etude.studies.design import arms_of, with_valid_comparisons
from etude.studies.load import read_plan

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def made_pages():
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PAGES


@pytest.mark.parametrize(("name", "page"), made_pages().items())
def test_a_page_made_from_the_code_is_as_the_code_makes_it(name, page):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == page(), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_to_a_file_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_study_in_the_readme_is_the_one_in_the_examples():
    example = (ROOT / "examples" / "penguins.toml").read_text(encoding="utf-8")
    assert example.strip() in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.name)
def test_every_example_is_a_study_whose_arms_can_be_made(example):
    plan = with_valid_comparisons(read_plan(example))
    assert len(arms_of(plan)) >= 2


def test_every_target_the_readme_names_is_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {target for page in PAGES for target in re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8"))}
    assert named <= targets
