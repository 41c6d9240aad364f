"""Callbacks for every kind of training: checkpoints and early stopping."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from minigen.errors import CheckpointError, StateError
from minigen.training import checkpoint
from minigen.training.fitting import FitRun
from minigen.training.history import History
from minigen.training.run import Callback, Run
from minigen.utils.checks import is_whole
from minigen.utils.files import locked, sweep


class Checkpoint(Callback[Run]):
    """Save the whole run to folder/checkpoint.npz, and its history to folder/history.csv, every so many epochs and on Ctrl-C.

    best: a column of the history, such as "validation loss". Of these checkpoints, the one at which it was lowest then stays as
    folder/best.npz, whatever comes after it; `minigen.load(folder, best=True)` opens it. Rows without the column are passed over;
    KeyError at the first checkpoint if no row has it, ValueError before the first step for "validation ..." without such data.

    In adversarial training, `every` counts rows of the history, of `record_every` steps each. Continue with
    `fit(..., resume=folder)`: weights, optimizers, random streams and position in the shuffled data are restored, and on the CPU
    the run continues bit for bit as if it had never stopped. SIGTERM and SIGHUP act like Ctrl-C. The folder is locked during the
    run: another run in it raises BusyError.
    """

    runs_last = True  # saves the other callbacks' state after the epoch

    def __init__(self, folder: str | Path, every: int = 1, best: str | None = None):
        if not is_whole(every) or every < 1:
            raise ValueError(f"a checkpoint every {every} epochs makes no sense: expected a whole number of at least 1")
        if not isinstance(best, str | None):
            raise TypeError(f'best is a column of the history, such as "validation loss", got {best!r}')
        self.folder, self.every, self.best = Path(folder).absolute(), every, best
        self.lowest = float("inf")  # what `best` is in best.npz
        self.foreign = False  # whether best.npz is of another run, which trained in this folder before

    def lock(self, run: Run) -> AbstractContextManager[object]:
        return locked(self.folder)

    def on_train_begin(self, run: Run) -> None:
        """Clean up after a killed run: temporary files, a history that lacks the last row of the checkpoint, and a best.npz that
        is not yet the checkpoint."""
        if self.best is not None:
            check_column("Checkpoint(best=...)", self.best, run)
        sweep(self.folder)
        if run.history.rows and self.file.exists():
            run.history.save_csv(self.folder / "history.csv")
        try:
            rows = self.rows_of_best()
        except CheckpointError as error:
            if self.best is not None:
                raise CheckpointError(f"{error}; delete {self.best_file.name}, or choose another folder") from error
            rows = []  # nobody asks for it
        self.foreign = not begins(rows, run.history.rows)
        self.lowest = rows[-1].get(self.best or "", float("inf")) if rows and not self.foreign else float("inf")
        if not run.sums:  # it stands where a row of the history ends
            self.save_best(run)

    @property
    def file(self) -> Path:
        """The checkpoint."""
        return self.folder / "checkpoint.npz"

    def on_epoch_end(self, run: Run) -> None:
        if len(run.history.rows) % self.every == 0 or run.finished:
            self.save(run)
            if self.best is not None:
                run.history[self.best]  # or KeyError, which names the columns
            self.save_best(run)

    def on_interrupt(self, run: Run) -> None:
        self.save(run)
        run.log(f"saved to {self.folder}; continue with fit(..., resume={str(self.folder)!r})")

    @property
    def best_file(self) -> Path:
        """The checkpoint that was best."""
        return self.folder / "best.npz"

    def save(self, run: Run) -> None:
        """Write both files, each atomically."""
        if self.foreign:
            self.best_file.unlink(missing_ok=True)
            self.foreign = False
        run.save(self.file)
        run.history.save_csv(self.folder / "history.csv")

    def save_best(self, run: Run) -> None:
        """Write best.npz, if the last row of the history is the best so far."""
        value = run.history.rows[-1].get(self.best) if self.best is not None and run.history.rows else None
        if value is not None and value < self.lowest:
            run.save(self.best_file)
            self.lowest, self.foreign = value, False

    def rows_of_best(self) -> list[dict[str, float]]:
        """The history in best.npz, of which the last row is the best. CheckpointError if it is damaged."""
        if not self.best_file.exists():
            return []
        with checkpoint.opened(self.best_file) as saved:
            try:
                return History.checked(saved.header.get("history")).rows
            except StateError as error:
                raise CheckpointError(f"{self.best_file} is damaged: {error}") from error


class EarlyStopping(Callback[FitRun]):
    """Stop when `monitor`, a column of the history, has not fallen by more than `minimum` for `patience` epochs.

    At the end of the run, for this or another reason, the model gets its best weights back. (Checkpoints hold both the latest
    weights, from which training can continue, and the best ones.) A resumed run must watch the same column; its patience may
    differ.
    """

    requires = "fit"

    def __init__(self, patience: int = 5, monitor: str = "validation loss", minimum: float = 0.0):
        if patience < 1:
            raise ValueError(f"patience is a number of epochs, at least 1, got {patience}")
        self.patience, self.monitor, self.minimum = patience, monitor, minimum
        self.best, self.best_epoch = float("inf"), 0
        self.weights: dict[str, np.ndarray] | None = None

    def on_train_begin(self, run: FitRun) -> None:
        check_column("EarlyStopping", self.monitor, run)

    def on_epoch_end(self, run: FitRun) -> None:
        value = run.history[self.monitor][-1]
        if value < self.best - self.minimum:
            self.best, self.best_epoch, self.weights = value, run.epoch, run.model.state_dict()

    def should_stop(self, run: FitRun) -> bool:
        return run.epoch - self.best_epoch >= self.patience

    def on_train_end(self, run: FitRun) -> None:
        if self.weights is not None and run.epoch > self.best_epoch:
            run.model.load_state_dict(self.weights)
            run.log(f"best {self.monitor} {self.best:.6g} was in epoch {self.best_epoch}; its weights are restored")

    def state_dict(self) -> dict[str, np.ndarray]:
        weights = {f"weights/{name}": array for name, array in (self.weights or {}).items()}
        return {
            "best": np.array(self.best),
            "best_epoch": np.array(self.best_epoch),
            "monitor": np.array(self.monitor),
            **weights,
        }

    def check_state(self, state: Mapping[str, Any], run: FitRun) -> None:
        if weights := best_weights(state):
            try:
                run.model.check_state(weights)
            except StateError as error:
                raise StateError(f"EarlyStopping: weights: {error}") from error

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        others = {name for name in state if not name.startswith("weights/")}
        if not {"best", "best_epoch"} <= others <= {"best", "best_epoch", "monitor"}:
            raise StateError(f"EarlyStopping: got a state with {sorted(state)}, expected best and best_epoch")
        best, epoch, monitor = state["best"], state["best_epoch"], str(state.get("monitor", self.monitor))
        weights = best_weights(state)
        if monitor != self.monitor:
            raise StateError(f"EarlyStopping: monitor was {monitor!r}, is {self.monitor!r}")
        if best.shape or best.dtype.kind != "f" or np.isnan(best):
            raise StateError(f"EarlyStopping: best is {best}, expected a number")
        if epoch.shape or epoch.dtype.kind not in "iu" or epoch < 0 or bool(epoch) != bool(weights):
            raise StateError(f"EarlyStopping: best_epoch is {epoch}, expected the epoch, a whole number, of the best weights")
        for name, array in weights.items():
            if not np.isfinite(array).all():
                raise StateError(f"EarlyStopping: weights/{name} holds NaN or infinity")
        self.best, self.best_epoch, self.weights = float(best), int(epoch), weights or None


def check_column(owner: str, column: str, run: Run) -> None:
    """Raise ValueError for a column that watches validation data which the run does not have."""
    if not column.startswith("validation ") or getattr(run, "validation", None) is not None:
        return
    there = (
        "pass validation=..., or name 'loss'" if isinstance(run, FitRun) else "name another column, such as 'Fréchet distance'"
    )
    raise ValueError(f"{owner} watches {column!r}, but there is no validation data: {there}")


def begins(rows: Sequence[Mapping[str, float]], history: Sequence[Mapping[str, float]]) -> bool:
    """Whether a history begins with these rows; columns may have been added to it."""
    return len(rows) <= len(history) and all(row.items() <= other.items() for row, other in zip(rows, history))


def best_weights(state: Mapping[str, Any]) -> dict[str, Any]:
    """The model's best weights in a state of EarlyStopping, under the model's own names."""
    return {name.removeprefix("weights/"): array for name, array in state.items() if name.startswith("weights/")}
