"""The callback for skorch: ``NeuralNetClassifier(…, callbacks=[EtudeCallback()])``."""

from pathlib import Path
from typing import Any

from etude.faces.callbacks.missing import missing

try:
    import skorch
    from skorch import NeuralNet
    from skorch.callbacks import Callback, GradientNormClipping
except ModuleNotFoundError as error:
    raise missing("skorch", "skorch") from error

from etude.engine.watch_options import checked_path
from etude.faces.callbacks.metrics import sort_out
from etude.faces.callbacks.session import Session
from etude.faces.callbacks.watched import Asked, Watched, safely


class EtudeCallback(Watched, Callback):
    """Watches a training: the loss of every batch, the history's row of every epoch, and the gradients.

    What is measured is the net's `module_` under its `optimizer_`. The parameters can be set as any callback's.
    """

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
        """As for `etude.watch`; validation: the validation loss in the history, where names do not tell."""
        self.every, self.path, self.validation = every, path, validation
        self.stop, self.keep_best, self.quiet = stop, keep_best, quiet

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:  # noqa: ANN401, N803 - skorch's own
        """The training begins."""
        limits = [one.gradient_clip_value for _, one in net.callbacks_ if isinstance(one, GradientNormClipping)]
        self._failed_ = False
        self._seen_ = Session(
            net.module_, [net.optimizer_], self._asked(), clip_norm=next((one for one in limits if one), None)
        )

    @safely
    def on_batch_end(self, net: NeuralNet, batch: Any = None, training: Any = None, **kwargs: Any) -> None:  # noqa: ANN401 - skorch's own
        """A batch was learned from, or validated."""
        if training and self._seen_ is not None:
            self._seen_.loss(kwargs["loss"], "train_loss")

    def on_epoch_end(self, net: NeuralNet, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:  # noqa: ANN401 - skorch's own
        """An epoch is over, its validation too. Raises KeyboardInterrupt to stop, as skorch's own callbacks do."""
        self._note_epoch(net)
        if self._seen_ is not None and self._seen_.should_stop:
            raise KeyboardInterrupt

    @safely
    def on_train_end(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:  # noqa: ANN401, N803 - skorch's own
        """The training is over."""
        if self._seen_ is not None:
            self._seen_.close()

    @safely
    def _note_epoch(self, net: NeuralNet) -> None:
        if self._seen_ is None:
            return
        row = net.history[-1]
        numbers = {name: float(value) for name, value in row.items() if _is_number(value)}
        told = sort_out(numbers, self.validation)
        self._seen_.note(told.train)
        if told.loss is not None or told.scores:
            self._seen_.validation(told)

    def _asked(self) -> Asked:
        where = checked_path(self.path)
        framework = f"skorch {skorch.__version__}"
        return Asked(self.every, where, self.stop, self.keep_best, self.quiet, self.validation, framework)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
