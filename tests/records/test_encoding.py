"""Runs as bytes and back."""

from dataclasses import replace

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.records.encoding import EncodedRun, decoded, encoded, same_result
from etude.values.curve import Curve, curve
from etude.values.errors import StoreDamagedError, StoreError
from etude.values.recipe import Recipe
from etude.values.run import Run

any_bits = st.integers(0, 2**64 - 1)
any_text = st.text(st.characters(), max_size=12)  # lone surrogates, quotes and NUL included
odd_floats = st.one_of(any_bits.map(lambda b: np.uint64(b).view(np.float64)), st.floats(width=32), st.just(-0.0))
numbers = st.one_of(hnp.floating_dtypes(sizes=(16, 32, 64)), hnp.integer_dtypes(), hnp.complex_number_dtypes())
snapshots = hnp.arrays(st.one_of(numbers, hnp.boolean_dtypes()), hnp.array_shapes(min_dims=0, min_side=0, max_side=5))


@st.composite
def curves(draw) -> Curve:
    steps = sorted(draw(st.sets(st.integers(-(2**62), 2**62), max_size=20)))
    values, errors = (
        np.array(draw(st.lists(odd_floats, min_size=len(steps), max_size=len(steps))), dtype=np.float64)
        for _ in range(2)
    )
    given_errors = errors if draw(st.booleans()) else None
    return curve(draw(any_text), steps, values, unit=draw(any_text), standard_errors=given_errors)


@st.composite
def runs(draw) -> Run:
    drawn = draw(st.lists(curves(), max_size=4))
    return Run(
        name=draw(any_text),
        curves={c.name: c for c in drawn},
        ended=draw(st.sampled_from(["completed", "stopped early", "diverged", "unknown"])),
        last_step=draw(st.integers(0, 2**70)),
        kept_step=draw(st.integers(0, 2**70)),
        replicate=draw(st.none() | st.integers(0, 99)),
        arrays=draw(st.dictionaries(any_text, snapshots, max_size=3)),
        provenance=draw(st.dictionaries(any_text, any_text | st.integers() | st.floats(), max_size=3)),
        notes=tuple(draw(st.lists(any_text, max_size=2))),
    )


@given(run=runs(), key=any_text)
def test_a_run_comes_back_with_every_bit(run, key, plain):
    assert plain(decoded(encoded(key, run), None)) == plain(run)


def test_a_journey_run_takes_little_more_than_its_noise(make_run):
    # 26 columns of 101 doubles whose 52-bit mantissas are noise cannot become smaller than 24 · 101 · 6.5 bytes.
    noise = 24 * 101 * 6.5
    assert noise < len(encoded("k", make_run(0)).body) < 1.5 * noise


def test_even_steps_cost_almost_nothing():
    steps = curve("c", range(0, 10_000_000, 100), np.zeros(100_000))
    assert (
        len(encoded("k", Run("r", {"c": steps})).body) < 1_600_000 / 200
    )  # a match of deflate is of 258 bytes at most


def test_equal_arrays_are_kept_once():
    noise = np.random.default_rng(0).random(1000)
    once, twice = ({f"a{i}": noise for i in range(n)} for n in (1, 2))
    sizes = [len(encoded("k", Run("r", {}, arrays=arrays)).body) for arrays in (once, twice)]
    assert sizes[1] - sizes[0] < 50


def test_what_comes_back_cannot_be_changed(make_run):
    back = decoded(encoded("k", make_run(0)), None)
    with pytest.raises(ValueError, match="read-only"):
        back.arrays["weights/0.weight"][0] = 1
    with pytest.raises(TypeError):
        back.curves["more"] = back.curve("train/objective")


def test_a_big_endian_array_and_one_with_gaps_keep_their_values():
    arrays = {"big": np.array([1.5, -2.5], dtype=">f8"), "gaps": np.arange(12).reshape(3, 4)[::2, ::-1]}
    back = decoded(encoded("k", Run("r", {}, arrays=arrays)), None).arrays
    np.testing.assert_array_equal(back["big"], [1.5, -2.5])
    np.testing.assert_array_equal(back["gaps"], [[3, 2, 1, 0], [11, 10, 9, 8]])


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["a"]), np.zeros(2, dtype=np.longdouble)])
def test_an_array_of_anything_but_portable_numbers_is_refused(array):
    with pytest.raises(StoreError, match=r"'a' is an array of .* Nothing was stored"):
        encoded("k", Run("r", {}, arrays={"a": array}))


def test_a_fact_that_is_no_word_or_number_is_refused():
    with pytest.raises(StoreError, match=r"words and numbers, not set"):
        encoded("k", Run("r", {}, provenance={"seen": {1}}))


def test_numpy_numbers_among_the_facts_become_numbers():
    run = Run("r", {}, last_step=np.int64(7), provenance={"threads": np.int32(2), "seconds": np.float32(0.5)})
    back = decoded(encoded("k", run), None)
    assert (back.last_step, dict(back.provenance)) == (7, {"threads": 2, "seconds": 0.5})


def test_the_recipe_is_rebuilt_from_what_was_stored(make_run):
    assert decoded(encoded("k", make_run(0)), None).recipe == make_run(0).recipe


def test_a_recipe_with_the_users_arrays_cannot_be_rebuilt_and_the_run_says_so():
    recipe = Recipe(data=(np.zeros((4, 1)), np.array([0, 1, 0, 1])), loss="bce")
    kept = encoded("k", Run("r", {}, recipe=recipe, notes=("first",)))
    alone = decoded(kept, None)
    assert alone.recipe is None
    assert alone.notes[0] == "first"
    assert "user's own code or arrays" in alone.notes[1]
    asked = decoded(kept, recipe)
    assert (asked.recipe, asked.notes) == (recipe, ("first",))


@pytest.fixture(scope="module")
def scored() -> Run:
    errors = curve("test/brier", [1, 2, 3], [0.3, 0.2, 0.1], standard_errors=[0.01, 0.02, 0.03])
    return Run("r", {errors.name: errors}, recipe=Recipe(data={"task": "sincos"}, loss="bce"))


@pytest.mark.parametrize("bits", [0x01, 0x10, 0x80, 0xFF])
def test_every_changed_byte_is_noticed(bits: int, scored: Run):
    body = encoded("k", scored).body
    for place in range(len(body)):
        with pytest.raises(StoreDamagedError):
            decoded(EncodedRun("k", body[:place] + bytes([body[place] ^ bits]) + body[place + 1 :]), None)


def test_damage_to_a_curve_names_it_and_how_many_lie_with_it(scored: Run):
    body = bytearray(encoded("k", scored).body)
    body[-1] ^= 0x10  # the last block is of the numbers that need 64 bits: values and their standard errors
    with pytest.raises(StoreDamagedError, match=r"^curve 'test/brier' or one of 1 more does not match its checksum$"):
        decoded(EncodedRun("k", bytes(body)), None)


def test_bytes_that_are_cut_off_anywhere_or_added_are_noticed(scored: Run):
    body = encoded("k", scored).body
    for size in range(len(body)):
        with pytest.raises(StoreDamagedError):
            decoded(EncodedRun("k", body[:size]), None)
    with pytest.raises(StoreDamagedError, match="1 bytes follow"):
        decoded(EncodedRun("k", body + b"."), None)


def test_the_bytes_of_another_run_are_noticed(make_run):
    with pytest.raises(StoreDamagedError, match="that of run a"):
        decoded(EncodedRun("b", encoded("a", make_run(0)).body), None)


def test_a_run_that_only_took_longer_has_the_same_result(make_run):
    quick = encoded("k", make_run(0))
    slow = encoded("k", replace(make_run(0), name="again", provenance={"seconds": 99.0}, notes=("slow",)))
    assert same_result(quick, slow)
    assert not same_result(quick, encoded("k", make_run(1)))


@pytest.mark.parametrize(
    "change",
    [
        {"ended": "diverged"},
        {"last_step": 1501},
        {"kept_step": 1400},
        {"replicate": 1},
        {"arrays": {}},
        {"curves": {"c": curve("c", [1], [0.0], unit="nats")}},
        {"curves": {"c": curve("c", [1], [-0.0])}},
        {"curves": {"c": curve("c", [1], [0.0], standard_errors=[0.0])}},
    ],
)
def test_whatever_differs_in_a_result_makes_it_another(change, make_run):
    before = replace(make_run(0), curves={"c": curve("c", [1], [0.0])})
    assert not same_result(encoded("k", before), encoded("k", replace(before, **change)))
