"""The checks of what watch.probe measures once."""

import pytest

from etude.diagnosis.checks import batch_mixing, evaluation_mode, inputs_not_used, one_batch
from etude.values.finding import Finding, NotRun


@pytest.mark.parametrize("module", [batch_mixing, evaluation_mode, one_batch, inputs_not_used])
def test_a_log_without_the_probe_says_how_to_have_it(case, module):
    seen = module.CHECK.look(case({"train/objective": [1.0, 0.5]}))
    assert isinstance(seen, NotRun)
    assert "watch.probe" in seen.because


def test_any_derivative_by_another_example_is_an_error_and_rounding_is_none(case):
    assert batch_mixing.CHECK.look(case({"probes/batch_mixing": [0.0]})) is None
    assert batch_mixing.CHECK.look(case({"probes/batch_mixing": [1e-7]})) is None
    found = batch_mixing.CHECK.look(case({"probes/batch_mixing": [0.3]}))
    assert (found.severity, found.evidence[0].value) == ("error", 0.3)


@pytest.mark.parametrize(("difference", "severity"), [(0.1, None), (0.3, "warning"), (0.8, "error")])
def test_the_two_modes_may_differ_a_little(case, difference, severity):
    found = evaluation_mode.CHECK.look(case({"probes/eval_train_difference": [difference]}))
    assert (found.severity if found else None) == severity


@pytest.mark.parametrize(
    ("start", "end", "severity"), [(0.7, 0.004, None), (2.3, 0.1, None), (0.7, 0.1, "warning"), (0.7, 0.6, "error")]
)
def test_a_few_examples_are_learned_when_next_to_nothing_of_the_loss_is_left(case, start, end, severity):
    found = one_batch.CHECK.look(case({"probes/one_batch_start": [start], "probes/one_batch_loss": [end]}))
    assert (found.severity if found else None) == severity


def test_a_batch_whose_loss_became_nan_is_not_learned(case):
    found = one_batch.CHECK.look(case({"probes/one_batch_start": [0.7], "probes/one_batch_loss": [float("nan")]}))
    assert isinstance(found, Finding)
    assert "not finite" in found.says


def test_inputs_are_used_where_shuffling_them_costs_something(case):
    assert inputs_not_used.CHECK.look(case({"probes/blind_loss": [0.7], "probes/seeing_loss": [0.4]})) is None
    found = inputs_not_used.CHECK.look(case({"probes/blind_loss": [0.7], "probes/seeing_loss": [0.695]}))
    assert isinstance(found, Finding)
    assert [one.value for one in found.evidence] == [0.695, 0.7]
