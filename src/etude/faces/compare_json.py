"""A comparison of logs as JSON for other programs: one object, versioned, no NaN."""

import json
from typing import Any

from etude.faces.comparing import LogsCompared
from etude.faces.json import effect_plain, finite
from etude.studies.compare_logs import Compared, Side

SCHEMA = 1


def compared_json(compared: LogsCompared) -> str:
    """The object that `etude compare --json` prints; numbers that are not finite become null."""
    found = compared.found
    metric = found.measured.metric
    plain = {
        "schema": SCHEMA,
        "metric": {
            "name": metric.name,
            "unit": metric.unit,
            "told_by": found.measured.told_by,
            "split": found.measured.split,
            "lower_is_better": metric.lower_is_better,
            "smallest_effect": metric.smallest_effect,
        },
        "at": found.at,
        "axis": found.axis,
        "level": found.level,
        "groups": [_side(side, is_control=i == 0) for i, side in enumerate(found.sides)],
        "effects": [_effect(one) for one in found.compared],
        "notes": list(found.notes),
        "failed": [{"error": type(error).__name__, "says": str(error)} for error in compared.failed],
        "passed": compared.passed,
    }
    return json.dumps(finite(plain), allow_nan=False, ensure_ascii=False, indent=1)


def _side(side: Side, *, is_control: bool) -> dict[str, Any]:
    return {
        "name": side.group.name,
        "is_control": is_control,
        "runs": [
            {
                "name": score.run,
                "files": list(run.files),
                "score": score.value,
                "step": score.step,
                "lacks": score.lacks,
            }
            for run, score in zip(side.group.runs, side.scores, strict=True)
        ],
    }


def _effect(one: Compared) -> dict[str, Any]:
    control, treated = one.control.group.runs, one.treated.group.runs
    needed = one.needed
    return {
        **effect_plain(one.effect),
        "groups": [one.control.group.name, one.treated.group.name],
        "pairing": one.pairing.how,
        "pairing_says": one.pairing.says,
        "paired_runs": [[control[i].name, treated[j].name] for i, j in one.pairing.pairs],
        "differing": [
            {"field": each.field, "control": each.control, "treated": each.treated} for each in one.parameters.differing
        ],
        "unknown": list(one.parameters.unknown),
        "needed": None
        if needed is None
        else {"runs": needed.runs, "paired": needed.paired, "difference": needed.difference, "power": 0.8},
    }
