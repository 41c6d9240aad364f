"""The settings of a model, a loss or a penalty, by name: a resumed run compares them with the saved ones.

Nothing has to be declared: every plain value that is an attribute of an object, of the objects below it, or of a user's own class
is a setting. Excluded is what training changes: parameters and buffers (they are the state), the mode, and what a class names in
an attribute `remembered`, such as a cache. Nothing may depend on the process, such as an address or the order of a set: objects
built in the same way have the same description.
"""

import functools
import json
import math
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Set
from enum import Enum
from numbers import Number
from types import CodeType, FunctionType, MappingProxyType, MethodType, NoneType, SimpleNamespace
from typing import Any

import numpy as np

from minigen.autograd import Tensor
from minigen.backend import is_array, to_numpy
from minigen.nn import Module
from minigen.optim.optimizer import Optimizer
from minigen.utils.reading import shortened

FOREIGN = {*sys.stdlib_module_names, "numpy", "cupy", "matplotlib", "tqdm", "PIL"}  # of whose objects only the class is compared
OWNED = {*FOREIGN, "minigen"}  # the module of whose functions counts: a user's may be run as a script, or moved
REMEMBERED = "(remembered)"  # in place of a value that a user's class excludes from the settings
MAPPINGS = (dict, MappingProxyType)
CONTAINERS = (list, tuple, set, frozenset, *MAPPINGS)
PLAIN = (int, float, str, bool, NoneType)
SHORT = 8  # most elements of a tuple that is compared, and named, as one value
MANY = 1000  # settings in a container, or characters of a string, from which on only a checksum is kept
DEEP = 50  # nesting of objects and containers; deeper, only the class is compared
LISTED = 10  # differences that a message lists
DATA = {"data checksum": "data", "validation checksum": "validation"}  # what is compared -> what describes it
LONG = 300  # characters of a setting that it shows


def described(name: str, value: Any) -> dict[str, Any]:
    """Path -> number, string, list of these, or None, JSON values: all settings of an object called `name`.

    An array is described by the checksum of its values, a function by its name; a lambda, or a nested function, also by its code
    and its closure.
    """
    return dict(Description(name, value))


def path_of(owner: Any, roots: Mapping[str, Any]) -> str | None:
    """The path of an object, as in `described`, in or below one of these objects, which have names; None if it is in none."""
    for name, root in roots.items():
        description = Description(name, root)
        dict(description)
        if id(owner) in description.seen:
            return description.seen[id(owner)][0]
    return None


class Description:
    """The traversal of an object and everything below it: pairs of a path and a setting.

    above: ids of the objects on the path.
    """

    def __init__(self, name: str, value: Any):
        self.name, self.value = name, value
        self.seen: dict[int, tuple[str, Any]] = {}  # paths and objects, by id; kept alive, so that no id is reused
        self.modules: list[tuple[str, Module]] = []
        self.state: set[int] = set()  # ids of parameters and buffers, which are not settings
        if isinstance(value, Module):
            self.state = set(map(id, value.named_state().values()))
            self.modules = [(f"{name}.{path}" if path else name, module) for path, module in value.named_modules()]
        self.paths = {id(module): path for path, module in reversed(self.modules)}  # as everywhere else

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        if not self.modules:
            yield from self.describe(self.name, self.value, ())
        for path, module in self.modules:
            yield from self.object(path, module, ())

    def describe(self, name: str, value: Any, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        """A value and all below it."""
        if is_plain(value):
            yield name, plain(value)
        elif isinstance(value, (Tensor, np.ndarray)) or is_array(value):
            if value.dtype.hasobject:
                yield from self.describe(name, value.tolist(), above)
            elif id(value) not in self.state:
                yield name, array_text(value)
        elif len(above) >= DEEP:
            yield name, type(value).__name__
        elif id(value) not in self.paths:  # modules are described by themselves
            container, function = isinstance(value, CONTAINERS), is_function(value)
            inside = self.elements if container else self.function if function else self.object
            if id(value) not in above or not (container or function):
                yield from inside(name, value, (*above, id(value)))

    def elements(self, name: str, value: Any, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        """The elements of a container; a short one of plain values is one value, a large one its checksum."""
        if isinstance(value, (set, frozenset)):
            value = sorted(value, key=lambda element: self.text(element, above))
        all_plain = not isinstance(value, MAPPINGS) and all(map(is_plain, value))
        if all_plain and len(value) <= SHORT:
            yield name, [plain(element) for element in value]
        elif all_plain and len(value) > MANY:
            yield name, digest(value, [plain(element) for element in value])
        else:
            found = {path: each for key, element in named(name, value) for path, each in self.describe(key, element, above)}
            yield from found.items() if len(found) <= MANY else [(name, digest(value, found))]

    def text(self, value: Any, above: tuple[int, ...]) -> str:
        """The description of a value, as text by which to sort a set."""
        if is_plain(value):
            return repr(value)
        seen = dict(self.seen)
        text = json.dumps(dict(self.describe("", value, above)))
        self.seen = seen
        return self.paths.get(id(value), text)

    def function(self, name: str, value: Any, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        """The name of a function, and its bound values."""
        if isinstance(value, functools.partial):
            yield from self.describe(name, value.func, above)
            yield from self.elements(f"{name}.arguments", value.args, above)
            yield from self.elements(f"{name}.arguments", value.keywords, above)
            return
        title = getattr(value, "__qualname__", None) or value.__name__  # a ufunc has only the shorter one
        module = getattr(value, "__module__", None) or ""
        shown = f"{module}.{title}" if module.split(".")[0] in OWNED else title
        nameless = isinstance(value, FunctionType) and "<" in title  # a lambda, or defined in <locals>
        yield name, f"{shown} (code {zlib.crc32(repr(code_of(value.__code__)).encode()):08x})" if nameless else shown
        if isinstance(value, MethodType):
            yield from self.describe(f"{name}.__self__", value.__self__, above)
        for variable, content in closure(value) if nameless else ():
            yield from self.describe(f"{name}.{variable}", content, above)

    def object(self, name: str, value: Any, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        """The class of an object, and its attributes; for foreign libraries' objects, the class alone."""
        if isinstance(value, Enum):
            yield name, f"{type(value).__name__}.{value.name}"
            return
        yield name, type(value).__name__
        foreign = type(value).__module__.split(".")[0] in FOREIGN and not isinstance(value, SimpleNamespace)
        if not foreign and id(value) not in self.seen:
            self.seen[id(value)] = name, value
            for attribute, content in attributes(value).items():
                yield from self.describe(f"{name}.{attribute}", content, above)


def named(name: str, container: Any) -> Iterator[tuple[str, Any]]:
    """(name, element) of a container. A key that is not a plain value is one more element."""
    for i, key in enumerate(container):
        if not isinstance(container, MAPPINGS):
            yield f"{name}.{i}", key
        elif is_plain(key):
            yield f"{name}.{key}", container[key]
        else:
            yield f"{name}.key {i}", key
            yield f"{name}.{i}", container[key]


def is_function(value: Any) -> bool:
    """Whether it is a function, a class, or anything else that is called and has a name of its own."""
    return isinstance(value, functools.partial) or callable(value) and isinstance(getattr(value, "__name__", None), str)


def is_plain(value: Any) -> bool:
    """Whether it is a number, a string, a range, or None."""
    if type(value) in PLAIN:  # nearly always, and fast
        return True
    return isinstance(value, (str, bytes, Number, np.generic, np.dtype, range)) and not isinstance(value, Enum)


def plain(value: Any) -> float | str | bool | None:
    """A plain value for JSON: NumPy scalars as Python's, and as text what JSON lacks or is too long."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and value.bit_length() <= 64:
        return int(value)
    text = hex(value) if isinstance(value, int) else str(value)  # Python prints no number of more than 4,300 digits
    return text if len(text) <= MANY else f"{text[:SHORT]}... {digest(text, text)}"


def digest(value: Any, content: Any) -> str:
    """The text for a long value: its length, and a checksum of its content, a JSON value."""
    return f"{len(value):,} {type(value).__name__} {zlib.crc32(json.dumps(content).encode()):08x}"


def without_addresses(text: str) -> str:
    """The repr of an object, the same in every process: without memory addresses."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def array_text(array: Any) -> str:
    """An array, on the host or not, as text: dtype, shape and the checksum of its values."""
    array = array.data if isinstance(array, Tensor) else array
    host = np.asarray(array if isinstance(array, np.ndarray) else to_numpy(array), order="C")
    content = host.reshape(-1).view(np.uint8).data if host.nbytes else b""  # dates have no other bytes
    return f"{host.dtype}{list(host.shape)} {zlib.crc32(content):08x}"


def attributes(value: Any) -> dict[str, Any]:
    """Name -> value of the attributes of an object and, if its class is not one of minigen's, of its class.

    Methods replaced on the object, and values cached by a property, are excluded.
    """
    kind = type(value)
    found: dict[str, Any] = {}
    ignored, named = {"training", "remembered"}, set()
    for base in reversed(kind.__mro__):
        ignored |= set(listed_names(base, "remembered"))
        if base.__module__.split(".")[0] not in OWNED:
            named |= set(listed_names(base, "remembered"))
            found |= {name: content for name, content in vars(base).items() if not computed(content)}
        private = f"_{base.__name__.lstrip('_')}__"  # Python's mangled form of __name
        slots = [re.sub("^__(?!.*__$)", private, name) for name in listed_names(base, "__slots__")]
        found |= {name: getattr(value, name) for name in slots if hasattr(value, name)}
    own = getattr(value, "__dict__", {})
    found |= {name: content for name, content in own.items() if not hasattr(getattr(kind, name, None), "__get__")}
    found = {name: content for name, content in found.items() if not name.startswith(("__", "_abc_")) and name not in ignored}
    return found | dict.fromkeys(sorted(named), REMEMBERED)


def listed_names(base: type, attribute: str) -> Iterable[str]:
    """The names that a class itself lists: a string is one name, not characters."""
    names = vars(base).get(attribute, ())
    return [names] if isinstance(names, str) else names


def computed(content: Any) -> bool:
    """Whether a class attribute is a method or a property, rather than a value."""
    return hasattr(content, "__get__") or isinstance(content, type)


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
    """What a function does, without its position in the file."""
    constants = [
        code_of(each) if isinstance(each, CodeType) else sorted(map(repr, each)) if isinstance(each, frozenset) else repr(each)
        for each in code.co_consts
    ]  # the order of a set depends on the process
    return code.co_code, constants, code.co_names


def optimizer_settings(name: str, optimizer: Optimizer) -> dict[str, Any]:
    """The hyperparameters of an optimizer called `name`, and which parameters it updates."""
    own = {f"{name}.{setting}": value for setting, value in optimizer.settings().items() if setting != "optimizer"}
    updated = {f"{name}.parameters.{i}": parameter.name for i, parameter in enumerate(optimizer.parameters)}
    return described(name, optimizer) | own | updated


# -- comparing ------------------------------------------------------------------------------------------------------


def differences(saved: Mapping[str, Any], current: Mapping[str, Any], ignored: set[str]) -> list[str]:
    """What has changed, in words: "model.beta was 1.0, is 100.0"."""
    return [
        other_data(DATA[name], saved, current)
        if name in DATA
        else f"{name} was {shortened(saved.get(name), LONG)}, is {shortened(current.get(name), LONG)}"
        for name in different(saved, current, ignored)
    ]


def different(saved: Mapping[str, Any], current: Mapping[str, Any], ignored: set[str]) -> list[str]:
    """The settings that differ; if an object was replaced, without its attributes; private ones only if there are no others."""
    known = {**saved, **current}.keys()
    names = [
        name
        for name in known
        if name not in ignored and not same(saved.get(name), current.get(name)) and not is_remembered(name, saved, current)
    ]
    others = set(names)
    names = [name for name in names if owners(name, known).isdisjoint(others)]
    said = {described for checksum, described in DATA.items() if checksum in others or described not in saved}
    names = [name for name in names if name not in said]
    public = [name for name in names if not name.rpartition(".")[2].startswith("_")]  # private ones may be derived from them
    return public or names


def other_data(name: str, saved: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    """That data have changed, in words: what they were and are, and what to do."""
    then, now = (
        "none" if each.get(f"{name} checksum") is None else shortened(each.get(name, "others"), LONG).strip("'")
        for each in (saved, current)
    )
    how = f"now as then {now}, but other values, or another order" if then == now else f"{then} then, {now} now"
    what = {"data": "training data"}.get(name, f"{name} data")
    return f"the {what} have changed ({how}): pass what the run was trained with, in the same order, or begin another run"


def is_remembered(name: str, *settings: Mapping[str, Any]) -> bool:
    """Whether a class excludes this, or an object it belongs to, from the settings; it may do so after a run was saved."""
    path = name.split(".")
    above = [".".join(path[:i]) for i in range(1, len(path) + 1)]
    return any(each.get(part) == REMEMBERED for each in settings for part in above)


def owners(name: str, known: Set[str]) -> set[str]:
    """The paths of the object whose attribute a setting is, and of the list that holds that object."""
    path = name.split(".")[:-1]
    while path and ".".join(path) not in known:  # a tuple or a dict, which have no entries of their own
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
    shown = [problem if len(problem) <= 3 * LONG else f"{problem[: 3 * LONG]} ..." for problem in problems[:LISTED]]
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
