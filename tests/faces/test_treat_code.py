"""The script a treatment ends with is plain PyTorch, and it runs as it is."""

import runpy
from typing import get_args

import pytest
import torch
from torch import nn

from etude.data.load import load
from etude.engine.architectures.convnet import convnet_parameters
from etude.faces.treat_code import OPTIMIZERS, Shape, code_of, recipe_code
from etude.faces.treat_networks import ACTIVATIONS, NETWORKS, REACHES
from etude.values.model import MODELS, Activation, Attention, Convnet, Initialisation, Mlp, Pretrained, Recurrent
from etude.values.optimizer import Optimizer
from etude.values.recipe import Recipe
from etude.values.sizes import Sizes

TASK = {"task": "sincos", "rows": 40, "features": 3}
ROW = Shape(Sizes((3,), 1), "binary", per_class=False, classes=2, rows=(32, 8))
NUMBER = Shape(Sizes((3,), 1), "regression", per_class=False, classes=0, rows=(32, 8))
IMAGE = Shape(Sizes((1, 8, 8), 4), "multiclass", per_class=True, classes=4, rows=(32, 8))
SERIES = Shape(Sizes((6, 2), 1), "binary", per_class=False, classes=2, rows=(32, 8))
UNEVEN = Shape(Sizes((6, 2), 3), "multiclass", per_class=True, classes=3, rows=(32, 8), uneven=True)
TEXT = Shape(Sizes((5,), 7, characters=7, each_position=True), "multiclass", per_class=True, classes=7, rows=(32, 8))


def ran(code, tmp_path, capsys):
    """The names of the script after it ran."""
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    names = runpy.run_path(str(script))
    assert "validation loss" in capsys.readouterr().out
    assert "étude" not in code.partition('"""\n')[2].replace("# training", "").replace("as étude does", "")
    return names


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({}, ROW),
        ({"loss": "mse", "label_smoothing": 0.1, "class_weights": "balanced"}, ROW),
        ({"label_smoothing": 0.1, "clip_norm": 1.0, "batch_size": 8}, ROW),
        ({"model": {"hidden": [4, 4], "norm": "batch", "dropout": 0.1, "residual": True}}, ROW),
        ({"model": {"hidden": [], "initialisation": "he"}, "optimizer": {"name": "sgd", "momentum": 0.9}}, ROW),
        ({"model": {"hidden": [5], "norm": "layer", "initialisation": "xavier", "activation": "gelu"}}, ROW),
        ({"loss": "mse", "optimizer": {"name": "rmsprop"}, "schedule": {"name": "cosine", "warm_up": 1}}, NUMBER),
        ({"loss": "l1", "schedule": {"name": "step", "every": 2, "factor": 0.5}}, NUMBER),
        ({"loss": "huber", "early_stopping": {"patience": 1}, "optimizer": {"name": "adamw"}}, NUMBER),
        ({"loss": "cross_entropy", "model": Convnet(channels=(3, 4), depth=2, norm="batch", dropout=0.1)}, IMAGE),
        ({"loss": "mse", "label_smoothing": 0.2, "class_weights": "balanced"}, IMAGE),
        ({"loss": "cross_entropy", "augment": {"flip": True, "shift": 1}, "batch_size": 8}, IMAGE),
        ({"model": Recurrent(cell="lstm", hidden=4, layers=2, bidirectional=True, forget_bias=1, dropout=0.1)}, SERIES),
        ({"loss": "cross_entropy", "model": Recurrent(cell="rnn", hidden=4)}, UNEVEN),
        ({"loss": "cross_entropy", "model": Recurrent(hidden=4, embedding=3)}, TEXT),
        ({"model": Attention(width=4, heads=2, dropout=0.1)}, SERIES),
        ({"loss": "cross_entropy", "model": Attention(width=4, heads=2, positions="learned")}, UNEVEN),
        ({"loss": "cross_entropy", "model": Attention(width=5, heads=1, positions="none")}, TEXT),
        ({"loss": "cross_entropy", "model": Attention(width=6, heads=2)}, IMAGE),
    ],
)
def test_the_script_of_any_recipe_runs_as_it_is(changes, shape, tmp_path, capsys):
    recipe = Recipe(**{"data": TASK, "loss": "bce", "epochs": 3, **changes})
    ran(recipe_code(recipe, shape, name="a recipe"), tmp_path, capsys)


def test_the_network_has_as_many_parameters_as_ours(tmp_path, capsys):
    # 9 weights and a bias for each of 4 filters on one channel, halved to 16 places: 4·10 + 4·(4·16 + 1) = 300
    spec = Convnet(channels=(4,))
    recipe = Recipe(data=TASK, model=spec, loss="cross_entropy", epochs=1)
    names = ran(recipe_code(recipe, IMAGE, name="count"), tmp_path, capsys)
    assert sum(p.numel() for p in names["model"].parameters()) == 300 == convnet_parameters(spec, IMAGE.sizes)


def test_the_script_takes_the_shape_of_the_data(tmp_path, capsys):
    recipe = Recipe(data=TASK, model={"hidden": [5]}, loss="bce", epochs=2)
    names = ran(code_of(recipe, name="moons"), tmp_path, capsys)
    assert names["inputs"].shape == (32, 3)  # four fifths of 40 rows
    assert names["validation_targets"].shape == (8, 1)
    assert names["model"][0].weight.shape == (5, 3)


CELLS = """age; city;member;income;left
41.5;Bern;True;50000;yes
38;Genf;False;;no
52;Bern;False;61000;yes
29;;True;48000;no
47;Genf;True;55000;yes
33;Bern;False;45000;no
"""


@pytest.fixture
def table(tmp_path):
    """Numbers, labels and truths, with gaps in two columns; semicolons between cells."""
    file = tmp_path / "a 'b'.csv"
    file.write_text(CELLS, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("target", [{"target": "left"}, {"target": "age", "test": 0.0, "kind": "regression"}])
def test_the_script_reads_the_recipes_own_table_split_and_scaled_as_ours(table, target, tmp_path, capsys):
    data = {"table": table, "missing": "impute", **target}
    recipe = Recipe(data=data, loss="bce" if "left" in target.values() else "mse", epochs=2)
    code = code_of(recipe, name="mine")
    assert "random rows" not in code
    names = ran(code, tmp_path, capsys)
    ours = load(recipe.data, seed=0, replicate=0)
    for theirs, part in (("inputs", ours.train), ("validation_inputs", ours.validation)):
        assert names[theirs].shape == part.inputs.shape
    assert (len(names["test_inputs"]), ours.test is None) == ((2, False) if "left" in target.values() else (0, True))
    numbers = names["inputs"][:, ours.features.index("income")]
    assert float(numbers.mean()) == pytest.approx(0, abs=1e-6)
    assert float(numbers.std(unbiased=False)) == pytest.approx(1, abs=1e-6)
    every = torch.cat([names[name] for name in ("inputs", "validation_inputs", "test_inputs")])
    labels = every[:, ours.features.index("city=Bern")]
    assert float(labels.sum()) == 3  # each row is in one part


def test_the_script_reads_a_bundled_set_and_scores_what_was_kept_for_the_end(tmp_path, capsys):
    recipe = Recipe(data={"bundled": "digits"}, loss="cross_entropy", epochs=1)
    code = code_of(recipe, name="digits")
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    names = runpy.run_path(str(script))
    assert "test loss" in capsys.readouterr().out
    ours = load(recipe.data, seed=0, replicate=0)
    assert names["inputs"].shape == ours.train.inputs.shape  # without the three pixels that are always empty
    assert torch.equal(names["targets"].bincount(), torch.tensor(ours.train.targets).long().bincount())


def test_cells_that_only_etude_reads_are_left_to_the_user(tmp_path):
    file = tmp_path / "commas.csv"
    file.write_text("a;b\n1,5;x\n2,5;y\n3,5;x\n4,5;y\n5,0;x\n6,1;y\n", encoding="utf-8")
    assert "random rows" in code_of(Recipe(data={"table": str(file), "target": "b"}, loss="bce"), name="commas")


def test_early_stopping_keeps_the_best_epoch(tmp_path, capsys):
    stops = {"patience": 2}
    recipe = Recipe(
        data=TASK, loss="bce", epochs=200, early_stopping=stops, optimizer={"name": "adam", "learning_rate": 0.1}
    )
    script = tmp_path / "script.py"
    script.write_text(recipe_code(recipe, ROW, name="stops"), encoding="utf-8")
    names = runpy.run_path(str(script))
    assert "stopped after epoch" in capsys.readouterr().out  # random labels cannot be learned
    with torch.no_grad():
        kept = names["loss_of"](names["model"](names["validation_inputs"]), names["validation_targets"])
    assert float(kept) == pytest.approx(names["best"])


def test_a_schedule_multiplies_the_rate_as_ours_does(tmp_path, capsys):
    recipe = Recipe(data=TASK, loss="bce", epochs=4, schedule={"name": "step", "every": 2, "factor": 0.5, "warm_up": 1})
    names = ran(recipe_code(recipe, ROW, name="rates"), tmp_path, capsys)
    # one step an epoch; the first is the warm-up, then two steps of 1 and two of a half
    assert [names["rate_factor"](step) for step in range(5)] == [1.0, 1.0, 1.0, 0.5, 0.5]


def test_residual_layers_add_their_input(tmp_path, capsys):
    recipe = Recipe(data=TASK, model=Mlp(hidden=(4, 4), residual=True), loss="bce", epochs=1)
    names = ran(recipe_code(recipe, ROW, name="skips"), tmp_path, capsys)
    (skip,) = [layer for layer in names["model"] if type(layer).__name__ == "Residual"]
    nn.init.zeros_(skip[0].weight)
    nn.init.zeros_(skip[0].bias)
    assert torch.equal(skip(torch.ones(1, 4)), torch.ones(1, 4))  # ReLU(0) + 1


def test_what_is_the_users_own_is_left_for_them_to_fill_in():
    def my_network():
        return nn.Linear(3, 1)

    code = recipe_code(Recipe(data=TASK, model=my_network, loss="bce"), ROW, name='a "name"\nin two lines')
    assert "your own" in code
    assert "my_network" in code
    compile(code, "script", "exec")


def test_weights_that_are_no_part_of_pytorch_have_no_script():
    recipe = Recipe(data=TASK, model=Pretrained(), loss="cross_entropy")
    assert recipe_code(recipe, IMAGE, name="photographs") == ""


def test_every_part_of_a_recipe_that_has_a_name_has_its_code():
    assert set(NETWORKS) == set(MODELS) - {Pretrained}
    assert set(ACTIVATIONS) == set(get_args(Activation))
    assert {"default", *REACHES} == set(get_args(Initialisation))
    assert set(OPTIMIZERS) == set(get_args(get_args(Optimizer)[0]))
