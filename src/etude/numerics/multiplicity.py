"""Several questions at once: Holm's step-down, as the error rate at which each question was tested."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm_alphas(p: Sequence[float], *, alpha: float) -> tuple[float, ...]:
    """The error rate each of m p values is compared with, so that all together err with probability ≤ alpha.

    The smallest p is compared with alpha/m, the next with alpha/(m − 1), and so on up to and including the first
    that is not below its own; all later ones keep that one's. So `p[i] < holm_alphas(p)[i]` says what is rejected.
    Holds under any dependence. Source: Holm (1979), Scandinavian Journal of Statistics 6, 65–70.

    >>> holm_alphas([0.5, 0.001], alpha=0.05)
    (0.05, 0.025)
    """
    alphas = np.empty(len(p))
    current, going = alpha, True
    for rank, i in enumerate(np.argsort(p, kind="stable")):
        current = alpha / (len(p) - rank) if going else current
        going = going and p[i] < current
        alphas[i] = current
    return tuple(alphas.tolist())


def holm_adjusted(p: Sequence[float]) -> NDArray[np.float64]:
    """Holm's adjusted p values: the smallest family-wise error rate at which each would be rejected, shape (m,).

    >>> holm_adjusted([0.04, 0.01]).tolist()
    [0.04, 0.02]
    """
    order = np.argsort(p, kind="stable")
    scaled = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
