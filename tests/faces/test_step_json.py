"""Steps as JSON: what the schema in docs promises, and every field of a record."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from etude.faces.step_json import seen_json
from etude.faces.stepping import Seen
from etude.studies.under_glass import Contrast, UnderGlass
from etude.values import step_record

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "step.schema.json").read_text(encoding="utf-8"))
VALUES = {name: value for name, value in vars(step_record).items() if dataclasses.is_dataclass(value)}
VALUES |= {"UnderGlass": UnderGlass, "Contrast": Contrast}


def errors(found):
    validator = pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA)
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(found)]


def read(*records, **more):
    return json.loads(seen_json(Seen("two inputs", records), **more), parse_constant=pytest.fail)


def test_the_output_is_as_the_schema_says(steps):
    found = read(*steps, report=Path("page.html"))
    assert errors(found) == []
    del found["steps"][0]["worked"]["regime"]
    assert errors(found) == ["['steps', 0, 'worked']: 'regime' is a required property"]


def test_so_is_that_of_a_record_of_totals(steps):
    tensors = tuple(
        replace(
            one,
            weights=None, gradient=None, step=None,
            parts=tuple(replace(part, values=None) for part in one.parts),
            factors=tuple(replace(factor, values=None) for factor in one.factors),
        )
        for one in steps[0].tensors
    )  # fmt: skip
    less = {name: None for name in ("path", "pulls", "noise", "curvature", "line", "boundary", "network", "provenance")}
    found = read(replace(steps[0], tensors=tensors, **less))
    assert errors(found) == []
    assert found["steps"][0]["path"] is None
    assert found["report"] is None


@pytest.mark.parametrize("name", VALUES)
def test_every_field_of_every_value_is_in_the_schema_and_no_other(name):
    fields = [field.name for field in dataclasses.fields(VALUES[name])]
    assert list(SCHEMA["$defs"][name]["properties"]) == fields
    assert SCHEMA["$defs"][name]["required"] == fields


def test_arrays_are_nested_lists_and_what_is_not_finite_is_null(steps):
    line = replace(steps[0].line, along_step=np.array([1.0, np.inf]))
    odd = replace(steps[0], line=line, penalty=float("nan"), settings=MappingProxyType({"momentum": np.float32(0.5)}))
    (found,) = read(odd)["steps"]
    assert found["line"]["along_step"] == [1.0, None]
    assert found["penalty"] is None
    assert found["settings"] == {"momentum": 0.5}
    weights = found["tensors"][0]["weights"]
    assert weights == steps[0].tensors[0].weights.tolist()


def test_numbers_come_back_bit_for_bit(steps):
    (found,) = read(steps[1])["steps"]
    assert found["worked"]["first"] == steps[1].worked.first
    assert found["pulls"]["all_pulls"] == steps[1].pulls.all_pulls.tolist()
