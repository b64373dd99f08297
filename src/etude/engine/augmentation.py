"""Images changed by chance as they are learned from: mirrored and moved."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from etude.numerics.seeds import hashed_uniform
from etude.values.augment import Augment


def augmented(  # noqa: PLR0913 - the images, and all that decides how they are changed
    images: Tensor, rows: Tensor, how: Augment, *, chance: np.uint64, epoch: int, black: float
) -> Tensor:
    """The images as an epoch shows them, shape (rows, channels, height, width).

    rows:   the place of each in the training part, shape (rows,)
    chance: key(seed, replicate, "augment")
    black:  what comes in from beyond the edge

    Of row r, ``hashed_uniform(chance, epoch, what, r)`` decides whether it is mirrored (what = 0, below 1/2), and how
    far it is moved up (1) and left (2), each of −shift, …, shift equally likely. So an image changes in the same way
    whatever batch it is in.
    """
    counters = rows.cpu().numpy().astype(np.uint64)
    mirrored, up, left = (
        torch.from_numpy(hashed_uniform(chance, epoch, what, counters)).to(images.device) for what in range(3)
    )
    height, width, reach = images.shape[2], images.shape[3], how.shift
    wide = functional.pad(images, (reach,) * 4, value=black)
    y = (up * (2 * reach + 1)).long()[:, None] + torch.arange(height, device=images.device)
    x = torch.arange(width, device=images.device).expand(len(images), width)
    if how.flip:
        x = torch.where(mirrored[:, None] < 0.5, width - 1 - x, x)
    x = x + (left * (2 * reach + 1)).long()[:, None]
    which = torch.arange(len(images), device=images.device)[:, None, None]
    return wide.permute(0, 2, 3, 1)[which, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)
