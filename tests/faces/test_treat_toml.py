"""A recipe as TOML is read back as the same recipe."""

import tomllib

import numpy as np
import pytest

from etude.faces.treat_toml import recipe_toml
from etude.studies.load import BUILT_IN, load_plan, read_plan
from etude.values.errors import EtudeError
from etude.values.recipe import Recipe

TASK = {"task": "sincos"}


def read_back(recipe, tmp_path, **more):
    file = tmp_path / "treated.toml"
    file.write_text(recipe_toml(recipe, **more), encoding="utf-8")
    return read_plan(file).base


@pytest.mark.parametrize("study", BUILT_IN)
def test_every_built_in_recipe_is_read_back_to_the_same_checksum(study, tmp_path):
    recipe = load_plan(study).base
    assert read_back(recipe, tmp_path).checksum == recipe.checksum


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": "bce", "batch_size": 32, "clip_norm": 1.0, "early_stopping": {"patience": 5, "min_delta": 1e-7}},
        {"loss": "mse", "schedule": {"name": "cosine", "final": 0.1, "warm_up": 2.5}, "seed": 7, "score_every": 3},
        {"loss": "cross_entropy", "data": {"names": ["en_US", "de_DE"]}, "model": {"name": "recurrent"}},
        {
            "loss": "cross_entropy",
            "data": {"images": "mnist", "rows": 100, "class_shares": {"9": 0.1, "1": 0.5}},
            "model": {"name": "convnet", "channels": [4, 8]},
            "augment": {"flip": True, "shift": 2},
        },
        {"loss": "mse", "optimizer": {"name": "adamw", "learning_rate": 1e-10}, "stop_on_divergence": False},
    ],
)
def test_any_recipe_is_read_back_to_the_same_checksum(fields, tmp_path):
    recipe = Recipe(**{"data": TASK, **fields})
    assert read_back(recipe, tmp_path).checksum == recipe.checksum


def test_names_with_quotes_and_control_characters_survive(tmp_path):
    data = {"table": 'a "b"\\c\x7f\t.csv', "target": "é\n", "drop": ["x'y"]}
    recipe = Recipe(data=data, loss="mse")
    assert Recipe(**tomllib.loads(recipe_toml(recipe))) == recipe


def test_what_was_changed_is_told_beside_it_and_what_is_gone_below():
    was = {"epochs": "10", "early_stopping": "earlystopping\n(patience 5)", "optimizer": "sgd"}
    told = recipe_toml(Recipe(data=TASK, loss="bce", epochs=30), was=was).splitlines()
    assert "epochs = 30  # was 10" in told
    assert "[optimizer]  # was sgd" in told
    assert told[-1] == "# early_stopping: none, was earlystopping\n(patience 5)".replace("\n", " ")


def test_what_is_python_is_told_as_a_comment_and_refused_when_read_back(tmp_path):
    def my_network():
        """Build one."""

    own_model = Recipe(data=TASK, loss="bce", model=my_network)
    own_loss = Recipe(data=TASK, loss=my_network)
    own_data = Recipe(data=(np.zeros((10, 2)), np.zeros(10)), loss="mse")
    assert "my_network" in recipe_toml(own_model)
    assert "10 rows of 2 inputs" in recipe_toml(own_data)
    for recipe in (own_model, own_loss, own_data):
        with pytest.raises(EtudeError):
            read_back(recipe, tmp_path)
