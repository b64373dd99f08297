"""A study as the store knows it, as bytes and back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from etude.records.sealing import digest, seal, unseal
from etude.values.errors import StoreDamagedError

KEY_BYTES = 32
RUN_KEY = re.compile(r"[0-9a-f]{64}")
"""What `run_keys` returns: kept as 32 bytes, not as 64 letters."""


@dataclass(frozen=True, slots=True)
class KeptStudy:
    """A study as the store knows it: its plan as JSON and, by arm label, the keys of its runs in replicate order.

    A key may be of a run that is still to be made.
    """

    name: str
    plan: str
    arms: Mapping[str, tuple[str, ...]]


def encode_study(study: KeptStudy) -> bytes:
    """Sealed JSON, then the keys of the arms end to end; a million keys take 32 MB.

    An arm with any key that `run_keys` did not make has a list of its keys in place of their number, as all arms had
    in layout 1.
    """
    packed = {label: keys for label, keys in study.arms.items() if all(map(RUN_KEY.fullmatch, keys))}
    keys = bytes.fromhex("".join("".join(keys) for keys in packed.values()))
    arms = {label: len(keys) if label in packed else list(keys) for label, keys in study.arms.items()}
    return seal({"name": study.name, "plan": study.plan, "arms": arms, "keys": digest(keys).hex()}) + keys


def decode_study(name: str, body: bytes) -> KeptStudy:
    """The study that was encoded under this name, and no other; a StoreDamagedError where its bytes were changed.

    >>> study = KeptStudy("s", "{}", {"a": ("0f" * 32, "1e" * 32)})
    >>> decode_study("s", encode_study(study)).arms == study.arms
    True
    """
    head, start = unseal(body)
    if head["name"] != name:
        raise StoreDamagedError(f"what is kept is that of study {head['name']!r}")
    packed = body[start:]
    if "keys" in head and digest(packed).hex() != head["keys"]:
        raise StoreDamagedError("the keys of its runs do not match their checksum")
    arms, begin = {}, 0
    for label, kept in head["arms"].items():
        size = kept * KEY_BYTES if isinstance(kept, int) else 0
        arms[label] = _keys(packed[begin : begin + size]) if isinstance(kept, int) else tuple(kept)
        begin += size
    return KeptStudy(name, head["plan"], MappingProxyType(arms))


def _keys(packed: bytes) -> tuple[str, ...]:
    letters = packed.hex()
    return tuple(letters[i : i + 2 * KEY_BYTES] for i in range(0, len(letters), 2 * KEY_BYTES))
