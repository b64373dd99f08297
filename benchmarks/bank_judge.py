"""Judge étude and its peers on the unseen part of the bank; writes docs/evidence/diagnosis.md.

    python benchmarks/bank_judge.py                    étude alone
    python benchmarks/bank_judge.py --peers            and losslint, runmedic, trainspotter, trainproof, trainlens

No data set and no architecture of this part has a run in the part that the constants were fitted on.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from bank.arms import arms
from bank.fitting import VIEWS
from bank.judging import Said, Score, by_arm, confusion, f1, score
from bank.peers import ask_peers
from bank.runs import BankRun, read_bank
from bank.symptoms import Named, named
from bank.truth import SMALLEST
from numpy.typing import NDArray

from etude.diagnosis.diagnose import diagnosed
from etude.diagnosis.verdict import VERDICTS
from etude.values.finding import Diagnosis
from etude.values.run import Run

PAGE = Path(__file__).parent.parent / "docs" / "evidence" / "diagnosis.md"
MADE = "`make bank` trains the runs (an hour or two on two cores), `make bank-judge` makes this page."


DRAWS = 400

HEAD = (
    "| | macro-F1 of what is told | macro-F1, abstentions missed | confirmed | the one verdict | told | false alarms "
    "| calibration error |\n|---|---|---|---|---|---|---|---|"
)


def said_by_etude(runs: Sequence[BankRun], view: Sequence[str]) -> list[Said]:
    """What étude says of each run, alone, as a log with those parts shows it."""
    return [_said(run, diagnosed([_shown(run, view)])) for run in runs]


def said_of_arms(runs: Sequence[BankRun], view: Sequence[str]) -> list[Said]:
    """What étude says of all the replicates of an arm together, once an arm."""
    arms: dict[str, list[BankRun]] = {}
    for run in runs:
        arms.setdefault(run.arm, []).append(run)
    return [_said(_typical(of), diagnosed([_shown(run, view) for run in of])) for of in arms.values()]


def _typical(of: Sequence[BankRun]) -> BankRun:
    """The replicate whose truth most of the arm's replicates have."""
    most = Counter(run.truth.verdict for run in of).most_common(1)[0][0]
    return next(run for run in of if run.truth.verdict == most)


def _shown(run: BankRun, view: Sequence[str]) -> Run:
    curves = {name: curve for name, curve in run.run.curves.items() if name.partition("/")[0] in view}
    return replace(run.run, curves=curves, recipe=run.run.recipe if "recipe" in view else None)


def _said(run: BankRun, diagnosis: Diagnosis) -> Said:
    shares = diagnosis.probabilities
    likeliest = max(shares, key=lambda one: shares[one]) if shares else diagnosis.verdict
    return Said(run, diagnosis.verdict, diagnosis.probability, likeliest)


def forced(said: Sequence[Said]) -> list[Said]:
    """The best guess in the place of every abstention."""
    return [replace(one, verdict=one.likeliest, probability=None) if one.likeliest else one for one in said]


def said_by_peers(runs: Sequence[BankRun], folder: Path) -> dict[str, list[Said]]:
    """What each peer says of the same curves; a failure of a peer counts as "cannot tell"."""
    curves, answers = folder / "curves.jsonl", folder / "peers.jsonl"
    curves.write_text("".join(json.dumps(_for_peers(i, run)) + "\n" for i, run in enumerate(runs)), encoding="utf-8")
    ask_peers(curves, answers, environment=folder / "peers")
    found: dict[str, list[Said]] = {}
    for line in answers.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = f"{row['peer']} {row['version']}"
        found.setdefault(name, []).append(Said(runs[int(row["id"])], row["verdict"] or "cannot tell"))
    return found


def _for_peers(i: int, run: BankRun) -> dict[str, object]:
    kept = {name: run.row["curves"][f"{name}/objective"]["values"] for name in ("train", "validation")}
    steps = run.row["curves"]["train/objective"]["steps"]
    assert run.run.recipe is not None
    return {
        "id": str(i),
        **kept,
        "epochs": list(range(1, len(steps) + 1)),
        "steps": steps,
        "learning_rate": run.run.recipe.optimizer.learning_rate,
    }


def row_of(name: str, of: Score) -> str:
    """A line of the table."""
    calibration = "–" if of.calibration is None else f"{of.calibration:.3f}"
    return (
        f"| {name} | {of.told_f1:.2f} | {of.macro_f1:.2f} | {of.right:.1%} | {of.strict:.1%} | {of.coverage:.1%} | "
        f"{of.false_alarms:.1%} | {calibration} |"
    )


WORDS = """\
*Macro-F1*: the mean over the verdicts that are true of some run; abstentions are left out, or count as missed; a
verdict that is true of a run counts as that run's truth. *Confirmed*: share of the verdicts told that an intervention
confirms. *The one verdict*: share that is also the first of those that are true. *Told*: the others are `cannot tell`.
*False alarms*: of the runs of which good fit is the only truth, the share called ill. *Calibration error*: debiased, of
the probabilities stated with the verdicts told; 0 where it is less than chance explains. Peers state none; they were
asked through their own front doors with their defaults (benchmarks/bank/peers.py has each one's words and ours), and
for most of the verdicts they have no word.
"""
HISTORY = """\
- First edition: fifteen data sets, of which seven judged, with five architectures of their own. That part was judged
  three times (macro-F1 of what is told 0.84 with the first model; 0.84, 89.0 % confirmed and 4.5 % false alarms with
  the last; probabilities from curves alone off by 0.093, too low), and is spent: it belongs to the fitting part now.
- Second edition, this page: new data sets and architectures, and the causes that no recipe can say. The evidence, the
  rules and the constants were frozen in commit {frozen} before any result of this part was read; it was judged once.
- The fit: both parts of the first edition, and 66 arms more of its light pairs whose causes are rare (rates too high,
  plain descent, deep sigmoid networks). Its own arms with bad initial weights and rows in order came too late for it,
  and three arms of the vowels.
- Found while fitting anew: the best constant's score of a regression had been compared in the target's own unit with a
  loss in standard scores. Put right, it lowered what was right on the fitting part, by what it had got right by luck.
"""
FROZEN = "339511f"
"""The commit that froze the constants."""

LIMITS = """\
- From curves and recipe the macro-F1 was to be 0.85 or more, and is not: what is told is right as often as before, but
  rare illnesses are told seldom. Fewer healthy runs are called ill than the 4 % that the thresholds were set to, and
  more runs than need be are left at `cannot tell`.
- Small networks on small data, with constant learning rates. Nothing is known of how the figures carry over to large
  models, to schedules, or to logs of scores.
- The rules of the truths were settled on the fitting part, and with them the size of a gain that counts: with a third
  of it the fitting part itself could not be told apart, because a hundred validation rows do not show such gains.
- Sets of numbers that noise keeps far from their best possible score are few, so that a noisy task may look like an
  illness: no curve tells what cannot be learned.
- In arms whose rows leak the test part leaks as well, so nothing is known of what would help: they are judged by their
  symptom alone. Gradients and layers were logged of no run here, so checks that need them could not speak. A bad start
  of a regression could not be judged, because its r² at step 0 was not kept; small initial weights start no worse than
  knowing nothing, which is all that the check of it looks at.
- The convolutional, recurrent and attention arms of the fitting part were trained on another machine, with torch 2.11.
"""


def page(runs: Sequence[BankRun], rows: Iterable[str], said: Sequence[Said], causes: Sequence[Named]) -> str:
    """The page of evidence."""
    truths = Counter(run.truth.verdict for run in runs).most_common()
    data, architectures = ({run.data for run in runs}, {run.architecture for run in runs})
    parts = (
        "# How often a diagnosis is right",
        f"{len(runs):,} runs of {len({run.arm for run in runs})} arms, on data sets ({', '.join(sorted(data))}) and "
        f"architectures ({', '.join(sorted(architectures))}) none of which has a run among those that the constants "
        "were fitted on. The truth of a run is what interventions showed on paired replicates, not what was seeded; "
        f"the protocol is at the end. {MADE}",
        "\n".join((HEAD, *rows)),
        WORDS.strip(),
        _intervals(said),
        "## Verdict by verdict: single runs, curves and recipe",
        _confusion(said),
        "## Accuracy against coverage",
        _coverage(said),
        "## Symptom and cause",
        _symptoms(said),
        BEYOND.strip(),
        "\n".join((SYMPTOM_HEAD, *(one.row() for one in causes))),
        "## History",
        HISTORY.strip().format(frozen=FROZEN),
        "## What this does not say",
        LIMITS.strip() + _untrained(runs),
        "## The truths",
        ", ".join(f"{verdict} {count}" for verdict, count in truths)
        + f". What helps by less than {SMALLEST:.0%} of what the best constant answer scores does not count.",
        f"```text\n{_protocol()}\n```",
    )
    return "\n\n".join(parts) + "\n"


def _untrained(runs: Sequence[BankRun]) -> str:
    """Which arms of the part are not among the runs, as one more limit."""
    there = {run.arm for run in runs}
    wanted = [arm for arm in arms() if arm.pair.part == "judge" and arm.cause != "leakage"]
    lacking = Counter(f"{arm.pair.data_name} with {arm.pair.architecture}" for arm in wanted if arm.name not in there)
    which = ", ".join(f"{count} of {pair}" for pair, count in lacking.items())
    return (
        f"\n- {sum(lacking.values())} of the {len(wanted)} arms of this part are not trained: {which}."
        if lacking
        else ""
    )


def _intervals(said: Sequence[Said]) -> str:
    """95 % intervals of the first line: arms are drawn anew, for the runs of one are right or wrong together."""
    arms, rng = list(by_arm(said).values()), np.random.default_rng(0)
    drawn = [score([one for i in rng.integers(len(arms), size=len(arms)) for one in arms[i]]) for _ in range(DRAWS)]
    told = ", ".join(
        f"{name} {low:.2f} to {high:.2f}"
        for name, (low, high) in {
            "macro-F1 of what is told": np.percentile([one.told_f1 for one in drawn], (2.5, 97.5)),
            "confirmed": np.percentile([one.right for one in drawn], (2.5, 97.5)),
            "false alarms": np.percentile([one.false_alarms for one in drawn], (2.5, 97.5)),
        }.items()
    )
    return f"95 % intervals of the first line, by drawing arms: {told}."


def _confusion(said: Sequence[Said]) -> str:
    columns = [*VERDICTS, "cannot tell"]
    counts = confusion(said)
    lines = ["| truth | F1 | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for verdict, row in zip(VERDICTS, counts, strict=True):
        if row.sum():
            lines.append(f"| {verdict} | {f1(said, verdict):.2f} | " + " | ".join(map(str, row)) + " |")
    return "\n".join((*lines, "", _worst(counts)))


def _worst(counts: NDArray[np.int64]) -> str:
    """The wrong verdict most often told, of the counts of `confusion`."""
    wrong = counts[:, : len(VERDICTS)] * (1 - np.eye(len(VERDICTS), dtype=np.int64))
    truth, told = np.unravel_index(int(wrong.argmax()), wrong.shape)
    of = f"{wrong[truth, told]} of {counts[truth].sum()} runs"
    return f"The mistake most often made: {VERDICTS[truth]} taken for {VERDICTS[told]}, in {of}."


def _coverage(said: Sequence[Said]) -> str:
    """How right the likeliest verdicts are, the surest first."""
    best = sorted(said, key=lambda one: one.probability if one.told else 1 - (one.probability or 0.0), reverse=True)
    right = np.array([(one.likeliest or one.verdict) in one.run.truth.accepted for one in best])
    shares = (0.25, 0.5, 0.75, 0.9, 1.0)
    cells = [f"{right[: max(1, round(share * len(best)))].mean():.1%}" for share in shares]
    heads = " | ".join(f"{share:.0%}" for share in shares)
    lines = (f"| of the surest | {heads} |", "|---" * (len(shares) + 1) + "|", f"| confirmed | {' | '.join(cells)} |")
    return "\n".join(lines)


BEYOND = """\
Causes that no recipe can say, scored apart from the verdict: how often the check of the symptom names it. The weights
are those of a user's own function, trained by étude's reference engine; the rows in order are trained by a plain loop
of PyTorch, of which the loss of every step and no recipe was shown; leaking rows are arrays of a user's own. *Matters*:
of how many arms taking the cause away gains what counts.
"""
SYMPTOM_HEAD = "| symptom | runs | named | could not be judged | matters |\n|---|---|---|---|---|"

SYMPTOM_OF = {
    "not converged": "still improving",
    "learning rate too low": "still improving",
    "underfit (capacity)": "settled too high",
    "underfit (optimisation)": "settled too high",
    "over-regularised": "settled too high",
}
"""What several causes look like."""


def _symptoms(said: Sequence[Said]) -> str:
    told = [one for one in said if one.told]
    causes = [one.right for one in told]
    symptoms = [_symptom(one.verdict) in {_symptom(verdict) for verdict in one.run.truth.accepted} for one in told]
    return (
        f"Of the verdicts told, {np.mean(symptoms):.1%} name a symptom that is there (still improving, settled too "
        f"high, overfit, …), and {np.mean(causes):.1%} its cause as well."
    )


def _symptom(verdict: str) -> str:
    return SYMPTOM_OF.get(verdict, verdict)


def _protocol() -> str:
    import bank.truth

    return (bank.truth.__doc__ or "").strip()


def main() -> None:
    """Judge, print the table, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bank"))
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    runs = read_bank(asked.folder / "runs.jsonl", part="judge")
    full, curves = VIEWS[0], VIEWS[1]
    alone, bare = said_by_etude(runs, full), said_by_etude(runs, curves)
    rows = [
        row_of("**étude**, a run with its recipe", score(alone)),
        row_of("the same, never abstaining", score(forced(alone))),
        row_of("**étude**, five replicates together", score(said_of_arms(runs, full))),
        row_of("**étude**, curves alone", score(bare)),
        row_of("the same, never abstaining", score(forced(bare))),
        row_of("étude, training curve alone", score(said_by_etude(runs, ("train",)))),
    ]
    if asked.peers:
        rows += [row_of(name, score(said)) for name, said in said_by_peers(runs, asked.folder).items()]
    print("\n".join(rows))
    causes = named(asked.folder / "runs.jsonl", "judge")
    asked.page.write_text(page(runs, rows, alone, causes), encoding="utf-8")


if __name__ == "__main__":
    main()
