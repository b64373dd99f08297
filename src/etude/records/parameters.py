"""Parameters that lie beside a log, in a file of their own: hparams.yaml, args.yaml, config.json."""

import re
from collections.abc import Mapping
from pathlib import Path

from etude.records.cells import LONGEST_TEXT, number
from etude.records.documents import decoded_json, flattened
from etude.records.logged import MOST_FACTS
from etude.records.texts import whole_text
from etude.values.errors import LogError

NAMES = ("hparams.yaml", "args.yaml", "config.yaml", "hparams.json", "args.json", "params.json", "config.json")
"""Lightning, Ultralytics, W&B, and what people write themselves."""

MOST_BYTES = 2**20

LINE = re.compile(r"([A-Za-z_][\w./-]*):[ \t]+([^\n#]{1,300})")
"""A key of YAML's outermost level with a plain value: the only YAML that is read, for the rest needs a library."""

NO_VALUES = frozenset(("null", "~", "true", "false"))

Facts = dict[str, str | int | float]


def parameters_beside(path: Path) -> tuple[Facts, tuple[str, ...]]:
    """The parameters in files beside a log, and those files; what cannot be read there is passed over."""
    facts: Facts = {}
    files = []
    for name in NAMES:
        file = path.with_name(name)
        if file != path and file.is_file() and file.stat().st_size <= MOST_BYTES:
            found = _parameters(file)
            facts = found | facts
            files += [str(file)] if found else []
    return dict(list(facts.items())[:MOST_FACTS]), tuple(files)


def scalars(record: Mapping[str, object]) -> Facts:
    """The texts and numbers of a record, the names of nested ones joined with "/"; truths and lists are left out."""
    facts: Facts = {}
    for name, value in flattened(record).items():
        if isinstance(value, str) and value:
            facts[name] = value[:LONGEST_TEXT]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            facts[name] = value
    return dict(list(facts.items())[:MOST_FACTS])


def _parameters(file: Path) -> Facts:
    try:
        text = whole_text(file)
        if file.suffix == ".yaml":
            return _from_yaml(text)
        record = decoded_json(text)
    except (LogError, ValueError):
        return {}
    return scalars(record) if isinstance(record, dict) else {}


def _from_yaml(text: str) -> Facts:
    facts: Facts = {}
    for line in text.splitlines():
        found = LINE.match(line)
        said = found[2].strip() if found else ""
        if found and said and said.lower() not in NO_VALUES and said[0] not in "[{&*!|>":
            facts[found[1]] = _value(said)
    return facts


def _value(said: str) -> str | int | float:
    if re.fullmatch(r"[+-]?\d{1,18}", said):
        return int(said)
    value = number(said)
    return said.strip("'\"")[:LONGEST_TEXT] if value is None else value
