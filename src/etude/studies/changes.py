"""What a treatment changes, as a person reads it."""

from etude.studies.design import level_text
from etude.values.recipe import Recipe, differing_fields, field_value
from etude.values.treatment import Change, Setting


def changes_of(before: Setting, after: Setting) -> tuple[Change, ...]:
    """Each field that differs, with its value on both sides; of a user's own fields one that is missing is "none".

    >>> changes_of({"rate": 0.1, "epochs": 3}, {"rate": 0.3, "epochs": 3})
    (Change(field='rate', before='0.1', after='0.3'),)
    """
    if isinstance(before, Recipe) and isinstance(after, Recipe):
        return tuple(
            Change(path, *(level_text(field_value(side, path)) for side in (before, after)))
            for path in differing_fields(before, after)
        )
    one, other = dict(before), dict(after)
    names = [*one, *(name for name in other if name not in one)]
    return tuple(
        Change(name, level_text(one.get(name)), level_text(other.get(name)))
        for name in names
        if one.get(name) != other.get(name)
    )
