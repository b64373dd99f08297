"""How far averaging would get: made where the budget allows, on replicates of its own, and chosen by nothing."""

import math
from types import SimpleNamespace

import pytest

from etude.diagnosis.prescribe import TREATMENTS
from etude.engine.ensemble import Ensemble
from etude.records.store import open_store
from etude.studies import treat as treating
from etude.studies.averaging import FEWEST, FIRST, MEMBERS, MOST, SLOWEST, averaging
from etude.studies.budget import Budget, Purse
from etude.studies.collect import Means
from etude.studies.estimate import Terms
from etude.studies.trainers import RecipeTrainer
from etude.studies.treat import Order, treat
from etude.studies.trial import Ward
from etude.values.errors import EngineError
from etude.values.metric import METRICS
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.treatment import Final

TERMS = Terms(0.95, 0, (MOST,))


class _Averages:
    """A trainer whose single networks score 0.30, and their average 0.20, a little apart in each replicate."""

    def __init__(self, made=0, *, knows=True, breaks=False):
        self.made, self.trained = made, 0
        self.knows, self.breaks = knows, breaks
        self.asked = []

    def ensemble(self, setting, replicate, members):
        self.asked.append((replicate, members))
        if self.breaks:
            raise EngineError("no memory")
        luck = 0.01 * math.sin(replicate)
        return Ensemble("test", {"brier": 0.3 + luck}, {"brier": 0.2 + luck / 2}) if self.knows else None


def asked(trainer, *, trainings=100, minutes=10.0, seconds=0.01, best=0.1):
    run = Run("fresh", {}, provenance={"seconds": seconds})
    final = Final({"brier": SimpleNamespace(best=best)}, "test", (run,), (run,))
    ward = Ward(trainer, METRICS["brier"], Purse(Budget(trainings, minutes), trainer))
    return averaging({}, final, ward, TERMS)


def test_it_is_the_paired_difference_of_the_average_from_single_networks():
    found = asked(_Averages())
    assert (found.members, found.effect.n_pairs, found.trainings) == (MEMBERS, MOST, MEMBERS * MOST)
    assert found.effect.mean == pytest.approx(found.averaged.mean - found.single.mean)
    assert found.effect.low < -0.1 + 0.005
    assert (found.effect.verdict, found.effect.split) == ("better", "test")


def test_the_share_is_of_the_distance_of_single_networks_from_the_best_possible():
    # 0.30 → 0.20 where 0.10 is the best: half of the distance, but for the replicates' luck
    assert asked(_Averages()).removed.mean == pytest.approx(0.5, abs=0.03)
    assert asked(_Averages(), best=None).removed is None


def test_it_takes_replicates_that_nothing_else_uses():
    trainer = _Averages()
    asked(trainer)
    assert trainer.asked == [(FIRST + i, MEMBERS) for i in range(MOST)]


@pytest.mark.parametrize(
    ("made", "replicates"), [(75, 5), (76, 4), (85, FEWEST), (86, 0), (100, 0)]
)  # of a budget of 100, five trainings a replicate
def test_fewer_replicates_where_few_trainings_are_left_and_none_where_too_few(made, replicates):
    trainer = _Averages(made)
    found = asked(trainer)
    assert len(trainer.asked) == replicates
    assert (found is None) == (replicates == 0)


@pytest.mark.parametrize(
    ("seconds", "minutes", "replicates"),
    [(2.0, 1.3, 5), (2.0, 1.05, 4), (2.0, 0.6, 0), (SLOWEST + 0.1, 10.0, 0)],
)
def test_no_more_is_begun_than_time_allows(seconds, minutes, replicates):
    trainer = _Averages()
    asked(trainer, seconds=seconds, minutes=minutes)
    assert len(trainer.asked) == replicates


def test_a_trainer_that_does_not_know_predictions_or_cannot_train_leaves_it_out():
    assert asked(_Averages(knows=False)) is None
    assert asked(_Averages(breaks=True)) is None


def treated(folder, trainings):
    recipe = Recipe(
        data={"task": "moons", "rows": 60},
        model={"hidden": [8]},
        loss="bce",
        epochs=20,
        optimizer={"name": "adam", "learning_rate": 0.001},
    )
    some = [one for one in TREATMENTS if one.name == "larger learning rate"]
    with open_store(folder / "etude.db") as store:
        trainer = RecipeTrainer(store, Means(), lambda _: None)
        found = treat(recipe, Order("slow", some), trainer=trainer, budget=Budget(trainings, replicates=5))
        return found, trainer


def test_of_a_treated_recipe_it_is_counted_comes_again_the_same_and_changes_nothing_else(tmp_path, monkeypatch):
    found, trainer = treated(tmp_path, 400)
    again, _ = treated(tmp_path, 400)
    one = found.final.averaged
    assert one.effect.metric == "log_loss"
    assert one.averaged.mean <= one.single.mean  # Jensen, replicate by replicate
    assert again.final.averaged == one
    assert again.trainings == found.trainings == trainer.made
    monkeypatch.setattr(treating, "averaging", lambda *_: None)
    without, _ = treated(tmp_path, 400)
    assert without.trainings == found.trainings - one.trainings
    assert without.setting == found.setting
    assert found.final.outcomes["log_loss"] == without.final.outcomes["log_loss"]


def test_where_the_budget_is_spent_it_is_left_out(tmp_path):
    found, trainer = treated(tmp_path, 60)
    assert found.final.averaged is None
    assert trainer.made <= 60
