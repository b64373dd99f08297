"""The callback for Lightning: ``Trainer(callbacks=[EtudeCallback()])``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etude.faces.callbacks.missing import missing

try:
    import lightning
    from lightning.pytorch import Callback, LightningModule, Trainer
except ModuleNotFoundError as error:
    raise missing("Lightning", "lightning") from error

from etude.engine.watch_options import checked_path
from etude.faces.callbacks.metrics import sort_out
from etude.faces.callbacks.session import Session
from etude.faces.callbacks.watched import Asked, Watched, safely


class EtudeCallback(Watched, Callback):
    """Watches a training: the loss that `training_step` returns, what is logged by epoch, and the gradients."""

    _seen_: Session | None = None

    def __init__(  # noqa: PLR0913 - each parameter is a thing that people want to say
        self,
        *,
        every: int | None = None,
        path: str | Path | None = None,
        stop: bool = False,
        keep_best: bool = False,
        quiet: bool = False,
        validation: str | None = None,
    ) -> None:
        """As for `etude.watch`; validation: the logged validation loss, where names do not tell."""
        super().__init__()
        where = checked_path(path)
        self._asked = Asked(every, where, stop, keep_best, quiet, validation, f"Lightning {lightning.__version__}")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The training begins, anew or from a checkpoint."""
        if trainer.is_global_zero:
            by_norm = trainer.gradient_clip_algorithm in (None, "norm")
            limit = trainer.gradient_clip_val  # 0 is Lightning's word for none
            clip_norm = limit if by_norm and limit is not None and limit > 0 else None
            first = trainer.global_step
            self._failed_ = False
            self._seen_ = Session(pl_module, trainer.optimizers, self._asked, clip_norm=clip_norm, first=first)

    @safely
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:  # noqa: ANN401 - whatever `training_step` returns
        """A batch was learned from."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if self._seen_ is not None and loss is not None:
            self._seen_.loss(loss)

    @safely
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A validation is over, perhaps within an epoch."""
        if self._seen_ is not None and self._seen_.is_open and not trainer.sanity_checking:
            self._seen_.validation(sort_out(_numbers(trainer), self._asked.validation))
        self._stop(trainer)

    @safely
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """An epoch is over, its validation too."""
        if self._seen_ is not None:
            self._seen_.note(sort_out(_numbers(trainer)).train)
        self._stop(trainer)

    @safely
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The training is over."""
        if self._seen_ is not None:
            self._seen_.close()

    @safely
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """The training is over because of an exception."""
        if self._seen_ is not None:
            self._seen_.close(exception)

    def _stop(self, trainer: Trainer) -> None:
        """End the training in all its processes, if this one says so."""
        if self._asked.stop:
            mine = self._seen_ is not None and self._seen_.should_stop
            told = trainer.strategy.reduce_boolean_decision(mine, all=False)
            trainer.should_stop = trainer.should_stop or told


def _numbers(trainer: Trainer) -> Mapping[str, float]:
    return {name: float(value) for name, value in trainer.callback_metrics.items()}
