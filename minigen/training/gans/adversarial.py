"""The loop that trains a generator against a discriminator (Goodfellow et al. 2014, algorithm 1)."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from minigen.autograd.debug import all_finite
from minigen.backend import Array, asarray, random, to_numpy
from minigen.data.minibatches import Batches, Endless
from minigen.errors import LayerError, NonFiniteError, StateError
from minigen.losses.adversarial import AdversarialLoss
from minigen.losses.penalties import Penalty
from minigen.nn import Module
from minigen.nn.module import WeightedModule
from minigen.optim import ExponentialMovingAverage
from minigen.optim.optimizer import Optimizer
from minigen.training.examples import Examples, settings_of, some
from minigen.training.gans.checks import check_counts, check_players, prepare_examples
from minigen.training.gans.drawing import as_generator
from minigen.training.gans.game import Game, Terms
from minigen.training.gans.players import Generator
from minigen.training.gans.remedies import Remedy
from minigen.training.history import History
from minigen.training.resume_settings import optimizer_settings, without_addresses
from minigen.training.run import Callback, Run
from minigen.utils.progress import Progress, checked
from minigen.utils.settings import takes_settings
from minigen.utils.signals import stop_requests

PLAYERS = ("generator", "discriminator")


class Adversarial(Game, Run):
    """Two networks, two optimizers, and the game between them: loss x penalties x remedies x networks, in any combination.

    generator: latent vectors (n, latent_dim) -> examples, one of `models.gans` or a subclass of its Generator.  discriminator:
    any Module, examples -> scores (n, 1).  Conditional ones, with an attribute `classes`, take labels (n,) as a second argument.
    loss: one of `losses.NonSaturating` (default), `Minimax`, `LeastSquares`, `Hinge`, `Wasserstein`.  penalties: such as
    `losses.R1()`.  remedies: see `training.remedies`.  discriminator_steps, generator_steps: updates of each per step.
    ema: the decay of a moving average of the generator, from which `sample` then draws; None for none.
    latent_dim: makes any Module that takes latent vectors (n, latent_dim) a generator, such as an nn.Sequential.  pixel_range:
    black and white in its output, (-1, 1) for a tanh, to which real images are then scaled; None: they are used as they are.

    reuse_fakes: G learns from the very fakes that D has just learned from, which are made once; D scores them again, as updated.
    That saves one of two forward passes of G. It is common in code, but not algorithm 1, which draws latent vectors for each
    player: with two draws G's gradient is unbiased, given D; with one it is not, since D has been updated to reject these fakes
    rather than others, by a difference of the order of D's rate. In a conditional game G's labels are then those of the batch.
    Only with one update of each player per step; the generator's graph is kept in memory during D's update.

    Raises ShapeError for a generator whose examples the discriminator does not take, ValueError for labels on one side only or an
    optimizer of the other network, and warns about a gradient penalty on a discriminator with BatchNorm.
    """

    kind = "Adversarial"
    progress_fields: tuple[str, ...] = ("step", "sums", "summed")

    def __init__(
        self,
        generator: Generator | Module,
        discriminator: Module,
        *,
        generator_optimizer: Optimizer,
        discriminator_optimizer: Optimizer,
        loss: AdversarialLoss | None = None,
        penalties: Sequence[Penalty] = (),
        remedies: Sequence[Remedy] = (),
        discriminator_steps: int = 1,
        generator_steps: int = 1,
        ema: float | None = None,
        reuse_fakes: bool = False,
        latent_dim: int | None = None,
        pixel_range: tuple[float, float] | None = None,
    ):
        Run.__init__(self, (), progress=True)
        Game.__init__(self, as_generator(generator, latent_dim, pixel_range), discriminator, loss, penalties, remedies)
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        self.discriminator_steps, self.generator_steps = discriminator_steps, generator_steps
        self.reuse_fakes = reuse_fakes
        self.average = None if ema is None else ExponentialMovingAverage(self.generator, ema)
        self.step = 0
        self.summed: dict[str, int] = {}  # how many values are in each of the sums
        self.batches: Any = None  # Batches, from the first fit on
        check_players(
            self,
            {"generator": generator_optimizer, "discriminator": discriminator_optimizer},
            {"discriminator_steps": discriminator_steps, "generator_steps": generator_steps},
            reuse_fakes,
        )

    # -- algorithm 1 ---------------------------------------------------------------------------------------------

    def train_step(self) -> None:
        """discriminator_steps updates of D on fresh batches, then generator_steps updates of G; or one of each with the same
        fakes."""
        if self.reuse_fakes:
            real = self.preprocess_real(next(self.stream))
            inputs = self.generator_input(len(real[0]), *real[1:])
            made = self.evaluate(lambda: self.generate(*inputs))
            self.discriminator_step(real, inputs, made)
            self.generator_step(inputs, made)
        else:
            for _ in range(self.discriminator_steps):
                self.discriminator_step(self.preprocess_real(next(self.stream)))
            for _ in range(self.generator_steps):
                self.generator_step(self.generator_input(self.batches.batch_size))
        self.step += 1

    def discriminator_step(self, real: tuple[Array, ...], inputs: tuple[Array, ...] = (), made: Any = None) -> None:
        """Update D with real examples (and their labels) and as many generated ones; G and its statistics do not change.

        inputs: the generator's, by default drawn.  made: what it makes of them, by default computed, without a graph.
        """
        inputs = inputs or self.generator_input(len(real[0]), *real[1:])
        self.update("discriminator", lambda made: self.discriminator_loss(real, self.fakes(*inputs, made=made)), made)
        for penalty in self.penalties:
            penalty.project(self.discriminator)

    def generator_step(self, inputs: tuple[Array, ...], made: Any = None) -> None:
        """Update G by D's scores of G's outputs; D and its statistics do not change. made: the outputs, by default computed."""
        with self.frozen["discriminator"]:
            self.update("generator", lambda made: self.generator_loss(*inputs, made=made), made)
        if self.average:
            self.average.update()

    def update(self, player: str, objective: Callable[[Any], tuple[Any, Terms]], made: Any) -> None:
        """One update of a player by its objective, a function of what G has made, whose terms go into the history's next row."""
        optimizer = getattr(self, f"{player}_optimizer")
        loss, terms = self.evaluate(lambda: objective(made))
        if not math.isfinite(value := float(loss)):
            from_inputs = lambda: self.evaluate(lambda: objective(None))  # noqa: E731  the culprit may be a layer of G
            self.explain_non_finite(f"the {player}'s loss", value, from_inputs, getattr(self, player))
        optimizer.zero_grad()
        loss.backward()
        terms[f"{player} gradient norm"] = self.gradient_norm(player, optimizer)
        optimizer.step()
        for term, value in terms.items():
            self.sums[term] = self.sums.get(term, 0.0) + float(value)
            self.summed[term] = self.summed.get(term, 0) + 1

    def generator_input(self, n: int, *labels: Array) -> tuple[Array, ...]:
        """Latent vectors for n examples; for conditional networks also labels, the given ones, or else those of random
        examples."""
        if self.conditional and not labels:
            drawn = random.stream("latent").integers(self.batches.examples, size=n)
            labels = (asarray(self.batches.arrays[1][drawn]),)
        return (self.generator.latent(n), *labels)

    def preprocess_real(self, real: tuple[Array, ...]) -> tuple[Array, ...]:
        """Real examples as the networks see them at this step; a trainer of growing networks shrinks them."""
        return real

    def real_examples(self, n: int) -> np.ndarray:
        """At most n of the real examples, always the same, as D sees them at this stage; on the host, pixels in [0, 1]."""
        examples, *_ = self.preprocess_real(self.batches.at(some(self.batches.examples, n)))
        return self.generator.to_pixels(to_numpy(examples))

    @property
    def discriminator_updates(self) -> int:
        """How often D has been updated. Its optimizer counts, also in a checkpoint."""
        return self.discriminator_optimizer.steps

    @property
    def sampler(self) -> Generator:
        """The generator to draw from: its moving average, if there is one."""
        return cast(Generator, self.average.average) if self.average else self.generator

    def sample(self, n: int, *labels: Any) -> np.ndarray:
        """n examples from the averaged generator, on the host, pixels in [0, 1]; a conditional one takes labels (n,)."""
        return self.sampler.sample(n, *labels)

    # -- the run -------------------------------------------------------------------------------------------------

    @takes_settings
    def fit(
        self,
        examples: Any,
        *,
        steps: int,
        batch_size: int = 32,
        seed: int | None = None,
        record_every: int = 100,
        callbacks: Callback | Sequence[Callback] = (),
        resume: str | Path | None = None,
        progress: Progress = True,
    ) -> History:
        """Train up to `steps` steps in total, including earlier ones; returns the history, one row per `record_every` steps.

        examples: (n, ...), or a tuple with labels (n,) for conditional networks. Images in [0, 1], or bytes, as `data.load` gives
        them, are scaled to the generator's pixel_range batch by batch; images already in it are unchanged. A smaller last batch
        of an epoch is dropped.
        `seed` fixes the order of the examples; a second fit continues in the order of the first.  `resume`: a folder of
        `Checkpoint`, or a file; any changed setting of networks, loss, penalties, remedies and optimizers is an error that names
        it (schedules are not compared); `steps` may be larger, and if no steps are left, only the end of the run is repeated.
        `progress`: a bar, or where no terminal shows it a line for each row; "lines": these; False: nothing.
        A row holds the means over its steps of the losses, their terms, scores, accuracies and gradient norms, and "seconds".

        Raises DataError for images outside [-1, 1] or outside the generator's range, ShapeError for a batch size that is not a
        multiple of what the discriminator scores together, ValueError for labels that are missing, not expected, or outside the
        classes, NonFiniteError as soon as a loss or gradient is not finite, naming network, layer and step. Signals: see `fit`.
        """
        check_counts(self, steps, record_every, batch_size)
        data = prepare_examples(self, examples)
        before = vars(self).copy()
        self.steps, self.callbacks, self.progress = steps, self.in_order(callbacks), checked(progress)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.locked())
                self.open(data, batch_size, seed, resume)
            except Exception:
                vars(self).update(before)  # errors here leave the run unchanged
                raise
            self.record_every, self.stream = record_every, Endless(self.batches)
            self.frozen = {name: getattr(self, name).frozen() for name in PLAYERS}  # their layers may have changed since
            self.generator.train()
            self.discriminator.train()
            self.notify("on_train_begin")
            self.play()
            self.notify("on_train_end")
            self.note_moved()
        return self.history

    def open(self, data: Examples, batch_size: int, seed: int | None, resume: str | Path | None) -> None:
        """Set the data and the position in them: at the start, where the last fit stopped, or where a checkpoint was."""
        position = None if self.batches is None else self.batches.state_dict()
        if position and (position["examples"], position["batch_size"]) != (len(data.arrays[0]), batch_size):
            position = None
        if position or resume is not None:
            seed = 0  # irrelevant, and drawn from no stream: they have their own
        self.batches = Batches(*data.arrays, batch_size=batch_size, seed=seed, drop_last=True, convert=data.convert)
        self.data_settings = settings_of("data", data)
        self.begun_with = self.described()
        if resume is not None:
            self.restore(resume)
        elif position:
            self.batches.load_state_dict(position)

    def play(self) -> None:
        """Run the remaining steps, with a row of the history per `record_every` steps."""
        self.started = time.perf_counter()
        with stop_requests() as stop_requested, self.bar(total=self.steps, initial=self.step, unit="step") as bar:
            while not self.finished:
                self.train_step()
                bar.update()
                bar.set_description_str(self.phase, refresh=False)
                self.notify("on_step_end")
                if self.step % self.record_every == 0 or self.finished:
                    self.add_row()
                    if bar.disable:
                        self.log(self.line())
                if stop_requested():
                    self.interrupt(f"after step {self.step} of {self.steps}")

    def add_row(self) -> None:
        """Complete a row of the history, check that all is finite, and notify the callbacks."""
        self.check_finite()
        seconds, self.started = time.perf_counter() - self.started, time.perf_counter()
        means = {name: total / self.summed[name] for name, total in self.sums.items()}
        self.record({"step": self.step, **means, "seconds": seconds})
        self.sums, self.summed = {}, {}
        self.notify("on_epoch_end")

    def line(self) -> str:
        """The losses of the history's last row, as text."""
        row = self.history.rows[-1]
        losses = ", ".join(f"{name} {row[name]:.5g}" for name in row if "loss" in name)
        return f"step {self.step}/{self.steps}: {losses}, seconds {row['seconds']:.5g}"

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or a callback ends the run."""
        return self.step >= self.steps or self.should_stop()

    @property
    def phase(self) -> str:
        """The text before the progress bar."""
        return ""

    # -- what can go wrong ---------------------------------------------------------------------------------------

    def evaluate(self, objective: Callable[[], Any]) -> Any:
        """Evaluate an objective, with errors that name the network (which may be the other player's) and the layer."""
        try:
            return objective()
        except LayerError as error:
            for name in PLAYERS:
                if error.module in list(getattr(self, name).modules()):
                    getattr(self, name).add_path(error)
                    error.path = (name, *error.path)
            raise

    def gradient_norm(self, player: str, optimizer: Optimizer) -> float:
        """The Euclidean norm of the gradient of all the optimizer's parameters. NonFiniteError names the first that is not
        finite."""
        gradients = [p.grad.ravel() for p in optimizer.parameters if p.grad is not None]
        square = float(sum(g @ g for g in gradients))
        if not math.isfinite(square):
            for path, p in getattr(self, player).named_parameters().items():
                if p.grad is not None and not all_finite(p.grad):
                    raise NonFiniteError(
                        f"the gradient of {player}.{path} is not finite at {self.position()}; minigen.detect_anomaly() names "
                        "the op"
                    )
            raise NonFiniteError(
                f"the gradient of the {player} is too large to be squared at {self.position()}: try a smaller learning rate"
            )
        return math.sqrt(square)

    # -- the contents of a checkpoint ---------------------------------------------------------------------------------

    def position(self) -> str:
        return f"step {self.step + 1}"

    def named_state(self) -> dict[str, Any]:
        return {f"{name}.{path}": tensor for name in PLAYERS for path, tensor in getattr(self, name).named_state().items()}

    def state_parts(self) -> dict[str, Any]:
        parts = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator optimizer": self.generator_optimizer,
            "discriminator optimizer": self.discriminator_optimizer,
        }
        if self.average:
            parts["average"] = self.average
        remembering = (i for i, remedy in enumerate(self.remedies) if type(remedy).state_dict is not Remedy.state_dict)
        return parts | {f"remedy {i}": self.remedies[i] for i in remembering}

    def settings(self) -> dict[str, Any]:
        settings = {
            "discriminator steps": self.discriminator_steps,
            "generator steps": self.generator_steps,
            "reuse fakes": self.reuse_fakes,
            "average": self.average and self.average.decay,
            "batch size": self.batches.batch_size,
            "pixel range": self.generator.pixel_range and list(self.generator.pixel_range),
            **self.data_settings,
        }
        self.named_state()  # which gives the parameters their names, which are compared
        for name in PLAYERS:
            settings |= optimizer_settings(f"{name} optimizer", getattr(self, f"{name}_optimizer"))
        return settings

    def parts_with_settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("loss", "penalties", "remedies", *PLAYERS)}

    def described(self) -> dict[str, Any]:
        found = super().described()
        found |= {name: without_addresses(repr(part)) for name, part in self.parts_with_settings().items()}
        for name in PLAYERS:
            found |= {
                f"{name}.{path}": without_addresses(repr(layer))
                for path, layer in getattr(self, name).named_modules()
                if path and (not any(layer.children()) or isinstance(layer, WeightedModule))
            }
        return found

    def check_header(self, header: Mapping[str, Any]) -> None:
        """Raise ValueError for a checkpoint with more steps than requested; with as many, only the end of the run is repeated."""
        if header.get("step", 0) > self.steps:
            raise ValueError(
                f"{header['step']} steps are done already; `steps` includes them: pass at least as many, not {self.steps}"
            )

    def check_restored(self) -> None:
        last = self.history.rows[-1] if self.history.rows else {"step": 0}
        if last.get("step", math.inf) > self.step:
            raise StateError(f"history extends to row {last}, behind step {self.step}")
        if self.sums.keys() != self.summed.keys() or any(type(n) is not int or n < 1 for n in self.summed.values()):
            raise StateError(f"summed is {self.summed}, expected how many values are in each of {sorted(self.sums)}")
        for remedy in self.remedies:
            remedy.check_restored(self.generator, self.batches.arrays[1:])
