"""Gradients of single examples are those that a loop finds, and what is made of them can be reckoned by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.dropout import CountedDropout
from etude.engine.microscope.pulls import pulls_and_noise

CROSS_ENTROPY = nn.CrossEntropyLoss()


def classes(rows=20, features=4, seed=1):
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, features, generator=chance)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def words(rows=8, length=5):
    x = torch.randint(0, 9, (rows, length), generator=torch.Generator().manual_seed(1))
    return x, x[:, -1] % 2


def seeded(build, seed=0):
    torch.manual_seed(seed)
    return build()


class Turning(nn.Module):
    """What it does depends on the numbers it is given."""

    def __init__(self):
        """Weights as torch draws them."""
        super().__init__()
        self.one, self.other = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x):
        """Two numbers an example."""
        return torch.stack([self.one(row) if float(row[0]) > 0 else self.other(row) for row in x])


def mlp(*middle):
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(inplace=True), *middle, nn.Linear(6, 2))


def convolutions():
    parts = (nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3, 2))
    return nn.Sequential(nn.Unflatten(1, (1, 2, 2)), *parts)


NETWORKS = {
    "perceptron": (mlp, classes),
    "dropout": (lambda: mlp(nn.Dropout(0.4)), classes),
    "counted dropout": (lambda: mlp(CountedDropout(0.4, key=np.uint64(3), layer=0)), classes),
    "batch norm in training": (lambda: mlp(nn.BatchNorm1d(6)), classes),
    "batch norm in evaluation": (lambda: mlp(nn.BatchNorm1d(6)).eval(), classes),
    "convolutions": (convolutions, classes),
    "control flow by the data": (Turning, classes),
}
READERS = {
    "LSTM": lambda: nn.LSTM(4, 4, batch_first=True),
    "attention": lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True),
    "attention with dropout": lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.3, batch_first=True),
}


def looped(scene):
    """The slow, obvious twin: g·d of every example, and |g|², each from a forward pass of the batch of its own."""
    products, squares = [], []
    for i in range(len(scene.targets)):
        leaves = {name: one.clone().requires_grad_() for name, one in scene.before.items()}
        loss = scene.criterion(scene.outputs(leaves)[i : i + 1], scene.targets[i : i + 1])
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
        step = [scene.step[name] for name in leaves]
        products.append(float(sum((g * d).sum() for g, d in zip(found, step, strict=True))))
        squares.append(float(sum((g**2).sum() for g in found)))
    return np.array(products), np.array(squares)


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_example_is_derived_as_a_loop_does(kind, scene_of):
    build, batch = NETWORKS[kind]
    assert_derived_as_a_loop_does(scene_of(seeded(build), batch(), CROSS_ENTROPY))


@pytest.mark.parametrize("kind", READERS)
def test_whatever_reads_words_every_example_is_derived_as_a_loop_does(kind, scene_of, read_by):
    model = seeded(lambda: read_by(READERS[kind]()))
    assert_derived_as_a_loop_does(scene_of(model, words(), CROSS_ENTROPY))


def assert_derived_as_a_loop_does(scene):
    pulls, noise, notes = pulls_and_noise(scene, None)
    products, squares = looped(scene)
    assert notes == ()
    assert pulls.all_pulls == pytest.approx(products, rel=1e-4, abs=1e-6 * np.abs(products).max())
    assert noise.signal + noise.spread == pytest.approx(squares.mean(), rel=1e-4)  # of |g|², by their definition


def test_pulls_of_the_mean_sum_to_the_first_order_change_of_the_loss(scene_of):
    scene = scene_of(seeded(mlp), classes(), CROSS_ENTROPY)
    pulls, _, _ = pulls_and_noise(scene, None)
    change = sum(float((scene.gradient[name] * one).sum()) for name, one in scene.step.items())
    assert pulls.all_pulls.mean() == pytest.approx(change, rel=1e-5)
    assert not pulls.all_pulls.flags.writeable


def test_a_summed_loss_has_the_pulls_of_its_examples_and_the_noise_of_their_mean(scene_of):
    mean = scene_of(seeded(mlp), classes(), CROSS_ENTROPY, rate=0.1)
    summed = scene_of(seeded(mlp), classes(), nn.CrossEntropyLoss(reduction="sum"), rate=0.1 / 20)
    (one, noise, _), (other, same_noise, _) = pulls_and_noise(mean, None), pulls_and_noise(summed, None)
    assert other.all_pulls == pytest.approx(one.all_pulls, rel=1e-3, abs=1e-7)
    assert same_noise.spread == pytest.approx(noise.spread, rel=1e-4)
    assert same_noise.signal == pytest.approx(noise.signal, rel=1e-3, abs=1e-6)


def test_two_examples_by_hand(scene_of):
    # one weight of 1, loss (wx - y)²: x = 1, y = 0 has gradient 2, x = 1, y = 2 has -2, x = 2, y = 0 has 8; mean 8/3
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    x, y = torch.tensor([[1.0], [1.0], [2.0]]), torch.tensor([[0.0], [2.0], [0.0]])
    scene = scene_of(model, (x, y), nn.MSELoss(), rate=0.3)
    pulls, noise, _ = pulls_and_noise(scene, np.array([False, True, False]))
    assert pulls.all_pulls == pytest.approx([-1.6, 1.6, -6.4])  # the step is -0.8
    assert [(one.example, one.label, one.flipped) for one in pulls.helped] == [(2, "0", False), (0, "0", False)]
    (hurt,) = pulls.hurt
    assert (hurt.example, hurt.label, hurt.flipped, hurt.cosine) == (1, "2", True, -1.0)
    assert hurt.loss == pytest.approx(1.0)
    assert pulls.share_helped == pytest.approx(2 / 3)
    assert noise.spread == pytest.approx(np.var([2, -2, 8], ddof=1))
    assert noise.signal == pytest.approx((8 / 3) ** 2 - np.var([2, -2, 8], ddof=1) / 3)


def test_where_flips_are_not_known_none_is_marked(scene_of):
    pulls, _, _ = pulls_and_noise(scene_of(seeded(mlp), classes(), CROSS_ENTROPY), None)
    assert {one.flipped for one in (*pulls.helped, *pulls.hurt)} == {None}


@pytest.mark.parametrize(
    ("criterion", "says"),
    [
        (nn.CrossEntropyLoss(weight=torch.tensor([0.2, 0.8])), "neither the mean nor the sum"),
        (lambda said, y: CROSS_ENTROPY(said, y) * (said[1] - said[0]).pow(2).sum(), "of one example alone"),
    ],
)
def test_a_loss_that_is_not_made_of_its_examples_is_said_to_be_so(criterion, says, scene_of):
    pulls, noise, notes = pulls_and_noise(scene_of(seeded(mlp), classes(), criterion), None)
    assert (pulls, noise) == (None, None)
    assert says in notes[0]


def test_through_batch_norm_pulls_are_told_and_a_noise_scale_is_not(scene_of):
    pulls, noise, _ = pulls_and_noise(scene_of(seeded(lambda: mlp(nn.BatchNorm1d(6))), classes(), CROSS_ENTROPY), None)
    assert pulls is not None
    assert noise.scale is None
    assert "batch norm mixes its examples" in noise.because


def test_the_model_is_left_as_it_was(scene_of):
    model = seeded(lambda: mlp(nn.Dropout(0.5)))
    scene, chance = scene_of(model, classes(), CROSS_ENTROPY), torch.get_rng_state()
    pulls_and_noise(scene, None)
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(one.grad is None for one in model.parameters())
