"""J3: a small convolutional network on scikit-learn's 8 × 8 digits, batches of 64, 10 epochs: convolution decides."""

import numpy as np
from peers.job import Job, Rows
from sklearn.datasets import load_digits

ROWS, VALIDATION_ROWS = 1437, 360
SIDE, CLASSES = 8, 10
CHANNELS = (1, 16, 32)
KERNEL = 3
BRIGHTEST = 16
"""The largest grey value of the set."""
HALF, QUARTER = SIDE // 2, SIDE // 4
"""The sides of the image after the first and the second pooling."""


def rows_of(_: int) -> Rows:
    """Images of shape (rows, 1, 8, 8) between 0 and 1, in the order of the set; all replicates share them."""
    digits = load_digits()
    images = (digits.images / BRIGHTEST).astype(np.float32)[:, None]
    classes = digits.target.astype(np.int64)
    return Rows(images[:ROWS], classes[:ROWS], images[ROWS:], classes[ROWS:], shared=True)


JOB = Job(
    name="J3",
    title="CNN 1-16-32-10 on 8 × 8 digits, 1,437 rows, batches of 64, 10 epochs",
    loss="cross_entropy",
    tensors=(
        (CHANNELS[1], CHANNELS[0], KERNEL, KERNEL),
        (CHANNELS[1],),
        (CHANNELS[2], CHANNELS[1], KERNEL, KERNEL),
        (CHANNELS[2],),
        (CLASSES, CHANNELS[2] * QUARTER**2),
        (CLASSES,),
    ),
    products=(  # a padded convolution has one product a pixel, kernel position, input and output channel
        SIDE**2 * KERNEL**2 * CHANNELS[0] * CHANNELS[1],
        HALF**2 * KERNEL**2 * CHANNELS[1] * CHANNELS[2],
        CHANNELS[2] * QUARTER**2 * CLASSES,
    ),
    rows=ROWS,
    validation_rows=VALIDATION_ROWS,
    batch_size=64,
    epochs=10,
    replicates=16,
    check_epochs=1,
    goals={"plain": 5.3, "vmap": 2.5, "best": 1.7},
    aim=7.0,
    rows_of=rows_of,
)
