"""How often étude finds a difference where there is none: the same arm twice, with real trainings.

Each experiment trains one recipe ten times under each of two seeds, pairs the runs by replicate, and asks for the
effect. Every verdict but "undecided" and "equivalent" is false. Writes docs/evidence/aa.md.
"""

import argparse
import tempfile
from pathlib import Path

from scipy import stats

from etude.records.store import open_store
from etude.studies.collect import Means
from etude.studies.execute import execute
from etude.values.claim import Claim, Contrast
from etude.values.data import Task
from etude.values.model import Mlp
from etude.values.optimizer import Adam
from etude.values.recipe import Recipe
from etude.values.study import Plan

REPLICATES = 10
PAGE = Path(__file__).parent.parent / "docs" / "evidence" / "aa.md"
RECIPE = Recipe(
    data=Task(task="sincos", rows=200, features=2, flip=0.05, test_rows=1000),
    model=Mlp(hidden=(8,)),
    loss="bce",
    optimizer=Adam(learning_rate=0.02),
    epochs=60,
    score_every=60,
)
SEEDS = 1_000_000
"""Experiment i uses seeds 1,000,000 + 2 i and the next; no other simulation of ours uses these."""


def experiment(number: int, store_folder: Path) -> str:
    """The verdict on the log loss of one A/A experiment."""
    seed = SEEDS + 2 * number
    whole = Contrast(control={"seed": seed}, treated={"seed": seed + 1}, metric="log_loss", as_a_whole=True)
    claim = Claim(text="The same recipe under another seed is better.", stated=(whole,))
    plan = Plan(name=f"aa-{number}", base=RECIPE, claims=(claim,), replicates=REPLICATES)
    with open_store(store_folder / "aa.db") as store:
        result = execute(plan, store, means=Means(workers=1), watch=lambda _: None)
    return result.judgements[0].stated[0].verdict


def false_verdicts(experiments: int) -> int:
    """How many of that many experiments end in better or worse."""
    with tempfile.TemporaryDirectory() as folder:
        verdicts = [experiment(number, Path(folder)) for number in range(experiments)]
    return sum(verdict in ("better", "worse") for verdict in verdicts)


def main() -> None:
    """Run the experiments, print the rate, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=2000)
    experiments = parser.parse_args().experiments
    wrong = false_verdicts(experiments)
    interval = stats.binomtest(wrong, experiments).proportion_ci(method="wilson")
    line = (
        f"{wrong} of {experiments} experiments × {REPLICATES} pairs ended in a false verdict: "
        f"{wrong / experiments:.1%} (95 % Wilson interval {interval.low:.1%} to {interval.high:.1%}); nominal 5 %."
    )
    print(line)
    PAGE.write_text(
        "# A/A: the same arm twice\n\n"
        "One recipe is trained ten times under each of two seeds; runs are paired by replicate and étude is asked for "
        "the effect on the log loss of the test set. There is none, so `better` and `worse` are both false.\n\n"
        f"**{line}** Target: 2 to 8.5 %.\n\n"
        "Measured by `make evidence-aa`.\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
