"""An image network that has learned from photographs, EfficientNet-Lite0, with a new last layer."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from etude.engine.architectures.convnet import drawn, image_form
from etude.engine.weights import published_weights
from etude.numerics.seeds import key
from etude.values.errors import EngineError
from etude.values.model import Pretrained
from etude.values.sizes import Sizes

FEATURES = 1280
"""What the body makes of an image; Lite leaves this width and that of the stem alone in its larger variants too."""

ROWS_AT_ONCE = 32
"""Images of one pass in evaluation mode: more are no faster, and those of 96 × 96 pixels take 28 MB at their widest."""

HE = 6**0.5
"""Reach of a random body's weights, which carries a signal through ReLUs (He et al. 2015, arXiv:1502.01852). With 1, as
torch draws, features fade to 10⁻⁹ in a frozen body, whose batch norms have seen nothing: no head could learn from them,
and the control would be worse than it need be."""


class Stage(NamedTuple):
    """Blocks in a row; the first has the stride and brings the channels from those of the stage before."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM = 32
STAGES = (
    Stage(1, kernel=3, stride=1, expansion=1, channels=16),
    Stage(2, kernel=3, stride=2, expansion=6, channels=24),
    Stage(2, kernel=5, stride=2, expansion=6, channels=40),
    Stage(3, kernel=3, stride=2, expansion=6, channels=80),
    Stage(3, kernel=5, stride=1, expansion=6, channels=112),
    Stage(4, kernel=5, stride=2, expansion=6, channels=192),
    Stage(1, kernel=3, stride=1, expansion=6, channels=320),
)
"""Tan and Le (2019), arXiv:1905.11946, table 1."""


def transfer_network(spec: Pretrained, sizes: Sizes, *, seed: int, replicate: int) -> "PretrainedNetwork":
    """The pretrained network with its published weights, or without, where it is to be the control."""
    weights = published_weights(spec.network) if spec.start == "pretrained" else None
    return pretrained_network(spec, sizes, seed=seed, replicate=replicate, weights=weights)


def pretrained_network(
    spec: Pretrained, sizes: Sizes, *, seed: int, replicate: int, weights: Mapping[str, Tensor] | None
) -> "PretrainedNetwork":
    """The network of `spec` from images to raw outputs: shape (rows, channels · height · width) to (rows, outputs).

    weights: the published state of the network, with or without its own last layer (`_fc`), which is not used;
             None where spec.start is "random"

    What is not given is drawn by counters (`drawn` in convnet.py), the head alike for every start.
    An EngineError where the data are no images of 1 or 3 channels.
    """
    assert (weights is None) == (spec.start == "random")
    image = image_form(sizes, model=spec.name)
    if image[0] not in (1, 3):
        raise EngineError(
            f"a pretrained network has learned from red, green and blue, and an image of this data has {image[0]} "
            "channels. Give it the 3 that are colours, or 1 of brightness, or train a convnet. Nothing was trained."
        )
    body, chance = EfficientNetLite0(), key(seed, replicate, "init")
    convolutions = [module for module in body.modules() if isinstance(module, nn.Conv2d)]
    if weights is None:
        for number, convolution in enumerate(convolutions):
            drawn(convolution, chance, number, reach=HE)
    else:
        own = {name: weight.clone() for name, weight in weights.items() if not name.startswith("_fc.")}
        body.load_state_dict(own, assign=True)
    head = drawn(nn.Linear(FEATURES, sizes.outputs, device="meta"), chance, len(convolutions))
    return PretrainedNetwork(body, head, spec=spec, image=image)


def rate_scales(network: "PretrainedNetwork") -> dict[str, float]:
    """The learning rate of each parameter that is trained, by name, as a share of the recipe's.

    What has been learned already moves less than the new layer: discriminative learning rates.
    Source: Howard and Ruder (2018), arXiv:1801.06146, section 3.2, with one rate for the whole body.
    """
    shares = {"body": network.spec.body_rate, "head": 1.0}
    trained = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    return {name: shares[name.partition(".")[0]] for name in trained}


def body_parameters() -> int:
    """How many numbers the body learns; the head has (1280 + 1) · outputs beside them.

    A convolution of k × k from m to n channels has n·m·k² weights, or n·k² where it takes each channel alone, and its
    batch norm 2·n numbers.

    >>> body_parameters() + (1280 + 1) * 1000  # with the head that was published
    4652008
    """
    blocks = 0
    for channels, _, stage in _places():
        wide, out = channels * stage.expansion, stage.channels
        widening = (channels + 2) * wide if stage.expansion > 1 else 0
        blocks += widening + (stage.kernel**2 + 2) * wide + (wide + 2) * out
    return (3 * 3**2 + 2) * STEM + blocks + (STAGES[-1].channels + 2) * FEATURES


class PretrainedNetwork(nn.Module):
    """Scales images, makes features of them in its body, and answers with a linear head.

    Images arrive flat, as (pixel − 127) / 128 of pixels from 0 to 255. Where spec.train is "head" the body is frozen:
    no gradient goes there, and its batch norms use what they have learned, in training too. So the features of an image
    never change, and whoever has them may train the head alone: the network is ``head(features(examples))``.
    """

    def __init__(
        self, body: "EfficientNetLite0", head: nn.Linear, *, spec: Pretrained, image: tuple[int, int, int]
    ) -> None:
        """In training mode; `image` is (channels, height, width)."""
        super().__init__()
        self.body, self.head, self.spec, self.image = body, head, spec, image
        body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        body.requires_grad_(spec.train == "all")
        self.train()

    def forward(self, examples: Tensor) -> Tensor:
        """Shape (rows, channels · height · width) to (rows, outputs)."""
        outputs: Tensor = self.head(self.features(examples))
        return outputs

    def features(self, examples: Tensor) -> Tensor:
        """Shape (rows, channels · height · width) to (rows, 1280)."""
        at_once = len(examples) if self.body.training else ROWS_AT_ONCE  # in training a batch norm looks at all of them
        return torch.cat([self.body(self._scaled(rows)) for rows in torch.split(examples, at_once)])

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's own signature
        """As of any module, but that a frozen body stays in evaluation mode."""
        super().train(mode)
        if self.spec.train == "head":
            self.body.eval()
        return self

    def _scaled(self, examples: Tensor) -> Tensor:
        """Colour images of spec.pixels each way, shape (rows, 3, pixels, pixels)."""
        images, pixels = examples.reshape(-1, *self.image), self.spec.pixels
        shrinks = max(self.image[1:]) > pixels
        scaled = functional.interpolate(
            images, (pixels, pixels), mode="bilinear", align_corners=False, antialias=shrinks
        )
        return scaled.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


class EfficientNetLite0(nn.Module):
    """From colour images to features: shape (rows, 3, height, width) to (rows, 1280); nothing is drawn yet.

    Parameters are called as in the published weights. Lite is EfficientNet-B0 without squeeze-and-excitation and with
    ReLU6. Left out are dropout and stochastic depth, which trained it.
    """

    def __init__(self) -> None:
        """Weights wait for `load_state_dict` or `drawn`."""
        super().__init__()
        self._conv_stem, self._bn0 = _convolution(3, STEM, kernel=3, stride=2)
        self._blocks = nn.ModuleList(Block(channels, stride, stage) for channels, stride, stage in _places())
        self._conv_head, self._bn1 = _convolution(STAGES[-1].channels, FEATURES)

    def forward(self, images: Tensor) -> Tensor:
        """Shape (rows, 3, height, width) to (rows, 1280)."""
        hidden = _filtered(_with_margins(images, kernel=3), self._conv_stem, self._bn0)
        for block in self._blocks:
            hidden = block(hidden)
        hidden = _filtered(hidden, self._conv_head, self._bn1)
        return functional.adaptive_avg_pool2d(hidden, 1).flatten(1)


class Block(nn.Module):
    """An inverted residual (Sandler et al. 2018): widen, filter each channel alone, narrow, and add what came in."""

    def __init__(self, channels: int, stride: int, stage: Stage) -> None:
        """From `channels` to those of the stage; what came in is added where it has the form of what goes out."""
        super().__init__()
        wide = channels * stage.expansion
        self.widens, self.halves = stage.expansion > 1, stride == 2
        self.adds = stride == 1 and channels == stage.channels
        if self.widens:
            self._expand_conv, self._bn0 = _convolution(channels, wide)
        self._depthwise_conv, self._bn1 = _convolution(wide, wide, kernel=stage.kernel, stride=stride, groups=wide)
        self._project_conv, self._bn2 = _convolution(wide, stage.channels)

    def forward(self, given: Tensor) -> Tensor:
        """Shape (rows, channels, height, width) to the stage's channels, perhaps with half the height and width."""
        hidden = _filtered(given, self._expand_conv, self._bn0) if self.widens else given
        if self.halves:
            hidden = _with_margins(hidden, kernel=self._depthwise_conv.kernel_size[0])
        hidden = _filtered(hidden, self._depthwise_conv, self._bn1)
        narrow: Tensor = self._bn2(self._project_conv(hidden))
        return narrow + given if self.adds else narrow


def _places() -> Iterator[tuple[int, int, Stage]]:
    """Of each block: the channels it takes, its stride, its stage."""
    channels = STEM
    for stage in STAGES:
        for i in range(stage.blocks):
            yield channels, stage.stride if i == 0 else 1, stage
            channels = stage.channels


def _convolution(
    channels: int, width: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A convolution without weights yet and its batch norm.

    The norm has the ε that was published, but torch's momentum: 0.01 is for 10⁵ steps, and here they are hundreds.
    """
    padding = kernel // 2 if stride == 1 else 0
    made = nn.Conv2d(channels, width, kernel, stride, padding, groups=groups, bias=False, device="meta")
    return made, nn.BatchNorm2d(width, eps=1e-3)


def _filtered(images: Tensor, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    return functional.relu6(norm(convolution(images)), inplace=True)  # in place: an eighth faster


def _with_margins(images: Tensor, *, kernel: int) -> Tensor:
    """Zeros around images before a convolution of stride 2: one row and column less before them than after them.

    That is TensorFlow's "same" for an even height and width, as of the images that the network has learned from.
    """
    return functional.pad(images, (kernel // 2 - 1, kernel // 2) * 2)
