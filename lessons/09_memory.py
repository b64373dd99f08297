# %% [markdown]
# # 9 · Memory
#
# **A symbol is shown, then nothing, then it is asked for. How long can a network wait and still know?**
#
# You need the chain rule (lesson 5), and claims with their verdicts (lesson 4). "RNNs and LSTMs" are on the learner's
# list. Most texts say that the first forget and the second remember. We shall find out what it is that remembers.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import etude
from etude.faces.lesson import Lesson
from etude.values.claim import Claim, Contrast

lesson = Lesson(9)
torch.set_num_threads(1)

# %% [markdown]
# A **recurrent** network reads a sequence one position at a time. What it knows so far is a list of numbers, its
# *state* $h$. At each position it makes a new state of the old one and of what it reads there. Three cells, three ways
# of making it:
#
# - **RNN** (Elman 1990): $h' = \tanh(W x + U h + b)$. All numbers of the state are mixed anew at each position.
# - **LSTM** (Hochreiter and Schmidhuber 1997): beside $h$ it keeps a second list $c$, which is not mixed. Part of it is
#   kept and something is added: $c' = f \odot c + i \odot g$. The *forget gate* $f$, between 0 and 1, says how much of
#   each number is kept. It is itself computed from $x$ and $h$, and so it is learned.
# - **GRU** (Cho et al. 2014): the same idea with one list and fewer gates.
#
# The task is as plain as can be. One of four symbols is shown first, then blanks follow, and at the end the symbol is
# asked for. Who guesses is right one time in four; who remembers is always right. So we know the worst and the best
# score before anything is trained.
#
# ## Your prediction
#
# Each network has a state of 16 numbers and the same few training steps. The sequences have 4, 12 or 28 positions.
#
# 1. With 12 positions, will the LSTM be more often right than the plain RNN?
# 2. What does it take to get an LSTM through 28 positions: a larger state, a longer training, or something smaller?
#
# ## Why it should be hard: a product of Jacobians
#
# Suppose the state after the symbol were a little different. How different would the state at the end be? One step
# multiplies a small change by the matrix of derivatives $J_t = \partial h_t / \partial h_{t-1}$, the **Jacobian**. By the
# chain rule, many steps multiply by all of them:
#
# $$ \frac{\partial h_T}{\partial h_1} \;=\; J_T \, J_{T-1} \cdots J_2 . $$
#
# If each factor shrinks what it multiplies, the product shrinks like $\lambda^{T}$ with some $\lambda < 1$. Then the
# end does not depend on the beginning, and the gradient, which comes back through the same product, cannot say how it
# should. This is the *vanishing gradient* (Hochreiter 1991; Bengio, Simard and Frasconi 1994). If the factors stretch,
# it *explodes* instead. Let us multiply.


# %%
def stepper(cell):
    """One position of a cell as a function from state to state; an LSTM's two lists are joined into one."""

    blank = torch.zeros(4)

    def step(state, seen=blank):
        parts = tuple(state.view(-1, 16))
        new = cell(seen, parts if len(parts) == 2 else parts[0])
        return torch.cat(new) if isinstance(new, tuple) else new

    return step


def after_symbol(cell):
    empty = torch.zeros(32 if isinstance(cell, nn.LSTMCell) else 16)
    return stepper(cell)(empty, torch.eye(4)[0]).detach()


def what_is_left(cell, n_steps):
    """The largest stretch of any small change of the state, after 1, 2, … blank positions."""
    step, state = stepper(cell), after_symbol(cell)
    product, stretches = torch.eye(len(state)), []
    for _ in range(n_steps):
        product = torch.func.jacrev(step)(state) @ product  # one more Jacobian
        state = step(state).detach()
        stretches.append(torch.linalg.matrix_norm(product, 2).item())
    return stretches


# %% [markdown]
# The largest stretch is the *spectral norm* of the product: what is left of the change that survives best. Here it is
# for cells as PyTorch makes them, before any training, and for an LSTM with one difference: the number 4 is added to
# the bias of its forget gate.


# %%
def opened(bias):
    cell = nn.LSTMCell(4, 16)
    with torch.no_grad():
        cell.bias_ih[16:32] += bias  # the second of four blocks of 16 belongs to the forget gate
    return cell


fresh = {
    "RNN": lambda: nn.RNNCell(4, 16),
    "GRU": lambda: nn.GRUCell(4, 16),
    "LSTM": lambda: nn.LSTMCell(4, 16),
    "LSTM, gate open": lambda: opened(4.0),
}
looks = dict(
    zip(fresh, [("orange", "-", "o"), ("green", "--", "s"), ("blue", ":", "^"), ("black", "-", "D")], strict=True)
)

torch.manual_seed(lesson.number)
left = {
    name: np.median([what_is_left(make(), 27) for _ in range(lesson.of(3, 10))], axis=0) for name, make in fresh.items()
}

# %%
figure, axes = plt.subplots()
for name, stretches in left.items():
    colour, line, _ = looks[name]
    axes.semilogy(range(1, 28), stretches, line, color=lesson.colours[colour], label=name)
axes.axhline(1, color=lesson.colours["grey"], linewidth=1)
axes.set(xlabel="blank positions since the symbol", ylabel="largest stretch of a change")
axes.set(title="What is left of a change of the state, before training")
axes.legend(loc="lower left")
lesson.show(
    figure,
    "On a logarithmic scale, RNN, GRU and LSTM fall along nearly straight lines, to "
    + ", ".join(f"{left[name][-1]:.0e}" for name in ("RNN", "GRU", "LSTM"))
    + f" after 27 positions; the LSTM whose gate starts open stays near 1 ({left['LSTM, gate open'][-1]:.1f}).",
)

# %%
factor = {name: (stretches[-1] / stretches[9]) ** (1 / 17) for name, stretches in left.items()}
lesson.table(
    [[name, value, value**11, value**27] for name, value in factor.items()],
    ["", "a position", "11 positions", "27 positions"],
)
lesson.say(
    f"Each position multiplies by about {factor['RNN']:.2f} (RNN), {factor['GRU']:.2f} (GRU) and {factor['LSTM']:.2f} "
    f"(LSTM). Before training, the famous gates do not help at all. With the gate open it is {factor['LSTM, gate open']:.2f}."
)
assert max(factor[name] for name in ("RNN", "GRU", "LSTM")) < 0.85 < factor["LSTM, gate open"]

# %% [markdown]
# Why? An untrained gate computes $\sigma(\text{something near } 0) = \tfrac12$. So half of what the LSTM keeps is lost
# at each position, as if by a plain RNN with a factor of ½. Add 4, and it keeps $\sigma(4) \approx 0.98$. The gate
# *can* learn to open, and has to learn it through a gradient that the closed gate has made vanish.
#
# ## The study
#
# Now we train. Every network gets the same number of steps, and every replicate its own sequences and initial weights.

# %%
short, middle, long = lengths = (4, 12, 28)
cells = {
    "RNN": {"name": "recurrent", "cell": "rnn", "hidden": 16},
    "GRU": {"name": "recurrent", "cell": "gru", "hidden": 16},
    "LSTM": {"name": "recurrent", "cell": "lstm", "hidden": 16},
    "LSTM, gate open": {"name": "recurrent", "cell": "lstm", "hidden": 16, "forget_bias": 4.0},
}
recipe = etude.Recipe(
    data={"memory": "copy", "symbols": 4, "length": short, "rows": 200, "test_rows": 200},
    model=cells["RNN"],
    loss="cross_entropy",
    optimizer=etude.adam(learning_rate=0.01),
    epochs=lesson.of(24, 96),
    batch_size=32,
    score_every=24,
)


def claim(text, *, length, control, treated):
    sides = ({"data.length": length, "model": cells[name]} for name in (control, treated))
    return Claim(text=text, stated=(Contrast(control=next(sides), treated=next(sides), metric="accuracy"),))


study = etude.Study(
    recipe,
    vary={"data.length": lengths, "model": list(cells.values())},
    claims=[
        claim("An LSTM remembers longer than a plain RNN.", length=middle, control="RNN", treated="LSTM"),
        claim("A gate that starts open remembers longer.", length=long, control="LSTM", treated="LSTM, gate open"),
    ],
    replicates=lesson.of(6, 10),
    metric="accuracy",
)
result = study.run(out=lesson.store, quiet=True, workers=lesson.of(1, None))

# %%
arms = iter(result.runs.values())
runs = {length: {name: next(arms) for name in cells} for length in lengths}
scores = {
    name: np.array([[run.score("accuracy", "test") for run in runs[length][name]] for length in lengths])
    for name in cells
}
figure, axes = plt.subplots()
for k, (name, found) in enumerate(scores.items()):
    colour, line, marker = looks[name]
    places = np.arange(len(lengths)) + 0.06 * (k - 1.5)
    axes.plot(places, found.mean(axis=1), line, marker=marker, color=lesson.colours[colour], label=name)
    axes.plot(np.repeat(places, found.shape[1]), found.ravel(), ".", color=lesson.colours[colour], alpha=0.45)
axes.set(xticks=range(len(lengths)), xticklabels=lengths, xlabel="positions of a sequence", ylim=(0, 1.1))
axes.set(ylabel="accuracy (share correct)", title="How often the symbol is still known")
axes.legend(loc="center left")
lesson.draw_limits(axes, next(iter(result.found.limits.values()))["accuracy"])
lesson.show(
    figure,
    f"Mean accuracy against length, with a dot a replicate. At {short}, {middle} and {long} positions: "
    + "; ".join(f"{name} {', '.join(f'{mean:.2f}' for mean in found.mean(axis=1))}" for name, found in scores.items())
    + ". Chance is 0.25 and the best possible 1.",
)

# %%
for judged in result.claims:
    lesson.say(f"“{judged.claim.text}” is **{judged.verdict}**: {lesson.tell(judged.stated[0])}.")

rnn_or_lstm, gate = (judged.stated[0] for judged in result.claims)
lesson.say(
    {
        "worse": f"So with {middle} positions and this short training, the LSTM as it comes is *behind* the plain RNN. That "
        "is not what the textbooks lead one to expect, but it is what the product of Jacobians said.",
        "better": f"With {middle} positions the LSTM is ahead of the RNN in these replicates, though both began with "
        "factors far below 1: its gates have opened faster than the RNN's weights have grown.",
    }.get(
        rnn_or_lstm.verdict,
        f"With {middle} positions these replicates do not tell which of the two is ahead; nothing in the product said "
        "that it would be the LSTM.",
    )
)
lesson.figure("open gate at 28", gate.mean, "Opening the gate adds {:.2f} of accuracy at 28 positions, on average.")
assert scores["LSTM, gate open"][-1].mean() > scores["LSTM"][-1].mean()
assert scores["LSTM, gate open"][0].mean() > 0.8

# %% [markdown]
# The open gate is one number, added to one bias, before training: no larger state, and no longer training. It was found
# to be what made LSTMs good in a search over thousands of architectures by Jozefowicz, Zaremba and Sutskever (2015), who
# noted that it had been known since Gers, Schmidhuber and Cummins (2000), and that most programs did not do it.
#
# ## What training makes of the product
#
# The product told us who would find it hard to *learn*. What does it look like once a network has learned? We take the
# weights of every run out of the study and multiply again.


# %%
def trained(run):
    """A run's weights in a cell of PyTorch."""
    kind = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}[run.recipe.model.cell]
    cell = kind(4, 16)
    held = {name.rpartition(".")[2].removesuffix("_l0"): array for name, array in run.arrays.items() if "_l0" in name}
    cell.load_state_dict({name: torch.tensor(array) for name, array in held.items()})
    return cell


def end_from_beginning(cell, n_steps):
    """The same stretch as `what_is_left`, at the end alone: autograd multiplies the Jacobians."""

    def read_on(state):
        for _ in range(n_steps):
            state = stepper(cell)(state)
        return state

    return torch.linalg.matrix_norm(torch.func.jacrev(read_on)(after_symbol(cell)), 2).item()


one = trained(runs[short]["RNN"][0])
assert math.isclose(end_from_beginning(one, short - 1), what_is_left(one, short - 1)[-1], rel_tol=1e-3)

# %%
kept = {
    name: np.array(
        [[end_from_beginning(trained(run), length - 1) for run in runs[length][name][:5]] for length in lengths]
    )
    for name in cells
}
figure, axes = plt.subplots()
for name, (colour, _, marker) in looks.items():
    known = scores[name][:, :5].ravel()
    axes.semilogx(kept[name].ravel(), known, marker, color=lesson.colours[colour], alpha=0.6, label=name)
axes.set(xlabel="largest stretch from the symbol to the end, after training", ylabel="accuracy (share correct)")
axes.set(title="Every trained network: what it knows, and what is left", ylim=(0, 1.1))
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
known, stretch = (np.concatenate([of[name][:, :5].ravel() for name in cells]) for of in (scores, kept))
open_way, latched = stretch[known > 0.9] > 0.1, known[stretch < 0.1] > 0.9
lesson.show(
    figure,
    f"A dot for each trained network, accuracy against the stretch that is left. Of {len(open_way)} networks that are "
    f"right in more than 0.9 of cases, {open_way.sum()} have a stretch above 0.1; of {len(latched)} that have less left, "
    f"{latched.sum()} are right so often.",
)
assert open_way.mean() > 0.5

# %%
lesson.say(
    "Those who know have mostly brought the product to about 1, whichever cell they are: an RNN that holds its state is "
    "at the right, an LSTM that does not is at the left. The architecture decides how *easy* it is to get there. "
    + (
        f"But {latched.sum()} of the {len(latched)} with hardly anything left know the symbol all the same."
        if latched.any()
        else "None of these knows the symbol without it, but that can happen."
    )
)

# %% [markdown]
# There is a second way of knowing, and the theory has room for it. A network can **latch**: its state falls into one of
# four resting places, one a symbol, and stays there. Pushed a little, it falls back. So it forgets small changes and
# keeps the symbol, and its product vanishes. Bengio, Simard and Frasconi (1994) proved the bitter part: memory that is
# safe in this way *must* have a vanishing gradient. What is best kept is hardest to learn.
#
# ## Exercise
#
# An LSTM with forget bias $b$ keeps about $\sigma(b)$ of its list at each position. You want it to keep $1/e \approx
# 37\,\%$ over $T$ positions, before any training. Which $b$? Work it out on paper: solve $\sigma(b)^T = e^{-1}$, and find
# the simple function of $T$ that it is close to. Then put it on trial at 28 positions against $b = 1$, which several
# libraries have as their default.

# %% tags=["solution"] jupyter={"source_hidden": true}
# σ(b)^T = e⁻¹ means 1 + e^−b = e^(1/T), so b = −ln(e^(1/T) − 1). For large T, e^(1/T) − 1 ≈ 1/T, and b ≈ ln T.
exact, simple = -math.log(math.exp(1 / long) - 1), math.log(long)
lesson.say(
    f"For {long} positions b = {exact:.2f}, and ln {long} = {simple:.2f}. With b = 1, "
    f"{1 / (1 + math.exp(-1)):.2f}^{long} is left, which is {(1 / (1 + math.exp(-1))) ** long:.0e}."
)

trial = etude.Study(
    etude.Recipe(**{**dict(recipe), "data": {**dict(recipe.data), "length": long}, "model": cells["LSTM"]}),
    vary={"model.forget_bias": [1.0, round(simple, 1)]},
    replicates=lesson.of(6, 10),
    metric="accuracy",
).run(out=lesson.store, quiet=True, workers=lesson.of(1, None))
lesson.say(f"b = {simple:.1f} against b = 1: {lesson.tell(trial.effect('model.forget_bias', metric='accuracy'))}.")
lesson.say("Tallec and Ollivier (2018) derive the same rule, a bias of about ln T, from how an LSTM should see time.")
assert abs(exact - simple) < 0.05

# %% [markdown]
# ## What would change our mind
#
# The study compares cells *as they start and learn in a short time*, not what they could do at best. It would be wrong
# to conclude that RNNs are better than LSTMs. A longer training gives the gates time to open, and the full setting
# trains four times as long: if the LSTM as it comes then does as well as the one with its gate open, the open gate is a
# better start, and not a better memory.

# %%
lesson.full("four times as many training steps, and ten replicates instead of six")

# %% [markdown]
# ## Where to read on
#
# - Hochreiter (1991), and Bengio, Simard and Frasconi (1994), *Learning long-term dependencies with gradient descent is
#   difficult*: why the product vanishes.
# - Hochreiter and Schmidhuber (1997), *Long short-term memory*; Gers, Schmidhuber and Cummins (2000), *Learning to
#   forget*, where the forget gate comes from.
# - Pascanu, Mikolov and Bengio (2013), *On the difficulty of training recurrent neural networks*: exploding, and clipping.
# - Jozefowicz, Zaremba and Sutskever (2015), *An empirical exploration of recurrent network architectures*.
# - Tallec and Ollivier (2018), *Can recurrent neural networks warp time?*
