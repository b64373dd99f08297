"""Questions that only a copy of a model can answer: do examples mix, can it learn a few by heart, does it look?"""

import contextlib
import copy
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from etude.engine.activations import CONFIDENT, FLAT, Activations
from etude.engine.signals import read
from etude.engine.trees import mapped, tensors_in

Found = dict[str, float]

FEW = 8
"""Examples that are to be learned by heart, and whose outputs are looked at for mixing."""

HEART_STEPS, HEART_RATES = 300, (3e-3, 3e-4)
"""Steps of Adam on a few examples, with either rate: one of the two suits nearly every network, whatever rate it is
trained with, and a network that neither suits is a finding."""

HEART_ENOUGH = 1e-3
"""Share of the loss at the start below which the few examples count as learned."""

ASKED = 3
"""Examples whose outputs are derived by every other one's inputs."""

SHUFFLES = 5
"""Orders of the inputs that are averaged over for the loss without sight."""

DROPPING = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One batch: what the model takes (a tensor, or a tuple, list or dict of them), its targets, and the loss."""

    inputs: Any
    targets: Any
    criterion: Callable[..., Tensor]

    @property
    def size(self) -> int:
        """Examples, along the first axis of every tensor."""
        return len(next(tensors_in(self.inputs)))

    def chosen(self, rows: Tensor) -> "Batch":
        """Some of its examples."""
        return Batch(_rows(self.inputs, rows), _rows(self.targets, rows), self.criterion)

    def loss(self, outputs: Any) -> Tensor:  # noqa: ANN401 - whatever the model gives
        """The loss of outputs on its targets."""
        return self.criterion(outputs, self.targets)


Probe = Callable[[nn.Module, Batch], Found]


def on_a_copy(model: nn.Module, batch: Batch, probe: Probe) -> tuple[Found, str]:
    """What a probe finds on a copy of the model, or nothing and why; model and chance are left as they were."""
    try:
        with _chance_kept(), torch.enable_grad(), torch.compiler.set_stance("force_eager"):
            double = copy.deepcopy(model)
            for parameter in double.parameters():
                parameter.grad = None
            return probe(double, batch), ""
    except Exception as error:  # noqa: BLE001 - the model is the user's, and may raise anything when it is tried
        return {}, f"the probe {probe.__name__!r} could not run: {type(error).__name__}: {_short(error)}"


def modes(model: nn.Module, batch: Batch) -> Found:
    """How far outputs in training mode are from those in evaluation mode, as a share of their length.

    Dropout is switched off; what other chance there is shows as the difference of two passes in training mode, whose
    part in the distance, var/2 of a mean of two, is taken off.
    """
    with torch.no_grad():
        model.eval()
        evaluated = _outputs(model, batch)
        _train_without_dropout(model)
        first, second = _outputs(model, batch), _outputs(model, batch)
    length, distance, chance = read(
        [(one.double() ** 2).sum() for one in (evaluated, (first + second) / 2 - evaluated, first - second)]
    )
    return {"probes/eval_train_difference": (max(distance - chance / 4, 0.0) / max(length, 1e-24)) ** 0.5}


def mixing(model: nn.Module, batch: Batch) -> Found:
    """The largest derivative of one example's output by another's input, as a share of that by its own.

    In evaluation mode. Inputs that are numbers of classes have no derivative, so those by what the embeddings make of
    them are taken.
    """
    size = min(FEW, batch.size)
    if size < 2:
        return {}
    few = batch.chosen(torch.arange(size))
    model.eval()
    with _differentiable(model, few) as (inputs, made), torch.backends.cudnn.flags(enabled=False):
        outputs = _tensor(_called(model, inputs))
        by = [one for one in made() if len(one) == size]
        if len(outputs) != size or not by:
            return {}
        shares = [_mixed(outputs, by, i) for i in sorted({0, size // 2, size - 1})[:ASKED]]
    known = [share for share in shares if share is not None]
    return {"probes/batch_mixing": max(known)} if known else {}


def by_heart(model: nn.Module, batch: Batch) -> Found:
    """The loss on a few examples before and after a copy was trained on these alone, without dropout."""
    size = min(FEW, batch.size)
    if size < 2:
        return {}
    few = batch.chosen(torch.arange(size))
    _train_without_dropout(model)
    begun = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        start = float(few.loss(_called(model, few.inputs)))
    ends = []
    for rate in HEART_RATES:
        model.load_state_dict(begun)
        ends.append(_drilled(model, few, rate, enough=HEART_ENOUGH * abs(start)))
        if ends[-1] <= HEART_ENOUGH * abs(start):
            break
    return {"probes/one_batch_start": start, "probes/one_batch_loss": min(ends)}


def sight(model: nn.Module, batch: Batch) -> Found:
    """The loss with every example's own inputs, and with those of another, in evaluation mode."""
    if batch.size < 2:
        return {}
    chance = torch.Generator().manual_seed(0)
    model.eval()
    with torch.no_grad():
        seeing = batch.loss(_called(model, batch.inputs))
        blind = [
            batch.loss(_called(model, _rows(batch.inputs, torch.randperm(batch.size, generator=chance))))
            for _ in range(SHUFFLES)
        ]
    losses = read([seeing, *blind])
    return {"probes/seeing_loss": losses[0], "probes/blind_loss": sum(losses[1:]) / SHUFFLES}


def activity(model: nn.Module, batch: Batch) -> Found:
    """Dead and saturated units and confident probabilities in one forward pass, also of a model that is compiled."""
    model.train()
    seen = Activations()
    seen.install(model)
    outputs = _tensor(_called(model, batch.inputs)).detach()
    counts = seen.take()
    found = {name: sum(read([one for one, _ in of])) / sum(n for _, n in of) for name, of in counts.items()}
    probabilities = _probabilities(outputs, batch.criterion)
    if probabilities is not None:
        outside = (probabilities < FLAT) | (probabilities > 1 - FLAT)
        found[CONFIDENT] = float(outside.double().mean())
    return found


PROBES: tuple[Probe, ...] = (activity, modes, mixing, sight, by_heart)
"""In the order in which they are tried, the quick ones first."""


def _drilled(model: nn.Module, few: Batch, rate: float, *, enough: float) -> float:
    """The lowest loss while a model is trained on a few examples."""
    optimizer = torch.optim.Adam([one for one in model.parameters() if one.requires_grad], lr=rate)
    lowest = float("inf")
    for _ in range(HEART_STEPS):
        optimizer.zero_grad()
        loss = few.loss(_called(model, few.inputs))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        lowest = min(lowest, float(loss.detach()))
        if lowest <= enough:
            break
    return lowest


def _mixed(outputs: Tensor, by: list[Tensor], i: int) -> float | None:
    """Of one example; None where its output does not depend on its own input either."""
    weights = torch.linspace(0.5, 1.5, outputs[i].numel(), dtype=outputs.dtype, device=outputs.device)
    slopes = torch.autograd.grad((outputs[i].flatten() * weights).sum(), by, retain_graph=True, allow_unused=True)
    sizes = sum(
        (one.detach().abs().flatten(1).amax(dim=1).double() for one in slopes if one is not None),
        start=torch.zeros(len(outputs), dtype=torch.float64, device=outputs.device),
    ).tolist()
    own = sizes.pop(i)
    if own == 0:
        return None
    return float(max(sizes) / own)


@contextlib.contextmanager
def _differentiable(model: nn.Module, batch: Batch) -> Iterator[tuple[Any, Callable[[], list[Tensor]]]]:
    """Inputs to derive by, and, once the model was called, all that it can be derived by: inputs and embeddings."""
    embedded: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        embedded.append(output if output.requires_grad else output.detach().requires_grad_())
        return embedded[-1]

    handles: list[RemovableHandle] = [
        one.register_forward_hook(keep) for one in model.modules() if isinstance(one, nn.Embedding)
    ]
    inputs = mapped(batch.inputs, lambda x: x.detach().clone().requires_grad_() if x.is_floating_point() else x)
    try:
        yield inputs, lambda: [x for x in tensors_in(inputs) if x.requires_grad] + embedded
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def _chance_kept() -> Iterator[None]:
    """Whatever is drawn within, torch, numpy and Python go on as if it had not been."""
    python, legacy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)


def _train_without_dropout(model: nn.Module) -> None:
    model.train()
    for module in model.modules():
        if isinstance(module, DROPPING):
            module.eval()
        elif isinstance(module, (*RECURRENT, nn.MultiheadAttention)):
            module.dropout = 0.0


def _probabilities(outputs: Tensor, criterion: object) -> Tensor | None:
    """The probabilities that a loss of torch's makes of outputs, of classes the likeliest; None for any other loss."""
    if isinstance(criterion, nn.CrossEntropyLoss) and outputs.dim() > 1:
        return outputs.softmax(dim=1).amax(dim=1)
    if isinstance(criterion, nn.NLLLoss) and outputs.dim() > 1:
        return outputs.exp().amax(dim=1)
    if isinstance(criterion, nn.BCEWithLogitsLoss):
        return outputs.sigmoid()
    return outputs if isinstance(criterion, nn.BCELoss) else None


def _called(model: nn.Module, inputs: Any) -> Any:  # noqa: ANN401 - whatever the model takes and gives
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


def _outputs(model: nn.Module, batch: Batch) -> Tensor:
    return _tensor(_called(model, batch.inputs))


def _tensor(outputs: Any) -> Tensor:  # noqa: ANN401 - whatever the model gives
    """The first tensor of floating point numbers in what a model gives."""
    return next(one for one in tensors_in(outputs) if one.is_floating_point())


def _rows(tree: Any, rows: Tensor) -> Any:  # noqa: ANN401 - as above
    return mapped(tree, lambda one: one[rows.to(one.device)])


def _short(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
