"""The shape of the code itself: imports point down, and every plug-in file is in its table."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import etude
from etude.data.load import SOURCES
from etude.diagnosis.diagnose import CHECKS
from etude.diagnosis.prescribe import TREATMENTS
from etude.engine.build import ARCHITECTURES
from etude.records.read import READERS

ROOT = Path(etude.__file__).parent
LAYERS = ("values", "numerics", "data", "engine records diagnosis figures", "studies", "faces")  # low to high
HEIGHT = {package: height for height, row in enumerate(LAYERS) for package in row.split()}
MODULES = [p for p in sorted(ROOT.rglob("*.py")) if p.relative_to(ROOT).parts[0] in HEIGHT]
TABLES = {
    "data/sources": {source.truth.__module__ for source in SOURCES.values()},
    "engine/architectures": {builder.__module__ for builder in ARCHITECTURES.values()},
    "diagnosis/checks": {check.look.__module__ for check in CHECKS},
    "diagnosis/treatments": {treatment.apply.__module__ for treatment in TREATMENTS},
    "records/readers": {reader.read.__module__ for reader in READERS.values()},
}


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: write the import in full, not relative"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(module: Path):
    home = module.relative_to(ROOT).parts[0]
    packages = {name.split(".")[1] for name in imported(module) if name.startswith("etude.")}
    wrong = {p for p in packages if p != home and HEIGHT.get(p, len(LAYERS)) >= HEIGHT[home]}
    assert not wrong, f"{home} may not import {sorted(wrong)}: move what they share one layer down"


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_engine_knows_torch(module: Path):
    if module.relative_to(ROOT).parts[0] != "engine":
        assert not [name for name in imported(module) if name.split(".")[0] == "torch"]


@pytest.mark.parametrize("folder", TABLES)
def test_every_plug_in_file_is_in_its_table(folder: str):
    listed = {module.rpartition(".")[2] for module in TABLES[folder]}
    files = {p.stem for p in (ROOT / folder).glob("*.py")} - {"__init__"}
    assert files == listed, f"the table for {folder} must list every file: {sorted(files ^ listed)}"
