"""The callback for Keras, on any backend: what History says is in the run, and the training never learns of it."""

import keras
import numpy as np
import pytest

from etude.faces.callbacks.keras import EtudeCallback

pytestmark = pytest.mark.filterwarnings(
    # Keras 3.15 makes arrays of PyTorch's tensors, whose __array__ NumPy 2 wants to take `copy`
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:keras"
)


def trained(learned, held, *callbacks, epochs=4, rate=0.01):
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.2), keras.layers.Dense(2)]
    model = keras.Sequential([keras.layers.Input((6,)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(*learned, batch_size=16, epochs=epochs, validation_data=held, verbose=0, callbacks=list(callbacks))
    return model


def callback(**how):
    return EtudeCallback(**({"quiet": True} | how))


def bits(model) -> bytes:
    return b"".join(weights.tobytes() for weights in model.get_weights())


def test_the_run_has_the_numbers_of_the_history(learned, held):
    watching = callback()
    told = trained(learned, held, watching).history.history
    curves = watching.run.curves
    names = {"train/epoch_mean": "loss", "validation/objective": "val_loss", "validation/accuracy": "val_accuracy"}
    for ours, theirs in names.items():
        assert curves[ours].values.tolist() == told[theirs], ours
        assert curves[ours].steps.tolist() == [10, 20, 30, 40], ours
    assert np.float32(curves["signals/learning_rate"].values).tolist() == [np.float32(0.01)] * 4


def test_the_losses_of_ten_full_batches_average_to_their_epoch(learned, held):
    watching = callback()
    told = trained(learned, held, watching).history.history
    losses = watching.run.curves["train/objective"]
    assert losses.steps.tolist() == list(range(1, 41))
    assert losses.values.reshape(4, 10).mean(axis=1) == pytest.approx(told["loss"], rel=1e-6)


def test_losses_are_recorded_as_rarely_as_is_asked_for(learned, held):
    watching = callback(every=5)
    trained(learned, held, watching)
    every = callback()
    trained(learned, held, every)
    means = every.run.curves["train/objective"].values.reshape(8, 5).mean(axis=1)
    assert watching.run.curves["train/objective"].values == pytest.approx(means, rel=1e-5)


def test_training_is_bit_for_bit_what_it_is_alone(learned, held):
    assert bits(trained(learned, held, callback())) == bits(trained(learned, held))


def test_a_run_that_turned_is_stopped_and_its_best_weights_are_kept(learned, held):
    watching = callback(stop=True)
    model = trained(learned, held, watching, epochs=300, rate=0.03)
    losses = model.history.history["val_loss"]
    assert len(losses) < 300
    assert watching.run.ended == "stopped early"
    assert watching.restore_best() == 10 * (losses.index(min(losses)) + 1)
    assert model.evaluate(*held, verbose=0)[0] == pytest.approx(min(losses), rel=1e-5)


def test_another_fit_goes_on_where_the_first_ended(learned, held):
    watching = callback()
    model = trained(learned, held, watching)
    model.fit(*learned, batch_size=16, epochs=1, verbose=0, callbacks=[watching])
    assert watching.run.curves["train/objective"].steps.tolist() == list(range(41, 51))
