# %% [markdown]
# # 6 · Dropout or L2: is regularisation medicine?
#
# **“Regularisation is medicine”: does it help where there is overfitting, and hurt where there is none?**
#
# In the third notebook an L2 penalty of 0.01 was put on a network that did not overfit, and made it worse. The learner
# drew a conclusion worth testing: “Regularisation is medicine”, to be given only where overfitting is present. So
# diagnose first, then treat. The notebook ended with a plan: weaker L2 (0.0001, 0.00001), dropout with p = 0.1, and a
# network made to overfit on purpose, to see regularisation cure it. Here we carry out that plan, on paired replicates,
# and put the sentence on trial.
#
# You need lesson 1 (training and validation curves), lesson 3 (what L2 is) and lesson 4 (intervals, verdicts, and why
# the best of several doses must be measured anew).

# %%
import matplotlib.pyplot as plt
import numpy as np

import etude
from etude.faces.lesson import Lesson
from etude.values.claim import Claim, Contrast

lesson = Lesson(6)
SEED = 0  # change it: nearly every number will change, and no sentence should become false
replicates = lesson.of(small=12, full=64)

# %% [markdown]
# ## Your prediction
#
# Two patients: the same network, once ill (it overfits) and once healthy. Write down three answers.
#
# 1. The healthy one gets a small dose: L2 of 0.0001, or dropout of 0.1. Does it **get better**, **get worse**, or does
#    **nothing happen that matters**? Answer for each.
# 2. The ill one gets the dose that suits it best. What improves: **how often it is right**, **how sure it is when it is
#    wrong**, or **both**?
# 3. What does more for the ill one: the **best dose of L2**, the **best dose of dropout**, or **more rows** to learn
#    from?

# %% [markdown]
# ## Making a patient ill
#
# Overfitting means learning what is peculiar to the training rows, on top of what they share with all others. To bring
# it about, take a network with room to spare (64 hidden units), few rows, and labels of which one in ten is flipped, so
# that there is something to memorise that cannot be of use. The pattern is a ring: class 1 lies between two circles.
# The healthy patient has the same network and the same everything, but 1,000 rows instead of 150. Only one thing
# differs, so we know what makes the difference.

# %%
healthy = etude.Recipe(
    data=etude.task("rings", rows=1000, features=2, flip=0.1, test_rows=2000),
    model=etude.mlp(hidden=(64,)),
    loss="bce",
    optimizer=etude.adam(learning_rate=0.01),
    epochs=400,
    score_every=20,
    seed=SEED,
)
few_rows = etude.task("rings", rows=150, features=2, flip=0.1, test_rows=2000)
ill = etude.Recipe(**{**healthy.model_dump(), "data": few_rows})
patients = {"ill": ill, "healthy": healthy}


def treat(patient, **medicine):
    """One medicine in several doses, the first of them none."""
    return etude.Study(patients[patient], vary=medicine, replicates=replicates).run(out=lesson.store, quiet=True)


l2_doses = [0.0, 0.00001, 0.0001, 0.001, 0.01]
dropout_doses = [0.0, 0.1, 0.3, 0.5]
by_l2 = {patient: treat(patient, coupled_weight_decay=l2_doses) for patient in patients}
by_dropout = {patient: treat(patient, dropout=dropout_doses) for patient in patients}

untreated = {patient: next(iter(by_l2[patient].runs.values())) for patient in patients}


# %% jupyter={"source_hidden": true}
def draw_patient(patient):
    """Training and validation curves of the untreated patient, over all replicates."""
    runs = untreated[patient]
    figure, axes = plt.subplots(figsize=(7, 3.4))
    lesson.draw_curves(axes, runs, "train/log_loss", label="training", colour="blue")
    lesson.draw_curves(axes, runs, "validation/log_loss", label="validation", colour="orange", style="--")
    axes.set(xlabel="optimiser step", ylabel="log loss (nats)", title=f"The {patient} patient, untreated")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    lesson.draw_limits(axes, next(iter(by_l2[patient].found.limits.values()))["log_loss"])
    ends = [np.median([run.score("log_loss", split) for run in runs]) for split in ("train", "validation")]
    lesson.show(
        figure,
        f"Loss curves of the {patient} patient over {len(runs)} replicates, median and middle 80 %. At the end the "
        f"training loss is {ends[0]:.2f} and the validation loss {ends[1]:.2f} nats.",
    )


draw_patient("ill")
draw_patient("healthy")


# %%
def rise(patient):
    """How far the validation loss, its median over replicates, ends above its lowest point; nats."""
    middle = np.median([run.curve("validation/log_loss").values for run in untreated[patient]], axis=0)
    return float(middle[-1] - middle.min())


healthy_rise = f"rises too, by {rise('healthy'):.2f} nats" if rise("healthy") >= 0.005 else "hardly rises"
lesson.say(f"""
    Healthy is a matter of degree. The ill patient’s validation loss ends {rise("ill"):.2f} nats above its lowest point.
    The healthy one’s {healthy_rise}{": a cold, next to a pneumonia" if rise("healthy") >= 0.005 else ""}.
""")
assert rise("ill") > 2 * rise("healthy")

# %% [markdown]
# (The validation band of the ill patient is so wide partly because a fifth of 150 rows is all that validates it. In practice
# this is what you have.)
#
# Diagnose first. étude’s diagnosis looks at the curves and the recipe only, not at the test set, and says with what
# probability a trial would confirm it:

# %%
for patient in patients:
    found = by_l2[patient].diagnoses[0]
    sure = "" if found.verdict == "cannot tell" else f", with a probability of {found.probability:.2f}"
    lesson.say(f"The {patient} patient: **{found.verdict}**{sure}, from its first {found.runs} replicates.")

# %% [markdown]
# ## The two medicines
#
# **L2** is lesson 3’s: $\lambda w$ is added to the gradient of each weight $w$, and that pulls it towards 0, the harder
# the larger it is. (In Adam the sum then goes through the scaling of lesson 5; AdamW pulls the weight directly.
# Loshchilov and Hutter 2019.)
#
# **Dropout.** In words: *in each training step every hidden unit is silenced with probability p, so that no unit can
# rely on another one; the rest speak louder to make up for it.* (This p has no relation to the p that a network
# predicts.) When the network is used, all speak:
#
# $$\tilde h_j = \frac{m_j}{1 - p}\, h_j, \qquad m_j = 0 \text{ with probability } p, \text{ else } 1 .$$
#
# In code, `h = h * (rng.random(h.shape) >= p) / (1 - p)`. (Srivastava et al. 2014.)
#
# Both take freedom away from the network. That helps where the freedom was used to memorise, and harms where it was
# needed to learn.
#
# ## Then treat: doses and what they do
#
# Each patient gets each dose, on the same replicates as without it. The pictures show the change of the test log loss, treated
# minus untreated. Below zero is better; the grey band is what is too small to matter, 0.01 nats on either side.
#
# The doses of one medicine on one patient are several questions at once. With a 95 % interval for each, one question in
# twenty would be answered *better* or *worse* even if no dose did anything; ask many, and one of them soon is. So
# questions that are asked together **share one error rate of 5 %**. By Holm’s rule (1979) the clearest of $m$ answers
# must pass at 5 % divided by $m$, the next at 5 % divided by $m - 1$, and so on; where one fails, the rest fail with it.
# That is why some intervals below are drawn wider than 95 %.


# %%
def in_log_loss(result):
    """What each dose did to the test log loss, in the order of the doses."""
    return [effect for effect in result.effects if effect.metric == "log_loss"]


margin = in_log_loss(by_l2["ill"])[0].smallest_effect
written = np.format_float_positional  # 0.00001, not 1e-05


# %% jupyter={"source_hidden": true}
def draw_doses(results, doses, title, unit):
    """The effect of each dose on either patient, with its interval, and the band of what is too small to matter."""
    figure, axes = plt.subplots(figsize=(7, 3.4))
    axes.axhspan(-margin, margin, color="#E4E4E4", zorder=0, label="too small to matter")
    for k, (patient, look) in enumerate({"ill": ("red", "s"), "healthy": ("blue", "o")}.items()):
        effects = in_log_loss(results[patient])
        mean = np.array([effect.mean for effect in effects])
        error = [mean - [e.low for e in effects], [e.high for e in effects] - mean]
        place = np.arange(len(mean)) + 0.04 * (2 * k - 1)
        axes.errorbar(
            place, mean, yerr=error, fmt=look[1], color=lesson.colours[look[0]], capsize=4, markersize=7,
            label=f"{patient} patient",
        )  # fmt: skip
    axes.axhline(0, color=lesson.colours["black"], linewidth=1)
    axes.set_xticks(range(len(doses) - 1), [written(dose) for dose in doses[1:]])
    axes.set(xlabel=unit, ylabel="change of test log loss (nats)", title=title)
    axes.set_xlim(-0.5, len(doses) - 1.5)
    axes.grid(visible=False, axis="x")
    figure.legend(loc="outside lower center", ncols=3)
    told = "; ".join(
        f"{patient}: "
        + ", ".join(f"{e.mean:+.3f} at {written(d)}" for e, d in zip(in_log_loss(r), doses[1:], strict=True))
        for patient, r in results.items()
    )
    lesson.show(figure, f"{title}. Mean change of the test log loss in nats, {told}.")


draw_doses(by_l2, l2_doses, "L2: what each dose does", "L2 penalty λ")
draw_doses(by_dropout, dropout_doses, "Dropout: what each dose does", "dropout probability p")

# %%
rows = []
for name, results, doses in (("L2", by_l2, l2_doses), ("dropout", by_dropout, dropout_doses)):
    for k, dose in enumerate(doses[1:]):
        verdicts = [in_log_loss(results[patient])[k].verdict for patient in patients]
        rows.append((f"{name} {written(dose)}", *verdicts))
lesson.table(rows, ["dose", "ill patient", "healthy patient"])

helped = [name for name, on_ill, _ in rows if on_ill == "better"]
harmless = [name for name, _, on_healthy in rows if on_healthy == "equivalent"]
harmed = [name for name, _, on_healthy in rows if on_healthy == "worse"]
useful = [name for name, _, on_healthy in rows if on_healthy == "better"]
lesson.say(f"""
    The ill patient is better off with {len(helped)} of {len(rows)} doses ({", ".join(helped) or "none"}). The healthy one is
    harmed by {len(harmed)} ({", ".join(harmed) or "none"}), and helped by
    {f"{len(useful)} ({', '.join(useful)})" if useful else "none"}.
    {f"Shown to make no difference that matters, less than {margin:g} nats: {', '.join(harmless)}." if harmless else ""}
""")
words = {
    "better": "it gets better", "worse": "it gets worse", "equivalent": "nothing happens that matters",
    "undecided": "these replicates do not tell",
}  # fmt: skip
small = in_log_loss(by_l2["healthy"])[l2_doses[1:].index(0.0001)], in_log_loss(by_dropout["healthy"])[0]
lesson.say(f"""
    (Your first prediction, the healthy patient on a small dose. L2 of 0.0001: **{words[small[0].verdict]}**. Dropout of
    0.1: **{words[small[1].verdict]}**.)
""")
assert in_log_loss(by_l2["healthy"])[-1].mean > 0
assert min(effect.mean for effect in in_log_loss(by_l2["ill"])) < 0

# %% [markdown]
# ## The trial
#
# We now choose for the ill patient the dose of either medicine with the lowest mean test loss. It was chosen for its
# luck as well (lesson 4), so all that is claimed of it is tried **on a fresh seed**: new rows, new networks. The claims
# are written down before the trial, and are judged together: they too share one error rate of 5 %.


# %%
def best_dose(result, doses):
    """The dose, none left out, with the lowest mean test log loss."""
    means = [np.mean([run.score("log_loss", "test") for run in runs]) for runs in result.runs.values()]
    return doses[1 + int(np.argmin(means[1:]))]


l2, p = best_dose(by_l2["ill"], l2_doses), best_dose(by_dropout["ill"], dropout_doses)
with_l2, with_dropout = {"optimizer.coupled_weight_decay": l2}, {"model.dropout": p}
arms = {"ill": {}, "ill + L2": with_l2, "ill + dropout": with_dropout, "ill + both": {**with_l2, **with_dropout}}
arms |= {name.replace("ill", "healthy"): {"data.rows": 1000, **change} for name, change in arms.items()}
lesson.say(f"Doses that suited the ill patient best: L2 of {written(l2)}, and dropout of {p:g}.")


def compared(treated, control, expect="better", metric="log_loss"):
    """Two arms by name, compared as they are."""
    says = f"{treated} against {control}"
    return Contrast(treated=treated, control=control, expect=expect, metric=metric, as_a_whole=True, says=says)


claims = (
    Claim(text="Where there is overfitting, it helps.",
          stated=(compared("ill + L2", "ill"), compared("ill + dropout", "ill"))),
    Claim(text="Where there is none, it hurts.",
          stated=(compared("healthy + L2", "healthy", "worse"), compared("healthy + dropout", "healthy", "worse"))),
    Claim(text="Dropout is better than L2.", stated=(compared("ill + dropout", "ill + L2"),)),
    Claim(text="Both together are better than L2 alone.", stated=(compared("ill + both", "ill + L2"),)),
    Claim(text="850 more rows do more than either medicine.",
          stated=(compared("healthy", "ill + L2"), compared("healthy", "ill + dropout"))),
    Claim(text="Treated, it is right more often.",
          stated=(compared("ill + L2", "ill", metric="accuracy"), compared("ill + dropout", "ill", metric="accuracy"))),
    Claim(text="Treated, it is better calibrated: 80 % means 80 %.",
          stated=(compared("ill + L2", "ill", metric="calibration"),
                  compared("ill + dropout", "ill", metric="calibration"))),
)  # fmt: skip
trial = etude.Study(
    etude.Recipe(**{**ill.model_dump(), "seed": SEED + 1}), arms=arms, claims=claims, replicates=replicates
).run(out=lesson.store, quiet=True)

# %%
for judged in trial.claims:
    told = "; ".join(f"{e.says}: {lesson.tell(e)}" for e in judged.stated)
    lesson.say(f"*{judged.claim.text}* **{judged.verdict.capitalize()}.** {told}.")


# %% jupyter={"source_hidden": true}
def draw_trial(numbers, title):
    """The effects behind some of the claims, each dot a pair."""
    effects = [e for k in numbers for e in trial.claims[k].stated]
    figure, axes = plt.subplots(figsize=(7, 3.6))
    lesson.draw_effects(axes, effects, [e.says for e in effects])
    axes.set_title(title)
    told = "; ".join(f"{e.says} {e.mean:+.3f} nats, {e.verdict}" for e in effects)
    lesson.show(figure, f"{title}. Paired differences in test log loss with their intervals: {told}.")


draw_trial((0, 1), "A medicine against none, on fresh seeds: each dot is a pair")
draw_trial((2, 3, 4), "One treatment against another, on fresh seeds")

# %%
verdict = {judged.claim.text: judged.verdict for judged in trial.claims}
present, absent = (verdict[text] for text in list(verdict)[:2])
mild, other = (effect.verdict for effect in trial.claims[1].stated)
if present == absent == "supported":
    told = "So **the learner’s sentence stands**, at the doses that suit the ill patient"
elif present == "supported":
    told = "So **the first half of the sentence stands**: where there is overfitting, it helped"
else:
    told = f"This trial does not confirm the first half of the sentence: that it helps is {present}"
lesson.say(f"""
    {told}. For the second half the healthy patient was given the same doses. L2 of {written(l2)}: *{mild}*. Dropout of {p:g}:
    *{other}*.

    The curves of doses add what the sentence leaves out. It is *the dose* that makes the poison. At the right end of the
    L2 picture stands 0.01, the dose of the third notebook: with it the healthy patient loses
    {in_log_loss(by_l2["healthy"])[-1].mean:.2f} nats. To ask for weaker doses, as the learner’s plan did, was right.
""")
between = trial.claims[2].stated[0]
which = {
    "better": "at their best doses dropout is the better one here",
    "worse": "at their best doses L2 is the better one here",
    "equivalent": "at their best doses they are equivalent here",
    "undecided": "at their best doses these replicates do not tell them apart",
}[between.verdict]
lesson.say(f"And dropout or L2? For the ill patient, {which} (dropout minus L2: {lesson.tell(between)}).")
lesson.figure(
    "L2 on the ill patient, fresh seeds",
    trial.claims[0].stated[0].mean,
    "On fresh seeds the chosen L2 dose changed the ill patient's test log loss by {:+.3f} nats.",
)
lesson.figure(
    "dropout on the ill patient, fresh seeds",
    trial.claims[0].stated[1].mean,
    "The chosen dropout changed it by {:+.3f} nats.",
)

# %% [markdown]
# ## What was cured?
#
# So far *better* meant a lower log loss, which asks how much probability was given to what is right. Let us look at the
# ill patient in all four scores. The *calibration error* tells whether 80 % means 80 %: it is the mean squared distance
# between what was said and how often it came true.

# %%
scores = {
    "log_loss": "log loss (nats)",
    "brier": "Brier score",
    "accuracy": "accuracy",
    "calibration": "calibration error",
}
names = ["ill", "ill + L2", "ill + dropout", "healthy"]
mean = {
    metric: [float(np.mean([run.score(metric, "test") for run in trial.runs[name]])) for name in names]
    for metric in scores
}
lesson.table([(label, *mean[metric]) for metric, label in scores.items()], ["mean test score", *names])

# %%
more_rows, by_accuracy, by_calibration = trial.claims[4:]
sure, right = by_calibration.stated[0], by_accuracy.stated[0]
if sure.verdict == "better":
    cured = "That is what was cured: **overconfidence**"
else:
    cured = f"Whether **overconfidence** was cured is {sure.verdict} with these replicates"
lesson.say(f"""
    The calibration error goes from {mean["calibration"][0]:.3f} to {mean["calibration"][1]:.3f} with L2 (interval of the
    change {sure.low:+.4f} to {sure.high:+.4f}), and to {mean["calibration"][2]:.3f} with dropout. {cured}. A network that
    has memorised its rows is sure everywhere, also where it is wrong, and log loss charges a high price for that. Drawn
    back towards the middle it pays less.

    That the border between the classes moved too, so that the patient is right more often, is *{by_accuracy.verdict}*
    (accuracy, L2: {100 * right.low:+.1f} to {100 * right.high:+.1f} points). The border is learned from rows: with 1,000
    of them the same network, untreated, is right in {100 * mean["accuracy"][3]:.0f} % instead of
    {100 * mean["accuracy"][0]:.0f} %. No medicine replaces food.
""")
answer = {"supported": "yes", "refuted": "no"}
lesson.say(f"""
    (Your other two predictions. The treated patient is more often right: {answer.get(by_accuracy.verdict, "undecided")};
    better calibrated, so less sure when it is wrong: {answer.get(by_calibration.verdict, "undecided")}. More rows do more than either medicine:
    {answer.get(more_rows.verdict, "undecided")}.)
""")
assert mean["accuracy"][3] > mean["accuracy"][0]
assert mean["log_loss"][3] < min(mean["log_loss"][:3])

# %% [markdown]
# ## Does the metaphor hold?
#
# Mostly, and better than most metaphors. It says: look before you act; without illness there is nothing to gain and
# something to lose. Three things it hides:
#
# *The dose.* A medicine is not L2 but L2 of 0.001. What it does depends on the dose and
# on the patient, and for a healthy one the best dose may be none.
#
# *Other effects.* In large models weight decay is used on all patients, not against overfitting but because it changes
# how training itself proceeds (D’Angelo et al. 2023); dropout in the first epochs only has been found to help networks
# that *underfit* (Liu et al. 2023). There it is less a medicine than a diet.
#
# *They are relatives.* For a linear model dropout acts, to second order, like an L2 penalty that is scaled for each
# weight by how much its input varies and how unsure the predictions are (Wager, Wang and Liang 2013). *Dropout or L2?*
# is a smaller question than it seems; *how much?* is the larger one.

# %% [markdown]
# ## Exercise
#
# There is a third treatment, which seems to cost nothing and even saves time: stop when the validation loss has not improved for
# 40 epochs, and keep the best weights (`early_stopping={"patience": 40}`). Give it to the ill patient. Is anything left
# for L2 to cure in a patient that has been treated in this way? Predict, then compare *stopped* with *ill*, and
# *stopped + L2* with *stopped*, on fresh seeds again, for the dose was chosen on those above.

# %% tags=["solution"] jupyter={"source_hidden": true}
stopping = {"early_stopping": {"patience": 40}}
exercise = etude.Study(
    etude.Recipe(**{**ill.model_dump(), "seed": SEED + 2}),
    arms={"ill": {}, "stopped": stopping, "stopped + L2": {**stopping, **with_l2}},
    claims=[
        Claim(text="Early stopping helps.", stated=(compared("stopped", "ill"),)),
        Claim(text="L2 still helps then.", stated=(compared("stopped + L2", "stopped"),)),
    ],
    replicates=replicates,
).run(out=lesson.store, quiet=True)
for judged in exercise.claims:
    lesson.say(f"*{judged.claim.text}* **{judged.verdict.capitalize()}**: {lesson.tell(judged.stated[0])}.")
first, second = (judged.stated[0] for judged in exercise.claims)
lesson.say(f"""
    Stopping alone changed the loss by {first.mean:+.3f} nats, L2 on top of it by {second.mean:+.3f}.
    {"Something was left to cure." if second.verdict == "better" else "What the one had cured, the other could not be shown to cure again."}
    Treatments of one illness need not add up. (Stopping early has a hidden price: it spends validation rows on the
    decision when to stop.)
""")
assert first.mean < 0

# %% [markdown]
# ## What would change our mind
#
# That it helps where there is overfitting: a patient with the diagnosis *overfit*, whose test loss no dose of either
# lowers. étude’s own evidence leaves room for such cases (`docs/evidence/treat.md`: of recipes that it had never seen, what it
# prescribes first was verified to help in most, not in all). That it hurts where there is none:
# a healthy patient whom a dose clearly helps. Large models may be such; ours are small, the pattern is one ring,
# and what we found holds for them. That what it cures is overconfidence: a pattern where accuracy rises as clearly
# as log loss falls, as with dropout in large image networks.

# %%
lesson.full("64 replicates of each arm instead of 12")

# %% [markdown]
# ## Where to read on
#
# - Krogh and Hertz (1992), “A simple weight decay can improve generalization”, *NIPS* 4.
# - Holm (1979), “A simple sequentially rejective multiple test procedure”, *Scandinavian Journal of Statistics* 6.
# - Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), “Dropout: a simple way to prevent neural networks
#   from overfitting”, [JMLR 15, 1929–1958](https://jmlr.org/papers/v15/srivastava14a.html).
# - Wager, Wang and Liang (2013), “Dropout training as adaptive regularization”,
#   [arXiv:1307.1493](https://arxiv.org/abs/1307.1493).
# - Loshchilov and Hutter (2019), “Decoupled weight decay regularization”,
#   [arXiv:1711.05101](https://arxiv.org/abs/1711.05101).
# - D’Angelo, Andriushchenko, Varre and Flammarion (2023), “Why do we need weight decay in modern deep learning?”,
#   [arXiv:2310.04415](https://arxiv.org/abs/2310.04415). Liu et al. (2023), “Dropout reduces underfitting”,
#   [arXiv:2303.01500](https://arxiv.org/abs/2303.01500).
# - In étude: `etude treat RECIPE.toml` does what this lesson did by hand: diagnose, prescribe, try on paired replicates,
#   verify on fresh seeds (`docs/treat.md`).
