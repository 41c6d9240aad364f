"""Find what to check in a file: its ops, layers, losses and models, each with a call."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minigen.autograd import Op, Tensor, no_grad
from minigen.coursework.examples import Example, Sample, above_zero, normal, unit
from minigen.coursework.worker.advice import line_of
from minigen.coursework.worker.learner import NAME
from minigen.coursework.worker.targets import CheckTarget, WrongReturn
from minigen.nn import Module

SHAPES = ((3, 4), (2, 3, 4), (2, 6, 6, 3), (4, 4), (4,))  # tried in this order where a file gives no example
SMALL = ((1, 1), (2, 3, 4))  # then added, if the op takes them
UNGUESSED = "how to call it cannot be guessed: write "


# -- what a file holds -------------------------------------------------------------------------------------------


def targets(module: ModuleType, examples: list[Example]) -> list[CheckTarget]:
    """Everything to check in a file, in the order of its lines, each as its examples say or as can be guessed; then other targets
    of its examples."""
    own = list(defined(module))
    found: list[CheckTarget] = []
    for value in own:
        given = merged(of_example(each) for each in examples if belongs(each, value))
        found += given or [guess_op(value) if is_op(value) else guess_module(value)]
    found.sort(key=lambda target: target.line)
    found += merged(of_example(each) for each in examples if not any(belongs(each, value) for value in own))
    parts = {type(part) for target in found for whole in target.parts for part in whole.modules()}
    return [target for target in found if not (target.problem and target.callee in parts)]


def defined(module: ModuleType) -> Iterator[Any]:
    """The ops and the Modules' classes that the file itself defines."""
    for value in list(vars(module).values()):
        if is_op(value) and value.__wrapped__.__code__.co_filename == module.__file__:
            yield value
        elif isinstance(value, type) and issubclass(value, Module) and value.__module__ == module.__name__:
            yield value


def unchecked(module: ModuleType, examples: list[Example]) -> dict[str, list[str]]:
    """Names of the file's functions that are not ops and that no example calls; and of its classes that have a forward and yet
    are not Modules: the base is forgotten, or another library's."""
    known = [rule for value in defined(module) if is_op(value) for rule in value.op.rules.values()]
    known += [getattr(each.target, "__func__", each.target) for each in examples]
    own = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, (FunctionType, type)) and value.__module__ == module.__name__
    }
    functions = {name: f for name, f in own.items() if isinstance(f, FunctionType) and not is_op(f)}
    classes = {name: kind for name, kind in own.items() if isinstance(kind, type) and not issubclass(kind, Module)}
    return {
        "functions": [name for name, function in functions.items() if function not in known],
        "classes": [name for name, kind in classes.items() if hasattr(kind, "forward")],
    }


def is_op(value: Any) -> bool:
    """Whether this is what @op makes."""
    return isinstance(getattr(value, "op", None), Op)


def belongs(each: Example, value: Any) -> bool:
    """Whether an example calls this op, or an object of this class."""
    return each.target is value or (isinstance(value, type) and type(each.target) is value)


def merged(found: Iterable[CheckTarget]) -> list[CheckTarget]:
    """Calls of one target that differ in their inputs only become one, of several variants."""
    kept: list[CheckTarget] = []
    for target in found:
        same = [
            other
            for other in kept
            if other.callee is target.callee
            and other.output is None is target.output
            and other.options == target.options
            and len(other.variants[0]) == len(target.variants[0])
        ]
        if same and all(isinstance(x, Sample) for x in target.variants[0]):
            same[0].variants += target.variants
        else:
            kept.append(target)
    return kept


def of_example(each: Example) -> CheckTarget:
    """The call that an example describes."""
    target: Any = each.target
    kind, name, line = "function", getattr(target, "__name__", type(target).__name__), each.line
    if is_op(target):
        kind, name, line = "op", target.op.name, line_of(target.__wrapped__)
    elif isinstance(target, Module):
        kind, name = "model" if hasattr(target, "loss") else "layer", type(target).__name__
        line = line_of(type(target)) if type(target).__module__ == NAME else line
    elif isinstance(target, MethodType):
        name, line = target.__qualname__, line_of(target.__func__)
    elif isinstance(target, FunctionType):
        line = line_of(target)
    return CheckTarget(kind, name, line, target, [each.inputs], each.options, each.output)


# -- guesses -----------------------------------------------------------------------------------------------------


def guess_op(value: Any) -> CheckTarget:
    """An op with inputs that it takes: all of one shape, of values for which its result is finite."""
    op = value.op
    target = CheckTarget("op", op.name, line_of(value.__wrapped__), value, [()], guessed=True)
    if op.non_differentiable or set(op.attributes) - set(op.defaults):
        given = ["(3, 4)"] * len(op.inputs) + [f"{name}=..." for name in op.attributes if name not in op.defaults]
        target.problem = UNGUESSED + f"example({', '.join([op.name, *given])})"
        return target
    count = 2 if op.variadic else len(op.inputs)

    def finite(samples: tuple[Sample, ...]) -> bool:
        return tried(lambda *xs: bool(np.isfinite(value(*xs).numpy()).all()), samples, np.float64) is True

    for kind in (normal, above_zero, unit):
        for shape in SHAPES:
            if finite((kind(*shape),) * count):
                others = [(kind(*other),) * count for other in SMALL if other != shape]
                if op.broadcasts and count == 2:
                    others += [(kind(3, 4), kind(4)), (kind(3, 1), kind(1, 4))]
                target.variants = [(kind(*shape),) * count, *filter(finite, others)]
                return target
    target.variants = [(normal(*SHAPES[0]),) * count]  # its error will be shown
    return target


def guess_module(kind: Any) -> CheckTarget:
    """An object of a class that needs no settings, with an input that it takes."""
    is_model, name = hasattr(kind, "loss"), kind.__name__
    target = CheckTarget("model" if is_model else "layer", name, line_of(kind), kind, [()], guessed=True)
    if not is_model and kind.forward is Module.forward:
        target.problem = "it has no forward: write def forward(self, x), with what it computes"
        return target
    settings, inputs = required(kind.__init__), required(kind.loss if is_model else kind.forward)
    shapes = ["labels(5, classes=10)" if "label" in each else "(5, 4)" for each in inputs]
    called = ", ".join([f"{name}({', '.join(settings)})", *shapes])
    target.problem = f"{UNGUESSED}example({called}), with its settings and the shape of each of its inputs ({', '.join(inputs)})"
    if settings:
        return target
    try:
        made = kind()
    except BaseException as error:
        target.error = error
        return target
    for sample in [unit(2, 28, 28, 1), unit(2, 784)] if is_model else [normal(*shape) for shape in SHAPES]:
        trial = replace(target, callee=made, variants=[(sample,) * len(inputs)], problem="")
        found = tried(lambda *xs, trial=trial: trial(xs, {}), trial.variants[0], np.float32)
        if not isinstance(found, BaseException) or isinstance(found, (NotImplementedError, WrongReturn)):
            return trial  # another guess would not help
    target.problem += f" ({sample.text} did not fit: {str(found).splitlines()[0]})" if str(found) else ""
    return target


def required(method: Callable) -> list[str]:
    """What a method must be given besides self, by name."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def tried(call: Callable, samples: tuple[Sample, ...], dtype: Any) -> Any:
    """What a call gives for such inputs: its result, or the error with which it refuses them."""
    try:
        with np.errstate(all="ignore"), no_grad():
            return call(*(Tensor(x.draw(dtype, 100 + i)) for i, x in enumerate(samples)))
    except BaseException as error:  # whatever it is, these are not its inputs
        return error
