# %% [markdown]
# # 4 · One seed is no evidence
#
# **Two recipes, two trainings, two scores: when may you say that one recipe is better?**
#
# The three notebooks of this journey trained each network once, and compared what came out. “MSE showed a 71 %
# improvement over BCE”, says one; “More data beats architecture”, says another. Experiments teach more than theory:
# that is the spirit of it all, and a good one. But an experiment that is done once does not teach what it seems to.
# In this lesson we repeat one training hundreds of times, and look at what a single one could have told us.
#
# You need lesson 1 (what a network’s accuracy on test data is). Mean and standard deviation are all the statistics
# that we start from.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

import etude
from etude.faces.lesson import Lesson
from etude.numerics.power import paired_power, replicates_needed, runs_needed
from etude.numerics.stopping import e_process, look_alphas
from etude.studies.journey import VARY

lesson = Lesson(4)
SEED = 0  # change it: nearly every number will change, and no sentence should become false
rng = np.random.default_rng(SEED)  # for the simulations below

# %% [markdown]
# ## Your prediction
#
# Write down three answers.
#
# 1. The same recipe is trained 200 times or more; nothing differs but the seed. How far apart are the best and the
#    worst test accuracy? **Less than 2 points**, **about 5 points**, or **more than 10 points**? (A *point* is one per
#    cent of the test rows.)
# 2. A second recipe is truly better, by about one point on average. Two learners train one network each, one with
#    either recipe. How often does the *worse* recipe win? **1 time in 20**, **1 in 10**, or **more than 1 in 4**?
# 3. Somebody compares a recipe with itself, so there is nothing to find. After each new seed, from the 5th to the 40th,
#    they compute the 95 % interval of the mean difference, and stop as soon as zero lies outside. How often does that
#    happen? **In 5 %**, **in about 10 %**, or **in more than 20 %** of such studies?

# %% [markdown]
# ## The study: one recipe against another, many times
#
# A small network learns the noisy pattern of lesson 1. Every *replicate* is a whole training with its own rows, its own
# split, its own starting weights, all derived from its number. The recipe’s control has a learning rate of 0.01; the
# treated one has 0.015, and that is all that differs. Replicate 7 of both sees the same rows and starts from the same
# weights: they are a **pair**.

# %%
recipe = etude.Recipe(
    data=etude.task("sincos", rows=1000, features=2, flip=0.05),
    model=etude.mlp(hidden=(8,)),
    loss="bce",
    optimizer=etude.adam(learning_rate=0.01),
    epochs=300,
    score_every=300,
    seed=SEED,
)
replicates = lesson.of(small=200, full=2000)
study = etude.Study(recipe, vary={"learning_rate": [0.01, 0.015]}, replicates=replicates, metric="accuracy")
result = study.run(out=lesson.store, quiet=True)

slow, fast = (100 * np.array([run.score("accuracy", "test") for run in runs]) for runs in result.runs.values())
difference = fast - slow

# %% [markdown]
# ## Noise: the same recipe, again and again
#
# First the control alone. The code is the same, the recipe is the same; only chance differs.

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
axes.hist(slow, bins=25, color=lesson.colours["sky"], edgecolor="white")
axes.axvline(slow.mean(), color=lesson.colours["black"], linewidth=2)
axes.annotate(f" mean {slow.mean():.1f} %", (slow.mean(), 0.98), xycoords=("data", "axes fraction"), va="top")
axes.margins(y=0.15)
axes.set(xlabel="test accuracy (%)", ylabel="trainings", title=f"One recipe, trained {replicates:,} times")
lesson.show(
    figure,
    f"Histogram of {replicates:,} test accuracies of one recipe, from {slow.min():.1f} to {slow.max():.1f} per cent, with a "
    f"mean of {slow.mean():.1f} and a standard deviation of {slow.std(ddof=1):.1f} points.",
)

# %%
lesson.figure("range of one recipe", float(np.ptp(slow)), "Best and worst lie **{:.1f} points** apart.")
lesson.say(f"""
    (Your first prediction: {"more than 10 points" if np.ptp(slow) > 10 else f"{np.ptp(slow):.0f} points"}.) A notebook
    that reports one accuracy has reported one draw from such a heap. The middle half of these trainings lie between
    {np.percentile(slow, 25):.1f} and {np.percentile(slow, 75):.1f} %. The standard deviation, {slow.std(ddof=1):.1f}
    points, is called the *noise between seeds*: how far a single training usually lies from the recipe’s mean.
""")
assert np.ptp(slow) > 8

# %% [markdown]
# None of this is a mistake. Another seed means other rows to learn from, other labels that happen to be flipped, other
# starting weights. All of these are part of the question *how good is this recipe?*, because next time they will
# be others again. (The test set is not to blame here: each has 5,000 rows, and is scored against the rule itself, with
# the 5 % of flips reckoned in. On a small test set its own noise comes on top.)
#
# ## One pair, and many
#
# Now compare. Each mark below is one replicate: treated minus control. It is all that a learner with that seed would
# have seen. The grey band is the *interval* of the mean over all pairs: where the true mean difference may lie. How it
# is made comes next.


# %%
def in_points(effect):
    """An effect on accuracy, in points instead of shares."""
    margin = effect.smallest_effect and 100 * effect.smallest_effect
    mean, low, high = (100 * value for value in (effect.mean, effect.low, effect.high))
    return replace(effect, mean=mean, low=low, high=high, unit="points", smallest_effect=margin)


order = np.sort(difference)
misled = float((difference < 0).mean())
effect = in_points(result.effect("learning_rate", metric="accuracy"))

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
place = np.arange(replicates)
for side, colour, marker in ((order < 0, "orange", "v"), (order >= 0, "blue", "^")):
    axes.plot(place[side], order[side], marker, color=lesson.colours[colour], markersize=4)
axes.axhline(0, color=lesson.colours["black"], linewidth=1)
axes.axhspan(effect.low, effect.high, color=lesson.colours["grey"], alpha=0.35)
axes.annotate("interval of the mean", (0, effect.high), xytext=(0, 4), textcoords="offset points", fontsize=9)
axes.set(xlabel="replicates, sorted", ylabel="0.015 minus 0.01 (points)", title="What each seed would have told")
axes.set_xticks([])
lesson.show(
    figure,
    f"The {replicates:,} paired differences in ascending order, from {order[0]:.1f} to {order[-1]:.1f} points; "
    f"{100 * misled:.0f} % lie below zero. A narrow band around {effect.mean:.1f} shows the interval of their mean.",
)

# %%
shuffled = rng.permutation(replicates)
misled_unpaired = float(np.mean([(fast < np.roll(slow[shuffled], k)).mean() for k in range(replicates)]))
lesson.say(f"""
    With both recipes on one seed, {100 * misled:.0f} % of learners would have seen the *worse* recipe win. With a
    different seed for each, as two notebooks run on two days have, it is {100 * misled_unpaired:.0f} %; a coin would
    mislead 50 %. (Your second prediction:
    {"more than 1 in 4" if misled_unpaired > 0.25 else f"about 1 in {1 / misled_unpaired:.0f}"}.) And yet the effect is
    real. All pairs together say: {lesson.tell(effect)}.
""")
assert effect.low > 0
assert misled_unpaired > 0.2

# %% [markdown]
# ## The interval, by hand
#
# How can a mean be so sure when each single number is so unsure? Because errors in both directions cancel. The mean of
# $n$ numbers scatters $\sqrt{n}$ times less than one of them. In words: *the mean, give or take about two standard
# deviations divided by the root of their number.* In symbols, for $n$ differences with mean $m$ and standard
# deviation $s$:
#
# $$m \pm t \cdot \frac{s}{\sqrt{n}}$$
#
# where $t$ is $2.26$ for ten pairs and nears $1.96$ for many. It comes from Student’s distribution: the brewer William
# Gosset, who had to judge barley by a handful of samples and had to sign as “Student”, published it in 1908. In code,
# for the first ten pairs:

# %%
ten = difference[:10]
reach = stats.t.ppf(0.975, df=9) * ten.std(ddof=1) / np.sqrt(10)
many = rng.choice(difference, size=(4000, 10))
reaches = stats.t.ppf(0.975, df=9) * many.std(axis=1, ddof=1) / np.sqrt(10)
covered = float((np.abs(many.mean(axis=1) - difference.mean()) <= reaches).mean())
all_reach = stats.t.ppf(0.975, df=replicates - 1) * difference.std(ddof=1) / np.sqrt(replicates)
holds = "contains" if ten.mean() - reach <= 0 <= ten.mean() + reach else "does not contain"
longer = "have longer tails" if stats.kurtosis(difference) > 0.5 else "are not exactly so"
kept = (
    "still nearly keeps its promise" if abs(covered - 0.95) < 0.01 else f"keeps {100 * covered:.0f} % instead of 95 %"
)


def lopsided(effect):
    """Why an interval of étude's may reach further on one side than on the other."""
    if effect.method != "bootstrap-t":
        return "It is made by the same formula."
    return (
        "It need not be symmetric: the differences are skewed, and from 20 pairs on étude then learns its own t for "
        "either side from resamples. It reaches further on the side of the long tail (`docs/statistics.md`)."
    )


lesson.say(f"""
    Ten pairs give {ten.mean():.2f} ± {reach:.2f}, an interval from {ten.mean() - reach:.2f} to
    {ten.mean() + reach:.2f} points, which {holds} zero. What does the 95 % promise? Not that *this* interval is right
    with 95 %, but that the *procedure* is: of 4,000 studies of ten pairs each, drawn from all our pairs,
    {100 * covered:.0f} % had an interval that held the true mean. The formula is exact for normal differences. These
    {longer} (skewness {stats.skew(difference):.1f}; of normal ones it is 0), and with ten pairs it {kept}.

    All {replicates:,} pairs give {difference.mean() - all_reach:.2f} to {difference.mean() + all_reach:.2f} by this
    formula; étude’s interval above is {effect.low:.2f} to {effect.high:.2f}. {lopsided(effect)}
""")
assert 0.88 < covered < 0.98

# %% [markdown]
# ## Power: how many seeds to find it?
#
# The **power** of a study is the probability that it finds an effect that is there: that its interval does not contain
# zero. We measure it by resampling, treating our pairs as the whole world: draw $n$ of them, ask whether the interval
# contains zero, do it 2,000 times. Once with pairs, and once with independent seeds for the two recipes.


# %%
def found(a, b, n, *, paired):
    """The share of 2,000 studies of n replicates whose 95 % interval of b minus a excludes zero."""
    rows = rng.integers(a.size, size=(2000, n))
    if paired:
        p = stats.ttest_1samp((b - a)[rows], 0, axis=1).pvalue
    else:
        p = stats.ttest_ind(b[rows], a[rng.integers(a.size, size=(2000, n))], axis=1, equal_var=False).pvalue
    return float((p < 0.05).mean())


sizes = [5, 10, 20, 40, 80, 160, 320]
power = {paired: [found(slow, fast, n, paired=paired) for n in sizes] for paired in (True, False)}
spread = difference.std(ddof=1)
need_pairs = replicates_needed(standard_deviation=spread, smallest_effect=abs(difference.mean()))
need_runs = runs_needed(
    standard_deviations=(slow.std(ddof=1), fast.std(ddof=1)), smallest_effect=abs(difference.mean())
)

# %% jupyter={"source_hidden": true}
formula = [paired_power(n, standard_deviation=spread, difference=difference.mean()) for n in sizes]
figure, axes = plt.subplots()
axes.semilogx(sizes, power[True], "o-", color=lesson.colours["blue"], label="in pairs")
axes.semilogx(sizes, power[False], "s--", color=lesson.colours["orange"], label="without pairs")
axes.semilogx(sizes, formula, ":", color=lesson.colours["black"], label="formula, in pairs")
axes.axhline(0.8, color=lesson.colours["grey"], linewidth=1)
axes.annotate(
    "80 %", (1, 0.8), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points", va="center"
)
axes.set_xticks(sizes, [str(n) for n in sizes])
axes.minorticks_off()
axes.set(xlabel="trainings of each recipe", ylabel="share of studies that find it", ylim=(0, 1.03))
axes.set_title(f"Finding a true difference of {difference.mean():.1f} points")
axes.legend(loc="lower right")
lesson.show(
    figure,
    f"Power against the number of trainings of each recipe. With ten pairs {100 * power[True][1]:.0f} % of studies find "
    f"the difference, with ten unpaired trainings of each {100 * power[False][1]:.0f} %; both curves rise towards "
    "100 %, the paired one much earlier.",
)

# %%
lesson.say(f"""
    To find this difference in 80 % of studies takes **{need_pairs} pairs**, or **{need_runs} trainings of each** without
    pairs. Pairing is free: use the same seeds on both sides. Whatever makes a draw of rows easy or hard for both
    recipes then cancels.
""")
assert need_runs > need_pairs
assert power[True][-1] > power[True][0]

# %% [markdown]
# The formula behind the dotted line, for planning on the back of an envelope: to find a true difference $\delta$ in
# 80 % of studies,
#
# $$n \;\approx\; 7.85 \cdot \left(\frac{s}{\delta}\right)^2$$
#
# pairs, where $7.85 = (1.96 + 0.84)^2$; a few more where $n$ is small (Cohen 1988, *Statistical Power Analysis*). In
# words: **half the effect takes four times the seeds.** Ask it *before* you train. A study that is too small does not
# say “there is no difference”; it says nothing. étude calls that *undecided* and says how many replicates would decide.
#
# ## Peeking: looking until it shines
#
# Now to a subtler trap, because careful people fall into it. You train a pair, look, train another, look again, and
# stop when $p < 0.05$. (The *p value* is the probability of a mean at least this far from zero if there were no effect.
# That it is below 0.05 and that the 95 % interval excludes zero are the same statement; many call it *significant*.)
# Every look is another chance to be fooled.
#
# We can watch it happen. We compare our control *with itself*: two different trainings of the same recipe, subtracted.
# There is nothing to find. Below, p as it wanders for 20 such studies, seed after seed:

# %%
studies = lesson.of(small=4000, full=20000)
left, right = rng.integers(slow.size, size=(2, studies, 40))
right = np.where(left == right, (right + 1) % slow.size, right)  # never a training with itself
nothing = slow[left] - slow[right]

n = np.arange(1, 41)
means = nothing.cumsum(axis=1) / n
variances = (((nothing**2).cumsum(axis=1) - n * means**2) / np.maximum(n - 1, 1))[:, 4:]
n, means = n[4:], means[:, 4:]  # the first look is at five pairs
t = means / np.sqrt(variances / n)
p = 2 * stats.t.sf(np.abs(t), df=n - 1)

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
crossed = (p[:20] < 0.05).any(axis=1)
for path, crosses in zip(p[:20], crossed, strict=True):
    colour, width = ("red", 1.7) if crosses else ("sky", 0.9)
    axes.semilogy(n, path, color=lesson.colours[colour], linewidth=width)
    if crosses:
        stop = int(np.argmax(path < 0.05))
        axes.plot(n[stop], path[stop], "o", color=lesson.colours["red"])
axes.axhline(0.05, color=lesson.colours["black"], linewidth=1.2)
axes.annotate(
    "0.05", (1, 0.05), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points", va="center"
)
axes.set_ylim(min(0.02, 0.8 * p[:20].min()), 1.2)
shown = [tick for tick in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001) if tick >= axes.get_ylim()[0]]
axes.set_yticks(shown, [f"{tick:g}" for tick in shown])
axes.minorticks_off()
axes.set(xlabel="pairs so far", ylabel="p value", title="Nothing to find: twenty studies, looked at after every pair")
lesson.show(
    figure,
    f"Twenty wandering lines of p values from 5 to 40 pairs. Of them {int(crossed.sum())} fell below 0.05 at some time, "
    "which a dot marks: there an impatient researcher would have stopped.",
)

# %% [markdown]
# How often, over thousands of studies? And are there honest ways to look early? Two are built into étude.
#
# **Planned looks** share the 5 % between looks fixed beforehand, at 5, 10, 20 and 40 pairs, and are very strict at
# first (O’Brien and Fleming 1979).
#
# An **e-process** may be looked at after every pair, forever; in return it asks for more evidence. Think of a bet. You
# start with a wealth of 1 and bet against *there is no effect*, at fair odds. If there is none, your wealth *ever*
# reaches 20 with a probability of at most 1 in 20. So a wealth of 20 is evidence, whenever you look. With $t$ as above
# (the mean, divided by $s / \sqrt{n}$) and $u = t^2 / (n - 1)$, the wealth after $n$ pairs is
#
# $$E = g^{-1/2} \left( \frac{1 + u}{1 + u / g} \right)^{n/2}, \qquad g = 1 + n$$
#
# (Lai 1976; Wang and Ramdas 2023). In code, in logarithms, so that nothing overflows:

# %%
anywhere = np.arange(5, 41)
at = {look: int(np.flatnonzero(anywhere == look)[0]) for look in (5, 10, 20, 40)}
allowed = look_alphas((5, 10, 20, 40), alpha=0.05)

u, g = t**2 / (n - 1), 1 + n
log_e = -np.log(g) / 2 + n / 2 * (np.log1p(u) - np.log1p(u / g))
assert np.isclose(min(1, np.exp(-log_e[0, -1])), e_process(nothing[0]).p_at(0))  # étude's own, of the first study

alarms = {
    "one look, at 40 pairs": p[:, at[40]] < 0.05,
    "a look after every pair": (p < 0.05).any(axis=1),
    "planned looks at 5, 10, 20, 40": np.any([p[:, at[k]] < a for k, a in zip(at, allowed, strict=True)], axis=0),
    "e-process, after every pair": (log_e >= np.log(1 / 0.05)).any(axis=1),
}
rates = {name: float(found.mean()) for name, found in alarms.items()}

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 2.9))
for row, (name, rate) in enumerate(rates.items()):
    error = 1.96 * np.sqrt(rate * (1 - rate) / studies)
    honest = name != "a look after every pair"
    axes.errorbar(
        100 * rate, row, xerr=100 * error, fmt="o" if honest else "X", markersize=8, capsize=3,
        color=lesson.colours["blue" if honest else "red"],
    )  # fmt: skip
axes.axvline(5, color=lesson.colours["black"], linewidth=1.2)
axes.annotate("5 %, as promised", (5, -0.45), xytext=(4, 0), textcoords="offset points", fontsize=9)
axes.set_yticks(range(len(rates)), list(rates))
axes.set(xlabel="studies that found something where there is nothing (%)", xlim=(0, None), ylim=(3.6, -0.7))
axes.grid(visible=False, axis="y")
lesson.show(
    figure,
    "False alarms by rule: "
    + "; ".join(f"{name}, {100 * rate:.1f} %" for name, rate in rates.items())
    + ". A vertical line marks the promised 5 %.",
)

# %%
peeked = rates["a look after every pair"]
lesson.figure("false alarms by peeking", 100 * peeked, "Peeking after every pair raised false alarms to **{:.0f} %**.")
lesson.say(f"""
    One look, at a number fixed beforehand, keeps its promise: {100 * rates["one look, at 40 pairs"]:.1f} %. Looking after
    every pair and stopping as soon as p is below 0.05 raises false alarms to {peeked / 0.05:.1f} times what was
    promised. (Your third prediction:
    {"in more than 20 %" if peeked > 0.2 else f"in about {100 * peeked:.0f} %"}.) It feels like diligence. Both rules
    that were made for looking stay near 5 % or below.
""")
assert peeked > 0.15
assert 0.03 < rates["one look, at 40 pairs"] < 0.08
assert rates["planned looks at 5, 10, 20, 40"] < 0.08
assert rates["e-process, after every pair"] < 0.06

# %% [markdown]
# With `replicates="until decided"` étude uses the planned looks. Here it is on our question, on fresh seeds:

# %%
fresh = etude.Recipe(**{**recipe.model_dump(), "seed": SEED + 1})
until = etude.Study(
    fresh,
    vary={"learning_rate": [0.01, 0.015]},
    replicates="until decided",
    max_replicates=lesson.of(small=80, full=320),
    metric="accuracy",
)
stopped = in_points(until.run(out=lesson.store, quiet=True).effect("learning_rate", metric="accuracy"))
lesson.say(f"""
    It stopped after {stopped.n_pairs} pairs: {lesson.tell(stopped)}. The interval is as wide as the look demands at which
    it stopped; the early looks are the strictest.
    {"It need not be symmetric, as above." if stopped.method == "bootstrap-t" else ""}
""")

# %% [markdown]
# ## The best of many
#
# The last trap is the friendliest. Try twenty recipes once each, keep the best, report its score. Suppose all twenty
# are equally good: here they are *the same recipe*. What does the best of them score, and what does that same recipe
# score on the next seed?

# %%
combinations = int(np.prod([len(levels) for levels in VARY.values()]))  # that `etude run journey` tries
tries = np.array([1, 2, 5, 10, 20, 50, combinations])
drawn = rng.choice(slow, size=(3000, tries.max()))
best = np.array([drawn[:, :k].max(axis=1).mean() for k in tries])
again = slow.mean()
normal = [again + slow.std(ddof=1) * stats.norm.ppf((k - 0.375) / (k + 0.25)) for k in tries]

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
axes.semilogx(tries, best, "o-", color=lesson.colours["red"], label="the best of them, as reported")
axes.semilogx(tries, normal, ":", color=lesson.colours["black"], label="the same for normal noise (Blom 1958)")
axes.axhline(again, color=lesson.colours["blue"], linestyle="--", label="the winner, trained anew on a fresh seed")
axes.set_xticks(tries, [str(k) for k in tries])
axes.minorticks_off()
axes.set(xlabel="recipes tried, all equally good", ylabel="mean test accuracy (%)", title="The best of many is lucky")
axes.legend(loc="upper left")
axes.set_ylim(top=best.max() + 0.45 * np.ptp(best))
lesson.show(
    figure,
    f"The reported score of the best of k equal recipes rises from {best[0]:.1f} for one to {best[4]:.1f} for 20 and "
    f"{best[-1]:.1f} for {combinations}, while what the winner scores on a fresh seed stays at {again:.1f}.",
)

# %%
lower, tail = ("lower", "shorter") if best[-1] < normal[-1] else ("higher", "longer")
lesson.say(f"""
    The best of twenty looks **{best[4] - again:.1f} points** better than it is; the best of {combinations}, as many as
    `etude run journey` tries, {best[-1] - again:.1f}. Nobody cheated. The maximum of $k$ noisy numbers is the luckiest;
    with normal noise it lies at most $\\sigma \\sqrt{{2 \\ln k}}$ above the mean on average. (The dotted line is that
    maximum for normal noise, nearly exact. Our heap has a {tail} upper tail than a normal one, so the measured curve
    ends {lower}; and no draw can beat the best of the {replicates:,} trainings that we draw from.)

    The cure costs one more training or a few: **measure the winner again, on seeds that did not choose it.** (étude’s
    ranking of many arms lets half of the replicates choose and the other half score.)
""")
assert np.all(np.diff(best) > 0)
assert best[4] - again > slow.std(ddof=1)

# %% [markdown]
# The same happens across *seeds* as across recipes: a paper that reports the best of five runs reports this curve at
# five. Somebody trained one network with ten thousand seeds to see how good a lucky one can be (Picard 2021). It is a
# fine joke with a serious point.
#
# ## What the learner had right, and what was missing
#
# The learner’s notes say, in short, that experiments teach more than theory, failed ones as much as successful ones.
# That is right, and it is why the number of experiments matters. What was missing is a way to tell what an experiment
# has taught. A score is a draw; a comparison of two scores is a draw too. Fix the number of seeds, pair them, say
# beforehand what would count, and report the interval. Then a failed experiment teaches as much as a successful one,
# because *no larger than half a point* is a finding as well.

# %% [markdown]
# ## Exercise
#
# You suspect that a learning rate of `0.0125` is better than 0.01 by *half* as much as 0.015 is. How many pairs would you
# plan, to find that in 80 % of studies, if the differences scattered as they do here? Use `replicates_needed` and check
# the answer by resampling: shift the differences so that their mean is half of what it was, and count. Then: what does a
# study of ten pairs tell you about such an effect?

# %% tags=["solution"] jupyter={"source_hidden": true}
half = difference.mean() / 2
planned = replicates_needed(standard_deviation=spread, smallest_effect=abs(half))
world = difference - difference.mean() + half
picked = world[rng.integers(world.size, size=(2000, planned))]
check = float((stats.ttest_1samp(picked, 0, axis=1).pvalue < 0.05).mean())
small_power = paired_power(10, standard_deviation=spread, difference=half)
lesson.say(f"""
    {planned} pairs instead of {need_pairs}: {planned / need_pairs:.1f} times as many for half the effect. Resampled,
    {100 * check:.0f} % of such studies find it. Ten pairs find it in {100 * small_power:.0f} %. So when ten pairs say
    *undecided*, that was to be expected whether the effect exists or not: they tell next to nothing. (If the differences
    shrank with the rate, they would scatter less as well, and fewer pairs would do. Measure the spread; do not assume
    it.)
""")
assert 3.2 < planned / need_pairs < 4.2
assert 0.7 < check < 0.9

# %% [markdown]
# ## What would change our mind
#
# About one seed: a task whose noise between seeds is far smaller than the differences that one cares about. There are
# such tasks: 60,000 training images and differences of ten points need few statistics. Measure the noise of the control
# once (five trainings will do), and you know on which side you are. About pairs: a comparison in which both arms’
# scores are uncorrelated; there pairing gains nothing, though it hardly ever costs anything. About Student’s interval:
# differences of which a few lie far off, because some trainings get stuck. Then the mean itself is a poor summary,
# étude warns of it, and the share of failures deserves a line of its own.

# %%
lesson.full("2,000 replicates of both recipes instead of 200, and 20,000 simulated studies instead of 4,000")

# %% [markdown]
# ## Where to read on
#
# - Student (1908), “The probable error of a mean”, [*Biometrika* 6](https://doi.org/10.1093/biomet/6.1.1).
# - Armitage, McPherson and Rowe (1969), “Repeated significance tests on accumulating data”, *JRSS A* 132: peeking, with
#   numbers, before there were computers to speak of. O’Brien and Fleming (1979), *Biometrics* 35: planned looks.
# - Lai (1976), “On confidence sequences”, *Annals of Statistics* 4. Wang and Ramdas (2023), “Anytime-valid t-tests and
#   confidence sequences for Gaussian means with unknown variance”, [arXiv:2310.03722](https://arxiv.org/abs/2310.03722):
#   the bet.
# - Blom (1958), *Statistical Estimates and Transformed Beta-Variables*: the dotted line, the largest of $k$ normal
#   numbers.
# - Henderson et al. (2018), “Deep reinforcement learning that matters”,
#   [arXiv:1709.06560](https://arxiv.org/abs/1709.06560): published differences within the noise of seeds.
# - Bouthillier et al. (2021), “Accounting for variance in machine learning benchmarks”,
#   [arXiv:2103.03098](https://arxiv.org/abs/2103.03098): where the noise comes from, data split first.
# - Picard (2021), “torch.manual_seed(3407) is all you need”, [arXiv:2109.08203](https://arxiv.org/abs/2109.08203).
# - In étude: `docs/statistics.md`, in the same order as a report, with every error rate measured.
