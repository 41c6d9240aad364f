"""The loop that trains an autoencoder, a classifier, or anything whose loss needs only the examples."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigen.autograd import Tensor
from minigen.backend import Array
from minigen.data import Batches
from minigen.errors import ShapeError, StateError
from minigen.nn import Module
from minigen.optim.optimizer import Optimizer, check_optimizer
from minigen.training.evaluation import add, mean_losses
from minigen.training.examples import Examples, batch_shape, prepare, settings_of
from minigen.training.history import History
from minigen.training.objective import Loss, Objective
from minigen.training.resume_settings import optimizer_settings
from minigen.training.run import Callback, Run
from minigen.utils.progress import Progress
from minigen.utils.settings import takes_settings
from minigen.utils.signals import stop_requests

Arrays = np.ndarray | tuple[np.ndarray, ...]


@takes_settings
def fit(
    model: Module,
    examples: Arrays,
    *,
    optimizer: Optimizer,
    epochs: int,
    loss: Loss | None = None,
    batch_size: int = 32,
    validation: Arrays | float | None = None,
    seed: int | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    resume: str | Path | None = None,
    progress: Progress = True,
) -> History:
    """Minimize a loss over the examples (n, ...), in shuffled batches, for a number of epochs.

    By default it is the model's own: model.loss(batch) returns the total and a dict of its named terms. Examples may be several
    arrays that belong together, such as (images, labels): then it is model.loss(images, labels).
    `loss` takes any Module, such as `nn.Sequential(encoder, decoder)`: it is loss(model(x), x), or of examples=(x, targets)
    loss(model(x), targets); the penalties of ActivityRegularization layers are added. It is a function to a mean over the batch,
    or the name of one of minigen.losses: "mse", "mae", "bce_with_logits" or "cross_entropy", the last two of outputs without a
    sigmoid or softmax.

    Images as bytes become pixels in [0, 1], batch by batch: see `data.Batches`. The history has, for each epoch, the mean "loss"
    over all examples (and its terms, if there are several), "validation loss" on held-out examples, and "seconds".
    `validation`: held-out examples, or which share of the examples, 0.2, is held out: the last ones, before anything is shuffled,
    as Keras does. Where examples are sorted, by class for instance, shuffle them before.
    `progress`: a bar, on a terminal, and a line for each epoch, on stderr; "lines": the lines alone; False: nothing.
    `seed` fixes the order of the examples; by default it comes from `minigen.seed`. `resume`: a folder of `Checkpoint`, or
    a checkpoint file; the run continues where it was, up to `epochs` in all. Every setting of the model, its layers and the
    optimizer is compared (schedules are not): the error names what has changed. A class excludes attributes that are not
    settings, such as a creation time, by remembered = ("made_at",); also after a run was saved.

    Raises DataError for examples that are not finite, DtypeError for another dtype than the model's, NonFiniteError as soon
    as the loss is not finite (naming step and layer; checkpoints on disk stay), CheckpointError for a checkpoint that does not
    fit, BusyError for a folder in which another run saves. Ctrl-C finishes the step, lets the callbacks save, and then raises
    KeyboardInterrupt; SIGTERM and SIGHUP do the same and raise SystemExit, unless the caller handles them.
    """
    if resume is not None:
        seed = 0  # irrelevant, and drawn from no stream: the checkpoint has its own
    run = FitRun(model, optimizer, examples, validation, epochs, batch_size, seed, callbacks, progress, loss)
    with run.locked():
        if resume is not None:
            run.restore(resume)
        run.notify("on_train_begin")
        with stop_requests() as stop_requested:
            while not run.finished:
                run.train_epoch(stop_requested)
        run.notify("on_train_end")
    return run.history


class FitRun(Run):
    """A run of `fit`: the contents of a checkpoint, and the steps of the loop."""

    progress_fields = ("epoch", "sums", "seen")

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        examples: Arrays,
        validation: Arrays | float | None,
        epochs: int,
        batch_size: int,
        seed: int | None,
        callbacks: Callback | Sequence[Callback],
        progress: Progress,
        loss: Loss | None = None,
    ):
        self.objective = Objective(model, loss)
        if epochs < 1:
            raise ValueError(f"epochs is the number of passes over the data, at least 1, got {epochs}")
        check_optimizer("optimizer", optimizer, "model")
        if isinstance(validation, (int, float)):
            examples, validation = split(examples, validation)
        data = prepare("examples", examples, model)
        self.objective.check(data.arrays)
        held_out = None if validation is None else prepare("validation", validation, model)
        if held_out is not None:
            check_shapes(held_out, data)
        if {id(p) for p in model.parameters()}.isdisjoint(map(id, optimizer.parameters)):
            raise ValueError("the optimizer has none of this model's parameters: create it from model.parameters()")
        super().__init__(callbacks, progress)
        self.model, self.optimizer, self.epochs = model, optimizer, epochs
        self.validation = held_out
        self.data_settings = {**settings_of("data", data), **settings_of("validation", held_out)}
        self.batches = Batches(*data.arrays, batch_size=batch_size, seed=seed)
        self.epoch = 0  # completed epochs
        self.seen = 0  # number of examples in the sums of the epoch in progress
        self.begun_with = self.described()

    @property
    def step(self) -> int:  # type: ignore[override]
        """Completed steps. The optimizer counts them."""
        return self.optimizer.steps

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or a callback stops the run."""
        return self.epoch >= self.epochs or self.should_stop()

    # -- the loop ------------------------------------------------------------------------------------------------

    def train_epoch(self, stop_requested: Callable[[], bool]) -> None:
        """One pass over the data (or the rest of it, after a resume), validation, callbacks."""
        start = time.perf_counter()
        self.model.train()
        title = f"epoch {self.epoch + 1}/{self.epochs}"
        with self.bar(total=self.batches.examples, initial=self.seen, desc=title, unit="ex") as bar:
            for batch in self.batches:
                batch = batch if isinstance(batch, tuple) else (batch,)
                loss = self.train_step(batch)
                bar.update(len(batch[0]))
                bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
                self.notify("on_step_end")
                if stop_requested():
                    self.interrupt(f"in epoch {self.epoch + 1} after {self.seen} of {self.batches.examples} examples")
        row = {"epoch": self.epoch + 1, **{name: total / self.seen for name, total in self.sums.items()}}
        if self.validation is not None:
            row.update(self.validate(self.validation))
        row["seconds"] = time.perf_counter() - start
        self.check_finite()
        self.record(row)
        self.epoch, self.sums, self.seen = self.epoch + 1, {}, 0
        self.log(f"{title}: " + ", ".join(f"{name} {row[name]:.5g}" for name in row if name != "epoch"))
        self.notify("on_epoch_end")

    def train_step(self, batch: tuple[Array, ...]) -> float:
        """Forward, backward, update. The loss of the batch, before the update."""
        loss, terms = self.objective.evaluate(batch)
        value = float(loss)
        if not np.isfinite(value):
            self.explain_non_finite("the loss", value, lambda: self.objective.evaluate(batch), self.model)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        add(value, terms, len(batch[0]), self.sums)
        self.seen += len(batch[0])
        return value

    def validate(self, held_out: Examples) -> dict[str, float]:
        """The mean loss, and its terms, over the held-out examples."""
        means = mean_losses(self.objective, held_out.arrays)
        return {f"validation {name}": mean for name, mean in means.items()}

    # -- the contents of a checkpoint -----------------------------------------------------------------------------------

    def position(self) -> str:
        return f"step {self.optimizer.steps + 1} (epoch {self.epoch + 1})"

    def named_state(self) -> Mapping[str, Tensor]:
        return self.model.named_state()

    def state_parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer}

    def settings(self) -> dict[str, Any]:
        self.named_state()  # which gives the parameters their names, which are compared
        return {"model": type(self.model).__name__, **self.data_settings, **optimizer_settings("optimizer", self.optimizer)}

    def parts_with_settings(self) -> dict[str, Any]:
        return {"model": self.model, **({} if self.objective.loss is None else {"loss": self.objective.loss})}

    def check_restored(self) -> None:
        batches = self.batches
        seen = min(batches.position * batches.batch_size, batches.examples)
        if (batches.epoch, seen) != (self.epoch, self.seen):
            raise StateError(
                f"epoch {self.epoch} with {self.seen} examples seen is not where its batches are, epoch "
                f"{batches.epoch} with {seen}"
            )
        rows = self.history.rows
        if len(rows) != self.epoch or any(row.get("epoch") != i for i, row in enumerate(rows, 1)):
            raise StateError(f"history: expected a row for each of {self.epoch} epochs, got {len(rows)}")
        if bool(self.sums) != (self.seen > 0) or self.sums and "loss" not in self.sums:
            raise StateError(f"sums has {sorted(self.sums)}, after {self.seen} examples")


def split(examples: Arrays, share: float) -> tuple[Arrays, Arrays | None]:
    """The examples without the last of them, and these: a share of all. ValueError unless it is one, and leaves some for both."""
    arrays = examples if isinstance(examples, tuple) else (examples,)
    if isinstance(share, bool) or not 0.0 < share < 1.0:
        raise ValueError(
            f"validation: a share of the examples is above 0 and below 1, such as 0.2, or held-out arrays, got {share}"
        )
    if not all(getattr(array, "shape", ()) for array in arrays):
        return examples, None  # no arrays: `prepare` says what is wrong
    n = len(arrays[0])
    kept = n - round(share * n)
    if not 0 < kept < n:
        raise ValueError(f"validation: a share of {share} of {n} examples leaves {kept} to train on, and {n - kept} held out")
    return tuple(array[:kept] for array in arrays), tuple(array[kept:] for array in arrays)


def check_shapes(validation: Examples, data: Examples) -> None:
    """Raise ShapeError unless the validation data have the shapes of the examples, except their number."""
    got, expected = ([tuple(array.shape[1:]) for array in each.arrays] for each in (validation, data))
    if got != expected:
        shapes = " and ".join(map(batch_shape, expected))
        raise ShapeError(
            f"validation: expected the shape of the examples, {shapes}, got "
            f"{' and '.join(str(tuple(array.shape)) for array in validation.arrays)}"
        )
