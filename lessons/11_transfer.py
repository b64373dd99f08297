# %% [markdown]
# # 11 · Transfer
#
# **How many labelled images is it worth to have seen others before?**
#
# You need to know what a convolutional network is (lesson 7), and how claims are judged (lesson 4). Transfer learning is
# the last item on the learner's list. It is also what most people who use deep learning do: hardly anybody has a million
# labelled examples, and hardly anybody starts from nothing.

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
SEED = 0  # change it: nearly every number will change, and no sentence should become false
torch.set_num_threads(1)

# %% [markdown]
# ## Your prediction
#
# 1. A network learns to tell the handwritten digits 0 to 4 apart. We keep its hidden layer as it is, and give it a new
#    last layer, which learns 5 to 9 from about 50 labelled images. Will it do better than a network that starts from
#    nothing? It has never seen a 5.
# 2. A large network has learned a thousand kinds of things from a million photographs. With a new last layer it gets
#    50 small photographs, about five of each of ten kinds. A convolutional network that starts from nothing gets many
#    times as many. Which one is right more often on new photographs?
#
# ## Body and head
#
# A trained network is a **body**, which turns an image $x$ into a list of numbers $\varphi(x)$, its *features*, and a
# **head**, the last layer, which turns features into answers:
#
# $$ f(x) \;=\; W\,\varphi(x) + b . $$
#
# The simplest way to transfer is to keep $\varphi$ and to learn $W$ and $b$ anew, for another question. That is called a
# *linear probe* (Alain and Bengio 2016). In code, the weights of the body are *frozen*: they are not updated.
#
# First on a small scale, where we can see every part: scikit-learn's digits, each moved to a place of its own in a
# larger image. The first five kinds are the *source*, of which there is plenty. The other five are the *target*.


# %%
def moved(images, copies, rng):
    """Each image at `copies` places of its own, in images of 10 × 10 pixels."""
    canvas = np.zeros((copies * len(images), 12, 12))
    places = rng.integers(0, 5, (len(canvas), 2))
    for page, image, (up, left) in zip(canvas, np.tile(images, (copies, 1, 1)), places, strict=True):
        page[up : up + 8, left : left + 8] = image / 16  # from 0 (paper) to 1 (ink)
    return canvas[:, None, 1:11, 1:11]  # with one channel, black; a colour image has three


digits, rng = load_digits(), np.random.default_rng(SEED)
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
    seed=SEED,
)
taught = etude.Study(learning, replicates=2, metric="accuracy").run(out=lesson.store, quiet=True)
run = next(iter(taught.runs.values()))[0]
assert run.score("accuracy", "test") > 0.8

# %% [markdown]
# (How often the source network is right on its own test part, we do not report. Copies of the same digits lie on both
# sides of its split, so that score flatters it. We need its body, not its score.)
#
# Its hidden layer is our body: $\varphi(x) = \max(0, Vx + a)$, a ReLU. The control is a body with the very same numbers,
# frozen too, but shuffled: each weight stands in a place drawn by chance. What the two differ in is only where the
# numbers stand, and that is what was learned. Without a control we would not know whether a gain comes from what the
# body has *learned*, or from having such a body at all. The third network has the same shape again, and learns all of it
# from the 50 or so labelled images.


# %%
def learned_body(n_inputs, n_outputs):
    body = nn.Linear(n_inputs, 100)
    body.load_state_dict({part: torch.tensor(run.arrays[f"weights/hidden_1.{part}"]) for part in ("weight", "bias")})
    return nn.Sequential(body.requires_grad_(requires_grad=False), nn.ReLU(), nn.Linear(100, n_outputs))


def shuffled_body(n_inputs, n_outputs):
    network = learned_body(n_inputs, n_outputs)
    for part in network[0].parameters():
        part.copy_(part.flatten()[torch.randperm(part.numel())].view_as(part))
    return network


def from_nothing(n_inputs, n_outputs):
    return nn.Sequential(nn.Linear(n_inputs, 100), nn.ReLU(), nn.Linear(100, n_outputs))


def labelled(n):
    """About n images of the target to learn from, a twentieth of all to validate, and the rest for the test."""
    rest = 0.95 - n / len(target)
    return Arrays(inputs=target, targets=target_labels, validation=0.05, test=rest)


# %%
probe = etude.Recipe(
    data=labelled(50),
    model=from_nothing,
    loss="cross_entropy",
    optimizer=etude.adam(learning_rate=0.003),
    epochs=40,
    batch_size=10,
    score_every=40,
    seed=SEED,
)
workers = lesson.of(1, None)
digits_study = etude.Study(
    probe,
    vary={"model": [from_nothing, shuffled_body, learned_body]},
    replicates=lesson.of(8, 40),
    metric="accuracy",
).run(out=lesson.store, quiet=True, workers=workers)


# %%
def accuracies(runs):
    return np.array([one.score("accuracy", "test") for one in runs])


found = [accuracies(runs) for runs in digits_study.runs.values()]
n_few = len(load(probe.data, seed=SEED, replicate=0).train.targets)
ends = []
for recipe in (learning, probe):
    pixels = load(recipe.data, seed=SEED, replicate=0).train.inputs
    ends.append(f"from {pixels.min():.2f} (paper) to {pixels.max():.2f} (ink)")
lesson.say(
    f"There are {n_few} labelled images to learn from. A study centres and scales all pixels alike, by one mean and one "
    f"standard deviation of its own training images. So the body meets the target almost as it met the source, where "
    f"pixels went {ends[0]}; now they go {ends[1]}."
)


# %% jupyter={"source_hidden": true}
def dots(axes, found, row, colour):
    axes.plot(found, row + np.linspace(-0.15, 0.15, len(found)), "o", color=lesson.colours[colour], markersize=4.5)
    axes.plot([found.mean()] * 2, [row - 0.3, row + 0.3], color=lesson.colours["black"])


figure, axes = plt.subplots(figsize=(7, 2.4))
for row, (scores, colour) in enumerate(zip(found, ("orange", "sky", "blue"), strict=True)):
    dots(axes, scores, row, colour)
axes.set(yticks=range(3), yticklabels=["from nothing", "shuffled body", "body that knows 0 to 4"], ylim=(2.6, -0.6))
axes.set(xlabel="accuracy on 5 to 9 (share correct); chance is 0.2", title=f"{n_few} labelled digits")
lesson.show(
    figure,
    f"Test accuracy, a dot a replicate and a line at the mean: from nothing {found[0].mean():.2f}, head on the shuffled "
    f"body {found[1].mean():.2f}, head on the body that knows 0 to 4 {found[2].mean():.2f}. Chance is 0.2.",
)

# %%
against_nothing, against_shuffled = (
    digits_study.effect("model", metric="accuracy", levels=(other, learned_body))
    for other in (from_nothing, shuffled_body)
)
lesson.say(f"The body that knows 0 to 4 against starting from nothing: {lesson.tell(against_nothing)}.")
lesson.say(f"The same body against its numbers shuffled: {lesson.tell(against_shuffled)}.")
lesson.figure(
    "gain on digits", against_shuffled.mean, "What the body has learned is worth {:.2f} of accuracy, on average."
)
assert found[2].mean() > found[1].mean()

# %% [markdown]
# Each interval is a 95 % interval on its own. All pairs share one body, so the intervals speak about this one. And all
# replicates split the same rows anew, so they speak about these rows (Nadeau and Bengio 2003).

# %%
first = {
    "better": "So the body helped, though it had never seen a 5.",
    "worse": "So the body was in the way: with these digits it was better to start from nothing.",
    "equivalent": "So it made no difference worth speaking of whether there was a body.",
    "undecided": "Whether the body was better than starting from nothing, these replicates do not decide.",
}[against_nothing.verdict]
second = {
    "better": "It is not the shape of a body that counts, nor the size of its numbers: the shuffled one has both, is frozen "
    "as well, and comes out behind. We suppose that what the body learned of strokes and bends serves a 5 too.",
    "worse": "The shuffled body did better, which contradicts this lesson. Before you believe it, take a fresh seed.",
    "equivalent": "The shuffled body did as well, so it was not what the body had learned that counted.",
    "undecided": "Whether the learned body is better than the shuffled one, these replicates do not decide.",
}[against_shuffled.verdict]
lesson.say(f"{first} {second}")

# %% [markdown]
# ## A million photographs
#
# Now in earnest. EfficientNet-Lite0 (Tan and Le 2019) has learned from more than a million labelled photographs of
# ImageNet (Deng et al. 2009) to tell a thousand kinds of things apart. Its body makes 1,280 features of an image. The
# target is CIFAR-10: ten kinds of things in images of 32 × 32 pixels, which are enlarged for the body.

# %%
photographs = {"images": "cifar10", "rows": 63, "validation": 0.2, "test_rows": lesson.of(200, 1000)}
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
# Before we train anything, let us look at what such features are. For an image, which other one is nearest? We may
# compare the pixels, or the features.

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
        seed=SEED,
    )
    parts = load(recipe.data, seed=recipe.seed, replicate=0)
    body = build_model(recipe, parts.sizes(10), replicate=0, device=torch.device("cpu"))
    images, kinds = torch.tensor(parts.test.inputs[:150]), parts.test.targets[:150]
    with torch.no_grad():
        features = body.eval().features(images)


def nearest(views):
    views = nn.functional.normalize(views - views.mean(dim=0))  # centred, and each of length 1
    distances = torch.cdist(views, views)
    return distances.fill_diagonal_(torch.inf).argmin(dim=1).numpy()


if at_hand:
    by_pixels, by_features = nearest(images), nearest(features)
    alike = [float((kinds[by] == kinds).mean()) for by in (by_pixels, by_features)]
    assert alike[1] > alike[0]

# %% jupyter={"source_hidden": true}
if at_hand:
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

# %% [markdown]
# Nearest by pixels means light and dark in the same places, whatever the thing is. Nearest by features means, more often,
# the same kind of thing, and no label of CIFAR-10 was needed for it. That is what a head has to work with.
#
# ## The study
#
# There are three ways to ten kinds of things. A head on the pretrained body learns from 50 images. A convolutional
# network that starts from nothing, with batch normalisation and dropout, learns from the same 50. And one more such
# network learns from many times as many, which also means more steps. At the full setting it is larger, and its images
# are mirrored by chance (lesson 8); at the small setting it has to do without. (`etude run transfer` has the control as
# well: a body of the same shape, drawn by chance.)

# %%
if at_hand:
    many = lesson.of(1000, 4000)
    cnn = {"name": "convnet", "channels": lesson.of((8, 16), (16, 32)), "norm": "batch", "dropout": 0.3}
    nothing = {"model": cnn}
    nothing_many = {"model": cnn, "data.rows": many * 5 // 4, "epochs": lesson.of(16, 30)}
    nothing_many |= lesson.of({}, {"augment": {"flip": True}})
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

# %% jupyter={"source_hidden": true}
if at_hand:
    figure, axes = plt.subplots(figsize=(7, 2.4))
    for row, (each, colour) in enumerate(zip(scores.values(), ("blue", "orange", "red"), strict=True)):
        dots(axes, each, row, colour)
    axes.set(yticks=range(3), yticklabels=list(scores), ylim=(2.6, -0.6))
    axes.set(xlabel="accuracy (share correct); chance is 0.1", title="CIFAR-10, and how many labels each network had")
    lesson.show(
        figure,
        "Test accuracy, a dot a replicate and a line at the mean: "
        + ", ".join(f"{arm} {each.mean():.2f}" for arm, each in scores.items())
        + ". Chance is 0.1.",
    )

# %%
if at_hand:
    for judged in result.claims:
        lesson.say(f"“{judged.claim.text}” is **{judged.verdict}**: {lesson.tell(judged.stated[0])}.")
    apart = result.claims[1].stated[0].mean
    decided = {
        "supported": "So fifty labels and a trained body were worth more than all the others.",
        "refuted": "So the many labels were worth more.",
        "undecided": f"Which of the two is better, these pairs do not decide; the means are {abs(apart):.2f} apart.",
    }[result.claims[1].verdict]
    lesson.say(
        f"{decided} (Both claims share one error rate of 5 % (Holm, lesson 6), so some intervals are drawn wider than "
        "95 %. All pairs share one body, so the intervals speak about this one.)"
    )
    pretrained, few, _ = (each.mean() for each in scores.values())
    lesson.figure(
        "pretrained, 50 labels", pretrained, "Fifty labels and a pretrained body reach an accuracy of {:.2f}."
    )
    assert pretrained > few

# %% [markdown]
# One thing must be said, lest the number charm us. The fifty labels are those of CIFAR-10 alone. The body had more than a
# million others, and among ImageNet's kinds are many dogs, cats, ships, lorries and aeroplanes. So it has not learned from
# fifty examples what a dog is. It has learned from fifty examples what *we call* the things that it could already tell
# apart. How far that goes depends on how near the target is to the source (Yosinski et al. 2014; Kornblith, Shlens
# and Le 2019); on medical images, which are far from ImageNet, the gain is small (Raghu et al. 2019).
#
# ## Exercise
#
# What was the body of the digits worth, in labels? Train `from_nothing` on about 50, 100, 200 and 400 labelled images
# (see `labelled`), and find out how many it needs until it is right as often as the head on the learned body was with 50.


# %% tags=["solution"] jupyter={"source_hidden": true}
def alone(n):
    """Mean accuracy from nothing with n labels."""
    recipe = etude.Recipe(**{**dict(probe), "data": labelled(n), "model": from_nothing})
    tried = etude.Study(recipe, replicates=lesson.of(10, 40), metric="accuracy").run(out=lesson.store, quiet=True)
    return accuracies(next(iter(tried.runs.values()))).mean()


counts = [50, 100, 200, 400]
curve = [alone(n) for n in counts]
lesson.table([[n, f"{mean:.2f}"] for n, mean in zip(counts, curve, strict=True)], ["labels", "accuracy, from nothing"])
body_mean = found[2].mean()
if curve[0] < body_mean < curve[-1] and np.all(np.diff(curve) > 0):
    same = float(np.exp(np.interp(body_mean, curve, np.log(counts))))
    worth = (
        f"From nothing, that takes about {same:.0f} labels (read off between those tried). So the body was worth about "
        f"{same - counts[0]:.0f} labels, if we take the means at their word."
    )
elif body_mean >= max(curve):
    worth = f"From nothing, {counts[-1]} were not enough for that, so the body was worth more than {counts[-1] - counts[0]}."
else:
    worth = (
        "From nothing, these means do not say how many that takes, for the body's lies below them or they do not rise."
    )
lesson.say(
    f"The head on the learned body had {body_mean:.2f} with about {counts[0]} labels. {worth} More labels also meant more "
    "steps, for the epochs stayed the same."
)
assert curve[-1] > curve[0]

# %% [markdown]
# ## What would change our mind
#
# If the shuffled body had done as well as the learned one, transfer would be a tale, and the shape of the network and the
# size of its numbers would be all there is. If the body from 0 to 4 had made no difference, the two halves of the digits
# would have less in common than we thought. And with enough labels of one's own the advantage must shrink, for there is
# less and less left that a body could bring along: where the curves meet is a question to measure, and not to guess.

# %%
lesson.full("4,000 labels from nothing instead of 1,000, more test images, and 40 replicates of the digits")

# %% [markdown]
# `etude run transfer` asks the same with 1,000 photographs, and docs/accuracy.md has what was measured then.
#
# ## Where to read on
#
# - Alain and Bengio (2016), *Understanding intermediate layers using linear classifier probes*.
# - Yosinski, Clune, Bengio and Lipson (2014), *How transferable are features in deep neural networks?*
# - Donahue et al. (2014), *DeCAF*: a head on features of ImageNet beats what came before, on many tasks.
# - Kornblith, Shlens and Le (2019), *Do better ImageNet models transfer better?*
# - Raghu, Zhang, Kleinberg and Bengio (2019), *Transfusion*: where it helps little, and why.
# - Howard and Ruder (2018), *Universal language model fine-tuning*: training the body too, at smaller rates
#   (`train = "all"` and `body_rate` in a recipe).
