"""Published sets of images: the genuine ones where they are on this machine, and what is said where they are not."""

import dataclasses
import hashlib

import numpy as np
import pytest

from etude.data.fetch import found
from etude.data.images import COLLECTIONS, Collection, Edition
from etude.data.load import check, fetch, kind_of, limits, load
from etude.values.data import Images
from etude.values.errors import DataError, RecipeError

HERE = {name: all(found(file) for file in of.edition().files) for name, of in COLLECTIONS.items()}


def genuine(name):
    return pytest.param(
        name, marks=pytest.mark.skipif(not HERE[name], reason=f"{name} is not here; `make sets` has it")
    )


@pytest.mark.parametrize("name", [genuine("mnist"), genuine("fashion_mnist")])
def test_a_genuine_set_has_60000_images_to_learn_from_and_10000_to_test_on(name):
    splits = load(Images(images=name), seed=0, replicate=0)
    assert splits.form == (1, 28, 28)
    assert [len(part.targets) for part in splits.parts().values()] == [54_000, 6_000, 10_000]
    assert splits.train.inputs.min() == np.float32(-127 / 128)  # black
    assert splits.train.inputs.max() == 1  # white
    assert kind_of(Images(images=name)) == "multiclass"
    assert limits(Images(images=name), seed=0)["accuracy"].chance == pytest.approx(0.1)


@pytest.mark.parametrize("name", [genuine("mnist")])
def test_the_first_test_image_of_mnist_is_the_famous_seven(name):
    splits = load(Images(images=name, rows=100), seed=0, replicate=0)
    assert splits.test.targets[:5].tolist() == [7, 2, 1, 0, 4]
    ink = splits.test.inputs[0].reshape(28, 28) > 0
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert (rows.min(), rows.max()) == (7, 26)
    assert ink[7:10].sum() > ink[20:23].sum()  # the bar of a seven is above
    assert columns.min() >= 4


@pytest.mark.parametrize("name", [genuine("cifar10")])
def test_cifar_has_the_images_and_the_mean_colours_that_are_known_of_it(name):
    splits = load(Images(images=name), seed=0, replicate=0)
    assert splits.form == (3, 32, 32)
    assert [len(part.targets) for part in splits.parts().values()] == [45_000, 5_000, 10_000]
    assert [splits.classes[int(i)] for i in splits.test.targets[:4]] == ["cat", "ship", "ship", "airplane"]
    learned = np.concatenate([splits.train.inputs, splits.validation.inputs]).reshape(-1, 3, 1024)
    colours = (learned.mean(axis=(0, 2), dtype=np.float64) * 128 + 127) / 255
    assert colours == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-4)


@pytest.mark.parametrize("name", [genuine("mnist")])
def test_replicates_draw_their_own_images_and_share_the_official_test_set(name):
    one, other = (load(Images(images=name, rows=200), seed=0, replicate=r) for r in (0, 1))
    assert one.checksum != other.checksum
    assert (one.test.inputs == other.test.inputs).all()


def test_an_edition_that_is_here_is_taken_and_one_with_other_bytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_DATA", str(tmp_path / "cache"))
    archive, batches = COLLECTIONS["cifar10"].editions
    assert COLLECTIONS["cifar10"].edition() is archive
    small = tuple(
        dataclasses.replace(file, checksum="sha256:" + hashlib.sha256(file.name.encode()).hexdigest(), size=None)
        for file in batches.files
    )
    collection = Collection("a small one", (archive, Edition(small, batches.read)))
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for file in small:
        (tmp_path / file.name).write_bytes(file.name.encode())
    assert collection.edition(str(tmp_path)).files == small
    assert collection.edition(str(folder)).files == small
    (tmp_path / small[0].name).write_bytes(b"other")
    with pytest.raises(DataError, match=r"data_batch_1\.bin has sha256"):
        collection.edition(str(tmp_path))


def test_a_set_that_is_not_here_says_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_DATA", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody answers, as if offline
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz is not on this machine"):
        fetch(Images(images="cifar10"))


def test_an_unknown_set_and_an_unknown_class_are_named_with_the_nearest():
    with pytest.raises(RecipeError, match=r"no set of images 'mnst'\. Did you mean 'mnist'\?"):
        check(Images(images="mnst"))


def test_a_share_is_a_share():
    with pytest.raises(RecipeError, match=r"class '9' has the share 1\.5"):
        Images(images="mnist", class_shares={9: 1.5})
    assert Images(images="mnist", class_shares={9: 0.5, "1": 0.2}).class_shares == (("1", 0.2), ("9", 0.5))
