"""The callback for Hugging Face's Trainer: what its log says is in the run, and the training never learns of it."""

import torch
import transformers
from torch import nn
from torch.nn.functional import cross_entropy

from etude.faces.callbacks.huggingface import EtudeCallback


class Classifier(nn.Module):
    """A model as the Trainer wants it."""

    def __init__(self) -> None:
        """The same weights every time."""
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))

    def forward(self, x, labels=None):
        """The loss and the scores."""
        scores = self.net(x)
        return {"loss": cross_entropy(scores, labels), "logits": scores}


def dataset(rows):
    return [{"x": torch.from_numpy(x), "labels": int(y)} for x, y in zip(*rows, strict=True)]


def trained(folder, learned, held, *callbacks, resume=None, **how):
    settings = {
        **{"num_train_epochs": 4, "per_device_train_batch_size": 16, "logging_steps": 5, "learning_rate": 0.01},
        **{"eval_strategy": "epoch", "save_strategy": "no", "report_to": [], "disable_tqdm": True, "use_cpu": True},
        **{"seed": 1, **how},
    }
    arguments = transformers.TrainingArguments(str(folder), **settings)
    data = {"train_dataset": dataset(learned), "eval_dataset": dataset(held)}
    trainer = transformers.Trainer(Classifier(), arguments, callbacks=list(callbacks), **data)
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def callback(**how):
    return EtudeCallback(**({"quiet": True, "every": 1} | how))


def logged(trainer, name):
    return [(row["step"], row[name]) for row in trainer.state.log_history if name in row]


def points(curve):
    return list(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))


def bits(trainer) -> bytes:
    weights = b"".join(value.numpy().tobytes() for value in trainer.model.state_dict().values())
    return weights + torch.get_rng_state().numpy().tobytes()


def test_the_run_has_the_numbers_of_the_log(tmp_path, learned, held):
    watching = callback()
    trainer = trained(tmp_path, learned, held, watching)
    names = {
        "train/objective": "loss",
        "validation/objective": "eval_loss",
        "signals/gradient_norm": "grad_norm",
    }
    for ours, theirs in names.items():
        assert points(watching.run.curves[ours]) == logged(trainer, theirs), ours
    assert watching.run.curves["train/objective"].steps.tolist() == list(range(5, 41, 5))


def test_training_is_bit_for_bit_what_it_is_alone(tmp_path, learned, held):
    before = bits(trained(tmp_path / "a", learned, held))
    assert bits(trained(tmp_path / "b", learned, held, callback())) == before


def test_a_run_that_turned_is_stopped_by_its_control(tmp_path, learned, held):
    watching = callback(stop=True)
    trainer = trained(tmp_path, learned, held, watching, num_train_epochs=300, lr_scheduler_type="constant")
    losses = [value for _, value in logged(trainer, "eval_loss")]
    assert len(losses) < 300
    assert watching.restore_best() == 10 * (losses.index(min(losses)) + 1)


def test_a_resumed_training_counts_on(tmp_path, learned, held):
    trained(tmp_path, learned, held, save_strategy="epoch", num_train_epochs=2)
    watching = callback()
    trainer = trained(tmp_path, learned, held, watching, resume=str(tmp_path / "checkpoint-20"))
    assert watching.run.curves["validation/objective"].steps.tolist() == [30, 40]
    assert watching.run.last_step == trainer.state.global_step == 40
