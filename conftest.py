"""Which files have no doctests to run here: the callbacks of frameworks that are not installed."""

from importlib.util import find_spec

CALLBACKS = {"huggingface": "transformers", "keras": "keras", "lightning": "lightning", "skorch": "skorch"}

collect_ignore = [
    f"src/etude/faces/callbacks/{name}.py" for name, package in CALLBACKS.items() if find_spec(package) is None
]
