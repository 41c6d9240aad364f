"""What every training run is, whatever it trains: a history, callbacks, checkpoints, and what can go wrong."""

import contextlib
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minigen.autograd import Tensor, anomaly
from minigen.autograd.debug import all_finite
from minigen.backend import random, to_numpy
from minigen.errors import CheckpointError, DataError, DtypeError, NonFiniteError, ShapeError, conversion
from minigen.models.gans import Generator
from minigen.nn import Module
from minigen.training import checkpoint
from minigen.training.callbacks import Callback
from minigen.training.history import History


class Run:
    """Base of training runs. A subclass trains, and says what belongs to it: `parts`, `settings`, the attributes `counted`."""

    counted: tuple[str, ...] = ()  # attributes that say how far the run is, JSON values; they go into checkpoints
    kind = "fit"  # what of minigen.training the user called, for messages

    def __init__(self, callbacks: Sequence[Callback], progress: bool):
        self.callbacks = self.in_order(callbacks)
        self.progress = progress
        self.history = History()

    def parts(self) -> Mapping[str, Any]:
        """Name -> what has arrays to be saved, with state_dict() and load_state_dict()."""
        raise NotImplementedError(f"{type(self).__name__} has no parts()")

    def settings(self) -> dict[str, Any]:
        """What must be the same when a run is resumed, JSON values."""
        raise NotImplementedError(f"{type(self).__name__} has no settings()")

    def position(self) -> str:
        """Where the run stands, for messages."""
        raise NotImplementedError(f"{type(self).__name__} has no position()")

    def in_order(self, callbacks: Sequence[Callback]) -> list[Callback]:
        """The callbacks in the order in which they are called. TypeError for one that belongs into another kind of run."""
        for callback in callbacks:
            if callback.only not in (None, self.kind):
                raise TypeError(f"{type(callback).__name__} works in training.{callback.only} only, not in training.{self.kind}")
        return sorted(callbacks, key=lambda callback: callback.last)

    def say(self, text: str) -> None:
        """A line beside the progress bar."""
        if self.progress:
            with contextlib.suppress(OSError):  # of a terminal that was closed
                tqdm.write(text, file=sys.stderr)

    def stops(self) -> bool:
        """Whether a callback ends the run here."""
        return any(callback.stops(self) for callback in self.callbacks)

    def record(self, row: dict[str, float]) -> None:
        """Add a row to the history, once all of it is finite. The callbacks are yet to be told."""
        for name, value in row.items():
            if not np.isfinite(value):
                raise NonFiniteError(f"{name} is {value} at {self.position()}")
        self.history.append(row)

    def tell(self, event: str) -> None:
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
        self.say(f"stopped {where}")
        self.check_finite(state)
        self.tell("interrupted")
        raise KeyboardInterrupt

    # -- what can go wrong ---------------------------------------------------------------------------------------

    def check_finite(self, named: Mapping[str, Tensor]) -> None:
        """Raise NonFiniteError if a parameter or buffer is not finite: it must not reach a checkpoint."""
        for name, tensor in named.items():
            if not all_finite(tensor.data):
                cause = "the last update went too far; try a smaller learning rate or clip_norm"
                if tensor.grad is not None and not all_finite(tensor.grad):
                    cause = "its gradient was not finite; minigen.anomaly() names the op"
                raise NonFiniteError(f"{type(tensor).__name__.lower()} {name} is not finite before {self.position()}: {cause}")

    def explain_non_finite(self, what: str, value: float, compute: Callable[[], Any], model: Module) -> None:
        """Raise NonFiniteError for a loss that is not finite, naming where it came from; `compute` computes it once more."""
        try:
            with anomaly():
                compute()
        except NonFiniteError as error:
            where = ".".join(error.path) or type(model).__name__
            raise NonFiniteError(f"{what} is {value} at {self.position()}: layer {where}: {error.args[0]}") from None
        raise NonFiniteError(f"{what} is {value} at {self.position()}, and finite when computed again with other noise")

    # -- checkpoints ---------------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
        """(arrays, header) of a checkpoint."""
        arrays = {name: part.state_dict() for name, part in self.parts().items()}
        arrays |= {name: callback.state_dict() for name, callback in self.named_callbacks()}
        return arrays, {
            "settings": self.settings(), "batches": self.batches.state_dict(), "random": random.state_dict(),
            "history": self.history.rows, **{name: getattr(self, name) for name in self.counted},
        }

    def save(self, path: str | Path) -> None:
        """Write a checkpoint, whole or not at all."""
        checkpoint.save(path, *self.state())

    def load(self, path: str | Path) -> None:
        """Take over a checkpoint; CheckpointError if it does not fit, and then nothing has changed."""
        path = Path(path)
        path = path / "checkpoint.npz" if path.is_dir() else path
        arrays, header = checkpoint.load(path)
        saved, current = header.get("settings", {}), self.settings()
        differences = [f"{name} was {saved.get(name)!r}, is {current.get(name)!r}"
                       for name in {**saved, **current} if saved.get(name) != current.get(name)]
        if differences:
            raise CheckpointError(f"{path} belongs to another run: {'; '.join(differences)}")
        self.check_header(header)
        before = self.state()
        try:
            self._restore(arrays, header)
        except Exception as error:
            self._restore(*before)
            problem = f"missing {error}" if isinstance(error, KeyError) else error
            raise CheckpointError(f"{path} does not fit this run: {problem}") from error

    def check_header(self, header: Mapping[str, Any]) -> None:
        """Raise if this run cannot go on from a checkpoint with this header, before anything is changed."""

    def named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        """Name in checkpoints -> callback: by class, and by number within it, so that others may be added or left out."""
        counts: dict[str, int] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            counts[kind] = counts.get(kind, 0) + 1
            yield f"callback {kind} {counts[kind]}", callback

    def _restore(self, arrays: dict[str, dict[str, np.ndarray]], header: dict[str, Any]) -> None:
        for name, part in self.parts().items():
            part.load_state_dict(arrays[name])
        for name, callback in self.named_callbacks():
            callback.load_state_dict(arrays.get(name, {}))
        self.batches.load_state_dict(header["batches"])
        random.load_state_dict(header["random"])
        self.history = History(header["history"])
        for name in self.counted:
            setattr(self, name, header[name])


def some(examples: np.ndarray, n: int) -> np.ndarray:
    """At most n of the examples, at random but always the same ones: data may be sorted."""
    return examples[np.random.default_rng(0).permutation(len(examples))[:n]]


def checksum(arrays: Sequence[np.ndarray]) -> int:
    """CRC-32 of host arrays, one after the other."""
    value = 0
    for array in arrays:
        value = zlib.crc32(np.ascontiguousarray(array).data, value)
    return value


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
            raise DtypeError(f"{which} are {array.dtype}, the model computes in {dtype}: convert with "
                             f"{conversion(array.dtype, dtype)}")
        finite = np.isfinite(to_numpy(array)).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            raise DataError(f"{which}: {int((~finite).sum())} of {len(array)} contain NaN or infinity, the first at index "
                            f"{int(np.argmin(finite))}")
    return examples


def in_range(images: np.ndarray, bounds: tuple[float, float], generator: Generator) -> np.ndarray:
    """Images in the range of the generator's: those in [0, 1] are brought to it, those in it already stay. Raises DataError."""
    low, high = float(images.min()), float(images.max())
    if low < -1.0 - 1e-5 or high > 1.0 + 1e-5:
        raise DataError(f"images reach from {low:.6g} to {high:.6g}, expected pixels in [0, 1] or [-1, 1]: bytes are "
                        "divided by 255")
    if low >= -1e-5:
        return generator.from_pixels(images)
    if bounds[0] > -1.0:
        raise DataError(f"images reach from {low:.6g} to {high:.6g}, this generator makes pixels in {list(bounds)}: "
                        "(images + 1) / 2")
    return images


def batch_of(shape: tuple[int, ...]) -> str:
    """The shape of a batch of examples of this shape, for messages: (n, 28, 28, 1)."""
    return f"({', '.join(map(str, ('n', *shape)))})"
