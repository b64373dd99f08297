"""A training of which only losses are told: it is stopped, kept and refused as a watched loop is."""

import numpy as np
import pytest

from etude.faces.callbacks.losses import Losses
from etude.faces.callbacks.metrics import Sorted
from etude.faces.callbacks.watched import Asked
from etude.values.errors import EngineError


class Model:
    """One weight."""

    name = "model"

    def __init__(self):
        """Of 0."""
        self.weights = [np.zeros(1)]

    def get_weights(self):
        """A copy."""
        return [one.copy() for one in self.weights]

    def set_weights(self, weights):
        """Put back."""
        self.weights = weights


def trained(model, losses, **how):
    watching = Losses(model, Asked(**how))
    for epoch, loss in enumerate(losses, 1):
        watching.step = 10 * epoch
        model.weights[0][:] = epoch
        watching.validation(Sorted(("val_loss", loss), {}, {}))
        if watching.should_stop:
            break
    watching.close()
    return watching


def test_a_stopped_training_says_why_and_what_is_kept(capsys):
    # falls until epoch 10, where it is 1, then rises
    model = Model()
    watching = trained(model, [abs(epoch - 10) / 10 + 1 for epoch in range(1, 60)], stop=True)
    told = capsys.readouterr().err.splitlines()
    n = watching.validations
    assert n < 59
    kept = "Kept are the weights of the best validation, number 10 at step 100, whose loss was 1"
    where, why = f"étude ■ step {10 * n}, {n} validations", "because the validation loss has turned for good"
    assert f"{where}: stop, {why}. {kept}; restore_best() puts them back." in told
    assert told[-1].startswith(f"{where}: stopped {why}. {kept}; ")
    assert watching.restore_best() == 100
    assert model.weights[0].tolist() == [10]


def test_weights_that_were_not_kept_are_not_blamed_on_validation():
    with pytest.raises(EngineError, match="kept only with keep_best=True or stop=True"):
        trained(Model(), [1.0], quiet=True).restore_best()
    with pytest.raises(EngineError, match="no validation loss was given"):
        trained(Model(), [], quiet=True, keep_best=True).restore_best()


@pytest.mark.parametrize(("how", "says"), [({"every": 0}, "every=0: "), ({"validation": 3}, "validation=3: ")])
def test_what_cannot_be_meant_is_refused_before_training(how, says):
    with pytest.raises(EngineError, match=f"{says}.*Nothing is watched yet"):
        Asked(**how)
