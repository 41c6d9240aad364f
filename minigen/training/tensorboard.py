"""The history of a run as TensorBoard reads it."""

import importlib
import importlib.util
import time
from pathlib import Path
from typing import Any

from minigen.errors import MissingPackageError
from minigen.training.run import Callback, Run


class TensorBoard(Callback[Run]):
    """Writes each row of the history to a log in `folder`, for curves in a browser: tensorboard --logdir FOLDER.

    The columns have underscores for spaces there, and the epoch or the step as their step. A resumed run goes on in the same
    folder: what a killed run had logged after its checkpoint is not shown. Needs the small package tensorboardX, the extra
    `tensorboard`; MissingPackageError without it.
    """

    runs_last = True  # other callbacks may add columns

    def __init__(self, folder: str | Path):
        if importlib.util.find_spec("tensorboardX") is None:
            raise MissingPackageError("training.TensorBoard needs a package: pip install tensorboardX; history.csv needs none")
        self.folder = Path(folder).absolute()
        self.writer: Any = None

    def on_train_begin(self, run: Run) -> None:
        done = next(iter(run.history.rows[-1].values())) if run.history.rows else None
        options = {"purge_step": None if done is None else done + 1, "filename_suffix": f".{time.time_ns()}"}  # a file of its own
        self.writer = importlib.import_module("tensorboardX").SummaryWriter(str(self.folder), **options)

    def on_epoch_end(self, run: Run) -> None:
        (_, step), *columns = run.history.rows[-1].items()
        for name, value in columns:
            self.writer.add_scalar(name.replace(" ", "_"), value, step)
        self.writer.flush()

    def on_train_end(self, run: Run) -> None:
        self.writer.close()

    on_interrupt = on_train_end
