"""The base of every training run: a history, callbacks, checkpoints, and error checks."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from tqdm import tqdm

from minigen.autograd import Parameter, Tensor, detect_anomaly
from minigen.autograd.debug import all_finite
from minigen.backend import random
from minigen.data import Batches
from minigen.errors import CheckpointError, NonFiniteError, StateError
from minigen.nn import Buffer, Module, saving
from minigen.optim.optimizer import A_SCHEDULE
from minigen.training import checkpoint
from minigen.training.history import History, is_finite_number
from minigen.training.resume_settings import described, differences, listed, same
from minigen.utils.checks import is_whole
from minigen.utils.progress import Progress, checked
from minigen.utils.progress import bar as shown_bar
from minigen.utils.reading import shortened
from minigen.utils.settings import Configured, to_python

Watched = TypeVar("Watched", bound="Run")  # the kind of run that a callback works in: class Mine(Callback[Run])


class Callback(Configured, Generic[Watched]):
    """Base of what can be hooked into a run: subclasses override what they need. `state_dict` goes into checkpoints."""

    runs_last = False  # whether it is called after all callbacks with False
    requires: str | None = None  # the only kind of run in which it works: "fit" or "Adversarial"

    def scheduled_setting(self, run: Watched) -> str | None:
        """The path of a setting that it changes by steps, and that is therefore not compared when the run is resumed, if any."""
        return None

    def lock(self, run: Watched) -> AbstractContextManager[object]:
        """What must be the run's own from before it is resumed until it ends, however it ends."""
        return contextlib.nullcontext()

    def on_train_begin(self, run: Watched) -> None:
        """Called before the first step, after a resume."""

    def on_step_end(self, run: Watched) -> None:
        """Called after each step, the update of a batch, before the row of the history that it may complete."""

    def on_epoch_end(self, run: Watched) -> None:
        """Called when the history has a new row: after an epoch and its validation, or `record_every` steps of adversarial
        training, which has no epochs."""

    def on_interrupt(self, run: Watched) -> None:
        """Called after the last whole step when training is stopped by Ctrl-C, SIGTERM or SIGHUP."""

    def on_train_end(self, run: Watched) -> None:
        """Called when the last epoch is done, after the last checkpoint."""

    def should_stop(self, run: Watched) -> bool:
        """Whether the run ends here, before all its epochs are done; a function of what is in a checkpoint."""
        return False

    def state_dict(self) -> dict[str, np.ndarray]:
        """What the callback remembers, as arrays."""
        return {}

    def check_state(self, state: Mapping[str, Any], run: Watched) -> None:
        """Raise StateError unless a state with arrays of these dtypes and shapes may be loaded in this run; before it is read."""

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Load what was remembered."""


class Run(Configured):
    """Base of training runs. A subclass trains, and says what belongs to it: the first six methods, and `progress_fields`."""

    progress_fields: tuple[str, ...] = ()  # attributes that say how far the run is, JSON values; they go into checkpoints
    kind = "fit"  # what of minigen.training the user called, for messages
    batches: Batches  # of the examples
    step: int  # completed steps, of which learning rates and other schedules are functions

    def __init__(self, callbacks: Callback | Sequence[Callback], progress: Progress):
        self.callbacks = self.in_order(callbacks)
        self.progress = checked(progress)
        self.history = History()
        self.sums: dict[str, float] = {}  # of the history's next row: each term, summed
        self.begun_with: dict[str, Any] = {}  # `described`, before training
        self.moved: set[str] = set()  # names in it that training itself has changed, such as a counter

    def named_state(self) -> Mapping[str, Tensor]:
        """Path -> parameter or buffer of everything that is trained."""
        raise NotImplementedError(f"{type(self).__name__} has no named_state()")

    def state_parts(self) -> Mapping[str, Any]:
        """Name -> object whose arrays are saved, with state_dict() and load_state_dict()."""
        raise NotImplementedError(f"{type(self).__name__} has no state_parts()")

    def settings(self) -> dict[str, Any]:
        """What must be the same when a run is resumed, JSON values."""
        raise NotImplementedError(f"{type(self).__name__} has no settings()")

    def parts_with_settings(self) -> dict[str, Any]:
        """Name -> model, loss, list of penalties ..., whose settings are compared as well, except what training changes."""
        return {}

    def position(self) -> str:
        """Where the run stands, for messages."""
        raise NotImplementedError(f"{type(self).__name__} has no position()")

    @property
    def finished(self) -> bool:
        """Whether all of it is done, or a callback ends the run."""
        raise NotImplementedError(f"{type(self).__name__} has no `finished`")

    # -- callbacks and the history -------------------------------------------------------------------------------

    def in_order(self, callbacks: Any) -> list[Callback]:
        """The callbacks, or the only one, in the order in which they are called.

        TypeError for what is none, and for one that works in another kind of run.
        """
        callbacks = checked_callbacks(callbacks)
        for callback in callbacks:
            if callback.requires not in (None, self.kind):
                name = type(callback).__name__
                raise TypeError(f"{name} works in training.{callback.requires} only, not in training.{self.kind}")
        return sorted(callbacks, key=lambda callback: callback.runs_last)

    def notify(self, event: str) -> None:
        """Call the method `event` of every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(self)
            if event == "on_epoch_end":
                self.check_row(type(callback).__name__)

    def check_row(self, by: str) -> None:
        """Refuse a column that a callback has added to the history and that could not be read again from a checkpoint."""
        row = self.history.rows[-1]
        clock, count = next(iter(row.items()))
        for name, value in row.items():
            row[name] = to_python(value)
            if not is_finite_number(row[name]):
                raise NonFiniteError(
                    f"{by} gave the history {name!r} = {shortened(value)} after {clock} {count}, expected a finite number: "
                    "a row may lack the column"
                )

    def should_stop(self) -> bool:
        """Whether a callback ends the run here."""
        return any(callback.should_stop(self) for callback in self.callbacks)

    def locked(self) -> contextlib.ExitStack:
        """A context in which the callbacks hold their locks. BusyError if another run holds one."""
        with contextlib.ExitStack() as stack:
            for callback in self.callbacks:
                stack.enter_context(callback.lock(self))
            return stack.pop_all()

    def bar(self, **options: Any) -> tqdm:
        """A progress bar, which disappears when it is done."""
        return shown_bar(show=self.progress is True, leave=False, **options)

    def log(self, text: str) -> None:
        """Print a line without disturbing the progress bar."""
        if self.progress:
            with contextlib.suppress(OSError):  # the terminal was closed
                tqdm.write(text, file=sys.stderr)

    def record(self, row: dict[str, float]) -> None:
        """Add a row to the history, once all of it is finite. The callbacks have yet to be notified."""
        for name, value in row.items():
            if not np.isfinite(value):
                raise NonFiniteError(f"{name} is {value} at {self.position()}")
        self.history.append(row)

    def interrupt(self, where: str) -> None:
        """The run was asked to stop, and the step is finished: let callbacks save, unless the state is not finite, and stop."""
        self.log(f"stopped {where}")
        self.check_finite()
        for name, total in self.sums.items():  # they would be refused on reading
            if not np.isfinite(total):
                raise NonFiniteError(f"{name} is {total} at {self.position()}")
        self.notify("on_interrupt")
        raise KeyboardInterrupt

    # -- error checks ------------------------------------------------------------------------------------------

    def check_finite(self, kind: type[Tensor] = Tensor) -> None:
        """Raise NonFiniteError if a parameter or buffer (of this kind) is not finite: it must not reach a checkpoint."""
        for name, tensor in self.named_state().items():
            if isinstance(tensor, kind) and not all_finite(tensor.data):
                cause = "the last update went too far; try a smaller learning rate or clip_norm"
                if tensor.grad is not None and not all_finite(tensor.grad):
                    cause = "its gradient was not finite; minigen.detect_anomaly() names the op"
                word = "buffer" if isinstance(tensor, Buffer) else "parameter"
                raise NonFiniteError(f"{word} {name} is not finite before {self.position()}: {cause}")

    def explain_non_finite(self, what: str, value: float, compute: Callable[[], Any], model: Module) -> None:
        """Raise NonFiniteError for a loss that is not finite, naming its source; `compute` computes it again."""
        self.check_finite(Parameter)  # buffers may hold values from the failed pass
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
            "models": {name: saving.record(part) for name, part in self.state_parts().items() if isinstance(part, Module)},
            **{name: getattr(self, name) for name in self.progress_fields},
        }

    def described(self) -> dict[str, Any]:
        """The settings of `parts_with_settings`, as `resume_settings` finds them."""
        return {path: each for item in self.parts_with_settings().items() for path, each in described(*item).items()}

    def all_settings(self) -> dict[str, Any]:
        """`described` and `settings`, as JSON values; of those that have a schedule, that they have one."""
        plain = {path: each for item in self.settings().items() for path, each in described(*item).items()}
        return self.described() | plain | dict.fromkeys(self.scheduled_settings(), A_SCHEDULE)

    def scheduled_settings(self) -> list[str]:
        """The settings that callbacks change by steps."""
        return [path for callback in self.callbacks if (path := callback.scheduled_setting(self)) is not None]

    def note_moved(self) -> None:
        """Find the settings that training has changed, other than by a schedule."""
        now = self.described()
        moved = {name for name in {**self.begun_with, **now} if not same(self.begun_with.get(name), now.get(name))}
        self.moved |= moved - {*self.scheduled_settings()}

    def save(self, path: str | Path) -> None:
        """Write a checkpoint, atomically."""
        checkpoint.save(path, *self.state())

    def restore(self, path: str | Path) -> None:
        """Load a checkpoint; if it does not fit, CheckpointError is raised and nothing changes."""
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
                self.take_over(arrays, saved.header)
            except CheckpointError:
                raise
            except Exception as error:
                problem = f"missing {error}" if isinstance(error, KeyError) else error
                raise CheckpointError(f"{path} does not fit this run: {problem}") from error
        self.moved.update(saved.header["moved"])

    def differences(self, header: Mapping[str, Any]) -> list[str]:
        """Which settings differ from a checkpoint's, as text."""
        settings, moved = header.get("settings", {}), header.get("moved")
        if not isinstance(settings, dict):
            return []  # `misfits` reports it
        moved = {name for name in moved if isinstance(name, str)} if isinstance(moved, list) else set()
        return differences(settings, self.all_settings(), (moved | self.moved) - self.settings().keys())

    def misfits(self, saved: checkpoint.Saved) -> list[str]:
        """What is missing or wrong in a checkpoint, as text, before any of its arrays is read."""
        header, parts, callbacks = saved.header, self.state_parts(), dict(self.named_callbacks())
        typical = {"moved": [], **{name: getattr(self, name) for name in self.progress_fields}}
        names = {"format", "settings", "batches", "random", "history", *typical}
        found = [f"missing {name!r}" for name in (*sorted(names - header.keys()), *(name for name in parts if name not in saved))]
        found += [f"unexpected {shortened(name)}" for name in sorted(header.keys() - names - {"models"})]
        found += [
            f"unexpected {shortened(name)}" for name in saved.layout if name not in parts and not name.startswith("callback ")
        ]
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
        """Raise if this run cannot continue from a checkpoint with this header, before anything changes."""

    def check_restored(self) -> None:
        """Raise StateError if the loaded parts, each valid by itself, do not fit together."""

    def named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        """Name in checkpoints -> callback: by class, and by number within it, so that others may be added or removed."""
        counts: dict[str, int] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            counts[kind] = counts.get(kind, 0) + 1
            yield f"callback {kind} {counts[kind]}", callback

    def take_over(self, arrays: dict[str, dict[str, np.ndarray]], header: dict[str, Any]) -> None:
        """Load everything; if a part fails, all changes are undone."""
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


def checked_callbacks(callbacks: Any) -> list[Callback]:
    """A list of callbacks from a list, a tuple, or a single one. TypeError for anything else."""
    if isinstance(callbacks, Callback):
        return [callbacks]
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(
            f"callbacks is a list, got {shortened(callbacks)}: write callbacks=[Checkpoint(folder)], or callbacks=[] for none"
        )
    for callback in callbacks:
        if isinstance(callback, type) and issubclass(callback, Callback):
            raise TypeError(f"callbacks are objects, got the class {callback.__name__}: write {callback.__name__}(...)")
        if not isinstance(callback, Callback):
            raise TypeError(f"got {shortened(callback)} as a callback: derive a class of yours from training.Callback")
    return [*callbacks]


def mistaken(value: Any, own: Any) -> str | None:
    """What a value of a checkpoint should be instead, for messages, beside the run's own; None if it is all right."""
    if is_whole(own):
        return None if type(value) is int and 0 <= value < 1 << 63 else "a whole number of at least 0"
    if isinstance(own, list):
        return None if isinstance(value, list) and all(isinstance(each, str) for each in value) else "names"
    if isinstance(own, dict):
        numbers = isinstance(value, dict) and all(map(is_finite_number, value.values()))
        return None if numbers else "names and finite numbers"
    return None
