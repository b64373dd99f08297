"""How parameters move: optimisers, learning-rate schedules, early stopping. Defaults are torch's."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from etude.values.errors import RecipeError
from etude.values.spec import Spec

Rate = Annotated[float, Field(gt=0, description="the step size, before the schedule")]
Coupled = Annotated[
    float,
    Field(ge=0, description="λ of an L2 penalty whose gradient λ·w joins the loss's (torch's `weight_decay`)"),
]
Decoupled = Annotated[
    float,
    Field(ge=0, description="λ of a shrinkage of the weights by learning rate × λ, apart from the gradient"),
]
Beta = Annotated[float, Field(ge=0, lt=1)]
Epsilon = Annotated[float, Field(gt=0)]


class _Optimizer(Spec):
    @model_validator(mode="before")
    @classmethod
    def _weight_decay_says_which(cls, fields: dict[str, object]) -> dict[str, object]:
        if isinstance(fields, dict) and "weight_decay" in fields:
            own = next(name for name in cls.model_fields if name.endswith("weight_decay"))
            raise RecipeError(
                "'weight_decay' means two things: an L2 penalty that passes through the optimiser (coupled; "
                "torch's Adam, SGD and RMSprop) or a shrinkage of the weights beside it (decoupled; AdamW). "
                f"Here it is {own!r}."
            )
        return fields


class Sgd(_Optimizer):
    """Stochastic gradient descent, with momentum."""

    name: Literal["sgd"] = "sgd"
    learning_rate: Rate = 1e-2
    momentum: Beta = 0.0
    nesterov: bool = False
    coupled_weight_decay: Coupled = 0.0

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise RecipeError("nesterov looks ahead along the momentum: give momentum > 0, or leave nesterov out.")
        return self


class Rmsprop(_Optimizer):
    """RMSprop (Hinton 2012)."""

    name: Literal["rmsprop"] = "rmsprop"
    learning_rate: Rate = 1e-2
    smoothing: Beta = 0.99
    epsilon: Epsilon = 1e-8
    momentum: Beta = 0.0
    coupled_weight_decay: Coupled = 0.0


class Adam(_Optimizer):
    """Adam (Kingma and Ba 2015), any weight decay passing through it as an L2 penalty."""

    name: Literal["adam"] = "adam"
    learning_rate: Rate = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    epsilon: Epsilon = 1e-8
    coupled_weight_decay: Coupled = 0.0


class AdamW(_Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"] = "adamw"
    learning_rate: Rate = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    epsilon: Epsilon = 1e-8
    decoupled_weight_decay: Decoupled = 0.01


sgd, rmsprop, adam, adamw = Sgd, Rmsprop, Adam, AdamW
"""As people write them in a recipe: ``optimizer=etude.adam(learning_rate=1e-3)``."""

Optimizer = Annotated[Sgd | Rmsprop | Adam | AdamW, Field(discriminator="name")]


class Schedule(Spec):
    """How the learning rate changes: a factor on it at each optimiser step.

    constant: 1; step: `factor` to the power of epochs // `every`; cosine: half a cosine from 1 down to `final`.
    The first `warm_up` epochs rise linearly from 0 to 1 before that; step and cosine count from their end.
    """

    name: Literal["constant", "step", "cosine"] = "constant"
    every: int | None = Field(None, ge=1, description="epochs between two drops of a step schedule")
    factor: float | None = Field(None, gt=0, lt=1, description="what a step schedule multiplies by at each drop")
    final: float | None = Field(None, ge=0, lt=1, description="the factor at the end of a cosine schedule")
    warm_up: float = Field(0.0, ge=0, description="epochs over which the rate first rises from 0")

    @model_validator(mode="after")
    def _fields_belong_to_the_name(self) -> "Schedule":
        used = {"constant": (), "step": ("every", "factor"), "cosine": ("final",)}
        given = {"every": self.every, "factor": self.factor, "final": self.final}
        stray = [field for field, value in given.items() if value is not None and field not in used[self.name]]
        if stray:
            raise RecipeError(
                f"a {self.name} schedule has no {stray[0]!r}; it has {used[self.name] or 'warm_up only'}."
            )
        if self.name == "step" and (self.every is None or self.factor is None):
            raise RecipeError("a step schedule needs `every` (epochs) and `factor`, such as every=500, factor=0.1.")
        return self


class EarlyStopping(Spec):
    """Stop when the validation objective has not improved for `patience` epochs; the best weights are kept."""

    patience: int = Field(ge=1, description="epochs without improvement that are waited for")
    min_delta: float = Field(
        0.0, ge=0, description="the smallest fall that counts as improvement, in the objective's unit"
    )
