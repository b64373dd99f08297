"""What a reader must know beside the effects: how the study went, and what its intervals do not say."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from etude.engine.engines import Choice
from etude.figures.words import shape
from etude.studies.design import arms_of
from etude.studies.estimate import looks_up_to
from etude.studies.evidence import Evidence
from etude.values.claim import OBJECTIVE, Contrast
from etude.values.data import Arrays, Bundled, Data, Images, Names, Series, Table, Text
from etude.values.study import MINIMUM_REPLICATES, Plan, StudyResult


def notes_on(evidence: Evidence) -> Iterator[str]:
    """Notes that follow from the runs: too few, diverged, of several versions, and what was done to the data."""
    n_replicates = len(next(iter(evidence.runs.values())))
    if n_replicates < MINIMUM_REPLICATES:
        yield f"{n_replicates} replicates give no verdict; {MINIMUM_REPLICATES} are the least that do."
    for label, runs in evidence.runs.items():
        diverged = sum(run.ended == "diverged" for run in runs)
        if diverged:
            yield f"{diverged} of {len(runs)} runs of {label!r} diverged."
    yield from _on_what_intervals_mean(evidence)
    versions = {str(run.provenance.get("torch", "")) for runs in evidence.runs.values() for run in runs} - {""}
    if len(versions) > 1:
        yield f"The runs were made by several versions of torch: {', '.join(sorted(versions))}."
    yield from dict.fromkeys(note for runs in evidence.runs.values() for note in runs[0].notes)


def notes_on_the_design(asked: Plan, result: StudyResult, *, looks: Sequence[int]) -> Iterator[str]:
    """Notes on what was asked and when: arms that were added, the looks taken, and looks that nobody planned.

    asked: the plan as it was given; result.plan has the comparisons that were added
    looks: the numbers of replicates this study was judged at, in this and earlier calls, ascending
    """
    given = {arm.recipe.checksum for arm in arms_of(asked)}
    added = [arm.label for arm in result.arms if arm.recipe.checksum not in given]
    if added:
        yield f"Arms added, because claims need them for a valid comparison: {'; '.join(added)}."
    if asked.replicates == "until decided":
        planned = f"O'Brien–Fleming looks at {', '.join(map(str, looks_up_to(asked.max_replicates)))} replicates"
        why = "every question has a verdict" if is_decided(result) else "no more were allowed"
        rule = planned if asked.looks == "planned" else "a look after every replicate, with a t e-process"
        yield f"Stopped at {len(next(iter(result.runs.values())))} replicates, because {why}. The rule was {rule}."
    elif len(looks) > 1:
        yield (
            f"This study was judged at {', '.join(map(str, looks))} replicates, and only the last judgement is shown. "
            "Each look at growing data is another chance to be fooled, so verdicts here are false more often than "
            f"{1 - asked.level:.0%}. Ask once, with replicates = 'until decided', or afresh, with another seed."
        )


def engine_words(choices: Mapping[str, Choice]) -> str:
    """Who trains the arms, by label.

    >>> engine_words({"a": Choice("native"), "b": Choice("loop", "it has no LSTM layer")})
    'native; loop for 1 of 2 arms'
    """
    count = Counter(choice.engine for choice in choices.values())
    (main, _), *others = count.most_common()
    return "; ".join([main, *(f"{name} for {n} of {len(choices)} arms" for name, n in others)])


def notes_on_engines(choices: Mapping[str, Choice]) -> Iterator[str]:
    """Which arms went to another engine than the one asked for, and why."""
    for because, n in Counter(choice.because for choice in choices.values() if choice.because).items():
        which = "Every arm" if n == len(choices) else f"{n} of {len(choices)} arms"
        yield f"{which} trained in the slower engine, loop: the native one cannot, because {because}."


def is_decided(result: StudyResult) -> bool:
    """Whether every factor's effect on the primary metric, and every claim's, has a verdict.

    Nobody waits for what two factors do together: it takes four times the replicates of one factor's effect.
    """
    primary = result.effects[0].metric if result.effects else ""
    asked = [effect for effect in result.effects if effect.metric == primary and shape(effect) != "together"]
    asked += [effect for judgement in result.judgements for effect in (*judgement.stated, *judgement.instead)]
    return all(effect.verdict != "undecided" for effect in asked)


def _on_what_intervals_mean(evidence: Evidence) -> Iterator[str]:
    recipes = [arm.recipe for arm in evidence.arms]
    if any(recipe.early_stopping for recipe in recipes) and _is_judged_on_validation(evidence):
        yield (
            "Early stopping chose weights by the validation part, and effects are judged on it too, which flatters "
            "arms that stop early. Judge on the test part; rows are kept apart for it with `test = 0.2`."
        )
    if any(_has_one_test_set(recipe.data) for recipe in recipes):
        yield (
            "Every replicate is scored on the same test set, so intervals speak about training anew and being scored "
            "on these examples, not about other examples like them."
        )
    if any(isinstance(recipe.data, Images) and recipe.data.test_rows for recipe in recipes):
        yield (
            "Every replicate is scored on its own part of one test set, so intervals speak about training anew and "
            "being scored on examples of that set."
        )
    if any(isinstance(recipe.data, Table | Bundled | Arrays | Names) for recipe in recipes):
        yield (
            "Every replicate splits the same rows anew, so intervals speak about training on these rows, not about "
            "other rows like them, for which they are too narrow (Nadeau and Bengio 2003)."
        )


def _has_one_test_set(data: Data) -> bool:
    return isinstance(data, Series | Text) or (isinstance(data, Images) and data.test_rows is None)


def _is_judged_on_validation(evidence: Evidence) -> bool:
    parts = [part for claim in evidence.plan.claims for part in (*claim.stated, *claim.instead)]
    contrasts = [part for part in parts if isinstance(part, Contrast)]
    asked = any("validation" in (one.split, one.control_split) or one.metric == OBJECTIVE for one in contrasts)
    return asked or evidence.held_out == "validation"
