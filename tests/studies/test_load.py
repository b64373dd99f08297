"""From a name or a file to a plan."""

import pytest

from etude.studies.design import arms_of
from etude.studies.journey import JOURNEY
from etude.studies.load import load_plan, read_plan
from etude.values.errors import RecipeError

RECIPE = 'loss = "bce"\nepochs = 3\n[data]\ntask = "sincos"\n'
STUDY = 'replicates = 7\n[base]\nloss = "bce"\nseed = 3\n[base.data]\ntask = "sincos"\n[vary]\nhidden = [[2], [4]]\n'


@pytest.fixture
def file(tmp_path):
    def write(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_bare_recipe_is_a_study_of_one_arm_named_after_its_file(file):
    plan = read_plan(file(RECIPE))
    assert (plan.name, plan.base.epochs) == ("mine", 3)
    assert [arm.recipe for arm in arms_of(plan)] == [plan.base]


def test_a_bare_recipe_may_have_a_title(file):
    plan = read_plan(file('title = "Half moons"\nloss = "bce"\ndata = { task = "moons" }'))
    assert (plan.title, plan.base.loss) == ("Half moons", "bce")


def test_a_byte_order_mark_is_no_part_of_the_text(file):
    assert read_plan(file("\ufeff" + RECIPE)) == read_plan(file(RECIPE))


@pytest.mark.parametrize("prefix", ["", "base."])
def test_a_relative_table_is_found_from_the_file_not_from_here(file, tmp_path, monkeypatch, prefix):
    study = f'{prefix}loss = "bce"\n[{prefix}data]\ntable = "rows/mine.csv"\ntarget = "y"\n'
    monkeypatch.chdir("/")
    assert read_plan(file(study)).base.data.table == str(tmp_path / "rows" / "mine.csv")


@pytest.mark.parametrize(
    ("field", "path", "name"), [("series", "S_TRAIN.ts", "Vowels"), ("text", "t.txt", "moby_dick")]
)
def test_a_relative_text_or_series_is_a_file_where_it_has_an_ending_and_else_a_name(file, tmp_path, field, path, name):
    study = 'loss = "cross_entropy"\nmodel = "recurrent"\ndata = {{{} = "{}"}}\n'
    beside = read_plan(file(study.format(field, path))).base.data
    assert dict(beside)[field] == str(tmp_path / path)
    assert dict(read_plan(file(study.format(field, name))).base.data)[field] == name


def test_an_absolute_table_stays_and_a_home_folder_is_followed(file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given, meant in ((tmp_path / "t.csv", tmp_path / "t.csv"), ("~/t.csv", tmp_path / "home" / "t.csv")):
        plan = read_plan(file(f'loss = "bce"\ndata = {{table = "{given}", target = "y"}}\n'))
        assert plan.base.data.table == str(meant)


def test_replicates_and_seed_may_be_replaced_and_nothing_else_changes(file):
    path = str(file(STUDY))
    plan, other = load_plan(path), load_plan(path, replicates=9, seed=5)
    assert (plan.replicates, plan.base.seed) == (7, 3)
    assert (other.replicates, other.base.seed) == (9, 5)
    assert load_plan(path, replicates="until decided").replicates == "until decided"
    kept = {name: value for name, value in dict(other).items() if name not in ("replicates", "base")}
    assert kept == {name: dict(plan)[name] for name in kept}
    assert other.base.data == plan.base.data


def test_seed_zero_is_a_seed(file):
    assert load_plan(str(file(STUDY)), seed=0).base.seed == 0


def test_a_built_in_study_is_found_by_name_and_an_unknown_name_gets_the_nearest():
    assert load_plan("journey") == JOURNEY
    with pytest.raises(RecipeError, match=r"no built-in study and no file is called 'jurney'. Did you mean 'journey'"):
        load_plan("jurney")


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(RecipeError, match=r"absent.toml: no such file"):
        load_plan(str(tmp_path / "absent.toml"))


@pytest.mark.parametrize(
    "broken",
    ["loss = ", "x = " + 9_000 * "[" + 9_000 * "]", "x = " + 5_000 * "9"],
    ids=["half a line", "endless nesting", "endless number"],
)
def test_what_no_reader_of_toml_can_take_is_refused_by_name(file, broken):
    with pytest.raises(RecipeError, match=r"mine.toml: not TOML.*Nothing was run"):
        read_plan(file(broken))


def test_what_is_no_text_is_refused_by_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"mine.toml: cannot be read as text"):
        read_plan(path)


def test_what_is_wrong_inside_is_said_with_the_file(file):
    with pytest.raises(RecipeError, match=r"(?s)mine.toml: .*epochs.*Nothing was run"):
        read_plan(file(RECIPE.replace("3", "0")))
