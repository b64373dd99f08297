"""Probabilities in words: one table of bands, for every sentence and every face."""

SURE: tuple[tuple[float, str], ...] = (
    (0.97, "practically sure"),
    (0.9, "very sure"),
    (0.75, "fairly sure"),
    (0.5, "more likely than not"),
    (0.0, "a guess among several"),
)
"""From which probability on the words hold."""


def sure(probability: float) -> str:
    """A probability as words.

    >>> sure(0.8), sure(0.3), sure(1.0)
    ('fairly sure', 'a guess among several', 'practically sure')
    """
    return next((words for least, words in SURE if probability >= least), SURE[-1][1])
