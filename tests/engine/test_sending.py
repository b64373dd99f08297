"""A run on its way between processes is the run that was made."""

import pickle

import numpy as np
import pytest

from etude.engine.loop import train
from etude.engine.sending import restored, stripped, title
from etude.values.recipe import Recipe

RECIPE = Recipe(data={"task": "sincos", "rows": 50, "test_rows": 100}, loss="bce", epochs=3)


def test_a_run_that_was_sent_is_the_run_that_was_made_and_frozen():
    made = train(RECIPE, 2)
    there = restored(pickle.loads(pickle.dumps(stripped(made))), RECIPE)
    assert (there.name, there.recipe, there.replicate, there.ended) == (made.name, RECIPE, 2, made.ended)
    assert dict(there.provenance) == dict(made.provenance)
    for name, curve in made.curves.items():
        assert np.array_equal(there.curves[name].values, curve.values)
        assert not there.curves[name].values.flags.writeable
    for name, array in made.arrays.items():
        assert np.array_equal(there.arrays[name], array)
        assert not there.arrays[name].flags.writeable
    with pytest.raises(TypeError, match="item assignment"):
        there.curves["mine"] = made.curves["train/objective"]


def test_what_is_sent_has_no_recipe():
    assert stripped(train(RECIPE, 0)).recipe is None


def test_an_error_names_a_recipe_by_what_a_person_would_say():
    def my_net(): ...

    assert title(Recipe(data={"task": "xor"}, model=my_net, loss="mse", epochs=7)).endswith(
        "my_net, loss 'mse' and 7 epochs"
    )
