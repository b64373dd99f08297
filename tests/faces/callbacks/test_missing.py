"""Without a framework, its callback says what to install, and étude itself never asks for it."""

import subprocess
import sys

import pytest

from etude.faces.callbacks.missing import FrameworkMissingError

FRAMEWORKS = {"huggingface": "transformers", "keras": "keras", "lightning": "lightning", "skorch": "skorch"}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_that_is_missing_is_an_error_with_the_way_out(name, monkeypatch):
    monkeypatch.setitem(sys.modules, FRAMEWORKS[name], None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, f"etude.faces.callbacks.{name}", raising=False)
    with pytest.raises(FrameworkMissingError, match=f"not installed here. Run: pip install '{FRAMEWORKS[name]}"):
        __import__(f"etude.faces.callbacks.{name}")


def test_etude_and_its_command_line_import_no_framework():
    code = "import sys, etude, etude.faces.cli, etude.faces.commands, etude.faces.callbacks; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", *FRAMEWORKS.values()} & set(told)
