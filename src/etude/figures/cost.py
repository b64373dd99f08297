"""What treating cost: trainings by round, and those of the fresh comparison."""

from collections.abc import Iterator
from dataclasses import dataclass

from etude.figures.svg import element, picture
from etude.values.treatment import Treated, identity

HEIGHT = 14


@dataclass(frozen=True, slots=True)
class Cost:
    """Trainings that were made for one thing, and their share of all."""

    says: str
    trainings: int
    share: float


def cost_data(found: Treated) -> tuple[Cost, ...]:
    """Trainings by round and of the fresh comparison; one that two rounds need is counted where it was first needed."""
    counts = [*_by_round(found)]
    if found.final is not None:
        counts.append(("untreated and treated on fresh seeds", len(found.final.before) + len(found.final.after)))
        if found.final.averaged is not None:
            counts.append(("networks that were averaged", found.final.averaged.trainings))
    total = sum(n for _, n in counts) or 1
    return tuple(Cost(says, n, n / total) for says, n in counts)


def _by_round(found: Treated) -> Iterator[tuple[str, int]]:
    had: dict[str, int] = {}
    for number, one in enumerate(found.rounds, 1):
        needed = {identity(one.control): len(one.runs)}
        needed |= {
            identity(tried.prescription.setting): len(tried.effect.differences) for tried in one.tried if tried.effect
        }
        yield f"round {number}", one.scouted + sum(max(0, n - had.get(key, 0)) for key, n in needed.items())
        had |= {key: max(n, had.get(key, 0)) for key, n in needed.items()}


def draw_cost_bar(cost: Cost) -> str:
    """Its share of all trainings as a bar."""
    bar = element("rect", x=0, y=2, width=f"{100 * cost.share:.1f}%", height=HEIGHT - 4, class_="share")
    return picture(
        f"{cost.says}: {cost.trainings:,} trainings",
        f"{100 * cost.share:.0f} % of all",
        bar,
        width="100%",
        height=HEIGHT,
    )
