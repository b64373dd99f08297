"""The gradient microscope from Python: one step of anybody's model, as an object that shows itself."""

from pathlib import Path
from typing import Any

from etude.faces.stepping import Seen, Weight, path_asked, weight_in
from etude.values.step_record import (
    Coordinate,
    Curvature,
    LayerSeen,
    Noise,
    Pulls,
    StepRecord,
    TensorStep,
    Worked,
)
from etude.values.step_record import Path as Chain

COMMAND = "# from Python: etude.microscope(model, loss, (inputs, targets), optimizer)"


def microscope(  # noqa: PLR0913 - each parameter is a thing that people want to say
    model: Any,  # noqa: ANN401 - an nn.Module; only the engine may know torch
    loss: Any,  # noqa: ANN401 - (outputs, targets) → a scalar tensor
    batch: Any,  # noqa: ANN401 - (inputs, targets), of whatever the model takes
    optimizer: Any,  # noqa: ANN401 - torch.optim.Optimizer
    *,
    step: int = 0,
    example: int | None = None,
    output: int | None = None,
    weight: str | Weight | None = None,
    shadow: bool = False,
    clip_norm: float | None = None,
    whole: Any = None,  # noqa: ANN401 - inputs, as the model takes them
    flipped: Any = None,  # noqa: ANN401 - anything that numpy reads as booleans
    curvature: bool = False,
    surface: bool = False,
) -> "Microscoped":
    """Why does this step do that? The step that the optimiser would take on this batch, every number of it.

    The step is taken by a copy: model, gradients, optimiser and chance are left as they are, bit for bit, so that
    training goes on as if nothing had been looked at.

    batch:     (inputs, targets); several inputs go in a tuple or a dict of their own
    step:      its number, from 1; 0: as the optimiser counts
    example, output, weight: whose chain rule is written out, the weight as "0.weight[3,1]"; None: those that matter
               most
    shadow:    whether the step is taken in float64
    clip_norm: the norm at which your loop clips the gradient before the step
    whole:     inputs of the whole set, on which dead units are looked for too
    flipped:   of each example, whether its label was made wrong on purpose
    curvature: whether the largest eigenvalues of the Hessian are sought, which takes some dozen passes
    surface:   whether the loss is tried over a plane through the weights, which takes some hundred
    """
    import numpy as np

    from etude.engine.microscope.look import Wanted, look

    begins = weight_in(weight) if isinstance(weight, str) else weight
    wanted = Wanted(
        step=step,
        path=path_asked(example, output, begins),
        example=example,
        output=output,
        weight=begins,
        shadow=shadow,
        clip_norm=clip_norm,
        whole=whole,
        flipped=None if flipped is None else np.asarray(flipped, dtype=np.bool_),
        curvature=curvature,
        surface=surface,
    )
    return Microscoped(look(model, loss, batch, optimizer, wanted), name=type(model).__name__)


class Microscoped:
    """A step and everything about it; in a notebook it shows itself."""

    def __init__(self, record: StepRecord, name: str = "model") -> None:
        """Wrap what was recorded of a step."""
        self.record, self.name = record, name

    @property
    def worked(self) -> Worked:
        """Did the step lower the loss of its batch, by how much of what was promised, and what limited it?"""
        return self.record.worked

    @property
    def layers(self) -> tuple[LayerSeen, ...]:
        """What each layer said, and the error signal that came back to it."""
        return self.record.layers

    @property
    def tensors(self) -> tuple[TensorStep, ...]:
        """What the step did to each tensor of weights, taken apart."""
        return self.record.tensors

    @property
    def strongest(self) -> tuple[Coordinate, ...]:
        """The weights that moved most, each taken apart."""
        return self.record.strongest

    @property
    def path(self) -> Chain | None:
        """The chain rule from one weight to one output, written out."""
        return self.record.path

    @property
    def pulls(self) -> Pulls | None:
        """What the step did to each example."""
        return self.record.pulls

    @property
    def noise(self) -> Noise | None:
        """How much of the batch's gradient is signal."""
        return self.record.noise

    @property
    def curvature(self) -> Curvature | None:
        """The largest eigenvalues, and what the optimiser allows; None where it was not asked for."""
        return self.record.curvature

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be seen, and why."""
        return self.record.notes

    def report(self, path: Path | str) -> Path:
        """Write the step as one HTML page and return its path."""
        from etude.faces.step_page import write_page

        return write_page(Seen(self.name, (self.record,)), path, command=COMMAND)

    def json(self) -> str:
        """The object that `etude step --json` prints."""
        from etude.faces.step_json import seen_json

        return seen_json(Seen(self.name, (self.record,)))

    def __repr__(self) -> str:
        """What the step did, what it was made of, and what to keep in mind, in a few lines."""
        from etude.faces.step_words import repr_lines

        return "\n".join(repr_lines(self.record))

    def _repr_html_(self) -> str:
        from etude.faces.step_page import fragment

        return fragment(self.record)
