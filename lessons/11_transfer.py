# %% [markdown]
# # 11 · Transfer
#
# **How many labelled images is it worth to have seen others before?**
#
# You need to know what a convolutional network is (lesson 7), and how claims are judged (lesson 4). "Transfer learning"
# is the last item on the learner's list. It is also what most people do who use deep learning: hardly anybody has a
# million labelled examples, and hardly anybody starts from nothing.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import etude
from etude.data.load import fetch, load
from etude.engine.build import build_model
from etude.engine.weights import published_weights
from etude.faces.lesson import Lesson
from etude.values.claim import Claim, Contrast
from etude.values.data import Arrays, Images
from etude.values.errors import EtudeError

lesson = Lesson(11)
torch.set_num_threads(1)

# %% [markdown]
# ## Your prediction
#
# 1. A network learns to tell the handwritten digits 0 to 4 apart. We keep its hidden layer as it is, and give it a new
#    last layer, which learns 5 to 9 from 50 labelled images. Will it do better than a network that starts from nothing?
#    It has never seen a 5.
# 2. A large network has learned a thousand kinds of things from a million photographs. With a new last layer it gets 50
#    small photographs, about five of each of ten kinds. A convolutional network that starts from nothing gets 1,000.
#    Which one is more often right on new photographs?
#
# ## Body and head
#
# A trained network is a **body**, which turns an image $x$ into a list of numbers $\varphi(x)$, its *features*, and a
# **head**, the last layer, which turns features into answers:
#
# $$ f(x) \;=\; W\,\varphi(x) + b . $$
#
# The simplest way of transfer is to keep $\varphi$ and to learn $W$ and $b$ anew, for another question. It is called a
# *linear probe*. In code, the weights of the body are *frozen*: no gradient reaches them.
#
# First in small, where we can see every part: scikit-learn's digits, each moved to a place of its own in a larger
# image. The first five kinds are the *source*, of which there is plenty. The other five are the *target*.


# %%
def moved(images, copies, rng):
    """Each image at `copies` places of its own, in images of 10 × 10 pixels."""
    canvas = np.zeros((copies * len(images), 12, 12))
    places = rng.integers(0, 5, (len(canvas), 2))
    for page, image, (up, left) in zip(canvas, np.tile(images, (copies, 1, 1)), places, strict=True):
        page[up : up + 8, left : left + 8] = image
    return canvas[:, 1:11, 1:11].reshape(len(canvas), -1)


digits, rng = load_digits(), np.random.default_rng(lesson.number)
low = digits.target < 5
source, source_labels = moved(digits.images[low], 6, rng), np.tile(digits.target[low], 6)
target, target_labels = moved(digits.images[~low], 1, rng), digits.target[~low]

# %%
learning = etude.Recipe(
    data=(source, source_labels),
    model=etude.mlp(hidden=(100,)),
    loss="cross_entropy",
    optimizer=etude.adam(learning_rate=0.003),
    epochs=lesson.of(15, 60),
    batch_size=50,
    score_every=lesson.of(15, 60),
)
taught = etude.Study(learning, replicates=2, metric="accuracy").run(out=lesson.store, quiet=True)
run = next(iter(taught.runs.values()))[0]
lesson.say(f"The source network tells 0 to 4 apart in {run.score('accuracy', 'test'):.2f} of cases.")

# %% [markdown]
# Its hidden layer is our body: $\varphi(x) = \max(0, Wx + b)$, a ReLU. The control is a body of the same shape, frozen
# too, whose weights are drawn by chance. Without it we would not know whether a gain comes from what the body has
# *learned*, or from there being one. The third network has the same shape again, and learns all of it from the 50.


# %%
def learned_body(n_inputs, n_outputs):
    body = nn.Linear(n_inputs, 100)
    body.load_state_dict({part: torch.tensor(run.arrays[f"weights/hidden_1.{part}"]) for part in ("weight", "bias")})
    return nn.Sequential(body.requires_grad_(requires_grad=False), nn.ReLU(), nn.Linear(100, n_outputs))


def random_body(n_inputs, n_outputs):
    body = nn.Linear(n_inputs, 100)
    return nn.Sequential(body.requires_grad_(requires_grad=False), nn.ReLU(), nn.Linear(100, n_outputs))


def from_nothing(n_inputs, n_outputs):
    return nn.Sequential(nn.Linear(n_inputs, 100), nn.ReLU(), nn.Linear(100, n_outputs))


def labelled(n):
    """Half of the target for the test, n images to learn from; the labels of the rest are not used to learn."""
    rest = 0.5 - n / len(target)
    return Arrays(inputs=scaled, targets=target_labels, test=0.5, validation=rest)


# %%
scaled = (target - source.mean(axis=0)) / source.std(axis=0)  # as the source network saw its images
probe = etude.Recipe(
    data=labelled(50),
    model=from_nothing,
    loss="cross_entropy",
    optimizer=etude.adam(learning_rate=0.003),
    epochs=60,
    batch_size=10,
    score_every=60,
)
workers = lesson.of(1, None)
digits_study = etude.Study(
    probe,
    vary={"model": [from_nothing, random_body, learned_body]},
    replicates=lesson.of(8, 40),
    metric="accuracy",
).run(out=lesson.store, quiet=True, workers=workers)


# %%
def accuracies(runs):
    return np.array([one.score("accuracy", "test") for one in runs])


def dots(axes, found, row, colour):
    axes.plot(found, row + np.linspace(-0.15, 0.15, len(found)), "o", color=lesson.colours[colour], markersize=4.5)
    axes.plot([found.mean()] * 2, [row - 0.3, row + 0.3], color=lesson.colours["black"])


found = [accuracies(runs) for runs in digits_study.runs.values()]
figure, axes = plt.subplots(figsize=(7, 2.5))
for row, (scores, colour) in enumerate(zip(found, ("orange", "sky", "blue"), strict=True)):
    dots(axes, scores, row, colour)
axes.axvline(0.2, color=lesson.colours["grey"], linestyle="--", linewidth=1)
axes.text(0.203, -0.55, "chance", fontsize=9, color=lesson.colours["grey"])
axes.set(yticks=range(3), yticklabels=["from nothing", "random body", "body that knows 0 to 4"], ylim=(2.6, -0.9))
axes.set(xlabel="accuracy on 5 to 9 (share correct)", title="Fifty labelled digits")
lesson.show(
    figure,
    f"Test accuracy, a dot a replicate and a line at the mean: from nothing {found[0].mean():.2f}, head on a random body "
    f"{found[1].mean():.2f}, head on the body that knows 0 to 4 {found[2].mean():.2f}. Chance is 0.2.",
)

# %%
for name, other in (("starting from nothing", from_nothing), ("a random body", random_body)):
    effect = digits_study.effect("model", metric="accuracy", levels=(other, learned_body))
    lesson.say(f"The body that knows 0 to 4 against {name}: {lesson.tell(effect)}.")

lesson.figure(
    "gain on digits",
    found[2].mean() - found[1].mean(),
    "What the body has learned is worth {:.2f} of accuracy, on average.",
)
assert found[2].mean() > found[1].mean()

# %% [markdown]
# It has never seen a 5. But it has seen strokes, ends and bends, at all places, and those are what a 5 is made of. And
# it is not the shape of the body that helps: the random one has the same shape, is frozen as well, and comes out behind.
#
# ## A million photographs
#
# Now in earnest. EfficientNet-Lite0 (Tan and Le 2019) has learned from more than a million labelled photographs of ImageNet
# (Deng et al. 2009) to tell a thousand kinds of things apart. Its body makes 1,280 features of an image. The target is
# CIFAR-10: ten kinds of things in images of 32 × 32 pixels, which are enlarged for the body.

# %%
photographs = {"images": "cifar10", "rows": 63, "validation": 0.2, "test_rows": lesson.of(150, 1000)}
try:
    fetch(Images(**photographs))
    published_weights("efficientnet_lite0")
    at_hand = True
    lesson.say("CIFAR-10 and the pretrained weights are both at hand.")
except EtudeError as error:
    at_hand = False
    lesson.say(
        f"**The rest of this lesson needs CIFAR-10 and pretrained weights, and they are not at hand** "
        f"({str(error).partition('. ')[0]}). docs/data.md says how to have them. What follows is skipped; the digits "
        "above are the smaller, genuine case of it."
    )

# %% [markdown]
# Before we train anything, a look at what such features are. For an image, which other one is nearest? We may compare
# the pixels, or the features.

# %%
if at_hand:
    recipe = etude.Recipe(
        data=photographs,
        model={"name": "pretrained", "pixels": 96},
        loss="cross_entropy",
        optimizer=etude.adam(learning_rate=0.003),
        schedule={"name": "cosine"},
        epochs=60,
        batch_size=25,
        score_every=60,
    )
    parts = load(recipe.data, seed=recipe.seed, replicate=0)
    body = build_model(recipe, parts.sizes(10), replicate=0, device=torch.device("cpu"))
    images, kinds = torch.tensor(parts.test.inputs[:150]), parts.test.targets[:150]
    with torch.no_grad():
        features = body.eval().features(images)
    features = nn.functional.normalize(features - features.mean(dim=0))


def nearest(views):
    distances = torch.cdist(views, views)
    return distances.fill_diagonal_(torch.inf).argmin(dim=1).numpy()


# %%
if at_hand:
    by_pixels, by_features = nearest(images), nearest(features)
    alike = [float((kinds[by] == kinds).mean()) for by in (by_pixels, by_features)]
    pictures = ((images * 128 + 127) / 255).reshape(-1, 3, 32, 32).permute(0, 2, 3, 1).clip(0, 1)
    chosen = [int(np.flatnonzero(kinds == kind)[0]) for kind in (1, 3, 5, 7, 8)]
    figure, panels = plt.subplots(3, 5, figsize=(6.4, 4.2))
    for column, i in zip(panels.T, chosen, strict=True):
        for axes, j in zip(column, (i, by_pixels[i], by_features[i]), strict=True):
            axes.imshow(pictures[j])
            axes.set(xticks=[], yticks=[])
            axes.set_title(parts.classes[int(kinds[j])], fontsize=9, loc="center")
    for axes, name in zip(panels[:, 0], ("an image", "nearest by\npixels", "nearest by\nfeatures"), strict=True):
        axes.set_ylabel(name, fontsize=9)
    lesson.show(
        figure,
        f"Five test images, and below each the nearest of {len(kinds) - 1} others by pixels and by features. By pixels the "
        f"neighbour is of the same kind in {alike[0]:.2f} of cases, by features in {alike[1]:.2f}; chance is 0.1.",
    )
    assert alike[1] > alike[0]

# %% [markdown]
# Nearest by pixels often means a background of like brightness. Nearest by features means, more often, the same kind of
# thing, and no label of CIFAR-10 was needed for it. That is what a head has to work with.
#
# ## The study
#
# Three ways to ten kinds of things. The network from nothing is no straw man: it has batch normalisation and dropout. It
# learns from the same 50 images, and from many. (The random body has had its turn; `etude run transfer` has it again.)

# %%
if at_hand:
    many = lesson.of(1000, 4000)
    cnn = {"name": "convnet", "channels": (16, 32), "norm": "batch", "dropout": 0.3}
    nothing = {"model": cnn}
    nothing_many = {"model": cnn, "data.rows": many * 5 // 4, "epochs": 8}
    study = etude.Study(
        recipe,
        arms={
            "pretrained body, 50": {},
            "from nothing, 50": nothing,
            f"from nothing, {many:,}": nothing_many,
        },
        claims=[
            Claim(
                text="With 50 labels, a pretrained body beats starting from nothing.",
                stated=(Contrast(control=nothing, treated={}, metric="accuracy"),),
            ),
            Claim(
                text=f"50 labels and a pretrained body are worth more than {many:,} labels from nothing.",
                stated=(Contrast(control=nothing_many, treated={}, metric="accuracy", as_a_whole=True),),
            ),
        ],
        replicates=5,
        metric="accuracy",
    )
    result = study.run(out=lesson.store, quiet=True, workers=workers)
    scores = {arm: accuracies(runs) for arm, runs in result.runs.items()}

# %%
if at_hand:
    figure, axes = plt.subplots(figsize=(7, 2.5))
    for row, (each, colour) in enumerate(zip(scores.values(), ("blue", "orange", "red"), strict=True)):
        dots(axes, each, row, colour)
    axes.axvline(0.1, color=lesson.colours["grey"], linestyle="--", linewidth=1)
    axes.text(0.105, -0.6, "chance", fontsize=9, color=lesson.colours["grey"])
    axes.set(yticks=range(3), yticklabels=list(scores), ylim=(2.6, -0.9), xlim=(0.05, None))
    axes.set(xlabel="accuracy (share correct)", title="CIFAR-10, and how many labels each network had")
    lesson.show(
        figure,
        "Test accuracy, a dot a replicate and a line at the mean: "
        + ", ".join(f"{arm} {each.mean():.2f}" for arm, each in scores.items())
        + ". Chance is 0.1.",
    )
    for judged in result.claims:
        lesson.say(f"“{judged.claim.text}” is **{judged.verdict}**: {lesson.tell(judged.stated[0])}.")
    pretrained, few, _ = (each.mean() for each in scores.values())
    lesson.figure(
        "pretrained, 50 labels", pretrained, "Fifty labels and a pretrained body reach an accuracy of {:.2f}."
    )
    assert pretrained > few

# %% [markdown]
# One thing must be said, lest the number charm us. "Fifty labels" counts the labels of CIFAR-10 alone. The body had more
# than a million others, and among ImageNet's kinds are many dogs, cats, ships, lorries and aeroplanes. So it has not learned
# from fifty examples what a dog is. It has learned from fifty examples what *we call* the things that it could already
# tell apart. How far that goes depends on how near the target is to the source (Yosinski et al. 2014; Kornblith, Shlens
# and Le 2019); on medical images, which are far from ImageNet, the gain is small (Raghu et al. 2019).
#
# ## Exercise
#
# What was the body of the digits worth, in labels? Train `from_nothing` on 50, 100, 200 and 400 labelled images (see
# `labelled`), and find out how many it needs until it is as often right as the head on the learned body was with 50.


# %% tags=["solution"] jupyter={"source_hidden": true}
def alone(n):
    """Mean accuracy from nothing with n labels."""
    recipe = etude.Recipe(**{**dict(probe), "data": labelled(n), "model": from_nothing})
    tried = etude.Study(recipe, replicates=lesson.of(10, 40), metric="accuracy").run(out=lesson.store, quiet=True)
    return accuracies(next(iter(tried.runs.values()))).mean()


counts = [50, 100, 200, 400]
curve = [alone(n) for n in counts]
lesson.table([[n, f"{mean:.2f}"] for n, mean in zip(counts, curve, strict=True)], ["labels", "accuracy, from nothing"])
enough = [n for n, mean in zip(counts, curve, strict=True) if mean >= found[2].mean()]
lesson.say(
    f"The head on the learned body had {found[2].mean():.2f} with 50 labels. From nothing, that takes "
    + (f"about {enough[0]} of those tried" if enough else "more than 400")
    + ", so the body was worth as many labels as lie between. It is a mean of replicates; the next study's will differ."
)
assert curve[-1] > curve[0]

# %% [markdown]
# ## What would change our mind
#
# If the random body had done as well as the learned one, transfer would be a tale, and the shape of the network all
# there is. If the body from 0 to 4 had made no difference, the two halves of the digits would have less in common than
# we thought. And with enough labels of one's own the advantage must shrink, for there is less and less left that a body
# could bring along: where the curves meet is a question to measure, and not to guess.

# %%
lesson.full("4,000 labels from nothing instead of 1,000, more test images, and 40 replicates of the digits")

# %% [markdown]
# `etude run transfer` asks the same with 1,000 labels, and docs/accuracy.md has what was measured then.
#
# ## Where to read on
#
# - Yosinski, Clune, Bengio and Lipson (2014), *How transferable are features in deep neural networks?*
# - Donahue et al. (2014), *DeCAF*: a head on features of ImageNet beats what came before, on many tasks.
# - Kornblith, Shlens and Le (2019), *Do better ImageNet models transfer better?*
# - Raghu, Zhang, Kleinberg and Bengio (2019), *Transfusion*: where it helps little, and why.
# - Howard and Ruder (2018), *Universal language model fine-tuning*: training the body too, at smaller rates
#   (`train = "all"` and `body_rate` in a recipe).
