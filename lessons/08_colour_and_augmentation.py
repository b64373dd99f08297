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
# In code it is done to a batch of images before each step, with a new throw of the dice for every image; images that are
# scored stay as they are:


# %%
def mirrored(images):
    heads = torch.rand(len(images), 1, 1, 1) < 0.5
    return torch.where(heads, images.flip(3), images)


def moved(images, reach=1):
    height, width = images.shape[2:]
    wide = nn.functional.pad(images, [reach] * 4)  # blank paper comes in from beyond the edge
    places = torch.randint(0, 2 * reach + 1, (len(images), 2)).tolist()
    return torch.stack([image[:, i : i + height, j : j + width] for image, (i, j) in zip(wide, places, strict=True)])


# %% [markdown]
# ## Digits first
#
# These are scikit-learn's digits, each at a place of its own in an image of 10 × 10 pixels. We moved the digits
# ourselves, so we *know* that moving is true of them: a first test whose answer should be plain. There are about two
# hundred of them to learn from.


# %%
def moved_digits():
    digits, rng = load_digits(), np.random.default_rng(SEED)
    canvas = np.zeros((len(digits.images), 12, 12))
    for page, image, (up, left) in zip(canvas, digits.images, rng.integers(0, 5, (len(canvas), 2)), strict=True):
        page[up : up + 8, left : left + 8] = image / 16  # from 0 (paper) to 1 (ink)
    return canvas[:, None, 1:11, 1:11], digits.target  # one channel, how dark a pixel is


def digits(n):
    """About n digits to learn from, a twentieth of all to validate, and the rest for the test."""
    inputs, targets = moved_digits()
    rest = 0.95 - n / len(targets)
    return Arrays(inputs=inputs, targets=targets, validation=0.05, test=rest)


# %% [markdown]
# The network is the convolutional one of lesson 7, which a recipe knows by name. And a recipe does by itself what the two
# functions above do: `augment={"flip": True}` mirrors, `augment={"shift": 1}` moves.
# There how an image is changed depends on the seed, the replicate, the epoch and its place among the rows, and on nothing
# else, so that pairs stay pairs: the networks of one replicate begin with the same weights and see the same images in the
# same order, and only the change differs.

# %%
epochs = lesson.of(25, 100)
few = etude.Recipe(
    data=digits(200),
    model={"name": "convnet", "channels": (8, 16), "norm": "batch"},
    loss="cross_entropy",
    optimizer=etude.adam(learning_rate=0.015),
    schedule={"name": "cosine"},
    epochs=epochs,
    batch_size=40,
    score_every=epochs,
    seed=SEED,
)
workers = lesson.of(1, None)
changes = [None, {"flip": True}, {"shift": 1}]
tried = etude.Study(few, vary={"augment": changes}, replicates=lesson.of(5, 20), metric="accuracy")
on_digits = tried.run(out=lesson.store, quiet=True, workers=workers)

# %% jupyter={"source_hidden": true}
inputs, targets = moved_digits()
whole = inputs[:, :, 1:9, 1:9].sum((1, 2, 3)) == inputs.sum((1, 2, 3))  # no ink on the border
page = torch.tensor(inputs[np.argmax(whole & (targets == 2))], dtype=torch.float32).expand(5, 1, 10, 10)
torch.manual_seed(SEED)
changed = [page, mirrored(page), moved(page)]
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
false, true = (on_digits.effect("augment", metric="accuracy", levels=(None, change)) for change in changes[1:])
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
# Here are two changes of the same kind. That a digit moved by a pixel is the same digit is true, and a true statement
# can stand in for images that one does not have. That a mirrored digit is the same digit is false: a mirrored 4 or 7 is
# no digit at all, and a mirrored 2 looks rather like a 5 (0 and 8 hardly care, nor does a 1 that is a plain stroke). We
# suppose that a network which is told so spends its few weights on shapes that never come, and learns to overlook a
# difference that it needs.
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
# Keep the steps about equal, so that larger sets get fewer epochs. There are fewer errors to remove where there are many
# digits, so look at the *share* of the errors that moving removes too.


# %% tags=["solution"] jupyter={"source_hidden": true}
def with_and_without(n):
    there = etude.Recipe(**{**dict(few), "data": digits(n), "epochs": 8000 // n, "score_every": 8000 // n})
    tried = etude.Study(there, vary={"augment": [None, {"shift": 1}]}, replicates=5, metric="accuracy")
    return tried.run(out=lesson.store, quiet=True, workers=workers)


sizes = lesson.of((100, 400), (100, 200, 400, 700))
results = [with_and_without(n) for n in sizes]
gains = [result.effect("augment", metric="accuracy") for result in results]
errors = [[1 - accuracies(runs).mean() for runs in result.runs.values()] for result in results]
shares = [1 - less / more for more, less in errors]
for n, effect in zip(sizes, gains, strict=True):
    lesson.say(f"With about {n} digits, moving: {lesson.tell(effect)}.")
lesson.table(
    [
        [n, f"{more:.3f}", f"{less:.3f}", f"{share:.0%}"]
        for n, (more, less), share in zip(sizes, errors, shares, strict=True)
    ],
    ["digits, about", "errors without moving", "errors with it", "share of the errors removed"],
)
in_points, in_shares = gains[-1].mean < gains[0].mean, shares[-1] < shares[0]
lesson.say(
    f"Where there were more digits, moving gained {'fewer' if in_points else 'no fewer'} points of accuracy and removed "
    f"{'a smaller' if in_shares else 'no smaller'} share of the errors. "
    + (
        "Both should shrink if it stands in for images, and both did."
        if in_points and in_shares
        else "Both should shrink if it stands in for images. Points alone prove little, for whatever removes half of all "
        "errors gains fewer of them where fewer are made."
    )
    + " These are means, without an interval of their difference."
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
