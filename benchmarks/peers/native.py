"""étude's native engine, given what every peer is given; a replicate is opened, advanced by all epochs and closed."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from peers.job import LEARNING_RATE, Cohort, Job, Losses, Peer
from peers.jobs import JOBS

from etude.engine.native.library import KINDS, Layer, core
from etude.engine.native.training import CoreJob, Rows, Stop, Training
from etude.values.optimizer import Adam

CORE = core()
if CORE is None:
    raise ImportError("étude's native engine is not built")
VERSION = version("etude")


def native(cohort: Cohort, epochs: int, *, threads: int = 1) -> Losses:
    """Whole replicates as tasks of `threads` threads, in the core without the interpreter's lock."""
    job, replicates = core_job(cohort), len(cohort.parameters)
    train = np.empty((replicates, epochs), np.float32)
    validation = np.empty_like(train)
    left = iter(range(replicates))

    def work(_: int) -> None:
        for replicate in left:  # whichever thread is free takes the next
            train[replicate], validation[replicate] = _trained(cohort, job, replicate, epochs)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))  # which raises what a training raised
    return train, validation


def core_job(cohort: Cohort) -> CoreJob:
    """The job as the core takes it."""
    job, inputs = cohort.job, cohort.rows.inputs
    form = inputs.shape[-3:] if len(job.tensors[0]) == 4 else (inputs.shape[-1], 1, 1)
    return CoreJob(
        form=form,
        outputs=job.tensors[-1][0],
        layers=core_layers(job),
        loss=job.loss,
        optimizer=Adam(learning_rate=LEARNING_RATE),
        batch=job.batch_size,
    )


def core_layers(job: Job) -> list[Layer]:
    """ReLU after every layer with weights but the last, and a pooling of 2 × 2 after that of a convolution of 3 × 3."""
    layers = []
    for weight in job.tensors[::2]:
        layer = Layer(kind=KINDS["convolution" if len(weight) == 4 else "linear"], units=weight[0], has_bias=1)
        layers += [layer, Layer(kind=KINDS["relu"])]
        if len(weight) == 4:
            layer.kernel[:], layer.step[:], layer.padding[:] = weight[2:], (1, 1), (1, 1)
            layers.append(Layer(kind=KINDS["max_pool"], kernel=(2, 2), step=(2, 2)))
    return layers[:-1]


PEERS: Mapping[str, tuple[Peer, ...]] = dict.fromkeys(JOBS, (Peer("étude native", native),))


def _trained(cohort: Cohort, job: CoreJob, replicate: int, epochs: int) -> NDArray[np.float64]:
    """Training and validation losses, shape (2, epochs)."""
    order = cohort.orders[replicate] if cohort.orders.shape[1] else None
    start, rates = cohort.parameters[replicate], np.array([LEARNING_RATE])
    with Training(CORE, job, _rows(cohort, replicate), start, stop=Stop()) as training:
        losses, _ = training.advance(epochs, order=order, rates=rates, every=epochs + 1)  # no outputs on the way
        return losses


def _rows(cohort: Cohort, replicate: int) -> dict[str, Rows]:
    """Features and targets as flat float32 rows; a class is its number."""
    rows, own = cohort.rows, ... if cohort.rows.shared else replicate
    parts = {
        "train": (rows.inputs, rows.targets),
        "validation": (rows.validation_inputs, rows.validation_targets),
    }
    return {
        name: Rows(inputs[own].reshape(targets[own].shape[0], -1), targets[own].ravel().astype(np.float32))
        for name, (inputs, targets) in parts.items()
    }
