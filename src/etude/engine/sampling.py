"""Which steps of a watched loop are measured: every so many, or as many as a small share of the time pays for."""

import math

SHARE = 0.005
"""Of the time of the loop, what measuring may take where no interval is asked for."""

SHORTEST, LONGEST = 10, 1_000
"""Bounds of the interval between two measured steps, in steps, where none is asked for."""

FIRST = 2
"""Steps at the beginning that are always measured: the second is the first whose activations can be seen."""

SMOOTHING = 0.1
"""Weight of the newest step in the running mean of what a step takes."""


class Sampling:
    """Decides by step number, and, unless `every` is given, by what measuring cost so far. Changes no training."""

    def __init__(self, every: int | None = None) -> None:
        """every: steps between two measurements; None: as measuring costs."""
        self.every = every
        self.count = 0
        self.step_seconds = 0.0
        self.intervals: tuple[int, int] | None = None
        self._next = FIRST + 1

    def next_after(self, step: int) -> int:
        """Which step after number `step` is the next to be measured, as far as is known.

        >>> [Sampling(every=20).next_after(step) for step in (0, 1, 2, 19, 20)]
        [1, 2, 20, 20, 40]
        """
        if step < FIRST:
            return step + 1
        return max(self._next, step + 1) if self.every is None else (step // self.every + 1) * self.every

    def note_step(self, seconds: float) -> None:
        """Take note of what one step took; a pause, such as for validation, counts as two steps at most."""
        if not self.step_seconds:
            self.step_seconds = seconds
        self.step_seconds += SMOOTHING * (min(seconds, 2 * self.step_seconds) - self.step_seconds)

    def note_sample(self, step: int, seconds: float) -> None:
        """Take note of what measuring a step cost on top of it; the next is so far off that it is `SHARE` of the time.

        >>> sampling = Sampling()
        >>> sampling.note_step(0.001)
        >>> sampling.note_sample(3, 0.0015)
        >>> sampling.next_after(3)
        303
        """
        self.count += 1
        if self.every is not None or step < FIRST:
            return
        paid = seconds / (SHARE * self.step_seconds) if self.step_seconds else SHORTEST
        # the first samples also load and allocate what all later ones use, so they tell nothing of these
        interval = SHORTEST if step <= FIRST else min(LONGEST, max(SHORTEST, math.ceil(paid - 1e-9)))
        self._next = step + interval
        shortest, longest = self.intervals or (interval, interval)
        self.intervals = min(shortest, interval), max(longest, interval)

    def __str__(self) -> str:
        """How often was measured, for the record."""
        if self.every is not None:
            return f"every {self.every} steps"
        shortest, longest = self.intervals or (SHORTEST, SHORTEST)
        between = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        return f"every {between} steps, so that it takes about {SHARE:.1%} of the time"
