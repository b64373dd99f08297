"""The callback for the Trainer of Hugging Face's transformers: ``Trainer(callbacks=[EtudeCallback()])``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etude.faces.callbacks.missing import missing

try:
    import transformers
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ModuleNotFoundError as error:
    raise missing("Hugging Face's Trainer", "transformers[torch]") from error

from etude.engine.watch_options import checked_path
from etude.faces.callbacks.metrics import sort_out
from etude.faces.callbacks.session import Session
from etude.faces.callbacks.watched import Asked, Watched, safely


class EtudeCallback(Watched, TrainerCallback):
    """Watches a training: the mean loss of every `logging_steps` steps, every evaluation, and the gradients.

    Of several evaluation sets the first is judged. Every process watches, so that all of them stop at one step.
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
        """As for `etude.watch`; validation: the evaluation loss, where names do not tell."""
        where = checked_path(path)
        framework = f"transformers {transformers.__version__}"
        self._asked = Asked(every, where, stop, keep_best, quiet, validation, framework)

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 - the Trainer's own
    ) -> None:
        """The training begins, anew or from a checkpoint."""
        limit = args.max_grad_norm  # 0 and less are the Trainer's words for none
        clip_norm = limit if limit is not None and limit > 0 else None
        self._failed_ = False
        self._seen_ = Session(
            kwargs["model"], [kwargs["optimizer"]], self._asked, clip_norm=clip_norm, first=state.global_step
        )

    @safely
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float],
        **kwargs: Any,  # noqa: ANN401 - the Trainer's own
    ) -> None:
        """The mean loss since the last log, and the norm of the gradient before it was clipped."""
        if self._seen_ is not None and self._seen_.is_open and "loss" in logs:
            self._seen_.loss(float(logs["loss"]))
            if "grad_norm" in logs:
                self._seen_.note({"signals/gradient_norm": float(logs["grad_norm"])})

    @safely
    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float],
        **kwargs: Any,  # noqa: ANN401 - the Trainer's own
    ) -> None:
        """An evaluation is over."""
        if self._seen_ is None or not self._seen_.is_open:
            return
        numbers = {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}
        self._seen_.validation(sort_out(numbers, self._asked.validation))
        if self._seen_.should_stop:
            control.should_training_stop = True

    @safely
    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 - the Trainer's own
    ) -> None:
        """The training is over."""
        if self._seen_ is not None:
            self._seen_.close()
