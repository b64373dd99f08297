"""Treating, on scores made by hand: what is kept, when it ends, what it may cost, and how seldom it errs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from etude.diagnosis.own_fields import own_treatment
from etude.records.store import open_store
from etude.studies.budget import Budget, Purse
from etude.studies.collect import Means
from etude.studies.estimate import looks_up_to
from etude.studies.fresh import FIRST
from etude.studies.own import metric_called
from etude.studies.scouting import Scouts
from etude.studies.trainers import RecipeTrainer
from etude.studies.treat import Order, is_well, treat
from etude.studies.trial import Ward
from etude.values.curve import curve
from etude.values.errors import EngineError, RecipeError
from etude.values.finding import Diagnosis
from etude.values.recipe import Recipe, differing_fields
from etude.values.run import Run

SCORE = metric_called("loss", higher_is_better=False, smallest_effect=0.05)


class _Made:
    """A trainer whose score is a formula: a setting's level, what a replicate shares, and a little noise."""

    def __init__(self, level, *, noise=0.02, seed=0, refuses=(), seconds=lambda setting: 0.001):
        self.level, self.noise, self.seed, self.refuses, self.seconds = level, noise, seed, refuses, seconds
        self.seen, self.calls = set(), []

    @property
    def made(self):
        return len(self.seen)

    trained = made

    def work(self, setting):
        return self.seconds(setting)

    def set_aside(self, setting):
        return setting

    def check(self, setting):
        if setting in self.refuses:
            raise EngineError("it has no such layer")

    def train(self, arms, replicates):
        self.calls.append((tuple(arms), replicates))
        return {label: tuple(self._run(setting, r) for r in replicates) for label, setting in arms.items()}

    def _run(self, setting, replicate):
        name = repr(sorted(setting.items()))
        self.seen.add((name, replicate))
        shared = np.random.default_rng((self.seed, replicate)).normal(0, 0.3)
        own = np.random.default_rng((self.seed, replicate, *name.encode())).normal(0, self.noise)
        value = self.level(setting) + shared + own
        curves = {f"{split}/loss": curve(f"{split}/loss", [1], [value]) for split in ("validation", "test")}
        ended = "completed" if math.isfinite(value) else "diverged"
        took = {"seconds": self.seconds(setting)}
        return Run(name, curves, ended=ended, last_step=1, kept_step=1, provenance=took)

    def metric(self, setting, asked):
        return SCORE

    def scores(self, setting, runs, metric):
        return np.array([run.score("loss", "validation") for run in runs])

    def limits(self, setting):
        return {}

    def unit(self, setting, metric):
        return None

    def ensemble(self, setting, replicate, members):
        return None


def sets(name, **fields):
    return own_treatment(lambda given: {**given, **fields}, name)


def treated(level, treatments, *, budget=None, **how):
    trainer = _Made(level, **how)
    budget = budget or Budget()
    return treat({"a": 0, "b": 0}, Order("test", treatments), trainer=trainer, budget=budget), trainer


def test_what_helps_is_kept_and_gone_on_from_until_nothing_does():
    found, _ = treated(lambda s: 2 - s["a"] - 0.5 * s["b"], [sets("more a", a=1), sets("more b", b=1)])
    assert [one.kept for one in found.rounds] == ["more a", "more b", ""]
    assert found.setting == {"a": 1, "b": 1}
    assert found.path == (0, 1, 2)
    assert found.ended == "no treatment that may be tried answers the diagnosis"


def test_the_number_quoted_is_of_fresh_replicates_on_the_test_part():
    found, trainer = treated(lambda s: 2 - s["a"], [sets("more a", a=1)])
    assert trainer.calls[-1] == (("before", "after"), range(FIRST, FIRST + 20))
    assert found.final.split == "test"
    outcome = found.final.outcomes["loss"]
    assert outcome.effect.mean == pytest.approx(-1, abs=0.03)
    assert outcome.effect.verdict == "better"
    assert outcome.after.mean == pytest.approx(outcome.before.mean - 1, abs=0.03)


def test_what_harms_is_refuted_and_what_does_too_little_too():
    found, _ = treated(lambda s: 2 + s["a"] + 0.001 * s["b"], [sets("more a", a=1), sets("more b", b=1)])
    assert {one.prescription.name: one.bears for one in found.rounds[0].tried} == {
        "more a": "refuted",
        "more b": "refuted",
    }
    assert found.final is None
    assert found.setting == {"a": 0, "b": 0}


def test_a_recipe_that_is_well_is_left_alone_and_a_treated_one_must_be_surer():
    fits = Diagnosis("a", "good fit", 0.97, "")
    assert is_well(fits)
    assert not is_well(fits, treated=True)
    assert is_well(replace(fits, probability=0.99), treated=True)
    assert not is_well(replace(fits, verdict="overfit"))


def test_arms_that_fall_behind_leave_and_the_family_stays():
    many = [sets(f"harm {i}", b=i) for i in range(1, 9)]
    found, trainer = treated(lambda s: 2 + 0.05 * s["b"], many)
    trials = [len(arms) for arms, replicates in trainer.calls[1:] if replicates.start == 0]
    assert trials == [9, 3]  # the best two are seen once more, then none is
    assert {one.effect.family for one in found.rounds[0].tried} == {8}
    assert {one.dropped for one in found.rounds[0].tried} == {5, 10}


def test_of_those_that_seem_to_help_the_better_half_goes_on_to_each_look():
    many = [sets(f"change {i}", b=i) for i in range(1, 9)]
    _, trainer = treated(lambda s: 2 - 0.01 * bool(s["b"]) - 0.001 * s["b"], many, noise=0.02)
    sizes = [len(arms) - 1 for arms, _ in trainer.calls[1:4]]
    assert sizes == [8, 4, 2]


def test_of_treatments_that_the_trial_cannot_tell_apart_the_one_most_was_expected_of_is_kept():
    # both help by one, but for noise; the first is named first, so the weights decide, not the means
    for seed in range(6):
        found, _ = treated(lambda s: 2 - (s["a"] or s["b"]), [sets("more a", a=1), sets("more b", b=1)], seed=seed)
        assert found.rounds[0].kept == "more a"


def test_a_treatment_that_cannot_be_trained_is_told_and_the_others_go_on():
    found, _ = treated(lambda s: 2 - s["a"], [sets("impossible", b=7), sets("more a", a=1)], refuses=[{"a": 0, "b": 7}])
    told = {one.prescription.name: one for one in found.rounds[0].tried}
    assert told["impossible"].failed == "it has no such layer"
    assert found.rounds[0].kept == "more a"


def test_a_treatment_whose_trainings_all_fail_is_told_with_the_reason():
    found, _ = treated(lambda s: float("nan") if s["b"] else 2 - s["a"], [sets("breaks", b=1), sets("more a", a=1)])
    told = {one.prescription.name: one for one in found.rounds[0].tried}
    assert told["breaks"].failed == "none of 5 trainings gave a score: diverged"
    assert told["more a"].failed == ""
    assert found.rounds[0].kept == "more a"


def test_scouts_give_up_where_nothing_gives_a_score():
    found, trainer = treated(lambda s: float("nan"), [sets(f"more {name}", **{name: 1}) for name in "abcdefgh"])
    assert found.final is None
    assert trainer.made < 400


def test_no_minutes_are_refused_as_that():
    with pytest.raises(RecipeError, match=r"-1 minutes are no time: it takes more than 0\. Nothing was trained"):
        Budget(minutes=-1)


def test_what_begins_once_is_not_reckoned_into_every_training():
    trainer = _Made(lambda s: 1.0)
    purse = Purse(Budget(), trainer)
    clock = iter([0.0, 9.0, 9.0, 10.0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("etude.studies.budget.time.monotonic", lambda: next(clock))
        purse.train({"a": {"a": 0}}, range(5), new=5)
        purse.train({"a": {"a": 0}}, range(10), new=5)
    assert purse.seconds_for(5 * trainer.work({"a": 0})) == pytest.approx(1.0)


def test_a_cure_of_divergence_is_found_by_the_count_of_failures():
    found, _ = treated(lambda s: 1.0 if s["a"] else float("nan"), [sets("smaller steps", a=1), sets("same", b=1)])
    assert found.rounds[0].kept == "smaller steps"
    assert found.setting == {"a": 1, "b": 0}


def test_of_two_cures_of_divergence_the_better_score_is_kept_whatever_was_expected():
    level = {(0, 0): float("nan"), (1, 0): 900.0, (0, 1): 1.0, (1, 1): 1.0}
    found, _ = treated(lambda s: level[s["a"], s["b"]], [sets("clipping", a=1), sets("smaller steps", b=1)])
    assert found.rounds[0].kept == "smaller steps"


def test_from_a_dead_end_scouts_find_what_leads_further():
    # a is the best single step and a dead end; b is nearly as good, and c helps beside b alone
    def level(s):
        a, b, c = s["a"], s["b"], s.get("c", 0)
        return 3 - (a and not b) - 0.9 * b - (b and c) + 5 * (a and b)

    found, _ = treated(level, [sets("a", a=1), sets("b", b=1), sets("c", c=1), sets("no a", a=0)])
    assert found.rounds[1].by == "a"
    assert found.setting == {"a": 0, "b": 1, "c": 1}


def test_a_budget_below_one_comparison_says_what_it_takes():
    with pytest.raises(RecipeError, match=r"8 trainings.*too small for one comparison. It takes 25 trainings"):
        Budget(trainings=8)


@pytest.mark.parametrize("trainings", [25, 30])
def test_the_smallest_budget_still_compares_what_it_kept_on_fresh_seeds(trainings):
    found, trainer = treated(lambda s: 2 - s["a"], [sets("more a", a=1)], budget=Budget(trainings=trainings))
    assert found.rounds[0].kept == "more a"
    assert found.setting == {"a": 1, "b": 0}
    assert found.final.outcomes["loss"].effect.verdict == "better"
    assert trainer.made <= trainings


def test_no_look_is_planned_that_the_trainings_never_reach():
    assert [Budget(trainings=n).looks for n in (25, 30, 60)] == [(5, 7), (5, 10), (5, 10, 20)]


@pytest.mark.parametrize(
    ("trainings", "ended"), [(25, "the budget is spent"), (75, "scouts found nothing that looked better")]
)
def test_what_scouts_found_is_not_told_of_where_nothing_was_found(trainings, ended):
    many = [sets(f"change {i}", b=i) for i in range(1, 9)]
    found, _ = treated(lambda s: 2 - 0.5 * (s["b"] == 1), many, budget=Budget(trainings=trainings))
    assert found.rounds[0].kept == "change 1"
    assert found.rounds[-1].tried == ()
    assert found.rounds[-1].ended == ended


@pytest.mark.parametrize("trainings", [25, 40, 77, 150])
def test_no_more_is_trained_than_the_budget_allows(trainings):
    many = [sets(f"change {i}", b=i) for i in range(1, 9)]
    found, trainer = treated(lambda s: 2 - 0.1 * s["b"], many, budget=Budget(trainings=trainings))
    assert trainer.made == found.trainings <= trainings


def test_the_time_that_is_left_bounds_what_is_begun(monkeypatch):
    clock = iter(np.arange(0, 1e6, 1.0))
    monkeypatch.setattr("etude.studies.budget.time.monotonic", lambda: float(next(clock)))
    many = [sets(f"change {i}", b=i) for i in range(1, 9)]
    found, _ = treated(lambda s: 2 + s["b"], many, budget=Budget(minutes=0.5))
    assert found.ended.startswith(("the budget is spent", "8 treatments answer the diagnosis, and the time that was"))


def together(s):
    """Three changes, each of which harms alone, and any two of them; all three help."""
    n = sum(bool(s.get(name, 0)) for name in "abc")
    return 1 if n == 3 else 2 + 0.5 * n


def test_what_helps_only_together_is_found_by_scouts_and_verified_by_a_trial():
    found, _ = treated(together, [sets(f"more {name}", **{name: 1}) for name in "abc"])
    assert found.setting == {"a": 1, "b": 1, "c": 1}
    first = found.rounds[0]
    assert {one.bears for one in first.tried if " + " not in one.prescription.name} == {"refuted"}
    assert set(first.kept.split(" + ")) == {"more a", "more b", "more c"}
    assert first.scouted > 0
    assert found.final.outcomes["loss"].effect.verdict == "better"


def test_scouts_train_on_replicates_that_neither_trials_nor_the_fresh_comparison_use():
    _, trainer = treated(together, [sets(f"more {name}", **{name: 1}) for name in "abc"])
    ranges = [set(replicates) for arms, replicates in trainer.calls if set(arms) <= set("0123456789")]
    others = [set(replicates) for arms, replicates in trainer.calls if not set(arms) <= set("0123456789")]
    assert ranges
    assert not set().union(*ranges) & set().union(*others)


@pytest.mark.parametrize(("trainings", "first", "most"), [(8000, 13, 40), (1200, 4, 12), (250, 4, 4)])
def test_what_scouts_build_on_has_ever_more_replicates_as_the_budget_bears(trainings, first, most):
    many = [sets(f"more {name}", **{name: 1}) for name in "abcdefghij"]
    _, trainer = treated(together, many, budget=Budget(trainings=trainings))
    scouted = [replicates for arms, replicates in trainer.calls if set(arms) <= set("0123456789")]
    assert len(scouted[0]) == first
    assert max(map(len, scouted)) == most


def test_what_scouts_found_has_twice_the_replicates_of_a_trial():
    found, _ = treated(
        lambda s: 1.99 if together(s) == 1 else 2.2, [sets(f"more {name}", **{name: 1}) for name in "abc"]
    )
    assert found.rounds[0].looks[-1] < 40
    found, _ = treated(
        lambda s: {1: 1.99, 2: 2.0}.get(together(s), 2.2), [sets(f"more {name}", **{name: 1}) for name in "abc"]
    )
    assert found.rounds[0].looks == (5, 10, 20, 40)


def test_what_takes_long_waits_until_what_is_quick_was_tried_singly_and_together():
    def level(s):
        return 3 - s["b"] - 2 * s.get("wide", 0)

    def seconds(s):
        return 5.0 if s.get("wide", 0) else 0.1

    wide, b = sets("wide", wide=1), sets("b", b=1)
    found, _ = treated(level, [wide, b], seconds=seconds)
    assert [one.by for one in found.rounds][:3] == ["", "b", "wide"]
    assert found.rounds[1].scouted > 0
    assert found.setting == {"a": 0, "b": 1, "wide": 1}


@pytest.mark.parametrize(
    ("quick", "slow", "minutes", "long"),
    [(0.01, 0.4, 10, False), (0.01, 0.5, 10, True), (0.2, 0.5, 10, False), (0.01, 0.5, 20, False)],
)
def test_a_training_is_long_for_the_budget_and_beside_the_control(quick, slow, minutes, long):
    trainer = _Made(lambda s: 1.0, seconds=lambda s: slow if s["a"] else quick)
    purse = Purse(Budget(trainings=4000, minutes=minutes), trainer)
    purse.train({"a": {"a": 0}}, range(5), new=5)
    assert purse.takes_long({"a": 1}, {"a": 0}, times=3.0) == long


def test_what_a_training_costs_is_its_share_of_what_is_scarcer():
    clock = iter([0.0, 0.0, 0.5, 0.5, 0.5, 0.5])
    trainer = _Made(lambda s: 1.0, seconds=lambda s: 10.0 if s["a"] else 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("etude.studies.budget.time.monotonic", lambda: next(clock))
        purse = Purse(Budget(trainings=305, minutes=1), trainer)
        purse.train({"a": {"a": 0}}, range(5), new=5)  # half a second
        # of 300 trainings 40 are kept back, and 0.1 of 59.5 s is less than one of 260
        assert purse.cost_of({"a": 0}) == pytest.approx(1 / 260)
        assert purse.cost_of({"a": 1}) == pytest.approx(10 / 59.5)


@pytest.mark.parametrize(("seconds", "trainings"), [(0.001, 200), (0.6, 50)])
def test_a_share_is_spent_when_it_is_of_the_trainings_or_of_the_time_and_twice_asked_counts_once(seconds, trainings):
    purse = Purse(Budget(trainings=2040, minutes=5), _Made(lambda s: 1.0, seconds=lambda s: seconds))
    purse.train({"a": {"a": 0}}, range(trainings - 1), new=trainings - 1)
    purse.train({"a": {"a": 0}}, range(trainings - 1), new=0)
    assert not purse.has_spent(0.1)
    purse.train({"a": {"a": 0}}, range(trainings), new=1)
    assert purse.has_spent(0.1)


def test_a_step_that_does_nothing_is_not_named():
    nothing = own_treatment(lambda given: {**given, "a": given["a"]}, "nothing")
    found, _ = treated(together, [*(sets(f"more {name}", **{name: 1}) for name in "abc"), nothing])
    assert set(found.rounds[0].kept.split(" + ")) == {"more a", "more b", "more c"}


def test_scouts_pass_over_what_cannot_be_trained_or_does_not_go_together():
    def never(given):
        if given["a"]:
            raise RecipeError("not beside a")
        return {**given, "d": 1}

    many = [*(sets(f"more {name}", **{name: 1}) for name in "abc"), own_treatment(never, "d")]
    trainer = _Made(together, refuses=[{"a": 1, "b": 1}])
    ward = Ward(trainer, SCORE, Purse(Budget(), trainer))
    best, *_ = Scouts({"a": 0, "b": 0}, many, ward, seed=0).ahead({"a": 0, "b": 0}, ())
    assert best.setting.items() >= {"a": 1, "b": 1, "c": 1}.items()


@pytest.mark.parametrize(("trainings", "least", "most"), [(100, 0.7, 1.0), (8000, 0.0, 0.6)])
def test_a_small_crowd_goes_on_from_what_was_verified_and_a_large_one_looks_elsewhere_too(
    monkeypatch, trainings, least, most
):
    monkeypatch.setattr(Scouts, "_children", lambda self: [])
    trainer = _Made(lambda s: 2 - s["f"], noise=0.1)
    many = [sets(f"more {name}", **{name: step}) for name in "abcdef" for step in (1, 2)]
    ward = Ward(trainer, SCORE, Purse(Budget(trainings=trainings), trainer))
    control = dict.fromkeys("abcdef", 0)
    Scouts(control, many, ward, seed=0).ahead({**control, "f": 2}, ("more f",))
    crowd = {name for name, _ in trainer.seen}
    assert least < sum("('f', 2)" in name for name in crowd) / len(crowd) <= most


@pytest.mark.slow
def test_treatments_that_change_nothing_are_seldom_called_an_improvement():
    # 40 null studies at a rate of 5 %: more than 7 have a probability below 0.1 % (binomial); the evidence has 200
    nothing = [sets(f"nothing {i}", c=i) for i in range(1, 7)]
    kept = sum(treated(lambda s: 1.0, nothing, noise=0.3, seed=seed)[0].final is not None for seed in range(40))
    assert kept <= 7


def test_treatments_for_which_no_time_was_left_are_not_told_as_none_that_answer(monkeypatch):
    monkeypatch.setattr("etude.studies.budget.Purse.is_too_dear", lambda purse, setting: True)
    found, _ = treated(lambda s: 2 + s["a"] + s["b"], [sets("more a", a=1), sets("more b", b=1)])
    told = "2 treatments answer the diagnosis, and the time that was left was too short for a trial of any"
    assert found.rounds[0].ended == told
    none, _ = treated(lambda s: 2, [])
    assert none.ended == "no treatment that may be tried answers the diagnosis"


def test_looks_are_those_of_studies():
    assert Budget(replicates=20).looks == looks_up_to(20) == (5, 10, 20)


def test_the_test_rows_of_a_table_are_set_aside_once(tmp_path):
    recipe = Recipe(data={"bundled": "wine"}, loss="cross_entropy", epochs=2)
    with open_store(tmp_path / "etude.db") as store:
        aside = RecipeTrainer(store, Means(), lambda _: None).set_aside(recipe)
    assert differing_fields(recipe, aside) == ("data.test_drawn",)
    synthetic = Recipe(data={"task": "moons"}, loss="bce")
    with open_store(tmp_path / "etude.db") as store:
        assert RecipeTrainer(store, Means(), lambda _: None).set_aside(synthetic) == synthetic


def test_a_loss_beyond_all_bounds_counts_as_three_constants(tmp_path):
    # the best constant's squared error is the variance of the targets of waves, whatever it is
    recipe = Recipe(data={"task": "waves", "rows": 100}, loss="mse", epochs=2)
    with open_store(tmp_path / "etude.db") as store:
        trainer = RecipeTrainer(store, Means(), lambda _: None)
        metric = trainer.metric(recipe, None)
        constant = trainer.limits(recipe)[metric.name].best_constant
        runs = []
        for value in (0.1 * constant, 1e6, float("nan")):
            measured = curve(f"validation/{metric.name}", [1], [value])
            ended = "completed" if math.isfinite(value) else "diverged"
            runs.append(Run("made", {measured.name: measured}, ended=ended, last_step=1, kept_step=1))
        scores = trainer.scores(recipe, runs, metric)
    assert scores[:2].tolist() == [pytest.approx(0.1 * constant), pytest.approx(3 * constant)]
    assert math.isnan(scores[2])
