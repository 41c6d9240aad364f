"""What there is to be checked in a file: its ops, layers, losses and models, each with a call of it."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minigen.autograd import Op, Parameter, Tensor, no_grad
from minigen.backend import asarray
from minigen.coursework.examples import Example
from minigen.coursework.samples import Sample, normal, positive, unit
from minigen.coursework.worker.learner import NAME, reseed
from minigen.coursework.worker.source import line_of, place
from minigen.nn import Module

SHAPES = ((3, 4), (2, 3, 4), (2, 6, 6, 3), (4, 4), (4,))  # tried in this order where a file gives no example
SMALL = ((1, 1), (2, 3, 4))  # then added, if the op takes them


class WrongReturn(TypeError):
    """What a loss returns is not the total and its terms."""


@dataclass
class CheckTarget:
    """A call to be checked: call(*inputs, **options) -> Tensor, for several choices of inputs, the first of them the main one.

    `parts`: the modules whose parameters it depends on. `guessed`: the inputs are ours, for the file gives no example.
    `problem`: why there is no call; `error`: what the learner's code raised instead of making the object.
    """

    kind: str
    name: str
    line: int
    target: Any
    variants: list[tuple]
    options: dict[str, Any] = field(default_factory=dict)
    output: tuple[int, ...] | None = None
    guessed: bool = False
    problem: str = ""
    error: BaseException | None = None

    @property
    def op(self) -> Op | None:
        return self.target.op if self.kind == "op" else None

    @property
    def parts(self) -> list[Module]:
        owner = self.target.__self__ if isinstance(self.target, MethodType) else self.target
        return [x for x in (owner, *self.variants[0]) if isinstance(x, Module)]

    def parameters(self) -> dict[str, Parameter]:
        """All parameters of the parts, each once, by name; of several parts with the part's class and place."""
        named: dict[str, Parameter] = {}
        for i, part in enumerate(self.parts):
            prefix = f"{type(part).__name__}[{i}]." if len(self.parts) > 1 else ""
            known = set(map(id, named.values()))
            named.update({prefix + name: each for name, each in part.named_parameters().items() if id(each) not in known})
        return named

    @property
    def function(self) -> FunctionType | None:
        """The learner's function behind the call."""
        target = getattr(self.target, "__wrapped__", self.target)
        target = getattr(type(target), "forward", target) if isinstance(target, Module) else getattr(target, "__func__", target)
        return target if isinstance(target, FunctionType) else None

    def __call__(self, inputs: Sequence[Any], options: dict[str, np.ndarray], variant: int = 0) -> Any:
        """The result, one Tensor. Random numbers are the same in every call."""
        reseed()
        return self.once(inputs, options, variant)

    def once(self, inputs: Sequence[Any], options: dict[str, np.ndarray], variant: int = 0) -> Any:
        """The call as it is, with these in place of the samples; of a model the total of its loss."""
        inputs = self.filled(inputs, variant)
        if self.kind != "model":
            return self.target(*inputs, **self.chosen(options))
        return self.loss(inputs, options)[0]

    def loss(self, inputs: Sequence[Any], options: dict[str, np.ndarray]) -> tuple[Any, dict]:
        """What the loss of a model returns, given arrays as in training."""
        result = self.target.loss(*(x.data if isinstance(x, Tensor) else x for x in inputs), **self.chosen(options))
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise WrongReturn(f"{self.name}.loss must return the total and a dict of its terms, got {type(result).__name__}")
        return result

    def filled(self, inputs: Sequence[Any], variant: int = 0) -> list[Any]:
        """The inputs of a variant, with these in place of its samples."""
        given = iter(inputs)
        return [next(given) if isinstance(x, Sample) else x for x in self.variants[variant]]

    def chosen(self, options: dict[str, np.ndarray]) -> dict[str, Any]:
        """The options, with arrays in place of samples."""
        return {name: moved(np.array(options[name])) if isinstance(x, Sample) else x for name, x in self.options.items()}

    def arguments(self) -> list[str]:
        """What the inputs are called in the learner's code."""
        function = self.target.loss if self.kind == "model" else self.target
        function = function.forward if isinstance(function, Module) else getattr(function, "__wrapped__", function)
        function = function.__call__ if callable(function) and not hasattr(function, "__code__") else function
        code = getattr(function, "__code__", None)
        names = code.co_varnames[isinstance(function, MethodType) : code.co_argcount] if code else ()
        return [names[i] if i < len(names) else f"input {i}" for i in range(len(self.variants[0]))]

    def described(self) -> dict[str, Any]:
        """All that the grader is to know of it, for a message."""
        described = {"kind": self.kind, "name": self.name, "line": self.line, "problem": self.problem, "guessed": self.guessed}
        if self.problem or self.error:
            return described
        return described | {
            "variants": [[x.as_dict() if isinstance(x, Sample) else None for x in variant] for variant in self.variants],
            "options": {name: x.as_dict() for name, x in self.options.items() if isinstance(x, Sample)},
            "output": None if self.output is None else list(self.output),
            "arguments": self.arguments(),
            "modules": len(self.parts),
            "parameters": {name: list(x.shape) for name, x in self.parameters().items()},
            "samples": hasattr(self.target, "sample"),
            "op": None if self.op is None else description_of(self.op, self.function),
        }


def description_of(op: Op, function: FunctionType | None) -> dict[str, Any]:
    """What the grader is to know of an op and its rules."""
    rules = {name: {"line": rule.__code__.co_firstlineno, "place": place(rule)} for name, rule in op.rules.items()}
    return {
        "inputs": list(op.inputs),
        "variadic": op.variadic,
        "non_differentiable": list(op.non_differentiable),
        "attributes": list(op.attributes),
        "rules": rules,
        "undocumented": [f.__name__ for f in (function, *op.rules.values()) if f and not (f.__doc__ or "").strip()],
    }


def moved(x: Any) -> Any:
    """A host array where new arrays are made; anything else as it is."""
    return asarray(x) if isinstance(x, np.ndarray) else x


# -- what a file holds -------------------------------------------------------------------------------------------


def subjects(module: ModuleType, examples: list[Example]) -> list[CheckTarget]:
    """All that is to be checked in a file, in the order of its lines; then what its examples call besides."""
    own = list(defined(module))
    found = [subject for value in own for subject in subjects_of(value, examples)]
    found.sort(key=lambda subject: subject.line)
    found += merged(of_example(each) for each in examples if not any(belongs(each, value) for value in own))
    parts = {type(part) for subject in found for whole in subject.parts for part in whole.modules()}
    return [subject for subject in found if not (subject.problem and subject.target in parts)]


def defined(module: ModuleType) -> Iterator[Any]:
    """The ops and the Modules' classes that the file itself defines."""
    for value in list(vars(module).values()):
        if is_op(value) and value.__wrapped__.__code__.co_filename == module.__file__:
            yield value
        elif isinstance(value, type) and issubclass(value, Module) and value.__module__ == module.__name__:
            yield value


def plain_functions(module: ModuleType, examples: list[Example]) -> list[str]:
    """Names of the file's functions that are no ops and that no example calls."""
    rules = {rule for value in defined(module) if is_op(value) for rule in value.op.rules.values()}
    called = {getattr(each.target, "__func__", each.target) for each in examples if callable(each.target)}
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, FunctionType)
        and value.__module__ == module.__name__
        and not is_op(value)
        and value not in rules
        and value not in called
    ]


def plain_classes(module: ModuleType) -> list[str]:
    """Names of the file's classes that have a forward and yet are no Modules: the base is forgotten, or another library's."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and hasattr(value, "forward")
        and not issubclass(value, Module)
    ]


def is_op(value: Any) -> bool:
    """Whether this is what @op makes."""
    return isinstance(getattr(value, "op", None), Op)


def belongs(each: Example, value: Any) -> bool:
    """Whether an example calls this op, or an object of this class."""
    return each.target is value or (isinstance(value, type) and type(each.target) is value)


def subjects_of(value: Any, examples: list[Example]) -> list[CheckTarget]:
    """The calls of an op or of a class: one an example, or one that is guessed."""
    given = merged(map(of_example, (each for each in examples if belongs(each, value))))
    return given or [guess_op(value) if is_op(value) else guess_module(value)]


def merged(found: Iterable[CheckTarget]) -> list[CheckTarget]:
    """Calls of one target that differ in their inputs only become one, of several variants."""
    kept: list[CheckTarget] = []
    for subject in found:
        same = [
            other
            for other in kept
            if other.target is subject.target
            and other.output is None is subject.output
            and other.options == subject.options
            and len(other.variants[0]) == len(subject.variants[0])
        ]
        if same and all(isinstance(x, Sample) for x in subject.variants[0]):
            same[0].variants += subject.variants
        else:
            kept.append(subject)
    return kept


def of_example(each: Example) -> CheckTarget:
    """The call that an example describes."""
    kind, name, line = "function", "", each.line
    if is_op(each.target):
        kind, name, line = "op", each.target.op.name, line_of(each.target.__wrapped__)
    elif isinstance(each.target, Module):
        kind, name = "model" if hasattr(each.target, "loss") else "layer", type(each.target).__name__
        line = line_of(type(each.target)) if type(each.target).__module__ == NAME else line
    elif isinstance(each.target, MethodType):
        name = each.target.__qualname__
        line = line_of(each.target.__func__)
    else:
        name = getattr(each.target, "__name__", type(each.target).__name__)
        line = line_of(each.target) if isinstance(each.target, FunctionType) else line
    return CheckTarget(kind, name, line, each.target, [each.inputs], each.options, each.output)


# -- guesses -----------------------------------------------------------------------------------------------------


def guess_op(value: Callable) -> CheckTarget:
    """An op with inputs that it takes: all of one shape, of numbers for which its result is finite."""
    op = value.op
    subject = CheckTarget("op", op.name, line_of(value.__wrapped__), value, [()], guessed=True)
    given = ", ".join(["(3, 4)"] * len(op.inputs))
    if op.non_differentiable or set(op.attributes) - set(op.defaults):
        said = [f"{name}=..." for name in op.attributes if name not in op.defaults]
        subject.problem = f"it cannot be guessed how to call it: write example({', '.join([op.name, given, *said])})"
        return subject
    count = 2 if op.variadic else len(op.inputs)
    for kind in (normal, positive, unit):
        for shape in SHAPES:
            if finite(value, [kind(*shape)] * count):
                others = [(kind(*other),) * count for other in SMALL if other != shape]
                if op.broadcasts and count == 2:
                    others += [(kind(3, 4), kind(4)), (kind(3, 1), kind(1, 4))]
                subject.variants = [(kind(*shape),) * count, *(other for other in others if finite(value, other))]
                return subject
    subject.variants = [(normal(*SHAPES[0]),) * count]  # its error will be shown
    return subject


def finite(call: Callable, inputs: Any) -> bool:
    """Whether the call succeeds on such inputs, without NaN and infinity."""
    arrays = [Tensor(x.draw(np.float64, 100 + i)) for i, x in enumerate(inputs)]
    try:
        with np.errstate(all="ignore"), no_grad():
            return bool(np.isfinite(call(*arrays).numpy()).all())
    except BaseException:  # whatever it is, these are not its inputs
        return False


def guess_module(kind: type) -> CheckTarget:
    """An object of a class that needs no settings, with an input that it takes."""
    is_model = hasattr(kind, "loss")
    name, inputs = kind.__name__, required(kind.loss if is_model else kind.forward)
    subject = CheckTarget("model" if is_model else "layer", name, line_of(kind), kind, [()], guessed=True)
    if not is_model and kind.forward is Module.forward:
        subject.problem = "it has no forward: write def forward(self, x), with what it computes"
        return subject
    settings = required(kind.__init__)
    shapes = ["labels(5, classes=10)" if "label" in each else "(5, 4)" for each in inputs]
    called = ", ".join([f"{name}({', '.join(settings)})", *shapes])
    subject.problem = (
        f"it cannot be guessed how to call it: write example({called}), with its settings and "
        f"the shape of each of its inputs ({', '.join(inputs)})"
    )
    if settings:
        return subject
    try:
        made = kind()
    except BaseException as error:
        subject.error = error
        return subject
    errors = []
    for shape in [unit(2, 28, 28, 1), unit(2, 784)] if is_model else [normal(*shape) for shape in SHAPES]:
        trial = CheckTarget(subject.kind, name, subject.line, made, [(shape,) * len(inputs)], guessed=True)
        errors.append(refused(trial))
        if not errors[-1] or isinstance(errors[-1], (NotImplementedError, WrongReturn)):  # another guess would not help
            return trial
    subject.problem += f" ({shape.text} did not fit: {str(errors[-1]).splitlines()[0]})" if str(errors[-1]) else ""
    return subject


def required(method: Callable) -> list[str]:
    """What a method must be given besides self, by name."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]


def refused(subject: CheckTarget) -> BaseException | None:
    """The error with which a module refuses its inputs; None if it takes them."""
    try:
        with np.errstate(all="ignore"), no_grad():
            subject([Tensor(x.draw(np.float32, 100 + i)) for i, x in enumerate(subject.variants[0])], {})
        return None
    except BaseException as error:
        return error
