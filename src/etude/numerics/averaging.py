"""What several predictors say together: the mean of their probabilities, as logits that lose nothing by rounding."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def averaged_logits(logits: ArrayLike) -> NDArray[np.float64]:
    """The logits of the members' mean probabilities: a row, or one for each class of a row.

    logits: binary: log odds of class 1, shape (members, rows); multiclass: unnormalised log probabilities, shape
            (members, rows, classes)

    The mean is taken of probabilities, in log space, where none is rounded to 0 or 1. As log loss and Brier score are
    convex in the probability, the mean never scores worse than the members do on average (Jensen). NaN throughout where
    a prediction of any member is NaN or infinite: the mean over the rest would be of another thing.

    >>> averaged_logits([[0.0, 2.0]]).tolist()
    [0.0, 2.0]
    >>> bool(np.isclose(averaged_logits([[np.log(3)], [-np.log(3)]])[0], 0))  # odds of 3:1 and of 1:3
    True
    """
    given = np.asarray(logits, dtype=np.float64)
    if not np.isfinite(given).all():
        return np.full(given.shape[1:], np.nan)
    if given.ndim == 2:  # log(mean p) - log(mean (1 - p)); the number of members cancels
        happens, fails = (-np.logaddexp(0, -sign * given) for sign in (1, -1))
        found = np.logaddexp.reduce(happens, axis=0) - np.logaddexp.reduce(fails, axis=0)
    else:
        shares = given - np.logaddexp.reduce(given, axis=-1, keepdims=True)
        found = np.logaddexp.reduce(shares, axis=0) - np.log(len(given))
    return np.asarray(found, dtype=np.float64)
