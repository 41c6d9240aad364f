"""Models in files: class, settings and weights, from which `build` makes them again. Nothing in a file is ever run.

A file ends in .npz, as `utils.archive` writes it, or in .safetensors, in whose metadata the same header is, under "minigen",
and its checksum under "minigen sha256":

    minigen        the version that wrote it
    model          what the model is made of, see `utils.rebuilding`; null for a class that is not minigen's, which `reason` says
    changed        settings that were changed later: path of a module -> name -> value
    spectral norm  paths of the layers whose weights are divided by their largest singular value
    frozen         parameters that require no gradient
    weights        SHA-256 of the state
    card           what its user wants to be known of it: names with values, of which "metrics" are names with numbers
"""

import functools
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from minigen.autograd.debug import Observer, observing
from minigen.backend import random
from minigen.errors import CheckpointError, DtypeError, MissingPackageError, StateError
from minigen.nn import init
from minigen.nn.changed_settings import Settings, apply, arrays_of, changes, check_changes, settings, unique_modules
from minigen.utils import archive
from minigen.utils.blocks import block
from minigen.utils.files import replacing
from minigen.utils.reading import open_regular, parsed_json, shortened
from minigen.utils.rebuilding import class_of, describe, rebuild
from minigen.utils.settings import python_number

if TYPE_CHECKING:  # whose method save() is made of this file
    from minigen.nn.module import Module

ENDINGS = (".npz", ".safetensors")
GROUP = "weights/"  # before the names of arrays in an .npz
SEAL = "minigen sha256"  # in the metadata of a .safetensors, beside "minigen": the checksum of that
RECORD = {"model", "reason", "changed", "spectral norm", "frozen"}
SPARE = 8  # so many times its weights may be made to open a model: twins are made, too, to check settings
STEPS = 1 << 14  # that may be taken beside those weights, to find shapes by a forward pass
SPECTRAL_NORM = "nn.spectral.SpectralNorm"


class Counting(Observer):
    """Counts the ops of a forward pass that finds a shape, each as a step of `init.bounded`."""

    def forward(self, op: Any, arrays: list, attributes: dict) -> Any:
        init.take((0,))
        return super().forward(op, arrays, attributes)


# -- what makes a model again --------------------------------------------------------------------------------------------


def record(model: "Module") -> dict[str, Any]:
    """All but the weights of what makes a model again, JSON values; or why nothing does, under "reason"."""
    normalized = [path for path, layer in unique_modules(model) if is_normalized(layer)]
    frozen = [name for name, tensor in model.named_parameters().items() if not tensor.requires_grad]
    found: dict[str, Any] = {"model": None, "reason": None, "changed": {}, "spectral norm": normalized, "frozen": frozen}
    try:
        description = describe(model)
        new, arrays = when_new(json.dumps([description, normalized]))
        changed = changes(new, settings(model))
        if arrays != (now := arrays_of(model)):
            other = next(path for path in {**arrays, **now} if arrays.get(path) != now.get(path))
            raise StateError(f"{other} is {now.get(other, 'not there')}, where its constructor makes {arrays.get(other, 'none')}")
        check_one_dtype({path: tensor.dtype for path, tensor in model.named_state().items()})
        if changed:
            with random.fork_rng():
                check_changes(new_model(description, normalized), changed)
    except Exception as error:  # of any constructor, too: a checkpoint is written all the same
        return {**found, "reason": f"it has no {error}" if isinstance(error, KeyError) else str(error)}
    return {**found, "model": description, "changed": changed}


@functools.lru_cache(maxsize=16)
def when_new(text: str) -> tuple[Settings, dict[str, str]]:
    """The settings and the arrays of a model that has just been made from this description; it is not kept."""
    description, normalized = json.loads(text)
    with random.fork_rng():
        model = new_model(description, normalized)
    return settings(model), arrays_of(model)


def new_model(description: Any, normalized: list[str]) -> "Module":
    """A model by its description, and the paths of layers with spectral normalization."""
    model = rebuild(description)
    normalize(model, normalized)
    return model


def is_normalized(layer: "Module") -> bool:
    """Whether `nn.spectral_norm` has been at a layer."""
    return type(getattr(layer, "reparametrization", None)).__name__ == SPECTRAL_NORM.rpartition(".")[2]


def normalize(model: "Module", paths: list[str]) -> None:
    """Divide the weights of these layers by their largest singular value, as `nn.spectral_norm` does."""
    modules, spectral_norm = dict(unique_modules(model)), cast(Any, class_of(SPECTRAL_NORM))
    for path in paths:
        layer: Any = modules[path]
        if layer.reparametrization is not None:
            raise StateError(f"{path} is reparametrized already")
        layer.reparametrization = spectral_norm(layer.weight, layer.output_axis)


@block
def within(sizes: Iterable[int]) -> Iterator[None]:
    """Inside the block networks can be made that are not much larger than the arrays of a file, whose sizes these are, nor have
    many more layers. Else StateError."""
    there = list(sizes)
    with init.bounded(SPARE * sum(there), SPARE * len(there) + STEPS), observing(Counting()):
        yield


def build(said: Mapping[str, Any], state: Mapping[str, np.ndarray], where: str) -> "Module":
    """The model of a record, with the weights of a state, in evaluation mode. CheckpointError, saying where from, for a record
    that says nothing good."""
    if not said.keys() >= RECORD:
        raise CheckpointError(f"{where} says nothing of the class and the settings of its model: {INTO}")
    if said["model"] is None:
        raise CheckpointError(
            f"{where} has weights, but no model that minigen could make: {shortened(said['reason'], 300)}; {INTO}"
        )
    try:
        check_one_dtype({name: array.dtype for name, array in state.items()})
        with random.fork_rng(), within(array.size for array in state.values()):
            model = new_model(said["model"], said["spectral norm"])
            check_changes(model, said["changed"])
        if any(array.dtype == np.float64 for array in state.values()):
            model.astype("float64")
        apply(model, said["changed"])
        parameters = model.named_parameters()
        frozen = {name: parameters[name] for name in said["frozen"]}
        for name, parameter in parameters.items():
            parameter.requires_grad = name not in frozen
    except Exception as error:  # of any constructor: TypeError, ValueError, ShapeError, MemoryError ...
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise CheckpointError(
            f"{where} cannot be made a model by this version of minigen: {shortened(str(reason), 400)}"
        ) from error
    fill(model, state, where)
    return model.eval()


INTO = "make one yourself, and minigen.load(path, into=model) puts the weights into it"


def check_one_dtype(dtypes: Mapping[str, np.dtype]) -> None:
    """Raise StateError, naming one of them, for float64 among float32."""
    floats = {name: dtype for name, dtype in dtypes.items() if dtype.kind == "f"}
    if len(set(floats.values())) > 1:
        first, *others = floats.items()
        other = next(each for each in others if each[1] != first[1])
        raise StateError(
            f"{other[0]} is {other[1]} and {first[0]} {first[1]}, but a model computes in one dtype: model.astype('float32')"
        )


def check_finite(state: Mapping[str, np.ndarray], advice: str) -> None:
    """Raise StateError, naming one of them, for arrays that are not finite."""
    for name, array in state.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise StateError(f"{name} holds NaN or infinity: {advice}")


def fill(model: "Module", state: Mapping[str, np.ndarray], where: str) -> None:
    """Load a state. CheckpointError, saying where from, unless it fits and is finite; then nothing changes."""
    try:
        check_finite(state, "no model computes anything with it")
        model.load_state_dict(state)
    except (StateError, DtypeError) as error:
        raise CheckpointError(f"{where}: {error}") from error


# -- files -----------------------------------------------------------------------------------------------------------------


def save(model: "Module", path: Path, card: Mapping[str, Any] | str) -> None:
    """See `nn.Module.save`."""
    if path.suffix not in ENDINGS:
        raise ValueError(f"a file of a model ends in {' or '.join(ENDINGS)}, got {str(path)!r}: did you mean '{path}.npz'?")
    state = {name: np.asarray(array, order="C") for name, array in model.state_dict().items()}
    check_finite(state, "a model is saved while it is whole")
    said = checked_card(card)
    version = sys.modules[__name__.partition(".")[0]].__version__
    header = {"minigen": version, **record(model), "weights": digest(state), "card": said}
    if path.suffix == ".npz":
        archive.save(path, {GROUP + name: array for name, array in state.items()}, header)
        return
    safetensors = safetensors_package()
    text = json.dumps(header)
    with replacing(path) as temporary:
        safetensors.numpy.save_file(state, temporary, metadata={"minigen": text, SEAL: sealed(text)})


def checked_card(card: Mapping[str, Any] | str) -> dict[str, Any]:
    """A card as JSON values, words under "about". TypeError for what JSON does not know, and for metrics without names."""
    try:
        said = json.loads(
            json.dumps({"about": card} if isinstance(card, str) else dict(card), default=python_number, allow_nan=False)
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            "a card is words, or names with JSON values, such as {'data': 'glyphs', 'epochs': 25, 'metrics': {'accuracy': 0.9}}, "
            f"got {shortened(card)}: {error}"
        ) from None
    if not are_metrics(said.get("metrics", {})):
        raise TypeError(
            f"the metrics of a card are names with numbers, such as {{'accuracy': 0.9}}, got {shortened(said['metrics'])}"
        )
    return said


def are_metrics(value: Any) -> bool:
    """Whether it is names with numbers, or words."""
    return isinstance(value, dict) and all(type(each) in (int, float, str) for each in value.values())


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(header, state) of a file that `save` wrote. FileNotFoundError if there is none; CheckpointError for one that is damaged,
    or another program's."""
    header, state = (from_safetensors if path.suffix == ".safetensors" else from_archive)(path)
    if header.get("weights") != digest(state):
        raise CheckpointError(f"{path} was damaged, or changed by another program: its weights are not those that were saved")
    for name, kind in {"changed": dict, "spectral norm": list, "frozen": list, "card": dict, "minigen": str}.items():
        if not isinstance(header.get(name), kind):
            raise CheckpointError(f"{path} has a damaged header: {name!r} is {shortened(header.get(name))}")
    if not are_metrics(header["card"].get("metrics", {})):
        raise CheckpointError(f"{path} has a damaged header: the metrics of its card are {shortened(header['card']['metrics'])}")
    return header, state


def from_archive(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and state of an .npz."""
    with archive.opened(path) as file:
        names = [name for name in file.layout if name.startswith(GROUP)]
        if "minigen" not in file.header or len(names) < len(file.layout):
            raise CheckpointError(f"{path} is no file of a model, as model.save writes it")
        return file.header, {name.removeprefix(GROUP): array for name, array in file.read(names).items()}


def from_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and state of a .safetensors."""
    safetensors = safetensors_package()
    try:
        open_regular(path).close()
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
        text = metadata.get("minigen", "null")
        header = parsed_json(text.encode())
    except FileNotFoundError:
        raise
    except Exception as error:  # SafetensorError, OSError, TypeError for a dtype that NumPy lacks, ValueError of the JSON
        raise CheckpointError(f"{path} is not a readable file of safetensors: {shortened(str(error), 300)}") from error
    if not isinstance(header, dict):
        raise CheckpointError(
            f"{path} was not written by minigen: to take PyTorch's weights, load them with safetensors.numpy.load_file, and "
            "minigen.exchange.from_torch(model, weights)"
        )
    if metadata.get(SEAL) != sealed(text):
        raise CheckpointError(f"{path} was damaged, or changed by another program: its header is not the one that was saved")
    return header, state


def sealed(text: str) -> str:
    """SHA-256 of a header, hexadecimal. The weights have theirs in it."""
    return hashlib.sha256(text.encode()).hexdigest()


def safetensors_package() -> ModuleType:
    """The package. MissingPackageError if it is not installed."""
    if importlib.util.find_spec("safetensors") is None:
        raise MissingPackageError(".safetensors needs a package: pip install safetensors; .npz needs none")
    importlib.import_module("safetensors.numpy")
    return importlib.import_module("safetensors")


def digest(state: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names, dtypes, shapes and values, hexadecimal."""
    found = hashlib.sha256()
    for name, array in sorted(state.items()):
        found.update(f"{name} {array.dtype.str} {list(array.shape)}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
