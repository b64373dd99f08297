"""A recipe is checked once, frozen, and equal however it was written."""

import importlib
import linecache
import sys
import tomllib

import numpy as np
import pytest

from etude.values.data import Arrays, Task
from etude.values.errors import DataError, RecipeError
from etude.values.model import Mlp
from etude.values.optimizer import Adam, AdamW, Schedule, Sgd
from etude.values.recipe import Recipe, changed, differing_fields, field_path, field_value

SINCOS = {"task": "sincos", "rows": 1500, "features": 3, "flip": 0.05}


@pytest.fixture
def base() -> Recipe:
    return Recipe(data=SINCOS, model=Mlp(hidden=(5,)), loss="bce", epochs=1500)


def test_the_same_recipe_from_python_and_toml_is_equal(base):
    text = """
    loss = "bce"
    epochs = 1500
    data = {task = "sincos", rows = 1500, features = 3, flip = 0.05}
    model = {name = "mlp", hidden = [5]}
    """
    written = Recipe(**tomllib.loads(text))
    assert written == base
    assert written.checksum == base.checksum


def test_every_field_counts_in_the_checksum(base):
    settings = [
        {"loss": "mse"},
        {"seed": 1},
        {"epochs": 2},
        {"batch_size": 8},
        {"clip_norm": 1.0},
        {"hidden": (6,)},
        {"learning_rate": 0.1},
        {"data.flip": 0.1},
        {"schedule": {"name": "cosine"}},
        {"early_stopping": {"patience": 3}},
        {"label_smoothing": 0.1},
        {"class_weights": "balanced"},
        {"norm": "batch"},
        {"residual": True},
        {"initialisation": "he"},
    ]
    checksums = {changed(base, setting).checksum for setting in settings} | {base.checksum}
    assert len(checksums) == len(settings) + 1


def test_an_unknown_field_is_refused_with_the_nearest_known_one():
    with pytest.raises(RecipeError, match=r"no field 'epoch'. Did you mean 'epochs'\? Known: augment, batch_size"):
        Recipe(data=SINCOS, loss="bce", epoch=3)
    with pytest.raises(RecipeError, match=r"no field 'learning_rte'. Did you mean 'learning_rate'"):
        Recipe(data=SINCOS, loss="bce", optimizer={"name": "adam", "learning_rte": 1})
    with pytest.raises(RecipeError, match=r"no field 'row'. Did you mean 'rows'"):
        Recipe(data={"task": "sincos", "row": 3}, loss="bce")


def test_a_missing_field_says_what_it_is_for():
    with pytest.raises(RecipeError, match=r"needs the field 'loss', which is missing. It is 'bce', 'mse'"):
        Recipe(data=SINCOS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("clip_norm", 0.0),
        ("seed", -1),
        ("label_smoothing", 1.0),
        ("label_smoothing", -0.1),
        ("class_weights", "some"),
        ("epochs", "many"),
        ("clip_norm", float("nan")),
    ],
)
def test_a_value_out_of_range_names_field_and_value(base, field, value):
    with pytest.raises(RecipeError, match=rf"recipe.{field}: .*got {value!r}"):
        Recipe(**{**dict(base), field: value})


def test_weight_decay_must_say_which_kind():
    with pytest.raises(RecipeError, match=r"two things.*'coupled_weight_decay'"):
        Adam(weight_decay=0.01)
    with pytest.raises(RecipeError, match=r"two things.*'decoupled_weight_decay'"):
        AdamW(weight_decay=0.01)


def test_contradictory_fields_are_refused():
    with pytest.raises(RecipeError, match=r"nesterov looks ahead along the momentum"):
        Sgd(nesterov=True)
    with pytest.raises(RecipeError, match=r"a cosine schedule has no 'every'"):
        Schedule(name="cosine", every=3)
    with pytest.raises(RecipeError, match=r"a step schedule needs `every`"):
        Schedule(name="step", factor=0.1)


def test_a_recipe_cannot_be_changed_in_place(base):
    with pytest.raises(Exception, match=r"frozen"):
        base.epochs = 3


def test_changing_a_field_checks_everything_again(base):
    assert changed(base, {"optimizer.learning_rate": 0.1}).optimizer == Adam(learning_rate=0.1)
    with pytest.raises(RecipeError, match=r"no field 'model.hiden'. Did you mean 'model.hidden'"):
        changed(base, {"model.hiden": (3,)})
    with pytest.raises(RecipeError, match=r"greater than or equal to 2"):
        changed(base, {"rows": 1})


def test_a_field_may_be_named_by_its_last_word_where_only_one_ends_so(base):
    assert field_path(base, "hidden") == "model.hidden"
    assert field_path(base, "loss") == "loss"


def test_fields_that_differ_are_named_in_full(base):
    other = changed(base, {"data.rows": 1000, "loss": "mse", "hidden": (4,)})
    assert differing_fields(base, other) == ("data.rows", "model.hidden", "loss")
    assert differing_fields(base, base) == ()


def test_another_kind_of_optimiser_is_one_difference_not_many(base):
    other = changed(base, {"optimizer": {"name": "sgd", "learning_rate": 0.5}})
    assert differing_fields(base, other) == ("optimizer",)
    assert field_value(other, "optimizer.betas") is None


def test_arrays_are_copied_frozen_and_compared_by_content():
    inputs, targets = np.ones((4, 2)), np.array([0, 1, 0, 1])
    recipe = Recipe(data=(inputs, targets), loss="bce")
    inputs[0, 0] = 7
    assert recipe.data.inputs[0, 0] == 1
    assert not recipe.data.inputs.flags.writeable
    assert recipe == Recipe(data=(np.ones((4, 2)), targets), loss="bce")
    assert recipe.checksum != Recipe(data=(inputs, targets), loss="bce").checksum


def test_a_map_style_dataset_becomes_arrays():
    class Pairs:
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return np.array([[i, i]]), i % 2

    data = Recipe(data=Pairs(), loss="bce").data
    assert data == Arrays(inputs=[[0, 0], [1, 1], [2, 2]], targets=[0, 1, 0])


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(DataError, match=r"inputs have shape \(3, 2\) and targets \(4,\)"):
        Arrays(inputs=np.zeros((3, 2)), targets=np.zeros(4))


def build_small(n_inputs, n_outputs):
    return (n_inputs, n_outputs)


def build_other(n_inputs, n_outputs):
    return (n_outputs, n_inputs)


def test_own_functions_are_known_by_name_and_source(base):
    one, same, other = (changed(base, {"model": function}) for function in (build_small, build_small, build_other))
    assert one == same
    assert one.checksum == same.checksum
    assert one.checksum != other.checksum
    assert one.model.name == "build_small"


def test_own_objects_differ_when_their_settings_do(base):
    def scaled(by):
        return lambda outputs, targets: by * abs(outputs - targets)

    class Scaled:
        def __init__(self, by):
            self.by = by

        def __repr__(self):
            return "Scaled()"

        def __call__(self, outputs, targets):
            return self.by * abs(outputs - targets)

    for make in (scaled, Scaled):
        one, same, other = (changed(base, {"loss": make(by)}) for by in (1.0, 1.0, 2.0))
        assert one.checksum == same.checksum
        assert one.checksum != other.checksum


def test_a_task_has_sensible_defaults():
    assert Task(task="sincos") == Task(task="sincos", rows=1000, validation=0.2, test_rows=5000)


WIDTH = 8


def helper():
    return WIDTH


def builds_with_a_helper(n_inputs, n_outputs):
    return helper()


@pytest.mark.parametrize(("name", "value"), [("WIDTH", 9), ("helper", lambda: 10)])
def test_what_an_own_function_calls_and_names_belongs_to_its_identity(base, monkeypatch, name, value):
    before = changed(base, {"model": builds_with_a_helper})
    assert before.checksum == changed(base, {"model": builds_with_a_helper}).checksum
    monkeypatch.setitem(globals(), name, value)
    assert changed(base, {"model": builds_with_a_helper}).checksum != before.checksum


def builds_from_an_attribute(n_inputs, n_outputs):
    return n_inputs.helper


def test_an_attribute_that_is_called_like_a_global_is_not_that_global(base, monkeypatch):
    before = changed(base, {"model": builds_from_an_attribute})
    monkeypatch.setitem(globals(), "helper", lambda: 10)
    assert changed(base, {"model": builds_from_an_attribute}).checksum == before.checksum


def test_an_edited_module_of_the_users_makes_another_recipe(base, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "my_networks_for_a_test.py"
    checksums = []
    for body in ("1", "2"):
        file.write_text(f"def body():\n    return {body}\n")
        module = importlib.import_module(file.stem)
        checksums.append(changed(base, {"model": lambda module=module: module.body()}).checksum)
        checksums.append(changed(base, {"model": module.body}).checksum)
        del sys.modules[file.stem]
        importlib.invalidate_caches()
        linecache.clearcache()
    assert len(set(checksums)) == 4


def test_none_can_be_said_in_words_where_a_field_may_be_left_out():
    base = Recipe(data={"images": "mnist"}, loss="cross_entropy", batch_size=8, augment={"flip": True})
    without = changed(base, {"augment": "none", "batch_size": "none"})
    assert (without.augment, without.batch_size) == (None, None)
    assert changed(base, {"augment": {}}).augment is None  # nothing is done, and so it is none
