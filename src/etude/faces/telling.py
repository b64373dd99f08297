"""When a verdict on a run that goes on is news, and how it is told: in one line, with the advice."""

from dataclasses import dataclass

from etude.figures.numbers import plural
from etude.figures.verdicts import LOOKS
from etude.values.finding import Diagnosis, Verdict

AGAIN = 2
"""Judgements in a row that must agree before a new verdict is told, so that none is told that the next takes back."""


@dataclass(slots=True)
class News:
    """Of one run, what was judged last and what was told last."""

    last: Verdict | None = None
    told: Verdict | None = None
    agreed: int = 0

    def note(self, verdict: Verdict) -> bool:
        """Take note of a verdict; whether it is to be told.

        >>> news = News()
        >>> [news.note(one) for one in ("overfit", "good fit", "overfit", "overfit", "overfit")]
        [False, False, False, True, False]
        """
        self.agreed = self.agreed + 1 if verdict == self.last else 1
        self.last = verdict
        is_news = self.agreed >= AGAIN and verdict not in (self.told, "cannot tell")
        if is_news:
            self.told = verdict
        return is_news


def line(diagnosis: Diagnosis, *, step: int, best: int | None = None, axis: str = "step", validations: int = 0) -> str:
    """Verdict and advice in one line. best: where validation was best; axis: what `step` and `best` count."""
    look = LOOKS[diagnosis.verdict]
    where = f"{axis} {step:,}" + (f", {plural(validations, 'validation')}" if validations else "")
    kept = f"; best at {axis} {best:,}" if best is not None and best < step else ""
    advice = f" Try: {diagnosis.next[0]}." if diagnosis.next and diagnosis.verdict != "good fit" else ""
    certain = "" if diagnosis.verdict == "cannot tell" else f" ({100 * diagnosis.probability:.0f} %)"
    return f"étude {look.sign} {where}: {diagnosis.verdict}{certain}; the run {look.means}{kept}.{advice}"
