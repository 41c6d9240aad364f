"""Objects that can be made again from a description, JSON: their class by its name, and the settings of its constructor.

Classes are looked up in a registry that minigen fills itself, as it is imported: a description can name no other, and nothing is
imported, let alone run, because a file says so.
"""

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minigen.errors import StateError, nearest
from minigen.utils.reading import shortened
from minigen.utils.settings import PLAIN, Configured, to_python

PACKAGE = "minigen."
CLASSES: dict[str, type["Rebuildable"]] = {}  # "nn.dense.Dense" -> the class; only minigen's own
SIGNATURES: dict[type, inspect.Signature] = {}  # of those that were asked for
OMITTED = ("weight_init",)  # settings that say how weights start, which those of a saved model have behind them
FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial)
MOST = 1 << 14  # objects in a description
LARGEST = 1 << 22  # of a whole number among the settings of a file: no layer is as wide, no image as large


class Rebuildable(Configured):
    """Base of classes whose objects remember the arguments of their constructor; minigen's own are in the registry."""

    __slots__ = ("_arguments",)  # not in vars(), where modules look for their parts
    _arguments: tuple[tuple[Any, ...], dict[str, Any]]
    remembered: tuple[str, ...] = ("_arguments",)  # attributes that are not settings, such as results of a forward pass

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.__module__.startswith(PACKAGE):
            return  # may be made of anything, and of much
        if "<locals>" not in cls.__qualname__:
            CLASSES[name_of(cls)] = cls
        if "__init__" in vars(cls) and "arguments" not in vars(cls):
            type.__setattr__(cls, "__init__", remembering(vars(cls)["__init__"]))

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that make an object like this one. StateError for one that came from elsewhere, such as an old pickle."""
        if type(self).__init__ is object.__init__:
            return (), {}
        if not hasattr(self, "_arguments"):
            raise StateError(
                f"{type(self).__name__} does not know what it was made of: it came from a pickle, or a copy of yours"
            )
        return self._arguments


class Function:
    """In place of a function among the arguments: it may hold anything, and may not be pickled."""

    def __repr__(self) -> str:
        return "a function"


def kept(argument: Any) -> Any:
    """What is remembered of an argument: a list as it is now, of a function that it was one."""
    if isinstance(argument, list):
        return [kept(each) for each in argument]
    return Function() if isinstance(argument, FUNCTIONS) else argument


def remembering(constructor: Callable) -> Callable:
    """A constructor that keeps its arguments, unless that of a subclass, which calls it, has kept its own."""

    def __init__(self: Any, *inputs: Any, **options: Any) -> None:
        if not hasattr(self, "_arguments"):
            self._arguments = tuple(map(kept, inputs)), {name: kept(value) for name, value in options.items()}
        constructor(self, *inputs, **options)

    for name in ("__doc__", "__qualname__", "__module__", "__annotations__"):
        setattr(__init__, name, getattr(constructor, name))
    __init__.__wrapped__ = constructor  # type: ignore[attr-defined]  # for its signature
    return __init__


def name_of(kind: type) -> str:
    """The name of a class in the registry, such as "nn.dense.Dense"; of any other its full name."""
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix(PACKAGE)


def signature(kind: type) -> inspect.Signature:
    """That of a constructor, which takes longer to find than most layers take to make: it is found once."""
    if kind not in SIGNATURES:
        SIGNATURES[kind] = inspect.signature(kind)
    return SIGNATURES[kind]


def is_own(value: Any) -> bool:
    """Whether it is of one of minigen's classes."""
    return CLASSES.get(name_of(type(value))) is type(value)


# -- from objects to descriptions ------------------------------------------------------------------------------------


def describe(value: Rebuildable) -> dict[str, Any]:
    """The description of an object and of those it was made of. One that is used twice is described once.

    StateError for a class that is not minigen's, and for a setting that is neither a number, a text, nor a list of them.
    """
    return described(value, {})


def described(value: Any, seen: dict[int, int]) -> Any:
    """A setting as a JSON value."""
    value = value.tolist() if isinstance(value, np.ndarray) else to_python(value)
    if type(value) in PLAIN and not isinstance(value, slice):
        return value
    if isinstance(value, (list, tuple)):
        return [described(each, seen) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"items": {key: described(each, seen) for key, each in value.items()}}
    if not isinstance(value, Rebuildable):
        raise StateError(f"a setting is {shortened(value)}, which no file keeps")
    if id(value) in seen:
        return {"same as": seen[id(value)]}
    if not is_own(value):
        raise StateError(f"{type(value).__name__} is a class of your own")
    seen[id(value)] = len(seen)
    inputs, options = value.arguments()
    bound = signature(type(value)).bind(*inputs, **options)
    bound.apply_defaults()
    settings = {name: setting for name, setting in bound.arguments.items() if name not in OMITTED}
    return {"class": name_of(type(value)), "settings": {name: described(each, seen) for name, each in settings.items()}}


# -- and back ----------------------------------------------------------------------------------------------------------


def rebuild(description: Any) -> Any:
    """A new object by its description. StateError for one that describes nothing, or names a class that is not minigen's; and
    whatever the constructors raise."""
    check_size(description)
    return rebuilt(description, {})


def check_size(description: Any) -> None:
    """Raise StateError for a description of more than `MOST` objects, each counted as often as it is used: one that is used twice
    at each of 40 levels has 2^40 paths."""
    sizes: list[int] = []  # of the objects so far, themselves included, in the order in which "same as" numbers them

    def size(said: Any) -> int:
        if isinstance(said, list):
            return sum(map(size, said))
        if not isinstance(said, dict):
            return 0
        if said.keys() == {"same as"}:
            number = said["same as"]
            return sizes[number] if type(number) is int and 0 <= number < len(sizes) else 0
        if "class" not in said:
            return sum(map(size, said.values()))
        number = len(sizes)
        sizes.append(1)
        sizes[number] += sum(map(size, said.values()))
        if sizes[number] > MOST:
            raise StateError(f"it describes more than {MOST:,} objects")
        return sizes[number]

    size(description)


def rebuilt(said: Any, made: dict[int, Any]) -> Any:
    """A setting from its JSON value; lists become tuples."""
    if isinstance(said, list):
        return tuple(rebuilt(each, made) for each in said)
    if not isinstance(said, dict):
        if type(said) is int and abs(said) > LARGEST:
            raise StateError(f"a setting is {shortened(said)}: no network of minigen is as large")
        return said
    if said.keys() == {"items"} and isinstance(said["items"], dict):
        return {name: rebuilt(each, made) for name, each in said["items"].items()}
    if said.keys() == {"same as"} and type(said["same as"]) is int and said["same as"] in made:
        return made[said["same as"]]
    if said.keys() != {"class", "settings"} or not isinstance(said["settings"], dict):
        raise StateError(f"{shortened(said)} describes nothing: expected a class and its settings")
    kind, number = class_of(said["class"]), len(made)
    made[number] = None  # its own settings come after it
    settings = {name: rebuilt(each, made) for name, each in said["settings"].items()}
    open_ended = [p.name for p in signature(kind).parameters.values() if p.kind is p.VAR_POSITIONAL]  # *layers
    inputs = [each for name in open_ended for each in settings.pop(name, ())]
    made[number] = kind(*inputs, **settings)
    return made[number]


def remade(original: Rebuildable, changed: Mapping[str, Any]) -> Any:
    """A new object like one that is there, made of the same parts, but for some settings. Raises what its constructor raises."""
    inputs, options = original.arguments()
    bound = signature(type(original)).bind(*inputs, **options)
    for name in OMITTED:
        bound.arguments.pop(name, None)
    bound.arguments.update(changed)
    return type(original)(*bound.args, **bound.kwargs)


def class_of(name: Any) -> type[Rebuildable]:
    """A class by its name in the registry. StateError for any other name."""
    if not isinstance(name, str) or name not in CLASSES:
        near = nearest(name, CLASSES, cutoff=0.8) if isinstance(name, str) and len(name) < 200 else None
        hint = f"did you mean {near}?" if near else "such as nn.dense.Dense; no other is ever looked for"
        raise StateError(f"{shortened(name)} is not the name of one of minigen's classes, {hint}")
    return CLASSES[name]
