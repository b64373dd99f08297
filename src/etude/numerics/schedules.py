"""Learning-rate schedules: the factor on the learning rate at each optimiser step."""

import math

from etude.values.optimizer import Schedule


def rate_factor(schedule: Schedule, step: int, *, steps_per_epoch: int, epochs: int) -> float:
    """What the learning rate is multiplied by at an optimiser step, in [0, 1].

    step:            steps already taken: 0 at the first one
    steps_per_epoch: batches an epoch
    epochs:          length of the whole run, where a cosine ends

    With W = warm_up · steps_per_epoch, step s of the warm-up has the factor (s + 1) / W: it would be 0 one step
    before the run, so no step is wasted, and 1 at the W-th step. After it the schedule proper begins, on t = s − W:
    step: factor^⌊t / (every · steps_per_epoch)⌋; cosine: final + (1 − final) · (1 + cos(π t / (T − W))) / 2, T being
    the steps of the whole run. The last step of a cosine is one short of `final`, as in torch.
    Without warm-up these are torch's StepLR and CosineAnnealingLR (Loshchilov and Hutter 2017, without restarts).

    >>> rate_factor(Schedule(name="step", every=10, factor=0.5), 25, steps_per_epoch=1, epochs=100)
    0.25
    """
    warm_up = schedule.warm_up * steps_per_epoch
    if step < warm_up:
        return min(1.0, (step + 1) / warm_up)
    after = step - warm_up
    if schedule.name == "step" and schedule.every is not None and schedule.factor is not None:
        return float(schedule.factor ** math.floor(after / (schedule.every * steps_per_epoch)))
    if schedule.name == "cosine":
        final = schedule.final or 0.0
        return final + (1 - final) * (1 + math.cos(math.pi * after / (epochs * steps_per_epoch - warm_up))) / 2
    return 1.0


def is_constant(schedule: Schedule) -> bool:
    """Whether every step has the factor 1.

    >>> is_constant(Schedule()), is_constant(Schedule(warm_up=1))
    (True, False)
    """
    return schedule.name == "constant" and schedule.warm_up == 0
