"""Eigenvalues against the Hessian built in full, and limits against optimisers that step on a parabola."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.microscope.curvature import CurvatureOf, curvature_of, limit_of


def full_hessian(scene):
    """The slow, obvious twin."""
    sizes = [one.numel() for one in scene.before.values()]

    def loss(flat):
        parts = torch.split(flat, sizes)
        return scene.loss({n: p.reshape(w.shape) for (n, w), p in zip(scene.before.items(), parts, strict=True)})

    whole = torch.cat([one.flatten() for one in scene.before.values()])
    return torch.autograd.functional.hessian(loss, whole).numpy()


def precise_scene(scene_of, seed=0, activation=nn.Tanh):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 6), activation(), nn.Linear(6, 5), activation(), nn.Linear(5, 2)).double()
    x = torch.randn(30, 3, dtype=torch.float64)
    return scene_of(model, (x, (x[:, 0] > x[:, 1]).long()), nn.CrossEntropyLoss())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
def test_the_largest_eigenvalues_are_those_of_the_full_hessian(seed, activation, scene_of):
    scene = precise_scene(scene_of, seed, activation)
    found, notes = curvature_of(scene, CurvatureOf("sgd", rate=0.1))
    assert found.eigenvalues == pytest.approx(np.linalg.eigvalsh(full_hessian(scene))[::-1][:3], rel=1e-5, abs=1e-7)
    assert max(found.residuals) < 1e-5
    assert found.sharpness == found.eigenvalues[0]
    assert notes == ()


def test_sharpness_of_adam_is_that_of_the_preconditioned_hessian(scene_of):
    scene = precise_scene(scene_of)
    chance = torch.Generator().manual_seed(3)
    p = {n: torch.rand(w.shape, generator=chance, dtype=torch.float64) + 1e-3 for n, w in scene.before.items()}
    found, _ = curvature_of(scene, CurvatureOf("adam", rate=0.1, beta1=0.9, preconditioner=p))
    root = 1 / np.sqrt(torch.cat([one.flatten() for one in p.values()]).numpy())
    hessian = full_hessian(scene)
    assert found.sharpness == pytest.approx(np.linalg.eigvalsh(root[:, None] * hessian * root)[-1], rel=1e-5)
    assert found.eigenvalues[0] == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-5)


def test_a_weight_that_never_had_a_gradient_is_left_out_of_the_sharpness(scene_of):
    scene = precise_scene(scene_of)
    p = {name: torch.ones_like(one) for name, one in scene.before.items()}
    p["0.weight"][2] = 0.0
    found, _ = curvature_of(scene, CurvatureOf("rmsprop", rate=0.1, preconditioner=p))
    kept = torch.cat([one.flatten() for one in p.values()]).numpy() > 0
    assert found.sharpness == pytest.approx(np.linalg.eigvalsh(full_hessian(scene)[np.ix_(kept, kept)])[-1], rel=1e-5)


def test_in_float32_the_same_comes_out_to_its_precision(scene_of):
    exact = precise_scene(scene_of)
    single = replace(
        exact,
        model=exact.model.float(),
        inputs=exact.inputs.float(),
        before={name: one.float() for name, one in exact.before.items()},
    )
    (one, _), (other, _) = (curvature_of(scene, CurvatureOf("sgd", rate=0.1)) for scene in (single, exact))
    assert one.eigenvalues[0] == pytest.approx(other.eigenvalues[0], rel=1e-4)


@pytest.mark.parametrize(
    ("of", "build"),
    [
        (CurvatureOf("sgd", 0.1), lambda w: torch.optim.SGD(w, 0.1)),
        (CurvatureOf("sgd", 0.1, momentum=0.9), lambda w: torch.optim.SGD(w, 0.1, momentum=0.9)),
        (
            CurvatureOf("sgd", 0.1, momentum=0.9, dampening=0.5),
            lambda w: torch.optim.SGD(w, 0.1, momentum=0.9, dampening=0.5),
        ),
        (CurvatureOf("nesterov", 0.1, momentum=0.8), lambda w: torch.optim.SGD(w, 0.1, momentum=0.8, nesterov=True)),
    ],
)
def test_below_its_limit_an_optimiser_settles_on_a_parabola_and_above_it_does_not(of, build):
    limit, _ = limit_of(of)

    def ends(sharpness):
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = build([w])
        for _ in range(400):
            optimizer.zero_grad()
            (sharpness * w**2 / 2).sum().backward()
            optimizer.step()
        return abs(float(w.detach()))

    assert ends(0.97 * limit) < 1
    assert ends(1.03 * limit) > 1


@pytest.mark.parametrize(
    ("of", "limit", "formula"),
    [
        (CurvatureOf("adam", 0.001, beta1=0.9), 38_000, "(2 + 2β₁)/((1 − β₁) η)"),
        (CurvatureOf("rmsprop", 0.01), 200, "2/η"),
        (CurvatureOf("rmsprop", 0.01, momentum=0.5), 300, "2 (1 + μ)/η"),
        (CurvatureOf("sgd", 0.0), float("inf"), "2/η"),
    ],
)
def test_limits_match_their_formulas(of, limit, formula):
    assert limit_of(of) == (pytest.approx(limit), formula)


def test_of_an_unknown_optimiser_no_limit_is_made_up():
    limit, formula = limit_of(CurvatureOf("other", 0.1))
    assert np.isnan(limit)
    assert formula == "not known of this optimiser"


def test_a_model_without_second_derivatives_has_a_note_in_their_place(scene_of, doubled):
    model = nn.Linear(2, 1)
    scene = scene_of(model, (torch.randn(4, 2), torch.randn(4, 1)), lambda said, y: doubled(said - y).pow(2).mean())
    found, notes = curvature_of(scene, CurvatureOf("sgd", rate=0.1))
    assert found is None
    assert notes[0].startswith("no curvature: RuntimeError: a function of the model's is marked once_differentiable")


def test_an_eigenvalue_that_is_not_settled_is_said_to_be_so(scene_of, monkeypatch):
    monkeypatch.setattr("etude.engine.microscope.curvature.MOST_STEPS", 3)
    _, notes = curvature_of(precise_scene(scene_of), CurvatureOf("sgd", rate=0.1))
    assert "not settled after 3 steps of Lanczos" in notes[0]
