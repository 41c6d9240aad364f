"""Weights for PyTorch, and from it: the same values under its names, in its layouts.

| layer | here | in PyTorch |
|---|---|---|
| `Dense`, `Linear` | weight (in, out) | weight (out, in) |
| `DenseTranspose` | the other layer's weight | weight, a copy: tied in minigen alone |
| `Conv2d` | weight (height, width, in, out) | weight (out, in, height, width) |
| `ConvTranspose2d` | weight (height, width, out, in) | weight (in, out, height, width) |
| `BatchNorm`, `BatchNorm1d` and `2d` | running statistics | the same, and `num_batches_tracked` |
| `LayerNorm`, `InstanceNorm` | weight, bias | the same |
| `LSTM`, `GRU` | cell.weight (in, gates * hidden), ... | weight_ih_l0 (gates * hidden, in), ... |
| `LSTMCell`, `GRUCell` | weight, recurrent_weight | weight_ih, weight_hh |

The gates have the same order in both: i, f, g, o in an LSTM, r, z, n in a GRU. PyTorch's LSTM has two biases, of which only the
sum counts: that is the one here. Vectors outside these layers are the same in both. A class of your own that is derived from one
of these has its weights.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from minigen import nn
from minigen.backend import to_numpy
from minigen.errors import StateError, suggestion
from minigen.utils.checks import check_fit
from minigen.utils.reading import shortened

State = dict[str, np.ndarray]
Names = Mapping[str, str] | None
COUNTED = "num_batches_tracked"  # of PyTorch's BatchNorm, which has no use for it unless its momentum is None


def to_torch(module: nn.Module, *, names: Names = None) -> State:
    """The state of a module as PyTorch has it: name -> array, for `load_state_dict` of a network with the same layers.

    names: path of a module here -> its path there, where they differ: {"encoder.2": "encoder.3"} for the third layer, which is
    the fourth in PyTorch, where an activation is a layer of its own. What is below moves with it.

    The arrays are on the host, of the module's dtype: `{name: torch.from_numpy(array) for name, array in to_torch(net).items()}`.
    StateError for a layer with weights that PyTorch does not have, such as EqualizedDense.
    """
    return {entry.name: entry.value for entry in entries(module, names)}


def from_torch(module: nn.Module, state: Mapping[str, Any], *, names: Names = None) -> None:
    """Load a state of PyTorch, `net.state_dict()`, tensors or arrays, into a module with the same layers.

    names: as in `to_torch`. Values take the dtype of the module. StateError, naming every mismatch by its name in PyTorch, unless
    all of it fits, for values that are not finite, or would not be in that dtype, and for a weight that is tied here and has two
    values there; then nothing changes.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"from_torch takes a state dict, names with tensors, got {shortened(state)}: write net.state_dict()")
    expected = to_torch(module, names=names)
    check_names(state, expected)
    given = {name: on_host(name, tensor, expected.get(name)) for name, tensor in state.items()}
    counts = {name: array for name, array in expected.items() if name.endswith(COUNTED)}  # older files have none
    check_fit(f"{type(module).__name__}, as PyTorch would have it", counts | given, expected)
    layers: dict[str, tuple[str, np.ndarray]] = {}  # place of a weight here -> its name there, and its value
    for entry in entries(module, names):
        if entry.here is not None:
            value = entry.back(given[entry.name])
            if entry.here in layers:  # the two biases of a recurrent layer
                with np.errstate(over="ignore"):
                    value = layers[entry.here][1] + value
                if not np.isfinite(value).all():
                    raise StateError(f"{layers[entry.here][0]} and {entry.name}, which are added, are infinite together")
            layers[entry.here] = (entry.name, value)
    paths = {id(tensor): path for path, tensor in module.named_state().items()}
    found: dict[str, tuple[str, np.ndarray]] = {}
    for place, (name, value) in layers.items():
        path = paths[id(tensor_at(module, place))]
        first, known = found.setdefault(path, (name, np.asarray(value, order="C")))
        if not np.array_equal(known, value):
            raise StateError(f"{first} and {name} are one weight in {type(module).__name__}, {path}, but have two values there")
    module.load_state_dict({path: value for path, (_, value) in found.items()})


def check_names(state: Mapping[str, Any], expected: State) -> None:
    """Raise StateError for the two usual mistakes, with what to write: a whole checkpoint, and names behind a wrapper's."""
    inside = [name for name, value in state.items() if isinstance(value, Mapping)]
    if inside:
        best = max(inside, key=lambda name: sum(hasattr(value, "shape") for value in state[name].values()))
        raise StateError(
            f"this is a checkpoint, with {shortened(list(state))}, expected the state dict in it: "
            f"from_torch(module, state[{best!r}])"
        )
    first = str(next(iter(state), "")).partition(".")[0] + "."
    rest = {str(name).removeprefix(first) for name in state if str(name).startswith(first)}
    if len(rest) == len(state) and rest & expected.keys() and not state.keys() & expected.keys():
        raise StateError(
            f"all names begin with {first!r}, as nn.DataParallel (module.) and torch.compile (_orig_mod.) write them: "
            f"from_torch(module, {{name.removeprefix({first!r}): tensor for name, tensor in state.items()}})"
        )


def on_host(name: str, tensor: Any, expected: np.ndarray | None) -> np.ndarray:
    """A tensor of PyTorch, or an array, as an array of the dtype that is expected. StateError for anything else."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor  # which NumPy does not have
        tensor = tensor.numpy()
    array = to_numpy(tensor) if hasattr(tensor, "shape") else np.asarray(tensor)
    if array.dtype.kind not in "fiub":
        raise StateError(f"{name} is {shortened(tensor)}, expected a tensor of PyTorch or an array")
    if expected is None or {array.dtype.kind, expected.dtype.kind} != {"f"}:
        return array
    if not np.isfinite(array).all():
        raise StateError(f"{name} holds NaN or infinity, expected finite values")
    with np.errstate(over="ignore"):
        converted = array.astype(expected.dtype)
    if not np.isfinite(converted).all():
        largest = np.abs(array).max()
        raise StateError(
            f"{name} has values up to {largest:.3g}, which are infinite in {expected.dtype}: module.astype('float64')"
        )
    return converted


# -- the layers --------------------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A weight as PyTorch has it: its place here, None for what is not kept; its name and its value there; and the way back.

    Of two entries with one place here the values are added.
    """

    here: str | None
    name: str
    value: np.ndarray
    back: Callable[[np.ndarray], np.ndarray] = np.asarray


def entries(module: nn.Module, names: Names) -> Iterator[Entry]:
    """All that PyTorch's state has, layer by layer."""
    layers, names = dict(module.named_modules()), names or {}
    for path in names.keys() - layers.keys():
        raise StateError(
            f"names: {type(module).__name__} has no part {shortened(path)}: {suggestion(path, filter(None, layers))}"
        )
    cells = {id(layer.cell) for layer in layers.values() if kind_of(layer) in (nn.LSTM, nn.GRU)}  # parts of those
    seen: set[str] = set()
    for path, layer in layers.items():
        if id(layer) in cells:
            continue
        for here, name, value, back in entries_of(layer, path or "the module"):
            name = ".".join(filter(None, [renamed(path, names), name]))
            if name in seen:
                raise StateError(f"names: two weights would be {name} in PyTorch")
            seen.add(name)
            yield Entry(here and ".".join(filter(None, [path, here])), name, value, back)


def renamed(path: str, names: Mapping[str, str]) -> str:
    """A path as PyTorch has it: by the longest beginning that has another name there."""
    parts = path.split(".")
    for i in range(len(parts), 0, -1):
        if (start := ".".join(parts[:i])) in names:
            return ".".join(filter(None, [names[start], *parts[i:]]))
    return path


def tensor_at(module: nn.Module, place: str) -> Any:
    """The parameter or buffer at a place, which may be one of several."""
    return dict(module._paths(""))[place]


def entries_of(layer: nn.Module, where: str) -> Iterator[Entry]:
    """Those of one layer, without the modules in it."""
    if getattr(layer, "reparametrization", None) is not None:
        raise StateError(f"{where}, {layer!r}, makes its weight of a parameter each time, as no layer of PyTorch does")
    kind = kind_of(layer)
    if kind in WEIGHTS:
        there, back = WEIGHTS[kind]
        yield Entry("weight", "weight", there(host(layer.weight)), back)
    elif kind in (nn.LSTM, nn.GRU):
        for here, name, value, back in entries_of_cell(layer.cell):
            yield Entry(f"cell.{here}", f"{name}_l0", value, back)
        return
    elif kind in (nn.LSTMCell, nn.GRUCell):
        yield from entries_of_cell(layer)
        return
    elif kind is nn.BatchNorm:
        yield Entry(None, COUNTED, np.zeros((), np.int64))
    for name, tensor in layer.members():
        if isinstance(tensor, nn.Module) or (name == "weight" and kind in WEIGHTS):
            continue
        if tensor.ndim > 1:
            raise StateError(f"{where}, {layer!r}, has {name} {tuple(tensor.shape)}, which no layer of PyTorch has")
        yield Entry(name, name, host(tensor))


def kind_of(layer: nn.Module) -> type:
    """The class of a layer; of a class of a user's own the one of minigen's that it is derived from."""
    return next(kind for kind in type(layer).__mro__ if kind.__module__.startswith("minigen."))


def entries_of_cell(cell: Any) -> Iterator[Entry]:
    """Those of a recurrent cell."""
    yield Entry("weight", "weight_ih", turned(host(cell.weight)), turned)
    yield Entry("recurrent_weight", "weight_hh", turned(host(cell.recurrent_weight)), turned)
    yield Entry("bias", "bias_ih", host(cell.bias))
    if isinstance(cell, nn.GRUCell):
        yield Entry("recurrent_bias", "bias_hh", host(cell.recurrent_bias))
    else:
        yield Entry("bias", "bias_hh", np.zeros_like(host(cell.bias)))


def host(tensor: Any) -> np.ndarray:
    """A copy of a parameter or buffer."""
    return np.array(to_numpy(tensor.data))


def turned(matrix: np.ndarray) -> np.ndarray:
    """(in, out) as (out, in), and back."""
    return np.ascontiguousarray(matrix.T)


def channels_first(kernel: np.ndarray) -> np.ndarray:
    """(height, width, a, b) -> (b, a, height, width)."""
    return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))


def channels_last(kernel: np.ndarray) -> np.ndarray:
    """(b, a, height, width) -> (height, width, a, b)."""
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))


WEIGHTS: dict[type, tuple[Callable, Callable]] = {  # layers with one weight: the way there, and back
    nn.Dense: (turned, turned),
    nn.DenseTranspose: (np.asarray, np.asarray),
    nn.Conv2d: (channels_first, channels_last),
    nn.ConvTranspose2d: (channels_first, channels_last),
}
