"""People's names a letter at a time, by locale, from the package faker."""

import hashlib
import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from etude.data.encode import splits
from etude.data.partition import fixed_keys, smallest_keys
from etude.data.splits import Part, Splits
from etude.numerics.limits import binary_limits, multiclass_limits
from etude.numerics.seeds import stream
from etude.values.data import Names
from etude.values.errors import DataError, RecipeError
from etude.values.metric import Kind, Limit
from etude.values.nearest import nearest

PROVIDERS = "faker.providers.person"


@dataclass(frozen=True, slots=True, eq=False)
class Spelled:
    """Names as numbers: codes index the alphabet, NaN after a name's end, shape (names, longest); labels (names,)."""

    codes: NDArray[np.float32]
    labels: NDArray[np.int64]
    alphabet: tuple[str, ...]


def draw_names(data: Names, *, seed: int, replicate: int) -> Splits:
    """The names of one replicate, split anew, but for a test part that is drawn once."""
    spelled, n = check_names(data), len(check_names(data).labels)
    keys = stream(seed, replicate, "split").random(n)
    test = smallest_keys(fixed_keys(n, seed=seed) if data.test_drawn == "once" else keys, int(n * data.test))
    validation = smallest_keys(np.where(test, 2.0, keys), int(n * data.validation))
    parts = (
        Part(spelled.codes[rows], spelled.labels[rows].astype(np.float64))
        for rows in (~(test | validation), validation, test)
    )
    return splits(
        parts=(next(parts), next(parts), next(parts)),
        kind=names_kind(data),
        classes=data.names,
        notes=(f"{n:,} names in an alphabet of {len(spelled.alphabet)}; one that two locales share stands in both",),
        form=spelled.codes.shape[1:],
        characters=len(spelled.alphabet),
    )


def check_names(data: Names) -> Spelled:
    """The names; an error where a locale has none or nothing would be left to learn from."""
    if data.validation + data.test >= 1:
        raise DataError(
            f"names: validation={data.validation} and test={data.test} leave nothing to learn from. "
            "Their sum must be below 1."
        )
    return _spelled(data.names)


def names_kind(data: Names) -> Kind:
    """What is predicted."""
    return "binary" if len(data.names) == 2 else "multiclass"


def names_limits(data: Names) -> Mapping[str, Limit]:
    """Chance and best constant."""
    labels = check_names(data).labels
    if names_kind(data) == "binary":
        return binary_limits(labels.astype(np.float64), bayes=False)
    return multiclass_limits(np.bincount(labels) / labels.size)


def names_fingerprint(data: Names) -> str:
    """sha256 of the names and their locales."""
    spelled = check_names(data)
    content = "".join(spelled.alphabet).encode() + spelled.codes.tobytes() + spelled.labels.tobytes()
    return hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=4)
def _spelled(locales: tuple[str, ...]) -> Spelled:
    names = [_names_of(locale) for locale in locales]
    alphabet = sorted({letter for of in names for name in of for letter in name})
    number = {letter: i for i, letter in enumerate(alphabet)}
    every = [name for of in names for name in of]
    codes = np.full((len(every), max(map(len, every))), np.nan, dtype=np.float32)
    for row, name in zip(codes, every, strict=True):
        row[: len(name)] = [number[letter] for letter in name]
    labels = np.repeat(np.arange(len(locales)), [len(of) for of in names])
    return Spelled(codes, labels, tuple(alphabet))


def _names_of(locale: str) -> list[str]:
    """First and last names of a locale, each once, sorted."""
    if importlib.util.find_spec("faker") is None:
        raise DataError("names by locale come from the package faker. Run: pip install 'etude[data]'.")
    known = [module.name for module in pkgutil.iter_modules(importlib.import_module(PROVIDERS).__path__)]
    if locale not in known:
        raise RecipeError(f"no names of the locale {locale!r}. {nearest(locale, known)}")
    provider = vars(importlib.import_module(f"{PROVIDERS}.{locale}").Provider)
    found = {name for field in ("first_names", "last_names") for name in provider.get(field, ())}
    if not found:
        raise DataError(f"faker has no names of the locale {locale!r}. Choose another. Nothing was run.")
    return sorted(found)
