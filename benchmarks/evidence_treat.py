"""What treating is worth: measured on null spaces, the learner's notebooks, the bank's unseen part, and bad recipes.

    python benchmarks/evidence_treat.py                    all of it, at full size: hours on two cores
    python benchmarks/evidence_treat.py --only null        one part: null, notebooks, prescriptions, search
    python benchmarks/evidence_treat.py --reduced          a few of each, as CI does

Each part keeps what it measured in .bank/treat/PART.json; the page docs/evidence/treat.md is made from these.
Of a part that was not measured here it keeps what it says.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from treating import notebooks, null, page, prescriptions, search

FOLDER = Path(".bank/treat")
PAGE = Path(__file__).parent.parent / "docs" / "evidence" / "treat.md"

PARTS: Mapping[str, Callable[..., Mapping[str, Any]]] = MappingProxyType(
    {
        "null": null.measured,
        "notebooks": notebooks.measured,
        "prescriptions": prescriptions.measured,
        "search": search.measured,
    }
)


def main() -> None:
    """Measure the parts that are asked for, and write the page of all that were measured at full size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--reduced", action="store_true")
    asked = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in asked.only or PARTS:
        found = PARTS[name](folder=FOLDER, reduced=asked.reduced)
        suffix = "-reduced" if asked.reduced else ""
        (FOLDER / f"{name}{suffix}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {json.dumps({key: value for key, value in found.items() if not isinstance(value, list)})}")
    if not asked.reduced:
        kept = {name: FOLDER / f"{name}.json" for name in PARTS}
        there = {name: json.loads(path.read_text()) for name, path in kept.items() if path.exists()}
        before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        PAGE.write_text(page.page(there, before), encoding="utf-8")


if __name__ == "__main__":
    main()
