"""The step of gradient descent, with momentum or without."""

from torch.optim import SGD

from etude.engine.microscope.updates.moved import Apart, Moved, common_factors

OPTIMIZER = SGD


def update(moved: Moved) -> Apart:
    """−η (a G + b M), for the whole gradient G and what momentum remembers, M.

    With momentum μ and dampening τ the new memory is M' = μ M + (1 − τ) G, at the very first step G. Plain momentum
    steps along M', so that a = 1 − τ and b = μ; Nesterov's along G + μ M', so that a = 1 + μ (1 − τ) and b = μ².
    Source: Sutskever et al. (2013), in the form that torch.optim.SGD gives it.
    """
    rate, momentum = moved.setting("lr"), moved.setting("momentum")
    memory = moved.state.get("momentum_buffer")
    fresh = 1.0 if memory is None else 1 - moved.setting("dampening")
    share, kept = (1.0, 0.0) if momentum == 0 else (fresh, momentum)
    if moved.settings["nesterov"] and momentum:
        share, kept = 1 + momentum * fresh, momentum**2
    parts = moved.gradient_parts(-rate * share)
    if momentum:
        parts["momentum memory"] = -rate * kept * (0 * moved.weights if memory is None else memory)
    return Apart(parts, common_factors(moved))
