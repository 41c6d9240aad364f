"""What a model, a loss or a penalty is set to, by name: a resumed run compares it with what it was when it was saved.

Nothing has to be declared: whatever plain value hangs on an object, on the objects below it, or on a class of a learner's own is
a setting. Left out is what training changes: parameters and buffers (they are the state), the mode, and what a class names in an
attribute `remembered`, such as a cache.
"""

import functools
import math
import sys
import zlib
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from numbers import Number
from types import CodeType, FunctionType, MethodType, SimpleNamespace
from typing import Any

import numpy as np

from minigen.autograd import Tensor
from minigen.backend import is_array, to_numpy
from minigen.nn import Module
from minigen.reading import shortened

FOREIGN = {*sys.stdlib_module_names, "numpy", "cupy", "matplotlib", "tqdm", "PIL"}  # of whose objects only the class is compared
CONTAINERS = (list, tuple, set, frozenset, Mapping)
SHORT = 8       # elements of a tuple that is compared, and named, as one value
LISTED = 10     # differences that a message lists
LONG = 300      # letters of a setting that it shows


def described(name: str, value: Any) -> dict[str, Any]:
    """Path -> number, text, list of these, or None, JSON values: all settings of an object that is called `name`.

    An array counts by the checksum of its numbers, a function by its name; a lambda, or a function made in another, also by its
    code and by the values that it holds from around it.
    """
    return Description(name, value).found


class Description:
    """The walk through an object and all that hangs on it."""

    def __init__(self, name: str, value: Any):
        self.found: dict[str, Any] = {}
        self.seen: dict[int, Any] = {}   # objects, by id; held on to, lest an id be used again
        self.above: list[int] = []       # ids of the functions and containers that lead here
        self.state: set[int] = set()     # ids of parameters and buffers, which are no settings
        self.paths: dict[int, str] = {}  # of modules, as everywhere else
        if isinstance(value, Module):
            self.state = set(map(id, value.named_state().values()))
            for path, module in value.named_modules():
                self.paths.setdefault(id(module), f"{name}.{path}" if path else name)
        self.describe(name, value)

    def describe(self, name: str, value: Any) -> None:
        """Add a value and all below it."""
        if is_plain(value):
            self.found[name] = plain(value)
        elif isinstance(value, (Tensor, np.ndarray)) or is_array(value):
            if id(value) not in self.state:
                self.found[name] = array_text(value)
        elif isinstance(value, CONTAINERS) or is_function(value):
            if id(value) not in self.above:
                self.above.append(id(value))
                (self.elements if isinstance(value, CONTAINERS) else self.function)(name, value)
                self.above.pop()
        else:
            self.object(name, value)

    def elements(self, name: str, value: Any) -> None:
        """Add those of a container; a short one of plain values is one value."""
        if isinstance(value, (set, frozenset)):
            value = sorted(value, key=repr)
        named = value.items() if isinstance(value, Mapping) else enumerate(value)
        if not isinstance(value, Mapping) and len(value) <= SHORT and all(map(is_plain, value)):
            self.found[name] = [plain(element) for element in value]
            return
        for key, element in named:
            self.describe(f"{name}.{key}", element)

    def function(self, name: str, value: Any) -> None:
        """Add a function by its name, and what is bound to it."""
        if isinstance(value, functools.partial):
            self.describe(name, value.func)
            self.elements(f"{name}.arguments", value.args)
            self.elements(f"{name}.arguments", value.keywords)
            return
        title = getattr(value, "__qualname__", None) or value.__name__  # a ufunc has the shorter one only
        module = getattr(value, "__module__", None)
        self.found[name] = f"{module}.{title}" if module else title
        if isinstance(value, MethodType):
            self.describe(f"{name}.__self__", value.__self__)
        elif isinstance(value, FunctionType) and not is_importable(value):
            self.found[name] += f" (code {zlib.crc32(repr(code_of(value.__code__)).encode()):08x})"
            for variable, content in closure(value):
                self.describe(f"{name}.{variable}", content)

    def object(self, name: str, value: Any) -> None:
        """Add the class of an object, and its attributes; of what does not come from minigen or a learner, the class alone."""
        name = self.paths.get(id(value), name)
        if isinstance(value, Enum):
            self.found[name] = f"{type(value).__name__}.{value.name}"
            return
        self.found[name] = type(value).__name__
        foreign = type(value).__module__.split(".")[0] in FOREIGN and not isinstance(value, SimpleNamespace)
        if not foreign and id(value) not in self.seen:
            self.seen[id(value)] = value
            for attribute, content in attributes(value):
                self.describe(f"{name}.{attribute}", content)


def is_function(value: Any) -> bool:
    """Whether it is a function, a class, or anything else that is called and has a name of its own."""
    return isinstance(value, functools.partial) or callable(value) and isinstance(getattr(value, "__name__", None), str)


def is_plain(value: Any) -> bool:
    """Whether it is a number, a text, or None."""
    return value is None or isinstance(value, (str, bytes, Number, np.generic, np.dtype)) and not isinstance(value, Enum)


def plain(value: Any) -> float | str | bool | None:
    """A plain value as JSON has it: NumPy's numbers as Python's, and what JSON does not have as text."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(value)
    if isinstance(value, bool) or value is None:
        return value
    return int(value) if isinstance(value, int) else str(value)


def array_text(array: Any) -> str:
    """An array, on the host or not, as text: dtype, shape and the checksum of its numbers."""
    host = np.asarray(to_numpy(array.data if isinstance(array, Tensor) else array), order="C")
    content = repr(host.tolist()).encode() if host.dtype.hasobject else host.data
    return f"{host.dtype}{list(host.shape)} {zlib.crc32(content) if host.size else 0:08x}"


def attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """(name, content) of what is set on an object and, if its class is not one of minigen's, on its class.

    Methods that were replaced on the object, and values that a property keeps, are none.
    """
    kind = type(value)
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.split(".")[0] not in (*FOREIGN, "minigen"):
            found |= {name: content for name, content in vars(base).items() if not computed(content)}
        slots = base.__dict__.get("__slots__", ())
        found |= {name: getattr(value, name) for name in ([slots] if isinstance(slots, str) else slots) if hasattr(value, name)}
    own = getattr(value, "__dict__", {})
    found |= {name: content for name, content in own.items() if not hasattr(getattr(kind, name, None), "__get__")}
    ignored = {"training", *getattr(kind, "remembered", ())}
    return ((name, content) for name, content in found.items()
            if not (name.startswith("__") or name.startswith("_abc_") or name in ignored or name == "remembered"))


def computed(content: Any) -> bool:
    """Whether a class attribute is a method or a property, rather than a value."""
    return hasattr(content, "__get__") or isinstance(content, type)


def is_importable(function: FunctionType) -> bool:
    """Whether a function is found in its module by its name, which then says all about it."""
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is function


def closure(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """(name, value) of the variables around a function that it uses, and of its arguments' defaults."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not set yet
            continue
    yield "defaults", function.__defaults__ or ()
    yield "defaults", function.__kwdefaults__ or {}


def code_of(code: CodeType) -> tuple:
    """What a function does, without where it stands in its file."""
    constants = [code_of(each) if isinstance(each, CodeType) else sorted(map(repr, each)) if isinstance(each, frozenset) else
                 repr(each) for each in code.co_consts]  # a set has another order in another process
    return code.co_code, constants, code.co_names


# -- comparing ------------------------------------------------------------------------------------------------------


def differences(saved: Mapping[str, Any], current: Mapping[str, Any], ignored: set[str]) -> list[str]:
    """What has changed, in words: "model.beta was 1.0, is 100.0". Of an object that is another, the attributes are not listed."""
    known = {**saved, **current}.keys()
    names = [name for name in known if name not in ignored and not same(saved.get(name), current.get(name))]
    others = set(names)
    names = [name for name in names if owners(name, known).isdisjoint(others)]
    public = [name for name in names if not name.rpartition(".")[2].startswith("_")]  # private ones may be made from them
    return [f"{name} was {shortened(saved.get(name), LONG)}, is {shortened(current.get(name), LONG)}" for name in public or names]


def owners(name: str, known: Set[str]) -> set[str]:
    """The path to the object whose attribute a setting is, and to the list in which that object lies."""
    path = name.split(".")[:-1]
    while path and ".".join(path) not in known:  # a tuple or a dict, which are no entries of their own
        path.pop()
    found = {".".join(path)}
    while path and path[-1].isdigit():
        path.pop()
        found.add(".".join(path))
    return found


def same(saved: Any, current: Any) -> bool:
    """Whether two settings are equal; numbers, if they are in float32."""
    if isinstance(saved, list) and isinstance(current, list):
        return len(saved) == len(current) and all(map(same, saved, current))
    if float in (type(saved), type(current)) and {type(saved), type(current)} <= {int, float}:
        return abs(saved - current) <= 1e-7 * abs(current) if abs(saved) <= sys.float_info.max else False
    return saved == current


def listed(problems: list[str]) -> str:
    """Problems as one text: the first of them if there are many, and the beginning of long ones."""
    more = len(problems) - LISTED
    shown = [problem if len(problem) <= 3 * LONG else f"{problem[:3 * LONG]} ..." for problem in problems[:LISTED]]
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
