"""Treating from Python: the same as the command line's, as an object that shows itself."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etude.faces.python import RESULTS
from etude.faces.treat_own import OwnTreatment, own_treatments, treated_own
from etude.faces.treating import (
    TYPICAL_MINUTES,
    TYPICAL_REPLICATES,
    TYPICAL_TRAININGS,
    Choice,
    Record,
    Wanted,
    recipe_in,
    treated,
)
from etude.values.errors import RecipeError
from etude.values.recipe import Recipe
from etude.values.study import DEFAULT_ENGINE

if TYPE_CHECKING:
    from etude.values.treatment import Change, Final, Round, Tried


Train = Callable[[dict[str, Any], int], Any]
"""A training function of the user's own."""


def treat(  # noqa: PLR0913 - each parameter is one of the command's
    recipe: Recipe | str | Path | Train,
    *,
    fields: Mapping[str, Any] | None = None,
    treatments: Sequence[OwnTreatment] = (),
    higher_is_better: bool | None = None,
    smallest_effect: float | None = None,
    seed: int = 0,
    name: str = "recipe",
    metric: str | None = None,
    max_trainings: int = TYPICAL_TRAININGS,
    max_minutes: float = TYPICAL_MINUTES,
    max_replicates: int = TYPICAL_REPLICATES,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    also: Sequence[str] = (),
    level: float = 0.95,
    out: Path | str = RESULTS,
    engine: str = DEFAULT_ENGINE,
    workers: int | None = None,
    device: str = "cpu",
    quiet: bool = False,
) -> "TreatedRecipe":
    """What would help a recipe, and did it? Diagnose, prescribe, put on trial, and go round again.

    recipe:  a Recipe, the path of one in TOML, or a training function of your own: train(fields, seed) gives a score, a
             mapping such as {"validation/accuracy": 0.9, "test/accuracy": 0.88}, or a Run with a validation curve
    fields, higher_is_better, smallest_effect, seed: of a function: what it takes, untreated; which way its score is
             better, unless `metric` names one of étude's; the smallest difference worth acting on; the number that its
             seeds are derived from
    treatments: functions of your own beside étude's: from the recipe, or the fields, to the changed ones
    name:    names the report; of a file, the file's own
    metric:  what treatments are chosen by; None: the score that the recipe's loss is
    max_trainings, max_minutes, max_replicates: what it may cost: in all, of this call, of an arm in a trial
    only, without, also: names of treatments: these alone, not these, and costly ones beside the others ("more data")
    level:   one minus the rate of false verdicts of each round
    out:     the folder with the store of runs. Stopped, the same call goes on where it was
    engine, workers, device: as of `Study.run`
    """
    if any(isinstance(names, str) for names in (only, without, also)):
        raise RecipeError('only, without and also are lists of names, such as only=["dropout"]. Nothing was trained.')
    if not callable(recipe) and (fields is not None or higher_is_better is not None or smallest_effect is not None):
        raise RecipeError(
            "fields, higher_is_better and smallest_effect are of a training function; a recipe has its own fields and "
            "metrics. Nothing was trained."
        )
    own = callable(recipe)
    named, wanted_recipe = (name, recipe) if own or isinstance(recipe, Recipe) else recipe_in(str(recipe))
    wanted = Wanted(
        name=named,
        out=Path(out),
        metric=metric,
        trainings=max_trainings,
        minutes=max_minutes,
        replicates=max_replicates,
        choice=Choice(tuple(only), tuple(without), tuple(also)),
        level=level,
        engine=engine,
        workers=workers,
        device=device,
        quiet=quiet,
    )
    if callable(recipe):
        found = treated_own(
            recipe,
            fields or {},
            wanted,
            treatments=treatments,
            higher_is_better=higher_is_better,
            smallest_effect=smallest_effect,
            seed=seed,
        )
        return TreatedRecipe(found)
    assert isinstance(wanted_recipe, Recipe)
    return TreatedRecipe(treated(wanted_recipe, wanted, own_treatments(treatments, wanted_recipe)))


class TreatedRecipe:
    """A recipe, or fields of a function, and all that was done to it; in a notebook it shows itself."""

    def __init__(self, record: Record) -> None:
        """Wrap what came of treating."""
        self.record = record

    @property
    def recipe(self) -> Recipe:
        """The treated recipe; the untreated one where nothing was verified to help."""
        setting = self.record.found.setting
        if not isinstance(setting, Recipe):
            raise RecipeError("what was treated are fields of a function; ask for `.fields`.")
        return setting

    @property
    def fields(self) -> dict[str, Any]:
        """The treated fields of a training function; the untreated ones where nothing was verified to help."""
        setting = self.record.found.setting
        if isinstance(setting, Recipe):
            raise RecipeError("what was treated is a recipe; ask for `.recipe`.")
        return dict(setting)

    @property
    def changes(self) -> "tuple[Change, ...]":
        """What was changed, field by field."""
        from etude.studies.changes import changes_of

        return changes_of(self.record.found.before, self.record.found.setting)

    @property
    def rounds(self) -> "tuple[Round, ...]":
        """Each round: its control, diagnosis, and every treatment that was tried."""
        return self.record.found.rounds

    @property
    def treatments(self) -> "tuple[Tried, ...]":
        """Every treatment that was tried, round by round, with its measured effect."""
        return tuple(one for of in self.record.found.rounds for one in of.tried)

    @property
    def final(self) -> "Final | None":
        """The untreated and the treated recipe on fresh seeds; None where nothing was kept."""
        return self.record.found.final

    @property
    def toml(self) -> str:
        """The treated recipe as a file that `etude treat` and `etude run` read."""
        from etude.faces.treat_toml import recipe_toml

        return recipe_toml(self.recipe, was={one.field: one.before for one in self.changes})

    @property
    def code(self) -> str:
        """The treated recipe as a script in plain PyTorch; "" where PyTorch has no such network."""
        from etude.faces.treat_code import code_of

        return code_of(self.recipe, name=self.record.found.name)

    def report(self, path: Path | str) -> Path:
        """Write the one-file HTML report and return its path."""
        from etude.faces.treat_page import write_page

        return write_page(
            self.record, path, command="# from Python: etude.treat(recipe) with the recipe above, as it was"
        )

    def json(self) -> str:
        """The object that `etude treat --json` prints."""
        from etude.faces.treat_json import record_json

        return record_json(self.record)

    def __repr__(self) -> str:
        """What it came to, and what was changed, in a few lines."""
        from etude.faces.treat_words import headline, repr_lines, subline

        return "\n".join([headline(self.record), subline(self.record), *repr_lines(self.record)])

    def _repr_html_(self) -> str:
        from etude.faces.treat_page import fragment

        return fragment(self.record)
