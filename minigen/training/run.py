"""What every training run is, whatever it trains: a history, callbacks, checkpoints, and what can go wrong."""

import contextlib
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minigen.autograd import Tensor, detect_anomaly
from minigen.autograd.debug import all_finite
from minigen.backend import random, to_numpy
from minigen.errors import (
    CheckpointError,
    DataError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    StateError,
    conversion,
    to_unit_interval,
)
from minigen.models.gans import Generator
from minigen.nn import Buffer, Module
from minigen.optim.optimizer import Optimizer
from minigen.training import checkpoint
from minigen.training.callbacks import Callback
from minigen.training.history import History, is_finite_number
from minigen.training.resume_settings import described, differences, listed, plain, same
from minigen.utils.reading import shortened
from minigen.utils.settings import Configured


class Run(Configured):
    """Base of training runs. A subclass trains, and says what belongs to it: `state_parts`, `settings`, `progress_fields`."""

    progress_fields: tuple[str, ...] = ()  # attributes that say how far the run is, JSON values; they go into checkpoints
    kind = "fit"  # what of minigen.training the user called, for messages

    def __init__(self, callbacks: Sequence[Callback], progress: bool):
        self.callbacks = self.in_order(callbacks)
        self.progress = progress
        self.history = History()
        self.begun_with: dict[str, Any] = {}  # `described`, as training found it
        self.moved: set[str] = set()  # names in it that training itself has changed since, such as a counter

    def state_parts(self) -> Mapping[str, Any]:
        """Name -> what has arrays to be saved, with state_dict() and load_state_dict()."""
        raise NotImplementedError(f"{type(self).__name__} has no state_parts()")

    def settings(self) -> dict[str, Any]:
        """What must be the same when a run is resumed, numbers and texts."""
        raise NotImplementedError(f"{type(self).__name__} has no settings()")

    def described(self) -> dict[str, Any]:
        """The settings of models and losses, as `settings.described` finds them: the same, but for what training changes."""
        return {}

    def position(self) -> str:
        """Where the run stands, for messages."""
        raise NotImplementedError(f"{type(self).__name__} has no position()")

    def in_order(self, callbacks: Sequence[Callback]) -> list[Callback]:
        """The callbacks in the order in which they are called. TypeError for one that belongs into another kind of run."""
        for callback in callbacks:
            if callback.requires not in (None, self.kind):
                raise TypeError(
                    f"{type(callback).__name__} works in training.{callback.requires} only, not in training.{self.kind}"
                )
        return sorted(callbacks, key=lambda callback: callback.runs_last)

    def log(self, text: str) -> None:
        """A line beside the progress bar."""
        if self.progress:
            with contextlib.suppress(OSError):  # of a terminal that was closed
                tqdm.write(text, file=sys.stderr)

    def should_stop(self) -> bool:
        """Whether a callback ends the run here."""
        return any(callback.should_stop(self) for callback in self.callbacks)

    def record(self, row: dict[str, float]) -> None:
        """Add a row to the history, once all of it is finite. The callbacks are yet to be told."""
        for name, value in row.items():
            if not np.isfinite(value):
                raise NonFiniteError(f"{name} is {value} at {self.position()}")
        self.history.append(row)

    def notify(self, event: str) -> None:
        """Call the method `event` of every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(self)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside the block the callbacks have for themselves what no other run may use. BusyError if another does."""
        with contextlib.ExitStack() as stack:
            for callback in self.callbacks:
                stack.enter_context(callback.held(self))
            yield

    def interrupt(self, where: str, state: Mapping[str, Tensor]) -> None:
        """The run was asked to stop, and the step is finished: let callbacks save, unless the state is not finite, and stop."""
        self.log(f"stopped {where}")
        self.check_finite(state)
        for name, total in getattr(self, "sums", {}).items():  # they would be refused when they are read back
            if not np.isfinite(total):
                raise NonFiniteError(f"{name} is {total} at {self.position()}")
        self.notify("on_interrupt")
        raise KeyboardInterrupt

    # -- what can go wrong ---------------------------------------------------------------------------------------

    def check_finite(self, named: Mapping[str, Tensor]) -> None:
        """Raise NonFiniteError if a parameter or buffer is not finite: it must not reach a checkpoint."""
        for name, tensor in named.items():
            if not all_finite(tensor.data):
                cause = "the last update went too far; try a smaller learning rate or clip_norm"
                if tensor.grad is not None and not all_finite(tensor.grad):
                    cause = "its gradient was not finite; minigen.detect_anomaly() names the op"
                kind = "buffer" if isinstance(tensor, Buffer) else "parameter"
                raise NonFiniteError(f"{kind} {name} is not finite before {self.position()}: {cause}")

    def explain_non_finite(self, what: str, value: float, compute: Callable[[], Any], model: Module) -> None:
        """Raise NonFiniteError for a loss that is not finite, naming where it came from; `compute` computes it once more."""
        try:
            with detect_anomaly():
                compute()
        except NonFiniteError as error:
            where = ".".join(error.path) or type(model).__name__
            raise NonFiniteError(f"{what} is {value} at {self.position()}: layer {where}: {error.args[0]}") from None
        raise NonFiniteError(f"{what} is {value} at {self.position()}, and finite when computed again with other noise")

    # -- checkpoints ---------------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
        """(arrays, header) of a checkpoint."""
        arrays = {name: part.state_dict() for name, part in self.state_parts().items()}
        arrays |= {name: callback.state_dict() for name, callback in self.named_callbacks()}
        self.note_moved()
        return arrays, {
            "settings": self.all_settings(),
            "moved": sorted(self.moved),
            "batches": self.batches.state_dict(),
            "random": random.state_dict(),
            "history": self.history.rows,
            **{name: getattr(self, name) for name in self.progress_fields},
        }

    def all_settings(self) -> dict[str, Any]:
        """`described` and `settings`, as JSON has them."""
        return {**self.described(), **{name: normal(value) for name, value in self.settings().items()}}

    def note_moved(self) -> None:
        """Find what training has changed of what it began with."""
        now = self.described()
        self.moved |= {name for name in {**self.begun_with, **now} if not same(self.begun_with.get(name), now.get(name))}

    def save(self, path: str | Path) -> None:
        """Write a checkpoint, whole or not at all."""
        checkpoint.save(path, *self.state())

    def load(self, path: str | Path) -> None:
        """Take over a checkpoint; CheckpointError if it does not fit, and then nothing has changed."""
        path = Path(path)
        path = path / "checkpoint.npz" if path.is_dir() else path
        with checkpoint.opened(path) as saved:
            other = self.differences(saved.header)
            problems = [*other, *self.misfits(saved)]
            if problems:
                another = ", it belongs to another run" if other else ""
                raise CheckpointError(f"{path} does not fit this run{another}: {listed(problems)}")
            self.check_header(saved.header)
            try:
                arrays = {
                    name: saved.fitting(name, part) if hasattr(part, "check_state") else saved[name]
                    for name, part in self.state_parts().items()
                }
                arrays |= {name: saved[name] for name, _ in self.named_callbacks() if name in saved}
                self._restore(arrays, saved.header)
            except CheckpointError:
                raise
            except Exception as error:
                problem = f"missing {error}" if isinstance(error, KeyError) else error
                raise CheckpointError(f"{path} does not fit this run: {problem}") from error
        self.moved.update(saved.header["moved"])

    def differences(self, header: Mapping[str, Any]) -> list[str]:
        """Which settings are not those of a checkpoint, in words."""
        settings, moved = header.get("settings", {}), header.get("moved")
        if not isinstance(settings, dict):
            return []  # `misfits` tells
        moved = {name for name in moved if isinstance(name, str)} if isinstance(moved, list) else set()
        return differences(settings, self.all_settings(), (moved | self.moved) - self.settings().keys())

    def misfits(self, saved: checkpoint.Saved) -> list[str]:
        """What is missing in a checkpoint or not as it should be, in words, before any of its arrays is read."""
        header, parts, callbacks = saved.header, self.state_parts(), dict(self.named_callbacks())
        typical = {"moved": [], **{name: getattr(self, name) for name in self.progress_fields}}
        names = {"format", "settings", "batches", "random", "history", *typical}
        found = [f"missing {name!r}" for name in (*sorted(names - header.keys()), *(name for name in parts if name not in saved))]
        found += [f"unexpected {shortened(name)}" for name in sorted(header.keys() - names)]
        found += [f"unexpected {shortened(name)}" for name in saved if name not in parts and not name.startswith("callback ")]
        found += [
            f"{name} is {shortened(header[name])}, expected {expected}"
            for name, own in typical.items()
            if name in header and (expected := mistaken(header[name], own))
        ]
        if not isinstance(header.get("settings", {}), dict):
            found.append(f"settings is {shortened(header['settings'])}, expected names and values")
        for name, owner in {**parts, **callbacks}.items():
            try:
                if name in saved and hasattr(owner, "check_state"):
                    owner.check_state(saved.layout[name], *[self] * (name in callbacks))
            except StateError as error:
                found.append(f"{name}: {error}" if name in parts else str(error))
        return found

    def check_header(self, header: Mapping[str, Any]) -> None:
        """Raise if this run cannot go on from a checkpoint with this header, before anything is changed."""

    def check_restored(self) -> None:
        """Raise StateError if what was read, each thing for itself as it should be, does not fit together."""

    def named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        """Name in checkpoints -> callback: by class, and by number within it, so that others may be added or left out."""
        counts: dict[str, int] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            counts[kind] = counts.get(kind, 0) + 1
            yield f"callback {kind} {counts[kind]}", callback

    def _restore(self, arrays: dict[str, dict[str, np.ndarray]], header: dict[str, Any]) -> None:
        """Take everything over; if something cannot be, all that was changed is put back."""
        before = {name: getattr(self, name) for name in ("history", *self.progress_fields)}
        undo: list[tuple[Any, Any]] = []

        def take(owner: Any, state: Any) -> None:
            undo.append((owner, owner.state_dict()))
            owner.load_state_dict(state)

        try:
            self.history = History.checked(header["history"])
            vars(self).update({name: header[name] for name in self.progress_fields})
            take(self.batches, header["batches"])
            take(random, header["random"])
            for name, part in self.state_parts().items():
                try:
                    take(part, arrays[name])
                except StateError as error:
                    raise StateError(f"{name}: {error}") from error
            for name, callback in self.named_callbacks():
                take(callback, arrays.get(name, {}))
            self.check_restored()
        except Exception:
            vars(self).update(before)
            for owner, state in reversed(undo):
                owner.load_state_dict(state)
            raise


def normal(value: Any) -> list | float | str | bool | None:
    """A setting as JSON has it: NumPy's numbers as Python's, tuples as lists."""
    return [normal(element) for element in value] if isinstance(value, (list, tuple)) else plain(value)


def mistaken(value: Any, own: Any) -> str | None:
    """What a value of a checkpoint should be instead, for messages, beside the run's own; None if it is all right."""
    if isinstance(own, Integral):
        return None if type(value) is int and 0 <= value < 1 << 63 else "a whole number of at least 0"
    if isinstance(own, list):
        return None if isinstance(value, list) and all(isinstance(each, str) for each in value) else "names"
    if isinstance(own, dict):
        numbers = isinstance(value, dict) and all(map(is_finite_number, value.values()))
        return None if numbers else "names and finite numbers"
    return None


def optimizer_settings(name: str, optimizer: Optimizer) -> dict[str, Any]:
    """Hyperparameters that are not in `Optimizer.settings`, such as texts and tuples, and which parameters it changes."""
    known = {name, *(f"{name}.{setting}" for setting in optimizer.settings())}
    others = {path: value for path, value in described(name, optimizer).items() if path not in known}
    return others | {f"{name}.parameters.{i}": parameter.name for i, parameter in enumerate(optimizer.parameters)}


def some(examples: np.ndarray, n: int) -> np.ndarray:
    """At most n of the examples, at random but always the same ones: data may be sorted."""
    return examples[np.random.default_rng(0).permutation(len(examples))[:n]]


def checksum(arrays: Sequence[np.ndarray]) -> int:
    """CRC-32 of host arrays, one after the other."""
    value = 0
    for array in arrays:
        for part in in_parts(array):
            value = zlib.crc32(np.ascontiguousarray(part).data, value)
    return value


def in_parts(array: np.ndarray) -> Iterator[np.ndarray]:
    """Views of some examples at a time, of about 16 MiB: what is memory-mapped is never in memory as a whole."""
    step = max(1, (16 << 20) * len(array) // max(1, array.nbytes))
    return (array[start : start + step] for start in range(0, len(array), step))


def check_examples(name: str, examples: Any, model: Module) -> tuple[np.ndarray, ...]:
    """The examples as a tuple of arrays. Raises unless each is a batch of finite numbers, floating ones in the model's dtype."""
    examples = examples if isinstance(examples, tuple) else (examples,)
    dtype = next((parameter.dtype for parameter in model.parameters()), None)
    for position, array in enumerate(examples):
        which = name if len(examples) == 1 else f"{name}[{position}]"
        if not hasattr(array, "shape"):
            hint = "; pass its array .images" if hasattr(array, "images") else ""
            raise TypeError(f"{which}: expected an array (n, ...), got {type(array).__name__}{hint}")
        if not array.shape or not len(array):
            raise ShapeError(f"{which}: expected an array (n, ...) with n >= 1, got shape {tuple(array.shape)}")
        if array.dtype != (dtype or array.dtype) and (position == 0 or array.dtype.kind == "f"):  # labels are integers
            raise DtypeError(
                f"{which} are {array.dtype}, the model computes in {dtype}: convert with {conversion(array.dtype, dtype)}"
            )
        finite = np.concatenate([np.isfinite(part).reshape(len(part), -1).all(axis=1) for part in in_parts(to_numpy(array))])
        if not finite.all():
            raise DataError(
                f"{which}: {int((~finite).sum())} of {len(array)} contain NaN or infinity, the first at index "
                f"{int(np.argmin(finite))}"
            )
    return examples


def in_range(images: np.ndarray, bounds: tuple[float, float], generator: Generator) -> np.ndarray:
    """Images in the range of the generator's: those in [0, 1] are brought to it, those in it already stay. Raises DataError."""
    low, high = float(images.min()), float(images.max())
    if low < -1.0 - 1e-5 or high > 1.0 + 1e-5:
        raise DataError(
            f"images reach from {low:.6g} to {high:.6g}, expected pixels in [0, 1] or [-1, 1]: {to_unit_interval(low, high)}"
        )
    if low >= -1e-5:
        return generator.from_pixels(images)
    if bounds[0] > -1.0:
        raise DataError(
            f"images reach from {low:.6g} to {high:.6g}, this generator makes pixels in {list(bounds)}: (images + 1) / 2"
        )
    return images


def batch_of(shape: tuple[int, ...]) -> str:
    """The shape of a batch of examples of this shape, for messages: (n, 28, 28, 1)."""
    return f"({', '.join(map(str, ('n', *shape)))})"
