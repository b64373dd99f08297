# %% [markdown]
# # 10 · Attention
#
# **A network looked at one word above all others. Is that why it answered as it did?**
#
# You need to know what a recurrent network is (lesson 9), and what a paired effect is (lesson 4). Attention is on the
# learner's list of what comes next, and one of the learner's principles is to see rather than to abstract. Attention is
# the part of a network that one can see best. This lesson asks what one sees there.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import etude
from etude.data.load import load
from etude.faces.lesson import Lesson

SEED = 0  # change it: nearly every number will change, and no sentence should become false
lesson = Lesson(10)
torch.set_num_threads(1)  # for networks as small as these, several threads only get in each other's way

# %% [markdown]
# The task is to look something up. Eight pairs are shown, each a letter with a number, in any order. Then one letter is
# asked for, and the answer is its number.

# %%
PLACES, LETTERS, NUMBERS = 8, 8, 4
PAIR = LETTERS + NUMBERS


def questions(n, seed):
    """Rows of 8 pairs and a letter that is asked for, all as zeros and ones; and the answers."""
    rng = np.random.default_rng(seed)
    letters = rng.permuted(np.tile(np.arange(LETTERS), (n, 1)), axis=1)
    numbers, asked = rng.integers(0, NUMBERS, (n, PLACES)), rng.integers(0, PLACES, n)
    pairs = np.concatenate([np.eye(LETTERS)[letters], np.eye(NUMBERS)[numbers]], axis=2)
    wanted = letters[np.arange(n), asked]
    return np.hstack([pairs.reshape(n, -1), np.eye(LETTERS)[wanted]]), numbers[np.arange(n), asked]


def parted(rows):
    """Rows as pairs, shape (rows, 8, 12), and the question, shape (rows, 1, 8)."""
    return rows[:, : PLACES * PAIR].reshape(-1, PLACES, PAIR), rows[:, None, PLACES * PAIR :]


inputs, answers = questions(lesson.of(2000, 10_000), seed=SEED)
pairs, question = parted(inputs)
shown = " ".join("abcdefgh"[pair[:LETTERS].argmax()] + str(pair[LETTERS:].argmax()) for pair in pairs[0])
lesson.say(f"The first row: `{shown}`, asked for `{'abcdefgh'[question[0, 0].argmax()]}`, answer **{answers[0]}**.")

# %% [markdown]
# Someone who guesses is right one time in four. Someone who sees the eight numbers, but not which letter each belongs to,
# can do better by saying the one that occurs most often. Someone who looks it up is always right.

# %%
counts = np.stack([(pairs[:, :, LETTERS + k] == 1).sum(axis=1) for k in range(NUMBERS)], axis=1)
most_frequent = counts.max(axis=1).mean() / PLACES
lesson.say(f"Saying the number that occurs most often is right in {most_frequent:.2f} of cases.")

# %% [markdown]
# ## Your prediction
#
# 1. A GRU reads the pairs one after the other, then the question. Another network uses attention and has about a ninth
#    as many weights. Both learn from the same rows. How often will each be right?
# 2. Later you will meet two networks with attention that are both always right, or nearly always. For each we draw the
#    map of where it looks. Will both maps point at the pair that was asked for?
#
# ## Scaled dot-product attention
#
# **In words.** Every place of the sequence has a *key*, a list of numbers that says what can be found there, and a
# *value*, which says what it would tell. The question has a *query*: what is looked for. Each key is compared with the
# query; the better it fits, the more weight its value gets. The result is the weighted mean of the values.
#
# **In symbols,** with queries, keys and values as the rows of $Q$, $K$ and $V$, and $d$ numbers in a key:
#
# $$ \operatorname{attention}(Q, K, V) \;=\; A\,V, \qquad A = \operatorname{softmax}\!\left(\frac{Q K^{\mathsf T}}{\sqrt d}\right) . $$
#
# A product $q \cdot k$ is large where two lists point the same way. The *softmax* turns a row of such scores into
# weights that are positive and sum to 1: $A_{ij} = e^{s_{ij}} / \sum_k e^{s_{ik}}$. The division by $\sqrt d$ is for the
# exercise. Source: Vaswani et al. (2017), equation 1.
#
# **In code** it takes two lines, and agrees with PyTorch's own:


# %%
def attention_map(queries, keys):
    return (queries @ keys.transpose(-1, -2) / keys.shape[-1] ** 0.5).softmax(dim=-1)


def attention(queries, keys, values):
    return attention_map(queries, keys) @ values


trio = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))  # five queries, keys and values of four numbers
assert torch.allclose(attention(*trio), nn.functional.scaled_dot_product_attention(*trio), atol=1e-6)

# %% [markdown]
# Compare it with lesson 9. There, what was said at the start had to survive every position up to the end. Here the
# question reaches every place in one step, however far away it is, and so does the gradient.
#
# ## Three networks
#
# `Lookup` asks the pairs by attention. `Average` is its control: everything is the same, but all places get the same
# weight. `Reader` is the GRU.


# %%
class Lookup(nn.Module):
    """The question asks the places; the answer is made of what it takes from them."""

    def __init__(self, width=PAIR):
        super().__init__()
        self.query, self.key = nn.Linear(LETTERS, 16), nn.Linear(width, 16, bias=False)
        self.value, self.output = nn.Linear(width, 16), nn.Linear(16, NUMBERS)

    def states(self, rows):
        return parted(rows)[0]

    def weights(self, rows):
        return attention_map(self.query(parted(rows)[1]), self.key(self.states(rows)))

    def answer(self, rows, weights):
        return self.output(torch.relu(weights @ self.value(self.states(rows)))[:, 0])

    def forward(self, rows):
        return self.answer(rows, self.weights(rows))


class Average(Lookup):
    """All places count alike."""

    def weights(self, rows):
        return torch.full((len(rows), 1, PLACES), 1 / PLACES)


class Reader(nn.Module):
    """A GRU that reads eight pairs, then the question."""

    def __init__(self):
        super().__init__()
        self.read, self.output = nn.GRU(PAIR + LETTERS, 32, batch_first=True), nn.Linear(32, NUMBERS)

    def forward(self, rows):
        pairs, question = parted(rows)
        told = nn.functional.pad(pairs, (0, LETTERS)), nn.functional.pad(question, (PAIR, 0))
        return self.output(self.read(torch.cat(told, dim=1))[1][0])


# %%
def lookup():
    return Lookup()


def average():
    return Average()


def reader():
    return Reader()


recipe = etude.Recipe(
    data=(inputs, answers),
    model=lookup,
    loss="cross_entropy",
    optimizer=etude.adam(learning_rate=0.01),
    epochs=12,
    batch_size=50,
    score_every=12,
    seed=SEED,
)
replicates = lesson.of(5, 10)
workers = lesson.of(1, None)  # trainings side by side; None: as many as there are cores
result = etude.Study(recipe, vary={"model": [reader, average, lookup]}, replicates=replicates, metric="accuracy").run(
    out=lesson.store, quiet=True, workers=workers
)

# %%
found = [np.array([run.score("accuracy", "test") for run in runs]) for runs in result.runs.values()]
sizes = [runs[0].provenance["parameters"] for runs in result.runs.values()]

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 2.5))
for row, (scores, colour) in enumerate(zip(found, ("orange", "sky", "blue"), strict=True)):
    axes.plot(scores, row + np.linspace(-0.15, 0.15, len(scores)), "o", color=lesson.colours[colour], markersize=5)
    axes.plot([scores.mean()] * 2, [row - 0.3, row + 0.3], color=lesson.colours["black"])
for limit, name in ((0.25, "chance"), (most_frequent, "most frequent number"), (1, "best")):
    axes.axvline(limit, color=lesson.colours["grey"], linestyle="--", linewidth=1)
    axes.text(limit + 0.005, -0.55, name, fontsize=9, color=lesson.colours["grey"])
labels = [f"{name}: {n:,} weights" for name, n in zip(("GRU", "average", "attention"), sizes, strict=True)]
axes.set(yticks=range(3), yticklabels=labels, ylim=(2.6, -0.9), xlim=(0.2, 1.08), xlabel="accuracy (share correct)")
lesson.show(
    figure,
    f"Test accuracy, with a dot for each replicate and a line at the mean: GRU {found[0].mean():.2f}, average "
    f"{found[1].mean():.2f}, attention {found[2].mean():.2f}. The most frequent number gives {most_frequent:.2f}, and 1 is "
    "the best possible.",
)

# %% [markdown]
# All replicates split the same rows anew, so the intervals speak about these rows (Nadeau and Bengio 2003). Each interval
# is a 95 % interval on its own.

# %%
for name, other in (("the GRU", reader), ("the average", average)):
    effect = result.effect("model", metric="accuracy", levels=(other, lookup))
    lesson.say(f"Attention against {name}: {lesson.tell(effect)}.")

trained = np.mean([run.score("accuracy", "train") for run in next(iter(result.runs.values()))])
by_heart = trained > max(0.8, found[0].mean() + 0.2)
lesson.say(
    f"So to your first question the answer is: attention {found[2].mean():.2f}, GRU {found[0].mean():.2f}. On the rows that it "
    f"learned from, the GRU is right in {trained:.2f} of cases"
    + (": it has learned them by heart." if by_heart else ".")
)
lesson.figure(
    "gain over GRU", float((found[2] - found[0]).mean()), "Attention is right {:.2f} more often than the GRU."
)
assert found[2].mean() > 0.9
assert found[1].mean() < most_frequent + 0.1

# %% [markdown]
# In the long run the average cannot pass the line of the most frequent number, for it never learns which number belonged
# to which letter; its answer does not even use the question. Single dots, or the mean of a few, may pass it by luck. So what
# makes `Lookup` work is where it puts its weight.
#
# The GRU *can* do it too, if it gets more: the full setting has five times as many rows. It also has five times as many
# steps, for the 12 epochs stay.

# %%
lesson.say(
    (
        f"Of the two, steps can hardly be what is missing here, for {trained:.2f} of its own rows the GRU knows by now. So "
        "we suppose that it is the rows. "
        if by_heart
        else ""
    )
    + "Why should it need more than attention does? Perhaps because it has to store eight pairs before it knows which will "
    "be wanted. The second exercise puts that on trial."
)

# %% [markdown]
# ## What it looks at
#
# We take one trained network out of the study, give it test rows, and draw its weights.


# %%
def revived(run, make):
    """A trained network of the study, its test rows, the right answers, and the place that was asked for."""
    network = make()
    kept = {
        name.removeprefix("weights/"): torch.tensor(array) for name, array in run.arrays.items() if "weights/" in name
    }
    network.load_state_dict(kept)
    test = load(run.recipe.data, seed=run.recipe.seed, replicate=run.replicate).test
    rows = torch.tensor(test.inputs)
    pairs, question = parted(rows)
    asked = (pairs[:, :, :LETTERS] * question).sum(dim=2).argmax(dim=1)
    return network, rows, torch.tensor(test.targets), asked


def draw_map(axes, weights, asked, title):
    axes.imshow(weights[:10].mean(dim=1), cmap="Greys", vmin=0, vmax=1, aspect="auto")
    axes.plot(asked[:10], range(10), "s", markersize=17, markerfacecolor="none", markeredgecolor=lesson.colours["red"])
    axes.set(
        title=title, xticks=range(8), xticklabels=range(1, 9), xlabel="place of a pair", ylabel="test row", yticks=[]
    )
    axes.grid(visible=False)


*_, runs = result.runs.values()
network, rows, truth, asked = revived(runs[0], lookup)
with torch.no_grad():
    weights = network.weights(rows)  # shape (rows, 1, 8): who asks, which is the question alone, and whom
on_asked = weights[torch.arange(len(rows)), :, asked].mean().item()

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(4.6, 3.8))
draw_map(axes, weights, asked, "Attention of ten test rows")
lesson.show(
    figure,
    f"Ten rows by eight places; the darker, the more weight. The framed place is the one that was asked for. On average "
    f"over all test rows it gets {on_asked:.2f} of the weight, where an eighth would be blind chance.",
)

# %% [markdown]
# It is tempting to stop here and to say: *the network answered 3 because it looked at c3.* But a map says where the weight
# lay, not what would have happened had it lain elsewhere. To say "because" we have to intervene, as with every cause. Let
# us give all the weight to one wrong place and see whether the answer follows: does the network now give the number that
# stands *there*? (That it is no longer right would not be enough. Mere rubbish, too, is right one time in four. And to
# shuffle the weights would be too little: where they are nearly equal, it changes nothing.)


# %%
def somewhere_else(asked, rng):
    """For each row a place that was not asked for."""
    return (asked + torch.from_numpy(rng.integers(1, PLACES, len(asked)))) % PLACES


def mislead(network, rows, asked, away):
    """What the network answers with all the weight on a wrong place."""
    return network.answer(rows, nn.functional.one_hot(away, PLACES).to(rows.dtype)[:, None])


def with_and_without(run, make, look=Lookup.weights, mislead=mislead):
    """Weight on the place asked for; accuracy as learned, and misled; how often it then gives the wrong place's number.

    look:    the network's map in which we meddle
    mislead: how
    """
    network, rows, truth, asked = revived(run, make)
    each = torch.arange(len(rows))
    away = somewhere_else(asked, np.random.default_rng((SEED, run.replicate)))
    told = parted(rows)[0][each, away, LETTERS:].argmax(dim=1)  # the number at the wrong place
    with torch.no_grad():
        weights, as_learned = look(network, rows), network(rows).argmax(dim=1)
        misled = mislead(network, rows, asked, away).argmax(dim=1)
    matches = as_learned == truth, misled == truth, misled == told
    return weights[each, :, asked].mean().item(), *(match.double().mean().item() for match in matches)


one_layer = np.array([with_and_without(run, lookup) for run in runs])
lesson.say(
    f"As learned, the networks are right in {one_layer[:, 1].mean():.2f} of cases on average; with all the weight on a wrong "
    f"place, in {one_layer[:, 2].mean():.2f}. And what they then say is no rubbish: in {one_layer[:, 3].mean():.2f} of cases "
    "it is the number of the wrong place."
)
assert abs(one_layer[:, 2].mean() - 1 / NUMBERS) < 0.1
assert one_layer[:, 3].mean() > 0.9

# %% [markdown]
# The answer follows the weight. In *this* network, the map tells what the answer was made of.
#
# ## A second layer
#
# Real networks have more than one layer. Here is one with two. First every place, which now sees the question too, asks
# all places. Then the question asks the places as above. All that is new is what a place's state is made of: before, of
# itself alone; now, of all places.


# %%
class TwoLayers(Lookup):
    """Places ask one another first, then the question asks them."""

    def __init__(self):
        super().__init__(width=16)
        self.first_query, self.first_key, self.first_value = (nn.Linear(PAIR + LETTERS, 16) for _ in range(3))

    def seen(self, rows):
        pairs, question = parted(rows)
        return torch.cat([pairs, question.expand(-1, PLACES, -1)], dim=2)

    def first_weights(self, rows):
        seen = self.seen(rows)
        return attention_map(self.first_query(seen), self.first_key(seen))

    def states(self, rows):
        return self.first_weights(rows) @ self.first_value(self.seen(rows))


def two_layers():
    return TwoLayers()


deeper = etude.Study(recipe, vary={"model": [lookup, two_layers]}, replicates=replicates, metric="accuracy").run(
    out=lesson.store, quiet=True, workers=workers
)
*_, deep_runs = deeper.runs.values()
two = np.array([with_and_without(run, two_layers) for run in deep_runs])
second = deeper.effect("model", metric="accuracy")
no_miss = two[:, 1].min() == one_layer[:, 1].min() == 1
lesson.say(
    "Both are right in every test row of every replicate, so there is no difference to judge."
    if no_miss
    else f"Two layers against one: {lesson.tell(second)}."
)

# %% jupyter={"source_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True)
draw_map(panels[0], weights, asked, "one layer")
other, other_rows, _, other_asked = revived(deep_runs[0], two_layers)
with torch.no_grad():
    last, first = other.weights(other_rows), other.first_weights(other_rows)
draw_map(panels[1], last, other_asked, "two layers: the last one's map")
panels[1].set_ylabel("")
lesson.show(
    figure,
    f"The same ten rows. With one layer the framed place, which was asked for, gets {one_layer[0, 0]:.2f} of the weight; "
    f"with two layers, {two[0, 0]:.2f} of the last layer's.",
)


# %%
def tell_misled(named):
    """A table of what `with_and_without` found, with a row for each layer that was misled."""
    columns = ("weight on the place asked for", "right, as learned", "right, misled")
    lesson.table(
        [[name, *(f"{value:.2f}" for value in measured.mean(axis=0))] for name, measured in named.items()],
        ["means over replicates", *columns, "gives the number of the wrong place"],
    )


tell_misled({"one layer": one_layer, "two layers, misled in the last": two})
fooled = two[:, 1].mean() - two[:, 2].mean()
lesson.figure(
    "loss when misled, two layers", fooled, "To be misled in the last layer costs two layers {:.2f} of accuracy."
)
points = two[:, 0].mean() > 0.5
lesson.say(
    (
        "So to your second question the answer is yes: both maps point at what was asked for. "
        if points
        else "So to your second question the answer is no: only the first map points at what was asked for. "
    )
    + (
        "But with two layers, even with all its weight on a wrong place the answer stays right: the first layer had brought "
        "it to every place. "
        + (
            "The map points somewhere, and is no reason."
            if points
            else "Had the map pointed somewhere, it would have been no reason either."
        )
        if fooled < 0.1
        else "With two layers, all the weight on a wrong place costs some of the accuracy, and not all that it costs one "
        "layer: part of the answer had been brought to other places before. That, and not the picture, is how we know."
    )
)
assert two[:, 1].mean() > 0.9
assert fooled < one_layer[:, 1].mean() - one_layer[:, 2].mean()

# %% [markdown]
# ### Where, then?
#
# If this map does not say why, perhaps another one does. There is one that we have not drawn: that of the *first* layer, in
# which each of the eight places asks all eight. Let us meddle there too, but gently. (If every place were sent to the same
# wrong one, nothing else would come through, and the answer would have to follow wherever the looking up is done.) We
# exchange two weights of every place that asks: that on the place asked for, and that on a wrong one. The last layer goes
# on as it pleases.


# %%
def mislead_first(network, rows, asked, away):
    """What two layers answer if two weights of the first are exchanged."""
    weights, each = network.first_weights(rows), torch.arange(len(rows))
    exchanged = weights.clone()
    exchanged[each, :, asked], exchanged[each, :, away] = weights[each, :, away], weights[each, :, asked]
    network.first_weights = lambda _: exchanged
    return network(rows)


beneath = np.array([with_and_without(run, two_layers, TwoLayers.first_weights, mislead_first) for run in deep_runs])
tell_misled({"two layers, misled in the last": two, "two layers, misled in the first": beneath})
on_first, _, _, follows = beneath.mean(axis=0)
lesson.say(
    (
        f"There it is. Misled in its *first* layer, the network gives the wrong place’s number in {follows:.2f} of cases: "
        "this is where it looks things up. "
        + (
            "The map that explains is the one that we had not drawn. "
            if on_first > 0.5
            else "And its map would not have told us, for it spreads the weight. "
        )
        + "What singled it out is no picture, but two interventions."
    )
    if follows > 0.9
    else f"Misled in its *first* layer, the network gives the wrong place’s number in {follows:.2f} of cases, and misled in "
    f"its last in {two[:, 3].mean():.2f}. "
    + (
        "So most of the looking up is done in the first, and no single map tells all of it."
        if follows > max(0.5, two[:, 3].mean())
        else "So the first layer does not decide it either: the looking up is shared, and no single map tells it."
    )
)

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(4.6, 3.8))
draw_map(axes, first, other_asked, "two layers: the first one's map")
lesson.show(
    figure,
    "The same ten rows once more, for the first of the two layers: the mean over the eight places that ask. Here the framed "
    f"place, which was asked for, gets {beneath[0, 0]:.2f} of the weight.",
)

# %% [markdown]
# What the last layer showed is the point of Jain and Wallace (2019), *Attention is not explanation*: in networks whose
# places have been mixed before, quite other weights can give the same answer. Wiegreffe and Pinter (2019) answered that
# attention is *not not* explanation either: it depends on the network, and it has to be tested. You have just done so. A
# map says which places a layer read. Only an intervention says whether it mattered.
#
# ## Exercise
#
# Why $\sqrt d$? Let the numbers of a query and a key be independent, with mean 0 and variance 1. What is the variance of
# $q \cdot k$, a sum of $d$ products? Then look at what happens to the softmax of 8 such scores, with the division and
# without it, for $d = 4$, 64 and 1,024. What would that do to the gradient at the start of a training?
#
# And a second one: tell the GRU the question *first*, so that it can let seven pairs go by. What becomes of it?

# %% tags=["solution"] jupyter={"source_hidden": true}
# Each product has mean 0 and variance 1, and they are independent: the sum has variance d, a standard deviation of √d.
rng = np.random.default_rng(SEED)
lines = []
for d in (4, 64, 1024):
    scores = (rng.normal(size=(2000, 1, d)) * rng.normal(size=(2000, PLACES, d))).sum(axis=2)
    largest = [torch.tensor(s).softmax(dim=1).max(dim=1).values.mean().item() for s in (scores / d**0.5, scores)]
    lines.append([d, float(scores.std()), *(f"{weight:.2f}" for weight in largest)])
    assert abs(scores.std() / d**0.5 - 1) < 0.05
lesson.table(lines, ["d", "standard deviation of q · k", "largest weight, divided by √d", "not divided"])
lesson.say(
    "Without the division, and with many numbers in a key, one place takes nearly all the weight before anything has been "
    "learned, by accident. The derivatives of a softmax are $A_i(1 - A_i)$ and $-A_i A_j$, all nearly 0 there, so hardly any gradient comes back to "
    "correct it (Vaswani et al. 2017, section 3.2.1)."
)


# %% tags=["solution"] jupyter={"source_hidden": true}
class ReaderAskedFirst(Reader):
    """The same GRU, which hears the question before the pairs."""

    def forward(self, rows):
        pairs, question = parted(rows)
        told = nn.functional.pad(question, (PAIR, 0)), nn.functional.pad(pairs, (0, LETTERS))
        return self.output(self.read(torch.cat(told, dim=1))[1][0])


def reader_asked_first():
    return ReaderAskedFirst()


question_first = etude.Study(
    recipe, vary={"model": [reader, reader_asked_first]}, replicates=replicates, metric="accuracy"
).run(out=lesson.store, quiet=True, workers=workers)
*_, asked_first = question_first.runs.values()
early, own = (np.mean([run.score("accuracy", split) for run in asked_first]) for split in ("test", "train"))
lesson.figure("GRU, asked first", float(early), "Asked first, the GRU is right in {:.2f} of cases.")
order = question_first.effect("model", metric="accuracy")
lesson.say(f"Asked first against asked last: {lesson.tell(order)}.")
helps = {
    "better": "It helps a little; it does not",
    "worse": "That does harm. It does not",
}.get(order.verdict, "Whether it helps at all, so few replicates do not tell. It does not")
storing = "So having to store eight pairs is not the whole reason."
part = " So having to store eight pairs was part of its trouble." if order.verdict == "better" else ""
lesson.say(
    f"Told what to listen for, it looks it up.{part}"
    if early > 0.9
    else f"{helps} make the GRU look things up, with so few rows. On those that it learned from, it is right in {own:.2f} of "
    f"cases. Attention had the same rows. {storing}"
    if early < most_frequent + 0.1
    else f"That is more than the most frequent number, and less than looking everything up. {storing}"
)

# %% [markdown]
# ## What would change our mind
#
# If `Average` had done as well as `Lookup`, the weights would have been decoration. If misleading the one layer had
# changed nothing, its map would be no explanation either. And for the two layers: our network has no *residual
# connection*, which adds a place's own state to what it takes from others, as transformers do. With one, a place keeps
# more of itself, and the last map may mean more. Add it (`seen` through a linear layer, plus what attention brings), and
# let the intervention tell.

# %%
lesson.full("five times as many rows, and ten replicates instead of five")

# %% [markdown]
# `etude run attention` puts a whole transformer on trial against a GRU, on recordings of nine people who say "ae".
#
# ## Where to read on
#
# - Bahdanau, Cho and Bengio (2015), *Neural machine translation by jointly learning to align and translate*: where it
#   began.
# - Vaswani et al. (2017), *Attention is all you need*.
# - Jain and Wallace (2019), *Attention is not explanation*; Wiegreffe and Pinter (2019), *Attention is not not
#   explanation*; Serrano and Smith (2019), *Is attention interpretable?*
# - Elhage et al. (2021), *A mathematical framework for transformer circuits*: what two layers do that one cannot.
