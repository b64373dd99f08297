"""Whether one side fails more often than the other: exact tests on counts of runs that diverged."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special


def paired_failure_p(only_control: int, only_treated: int) -> float:
    """Two-sided p of equal chances, from the pairs in which one side alone failed; 1 where there is none.

    Exact: given their number, each such pair is as likely to be of either kind.
    Source: McNemar (1947), Psychometrika 12, 153–157, in its exact form.

    >>> paired_failure_p(0, 6), paired_failure_p(2, 2)
    (0.03125, 1.0)
    """
    n = only_control + only_treated
    return min(1.0, 2 * float(special.bdtr(min(only_control, only_treated), n, 0.5))) if n else 1.0


def unpaired_failure_p(control: tuple[int, int], treated: tuple[int, int]) -> float:
    """Two-sided p of equal chances, from (failed, runs) of each group.

    Exact: the probability, given all failures, of every division of them that is no likelier than the one seen.
    Source: Fisher (1935), Journal of the Royal Statistical Society 98, 39–82.

    >>> round(unpaired_failure_p((0, 8), (5, 8)), 4)
    0.0256
    """
    (failed_c, n_c), (failed_t, n_t) = control, treated
    failed = failed_c + failed_t
    possible = np.arange(max(0, failed - n_c), min(failed, n_t) + 1)
    log_ways = _log_choose(n_t, possible) + _log_choose(n_c, failed - possible)
    seen = log_ways[possible == failed_t][0]
    total = special.logsumexp(log_ways)
    return min(1.0, math.exp(float(special.logsumexp(log_ways[log_ways <= seen + 1e-7]) - total)))


def _log_choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))
