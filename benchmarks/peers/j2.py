"""J2: an everyday network. 20-64-64-1 ReLU on 3,200 shared rows in batches of 64, 30 epochs: small products decide."""

import numpy as np
from peers.job import Job, Rows, chance

ROWS, VALIDATION_ROWS = 3200, 800
INPUTS, HIDDEN = 20, 64


def rows_of(_: int) -> Rows:
    """Two classes, parted by a plane that waves with the first input; all replicates share the rows."""
    rng = chance("rows")
    x = rng.standard_normal((ROWS + VALIDATION_ROWS, INPUTS)).astype(np.float32)
    side = x @ rng.standard_normal(INPUTS) + 2 * np.sin(3 * x[:, 0])
    targets = (side > 0).astype(np.float32)[:, None]
    return Rows(x[:ROWS], targets[:ROWS], x[ROWS:], targets[ROWS:], shared=True)


JOB = Job(
    name="J2",
    title="20-64-64-1, 3,200 rows, batches of 64, 30 epochs",
    loss="bce",
    tensors=((HIDDEN, INPUTS), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (1, HIDDEN), (1,)),
    products=(INPUTS * HIDDEN, HIDDEN * HIDDEN, HIDDEN),
    rows=ROWS,
    validation_rows=VALIDATION_ROWS,
    batch_size=64,
    epochs=30,
    replicates=16,
    check_epochs=1,
    goals={"plain": 21.0, "vmap": 1.2, "best": 1.2},
    aim=28.0,
    rows_of=rows_of,
)
