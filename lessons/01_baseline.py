# %% [markdown]
# # 1 · A baseline and its loss curves
#
# **Both losses fall together, and the gap between them is small. Has the network learned the pattern?**
#
# A learner trained a first network, drew its two loss curves, and compared them with a table: “Healthy: both losses
# fall together, small gap, smooth convergence, validation stabilises.” The curves looked just like that. In this
# lesson we build the same network from nothing, write out every step of its training, and then ask what its curves
# can tell and what they cannot.
#
# You need some Python, and the idea of a derivative: how much one quantity changes when you nudge another. Every
# further word is explained where it first stands. Run the cells in order. Cells that do nothing but draw are folded away;
# a click on the bar at their left opens them.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import etude
from etude.data.load import limits, load
from etude.engine.build import build_model
from etude.faces.lesson import Lesson
from etude.values.claim import Claim, Contrast

lesson = Lesson(1)
SEED = 0  # change it: every number below will change, and no sentence should become false

# %% [markdown]
# ## The data
#
# Each example has two numbers, its *features* $x_1$ and $x_2$, and one answer, its *label* $y$, which is 0 or 1. The
# features are random. The labels follow a rule that the network is not told:
#
# $$y = 1 \text{ where } \sin(x_1) + \cos(x_2) > 0, \text{ and } y = 0 \text{ elsewhere.}$$
#
# Then one label in twenty is flipped. Flipped labels are *noise*: nothing in the features announces them. “Can the
# model find structure in chaos?”, the learner asked. Since we mix structure and chaos ourselves, we shall be able to
# say how much of the structure was found. Here is the whole recipe:

# %%
random = np.random.default_rng(SEED)
x = random.normal(0, 3, size=(1000, 2))  # a thousand examples, each number around 0, mostly between −6 and 6
pattern = (np.sin(x[:, 0]) + np.cos(x[:, 1]) > 0).astype(float)
flipped = random.random(1000) < 0.05
y = np.where(flipped, 1 - pattern, pattern)

x_train, y_train = x[:800], y[:800]  # 80 % to learn from: the training part
x_validation, y_validation = x[800:], y[800:]  # 20 % that it never learns from: the validation part

# %% [markdown]
# The *validation part* is there because a network can learn its training examples by heart. Only examples that it has
# not learned from show whether it has found the rule.

# %% jupyter={"source_hidden": true}
grid = np.linspace(-8, 8, 200)
region = np.sin(grid)[None, :] + np.cos(grid)[:, None] > 0

figure, axes = plt.subplots(figsize=(5, 4.6))
axes.contourf(grid, grid, region, levels=[-0.5, 0.5, 1.5], colors=["#FFFFFF", "#D9E8F2"])
for label, marker, colour in ((0, "o", "orange"), (1, "^", "blue")):
    mine = y_train == label
    axes.plot(*x_train[mine].T, marker, markersize=3.5, color=lesson.colours[colour], label=f"label {label}")
axes.plot(*x_train[flipped[:800]].T, "x", color="black", markersize=7, label="flipped")
axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-8, 8), ylim=(-8, 8), title="The hidden rule, and what is seen of it")
axes.legend(loc="upper left", frameon=True, fontsize=9)
lesson.show(
    figure,
    f"The plane of the two features. Where the rule says 1 it is shaded: diamonds, alternating like a "
    f"checkerboard. Of the {len(x_train)} training examples, dots have label 0 and triangles label 1; "
    f"{flipped[:800].sum()} of them, marked by crosses, carry the wrong label.",
)

# %% [markdown]
# ## The network
#
# A network is a chain of simple functions. Ours has four *hidden units*. Each multiplies the two features by numbers
# of its own, its *weights*, adds them up with one more number, its *bias*, and passes the sum on if it is positive, or
# else 0. This last step is called *ReLU*. A final sum makes one number $z$ of the four, the *logit*. The *sigmoid*
# function squeezes it to a number $p$ between 0 and 1, and we read that as the probability that the label is 1:
#
# $$h_i = \max(0,\ w_{i1} x_1 + w_{i2} x_2 + b_i), \qquad z = v_1 h_1 + \dots + v_4 h_4 + c, \qquad
# p = \frac{1}{1 + e^{-z}}.$$
#
# Weights and biases are the network's *parameters*: the numbers that training will choose.

# %%
recipe = etude.Recipe(
    data=etude.task("sincos", rows=1000, features=2, flip=0.05),  # the recipe above, under its name
    model=etude.mlp(hidden=(4,)),
    loss="bce",
    optimizer=etude.adam(learning_rate=0.001),
    epochs=1500,
    seed=SEED,
)
rows = load(recipe.data, seed=SEED, replicate=0)
model = build_model(recipe, rows.sizes(outputs=1), replicate=0, device=torch.device("cpu"))
n_parameters = sum(parameter.numel() for parameter in model.parameters())
model

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(6, 3))
lesson.draw_network(axes, (2, 4, 1), ("features", "hidden units\n(sum, then ReLU)", "logit z"), ("$x_1$", "$x_2$"))
lesson.show(
    figure,
    f"Two features at the left, each joined to all four hidden units in the middle, and these to one output at the "
    f"right. Every line is a weight; with a bias for each unit there are {n_parameters} parameters.",
)

# %% [markdown]
# ## The loss
#
# How wrong is a $p$? The *log loss* answers with minus the natural logarithm of the probability that was given to what
# happened. Say “certainly 1” when it is 1 and you pay 0. Say “one half” and you pay a little. Say “almost surely 0”
# when it is 1 and you pay dearly. Averaged over $n$ examples it is
#
# $$L = -\frac{1}{n} \sum_{i=1}^{n} \bigl( y_i \ln p_i + (1 - y_i) \ln(1 - p_i) \bigr),$$
#
# counted in *nats*. It goes back to Good (*Rational Decisions*, 1952). In deep learning it is called *binary
# cross-entropy*, BCE for short.


# %%
def log_loss(p, y):
    return float(np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p))))


ones = np.array([1.0] * 95 + [0.0] * 5)  # one hundred labels where the rule says 1, five of them flipped
chance, knowing_the_rule = log_loss(0.5, ones), log_loss(0.95, ones)

limit = limits(recipe.data, seed=SEED)["log_loss"]
assert np.isclose(chance, limit.chance)
assert np.isclose(knowing_the_rule, limit.bayes, atol=1e-3)
lesson.say(f"""
    Who knows nothing says one half each time and pays ln 2 = {chance:.3f} nats: this is **chance**. Who knows the rule,
    but not which labels were flipped, does best to say 95 % where the rule says 1, and pays {knowing_the_rule:.3f}
    nats. No predictor, however large, does better than that on average; it is called the **Bayes limit**. Every loss
    below has to be read between these two marks.
""")

# %% [markdown]
# ## Your prediction
#
# Four hidden units, 800 training examples, 1,500 steps of training. Before you go on, write down:
#
# 1. Where does the validation loss end: near chance, half-way, or near the Bayes limit?
# 2. Does it rise again before the end, while the training loss still falls?
# 3. If you repeat everything with new random examples and new initial weights, do the final losses agree to a
#    hundredth of a nat, or do they differ by tenths?
#
# ## The training loop
#
# Training repeats one move. *Forward*: compute the loss of all training examples. *Backward*: compute its derivative by
# every parameter, that is, how the loss would change if this one parameter were nudged; together they are the
# *gradient*. *Step*: move every parameter a little in the direction that lowers the loss. PyTorch does the backward
# part for you; lesson 5 does it by hand. How far a step goes is decided by an *optimiser*, here Adam (Kingma and Ba,
# 2015), with a *learning rate* of 0.001. One pass over all training examples is an *epoch*; since we use all of them at
# each step, an epoch is one step.


# %%
def as_tensors(part):
    return torch.tensor(part.inputs), torch.tensor(part.targets, dtype=torch.float32)[:, None]


torch.set_num_threads(1)
(x_train, y_train), (x_validation, y_validation) = as_tensors(rows.train), as_tensors(rows.validation)
loss_of = nn.BCEWithLogitsLoss()  # takes the logit z and applies the sigmoid itself, which loses fewer digits
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
training, validation = [], []

for _epoch in range(1500):
    optimizer.zero_grad()  # forget the last gradient
    loss = loss_of(model(x_train), y_train)  # forward
    loss.backward()  # backward
    optimizer.step()  # step
    training.append(loss.item())
    with torch.no_grad():  # look at the validation part, and learn nothing from it
        validation.append(loss_of(model(x_validation), y_validation).item())

# %%
figure, axes = plt.subplots()
axes.plot(training, color=lesson.colours["blue"], label="training")
axes.plot(validation, "--", color=lesson.colours["orange"], label="validation")
axes.set(xlabel="optimiser step", ylabel="log loss (nats)", title="The loss curves of one training")
axes.legend(loc="center right")
lesson.draw_limits(axes, limit)
gap = validation[-1] - training[-1]
lesson.show(
    figure,
    f"Training and validation loss against the optimiser step, with chance and the Bayes limit. The training loss "
    f"goes from {training[0]:.2f} to {training[-1]:.2f} nats; the validation loss ends at {validation[-1]:.2f}, "
    f"{abs(gap):.2f} {'above' if gap > 0 else 'below'} it. The Bayes limit is {limit.bayes:.2f}.",
)

# %% [markdown]
# Cover the two dashed marks with your hand and look again. Without them, nothing in this picture says how much was
# learned. An axis that is drawn to fit the curves makes any fall look steep.
#
# ## The same network, many times
#
# One training is one draw from a hat: other examples and other initial weights would have ended elsewhere. So we
# repeat it. A *replicate* is the whole training once more, with everything random drawn anew. Each replicate also gets
# a *test part*: 5,000 new examples that nothing is decided by, so many that their loss is known almost exactly. And we put
# three sentences on trial that the curves seem to say. Each is tried by changing *one* thing and nothing else:
#
# - “The gap is small”: the loss on new examples against the loss on the training examples, of the same networks.
# - “Training has converged”: four times as many steps. Whoever has arrived gains nothing by walking on.
# - “The network has learned what there is to learn”: 32 hidden units instead of four.
#
# étude trains all of it with the loop you have just read.

# %%
BASELINE, LONGER, WIDER = {}, {"epochs": 6000}, {"hidden": (32,)}
claims = [
    Claim(
        text="The gap is small.",
        stated=(
            Contrast(treated=BASELINE, control=BASELINE, split="test", control_split="train", expect="equivalent"),
        ),
    ),
    Claim(
        text="Training has converged.",
        stated=(Contrast(treated=LONGER, control=BASELINE, split="train", expect="equivalent"),),
    ),
    Claim(
        text="The network has learned what there is to learn.",
        stated=(Contrast(treated=WIDER, control=BASELINE, split="test", expect="equivalent"),),
    ),
]
arms = {"four units": BASELINE, "four units, longer": LONGER, "32 units": WIDER}
study = etude.Study(recipe, arms=arms, claims=claims, replicates=lesson.of(small=16, full=64), metric="log_loss")
result = study.run(out=lesson.store, quiet=True)
runs = result.runs["four units"]

# %% [markdown]
# First a check: replicate 0 of the study is the very training that we have just written out. étude's engine adds up the
# same numbers in another order, so the two may differ by rounding, which a long training can amplify, and by nothing
# else.

# %%
apart = np.abs(runs[0].curve("train/objective").values - np.array(training))
lesson.say(f"""
    Over the first 200 steps the two training losses differ by at most {apart[:200].max():.0e} nats, over all 1,500 by
    {apart.max():.0e}.
""")
assert apart[:200].max() < 1e-4

# %%
figure, axes = plt.subplots()
lesson.draw_curves(axes, runs, "train/log_loss", label="training", colour="blue")
lesson.draw_curves(axes, runs, "test/log_loss", label="new examples", colour="orange", style="--")
axes.set(
    xlabel="optimiser step", ylabel="log loss (nats)", title=f"{len(runs)} replicates: median, and the middle 80 %"
)
axes.legend(loc="center left")
lesson.draw_limits(axes, limit)
finals = np.array([run.score("log_loss", "test") for run in runs])
lesson.show(
    figure,
    f"Bands of training loss and loss on new examples lie upon one another and fall slowly. At the end the loss on new "
    f"examples has a median of {np.median(finals):.2f} nats, between {limit.chance:.2f} for chance and "
    f"{limit.bayes:.2f} for the Bayes limit, and replicates lie between {finals.min():.2f} and {finals.max():.2f}.",
)

# %%
way = (limit.chance - np.median(finals)) / (limit.chance - limit.bayes)
curves = [run.curve("validation/objective").values for run in runs]
risen = sum(curve[-1] > curve.min() + 0.01 for curve in curves)

lesson.figure("median loss", np.median(finals), "Where does it end? The median network ends at {:.3f} nats.")
lesson.figure("way", 100 * way, "Of the way from chance to the Bayes limit, that is {:.0f} %.")
lesson.say(
    f"Does the validation loss rise again? In {risen} of {len(runs)} replicates it ends more than 0.01 nats above its lowest point."
)
spread = finals.max() - finals.min()
lesson.figure(
    "spread", spread, "Do replicates agree? The best and the worst, of one and the same recipe, differ by {:.2f} nats."
)
assert limit.bayes < np.median(finals) < limit.chance

# %% [markdown]
# ## The three sentences on trial
#
# For each, étude subtracts within pairs: replicate 7 of both sides has the same examples and the same initial weights,
# so what was luck in it cancels. The *interval* says how far off the mean difference may be. *Equivalent* means that
# the difference is shown to be smaller than we care about, here 0.01 nats; *undecided*, that this many replicates do
# not tell.

# %%
for judgement in result.claims:
    lesson.say(f"“{judgement.claim.text}” **{judgement.verdict}**: {lesson.tell(judgement.stated[0])}.")
gap_claim, converged, learned = result.claims
assert learned.verdict == "refuted"

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 3.2))
effects = [judgement.stated[0] for judgement in result.claims]
lesson.draw_effects(
    axes, effects, ["new examples against training", "four times as many steps", "32 units against four"]
)
axes.set_title("Every dot is one pair of replicates")
lesson.show(
    figure,
    "Three rows of differences in log loss, better to the left. "
    + " ".join(
        f"{name}: mean {effect.mean:+.3f} nats, {effect.verdict}."
        for name, effect in zip(("Gap", "Longer training", "Wider network"), effects, strict=True)
    ),
)

# %%
gap, moved = gap_claim.stated[0].mean, converged.stated[0].mean
told = {
    "supported": "The gap is smaller than we care about, as the learner said.",
    "refuted": f"There is a gap, of {gap:.3f} nats.",
    "undecided": f"A gap of {gap:.3f} nats was measured, but not surely one above or below what we care about.",
}
arrived = {
    "supported": "Training had converged.",
    "refuted": f"Training had not converged: going on changes the loss by {moved:.3f} nats. The curve was slow, not finished.",
    "undecided": "Whether training had converged, these replicates do not tell.",
}
left, gained = np.median(finals) - limit.bayes, -learned.stated[0].mean
lesson.say(f"""
    {told[gap_claim.verdict]} {arrived[converged.verdict]} And the network was far from having learned what there is to
    learn: 32 units gain {gained:.2f} nats, and {left:.2f} separated four units from the Bayes limit. A small gap says
    that a network has **not learned by heart**. It does not say that it has learned much.
""")

# %% [markdown]
# ## What the network has learned
#
# We can look at the function itself: the probability that the trained network gives to label 1 at every point.

# %% jupyter={"source_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.7), sharey=True)
right = {}
for axes, arm in zip(panels, ("four units", "32 units"), strict=True):
    run = result.runs[arm][0]
    x1, x2, p, truth = (run.arrays[f"decision/{name}"] for name in ("x1", "x2", "p", "truth"))
    shades = axes.pcolormesh(x1, x2, p, vmin=0, vmax=1, cmap="cividis", shading="nearest")
    axes.contour(x1, x2, truth, levels=[0.5], colors="white", linewidths=1.2)
    axes.set(title=arm, xlabel="$x_1$", xlim=(-6, 6), ylim=(-6, 6), aspect="equal")
    right[arm] = 100 * run.score("accuracy", "test")
panels[0].set_ylabel("$x_2$")
figure.colorbar(shades, ax=panels, label="probability of label 1", shrink=0.85)
lesson.show(
    figure,
    f"Two maps of the probability of label 1 that replicate 0 has learned, dark for 0 and bright for 1, with the true "
    f"border in white. Four units draw a few straight folds and are right about {right['four units']:.0f} % of new "
    f"examples. 32 units begin to follow the patches in the middle, where most examples are, and are right about "
    f"{right['32 units']:.0f} %. Nobody can be right about more than 95 %, since 5 % are flipped.",
)

# %% [markdown]
# A ReLU unit is flat on one side of a line and rises on the other. Four of them make at most four folds, and a
# checkerboard needs more. This is called *underfitting*. The learner's table knows it as “both high”. It was right;
# what was missing is a mark to tell high from low.
#
# ## The table, corrected
#
# The learner also wrote that “loss curves reveal everything at a glance”. They reveal a good deal. Here is the table
# with what each row leaves open, and what settles it.
#
# | what you see | “the table says” | what it leaves open | what settles it |
# |---|---|---|---|
# | both fall together, small gap | “healthy” | how much was learned: a little looks the same | draw chance and the Bayes limit, or the best network you have |
# | both low and close | “good fit” | low in what unit, against what? | the same marks, in the same unit |
# | both high | “underfitting” | too small, too short, too slow, or noise that nothing can learn | change one of them at a time |
# | training falls, validation rises | “overfitting” | whether the rise is more than the noise of a small validation part | replicates, or more validation examples |
# | the curves are flat | “converged” | slow is not finished | train several times as long |
#
# étude reads curves by such rules too, says how sure it is, and abstains where curves do not tell. For our three arms:

# %%
table = []
for (arm, trained), diagnosis in zip(result.runs.items(), result.diagnoses, strict=True):
    train, new = (np.median([run.score("log_loss", split) for run in trained]) for split in ("train", "test"))
    share = (limit.chance - new) / (limit.chance - limit.bayes)
    table.append([arm, f"{train:.3f}", f"{new:.3f}", f"{100 * share:.0f} %", diagnosis.verdict])
lesson.table(
    table, ["arm", "training (nats)", "new examples (nats)", "way from chance to the limit", "étude's verdict"]
)

# %% [markdown]
# ## Exercise
#
# Stay with four units and change the learning rate alone, from 0.001 to 0.01. First say what you expect of the loss on
# new examples, and why. Then write the study: `vary={"learning_rate": [0.001, 0.01]}` is all that is new, and
# `result.effect("learning_rate")` is the answer. The cell below is one solution.

# %% tags=["solution"] jupyter={"source_hidden": true}
faster = etude.Study(recipe, vary={"learning_rate": [0.001, 0.01]}, replicates=lesson.of(small=16, full=64))
effect = faster.run(out=lesson.store, quiet=True).effect("learning_rate")
means = {
    "better": "Part of what looked like too small a network was too slow a training. It is still no checkerboard: "
    "compare the gain with that of 32 units.",
    "worse": "Larger steps did harm here.",
    "equivalent": "The size of the steps was not what held the network back.",
    "undecided": "These replicates do not tell; lesson 4 says how many would.",
}
lesson.say(f"Learning rate 0.01 against 0.001: {lesson.tell(effect)}. {means[effect.verdict]}")

# %% [markdown]
# ## What would change our mind
#
# We say that a small gap goes together with having learned little. If 32 units had come no nearer to the Bayes limit
# than four, on replicates enough to call them *equivalent*, then four units would have been enough, and the low gap a
# good sign after all. We say it of this task, these sizes and this optimiser. Where a network is large and examples
# are few, the gap is the first thing to look at; lesson 3 goes there.

# %%
lesson.full("64 replicates instead of 16, of every arm")

# %% [markdown]
# ## Where to read on
#
# - Goodfellow, Bengio and Courville, [*Deep Learning*](https://www.deeplearningbook.org) (2016), chapters 5 and 6:
#   capacity, underfitting and overfitting; networks and their training.
# - Zhang, Lipton, Li and Smola, [*Dive into Deep Learning*](https://d2l.ai), chapters 3 to 5, with code for all of it.
# - Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015), arXiv:1412.6980.
# - Good, *Rational Decisions*, Journal of the Royal Statistical Society B 14 (1952), pages 107 to 114.
# - étude’s own pages: `docs/diagnose.md` on reading curves, `docs/statistics.md` on intervals and verdicts.
