"""Answer the grader's questions about one file, in the process in which the file runs.

Each question {"do": name, ...} is answered by a method of that name below; one about a call has its "position". An error in the
learner's code is an answer, too.
"""

import ast
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import minigen
from minigen.autograd import Tensor, grad, no_grad
from minigen.coursework.examples import Example
from minigen.coursework.protocol import ProtocolError, pack, receive
from minigen.coursework.worker import advice, causes
from minigen.coursework.worker.device import watching
from minigen.coursework.worker.discover import of_example, targets, unchecked
from minigen.coursework.worker.learner import import_file, reseed, why
from minigen.coursework.worker.objects import Objects
from minigen.coursework.worker.targets import CheckTarget, Parts, derive, tensor
from minigen.nn import Module

PRINTED = 2000  # characters of what the file prints that are sent
FLOOD = 10_000_000  # characters, more than which nobody prints on purpose
BUDGET = 0.03  # seconds for each figure of the time line


class StdoutCapture(io.TextIOBase):
    """Replaces standard output: sends the beginning of what is printed, so that a printing loop does not fill the disk."""

    def __init__(self, send: Callable[[dict], None]):
        self.send, self.left, self.count = send, PRINTED, 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.count += len(text)
        if self.count > FLOOD:
            raise OSError(f"a flood of output: more than {FLOOD:,} characters were printed; print less, or nothing in a loop")
        if self.left > 0:
            self.send({"printed": text[: self.left]})
            self.left -= len(text)
        return len(text)


class Worker:
    """One file, and what has been made of it. `send`: a message that no question asked for."""

    def __init__(self, path: Path, send: Callable[[dict], None]):
        self.path = path
        self.printed = StdoutCapture(send)
        self.objects = Objects()
        self.examples: list[Example] = []
        self.asked: list[dict] | None = None  # the grader's own examples, of an exercise
        self.found: list[CheckTarget] = []
        self.copies: dict[str, list[CheckTarget]] = {}  # the same of copies of the file, by the backend

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """{"ok": what was found} or {"error": what the learner's code raised}."""
        fields, code = dict(question), None
        name = fields.pop("do")
        try:
            if "position" in fields:
                fields["call"] = self.found[fields.pop("position")]
                code = fields["call"].function
            with np.errstate(all="ignore"):
                return {"ok": getattr(self, name)(**fields)}
        except BaseException as error:  # whatever a file may do, SystemExit and KeyboardInterrupt included
            return {"error": advice.described(error, self.path, code)}

    # -- the file ------------------------------------------------------------------------------------------------

    def forbidden_uses(self, names: list[str], files: list[str]) -> list[str]:
        """Lines of these files that use what the library has under one of these names; nothing of them has run."""
        found = []
        for file in files:
            try:
                tree = ast.parse((self.path.parent / file).read_bytes())
            except (SyntaxError, ValueError):  # the import will say so
                continue
            where = "" if file == self.path.name else f"{file}, "
            found += [where + use for use in advice.forbidden_uses(tree, names)]
        return found

    def import_file(self) -> str:
        """Import the file; "", or why it cannot be imported."""
        try:
            self.objects.file, self.examples = import_file(self.path, "numpy")
            return ""
        except BaseException as error:
            return why(error, self.path)
        finally:
            self.printed.left = 0  # what is printed from now on is discarded

    def names(self, names: list[str]) -> dict[str, list[str]]:
        """Names that the file should define and does not, and those that stand for something of the library's."""
        values = {name: getattr(self.objects.file, name) for name in names if hasattr(self.objects.file, name)}
        foreign = [name for name, value in values.items() if str(getattr(value, "__module__", "")).startswith("minigen.")]
        return {"missing": [name for name in names if name not in values], "library": foreign}

    def targets(self, asked: list[dict] | None) -> list[dict]:
        """What is to be checked: all that is in the file, or the calls that are asked for."""
        self.asked = asked
        self.found = self.calls(self.objects.file, self.examples)
        return [
            call.described() | {"error": call.error and advice.described(call.error, self.path, call.function)}
            for call in self.found
        ]

    def calls(self, module: ModuleType, examples: list[Example]) -> list[CheckTarget]:
        if self.asked is None:
            return targets(module, examples)
        return [self.asked_for(module, **each) for each in self.asked]

    def asked_for(
        self, module: ModuleType, name: str, settings: Any, variants: list[Any], options: dict, output: list[int] | None
    ) -> CheckTarget:
        """A call as the grader describes it: of a name of the file, or of an object made of a class of it."""
        target = getattr(module, name)
        if settings is not None:
            target = target(**settings) if isinstance(settings, dict) else target(*settings)
        variants = [self.objects.decoded(each) for each in variants]
        options = {name: self.objects.decoded(x) for name, x in options.items()}
        call = of_example(Example(target, variants[0], options, None if output is None else tuple(output)))
        call.variants = variants
        return call

    def copied(self, call: CheckTarget, backend: str) -> CheckTarget:
        """The same call in a copy of the file, imported on this backend, which is then in use."""
        if backend not in self.copies:
            self.copies[backend] = self.calls(*import_file(self.path, backend))
        minigen.use(backend)
        copy = self.copies[backend][self.found.index(call)]
        if copy.error:
            raise copy.error
        return copy

    def unchecked(self) -> dict[str, list[str]]:
        """Names of the functions and classes that are not checked."""
        return unchecked(self.objects.file, self.examples)

    def reseed(self) -> None:
        """Start all random numbers again."""
        minigen.use("numpy")
        reseed()

    # -- a call --------------------------------------------------------------------------------------------------

    def derive(self, call: CheckTarget, again: bool = False, **wanted: Any) -> dict[str, Any]:
        """The result of a call and its derivatives. `again`: of a copy of the file."""
        return derive(self.copied(call, "numpy") if again else call, **wanted)

    def watched(self, call: CheckTarget, **wanted: Any) -> dict[str, Any]:
        """The same on the strict device, and what it had to do there."""
        try:
            copy = self.copied(call, "strict")
            with watching(self.path) as counted:
                found = derive(copy, **wanted)
            return found | {"launches": counted.launches, "waits": sorted(counted.waits), "copies": sorted(counted.copies)}
        finally:
            minigen.use("numpy")

    def values(self, call: CheckTarget) -> list[np.ndarray]:
        """Those of the parameters."""
        return [np.array(x.numpy()) for x in call.parameters().values()]

    def parameters(self, call: CheckTarget, arrays: list, options: dict, cotangent: np.ndarray) -> dict[str, Any]:
        """Which parameters get no gradient; which Tensors no optimizer would find; how many values there are."""
        parts, named = Parts(call.parts), call.parameters()
        lost = [
            f"{type(part).__name__}.{name}"
            for part in parts.modules()
            for name, value in vars(part).items()
            if type(value) is Tensor and value.requires_grad
        ]
        y = call(list(map(tensor, arrays)), options)
        parts.zero_grad()
        if y.requires_grad:
            y.backward(cotangent)
        without = [name for name, parameter in named.items() if parameter.grad is None]
        parts.zero_grad()
        return {"lost": lost, "without": without, "count": sum(x.size for x in named.values())}

    def hand_over(self, call: CheckTarget, arrays: list, options: dict) -> int:
        """Use the call again, and load its state into that of a copy of the file; returns the number of arrays."""
        fresh = self.copied(call, "numpy")
        with no_grad():
            call(list(map(tensor, arrays)), options)
        for old, new in zip(call.parts, fresh.parts):
            new.load_state_dict(old.state_dict())
        return len(Parts(call.parts).state_dict())

    def loss(self, call: CheckTarget, arrays: list, options: dict) -> dict[str, Any]:
        """The total and the terms of a model's loss, in evaluation mode."""
        reseed()
        with Parts(call.parts).eval_mode(), no_grad():
            total, terms = call.loss(list(map(np.array, arrays)), options)
        return {"total": float(total), "terms": {str(name): float(term) for name, term in terms.items()}}

    def sample(self, call: CheckTarget, n: int) -> Any:
        """What a model's sample(n) gives."""
        with Parts(call.parts).eval_mode(), no_grad():
            return self.objects.encoded(call.callee.sample(n))

    def time(self, call: CheckTarget, arrays: list, options: dict) -> dict[str, float | None]:
        """Seconds of the forward and the backward pass."""
        xs = [tensor(np.array(x), requires_grad=x.dtype.kind == "f") for x in arrays]
        y = call(xs, options)
        wanted = [x for x in xs if isinstance(x, Tensor)] + list(call.parameters().values())
        forward, backward = fastest(lambda: call.once(xs, options)), None
        if wanted and y.requires_grad:
            u = np.ones(y.shape, dtype=y.dtype)
            backward = fastest(lambda: grad(y, wanted, u, allow_unused=True))
        return {"forward": forward, "backward": backward}

    def advise(self, call: CheckTarget, about: str) -> list[str]:
        """What the text of the learner's functions suggests, about "arrays", "float64", "cuts" of the graph, or wrong "rules"."""
        own = [call.function] if call.function else []
        rules: list[Any] = list(call.op.rules.values()) if call.op else []
        if about == "arrays":
            found = [use for function in own for use in advice.calls_of_numpy(function)] if call.op is None else []
            return [f"line {line}: {causes.of_numpy(text, name, rule=False)}" for line, text, name in found]
        if about == "rules":
            return [hint for function in rules for hint in causes.of_values(function)]
        if about == "float64":
            return [hint for function in [*own, *rules] for hint in advice.of_float64(function)]
        return [hint for function in rules or own for hint in advice.of_cuts(function)]

    def causes(self, name: str) -> list[str]:
        """What the text of a name of the file suggests, whose values are wrong."""
        return [hint for function in causes.functions(getattr(self.objects.file, name)) for hint in causes.of_values(function)]

    # -- names and objects, for the requirements of an exercise --------------------------------------------------

    def get(self, target: dict) -> Any:
        """The value of a target: a name of the file, or an object, or an attribute of either."""
        return self.objects.encoded(self.objects.found(target))

    def keep(self, value: Any) -> dict[str, int]:
        """A reference to an object that the grader describes."""
        return self.objects.keep(self.objects.decoded(value))

    def call(self, target: dict, inputs: list, options: dict, by: list, cotangent: np.ndarray | None) -> dict[str, Any]:
        """target(*inputs, **options), what the arrays are afterward, and the gradients by inputs or by other tensors."""
        inputs = self.objects.decoded(inputs)
        options = {name: self.objects.decoded(x) for name, x in options.items()}
        for position in filter(lambda x: isinstance(x, int), by):
            inputs[position] = Tensor(inputs[position].data, requires_grad=True)
        value = self.objects.found(target)(*inputs, **options)
        leaves = [inputs[x] if isinstance(x, int) else self.objects.found(x) for x in by]
        gradients = [np.array(g.numpy()) for g in grad(value, leaves, cotangent)] if leaves else []
        return {"value": self.objects.encoded(value), "inputs": self.objects.encoded(inputs), "gradients": gradients}

    def describe(self, target: dict) -> dict[str, Any]:
        """Whether an object is a module, the shapes of its parameters, and which attributes are arrays instead."""
        value = self.objects.found(target)
        module = isinstance(value, Module)
        named = value.named_parameters() if module else {}
        own = vars(value) if module else {}
        arrays = {name: type(x).__name__ for name, x in own.items() if isinstance(x, np.ndarray) or type(x) is Tensor}
        return {"module": module, "parameters": {name: x.shape for name, x in named.items()}, "arrays": arrays}

    def assign(self, target: dict, values: dict[str, np.ndarray]) -> None:
        """Set parameters of a module to these values, each in its own dtype."""
        named = self.objects.found(target).named_parameters()
        for name, value in values.items():
            named[name].assign(np.asarray(value, dtype=named[name].dtype))

    def fit(self, target: dict, images: np.ndarray, epochs: int, lr: float) -> None:
        """Train a learner's model on its own loss: Adam, batches of 60, in the same order in each epoch."""
        from minigen import data, optim  # imported late: most checks do not need it and should start at once

        model = self.objects.found(target)
        optimizer = optim.Adam(model.parameters(), lr=lr)
        for _ in range(epochs):
            for batch in data.batches(np.array(images), batch_size=60, seed=0):
                loss = model.loss(batch)[0]
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()


def fastest(call: Callable) -> float:
    """Seconds of the fastest of several calls."""
    best, end = np.inf, time.perf_counter() + BUDGET
    while time.perf_counter() < end or not np.isfinite(best):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def serve(path: Path, questions: int, answers: int) -> None:
    """Answer on these file descriptors until there are no more questions."""
    reader, writer = os.fdopen(questions, "rb"), os.fdopen(answers, "wb")

    def send(message: dict[str, Any]) -> None:
        writer.write(pack(message))
        writer.flush()

    worker = Worker(path, send)
    sys.stdout = sys.stderr = worker.printed
    while True:
        try:
            question = receive(reader.read)
        except EOFError:
            return
        number = question.pop("id")
        reply = worker.answer(question)
        try:
            send(reply | {"id": number})
        except (ProtocolError, TypeError, ValueError, RecursionError) as error:  # a result that no message can hold
            send({"error": advice.described(ValueError(str(error)), path, None), "id": number})
