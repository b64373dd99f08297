"""What étude promises to whoever imports it."""

import subprocess
import sys

import pytest

import etude


def test_the_public_names_are_sorted_documented_and_about_twenty():
    assert etude.__all__ == sorted(etude.__all__)
    assert len(etude.__all__) <= 20
    undocumented = [name for name in etude.__all__ if not (getattr(etude, name).__doc__ or "").strip()]
    assert undocumented == []


def test_every_public_name_has_a_home_and_no_other_name_has():
    assert {getattr(etude, name).__module__.partition(".")[0] for name in etude.__all__} == {"etude"}
    assert dir(etude) == etude.__all__
    with pytest.raises(AttributeError, match="has no attribute 'recipes'"):
        etude.recipes  # noqa: B018 - asking for it is the test


def test_importing_it_alone_imports_not_even_numpy():
    probe = "import sys, etude; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_importing_it_imports_neither_torch_nor_the_heavy_parts_of_scipy():
    heavy = "{'torch', 'scipy.stats', 'sklearn', 'pyarrow', 'jinja2', 'rich'}"
    probe = f"import sys; from etude import *; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
