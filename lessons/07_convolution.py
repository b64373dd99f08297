# %% [markdown]
# # 7 · Convolution
#
# **Two networks have the same number of weights. Does it matter which pixels the weights connect?**
#
# You need to know what a hidden layer and a ReLU are (lesson 1), and why one training proves nothing (lesson 4).
# CNNs come first on the learner's list of what to learn next, and MNIST, a famous set of handwritten digits, is on it
# too. A CNN is a convolutional neural network. By the end of this lesson you will have computed a convolution yourself,
# and taken away from it the one thing that it relies on, to see how it fares without.

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
SEED = 0  # change it: nearly every number will change, and no sentence should become false

# %% [markdown]
# ## Your prediction
#
# Three networks learn to read the same handwritten digits, some thousands at most:
#
# - **A**, one hidden layer of a few units, each connected to every pixel;
# - **B**, the same with ten times as many units, and so ten times as many weights;
# - **C**, a convolutional network, with slightly *fewer* weights than A.
#
# Write down the order you expect on digits that none of them has seen: is it B, A, C, because B is the largest? Or
# will C beat even B?
#
# Then we shall take one random order of the pixels and rearrange all images by it, every one in the same way. You and
# I could not read such an image. Which network gets worse: the one with the hidden layer, the convolutional one, both,
# or neither?

# %% [markdown]
# ## A window that slides
#
# A hidden unit, as you know it, looks at the whole image: it has one weight for every pixel. A **kernel** is a unit that
# looks through a small window, here of 3 × 3 pixels. It multiplies the nine pixels in the window by its nine weights and
# adds them up. Then the window moves on by one pixel, and the *same nine weights* are used again. What comes out, one
# number for each place of the window, is again an image: a **feature map**, which says where in the picture the kernel
# found what it is looking for.
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

# %% jupyter={"source_hidden": true}
edges = slide(digit, upright)
figure, panels = plt.subplots(1, 3, figsize=(7.5, 3.0))
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
# moves, the map moves with it, and (but for the edges) nothing else changes. That is called *equivariance*, and it can
# be checked:

# %%
moved = np.roll(digit, 1, axis=1)  # one pixel to the right; the last column comes in on the left
assert np.allclose(slide(moved, upright)[:, 1:], slide(digit, upright)[:, :-1])

# %% [markdown]
# ## How many weights it saves
#
# Suppose we want 8 feature maps of a 28 × 28 image. Zeros are set around the image (`padding=1`), so that the map is as
# large as the image; without them, our 8 × 8 pixels gave a map of 6 × 6. How many weights does a layer need to compute
# the maps, if each unit sees everything, if each sees its window with weights of its own, and if all places share their
# weights?

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
# So a convolution is a linear layer in which most weights are fixed at zero, and the rest repeat the same nine numbers
# at every place. It can compute *less* than the full layer. The hope is that what it gave up was never needed.
#
# ## The study
#
# Here are the three networks, with a few words on their parts. **Max pooling** keeps the largest number of each 2 × 2
# block, so the maps get smaller and the next kernels see more of the image. A kernel of the second layer looks at all
# eight maps at once: 8 × 3 × 3 weights, summed (lesson 8 has the formula). **Batch normalisation** brings the numbers
# between two layers to a common scale; all three networks have it, so that it is no difference between them.


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
    digits, rng = load_digits(), np.random.default_rng(SEED)
    canvas = np.zeros((len(digits.images), 12, 12))
    for page, image, (up, left) in zip(canvas, digits.images, rng.integers(0, 5, (len(canvas), 2)), strict=True):
        page[up : up + 8, left : left + 8] = image / 16
    return canvas[:, None, 1:11, 1:11], digits.target  # with one channel, black; a colour image has three


# %%
size = {"rows": lesson.of(1250, 7500), "validation": 0.2, "test_rows": lesson.of(1000, 5000)}
instead = "scikit-learn's 1,797 small digits, each moved by chance in an image of 10 × 10 pixels"
mnist = lesson.data({"images": "mnist", **size}, moved_digits(), names=("MNIST", instead))
fashion = lesson.data({"images": "fashion_mnist", **size}, moved_digits(), names=("Fashion-MNIST", instead))
published = {"MNIST": mnist, "Fashion-MNIST": fashion}
sets = {name if hasattr(data, "images") else "small digits": data for name, data in published.items()}
reading = next(iter(sets))

# %% [markdown]
# How wide must A be to have as many weights as C? A unit of its hidden layer brings a weight for each pixel, the two
# numbers of the batch normalisation (scale and shift, which stands in for the bias), and ten weights to the ten answers;
# the answers have ten biases. So:

# %%
n_pixels = load(sets[reading], seed=SEED, replicate=0).test.inputs.shape[1]
n_weights = sum(parameter.numel() for parameter in cnn(n_pixels, 10).parameters())
units = int(np.ceil((n_weights - 10) / (n_pixels + 2 + 10)))
A, B = ({"name": "mlp", "hidden": (width,), "norm": "batch"} for width in (units, 10 * units))

# %%
recipes = {
    name: etude.Recipe(
        data=data,
        model=cnn,
        loss="cross_entropy",
        optimizer=etude.adam(learning_rate=0.01),
        schedule={"name": "cosine"},
        epochs=10,
        batch_size=50,
        score_every=10,
        seed=SEED,
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
def scores(result, part="test"):
    return [np.array([run.score("accuracy", part) for run in runs]) for runs in result.runs.values()]


means = {name: [float(found.mean()) for found in scores(result)] for name, result in results.items()}
sizes = [runs[0].provenance["parameters"] for runs in results[reading].runs.values()]
assert sizes[2] <= sizes[0] < sizes[1] / 5, sizes

# %% jupyter={"source_hidden": true}
labels = [f"{name}: {n:,} weights" for name, n in zip(("A", "B", "C, convolution"), sizes, strict=True)]
lowest, highest = (end([end(found) for result in results.values() for found in scores(result)]) for end in (min, max))
figure, panels = plt.subplots(1, len(results), figsize=(3.6 * len(results) + 1.4, 2.6), sharey=True, squeeze=False)
for axes, (name, result) in zip(panels[0], results.items(), strict=True):
    for row, (found, colour) in enumerate(zip(scores(result), ("orange", "sky", "blue"), strict=True)):
        axes.plot(found, row + np.linspace(-0.15, 0.15, len(found)), "o", color=lesson.colours[colour], markersize=5)
        axes.plot([found.mean()] * 2, [row - 0.3, row + 0.3], color=lesson.colours["black"])
    axes.set(title=name, xlabel="share correct; chance is 0.1", xlim=(lowest - 0.02, highest + 0.02))
    axes.set(yticks=range(3), yticklabels=labels, ylim=(2.6, -0.6))
lesson.show(
    figure,
    "Test accuracy of each replicate as a dot and their mean as a line, with the number of parameters at the left. "
    + " ".join(f"{name}: A {a:.2f}, B {b:.2f}, C {c:.2f} on average." for name, (a, b, c) in means.items()),
)

# %%
for name, result in results.items():
    small, wide = (result.effect("model", metric="accuracy", levels=(other, cnn)) for other in (A, B))
    best_first = [network for _, network in sorted(zip(means[name], "ABC", strict=True), reverse=True)]
    lesson.say(
        f"**{name}.** Best first, the means stand in the order {', '.join(best_first)}. C against A: {lesson.tell(small)}. "
        f"C against B: {lesson.tell(wide)}."
    )
    assert small.mean > 0  # what this lesson teaches: with as many weights, C beats A

gain = results[reading].effect("model", metric="accuracy", levels=(A, cnn))
lesson.figure(f"gain on {reading}", gain.mean, f"On {reading}, C gains {{:.3f}} of accuracy over A on average.")

# %% [markdown]
# Each interval is a 95 % interval on its own. (Where scikit-learn's digits are used, all replicates split the same rows
# anew, so the intervals speak about these rows; Nadeau and Bengio 2003.)
#
# So was it B, A, C, or did C come first? More weights let a network compute more, but they tell it nothing. B has to
# learn from its examples that pixels have neighbours, and that a stroke on the left is the same stroke as one on the
# right. C was built knowing it. Such knowledge is called an *inductive bias*: what a network believes before it has
# seen an example.
#
# But do we see here what a network knows of images, or only how well it learned its own? Look at those too:

# %%
lesson.table(
    [
        [f"{name}, {network}", *(f"{found.mean():.2f}" for found in pair)]
        for name, result in results.items()
        for network, *pair in zip("ABC", scores(result, "train"), scores(result), strict=True)
    ],
    ["network", "accuracy on its own images", "accuracy on new ones"],
)

# %% [markdown]
# Where the first column is well below 1, the network was too small for its own images, or not yet done with them. There
# the comparison is partly about that.
#
# A and C differ in other ways too: C is deeper, it pools, and it has no narrow waist. The next study changes one thing
# only.
#
# ## Take the neighbours away
#
# If this explanation is right, it forbids something. A network that trusts neighbourhoods must suffer when
# neighbourhoods mean nothing. So we rearrange the pixels of all images by one random order. No information is lost:
# whoever knows the order can undo it.

# %%
order = torch.from_numpy(np.random.default_rng(SEED).permutation(n_pixels))


class Scramble(nn.Module):
    """Every image with its pixels in one other order, the same for all."""

    def forward(self, pixels):
        return pixels[:, order]


def scrambled_cnn(n_inputs, n_outputs):
    return nn.Sequential(Scramble(), *cnn(n_inputs, n_outputs))


# %% jupyter={"source_hidden": true}
pages = torch.from_numpy(load(sets[reading], seed=SEED, replicate=0).test.inputs[:3].copy())
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
workers = lesson.of(1, None)  # how many runs train at once, None for one on each processor; it changes no number
rearranged = etude.Study(  # the trainings of A and C are in the store already
    recipes[reading], vary={"model": [A, cnn, scrambled_cnn]}, replicates=replicates, metric="accuracy"
).run(out=lesson.store, quiet=True, workers=workers)
loss, lead = (rearranged.effect("model", metric="accuracy", levels=(other, scrambled_cnn)) for other in (cnn, A))
lesson.say(f"C on rearranged images, against C on images as they are: {lesson.tell(loss)}.")
assert loss.mean < 0

# %%
meaning = {
    "worse": "Rearranging loses no information, and still it costs accuracy, in the same network with as many weights. The "
    "loss has two parts that this study does not separate: neighbours no longer help, and trusting wrong ones harms. C goes "
    "on sharing its weights and pooling among pixels that have nothing to do with one another. A trusts nothing of the kind.",
    "better": "That contradicts this lesson. Before you believe it, run it on a fresh seed, as lesson 4 advises.",
    "equivalent": "On these data neighbourhoods are worth nothing, and this lesson's explanation is wrong for them.",
    "undecided": "These replicates do not show that it gets worse, and more of them would be needed.",
}[loss.verdict]
rest = {
    "better": "Some of the lead is left, and has other causes: the depth, the pooling, the numbers before the last layer.",
    "worse": "It has fallen behind A. A wrong belief can be worse than none.",
}.get(
    lead.verdict,
    ("Most of the lead is gone. Whether a little of it" if lead.high < gain.mean / 2 else "Whether any of the lead")
    + " is left, or less than nothing, these replicates do not tell.",
)
lesson.say(meaning)
lesson.say(
    f"And where does that leave it against A? On images as they are, C was {gain.mean:.2f} ahead on average. Rearranged: {lesson.tell(lead)}. {rest}"
)

# %% [markdown]
# And A and B? Rearranged pixels are to them the same inputs in another order. Every unit has a weight for every input,
# all weights are drawn alike, so nothing is different but the names. They lose nothing. You will prove that below.
#
# ## What it learned to look for
#
# The kernels of the first layer are small enough to look at. Here are four of the eight of one replicate, and what they
# find in an image. How large a kernel's weights are means nothing, since batch normalisation follows, so each has its own
# scale of colours. Do not read too much into them: another replicate learns other ones, and sees as well.

# %% jupyter={"source_hidden": true}
run = results[reading].runs[list(results[reading].runs)[2]][0]
learned = run.arrays[next(name for name in run.arrays if name.startswith("weights/1."))][:, 0]
page = pages[0].numpy().reshape(side, side).astype(float)
page -= page.min()  # so that paper is 0, and a kernel finds nothing on it
shown = learned[:4].astype(float)
figure, panels = plt.subplots(2, 5, figsize=(7.5, 3.2))
panels[0, 0].set_axis_off()
panels[1, 0].imshow(page, cmap="Greys")
for above, below, kernel in zip(panels[0, 1:], panels[1, 1:], shown, strict=True):
    for axes, found in ((above, kernel), (below, slide(page, kernel))):
        axes.imshow(found, cmap="PuOr_r", vmin=-np.abs(found).max(), vmax=np.abs(found).max())
for axes in panels.ravel():
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
panels[0, 1].set_title("learned kernels")
panels[1, 1].set_title("where they find it")
panels[1, 0].set_title("image")
lesson.show(
    figure,
    f"Four of the {len(learned)} learned kernels, orange where a weight is positive and purple where it is "
    "negative, and below each its feature map of one test image.",
)

# %% [markdown]
# ## Exercise
#
# What does rearranging do to A? There is no need to measure it; it can be proved. Take any network with one hidden
# layer, and build its twin: a network that sees the rearranged pixels, and gives the same answers to every image.
# (Hint: `Scramble()` gives the pixels another order. What else needs that order?)


# %% tags=["solution"] jupyter={"source_hidden": true}
def plain():
    layers = nn.Linear(n_pixels, units, bias=False), nn.BatchNorm1d(units), nn.ReLU(), nn.Linear(units, 10)
    return nn.Sequential(*layers).eval()


torch.manual_seed(SEED)
seen, twin = plain(), plain()
twin.load_state_dict(seen.state_dict())
images = torch.from_numpy(load(sets[reading], seed=SEED, replicate=0).test.inputs.copy())
with torch.no_grad():
    twin[0].weight.copy_(seen[0].weight[:, order])  # the weight of a pixel goes where the pixel went
    assert torch.allclose(seen(images), twin(Scramble()(images)), atol=1e-4)
lesson.say(
    f"The two networks gave the same answers to all {len(images):,} test images. Every network on plain pixels has a twin on "
    "rearranged ones that gives the same answers, and it is as likely to be drawn. In training the twins stay twins, for "
    "Adam treats every weight alike. So the true difference is zero, for A and for B."
)

# %% [markdown]
# ## What would change our mind
#
# That convolution is better is no law; that images have neighbourhoods is the fact it rests on. If C had lost nothing on
# rearranged pixels, its *whole* lead would have come from something else: the depth, the pooling, the number of units.
# It would also change our mind if B overtook C with more data, for what is built in can be learned as well, given enough
# examples. Transformers for images fell behind convolutional networks when both had learned from a million photographs,
# and overtook them with three hundred million (Dosovitskiy et al. 2021).

# %%
lesson.full("7,500 images of a published set instead of 1,250, and ten replicates instead of five")

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
