"""Which networks the core has, and why it has not the others: a result is never changed without a word."""

import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from etude.engine import loop
from etude.engine.native.library import KINDS
from etude.engine.native.replicate import lacking
from etude.engine.native.translate import LAYERS, WHOLE, state_of, translated
from etude.values.code import Code
from etude.values.errors import EngineError, RecipeError
from etude.values.model import Mlp
from etude.values.recipe import Recipe

TASK = {"task": "sincos", "rows": 50, "test_rows": 100}


def on_two(*layers: nn.Module) -> nn.Sequential:
    """A perceptron of two inputs with these layers in its middle, which takes and gives two numbers."""
    return nn.Sequential(nn.Linear(2, 2), *layers, nn.Linear(2, 1))


def on_images(*layers: nn.Module, n: int) -> nn.Sequential:
    """Rows of two numbers, repeated to images of one channel, 4 × 4, through these layers, which leave n numbers."""
    return nn.Sequential(nn.Linear(2, 16), nn.Unflatten(1, (1, 4, 4)), *layers, nn.Flatten(), nn.Linear(n, 1))


def images(*layers: nn.Module, n: int) -> nn.Sequential:
    """The same where the two numbers are the image, 1 × 2."""
    return nn.Sequential(nn.Unflatten(1, (1, 1, 2)), *layers, nn.Flatten(), nn.Linear(n, 1))


def with_hook(register: str) -> nn.Sequential:
    model = on_two(nn.ReLU())
    hooks = {
        "forward": lambda: model[0].register_forward_hook(lambda module, given, made: 2 * made),
        "forward pre": lambda: model[0].register_forward_pre_hook(lambda module, given: (2 * given[0],)),
        "backward": lambda: model[0].register_full_backward_hook(lambda module, given, made: None),
        "backward pre": lambda: model[0].register_full_backward_pre_hook(lambda module, made: None),
        "activation": lambda: model[1].register_forward_hook(lambda module, given, made: 2 * made),
        "sequence": lambda: model.register_forward_hook(lambda module, given, made: 2 * made),
        "gradient": lambda: model[0].weight.register_hook(torch.zeros_like),
        "accumulated": lambda: model[0].weight.register_post_accumulate_grad_hook(lambda parameter: None),
    }
    hooks[register]()
    return model


def frozen() -> nn.Sequential:
    model = on_two()
    model[0].bias.requires_grad_(False)  # noqa: FBT003 - torch's own signature
    return model


def shared_layer() -> nn.Sequential:
    layer = nn.Linear(2, 2)
    return on_two(layer, nn.ReLU(), layer)


def shared_block() -> nn.Sequential:
    block = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    return on_two(block, block)


def tied_weights() -> nn.Sequential:
    model = on_two(nn.Tanh(), nn.Linear(2, 2))
    model[2].weight = model[0].weight
    return model


def tied_memory() -> nn.Sequential:
    model = on_two(nn.Tanh(), nn.Linear(2, 2))
    model[2].weight = nn.Parameter(model[0].weight.data)
    return model


def bias_before_weight() -> nn.Sequential:
    model = on_two()
    weight = model[0].weight
    del model[0].weight
    model[0].weight = weight  # now the second in model.parameters()
    return model


def weight_of_another_shape() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(2, 4), nn.Linear(3, 1))
    model[0].weight, model[0].bias = nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.ones(3))
    return model


def weight_that_is_no_parameter() -> nn.Sequential:
    model = on_two()
    del model[0].weight
    model[0].register_buffer("weight", torch.ones(2, 2))
    return model


def another_parameter(where: int | None) -> nn.Sequential:
    model = on_two(nn.ReLU())
    holder = model if where is None else model[where]
    holder.register_parameter("more", nn.Parameter(torch.ones(3)))
    return model


def forward_of_its_own(where: int | None) -> nn.Sequential:
    model = on_two(nn.ReLU())
    holder = model if where is None else model[where]
    holder.forward = lambda inputs: 2 * type(holder).forward(holder, inputs)
    return model


def batch_norm_that_stays_in_evaluation() -> nn.Sequential:
    model = on_two(nn.BatchNorm1d(2))
    model[1].eval()
    model[1].train = types.MethodType(lambda self, mode=True: self, model[1])
    return model


def of_another_class() -> nn.Sequential:
    class Named(nn.Parameter):
        pass

    model = on_two()
    model[0].weight = Named(torch.ones(2, 2))
    return model


class Doubled(nn.Sequential):
    """A sequence that gives twice as much."""

    def forward(self, inputs):
        """Twice what a sequence gives."""
        return 2 * super().forward(inputs)


class Net(nn.Module):
    """What most people write."""

    def __init__(self):
        """Three layers."""
        super().__init__()
        self.layers = on_two()

    def forward(self, inputs):
        """One after the other."""
        return self.layers(inputs)


HOOK = "a hook on a "
LACKING = {
    "a module of one's own": (Net, "a Net layer"),
    "a sequence of one's own": (lambda: Doubled(nn.Linear(2, 1)), "a Doubled layer"),
    "a layer that it has not": (lambda: on_two(nn.RMSNorm(2)), "a RMSNorm layer"),
    "a layer norm of images": (lambda: images(nn.LayerNorm((1, 1, 2)), n=2), "a LayerNorm.* there"),
    "a layer norm's parameters": (lambda: on_two(nn.LayerNorm(2, elementwise_affine=False)), "other parameters than"),
    "a layer norm's shift": (lambda: on_two(nn.LayerNorm(2, bias=False)), "other parameters than its kind has"),
    "an activation that it has not": (lambda: on_two(nn.ELU()), "an ELU layer"),
    "dropout with p = 1": (lambda: on_two(nn.Dropout(1.0)), "a Dropout layer"),
    "alpha dropout": (lambda: on_two(nn.AlphaDropout(0.5)), "an AlphaDropout layer"),
    "dropout of channels": (lambda: images(nn.Dropout2d(0.5), n=2), "a Dropout2d layer"),
    "a slope of 0": (lambda: on_two(nn.LeakyReLU(0.0)), "a LeakyReLU whose slope is not positive"),
    "a negative slope": (lambda: on_two(nn.LeakyReLU(-0.1)), "a LeakyReLU whose slope is not positive"),
    "GELU by tanh": (lambda: on_two(nn.GELU("tanh")), "an approximate GELU"),
    "groups": (lambda: images(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1, groups=2), n=4), "with groups, dilation or"),
    "dilation": (lambda: images(nn.Conv2d(1, 1, (1, 2), dilation=(1, 2), padding=(0, 1)), n=2), "groups, dilation or"),
    "circular padding": (lambda: images(nn.Conv2d(1, 1, 1, padding_mode="reflect"), n=2), "padding other than zeros"),
    "uneven padding": (lambda: images(nn.Conv2d(1, 1, (1, 2), padding="same"), n=2), "an uneven padding 'same'"),
    "a pool that rounds up": (lambda: images(nn.MaxPool2d((1, 2), ceil_mode=True), n=1), "a pool that rounds"),
    "an average that rounds up": (lambda: images(nn.AvgPool2d((1, 2), ceil_mode=True), n=1), "a pool that rounds"),
    "a pool with dilation": (lambda: images(nn.MaxPool2d(1, dilation=2), n=2), "a MaxPool2d with dilation or indices"),
    "a divisor": (lambda: images(nn.AvgPool2d(1, divisor_override=3), n=2), "an AvgPool2d with a divisor of its own"),
    "Unflatten later": (lambda: on_images(nn.ReLU(), n=16), "an Unflatten after another layer"),
    "Unflatten to a line": (
        lambda: nn.Sequential(nn.Unflatten(1, (2, 1)), nn.Flatten(), nn.Linear(2, 1)),
        r"a Unflatten\(dim=1, unflattened_size=\(2, 1\)\)",
    ),
    "Flatten of a part": (
        lambda: nn.Sequential(nn.Unflatten(1, (1, 1, 2)), nn.Flatten(2), nn.Flatten(), nn.Linear(2, 1)),
        r"a Flatten\(start_dim=2, end_dim=-1\)",
    ),
    "Linear on images": (
        lambda: nn.Sequential(nn.Unflatten(1, (1, 1, 2)), nn.Linear(2, 2), nn.Flatten(), nn.Linear(2, 1)),
        "a Linear layer on images that are not flattened",
    ),
    "running statistics": (lambda: on_two(nn.BatchNorm1d(2, track_running_stats=False)), "without parameters, running"),
    "a batch norm's momentum": (lambda: on_two(nn.BatchNorm1d(2, momentum=None)), "running statistics or momentum"),
    "a batch norm's parameters": (lambda: on_two(nn.BatchNorm1d(2, affine=False)), "a batch norm without parameters"),
    "weight norm": (lambda: on_two(parametrizations.weight_norm(nn.Linear(2, 2))), "a ParametrizedLinear layer"),
    "orthogonal weights": (lambda: on_two(parametrizations.orthogonal(nn.Linear(2, 2))), "a ParametrizedLinear layer"),
    "spectral norm": (lambda: on_two(spectral_norm(nn.Linear(2, 2))), HOOK + "Linear"),
    "pruning": (lambda: on_two(prune.l1_unstructured(nn.Linear(2, 2), "weight", 0.5)), HOOK + "Linear"),
    "a forward hook": (lambda: with_hook("forward"), HOOK + "Linear layer"),
    "a forward pre hook": (lambda: with_hook("forward pre"), HOOK + "Linear layer"),
    "a backward hook": (lambda: with_hook("backward"), HOOK + "Linear layer"),
    "a backward pre hook": (lambda: with_hook("backward pre"), HOOK + "Linear layer"),
    "a hook on an activation": (lambda: with_hook("activation"), HOOK + "ReLU layer"),
    "a hook on the whole": (lambda: with_hook("sequence"), HOOK + "Sequential layer"),
    "a hook on a gradient": (lambda: with_hook("gradient"), HOOK + "parameter"),
    "a hook after a gradient": (lambda: with_hook("accumulated"), HOOK + "parameter"),
    "frozen": (frozen, "a frozen layer"),
    "a layer twice": (shared_layer, "parameters of a Linear layer used twice"),
    "a block twice": (shared_block, "parameters of a Linear layer used twice"),
    "tied weights": (tied_weights, "parameters of a Linear layer used twice"),
    "weights in one memory": (tied_memory, "parameters of a Linear layer used twice"),
    "another order": (bias_before_weight, "a Linear.* with other parameters than its kind has"),
    "another shape": (weight_of_another_shape, "a Linear.* with other parameters than its kind has"),
    "no parameter": (weight_that_is_no_parameter, "a Linear.* with other parameters than its kind has"),
    "a parameter more": (lambda: another_parameter(0), "a Linear.* with other parameters than its kind has"),
    "an activation with a parameter": (lambda: another_parameter(1), r"a ReLU\(\) with other parameters"),
    "a sequence with a parameter": (lambda: another_parameter(None), "a Sequential with parameters of its own"),
    "a class of parameters": (of_another_class, "parameters of the class Named"),
    "a forward of one's own": (lambda: forward_of_its_own(0), "a Linear layer with a method of its own"),
    "a sequence's own forward": (lambda: forward_of_its_own(None), "a Sequential layer with a method of its own"),
    "a batch norm held": (batch_norm_that_stays_in_evaluation, "a BatchNorm1d layer with a method of its own"),
    "in place on the inputs": (
        lambda: nn.Sequential(nn.LeakyReLU(0.5, inplace=True), nn.Linear(2, 1)),
        "in place there",
    ),
    "in place on what torch keeps": (
        lambda: nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.ReLU(inplace=True), nn.Linear(2, 1)),
        "in place there",
    ),
}
"""What is lacking → a model with it, and how the reason reads."""


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("name", LACKING)
def test_what_the_core_lacks_is_said(why_not, name):
    model, reason = LACKING[name]
    with pytest.raises(AssertionError, match=reason):  # match= searches, and says both texts where it finds nothing
        assert not why_not(model)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
def test_the_older_weight_norm_and_what_it_leaves_behind_are_lacking(why_not):
    assert why_not(lambda: on_two(weight_norm(nn.Linear(2, 2)))) == "a hook on a Linear layer"
    left = why_not(lambda: on_two(nn.utils.remove_weight_norm(weight_norm(nn.Linear(2, 2)))))
    assert "other parameters than its kind has" in left  # its weight now comes after its bias


def test_skips_are_lacking_and_norms_and_initialisations_are_not(why_not):
    assert why_not(Mlp(hidden=(4, 4), residual=True)) == "skip connections"
    for fields in ({"norm": "batch"}, {"norm": "layer"}, {"initialisation": "he"}):
        assert why_not(Mlp(hidden=(4, 4), **fields)) == ""
    assert why_not(Mlp(), label_smoothing=0.1, class_weights="balanced") == ""


def test_other_dtypes_are_lacking():
    with pytest.raises(Exception, match=r"parameters of torch\.float64"):
        translated(nn.Linear(2, 1).double(), 2)


@pytest.mark.parametrize(
    ("loss", "kind", "reason"),
    [
        (nn.MSELoss(reduction="sum"), "binary", "not one of torch's own with its defaults"),
        (nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0])), "binary", "not one of torch's own"),
        (nn.HuberLoss(delta=0.5), "regression", "not one of torch's own"),
        (nn.SmoothL1Loss(), "regression", "not one of torch's own"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), "multiclass", "not one of torch's own"),
        (nn.CrossEntropyLoss(weight=torch.ones(3)), "multiclass", "not one of torch's own"),
        (lambda outputs, targets: (outputs - targets).square().mean(), "binary", "not one of torch's own"),
        (functional.smooth_l1_loss, "regression", "not one of torch's own"),
        (nn.CrossEntropyLoss(), "regression", "a loss for another kind of data"),
        (nn.MSELoss(), "multiclass", "a loss for another kind of data"),
    ],
)
def test_losses_that_the_core_lacks_are_said(loss, kind, reason):
    assert reason in lacking(Recipe(data=arrays(kind), loss=loss))


@pytest.mark.parametrize(
    ("own", "named", "kind"),
    [
        (nn.BCEWithLogitsLoss(), "bce", "binary"),
        (functional.cross_entropy, "cross_entropy", "binary"),
        (nn.CrossEntropyLoss(), "cross_entropy", "multiclass"),
        (nn.MSELoss(), "mse", "regression"),
        (nn.L1Loss(), "l1", "regression"),
        (functional.huber_loss, "huber", "regression"),
    ],
)
def test_torchs_own_losses_are_the_named_ones(own, named, kind, native, rows):
    assert lacking(Recipe(data=arrays(kind), loss=own)) == ""
    runs = [native(Recipe(data=TASK, loss=loss, epochs=3), rows(kind)) for loss in (own, named)]
    assert np.array_equal(*(run.curve("train/objective").values for run in runs))


def arrays(kind: str) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(4)
    targets = {"binary": np.arange(90) % 2, "multiclass": np.arange(90) % 3, "regression": chance.random(90)}
    return chance.random((90, 2)), targets[kind]


def test_a_batch_norm_of_one_example_is_refused_with_the_remedy(why_not):
    def model() -> nn.Sequential:
        return on_two(nn.BatchNorm1d(2))

    assert why_not(model, batch_size=13) == "a batch norm of one example"  # 40 rows are 3 · 13 + 1
    assert why_not(model, batch_size=20) == why_not(model) == ""
    with pytest.raises(RecipeError, match=r"batches of 13 leave one for the last batch.*Use another batch_size"):
        loop.train(Recipe(data=TASK, loss="bce", model=model, batch_size=13), 0)


@pytest.mark.parametrize(
    "model",
    [
        lambda: nn.Linear(2, 1),
        lambda: nn.Sequential(nn.Identity(), nn.Flatten(), nn.Sequential(nn.Sequential(nn.LazyLinear(1)))),
        lambda: on_two(nn.Dropout(0.0), nn.ReLU(inplace=True)),
        lambda: images(nn.MaxPool2d((1,)), nn.AvgPool2d(np.int64(1)), nn.Conv2d(1, 3, 1, padding="valid"), n=6),
        lambda: images(nn.Conv2d(1, 3, (1, 3), padding="same", bias=False), nn.BatchNorm2d(3), n=6),
        lambda: on_two(nn.Linear(2, 2).to(memory_format=torch.contiguous_format), nn.GELU("none")),
    ],
)
def test_what_it_has_is_trained_as_loop_does(why_not, check_agreement, binary, model):
    assert why_not(model) == ""
    check_agreement(Recipe(data=TASK, loss="bce", model=model, epochs=4), binary)


def test_seeing_what_is_lacking_changes_no_result_of_loop(binary):
    def model() -> nn.Sequential:
        return on_two(nn.Dropout(0.5), nn.ELU())

    recipe = Recipe(data=TASK, loss="bce", model=model, epochs=4)
    torch.manual_seed(5)
    before, drawn = loop.train_on(recipe, binary, 0), torch.rand(1)
    torch.manual_seed(5)
    assert lacking(recipe) == "an ELU layer"
    after = loop.train_on(recipe, binary, 0)
    assert torch.equal(torch.rand(1), drawn)
    assert np.array_equal(before.curve("train/objective").values, after.curve("train/objective").values)


def test_an_error_in_the_users_code_is_passed_on(why_not):
    def broken() -> nn.Module:
        raise ZeroDivisionError("no layers")

    with pytest.raises((EngineError, ZeroDivisionError), match="no layers"):
        why_not(broken)


# what a network becomes


def test_every_layer_and_every_activation_of_ours_has_a_kind():
    for activation in ("relu", "leaky_relu", "sigmoid", "tanh", "gelu"):
        recipe = Recipe(data=TASK, loss="bce", model=Mlp(hidden=(3,), activation=activation))
        assert lacking(recipe) == ""
    assert len(KINDS) == len(LAYERS) - 1  # BatchNorm1d and BatchNorm2d are one


def test_a_network_becomes_its_layers_with_the_form_after_each():
    model = nn.Sequential(
        nn.Unflatten(1, (2, 5, 4)), nn.Conv2d(2, 3, (3, 2), (2, 1), (1, 0)), nn.ReLU(), nn.AvgPool2d((3, 1), 2),
        nn.Flatten(), nn.Linear(6, 1)
    )  # fmt: skip
    made = translated(model, 40)
    forms = [(form.channels, form.height, form.width, form.flat) for form in made.forms]
    # (5 + 2 - 3) / 2 + 1 = 3 lines, 4 - 2 + 1 = 3 columns; then (3 - 3) / 2 + 1 = 1 and (3 - 1) / 2 + 1 = 2
    assert forms == [(2, 5, 4, False), *[(3, 3, 3, False)] * 2, (3, 1, 2, True), (1, 1, 1, True)]
    assert [layer.kind for layer in made.layers] == [
        KINDS[name] for name in ("convolution", "relu", "average_pool", "linear")
    ]


def test_the_state_is_all_parameters_then_from_a_whole_place_on_all_running_statistics():
    model = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1), nn.Linear(1, 1))
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            parameter[:] = i + 1
        model[1].running_mean[:], model[1].running_var[:] = 8, 9
    # seven numbers in six parameters, rounded up to eight places
    assert WHOLE == 8
    assert state_of(model).tolist() == [1, 1, 2, 3, 4, 5, 6, 0, 8, 9]


def test_translation_is_of_code_as_the_user_wrote_it():
    assert isinstance(Recipe(data=TASK, loss="bce", model=Net).model, Code)
