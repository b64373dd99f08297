"""A user's own training function on trial: train(fields, seed) gives a run or a score."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.numerics.seeds import stream
from etude.records.encoding import encoded
from etude.records.store import RESULTS_VERSION, Store
from etude.studies.collect import Watcher
from etude.values.claim import OBJECTIVE
from etude.values.code import Code
from etude.values.curve import curve
from etude.values.errors import EngineError, InterruptedStudy, RecipeError
from etude.values.metric import METRICS, Limit, Metric
from etude.values.run import Run
from etude.values.study import MINIMUM_REPLICATES, Progress
from etude.values.treatment import Fields, Setting

Train = Callable[[dict[str, Any], int], Any]
"""train(fields, seed): a score, a mapping of names to scores, or a Run."""

SCORE = "score"
"""What a plain number is called, where nobody named it."""

ALIKE = MINIMUM_REPLICATES
"""Replicates of every arm that must give the very same before a function seems not to use its seed."""

SEEDLESS = (
    "every seed gave the very same: the training function seems not to use its seed, so that replicates are copies of "
    "one training, and verdicts are of this one draw. Seed its split, starting weights and order with it"
)

PLAIN = (bool, int, float, str, type(None))
"""What a field may be, or a list of them: it is kept in the store, and must be the same next time."""

GIVES = (
    "A training function gives a number, a mapping such as {'validation/accuracy': 0.9, 'test/accuracy': 0.88}, or an "
    "etude.Run with a validation curve."
)


@dataclass(slots=True)
class OwnTrainer:
    """Trains by calling a function of the user's, one call at a time, in this process.

    A function that raises ends nothing: that training counts as failed, as one that diverged, and its message is kept;
    only where the untreated fields fail in their very first call is it raised. Every finished call is in the store
    under the function's code, the fields and the seed, so that an edit of the function trains anew.

    remark:  called with what a reader must know of the function as soon as it shows; `remarks` keeps it
    """

    train_one: Train
    store: Store
    watch: Watcher
    chosen_by: Metric
    seed: int = 0
    remark: Callable[[str], None] = lambda _: None
    _seen: set[str] = field(default_factory=set)
    _trained: int = 0
    _code: str = ""
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take the function's identity."""
        self._code = Code(function=self.train_one).checksum

    @property
    def made(self) -> int:
        """Distinct trainings so far."""
        return len(self._seen)

    @property
    def trained(self) -> int:
        """Those that the store did not have."""
        return self._trained

    def work(self, setting: Setting) -> float:
        """Every call counts alike: how long it takes is the function's own affair."""
        return 1.0

    def set_aside(self, setting: Setting) -> Setting:
        """Which rows the function tests on is its own affair."""
        return setting

    def check(self, setting: Setting) -> None:
        """Whether the fields can be kept and told apart."""
        for name, value in _fields(setting).items():
            flat = value if isinstance(value, list | tuple) else [value]
            if not all(isinstance(one, PLAIN) for one in flat) or any(one != one for one in flat):
                raise RecipeError(
                    f"field {name!r} is {value!r}. Fields are numbers, texts, true or false, none, or lists of them, "
                    "so that they can be kept and told apart. Make what you need of them inside the function."
                )

    def train(self, arms: Mapping[str, Setting], replicates: range) -> Mapping[str, tuple[Run, ...]]:
        """One call for every replicate of each arm, a replicate of all arms before the next."""
        runs: dict[str, list[Run]] = {label: [] for label in arms}
        planned, kept = len(arms) * len(replicates), 0
        for replicate in replicates:
            for label, setting in arms.items():
                key = self._key(setting, replicate)
                run = self.store.get(key)
                kept += run is not None
                runs[label].append(run or self._made(key, setting, replicate))
                self._seen.add(key)
                done = sum(map(len, runs.values()))
                self.watch(Progress(done, planned, kept, len(arms), len(replicates), "your function"))
            self._look_at_seeds(runs)
        return {label: tuple(of) for label, of in runs.items()}

    def _look_at_seeds(self, runs: Mapping[str, Sequence[Run]]) -> None:
        """Remark, once, that every seed gives the same."""
        if self.remarks or any(len(of) < ALIKE for of in runs.values()):
            return
        seen = [{_said(run) for run in of} for of in runs.values()]
        if all(len(of) == 1 and "" not in of for of in seen):
            self.remarks.append(SEEDLESS)
            self.remark(SEEDLESS)

    def metric(self, setting: Setting, asked: str | None) -> Metric:
        """The one that was agreed on."""
        return self.chosen_by

    def scores(self, setting: Setting, runs: Sequence[Run], metric: Metric) -> NDArray[np.float64]:
        """The validation score of each call, shape (n,); NaN where it failed."""
        return np.array([_score(run, metric.name) for run in runs])

    def limits(self, setting: Setting) -> Mapping[str, Limit]:
        """Nothing is known of what can be reached."""
        return {}

    def unit(self, setting: Setting, metric: Metric) -> float | None:
        """Nothing is known of what a constant would score."""
        return None

    def ensemble(self, setting: Setting, replicate: int, members: int) -> None:
        """Nothing is known of what a network predicts, only what it scores."""

    def _key(self, setting: Setting, replicate: int) -> str:
        identity = [RESULTS_VERSION, self._code, sorted(_fields(setting).items()), self.seed, replicate]
        return hashlib.sha256(json.dumps(identity, default=list).encode()).hexdigest()

    def _made(self, key: str, setting: Setting, replicate: int) -> Run:
        fields, seed = _fields(setting), seed_of(self.seed, replicate)
        started = time.monotonic()
        try:
            run = _as_run(self.train_one(dict(fields), seed), self.chosen_by)
        except KeyboardInterrupt:
            raise InterruptedStudy(
                f"stopped: {self.made} trainings are finished and kept in {self.store.path}. "
                "The same call goes on from there."
            ) from None
        except RecipeError:
            raise
        except Exception as error:
            if not self._seen:  # nothing has ever worked: this is no matter of the fields
                raise EngineError(
                    f"the training function raised {type(error).__name__} with the untreated fields {dict(fields)} and "
                    f"seed {seed}: {error}. Mend it, or the fields. Nothing was kept."
                ) from error
            run = _failed(f"{type(error).__name__}: {error}")
        self._trained += 1
        facts: dict[str, str | int | float] = {
            "seconds": round(time.monotonic() - started, 3),
            "fields": json.dumps(dict(fields), default=list),
        }
        run = replace(run, replicate=replicate, provenance=MappingProxyType({**run.provenance, **facts}))
        self.store.add_all([encoded(key, run)])
        return run


def seed_of(seed: int, replicate: int) -> int:
    """The seed of one call: the same for all arms, so that they may share their chance.

    >>> seed_of(0, 3) == seed_of(0, 3) != seed_of(1, 3)
    True
    """
    return int(stream(seed, replicate, "init").integers(2**31))


def metric_called(name: str | None, *, higher_is_better: bool | None, smallest_effect: float | None) -> Metric:
    """What a user's score is.

    One of étude's metrics by name; a number of another name, of which is said which way is better; or, where neither is
    said, the validation loss of the runs that the function gives.
    """
    if name is not None and name in METRICS:
        known = METRICS[name]
        if higher_is_better is known.lower_is_better:
            way = "lower" if known.lower_is_better else "higher"
            raise RecipeError(
                f"higher_is_better={higher_is_better}, and {name!r} is étude's {known.label}, which is better the {way}"
                ". Leave higher_is_better out, or call the score something else. Nothing was trained."
            )
        return known if smallest_effect is None else replace(known, smallest_effect=smallest_effect)
    if name is None and higher_is_better is None:
        return Metric(
            OBJECTIVE, "validation loss", "", lower_is_better=True, smallest_effect=smallest_effect, says=SAYS
        )
    if higher_is_better is None:
        raise RecipeError(
            f"whether more of {name!r} is better is not known. Say higher_is_better=True or False, or "
            f"metric= one of {', '.join(METRICS)}. Nothing was trained."
        )
    word = name or SCORE
    label = word.replace("_", " ")
    return Metric(word, label, "", lower_is_better=not higher_is_better, smallest_effect=smallest_effect, says=SAYS)


SAYS = "as the training function gives it"


def _fields(setting: Setting) -> Fields:
    assert isinstance(setting, Mapping)
    return setting


def _score(run: Run, name: str) -> float:
    split = "validation" if f"validation/{name}" in run.curves else "test"
    return (
        float("nan") if run.ended == "diverged" else run.score(name, "validation" if split == "validation" else "test")
    )


def _said(run: Run) -> str:
    """All that a training gave, as a text; "" of one that failed."""
    return "" if run.ended == "diverged" else str([(name, of.values.tolist()) for name, of in run.curves.items()])


def _as_run(given: object, metric: Metric) -> Run:
    """What the function gave, as a run of at least one curve of the metric."""
    if isinstance(given, Run):
        if f"validation/{metric.name}" not in given.curves:
            has = ", ".join(given.curves) or "none"
            raise RecipeError(f"the run has no curve 'validation/{metric.name}'; its curves: {has}. {GIVES}")
        for name, one in given.curves.items():
            _check_share(name, one.values)
        last = max((int(one.steps[-1]) for one in given.curves.values() if one.steps.size), default=0)
        return given if given.kept_step else replace(given, kept_step=last, last_step=max(given.last_step, last))
    if metric.name == OBJECTIVE and not isinstance(given, Mapping):
        raise RecipeError(
            f"the function gave {given!r:.60}, and which way it is better is not known. Say higher_is_better=True or "
            f"False. {GIVES}"
        )
    named = given if isinstance(given, Mapping) else {f"validation/{metric.name}": given}
    scores = {_placed(str(name)): _number(value, name) for name, value in named.items()}
    if f"validation/{metric.name}" not in scores:
        raise RecipeError(f"the function gave {', '.join(scores)} and no 'validation/{metric.name}'. {GIVES}")
    for name, value in scores.items():
        _check_share(name, np.array([value]))
    if not all(math.isfinite(value) for value in scores.values()):
        return _failed(f"the score is {scores[f'validation/{metric.name}']}")
    curves = {name: curve(name, [1], [value]) for name, value in scores.items()}
    return Run("own", MappingProxyType(curves), ended="completed", last_step=1, kept_step=1)


def _check_share(name: str, values: NDArray[np.float64]) -> None:
    """Refuse an accuracy in per cent, of which a difference of a hundredth would count as worth acting on."""
    known = values[np.isfinite(values)]
    if name.rpartition("/")[2] != "accuracy" or not (known > 1).any():
        return
    raise RecipeError(
        f"{name} is {float(known.max()):g}, and an accuracy is a share of examples, from 0 to 1. Of one in per "
        "cent give a hundredth, or call it something else: metric='percent_correct', higher_is_better=True, "
        "smallest_effect=1.0. This training was not kept."
    )


def _placed(name: str) -> str:
    return name if "/" in name else f"validation/{name}"


def _number(value: object, name: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        item = getattr(value, "item", None)
        if not callable(item):
            raise RecipeError(f"{name} is {type(value).__name__} {value!r:.60}, where a number belongs. {GIVES}")
        return _number(item(), name)
    return float(value)


def _failed(why: str) -> Run:
    return Run("own", MappingProxyType({}), ended="diverged", notes=(why,))
