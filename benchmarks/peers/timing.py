"""Peers checked against each other, then timed in turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from peers.job import Job, Told
from peers.measured import Rates
from peers.process import Child

TOLERANCE = 1e-4
"""Largest difference of losses over a short run: rounding gives 1e-6, a mistake 1e-2."""
Clock = Literal["wall", "cpu"]
"""The seconds that passed, or those that a processor worked for the peer: on a busy machine the latter say more."""
CHECKED = 4
"""Replicates whose losses are compared."""


@dataclass(frozen=True, eq=False, slots=True)
class Contestant:
    """One peer in its child, and how much it trains each time."""

    child: Child
    peer: Told
    job: Job
    replicates: int
    epochs: int
    threads: int = 1
    at_least: float = 0.0
    """Seconds that a timing should take; a short cohort is trained again and again."""
    clock: Clock = "wall"

    def ask(self) -> None:
        """Let it begin; `answer` waits for the end."""
        self.child.ask(
            job=self.job.name,
            peer=self.peer.name,
            replicates=self.replicates,
            epochs=self.epochs,
            threads=self.threads,
            at_least=self.at_least,
            show=CHECKED,
        )

    def answer(self) -> dict[str, Any]:
        """Seconds by both clocks, losses of the first replicates, and memory."""
        return self.child.answer()

    def trained(self) -> dict[str, Any]:
        """The answer to one request."""
        self.ask()
        return self.answer()

    def rate(self, answer: Mapping[str, Any]) -> float:
        """Whole trainings a second."""
        return self.replicates * self.epochs / self.job.epochs / float(answer[self.clock])


def contestants(
    job: Job, replicates: int, children: Sequence[Child], *, budget: float, clock: Clock
) -> list[Contestant]:
    """Every peer of a job, agreed on its losses, with as many epochs as fit `budget` seconds, warmed up."""
    found = []
    for child in children:
        for peer in child.peers(job.name):
            few = min(CHECKED, replicates) if peer.alone else replicates
            found.append(Contestant(child, peer, job, few, job.check_epochs, clock=clock))
    answers = [checked(who) for who in found]
    for who, answer in zip(found, answers, strict=True):
        if who.peer.whole:
            agree(answers[0], answer, f"{job.name}, {who.peer.name}")
    return [warmed(who, answer[clock], budget) for who, answer in zip(found, answers, strict=True)]


def checked(who: Contestant) -> dict[str, Any]:
    """The answer to the second of two short runs; the first compiles."""
    who.trained()
    return who.trained()


def agree(reference: Mapping[str, Any], answer: Mapping[str, Any], name: str) -> None:
    """Stop unless the losses of the first replicates are those of the first peer, the plain PyTorch loop."""
    for curve in ("train", "validation"):
        off = float(np.max(np.abs(np.subtract(answer[curve], reference[curve]))))
        if not off <= TOLERANCE:  # so that NaN stops too
            raise SystemExit(
                f"{name}: {curve} losses are {off:.2g} off those of the first peer, more than {TOLERANCE:g}; rounding "
                "does not explain that, so it does not do the same work. Nothing was timed."
            )


def warmed(who: Contestant, seconds: float, budget: float) -> Contestant:
    """With as many epochs as fit, given that those of the check took `seconds`, and having trained them once."""
    if who.peer.alone:  # each replicate costs the same
        who, seconds = replace(who, replicates=1), seconds / who.replicates
    epochs = max(who.epochs, min(int(budget / seconds * who.epochs), who.job.epochs))
    if epochs > who.epochs:
        who = replace(who, epochs=epochs)
        who.trained()
    return who


def in_rounds(ready: Sequence[Contestant], rounds: int) -> list[Rates]:
    """Rates of each; all take turns, so that a busy minute of the machine hits all alike."""
    taken = [[who.rate(who.trained()) for who in ready] for _ in range(rounds)]
    return list(zip(*taken, strict=True))


def together(pair: Sequence[Contestant], rounds: int) -> Rates:
    """Rates of contestants that train at the same time, added up, after a first round that compiles."""
    sums = []
    for _ in range(rounds + 1):
        for who in pair:
            who.ask()
        sums.append(sum(who.rate(who.answer()) for who in pair))
    return tuple(sums[1:])


def timed(who: Contestant, replicates: int) -> str:
    """What part of a whole training of `replicates` is timed, in words; '' where it is all."""
    parts = ["1 replicate"] if who.replicates < replicates else []
    if who.epochs < who.job.epochs:
        parts.append(f"{who.epochs:,} of {who.job.epochs:,} epochs")
    return ", ".join(parts)
