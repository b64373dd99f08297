"""Text for a terminal: harmless, wrapped, coloured where that is wanted."""

import io

import pytest

from etude.faces.plain import Page, is_coloured


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture(autouse=True)
def _no_wishes(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


def test_a_terminal_gets_colours_and_a_file_does_not():
    assert is_coloured(Terminal())
    assert not is_coloured(io.StringIO())


def test_no_color_is_stronger_than_force_color(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert is_coloured(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not is_coloured(io.StringIO())


def test_a_dumb_terminal_gets_none(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert not is_coloured(Terminal())


def test_a_paragraph_hangs_below_what_follows_its_beginning():
    page = Page(coloured=False, wide=29)
    page.say("one two three four five six", indent=2, first="try: ")
    assert page.text() == "  try: one two three four\n       five six\n"


def test_styles_surround_what_is_said_and_control_characters_do_not_survive():
    assert Page(coloured=True, wide=80).style("a\x1b[31mb", "bold", "red") == "\x1b[1;31ma\ufffd[31mb\x1b[0m"
