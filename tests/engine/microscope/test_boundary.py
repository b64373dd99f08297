"""What a network of two inputs answers, and its units' lines."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.microscope.boundary import Form, boundary_of, number
from etude.engine.snapshots import central_range


def plane_net(activation, *middle):
    """Two units: above x1 = 1, and above x1 + 2 x2 = -50, which is everywhere on the batch, or nowhere below it."""
    model = nn.Sequential(nn.Linear(2, 3), *middle, activation, nn.Linear(3, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 2.0], [0.0, 1.0]]))
        model[0].bias.copy_(torch.tensor([-1.0, 50.0, -50.0]))
        model[-1].weight.copy_(torch.tensor([[1.0, 0.0, 0.0]]))
        model[-1].bias.zero_()
    return model


def batch(rows=50):
    x = torch.randn(rows, 2, generator=torch.Generator().manual_seed(1))
    return x, (x[:, :1] > 0).float()


def test_lines_are_where_units_change_sides_and_the_dead_are_told(scene_of):
    boundary = boundary_of(scene_of(plane_net(nn.ReLU()), batch(), nn.BCEWithLogitsLoss()))
    lines = [(line.unit, line.a, line.b, line.c, line.alive) for line in boundary.lines]
    assert lines == [
        (0, pytest.approx(1), pytest.approx(0, abs=1e-6), pytest.approx(-1), True),
        (1, pytest.approx(1), pytest.approx(2), pytest.approx(50), True),
        (2, pytest.approx(0, abs=1e-6), pytest.approx(1), pytest.approx(-50), False),
    ]


def test_answers_are_probabilities_in_the_rows_and_columns_of_the_plane(scene_of):
    x, y = batch()
    boundary = boundary_of(scene_of(plane_net(nn.ReLU()), (x, y), nn.BCEWithLogitsLoss()))
    assert boundary.across == pytest.approx(central_range(x[:, 0].numpy()))
    expected = 1 / (1 + np.exp(-np.maximum(boundary.across - 1, 0)))
    assert boundary.answers == pytest.approx(np.tile(expected, (boundary.up.size, 1)))
    assert boundary.points == pytest.approx(x.numpy())
    assert boundary.labels.tolist() == y[:, 0].tolist()
    assert boundary.bayes is None


def test_where_inputs_are_standardised_everything_is_told_in_the_datas_own_unit(scene_of):
    form = Form(centre=(100.0, -5.0), scale=(10.0, 2.0))
    boundary = boundary_of(scene_of(plane_net(nn.ReLU()), batch(), nn.BCEWithLogitsLoss()), form=form)
    line = boundary.lines[0]  # (x1 - 100)/10 = 1 at x1 = 110
    assert -line.c / line.a == pytest.approx(110)
    assert boundary.points.mean(axis=0) == pytest.approx([100, -5], abs=4)


def test_the_best_possible_answer_is_asked_on_the_same_grid(scene_of):
    boundary = boundary_of(
        scene_of(plane_net(nn.Tanh()), batch(), nn.BCEWithLogitsLoss()), bayes=lambda points: points[:, 1]
    )
    assert boundary.bayes == pytest.approx(np.tile(boundary.up[:, None], (1, boundary.across.size)))
    assert all(line.alive for line in boundary.lines)  # a tanh unit answers wherever it stands


def test_numbers_are_told_as_they_are_predicted(scene_of):
    boundary = boundary_of(scene_of(plane_net(nn.ReLU()), batch(), nn.MSELoss()), answer=number)
    assert boundary.answers[0] == pytest.approx(np.maximum(boundary.across - 1, 0))


def test_two_logits_are_two_classes(scene_of):
    torch.manual_seed(0)
    model, (x, y) = nn.Linear(2, 2), batch()
    boundary = boundary_of(scene_of(model, (x, y[:, 0].long()), nn.CrossEntropyLoss()))
    grid = torch.from_numpy(np.stack(np.meshgrid(boundary.across, boundary.up), axis=-1).reshape(-1, 2)).float()
    assert boundary.answers.ravel() == pytest.approx(model(grid).softmax(dim=1)[:, 1].detach().numpy(), abs=1e-5)


def test_dropout_and_batch_norm_are_those_of_evaluation_and_a_batch_norm_moves_the_lines(scene_of):
    norm = nn.BatchNorm1d(3)
    norm.running_mean.copy_(torch.tensor([2.0, 0.0, 0.0]))
    model = plane_net(nn.ReLU(), norm, nn.Dropout(0.5))
    boundary = boundary_of(scene_of(model, batch(), nn.BCEWithLogitsLoss()))
    assert -boundary.lines[0].c / boundary.lines[0].a == pytest.approx(3)  # x1 - 1 - 2 = 0
    assert model.training
    again = boundary_of(scene_of(model, batch(), nn.BCEWithLogitsLoss()))
    assert (again.answers == boundary.answers).all()


def test_units_of_a_layer_norm_change_sides_along_no_line(scene_of):
    assert boundary_of(scene_of(plane_net(nn.ReLU(), nn.LayerNorm(3)), batch(), nn.BCEWithLogitsLoss())).lines == ()


def test_of_three_inputs_there_is_no_plane(scene_of):
    scene = scene_of(nn.Linear(3, 1), (torch.ones(4, 3), torch.ones(4, 1)), nn.BCEWithLogitsLoss())
    assert boundary_of(scene) is None
