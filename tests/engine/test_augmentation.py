"""Images mirrored and moved: which, how far, and that chance alone decides."""

import numpy as np
import pytest
import torch

from etude.data.load import load
from etude.engine.augmentation import augmented
from etude.engine.engines import check
from etude.engine.trial import prepare
from etude.numerics.seeds import hashed_uniform, key
from etude.values.augment import Augment
from etude.values.data import Arrays
from etude.values.errors import RecipeError
from etude.values.recipe import Recipe

BLACK = -1.5
CHANCE = key(0, 0, "augment")
IMAGES = torch.arange(40 * 2 * 3 * 4, dtype=torch.float32).reshape(40, 2, 3, 4)


def shown(how, rows=None, epoch=1):
    rows = torch.arange(40) if rows is None else rows
    return augmented(IMAGES[rows], rows, how, chance=CHANCE, epoch=epoch, black=BLACK)


def test_half_of_the_images_are_mirrored_and_the_others_left_alone():
    made = shown(Augment(flip=True))
    mirrored = [bool((made[i] == IMAGES[i].flip(-1)).all()) for i in range(40)]
    alone = [bool((made[i] == IMAGES[i]).all()) for i in range(40)]
    assert [m != a for m, a in zip(mirrored, alone, strict=True)] == [True] * 40
    assert 10 <= sum(mirrored) <= 30  # 20 of 40 expected, three standard deviations are 9.5


def test_an_image_is_moved_by_what_its_numbers_say_and_black_comes_in():
    made, counters = shown(Augment(shift=1)), np.arange(40, dtype=np.uint64)
    up, left = (np.floor(3 * hashed_uniform(CHANCE, 1, what, counters)).astype(int) - 1 for what in (1, 2))
    for i in (int(np.flatnonzero((up == 1) & (left == -1))[0]), int(np.flatnonzero((up == -1) & (left == 0))[0])):
        expected = torch.full_like(IMAGES[i], BLACK)
        for y in range(3):
            for x in range(4):
                if 0 <= y + up[i] < 3 and 0 <= x + left[i] < 4:
                    expected[:, y, x] = IMAGES[i][:, y + up[i], x + left[i]]
        assert (made[i] == expected).all()


def test_nothing_asked_changes_nothing():
    assert (shown(Augment()) == IMAGES).all()


def test_an_image_changes_in_the_same_way_whatever_batch_it_is_in_and_otherwise_in_another_epoch():
    how = Augment(flip=True, shift=2)
    assert (shown(how, rows=torch.tensor([7, 3, 30]))[1] == shown(how)[3]).all()
    assert not (shown(how, epoch=2) == shown(how)).all()


def test_what_are_no_images_cannot_be_mirrored():
    with pytest.raises(RecipeError, match="augment mirrors and moves images, and this data are none"):
        check(Recipe(data={"task": "sincos"}, loss="bce", augment={"flip": True}))


def test_images_of_your_own_are_moved_over_what_is_darkest_in_them():
    pixels = np.random.default_rng(0).uniform(10, 250, (60, 1, 6, 6))
    data = Arrays(inputs=pixels, targets=np.arange(60) % 3)
    recipe = Recipe(data=data, model={"name": "convnet"}, loss="cross_entropy", augment={"shift": 3}, batch_size=20)
    splits = load(recipe.data, seed=0, replicate=0)
    trial, darkest = prepare(recipe, splits, 0, device=torch.device("cpu")), splits.train.inputs.min()
    batches = [inputs for inputs, _ in trial.batches(1)]
    assert min(inputs.min() for inputs in batches) == darkest
    assert np.mean([(inputs == darkest).float().mean() for inputs in batches]) > 0.2
