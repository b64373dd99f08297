"""What of a log could not be read, while the rest could."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lost:
    """Records of a log that are damaged.

    file:    its path
    where:   "line 12", "byte 4096"
    records: how many; None where that cannot be known
    because: what is wrong with them, as words that go on after "because"
    """

    file: str
    where: str
    records: int | None
    because: str
