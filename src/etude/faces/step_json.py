"""Steps as JSON: one object, versioned, every field of each record, no NaN. docs/step.schema.json describes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_json

from etude.faces.stepping import Seen

SCHEMA = 1


def seen_json(seen: Seen, *, report: Path | None = None) -> str:
    """The object that `etude step --json` prints: arrays are lists, and numbers that are not finite null."""
    plain = {
        "schema": SCHEMA,
        "name": seen.name,
        "steps": seen.records,
        "compared": seen.compared,
        "report": None if report is None else str(report),
    }
    return to_json(plain, inf_nan_mode="null", fallback=_plain).decode()


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a record holds that JSON has no word for
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no form in JSON")
