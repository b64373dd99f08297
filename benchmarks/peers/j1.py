"""J1: the journey's network. 2-4-1 ReLU on 800 rows of its own, full batch, 1,500 epochs: overhead decides."""

import numpy as np
from peers.job import Job, Rows, chance

ROWS, VALIDATION_ROWS = 800, 200
INPUTS, HIDDEN = 2, 4
FLIP = 0.05
"""Share of labels that are wrong."""


def rows_of(replicates: int) -> Rows:
    """The sincos task: is sin x₀ + cos x₁ positive? Every replicate has rows of its own."""
    inputs = np.empty((replicates, ROWS + VALIDATION_ROWS, INPUTS), np.float32)
    targets = np.empty((replicates, ROWS + VALIDATION_ROWS, 1), np.float32)
    for replicate in range(replicates):
        rng = chance("rows", replicate)
        x = 3 * rng.standard_normal((ROWS + VALIDATION_ROWS, INPUTS))
        flipped = rng.random(len(x)) < FLIP
        inputs[replicate] = x
        targets[replicate, :, 0] = (np.sin(x[:, 0]) + np.cos(x[:, 1]) > 0) ^ flipped
    return Rows(inputs[:, :ROWS], targets[:, :ROWS], inputs[:, ROWS:], targets[:, ROWS:], shared=False)


JOB = Job(
    name="J1",
    title="2-4-1, 800 rows, full batch, 1,500 epochs",
    loss="bce",
    tensors=((HIDDEN, INPUTS), (HIDDEN,), (1, HIDDEN), (1,)),
    products=(INPUTS * HIDDEN, HIDDEN),
    rows=ROWS,
    validation_rows=VALIDATION_ROWS,
    batch_size=ROWS,
    epochs=1500,
    replicates=256,
    check_epochs=20,
    goals={"plain": 210.0, "vmap": 15.0, "best": 2.0},
    aim=300.0,
    rows_of=rows_of,
)
