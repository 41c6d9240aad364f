"""Answer the grader's questions about one file, in the process in which the file runs.

Each question {"do": name, ...} is answered by a method of that name below. An error in the learner's code is an answer, too.
"""

import ast
import io
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import minigen
from minigen.autograd import Tensor, grad, no_grad
from minigen.coursework.examples import Example
from minigen.coursework.protocol import ProtocolError, pack, receive
from minigen.coursework.samples import Sample
from minigen.coursework.worker import advice, objects
from minigen.coursework.worker.calls import Doubled, Parts, Wanted, derive, eval_mode, fastest, tensor
from minigen.coursework.worker.device import watching
from minigen.coursework.worker.discover import merged, of_example, plain_classes, plain_functions, targets
from minigen.coursework.worker.learner import import_file, reseed, why
from minigen.coursework.worker.networks import NETWORKS
from minigen.coursework.worker.source import calls_of_numpy, forbidden_uses
from minigen.coursework.worker.targets import CheckTarget

PRINTED = 2000  # characters of what the file prints that are sent


class StdoutCapture(io.TextIOBase):
    """Replaces standard output: sends the beginning of what is printed, so that a printing loop does not fill the disk."""

    def __init__(self, send: Callable[[dict], None]):
        self.send, self.left = send, PRINTED

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.left > 0:
            self.send({"printed": text[: self.left]})
            self.left -= len(text)
        return len(text)

    def silence(self) -> None:
        """Discard what is printed from now on."""
        self.left = 0


class Worker:
    """One file, and what has been made of it. `send`: a message that no question asked for."""

    def __init__(self, path: Path, send: Callable[[dict], None]):
        self.path = path
        self.printed = StdoutCapture(send)
        self.objects = objects.Objects()
        self.examples: list[Example] = []
        self.asked: list[dict] | None = None  # the grader's own examples, of an exercise
        self.found: dict[str, list[CheckTarget]] = {}  # by the backend on which the file was imported
        self.doubled: dict[int, Doubled] = {}

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """{"ok": what was found} or {"error": what the learner's code raised}."""
        question = dict(question)
        name, position = question.pop("do"), question.get("position")
        try:
            with np.errstate(all="ignore"):
                return {"ok": getattr(self, name)(**question)}
        except BaseException as error:  # whatever a file may do, SystemExit and KeyboardInterrupt included
            code = self.found["numpy"][position].function if position is not None and "numpy" in self.found else None
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
            found += [where + use for use in forbidden_uses(tree, names)]
        return found

    def import_file(self) -> str:
        """Import the file; "", or why it cannot be imported."""
        try:
            self.objects.file, self.examples = import_file(self.path, "numpy")
            return ""
        except BaseException as error:
            return why(error, self.path)
        finally:
            self.printed.silence()

    def missing(self, names: list[str]) -> list[str]:
        """Names that the file should define and does not."""
        return [name for name in names if not hasattr(self.objects.file, name)]

    def library_names(self, names: list[str]) -> list[str]:
        """Names of the file that stand for something of the library's."""
        values = {name: getattr(self.objects.file, name) for name in names}
        return [name for name, value in values.items() if str(getattr(value, "__module__", "")).startswith("minigen.")]

    def targets(self, asked: list[dict] | None) -> list[dict]:
        """What is to be checked: all that is in the file, or the calls that are asked for."""
        self.asked = asked
        self.found["numpy"] = self.calls(self.objects.file, self.examples)
        described = []
        for target in self.found["numpy"]:
            error = target.error and advice.described(target.error, self.path, target.function)
            described.append(target.described() | {"error": error})
        return described

    def calls(self, module: ModuleType, examples: list[Example]) -> list[CheckTarget]:
        if self.asked is None:
            return targets(module, examples)
        return merged(of_example(self.example(module, each)) for each in self.asked)

    def example(self, module: ModuleType, asked: dict) -> Example:
        """An example as the grader describes it: a name of the file, or an object made of a class of it."""
        target = getattr(module, asked["name"])
        if asked["settings"] is not None:
            target = target(*asked["settings"]["inputs"], **asked["settings"]["options"])
        options = {name: given(value) for name, value in asked["options"].items()}
        output = None if asked["output"] is None else tuple(asked["output"])
        return Example(target, tuple(map(given, asked["inputs"])), options, output)

    def reimported(self, backend: str, position: int) -> CheckTarget:
        """The target at this position in a copy of the file, imported on this backend, which is then in use."""
        name = f"{backend} again"
        if name not in self.found:
            self.found[name] = self.calls(*import_file(self.path, backend))
        minigen.use(backend)
        target = self.found[name][position]
        if target.error:
            raise target.error
        return target

    def unchecked(self) -> dict[str, list[str]]:
        """Names of the functions and classes that are not checked."""
        return {"functions": plain_functions(self.objects.file, self.examples), "classes": plain_classes(self.objects.file)}

    def reseed(self) -> None:
        """Start all random numbers again."""
        minigen.use("numpy")
        reseed()

    # -- a target ------------------------------------------------------------------------------------------------

    def derive(self, position: int, again: bool = False, **wanted: Any) -> dict[str, Any]:
        """The result of a call and its derivatives. `again`: of a copy of the file."""
        if again:
            return derive(self.reimported("numpy", position), Wanted(**wanted))
        if position in self.doubled:
            self.doubled[position].begin()
        return derive(self.found["numpy"][position], Wanted(**wanted))

    def watched(self, position: int, **wanted: Any) -> dict[str, Any]:
        """The same on the strict device, and what it had to do there."""
        try:
            copy = self.reimported("strict", position)
            with watching(self.path) as counted:
                found = derive(copy, Wanted(**wanted))
            return found | {"launches": counted.launches, "waits": sorted(counted.waits), "copies": sorted(counted.copies)}
        finally:
            minigen.use("numpy")

    def double(self, position: int) -> list[np.ndarray]:
        """Convert the parts to float64; the values of their parameters."""
        self.doubled[position] = Doubled(self.found["numpy"][position])
        return [np.array(x.numpy()) for x in self.found["numpy"][position].parameters().values()]

    def single(self, position: int) -> None:
        """Convert them back, to the values that they had."""
        self.doubled.pop(position).end()

    def parameters(self, position: int, arrays: list, options: dict, cotangent: np.ndarray) -> dict[str, Any]:
        """Which parameters get no gradient; which Tensors no optimizer would find; how many values there are."""
        call = self.found["numpy"][position]
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

    def hand_over(self, position: int, arrays: list, options: dict) -> int:
        """Use the target again, and load its state into that of a copy of the file; returns the number of arrays."""
        used, fresh = self.found["numpy"][position], self.reimported("numpy", position)
        with no_grad():
            used(list(map(tensor, arrays)), options)
        for old, new in zip(used.parts, fresh.parts):
            new.load_state_dict(old.state_dict())
        return len(Parts(used.parts).state_dict())

    def loss(self, position: int, arrays: list, options: dict) -> dict[str, Any]:
        """The total and the terms of a model's loss, in evaluation mode."""
        reseed()
        call = self.found["numpy"][position]
        with eval_mode(call.parts), no_grad():
            total, terms = call.loss(call.filled(list(map(np.array, arrays))), options)
        return {"total": float(total), "terms": {str(name): float(term) for name, term in terms.items()}}

    def sample(self, position: int, n: int) -> Any:
        """What a model's sample(n) gives."""
        call = self.found["numpy"][position]
        with eval_mode(call.parts), no_grad():
            return self.objects.encoded(call.callee.sample(n))

    def time(self, position: int, arrays: list, options: dict) -> dict[str, float | None]:
        """Seconds of the forward and the backward pass."""
        call = self.found["numpy"][position]
        xs = [tensor(np.array(x), requires_grad=x.dtype.kind == "f") for x in arrays]
        y = call(xs, options)
        wanted = [x for x in xs if isinstance(x, Tensor)] + list(call.parameters().values())
        forward, backward = fastest(lambda: call.once(xs, options)), None
        if wanted and y.requires_grad:
            u = np.ones(y.shape, dtype=y.dtype)
            backward = fastest(lambda: grad(y, wanted, u, allow_unused=True))
        return {"forward": forward, "backward": backward}

    def advise(self, position: int, about: str) -> list[str]:
        """What the text of the learner's functions suggests, about "arrays", "float64" or "cuts" of the graph."""
        call = self.found["numpy"][position]
        own = [call.function] if call.function else []
        rules = list(call.op.rules.values()) if call.op else []
        if about == "arrays":
            found = [use for function in own for use in calls_of_numpy(function)] if call.op is None else []
            return [f"line {line}: {advice.of_numpy(text, name)}" for line, text, name in found]
        if about == "float64":
            return [hint for function in [*own, *rules] for hint in advice.of_float64(function)]
        return advice.of_cuts(rules or own)

    # -- names and objects, for the requirements of an exercise --------------------------------------------------

    def get(self, target: dict) -> Any:
        """The value of a target: a name of the file, or an object, or an attribute of either."""
        return self.objects.encoded(self.objects.found(target))

    def call(
        self, target: dict, inputs: Iterable[Any], options: dict[str, Any], by: list | None = None, cotangent: Any = None
    ) -> dict[str, Any]:
        """target(*inputs, **options), what the arrays are afterward, and the gradients by inputs or by other tensors."""
        inputs = [self.objects.decoded(x) for x in inputs]
        options = {name: self.objects.decoded(x) for name, x in options.items()}
        value = self.objects.found(target)(*inputs, **options)
        gradients = []
        if by is not None:
            leaves = [inputs[x] if isinstance(x, int) else self.objects.found(x) for x in by]
            gradients = [np.array(g.numpy()) for g in grad(value, leaves, cotangent)]
        return {"value": self.objects.encoded(value), "inputs": self.objects.encoded(inputs), "gradients": gradients}

    def network(self, name: str, settings: list) -> Any:
        """One of the grader's networks, by name."""
        return self.objects.keep(NETWORKS[name](*settings))

    def describe(self, target: dict) -> dict[str, Any]:
        return objects.described(self.objects.found(target))

    def assign(self, target: dict, values: dict[str, np.ndarray]) -> None:
        objects.assign(self.objects.found(target), values)

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


def given(described: dict[str, Any]) -> Any:
    """An input of an example, as the grader describes it: {"sample"}, {"network"} with its settings, or {"value"}."""
    if "sample" in described:
        return Sample.of(described["sample"])
    if "network" in described:
        return NETWORKS[described["network"][0]](*described["network"][1:])
    return described["value"]


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
