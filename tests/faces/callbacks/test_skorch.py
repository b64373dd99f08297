"""The callback for skorch: what the history says is in the run, and the training never learns of it."""

import pickle

import pytest
import skorch
import torch
from sklearn.base import clone
from torch import nn

from etude.faces.callbacks import skorch as home

SILENT = {"verbose": 0, "max_epochs": 4, "batch_size": 16, "iterator_train__shuffle": True}


def trained(rows, *callbacks, **how):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
    settings = {"criterion": nn.CrossEntropyLoss, "optimizer": torch.optim.Adam, "lr": 0.01, **SILENT, **how}
    model = skorch.NeuralNetClassifier(net, callbacks=[("etude", one) for one in callbacks], **settings)
    return model.fit(*rows)


def callback(**how):
    return home.EtudeCallback(**({"quiet": True, "every": 1} | how))


def seen(model):
    return dict(model.callbacks_)["etude"]


def bits(model) -> bytes:
    weights = b"".join(value.numpy().tobytes() for value in model.module_.state_dict().values())
    return weights + torch.get_rng_state().numpy().tobytes()


def test_the_run_has_the_numbers_of_the_history(learned):
    model = trained(learned, callback())
    curves, history = seen(model).run.curves, model.history
    # of 160 rows skorch holds out a fifth: 128 to learn from, eight batches of 16
    assert curves["train/objective"].steps.tolist() == list(range(1, 33))
    assert curves["train/objective"].values.tolist() == [
        loss for epoch in history[:, "batches", :, "train_loss"] for loss in epoch
    ]
    assert curves["train/epoch_mean"].values.tolist() == history[:, "train_loss"]
    assert curves["validation/objective"].values.tolist() == history[:, "valid_loss"]
    assert curves["validation/accuracy"].values.tolist() == history[:, "valid_acc"]
    assert curves["validation/objective"].steps.tolist() == [8, 16, 24, 32]


def test_gradients_are_measured_layer_by_layer(learned):
    run = seen(trained(learned, callback())).run
    assert set(run.curves["signals/learning_rate"].values) == {0.01}
    assert {name for name in run.curves if name.endswith("/dead")} == {"layers/1/dead"}
    assert run.curves["layers/0/update_ratio"].steps.size == 32


def test_training_is_bit_for_bit_what_it_is_alone(learned):
    assert bits(trained(learned, callback())) == bits(trained(learned))


def test_a_copy_is_untrained_and_a_pickle_keeps_the_run(learned):
    # skorch's own log keeps the `print` of its import, which others in this process may have replaced since
    model = trained(learned, callback(stop=True), callbacks__print_log=None)
    kept = seen(pickle.loads(pickle.dumps(model)))
    assert (
        kept.run.curves["train/objective"].values.tolist() == seen(model).run.curves["train/objective"].values.tolist()
    )
    assert dict(clone(model).get_params()["callbacks"])["etude"].stop is True


def test_a_run_that_turned_is_stopped_and_its_best_weights_are_kept(learned):
    # 160 rows with noisy labels, a wide net and a large rate: what is learned by heart soon spoils validation
    model = trained(learned, callback(stop=True), max_epochs=300, lr=0.03)
    watched = seen(model)
    losses = model.history[:, "valid_loss"]
    assert len(losses) < 300
    assert watched.run.ended == "stopped early"
    assert watched.restore_best() == 8 * (losses.index(min(losses)) + 1)


def test_a_mistake_of_our_own_ends_no_training(learned, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(home, "sort_out", broken)
    with pytest.warns(RuntimeWarning, match="étude watches no more: ZeroDivisionError: a mistake. Training goes on"):
        model = trained(learned, callback())
    assert len(model.history) == 4


def test_a_callback_that_saw_nothing_says_so():
    with pytest.raises(RuntimeError, match="nothing was trained yet"):
        _ = callback().run
