"""Damage for readers: seeded mutants of a file, as a session fixture."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest


@pytest.fixture(scope="session")
def mutants():
    """`mutants(raw, count, seed)`: that many damaged copies of a file's bytes."""
    return _mutants


def _mutants(raw: bytes, count: int, seed: int) -> Iterator[bytes]:
    rng = np.random.default_rng(seed)
    for i in range(count):
        mutant = raw
        for _ in range(int(rng.integers(1, 4))):
            mutant = MUTATIONS[(i if mutant is raw else int(rng.integers(len(MUTATIONS)))) % len(MUTATIONS)](
                mutant, rng
            )
        yield mutant


def _truncate(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw[: _place(raw, rng)]


def _flip(raw: bytes, rng: np.random.Generator) -> bytes:
    flipped = bytearray(raw)
    for _ in range(int(rng.integers(1, 9)) if raw else 0):
        flipped[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))
    return bytes(flipped)


def _insert(raw: bytes, rng: np.random.Generator) -> bytes:
    at = _place(raw, rng)
    return raw[:at] + rng.bytes(int(rng.integers(1, 64))) + raw[at:]


def _insert_special(raw: bytes, rng: np.random.Generator) -> bytes:
    at = _place(raw, rng)
    return raw[:at] + SPECIAL[int(rng.integers(len(SPECIAL)))] + raw[at:]


def _delete(raw: bytes, rng: np.random.Generator) -> bytes:
    at = _place(raw, rng)
    return raw[:at] + raw[at + int(rng.integers(1, 200)) :]


def _duplicate(raw: bytes, rng: np.random.Generator) -> bytes:
    start, end = sorted((_place(raw, rng), _place(raw, rng)))
    return raw[:end] + raw[start:end] + raw[end:]


def _splice(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw[: _place(raw, rng)] + raw[_place(raw, rng) :]


def _interleave(raw: bytes, rng: np.random.Generator) -> bytes:
    """The second half's pieces between the first half's, as two writers to one file leave them."""
    size, half = int(rng.integers(1, 100)), len(raw) // 2
    pieces = (
        [raw[at : at + size] for at in range(0, half, size)],
        [raw[at : at + size] for at in range(half, len(raw), size)],
    )
    return b"".join(one + other for one, other in zip(*pieces, strict=False))


def _place(raw: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(raw) + 1))


MUTATIONS: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    _truncate,
    _flip,
    _insert,
    _insert_special,
    _delete,
    _duplicate,
    _splice,
    _interleave,
)

SPECIAL = (
    *(b'"', b'""', b"'", b"\n", b"\r", b"\r\n", b",", b";", b"\t", b"\0", b"\0" * 1000, b"{", b"}", b"[", b"]", b":"),
    *(b"nan", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"0x10", b"1_000", b"null", b"true"),
    *(b"[" * 2000, b'{"a":' * 2000, b"x" * 200_000),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\xed\xa0\x80", b"#", b"\\"),
)
"""What breaks parsers: quotes, delimiters, NULs, numbers out of range, nesting, long fields, other encodings' marks."""
