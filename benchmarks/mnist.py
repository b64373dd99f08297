"""Seconds for one epoch on MNIST: étude beside the loop that a user of PyTorch would write, channels-last, in one run.

All train the convolutional network of 16 and 32 channels on the same rows with Adam in batches of 64, from 54,000 of
the 60,000 images; 6,000 are kept for validation, and both end with the loss on these and the accuracy on the 10,000 of
the official test set. étude also scores before the first step, on 10,000 images of each part and with standard errors,
and keeps what its report shows. Everyone takes turns in rounds; the ratio is the median of those within a round.

    python benchmarks/mnist.py                3 rounds, some three minutes on an idle machine; `make sets` has MNIST
    python benchmarks/mnist.py --rows 6000    a tenth of the images: does it run?
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from etude.data.load import load
from etude.data.splits import Part, Splits
from etude.engine import loop
from etude.engine.native import replicate as native
from etude.engine.native.library import core
from etude.engine.native.training import Stop
from etude.values.recipe import Recipe

BATCH, RATE = 64, 0.001
AT_ONCE = 1000
"""Images of one evaluation pass."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Trains the replicates with those rows; gives the accuracy of each on the test part.

    threads: how many processors it may use
    """

    train: Callable[[Recipe, list[Splits]], list[float]]
    threads: int


def plain(threads: int) -> Peer:
    """The loop of a user, one replicate after the other, each with that many threads."""

    def train(_: Recipe, rows: list[Splits]) -> list[float]:
        torch.set_num_threads(threads)
        try:
            return [plainly(splits) for splits in rows]
        finally:
            torch.set_num_threads(1)

    return Peer(train, threads)


def plainly(splits: Splits) -> float:
    """One training as a user writes it."""
    first = (nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    second = (nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    model = nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(32 * 7 * 7, 10)).to(
        memory_format=torch.channels_last
    )
    optimizer, criterion = torch.optim.Adam(model.parameters(), lr=RATE), nn.CrossEntropyLoss()
    (x, y), (validation_x, validation_y), (test_x, test_y) = map(_images, splits.parts().values())
    model.train()
    for batch in torch.randperm(len(x)).split(BATCH):
        optimizer.zero_grad()
        loss = criterion(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        criterion(torch.cat([model(images) for images in validation_x.split(AT_ONCE)]), validation_y).item()
        said = torch.cat([model(images).argmax(dim=1) for images in test_x.split(AT_ONCE)])
    return (said == test_y).double().mean().item()


def _images(part: Part) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.from_numpy(part.inputs.copy()).reshape(-1, 1, 28, 28)
    return images.contiguous(memory_format=torch.channels_last), torch.from_numpy(part.targets.copy()).long()


def by_native(threads: int) -> Peer:
    """étude's own engine, as many replicates side by side as it may use processors."""

    def train(recipe: Recipe, rows: list[Splits]) -> list[float]:
        built = core()
        assert built is not None, "the native engine was not built here"

        def one(number: int) -> float:
            return native.train_on(built, recipe, rows[number], number, stop=Stop()).score("accuracy", "test")

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(one, range(len(rows))))

    return Peer(train, threads)


def by_loop(recipe: Recipe, rows: list[Splits]) -> list[float]:
    """étude's reference engine."""
    return [loop.train_on(recipe, splits, number).score("accuracy", "test") for number, splits in enumerate(rows)]


PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        "plain PyTorch, channels-last": plain(1),
        "étude native": by_native(1),
        "étude loop": Peer(by_loop, 1),
        "plain PyTorch, channels-last, 2 threads": plain(2),
        "étude native, 2 side by side": by_native(2),
    }
)
REPLICATES = 2
"""Of which the time is taken together, so that two processors have something to do."""


def main() -> None:
    """Train, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, help="images to learn from; 60,000 where not given")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(
        data={"images": "mnist", "rows": asked.rows},
        model={"name": "convnet", "channels": (16, 32)},
        loss="cross_entropy",
        optimizer={"name": "adam", "learning_rate": RATE},
        batch_size=BATCH,
        epochs=1,
    )
    rows = [load(recipe.data, seed=0, replicate=number) for number in range(REPLICATES)]
    rounds = [{name: timed(peer, recipe, rows) for name, peer in PEERS.items()} for _ in range(asked.rounds)]
    Console(highlight=False, width=120).print(drawn(rounds))


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds a replicate, and the test accuracies."""

    seconds: float
    accuracies: list[float]


def timed(peer: Peer, recipe: Recipe, rows: list[Splits]) -> Timed:
    """One peer's turn."""
    began = time.perf_counter()
    accuracies = peer.train(recipe, rows)
    return Timed((time.perf_counter() - began) / len(rows), accuracies)


def drawn(rounds: list[dict[str, Timed]]) -> Table:
    """A row for each peer; étude's is compared with the plain loop on as many processors."""
    table = Table("", "seconds an epoch, median", "of each round", "of plain's on as many processors", "test accuracy")
    plains = {peer.threads: name for name, peer in reversed(PEERS.items()) if name.startswith("plain")}
    for name, peer in PEERS.items():
        seconds = [one[name].seconds for one in rounds]
        share = statistics.median(one[name].seconds / one[plains[peer.threads]].seconds for one in rounds)
        accuracy = statistics.mean(rounds[0][name].accuracies)
        each = ", ".join(f"{second:.2f}" for second in seconds)
        table.add_row(name, f"{statistics.median(seconds):.2f}", each, f"{share:.2f}", f"{accuracy:.2%}")
    return table


if __name__ == "__main__":
    main()
