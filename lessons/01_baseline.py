# %% [markdown]
# # 1 · A baseline and its loss curves
#
# **Both losses fall together, and the gap between them is small. Has the network learned the pattern?**
#
# A learner trained a first network, drew its two loss curves, and compared them with a table. Healthy, says the table,
# is a training in which both losses fall together, the gap between them is small, convergence is smooth and the
# validation loss settles. The curves looked just like that. In this lesson we build the same network from nothing,
# write out every step of its training, and then ask what its curves can tell and what they cannot.
#
# You need some Python, and the idea of a derivative: how much one quantity changes when you nudge another. Every
# other term is explained where it first appears. Run the cells in order. Cells that only draw are folded away; a
# click on the bar at their left opens them. Unless you ask for more, a lesson runs at its *small setting*, which takes
# less than a minute. A number in italics after ours is what a larger run gave, the *full setting*.

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
SEED = 0  # change it: nearly every number will change, and no sentence should become false

# %% [markdown]
# ## The data
#
# Each example has two numbers, its *features* $x_1$ and $x_2$, and one answer, its *label* $y$, which is 0 or 1. The
# features are random. The labels follow a rule that the network is not told:
#
# $$y = 1 \text{ where } \sin(x_1) + \cos(x_2) > 0, \text{ and } y = 0 \text{ elsewhere.}$$
#
# Then one label in twenty is flipped. Flipped labels are *noise*: nothing in the features announces them. Can a
# model find structure in chaos, the learner wanted to know. Since we mix structure and chaos ourselves, we shall be
# able to say how much of the structure was found. Here is the whole recipe:

# %%
random = np.random.default_rng(SEED)
x = random.normal(0, 3, size=(1000, 2))  # a thousand examples, each number around 0, mostly between −6 and 6
pattern = (np.sin(x[:, 0]) + np.cos(x[:, 1]) > 0).astype(float)
flipped = random.random(1000) < 0.05
y = np.where(flipped, 1 - pattern, pattern)

# %% [markdown]
# étude knows this recipe under the name `sincos`. From here on we use the examples that étude draws: made in the same
# way, with other random numbers. So we can compare our own training with étude's later on.

# %%
data = etude.task("sincos", rows=1000, features=2, flip=0.05)
rows = load(data, seed=SEED, replicate=0)

x_train, y_train = rows.train.inputs, rows.train.targets  # 80 % to learn from: the training part
x_validation, y_validation = rows.validation.inputs, rows.validation.targets  # the other 20 %: the validation part
x_test, y_test = rows.test.inputs, rows.test.targets  # 5,000 more: the test part
assert (len(x_train), len(x_validation), len(x_test)) == (800, 200, 5000)

# %% [markdown]
# The *validation part* is there because a network can learn its training examples by heart. Only examples that it has
# not learned from show whether it has found the rule. The *test part* shows the same, and nothing is decided by it. We
# can afford a very large one, so the loss on these *new examples* is known almost exactly.

# %% jupyter={"source_hidden": true}
grid = np.linspace(-8, 8, 400)
height = np.sin(grid)[None, :] + np.cos(grid)[:, None]  # the rule says 1 where this is above 0
wrong = y_train != (np.sin(x_train[:, 0]) + np.cos(x_train[:, 1]) > 0)

figure, axes = plt.subplots(figsize=(5, 4.9))
axes.contourf(grid, grid, height, levels=[-3, 0, 3], colors=["#FFFFFF", "#D9E8F2"])
for label, marker, colour in ((0, "o", "orange"), (1, "^", "blue")):
    mine = y_train == label
    axes.plot(*x_train[mine].T, marker, markersize=3.5, color=lesson.colours[colour], label=f"label {label}")
axes.plot(*x_train[wrong].T, "x", color="black", markersize=7, label="flipped")
axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-8, 8), ylim=(-8, 8), title="The hidden rule, and what is seen of it")
figure.legend(loc="outside lower center", ncols=3)
lesson.show(
    figure,
    f"The plane of the two features. Where the rule says 1 it is shaded: diamonds, alternating like a "
    f"checkerboard. Of the {len(x_train)} training examples, dots have label 0 and triangles label 1; "
    f"{wrong.sum()} of them, marked by crosses, carry the wrong label.",
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
model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
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
# happened. Say that the label is certainly 1, and it is 1: you pay nothing. Say one half: you pay a little. Say that it is
# almost certainly 0, and it is 1: you pay a great deal. Averaged over $n$ examples it is
#
# $$L = -\frac{1}{n} \sum_{i=1}^{n} \bigl( y_i \ln p_i + (1 - y_i) \ln(1 - p_i) \bigr),$$
#
# counted in *nats*, the unit that goes with the natural logarithm: 1 nat is what you pay for having given the truth a
# probability of 1/e, about 37 %. It goes back to Good (*Rational Decisions*, 1952). In deep learning it is called
# *binary cross-entropy*, BCE for short.


# %%
def log_loss(p, y):
    return float(np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p))))


ones = np.array([1.0] * 95 + [0.0] * 5)  # one hundred labels where the rule says 1, five of them flipped
chance, knowing_the_rule = log_loss(0.5, ones), log_loss(0.95, ones)

limit = limits(data, seed=SEED)["log_loss"]
assert np.isclose(chance, limit.chance)
assert np.isclose(knowing_the_rule, limit.bayes, atol=1e-3)
lesson.say(f"""
    Someone who knows nothing says one half each time and pays ln 2 = {chance:.3f} nats: this is **chance**. Someone who
    knows the rule, but not which labels were flipped, does best to say 95 % where the rule says 1 and 5 % elsewhere,
    and pays {knowing_the_rule:.3f} nats. No predictor, however large, does better than that on average; it is called
    the **Bayes limit**. Read every loss below between these two marks.
""")
lesson.say(f"""
    The learner's notes say: “The theoretical minimum loss is about 0.05, because of 5 % label noise.” That there is such
    a minimum is well seen. Its size depends on the loss: for log loss it is {limit.bayes:.3f} nats. Lesson 2 has a loss
    for which 0.05 is nearly right.
""")

# %% [markdown]
# ## Your prediction
#
# Four hidden units, 800 training examples, 1,500 steps of training. Before you go on, write down:
#
# 1. Where does the loss on new examples end: near chance, half-way, or near the Bayes limit?
# 2. Does the validation loss rise again before the end, while the training loss still falls?
# 3. Repeat everything many times, 16 times at the small setting, with new random examples and new initial weights. How
#    far apart are the best and the worst loss: less than 0.02 nats, more than 0.2, or between the two?
#
# ## The training loop
#
# Training repeats one move. *Forward*: compute the loss of all training examples. *Backward*: compute its derivative
# with respect to every parameter, that is, how the loss would change if this one parameter were nudged; together they
# are the *gradient*. *Step*: move every parameter a little in the direction that lowers the loss. PyTorch does the
# backward part for you; lesson 5 does it by hand. How far a step goes is decided by an *optimiser*, here Adam (Kingma
# and Ba, 2015), with a *learning rate* of 0.001. One pass over all training examples is an *epoch*; since we use all of
# them at each step, an epoch is one step.
#
# Training has to start somewhere, at small random weights. In étude a *recipe* holds everything that a training depends
# on. We let it choose the initial weights, so that we can compare below.

# %%
recipe = etude.Recipe(
    data=data,
    model=etude.mlp(hidden=(4,)),
    loss="bce",
    optimizer=etude.adam(learning_rate=0.001),
    epochs=1500,
    seed=SEED,
)
start = build_model(recipe, rows.sizes(outputs=1), replicate=0, device=torch.device("cpu"))
with torch.no_grad():
    for ours, given in zip(model.parameters(), start.parameters(), strict=True):
        ours.copy_(given)

# %% [markdown]
# And now the loop, all of it:


# %%
def as_tensors(x, y):
    return torch.tensor(x), torch.tensor(y, dtype=torch.float32)[:, None]


torch.set_num_threads(1)
inputs, labels = as_tensors(x_train, y_train)
held_inputs, held_labels = as_tensors(x_validation, y_validation)
new_inputs, new_labels = as_tensors(x_test, y_test)
loss_of = nn.BCEWithLogitsLoss()  # takes the logit z and applies the sigmoid itself, which loses fewer digits
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
training, validation = [], []

for _epoch in range(1500):
    optimizer.zero_grad()  # forget the last gradient
    loss = loss_of(model(inputs), labels)  # forward
    loss.backward()  # backward
    optimizer.step()  # step
    training.append(loss.item())
    with torch.no_grad():  # look at the validation part, and learn nothing from it
        validation.append(loss_of(model(held_inputs), held_labels).item())

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
axes.plot(training, color=lesson.colours["blue"], label="training")
axes.plot(validation, "--", color=lesson.colours["orange"], label="validation")
axes.set(xlabel="optimiser step", ylabel="log loss (nats)", title="The loss curves of one training")
axes.legend(loc="center right")
lesson.draw_limits(axes, limit)
lesson.show(
    figure,
    f"Training and validation loss against the optimiser step, with chance and the Bayes limit. The training loss "
    f"goes from {training[0]:.2f} to {training[-1]:.2f} nats; the validation loss ends at {validation[-1]:.2f}. Chance "
    f"is {limit.chance:.2f}, the Bayes limit {limit.bayes:.2f}.",
)

# %% [markdown]
# Cover the two grey lines, chance and the Bayes limit, with your hand and look again. Without them, nothing in this
# picture says how much was learned. An axis that is drawn to fit the curves makes any fall look steep.

# %%
with torch.no_grad():
    each = nn.BCEWithLogitsLoss(reduction="none")(model(held_inputs), held_labels)
    fresh = loss_of(model(new_inputs), new_labels).item()
luck = each.std().item() / len(each) ** 0.5  # the standard error of a mean
held, new = validation[-1] - training[-1], fresh - training[-1]
lesson.say(f"""
    The validation loss ends {abs(held):.3f} nats {"above" if held > 0 else "below"} the training loss.
    {"" if held > 0 else "How can a network do better on examples that it has not learned from? By luck. "}There are only
    {len(each)} validation examples. Depending on which ones they are, their mean loss easily lies {luck:.2f} nats too high
    or too low. For the {len(x_test):,} new examples of the test part the same network pays {fresh:.3f} nats,
    {abs(new):.3f} {"above" if new > 0 else "below"} the training loss.
""")

# %% [markdown]
# ## The same network, many times
#
# One training is one draw from a hat: other examples and other initial weights would have ended elsewhere. So we
# repeat it. A *replicate* is the whole training once more, with everything random drawn anew, the new examples of the
# test part too. And we put three sentences on trial that the curves seem to say. Each is tried by changing *one* thing
# and nothing else:
#
# - *The gap is small*: the loss on new examples against the loss on the training examples, of the same networks.
# - *Training has converged*: four times as many steps. Whoever has arrived gains nothing by walking on.
# - *The network has learned what there is to learn*: 32 hidden units instead of four.
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

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
lesson.draw_curves(axes, runs, "train/log_loss", label="training", colour="blue")
lesson.draw_curves(axes, runs, "test/log_loss", label="new examples", colour="orange", style="--")
axes.set(
    xlabel="optimiser step", ylabel="log loss (nats)", title=f"{len(runs)} replicates: median, and the middle 80 %"
)
axes.legend(loc="center left")
lesson.draw_limits(axes, limit)
lesson.show(
    figure,
    f"Training loss and loss on new examples of {len(runs)} replicates, each as a median with a band around it. Both "
    f"medians fall slowly, and the bands overlap for the most part. Chance is {limit.chance:.2f} nats, the Bayes limit "
    f"{limit.bayes:.2f}.",
)

# %% [markdown]
# Now compare with your predictions.

# %%
finals = np.array([run.score("log_loss", "test") for run in runs])
way = (limit.chance - np.median(finals)) / (limit.chance - limit.bayes)
where = "near chance" if way < 0.25 else "about half-way" if way < 0.75 else "near the Bayes limit"
lesson.figure("median loss", np.median(finals), "Where does it end? The median network ends at {:.3f} nats.")
lesson.figure("way", 100 * way, f"Of the way from chance to the Bayes limit, that is {{:.0f}} %: {where}.")

curves = [run.curve("validation/objective").values for run in runs]
risen = sum(curve[-1] > curve.min() + 0.01 for curve in curves)
often = "No" if risen == 0 else "Rarely" if risen < len(runs) / 4 else "It may"
lesson.say(f"""
    Does the validation loss rise again? {often}: in {risen} of {len(runs)} replicates it ends more than 0.01 nats above
    its lowest point.
""")

spread = finals.max() - finals.min()
answer = "less than 0.02" if spread < 0.02 else "more than 0.2" if spread > 0.2 else "between 0.02 and 0.2"
lesson.figure(
    "spread",
    spread,
    f"How far apart are replicates? The best and the worst, of one recipe, differ by {{:.2f}} nats: {answer}.",
)
assert limit.bayes < np.median(finals) < limit.chance

# %% [markdown]
# ## The three sentences on trial
#
# étude subtracts within pairs. Replicate 7 of both sides has the same examples and, as far as the networks are of one
# size, the same initial weights, so luck that both share cancels. The mean of the differences is our estimate. The
# *interval* says how far off it may be: a 95 % interval is made in such a way that 19 in 20 of them hold the truth. From
# the interval follows the *verdict* on a difference.
#
# - If the difference is shown to be smaller than we care about, here 0.01 nats, it is *equivalent*.
# - Otherwise, if zero lies outside the interval, it is *better* or *worse*.
# - Otherwise it is *undecided*: this many replicates do not tell.
#
# (For *equivalent* étude looks at an interval of its own, a 90 % interval for one question and wider where several are
# asked at once. So a printed interval may reach a little beyond 0.01 and the verdict still be *equivalent*, or lie just
# within it and the verdict be *undecided*; `docs/statistics.md` says why.)
#
# A claim says beforehand which verdict it expects; all three of ours expect *equivalent*. It is *supported* if that is
# the verdict. It is *refuted* if the whole interval is more than we care about: that a difference exists is not enough,
# it has to be worth mentioning. Otherwise the claim is *undecided*.
#
# When several questions are asked at once, some intervals are made wider than 95 %, so that all
# answers together are wrong no more often than one would be (lesson 6 tells how).

# %%
for judgement in result.claims:
    lesson.say(f"*{judgement.claim.text}* **{judgement.verdict}**: {lesson.tell(judgement.stated[0])}.")
gap_claim, converged, learned = result.claims
assert learned.verdict == "refuted"

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 3.2))
effects = [judgement.stated[0] for judgement in result.claims]
lesson.draw_effects(
    axes, effects, ["new examples against training", "four times as many steps", "32 units against four"]
)
axes.set_title("The three differences, with their intervals")
lesson.show(
    figure,
    "Three rows of differences in log loss, better to the left. "
    + " ".join(
        f"{name}: mean {effect.mean:+.3f} nats, {effect.verdict}."
        for name, effect in zip(("Gap", "Longer training", "Wider network"), effects, strict=True)
    ),
)

# %%
gap, moved, gained = (judgement.stated[0] for judgement in result.claims)
left = np.median(finals) - limit.bayes
told = {
    "supported": "The gap is smaller than we care about.",
    "refuted": f"There is a gap worth mentioning, of {gap.mean:.3f} nats.",
    "undecided": f"{'There is a gap' if gap.low > 0 else 'A gap was measured'}, of {gap.mean:.3f} nats; whether it is worth "
    "mentioning, these replicates do not tell.",
}
arrived = {
    "supported": "Training had converged.",
    "refuted": f"Training had not converged: going on changes the loss by {moved.mean:+.3f} nats. The curve was slow, not finished.",
    "undecided": "Whether training had converged, these replicates do not tell.",
}
lesson.say(f"""
    {told[gap_claim.verdict]} Even the upper end of its interval is only {100 * gap.high / left:.0f} % of the {left:.2f}
    nats that separate this network from the Bayes limit. {arrived[converged.verdict]} And the network was far from having
    learned what there is to learn: 32 units gain {-gained.mean:.2f} nats. A small gap says that a network has **not
    learned by heart**. It does not say that it has learned much.
""")
assert gap.high < left / 4

# %% [markdown]
# ## What the network has learned
#
# We can look at the function itself: the probability that the trained network gives to label 1 at every point.

# %% jupyter={"source_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.7), sharey=True)
grid = np.linspace(-6, 6, 400)
height = np.sin(grid)[None, :] + np.cos(grid)[:, None]
right = {}
for axes, arm in zip(panels, ("four units", "32 units"), strict=True):
    run = result.runs[arm][0]
    x1, x2, p = (run.arrays[f"decision/{name}"] for name in ("x1", "x2", "p"))
    shades = axes.pcolormesh(x1, x2, p, vmin=0, vmax=1, cmap="cividis", shading="nearest")
    for colour, width in (("black", 2.4), ("white", 1.2)):
        axes.contour(grid, grid, height, levels=[0], colors=colour, linewidths=width)
    axes.set(title=arm, xlabel="$x_1$", xlim=(-6, 6), ylim=(-6, 6), aspect="equal")
    right[arm] = 100 * run.score("accuracy", "test")
panels[0].set_ylabel("$x_2$")
figure.colorbar(shades, ax=panels, label="probability of label 1", shrink=0.85)
lesson.show(
    figure,
    f"Two maps of the probability of label 1 that replicate 0 has learned, dark for 0 and bright for 1, with the true "
    f"border in white. Four units draw a few straight folds and are right about {right['four units']:.0f} % of new "
    f"examples. 32 units begin to follow the patches in the middle, where most examples are, and are right about "
    f"{right['32 units']:.0f} %.",
)

# %% [markdown]
# The share of examples that a network is right about is called its *accuracy*. Nobody can have more than 95 % on
# average, since 5 % of the labels are flipped.
#
# A ReLU unit is flat on one side of a line and rises on the other. Four of them make at most four folds, and a
# checkerboard needs more. This is called *underfitting*. In the learner's table its sign is that both losses are high.
# That is right; what was missing is a mark to tell high from low.
#
# ## The table, corrected
#
# Loss curves reveal everything at a glance, the learner's notes say, in short. They reveal a good deal. Here is the
# table with what each row leaves open, and what settles it.
#
# | what you see | the learner's table says | what it leaves open | what settles it |
# |---|---|---|---|
# | both fall together, small gap | healthy | how much was learned: a little looks the same | draw chance and the Bayes limit, or the best network you have |
# | both low and close | good fit | low in what unit, against what? | the same marks, in the same unit |
# | both high | underfitting | too small, too short, too slow, or noise that nothing can learn | change one of them at a time |
# | training falls, validation rises | overfitting | whether the rise is more than the noise of a small validation part | replicates, or more validation examples |
# | the curves are flat | converged | slow is not finished | train several times as long |
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
# Look at the last column with care. étude reads the curves and the recipe. The Bayes limit, which nobody knows of real
# data, has no say in its verdict. *Good fit* means here: no sign of illness in the curves. *Cannot tell* means that they
# do not decide. The fourth column, which étude did not see, tells how much was learned. To take a learning rate that is
# too low for a good fit is étude's most frequent mistake (`docs/evidence/diagnosis.md` counts them all).
#
# ## Exercise
#
# Stay with four units and change the learning rate alone, from 0.001 to 0.01. First say what you expect of the loss on
# new examples, and why. Then write the study: `vary={"learning_rate": [0.001, 0.01]}` is all that is new, and
# `result.effect("learning_rate")` is the answer. The cell below is one solution.

# %% tags=["solution"] jupyter={"source_hidden": true}
faster = etude.Study(recipe, vary={"learning_rate": [0.001, 0.01]}, replicates=lesson.of(small=16, full=64))
effect = faster.run(out=lesson.store, quiet=True).effect("learning_rate")
means = {
    "better": "Part of what looked like too small a network was training that was too slow. It is still no checkerboard: "
    "compare the gain with that of 32 units.",
    "worse": "Larger steps did harm here.",
    "equivalent": "The size of the steps was not what held the network back.",
    "undecided": "These replicates do not tell; lesson 4 says how many would.",
}
lesson.say(f"Learning rate 0.01 against 0.001: {lesson.tell(effect)}. {means[effect.verdict]}")

# %% [markdown]
# ## What would change our mind
#
# We say that a small gap can go together with having learned little. If 32 units had come no nearer to the Bayes limit
# than four, on replicates enough to call them *equivalent*, then we could not say that four units were too few, and the
# small gap might be a good sign after all. We say it of this task, these sizes and this optimiser. Where a network is large and examples
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
