"""The journey: a learner's three notebooks as one controlled study, their claims put on trial.

Each notebook trained one small network once (ReLU hidden layer, Adam 0.001, full batch, 1,500 epochs) and drew its
conclusion by subtracting final losses. Here every claim gets the contrast that would decide it, on replicates; and
every level that any notebook had meets every other one, so that each choice is judged by itself.
"""

from etude.values.claim import OBJECTIVE, Bound, Claim, Contrast
from etude.values.data import Task
from etude.values.model import Mlp
from etude.values.recipe import Recipe
from etude.values.study import Plan

NOTEBOOK_1 = Recipe(
    data=Task(task="sincos", rows=1000, features=2, flip=0.05, test_rows=1000),
    model=Mlp(hidden=(4,)),
    loss="bce",
    epochs=1500,
    score_every=150,  # ten scorings a notebook: enough to see a curve, and cheap beside the training
)
NOTEBOOK_2 = {"data.features": 3, "data.rows": 1500, "model.hidden": (5,), "loss": "mse"}
NOTEBOOK_3 = {
    "data.features": 4,
    "data.rows": 1500,
    "model.hidden": (7,),
    "optimizer.coupled_weight_decay": 0.01,
}
OVERFITTING = {"data.features": 4, "data.rows": 250, "model.hidden": (64,), "optimizer.learning_rate": 0.01}
LONG = 6000

NOTEBOOK_2_BCE = {**NOTEBOOK_2, "loss": "bce"}
NOTEBOOK_3_FREE = {**NOTEBOOK_3, "optimizer.coupled_weight_decay": 0.0}
FEWER_ROWS = {"data.features": 3, "model.hidden": (5,)}

VARY = {
    "data.features": (2, 3, 4),
    "model.hidden": ((4,), (5,), (7,), (32,)),
    "loss": ("bce", "mse"),
    "data.rows": (1000, 1500),
    "optimizer.coupled_weight_decay": (0.0, 0.001, 0.01),
}
"""The notebooks' own levels, a width that none of them had, and a tenth of notebook 3's L2."""

ARMS = {
    "notebook 1": {},
    "notebook 2": NOTEBOOK_2,
    "notebook 2 with BCE": NOTEBOOK_2_BCE,
    "notebook 2, four times as long": {**NOTEBOOK_2, "epochs": LONG},
    "notebook 2 with BCE, four times as long": {**NOTEBOOK_2_BCE, "epochs": LONG},
    "notebook 3": NOTEBOOK_3,
    "notebook 3 without L2": NOTEBOOK_3_FREE,
    "notebook 3 without L2, four times as long": {**NOTEBOOK_3_FREE, "epochs": LONG},
    "1,000 rows, 5 units": FEWER_ROWS,
    "1,500 rows, 5 units": {**FEWER_ROWS, "data.rows": 1500},
    "1,000 rows, 10 units": {**FEWER_ROWS, "model.hidden": (10,)},
    "overfitting: 64 units, 250 rows": OVERFITTING,
    "overfitting, with L2": {**OVERFITTING, "optimizer.coupled_weight_decay": 0.01},
    "notebook 1, 64 units, learning rate 0.01": {"model.hidden": (64,), "optimizer.learning_rate": 0.01},
}

CLAIMS = (
    Claim(
        text="MSE showed a 71 % improvement over BCE.",
        about="The 71 % is (0.6190 − 0.1773) / 0.6190: a squared error subtracted from a log loss. "
        "Below, only the loss changes, and both networks are scored alike.",
        stated=(Contrast(control="notebook 1", treated="notebook 2", metric=OBJECTIVE, split="train"),),
        instead=(
            Contrast(control="notebook 2 with BCE", treated="notebook 2", metric="brier", says="MSE against BCE"),
            Contrast(control="notebook 2 with BCE", treated="notebook 2", metric="log_loss", says="MSE against BCE"),
            Contrast(control="notebook 2 with BCE", treated="notebook 2", metric="accuracy", says="MSE against BCE"),
            Contrast(
                control="notebook 2 with BCE, four times as long",
                treated="notebook 2, four times as long",
                metric="log_loss",
                says="MSE against BCE, four times as long",
            ),
        ),
    ),
    Claim(
        text="L2 hurt: 0.67 against 0.17.",
        about="0.67 is a log loss and 0.17 a squared error, of networks that also differ in inputs and width. "
        "Below, only the L2 penalty changes.",
        stated=(Contrast(control="notebook 2", treated="notebook 3", metric=OBJECTIVE, split="train", expect="worse"),),
        instead=(
            Contrast(
                control="notebook 3 without L2",
                treated="notebook 3",
                metric="log_loss",
                expect="worse",
                says="L2 of 0.01 against none",
            ),
            Contrast(
                control="notebook 3 without L2",
                treated="notebook 3",
                metric="accuracy",
                expect="worse",
                says="L2 of 0.01 against none",
            ),
        ),
    ),
    Claim(
        text="The theoretical minimum loss is about 0.05, because of 5 % label noise.",
        about="Flipping 5 % of the labels limits accuracy to 95 %. What it leaves of a loss depends on the loss: for "
        "log loss the entropy of the flip, for squared error its variance, which happens to be near 0.05.",
        stated=(Bound(settings="notebook 1", metric="log_loss", value=0.05, within=0.01),),
        instead=(Bound(settings="notebook 1", metric="brier", value=0.05, within=0.01),),
    ),
    Claim(
        text="More data beats architecture: 800 to 1,200 training rows had more impact than doubling the parameters.",
        about="Both changes are made from one starting point, and their effects subtracted replicate by replicate.",
        stated=(
            Contrast(
                control="1,000 rows, 5 units",
                treated="1,500 rows, 5 units",
                beyond=Contrast(control="1,000 rows, 5 units", treated="1,000 rows, 10 units", metric="log_loss"),
                metric="log_loss",
                says="half as many rows again, beyond twice the parameters",
            ),
        ),
        instead=(
            Contrast(
                control="1,000 rows, 5 units",
                treated="1,500 rows, 5 units",
                metric="log_loss",
                says="1,200 training rows against 800",
            ),
            Contrast(
                control="1,000 rows, 5 units",
                treated="1,000 rows, 10 units",
                metric="log_loss",
                says="51 parameters against 26",
            ),
        ),
    ),
    Claim(
        text="Perfect convergence: a train–validation gap of 0.0005.",
        about="A small gap says that the network has not memorised, not that it has finished. Converged would mean "
        "that training on changes nothing.",
        stated=(
            Contrast(
                control="notebook 3 without L2",
                treated="notebook 3 without L2, four times as long",
                metric="log_loss",
                split="train",
                expect="equivalent",
                says="training four times as long, without L2",
            ),
        ),
        instead=(
            Contrast(
                control="notebook 3",
                treated="notebook 3",
                metric="log_loss",
                split="validation",
                control_split="train",
                expect="equivalent",
                says="the gap of notebook 3",
            ),
            Contrast(
                control="notebook 1",
                treated="notebook 1, 64 units, learning rate 0.01",
                metric="log_loss",
                as_a_whole=True,
                says="a wider network with a larger learning rate, on notebook 1's data",
            ),
        ),
    ),
    Claim(
        text="Zero overfitting despite the increase in model complexity.",
        about="Overfitting is how much worse a network does on new data than on its own. Networks this small, trained "
        "this briefly, leave little room for it; the last row has few rows and a wide network.",
        stated=(
            Contrast(
                control="notebook 2",
                treated="notebook 2",
                metric="brier",
                split="test",
                control_split="train",
                expect="equivalent",
                says="the gap of notebook 2",
            ),
            Contrast(
                control="notebook 3",
                treated="notebook 3",
                metric="log_loss",
                split="test",
                control_split="train",
                expect="equivalent",
                says="the gap of notebook 3",
            ),
        ),
        instead=(
            Contrast(
                control="overfitting: 64 units, 250 rows",
                treated="overfitting: 64 units, 250 rows",
                metric="log_loss",
                split="test",
                control_split="train",
                expect="worse",
                says="the gap of 64 units on 250 rows",
            ),
        ),
    ),
    Claim(
        text="Regularisation is medicine: it hurts where overfitting is absent and helps where it is present.",
        about="The same dose, an L2 penalty of 0.01, where the network underfits and where it overfits.",
        stated=(
            Contrast(
                control="notebook 3 without L2",
                treated="notebook 3",
                metric="log_loss",
                expect="worse",
                says="L2 of 0.01 where there is no overfitting",
            ),
            Contrast(
                control="overfitting: 64 units, 250 rows",
                treated="overfitting, with L2",
                metric="log_loss",
                says="L2 of 0.01 where there is overfitting",
            ),
        ),
    ),
    Claim(
        text="The comparison of the three notebooks as they stand shows which choice caused the improvement.",
        about="Four choices changed between notebooks 1 and 2. Below each is changed alone.",
        stated=(Contrast(control="notebook 1", treated="notebook 2", metric="brier"),),
    ),
)

JOURNEY = Plan(
    name="journey",
    title="A learner's journey, put on trial",
    about="Three notebooks trained small networks on synthetic data, once each, with several things changed at once, "
    "and drew eight conclusions from the final losses. Here every conclusion meets the comparison that decides it, and "
    "every choice of theirs meets every other one.",
    base=NOTEBOOK_1,
    vary=VARY,
    arms=ARMS,
    claims=CLAIMS,
    replicates=32,
)
