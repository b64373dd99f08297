"""A user's own training function: what it may give, what becomes of its errors, and what is kept of it."""

from pathlib import Path

import pytest

from etude.diagnosis.own_fields import own_treatment
from etude.records.store import open_store
from etude.studies.budget import Budget
from etude.studies.own import OwnTrainer, metric_called, seed_of
from etude.studies.treat import Order, treat
from etude.values.curve import curve
from etude.values.errors import EngineError, InterruptedStudy, RecipeError
from etude.values.run import Run

ACCURACY = metric_called("accuracy", higher_is_better=None, smallest_effect=None)
LOSS = metric_called(None, higher_is_better=None, smallest_effect=None)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "etude.db") as store:
        yield store


def note(log, word):
    """A record outside the function, whose identity counts what it closes over."""
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(word + "\n")


def noted(log):
    return Path(log).read_text(encoding="utf-8").split()


def trainer_of(function, store, metric=ACCURACY):
    return OwnTrainer(function, store, lambda _: None, metric)


def trained(function, store, metric=ACCURACY, fields=None):
    trainer = trainer_of(function, store, metric)
    fields = fields or {"rate": 0.1}
    return trainer.scores(fields, trainer.train({"control": fields}, range(3))["control"], metric).tolist()


def test_a_number_is_the_validation_score(store):
    assert trained(lambda fields, seed: 0.9, store) == [0.9, 0.9, 0.9]


def test_scores_may_be_named_and_a_test_score_waits_for_the_last_comparison(store):
    trainer = trainer_of(lambda fields, seed: {"accuracy": 0.8, "test/accuracy": 0.7}, store)
    (run,) = trainer.train({"control": {"rate": 0.1}}, range(1))["control"]
    assert (run.score("accuracy", "validation"), run.score("accuracy", "test")) == (0.8, 0.7)


def test_a_run_is_taken_with_its_curves(store):
    def train(fields, seed):
        loss = curve("validation/objective", [1, 2, 3], [1.0, 0.5, 0.4], unit="nats")
        return Run("mine", {loss.name: loss})

    assert trained(train, store, LOSS) == [0.4, 0.4, 0.4]


def test_every_arm_gets_the_same_seed_and_the_function_may_spoil_its_fields(store):
    seen = []

    def train(fields, seed):
        seen.append((fields.pop("rate"), seed))
        return 0.5

    trainer_of(train, store).train({"control": {"rate": 0.1}, "treated": {"rate": 0.3}}, range(2))
    assert seen == [(rate, seed_of(0, replicate)) for replicate in range(2) for rate in (0.1, 0.3)]


def test_nothing_is_trained_twice_and_an_edit_trains_anew(store, tmp_path):
    log = str(tmp_path / "calls")

    def one(fields, seed):
        note(log, "one")
        return 0.5

    def other(fields, seed):
        note(log, "other")
        return 0.5

    for function in (one, one, other):
        trained(function, store)
    assert noted(log) == ["one"] * 3 + ["other"] * 3


def test_the_first_call_that_raises_is_told_with_its_fields(store):
    def broken(fields, seed):
        raise KeyError("learning_rate")

    says = r"raised KeyError with the untreated fields \{'rate': 0.1\}.*Nothing was kept"
    with pytest.raises(EngineError, match=says):
        trained(broken, store)


def test_a_later_failure_is_a_training_that_failed(store):
    def sometimes(fields, seed):
        if seed == seed_of(0, 1):
            raise RuntimeError("out of memory")
        return 0.5

    trainer = trainer_of(sometimes, store)
    runs = trainer.train({"control": {"rate": 0.1}}, range(3))["control"]
    assert [run.ended for run in runs] == ["completed", "diverged", "completed"]
    assert runs[1].notes == ("RuntimeError: out of memory",)


@pytest.mark.parametrize("given", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_a_failure_and_no_score(store, given):
    scores = trained(lambda fields, seed: given if seed == seed_of(0, 0) else 0.5, store)
    assert scores[0] != scores[0]
    assert scores[1:] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("good", r"accuracy is str 'good', where a number belongs"),
        (None, r"NoneType None, where a number belongs"),
        ({"loss": 0.1}, r"gave validation/loss and no 'validation/accuracy'"),
        (Run("mine", {}), r"has no curve 'validation/accuracy'; its curves: none"),
    ],
)
def test_what_is_no_score_is_refused_with_what_would_be(store, given, says):
    with pytest.raises(RecipeError, match=says):
        trained(lambda fields, seed: given, store)


@pytest.mark.parametrize("given", [87.2, {"accuracy": 0.9, "test/accuracy": 88.0}, Run("mine", {
    "validation/accuracy": curve("validation/accuracy", [1, 2], [0.9, 87.2])})])  # fmt: skip
def test_an_accuracy_in_per_cent_is_refused_with_both_ways_out(store, given):
    with pytest.raises(RecipeError, match=r"is 8\d(\.2)?, and an accuracy is a share.*a hundredth.*smallest_effect=1"):
        trained(lambda fields, seed: given, store)


def test_per_cents_by_another_name_have_a_margin_of_their_own():
    metric = metric_called("percent_correct", higher_is_better=True, smallest_effect=1.0)
    assert (metric.label, metric.smallest_effect, metric.lower_is_better) == ("percent correct", 1.0, False)


def test_a_metric_of_etudes_has_its_own_direction():
    with pytest.raises(RecipeError, match=r"'accuracy' is étude's accuracy, which is better the higher"):
        metric_called("accuracy", higher_is_better=False, smallest_effect=None)
    with pytest.raises(RecipeError, match="better the lower"):
        metric_called("log_loss", higher_is_better=True, smallest_effect=None)
    assert metric_called("accuracy", higher_is_better=True, smallest_effect=None) == ACCURACY


def test_a_function_that_does_not_use_its_seed_is_told_once_and_early(store):
    told = []
    trainer = OwnTrainer(lambda fields, seed: fields["rate"], store, lambda _: None, ACCURACY, remark=told.append)
    trainer.train({"control": {"rate": 0.1}}, range(4))
    assert told == []
    trainer.train({"control": {"rate": 0.1}, "treated": {"rate": 0.3}}, range(5))
    assert told == trainer.remarks
    assert len(told) == 1
    assert "seems not to use its seed" in told[0]


def test_a_function_that_uses_its_seed_is_not_suspected_for_a_tie(store):
    trainer = OwnTrainer(lambda fields, seed: 0.5 + (seed == seed_of(0, 4)) / 9, store, lambda _: None, ACCURACY)
    trainer.train({"control": {"rate": 0.1}}, range(5))
    assert trainer.remarks == []


def test_a_number_without_a_direction_is_refused():
    with pytest.raises(RecipeError, match="higher_is_better=True or False"):
        metric_called("f1", higher_is_better=None, smallest_effect=None)


def test_a_plain_number_where_nothing_is_said_is_refused(store):
    with pytest.raises(RecipeError, match="which way it is better is not known"):
        trained(lambda fields, seed: 0.5, store, LOSS)


def test_fields_that_could_not_be_kept_are_refused(store):
    with pytest.raises(RecipeError, match=r"field 'model' is <object"):
        trainer_of(lambda fields, seed: 0.5, store).check({"model": object()})


def test_a_function_that_gives_no_number_untreated_can_be_cured(store):
    def train(fields, seed):
        return 0.8 + seed % 7 / 1000 if fields["rate"] < 0.1 else float("nan")

    order = Order("own", [own_treatment(lambda fields: {**fields, "rate": 0.01}, "less")])
    found = treat({"rate": 0.1}, order, trainer=trainer_of(train, store), budget=Budget(trainings=60))
    (outcome,) = found.final.outcomes.values()
    assert found.setting == {"rate": 0.01}
    assert outcome.after.mean == pytest.approx(0.803, abs=0.004)
    assert outcome.before.mean != outcome.before.mean


def test_an_interrupt_keeps_what_is_finished_and_the_next_call_goes_on(store, tmp_path):
    log = str(tmp_path / "calls")

    def train(fields, seed):
        note(log, "call")
        if len(noted(log)) == 5:
            raise KeyboardInterrupt
        return 0.5 + 0.2 * (fields["rate"] > 0.1) + (seed % 7) / 1000 + (seed % 11) * fields["rate"] / 1000

    def order():
        return Order("own", [own_treatment(lambda fields: {**fields, "rate": 0.3}, "more")])

    with pytest.raises(InterruptedStudy, match="4 trainings are finished"):
        treat({"rate": 0.1}, order(), trainer=trainer_of(train, store), budget=Budget(trainings=60))
    found = treat({"rate": 0.1}, order(), trainer=trainer_of(train, store), budget=Budget(trainings=60))
    assert found.setting == {"rate": 0.3}
    assert len(noted(log)) == found.trainings + 1  # one call was cut off, none was made twice
