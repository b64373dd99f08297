"""A run as bytes and back: every number bit for bit, and a checksum beside every array."""

import hashlib
import json
import struct
import zlib
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.values.curve import Curve, curve
from etude.values.errors import RecipeError, StoreDamagedError, StoreError
from etude.values.recipe import Recipe
from etude.values.run import Run

Json = dict[str, Any]
HEAD = struct.Struct("<16sII")
"""What precedes sealed JSON: its BLAKE2b digest, its compressed and its plain size in bytes."""

LARGEST_JSON = 1 << 28
"""Bytes; a size above it is damage, and is refused before memory is asked for."""

WORD_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
"""The numpy kinds and item sizes that mean the same on every machine."""


def encode_run(key: str, run: Run) -> bytes:
    """The run as sealed JSON followed by its arrays, each compressed on its own; equal arrays are kept once.

    The run of a journey (two objectives at 1,500 steps; twelve scores with standard errors at 101) holds 77 kB of
    steps, values and standard errors and becomes 19 kB, 14 of them the mantissas of the scores, which are noise to
    any compressor.
    """
    columns: dict[str, tuple[list[Any], bytes]] = {}

    def column(array: NDArray[Any], what: str) -> str:
        plain = _portable(array, what)
        digest = _array_digest(plain)
        if digest not in columns:
            columns[digest] = _pack(plain)
        return digest

    head = {
        **_described(key, run),
        "curves": [[c.name, c.unit, *(column(part, c.name) for part in _parts(c))] for c in run.curves.values()],
        "arrays": [[name, column(array, name)] for name, array in run.arrays.items()],
    }
    head["columns"] = [[digest, *described, len(packed)] for digest, (described, packed) in columns.items()]
    return seal(head) + b"".join(packed for _, packed in columns.values())


def decode_run(key: str, body: bytes, recipe: Recipe | None) -> Run:
    """The run as it was encoded; a StoreDamagedError names the curve whose bytes are not those written.

    recipe: becomes the run's. None: it is rebuilt from what was stored; a recipe with the user's own code or arrays
        cannot be, so such a run has none and a note that says so.
    """
    head, start = _opened(key, body)
    described: dict[str, tuple[list[Any], bytes]] = {}
    for digest, *form, size in head["columns"]:
        described[digest] = (form, body[start : start + size])
        start += size
    arrays: dict[str, NDArray[Any]] = {}

    def column(digest: str, what: str) -> NDArray[Any]:
        if digest not in arrays:
            arrays[digest] = _unpack(digest, *described[digest], what)
        return arrays[digest]

    rebuilt, notes = (recipe, ()) if recipe else _rebuilt(head["recipe"])
    curves = {}
    for name, unit, *parts in head["curves"]:
        steps, values, *errors = (column(digest, f"curve {name!r}") for digest in parts)
        curves[name] = curve(name, steps, values, unit=unit, standard_errors=errors[0] if errors else None)
    return Run(
        name=head["name"],
        curves=MappingProxyType(curves),
        ended=head["ended"],
        last_step=head["last_step"],
        kept_step=head["kept_step"],
        recipe=rebuilt,
        replicate=head["replicate"],
        arrays=MappingProxyType({name: column(digest, f"array {name!r}") for name, digest in head["arrays"]}),
        provenance=MappingProxyType(head["provenance"]),
        notes=(*head["notes"], *notes),
    )


def same_result(key: str, body: bytes, other: bytes) -> bool:
    """Whether two encoded runs hold the same numbers; name, provenance and notes may differ, seconds always do."""
    return _result(_opened(key, body)[0]) == _result(_opened(key, other)[0])


def seal(plain: Json) -> bytes:
    """JSON, compressed, behind a digest of its plain bytes.

    >>> unseal(seal({"arms": 2}))
    {'arms': 2}
    """
    text = json.dumps(plain, default=_from_numpy, separators=(",", ":")).encode()
    packed = zlib.compress(text)
    return HEAD.pack(_digest(text), len(packed), len(text)) + packed


def unseal(body: bytes) -> Json:
    """What `seal` was given; any bytes that follow are left alone."""
    return _unsealed(body)[0]


def unseal_study(name: str, body: bytes) -> Json:
    """The study that was sealed under this name, and no other."""
    kept = unseal(body)
    if kept["name"] != name:
        raise StoreDamagedError(f"what is kept is that of study {kept['name']!r}")
    return kept


def _unsealed(body: bytes) -> tuple[Json, int]:
    if len(body) < HEAD.size:
        raise StoreDamagedError(f"the description is cut off after {len(body)} bytes")
    digest, packed_size, size = HEAD.unpack_from(body)
    end = HEAD.size + packed_size
    text = _inflated(body[HEAD.size : end], size) if size <= LARGEST_JSON else None
    if text is None or _digest(text) != digest:
        raise StoreDamagedError("the description does not match its checksum")
    plain: Json = json.loads(text)
    return plain, end


def _opened(key: str, body: bytes) -> tuple[Json, int]:
    head, start = _unsealed(body)
    if head["key"] != key:
        raise StoreDamagedError(f"the description is that of run {head['key']}")
    return head, start


def _described(key: str, run: Run) -> Json:
    return {
        "key": key,
        "name": run.name,
        "ended": run.ended,
        "last_step": run.last_step,
        "kept_step": run.kept_step,
        "recipe": run.recipe.model_dump(mode="json") if run.recipe else None,
        "replicate": run.replicate,
        "provenance": dict(run.provenance),
        "notes": list(run.notes),
    }


def _result(head: Json) -> Json:
    told = {name: head[name] for name in ("ended", "last_step", "kept_step", "recipe", "replicate")}
    return {**told, "curves": sorted(head["curves"]), "arrays": sorted(head["arrays"])}


def _rebuilt(fields: Json | None) -> tuple[Recipe | None, tuple[str, ...]]:
    if fields is None:
        return None, ()
    try:
        return Recipe(**fields), ()
    except RecipeError:
        return None, (
            "its recipe holds the user's own code or arrays, or fields this étude does not know, "
            "so it cannot be rebuilt from the store: ask with the recipe itself",
        )


def _parts(c: Curve) -> tuple[NDArray[Any], ...]:
    return (c.steps, c.values) if c.standard_errors is None else (c.steps, c.values, c.standard_errors)


def _portable(array: NDArray[Any], what: str) -> NDArray[Any]:
    if array.dtype.itemsize not in WORD_SIZES.get(array.dtype.kind, ()):
        raise StoreError(
            f"{what!r} is an array of {array.dtype}, which is not a number of at most 64 bits, the same on every "
            "machine. Keep such numbers only. Nothing was stored."
        )
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)


def _pack(array: NDArray[Any]) -> tuple[list[Any], bytes]:
    """Its type, its type as stored and its shape; its compressed bytes.

    What is compressed are the differences of successive words, one byte plane after another: even steps become a run
    of one byte, and the slowly changing high bytes of a curve lie together. Exact for any bits, NaN payloads included.
    """
    kept = _narrowed(array)
    words = kept.reshape(-1).view(_word(kept.dtype))
    differences = words.copy()
    differences[1:] -= words[:-1]
    planes = differences.view(np.uint8).reshape(-1, words.dtype.itemsize).T.tobytes()
    return [array.dtype.str, kept.dtype.str, list(array.shape)], zlib.compress(planes)


def _unpack(digest: str, described: list[Any], packed: bytes, what: str) -> NDArray[Any]:
    kind, kept_kind, shape = described
    word = _word(np.dtype(kept_kind))
    planes = _inflated(packed, int(np.prod(shape, dtype=np.int64)) * np.dtype(kept_kind).itemsize)
    if planes is None:
        raise StoreDamagedError(f"{what} cannot be decompressed")
    differences = np.frombuffer(planes, dtype=np.uint8).reshape(word.itemsize, -1).T.copy().view(word)
    words = np.cumsum(differences.reshape(-1), dtype=word)
    with np.errstate(all="ignore"):
        array: NDArray[Any] = words.view(kept_kind).reshape(shape).astype(kind)
    if _array_digest(array) != digest:
        raise StoreDamagedError(f"{what} does not match its checksum")
    array.setflags(write=False)
    return array


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """As float32 where that keeps every bit of a float64 array, as it does for what torch measured in float32."""
    if array.dtype != np.float64:
        return array
    with np.errstate(all="ignore"):
        narrow = array.astype("<f4")
        return narrow if narrow.astype("<f8").tobytes() == array.tobytes() else array


def _word(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(f"<u{dtype.itemsize // (2 if dtype.kind == 'c' else 1)}")


def _inflated(packed: bytes, size: int) -> bytes | None:
    """The `size` bytes that were compressed; None where they are not `size`, or not to be had."""
    inflate = zlib.decompressobj()
    try:
        plain = inflate.decompress(packed, size + 1)
    except zlib.error:
        return None
    return plain if len(plain) == size and inflate.eof else None


def _array_digest(array: NDArray[Any]) -> str:
    return _digest(f"{array.dtype.str}{array.shape}".encode() + array.tobytes()).hex()


def _digest(plain: bytes) -> bytes:
    return hashlib.blake2b(plain, digest_size=16).digest()


def _from_numpy(value: object) -> Any:  # noqa: ANN401 - whatever Python number it is
    if isinstance(value, np.generic):
        return value.item()
    raise StoreError(f"a run's facts are words and numbers, not {type(value).__name__}. Nothing was stored.")
