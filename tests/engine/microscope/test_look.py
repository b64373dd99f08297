"""A whole record: of any network, of any loop, and of what is no network at all."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from etude.engine.microscope.asked import Wanted
from etude.engine.microscope.look import MOST_SHOWN, look
from etude.engine.watch import Watch
from etude.engine.watch_options import Options
from etude.values.errors import EngineError


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small networks are slower on two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Reader(nn.Module):
    """A recurrent network: the last state decides."""

    def __init__(self, kind):
        """kind: nn.RNN, nn.LSTM or nn.GRU."""
        super().__init__()
        self.body, self.head = kind(3, 5, batch_first=True), nn.Linear(5, 1)

    def forward(self, x):
        """Shape (n, positions, 3) to (n, 1)."""
        return self.head(self.body(x)[0][:, -1])


class Attends(nn.Module):
    """Two layers of a transformer."""

    def __init__(self):
        """With dropout, as torch has it."""
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.enter, self.body, self.head = nn.Linear(3, 8), nn.TransformerEncoder(layer, 2), nn.Linear(8, 1)

    def forward(self, x):
        """Shape (n, positions, 3) to (n, 1)."""
        return self.head(self.body(self.enter(x)).mean(dim=1))


class Forks(nn.Module):
    """Goes by what it sees."""

    def __init__(self):
        """Two ways."""
        super().__init__()
        self.one, self.other = nn.Linear(4, 1), nn.Linear(4, 1)

    def forward(self, x):
        """Shape (n, 4) to (n, 1)."""
        return self.one(x) if x.mean() > 0 else self.other(x)


def plain(*layers) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 6), *layers, nn.Linear(6, 1))


IMAGES = (12, 1, 8, 8)
NETWORKS = {
    "perceptron": (lambda: plain(nn.Tanh()), (12, 4)),
    "relu": (lambda: plain(nn.ReLU()), (12, 4)),
    "batch norm": (lambda: plain(nn.BatchNorm1d(6), nn.ReLU()), (12, 4)),
    "layer norm": (lambda: plain(nn.LayerNorm(6), nn.GELU()), (12, 4)),
    "dropout": (lambda: plain(nn.Dropout(0.5)), (12, 4)),
    "in place": (lambda: plain(nn.ReLU(inplace=True)), (12, 4)),
    "parametrised": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 1)), (12, 4)),
    "convolution": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 1)), IMAGES),
    "batch norm of images": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 1)),
        IMAGES,
    ),
    "rnn": (lambda: Reader(nn.RNN), (12, 5, 3)),
    "lstm": (lambda: Reader(nn.LSTM), (12, 5, 3)),
    "gru": (lambda: Reader(nn.GRU), (12, 5, 3)),
    "attention": (Attends, (12, 5, 3)),
    "forks": (Forks, (12, 4)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_has_a_whole_record(name):
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    model, x = make(), torch.randn(shape)
    y = x.flatten(1)[:, :1] ** 2
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    record = look(model, mse_loss, (x, y), optimizer, Wanted(curvature=True, clip_norm=0.5, whole=x))
    assert all(one.parts or one.untouched for one in record.tensors)
    assert max(one.gap for one in record.tensors) < 1e-6
    assert sum(one.share for one in record.layers if one.share is not None) == pytest.approx(1, abs=1e-6)
    assert record.worked.before == pytest.approx(record.loss, rel=1e-5)
    assert record.worked.change == pytest.approx(record.worked.second, rel=0.3)
    assert record.worked.regime == "linear regime"
    assert record.line is not None
    assert record.curvature is not None
    assert record.curvature.eigenvalues[0] > 0
    assert (record.optimizer, record.examples, record.precision, record.step) == ("AdamW", 12, "float32", 1)
    assert record.settings["weight_decay"] == 0.01


def test_a_large_network_has_totals_alone():
    model = nn.Sequential(nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 1))
    assert sum(one.numel() for one in model.parameters()) > MOST_SHOWN
    x = torch.randn(8, 400)
    record = look(model, mse_loss, (x, x[:, :1]), torch.optim.Adam(model.parameters()))
    assert {one.step for one in record.tensors} == {None}
    assert (record.path, record.pulls, record.line, record.network) == (None,) * 4
    assert len(record.strongest) == 20
    assert record.step_norm > 0


def test_inputs_may_be_several_by_place_or_by_name():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.Linear(2, 1), nn.Linear(3, 1)

        def forward(self, left, right):
            return self.one(left) + self.other(right)

    torch.manual_seed(0)
    model, left, right = Two(), torch.randn(6, 2), torch.randn(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    records = [
        look(model, mse_loss, (inputs, left[:, :1]), optimizer)
        for inputs in ((left, right), {"right": right, "left": left})
    ]
    assert records[0].loss == records[1].loss
    assert records[0].examples == 6


def test_the_step_is_counted_on_from_the_optimiser_unless_it_is_said():
    model = plain(nn.Tanh())
    x = torch.randn(12, 4)
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        mse_loss(model(x), x[:, :1]).backward()
        optimizer.step()
    assert look(model, mse_loss, (x, x[:, :1]), optimizer).step == 4
    assert look(model, mse_loss, (x, x[:, :1]), optimizer, Wanted(step=77)).step == 77


def test_every_array_of_a_record_is_read_only():
    model = plain(nn.Tanh())
    x = torch.randn(12, 4)
    tensor = look(model, mse_loss, (x, x[:, :1]), torch.optim.Adam(model.parameters())).tensors[0]
    arrays = [tensor.weights, tensor.gradient, tensor.step, *(part.values for part in tensor.parts)]
    assert not any(one.flags.writeable for one in arrays)


def test_the_caller_s_modes_do_not_matter():
    model, x = plain(nn.Tanh()), torch.randn(12, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    usual = look(model, mse_loss, (x, x[:, :1]), optimizer)
    with torch.no_grad():
        without = look(model, mse_loss, (x, x[:, :1]), optimizer)
    with torch.inference_mode():
        inferring = look(model, mse_loss, (x, x[:, :1]), optimizer)
    assert usual.worked == without.worked == inferring.worked


def test_a_network_in_evaluation_mode_is_told_and_looked_at():
    model, x = plain(nn.Dropout(0.5)).eval(), torch.randn(12, 4)
    record = look(model, mse_loss, (x, x[:, :1]), torch.optim.SGD(model.parameters(), lr=0.1))
    assert any("in evaluation mode, in which Dropout" in note for note in record.notes)
    assert not model.training


def test_half_precision_is_told_and_looked_at():
    model, x = plain(nn.Tanh()).bfloat16(), torch.randn(12, 4, dtype=torch.bfloat16)
    record = look(model, mse_loss, (x, x[:, :1]), torch.optim.SGD(model.parameters(), lr=0.1))
    assert record.precision == "bfloat16"
    assert any("bfloat16, with about 3 digits" in note for note in record.notes)


def test_where_numbers_went_bad_is_named_and_the_record_is_made():
    model, x = plain(nn.Tanh()), torch.randn(12, 4)
    model[2].weight.data[0, 0] = math.inf
    record = look(model, mse_loss, (x, x[:, :1]), torch.optim.SGD(model.parameters(), lr=0.1))
    assert not math.isfinite(record.loss)
    assert any("the first output that is not finite is that of 2 (Linear)" in note for note in record.notes)
    assert record.notes[0] == "2.weight[0, 0] is not finite before the step"
    assert not any("gradient" in note for note in record.notes)


def lost(model, x, loss=mse_loss):
    return look(model, loss, (x, x[:, :1]), torch.optim.Adam(model.parameters()))


def test_of_what_is_not_finite_nothing_is_counted_and_no_error_leaks():
    model, x = plain(nn.ReLU()), torch.randn(12, 4)
    model[2].weight.data.fill_(math.nan)
    record = lost(model, x)
    assert record.notes[:2] == (
        "2.weight[0, 0] is not finite before the step",
        "the loss is not finite, so that nothing around it is asked for: no path, pulls or losses",
    )
    assert not any("Error" in note for note in record.notes)
    assert (record.path, record.pulls, record.line) == (None, None, None)
    assert (record.worked.kinks, record.worked.of) == (0, 0)
    assert all(math.isnan(one.signs) for one in record.tensors)
    assert math.isnan(record.layers[-1].zeros)
    assert not math.isnan(record.layers[0].zeros)


def test_inputs_are_blamed_before_the_gradients_that_are_bad_by_them():
    x = torch.randn(12, 4)
    x[3, 2] = math.inf
    assert lost(plain(nn.Tanh()), x).notes[0] == "the batch's inputs are not finite"


def test_of_a_loss_that_went_bad_by_itself_neither_weights_nor_inputs_are_blamed():
    notes = lost(plain(nn.Tanh()), torch.randn(12, 4), lambda a, b: mse_loss(a, b) * math.inf).notes
    assert notes[0] == "the loss is not finite, and all weights and inputs are: it went bad on the way forward"


def test_the_first_bad_gradient_is_named_where_the_loss_is_a_number():
    def loss(said, _):
        return (said - said).square().sum().sqrt()  # 0, whose root has no derivative

    notes = lost(plain(nn.Tanh()), torch.randn(12, 4), loss).notes
    assert notes[0] == "the first gradient that is not finite, on the way back, is that of 2.bias"
    assert any("no path" in note or "no pull" in note for note in notes) or len(notes) == 1
    assert not any("atol" in note for note in notes)


def test_a_step_of_nothing_is_no_step():
    model, x = plain(nn.Tanh()), torch.randn(12, 4)
    record = look(model, mse_loss, (x, x[:, :1]), torch.optim.SGD(model.parameters(), lr=0.0))
    assert record.worked.regime == "no step"
    assert {one.step_norm for one in record.tensors} == {0.0}
    assert record.strongest == ()


def test_labels_flipped_on_purpose_are_marked():
    model, x = plain(nn.Tanh()), torch.randn(12, 4)
    y = (x[:, :1] > 0).float()
    flipped = np.arange(12) == 3
    record = look(
        model,
        binary_cross_entropy_with_logits,
        (x, y),
        torch.optim.SGD(model.parameters(), lr=0.1),
        Wanted(flipped=flipped),
    )
    told = {one.example: one.flipped for one in (*record.pulls.helped, *record.pulls.hurt)}
    assert told == {example: example == 3 for example in told}


def test_a_compiled_network_is_looked_at_as_it_is_written():
    model = plain(nn.Tanh())
    wrapped, x = torch.compile(model, backend="eager"), torch.randn(12, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    record = look(wrapped, mse_loss, (x, x[:, :1]), optimizer)
    assert record.worked == look(model, mse_loss, (x, x[:, :1]), optimizer).worked
    assert any("compiled or parallel parts" in note for note in record.notes)


def refused(match, *, model=None, criterion=mse_loss, batch=None, optimizer=None, **wanted):
    model = plain(nn.Tanh()) if model is None else model
    x = torch.randn(12, 4)
    moves = torch.optim.SGD(model.parameters(), lr=0.1) if optimizer is None else optimizer
    with pytest.raises(EngineError, match=match) as raised:
        look(model, criterion, (x, x[:, :1]) if batch is None else batch, moves, Wanted(**wanted))
    assert "Nothing was changed." in str(raised.value)


def test_a_loss_that_is_no_scalar_is_refused():
    refused(r"tensor of shape \(12, 1\).*loss\.mean\(\)", criterion=lambda outputs, targets: (outputs - targets) ** 2)


def test_a_loss_without_a_graph_is_refused():
    refused(r"does not depend on any weight", criterion=lambda outputs, targets: (outputs - targets).detach().mean())
    refused(r"the loss is a float", criterion=lambda outputs, targets: float((outputs - targets).mean().detach()))


def test_a_loss_that_reads_the_weights_itself_is_refused():
    model = plain(nn.Tanh())
    refused(
        r"reads the model's weights itself \(0\.weight\).*weight_decay",
        model=model,
        criterion=lambda outputs, targets: mse_loss(outputs, targets) + model[0].weight.square().sum(),
    )


def test_a_batch_that_does_not_fit_is_refused_with_what_the_model_said():
    refused(r"the forward pass failed: RuntimeError", batch=(torch.randn(12, 5), torch.randn(12, 1)))
    refused(r"the batch is 3 things, and must be a pair", batch=(1, 2, 3))
    refused(r"the batch is a Tensor", batch=torch.randn(12, 4))


def test_an_optimiser_of_another_model_is_refused():
    refused(r"holds no weight of this Sequential", optimizer=torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1))


def test_an_optimiser_that_wants_a_closure_is_refused():
    model = plain(nn.Tanh())
    refused(r"LBFGS asks for the loss several times", model=model, optimizer=torch.optim.LBFGS(model.parameters()))


def test_a_frozen_network_is_refused():
    model = plain(nn.Tanh())
    moves = torch.optim.SGD(model.parameters(), lr=0.1)
    model.requires_grad_(requires_grad=False)
    refused(r"has no weight that requires a gradient", model=model, optimizer=moves)


def test_complex_weights_are_refused():
    refused(r"the weights weight are complex", model=nn.Linear(4, 1, dtype=torch.complex64))


def test_what_cannot_be_copied_is_refused():
    class Holds(nn.Linear):
        def __init__(self):
            super().__init__(4, 1)
            self.stream = (one for one in range(3))

    refused(r"cannot be copied: TypeError.*out of the model", model=Holds())


def test_things_in_another_order_are_refused_with_the_right_one():
    model = plain(nn.Tanh())
    with pytest.raises(EngineError, match=r"not a model of PyTorch.*etude\.microscope\(model, loss"):
        look(mse_loss, model, (1, 2), None)
    with pytest.raises(EngineError, match=r"the last argument is a Tensor, not an optimiser"):
        look(model, mse_loss, (1, 2), torch.ones(2))
    with pytest.raises(EngineError, match=r"the loss is a str"):
        look(model, "mse", (1, 2), torch.optim.SGD(model.parameters()))


@pytest.mark.parametrize(("wanted", "says"), [({"step": -1}, "counted from 1"), ({"clip_norm": 0.0}, "above 0")])
def test_what_cannot_be_meant_is_refused(wanted, says):
    with pytest.raises(EngineError, match=says):
        Wanted(**wanted)


@pytest.mark.parametrize("wanted", [{"example": 12}, {"output": 1}, {"weight": ("no.such", (0,))}])
def test_a_path_that_does_not_exist_is_refused(wanted):
    refused(r"12|output 1|no\.such", **wanted)


def watched(*, looks: bool) -> tuple[list[list[float]], Watch]:
    torch.manual_seed(0)
    model = plain(nn.BatchNorm1d(6), nn.Dropout(0.3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with Watch(model, [optimizer], Options(every=2)) as watch:
        for i in range(6):
            x = torch.randn(12, 4)
            optimizer.zero_grad()
            loss = mse_loss(model(x), x[:, :1])
            loss.backward()
            if looks and i in (1, 4):
                watch.microscope(mse_loss, x, x[:, :1], curvature=True)
            optimizer.step()
            watch.loss(loss)
    return [one.tolist() for one in (*model.parameters(), *model.buffers())], watch


def test_a_watched_loop_goes_on_as_if_nobody_had_looked_and_keeps_the_records():
    (plainly, _), (looked, watch) = watched(looks=False), watched(looks=True)
    assert looked == plainly
    assert [one.step for one in watch.steps] == [2, 5]
    assert watch.steps[0].curvature is not None
    assert watch.failure == ""


def test_what_a_watch_cannot_look_at_is_told_and_watching_goes_on():
    model, x = plain(nn.Tanh()), torch.randn(12, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Watch(model, [optimizer]) as watch:
        with pytest.warns(
            RuntimeWarning, match=r"step 1 was not looked at: the batch|step 1 was not looked at: the fo"
        ):
            watch.microscope(mse_loss, torch.randn(12, 5), x[:, :1])
        with pytest.warns(RuntimeWarning, match=r"step 1 was not looked at.*nonsense"):
            watch.microscope(mse_loss, x, x[:, :1], nonsense=True)
        optimizer.zero_grad()
        mse_loss(model(x), x[:, :1]).backward()
        optimizer.step()
    assert (watch.steps, watch.failure, watch.step) == ((), "", 1)


def test_class_labels_are_looked_at_too():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.randn(12, 4)
    record = look(model, cross_entropy, (x, x[:, :3].argmax(dim=1)), torch.optim.RMSprop(model.parameters()))
    assert record.pulls is not None
    assert record.notes == ()
