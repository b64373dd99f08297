"""Findings as SARIF 2.1.0, which code hosts and CI services show beside a change.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

import json
import os
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from etude.faces.diagnosing import Examined
from etude.faces.whole import write_whole
from etude.figures.measured import measured_text
from etude.values.errors import ReportError
from etude.values.finding import Finding
from etude.values.lost import Lost
from etude.values.run import Run

FORMAT = "2.1.0"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LOST = "lost-records"
"""The rule under which records that could not be read are told."""

LINE = re.compile(r"line (\d+)")


def examined_sarif(examined: Examined) -> str:
    """One run of the tool: a rule for each symptom, a result for each finding and for each loss of records."""
    results = [*_of_runs(examined), *_across(examined), *_unread(examined)]
    rules = sorted({result["ruleId"] for result in results})
    driver = {"name": "étude", "version": version("etude"), "rules": [_rule(name) for name in rules]}
    for result in results:
        result["ruleIndex"] = rules.index(result["ruleId"])
    log = {
        "$schema": SCHEMA,
        "version": FORMAT,
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(log, allow_nan=False, ensure_ascii=False, indent=1)


def write_sarif(examined: Examined, path: Path) -> Path:
    """Write it to `path`, whole or not at all."""
    try:
        write_whole(path, (examined_sarif(examined) + "\n").encode("utf-8", "replace"))
    except OSError as error:
        raise ReportError(
            f"the SARIF file cannot be written to {path}: {error.strerror or error}. Name a place that can be written. "
            "The runs were judged; nothing else is lost."
        ) from error
    return path


def _of_runs(examined: Examined) -> Iterator[dict[str, Any]]:
    for one in examined.judged:
        files = [location for run in one.runs for location in _locations(run)]
        for finding in one.diagnosis.findings:
            yield _result(finding, f"{one.diagnosis.source}: {finding.says}", files)
        yield from (_loss(lost) for lost in one.diagnosis.lost)


def _across(examined: Examined) -> Iterator[dict[str, Any]]:
    files = [location for one in examined.judged for run in one.runs for location in _locations(run)][:10]
    for finding in examined.comparison:
        if isinstance(finding, Finding):
            yield _result(finding, finding.says, files)


def _unread(examined: Examined) -> Iterator[dict[str, Any]]:
    for error in examined.failed:
        yield {"ruleId": LOST, "level": "error", "message": {"text": str(error)}, "locations": []}


def _result(finding: Finding, says: str, files: list[dict[str, Any]]) -> dict[str, Any]:
    evidence = {measured.name: measured_text(measured) for measured in finding.evidence}
    return {
        "ruleId": _identity(finding.symptom),
        "level": finding.severity,
        "message": {"text": says},
        "locations": files,
        "rank": round(100 * finding.probability, 1),
        "properties": {
            "probability": finding.probability,
            "evidence": evidence,
            "causes": [cause.says for cause in finding.causes],
            "treatments": list(finding.treatments),
        },
    }


def _loss(lost: Lost) -> dict[str, Any]:
    count = "some records" if lost.records is None else f"{lost.records:,} records"
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(lost.file)}}
    line = LINE.fullmatch(lost.where)
    if line:
        place["region"] = {"startLine": int(line[1])}
    says = f"{count} could not be read at {lost.where}, because {lost.because}"
    return {
        "ruleId": LOST,
        "level": "warning",
        "message": {"text": says},
        "locations": [{"physicalLocation": place}],
    }


def _locations(run: Run) -> Iterator[dict[str, Any]]:
    """The log of a run."""
    for file in run.files[:1]:
        yield {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}}}


def _uri(file: str) -> str:
    """Relative to where the command runs, as the format wants it, or else absolute."""
    path = Path(file)
    absolute = path if path.is_absolute() else Path.cwd() / path
    inside = os.path.relpath(absolute)
    return absolute.as_uri() if inside.startswith("..") else quote(Path(inside).as_posix())


def _rule(name: str) -> dict[str, Any]:
    says = "Records of a log could not be read" if name == LOST else name.replace("-", " ").capitalize()
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": says},
    }


def _identity(symptom: str) -> str:
    """The symptom as the name of a rule.

    >>> _identity("learning rate too high"), _identity("dying relu")
    ('learning-rate-too-high', 'dying-relu')
    """
    return re.sub(r"[^a-z0-9]+", "-", symptom.lower()).strip("-")
