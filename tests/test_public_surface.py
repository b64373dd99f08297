"""What étude promises to whoever imports it."""

import subprocess
import sys

import etude


def test_the_public_names_are_sorted_documented_and_about_twenty():
    assert etude.__all__ == sorted(etude.__all__)
    assert len(etude.__all__) <= 20
    undocumented = [name for name in etude.__all__ if not (getattr(etude, name).__doc__ or "").strip()]
    assert undocumented == []


def test_importing_it_imports_neither_torch_nor_the_heavy_parts_of_scipy():
    heavy = "{'torch', 'scipy.stats', 'sklearn', 'pyarrow', 'jinja2', 'rich'}"
    probe = f"import sys, etude; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
