"""From a torch network to the layers of the core, or to the reason why the core has no such network."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from etude.engine.dropout import HOOKS, CountedDropout
from etude.engine.native.library import KINDS, Layer

WHOLE = 8
"""Running statistics begin at a multiple of this many numbers, as in core/network.h."""


OVERWRITABLE = tuple(KINDS[name] for name in ("linear", "convolution", "batch_norm", "layer_norm"))
"""Layers whose output torch does not need on the way back, so that an activation in place may take it over."""


class Untranslatable(Exception):  # noqa: N818 - not a failure: such a network is trained by `loop`
    """What the core lacks, as words that end a sentence."""


@dataclass(frozen=True, slots=True)
class Form:
    """The numbers of one example on their way: (channels, height, width), in torch as one row where `flat`."""

    channels: int
    height: int = 1
    width: int = 1
    flat: bool = True

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.channels * self.height * self.width


@dataclass(frozen=True, slots=True)
class Translation:
    """A network as the core takes it.

    layers: one for each layer that computes something
    forms:  that of an example as the first layer sees it, then that after each layer
    """

    layers: tuple[Layer, ...]
    forms: tuple[Form, ...]

    @property
    def has_batch_norm(self) -> bool:
        """Whether examples of a batch depend on one another."""
        return any(layer.kind == KINDS["batch_norm"] for layer in self.layers)

    def with_masks(self, key: int) -> "Translation":
        """The same network with other dropout masks: those of another replicate."""
        layers = tuple(map(Layer.from_buffer_copy, self.layers))
        for layer in layers:
            layer.key = key
        return Translation(layers, self.forms)


def translated(model: nn.Module, n_inputs: int) -> Translation:
    """The layers of a network that takes rows of `n_inputs` numbers; Untranslatable says what the core lacks."""
    layers: list[Layer] = []
    forms = [Form(n_inputs)]
    seen: set[int] = set()
    _require(next(model.parameters(), None) is not None, "a network with nothing to train")
    for module in _modules(model):
        _check(module, seen)
        if type(module) is nn.Unflatten:
            _require(not layers, "an Unflatten after another layer")
            forms = [_unflattened(module, n_inputs)]
        elif type(module) is nn.Flatten:
            _require((module.start_dim, module.end_dim) in ((1, -1), (1, 3)), f"a {module}")
            forms[-1] = replace(forms[-1], flat=True)
        elif type(module) is not nn.Identity:
            _require(not vars(module).get("inplace") or _may_be_overwritten(layers), "an activation in place there")
            layer, form = LAYERS[type(module)](module, forms[-1])
            _require(_found(module) == _wanted(layer, forms[-1]), f"a {module} with other parameters than its kind has")
            layers.append(layer)
            forms.append(form)
    return Translation(tuple(layers), tuple(forms))


def state_of(model: nn.Module) -> NDArray[np.float32]:
    """All parameters, then from the next multiple of WHOLE on all running statistics, as the core keeps them."""
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()]).numpy()
    gap = np.zeros(-len(flat) % WHOLE, dtype=np.float32)
    return np.concatenate([flat, gap, *(s.numpy() for module in _modules(model) for s in _running(module))])


def _modules(model: nn.Module) -> Iterator[nn.Module]:
    if type(model) is nn.Sequential:
        _check_plain(model)
        _require(next(model.parameters(recurse=False), None) is None, "a Sequential with parameters of its own")
        for child in model:
            yield from _modules(child)
    else:
        yield model


def _check(module: nn.Module, seen: set[int]) -> None:
    known = type(module) in LAYERS or type(module) in (nn.Flatten, nn.Unflatten, nn.Identity)
    name = type(module).__name__
    _require(known, f"{'an' if name[:1] in 'AEIOU' else 'a'} {name} layer")
    _check_plain(module)
    for parameter in module.parameters():
        _check_parameter(parameter)
        place = parameter.untyped_storage().data_ptr()
        _require(place not in seen, f"parameters of a {name} layer used twice")
        seen.add(place)


def _check_plain(module: nn.Module) -> None:
    """Whether the module does what its class does."""
    name = type(module).__name__
    _require(not any(vars(module)[hook] for hook in HOOKS), f"a hook on a {name} layer")
    _require(not vars(module).keys() & {"forward", "train", "eval"}, f"a {name} layer with a method of its own")


def _check_parameter(parameter: nn.Parameter) -> None:
    _require(parameter.requires_grad, "a frozen layer")
    _require(parameter.dtype == torch.float32, f"parameters of {parameter.dtype}")
    _require(type(parameter) is nn.Parameter, f"parameters of the class {type(parameter).__name__}")
    _require(parameter.untyped_storage().nbytes() >= 4 * parameter.numel(), "parameters that share memory")
    hooks = (parameter._backward_hooks, parameter._post_accumulate_grad_hooks)  # noqa: SLF001 - torch has no other way
    _require(not any(hooks), "a hook on a parameter")


def _may_be_overwritten(layers: list[Layer]) -> bool:
    """Whether nobody needs what arrives now: neither is it the inputs themselves, nor an output that torch keeps."""
    kinds = [layer.kind for layer in layers if layer.kind != KINDS["dropout"]]  # which in evaluation passes them on
    return bool(kinds) and kinds[-1] in OVERWRITABLE


def _found(module: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    """A layer's parameters in order, each with its shape."""
    return [(name, tuple(parameter.shape)) for name, parameter in module.named_parameters()]


def _wanted(layer: Layer, form: Form) -> list[tuple[str, tuple[int, ...]]]:
    """Those that the core knows of the layer on inputs of that form."""
    weights = {
        KINDS["linear"]: (layer.units, form.size),
        KINDS["convolution"]: (layer.units, form.channels, *layer.kernel),
        KINDS["batch_norm"]: (form.channels,),
        KINDS["layer_norm"]: (form.channels,),
    }
    if layer.kind not in weights:
        return []
    weight = weights[layer.kind]
    has_bias = layer.has_bias or layer.kind in (KINDS["batch_norm"], KINDS["layer_norm"])
    return [("weight", weight), ("bias", weight[:1])][: 1 + has_bias]


def _require(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - it is the whole point
    if not condition:
        raise Untranslatable(otherwise)


def _unflattened(module: nn.Unflatten, n_inputs: int) -> Form:
    size = tuple(module.unflattened_size)
    _require(module.dim == 1 and len(size) == 3 and -1 not in size, f"a {module}")
    _require(math.prod(size) == n_inputs, f"a {module} of {n_inputs} inputs")
    channels, height, width = size
    return Form(channels, height, width, flat=False)


def _linear(module: nn.Linear, form: Form) -> tuple[Layer, Form]:
    _require(form.flat, "a Linear layer on images that are not flattened")
    _require(module.in_features == form.size, f"a {module} where {form.size} numbers arrive")
    layer = Layer(kind=KINDS["linear"], units=module.out_features, has_bias=module.bias is not None)
    return layer, Form(module.out_features)


def _convolution(module: nn.Conv2d, form: Form) -> tuple[Layer, Form]:
    _require(not form.flat and module.in_channels == form.channels, f"a {module} there")
    plain = module.groups == 1 and module.dilation == (1, 1) and module.padding_mode == "zeros"
    _require(plain, "a Conv2d with groups, dilation or a padding other than zeros")
    padding = _padding(module)
    made = _sliding("convolution", module.kernel_size, module.stride, padding, form)
    made[0].units, made[0].has_bias = module.out_channels, module.bias is not None
    return made[0], Form(module.out_channels, made[1].height, made[1].width, flat=False)


def _padding(module: nn.Conv2d) -> tuple[int, int]:
    if isinstance(module.padding, str):
        _require(module.padding == "valid" or all(k % 2 for k in module.kernel_size), "an uneven padding 'same'")
        return (0, 0) if module.padding == "valid" else _pair(tuple(k // 2 for k in module.kernel_size))
    return _pair(module.padding)


def _pool(module: nn.MaxPool2d | nn.AvgPool2d, form: Form) -> tuple[Layer, Form]:
    _require(not form.flat, f"a {module} there")
    _require(not module.ceil_mode, "a pool that rounds its size up")
    is_average = isinstance(module, nn.AvgPool2d)
    if isinstance(module, nn.AvgPool2d):
        _require(module.divisor_override is None, "an AvgPool2d with a divisor of its own")
    else:
        _require(_pair(module.dilation) == (1, 1) and not module.return_indices, "a MaxPool2d with dilation or indices")
    stride = module.stride if module.stride is not None else module.kernel_size
    kind = "average_pool" if is_average else "max_pool"
    layer, after = _sliding(kind, module.kernel_size, stride, _pair(module.padding), form)
    layer.counts_padding = bool(isinstance(module, nn.AvgPool2d) and module.count_include_pad)
    return layer, after


def _sliding(kind: str, kernel: Any, step: Any, padding: tuple[int, int], form: Form) -> tuple[Layer, Form]:  # noqa: ANN401 - torch's int or pair
    layer = Layer(kind=KINDS[kind])
    layer.kernel[:], layer.step[:], layer.padding[:] = _pair(kernel), _pair(step), padding
    sizes = [
        (n + 2 * p - k) // s + 1
        for n, k, s, p in zip((form.height, form.width), layer.kernel, layer.step, padding, strict=True)
    ]
    _require(min(sizes) >= 1, f"a {kind.replace('_', ' ')} larger than its input")
    return layer, Form(form.channels, sizes[0], sizes[1], flat=False)


def _layer_norm(module: nn.LayerNorm, form: Form) -> tuple[Layer, Form]:
    _require(form.flat and form.height == form.width == 1, f"a {module} there")
    _require(module.normalized_shape == (form.channels,), f"a {module} where {form.channels} numbers arrive")
    return Layer(kind=KINDS["layer_norm"], epsilon=module.eps), form


def _batch_norm(module: nn.BatchNorm1d | nn.BatchNorm2d, form: Form) -> tuple[Layer, Form]:
    one_number = form.height == form.width == 1
    _require(form.flat and one_number if isinstance(module, nn.BatchNorm1d) else not form.flat, f"a {module} there")
    _require(module.num_features == form.channels, f"a {module} where {form.channels} channels arrive")
    plain = module.affine and module.track_running_stats and module.momentum is not None
    _require(plain, "a batch norm without parameters, running statistics or momentum")
    return Layer(kind=KINDS["batch_norm"], epsilon=module.eps, momentum=module.momentum), form


def _dropout(module: CountedDropout, form: Form) -> tuple[Layer, Form]:
    layer = Layer(kind=KINDS["dropout"], position=module.layer, scale=1 / (1 - module.probability))
    layer.key, layer.threshold = int(module.key), math.ceil(module.probability * 2**53)
    return layer, form


def _leaky_relu(module: nn.LeakyReLU, form: Form) -> tuple[Layer, Form]:
    _require(module.negative_slope > 0, "a LeakyReLU whose slope is not positive")
    return Layer(kind=KINDS["leaky_relu"], slope=module.negative_slope), form


def _gelu(module: nn.GELU, form: Form) -> tuple[Layer, Form]:
    _require(module.approximate == "none", "an approximate GELU")
    return Layer(kind=KINDS["gelu"]), form


def _plain(kind: str) -> Callable[[Any, Form], tuple[Layer, Form]]:
    return lambda _, form: (Layer(kind=KINDS[kind]), form)


def _pair(given: Any) -> tuple[int, int]:  # noqa: ANN401 - torch's int or pair
    numbers = tuple(given) if isinstance(given, Iterable) else (given,)
    return int(numbers[0]), int(numbers[-1])


def _running(module: nn.Module) -> tuple[torch.Tensor, ...]:
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        assert module.running_mean is not None
        assert module.running_var is not None
        return module.running_mean, module.running_var
    return ()


LAYERS: Mapping[type[nn.Module], Callable[[Any, Form], tuple[Layer, Form]]] = MappingProxyType(
    {
        nn.Linear: _linear,
        nn.Conv2d: _convolution,
        nn.BatchNorm1d: _batch_norm,
        nn.BatchNorm2d: _batch_norm,
        nn.LayerNorm: _layer_norm,
        nn.MaxPool2d: _pool,
        nn.AvgPool2d: _pool,
        nn.ReLU: _plain("relu"),
        nn.LeakyReLU: _leaky_relu,
        nn.Sigmoid: _plain("sigmoid"),
        nn.Tanh: _plain("tanh"),
        nn.GELU: _gelu,
        CountedDropout: _dropout,
    }
)
"""Torch's layer → the core's layer, and the form of what leaves it."""
