"""From runs to groups: which are replicates of one thing, and in which order diagnoses are told."""

import pytest

from etude.faces.diagnosing import Examined, Judged, by_reason, grouped
from etude.values.errors import EtudeError
from etude.values.finding import Diagnosis, Finding, NotRun
from etude.values.recipe import Recipe
from etude.values.run import Run

RECIPE = Recipe(data={"task": "sincos"}, loss="bce", epochs=10)


def named(*names, **more) -> list[Run]:
    return [Run(name, {}, **more) for name in names]


def test_a_run_stands_for_itself_unless_somebody_says_otherwise():
    assert list(grouped(named("a_seed1", "a_seed2"))) == ["a_seed1", "a_seed2"]


def test_etudes_own_runs_are_grouped_by_their_arm():
    runs = [Run(name, {}, recipe=RECIPE) for name in ("wide · 0", "wide · 1", "a · b · 0")]
    assert {name: len(of) for name, of in grouped(runs).items()} == {"wide": 2, "a · b": 1}


def test_a_log_of_another_tool_whose_name_looks_like_an_arms_is_left_alone():
    assert list(grouped(named("wide · 0", "wide · 1"))) == ["wide · 0", "wide · 1"]


def test_all_are_replicates_where_the_user_says_so():
    assert {name: len(of) for name, of in grouped(named("a", "b", "c"), "all").items()} == {"3 runs": 3}


def test_a_pattern_is_what_the_names_of_replicates_differ_in():
    runs = named("wide_seed1", "wide_seed2", "deep_seed1", "other")
    assert {name: len(of) for name, of in grouped(runs, "_seed[0-9]+").items()} == {"wide": 2, "deep": 1, "other": 1}


def test_a_parameter_that_was_logged_groups_by_its_value():
    runs = [Run(str(i), {}, provenance={"lr": lr}) for i, lr in enumerate((0.1, 0.1, 0.2))] + named("without")
    assert {name: len(of) for name, of in grouped(runs, "lr").items()} == {"lr 0.1": 2, "lr 0.2": 1, "without": 1}


def test_a_pattern_that_matches_no_run_is_refused_with_the_names_there_are():
    with pytest.raises(EtudeError, match="matches the name of no run: 'a', 'b'"):
        grouped(named("a", "b"), "seed")


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(EtudeError, match="is no regular expression"):
        grouped(named("a"), "seed(")


def test_runs_of_one_name_are_told_apart_by_their_files_and_then_by_number():
    runs = [Run("a", {}), Run("a", {}, files=("x/b.csv",)), Run("a", {})]
    assert list(grouped(runs)) == ["a", "a (b.csv)", "a (2)"]


def test_a_finding_at_or_above_the_severity_fails():
    finding = Finding("overfit", "", "warning", 0.9)
    examined = Examined((Judged(Diagnosis("a", "overfit", 0.9, "", findings=(finding,)), ()),))
    assert [examined.fails_on(one) for one in (None, "note", "warning", "error")] == [False, True, True, False]


@pytest.mark.parametrize(
    ("verdict", "probability", "fails"),
    [("good fit", 0.49, False), ("good fit", 0.5, True), ("not converged", 0.43, True), ("cannot tell", 0.43, False)],
)
def test_a_finding_fails_if_it_is_likely_or_is_the_verdict_itself(verdict, probability, fails):
    finding = Finding("not converged", "", "warning", probability)
    one = Judged(Diagnosis("a", verdict, 0.6, "", findings=(finding,)), ())
    assert Examined((one,)).fails_on("warning") == fails


def test_an_unlikely_finding_of_one_run_is_not_made_to_count_by_the_verdict_of_another():
    unlikely = Finding("overfit", "", "error", 0.2)
    judged = (
        Judged(Diagnosis("a", "overfit", 0.9, ""), ()),
        Judged(Diagnosis("b", "good fit", 0.9, "", findings=(unlikely,)), ()),
    )
    assert not Examined(judged, (unlikely,)).fails_on("note")


def test_what_shows_between_runs_fails_too():
    finding = Finding("confounded comparison", "", "error", 0.9)
    assert Examined((), (finding, NotRun("double descent", "it needs widths"))).fails_on("error")


def test_reasons_that_stop_most_checks_come_first():
    not_run = [NotRun("a", "one"), NotRun("b", "two"), NotRun("c", "two")]
    assert by_reason(not_run) == [("two", ["b", "c"]), ("one", ["a"])]
