"""Models in files: class, settings and weights, from which `build` makes them again. Nothing in a file is ever run.

A file ends in .npz, as `utils.archive` writes it, or in .safetensors, in whose metadata the same header is, under "minigen":

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
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from minigen.backend import random
from minigen.errors import CheckpointError, DtypeError, MissingPackageError, StateError
from minigen.nn import init
from minigen.utils import archive
from minigen.utils.files import replacing
from minigen.utils.reading import open_regular, parsed_json, shortened
from minigen.utils.rebuilding import class_of, describe, rebuild
from minigen.utils.settings import PLAIN, Configured, to_python

if TYPE_CHECKING:  # whose method save() is made of this file
    from minigen.nn.module import Module

Settings = dict[str, dict[str, Any]]  # path -> attribute -> value

ENDINGS = (".npz", ".safetensors")
GROUP = "weights/"  # before the names of arrays in an .npz
RECORD = {"model", "reason", "changed", "spectral norm", "frozen"}
TRACED = 1 << 20  # values that may be needed beside the weights, to find shapes by a forward pass
SPECTRAL_NORM = "nn.spectral.SpectralNorm"


class Mark(str):
    """What an attribute is whose value is no JSON."""


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
    except Exception as error:  # of any constructor, too: a checkpoint is written all the same
        return {**found, "reason": f"it has no {error}" if isinstance(error, KeyError) else str(error)}
    return {**found, "model": description, "changed": changed}


@functools.lru_cache(maxsize=16)
def when_new(text: str) -> tuple[Settings, dict[str, str]]:
    """The settings and the arrays of a model that has just been made from this description; it is not kept."""
    description, normalized = json.loads(text)
    with random.fork_rng():
        model = rebuild(description)
        normalize(model, normalized)
    return settings(model), arrays_of(model)


def arrays_of(model: "Module") -> dict[str, str]:
    """What there is at each path of the state: "an array of (3, 2)", or the array of another path, to which it is tied."""
    first: dict[int, str] = {}
    found = {}
    for path, tensor in model._paths(""):
        place = first.setdefault(id(tensor), path)
        found[path] = f"an array of {tensor.shape}" if place == path else f"that of {place}"
    return found


def unique_modules(model: "Module") -> Iterator[tuple[str, "Module"]]:
    """(path, module) of the model and all below it, each once."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        if id(module) not in seen:
            seen.add(id(module))
            yield path, module


def is_normalized(layer: "Module") -> bool:
    """Whether `nn.spectral_norm` has been at a layer."""
    return type(getattr(layer, "reparametrization", None)).__name__ == SPECTRAL_NORM.rpartition(".")[2]


def normalize(model: "Module", paths: list[str]) -> None:
    """Divide the weights of these layers by their largest singular value, as `nn.spectral_norm` does."""
    modules, spectral_norm = dict(unique_modules(model)), cast(Any, class_of(SPECTRAL_NORM))
    for path in paths:
        layer: Any = modules[path]
        layer.reparametrization = spectral_norm(layer.weight, layer.output_axis)


def settings(model: "Module") -> Settings:
    """All attributes of the model's modules, and of objects such as a Corruption, that are plain values; of others a Mark."""
    return {path: settings_of(owner) for path, owner in owners_of(model)}


def owners_of(model: "Module") -> Iterator[tuple[str, Any]]:
    """(path, object) of all that has settings: the modules, each once, and objects in them such as a Corruption."""
    for path, module in unique_modules(model):
        yield from with_parts(path, module)


def with_parts(path: str, owner: Configured) -> Iterator[tuple[str, Configured]]:
    """An object and those in its attributes, without modules."""
    yield path, owner
    for name, value in vars(owner).items():
        if is_part(name, value):
            yield from with_parts(f"{path}.{name}".strip("."), value)


def is_part(name: str, value: Any) -> bool:
    """Whether an attribute is an object with settings of its own."""
    return not name.startswith("_") and isinstance(value, Configured) and not hasattr(value, "named_modules")


def settings_of(owner: Configured) -> dict[str, Any]:
    """Those of one object."""
    found: dict[str, Any] = {"class": Mark(f"{type(owner).__module__}.{type(owner).__qualname__}")}
    remembered = {name for base in type(owner).__mro__ for name in vars(base).get("remembered", ())}
    for name, value in vars(owner).items():
        if not (name.startswith("_") or name == "training" or name in remembered or is_part(name, value)):
            found[name] = as_json(value)
    return found


def as_json(value: Any) -> object:
    """A value of an attribute as JSON, tuples as lists; a Mark for what is no JSON."""
    value = to_python(value)
    if type(value) in PLAIN and not isinstance(value, slice):
        return value
    if isinstance(value, (list, tuple)):
        parts = [as_json(each) for each in value]
        return Mark("a list") if any(isinstance(each, Mark) for each in parts) else parts
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        named = {key: as_json(each) for key, each in value.items()}
        return Mark("a dict") if any(isinstance(each, Mark) for each in named.values()) else named
    return Mark(f"a {type(value).__name__}" + (f" of {tuple(value.shape)}" if hasattr(value, "shape") else ""))


def changes(new: Settings, now: Settings) -> Settings:
    """What was set since a model was made. StateError, naming it, for what no file can say."""
    for path in {**new, **now}:
        if path not in now or path not in new or new[path]["class"] != now[path]["class"]:
            there, made = (f"a {each[path]['class'].rpartition('.')[2]}" if path in each else "nothing" for each in (now, new))
            raise StateError(f"{path} is {there}, where its constructor makes {made}")
    changed: Settings = {}
    for path, name in [(each, name) for each in now for name in {**new[each], **now[each]}]:
        before, after = new[path].get(name), now[path].get(name)
        if before == after and type(before) is type(after):
            continue
        if name not in now[path] or Mark in (type(before), type(after)):
            shown = after if isinstance(after, Mark) else shortened(after)
            raise StateError(f"{f'{path}.{name}'.strip('.')} is {shown}, which was set from outside")
        changed.setdefault(path, {})[name] = after
    return changed


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
        with random.fork_rng(), init.bounded(sum(array.size for array in state.values()) + TRACED):
            model = rebuild(said["model"])
            normalize(model, said["spectral norm"])
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


def apply(model: "Module", changed: Settings) -> None:
    """Set settings that were changed later."""
    owners = dict(owners_of(model))
    for path, named in changed.items():
        owner = owners[path]
        for name, value in named.items():
            shadowed = getattr(type(owner), name, None)
            before = getattr(owner, name, None)
            hidden = name.startswith("_") or not name.isidentifier() or name in ("training", "remembered")
            if hidden or isinstance(shadowed, property) or isinstance(as_json(before), Mark):  # a Mark: a method, a weight
                raise StateError(f"{shortened(name)} of {path or type(owner).__name__} is no setting")
            setattr(owner, name, tuple(value) if isinstance(value, list) and not isinstance(before, list) else value)


def fill(model: "Module", state: Mapping[str, np.ndarray], where: str) -> None:
    """Load a state. CheckpointError, saying where from, unless it fits; then nothing changes."""
    try:
        model.load_state_dict(state)
    except (StateError, DtypeError) as error:
        raise CheckpointError(f"{where}: {error}") from error


# -- files -----------------------------------------------------------------------------------------------------------------


def save(model: "Module", path: Path, card: Mapping[str, Any] | str) -> None:
    """See `nn.Module.save`."""
    if path.suffix not in ENDINGS:
        raise ValueError(f"a file of a model ends in {' or '.join(ENDINGS)}, got {str(path)!r}: did you mean '{path}.npz'?")
    state = {name: np.asarray(array, order="C") for name, array in model.state_dict().items()}
    for name, array in state.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise StateError(f"{name} holds NaN or infinity: a model is saved while it is whole")
    said = checked_card(card)
    version = sys.modules[__name__.partition(".")[0]].__version__
    header = {"minigen": version, **record(model), "weights": digest(state), "card": said}
    if path.suffix == ".npz":
        archive.save(path, {GROUP + name: array for name, array in state.items()}, header)
        return
    safetensors = safetensors_package()
    with replacing(path) as temporary:
        safetensors.numpy.save_file(state, temporary, metadata={"minigen": json.dumps(header)})


def checked_card(card: Mapping[str, Any] | str) -> dict[str, Any]:
    """A card as JSON values, words under "about". TypeError for what JSON does not know, and for metrics without names."""
    try:
        said = json.loads(
            json.dumps({"about": card} if isinstance(card, str) else dict(card), default=np.generic.item, allow_nan=False)
        )
    except (TypeError, ValueError) as error:
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
            text = (file.metadata() or {}).get("minigen")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
        header = None if text is None else parsed_json(text.encode())
    except FileNotFoundError:
        raise
    except Exception as error:  # SafetensorError, OSError, TypeError for a dtype that NumPy lacks, ValueError of the JSON
        raise CheckpointError(f"{path} is not a readable file of safetensors: {shortened(str(error), 300)}") from error
    if not isinstance(header, dict):
        raise CheckpointError(
            f"{path} was not written by minigen: to take PyTorch's weights, load them with safetensors.numpy.load_file, and "
            "minigen.exchange.from_torch(model, weights)"
        )
    return header, state


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
