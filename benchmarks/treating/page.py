"""The page of evidence: docs/evidence/treat.md."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from etude.figures.numbers import bounds, signed

HEAD = """\
# What treating is worth

Whether a prescription comes true, how often one is declared that changes nothing, what is left of the learner's 71 %,
and how treating a bad recipe compares with a search. `make evidence-treat` measures all of it anew; each section says
on what. Figures are given whatever they show."""


GOAL, SURE = 0.71, 0.60
"""Of the excess: what is to be removed, and what the whole interval is to lie above."""


def page(found: Mapping[str, Mapping[str, Any]], before: str = "") -> str:
    """Every part that was measured; what was not is as a whole page had it before, where there is one."""
    parts = [part.rstrip() for part in re.split(r"^(?=## )", before, flags=re.MULTILINE)[1:]]
    kept = dict(zip(SECTIONS, parts, strict=True)) if len(parts) == len(SECTIONS) else {}
    sections = [
        SECTIONS[name](found[name]) if name in found else kept[name] for name in SECTIONS if name in {*found, *kept}
    ]
    return "\n\n".join((HEAD, *sections)) + "\n"


def _prescriptions(of: Mapping[str, Any]) -> str:
    ill, healthy = of["ill arms"], of["healthy trials"]
    wrong = [row for row in of["rows"] if row["ill"] and row.get("verdict") not in (None, "better")]
    listed = ", ".join(f"{name} ({n})" for name, n in Counter(row["treatment"] for row in wrong).most_common())
    known, hunches = ill - of["unmeasured first"], of["unmeasured first"]
    known_right = of["verified"] - of["unmeasured verified"]
    return f"""\
## Prescriptions come true

On the unseen part of the bank (data sets and architectures of which no run is among those that anything was fitted
on): each arm is diagnosed by its five runs, and what is prescribed first is put on trial against the untouched control
on ten fresh pairs, scored on the test part, by the usual rule (95 %, equivalence within the smallest effect of
interest). The few recurrent and attention arms are left out: they train in `loop`, too slowly for this. An arm is ill
where some intervention of the bank gains a tenth of the best constant's score or more, and healthy where nothing does
and nothing may.

| | measured | target |
|---|---|---|
| the treatment prescribed first is verified to improve the test score, of {ill} ill arms | \
{of["verified"] / ill:.1%} | 80 % |
| its size was predicted within a factor of two, of {of["sized"]} that had a prediction | \
{of["within a factor of two"] / max(of["sized"], 1):.1%} | 60 % |
| on healthy arms, treatments called better, of {healthy} trials (the first three prescribed on each) | \
{of["called better"] / max(healthy, 1):.1%} | 5 % |
| of these, by a tenth of the best constant's score or more | {of["better by a tenth"] / max(healthy, 1):.1%} | |
| called better, where `treat` tries nothing on the {of["left alone"]} of {of["healthy arms"]} healthy arms that it is \
sure of (good fit, probability 0.95) | {of["better where not left alone"] / max(healthy, 1):.1%} | |

A healthy arm is one that nothing helps by a tenth; a gain of a few hundredths is real there, and ten pairs see it. So
the third line counts small improvements that exist beside those that do not, which the null spaces below count alone.

This part has judged prescriptions twice. At first, when effects had been measured of ten treatments only, 76.8 % of 190
first choices were verified (141 of 164 measured ones, and 5 of 26 that were ranked by a guess, which often stood
before them), sizes were right within a factor of two in 59.1 %, and 17.7 % of the treatments of healthy arms were
called better. Then twenty more were tried on 656 arms of the fitting part, and their effects fitted with the others;
nothing of this part was looked at for it but those figures and the names of what had failed. On the fitting part, data
sets and architectures left out, the first choice helps in 92 % of 462 ill arms, its size right within a factor of two
in 59 %.

Where the treatment prescribed first was one whose effect the bank has measured, it was verified in {known_right} of
{known} arms; where it was one of which nothing is measured, so that it was ranked by a guess, in
{of["unmeasured verified"]} of {hunches}. What was prescribed first and not verified: {listed or "none"}.

AUTOTRAINER (Zhang et al. 2021) reports 98 % of problems repaired, as judged by its own monitor falling silent on the
repaired run. Nothing here is judged by the diagnosis: what counts is the score on rows and seeds that nothing was
chosen by."""


def _null(of: Mapping[str, Any]) -> str:
    n = of["studies"]
    return f"""\
## Treatments that change nothing

{n} studies of a training function whose score is noise (normal, skewed, with a second basin, a third each), with
{of["treatments"]} treatments that change nothing: in {of["kept"]} ({of["kept"] / n:.1%}; target 5 %) a treatment was
kept, and in {of["confirmed on fresh seeds"]} ({of["confirmed on fresh seeds"] / n:.1%}) the fresh comparison called it
better as well."""


FORMS = (
    "| form | seeds | notebook 2 | notebook 1 | notebook 3 |",
    "|---|---|---|---|---|",
    "| single treatments alone, beside other work | – | 59.8 | 72.2 | 53.4 |",
    "| the same with an earlier ranking, idle | – | 72.6 | 75.0 | 56.0 |",
    "| scouts: by four replicates, in single steps; 2,000 trainings | 0, 1 | 72.2, 69.5 | 70.9, 84.4 | 72.8, 72.7 |",
    "| half of their first combinations built on what was verified | 0, 1 | 57.5, 79.9 | 81.2, 75.0 | 53.4, 72.6 |",
    "| by twelve replicates, in several steps; 4,000 trainings | 2, 3 | 79.1, 80.4 | 80.0, 72.9 | 58.9, 73.1 |",
    "| trials of up to 40 replicates | 4 | 68.5 | 77.1 | 65.9 |",
    "| a forest foresees what is best, whose replicates grow | 7, 8, 0 | 72.5, 80.2, 67 | 75.8, 75.0 | 73.2, 82.1 |",
    "| the most expected improvement for the time it takes, parents that differ | 21 | 80.5 | 77.2 | 70.0 |",
    "| the same with 8,000 trainings | 22 | – | – | 78.8 |",
)
"""What forms of treating came to that were given up, as this page told it while they were there."""


def _notebooks(of: Mapping[str, Any]) -> str:
    lines = [
        "| from | seed of scouts | Brier score before | after "
        "| excess over the Bayes floor (0.0475) removed, 95 % interval | trainings | minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    told = []
    for row in of["notebooks"]:
        removed = row["removed"]
        share = "nothing was kept" if removed is None else "{:.1%} ({:.1%} to {:.1%})".format(*removed)
        before, after = ("–" if row[side] is None else f"{row[side]:.4f}" for side in ("before", "after"))
        measured = f"{before} | {after} | {share} | {row['trainings']:,} | {row['seconds'] / 60:.1f}"
        lines.append(f"| {row['notebook']} | {row['seed']} | {measured} |")
        changes = "; ".join(row["changes"]) or "no change"
        told.append(f"- {row['notebook']}, seed {row['seed']}: {changes}. It ended because {row['ended']}.")
    reached = [
        row for row in of["notebooks"] if row["removed"] and row["removed"][0] >= GOAL and row["removed"][1] > SURE
    ]
    return "\n".join(
        (
            "## The learner's 71 %, made true",
            "",
            "`etude treat journey --arm NOTEBOOK --metric brier` with the default budget (10 minutes, two cores), "
            "from an empty store, on an otherwise idle machine. No treatment knows the generator, has more rows than "
            "the notebook, or sines for inputs; the numbers are of twenty fresh replicates and their test rows. The "
            f"target, 71 % with the whole interval above 60 %, is reached in {len(reached)} of {len(of['notebooks'])}.",
            "",
            *lines,
            "",
            *told,
            "",
            "Where ten minutes lead is a matter of chance: scouts draw combinations at random, and how long trainings "
            "take decides which are afforded, so that a busy machine gets less far, and the same seed not twice to the "
            "same place. So the seeds of these runs are such that nothing was developed on, and the constants were "
            "frozen before; the runs were made once.",
            "",
            "What came before, in percent of the excess, by the seeds given. Each run was made once but for two that "
            "were made again to find out what went wrong: 58.9 % (seed 2 from notebook 3) came to 77.1 % then, and 67 "
            "% (seed 0), on which the last two forms were developed, to 71.9 %.",
            "",
            *FORMS,
            "",
            "Two things had been wrong. Most of the changes that were trained were bad: of 457 settings from notebook "
            "3 the best scored 0.096 and the median 0.137; now a forest says beforehand which are worth training. And "
            "what was best by replicates that never change was what suited those few: from notebook 3 seven units in "
            "three layers, trained for long, had 0.0955 by twelve replicates and 0.117 by twelve others, and what "
            "differed from it in trifles was as lucky. Now what is built on has ever more replicates.",
            "",
            "From notebook 3 a random search of 120 settings, three replicates each, whose best was chosen by the test "
            "part itself, came to 66 %.",
        )
    )


def _search(of: Mapping[str, Any]) -> str:
    lines = [
        "| data | recipe | seed | untreated | treated | searched | treated − searched | verdict "
        "| trainings, treated and searched |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in of["rows"]:
        mean, low, high = row["difference"]
        scores = " | ".join(f"{row[side]:.3f}" for side in ("untreated", "treated", "searched"))
        compared = f"{signed(mean)} ({bounds(low, high)}) | {row['verdict']}"
        trainings = "{}, {}".format(*row["trainings"])
        lines.append(f"| {row['data']} | {row['recipe']} | {row['seed']} | {scores} | {compared} | {trainings} |")
    verdicts = Counter(row["verdict"] for row in of["rows"])
    held, lower = verdicts["better"] + verdicts["equivalent"], sum(row["difference"][0] < 0 for row in of["rows"])
    return "\n".join(
        (
            "## Bad recipes, against a search",
            "",
            "From five bad recipes each, `treat` with fewer trainings than a search of fifty trials by Optuna (default "
            "sampler) over the same space: width, depth, activation, dropout, rate, decay, epochs, batch size, "
            "schedule, early stopping; five replicates a trial, whose mean validation log loss it minimises. Both ends "
            "are compared on twenty fresh pairs by the test log loss; the smallest effect of interest is 0.01 nats. "
            f"With the seeds below for both, treated is better or equivalent in {held} of {len(of['rows'])}: better "
            f"in {verdicts['better']}, equivalent in {verdicts['equivalent']}, undecided in {verdicts['undecided']}, "
            f"worse in {verdicts['worse']}. Its mean is the lower one in {lower}.",
            "",
            "An earlier version of this page told 2 of 15. There the treated recipe was scored on test rows that had "
            "been set aside once, and the searched one on rows drawn for each replicate, other ones; that alone moves "
            "the score of a table by up to 0.05 nats. Now both have the same rows set aside. Later versions told of "
            "one seed of each, by which forms of scouts came to 10, 11, 12 and 13 of 15. That was chance, of both "
            "sides: what searches found on one data set lies up to a factor of two "
            "apart. The form before the present one, with seeds 31, 32 and 33 of both, came to 28 of 45: better in 18, "
            "equivalent in 10, undecided in 10, worse in 7. Its first combinations were made of the untreated recipe, "
            "and had to find again what single treatments had put right; now a small crowd goes on from that. With "
            "seeds 1 to 4 of scouts on eleven of the recipes, on which this was developed, it came to 31 of 33, and "
            "26 of 33 before; with the fresh seeds below the count is hardly higher, so that the gain is not shown. "
            "What treating keeps has to be verified, for which 240 trainings often do not suffice; a search takes the "
            "best of what it saw, unproved.",
            "",
            *lines,
        )
    )


SECTIONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "prescriptions": _prescriptions,
    "null": _null,
    "notebooks": _notebooks,
    "search": _search,
}
