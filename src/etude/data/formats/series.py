"""The .ts format of aeon and sktime: labelled time series, one a line, of one or several channels and of any length.

After a header of @keywords, each line is a case: its channels with `:` between them, the values of a channel with `,`
between them, and the label at the end. Source: A. Bagnall et al., the time series classification archive.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etude.data.notes import counted
from etude.values.errors import DataError
from etude.values.nearest import nearest

REMARK = ("#", "%")
LONGEST = 10_000
"""Values of a series."""
TRUTHS: Mapping[str, bool] = MappingProxyType({"true": True, "false": False})
KEYWORDS: Mapping[str, str] = MappingProxyType(
    {
        "@problemname": "a name",
        "@timestamps": "true or false",
        "@missing": "true or false",
        "@univariate": "true or false",
        "@dimension": "a whole number",
        "@dimensions": "a whole number",
        "@equallength": "true or false",
        "@serieslength": "a whole number",
        "@classlabel": "true and the labels, or false",
        "@targetlabel": "true or false",
    }
)
"""What may stand before @data, in any case, and what must follow it."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Labelled time series.

    cases:   each of shape (length, channels), read-only; channels are equally many, lengths need not be
    labels:  the label of each case
    classes: all labels there can be, in the order that the header declares, else sorted
    """

    cases: tuple[NDArray[np.float32], ...]
    labels: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Header:
    """What is declared about the cases; None where nothing is.

    first: the index of the first line after @data
    """

    classes: tuple[str, ...]
    channels: int | None
    length: int | None
    equal: bool
    first: int


def read_series(text: str, where: str) -> Series:
    """The series in the text of a .ts file; a line that breaks the format, or its own header, is a DataError.

    where: what errors call the file

    >>> read_series("@classLabel true up down\\n@data\\n1,2,3:up\\n2,1:down\\n", "a.ts").cases[1].tolist()
    [[2.0], [1.0]]
    """
    lines = [line.strip() for line in text.removeprefix("\ufeff").split("\n")]
    header = _header(lines, where)
    held = [i for i in range(header.first, len(lines)) if lines[i] and not lines[i].startswith(REMARK)]
    if not held:
        raise DataError(f"{where} has a header but no cases: after @data, each line is one. Get it again.")
    cases, labels = [], []
    for i in held:
        at = f"{where}, line {i + 1}"
        case, label = _case(at, lines[i])
        if header.classes and label not in header.classes:
            raise DataError(f"{at}: the header does not declare the label {label!r}. {nearest(label, header.classes)}")
        cases.append(case)
        labels.append(label)
        _check_shape(at, header, cases[0], case)
    return Series(tuple(cases), tuple(labels), header.classes or tuple(sorted(set(labels))))


def _case(at: str, line: str) -> tuple[NDArray[np.float32], str]:
    *channels, label = line.split(":")
    label = label.strip()
    if not channels or not label:
        raise DataError(f"{at} has no label: a case ends in : and its label. Add the label, or remove the line.")
    columns = [_values(f"{at}, channel {j + 1}", channel) for j, channel in enumerate(channels)]
    for j, column in enumerate(columns):
        if len(column) != len(columns[0]):
            raise DataError(
                f"{at}: channel {j + 1} has {len(column)} values, but channel 1 has {len(columns[0])}. The channels "
                "of a case are measured at the same times: correct the line, or remove it."
            )
    case = np.ascontiguousarray(np.stack(columns, axis=1))
    case.setflags(write=False)
    return case, label


def _values(at: str, channel: str) -> NDArray[np.float32]:
    """The values of one channel, shape (length,)."""
    if not channel.strip():
        raise DataError(f"{at} is a series of length 0, of which nothing can be learned. Remove the line.")
    texts = [text.strip() for text in channel.split(",")]
    if len(texts) > LONGEST:
        raise DataError(
            f"{at} is a series of length {len(texts):,}, and every other would be filled up to it; at most {LONGEST:,} "
            "values are read. Take every tenth value, or a piece of it."
        )
    if "?" in texts:
        raise DataError(
            f"{at}: value {texts.index('?') + 1} is missing (?), one of {texts.count('?')} there. A network needs "
            "every value: fill them in, or remove the line."
        )
    with np.errstate(over="ignore"):
        values = np.array([_number(at, j, text) for j, text in enumerate(texts)]).astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(values))
    if broken.size:
        j = int(broken[0])
        raise DataError(
            f"{at}: value {j + 1}, {_short(texts[j])}, is not finite as float32, which a network computes in. "
            "Correct it, or remove the line."
        )
    return values


def _number(at: str, j: int, text: str) -> float:
    if "_" not in text:  # Python would read 1_000 as 1000
        with suppress(ValueError):
            return float(text)
    raise DataError(f"{at}: value {j + 1}, {_short(text)}, is not a number. Correct it, or remove the line.")


def _check_shape(at: str, header: _Header, first: NDArray[np.float32], case: NDArray[np.float32]) -> None:
    length, channels = case.shape
    expected = header.channels or first.shape[1]
    if channels != expected:
        by = "the header declares" if header.channels else "the first case has"
        raise DataError(
            f"{at} has {counted(channels, 'channel')}, but {by} {expected}. Correct the line or the header."
        )
    wanted = header.length or (first.shape[0] if header.equal else length)
    if length != wanted:
        by = "@seriesLength says" if header.length else "@equalLength is true and the first case has"
        raise DataError(
            f"{at} has {counted(length, 'value')} a channel, but {by} {wanted}. Correct the line or the header."
        )


def _header(lines: Sequence[str], where: str) -> _Header:
    declared: dict[str, list[str]] = {}
    for i, line in enumerate(lines):
        at = f"{where}, line {i + 1}"
        if not line or line.startswith(REMARK):
            continue
        keyword, *values = line.split()
        keyword = keyword.lower()
        if keyword == "@data":
            return _checked(declared, where, first=i + 1)
        if keyword not in KEYWORDS:
            raise DataError(
                f"{at}: {_short(keyword)} is not a keyword of the header, which @data ends. "
                f"{nearest(keyword, (*KEYWORDS, '@data'))}"
            )
        _check_keyword(at, keyword, values)
        if declared.get(keyword, values) != values and keyword != "@problemname":
            raise DataError(f"{at}: {keyword} is declared a second time and otherwise. Keep one of the two.")
        declared[keyword] = values
    raise DataError(
        f"{where} has no line @data, after which the cases would follow. It is cut short, or not a .ts file."
    )


def _check_keyword(at: str, keyword: str, values: Sequence[str]) -> None:
    first = values[0].lower() if values else ""
    needs = KEYWORDS[keyword]
    if "true" in needs and first not in TRUTHS:
        raise DataError(f"{at}: {keyword} needs {needs}, not {_short(first)}.")
    if needs == "a whole number" and not re.fullmatch(r"[1-9][0-9]{0,8}", first):
        raise DataError(f"{at}: {keyword} needs {needs} from 1 on, not {_short(first)}.")
    if keyword == "@timestamps" and first == "true":
        raise DataError(
            f"{at}: the values have timestamps, which are not read. Write the file with values alone, at equal "
            "distances in time, and @timestamps false."
        )
    if keyword == "@targetlabel" and first == "true":
        raise DataError(
            f"{at}: the cases are labelled with numbers to predict, but only classes are read. Take such a set."
        )
    if keyword == "@classlabel" and first == "false":
        raise DataError(
            f"{at}: the cases have no labels, without which nothing can be learned. Get a file with labels."
        )
    if len(set(values)) < len(values) and keyword == "@classlabel":
        raise DataError(f"{at}: a label is declared twice. Keep it once.")


def _checked(declared: Mapping[str, Sequence[str]], where: str, *, first: int) -> _Header:
    if "@classlabel" not in declared:
        raise DataError(
            f"{where} has no line @classLabel, so its cases have no labels. Add: @classLabel true, and the labels."
        )
    channels = {int(declared[name][0]) for name in ("@dimension", "@dimensions") if name in declared}
    if _true(declared, "@univariate"):
        channels.add(1)
    if len(channels) > 1:
        raise DataError(
            f"{where}: the header declares {' and '.join(map(str, sorted(channels)))} channels. Correct it."
        )
    return _Header(
        classes=tuple(declared["@classlabel"][1:]),
        channels=channels.pop() if channels else None,
        length=int(declared["@serieslength"][0]) if "@serieslength" in declared else None,
        equal=_true(declared, "@equallength"),
        first=first,
    )


def _true(declared: Mapping[str, Sequence[str]], keyword: str) -> bool:
    return keyword in declared and TRUTHS[declared[keyword][0].lower()]


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
