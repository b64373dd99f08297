# %% [markdown]
# # 12 · Double descent, and the limits of curves
#
# **A network that is too large memorises its data and gets worse. What happens if you go on and make it larger still?**
#
# The notebooks of this journey rest on two beliefs. One is the bias–variance trade-off of lesson 3: too small
# underfits, too large overfits, and the best size lies in between. The other is among the lessons that the learner drew:
# loss curves, the notes say in short, reveal everything at a glance. Both are good servants. In this last lesson we walk
# to the place where the first one fails, and see what the second one cannot show.
#
# You need lesson 3 (bias, variance, L2), lesson 4 (intervals) and lesson 6 (diagnosis).

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

import etude
from etude.data.load import limits, load
from etude.faces.lesson import Lesson
from etude.values.claim import Claim, Contrast

SEED = 0  # change it: nearly every number will change, and no sentence should become false
lesson = Lesson(12)
rng = np.random.default_rng(SEED)
replicates = lesson.of(small=10, full=50)

# %% [markdown]
# ## Your prediction
#
# A network with one hidden layer learns from 66 rows, without regularisation and for a very long time. We make it wider
# and wider: from no unit at all, when it can only say the average (the *best constant*), to 300. Write down three answers.
#
# 1. Draw the test error against the width. Does it **fall, then rise for good**; **fall, rise, and fall again**; or
#    **only fall**?
# 2. The best network of all widths: is it a **small** one, a **middling** one, or the **largest**?
# 3. Two networks, 8 and 300 units wide, have both brought their training loss to nearly nothing. Can you tell from the
#    training curves which one is worse on new data? By how much could it be worse: **a tenth**, **half as much again**,
#    or **more than twice**?

# %% [markdown]
# ## First where everything can be computed
#
# Before the networks, the smallest model that shows the effect: fitting a linear function of many inputs. A target is
# a sum of 300 inputs with smaller and smaller weights, plus noise. We have 40 rows, and let the model see the first $k$
# inputs. It has $k$ weights. Up to $k = 40$ it takes those with the least squared error. Beyond that there are more
# weights than rows, and infinitely many choices fit *every* row exactly; `lstsq` then takes the one whose weights are
# smallest. (So does gradient descent that starts at zero: it never leaves the directions that the rows span.)
#
# We measure the squared error on new rows, without their own noise: how far the model is from the sum itself. The noise of
# a new row nobody can foresee; with a noise of 0.5 in the targets it would add the same 0.25 to every error.

# %%
n, everything = 40, 300
beta = 1 / np.arange(1, everything + 1)  # the true weights
sizes = np.array([1, 2, 5, 10, 20, 30, 35, 38, 40, 42, 45, 50, 60, 80, 120, 200, 300])


def least_squares(k, noise, rows=n):
    """The weights found from one draw of rows; those of inputs that the model may not see are 0."""
    x = rng.standard_normal((rows, everything))
    y = x @ beta + noise * rng.standard_normal(rows)
    return np.pad(np.linalg.lstsq(x[:, :k], y, rcond=None)[0], (0, everything - k))


def squared(weights):
    """Their squared length; of those missed, the squared error on new rows without their noise: inputs have variance 1."""
    return (weights**2).sum(axis=-1)


draws = lesson.of(small=60, full=1000)
found = {noise: np.array([[least_squares(k, noise) for _ in range(draws)] for k in sizes]) for noise in (0.0, 0.5)}
missed = {noise: squared(beta - weights) for noise, weights in found.items()}  # shape (sizes, draws)
middle = np.median(missed[0.5], axis=1)
peak = int(sizes[middle.argmax()])
valley, beyond = middle[sizes < n].min(), middle[sizes > n].min()

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
looks = {0.5: ("red", "o-", "noise of 0.5 in the targets"), 0.0: ("blue", "s--", "no noise")}
for noise, (colour, style, label) in looks.items():
    axes.loglog(sizes, np.median(missed[noise], axis=1), style, color=lesson.colours[colour], label=label)
axes.axvline(n, color=lesson.colours["grey"], linewidth=1.1, linestyle=":")
axes.annotate("as many weights as rows", (n, 1), xycoords=("data", "axes fraction"), xytext=(5, -12),
              textcoords="offset points", fontsize=9, color=lesson.colours["grey"])  # fmt: skip
axes.axhline(squared(beta), color=lesson.colours["black"], linestyle="--", linewidth=1.2)
axes.annotate("best constant (0)", (sizes[0], squared(beta)), xytext=(0, 4), textcoords="offset points", fontsize=9)
axes.set(xlabel="inputs that the model may use, k", ylabel="squared error on new rows,\nwithout their own noise")
axes.set_title("Least squares: worst where it can just fit everything")
axes.legend(loc="upper left")
lesson.show(
    figure,
    "Median squared error on new rows, without their own noise, against the number of inputs, on logarithmic axes. With "
    f"noise in the targets it falls to {valley:.2f}, rises to a sharp peak of {middle.max():.2g} at {peak} inputs, falls "
    f"again to {beyond:.2f}, and ends at {middle[-1]:.2f}. Without noise the peak is "
    f"{np.median(missed[0.0], axis=1).max():.2g}. A dashed line marks the best constant, {squared(beta):.2f}.",
)

# %%
variance = {k: found[0.5][list(sizes).index(k)].var(axis=0).sum() for k in (10, 38, everything)}
lesson.say(f"""
    With noise the error peaks at k = **{peak}**, and the model has {n} rows. There it is {middle.max() / beyond:.0f} times
    as large as farther on. This is *double descent*: the error falls, rises, and falls again. (It need not fall below
    where it was before: the first valley, {valley:.2f}, is the lower one here. And the curve without noise still has a
    peak, because what the model may not see acts on it like noise.)

    The sum of lesson 3 still holds. What fails is the belief that variance only grows with size. Here it peaks at the
    threshold and falls again: over the draws, the variance of the weights, and so of what they predict, is
    {variance[10]:.2f} with 10 inputs, {variance[38]:.1f} with 38, and {variance[everything]:.2f} with {everything}. (Of
    networks, Neal et al. 2018 found that their variance can fall as they grow wider; Yang et al. 2020 found a bell, first up
    and then down.)
""")
assert 35 <= peak <= 45
assert middle.max() > 3 * beyond > 3 * valley
assert variance[38] > 3 * max(variance[10], variance[everything])

# %% [markdown]
# ### Why there?
#
# The place where the training error reaches zero is called the **interpolation threshold**. Left of it, with fewer
# weights than rows, there is a formula. If what the model cannot explain has variance $\sigma_k^2$ (the noise, and the
# inputs that it may not see), the expected squared error on a new row, its own noise included, is
#
# $$\underbrace{\sigma_k^2}_{\text{what it cannot see}} \cdot
# \Bigl(1 + \underbrace{\frac{k}{n - k - 1}}_{\text{what it learned from noise}}\Bigr), \qquad k < n - 1 .$$
#
# In words: *each weight costs a little, and the price explodes as the weights become as many as the rows.* In code,
# `unseen * (1 + k / (n - k - 1))`. (Breiman and Freedman 1983, for normal inputs.) At the threshold exactly one choice of
# weights fits all rows, noise included, and to bend through every noisy point it must be wild. Beyond the threshold
# there is a choice again, and the smallest solution is calmer the more room it has. So look at how long the weights
# are:

# %%
unseen = np.array([0.25 + squared(beta[k:]) for k in sizes])
left = sizes < n - 1
expected = unseen[left] * (1 + sizes[left] / (n - sizes[left] - 1)) - 0.25  # minus the noise of the new row itself
length = np.median(squared(found[0.5]), axis=1)

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 3.2))
axes.loglog(sizes, length, "o-", color=lesson.colours["purple"])
axes.axhline(squared(beta), color=lesson.colours["black"], linestyle="--", linewidth=1.2)
axes.annotate("of the true weights", (sizes[0], squared(beta)), xytext=(0, 4), textcoords="offset points", fontsize=9)
axes.axvline(n, color=lesson.colours["grey"], linewidth=1.1, linestyle=":")
axes.set(xlabel="inputs that the model may use, k", ylabel="squared length of the weights")
axes.set_title("At the threshold the weights must go wild to fit the noise")
lesson.show(
    figure,
    f"Median squared length of the fitted weights: {length[0]:.1f} with one input, {length.max():.1f} at the peak, "
    f"{length[-1]:.1f} with all; that of the true weights is {squared(beta):.1f}.",
)

# %%
bias = squared(beta - found[0.5].mean(axis=1))  # squared, at each size
second = int(np.where(sizes > n, middle, np.inf).argmin())  # where the second valley is
too_calm = length[-1] < squared(beta) and middle[-1] > beyond and bias[-1] > bias[second]
against_zero = middle[-1] / squared(beta)
how_good = "no better" if against_zero >= 1 else "hardly better" if against_zero > 0.75 else "better"
lesson.say(
    f"""
    Too calm, in the end. Far to the right the weights are shorter than the true ones, and the error creeps up again. They
    are pulled towards zero, and now the *bias* grows: squared, it is {bias[second]:.2f} with {sizes[second]} inputs, where
    the second valley is, and {bias[-1]:.2f} with {everything}. (It is no underfitting in lesson 1’s sense, for the training
    error is zero.) To say 0 whatever the inputs would cost {squared(beta):.2f}, the sum of all squared weights; the right
    end of the first picture, {middle[-1]:.2f}, is {how_good}.
    """
    if too_calm
    else "To the right they come down again, and the error with them."
)
at_ten = int(np.flatnonzero(sizes[left] == 10)[0])
drawn = missed[0.5][at_ten]
lesson.say(f"""
    And the formula? For ten inputs it promises {expected[at_ten]:.3f}, once the noise of the new row itself is taken off.
    Over {draws:,} draws we find {drawn.mean():.3f} ± {2 * drawn.std(ddof=1) / np.sqrt(draws):.3f} (two standard errors).
""")
assert np.isclose(drawn.mean(), expected[at_ten], rtol=0.25)
assert length.max() > 2 * length[-1]

# %% [markdown]
# ## Now networks, on real data
#
# Does a trained network do the same? scikit-learn brings ten measurements of 442 people with diabetes, and how far the
# disease had progressed a year later. Nobody put noise into these targets on purpose; life did. We let each replicate
# learn from 66 people and test on 354 others, with one hidden layer of 1 to 300 units, no regularisation, and 3,000
# epochs of Adam: long enough to fit whatever can be fitted. A network without any unit needs no training: the best that it
# can do is to say the average of its 66 people.
#
# A network with $w$ units has $10w + w + w + 1 = 12w + 1$ weights. The threshold should lie somewhere above
# $65 / 12 \approx 5$ units; somewhat above, because some ReLU units are off for most rows and bring less than their
# weights promise.

# %%
data = etude.bundled("diabetes", test=0.8, validation=0.05)
recipe = etude.Recipe(
    data=data,
    model=etude.mlp(hidden=(8,)),
    loss="mse",
    optimizer=etude.adam(learning_rate=0.01),
    epochs=3000,
    score_every=100,
    seed=SEED,
)
widths = [1, 2, 3, 4, 6, 8, 11, 15, 22, 40, 100, 300]
result = etude.Study(recipe, vary={"hidden": [(w,) for w in widths]}, replicates=replicates).run(
    out=lesson.store, quiet=True
)
constant = limits(data, seed=SEED)["squared_error"].best_constant


def errors(result, split):
    """Squared error of every run, shape (widths, replicates), in units of the best constant."""
    return np.array([[run.score("squared_error", split) for run in runs] for runs in result.runs.values()]) / constant


splits = [load(data, seed=SEED, replicate=r) for r in range(replicates)]
no_unit = np.array([np.mean((part.test.targets - part.train.targets.mean()) ** 2) for part in splits]) / constant
assert {part.train.inputs.shape for part in splits} == {(66, 10)}
test, train = errors(result, "test"), errors(result, "train")
centre = np.exp(np.log(test).mean(axis=1))  # at each width the mean of logarithms, for a few errors are very large
none = float(np.exp(np.log(no_unit).mean()))
worst, best = int(centre.argmax()), int(centre.argmin())


# %% jupyter={"source_hidden": true}
def draw_widths(axes, widths, values, look):
    """Mean and 95 % interval over replicates at each width, computed on logarithms, and every replicate as a dot."""
    colour, style, label = look
    places = [w or 0.5 for w in widths]  # no unit: a logarithmic axis has no 0, so it stands left of 1
    logs, n_runs = np.log(values), values.shape[1]
    mean = logs.mean(axis=1)
    reach = stats.t.ppf(0.975, df=n_runs - 1) * logs.std(axis=1, ddof=1) / np.sqrt(n_runs)
    for w, column in zip(places, values, strict=True):
        axes.plot(np.full(column.size, w), column, ".", color=lesson.colours[colour], alpha=0.35, markersize=4)
    error = np.exp(mean) - np.exp(mean - reach), np.exp(mean + reach) - np.exp(mean)
    axes.errorbar(places, np.exp(mean), yerr=error, fmt=style, color=lesson.colours[colour], capsize=3, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(places, [str(w) for w in widths])
    axes.minorticks_off()
    axes.axhline(1, color=lesson.colours["grey"], linewidth=1.1, linestyle=(0, (4, 3)))
    axes.set_yticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
    axes.set(xlabel="hidden units", ylabel="test error, in best constants")


figure, axes = plt.subplots(figsize=(7, 4))
draw_widths(axes, [0, *widths], np.vstack([no_unit, test]), ("red", "o-", "test error"))
axes.annotate("best constant", (40, 1), xytext=(0, -12), textcoords="offset points", ha="center", fontsize=9)
axes.set_title("66 people, ever wider networks")
lesson.show(
    figure,
    f"Test error against width, with a dot for each replicate, and geometric means and 95 % intervals. Without any unit it is "
    f"{none:.2f} of the best constant's error, at 1 unit {centre[0]:.2f}; it rises to {centre[worst]:.2f} at {widths[worst]}, and "
    f"falls to {centre[-1]:.2f} at 300.",
)

# %%
fitted = np.median(train, axis=1) < 0.01
threshold = widths[int(fitted.argmax())] if fitted.any() else None
kind = "a small one" if widths[best] < widths[worst] else "the largest" if widths[best] == 300 else "a middling one"
lesson.say(f"""
    The training error (not drawn) falls below a hundredth of the best constant’s at
    **{threshold if threshold else "no"} units**: there is the threshold. The test error is largest at
    **{widths[worst]} units**. It is measured in *best constants*: 1 is the error of somebody who knows only the average
    patient, and the network at the peak is {centre[worst]:.1f} times as bad as that. So to your second question the answer
    is {kind}: the lowest error of all widths is that of **{widths[best]} {"unit" if widths[best] == 1 else "units"}**.
""")
lesson.figure("width of the worst network", widths[worst], "The worst network has {:.0f} hidden units.")
lesson.figure("its error", float(centre[worst]), "Its error is {:.1f} times that of the best constant.")
lesson.figure("error of the widest", float(centre[-1]), "The widest network's is {:.2f} times.")
assert 3 <= widths[worst] <= 22
assert centre[worst] > 1.5 * centre[-1]
assert centre[worst] > 1.5 * centre[0]

# %% [markdown]
# ### On trial
#
# The dots speak; but the peak was picked because it stood out. So let us write the claims down and try them on a fresh
# seed. Two are from the textbook. The third is what one would like to believe once the second has failed. Several claims
# share one error rate of 5 % (Holm, lesson 6), so some intervals are drawn wider than 95 %.

# %%
units = {w: {"model.hidden": [w]} for w in (1, 8, 300)}


def claim(text, treated, control, **more):
    """A sentence about two widths."""
    says = f"{treated} units against {control}"
    return Claim(text=text, stated=(Contrast(treated=units[treated], control=units[control], says=says, **more),))


trial = etude.Study(
    etude.Recipe(**{**recipe.model_dump(), "seed": SEED + 1}),
    vary={"hidden": [(w,) for w in units]},
    claims=[
        claim("A network that can memorise its rows is worse than a small one.", 8, 1, expect="worse"),
        claim("Once a network can memorise, making it larger makes it worse.", 300, 8, expect="worse"),
        claim("The largest network is the best one.", 300, 1),
    ],
    replicates=replicates,
).run(out=lesson.store, quiet=True)
for judged in trial.claims:
    (effect,) = judged.stated
    lesson.say(
        f"*{judged.claim.text}* **{judged.verdict.capitalize()}.** {effect.says}: {lesson.tell(effect)}. "
        f"That is {effect.mean / constant:+.1f} best constants."
    )

# %%
verdict = [judged.verdict for judged in trial.claims]
seen = verdict[0] == "supported" and verdict[1] == "refuted"
summit = {
    "supported": "The largest network is also the best of the three.",
    "refuted": "But the second valley is *not* the deeper one: one single unit is better than three hundred.",
}.get(verdict[2], f"Whether the largest beats the smallest is {verdict[2]}.")
says = (
    "So double descent is there, in networks that were simply trained on real data, and to your first question the answer "
    "is **fall, rise, and fall again**: down from no unit at all to one; up to the threshold; and down once more."
    if seen and centre[0] < none
    else "The trial does not confirm all of it, and with few replicates it need not."
)
lesson.say(f"""
    {says} {summit} What is often told, that larger is always better in the end, rests on studies with other data and
    larger networks (Belkin et al. 2019; Nakkiran et al. 2020). With 66 rows, and ten inputs that predict little, a modest
    model can well be the wise one.

    (The picture averages logarithms. The trial averages plain differences, of which a few are large. So they do not agree
    to the digit.)
""")

# %% [markdown]
# All replicates split the same 442 people anew, so the intervals speak about *these* people. For others they are too
# narrow (Nadeau and Bengio 2003).
#
# ## The peak is a patient without treatment
#
# Nobody trains like this: no penalty, no stopping, to the bitter end. What does the medicine of lesson 6 do to the peak?
# Here are the same networks with an L2 penalty of 0.01, 0.1 and 1. We draw all three: to show only the best would be to
# choose it by the very errors that we draw.

# %%
few_widths = [1, 2, 4, 8, 22, 300]
with_l2 = {}
for strength in (0.01, 0.1, 1.0):
    medicine = {"optimizer": etude.adam(learning_rate=0.01, coupled_weight_decay=strength)}
    treated = etude.Study(
        etude.Recipe(**{**recipe.model_dump(), **medicine}),
        vary={"hidden": [(w,) for w in few_widths]},
        replicates=replicates,
    ).run(out=lesson.store, quiet=True)
    with_l2[strength] = errors(treated, "test")
calm = {strength: np.exp(np.log(values).mean(axis=1)) for strength, values in with_l2.items()}

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 4))
draw_widths(axes, few_widths, test[[widths.index(w) for w in few_widths]], ("red", "o-", "no regularisation"))
for strength, look in zip(with_l2, (("sky", "^:"), ("blue", "s--"), ("green", "D-.")), strict=True):
    draw_widths(axes, few_widths, with_l2[strength], (*look, f"L2 of {strength:g}"))
axes.set_title("An L2 penalty flattens the peak")
axes.legend(loc="upper left")
lesson.show(
    figure,
    "The same axes, from 1 unit on. Without regularisation the error peaks; with L2 it lies "
    + ", ".join(f"between {c.min():.2f} and {c.max():.2f} ({strength:g})" for strength, c in calm.items())
    + " at every width.",
)

# %%
eight = few_widths.index(8)
lesson.say(f"""
    At 8 units an L2 of 0.1 brings the error from {centre[widths.index(8)]:.2f} to {calm[0.1][eight]:.2f} best constants,
    and the width hardly matters any more. A tenth of that dose gives {calm[0.01][eight]:.2f}, ten times as much
    {calm[1.0][eight]:.2f}. Nakkiran et al. (2021) prove the like for some linear models: with the best penalty, the error
    only falls as the model grows. Double descent is not a law of large models. It is what happens **at the threshold, with
    noise, or something that acts like it, without treatment**.
""")
assert calm[0.1].max() < min(centre[worst], 1.4 * calm[0.1].min())

# %% [markdown]
# ## What a loss curve cannot tell
#
# Do loss curves reveal everything at a glance? The learner reads two of them together: that of training against that of
# validation. Let us first cover the second. Here are the training curves of the networks with 8 and with 300 units. Cover
# the caption too, and say which is which, and which one you would trust.

# %%
by_width = dict(zip(widths, result.runs, strict=True))  # the arms, by their width
ends = {w: float(np.median(train[widths.index(w)])) for w in (8, 300)}


def small(value):
    """A share so that a reader can take it in."""
    return f"{value:.4f}" if value >= 0.0001 else "less than 0.0001"


# %% jupyter={"source_hidden": true}
def draw_two(axes, split, names, **more):
    """A curve of the networks with 8 and with 300 units, over steps, and the best constant."""
    for w, name, colour, style in zip((8, 300), names, ("red", "blue"), ("-", "--"), strict=True):
        runs = result.runs[by_width[w]]
        lesson.draw_curves(axes, runs, f"{split}/squared_error", label=name, colour=colour, style=style)
    axes.axhline(constant, color=lesson.colours["grey"], linewidth=1.1, linestyle=(0, (4, 3)))
    axes.annotate("best constant", (3000, constant), xytext=(0, 4), textcoords="offset points", ha="right", fontsize=9)
    axes.set(xlabel="optimiser step (one step an epoch)", **more)


figure, axes = plt.subplots(figsize=(7, 3.4))
draw_two(
    axes,
    "train",
    ("one network", "another network"),
    ylabel="training squared error",
    title="At a glance: both fit their rows",
)
axes.set_ylim(bottom=-0.02 * constant)
axes.legend(loc="center right")
lesson.show(
    figure,
    "Two training curves that fall from the best constant's error to nearly nothing, the dashed one faster. The solid one "
    f"has 8 units and ends at {small(ends[8])} of the best constant, the dashed one 300 units and {small(ends[300])}.",
)

# %%
ratio = centre[widths.index(8)] / centre[-1]
lesson.say(f"""
    Both have learned their 66 rows by heart, the wide one sooner. Is that good or bad? On new people the narrow one errs
    **{ratio:.1f} times** as much as the wide one. The ends of these curves do not say so, and their speed is a hint only to
    somebody who knows this lesson: the one that crawls has only just enough weights. So the answers to your third question
    are *hardly*, and **{"more than twice" if ratio > 2 else "more than half as much again"}**.
""")
assert max(ends.values()) < 0.05
assert ratio > 1.5

# %% [markdown]
# Now uncover the second half of what the learner reads. The split keeps 22 people for validation.

# %%
held_out = {w: errors(result, "validation")[widths.index(w)] for w in (8, 300)}
ill = {w: float(np.median(values)) for w, values in held_out.items()}
higher = int((held_out[8] > held_out[300]).sum())

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 3.4))
draw_two(
    axes,
    "validation",
    ("8 units", "300 units"),
    ylabel="validation error, in best constants",
    title="The same two, on people they have not learned from",
    yscale="log",
)
axes.set_yticks([m * constant for m in (0.5, 1, 2, 4)], ["0.5", "1", "2", "4"])
axes.minorticks_off()
axes.legend(loc="upper left")
lesson.show(
    figure,
    f"The validation curves of the same networks, on a logarithmic axis. That of 8 units ends at {ill[8]:.2f} best constants, "
    f"that of 300 units at {ill[300]:.2f} (medians).",
)

# %%
lesson.say(
    f"""
    The validation curves do say which is worse: the narrow network’s ends higher in {higher} of {replicates} replicates.
    What they cannot say is whether to go narrower or wider.
    """
    if ill[8] > ill[300] and higher > replicates / 2
    else f"""
    With so few people for validation not even these curves say which is worse: the narrow network’s ends higher in {higher}
    of {replicates} replicates. Still less do they say whether to go narrower or wider.
    """
)

# %% [markdown]
# étude’s diagnosis reads the curves of both kinds, and the recipe:

# %%
for w in (8, 300):
    (diagnosis,) = etude.diagnose({by_width[w]: result.runs[by_width[w]]})
    advice = f" First advice: {diagnosis.next[0]}." if diagnosis.next else ""
    sure = (
        ""
        if diagnosis.verdict == "cannot tell"
        else f" (étude gives this verdict a probability of {diagnosis.probability:.2f})"
    )
    lesson.say(f"{w} units: **{diagnosis.verdict}**{sure}.{advice}")

# %% [markdown]
# That is as far as a curve goes. It shows *this* network on *these* rows. Whether the cure for an overfit one is fewer
# units or many more is not in it: left and right of the peak lie better networks, and a curve knows no left or right.
# What a loss curve can never tell, however carefully one looks:
#
# - **what another recipe would do**: wider, longer, with medicine. That takes a second arm, not a second look;
# - **whether a difference is luck** (lesson 4). That takes replicates;
# - **whether a loss at rest is the best possible** (lesson 1). That takes a limit to compare it with;
# - **whether 80 % means 80 %** (lesson 6). That takes a calibration score;
# - **whether tomorrow’s rows come from where today’s came.** That, no number computed from today’s rows can tell.
#
# So we would put the learner’s sentence like this: *loss curves reveal at a glance that something is wrong, and often
# what. What would help, and whether it did, takes an experiment.* It is a better sentence for having been wrong first.

# %% [markdown]
# ## Exercise
#
# Data trumps architecture, the learner’s notes say in short. More rows always help, surely? Take the first model of this lesson
# with $k = 40$ inputs and noise of 0.5, and vary the number of *rows* from 10 to 400. Predict the picture first. Where is
# the threshold now?

# %% tags=["solution"] jupyter={"source_hidden": true}
many_rows = np.array([10, 20, 30, 36, 40, 44, 50, 70, 100, 200, 400])
by_rows = np.array(
    [np.median([squared(beta - least_squares(40, 0.5, rows=m)) for _ in range(draws)]) for m in many_rows]
)
figure, axes = plt.subplots(figsize=(7, 3.2))
axes.loglog(many_rows, by_rows, "o-", color=lesson.colours["green"])
axes.axvline(40, color=lesson.colours["grey"], linewidth=1.1, linestyle=":")
axes.set_xticks([10, 20, 40, 70, 100, 200, 400], ["10", "20", "40", "70", "100", "200", "400"])
axes.minorticks_off()
axes.set(xlabel="rows to learn from", ylabel="squared error on new rows,\nwithout their own noise")
axes.set_title("40 weights: more rows, and worse")
worst_rows = int(many_rows[by_rows.argmax()])
lesson.show(
    figure,
    "Median squared error on new rows, without their own noise, of a model with 40 weights, against the number of rows that "
    f"it learned from: {by_rows[1]:.2f} at 20 rows, a peak of {by_rows.max():.2f} at {worst_rows}, and {by_rows[-1]:.2f} at 400.",
)
lesson.say(f"""
    With 20 rows the error is {by_rows[1]:.2f}, with {worst_rows} it is {by_rows.max():.2f}:
    {"twice" if worst_rows == 40 else f"{worst_rows / 20:.1f} times"} the data, and {by_rows.max() / by_rows[1]:.1f} times the
    error. The threshold is the same one, met from the other side: as many rows as weights. (Nakkiran 2019.) Far beyond it
    more rows help as they should. So more rows help, as the learner says, except where the model is just large enough to
    memorise what it is given. There a penalty may help, as an L2 of 0.1 did for the networks above.
""")
assert 30 <= worst_rows <= 50
assert by_rows[-1] < by_rows[1] < by_rows.max()

# %% [markdown]
# ## What would change our mind
#
# That the peak sits at the threshold: a study in which the training error reaches zero at one width and the test error
# peaks at quite another, with intervals apart. That it takes noise: a peak as high with targets that follow from the
# inputs and a model that can represent them. That the small network is the better one *here*: more rows, or inputs that
# predict more; we have shown it for 66 people and ten measurements, and claim it for nothing else. That curves cannot tell:
# somebody who, from the curves alone of single networks that know their rows by heart, says better than chance which would
# help more, to go narrower or wider. (étude’s own diagnosis is measured on what ails a network. It is given the recipe as
# well as the curves, because that helps: `docs/evidence/diagnosis.md`.)

# %%
lesson.full("50 replicates of each width instead of 10, and 1,000 draws of the linear model instead of 60")

# %% [markdown]
# ## Where to read on
#
# - Belkin, Hsu, Ma and Mandal (2019), “Reconciling modern machine-learning practice and the classical bias–variance
#   trade-off”, *PNAS* 116, [arXiv:1812.11118](https://arxiv.org/abs/1812.11118): the paper that named it.
# - Nakkiran, Kaplun, Bansal, Yang, Barak and Sutskever (2020), “Deep double descent”,
#   [arXiv:1912.02292](https://arxiv.org/abs/1912.02292): in modern networks, over width, epochs and rows, with label noise.
# - Neal et al. (2018), “A modern take on the bias–variance tradeoff in neural networks”,
#   [arXiv:1810.08591](https://arxiv.org/abs/1810.08591), and Yang, Yu, You, Steinhardt and Ma (2020), “Rethinking
#   bias–variance trade-off for generalization of neural networks”, [arXiv:2002.11328](https://arxiv.org/abs/2002.11328).
# - Nakkiran (2019), “More data can hurt for linear regression”, [arXiv:1912.07242](https://arxiv.org/abs/1912.07242), and
#   Nakkiran, Venkat, Kakade and Ma (2021), “Optimal regularization can mitigate double descent”,
#   [arXiv:2003.01897](https://arxiv.org/abs/2003.01897).
# - Hastie, Montanari, Rosset and Tibshirani (2022), “Surprises in high-dimensional ridgeless least squares
#   interpolation”, *Annals of Statistics* 50, [arXiv:1903.08560](https://arxiv.org/abs/1903.08560).
# - Breiman and Freedman (1983), “How many variables should be entered in a regression equation?”, *JASA* 78. Loog et al.
#   (2020), “A brief prehistory of double descent”, *PNAS* 117, [arXiv:2004.04328](https://arxiv.org/abs/2004.04328): it
#   had been seen since 1989.
