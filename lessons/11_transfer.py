# %% [markdown]
# # 11 · Transfer
#
# **How many labels is it worth to have seen other images before?**
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
torch.set_num_threads(1)  # one processor core: most networks here are too small to gain by more

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
# frozen too, but shuffled: each weight stands in a place drawn by chance. The two differ only in where the numbers
# stand. (How large they are was learned too, and that the control keeps.) Without a control we would not know whether a
# gain comes from what the body has *learned*, or from having such a body at all. The third network has the same shape
# again, and learns all of it from the 50 or so labelled images.


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
workers = lesson.of(1, None)  # processes that train side by side: this one alone, or one a core
digits_study = etude.Study(
    probe,
    vary={"model": [from_nothing, shuffled_body, learned_body]},
    replicates=lesson.of(8, 40),
    metric="accuracy",
).run(out=lesson.store, quiet=True, workers=workers)


# %%
def accuracies(runs, part="test"):
    return np.array([one.score("accuracy", part) for one in runs])


names = ["from nothing", "shuffled body", "body that knows 0 to 4"]
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
axes.set(yticks=range(3), yticklabels=names, ylim=(2.6, -0.6))
axes.set(xlabel="accuracy on 5 to 9 (share correct); chance is 0.2", title=f"{n_few} labelled digits")
lesson.show(
    figure,
    f"Test accuracy, a dot a replicate and a line at the mean: from nothing {found[0].mean():.2f}, head on the shuffled "
    f"body {found[1].mean():.2f}, head on the body that knows 0 to 4 {found[2].mean():.2f}. Chance is 0.2.",
)

# %% [markdown]
# As in lesson 7 we must ask whether a network that is behind knows less, or has only not been trained to the end. All
# three had the same learning rate and the same steps. Look at the images that were learned from:


# %%
def both_columns(runs_by_name):
    """Accuracy on the images learned from and on new ones, and who has not learned even its own."""
    means = {name: [accuracies(runs, part).mean() for part in ("train", "test")] for name, runs in runs_by_name.items()}
    lesson.table(
        [[name, *(f"{mean:.2f}" for mean in pair)] for name, pair in means.items()],
        ["network", "accuracy on its own images", "accuracy on new ones"],
    )
    slow = [f"“{name}”" for name, (own, _) in means.items() if own < 0.95]
    lesson.say(
        f"Short of 0.95 on its own images: {' and '.join(slow)}. There the comparison is also about how much a "
        "network of its size learns in these steps."
        if slow
        else "All have learned their own images, or very nearly. So what sets them apart is what they make of new ones."
    )


both_columns(dict(zip(names, digits_study.runs.values(), strict=True)))

# %%
against_nothing, against_shuffled, idle = (
    digits_study.effect("model", metric="accuracy", levels=levels)
    for levels in ((from_nothing, learned_body), (shuffled_body, learned_body), (from_nothing, shuffled_body))
)
lesson.say(f"The body that knows 0 to 4 against starting from nothing: {lesson.tell(against_nothing)}.")
lesson.say(f"The same body against its numbers shuffled: {lesson.tell(against_shuffled)}.")
lesson.say(f"The shuffled body against starting from nothing: {lesson.tell(idle)}.")
assert found[2].mean() > found[1].mean()

# %% [markdown]
# So there are two answers to what the body is worth, for there are two questions. Whoever has 50 labels wants to know
# what it is worth to have the body *instead of none*. Whoever wants to know *why* it helps compares it with the control.

# %%
lesson.figure(
    "gain over nothing on digits", against_nothing.mean, "To have the body instead of none is worth {:.2f} of accuracy."
)
lesson.figure("gain on digits", against_shuffled.mean, "That its numbers stand where they stand is worth {:.2f}.")

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
    "better": "It is not enough that a body has this shape, nor that its numbers are of this size: the shuffled one has "
    "both, is frozen as well, and comes out behind. We suppose that what the body learned of strokes and bends serves a 5 "
    "too.",
    "worse": "The shuffled body did better, which contradicts this lesson. Before you believe it, take a fresh seed.",
    "equivalent": "The shuffled body did as well, so it was not what the body had learned that counted.",
    "undecided": "Whether the learned body is better than the shuffled one, these replicates do not decide.",
}[against_shuffled.verdict]
third = {
    "better": "And a frozen body that knows nothing did better than none: with so few labels it seems to help to have less "
    "to learn.",
    "worse": "And a frozen body that knows nothing is worse than none, for what it does not know it cannot learn. That is "
    "why the second worth is larger than the first.",
    "equivalent": "And a frozen body that knows nothing was as good as none.",
    "undecided": "Whether a frozen body that knows nothing is worse than none, these replicates do not decide.",
}[idle.verdict]
lesson.say(f"{first} {second} {third}")

# %% [markdown]
# ## A million photographs
#
# Now in earnest. EfficientNet-Lite0, a variant that Google published in 2020 of EfficientNet-B0 (Tan and Le 2019), has
# learned from more than a million labelled photographs of ImageNet (Deng et al. 2009) to tell a thousand kinds of things
# apart. Its body makes 1,280 features of an image. The target is CIFAR-10: ten kinds of things in images of 32 × 32
# pixels, which are enlarged to 96 × 96 for the body.

# %%
photographs = {"images": "cifar10", "rows": 63, "validation": 0.2, "test_rows": lesson.of(100, 1000)}
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
    parts = load(Images(**{**photographs, "test_rows": 150}), seed=SEED, replicate=0)  # at either setting as many
    body = build_model(recipe, parts.sizes(10), replicate=0, device=torch.device("cpu"))
    images, kinds = torch.tensor(parts.test.inputs), parts.test.targets
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
    firsts = [int(np.flatnonzero(kinds == kind)[0]) for kind in range(10)]
    figure, panels = plt.subplots(3, 10, figsize=(8.4, 3.2))
    for column, i in zip(panels.T, firsts, strict=True):
        for axes, j in zip(column, (i, by_pixels[i], by_features[i]), strict=True):
            axes.imshow(pictures[j])
            axes.set(xticks=[], yticks=[])
            axes.set_title(parts.classes[int(kinds[j])], fontsize=7, loc="center", pad=4)
            agrees = j != i and kinds[j] == kinds[i]
            axes.spines[:].set(visible=agrees, color=lesson.colours["black"], linewidth=3)
    for axes, name in zip(panels[:, 0], ("an image", "nearest by\npixels", "nearest by\nfeatures"), strict=True):
        axes.set_ylabel(name, fontsize=8)
    agree = [int((kinds[by] == kinds)[firsts].sum()) for by in (by_pixels, by_features)]
    lesson.show(
        figure,
        "The first test image of each of the ten kinds, and below it the nearest of all others by pixels and by features, "
        f"in a black frame where it is of the same kind. By pixels {agree[0]} of 10 are, by features {agree[1]} of 10.",
    )

# %%
if at_hand:
    few_to_see = "" if agree[1] > agree[0] else " Ten are too few to tell."
    lesson.say(
        f"In the picture the nearest by pixels is of the same kind for {agree[0]} of 10, and the nearest by features for "
        f"{agree[1]} of 10. (We chose none of them: they are the first of each kind.){few_to_see} Over all {len(kinds)} "
        f"images that we compared, the share is {alike[0]:.2f} by pixels and {alike[1]:.2f} by features; by chance it would "
        "be about 0.1."
    )

# %% [markdown]
# Nearest by pixels means light and dark in the same places, whatever the thing is. Nearest by features means, more often,
# the same kind of thing, and no label of CIFAR-10 was needed for it. It is often wrong, too, and a single neighbour can
# look silly. But that is what a head has to work with.
#
# ## The study
#
# A head on the pretrained body learns from 50 images. A convolutional network that starts from nothing, with batch
# normalisation and dropout, learns from the same 50.
#
# If the body wins, what have we learned? It is of another architecture, it is far larger, it sees its images enlarged,
# and it is frozen, so four things change at once, besides what it knows. Here too we need a control: the same body,
# with images enlarged alike, frozen as well, but its weights drawn by chance, as they are before the first step. It
# lacks what the other has learned, and nothing else.
#
# And one more convolutional network learns from many times as many images, which also means more steps. At the full
# setting both of these networks are larger, and the many images are mirrored by chance (lesson 8); at the small setting
# they have to do without.

# %%
if at_hand:
    many = lesson.of(1000, 4000)
    cnn = {"name": "convnet", "channels": lesson.of((8, 16), (16, 32)), "norm": "batch", "dropout": 0.3}
    by_chance = {"model": {"name": "pretrained", "pixels": 96, "start": "random"}}
    nothing = {"model": cnn}
    nothing_many = {"model": cnn, "data.rows": many * 5 // 4, "epochs": lesson.of(16, 30)}
    nothing_many |= lesson.of({}, {"augment": {"flip": True}})
    study = etude.Study(
        recipe,
        arms={
            "pretrained body, 50": {},
            "body drawn by chance, 50": by_chance,
            "from nothing, 50": nothing,
            f"from nothing, {many:,}": nothing_many,
        },
        claims=[
            Claim(
                text="With 50 labels, a pretrained body beats starting from nothing.",
                stated=(Contrast(control=nothing, treated={}, metric="accuracy"),),
            ),
            Claim(
                text="With 50 labels, a pretrained body beats the same body drawn by chance.",
                stated=(Contrast(control=by_chance, treated={}, metric="accuracy"),),
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
    figure, axes = plt.subplots(figsize=(7, 2.8))
    for row, (each, colour) in enumerate(zip(scores.values(), ("blue", "sky", "orange", "red"), strict=True)):
        dots(axes, each, row, colour)
    axes.set(yticks=range(4), yticklabels=list(scores), ylim=(3.6, -0.6))
    axes.set(xlabel="accuracy (share correct); chance is 0.1", title="How many labels of CIFAR-10 each network had")
    lesson.show(
        figure,
        "Test accuracy, a dot a replicate and a line at the mean: "
        + ", ".join(f"{arm} {each.mean():.2f}" for arm, each in scores.items())
        + ". Chance is 0.1.",
    )

# %% [markdown]
# Again we ask who was trained to the end. All have the same learning rate and, with 50 images, the same number of steps.

# %%
if at_hand:
    both_columns(result.runs)

# %%
if at_hand:
    for judged in result.claims:
        lesson.say(f"“{judged.claim.text}” is **{judged.verdict}**: {lesson.tell(judged.stated[0])}.")
    _, on_learning, on_many = result.claims
    pretrained, chance, few, _ = (each.mean() for each in scores.values())
    learning_told = {
        "supported": "So it is what the body has learned that counts: the control has its shape, its size and its enlarged "
        "images, and comes out behind.",
        "refuted": "The control did better, which contradicts this lesson. Before you believe it, take a fresh seed.",
        "undecided": "Whether what the body has learned counts, these pairs do not decide.",
    }[on_learning.verdict]
    here = "Here, too," if chance < few and idle.verdict == "worse" else "Here"
    idle_told = (
        f"{here} a frozen body that knows nothing {'lies' if chance < few else 'does not lie'} behind none, on average "
        f"({chance:.2f} against {few:.2f})."
    )
    apart = abs(on_many.stated[0].mean)
    many_told = {
        "supported": f"Fifty labels and a trained body were worth more than {many:,} labels from nothing.",
        "refuted": f"{many:,} labels from nothing were worth more than fifty and a trained body.",
        "undecided": f"Whether fifty labels and a trained body are worth more than {many:,} labels from nothing, these "
        f"pairs do not decide; the means are {apart:.2f} apart.",
    }[on_many.verdict]
    lesson.say(
        f"{learning_told} {idle_told} {many_told} (The three claims share one error rate of 5 % (Holm, lesson 6), so some intervals are "
        "drawn wider than 95 %. All pairs share one pretrained body, so the intervals speak about this one.)"
    )
    lesson.figure(
        "pretrained, 50 labels", pretrained, "Fifty labels and a pretrained body reach an accuracy of {:.2f}."
    )
    assert pretrained > few

# %% [markdown]
# One thing must be said, lest the number charm us. The fifty labels are those of CIFAR-10 alone. The body had more than a
# million others, and among ImageNet's kinds are many dogs, cats, ships, lorries and aeroplanes. So it has not learned from
# fifty examples what a dog is. It has learned from fifty examples what *we call* things that it could, in large part,
# already tell apart. How far that goes depends on how near the target is to the source (Yosinski et al. 2014; Kornblith,
# Shlens and Le 2019); on medical images, which are far from ImageNet, the gain is small (Raghu et al. 2019).
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
# `etude run transfer` asks the same with 1,000 photographs, and docs/accuracy.md has a comparison of that size.
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
