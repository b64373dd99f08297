"""The ready studies, each at a reduced size from plan to page; what they say of the world is not tested here."""

import pytest

from etude.data.load import check
from etude.faces.report import write_report
from etude.records.store import open_store
from etude.studies.collect import Means
from etude.studies.execute import execute
from etude.studies.load import BUILT_IN, load_plan
from etude.values.errors import DataError, EtudeError
from etude.values.recipe import changed
from etude.values.study import Plan

SMALL = {
    "cifar10": {"data.rows": 90, "data.test_rows": 40},
    "mnist": {"data.rows": 90, "data.test_rows": 40},
    "transfer": {"data.rows": 90, "data.test_rows": 40},
    "memory": {"data.rows": 40, "data.test_rows": 100},
    "dropout-vs-l2": {"data.test_rows": 100},
    "attention": {},
}


def is_here(name: str) -> bool:
    try:
        check(load_plan(name).base.data)
    except DataError:
        return False
    return True


def test_every_ready_study_is_tried_here():
    assert set(SMALL) == set(BUILT_IN) - {"journey"}


@pytest.mark.parametrize("name", SMALL)
def test_it_goes_from_its_name_to_a_page(name, tmp_path):
    if not is_here(name):
        pytest.skip("its data are not here; `make sets` has most of them")
    plan = load_plan(name, replicates=2)
    small = Plan(**{**dict(plan), "base": changed(plan.base, {"epochs": 1, "score_every": 1, **SMALL[name]})})
    with open_store(tmp_path / "runs.db") as store:
        try:
            result = execute(small, store, means=Means(workers=1), watch=lambda _: None)
        except EtudeError as error:
            pytest.fail(str(error))
    page = write_report(result, tmp_path / "page.html", command=f"etude run {name}")
    assert plan.title in page.read_text(encoding="utf-8")
    assert len(result.judgements) == len(plan.claims)
