"""What other tools call their runs and series, as it may be shown anywhere and told apart."""

from collections import Counter
from collections.abc import Sequence

LONGEST_LABEL = 500
"""Characters that are kept; no tool writes more than 250."""

ID_LETTERS = 8
"""Of an id, as many as people use to tell runs apart."""


def text(label: str | bytes) -> str:
    """A label as it may be shown anywhere: whatever is no Unicode replaced, and of bounded length.

    >>> text(b"val/loss"), text(b"\\xff")
    ('val/loss', '\ufffd')
    """
    raw = label if isinstance(label, bytes) else label.encode("utf-8", errors="surrogatepass")
    return raw.decode("utf-8", errors="replace")[:LONGEST_LABEL]


def told_apart(runs: Sequence[tuple[str, str]]) -> list[str]:
    """Names of runs from their names and ids: the id is added where several have one name, or taken where one has none.

    >>> told_apart([("baseline", "0feb107b4f3f"), ("baseline", "ffa137f2b37e"), ("wide", "ae9e3587e7fe"), ("", "x")])
    ['baseline (0feb107b)', 'baseline (ffa137f2)', 'wide', 'x']
    """
    times = Counter(name for name, _ in runs)
    return [
        identity if not name else f"{name} ({identity[:ID_LETTERS]})" if times[name] > 1 else name
        for name, identity in runs
    ]
