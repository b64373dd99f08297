"""étude from Python, as the README shows it."""

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

import etude


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    base = etude.Recipe(
        data=etude.task("sincos", rows=100, features=3, flip=0.05, test_rows=200),
        model=etude.mlp(hidden=(5,)),
        loss="bce",
        optimizer=etude.adam(learning_rate=1e-2),
        epochs=10,
    )
    study = etude.Study(base, vary={"loss": ["bce", "mse"], "hidden": [[2], [4], [8]]}, replicates=5)
    return study.run(out=tmp_path_factory.mktemp("results"), workers=1, quiet=True)


def test_an_effect_has_the_promised_fields(result):
    effect = result.effect("loss", metric="brier")
    assert effect.low <= effect.mean <= effect.high
    assert (effect.level, effect.n_pairs, effect.family) == (0.95, 5, 1)
    assert effect.verdict in ("better", "worse", "equivalent", "undecided")
    assert (effect.control, effect.treated) == ("bce", "mse")


def test_a_factor_of_three_levels_needs_to_be_told_which_two(result):
    with pytest.raises(etude.EtudeError, match=r"'hidden' has 3 levels.*levels=\(\[2\], \[4\]\)"):
        result.effect("hidden")
    assert result.effect("hidden", levels=([2], [8])).treated == "8"


def test_unlike_objectives_are_refused(result):
    with pytest.raises(etude.EtudeError, match=r"not in one unit: nats against squared probability"):
        result.effect("loss", metric="objective")


def test_a_result_tells_itself(result, tmp_path):
    assert len(result.effects) == 4 * 3 + 1  # four metrics, one level of loss and two of width; and both together
    assert "Result of 'study'" in repr(result)
    assert "<svg" in result._repr_html_()
    page = result.report(tmp_path / "study.html")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_in_a_notebook_an_effect_draws_itself(result):
    shell = InteractiveShell.instance()
    try:
        etude.Result(result.found)
        shown, _ = shell.display_formatter.format(result.effect("loss"))
    finally:
        InteractiveShell.clear_instance()
    assert "<svg" in shown["text/html"]
    assert "interval, 5 pairs" in shown["text/plain"]


def test_own_model_own_loss_and_own_arrays(tmp_path):
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(90, 2, generator=rng)
    targets = (inputs[:, 0] > 0).long()

    def build(n_inputs, n_outputs):
        return torch.nn.Sequential(torch.nn.Linear(n_inputs, 3), torch.nn.Tanh(), torch.nn.Linear(3, n_outputs))

    for data in ((inputs.numpy(), targets.numpy()), torch.utils.data.TensorDataset(inputs, targets)):
        base = etude.Recipe(data=data, model=build, loss=torch.nn.CrossEntropyLoss(label_smoothing=0.1), epochs=40)
        study = etude.Study(base, vary={"learning_rate": [1e-5, 0.1]}, replicates=5)
        effect = study.run(out=tmp_path, workers=1, quiet=True).effect("learning_rate", metric="accuracy")
        assert effect.verdict == "better"
