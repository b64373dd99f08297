"""W128 and W256: J2 with wider layers, where the products of matrices decide and there is little else to save."""

from dataclasses import replace

from peers import j2
from peers.job import Job


def wide(width: int) -> Job:
    """J2 with hidden layers of that width, a third as long."""
    return replace(
        j2.JOB,
        name=f"W{width}",
        title=f"{j2.INPUTS}-{width}-{width}-1, 3,200 rows, batches of 64, 10 epochs",
        tensors=((width, j2.INPUTS), (width,), (width, width), (width,), (1, width), (1,)),
        products=(j2.INPUTS * width, width * width, width),
        epochs=10,
        replicates=4,
        goals={"plain": 1.0, "products": 1.0},
        aim=None,
    )


JOBS = (wide(128), wide(256))
