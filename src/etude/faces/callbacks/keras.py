"""The callback for Keras, with any of its backends: ``model.fit(…, callbacks=[EtudeCallback()])``."""

from collections.abc import Mapping
from pathlib import Path

from etude.faces.callbacks.missing import missing

try:
    import keras
except ModuleNotFoundError as error:
    raise missing("Keras", "keras") from error

from etude.engine.watch_options import checked_path
from etude.faces.callbacks.losses import Losses
from etude.faces.callbacks.metrics import sort_out
from etude.faces.callbacks.watched import Asked, Watched, safely


class EtudeCallback(Watched, keras.callbacks.Callback):
    """Watches a training: the loss of every batch, and what Keras tells at the end of every epoch.

    Keras tells batches the mean since the epoch began; what is recorded is the mean of the batches since the last
    record, which is that mean undone. The last batch of an epoch counts as full there; epochs' means are Keras's own.
    """

    _seen_: Losses | None = None

    def __init__(  # noqa: PLR0913 - each parameter is a thing that people want to say
        self,
        *,
        every: int = 1,
        path: str | Path | None = None,
        stop: bool = False,
        keep_best: bool = False,
        quiet: bool = False,
        validation: str | None = None,
    ) -> None:
        """every: steps between two whose losses are recorded; else as for `etude.watch`.

        validation: the validation loss in Keras's logs, where names do not tell
        """
        super().__init__()
        where = checked_path(path)
        framework = f"Keras {keras.__version__} on {keras.backend.backend()}"
        self._asked = Asked(every, where, stop, keep_best, quiet, validation, framework)
        self._begun = self._batches = self._recorded = 0
        self._sum = 0.0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """The training begins, or goes on where an earlier call of `fit` ended."""
        self._failed_ = False
        self._seen_ = Losses(self.model, self._asked)
        self._seen_.step = int(self.model.optimizer.iterations)

    @safely
    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keras counts its batches from 0 again, and their mean begins anew."""
        if self._seen_ is not None:
            self._begun, self._batches, self._recorded, self._sum = self._seen_.step, 0, 0, 0.0

    @safely
    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """A batch was learned from; logs hold the means since the epoch began."""
        self._batches = batch + 1
        if (
            self._seen_ is None
            or not logs
            or "loss" not in logs
            or self._batches - self._recorded < (self._asked.every or 1)
        ):
            return
        total = float(logs["loss"]) * self._batches
        self._seen_.step = self._begun + self._batches
        self._seen_.loss((total - self._sum) / (self._batches - self._recorded))
        self._recorded, self._sum = self._batches, total

    @safely
    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """An epoch is over, its validation too."""
        if self._seen_ is None:
            return
        self._seen_.step = self._begun + self._batches
        told = sort_out(
            {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)},
            self._asked.validation,
        )
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self._seen_.note({**told.train, "signals/learning_rate": rate})
        if told.loss is not None or told.scores:
            self._seen_.validation(told)
        if self._seen_.should_stop:
            self.model.stop_training = True

    @safely
    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """The training is over."""
        if self._seen_ is not None:
            self._seen_.close()
