"""`etude.watch` as it is imported: PyTorch is loaded when a loop is watched, not before."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etude.faces.watching import Watching

from etude.values.errors import EngineError


def watch(model: Any, *optimizers: Any, **how: Any) -> "Watching":  # noqa: ANN401 - as `faces.watching.watch` has them
    """Watch a PyTorch loop while it trains: ``with etude.watch(model, optimizer) as watch: …``.

    The manual (docs/watch.md) and `etude.faces.watching.watch` say what may be given by name: every, path, clip_norm,
    stop, keep_best, quiet.
    """
    try:
        from etude.faces.watching import watch as watching
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise EngineError(
            "watching a PyTorch loop needs PyTorch, which is not installed here. Run: pip install 'etude[torch]'."
        ) from error
    return watching(model, *optimizers, **how)
