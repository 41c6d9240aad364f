"""The loop that trains an autoencoder, or anything whose loss needs only the examples."""

import contextlib
import signal
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minigen.autograd import Tensor, anomaly, no_grad
from minigen.autograd.debug import all_finite
from minigen.backend import Array, random, to_numpy
from minigen.data import Batches
from minigen.errors import CheckpointError, DataError, DtypeError, Located, NonFiniteError, ShapeError, conversion
from minigen.nn import Module
from minigen.optim.optimizer import Optimizer
from minigen.training import checkpoint
from minigen.training.callbacks import Callback
from minigen.training.history import History

VALIDATION_BATCH = 1000


Examples = np.ndarray | tuple[np.ndarray, ...]


def fit(model: Module, examples: Examples, *, optimizer: Optimizer, epochs: int, batch_size: int = 32,
        validation: Examples | None = None, seed: int | None = None, callbacks: Sequence[Callback] = (),
        resume: str | Path | None = None, progress: bool = True) -> History:
    """Minimize model.loss over the examples (n, ...), in shuffled batches, for a number of epochs.

    model.loss(batch) returns the total and a dict of its named terms. Examples may be several arrays that belong together,
    such as (images, labels): then it is model.loss(images, labels). The history has, for each epoch, the mean "loss" over
    all examples (and its terms, if there are several), "validation loss" on held-out examples, and "seconds".
    `seed` fixes the order of the examples; by default it comes from `minigen.seed`. `resume`: a folder of `Checkpoint`, or
    a checkpoint file; the run goes on where it stood, with the same settings, up to `epochs` in all.

    Raises DataError for examples that are not finite, DtypeError for another dtype than the model's, NonFiniteError as soon
    as the loss is not finite (naming step and layer; checkpoints on disk stay), CheckpointError for a resume that does not
    fit. Ctrl-C finishes the step, lets the callbacks save, and then raises KeyboardInterrupt.
    """
    if resume is not None:
        seed = 0  # of no consequence, and drawn from no stream: the checkpoint brings its own
    run = Run(model, optimizer, examples, validation, epochs, batch_size, seed, callbacks, progress)
    if resume is not None:
        run.load(resume)
    for callback in run.callbacks:
        callback.run_started(run)
    with stop_requests() as stop_requested:
        while not run.finished:
            run.train_epoch(stop_requested)
    for callback in run.callbacks:
        callback.run_ended(run)
    return run.history


class Run:
    """A training run: everything that a checkpoint holds, and the steps of the loop."""

    def __init__(self, model: Module, optimizer: Optimizer, examples: Examples, validation: Examples | None, epochs: int,
                 batch_size: int, seed: int | None, callbacks: Sequence[Callback], progress: bool):
        if not hasattr(model, "loss"):
            raise TypeError(f"{type(model).__name__} has no loss(batch): fit takes a model of minigen.models, or a Module "
                            "of yours with loss(batch) -> (total, dict of its terms)")
        if epochs < 1:
            raise ValueError(f"epochs is the number of passes over the data, at least 1, got {epochs}")
        examples = check_examples("examples", examples, model)
        if validation is not None:
            validation = check_examples("validation", validation, model)
            check_alike(validation, examples)
        if {id(p) for p in model.parameters()}.isdisjoint(map(id, optimizer.parameters)):
            raise ValueError("the optimizer has none of this model's parameters: make it from model.parameters() again")
        self.model, self.optimizer = model, optimizer
        self.callbacks = sorted(callbacks, key=lambda callback: callback.last)
        self.validation, self.epochs, self.progress = validation, epochs, progress
        self.batches = Batches(*examples, batch_size=batch_size, seed=seed)
        self.data_checksum = 0
        for array in self.batches.arrays:
            self.data_checksum = zlib.crc32(np.ascontiguousarray(array).data, self.data_checksum)
        self.history = History()
        self.epoch = 0  # epochs that are done
        self.sums: dict[str, float] = {}  # of the epoch in progress: each term, summed over examples
        self.seen = 0  # examples in these sums

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or a callback stops the run."""
        return self.epoch >= self.epochs or any(callback.stops(self) for callback in self.callbacks)

    # -- the loop ------------------------------------------------------------------------------------------------

    def train_epoch(self, stop_requested: Callable[[], bool]) -> None:
        """One pass over the data (or the rest of it, after a resume), validation, callbacks."""
        start = time.perf_counter()
        self.model.train()
        title = f"epoch {self.epoch + 1}/{self.epochs}"
        with tqdm(total=self.batches.examples, initial=self.seen, desc=title, unit="ex", disable=not self.progress,
                  leave=False) as bar:
            for batch in self.batches:
                batch = batch if isinstance(batch, tuple) else (batch,)
                loss = self.train_step(batch)
                bar.update(len(batch[0]))
                bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
                if stop_requested():
                    self.interrupt()
        row = {"epoch": self.epoch + 1, **{name: total / self.seen for name, total in self.sums.items()}}
        if self.validation is not None:
            row.update(self.validate())
        row["seconds"] = time.perf_counter() - start
        self.check_finite(row)
        self.history.append(row)
        self.epoch, self.sums, self.seen = self.epoch + 1, {}, 0
        self.say(f"{title}: " + ", ".join(f"{name} {row[name]:.5g}" for name in row if name != "epoch"))
        for callback in self.callbacks:
            callback.epoch_ended(self)

    def train_step(self, batch: tuple[Array, ...]) -> float:
        """Forward, backward, update. The loss of the batch, before the update."""
        loss, terms = self.evaluate(batch)
        value = float(loss)
        if not np.isfinite(value):
            self.explain_non_finite(batch, value)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.add(value, terms, len(batch[0]), self.sums)
        self.seen += len(batch[0])
        return value

    def validate(self) -> dict[str, float]:
        """The mean loss, and its terms, over the held-out examples, in evaluation mode.

        With the same noise after each epoch, so that epochs can be compared, and none of it taken from training's.
        """
        sums: dict[str, float] = {}
        streams = random.state_dict()
        random.seed(0)
        try:
            with self.model.evaluating(), no_grad():
                for batch in Batches(*self.validation, batch_size=VALIDATION_BATCH, seed=0, shuffle=False):
                    batch = batch if isinstance(batch, tuple) else (batch,)
                    loss, terms = self.evaluate(batch)
                    self.add(float(loss), terms, len(batch[0]), sums)
        finally:
            random.load_state_dict(streams)
        return {f"validation {name}": total / len(self.validation[0]) for name, total in sums.items()}

    def evaluate(self, batch: tuple[Array, ...]) -> tuple[Any, dict[str, Any]]:
        """model.loss, with errors that name the layer."""
        try:
            result = self.model.loss(*batch)
        except Located as error:
            self.model.locate(error)
            raise
        if not isinstance(result, tuple):
            raise TypeError(f"{type(self.model).__name__}.loss returned a {type(result).__name__}, "
                            "expected (total, dict of its terms)")
        return result

    @staticmethod
    def add(loss: float, terms: dict[str, Any], examples: int, sums: dict[str, float]) -> None:
        """Book a batch's mean loss, and its terms where there are several, into sums over examples."""
        named = {"loss": loss, **(terms if len(terms) > 1 else {})}
        for name, value in named.items():
            sums[name] = sums.get(name, 0.0) + float(value) * examples

    def interrupt(self) -> None:
        """Ctrl-C was pressed, and the step is finished: let the callbacks save, then stop."""
        self.say(f"stopped in epoch {self.epoch + 1} after {self.seen} of {self.batches.examples} examples")
        self.check_finite({})
        for callback in self.callbacks:
            callback.interrupted(self)
        raise KeyboardInterrupt

    def say(self, text: str) -> None:
        """A line beside the progress bar."""
        if self.progress:
            tqdm.write(text, file=sys.stderr)

    # -- what can go wrong ---------------------------------------------------------------------------------------

    def position(self) -> str:
        """Where the run stands, for messages."""
        return f"step {self.optimizer.steps + 1} (epoch {self.epoch + 1})"

    def explain_non_finite(self, batch: tuple[Array, ...], loss: float) -> None:
        """Raise NonFiniteError for a loss that is not finite, naming where it came from."""
        self.check_finite({}, self.model.named_parameters())  # buffers may have seen the numbers that are to be explained
        try:
            with anomaly():
                self.evaluate(batch)
        except NonFiniteError as error:
            where = ".".join(error.path) or type(self.model).__name__
            raise NonFiniteError(f"the loss is {loss} at {self.position()}: layer {where}: {error.args[0]}") from None
        raise NonFiniteError(f"the loss is {loss} at {self.position()}, and finite when computed again with other noise")

    def check_finite(self, row: dict[str, float], state: dict[str, Tensor] | None = None) -> None:
        """Raise NonFiniteError if the state or a number of the history is not finite: it must not reach a checkpoint."""
        for name, tensor in (state or self.model.named_state()).items():
            if not all_finite(tensor.data):
                cause = "the last update went too far; try a smaller learning rate or clip_norm"
                if tensor.grad is not None and not all_finite(tensor.grad):
                    cause = "its gradient was not finite; minigen.anomaly() names the op"
                raise NonFiniteError(f"{type(tensor).__name__.lower()} {name} is not finite before {self.position()}: {cause}")
        for name, value in row.items():
            if not np.isfinite(value):
                raise NonFiniteError(f"{name} is {value} at {self.position()}")

    # -- checkpoints ---------------------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """What must be the same when a run is resumed."""
        return {"model": type(self.model).__name__, "data checksum": self.data_checksum, **self.optimizer.settings()}

    def state(self) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
        """(arrays, header) of a checkpoint."""
        arrays = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        arrays |= {f"callback {i}": callback.state_dict() for i, callback in enumerate(self.callbacks)}
        return arrays, {
            "settings": self.settings(), "batches": self.batches.state_dict(), "random": random.state_dict(),
            "history": self.history.rows, "epoch": self.epoch, "sums": self.sums, "seen": self.seen,
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
        before = self.state()
        try:
            self._restore(arrays, header)
        except Exception as error:
            self._restore(*before)
            problem = f"missing {error}" if isinstance(error, KeyError) else error
            raise CheckpointError(f"{path} does not fit this run: {problem}") from error

    def _restore(self, arrays: dict[str, dict[str, np.ndarray]], header: dict[str, Any]) -> None:
        self.model.load_state_dict(arrays["model"])
        self.optimizer.load_state_dict(arrays["optimizer"])
        for i, callback in enumerate(self.callbacks):
            callback.load_state_dict(arrays.get(f"callback {i}", {}))
        self.batches.load_state_dict(header["batches"])
        random.load_state_dict(header["random"])
        self.history, self.epoch = History(header["history"]), header["epoch"]
        self.sums, self.seen = header["sums"], header["seen"]


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


def check_alike(validation: tuple[np.ndarray, ...], examples: tuple[np.ndarray, ...]) -> None:
    """Raise unless the validation data have the shapes of the examples, but for their number."""
    got, expected = ([tuple(array.shape[1:]) for array in arrays] for arrays in (validation, examples))
    if got != expected:
        shapes = " and ".join(f"({', '.join(map(str, ('n', *shape)))})" for shape in expected)
        raise ShapeError(f"validation: expected the shape of the examples, {shapes}, got "
                         f"{' and '.join(str(tuple(array.shape)) for array in validation)}")


@contextlib.contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Inside the block Ctrl-C only asks to stop, so that a step is never cut in two; a second one interrupts at once."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested.is_set
        return

    def ask(number: int, frame: Any) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()

    previous = signal.signal(signal.SIGINT, ask)
    try:
        yield requested.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
    if requested.is_set():  # after the last step; what has been asked is done
        raise KeyboardInterrupt
