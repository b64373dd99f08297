"""A plane through the weights: its axes, its losses, and a trajectory's place in it."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.microscope.surface import loss_surface


def trained(scene_of, steps=6, rate=0.3):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    x = torch.randn(30, 3)
    scene = scene_of(model, (x, (x[:, 0] > 0).long()), nn.CrossEntropyLoss(), rate=rate)
    way = [dict(scene.before)]
    for _ in range(steps):
        _, gradient = scene.gradient_at(way[-1])
        way.append({name: one - rate * gradient[name] for name, one in way[-1].items()})
    return scene, way


def flat(weights):
    return torch.cat([one.flatten() for one in weights.values()]).double().numpy()


def test_a_trajectory_in_a_plane_is_seen_whole(scene_of):
    scene, _ = trained(scene_of)
    chance = torch.Generator().manual_seed(1)
    a, b = ({n: torch.randn(w.shape, generator=chance) for n, w in scene.before.items()} for _ in range(2))
    places = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 2.0)]
    way = [{n: w + x * a[n] + y * b[n] for n, w in scene.before.items()} for x, y in places]
    surface = loss_surface(scene, way, seed=0, size=5)
    # distances between points are kept, in norms of the weights
    length = np.linalg.norm(flat(scene.before))
    for i in range(4):
        for j in range(4):
            apart = np.linalg.norm(flat(way[i]) - flat(way[j])) / length
            assert np.linalg.norm(surface.trajectory[i] - surface.trajectory[j]) == pytest.approx(apart, abs=1e-5)
    assert surface.trajectory[0] == pytest.approx([0, 0], abs=1e-12)
    assert surface.directions.startswith("the first two principal directions of the trajectory, which hold ")


def test_the_shares_that_are_told_are_those_of_the_principal_components(scene_of):
    scene, way = trained(scene_of)
    points = np.stack([flat(one) for one in way])
    variances = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    shares = variances / variances.sum()
    said = f"{100 * shares[0]:.1f} % and {100 * shares[1]:.1f} %"
    assert said in loss_surface(scene, way, seed=0, size=3).directions


def test_losses_are_those_at_the_places_that_are_told(scene_of):
    scene, way = trained(scene_of)
    surface = loss_surface(scene, way, seed=0, size=21, steps=range(10, 17))
    assert surface.losses.shape == (21, 21)
    assert surface.steps == tuple(range(10, 17))
    for point, (x, y) in zip(way, surface.trajectory, strict=True):
        assert surface.across[0] <= x <= surface.across[-1]
        assert surface.up[0] <= y <= surface.up[-1]
        near = surface.losses[np.abs(surface.up - y).argmin(), np.abs(surface.across - x).argmin()]
        assert near == pytest.approx(float(scene.loss(point)), rel=0.05)


def test_random_directions_have_filters_as_long_as_the_weights_and_leave_biases_alone(scene_of):
    scene, way = trained(scene_of)
    surface = loss_surface(scene, way[:2], seed=3, size=21)
    assert surface.directions == "two random directions, filter-normalised"
    assert surface.losses[10, 10] == pytest.approx(float(scene.loss(scene.before)))
    assert (surface.across[0], surface.across[-1]) == (-1.0, 1.0)
    again, other = (loss_surface(scene, way[:2], seed=seed, size=21) for seed in (3, 4))
    assert (again.losses == surface.losses).all()
    assert (other.losses != surface.losses).any()


def test_scaling_the_filters_of_a_relu_network_leaves_its_surface_as_it_was(scene_of):
    # what filter normalisation is for: the network computes the same, and its surface is the same
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 6, bias=False), nn.ReLU(), nn.Linear(6, 2, bias=False)).double()
    x = torch.randn(30, 3, dtype=torch.float64)
    batch = (x, (x[:, 0] > 0).long())
    one = loss_surface(scene_of(model, batch, nn.CrossEntropyLoss()), [], seed=0, size=5)
    with torch.no_grad():
        model[0].weight *= 10
        model[2].weight /= 10
    other = loss_surface(scene_of(model, batch, nn.CrossEntropyLoss()), [], seed=0, size=5)
    assert other.losses == pytest.approx(one.losses)


def test_a_straight_way_has_no_plane_of_its_own(scene_of):
    scene, _ = trained(scene_of)
    way = [{name: one * (1 + 0.01 * i) for name, one in scene.before.items()} for i in range(4)]
    surface = loss_surface(scene, way, seed=0, size=3)
    assert surface.directions == "two random directions, filter-normalised"
    assert surface.trajectory.shape == (4, 2)
