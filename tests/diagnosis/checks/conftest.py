"""Cases made of a few curves."""

import numpy as np
import pytest

from etude.diagnosis.case import case_of
from etude.values.curve import curve
from etude.values.run import Run


@pytest.fixture
def case():
    """A case from named values: at steps 1, 2, …, or where a pair (steps, values) says so."""

    def make(curves, *, recipe=None, errors=None, unit="", provenance=None, **fields):
        made = {}
        for name, given in curves.items():
            steps, values = given if isinstance(given, tuple) else (np.arange(1, len(given) + 1), given)
            error = (errors or {}).get(name)
            standard = None if error is None else np.full(len(values), error)
            made[name] = curve(name, steps, values, unit=unit, standard_errors=standard)
        last = max((int(one.steps[-1]) for one in made.values() if one.steps.size), default=0)
        given = {"last_step": last, "kept_step": last, **fields}
        return case_of(Run("run", made, recipe=recipe, provenance=provenance or {}, **given))

    return make
