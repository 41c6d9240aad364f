"""Module: a part of a network that owns parameters and other modules."""

import contextlib
import functools
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigen.autograd import Parameter, Tensor, no_grad
from minigen.backend import array_module, asarray, current, to_numpy
from minigen.errors import DtypeError, LayerError
from minigen.nn import init, saving
from minigen.nn.summary import summary
from minigen.utils.blocks import Block, block
from minigen.utils.checks import check_fit, check_mapping, refuse
from minigen.utils.rebuilding import Rebuildable


class Buffer(Tensor):
    """Values of a module that are not trained but belong to its state, such as the running statistics of a BatchNorm.

    No gradient, not among the parameters; saved and loaded with the module. Change it with `assign`.
    """

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None):
        super().__init__(data, name=name)
        self.rebind(self.data.copy())  # it will be overwritten, the caller's array must not be


class NonNegative(Buffer):
    """A Buffer of variances or counts: a state with negative values is refused."""

    __slots__ = ()


class Module(Rebuildable):
    """Base of layers and models: write `__init__`, which sets parameters, buffers and modules as attributes, and `forward`.

    These are found by attribute, also inside lists, tuples and dicts; a parameter that two modules share (tied
    weights) counts once. NumPy scalars among arguments and attributes become Python numbers. Calling the module calls `forward`;
    an error inside names the layer in which it arose.
    """

    training = True
    in_order: tuple[str, ...] = ()  # attributes whose modules are applied one after another; (): the order is found by tracing
    remembered: tuple[str, ...] = ("_arguments",)  # attributes that are not settings, such as results of a forward pass

    def forward(self, *inputs: Any) -> Any:
        """The computation; every module defines it."""
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

    # -- the contents of a module --------------------------------------------------------------------------------

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
        """Path -> parameter or buffer: the contents of a state dict, named as in `named_parameters`."""
        named: dict[str, Parameter | Buffer] = {}
        found: set[int] = set()
        for path, tensor in self._paths(""):
            if id(tensor) not in found:
                found.add(id(tensor))
                named[path], tensor.name = tensor, path
        return named

    def _paths(self, prefix: str) -> Iterator[tuple[str, Parameter | Buffer]]:
        for name, value in self.members():
            if isinstance(value, Module):
                yield from value._paths(f"{prefix}{name}.")
            else:
                yield prefix + name, value

    def parameters(self) -> list[Parameter]:
        """All parameters, each once: what an optimizer takes."""
        return list(self.named_parameters().values())

    def parameter_count(self) -> int:
        """The number of trainable values, all elements of all parameters."""
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
    def eval_mode(self) -> Iterator[None]:
        """Evaluation mode inside a `with` block, or a decorated function; afterward every module returns to its former mode."""
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode

    def frozen(self) -> Block:
        """Inside a `with` block the module is used without being changed: its parameters are constants.

        Gradients flow through it to its input, and none for its parameters are computed. That is decided in the backward pass,
        which therefore belongs inside the block too. Afterward the buffers (running statistics) are as before, bit for bit, and
        each parameter requires a gradient as before, also after an error. Modes stay: a BatchNorm in training mode uses the
        batch. For adversarial training: the discriminator scores the generator, whose step must not change it. The block can be
        entered repeatedly, which saves the search for the parameters.
        """
        state = list(self.named_state().values())
        parameters = [tensor for tensor in state if isinstance(tensor, Parameter)]
        buffers = [tensor for tensor in state if isinstance(tensor, Buffer)]
        return Block(functools.partial(freezing, parameters, buffers))

    def zero_grad(self) -> None:
        """Clear the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def astype(self, dtype: Any) -> "Module":
        """Convert all parameters and buffers, e.g. to "float64" for a gradcheck; an optimizer created before must be
        recreated."""
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise DtypeError(f"a model computes in float32 or float64, not in {np.dtype(dtype)}")
        for tensor in self.named_state().values():
            tensor.rebind(tensor.data.astype(dtype))
            tensor.grad = None
            tensor.touch()
        return self

    def state_dict(self) -> dict[str, np.ndarray]:
        """Path -> a host copy of every parameter and buffer."""
        return {name: np.array(to_numpy(tensor.data)) for name, tensor in self.named_state().items()}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise StateError, naming every mismatch, unless a state dict fits; only shapes and dtypes are compared."""
        check_fit(type(self).__name__, state, self.named_state())

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Load the values of a state dict. Unless all of it fits, StateError names every mismatch and nothing changes."""
        check_mapping(type(self).__name__, state)
        state = {name: to_numpy(value) for name, value in state.items()}  # refuses what is not an array, before anything changes
        self.check_state(state)
        named = self.named_state()
        counts = [name for name, tensor in named.items() if isinstance(tensor, NonNegative)]
        refuse(type(self).__name__, [f"{name} holds negative values" for name in counts if (np.asarray(state[name]) < 0).any()])
        for name, tensor in named.items():
            tensor.assign(asarray(state[name]))

    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the state: names, shapes, dtypes and values.

        Print it with every score of a trained network: other weights, other scores.
        """
        digest = hashlib.sha256()
        for name, array in self.state_dict().items():
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:12]

    def save(self, path: str | Path, *, card: Mapping[str, Any] | str | None = None) -> None:
        """Write the model to a file that `minigen.load` opens: class, settings, weights, and the version of minigen.

        path: ends in ".npz", which needs nothing else, or in ".safetensors", which other programs read too, and which needs the
        extra `safetensors`.  card: what else is to be known of it, in words, or names with JSON values, such as {"about": "...",
        "data": "glyphs", "epochs": 25, "metrics": {"accuracy": 0.98}}; or the card of a run, `minigen.card("runs/vae")`. It is
        part of the file, and `minigen.card(path)` shows it.

        The file is replaced atomically. Of a class of your own it holds the weights, and `minigen.load(path, into=model)` puts
        them into such a model. ValueError for another ending, TypeError for a card that JSON does not know, StateError for
        weights that are not finite; then nothing is written.
        """
        saving.save(self, Path(path), card or {})

    # -- summaries -----------------------------------------------------------------------------------------------

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one example's output for one example's input shape (neither counts the batch).

        Layers compute it; for other modules it is found by a forward pass of one example of zeros, in evaluation mode.
        """
        return self.traced_output_shape(input_shape)

    def traced_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The output shape of a forward pass of one example of zeros."""
        with self.eval_mode(), no_grad():
            return tuple(self(Tensor(zeros((1, *input_shape), self))).shape[1:])

    def knows_output_shape(self) -> bool:
        """Whether the module computes its output shape without a forward pass."""
        return type(self).output_shape is not Module.output_shape

    def describe(self) -> str:
        """The text after the class name in a summary, e.g. "784 -> 100"."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.describe()})"

    def summary_children(self) -> Iterator[tuple[str, "Module"]] | None:
        """(name, module) of the parts that a summary lists, in order of application; None: the order is traced."""
        parts = dict(self.children())
        names = [name for part in self.in_order for name in parts if name == part or name.startswith(f"{part}.")]
        return ((name, parts[name]) for name in names) if self.in_order else None

    def summary(self, input_shape: tuple[int, ...]) -> None:
        """Print a table: every layer with its output shape and parameters, for one example's input shape."""
        print(summary(self, tuple(input_shape)))


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
            if buffer.version != version:  # assigning makes older graphs stale: skip buffers that did not change
                buffer.assign(value)


class ElementwiseModule(Module):
    """Base of layers that keep the shape of their input."""

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(input_shape)


class WeightedModule(Module):
    """Base of layers whose weight another module may recompute in each forward pass, from the parameter `weight`.

    `reparametrization`: that module, called with the parameter; for example `nn.spectral_norm` sets it. `output_axis`: the axis
    of the weight that indexes the layer's outputs.
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
    shape = init.take(shape)
    for parameter in module.parameters():
        return array_module(parameter.data).zeros(shape, dtype=parameter.dtype)
    return current().xp.zeros(shape, dtype=np.float32)
