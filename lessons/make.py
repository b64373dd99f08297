"""Execute the lessons: in full for measured.json, then as readers run them, into notebooks/ with their pictures.

`make lessons` does all of it; `python lessons/make.py 3 --small` writes one notebook at the small setting alone.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from etude.faces.learn import notebook_of
from etude.faces.lesson import RECORD, SETTING
from etude.faces.lessons import MEASURED, lesson_files
from etude.faces.whole import write_whole

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE / "notebooks"
LARGEST = 1_000_000
"""Bytes of a notebook with its pictures."""
LONGEST = {"small": 300, "full": 3600}
"""Seconds of one cell, beyond which something hangs."""


def executed(source: Path, *, setting: str = "small", more: Mapping[str, str] | None = None) -> tuple[Any, float]:
    """A lesson's notebook after it ran in an empty folder, and the seconds it took. A cell that fails raises.

    more: further environment variables of the kernel
    """
    notebook = nbformat.reads(json.dumps(notebook_of(source)), as_version=4)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(prefix="etude-") as sockets:
        client = NotebookClient(
            notebook,
            timeout=LONGEST[setting],
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        environment = {**os.environ, SETTING: setting, "OMP_NUM_THREADS": "1", **(more or {})}
        if os.name == "posix":
            manager = client.create_kernel_manager()
            manager.transport, manager.ip = "ipc", f"{sockets}/kernel"  # ports may be taken by whoever runs beside
        started = time.perf_counter()
        client.execute(env=environment)
        seconds = time.perf_counter() - started
        left = sorted(path.name for path in Path(folder).iterdir())
    if left:
        raise AssertionError(f"{source.stem} left {left} in the folder it ran in; use out=lesson.store.")
    notebook.metadata["language_info"] = {
        "name": "python"
    }  # without the version, which differs from machine to machine
    return notebook, seconds


def troubles(notebook: Mapping[str, Any]) -> Iterator[str]:
    """What an executed lesson must not have: warnings, pictures without words, paths of a machine, too many bytes."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            yield from (f"cell {cell['id']}: {told}" for told in _output_troubles(output))
    size = len(as_text(notebook))
    if size > LARGEST:
        yield f"{size:,} bytes, of at most {LARGEST:,}: draw smaller or fewer pictures"


def as_text(notebook: Mapping[str, Any]) -> bytes:
    """A notebook as it is kept: the same content gives the same bytes."""
    return (nbformat.writes(notebook) + "\n").encode()


def _output_troubles(output: Mapping[str, Any]) -> Iterator[str]:
    if output.get("name") == "stderr":
        yield f"said on standard error: {output['text'].strip()[:300]}"
    data = output.get("data", {})
    if "image/png" in data and not _alternative(output):
        yield "a picture without a text alternative; use lesson.show(figure, …)"
    words = json.dumps([value for kind, value in data.items() if kind != "image/png"]) + output.get("text", "")
    for place in (str(Path.home()), str(HERE.parent), tempfile.gettempdir(), "site-packages"):
        if len(place) > 1 and place in words:
            yield f"names a path of this machine, {place}"


def _alternative(output: Mapping[str, Any]) -> str:
    metadata = output.get("metadata", {})
    return str(metadata.get("image/png", metadata).get("alt", ""))


def _make(source: Path, setting: str) -> None:
    more = {}
    if setting == "full":
        _note(source, "figures", {})  # none is kept that the lesson does not give any more
        more[RECORD] = str(HERE / MEASURED)
    notebook, seconds = executed(source, setting=setting, more=more)
    print("\n  ".join([f"{source.stem} · {setting} · {seconds:.0f} s", *troubles(notebook)]), flush=True)
    _note(source, "seconds", {**_measured().get(source.stem[:2], {}).get("seconds", {}), setting: round(seconds)})
    if setting == "small":
        write_whole(NOTEBOOKS / f"{source.stem}.ipynb", as_text(notebook))


def _note(source: Path, what: str, found: Mapping[str, Any]) -> None:
    held = _measured()
    held.setdefault(source.stem[:2], {})[what] = found
    write_whole(HERE / MEASURED, (json.dumps(held, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())


def _measured() -> dict[str, Any]:
    path = HERE / MEASURED
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def main() -> None:
    """Execute those asked for, by their numbers, or all."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("numbers", nargs="*", type=int, help="of the lessons; by default all")
    asked.add_argument("--small", action="store_true", help="at the small setting only")
    given = asked.parse_args()
    for source in lesson_files():
        if given.numbers and int(source.stem[:2]) not in given.numbers:
            continue
        for setting in ("small",) if given.small else ("full", "small"):
            _make(source, setting)


if __name__ == "__main__":
    main()
