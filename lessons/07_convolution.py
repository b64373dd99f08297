# %% [markdown]
# # 7 · Convolution
#
# **Two networks have the same number of weights. Does it matter which pixels the weights connect?**
#
# You need to know what a hidden layer and a ReLU are (lesson 1), and why one training proves nothing (lesson 4).
# The learner's list of what comes next begins with "CNNs" and "MNIST". A CNN is a convolutional neural network, and
# by the end of this lesson you will have computed a convolution yourself and taken away from it the one thing that
# makes it work.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import etude
from etude.data.load import load
from etude.faces.lesson import Lesson

lesson = Lesson(7)

# %% [markdown]
# ## Your prediction
#
# Three networks learn to read the same handwritten digits, a thousand or so:
#
# - **A**, one hidden layer of a few units, each connected to every pixel;
# - **B**, the same with ten times as many units, and so ten times as many weights;
# - **C**, a convolutional network, with slightly *fewer* weights than A.
#
# Write down the order you expect on digits that none of them has seen: is it B, A, C, because B is the largest? Or
# will C beat even B?
#
# Then we shall take one random order of the pixels and rearrange every image by it, all in the same way. You and I
# could not read such an image. Which network gets worse: the one with the hidden layer, the convolutional one, both,
# or neither?

# %% [markdown]
# ## A window that slides
#
# A hidden unit as you know it looks at the whole image: one weight for every pixel. A **kernel** is a unit that looks
# through a small window, here of 3 × 3 pixels. It multiplies the nine pixels in the window by its nine weights and
# adds up. Then the window moves one pixel on, and the *same nine weights* are used again. What comes out, one number
# for each place of the window, is again an image: a **feature map**, which says where in the picture the kernel found
# what it is looking for.
#
# In symbols, with image $I$, kernel $K$ and a bias $b$, the map at row $i$ and column $j$ is
#
# $$ M_{ij} \;=\; b + \sum_{u=0}^{2} \sum_{v=0}^{2} K_{uv} \, I_{i+u,\;j+v} . $$
#
# (Mathematicians call this a cross-correlation, and mirror the kernel before they say convolution. Since the kernel
# is learned, it makes no difference here; Goodfellow, Bengio and Courville 2016, chapter 9.)
#
# In code it is two loops, and PyTorch agrees with them:


# %%
def slide(image, kernel):
    rows, columns = image.shape[0] - 2, image.shape[1] - 2
    found = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            found[i, j] = (kernel * image[i : i + 3, j : j + 3]).sum()
    return found


def torch_slide(image, kernel):
    return nn.functional.conv2d(torch.tensor(image)[None, None], torch.tensor(kernel)[None, None])[0, 0].numpy()


digit = load_digits().images[0] / 16  # a zero of 8 × 8 pixels, from 0 (paper) to 1 (ink)
upright = np.array([[-1.0, 0.0, 1.0]] * 3)  # ink on the right, none on the left

assert np.allclose(slide(digit, upright), torch_slide(digit, upright))

# %%
edges = slide(digit, upright)
figure, panels = plt.subplots(1, 3, figsize=(7.5, 2.7))
for axes, shown, title in zip(panels, (digit, upright, edges), ("image", "kernel", "feature map"), strict=True):
    reach = np.abs(shown).max()
    axes.imshow(shown, cmap="PuOr_r", vmin=-reach, vmax=reach)
    for (i, j), value in np.ndenumerate(shown):
        ink = "white" if abs(value) > 0.7 * reach else "black"
        axes.text(j, i, f"{value:.1f}".replace("-", "−"), ha="center", va="center", fontsize=7, color=ink)
    axes.set(title=title, xticks=[], yticks=[])
    axes.grid(visible=False)
lesson.show(
    figure,
    f"A zero of 8 × 8 pixels, a kernel that wants ink on the right and none on the left, and its feature map of "
    f"{edges.shape[0]} × {edges.shape[1]}. The map is positive, up to {edges.max():.1f}, where a stroke begins, and "
    f"negative, down to {edges.min():.1f}, where it ends.",
)

# %% [markdown]
# Two decisions hide in that window. **Locality**: a unit sees neighbouring pixels only. **Weight sharing**: what is
# worth finding in one corner is worth finding in every other, so all places use the same nine weights. If the image
# moves, the map moves with it, and nothing else changes. That is called *equivariance*, and it can be checked:

# %%
moved = np.roll(digit, 1, axis=1)  # one pixel to the right; the last column comes in on the left
assert np.allclose(slide(moved, upright)[:, 1:], slide(digit, upright)[:, :-1])

# %% [markdown]
# ## How many weights it saves
#
# Suppose 8 feature maps of a 28 × 28 image. How many weights does a layer need to compute them, if each unit sees
# everything, if each sees its window with weights of its own, and if all places share?

# %%
places, kernels, window = 28 * 28, 8, 3 * 3
lesson.table(
    [
        ["every unit sees every pixel", kernels * places * (places + 1)],
        ["… only its 3 × 3 window", kernels * places * (window + 1)],
        ["… and all places share their weights", kernels * (window + 1)],
    ],
    ["a layer of 8 × 28 × 28 units where …", "weights and biases"],
)

# %% [markdown]
# So a convolution is a linear layer of which most weights are fixed at zero, and the rest are made equal. It can
# compute *less* than the full layer. The hope is that what it gave up was never needed.
#
# ## The study
#
# The three networks, with a few words on their parts. **Max pooling** keeps the largest number of each 2 × 2 block, so
# the maps get smaller and the next kernels see more of the image. **Batch normalisation** brings the numbers between
# two layers to a common scale; all three networks have it, for without it a few units on so many inputs often fail to
# get going at all, and we want to compare networks, not accidents.


# %%
def cnn(n_inputs, n_outputs):
    side = int(n_inputs**0.5)
    return nn.Sequential(
        nn.Unflatten(1, (1, side, side)),
        *(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(16 * (side // 4) ** 2, n_outputs),
    )


def moved_digits():
    """scikit-learn's digits, each at a place of its own on a canvas, of which the middle 10 × 10 pixels are kept."""
    digits, rng = load_digits(), np.random.default_rng(7)
    canvas = np.zeros((len(digits.images), 12, 12))
    for page, image, (up, left) in zip(canvas, digits.images, rng.integers(0, 5, (len(canvas), 2)), strict=True):
        page[up : up + 8, left : left + 8] = image
    return canvas[:, 1:11, 1:11].reshape(len(canvas), -1), digits.target


# %%
size = {"rows": lesson.of(1250, 7500), "validation": 0.2, "test_rows": lesson.of(1000, 5000)}
instead = "scikit-learn's 1,797 small digits, each moved by chance in an image of 10 × 10 pixels"
mnist = lesson.data({"images": "mnist", **size}, moved_digits(), names=("MNIST", instead))
fashion = lesson.data({"images": "fashion_mnist", **size}, moved_digits(), names=("Fashion-MNIST", instead))
published = {"MNIST": mnist, "Fashion-MNIST": fashion}
sets = {name if hasattr(data, "images") else "small digits": data for name, data in published.items()}
reading = next(iter(sets))

# %% [markdown]
# How wide must A be? A unit of its hidden layer brings a weight for each pixel, the two numbers of the batch
# normalisation (scale and shift, which stands in for the bias), and ten weights to the ten answers; the answers have
# ten biases. So:

# %%
n_pixels = load(sets[reading], seed=0, replicate=0).test.inputs.shape[1]
n_weights = sum(parameter.numel() for parameter in cnn(n_pixels, 10).parameters())
units = int(np.ceil((n_weights - 10) / (n_pixels + 2 + 10)))
A, B = ({"name": "mlp", "hidden": (width,), "norm": "batch"} for width in (units, 10 * units))

# %%
recipes = {
    name: etude.Recipe(
        data=data,
        model=cnn,
        loss="cross_entropy",
        optimizer=etude.adam(learning_rate=0.003),
        epochs=8,
        batch_size=50,
        score_every=8,
    )
    for name, data in sets.items()
}
replicates = lesson.of(5, 10)
results = {
    name: etude.Study(recipe, vary={"model": [A, B, cnn]}, replicates=replicates, metric="accuracy").run(
        out=lesson.store, quiet=True
    )
    for name, recipe in recipes.items()
}


# %%
def scores(result):
    return [np.array([run.score("accuracy", "test") for run in runs]) for runs in result.runs.values()]


sizes = [runs[0].provenance["parameters"] for runs in results[reading].runs.values()]
labels = [f"{name}: {n:,} weights" for name, n in zip(("A", "B", "C, convolution"), sizes, strict=True)]
figure, panels = plt.subplots(1, len(results), figsize=(3.6 * len(results) + 1.4, 2.6), sharey=True, squeeze=False)
for axes, (name, result) in zip(panels[0], results.items(), strict=True):
    for row, (found, colour) in enumerate(zip(scores(result), ("orange", "sky", "blue"), strict=True)):
        axes.plot(found, row + np.linspace(-0.15, 0.15, len(found)), "o", color=lesson.colours[colour], markersize=5)
        axes.plot([found.mean()] * 2, [row - 0.3, row + 0.3], color=lesson.colours["black"])
    axes.axvline(0.1, color=lesson.colours["grey"], linestyle="--")
    axes.text(0.115, -0.45, "chance", fontsize=9, color=lesson.colours["grey"])
    axes.set(title=name, xlabel="accuracy (share correct)", xlim=(0.05, 1), yticks=range(3), yticklabels=labels)
    axes.set_ylim(2.6, -0.7)
means = {name: [float(found.mean()) for found in scores(result)] for name, result in results.items()}
lesson.show(
    figure,
    "Test accuracy of each replicate as a dot and their mean as a line, with the number of parameters at the left. "
    + " ".join(f"{name}: A {a:.2f}, B {b:.2f}, C {c:.2f} on average." for name, (a, b, c) in means.items()),
)

# %%
for name, result in results.items():
    small, wide = (result.effect("model", metric="accuracy", levels=(other, cnn)) for other in (A, B))
    lesson.say(f"**{name}.** C against A: {lesson.tell(small)}. C against B: {lesson.tell(wide)}.")
    assert small.mean > 0  # what this lesson teaches: with as many weights, windows beat full views

gain = results[reading].effect("model", metric="accuracy", levels=(A, cnn))
lesson.figure(f"gain on {reading}", gain.mean, f"On {reading}, C gains {{:.3f}} of accuracy over A on average.")
assert sizes[2] <= sizes[0] < sizes[1] / 5, sizes

# %% [markdown]
# Was it B, A, C? More weights let a network compute more, but they tell it nothing. B has to learn from a few examples
# that pixels have neighbours, and that a stroke on the left is the same stroke as one on the right. C was built knowing
# it. Such knowledge is called an *inductive bias*: what a network believes before it has seen an example.
#
# ## Take the neighbours away
#
# If this explanation is right, it forbids something. A network that trusts neighbourhoods must suffer when
# neighbourhoods mean nothing. So we rearrange the pixels of every image by one random order. No information is lost:
# the same order undoes it.

# %%
order = torch.from_numpy(np.random.default_rng(1).permutation(n_pixels))


class Scramble(nn.Module):
    """Every image with its pixels in the same other order."""

    def forward(self, pixels):
        return pixels[:, order]


def scrambled_cnn(n_inputs, n_outputs):
    return nn.Sequential(Scramble(), *cnn(n_inputs, n_outputs))


# %%
pages = torch.from_numpy(load(sets[reading], seed=0, replicate=0).test.inputs[:3].copy())
side = int(n_pixels**0.5)
figure, panels = plt.subplots(2, 3, figsize=(4.6, 3.2))
for above, below, page, other in zip(*panels, pages, Scramble()(pages), strict=True):
    for axes, pixels in ((above, page), (below, other)):
        axes.imshow(pixels.reshape(side, side), cmap="Greys")
        axes.set_axis_off()
panels[0, 0].set_title("as they are")
panels[1, 0].set_title("rearranged")
lesson.show(
    figure, "Three test images above, and below them the same images with their pixels rearranged: noise, to us."
)

# %%
rearranged = etude.Study(
    recipes[reading], vary={"model": [cnn, scrambled_cnn]}, replicates=replicates, metric="accuracy"
).run(out=lesson.store, quiet=True, workers=lesson.of(1, None))
loss = rearranged.effect("model", metric="accuracy")
wide_mean = means[reading][1]
intact, lost = (float(found.mean()) for found in scores(rearranged))
lesson.say(f"C on rearranged images, against C on images as they are: {lesson.tell(loss)}.")
assert lost < intact

# %%
meaning = {
    "worse": "Rearranging loses no information, and still it costs accuracy: the convolution needs its neighbours. "
    "What made C better is not its kind of arithmetic, but that what it believes about images is true.",
    "better": "That contradicts this lesson. Before you believe it, run it on a fresh seed, as lesson 4 advises.",
    "equivalent": "On these data neighbourhoods are worth nothing, and this lesson's explanation is wrong for them.",
    "undecided": "These replicates do not show it, and more of them would be needed.",
}[loss.verdict]
beside = "no longer above" if lost <= wide_mean else "still above"
lesson.say(
    f"{meaning} Its mean accuracy was {intact:.2f} and is {lost:.2f}, which is {beside} that of B, {wide_mean:.2f}."
)

# %% [markdown]
# And A and B? Rearranged pixels are to them the same inputs in another order. Every unit has a weight for every input,
# all weights are drawn alike, so nothing is different but the names. They lose nothing. You will check that below.
#
# ## What it learned to look for
#
# The first layer's kernels are small enough to look at. Below, those of one replicate, and what four of them find in
# an image. Do not read too much into them: another replicate learns other ones, and sees as well.

# %%
run = results[reading].runs[list(results[reading].runs)[2]][0]
learned = run.arrays[next(name for name in run.arrays if name.startswith("weights/1."))][:, 0]
page = pages[0].numpy().reshape(side, side).astype(float)
page -= page.min()  # so that paper is 0, and a kernel finds nothing on it
strongest = np.argsort(-np.abs(learned).sum((1, 2)))[:4]
figure, panels = plt.subplots(2, 5, figsize=(7.5, 3.2))
panels[0, 0].set_axis_off()
panels[1, 0].imshow(page, cmap="Greys")
for axes, k in zip(panels[0, 1:], strongest, strict=True):
    axes.imshow(learned[k], cmap="PuOr_r", vmin=-np.abs(learned).max(), vmax=np.abs(learned).max())
for axes, k in zip(panels[1, 1:], strongest, strict=True):
    found = slide(page, learned[k].astype(float))
    axes.imshow(found, cmap="PuOr_r", vmin=-np.abs(found).max(), vmax=np.abs(found).max())
for axes in panels.ravel():
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
panels[0, 1].set_title("learned kernels")
panels[1, 1].set_title("where they find it")
panels[1, 0].set_title("image")
lesson.show(
    figure,
    f"The four strongest of {len(learned)} learned kernels, orange where a weight is positive and purple where it is "
    "negative, and below each its feature map of one test image: each answers to other parts of the strokes.",
)

# %% [markdown]
# ## Exercise
#
# Predict, then measure: what does rearranging do to A? Build a hidden layer of `units` units that sees the rearranged
# pixels, and one that sees them as they are, and put the two into a `Study`. (Hint: `Scramble()` is a layer like any
# other.)


# %% tags=["solution"] jupyter={"source_hidden": true}
def plain(n_inputs, n_outputs):
    return nn.Sequential(
        nn.Linear(n_inputs, units, bias=False), nn.BatchNorm1d(units), nn.ReLU(), nn.Linear(units, n_outputs)
    )


def scrambled_plain(n_inputs, n_outputs):
    return nn.Sequential(Scramble(), *plain(n_inputs, n_outputs))


check = etude.Study(
    recipes[reading], vary={"model": [plain, scrambled_plain]}, replicates=replicates, metric="accuracy"
).run(out=lesson.store, quiet=True, workers=lesson.of(1, None))
change = check.effect("model", metric="accuracy")
lesson.say(
    f"A on rearranged images against A on images as they are: {lesson.tell(change)}. The two networks are the same but "
    f"for the names of their inputs, so the true difference is zero. What these pairs show is chance, and a verdict "
    f"other than undecided or equivalent would be one of the false alarms that an interval of 95 % allows."
)
assert abs(change.mean) < 0.1

# %% [markdown]
# ## What would change our mind
#
# "Convolution is better" is not a law; "images have neighbourhoods" is the fact it rests on. If C had kept its lead on
# rearranged pixels, the lead would have come from something else: the depth, the pooling, the number of units. It would
# also change our mind if B overtook C with more data, for what is built in can be learned as well, given enough
# examples: transformers for images were behind convolutional networks until they were shown some hundred million
# pictures (Dosovitskiy et al. 2021).

# %%
lesson.full("7,500 images instead of 1,250, and ten replicates instead of five")

# %% [markdown]
# ## Where to read on
#
# - LeCun, Bottou, Bengio and Haffner (1998), *Gradient-based learning applied to document recognition*: the network
#   that read cheques, and where MNIST comes from.
# - Goodfellow, Bengio and Courville (2016), *Deep Learning*, chapter 9: convolution, equivariance, pooling.
# - Xiao, Rasul and Vollgraf (2017), *Fashion-MNIST*: why digits had become too easy.
# - Dosovitskiy et al. (2021), *An image is worth 16×16 words*: what happens without the inductive bias.
# - Olah, Mordvintsev and Schubert (2017), *Feature visualization*, Distill: what deeper kernels look for.
#
# Lesson 8 goes on to colour, and to a second way of telling a network what does not matter: showing it changed images.
