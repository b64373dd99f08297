# %% [markdown]
# # 8 · Colour and augmentation
#
# **Can a network learn more from the same images, if we show them mirrored and moved?**
#
# You need to know convolution (lesson 7), and what overfitting is (lesson 6). CIFAR-10 is on the learner's list: small
# colour photographs of ten kinds of things. Labelled photographs cost money; changing them is free. “Regularisation is
# medicine”, the learner wrote, to be given only where there is overfitting. Here is one of its oldest forms.

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
SEED = 0  # change it: nearly every number will change, and no sentence should become false
torch.set_num_threads(1)

# %% [markdown]
# ## Your prediction
#
# 1. A convolutional network learns from about 200 handwritten digits. In each epoch every image is *mirrored* with
#    probability ½. Will it be better or worse on new digits, or is there no difference? And if each is *moved* a little
#    instead?
# 2. Now a few hundred or thousand photographs of aeroplanes, cats, ships and so on: does mirroring help there?
# 3. Would the network do as well if the photographs were grey?
#
# ## What augmentation says
#
# An **augmentation** changes an image by chance, in a way that leaves its class alone, each time it is learned from.
# Instead of the mean loss over $n$ images, one minimises the mean loss over all their changed versions $g \cdot x$:
#
# $$ R(f) \;=\; \frac1n \sum_{i=1}^{n} \; \mathbb{E}_{g} \; \ell\bigl(f(g \cdot x_i),\; y_i\bigr) . $$
#
# In words: whatever $g$ does to $x_i$, the answer is to stay $y_i$. So an augmentation is a statement about the world,
# and such a statement can be true or false. (Simard, Steinkraus and Platt 2003; Chen, Dobriban and Lee 2020 for the
# theory.)
#
# In code it is a layer that does something in training only; images that are scored stay as they are.


# %%
class Changed(nn.Module):
    """Images, in training mirrored by chance, or moved by up to `reach` pixels each way; paper comes in."""

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
        paper = float(images.min())
        wide = nn.functional.pad(images, [self.reach] * 4, value=paper)
        places = torch.randint(0, 2 * self.reach + 1, (len(images), 2)).tolist()
        return torch.stack([page[:, i : i + height, j : j + width] for page, (i, j) in zip(wide, places, strict=True)])


# %% [markdown]
# ## Digits first
#
# These are scikit-learn's digits, each at a place of its own in an image of 10 × 10 pixels. We moved the digits
# ourselves, so we *know* that moving is true of them. That is what makes them a fair first test. There are about two
# hundred of them to learn from.


# %%
def moved_digits():
    digits, rng = load_digits(), np.random.default_rng(SEED)
    canvas = np.zeros((len(digits.images), 12, 12))
    for page, image, (up, left) in zip(canvas, digits.images, rng.integers(0, 5, (len(canvas), 2)), strict=True):
        page[up : up + 8, left : left + 8] = image / 16  # from 0 (paper) to 1 (ink)
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
    """About n digits to learn from, a twentieth of all to validate, and the rest for the test."""
    inputs, targets = moved_digits()
    rest = 0.95 - n / len(targets)
    return Arrays(inputs=inputs, targets=targets, form=(1, 10, 10), validation=0.05, test=rest)


# %%
epochs = lesson.of(25, 100)
few = etude.Recipe(
    data=digits(200),
    model=as_they_are,
    loss="cross_entropy",
    optimizer=etude.adam(learning_rate=0.015),
    schedule={"name": "cosine"},
    epochs=epochs,
    batch_size=40,
    score_every=epochs,
    seed=SEED,
)
workers = lesson.of(1, None)
on_digits = etude.Study(
    few, vary={"model": [as_they_are, mirrored, moved]}, replicates=lesson.of(5, 20), metric="accuracy"
).run(out=lesson.store, quiet=True, workers=workers)

# %% jupyter={"source_hidden": true}
inputs, targets = moved_digits()
whole = inputs.reshape(-1, 10, 10)[:, 1:9, 1:9].sum((1, 2)) == inputs.sum(1)  # no ink on the border
page = torch.tensor(inputs[np.argmax(whole & (targets == 2))], dtype=torch.float32).repeat(5, 1)
torch.manual_seed(SEED)
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


# %% jupyter={"source_hidden": true}
def draw(axes, result, labels, chance):
    for row, runs in enumerate(result.runs.values()):
        scores, colour = accuracies(runs), lesson.colours[("orange", "sky", "blue", "green")[row]]
        axes.plot(scores, row + np.linspace(-0.15, 0.15, len(scores)), "o", color=colour, markersize=5)
        axes.plot([scores.mean()] * 2, [row - 0.3, row + 0.3], color=lesson.colours["black"])
    axes.set(yticks=range(len(labels)), yticklabels=labels, ylim=(len(labels) - 0.4, -0.6))
    axes.set(xlabel=f"accuracy on new images (share correct); chance is {chance}")


# %% jupyter={"source_hidden": true}
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
answer = {
    "better": "helped",
    "worse": "hurt",
    "equivalent": "made no difference worth speaking of",
    "undecided": "may have helped or not, these replicates do not decide it",
}
lesson.say(f"Mirrored against as they are: {lesson.tell(false)}. Moved against as they are: {lesson.tell(true)}.")
lesson.say(f"So mirroring the digits {answer[false.verdict]}, and moving them {answer[true.verdict]}.")
lesson.figure("moved digits", true.mean, "Moving changes the accuracy on new digits by {:+.2f}.")
assert means[2] > means[0] > means[1] - 0.03

# %% [markdown]
# Each interval is a 95 % interval on its own. All replicates split the same rows anew, so the intervals speak about these
# rows (Nadeau and Bengio 2003).
#
# Here are two changes of the same kind, one layer each. That a digit moved by a pixel is the same digit is true, and a
# true statement can stand in for images that one does not have. That a mirrored digit is the same digit is false: a
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
    f"The gap between the two columns is {gaps[0]:.2f}, {gaps[1]:.2f} and {gaps[2]:.2f}. Do not read the medicine off the "
    "gap. A gap also gets smaller when the first column falls, and that helps nobody. The aim is the second column."
)

# %% [markdown]
# ## In colour
#
# A colour image is three images, how red, how green and how blue each pixel is. A kernel of the first layer is then
# 3 × 3 × 3. It looks at all three **channels** through the same window and adds everything up:
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

# %% jupyter={"source_hidden": true}
if at_hand:
    parts = load(Images(**photographs), seed=SEED, replicate=0)
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

    def forward(self, images):
        return images.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)


smaller = lesson.of(2, 1)


def on_photographs(first):
    return nn.Sequential(
        nn.Unflatten(1, (3, 32, 32)),
        nn.AvgPool2d(smaller),
        first,
        *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(16 * (8 // smaller) ** 2, 10),
    )


def colour(n_inputs, n_outputs):
    return on_photographs(nn.Identity())


def grey(n_inputs, n_outputs):
    return on_photographs(Grey())


# %% [markdown]
# At the small setting photographs are first halved to 16 × 16 pixels, in every arm.
#
# For published images a recipe can augment by itself: `augment={"flip": True, "shift": 4}` mirrors and moves. The chance
# of each image comes from its own number, so that pairs stay pairs.

# %%
if at_hand:
    recipe = etude.Recipe(
        data=photographs,
        model=colour,
        loss="cross_entropy",
        optimizer=etude.adam(learning_rate=0.005),
        schedule={"name": "cosine"},
        epochs=lesson.of(14, 30),
        batch_size=50,
        score_every=lesson.of(14, 30),
        seed=SEED,
    )
    arms = {"in colour": {}, "in grey": {"model": grey}, "mirrored": {"augment": {"flip": True}}}
    claims = [
        Claim(text="Colour helps.", stated=(Contrast(control={"model": grey}, treated={}, metric="accuracy"),)),
        Claim(text="Mirroring helps.", stated=(Contrast(control={}, treated=arms["mirrored"], metric="accuracy"),)),
    ]
    if lesson.is_full:
        both = arms["mirrored and moved"] = {"augment": {"flip": True, "shift": 3}}
        more = Contrast(control=arms["mirrored"], treated=both, metric="accuracy")
        claims.append(Claim(text="Moving helps beyond mirroring.", stated=(more,)))
    study = etude.Study(recipe, arms=arms, claims=claims, replicates=lesson.of(8, 10), metric="accuracy")
    result = study.run(out=lesson.store, quiet=True, workers=workers)

# %% jupyter={"source_hidden": true}
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

# %%
if at_hand:
    for judged in result.claims:
        lesson.say(f"“{judged.claim.text}” is **{judged.verdict}**: {lesson.tell(judged.stated[0])}.")
    lesson.say("The claims share one error rate of 5 % (Holm, lesson 6), so some intervals are drawn wider than 95 %.")
    coloured, mirrors = (judged.stated[0].verdict for judged in result.claims[:2])
    lesson.say(f"So mirroring the photographs {answer[mirrors]}, and colour instead of grey {answer[coloured]}.")
    lesson.figure(
        "mirrored photographs", result.claims[1].stated[0].mean, "Mirroring photographs changes accuracy by {:+.3f}."
    )
    assert told["in colour"] > 0.2

# %% [markdown]
# Photographs may be mirrored, for the world has hardly any left and right; letters and digits may not. Nor may road
# signs, and a chest X-ray that is mirrored has the heart on the wrong side. Whether moving helps photographs too, only
# the full setting tries.
#
# ## Exercise
#
# If augmentation stands in for images that one does not have, it should be worth less where there are many. Predict what
# moving gains with about 100 and with about 400 digits. Then measure it: `digits(n)` gives you about n to learn from.
# Keep the steps about equal, so that larger sets get fewer epochs.


# %% tags=["solution"] jupyter={"source_hidden": true}
def gain(n):
    there = etude.Recipe(**{**dict(few), "data": digits(n), "epochs": 8000 // n})
    tried = etude.Study(there, vary={"model": [as_they_are, moved]}, replicates=5, metric="accuracy")
    return tried.run(out=lesson.store, quiet=True, workers=workers).effect("model", metric="accuracy")


sizes = lesson.of((100, 400), (100, 200, 400, 800))
gains = [gain(n) for n in sizes]
for n, effect in zip(sizes, gains, strict=True):
    lesson.say(f"With about {n} digits, moving: {lesson.tell(effect)}.")
shrinks = gains[-1].mean < gains[0].mean
lesson.say(
    "The steps were kept about equal, so larger sets got fewer epochs. On average moving changed the accuracy by "
    f"{gains[0].mean:+.2f} with about {sizes[0]} digits and by {gains[-1].mean:+.2f} with about {sizes[-1]}. "
    + ("It gained less, as it should" if shrinks else "It gained no less, though it should have")
    + " if it stands in for images. This compares two means, not an interval of their difference."
)

# %% [markdown]
# ## What would change our mind
#
# If mirroring had helped the digits as much as moving did, the *truth* of a change would not be what counts, and
# augmentation would be noise, as dropout is. One doubt remains. A network that is shown changed images may need more
# steps, and all were given the same. Double the epochs, and see whether the order stays.

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
# Lesson 11 has a stronger medicine for few photographs: a network that has learned from a million labelled ones.
