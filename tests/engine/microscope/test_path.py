"""The chain rule written out: its sum is automatic differentiation's, its routes are real, and differences agree."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.architectures.mlp import ResidualPerceptron
from etude.engine.dropout import HOOKS, CountedDropout
from etude.engine.microscope.path import path_of
from etude.values.errors import EngineError

CROSS_ENTROPY = nn.CrossEntropyLoss()


def classes(rows=24, features=4, seed=1):
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, features, generator=chance)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def words(rows=6, length=5, seed=1):
    chance = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 9, (rows, length), generator=chance)
    return x, x[:, -1] % 2


def seeded(build, seed=0):
    torch.manual_seed(seed)
    return build()


def told(scene, example=None, output=None, weight=None):
    path, notes = path_of(scene, example, output, weight)
    assert path is not None, notes
    return path


def by_autograd(scene, path):
    """The slow, obvious twin, in the scene's own precision."""
    name, index = path.weight
    leaf = scene.before[name].clone().requires_grad_()
    said = scene.outputs({**scene.before, name: leaf})[path.example][path.output]
    return float(torch.autograd.grad(said, leaf)[0][index])


def assert_adds_up(path):
    assert path.total == pytest.approx(path.autograd, rel=1e-9, abs=1e-15)
    assert path.total == pytest.approx(sum(route.product for route in path.routes) + path.rest, rel=1e-9, abs=1e-15)
    for route in path.routes:
        assert route.product == pytest.approx(np.prod([hop.derivative for hop in route.hops]), rel=1e-12)
    sizes = [abs(route.product) for route in path.routes]
    assert sizes == sorted(sizes, reverse=True)


def test_two_routes_by_hand(scene_of):
    # one input, two hidden units in a chain: x=2 → h=wx → relu → two outputs of a layer, summed by the last
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 2, bias=False), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.fill_(3.0)
        model[2].weight.copy_(torch.tensor([[5.0], [-1.0]]))
        model[3].weight.copy_(torch.tensor([[1.0, 4.0]]))
        model[3].bias.zero_()
    scene = scene_of(model, (torch.tensor([[2.0]]), torch.tensor([[1.0]])), nn.MSELoss())
    path = told(scene, weight=("0.weight", (0, 0)))
    first, second = path.routes
    assert [(hop.layer, hop.unit, hop.derivative, hop.value) for hop in first.hops] == [
        ("0", (0,), 2.0, 6.0),
        ("1", (0,), 1.0, 6.0),
        ("2", (0,), 5.0, 30.0),
        ("3", (0,), 1.0, 6.0),
    ]
    assert (first.product, second.product, path.total) == (10.0, -8.0, 2.0)
    assert path.target == pytest.approx(2 * (6.0 - 1.0))
    assert (path.example, path.output, path.others, path.rest, path.kinks) == (0, (0,), 0, 0.0, ())
    assert path.difference == pytest.approx(2.0, rel=1e-9)


def random_net(seed):
    chance = np.random.default_rng(seed)
    activations = (nn.ReLU, nn.Tanh, nn.GELU, nn.Sigmoid, nn.LeakyReLU, nn.SiLU, nn.ELU)
    widths = [4, *chance.integers(2, 9, size=chance.integers(1, 4)).tolist(), 3]
    layers = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), activations[chance.integers(len(activations))]()]
        layers += [nn.LayerNorm(after)] if chance.random() < 0.3 else []
        layers += [nn.Dropout(0.2)] if chance.random() < 0.3 else []
    return nn.Sequential(*layers[:-1], nn.Linear(widths[-1], 2))


@pytest.mark.parametrize("seed", range(50))
def test_differences_agree_over_random_networks(seed, scene_of):
    scene = scene_of(seeded(lambda: random_net(seed), seed), classes(seed=seed), CROSS_ENTROPY)
    path = told(scene)
    assert_adds_up(path)
    assert path.autograd == pytest.approx(by_autograd(scene, path), rel=1e-3, abs=5e-7)
    assert path.difference is not None or path.kinks
    assert path.error is None or path.error < 1e-6


def test_the_number_of_routes_is_the_product_of_the_widths_it_can_take(scene_of):
    model = seeded(lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 5)))
    path = told(scene_of(model, classes(), CROSS_ENTROPY), weight=("0.weight", (2, 1)))
    assert len(path.routes) + path.others == 7  # one unit of the first layer, seven of the second, one output
    assert len({tuple(hop.unit for hop in route.hops) for route in path.routes}) == len(path.routes)


class Bare(nn.Module):
    """Functions between its layers: no chain of modules."""

    def __init__(self):
        """Weights as torch draws them."""
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x):
        """Two numbers an example."""
        return self.last(torch.relu(self.first(x)))


class Looped(nn.Module):
    """A recurrent cell in a loop that ends where the data say."""

    def __init__(self):
        """Weights as torch draws them."""
        super().__init__()
        self.embedding, self.cell, self.last = nn.Embedding(9, 3), nn.RNNCell(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        """Two numbers an example."""
        h = self.embedding.weight.new_zeros(len(x), 4)
        for i in range(x.shape[1]):
            if bool((h < 100).all()):
                h = self.cell(self.embedding(x[:, i]), h)
        return self.last(h)


class Tied(nn.Module):
    """The same table reads words and says them."""

    def __init__(self):
        """Weights as torch draws them."""
        super().__init__()
        self.embedding, self.said = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False)
        self.said.weight = self.embedding.weight

    def forward(self, x):
        """Two numbers an example."""
        return self.said(torch.tanh(self.embedding(x).sum(dim=1)))


def residual():
    layers = {"hidden_1": nn.Linear(4, 4), "activation_1": nn.ReLU(), "hidden_2": nn.Linear(4, 4)}
    return ResidualPerceptron({**layers, "activation_2": nn.Tanh(), "output": nn.Linear(4, 2)}, of_one=2)


def convolutions():
    parts = (nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2))
    return nn.Sequential(nn.Unflatten(1, (1, 4, 4)), *parts)


class Once(nn.Module):
    """A layer that doubles what it says."""

    def __init__(self, doubled):
        """Weights as torch draws them; doubled: what doubles."""
        super().__init__()
        self.weight, self.doubled = nn.Parameter(torch.randn(4, 2)), doubled

    def forward(self, x):
        """Two numbers an example."""
        return self.doubled(x @ self.weight)


ROWS = {
    "functions": (Bare, "first.weight"),
    "skip connections": (residual, "hidden_1.weight"),
    "batch norm in training": (
        lambda: nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)),
        "0.weight",
    ),
    "dropout": (
        lambda: nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Dropout(0.4), nn.Linear(9, 2)),
        "0.weight",
    ),
    "counted dropout": (
        lambda: nn.Sequential(nn.Linear(4, 9), CountedDropout(0.4, key=np.uint64(5), layer=0), nn.Linear(9, 2)),
        "0.weight",
    ),
    "one layer alone": (lambda: nn.Linear(4, 2), "weight"),
    "a bias": (lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Linear(5, 2)), "0.bias"),
    "a norm": (lambda: nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 2)), "1.weight"),
}
WORDS = {"a loop": (Looped, "cell.weight_hh"), "tied weights": (Tied, "embedding.weight")}
READERS = {
    "LSTM": (lambda: nn.LSTM(4, 4, batch_first=True), "reader.weight_hh_l0"),
    "GRU along the first axis": (lambda: nn.GRU(4, 4), "reader.weight_ih_l0"),
    "attention": (
        lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True),
        "reader.self_attn.in_proj_weight",
    ),
    "what attention says": (
        lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True),
        "reader.self_attn.out_proj.weight",
    ),
}


@pytest.mark.parametrize("kind", [*ROWS, *WORDS])
def test_of_any_network_the_routes_add_up(kind, scene_of):
    build, name = ROWS.get(kind) or WORDS[kind]
    batch = classes() if kind in ROWS else words()
    assert_routes_add_up(scene_of(seeded(build), batch, CROSS_ENTROPY), name)


@pytest.mark.parametrize("kind", READERS)
def test_whatever_reads_words_the_routes_add_up(kind, scene_of, read_by):
    build, name = READERS[kind]
    assert_routes_add_up(scene_of(seeded(lambda: read_by(build())), words(), CROSS_ENTROPY), name)


def test_without_second_derivatives_the_routes_add_up(scene_of, doubled):
    model = seeded(lambda: nn.Sequential(Once(doubled), nn.Linear(2, 2)))
    assert_routes_add_up(scene_of(model, classes(), CROSS_ENTROPY), "0.weight")


def assert_routes_add_up(scene, name):
    sizes = scene.gradient[name].abs()
    weight = (name, tuple(int(i) for i in np.unravel_index(int(sizes.argmax()), tuple(sizes.shape))))
    path = told(scene, weight=weight)
    assert_adds_up(path)
    assert path.autograd == pytest.approx(by_autograd(scene, path), rel=1e-3, abs=5e-7)
    assert path.error is None or path.error < 1e-6


def test_a_convolution_is_written_out_place_by_place(scene_of):
    chance = torch.Generator().manual_seed(2)
    x = torch.randn(8, 16, generator=chance)
    path = told(scene_of(seeded(convolutions), (x, (x[:, 0] > 0).long()), CROSS_ENTROPY), weight=("1.bias", (1,)))
    assert_adds_up(path)
    assert [hop.layer for hop in path.routes[0].hops] == ["1", "2", "3", "5"]
    assert {route.hops[0].unit[0] for route in path.routes} == {1}  # of one filter, at several places
    assert len(path.routes) > 1


def test_a_recurrent_weight_has_a_route_for_every_time_it_is_used(scene_of):
    path = told(scene_of(seeded(Looped), words(), CROSS_ENTROPY), weight=("cell.weight_hh", (1, 2)))
    assert {route.hops[0].layer for route in path.routes} == {
        f"cell, call {i}" for i in (2, 3, 4, 5)
    }  # h is 0 at first


def test_through_batch_norm_in_training_other_examples_are_on_the_way(scene_of):
    scene = scene_of(seeded(ROWS["batch norm in training"][0]), classes(rows=6), CROSS_ENTROPY)
    path = told(scene, example=1)
    assert {route.hops[0].unit[0] for route in path.routes} > {1}
    assert {route.hops[1].unit[0] for route in path.routes} == {1}


def test_dropout_drops_what_it_dropped_in_the_step(scene_of):
    model = seeded(lambda: nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.5), nn.Linear(50, 2)))
    scene = scene_of(model, classes(), CROSS_ENTROPY)
    masks = {told(scene, 3, weight=("0.bias", (unit,))).routes[0].hops[1].derivative for unit in range(50)}
    assert masks == {0.0, 2.0}
    assert model.training


def test_a_dead_unit_shows_where_the_way_ends(scene_of):
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [1.0]]))
        model[0].bias.copy_(torch.tensor([1.0, -9.0]))
    scene = scene_of(model, (torch.tensor([[2.0]]), torch.tensor([[1.0]])), nn.MSELoss())
    path, notes = path_of(scene, None, None, ("0.weight", (1, 0)))
    assert [(hop.unit, hop.derivative) for hop in path.routes[0].hops[:2]] == [((1,), 2.0), ((1,), 0.0)]
    assert (path.total, path.autograd, path.difference, path.error) == (0.0, 0.0, 0.0, 0.0)
    assert "does nothing to this output" in notes[0]


def test_a_weight_of_another_output_has_no_route_at_all(scene_of):
    path, _ = path_of(scene_of(seeded(Bare), classes(), CROSS_ENTROPY), 0, 1, ("last.weight", (0, 2)))
    assert path.routes == ()
    assert path.total == 0.0


def test_a_unit_exactly_at_a_kink_is_told_and_no_difference_is_taken_across_it(scene_of):
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [1.0]]))
        model[0].bias.copy_(torch.tensor([-2.0, 1.0]))
    scene = scene_of(model, (torch.tensor([[2.0]]), torch.tensor([[1.0]])), nn.MSELoss())
    at_it, beside = (told(scene, weight=("0.weight", (unit, 0))) for unit in (0, 1))
    assert at_it.kinks == ("1[0] at 0",)
    assert (at_it.difference, at_it.error) == (None, None)
    assert beside.kinks == ("1[0] at 0",)  # it stands there whichever weight is moved, but is not moved by this one
    assert beside.error < 1e-9


def test_kinks_of_functions_are_seen_as_well(scene_of):
    model = seeded(Bare)
    with torch.no_grad():
        model.first.weight[3] = 0.0
        model.first.bias[3] = 0.0
    path = told(scene_of(model, classes(), CROSS_ENTROPY), weight=("first.weight", (3, 0)))
    assert path.kinks == ("Bare[3] at 0",)
    assert path.difference is None


def test_what_is_not_asked_for_is_chosen(scene_of):
    model, batch = seeded(lambda: random_net(3), 3), classes(seed=3)
    scene = scene_of(model.eval(), batch, CROSS_ENTROPY)
    path = told(scene)
    losses = nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")
    assert path.example == int(losses.argmax())
    assert path.output == (0,)
    assert path.weight[0] == "0.weight"
    assert path.autograd != 0


def test_the_target_is_the_losss_derivative_by_the_output(scene_of):
    scene = scene_of(seeded(Bare), classes(), CROSS_ENTROPY)
    path = told(scene, 4, 1)
    p = torch.softmax(scene.outputs(scene.before)[4], dim=0)[1].item()
    assert path.target == pytest.approx(p - float(scene.targets[4] == 1), rel=1e-5)


@pytest.mark.parametrize(
    ("example", "output", "weight", "says"),
    [
        (24, None, None, r"example 24 is asked for, and the batch has 24.*to 23 here"),
        (None, 2, None, r"output 2 is asked for, and an example has 2"),
        (None, None, ("frist.weight", (0, 0)), r"no trained weight 'frist.weight'.*first.weight"),
        (None, None, ("first.weight", (6, 0)), r"first.weight has the shape \(6, 4\), and \(6, 0\) is not in it"),
        (None, None, ("first.weight", (0,)), r"give one number for each axis"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(example, output, weight, says, scene_of):
    scene = scene_of(seeded(Bare), classes(), CROSS_ENTROPY)
    with pytest.raises(EngineError, match=says):
        path_of(scene, example, output, weight)


def test_the_model_is_left_as_it_was(scene_of):
    model = seeded(ROWS["batch norm in training"][0])
    kept = {name: one.clone() for name, one in model.state_dict().items()}
    scene, chance = scene_of(model, classes(), CROSS_ENTROPY), torch.get_rng_state()
    told(scene)
    assert all(torch.equal(one, kept[name]) for name, one in model.state_dict().items() if "running" not in name)
    assert torch.equal(torch.get_rng_state(), chance)
    assert not any(vars(module)[name] for module in model.modules() for name in HOOKS)
    assert next(model.parameters()).dtype == torch.float32


class Says(nn.Module):
    """Answers in a way of its own."""

    def __init__(self, answer):
        """answer: what it makes of two numbers."""
        super().__init__()
        self.layer, self.answer = nn.Linear(4, 2), answer

    def forward(self, x):
        """Two numbers an example."""
        return self.answer(self.layer(x))


def test_of_a_model_that_gives_no_tensor_nothing_is_made_up(scene_of):
    scene = scene_of(
        seeded(lambda: Says(lambda y: {"said": y})), classes(), lambda said, y: CROSS_ENTROPY(said["said"], y)
    )
    path, notes = path_of(scene, None, None, None)
    assert path is None
    assert notes == ("no path: TypeError: the model gives a dict, and a path ends in one tensor",)


def test_a_model_that_cannot_be_in_float64_is_told_without_differences(scene_of):
    model = seeded(lambda: Says(lambda y: y @ torch.eye(2, dtype=torch.float32)))
    path, notes = path_of(scene_of(model, classes(), CROSS_ENTROPY), None, None, None)
    assert path.total == pytest.approx(path.autograd, rel=1e-4)
    assert (path.difference, path.error) == (None, None)
    assert "no copy in float64 runs" in notes[0]


def test_of_a_network_that_begins_with_a_convolution_the_last_layer_is_shown(scene_of):
    images = torch.randn(8, 16, generator=torch.Generator().manual_seed(2))
    batch = images, (images[:, 0] > 0).long()
    path = told(scene_of(seeded(convolutions), batch, CROSS_ENTROPY))
    assert path.weight[0] == "5.weight"
    assert_adds_up(path)
    assert path.error < 1e-6


def test_differences_stop_where_two_reaches_agree(scene_of, counted, monkeypatch):
    scene = scene_of(seeded(lambda: nn.Sequential(nn.Linear(4, 3), counted(3, 2))), classes(), CROSS_ENTROPY)
    found = []
    for agreed in (1e-9, -1.0):
        monkeypatch.setattr("etude.engine.microscope.differences.AGREED", agreed)
        counted.asked = 0
        found.append((told(scene, 0, weight=("1.weight", (0, 1))).difference, counted.asked))
    (few, times), (many, more) = found
    assert more - times == 12  # what is linear agrees at once: four points of each of three reaches less
    assert few == pytest.approx(many, rel=1e-9)


def test_a_weight_that_is_used_in_too_many_places_is_refused_before_anything_is_derived(scene_of, monkeypatch):
    monkeypatch.setattr("etude.engine.microscope.stations.MOST_UNITS", 1)
    derived = []
    monkeypatch.setattr("etude.engine.microscope.stations._by_weight", lambda *_: derived.append(1))
    path, notes = path_of(scene_of(seeded(Bare), classes(), CROSS_ENTROPY), 0, 0, ("first.weight", (0, 0)))
    assert (path, derived) == (None, [])
    assert "too many places" in notes[0]
