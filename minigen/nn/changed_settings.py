"""Settings of a model that were changed after it was made: which they are, and how they are set again, with all checks."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from minigen.errors import StateError
from minigen.utils.reading import shortened
from minigen.utils.rebuilding import remade, signature
from minigen.utils.settings import PLAIN, Configured, to_python

if TYPE_CHECKING:  # which imports this file
    from minigen.nn.module import Module

Settings = dict[str, dict[str, Any]]  # path -> attribute -> value


class Mark(str):
    """What an attribute is whose value is no JSON."""


def settings(model: "Module") -> Settings:
    """All attributes of the model's modules, and of objects such as a Corruption, that are plain values; of others a Mark.
    StateError if one path leads to two of them."""
    found: Settings = {}
    for path, owner in owners_of(model):
        if path in found:
            raise StateError(f"two parts with one path, {path}: give one of them another name, or key")
        found[path] = settings_of(owner)
    return found


def unique_modules(model: "Module") -> Iterator[tuple[str, "Module"]]:
    """(path, module) of the model and all below it, each once."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        if id(module) not in seen:
            seen.add(id(module))
            yield path, module


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
    left_out = no_settings(owner)
    for name, value in vars(owner).items():
        if not (name.startswith("_") or name in left_out or is_part(name, value)):
            found[name] = as_json(value)
    return found


def no_settings(owner: Configured) -> set[str]:
    """Names of attributes that are no settings: the mode, and what a forward pass leaves."""
    return {"training"}.union(*(vars(base).get("remembered", ()) for base in type(owner).__mro__))


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


def shown(value: Any) -> str:
    """What `as_json` gave, for messages."""
    return value if isinstance(value, Mark) else shortened(value)


def arrays_of(model: "Module") -> dict[str, str]:
    """What there is at each path of the state: "an array of (3, 2)", or the array of another path, to which it is tied."""
    first: dict[int, str] = {}
    found = {}
    for path, tensor in model._paths(""):
        place = first.setdefault(id(tensor), path)
        found[path] = f"an array of {tensor.shape}" if place == path else f"that of {place}"
    return found


def changes(new: Settings, now: Settings) -> Settings:
    """What was set since a model was made. StateError, naming it, for what no file can say."""
    for path in {**new, **now}:
        if path not in now or path not in new or new[path]["class"] != now[path]["class"]:
            there, made = (f"a {each[path]['class'].rpartition('.')[2]}" if path in each else "nothing" for each in (now, new))
            raise StateError(f"{path} is {there}, where its constructor makes {made}")
    changed: Settings = {}
    for path, name in [(each, name) for each in now for name in {**new[each], **now[each]}]:
        before, after = new[path].get(name), now[path].get(name)
        if name in new[path] and before == after and type(before) is type(after):
            continue
        if name not in now[path] or Mark in (type(before), type(after)):
            raise StateError(f"{f'{path}.{name}'.strip('.')} is {shown(after)}, which was set from outside")
        changed.setdefault(path, {})[name] = after
    return changed


# -- and back ----------------------------------------------------------------------------------------------------------


def check_changes(model: "Module", changed: Settings) -> None:
    """Raise StateError unless each setting that was changed is one of its owner's constructor, which would make the same arrays,
    or a remark that nothing reads; and whatever the constructor raises for such a value. `model` is as it was made.

    Only a constructor knows what it takes: so it makes a twin of the owner, of the same parts, with the changed settings.
    """
    owners = dict(owners_of(model))
    for path, named in changed.items():
        owner, taken = owners[path], {}
        where = f"{type(owner).__name__} {path}".strip()
        for name, value in named.items():
            known, own = hasattr(owner, name), name in vars(owner)  # known, but not its own: a method, a property
            hidden = name.startswith("_") or name in no_settings(owner) or known != own
            if hidden or isinstance(as_json(vars(owner).get(name)), Mark):  # a Mark: a weight
                raise StateError(f"{shortened(name)} of {where} is no setting")
            if known and name not in signature(type(owner)).parameters:
                raise StateError(f"{name} of {where} was changed, which is no setting of its constructor")
            if known:
                taken[name] = as_tuples(value)
        if taken:
            check_twin(owner, remade(owner, taken), taken, where)


def check_twin(owner: Any, twin: Any, taken: Mapping[str, Any], where: str) -> None:
    """Raise StateError if the constructor made something else of changed settings: other values, or other arrays."""
    changed = ", ".join(f"{name} {shortened(value)}" for name, value in taken.items())
    expected = {**settings_of(owner), **{name: as_json(value) for name, value in taken.items()}}
    for name, value in settings_of(twin).items():
        if expected.get(name) != value:
            raise StateError(f"{where} with {changed} has {name} {shown(value)}, not {shown(expected.get(name))}")
    if hasattr(owner, "named_modules") and not arrays_of(twin).items() <= arrays_of(owner).items():
        raise StateError(f"{where} with {changed} has other arrays")


def as_tuples(value: Any) -> object:
    """A value from JSON as a constructor takes it: ((1, 1), (0, 2)) for lists."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


def apply(model: "Module", changed: Settings) -> None:
    """Set settings that were changed later, as `check_changes` has checked them."""
    owners = dict(owners_of(model))
    for path, named in changed.items():
        for name, value in named.items():
            before = getattr(owners[path], name, None)
            setattr(owners[path], name, value if isinstance(before, list) else as_tuples(value))
