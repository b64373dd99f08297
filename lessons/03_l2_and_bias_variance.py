# %% [markdown]
# # 3 · L2 and the bias–variance trade-off
#
# **L2 weight decay made the learner's third network worse. Is it a bad medicine?**
#
# The learner expected less overfitting, at the risk of underfitting, and saw the loss go up: “L2 hurt: 0.67 against
# 0.17.” The conclusion was “Regularisation is medicine”, to be given only where there is an illness. The two numbers do
# not support it. One is a log loss with L2, the other a squared error without, of networks that also differed in other
# ways; lesson 2 showed what that comparison is worth. But the sentence deserves a fair trial, and then an explanation.
# For the explanation we shall do something that sounds impossible: split the error of a network into three parts, and
# measure each of them.
#
# You need lessons 1 and 2. From school: that a mean is a sum divided by a number, and how to multiply out $(a + b)^2$.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

import etude
from etude.data.load import limits, load
from etude.faces.lesson import Lesson
from etude.values.claim import Claim, Contrast

lesson = Lesson(3)
SEED = 0  # change it: nearly every number that we measure will change, and no sentence should become false
replicates = lesson.of(small=16, full=64)

# %% [markdown]
# ## What L2 does
#
# A network with large weights can bend sharply. L2 regularisation charges for that: to the loss $L$ it adds the squares
# of all parameters, times a number $\lambda$ that says how much they cost. The derivative of this penalty with respect to
# one parameter $w$ is a pull towards 0, the stronger the larger $w$ is; hence the name *weight decay*.
#
# $$\text{objective} = L + \frac{\lambda}{2} \sum_j w_j^2, \qquad
# \frac{d\,\text{objective}}{d w_j} = \frac{d L}{d w_j} + \lambda\, w_j.$$
#
# The learner's notes have $\lambda \sum w^2$. PyTorch's `weight_decay=λ` adds $\lambda w$ to the gradient, and that is the
# derivative of *half* that sum. A factor of 2 in $\lambda$ does no harm, as long as two people who compare their
# $\lambda$ know of it. (Krogh and Hertz, 1992, gave the penalty its place in neural networks; statisticians call it
# ridge, after Hoerl and Kennard, 1970.) Let us not take PyTorch's word for it:

# %%
w = torch.tensor([2.0, -1.0], requires_grad=True)
decay, rate = 0.01, 0.5
optimizer = torch.optim.SGD([w], lr=rate, weight_decay=decay)
before = w.detach().clone()
(0 * w.sum()).backward()  # a loss that does not care about w: what moves it is the penalty alone
optimizer.step()
assert torch.allclose(w.detach(), before - rate * decay * before)
lesson.say(f"From {before.tolist()}, one step of decay alone leads to {[round(v, 4) for v in w.tolist()]}.")

# %% [markdown]
# With Adam there is a catch. Adam divides the whole gradient by its recent size, the penalty's part included, so the
# decay is no longer proportional to $w$. étude therefore calls it *coupled* weight decay. AdamW shrinks the weights
# separately, outside the gradient (Loshchilov and Hutter, 2019). The learner used Adam, so we do. In the training loop
# of lesson 1 it takes one more word:
#
# ```python
# optimizer = torch.optim.Adam(model.parameters(), lr=0.001, weight_decay=0.01)
# ```
#
# ## Two patients
#
# *Overfitting* means that a network has learned its own examples better than what they have in common with others: low
# loss in training, high loss on new examples. So we need one patient without it and one with it. The first is the
# learner's third notebook: four features, of which two are useless, 1,500 rows and seven hidden units. For the second
# we *induce* overfitting, as the learner meant to: few examples, many units, larger steps.

# %%
healthy = etude.Recipe(
    data=etude.task("sincos", rows=1500, features=4, flip=0.05, test_rows=2000),
    model=etude.mlp(hidden=(7,)),
    loss="bce",
    optimizer=etude.adam(learning_rate=0.001),
    epochs=1500,
    score_every=50,
    seed=SEED,
)
ill = {"rows": 250, "hidden": (64,), "learning_rate": 0.01}  # what differs in the second patient

DECAYS = (0, 1e-5, 1e-4, 1e-3, 1e-2)
arms = {}
for patient, changes in (("notebook 3", {}), ("overfitting", ill)):
    for decay in DECAYS:
        arms[f"{patient}, λ = {decay:g}"] = {**changes, "coupled_weight_decay": decay}
    arms[f"{patient}, dropout"] = {**changes, "dropout": 0.1}

# %% jupyter={"source_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3))
for axes, name, layers in zip(panels, ("notebook 3: 1,500 rows", "overfitting: 250 rows"), ((4, 7, 1), (4, 64, 1))):
    inputs = ("$x_1$", "$x_2$", "$x_3$", "$x_4$")
    lesson.draw_network(axes, layers, ("features", f"{layers[1]} hidden units", "logit z"), inputs)
    axes.set_title(name)
lesson.show(
    figure,
    "Two architectures side by side, each with four features and one output: seven hidden units, trained on many rows, "
    "and 64 hidden units, of which six are drawn, trained on few.",
)

# %% [markdown]
# The last arm of each patient is another medicine, *dropout* (Srivastava and others, 2014): at each training step every
# hidden unit is silenced with a probability of 0.1, so that no unit can rely on another one. Lesson 6 compares the two
# in earnest.
#
# ## Your prediction
#
# The doses of L2 are 0.01, as the learner had it, a tenth, a hundredth, and a thousandth of that. Write down:
#
# 1. What does the dose of 0.01 do to the loss on new examples: of notebook 3, and of the overfitting network?
# 2. Do the two smallest doses, which the learner wanted to try next, do anything at all?
# 3. L2 makes a network stiffer. Imagine many networks, each trained on examples of its own. Does L2 make their answers to
#    the same question *more alike*, or *closer to the truth*?
#
# ## The trial


# %%
def dose(patient, decay, expect):
    control, treated = f"{patient}, λ = 0", f"{patient}, λ = {decay:g}"
    return Contrast(control=control, treated=treated, metric="log_loss", expect=expect, says=treated)


claims = [
    Claim(
        text="Regularisation is medicine: it hurts where overfitting is absent and helps where it is present.",
        stated=(dose("notebook 3", 0.01, "worse"), dose("overfitting", 0.01, "better")),
    ),
    Claim(
        text="The two smallest doses do nothing.",
        stated=tuple(dose(patient, d, "equivalent") for patient in ("notebook 3", "overfitting") for d in (1e-5, 1e-4)),
    ),
]
study = etude.Study(healthy, arms=arms, claims=claims, replicates=replicates, metric="log_loss")
result = study.run(out=lesson.store, quiet=True)
limit = limits(healthy.data, seed=SEED)["log_loss"]


def median(arm, split):
    return np.median([run.score("log_loss", split) for run in result.runs[arm]])


# %% jupyter={"source_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.4), sharey=True)
for axes, arm in zip(panels, ("notebook 3, λ = 0", "notebook 3, λ = 0.01"), strict=True):
    lesson.draw_curves(axes, result.runs[arm], "train/log_loss", label="training", colour="blue")
    lesson.draw_curves(axes, result.runs[arm], "test/log_loss", label="new examples", colour="orange", style="--")
    axes.set(xlabel="optimiser step", title=arm)
    lesson.draw_limits(axes, limit)
panels[0].set_ylabel("log loss (nats)")
panels[0].legend(loc="center right")
lesson.show(
    figure,
    f"Loss curves of notebook 3 in two panels, medians and middle 80 % of {replicates} replicates. Without L2 the medians "
    f"end at {median('notebook 3, λ = 0', 'train'):.2f} nats in training and {median('notebook 3, λ = 0', 'test'):.2f} on "
    f"new examples, with λ = 0.01 at {median('notebook 3, λ = 0.01', 'train'):.2f} and "
    f"{median('notebook 3, λ = 0.01', 'test'):.2f}. Chance is {limit.chance:.2f}, the Bayes limit {limit.bayes:.2f}.",
)

# %%
gap = median("notebook 3, λ = 0", "test") - median("notebook 3, λ = 0", "train")
lesson.say(f"""
    Without L2 the loss on new examples ends {gap:.2f} nats above that in training: this patient hardly overfits. Here is
    the other one.
""")
assert gap < 0.1

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
for arm, colour, style in (("overfitting, λ = 0", "red", "-"), ("overfitting, λ = 0.01", "blue", "--")):
    lesson.draw_curves(
        axes, result.runs[arm], "test/log_loss", label=f"new examples, {arm[13:]}", colour=colour, style=style
    )
lesson.draw_curves(
    axes, result.runs["overfitting, λ = 0"], "train/log_loss", label="training, λ = 0", colour="orange", style=":"
)
axes.set(xlabel="optimiser step", ylabel="log loss (nats)", title="An illness, and a cure")
axes.legend(loc="upper left")
lesson.draw_limits(axes, limit)
untreated, treated = median("overfitting, λ = 0", "test"), median("overfitting, λ = 0.01", "test")
lesson.show(
    figure,
    f"Medians and middle 80 % of {replicates} replicates of the overfitting patient. Without L2 the training loss sinks "
    f"towards 0 while the loss on new examples climbs to {untreated:.2f} nats, far above chance at {limit.chance:.2f}. "
    f"With λ = 0.01 it stays at {treated:.2f}.",
)

# %%
way = 100 * (limit.chance - treated) / (limit.chance - limit.bayes)
stands = f"stands at {way:.0f} % of the way from chance to the Bayes limit" if way > 0 else "is no better than chance"
lesson.say(f"""
    Mind the grey line of chance. The treated network {stands}. L2 has stopped the harm. It has not taught the rule.
""")
assert way < 50

# %% [markdown]
# Now the trial itself. All six comparisons share one error rate of 5 % (Holm, lesson 6), so some intervals are wider than
# 95 %; and for *equivalent* étude looks at an interval of its own (lesson 1). The first claim is the learner's sentence, the second is ours.

# %%
for judgement, text in zip(result.claims, ("“{}”", "*{}*"), strict=True):
    lesson.say(f"{text.format(judgement.claim.text)} **{judgement.verdict}**.")
    for effect in judgement.stated:
        lesson.say(f"- {effect.says.capitalize()}, against none: {lesson.tell(effect)}.")
medicine, weakest = result.claims
assert medicine.stated[1].verdict == "better"

# %%
to_the_healthy = {
    "worse": "does harm to notebook 3",
    "better": "helps notebook 3",
    "equivalent": "changes nothing of note for notebook 3",
    "undecided": "may or may not change notebook 3, which these replicates do not decide",
}
lesson.say(f"""
    The first prediction: the dose of 0.01 {to_the_healthy[medicine.stated[0].verdict]}, and it helps the overfitting network.
""")
found = {
    "These make a difference": ("better", "worse"),
    "These make none that we care about": ("equivalent",),
    "About these the replicates do not tell": ("undecided",),
}
named = {words: [e.says for e in weakest.stated if e.verdict in verdicts] for words, verdicts in found.items()}
told = (f"{words}: {'; '.join(effects)}." for words, effects in named.items() if effects)
lesson.say(f"The second prediction, about the two smallest doses. {' '.join(told)}")


# %%
def medians(arm):
    return [f"{median(arm, split):.3f}" for split in ("train", "test")]


treatments = [f"λ = {decay:g}" for decay in DECAYS] + ["dropout"]
lesson.table(
    [[name, *medians(f"notebook 3, {name}"), *medians(f"overfitting, {name}")] for name in treatments],
    ["treatment", "notebook 3: training", "new examples", "overfitting: training", "new examples"],
)
helped = min(treatments, key=lambda name: median(f"overfitting, {name}", "test"))
lesson.figure("best treatment", helped, "Of all treatments tried, the overfitting network does best with **{}**.")
lesson.say(f"""
    The medians are in nats; chance is {limit.chance:.3f}, the Bayes limit {limit.bayes:.3f}. The best of many always
    looks a little better than it is, as it was chosen for its luck too.
""")

# %%
judged = {
    "supported": "So the learner's sentence holds for both patients.",
    "refuted": "So the learner's sentence does not hold for both patients as it stands.",
    "undecided": "For notebook 3 these replicates do not decide; for the overfitting network there is no doubt.",
}
lesson.say(judged[medicine.verdict])

# %% [markdown]
# What the sentence needed, and the notebooks did not have, is a patient that is ill. Now, *why* does the same dose act
# so differently on the two?
#
# ## Bias and variance
#
# Put one question $x$ to many networks of the same recipe, each trained on examples of its own. Their answers
# $f_1(x), f_2(x), \dots$ differ. Call their mean $\bar f(x)$. There are two ways for the recipe to be bad at $x$. The
# mean may be off the truth $t(x)$: the recipe is wrong on average, whichever examples it sees. That is *bias*. Or the
# single answers may scatter widely around their mean: what you get depends on the luck of the examples and of the
# initial weights. That is *variance*. And what we are to predict is $y = t(x) + \text{noise}$: the *noise*, with variance
# $\sigma^2$, nobody can foresee. Write $E$ for the average, over networks and over noise. For the squared error, the three
# simply add up:
#
# $$\underbrace{E\,(f(x) - y)^2}_{\text{error}} = \underbrace{\sigma^2}_{\text{noise}} +
# \underbrace{(\bar f(x) - t(x))^2}_{\text{bias}^2} + \underbrace{E\,(f(x) - \bar f(x))^2}_{\text{variance}}.$$
#
# The proof takes a line. Write $f - y = (f - \bar f) + (\bar f - t) + (t - y)$ and multiply out the square. The mixed
# terms vanish in the mean, because the first bracket has mean 0, the last one has too, and the three have nothing to do
# with each other. (Geman, Bienenstock and Doursat, 1992, brought it to neural networks.)
#
# This is usually drawn as a sketch, because with real data nobody knows $t$, and hardly anybody has many training sets.
# We know $t$, and draw as many training sets as we like, 16 at the small setting. Squared error is at home with numbers,
# not labels. So we let networks predict the height $\sin(x_1) + \cos(x_2)$ itself, with noise of standard deviation 0.5,
# from 100 training examples.

# %%
NOISE = 0.5
waves = etude.Recipe(
    data=etude.task("waves", rows=125, noise=NOISE, test_rows=500),
    model=etude.mlp(hidden=(64,)),
    loss="mse",
    optimizer=etude.adam(learning_rate=0.01),
    epochs=1500,
    score_every=500,
    seed=SEED,
)
STRENGTHS = (0.0, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1)
sweep = etude.Study(waves, vary={"coupled_weight_decay": STRENGTHS}, replicates=replicates)
heights = sweep.run(out=lesson.store, quiet=True)

# %% [markdown]
# A run keeps its weights, so we can ask any of the networks anything. The forward pass of lesson 1 takes two lines. Each
# network was trained on targets that were shifted and scaled to mean 0 and standard deviation 1, and the last line takes
# that back.


# %%
def logits(run, x):
    w = run.arrays
    hidden = np.maximum(0, x @ w["weights/hidden_1.weight"].T + w["weights/hidden_1.bias"])
    return (hidden @ w["weights/output.weight"].T + w["weights/output.bias"])[:, 0].astype(float)


def answers(runs, x):
    """What each network answers to each question, shape (networks, questions)."""
    rows = [load(run.recipe.data, seed=run.recipe.seed, replicate=run.replicate) for run in runs]
    return np.array([logits(run, x) * r.target_scale + r.target_center for run, r in zip(runs, rows, strict=True)])


# %% jupyter={"source_hidden": true}
x1 = np.linspace(-6, 6, 200)
line = np.column_stack([x1, np.zeros_like(x1)])  # questions along the line where x2 = 0
height = np.sin(x1) + 1

figure, panels = plt.subplots(1, 3, figsize=(9, 3.2), sharey=True)
shown = (0.0, 1e-2, 1e-1)
scatter = {}
for axes, strength, runs in zip(
    panels, shown, (list(heights.runs.values())[STRENGTHS.index(s)] for s in shown), strict=True
):
    drawn = answers(runs, line)
    axes.plot(x1, drawn[:12].T, color=lesson.colours["sky"], linewidth=0.7)
    axes.plot(x1, drawn.mean(axis=0), color=lesson.colours["blue"], label="their mean")
    axes.plot(x1, height, "--", color="black", label="the truth")
    axes.set(xlabel="$x_1$", title=f"λ = {strength:g}", ylim=(-3.5, 4.5))
    scatter[strength] = drawn.std(axis=0).mean()
panels[0].set_ylabel("answer, at $x_2 = 0$")
panels[0].legend(loc="upper left", fontsize=9)
lesson.show(
    figure,
    f"Twelve networks in each panel, as thin lines, with the mean of all and the truth. Without L2 the lines scatter "
    f"widely (a standard deviation of {scatter[0.0]:.2f} on average) around a mean that follows the truth. With λ = 0.01 "
    f"they scatter less ({scatter[0.01]:.2f}). With λ = 0.1 they lie close together ({scatter[0.1]:.2f}) and are nearly "
    f"flat: all of them miss the truth in the same way.",
)
assert scatter[0.1] < scatter[0.01] < scatter[0.0]

# %% [markdown]
# You have just seen the whole trade-off: from left to right variance falls and bias grows. Now the numbers, at four
# thousand random questions. One detail: with $R$ networks the mean $\bar f$ is itself a little off, by the variance divided by
# $R$ on average, so we subtract that from bias².


# %%
def bias_and_variance(answers, truth):
    variance = answers.var(axis=0, ddof=1)
    bias2 = (answers.mean(axis=0) - truth) ** 2 - variance / len(answers)
    return bias2.mean(), variance.mean()


questions = np.random.default_rng(SEED).normal(0, 3, size=(4000, 2))
truth = np.sin(questions[:, 0]) + np.cos(questions[:, 1])
parts, measured = [], []
for runs in heights.runs.values():
    parts.append((NOISE**2, *bias_and_variance(answers(runs, questions), truth)))
    measured.append(np.mean([run.score("squared_error", "test") for run in runs]))
parts, measured = np.array(parts), np.array(measured)

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7.2, 3.9))
lesson.draw_stack(axes, [f"{strength:g}" for strength in STRENGTHS], dict(zip(("noise", "bias²", "variance"), parts.T)))
axes.plot(measured, "D", color="black", label="error on étude's own test sets")
axes.set(xlabel="strength λ of L2", ylabel="squared error", title="Noise, bias² and variance, measured")
axes.legend(loc="upper left", ncols=2)
bottom = parts.sum(axis=1)
lowest = int(bottom.argmin())
axes.set_ylim(0, 1.35 * bottom.max())
lesson.show(
    figure,
    f"A stack of noise, bias² and variance for each λ. From λ = 0 to 0.1 the variance falls from {parts[0, 2]:.2f} to "
    f"{parts[-1, 2]:.2f} and bias² grows from {parts[0, 1]:.2f} to {parts[-1, 1]:.2f}. Their sum with the noise of "
    f"{NOISE**2:.2f} is lowest at λ = {STRENGTHS[lowest]:g}, with {bottom[lowest]:.2f}. Diamonds, the error that étude "
    f"measured on other test examples, lie close to the tops.",
)

# %%
lesson.figure("best strength", f"{STRENGTHS[lowest]:g}", "The sum is lowest at λ = {}.")
lesson.figure("variance without", parts[0, 2], "Without L2 the variance is {:.2f}.")
lesson.figure("variance at best", parts[lowest, 2], "At the best λ it is {:.2f}.")
bias_cost = parts[lowest, 1] - parts[0, 1]
lesson.figure("bias for it", bias_cost, "The price for it, in bias², is {:+.2f}.")
assert parts[-1, 2] < parts[0, 2]
assert parts[-1, 1] > parts[0, 1]
assert 0 < lowest < len(STRENGTHS) - 1
assert np.allclose(bottom, measured, rtol=0.15)

# %%
lesson.say(f"""
    The three parts were computed from the networks' answers and the truth. The diamonds were measured by étude on test
    examples that know nothing of that. They agree to within {100 * np.abs(bottom / measured - 1).max():.0f} %: this is no
    metaphor, it is bookkeeping.
""")
lesson.say(f"""
    The third prediction: L2 makes the answers *more alike*. From λ = 0 to λ = {STRENGTHS[-1]:g} the variance falls from
    {parts[0, 2]:.2f} to {parts[-1, 2]:.2f}. Their mean does not come closer to the truth; it moves away, and bias² grows from
    {parts[0, 1]:.2f} to {parts[-1, 1]:.2f}. Yet at the right dose a *single* answer comes closer to the truth: bias² and
    variance together are {parts[0, 1:].sum():.2f} without L2, and {parts[lowest, 1:].sum():.2f} at λ = {STRENGTHS[lowest]:g}.
""")

# %% [markdown]
# Now the medicine makes sense. L2 takes away variance, and the price is bias. Where variance is what is wrong, that is a
# bargain. Where there is hardly any variance to take away, one pays for nothing.
#
# ## The same for log loss
#
# *You may skip to the picture: it is the same split, in nats.*
#
# Our two patients have labels, not heights, and they are scored in nats. Does their loss split as well? It does, if we
# take the right mean. With the mean *probability* the parts do not add up. With the mean *logit* they do. Let $\bar p$ be
# the sigmoid of the mean logit of all networks. Then, with $q$ the true probability of label 1,
#
# $$\underbrace{E\,[\text{log loss}]}_{\text{error}} = \underbrace{H(q)}_{\text{noise}} +
# \underbrace{KL(q \,\|\, \bar p)}_{\text{bias}} + \underbrace{E\,KL(\bar p \,\|\, p)}_{\text{variance}}.$$
#
# $H(q)$ is the log loss of somebody who knows $q$, whose average is the Bayes limit of lesson 1. $KL(a \,\|\, b)$, the
# *Kullback–Leibler divergence*, is what it costs to say $b$ where $a$ is true: the log loss of $b$ minus that of $a$. So
# bias is what the central network costs, and variance is what it costs on top that you have one network and not the
# central one. (Heskes, 1998; Pfau, 2013; Adlam and others, 2022, arXiv:2202.04167, for why it is the logits.) Here we do
# not correct for the small number of networks, so a little variance is counted as bias.


# %%
def softplus(z):
    return np.logaddexp(0, z)  # ln(1 + eᶻ): the log loss of a logit z for label 0; of −z for label 1


def log_loss(q, z):
    return q * softplus(-z) + (1 - q) * softplus(z)


def split(runs, x, q):
    z = np.array([logits(run, x) for run in runs])
    center = z.mean(axis=0)
    p_bar = 1 / (1 + np.exp(-center))
    noise = -(q * np.log(q) + (1 - q) * np.log(1 - q))
    bias = log_loss(q, center) - noise
    variance = log_loss(p_bar, z) - log_loss(p_bar, center)
    assert np.isclose((noise + bias).mean() + variance.mean(), log_loss(q, z).mean())  # it is an equation
    return noise.mean(), bias.mean(), variance.mean()


questions = np.random.default_rng(SEED).normal(0, 3, size=(4000, 4))
q = np.where(np.sin(questions[:, 0]) + np.cos(questions[:, 1]) > 0, 0.95, 0.05)
shares = {arm: np.array(split(result.runs[arm], questions, q)) for arm in arms}

# %% jupyter={"source_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(9, 3.8))
for axes, patient in zip(panels, ("notebook 3", "overfitting"), strict=True):
    stack = np.array([shares[f"{patient}, {name}"] for name in treatments])
    names = [name.removeprefix("λ = ") for name in treatments]
    lesson.draw_stack(axes, names, dict(zip(("noise", "bias", "variance"), stack.T)))
    axes.axhline(limit.chance, color=lesson.colours["grey"], linestyle="--", linewidth=1, label="chance")
    axes.set(title=patient, xlabel="λ of L2, or dropout")
    axes.tick_params(axis="x", rotation=30)
panels[0].set_ylabel("log loss (nats)")
panels[0].set_ylim(0, 0.95)
panels[0].legend(loc="upper left", ncols=2, fontsize=9)
free, dosed = shares["overfitting, λ = 0"], shares["overfitting, λ = 0.01"]
modest, modest_dosed = shares["notebook 3, λ = 0"], shares["notebook 3, λ = 0.01"]
lesson.show(
    figure,
    f"Stacks of noise, bias and variance for each treatment, of two patients with axes of their own. Notebook 3 has a "
    f"variance of {modest[2]:.2f} nats, and λ = 0.01 raises its bias from {modest[1]:.2f} to {modest_dosed[1]:.2f}. The "
    f"overfitting network has a variance of {free[2]:.2f}, of which λ = 0.01 leaves {dosed[2]:.2f}.",
)
assert dosed[2] < free[2]

# %%
lesson.figure("variance of notebook 3", modest[2], "Notebook 3, without L2: a variance of {:.2f} nats.")
lesson.figure("variance of the other", free[2], "The overfitting network, without L2: a variance of {:.2f} nats.")
lesson.say(f"""
    With λ = 0.01 notebook 3 saves {modest[2] - modest_dosed[2]:.2f} nats of variance and pays
    {modest_dosed[1] - modest[1]:.2f} in bias. The overfitting network saves {free[2] - dosed[2]:.2f}, and its bias changes
    by {dosed[1] - free[1]:+.2f}.
""")
if dosed[1] < free[1]:
    lesson.say("""
        So its *bias* falls as well. The reason is overconfidence. A network that has learned its examples by heart gives
        logits of enormous size, right or wrong, and the mean of enormous logits is still too sure of itself. That is an
        error that all networks share, so it counts as bias; and smaller weights cure it too.
    """)

# %% [markdown]
# ## Which part is large? A table
#
# Loss curves show the sum. To choose a treatment, ask which part of it is large. With one training set you cannot measure
# the parts, but the curves of a few replicates, or of a few splits of your data, show their traces.
#
# | what you see | which part is large | its name | what may help |
# |---|---|---|---|
# | both losses high and close, replicates alike | bias | underfitting | more units, longer training, *less* L2 |
# | training low, new examples high, replicates differ | variance | overfitting | L2, dropout, more examples |
# | training low; new examples: log loss very high, accuracy hardly worse | overconfidence: both | overfitting | L2, earlier stopping |
# | both close to the Bayes limit | noise | good fit | better labels; nothing that you do to the network |
#
# Diagnose first, then treat, the learner wrote. This is the table for it, and `etude treat` is the command.
#
# ## Exercise
#
# L2 is not the only way to take away variance. Give the networks that predict heights no L2 but more examples: 500 rows
# instead of 125. Which of the three parts will fall, and which one cannot? Say it first. `bias_and_variance` and `answers`
# are there; you need one more study.

# %% tags=["solution"] jupyter={"source_hidden": true}
more = etude.Study(waves, vary={"rows": [125, 500]}, replicates=replicates).run(out=lesson.store, quiet=True)
questions = np.random.default_rng(SEED).normal(0, 3, size=(4000, 2))
found = [bias_and_variance(answers(runs, questions), truth) for runs in more.runs.values()]
lesson.table(
    [
        [rows, *(f"{part:.2f}" for part in (NOISE**2, bias2, variance))]
        for rows, (bias2, variance) in zip(("125", "500"), found, strict=True)
    ],
    ["rows", "noise", "bias²", "variance"],
)
lesson.say(f"""
    Four times as many examples: the variance falls by {found[0][1] - found[1][1]:.2f}, bias² changes by
    {found[1][0] - found[0][0]:+.2f}, and the noise cannot change.
""")
if found[1][0] < found[0][0] + 0.02:
    lesson.say("Unlike L2, more examples are not paid for in bias. They are paid for by whoever has to collect them.")
assert found[1][1] < found[0][1]

# %% [markdown]
# ## What would change our mind
#
# That the parts add up is arithmetic, and no experiment can change it. Which part moves is not. We should be wrong about
# notebook 3 if L2 harmed it by raising its variance, and about the overfitting network if the same dose helped it
# through bias alone and left its variance as it was.

# %%
lesson.say(f"""
    For squared error we measured that L2 lowers variance and, at a large dose, raises bias. For log loss it lowered the
    variance of the overfitting network, and its bias changed by {dosed[1] - free[1]:+.2f} nats. That is what happened at
    these sizes, not a law. Variance has other remedies too: a very wide network may have less of it than a medium one,
    without any L2 (lesson 12).
""")

# %%
lesson.full("64 replicates instead of 16, so that bias and variance are known more exactly")

# %% [markdown]
# ## Where to read on
#
# - Geman, Bienenstock and Doursat, *Neural Networks and the Bias/Variance Dilemma*, Neural Computation 4 (1992).
# - Krogh and Hertz, *A Simple Weight Decay Can Improve Generalization*, Advances in Neural Information Processing
#   Systems 4 (1992).
# - Loshchilov and Hutter, *Decoupled Weight Decay Regularization* (2019), arXiv:1711.05101: why AdamW is not Adam with L2.
# - Heskes, *Bias/Variance Decompositions for Likelihood-Based Estimators*, Neural Computation 10 (1998); Pfau, *A
#   Generalized Bias-Variance Decomposition for Bregman Divergences* (2013); Adlam and others, *Understanding the
#   Bias-Variance Tradeoff of Bregman Divergences* (2022), arXiv:2202.04167.
# - Neal and others, *A Modern Take on the Bias-Variance Tradeoff in Neural Networks* (2018), arXiv:1810.08591: how much of
#   the variance comes from the examples, and how much from the initial weights.
# - Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning* (2009), chapters 3 and 7.
