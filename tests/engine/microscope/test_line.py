"""The loss along a line, on losses whose course is known."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.microscope.line import MOST_WORK, loss_line, points_for


def parabola(scene_of, *, rate=0.1):
    """A loss of (w − 3)² + 10 (v + 1)² in two weights that are both 0."""
    model = nn.Linear(2, 1, bias=False).double()
    nn.init.zeros_(model.weight)

    def loss(said, target):
        return (said[0] - 3).pow(2).sum() + 10 * (said[1] + 1).pow(2).sum()

    return scene_of(model, (torch.eye(2, dtype=torch.float64), torch.zeros(2)), loss, rate=rate)


def test_on_a_parabola_all_three_lines_are_the_same(scene_of):
    line = loss_line(parabola(scene_of))
    assert line.distances[[0, 4, 12, 24]].tolist() == [-0.5, 0.0, 1.0, 2.5]
    w, v = 0.6 * line.distances, -2.0 * line.distances  # the gradient is (-6, 20), the step a tenth of it
    assert line.along_step == pytest.approx((w - 3) ** 2 + 10 * (v + 1) ** 2)
    assert line.along_gradient == pytest.approx(line.along_step)
    assert line.quadratic == pytest.approx(line.along_step)
    assert not line.along_step.flags.writeable


def net(scene_of, *middle, seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), *middle, nn.Linear(8, 2))
    x = torch.randn(16, 3)
    return scene_of(model, (x, (x[:, 0] > 0).long()), nn.CrossEntropyLoss())


def test_it_passes_the_loss_before_and_after_the_step(scene_of):
    scene = net(scene_of, nn.Dropout(0.3), nn.BatchNorm1d(8))
    line = loss_line(scene)
    assert line.along_step[4] == pytest.approx(float(scene.loss(scene.before)))
    assert line.along_step[12] == pytest.approx(float(scene.loss(scene.after)), rel=1e-6)
    assert line.along_gradient[4] == line.along_step[4]


def test_the_prediction_leaves_the_loss_as_the_cube_of_the_distance(scene_of):
    scene = net(scene_of)
    line = loss_line(scene, 601)  # a step of plain descent, at multiples of 0.005
    near, far = ((np.abs(line.distances - at)).argmin() for at in (1.0, 2.0))
    gaps = np.abs(line.quadratic - line.along_step)
    assert np.log2(gaps[far] / gaps[near]) == pytest.approx(3, abs=0.4)


def test_a_gradient_of_zero_has_no_line(scene_of):
    scene = parabola(scene_of, rate=0.0)
    still = loss_line(scene)
    assert (still.along_step == still.along_step[0]).all()
    with torch.no_grad():
        for one in scene.gradient.values():
            one.zero_()
    assert np.isnan(loss_line(scene).along_gradient).all()


def test_without_second_derivatives_there_is_no_prediction_and_everything_else(scene_of, doubled):
    scene = scene_of(nn.Linear(2, 1), (torch.ones(3, 2), torch.zeros(3, 1)), lambda a, b: doubled(a).pow(2).mean())
    line = loss_line(scene)
    assert np.isnan(line.quadratic).all()
    assert np.isfinite(line.along_step).all()


def perceptron_of(scene_of, width, rows):
    """About 2 · width · rows multiplications and additions."""
    return scene_of(nn.Linear(width, 1), (torch.ones(rows, width), torch.zeros(rows, 1)), nn.MSELoss())


def test_a_large_batch_is_tried_at_fewer_points_and_says_so(scene_of):
    assert points_for(perceptron_of(scene_of, 10, 10)) == (25, ())
    rows = int(MOST_WORK / (4 * 1_000 * 20))  # both ways, at 20 points
    points, (note,) = points_for(perceptron_of(scene_of, 1_000, rows))
    assert points == 13
    assert "tried at 13 points and not 25" in note
    assert loss_line(perceptron_of(scene_of, 10, 10), points).distances[[2, 6]].tolist() == [0.0, 1.0]


def test_no_loss_is_reckoned_twice(scene_of, counted):
    model = counted(2, 1)
    scene = scene_of(model, (torch.ones(3, 2), torch.zeros(3, 1)), nn.MSELoss())
    counted.asked = 0
    loss_line(scene, 7, curvature=0.0)
    assert counted.asked == 13  # seven of each way, which begin at one point
