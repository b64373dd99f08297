"""A script of your own on trial: étude treats the fields of a Lightning training, without knowing what is inside.

    python examples/treat_lightning.py

`train` is any function of fields and a seed. Here it returns the run as étude reads it from Lightning's own log, so
that étude can diagnose it; a number would do as well, with `higher_is_better` said.
"""

import logging
import tempfile
import warnings
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import etude

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Digits(lightning.LightningModule):
    """A small network for handwritten digits."""

    def __init__(self, fields: dict[str, Any]) -> None:
        """With as many hidden units, and as large steps, as the fields say."""
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, fields["hidden"]), nn.ReLU(), nn.Linear(fields["hidden"], 10))
        self.learning_rate = fields["learning_rate"]

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """The loss of a batch."""
        return self._loss(batch, "train")

    def validation_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """The same, of rows that are not learned from."""
        return self._loss(batch, "val")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)

    def _loss(self, batch: list[torch.Tensor], split: str) -> torch.Tensor:
        inputs, targets = batch
        loss = nn.functional.cross_entropy(self.net(inputs), targets)
        self.log(f"{split}_loss", loss, on_step=False, on_epoch=True)
        return loss


def train(fields: dict[str, Any], seed: int) -> etude.Run:
    """Train once; everything that is chance comes from the seed."""
    generator = torch.Generator().manual_seed(seed)
    digits = load_digits()
    inputs, targets = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
    order = torch.randperm(len(inputs), generator=generator)
    learned, held = order[:600], order[600:1000]
    rows = DataLoader(TensorDataset(inputs[learned], targets[learned]), 32, shuffle=True, generator=generator)
    validation = DataLoader(TensorDataset(inputs[held], targets[held]), 400)
    torch.manual_seed(seed)  # of the initial weights
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and devices
        trainer = lightning.Trainer(
            max_epochs=fields["epochs"],
            logger=CSVLogger(folder),
            accelerator="cpu",
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Digits(fields), rows, validation)
        return etude.read_runs(folder)[0]


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = etude.treat(
        train,
        fields={"learning_rate": 1e-4, "hidden": 32, "epochs": 6},
        name="digits in Lightning",
        max_trainings=150,
        max_replicates=10,
    )
    print(found)
    print("report:", found.report("digits-treated.html"))
