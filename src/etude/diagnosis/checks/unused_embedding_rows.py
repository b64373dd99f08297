"""Rows of an embedding that no example ever asks for."""

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.known import late, layers
from etude.diagnosis.saying import percent
from etude.values.finding import Cause, Finding, Measured, NotRun, Place, Prediction

SYMPTOM = "unused embedding rows"
SOME, MOST = 0.1, 0.5
"""Share of rows without a gradient since training began; a padding row and a few rare words stay below a tenth."""


def look(case: Case) -> Seen:
    """Embeddings of which a tenth of the rows or more never had a gradient."""
    used = layers(case, "rows_used")
    if not used:
        return NotRun(
            SYMPTOM, "it needs an embedding, and the share of its rows that are used; record with etude.watch"
        )
    unused = {name: 1 - float(late(curve)[-1]) for name, curve in used.items() if late(curve).size}
    worst = max(unused, key=lambda name: unused[name], default=None)
    if worst is None or unused[worst] < SOME:
        return None
    curve, share = used[worst], unused[worst]
    return Finding(
        SYMPTOM,
        f"{percent(share)} of the rows of {worst} had no gradient up to step {int(curve.steps[-1]):,}: they are as "
        "they were drawn, and an example that needs one is answered at random.",
        "warning" if share >= MOST else "note",
        0.8 if share >= MOST else 0.6,
        (Measured(f"rows of {worst} never used", 100 * share, "%"),),
        (Place(curve.name, int(curve.steps[0]), int(curve.steps[-1])),),
        (
            Cause("a vocabulary larger than the data", "how often each entry occurs in the training part"),
            Cause("inputs that are mapped to the wrong entries, or nearly all to 'unknown'", "the commonest entries"),
            Cause("too few steps to have met the rare ones", "whether the share still falls at the end"),
        ),
        ("take what is never used out of the vocabulary", "map rare entries to one that is trained"),
        Prediction(
            "take what is never used out of the vocabulary", "rows never used", "falls", 50 * share, 100 * share, "%"
        ),
    )


CHECK = RunCheck(SYMPTOM, look)
