# %% [markdown]
# # 8 · Colour and augmentation
#
# **Can a network learn more from the same images, if we show them mirrored and moved?**
#
# You need convolution (lesson 7), and what overfitting is (lesson 6). "CIFAR-10" is on the learner's list: small colour
# photographs of ten kinds of things. Labelled photographs cost money, and changing them is free. The learner wrote that
# regularisation is medicine, to be given where there is overfitting. Here is one of its oldest forms.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import etude
from etude.data.load import fetch, load
from etude.faces.lesson import Lesson
from etude.values.claim import Claim, Contrast
from etude.values.data import Arrays, Images
from etude.values.errors import EtudeError

lesson = Lesson(8)
torch.set_num_threads(1)

# %% [markdown]
# ## Your prediction
#
# 1. A convolutional network learns from 200 handwritten digits. In each epoch every image is *mirrored* with
#    probability ½. Better, worse, or no difference on new digits? And if each is *moved* a little instead?
# 2. The same with 400 photographs of aeroplanes, cats, ships and so on: does mirroring help there?
# 3. Would the photographs do as well in grey?
#
# ## What augmentation says
#
# An **augmentation** changes an image by chance, in a way that leaves its class alone, each time it is learned from.
# Instead of the mean loss over $n$ images, one minimises the mean loss over all their changed versions $g \cdot x$:
#
# $$ R(f) \;=\; \frac1n \sum_{i=1}^{n} \; \mathbb{E}_{g} \; \ell\bigl(f(g \cdot x_i),\; y_i\bigr) . $$
#
# In words: whatever $g$ does to $x_i$, the answer is to stay $y_i$. So it is a statement about the world, and such a
# statement can be true or false. (Simard, Steinkraus and Platt 2003; Chen, Dobriban and Lee 2020 for the theory.)
#
# In code it is a layer that does something in training only; images that are scored stay as they are.


# %%
class Changed(nn.Module):
    """Images, in training mirrored by chance, or moved by up to `reach` pixels each way."""

    def __init__(self, shape, *, mirror=False, reach=0):
        super().__init__()
        self.shape, self.mirror, self.reach = shape, mirror, reach

    def forward(self, rows):
        images = rows.view(-1, *self.shape)
        if not self.training:
            return images
        if self.mirror:
            heads = torch.rand(len(images), 1, 1, 1) < 0.5
            images = torch.where(heads, images.flip(3), images)
        return self.moved(images) if self.reach else images

    def moved(self, images):
        height, width = self.shape[1:]
        wide = nn.functional.pad(images, [self.reach] * 4, value=float(images.min()))
        places = torch.randint(0, 2 * self.reach + 1, (len(images), 2)).tolist()
        return torch.stack([page[:, i : i + height, j : j + width] for page, (i, j) in zip(wide, places, strict=True)])


# %% [markdown]
# ## Digits first
#
# scikit-learn's digits, each at a place of its own in an image of 10 × 10 pixels: so they are moved already, and no two
# alike. Two hundred of them to learn from.


# %%
def moved_digits():
    digits, rng = load_digits(), np.random.default_rng(7)
    canvas = np.zeros((len(digits.images), 12, 12))
    for page, image, (up, left) in zip(canvas, digits.images, rng.integers(0, 5, (len(canvas), 2)), strict=True):
        page[up : up + 8, left : left + 8] = image
    return canvas[:, 1:11, 1:11].reshape(len(canvas), -1), digits.target


def network(first):
    return nn.Sequential(
        first,
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(16 * 2 * 2, 10),
    )


def as_they_are(n_inputs, n_outputs):
    return network(nn.Unflatten(1, (1, 10, 10)))


def mirrored(n_inputs, n_outputs):
    return network(Changed((1, 10, 10), mirror=True))


def moved(n_inputs, n_outputs):
    return network(Changed((1, 10, 10), reach=1))


def digits(n):
    """n digits to learn from, half of all for the test; the labels of the rest are not learned from."""
    inputs, targets = moved_digits()
    return Arrays(inputs=inputs, targets=targets, test=0.5, validation=0.5 - n / len(targets))


# %%
epochs = lesson.of(30, 100)
few = etude.Recipe(
    data=digits(200),
    model=as_they_are,
    loss="cross_entropy",
    optimizer=etude.adam(learning_rate=0.015),
    schedule={"name": "cosine"},
    epochs=epochs,
    batch_size=40,
    score_every=epochs,
)
workers = lesson.of(1, None)
on_digits = etude.Study(
    few, vary={"model": [as_they_are, mirrored, moved]}, replicates=lesson.of(5, 20), metric="accuracy"
).run(out=lesson.store, quiet=True, workers=workers)

# %%
page = torch.tensor(moved_digits()[0][2:3], dtype=torch.float32).repeat(5, 1)
torch.manual_seed(0)
changed = [page.view(-1, 1, 10, 10), Changed((1, 10, 10), mirror=True)(page), Changed((1, 10, 10), reach=1)(page)]
figure, panels = plt.subplots(3, 5, figsize=(5, 3.2))
for line, images, name in zip(panels, changed, ("as it is", "mirrored", "moved"), strict=True):
    for axes, image in zip(line, images, strict=True):
        axes.imshow(image[0], cmap="Greys")
        axes.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
lesson.show(
    figure, "One digit, a 2, five times as it is, five times mirrored with probability one half, and five times moved."
)


# %%
def accuracies(runs, part="test"):
    return np.array([run.score("accuracy", part) for run in runs])


def draw(axes, result, labels, chance):
    for row, runs in enumerate(result.runs.values()):
        scores, colour = accuracies(runs), lesson.colours[("orange", "sky", "blue", "green")[row]]
        axes.plot(scores, row + np.linspace(-0.15, 0.15, len(scores)), "o", color=colour, markersize=5)
        axes.plot([scores.mean()] * 2, [row - 0.3, row + 0.3], color=lesson.colours["black"])
    axes.set(yticks=range(len(labels)), yticklabels=labels, ylim=(len(labels) - 0.4, -0.6))
    axes.set(xlabel=f"accuracy on new images (share correct); chance is {chance}")


# %%
figure, axes = plt.subplots(figsize=(7, 2.4))
names = ["as they are", "mirrored", "moved"]
draw(axes, on_digits, names, 0.1)
means = [accuracies(runs).mean() for runs in on_digits.runs.values()]
lesson.show(
    figure,
    "Test accuracy, a dot a replicate and a line at the mean: "
    + ", ".join(f"{name} {mean:.2f}" for name, mean in zip(names, means, strict=True))
    + ". The network is the same, and so are the images it is scored on.",
)

# %%
false, true = (
    on_digits.effect("model", metric="accuracy", levels=(as_they_are, change)) for change in (mirrored, moved)
)
lesson.say(f"Mirrored against as they are: {lesson.tell(false)}.")
lesson.say(f"Moved against as they are: {lesson.tell(true)}.")
lesson.figure("moved digits", true.mean, "Moving changes the accuracy on new digits by {:+.2f}.")
assert means[2] > means[0] > means[1] - 0.03

# %% [markdown]
# Two changes of the same kind, one layer each. "A digit that is moved by a pixel is the same digit" is true, and a true
# statement can stand in for images that one does not have. "A digit that is mirrored is the same digit" is false: a
# mirrored 2 is no digit at all, and a mirrored 5 looks rather like a 2. A network that is told so spends its few weights
# on shapes that never come, and is taught to overlook a difference that it needs.
#
# Is it medicine against overfitting? Look at the images that were learned from, scored as they are:

# %%
lesson.table(
    [
        [name, *(f"{accuracies(runs, part).mean():.2f}" for part in ("train", "test"))]
        for name, runs in zip(names, on_digits.runs.values(), strict=True)
    ],
    ["learned from images …", "accuracy on its own", "accuracy on new ones"],
)

# %%
gaps = [accuracies(runs, "train").mean() - accuracies(runs).mean() for runs in on_digits.runs.values()]
lesson.say(
    f"The gap between the two columns is {gaps[0]:.2f}, {gaps[1]:.2f} and {gaps[2]:.2f}. A change makes it harder to know "
    "one's own images by heart, and that alone can make a gap smaller without making the network better. A small gap is "
    "not the aim; being right on new images is."
)

# %% [markdown]
# ## In colour
#
# A colour image is three images, how red, how green and how blue each pixel is. A kernel of the first layer is then
# 3 × 3 × 3: it looks at all three **channels** through the same window and adds everything up,
# $M_{ij} = b + \sum_{c} \sum_{u,v} K_{c,uv}\, I_{c,\,i+u,\,j+v}$.

# %%
photographs = {"images": "cifar10", "rows": lesson.of(500, 2500), "validation": 0.2, "test_rows": lesson.of(500, 2000)}
try:
    fetch(Images(**photographs))
    at_hand = True
    lesson.say("CIFAR-10 is at hand.")
except EtudeError as error:
    at_hand = False
    lesson.say(
        f"**The rest of this lesson needs CIFAR-10, which is not at hand** ({str(error).partition(' (')[0]}). docs/data.md "
        "says how to have it. What follows is skipped; the digits above are the smaller, genuine case of it."
    )

# %%
if at_hand:
    parts = load(Images(**photographs), seed=0, replicate=0)
    photos = ((parts.test.inputs.reshape(-1, 3, 32, 32) * 128 + 127) / 255).clip(0, 1)
    row = int(np.ptp(photos, axis=1).mean(axis=(1, 2)).argmax())  # the most colourful one
    photo, kind = photos[row], parts.classes[int(parts.test.targets[row])]
    figure, panels = plt.subplots(1, 5, figsize=(8, 2))
    panels[0].imshow(photo.transpose(1, 2, 0))
    for axes, channel in zip(panels[1:4], photo, strict=True):
        axes.imshow(channel, cmap="Greys_r", vmin=0, vmax=1)
    panels[4].imshow(photo.mean(axis=0), cmap="Greys_r", vmin=0, vmax=1)
    for axes, name in zip(panels, ("in colour", "red", "green", "blue", "grey: their mean"), strict=True):
        axes.set_title(name, fontsize=10)
        axes.set_axis_off()
    lesson.show(
        figure,
        f"The most colourful test photograph (its class is {kind}), its three channels as brightness, and the mean of the "
        "three, which is grey.",
    )


# %%
class Grey(nn.Module):
    """The three channels all become their mean, so that nothing changes but the colour."""

    def forward(self, rows):
        return rows.view(-1, 3, 32, 32).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)


smaller = lesson.of(2, 1)  # at the small setting, photographs are first halved to 16 × 16 pixels


def on_photographs(first):
    return nn.Sequential(
        first,
        nn.AvgPool2d(smaller),
        *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(16 * (8 // smaller) ** 2, 10),
    )


def colour(n_inputs, n_outputs):
    return on_photographs(nn.Unflatten(1, (3, 32, 32)))


def grey(n_inputs, n_outputs):
    return on_photographs(Grey())


# %% [markdown]
# For published images a recipe can augment by itself: `augment={"flip": True, "shift": 4}` mirrors and moves, and the
# chance of each image comes from its own number, so that pairs stay pairs.

# %%
if at_hand:
    recipe = etude.Recipe(
        data=photographs,
        model=colour,
        loss="cross_entropy",
        optimizer=etude.adam(learning_rate=0.005),
        schedule={"name": "cosine"},
        epochs=lesson.of(20, 60),
        batch_size=50,
        score_every=lesson.of(20, 60),
    )
    arms = {"in colour": {}, "in grey": {"model": grey}, "mirrored": {"augment": {"flip": True}}}
    arms |= lesson.of({}, {"mirrored and moved": {"augment": {"flip": True, "shift": 3}}})
    claims = [
        Claim(text="Colour helps.", stated=(Contrast(control={"model": grey}, treated={}, metric="accuracy"),)),
        Claim(text="Mirroring helps.", stated=(Contrast(control={}, treated=arms["mirrored"], metric="accuracy"),)),
    ]
    study = etude.Study(recipe, arms=arms, claims=claims, replicates=lesson.of(8, 10), metric="accuracy")
    result = study.run(out=lesson.store, quiet=True, workers=workers)

# %%
if at_hand:
    figure, axes = plt.subplots(figsize=(7, 2.6))
    draw(axes, result, list(arms), 0.1)
    told = {name: accuracies(runs).mean() for name, runs in zip(arms, result.runs.values(), strict=True)}
    lesson.show(
        figure,
        "Test accuracy on photographs, a dot a replicate and a line at the mean: "
        + ", ".join(f"{name} {mean:.2f}" for name, mean in told.items())
        + ".",
    )
    for judged in result.claims:
        lesson.say(f"“{judged.claim.text}” is **{judged.verdict}**: {lesson.tell(judged.stated[0])}.")
    lesson.figure(
        "mirrored photographs", result.claims[1].stated[0].mean, "Mirroring photographs changes accuracy by {:+.3f}."
    )
    assert told["in colour"] > 0.2

# %% [markdown]
# Photographs may be mirrored, for the world has hardly any left and right; letters and digits may not. Nor may road
# signs, and a chest X-ray that is mirrored has the heart on the wrong side. As for moving: pooling tells the network that a
# pixel more or less does not matter, so there may be less to be gained by saying it again.
#
# ## Exercise
#
# If augmentation stands in for images that one does not have, it should be worth less where there are many. Predict the
# gain by moving with 100 and with 400 digits. Then measure it: `digits(n)` gives you n to learn from.


# %% tags=["solution"] jupyter={"source_hidden": true}
def gain(n):
    there = etude.Recipe(**{**dict(few), "data": digits(n), "epochs": max(20, 5000 // n)})
    tried = etude.Study(there, vary={"model": [as_they_are, moved]}, replicates=5, metric="accuracy")
    return tried.run(out=lesson.store, quiet=True, workers=workers).effect("model", metric="accuracy")


sizes = lesson.of((100, 400), (100, 200, 400, 800))
gains = [gain(n) for n in sizes]
for n, effect in zip(sizes, gains, strict=True):
    lesson.say(f"With {n} digits, moving: {lesson.tell(effect)}.")
shrinks = gains[-1].mean < gains[0].mean
lesson.say(
    "On average it gained less where there were more images, as it should if it stands in for them."
    if shrinks
    else "On average it did not gain less where there were more images; more replicates would tell whether that is chance."
)

# %% [markdown]
# ## What would change our mind
#
# If moving had hurt the digits, or mirroring had helped them, then augmentation would work by being noise, as dropout
# does, and not by being true; the study would have shown it. It did matter that both were trained for as long: a
# network that is shown changed images needs more steps, and in too short a training even a true augmentation loses.
# Double the epochs, and see whether the order stays.

# %%
lesson.full(
    "2,000 photographs at full size instead of 400 that were halved, some also moved, more epochs and replicates"
)

# %% [markdown]
# ## Where to read on
#
# - Simard, Steinkraus and Platt (2003), *Best practices for convolutional neural networks*: moved and bent digits.
# - Krizhevsky (2009), *Learning multiple layers of features from tiny images*: where CIFAR-10 comes from; Krizhevsky,
#   Sutskever and Hinton (2012), section 4: mirrored and cut photographs.
# - Chen, Dobriban and Lee (2020), *A group-theoretic framework for data augmentation*: when averaging over changes helps.
# - Cubuk et al. (2019), *AutoAugment*: changes that are searched for. Which claims about the world does it make?
#
# Lesson 11 has a stronger medicine for few photographs: a network that has seen a million others.
