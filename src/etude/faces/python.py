"""étude from Python: a study and its result as objects, the same as the command line's.

What trains, draws or computes is imported where it is called, so that importing étude stays quick and torch-free.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from etude.values.claim import Claim, Judgement
from etude.values.effect import Effect, VarianceShare
from etude.values.errors import RecipeError
from etude.values.finding import Diagnosis
from etude.values.metric import Split
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.study import DEFAULT_ENGINE, Plan, StudyResult

RESULTS = Path("etude-results")
"""Where a project's store and reports are, unless said otherwise."""

STORE = "etude.db"


class Study:
    """A designed comparison: a base recipe, the factors that vary, and how many replicates of each arm.

    >>> base = Recipe(data={"task": "sincos"}, loss="bce", epochs=10)
    >>> Study(base, vary={"loss": ["bce", "mse"]}, replicates=5).plan.replicates
    5
    """

    def __init__(
        self,
        base: Recipe,
        *,
        vary: Mapping[str, Sequence[Any]] | None = None,
        replicates: int | Literal["until decided"] = 10,
        claims: Sequence[Claim] = (),
        **more: Any,  # noqa: ANN401 - the other fields of Plan, checked there
    ) -> None:
        """Check the plan at once; `more` are its other fields: name, title, arms, metric, smallest_effect, looks."""
        factors = {name: tuple(levels) for name, levels in (vary or {}).items()}
        self.plan = Plan(base=base, vary=factors, replicates=replicates, claims=tuple(claims), **more)

    def run(  # noqa: PLR0913 - each parameter is one of the command's
        self,
        *,
        out: Path | str = RESULTS,
        engine: str = DEFAULT_ENGINE,
        workers: int | None = None,
        device: str = "cpu",
        cluster: str | None = None,
        quiet: bool = False,
    ) -> "Result":
        """Run what the folder `out` does not hold yet, and judge. Stopped, the same call goes on from there.

        engine:  "native", which leaves what it cannot train to "loop", or "loop"
        workers: threads, or processes of loop; None: one a processor
        device:  "cpu", or a torch device such as "cuda"
        cluster: "auto" or "host:port": a Ray cluster to spread the trainings over (docs/cluster.md)
        """
        from etude.data.load import fetch
        from etude.faces.terminal import download_display, progress_display, talk
        from etude.records.store import open_store
        from etude.studies.collect import Means
        from etude.studies.design import data_of
        from etude.studies.execute import execute

        means = Means(engine=engine, workers=workers, device=device, cluster=cluster)
        with download_display(talk(), quiet=quiet) as watch_bytes:
            for data in data_of(self.plan):
                fetch(data, watch_bytes)
        with open_store(Path(out) / STORE) as store, progress_display(talk(), quiet=quiet) as watch:
            return Result(execute(self.plan, store, means=means, watch=watch))

    def __repr__(self) -> str:
        """What varies and how often."""
        factors = ", ".join(self.plan.vary) or "nothing"
        return f"Study({self.plan.name!r}, varies {factors}, {self.plan.replicates} replicates)"


class Result:
    """What a study found; ask it for effects, claims and the report. In a notebook it shows itself."""

    def __init__(self, found: StudyResult) -> None:
        """Wrap what the study found; in a notebook, effects show themselves from now on."""
        self.found = found
        _show_effects_in_a_notebook()

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The effect of every level of every factor on every metric, and of every two factors together."""
        return self.found.effects

    @property
    def claims(self) -> tuple[Judgement, ...]:
        """The verdict on each claim."""
        return self.found.judgements

    @property
    def variance(self) -> tuple[VarianceShare, ...]:
        """Shares of the primary metric's variance, of a full factorial."""
        return self.found.variance

    @property
    def notes(self) -> tuple[str, ...]:
        """What to keep in mind: how the study went, who trained it and why, and what intervals do not say."""
        return self.found.notes

    @property
    def runs(self) -> Mapping[str, tuple[Run, ...]]:
        """Every run, by arm, in replicate order."""
        return self.found.runs

    @cached_property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """How each arm trained, in the order of the arms, by its first replicates."""
        from etude.faces.diagnosing import arms_diagnosed

        return arms_diagnosed(self.found.runs)

    def effect(
        self,
        factor: str,
        *,
        metric: str | None = None,
        levels: tuple[Any, Any] | None = None,
        split: Split | None = None,
    ) -> Effect:
        """The effect of one factor alone, treated minus control, as a family of one: a question asked beforehand.

        levels: (control, treated); by default the factor's two levels in the order the study gave them
        metric: by default the study's own; "objective" is refused where the arms minimise unlike things
        """
        from etude.studies.compare import factor_asked
        from etude.studies.estimate import estimate, terms_of
        from etude.studies.evidence import Evidence

        evidence = Evidence(self.found.plan, self.found.arms, self.found.runs)
        asked = factor_asked(
            evidence, factor, metric=metric or evidence.metrics[0], levels=levels or self._levels(factor), split=split
        )
        return estimate([asked], terms_of(self.found.plan), rule=self._rule)[0]

    def report(self, path: Path | str) -> Path:
        """Write the one-file HTML report and return its path."""
        from etude.faces.report import write_report

        return write_report(
            self.found,
            Path(path),
            trained=self.diagnoses,
            command="# from Python: etude.Study(base, …).run() with the recipe and the arms below",
        )

    def _levels(self, factor: str) -> tuple[Any, Any]:
        levels = self.found.plan.vary.get(factor, ())
        if len(levels) != 2:
            raise RecipeError(
                f"{factor!r} has {len(levels)} levels in this study. Say which two to compare, "
                f"such as levels={tuple(levels[:2]) or ('control', 'treated')!r}."
            )
        return levels[0], levels[1]

    @property
    def _rule(self) -> Literal["fixed", "planned", "any time"]:
        plan = self.found.plan
        return plan.looks if plan.replicates == "until decided" else "fixed"

    def __repr__(self) -> str:
        """The claims and effects, a line each."""
        claims = [f"{judgement.verdict}: {judgement.claim.text}" for judgement in self.claims]
        notes = (f"note: {note}" for note in self.notes)
        return "\n".join([f"Result of {self.found.plan.name!r}", *claims, *map(str, self.effects), *notes])

    def _repr_html_(self) -> str:
        from etude.faces.notebook import result_fragment

        return result_fragment(self.found)


def _show_effects_in_a_notebook() -> None:
    """Have IPython, if this is a notebook, draw an Effect; a value of the lowest layer cannot know how."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    if shell is not None:
        from etude.faces.notebook import effect_fragment

        shell.display_formatter.formatters["text/html"].for_type(Effect, effect_fragment)
