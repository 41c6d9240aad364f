"""Module: a part of a network that owns parameters and other modules."""

import contextlib
import functools
import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minigen.autograd import Parameter, Tensor, no_grad
from minigen.backend import array_module, asarray, current, to_numpy
from minigen.errors import DtypeError, LayerError, StateError
from minigen.utils.blocks import Block, block
from minigen.utils.settings import Configured


class Buffer(Tensor):
    """Numbers of a module that are not trained but belong to its state, such as the running statistics of a BatchNorm.

    No gradient, not among the parameters; saved and loaded with the module. Change it with `assign`.
    """

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None):
        super().__init__(data, name=name)
        self.rebind(self.data.copy())  # it will be overwritten, the caller's array must not


class NonNegative(Buffer):
    """A Buffer of variances or counts: a state with a number below 0 is refused."""

    __slots__ = ()


class Module(Configured):
    """Base of layers and models: write `__init__`, which sets parameters, buffers and modules as attributes, and `forward`.

    These are found by attribute, also inside lists, tuples and dicts; a parameter that two modules share (tied
    weights) counts once. Numbers among arguments and attributes are Python's, also where NumPy's were given. Calling the module
    calls `forward`; an error inside says in which layer it arose.
    """

    training = True
    remembered: tuple[str, ...] = ()  # attributes that are no settings, such as what a forward pass leaves behind: not compared

    def forward(self, *inputs: Any) -> Any:
        """The computation; to be written by each module."""
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        try:
            return self.forward(*inputs, **options)
        except LayerError as error:
            self.add_path(error)
            raise

    def add_path(self, error: LayerError) -> None:
        """Prepend, to an error from a module below this one, the path to that module."""
        if error.module is not self:
            path = next((path for path, module in self.named_modules() if module is error.module), None)
            error.path = error.path if path is None else (path, *error.path)
        error.module = self

    # -- what belongs to a module --------------------------------------------------------------------------------

    def members(self) -> Iterator[tuple[str, Any]]:
        """All (name, parameter, buffer or module) among the attributes, in order of assignment."""
        for name, value in vars(self).items():
            yield from search(name, value)

    def children(self) -> Iterator[tuple[str, "Module"]]:
        """(name, module) of the modules directly below."""
        return ((name, value) for name, value in self.members() if isinstance(value, Module))

    def named_modules(self, path: str = "") -> Iterator[tuple[str, "Module"]]:
        """(path, module) of this module, whose path is "", and of all modules below it."""
        yield path, self
        for name, child in self.children():
            yield from child.named_modules(f"{path}.{name}" if path else name)

    def modules(self) -> Iterator["Module"]:
        """This module and all modules below it."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> dict[str, Parameter]:
        """Path -> parameter, each parameter once, under the first path that leads to it; that path becomes its name."""
        return {path: tensor for path, tensor in self.named_state().items() if isinstance(tensor, Parameter)}

    def named_state(self) -> dict[str, Parameter | Buffer]:
        """Path -> parameter or buffer: all that a state dict holds, named as in `named_parameters`."""
        named: dict[int, Parameter | Buffer] = {}
        for path, tensor in self._paths(""):
            if id(tensor) not in named:
                tensor.name = path
                named[id(tensor)] = tensor
        return {tensor.name: tensor for tensor in named.values()}

    def _paths(self, prefix: str) -> Iterator[tuple[str, Parameter | Buffer]]:
        for name, value in self.members():
            if isinstance(value, Tensor):
                yield prefix + name, value
            else:
                yield from value._paths(f"{prefix}{name}.")

    def parameters(self) -> list[Parameter]:
        """All parameters, each once: what an optimizer takes."""
        return list(self.named_parameters().values())

    def parameter_count(self) -> int:
        """The number of trainable numbers."""
        return sum(parameter.size for parameter in self.parameters())

    # -- modes and state -----------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> "Module":
        """Training mode: dropout drops, noise is added."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> "Module":
        """Evaluation mode: the network is deterministic."""
        return self.train(False)

    @block
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode inside a `with` block, or a decorated function; afterward every module is in the mode it was in."""
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode

    def frozen(self) -> Block:
        """Inside a `with` block the module is used without being changed: its parameters are constants.

        Gradients flow through it to its input, and none of its own is computed. That is decided in the backward pass, which
        therefore belongs inside the block too. Afterward the buffers (running statistics) are what they were, to the bit, and
        each parameter requires a gradient as before, also after an error. Modes stay: a BatchNorm in training mode uses the
        batch. For adversarial training, whose generator is judged by a discriminator that its step must not change. What is
        returned can be entered again and again, which saves the search for the parameters.
        """
        state = list(self.named_state().values())
        parameters, buffers = ([tensor for tensor in state if isinstance(tensor, kind)] for kind in (Parameter, Buffer))
        return Block(functools.partial(freezing, parameters, buffers))

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def astype(self, dtype: Any) -> "Module":
        """Convert all parameters and buffers, e.g. to "float64" for a gradcheck; optimizers made before must be made again."""
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise DtypeError(f"a model computes in float32 or float64, not in {np.dtype(dtype)}")
        for tensor in self.named_state().values():
            tensor.rebind(tensor.data.astype(dtype))
            tensor.grad = None
            tensor.touch()
        return self

    def state_dict(self) -> dict[str, np.ndarray]:
        """Path -> copy of the values on the host, of every parameter and buffer."""
        return {name: np.array(to_numpy(tensor.data)) for name, tensor in self.named_state().items()}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise StateError, naming every mismatch, unless a state dict fits; only shapes and dtypes are looked at."""
        named = self.named_state()
        problems = [f"missing {name} {named[name].shape}" for name in named.keys() - state.keys()]
        problems += [f"unexpected {name}" for name in state.keys() - named.keys()]
        for name in named.keys() & state.keys():
            value, expected = state[name], named[name]
            if tuple(value.shape) != tuple(expected.shape) or value.dtype != expected.dtype:
                problems.append(f"{name} is {value.dtype}{list(value.shape)}, expected {expected.dtype}{list(expected.shape)}")
        if problems:
            raise StateError(f"this state does not fit {type(self).__name__}: {'; '.join(sorted(problems))}")

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over the values of a state dict. All of it fits, or StateError names every mismatch and nothing changes."""
        state = {name: to_numpy(value) for name, value in state.items()}  # refuses what is no array, before anything has changed
        self.check_state(state)
        named = self.named_state()
        for name, tensor in named.items():
            if isinstance(tensor, NonNegative) and (np.asarray(state[name]) < 0).any():
                raise StateError(f"this state does not fit {type(self).__name__}: {name} holds negative numbers")
        for name, tensor in named.items():
            tensor.assign(asarray(state[name]))

    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the state: names, shapes, dtypes and values.

        To be printed with every score that a trained network gives: other weights, other scores.
        """
        digest = hashlib.sha256()
        for name, array in self.state_dict().items():
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:12]

    # -- what it looks like --------------------------------------------------------------------------------------

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one example's output for one example's input shape (neither counts the batch).

        Layers compute it; a module that does not say is asked by a forward pass of one example of zeros, in evaluation mode.
        """
        with self.evaluating(), no_grad():
            return self(Tensor(zeros((1, *input_shape), self))).shape[1:]

    def describe(self) -> str:
        """What stands behind the class name in a summary, e.g. "784 -> 100"."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.describe()})"

    def summary(self, input_shape: tuple[int, ...]) -> None:
        """Print a table: every layer with its output shape and parameters, for one example's input shape."""
        rows: list[tuple[str, str, str]] = []
        counted: set[int] = set()
        summarize(self, "", tuple(input_shape), rows, counted)
        others = self.parameter_count() - sum(parameter.size for parameter in self.parameters() if id(parameter) in counted)
        if others:
            rows.append(("parameters outside the layers", "", f"{others:,}"))
        rows.append(("total", "", f"{self.parameter_count():,}"))
        rows.insert(0, ("layer", "output shape", "parameters"))
        rows.insert(1, ("input", str(tuple(input_shape)), ""))
        widths = [max(map(len, column)) for column in zip(*rows)]
        for i, (layer, shape, count) in enumerate(rows):
            if i in (1, len(rows) - 1):
                print("-" * (sum(widths) + 6))
            print(f"{layer:<{widths[0]}}   {shape:<{widths[1]}}   {count:>{widths[2]}}")


@contextlib.contextmanager
def freezing(parameters: list[Parameter], buffers: list[Buffer]) -> Iterator[None]:
    """The block of `Module.frozen`."""
    flags = [parameter.requires_grad for parameter in parameters]
    before = [(buffer.version, buffer.data.copy()) for buffer in buffers]
    for parameter in parameters:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter, flag in zip(parameters, flags):
            parameter.requires_grad = flag
        for buffer, (version, value) in zip(buffers, before):
            if buffer.version != version:  # assigning makes older graphs stale: not those that read a buffer nobody changed
                buffer.assign(value)


class ElementwiseModule(Module):
    """Base of layers that keep the shape of their input."""

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(input_shape)


class WeightedModule(Module):
    """Base of layers whose weight another module may compute anew in each forward pass, from the parameter `weight`.

    `reparametrization`: that module, called with the parameter; for example `nn.spectral_norm` sets it. `output_axis`: the axis
    of the weight that counts the layer's outputs.
    """

    weight: Parameter
    reparametrization: Module | None = None
    output_axis = -1

    def effective_weight(self) -> Any:
        """The weight that the layer computes with: reparametrization(weight), or the parameter itself."""
        return self.weight if self.reparametrization is None else self.reparametrization(self.weight)


def search(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Parameters, buffers and modules in an attribute, looking into lists, tuples and dicts."""
    if isinstance(value, (Parameter, Buffer, Module)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            yield from search(f"{name}.{i}", part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from search(f"{name}.{key}", part)


def zeros(shape: tuple[int, ...], module: Module) -> Any:
    """Zeros of the dtype and on the device of a module's parameters."""
    for parameter in module.parameters():
        return array_module(parameter.data).zeros(shape, dtype=parameter.dtype)
    return current().xp.zeros(shape, dtype=np.float32)


def summarize(module: Module, path: str, shape: tuple[int, ...], rows: list, counted: set[int]) -> tuple[int, ...]:
    """Append the rows of a module, a chain link by link; returns its output shape."""
    if hasattr(module, "chain"):
        for name, child in module.chain():
            shape = summarize(child, f"{path}{name}.", shape, rows, counted)
        return shape
    if type(module).output_shape is Module.output_shape and any(module.children()):
        layers: dict[int, tuple[str, Module]] = {}
        for name, layer in layers_below(module, path):
            layers.setdefault(id(layer), (name, layer))
        shapes, shape = trace(module, shape, [layer for _, layer in layers.values()])
        for name, child in layers.values():
            append_row(rows, name, child, shapes.get(id(child), "not reached"), counted)
    else:
        shape = module.output_shape(shape)
        append_row(rows, path.rstrip("."), module, shape, counted)
    return shape


def layers_below(module: Module, path: str) -> Iterator[tuple[str, Module]]:
    """(path, module) of the modules below that know their own output shape, or have no modules below themselves."""
    for name, child in module.children():
        known = type(child).output_shape is not Module.output_shape and not hasattr(child, "chain")
        if known or not any(child.children()):
            yield path + name, child
        else:
            yield from layers_below(child, f"{path}{name}.")


def trace(module: Module, shape: tuple[int, ...], layers: list[Module]) -> tuple[dict[int, Any], tuple[int, ...]]:
    """Output shapes of the layers (by id) and of the module, seen in a forward pass of one example of zeros."""
    shapes: dict[int, Any] = {}

    def watched(layer: Module, forward: Any) -> Any:
        def seen(*inputs: Any, **options: Any) -> Any:
            y = forward(*inputs, **options)
            shapes[id(layer)] = tuple(getattr(y, "shape", ("?", "?"))[1:])
            return y

        return seen

    for layer in layers:
        layer.forward = watched(layer, layer.forward)
    try:
        return shapes, tuple(Module.output_shape(module, shape))
    finally:
        for layer in layers:
            del layer.forward


def append_row(rows: list, name: str, module: Module, shape: Any, counted: set[int]) -> None:
    """One line of a summary; a shared parameter counts where it comes first."""
    fresh = [parameter for parameter in module.parameters() if id(parameter) not in counted]
    counted.update(map(id, fresh))
    rows.append((f"{name} {module!r}".strip(), str(shape), f"{sum(math.prod(p.shape) for p in fresh):,}"))
