"""PyTorch: the loop that a user writes, the same with its fast options on, and all replicates at once by torch.func."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from peers.job import LEARNING_RATE, Cohort, Losses, Peer, Rows, split_parameters
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

VERSION = str(torch.__version__)
LOSSES: Mapping[str, Callable[[], nn.Module]] = {"bce": nn.BCEWithLogitsLoss, "cross_entropy": nn.CrossEntropyLoss}


def mlp(*sizes: int) -> nn.Sequential:
    """A network of fully connected layers with ReLU between them, as a user writes it."""
    layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def j3_model() -> nn.Sequential:
    """The network of J3."""
    first = (nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    second = (nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(32 * 2 * 2, 10))


MODELS: Mapping[str, Callable[[], nn.Sequential]] = {
    "J1": partial(mlp, 2, 4, 1),
    "J2": partial(mlp, 20, 64, 64, 1),
    "J3": j3_model,
    "W128": partial(mlp, 20, 128, 128, 1),
    "W256": partial(mlp, 20, 256, 256, 1),
}


def model_of(cohort: Cohort, replicate: int) -> nn.Sequential:
    """The network of a job with the initial parameters of a replicate."""
    model = MODELS[cohort.job.name]()
    own = torch.tensor(cohort.parameters[replicate])  # a copy: the model trains in place
    nn.utils.vector_to_parameters(own, model.parameters())
    return model


def plain(cohort: Cohort, epochs: int, *, fused: bool = False, channels_last: bool = False) -> Losses:
    """One replicate after the other, each as a user trains it: nn.Sequential, Adam, loss.item()."""
    train = np.empty((len(cohort.parameters), epochs), np.float32)
    validation = np.empty_like(train)
    criterion = LOSSES[cohort.job.loss]()
    for replicate in range(len(train)):
        model = model_of(cohort, replicate)
        if channels_last:
            model = model.to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=fused)
        x, y, validation_x, validation_y = _tensors(cohort.rows, replicate)
        for epoch in range(epochs):
            model.train()
            losses = []
            for batch in _batches(cohort, replicate, epoch):
                optimizer.zero_grad()
                loss = criterion(model(x[batch]), y[batch])
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            model.eval()
            with torch.no_grad():
                validation[replicate, epoch] = criterion(model(validation_x), validation_y).item()
            train[replicate, epoch] = sum(losses) / len(losses)
    return train, validation


def at_once(cohort: Cohort, epochs: int) -> Losses:
    """All replicates as one vmapped forward pass, ordinary autograd, and fused Adam on the stacked parameters."""
    models = [model_of(cohort, replicate) for replicate in range(len(cohort.parameters))]
    skeleton, criterion = MODELS[cohort.job.name]().to("meta"), LOSSES[cohort.job.loss]()
    parameters, _ = stack_module_state(models)
    optimizer = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE, fused=True)
    shared = None if cohort.rows.shared else 0

    def loss_of(one: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return criterion(functional_call(skeleton, one, (x,)), y)

    x, y, validation_x, validation_y = _tensors(cohort.rows)
    train = torch.zeros(len(models), epochs)
    validation = torch.zeros(len(models), epochs)
    for epoch in range(epochs):
        batches = _batches(cohort, slice(None), epoch)
        for batch in batches:
            optimizer.zero_grad()
            losses = vmap(loss_of)(parameters, x[batch], y[batch])
            losses.sum().backward()
            optimizer.step()
            train[:, epoch] += losses.detach() / len(batches)
        with torch.no_grad():
            each = vmap(loss_of, in_dims=(0, shared, shared))
            validation[:, epoch] = each(parameters, validation_x, validation_y)
    return train.numpy(), validation.numpy()


def products_alone(cohort: Cohort, epochs: int) -> Losses:
    """The matrix products that training an MLP takes, into memory that is ready, and nothing else: torch's own speed.

    Of each batch the outputs, the gradients of the weights, and those of the inputs but the first layer's; of the
    validation rows the outputs. What the numbers are does not matter: each takes as long.
    """
    job, x = cohort.job, torch.from_numpy(cohort.rows.inputs)
    for replicate in range(len(cohort.parameters)):
        flat = cohort.parameters[replicate : replicate + 1].copy()
        weights = [torch.from_numpy(part[0]) for part in split_parameters(job, flat)[::2]]
        gradients = [torch.empty_like(weight) for weight in weights]
        batch = _layers(x[: job.batch_size], weights)
        validation = _layers(torch.from_numpy(cohort.rows.validation_inputs), weights)
        for _ in range(epochs):
            for _ in range(-(-job.rows // job.batch_size)):
                _forward(batch, weights)
                for i in reversed(range(len(weights))):
                    torch.mm(batch[i + 1].T, batch[i], out=gradients[i])
                    if i:
                        torch.mm(batch[i + 1], weights[i], out=batch[i])
            _forward(validation, weights)
    nothing = np.full((len(cohort.parameters), epochs), np.nan, np.float32)
    return nothing, nothing


PLAIN = Peer("plain PyTorch", plain, goal="plain", alone=True)
FUSED = Peer("plain, fused Adam", partial(plain, fused=True), alone=True)
CHANNELS_LAST = Peer("plain, fused Adam, channels_last", partial(plain, fused=True, channels_last=True), alone=True)
AT_ONCE = Peer("torch.func vmap", at_once)
PRODUCTS = Peer("torch's products alone", products_alone, goal="products", alone=True, whole=False)
PEERS: Mapping[str, tuple[Peer, ...]] = {
    "J1": (PLAIN, FUSED, AT_ONCE),
    "J3": (PLAIN, CHANNELS_LAST, AT_ONCE),
    **dict.fromkeys(("J2", "W128", "W256"), (PLAIN, FUSED, AT_ONCE, PRODUCTS)),
}


def _layers(inputs: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """Inputs, then room for the outputs of every layer."""
    return [inputs.clone(), *(torch.zeros(len(inputs), len(weight)) for weight in weights)]


def _forward(layers: list[Tensor], weights: list[Tensor]) -> None:
    for i, weight in enumerate(weights):
        torch.mm(layers[i], weight.T, out=layers[i + 1])


def _tensors(rows: Rows, replicate: int | slice = slice(None)) -> tuple[Tensor, ...]:
    """Train inputs and targets, then validation inputs and targets, of one replicate or of all."""
    arrays = (rows.inputs, rows.targets, rows.validation_inputs, rows.validation_targets)
    return tuple(torch.from_numpy(array if rows.shared else array[replicate]) for array in arrays)


def _batches(cohort: Cohort, replicate: int | slice, epoch: int) -> tuple[Tensor | slice, ...]:
    """Indices of the rows of each batch, (rows,) or (replicates, rows); everything where a batch is all rows."""
    if not cohort.orders.shape[1]:
        return (slice(None),)
    order = torch.from_numpy(cohort.orders[replicate, epoch]).long()
    return order.split(cohort.job.batch_size, dim=-1)
