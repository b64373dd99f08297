"""Time series from a pair of files."""

import numpy as np
import pytest

from etude.data.load import check, kind_of, load
from etude.values.data import Series
from etude.values.errors import DataError

HEADER = "@classLabel true up down\n@data\n"


@pytest.fixture
def pair(tmp_path):
    """Rising and falling series of one channel, of 3 to 5 values."""
    lines = ["1,2,3:up", "3,2,1:down", "1,2,3,4:up", "4,3,2,1:down", "2,3,4,5,6:up", "6,5,4,3,2:down"] * 5
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"Slopes_{part}.ts").write_text(HEADER + "\n".join(lines), encoding="utf-8")
    return tmp_path


def test_a_shorter_series_ends_in_nan_and_each_channel_is_scaled_by_the_training_part(pair):
    splits = load(Series(series=str(pair / "Slopes_TRAIN.ts")), seed=0, replicate=0)
    assert splits.form == (5, 1)
    assert splits.classes == ("down", "up")
    assert set(np.isfinite(splits.train.inputs).sum(axis=1)) == {3, 4, 5}
    assert (np.diff(np.isnan(splits.train.inputs).astype(int), axis=1) >= 0).all()  # never a number after the end
    assert np.nanmean(splits.train.inputs) == pytest.approx(0, abs=1e-6)
    assert np.nanstd(splits.train.inputs) == pytest.approx(1, abs=1e-6)
    assert kind_of(Series(series=str(pair / "Slopes_TRAIN.ts"))) == "binary"


def test_a_set_is_found_by_its_name_in_a_folder(pair):
    by_name = load(Series(series="Slopes", folder=str(pair)), seed=0, replicate=0)
    assert by_name.checksum == load(Series(series=str(pair / "Slopes_TRAIN.ts")), seed=0, replicate=0).checksum


def test_the_official_test_set_is_the_same_in_every_replicate(pair):
    data = Series(series=str(pair / "Slopes_TRAIN.ts"))
    assert len({load(data, seed=0, replicate=r).test.targets.tobytes() for r in range(3)}) == 1


def test_a_class_without_a_series_is_noted_and_an_endless_series_refused(pair):
    train = pair / "Slopes_TRAIN.ts"
    train.write_text(train.read_text().replace("true up down", "true up down flat"), encoding="utf-8")
    assert "no series to learn from is of class 'flat'" in load(Series(series=str(train)), seed=0, replicate=0).notes
    train.write_text(HEADER + "1,2:up\n" + "1," * 10_000 + "1:down\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 4, channel 1 is a series of length 10,001.*at most 10,000"):
        check(Series(series=str(train)))


def test_what_is_not_a_pair_is_refused(pair):
    with pytest.raises(DataError, match=r"no series called 'Nothing'.*pip install --no-deps aeon"):
        check(Series(series="Nothing", folder=str(pair)))
    (pair / "Slopes_TEST.ts").unlink()
    with pytest.raises(DataError, match=r"Slopes_TEST\.ts: no such file. A set is a pair"):
        check(Series(series=str(pair / "Slopes_TRAIN.ts")))
    with pytest.raises(DataError, match="Name the training file so"):
        check(Series(series=str(pair / "Slopes.ts")))


def test_files_of_unlike_channels_are_refused(pair):
    (pair / "Slopes_TEST.ts").write_text(HEADER + "1,2:3,4:up\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"series of \{1, 2\} channels"):
        check(Series(series=str(pair / "Slopes_TRAIN.ts")))
