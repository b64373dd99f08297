"""What is trained: an architecture of ours, or any function of the user's that returns an nn.Module."""

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from etude.values.code import Code
from etude.values.errors import RecipeError
from etude.values.spec import Spec

Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "gelu"]
Initialisation = Literal["default", "he", "xavier", "small"]
Widths = tuple[Annotated[int, Field(ge=1)], ...]


class Mlp(Spec):
    """A multilayer perceptron: linear layers with an activation, and dropout, after each hidden one."""

    name: Literal["mlp"] = "mlp"
    hidden: Widths = Field((16,), description="the width of each hidden layer; empty: a linear model")
    activation: Activation = Field("relu", description="the function after each hidden layer")
    norm: Literal["none", "batch", "layer"] = Field(
        "none",
        description="what normalises between a hidden layer and its activation: the batch, or an example's units",
    )
    residual: bool = Field(
        False,  # noqa: FBT003
        description="whether what enters a hidden layer as wide as what it takes in is added to what leaves it",
    )
    initialisation: Initialisation = Field(
        "default",
        description="where weights begin, uniform in ±r: 1/√inputs, torch's own, biases too; 'he' √(6/inputs); "
        "'xavier' √(6/(inputs + units)); 'small' a tenth of 1/√inputs; these three with biases of 0",
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="probability that a hidden unit is silenced in training")


class Convnet(Spec):
    """A convolutional network: stages of 3 × 3 convolutions that each end by halving the image, then a linear layer."""

    name: Literal["convnet"] = "convnet"
    channels: Widths = Field((16, 32), min_length=1, description="the channels of each stage")
    depth: int = Field(1, ge=1, description="convolutions a stage")
    norm: Literal["none", "batch"] = Field("none", description="'batch' normalises after each convolution")
    activation: Activation = Field("relu", description="the function after each convolution")
    dropout: float = Field(0.0, ge=0, lt=1, description="probability that an input of the last layer is silenced")


class Recurrent(Spec):
    """A recurrent network that reads a sequence from its start, and answers from its last state."""

    told_by: ClassVar[str] = "cell"

    name: Literal["recurrent"] = "recurrent"
    cell: Literal["rnn", "gru", "lstm"] = Field("gru", description="what is repeated: 'rnn' is Elman's, with tanh")
    hidden: int = Field(32, ge=1, description="numbers in the state of a layer and direction")
    layers: int = Field(1, ge=1, description="layers, each reading the states of the one before")
    bidirectional: bool = Field(False, description="whether a second reader goes from the end to the start")  # noqa: FBT003
    embedding: int = Field(16, ge=1, description="numbers that stand for a character; used for text only")
    dropout: float = Field(0.0, ge=0, lt=1, description="probability that an input of a later layer is silenced")
    forget_bias: float = Field(
        0.0,
        ge=0,
        le=10,
        description="added at the start to the bias of the gate that keeps the state, the forget gate of 'lstm' and "
        "the update gate of 'gru': with 0 it starts half open, with 2 or more a cell remembers from the start",
    )

    @model_validator(mode="after")
    def _a_plain_cell_has_no_gate(self) -> "Recurrent":
        if self.forget_bias and self.cell == "rnn":
            raise RecipeError(
                f"forget_bias={self.forget_bias:g} is for a gate that keeps the state, and the cell 'rnn' has none. "
                "Use cell='gru' or 'lstm', or leave forget_bias out."
            )
        return self


class Attention(Spec):
    """A transformer encoder (Vaswani et al. 2017), normalised before each part; it answers from the mean position.

    Where every position is asked for the next one, as in text, it answers at each and sees none that follow.
    """

    name: Literal["attention"] = "attention"
    width: int = Field(32, ge=2, description="numbers at each position")
    heads: int = Field(4, ge=1, description="attention heads a layer; they share the width evenly")
    layers: int = Field(2, ge=1, description="layers of attention and a feed-forward network four times as wide")
    positions: Literal["sinusoidal", "learned", "none"] = Field(
        "sinusoidal", description="how a position is told apart from the others"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="probability that a number is silenced after each part")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "Attention":
        if self.width % self.heads:
            raise RecipeError(
                f"width {self.width} is no multiple of heads {self.heads}, and every head takes an equal share of it. "
                f"Use width={self.width // self.heads * self.heads or self.heads} or another number of heads."
            )
        return self


class Pretrained(Spec):
    """An image network that has learned from photographs, with a new last layer."""

    name: Literal["pretrained"] = "pretrained"
    network: Literal["efficientnet_lite0"] = Field("efficientnet_lite0", description="whose weights")
    start: Literal["pretrained", "random"] = Field(
        "pretrained", description="'random' is the control: the same network that has learned nothing"
    )
    train: Literal["head", "all"] = Field("head", description="'head' trains the last layer alone, a linear probe")
    body_rate: float = Field(
        0.1, gt=0, le=1, description="learning rate of everything but the head, as a share of the head's"
    )
    pixels: int = Field(96, ge=32, le=224, description="height and width that images are scaled to")


MODELS: tuple[type[Spec], ...] = (Mlp, Convnet, Recurrent, Attention, Pretrained)
"""Our architectures, in the order in which a learner meets them."""

_NAMES = tuple(model.__name__.lower() for model in MODELS)


def _which(model: object) -> str:
    if isinstance(model, Spec):
        return type(model).__name__.lower()
    return str(model.get("name", "mlp")) if isinstance(model, dict) else "unknown"


Model = Annotated[
    Annotated[Mlp, Tag("mlp")]
    | Annotated[Convnet, Tag("convnet")]
    | Annotated[Recurrent, Tag("recurrent")]
    | Annotated[Attention, Tag("attention")]
    | Annotated[Pretrained, Tag("pretrained")]
    | Annotated[Code, Tag("code")],
    Discriminator(
        _which,
        custom_error_type="unknown_model",
        custom_error_message=f"model needs a name, one of {', '.join(_NAMES)}, or is a function that returns a network",
    ),
]
"""Any model, told apart by its name."""

mlp, convnet, recurrent, attention, pretrained = Mlp, Convnet, Recurrent, Attention, Pretrained
"""As people write them in a recipe: ``model=etude.mlp(hidden=(5,))``."""
