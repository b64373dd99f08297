"""How fast this machine trains: complete runs of one small job a second."""

import itertools
import time
from contextlib import closing

from etude.engine.engines import engine_called
from etude.engine.spread import Job
from etude.values.data import Task
from etude.values.model import Mlp
from etude.values.recipe import Recipe

J1 = Recipe(
    data=Task(task="sincos", rows=1000, features=2, flip=0.05),
    model=Mlp(hidden=(4,)),
    loss="bce",
    epochs=1500,
    score_every=1500,
)
"""The learner's first network, 2-4-1: full-batch Adam for 1,500 epochs on 800 rows, scored at its start and end."""

SHARE_OF_LOOP = 10
"""`loop` takes a second or more for J1; a tenth of its epochs tell as much."""


def pace(engine: str, *, workers: int, seconds: float) -> float:
    """Complete runs of J1 a second, from their data to their scores; it takes about `seconds`, twice that in `loop`."""
    share = SHARE_OF_LOOP if engine == "loop" else 1
    recipe = J1.model_copy(update={"epochs": J1.epochs // share})
    jobs = (Job(recipe, replicate) for replicate in itertools.count())
    began, made = time.perf_counter(), 0
    with closing(engine_called(engine)(jobs, workers=workers)) as runs:
        next(runs)  # what is prepared once, and workers that start
        began = time.perf_counter()
        for made, _ in enumerate(runs, start=1):  # noqa: B007 - the last one counts them
            if time.perf_counter() - began >= seconds:
                break
    return made / share / (time.perf_counter() - began)
