# %% [markdown]
# # 5 · Backpropagation by hand, checked
#
# **How does every weight of a network learn which way to move, and how would we know that the answer is right?**
#
# This journey began with a wish: to understand “the why behind every parameter, every activation, every gradient
# step”. Here we grant it for one step, completely. We take a network with nine weights, work out all nine
# derivatives with pencil and paper, and then do what a careful person does with a result: check it, against PyTorch,
# against the bare definition of a derivative, and with a deeper network, route by route.
#
# You need to know what a derivative is, and lesson 1: a network turns inputs into a probability, and a loss says
# how wrong that probability is. The calculus is one rule, the chain rule, and we go through it slowly.

# %%
import copy
from math import exp, log

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import etude
from etude.faces.lesson import Lesson
from etude.studies.under_glass import Glass, under_glass

lesson = Lesson(5)
torch.set_num_threads(1)
SEED = 0  # change it: the third check and the real training get other numbers, and no sentence should become false

# %% [markdown]
# ## Your prediction
#
# Write down three answers before you go on. Being wrong is the useful case.
#
# 1. The right answer is *yes*. A network first doubts it, then it is almost certain that the answer is *no*. Trained
#    with squared error, does the push of this example on the weights **grow**, **stay** as it was, or **nearly
#    vanish**?
# 2. A ReLU unit is off for an example: its output is 0. How does this example change the weights that lead *into*
#    that unit? **A little**, **not at all**, or **so as to switch it on**?
# 3. At Adam’s first step one weight has a derivative ten times as large as another’s. How much further does it
#    move? **Ten times**, **about three times**, or **not at all further**?

# %% [markdown]
# ## Forwards: one example goes through
#
# Two inputs, two hidden units with ReLU, one output. ReLU, written $\max(z, 0)$, lets what is positive pass and
# turns the rest into 0. The sigmoid $\sigma(z) = 1 / (1 + e^{-z})$ turns the output $z$, called the *logit*, into a
# probability $p$. The loss is binary cross-entropy: $-\ln p$ where the label $y$ is 1, and $-\ln(1 - p)$ where
# it is 0.
#
# The weights below are made up, so that the arithmetic is easy. There are nine of them: four from inputs to hidden
# units, two from hidden units to the output, and three biases.

# %%
w11, w12, b1 = 0.5, 0.25, 0.5  # into hidden unit 1: from input 1, from input 2, its bias
w21, w22, b2 = -0.5, 0.75, -0.5  # into hidden unit 2
v1, v2, c = -2.0, 1.0, 0.5  # into the output: from unit 1, from unit 2, its bias

x1, x2, y = 1.0, 2.0, 1.0  # an example: two inputs, and the label that is right

z1 = w11 * x1 + w12 * x2 + b1
z2 = w21 * x1 + w22 * x2 + b2
h1, h2 = max(z1, 0), max(z2, 0)
z = v1 * h1 + v2 * h2 + c
p = 1 / (1 + exp(-z))
loss = -log(p) if y == 1 else -log(1 - p)

lesson.say(f"""
    Unit 1 adds up {w11} · {x1:g} + {w12} · {x2:g} + {b1} = {z1:g}, and unit 2 {w21} · {x1:g} + {w22} · {x2:g} − {-b2}
    = {z2:g}. Both are positive, so ReLU lets them pass. The logit is {v1:g} · {h1:g} + {v2:g} · {h2:g} + {c} = {z:g},
    the probability σ({z:g}) = {p:.4f}, and the loss −ln {p:.4f} = **{loss:.4f} nats**. The label is {y:g}: the
    network is rather sure, and wrong.
""")


# %% jupyter={"source_hidden": true}
def minus(text):
    """With a real minus sign in front of numbers."""
    return text.replace("-", "−")


def draw_network(axes, inputs, hidden, output, weights):
    """The network with a text at each unit and at each connection."""
    places = {"x1": (0, 1), "x2": (0, 0), "h1": (1, 1), "h2": (1, 0), "z": (2, 0.5)}
    ends = (("x1", "h1"), ("x2", "h1"), ("x1", "h2"), ("x2", "h2"), ("h1", "z"), ("h2", "z"))
    for (start, end), text in zip(ends, weights, strict=True):
        (xa, ya), (xb, yb) = places[start], places[end]
        axes.plot([xa, xb], [ya, yb], color="#B8B8B8", linewidth=1.4, zorder=1)
        near = (xa + 0.36 * (xb - xa), ya + 0.36 * (yb - ya))
        axes.text(
            *near, minus(text), ha="center", va="center", fontsize=9.5, bbox={"fc": "white", "ec": "none", "pad": 1.5}
        )
    for (x, y_), text in zip(places.values(), (*inputs, *hidden, output), strict=True):
        axes.text(
            x, y_, minus(text), ha="center", va="center", bbox={"boxstyle": "round,pad=0.5", "fc": "white"}, zorder=3
        )
    axes.set(xlim=(-0.35, 2.4), ylim=(-0.3, 1.3))
    axes.axis("off")


figure, axes = plt.subplots(figsize=(7, 3.3))
draw_network(
    axes,
    (f"$x_1$ = {x1:g}", f"$x_2$ = {x2:g}"),
    (f"$z_1$ = {z1:g}\n$h_1$ = {h1:g}", f"$z_2$ = {z2:g}\n$h_2$ = {h2:g}"),
    f"$z$ = {z:g}\n$p$ = {p:.3f}\nloss {loss:.3f}",
    [f"{value:g}" for value in (w11, w12, w21, w22, v1, v2)],
)
axes.set_title("Forwards: weights on the lines, values in the boxes")
lesson.show(
    figure,
    f"Inputs {x1:g} and {x2:g} at the left, hidden units with the values {h1:g} and {h2:g} in the middle, at the right "
    f"the logit {z:g}, the probability {p:.3f} and the loss {loss:.3f}. Each line bears its weight.",
)

# %% [markdown]
# ## Backwards: one rule, nine times
#
# We want to know of each weight: if I raise it by a tiny bit, how much does the loss change for each bit? That is
# the derivative $\partial L / \partial w$. The curly $\partial$ says that the other weights stay where they are.
#
# **The chain rule.** In words: *to find how the end moves with the beginning, multiply how each link moves with the
# one before it; if several routes lead there, add them up.* In symbols, for $L$ that depends on $z$, which depends
# on $w$ ($\sum$: add up over the routes; $\prod$: multiply over the links of one route):
#
# $$\frac{\partial L}{\partial w} = \frac{\partial L}{\partial z} \cdot \frac{\partial z}{\partial w}
# \qquad\text{and over several routes}\qquad
# \frac{\partial L}{\partial w} = \sum_{\text{routes}}\; \prod_{\text{links}} \text{derivative of the link.}$$
#
# In code it is a multiplication and a `+`. (Leibniz knew the rule in 1676. That a network learns well by it was
# shown by Rumelhart, Hinton and Williams in *Nature* in 1986; Linnainmaa had described the method for any
# computation in his master’s thesis of 1970.)
#
# ### The output
#
# Begin at the end. With $y = 1$ the loss is $-\ln p$, whose derivative with respect to $p$ is $-1/p$. Next the sigmoid,
# $p = 1 / (1 + e^{-z})$. Its derivative is
#
# $$\frac{\partial p}{\partial z} = \frac{e^{-z}}{(1 + e^{-z})^2} = \frac{1}{1 + e^{-z}} \cdot
# \frac{e^{-z}}{1 + e^{-z}} = p\,(1 - p),$$
#
# because $1 - p = e^{-z} / (1 + e^{-z})$. Multiply, and nearly everything cancels:
#
# $$y = 1:\quad \frac{\partial L}{\partial z} = -\frac{1}{p} \cdot p\,(1 - p) = p - 1
# \qquad\qquad
# y = 0:\quad \frac{\partial L}{\partial z} = \frac{1}{1 - p} \cdot p\,(1 - p) = p - 0.$$
#
# For either label it is $p - y$: *what the network said, minus what it should have said.* This number is called the
# **error signal** at the output.

# %%
dz = p - y
lesson.say(f"Here p − y = {p:.4f} − {y:g} = **{dz:.4f}**. It is negative: raising the logit would lower the loss.")

# %% [markdown]
# ### The weights into the output
#
# The logit is $z = v_1 h_1 + v_2 h_2 + c$. Raise $v_1$ by a bit and $z$ changes by $h_1$ bits, so
# $\partial z / \partial v_1 = h_1$. In the same way $\partial z / \partial c = 1$. Multiply by the error signal:

# %%
dv1 = dz * h1
dv2 = dz * h2
dc = dz * 1
lesson.say(f"""
    ∂L/∂v₁ = {dz:.4f} · {h1:g} = **{dv1:.4f}**; ∂L/∂v₂ = {dz:.4f} · {h2:g} = **{dv2:.4f}**; ∂L/∂c = **{dc:.4f}**.

    This pattern is the same at any depth, wherever weights multiply values and the products are added up: *the derivative with respect to a weight is the error signal
    where the weight ends, times the value where it begins.*
""")

# %% [markdown]
# ### Through the hidden units
#
# How does the loss move with $h_1$? Through $z$, whose derivative with respect to $h_1$ is the weight $v_1$. So the
# error signal travels back along the same lines that the values came by, and is multiplied by the same weights.
#
# Then comes ReLU. Where $z_1 > 0$ its output moves exactly as its input does: derivative 1, the gate is open. Where
# $z_1 < 0$ its output stays 0 whatever the input does: derivative 0, the gate is shut. (At exactly 0 there is a kink
# and no derivative; PyTorch takes 0.)

# %%
dh1, dh2 = dz * v1, dz * v2
dz1 = dh1 * (1 if z1 > 0 else 0)
dz2 = dh2 * (1 if z2 > 0 else 0)

dw11, dw12, db1 = dz1 * x1, dz1 * x2, dz1
dw21, dw22, db2 = dz2 * x1, dz2 * x2, dz2

by_hand = np.array([dw11, dw12, dw21, dw22, db1, db2, dv1, dv2, dc])
names = ["w₁₁", "w₁₂", "w₂₁", "w₂₂", "b₁", "b₂", "v₁", "v₂", "c"]
made_of = [
    *(f"{d:.4f} · {x:g}" for d, x in ((dz1, x1), (dz1, x2), (dz2, x1), (dz2, x2))),
    *(f"{d:.4f} · {x:g}" for d, x in ((dz1, 1), (dz2, 1), (dz, h1), (dz, h2), (dz, 1))),
]
rows = [(n, m, f"{d:.4f}") for n, m, d in zip(names, made_of, by_hand, strict=True)]
lesson.table(rows, ["weight", "error signal · value", "∂L/∂weight"])

dx1, dx2 = dz1 * w11 + dz2 * w21, dz1 * w12 + dz2 * w22  # the error signals that reach the inputs

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 3.3))
draw_network(
    axes,
    (f"$x_1$: {dx1:.3f}", f"$x_2$: {dx2:.3f}"),
    (f"$z_1$: {dz1:.3f}\ngate open", f"$z_2$: {dz2:.3f}\ngate open"),
    f"$p - y$\n= {dz:.3f}",
    [f"{value:.3f}" for value in (dw11, dw12, dw21, dw22, dv1, dv2)],
)
axes.set_title("Backwards: error signals in the boxes, derivatives on the lines")
lesson.show(
    figure,
    f"The same network read from right to left: the error signal {dz:.3f} at the output, {dz1:.3f} and {dz2:.3f} at "
    f"the hidden units, {dx1:.3f} and {dx2:.3f} at the inputs. Each line bears the derivative with respect to its weight.",
)

# %%
lesson.say(f"""
    The boxes of the inputs show the second half of the rule. From x₁ two routes lead to the loss, one through each
    unit: {dz1:.4f} · {w11} + ({dz2:.4f}) · ({w21}) = {dx1:.4f}. **Multiply along a route, add over routes.** Nobody
    trains inputs, but if there were another layer below, this sum would be the error signal that it receives.

    Look at what it cost. Each line was walked once forwards and once backwards. That is why it is possible at all to
    train millions of weights: the whole *gradient*, which is the list of all derivatives, costs about as much as a few
    predictions, not one prediction for each weight.
""")

# %% [markdown]
# ## A second example, and a unit that is off
#
# One example is not a batch. Let us write the same arithmetic for any example: forwards, then backwards, the
# values kept on the way. All nine weights live in one list, in the order of the table. Two shorthands do for both
# units at once what we did for each: `w @ x` adds up weight times input for each row of `w`, and gives the sums of both
# units; `np.outer(d, x)` is the table of all products, each error signal times each input. (`reshape` makes a table of
# a list, `ravel` a list of a table, and `concatenate` joins lists.) This function *is* backpropagation; there is
# nothing else.


# %%
def gradient(weights, x, y):
    """The loss of one example, and its derivative with respect to each of the nine weights."""
    w, b, v, c = weights[0:4].reshape(2, 2), weights[4:6], weights[6:8], weights[8]
    z_hidden = w @ x + b
    h = np.maximum(z_hidden, 0)
    p = 1 / (1 + np.exp(-(v @ h + c)))
    loss = -np.log(p) if y == 1 else -np.log(1 - p)

    dz = p - y  # the error signal at the output
    dz_hidden = dz * v * (z_hidden > 0)  # back through v, then through the gates
    dw = np.outer(dz_hidden, x)  # error signal where a weight ends, times value where it begins
    return loss, np.concatenate([dw.ravel(), dz_hidden, dz * h, [dz]])


start = np.array([w11, w12, w21, w22, b1, b2, v1, v2, c])
first = (np.array([1.0, 2.0]), 1.0)
second = (np.array([1.0, -2.0]), 0.0)
(loss_1, g_1), (loss_2, g_2) = gradient(start, *first), gradient(start, *second)
assert np.allclose(g_1, by_hand)

# %%
shut = [name for name, value in zip(names, g_2, strict=True) if value == 0]
mean_gradient = (g_1 + g_2) / 2
lesson.table(
    [(n, a, b, m) for n, a, b, m in zip(names, g_1.tolist(), g_2.tolist(), mean_gradient.tolist(), strict=True)],
    ["weight", "first example", "second example", "their mean"],
)
lesson.say(f"""
    The second example, inputs 1 and -2 with label 0, leaves unit 2 at
    {start[2]} · 1 + {start[3]} · (-2) − {-start[5]} = {start[2:4] @ second[0] + start[5]:g}. The gate is shut, and
    exactly {len(shut)} of nine derivatives are 0: {", ".join(shut)}. **An example says nothing at all to a unit that is
    off for it**, neither to what leads into it nor to what leads out. (Your second prediction: not at all. A unit that
    is off for *every* example is called dead: its own gradient is 0, so nothing in the data will switch it on again.)

    The loss of a batch is the mean of its examples' losses, so its gradient is the mean of theirs: the last column.
""")
assert set(shut) == {"w₂₁", "w₂₂", "b₂", "v₂"}

# %% [markdown]
# ## Is it right? First check: automatic differentiation
#
# PyTorch writes down every operation of the forward pass and walks the record backwards, by the same rule. That is
# all that `loss.backward()` does. We build the same network with the same nine weights, in double precision (float64,
# about 16 decimal digits; networks usually train in float32, about 7).

# %%
network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1), nn.Flatten(0)).double()
shapes = [parameter.shape for parameter in network.parameters()]
with torch.no_grad():
    for parameter, part in zip(network.parameters(), np.split(start, [4, 6, 8]), strict=True):
        parameter.copy_(torch.tensor(part).reshape(parameter.shape))

inputs = torch.tensor(np.stack([first[0], second[0]]))
labels = torch.tensor([first[1], second[1]], dtype=torch.float64)
bce = nn.BCEWithLogitsLoss()  # takes the logit; sigmoid and cross-entropy in one, as in our p − y
bce(network(inputs), labels).backward()

by_autograd = torch.cat([parameter.grad.ravel() for parameter in network.parameters()]).numpy()
apart = np.abs(mean_gradient - by_autograd).max()
lesson.say(f"""
    The nine derivatives agree to within {max(apart, 1e-16):.0e}, which is rounding in the last digit. But PyTorch uses
    the same rule as we do. If we had both misunderstood it, we would agree all the same.
""")
assert apart < 1e-12

# %% [markdown]
# ## Second check: wiggle the weight
#
# So here is a check that knows no chain rule. It takes the definition of a derivative at its word: move the weight a
# little up and a little down, and see how far the loss went. This is the *central difference*,
#
# $$\frac{\partial L}{\partial w} \approx \frac{L(w + s) - L(w - s)}{2 s},$$
#
# and how little is “a little”? Too large a step $s$ sees the bend of the curve: an error that grows with $s^2$. Too
# small a step subtracts two nearly equal losses, and only the rounding is left: an error like $\varepsilon / s$,
# where $\varepsilon$ is the precision of the numbers, $10^{-16}$ or $10^{-7}$. So there is a best step in between, near
# $\varepsilon^{1/3}$ (Nocedal and Wright, *Numerical Optimization*, 2006, chapter 8).


# %%
def batch_loss(weights):
    """The mean loss of the two examples; in whatever precision the weights have."""
    one = weights.dtype.type
    return (
        gradient(weights, first[0].astype(one), one(1))[0] + gradient(weights, second[0].astype(one), one(0))[0]
    ) / 2


def central_differences(weights, s):
    """The nine derivatives, each by moving its own weight up and down by s."""
    each = s * np.eye(weights.size, dtype=weights.dtype)
    return np.array([(batch_loss(weights + up) - batch_loss(weights - up)) / (2 * s) for up in each])


steps = 10.0 ** -np.arange(0.5, 12.1, 0.5)
errors = {}
for precision in (np.float64, np.float32):
    tried = [central_differences(start.astype(precision), precision(s)) for s in steps]
    errors[precision] = np.array([np.abs(one - mean_gradient).max() for one in tried]) / np.abs(mean_gradient).max()

# %% jupyter={"source_hidden": true}
best = {precision: (steps[error.argmin()], error.min()) for precision, error in errors.items()}
figure, axes = plt.subplots()
axes.loglog(steps, np.maximum(errors[np.float64], 1e-13), "o-", color=lesson.colours["blue"], label="float64")
axes.loglog(steps, np.maximum(errors[np.float32], 1e-13), "s--", color=lesson.colours["orange"], label="float32")
axes.set(xlabel="step s, by which a weight is moved", ylabel="largest error, relative", ylim=(1e-12, 30))
axes.set_title("A derivative by wiggling: too far sees the bend, too little sees the rounding")
axes.legend(loc="lower right")
lesson.show(
    figure,
    f"Two V-shaped curves on logarithmic axes. In float64 the error is smallest, {best[np.float64][1]:.0e}, at a step "
    f"of {best[np.float64][0]:.0e}; in float32 it is {best[np.float32][1]:.0e} at best, at {best[np.float32][0]:.0e}.",
)

# %%
lesson.say(f"""
    In float64 wiggling confirms our nine derivatives to {-np.log10(best[np.float64][1]):.0f} digits. In float32 it
    cannot do better than {-np.log10(best[np.float32][1]):.0f}: there a check that fails may have found nothing but
    rounding. **Check gradients in float64.**
""")
assert best[np.float64][1] < 1e-7 < best[np.float32][1] < 1e-1


# %% [markdown]
# A check is worth what it would catch. So we plant a bug, the most popular one: we forget the gates.


# %%
def forgetful(weights, x, y):
    """The gradient by somebody who forgot that a shut gate lets nothing back."""
    w, b, v, c = weights[0:4].reshape(2, 2), weights[4:6], weights[6:8], weights[8]
    h = np.maximum(w @ x + b, 0)
    dz = 1 / (1 + np.exp(-(v @ h + c))) - y
    return np.concatenate([np.outer(dz * v, x).ravel(), dz * v, dz * h, [dz]])


wrong_by = [np.abs(forgetful(start, *example) - gradient(start, *example)[1]).max() for example in (first, second)]
lesson.say(f"""
    On the first example the bug changes nothing (largest error {wrong_by[0]:g}): both gates are open there. On the
    second it is off by {wrong_by[1]:.2f}. To check one lucky example proves little. Check several, and among them some
    that take the other branch of every `if`.
""")
assert wrong_by[0] == 0
assert wrong_by[1] > 0.1

# %% [markdown]
# ## Third check: a deeper network under the microscope
#
# Nine weights fit on paper; the next network has 43, in two hidden layers, and from a weight of the first layer
# several routes lead to the output. `etude.microscope` takes one step of *any* PyTorch model with a copy and writes
# its numbers down: here one derivative, route by route, then by automatic differentiation, and by a central difference
# in float64. (This network has tanh, a smooth S-shaped function, instead of ReLU, so that no gate is shut. We stop at
# the logit: from there to the loss it is one more factor, $p - y$, the same for every route.)

# %%
torch.manual_seed(SEED)
deeper = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0))
many_inputs = torch.randn(16, 2)
many_labels = (many_inputs[:, 0] * many_inputs[:, 1] > 0).float()
seen = etude.microscope(deeper, bce, (many_inputs, many_labels), torch.optim.Adam(deeper.parameters(), lr=1e-3))
path = seen.path

# %%
lesson.table(
    [
        (
            " → ".join(str(hop.unit[0] + 1) for hop in route.hops if hop.layer in "02"),
            " · ".join(f"{hop.derivative:.3f}" for hop in route.hops[:-1]),
            route.product,
        )
        for route in path.routes
    ],
    ["through the units", "input · slope of tanh · weight · slope of tanh · weight", "their product"],
)
lesson.say(f"""
    The derivative of the logit of example {path.example} with respect to the weight
    `{path.weight[0]}{list(path.weight[1])}`: {len(path.routes)} routes are listed{f", {path.others} weaker ones add {path.rest:.4f}" if path.others else ""}, and
    their sum is {path.total:.6f}. Automatic differentiation says {path.autograd:.6f}, the central difference
    {path.difference:.6f}: they differ by {path.error:.0e} of the value. Multiply along, add over, at any depth.
""")
assert np.isclose(path.total, path.autograd, rtol=1e-3, atol=1e-5)
assert path.error < 1e-3

# %% [markdown]
# ## Sure and wrong: who is heard under which loss
#
# The learner’s notes say, in short, that binary cross-entropy (BCE) is for calibrated probabilities, and mean squared
# error (MSE) for simpler gradients. The first half holds up. About the second, look at what we have just derived. Under
# BCE the error signal is $p - y$; it could not be simpler. Under the squared error $(p - y)^2$ the sigmoid’s derivative
# has nothing to cancel against, and stays:
#
# $$\text{BCE:}\quad \frac{\partial L}{\partial z} = p - y
# \qquad\qquad
# \text{MSE:}\quad \frac{\partial L}{\partial z} = 2\,(p - y)\; p\,(1 - p).$$
#
# In words: squared error multiplies the same error by *how undecided the network is*. Where $p$ is near 0 or 1, that
# factor is nearly nothing. (For numbers without a sigmoid, as in regression, MSE’s gradient is indeed the simple one:
# there the notes are right.) You have seen this picture in lesson 2. Now you can derive both curves:

# %% jupyter={"source_hidden": true}
logits = np.linspace(-8, 8, 321)
said = 1 / (1 + np.exp(-logits))
signal = {"BCE": np.abs(said - 1), "MSE": np.abs(2 * (said - 1) * said * (1 - said))}
loudest = logits[signal["MSE"].argmax()]
figure, axes = plt.subplots()
axes.plot(logits, signal["BCE"], color=lesson.colours["blue"], label="BCE")
axes.plot(logits, signal["MSE"], "--", color=lesson.colours["orange"], label="MSE of the probability")
axes.set(xlabel="logit that the network gives an example whose label is 1", ylabel="size of the error signal")
axes.set_title("Left: sure and wrong. Right: sure and right")
axes.legend(loc="upper right")
lesson.show(
    figure,
    "Size of the error signal against the logit, for label 1. Under BCE it is near 1 at the left, where the network is "
    f"wrong and sure, and falls to 0 at the right. Under MSE it is a hump with its top near {loudest:.1f}, and nearly "
    "0 at both ends.",
)

# %%
told = []
for logit in (-2.0, -4.0, -6.0, -8.0):
    q = 1 / (1 + exp(-logit))
    told.append((f"{logit:g}", f"{100 * q:.2f} %", 1 - q, 2 * (1 - q) ** 2 * q))
lesson.table(told, ["logit", "the network says", "push under BCE", "push under MSE"])
lesson.say(f"""
    The more wrong, the *quieter*, under MSE: from a logit of -2 to -8 the push under BCE grows from {told[0][2]:.2f} to
    {told[-1][2]:.4f}, and under MSE it shrinks to {told[-1][3]:.5f}, a {told[0][3] / told[-1][3]:.0f}th of what it was.
    The two losses have different units, so do not compare their heights; compare how each *changes*. That was the first
    prediction: it nearly vanishes.
""")
assert told[-1][2] > told[0][2]
assert told[-1][3] < told[0][3] / 100

# %% [markdown]
# ### In a real training
#
# A formula says what can happen, not that it does. So train the same network twice, once with each loss, from the same
# rows and the same starting weights. Stop at step 50. Take the example that the BCE network gets most wrong. Divide the
# size of its error signal by the typical size in its batch (the root of the mean square): that is how *loud* it is
# among its fellows. Is it as loud under MSE? Below is the ratio, MSE to BCE; 1 means equally loud.

# %%
recipe = etude.Recipe(
    data=etude.task("sincos", rows=250, features=2, flip=0.05),
    model=etude.mlp(hidden=(16,)),
    loss="bce",
    optimizer=etude.adam(learning_rate=0.01),
    seed=SEED,
)
squared = etude.Recipe(**{**recipe.model_dump(), "loss": "mse"})
glass = Glass(step=50, replicates=lesson.of(small=8, full=40))
compared = under_glass(recipe, squared, glass)
loudness = next(one for one in compared.contrasts if one.name == "its error signal beside the batch's")

# %%
finding = (
    "MSE hears it less"
    if loudness.high < 1
    else "MSE hears it more"
    if loudness.low > 1
    else "these replicates leave open which loss hears it more"
)
lesson.figure(
    "MSE over BCE, loudness of the most confidently wrong example",
    loudness.mean,
    "Under MSE the most confidently wrong example is {:.3g} times as loud among its fellows as under BCE.",
)
lesson.say(f"""
    The 95 % interval of this ratio, over {loudness.n_pairs} replicates at step {compared.step}, is {loudness.low:.2g} to
    {loudness.high:.2g}: **{finding}**. Mind how the example was chosen: by the greatest mistake of the BCE network. The MSE
    network has other weights by now and need not be as wrong about it, so part of this ratio is the choice, not the loss.

    Before you banish MSE: *not* hearing is sometimes wise. An example whose label was flipped by mistake looks confidently
    wrong as well, and BCE listens to it most of all. Which of the two is better in the end is a question for a study of
    whole trainings, and lesson 2 asks it.
""")

# %% [markdown]
# ## From the gradient to the step: Adam, taken apart
#
# A gradient says which way. How far is the optimiser’s business. Plain gradient descent moves each weight by
# $-\eta\, g$, learning rate times gradient. Adam at 0.001, which all three notebooks used, does something else. It
# keeps two running averages for each weight, $m$ of the gradient and $v$ of its square (no relation to our $v_1$
# and $v_2$), corrects both for having started at zero, and divides:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2, \qquad
# \Delta w = -\eta\; \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}$$
#
# with $\beta_1 = 0.9$, $\beta_2 = 0.999$, $\epsilon = 10^{-8}$ and $t$ the number of the step (Kingma and Ba 2015,
# arXiv:1412.6980). In words: *the average direction, in units of the usual size*. At the first step $m$ is $0.1\,g$,
# which divided by $1 - 0.9$ is $g$ again; $v$ likewise becomes $g^2$; and $g / \sqrt{g^2}$ is the sign of $g$.

# %%
rate, beta_1, beta_2, epsilon = 0.001, 0.9, 0.999, 1e-8


def adam_step(g, m, v, t):
    """The step of each weight, and the two averages afterwards."""
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    return -rate * (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon), m, v


nothing = np.zeros(9)
moved, m, v = adam_step(mean_gradient, nothing, nothing, t=1)

optimizer = torch.optim.Adam(network.parameters(), lr=rate)
under = etude.microscope(network, bce, (inputs, labels), optimizer)  # takes the step with a copy
by_etude = np.concatenate([tensor.step.ravel() for tensor in under.tensors])
optimizer.step()
by_torch = torch.cat([parameter.detach().ravel() for parameter in network.parameters()]).numpy() - start
assert np.allclose(moved, by_torch, rtol=1e-9)
assert np.allclose(moved, by_etude, rtol=1e-9)

# %% jupyter={"source_hidden": true}
sizes = np.abs(mean_gradient)
figure, axes = plt.subplots()
place = np.arange(9)
axes.semilogy(place - 0.1, rate * sizes, "o", color=lesson.colours["blue"], label="gradient descent: rate × gradient")
axes.semilogy(place + 0.1, np.abs(moved), "s", color=lesson.colours["orange"], label="Adam")
axes.set_xticks(place, names)
axes.set(ylabel="size of the first step", ylim=(1e-4, 1e-2))
axes.set_title("Adam's first step has the same length for every weight")
axes.legend(loc="upper right")
lesson.show(
    figure,
    f"The first step of nine weights: by gradient descent, where the longest is {sizes.max() / sizes.min():.0f} times "
    f"the shortest, and by Adam, where each is {rate} long.",
)

# %%
lesson.say(f"""
    The largest derivative is {sizes.max() / sizes.min():.0f} times the smallest; Adam moves both by the learning rate,
    {rate}, to within {np.abs(np.abs(moved) / rate - 1).max():.0e} of it. Ours, PyTorch’s and étude’s steps agree.
    (Your third prediction: not at all further.)
""")
assert np.allclose(np.abs(moved), rate, rtol=1e-5)

# %% [markdown]
# ### The second step remembers the first
#
# What is each step made of? étude writes a step as a sum: the gradient of this batch, the memory of earlier ones, and
# the correction for having started at zero. We look at one weight over a few steps on the same two examples.

# %%
watched, parts, lengths = copy.deepcopy(network), [], []
optimizer = torch.optim.Adam(watched.parameters(), lr=rate)
for _ in range(12):
    under = etude.microscope(watched, bce, (inputs, labels), optimizer)
    tensor = under.tensors[0]  # the weights into the hidden units
    parts.append({part.name: float(part.values[0, 1]) for part in tensor.parts})
    lengths.append(float(tensor.step[0, 1]))
    optimizer.zero_grad()
    bce(watched(inputs), labels).backward()
    optimizer.step()

assert np.allclose([sum(made_of.values()) for made_of in parts], lengths, rtol=1e-6)

share = {name: [made_of[name] / length for made_of, length in zip(parts, lengths, strict=True)] for name in parts[0]}

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots()
numbers, below = np.arange(1, len(parts) + 1), np.zeros(len(parts))
looks = {"data gradient": ("blue", ""), "momentum memory": ("orange", "///"), "bias correction": ("sky", "...")}
for name, (colour, hatch) in looks.items():
    heights = np.array([made_of[name] for made_of in parts])
    axes.bar(numbers, heights, bottom=below, color=lesson.colours[colour], hatch=hatch, edgecolor="white", label=name)
    below += heights
axes.axhline(0, color=lesson.colours["black"], linewidth=0.8)
axes.set(xlabel="optimiser step", ylabel="change of the weight w₁₂", title="What each of Adam's steps is made of")
axes.set_xticks(numbers)
axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3)
lesson.show(
    figure,
    f"Stacked bars of one weight's first {len(parts)} steps. Of the first, the bias correction is "
    f"{100 * share['bias correction'][0]:.0f} % and the gradient {100 * share['data gradient'][0]:.0f} %; of the last, "
    f"the memory of earlier gradients is {100 * share['momentum memory'][-1]:.0f} %.",
)

# %%
lesson.say(f"""
    At step 1 there is no memory, and {100 * share["bias correction"][0]:.0f} % of the step is correction. By step
    {len(parts)} the memory of earlier gradients is {100 * share["momentum memory"][-1]:.0f} % of the step, and this
    batch’s own gradient {100 * share["data gradient"][-1]:.0f} %. Adam walks mostly on what it remembers.

    Now *Adam at {rate:g}* has a plain meaning: *a weight goes at most about {rate:g} a step* (the end of this lesson
    says when it is more). Three hundred steps carry it at most about {300 * rate:g}, and less where the gradient changes
    its mind. The 1,500 steps of lesson 1 had a reach of about {1500 * rate:g}. A run that is too short at that rate has
    not failed to learn; it could not have arrived.
""")
assert share["momentum memory"][0] == 0
assert share["momentum memory"][-1] > share["data gradient"][-1]

# %% [markdown]
# ## Exercise
#
# Replace ReLU by tanh in `gradient`. Which lines of the *backward* pass change, and how? (The derivative of tanh at $z$
# is $1 - \tanh^2 z$, which is $1 - h^2$: the value that was kept on the way forwards is all you need.) Check your
# nine derivatives on both examples by central differences. Then say why a unit with tanh can never be dead, and what
# happens to its error signal where $|h|$ is near 1.


# %% tags=["solution"] jupyter={"source_hidden": true}
def gradient_tanh(weights, x, y):
    """The same with tanh: one line forwards and one line backwards."""
    w, b, v, c = weights[0:4].reshape(2, 2), weights[4:6], weights[6:8], weights[8]
    h = np.tanh(w @ x + b)  # changed
    p = 1 / (1 + np.exp(-(v @ h + c)))
    loss = -np.log(p) if y == 1 else -np.log(1 - p)
    dz = p - y
    dz_hidden = dz * v * (1 - h**2)  # changed
    return loss, np.concatenate([np.outer(dz_hidden, x).ravel(), dz_hidden, dz * h, [dz]])


s, each, worst = 1e-5, np.eye(9), 0.0
for example in (first, second):
    wiggled = [
        (gradient_tanh(start + s * e, *example)[0] - gradient_tanh(start - s * e, *example)[0]) / (2 * s) for e in each
    ]
    worst = max(worst, np.abs(np.array(wiggled) - gradient_tanh(start, *example)[1]).max())
lesson.say(f"""
    Two lines change, one forwards and one backwards; the largest error on both examples is {worst:.0e}. The derivative
    $1 - h^2$ is never 0 (until rounding makes it so, beyond a $z$ of about 19), so no unit is dead. But where $|h|$ is
    near 1 it is nearly 0: the unit is *saturated*, and the error signal fades instead of stopping. Through many layers,
    or many steps of a sequence, that fading is the vanishing gradient of lesson 9.
""")
assert worst < 1e-8

# %% [markdown]
# ## What would change our mind
#
# About the nine derivatives: a central difference in float64 that disagrees at a step near $10^{-5}$, on an example
# that is not at a kink. That the confidently wrong are hardly heard under MSE: nothing empirical could, since it follows
# from the formula; but a replicated trial might well show that it does not *matter*, because networks seldom become so
# sure, or because those examples are mislabelled anyway. About Adam: *no further than the learning rate* is only nearly
# true. A weight whose gradient was tiny for long and is suddenly large can move about three times as far in one step
# ($(1 - \beta_1) / \sqrt{1 - \beta_2}$; Kingma and Ba, section 2.1).

# %%
lesson.full("40 replicates under the glass instead of 8")

# %% [markdown]
# ## Where to read on
#
# - Rumelhart, Hinton and Williams (1986), “Learning representations by back-propagating errors”,
#   [*Nature* 323](https://doi.org/10.1038/323533a0): four pages, still the clearest.
# - Michael Nielsen (2015), *Neural Networks and Deep Learning*,
#   [chapter 2](http://neuralnetworksanddeeplearning.com/chap2.html), for the matrix form; chapter 3 for the slow start
#   of the squared error.
# - Andrej Karpathy, [micrograd](https://github.com/karpathy/micrograd): automatic differentiation in a hundred lines.
# - Baydin et al. (2018), “Automatic differentiation in machine learning: a survey”,
#   [arXiv:1502.05767](https://arxiv.org/abs/1502.05767): why one sweep suffices for all weights.
# - In étude: `etude step RECIPE --report step.html`, for any step of any recipe (`docs/step.md`).
