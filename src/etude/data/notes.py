"""What is told about columns: one sentence a kind of event, naming the columns it holds for."""

from collections.abc import Mapping, Sequence


def named(names: Sequence[str], most: int = 6) -> str:
    """Column names in quotes, the rest of a long list as a number.

    >>> named(["age", "city"]), named(["a", "b", "c", "d"], most=2)
    ("'age', 'city'", "'a', 'b' and 2 more columns")
    """
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {counted(len(names) - most, 'more column')}"


def counted(n: int, one: str) -> str:
    """A number and its noun.

    >>> counted(1, "gap"), counted(2, "gap")
    ('1 gap', '2 gaps')
    """
    return f"{n} {one}{'s' * (n != 1)}"


def gaps(of: Mapping[str, int], done: str) -> tuple[str, ...]:
    """The sentence on gaps, `of` columns that have some, and what was done with them; none where there are no columns.

    >>> gaps({"age": 2, "height": 2}, "marked")
    ("2 gaps in each of 2 columns, marked: 'age', 'height'",)
    >>> gaps({"age": 1, "height": 2}, "marked")
    ("1 to 2 gaps in each of 2 columns, marked: 'age', 'height'",)
    """
    if not of:
        return ()
    least, most = min(of.values()), max(of.values())
    how_many = counted(most, "gap") if least == most else f"{least} to {counted(most, 'gap')}"
    if len(of) == 1:
        return (f"{how_many} in {named(list(of))}, {done}",)
    return (f"{how_many} in each of {len(of)} columns, {done}: {named(list(of))}",)
