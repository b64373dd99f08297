"""Words about a name that is not known: the nearest one that is, then all of them."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Words that end an error about an unknown name: the nearest known one, then all of them.

    A name that is known after all, as of a series that only some runs have, is not offered again.

    >>> nearest("brir", ["brier", "accuracy"])
    "Did you mean 'brier'? Known: accuracy, brier."
    """
    import difflib  # here, because most runs of a command never need it

    names = sorted(known)
    close = [] if name in names else difflib.get_close_matches(name[:80], names, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(names) or 'none'}."
