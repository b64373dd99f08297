"""What is trained: an architecture of ours, or any function of the user's that returns an nn.Module."""

from typing import Annotated, Literal

from pydantic import Field

from etude.values.spec import Spec

Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "gelu"]


class Mlp(Spec):
    """A multilayer perceptron: linear layers with an activation, and dropout, after each hidden one."""

    name: Literal["mlp"] = "mlp"
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16,), description="the width of each hidden layer; empty: a linear model"
    )
    activation: Activation = Field("relu", description="the function after each hidden layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="probability that a hidden unit is silenced in training")


mlp = Mlp
"""As people write it in a recipe: ``model=etude.mlp(hidden=(5,))``."""
