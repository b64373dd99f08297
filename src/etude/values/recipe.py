"""A recipe: everything that determines a run, the same from Python and from TOML."""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, field_serializer, field_validator

from etude.values.augment import Augment
from etude.values.code import Code
from etude.values.data import Arrays, Data, as_data
from etude.values.errors import RecipeError
from etude.values.model import Mlp, Model
from etude.values.nearest import nearest
from etude.values.optimizer import Adam, EarlyStopping, Optimizer, Schedule
from etude.values.spec import Spec

LossName = Literal["bce", "mse", "cross_entropy", "l1", "huber"]


class Recipe(Spec):
    """Everything that determines a run, but for which replicate of it this is.

    The data pool, label flips, split, initialisation, order and dropout of replicate r are all derived from
    (`seed`, r) and nothing else, so two recipes that differ in one field share every draw that both make.
    """

    data: Data = Field(description="a table with a key that says where rows come from, such as 'task' or 'table'")
    model: Model = Field(Mlp(), description="a table with a name, such as {name = 'mlp', hidden = [5]}")
    loss: LossName | Code = Field(
        description="'bce', 'mse' or 'cross_entropy' for classes; 'mse', 'l1' or 'huber' for numbers"
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of a label that is given to all classes alike, the right one too; for classes only",
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none",
        description="'balanced' counts each class alike in the loss: a row weighs by how rare its class is in training",
    )
    optimizer: Optimizer = Field(Adam(), description="a table with a name: sgd, rmsprop, adam or adamw")
    schedule: Schedule = Field(Schedule(), description="a table with a name: constant, step or cosine")
    epochs: int = Field(100, ge=1, description="passes over the training part")
    batch_size: int | None = Field(None, ge=1, description="examples a step; None: the whole training part")
    augment: Augment | None = Field(None, description="a table with flip and shift, for images")
    clip_norm: float | None = Field(None, gt=0, description="the largest gradient norm that passes unscaled")
    early_stopping: EarlyStopping | None = Field(None, description="a table with patience, in epochs")
    stop_on_divergence: bool = Field(
        default=True, description="end a run at its first training loss that is not finite"
    )
    score_every: int | None = Field(None, ge=1, description="epochs between two scorings; None: 100 scorings in all")
    seed: int = Field(0, ge=0, description="the number all chance is derived from")

    @field_validator("batch_size", "augment", "clip_norm", "early_stopping", "score_every", mode="before")
    @classmethod
    def _none_in_words(cls, given: object) -> object:
        return None if given == "none" else given  # TOML has no word for it

    @field_validator("augment")
    @classmethod
    def _nothing_is_none(cls, augment: Augment | None) -> Augment | None:
        return None if augment == Augment() else augment

    @field_validator("data", mode="before")
    @classmethod
    def _own_arrays(cls, given: object) -> object:
        return as_data(given)

    @field_validator("model", "loss", mode="before")
    @classmethod
    def _own_code(cls, given: object) -> object:
        return Code(function=given) if callable(given) and not isinstance(given, Spec) else given

    @field_validator("model", "optimizer", "schedule", mode="before")
    @classmethod
    def _bare_name(cls, given: object) -> object:
        return {"name": given} if isinstance(given, str) else given

    @field_validator("optimizer", "schedule", mode="before")
    @classmethod
    def _made_by_us(cls, given: object) -> object:
        if callable(given):
            raise RecipeError(
                "is a class or function, and étude makes its own, so that every replicate starts afresh: "
                "etude.adam(learning_rate=0.01) in Python, {name = 'adam', learning_rate = 0.01} in TOML."
            )
        return given

    @field_serializer("data", "model", "loss")
    def _plain(self, value: Any) -> Any:  # noqa: ANN401 - whatever the field holds
        if isinstance(value, Code):
            return {"code": value.name, "checksum": value.checksum}
        if isinstance(value, Arrays):
            left_out = {"inputs", "targets"} if value.form else {"inputs", "targets", "form"}
            return {**value.model_dump(exclude=left_out), "arrays": list(value.inputs.shape)}
        return value.model_dump() if isinstance(value, Spec) else value

    @property
    def checksum(self) -> str:
        """sha256 of every field: the recipe's identity in the store."""
        plain = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(plain.encode()).hexdigest()


OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "lr": "optimizer.learning_rate",
        "l2": "optimizer.coupled_weight_decay",
        "weight_decay": "optimizer.coupled_weight_decay (or decoupled_weight_decay, with adamw)",
        "width": "model.hidden",
        "batch_norm": "model.norm",
        "layer_norm": "model.norm",
        "skip": "model.residual",
        "init": "model.initialisation",
        "class_weight": "class_weights",
        "steps": "epochs",
        "iterations": "epochs",
    }
)
"""What other libraries call some fields."""


def field_path(recipe: Recipe, name: str) -> str:
    """The full path of a field, from its path or from its last word where only one field ends in it.

    >>> field_path(Recipe(data={"task": "sincos"}, loss="bce"), "learning_rate")
    'optimizer.learning_rate'
    """
    paths = list(_paths(recipe))
    if name in paths:
        return name
    ending = [path for path in paths if path.rpartition(".")[2] == name]
    if len(ending) == 1:
        return ending[0]
    if name in OTHER_NAMES:
        raise RecipeError(f"a recipe calls {name!r} {OTHER_NAMES[name]!r}.")
    if ending:
        raise RecipeError(f"{name!r} could be {' or '.join(sorted(ending))}. Write the one you mean in full.")
    raise RecipeError(f"a recipe has no field {name!r}. {nearest(name, paths)}")


def changed(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with some fields set anew, each named by its path; everything is checked again.

    >>> changed(Recipe(data={"task": "sincos"}, loss="bce"), {"loss": "mse", "hidden": [7]}).model.hidden
    (7,)
    """
    fields: dict[str, Any] = dict(recipe)
    for name, value in settings.items():
        head, _, tail = field_path(recipe, name).partition(".")
        if not tail:
            fields[head] = value
            continue
        inner = fields[head]
        fields[head] = {**(dict(inner) if isinstance(inner, Spec) else inner), tail: value}
    return Recipe(**fields)


def _paths(recipe: Recipe) -> list[str]:
    names = []
    for head, value in recipe:
        names.append(head)
        if isinstance(value, Spec) and not isinstance(value, Code):
            names += [f"{head}.{tail}" for tail in type(value).model_fields if tail != "name"]
    return names


def differing_fields(one: Recipe, other: Recipe) -> tuple[str, ...]:
    """The paths in which two recipes differ; a part of another kind (Adam against SGD) counts as one field.

    >>> base = Recipe(data={"task": "sincos"}, loss="bce")
    >>> differing_fields(base, changed(base, {"loss": "mse", "hidden": [7]}))
    ('model.hidden', 'loss')
    """
    found: list[str] = []
    for head, mine in one:
        theirs = getattr(other, head)
        if mine == theirs:
            continue
        same_kind = isinstance(mine, Spec) and type(mine) is type(theirs) and not isinstance(mine, Code | Arrays)
        if not same_kind or mine.__dict__.get("name") != theirs.__dict__.get("name"):
            found.append(head)
            continue
        found += [f"{head}.{tail}" for tail, value in mine if theirs.__dict__[tail] != value]
    return tuple(found)


def field_value(recipe: Recipe, path: str) -> Any:  # noqa: ANN401 - whatever the field holds
    """The value at a full path such as ``"optimizer.learning_rate"``; None where this recipe's part has no such field.

    >>> field_value(Recipe(data={"task": "sincos"}, loss="bce"), "optimizer.learning_rate")
    0.001
    """
    head, _, tail = path.partition(".")
    value = dict(recipe)[head]
    return dict(value).get(tail) if tail else value
