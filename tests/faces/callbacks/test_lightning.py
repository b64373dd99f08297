"""The callback for Lightning: what its logger writes is in the run, and the training never learns of it."""

import csv

import lightning
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from etude import read_runs
from etude.faces.callbacks.lightning import EtudeCallback

pytestmark = pytest.mark.filterwarnings(
    # Lightning 2.6 makes leaves of PyTorch's trees in a way that PyTorch 2.13 would have it leave
    "ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning:lightning"
)


class Classifier(lightning.LightningModule):
    """A model that logs by step and by epoch."""

    def __init__(self) -> None:
        """The same weights every time."""
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))

    def training_step(self, batch, index):
        """Logged by step and by epoch."""
        loss = cross_entropy(self.net(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        """Logged by epoch."""
        scores = self.net(batch[0])
        self.log("val_loss", cross_entropy(scores, batch[1]))
        self.log("val_acc", (scores.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        """Adam."""
        return torch.optim.Adam(self.parameters(), 0.01)


def trained(folder, learned, held, *callbacks, **how):
    off = dict.fromkeys(("enable_progress_bar", "enable_model_summary", "enable_checkpointing"), False)
    settings = {"max_epochs": 4, "accelerator": "cpu", "log_every_n_steps": 1, **off, **how}
    logger = CSVLogger(folder, name="", version="")
    trainer = lightning.Trainer(logger=logger, callbacks=list(callbacks), **settings)
    model = Classifier()
    batches = [
        DataLoader(TensorDataset(*map(torch.from_numpy, rows)), size, shuffle=size == 16)
        for rows, size in ((learned, 16), (held, 80))
    ]
    trainer.fit(model, *batches)
    return trainer, model


def callback(**how):
    return EtudeCallback(**({"quiet": True, "every": 1} | how))


def logged(folder, name):
    with (folder / "metrics.csv").open() as file:
        return [(int(row["step"]) + 1, float(row[name])) for row in csv.DictReader(file) if row[name]]


def points(curve):
    return list(zip(curve.steps.tolist(), curve.values.astype("float32").tolist(), strict=True))


def bits(model) -> bytes:
    weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    return weights + torch.get_rng_state().numpy().tobytes()


def test_the_run_has_the_numbers_of_the_log(tmp_path, learned, held):
    watching = callback()
    trained(tmp_path, learned, held, watching)
    names = {
        "train/objective": "train_loss_step",
        "train/epoch_mean": "train_loss_epoch",
        "validation/objective": "val_loss",
        "validation/accuracy": "val_acc",
    }
    for ours, theirs in names.items():
        assert points(watching.run.curves[ours]) == logged(tmp_path, theirs), ours
    assert len(watching.run.curves["train/objective"].steps) == 40  # four epochs of ten batches
    assert watching.run.provenance["validation is"] == "val_loss"


def test_training_is_bit_for_bit_what_it_is_alone(tmp_path, learned, held):
    alone = trained(tmp_path / "a", learned, held)[1]
    before = bits(alone)
    assert bits(trained(tmp_path / "b", learned, held, callback())[1]) == before


def test_several_batches_of_one_step_count_as_their_mean(tmp_path, learned, held):
    watching = callback()
    trained(tmp_path, learned, held, watching, accumulate_grad_batches=5)
    steps = watching.run.curves["train/objective"].steps.tolist()
    assert watching.run.last_step == 8
    assert steps[-1] == 8


def test_a_run_that_turned_is_stopped_by_the_trainer(tmp_path, learned, held):
    watching = callback(stop=True)
    trainer, _ = trained(tmp_path, learned, held, watching, max_epochs=300)
    losses = [value for _, value in logged(tmp_path, "val_loss")]
    assert trainer.should_stop
    assert len(losses) < 300
    assert watching.restore_best() == 10 * (losses.index(min(losses)) + 1)


def test_an_exception_in_the_training_passes_on_and_the_run_is_kept(tmp_path, learned, held):
    class Breaking(lightning.Callback):
        def on_train_batch_start(self, trainer, module, batch, index):
            if trainer.global_step == 5:
                raise ZeroDivisionError("the user's own")

    watching = callback()
    with pytest.raises(ZeroDivisionError, match="the user's own"):
        trained(tmp_path, learned, held, watching, Breaking())
    assert watching.run.curves["train/objective"].steps.tolist() == [1, 2, 3, 4, 5]
    assert any("ZeroDivisionError after step 5" in note for note in watching.run.notes)


def test_the_file_is_read_back_with_the_same_curves(tmp_path, learned, held):
    watching = callback(path=tmp_path / "seen.jsonl")
    trained(tmp_path / "log", learned, held, watching)
    (run,) = read_runs(tmp_path / "seen.jsonl")
    assert points(run.curves["train/objective"]) == points(watching.run.curves["train/objective"])
