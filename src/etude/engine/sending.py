"""A run on its way between processes: what is sent, and the run as it would be had it been made here."""

from dataclasses import replace
from types import MappingProxyType

from etude.values.code import Code
from etude.values.curve import Curve, curve
from etude.values.recipe import Recipe
from etude.values.run import Run


def stripped(run: Run) -> Run:
    """The run without its recipe, which whoever asked has, and as plain mappings, which can be sent.

    >>> stripped(Run("replicate 0", MappingProxyType({}))).curves
    {}
    """
    return replace(run, recipe=None, arrays=dict(run.arrays), provenance=dict(run.provenance), curves=dict(run.curves))


def restored(run: Run, recipe: Recipe) -> Run:
    """A run that was sent, frozen and with its recipe again.

    >>> recipe = Recipe(data={"task": "xor"}, loss="bce", epochs=1)
    >>> restored(stripped(Run("replicate 0", MappingProxyType({}))), recipe).recipe is recipe
    True
    """
    for array in run.arrays.values():
        array.setflags(write=False)
    return replace(
        run,
        recipe=recipe,
        curves=MappingProxyType({name: _frozen(made) for name, made in run.curves.items()}),
        arrays=MappingProxyType(dict(run.arrays)),
        provenance=MappingProxyType(dict(run.provenance)),
    )


def title(recipe: Recipe) -> str:
    """What an error calls a recipe.

    >>> title(Recipe(data={"task": "xor"}, loss="bce", epochs=5)).rpartition("), ")[2]
    "loss 'bce' and 5 epochs"
    """
    model = recipe.model.name if isinstance(recipe.model, Code) else repr(recipe.model)
    loss = recipe.loss.name if isinstance(recipe.loss, Code) else repr(recipe.loss)
    return f"the recipe with model {model}, loss {loss} and {recipe.epochs} epochs"


def _frozen(made: Curve) -> Curve:
    return curve(made.name, made.steps, made.values, unit=made.unit, standard_errors=made.standard_errors)
