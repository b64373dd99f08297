"""The frozen, self-checking record that recipes and studies are made of: pydantic, with errors in our words."""

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from etude.values.errors import EtudeError, RecipeError
from etude.values.nearest import nearest


class Spec(BaseModel):
    """A record of named fields, validated once and then frozen; equal when its fields are equal."""

    told_by: ClassVar[str] = "name"
    """The field that a person would name it by, where it has that field."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401 - pydantic checks the types
        """Check every field; a RecipeError names the first wrong one and what would be right."""
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _explained(error, type(self)) from error


def _explained(error: ValidationError, kind: type[BaseModel]) -> EtudeError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if not _INNER.match(str(part)))
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, EtudeError):  # one of our own validators, or a field that is itself a Spec, said it all
        return type(cause)(f"{where}: {cause}" if where else str(cause))
    title = kind.__name__.lower()
    if first["type"] == "extra_forbidden":
        return RecipeError(f"{title} has no field {where[:80]!r}. {nearest(where, kind.model_fields)}")
    if first["type"] == "missing":
        return RecipeError(f"{title} needs the field {where!r}, which is missing. {_about(kind, where)}")
    got = repr(first["input"])
    got = got if len(got) <= 80 else got[:77] + "..."
    place = f"{title}.{where}" if where else title
    says = first["msg"].removeprefix("Value error, ")
    return RecipeError(f"{place}: {says} (got {got}). {_about(kind, where)}".rstrip())


_INNER = re.compile(r"literal\[|function-|\w+-instance")
"""Places that pydantic names and nobody wrote: the branches of a union."""


def _about(kind: type[BaseModel], where: str) -> str:
    field = kind.model_fields.get(where.partition(".")[0])
    return f"It is {field.description}." if field and field.description else ""
