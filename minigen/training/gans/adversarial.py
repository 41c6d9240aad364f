"""The loop that trains a generator against a discriminator (Goodfellow et al. 2014, algorithm 1)."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minigen.autograd import Parameter, Tensor, no_grad
from minigen.autograd.debug import all_finite
from minigen.backend import Array, asarray, random
from minigen.data.minibatches import Batches, Endless
from minigen.errors import LayerError, NonFiniteError, StateError
from minigen.losses.adversarial import AdversarialLoss, NonSaturating
from minigen.losses.penalties import DiscriminatorBatch, Penalty
from minigen.models.gans import Generator
from minigen.nn import Module, Pack
from minigen.nn.module import WeightedModule
from minigen.optim import ExponentialMovingAverage
from minigen.optim.optimizer import Optimizer
from minigen.training.callbacks import Callback
from minigen.training.gans.checks import check_counts, check_players, prepared
from minigen.training.gans.remedies import Remedy
from minigen.training.history import History
from minigen.training.resume_settings import described, without_addresses
from minigen.training.run import Run, checksum, optimizer_settings
from minigen.utils.signals import stop_requests

PLAYERS = ("generator", "discriminator")
Terms = dict[str, Any]


class Adversarial(Run):
    """Two networks, two optimizers, and the game between them: loss x penalties x remedies x networks, in any combination.

    generator: latent vectors (n, latent_dim) -> examples, one of `models.gans` or a subclass of its Generator.  discriminator:
    any Module, examples -> scores (n, 1).  Conditional ones, with an attribute `classes`, take labels (n,) as a second argument.
    loss: one of `losses.NonSaturating` (default), `Minimax`, `LeastSquares`, `Hinge`, `Wasserstein`.  penalties: such as
    `losses.R1()`.  remedies: see `training.remedies`.  discriminator_steps, generator_steps: how many of each make a step.
    ema: the decay of a moving average of the generator, which `sample` then draws from; None for none.

    Raises ShapeError for a generator whose examples the discriminator does not take, ValueError for labels on one side only or an
    optimizer of the other network, and warns of a penalty on the gradient of a discriminator with BatchNorm.
    """

    kind = "Adversarial"
    progress_fields = ("step", "sums", "summed")

    def __init__(
        self,
        generator: Generator,
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
    ):
        super().__init__((), progress=True)
        self.generator, self.discriminator = generator, discriminator
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        self.loss = loss or NonSaturating()
        self.penalties = list(penalties) if isinstance(penalties, Sequence) else [penalties]
        self.remedies = list(remedies) if isinstance(remedies, Sequence) else [remedies]
        self.discriminator_steps, self.generator_steps = discriminator_steps, generator_steps
        self.average = None if ema is None else ExponentialMovingAverage(generator, ema)
        self.frozen = {"generator": generator.frozen(), "discriminator": discriminator.frozen()}
        self.step = 0  # steps that are done
        self.sums: dict[str, float] = {}  # of the history's next row: each term, summed over steps
        self.summed: dict[str, int] = {}  # how many numbers are in these sums
        self.latest_real: tuple[Array, ...] = ()  # the last real batch, as the discriminator was shown it
        self.batches: Batches | None = None
        check_players(self)

    # -- algorithm 1 ---------------------------------------------------------------------------------------------

    def train_step(self) -> None:
        """discriminator_steps updates of D on fresh batches, then generator_steps updates of G."""
        for _ in range(self.discriminator_steps):
            self.discriminator_step(self.presented(next(self.stream)))
        for _ in range(self.generator_steps):
            self.generator_step(self.generator_input(self.batches.batch_size))
        self.step += 1

    def discriminator_step(self, real: tuple[Array, ...]) -> None:
        """Update D by real examples (with their labels) and as many generated ones; G, its statistics too, stays as it is."""
        inputs = self.generator_input(len(real[0]), *real[1:])
        self.descend("discriminator", self.discriminator_optimizer, lambda: self.discriminator_loss(real, self.fakes(*inputs)))
        for penalty in self.penalties:
            penalty.project(self.discriminator)

    def generator_step(self, inputs: tuple[Array, ...]) -> None:
        """Update G by what D says of its examples for latent vectors (and labels); D, its statistics too, stays as it is."""
        with self.frozen["discriminator"]:
            self.descend("generator", self.generator_optimizer, lambda: self.generator_loss(*inputs))
        if self.average:
            self.average.update()

    def fakes(self, z: Array, *labels: Array) -> tuple[Array, ...]:
        """What D learns from: examples made of latent vectors and labels, as numbers without a graph, and the labels."""
        with self.frozen["generator"], no_grad():
            fake = (self.generator(Tensor(z), *labels).data, *labels)
        for remedy in self.remedies:
            fake = remedy.fakes(fake)
        return fake

    def discriminator_loss(self, real: tuple[Array, ...], fake: tuple[Array, ...], *noise: Any) -> tuple[Any, Terms]:
        """What D minimizes, penalties included, and its named terms: real and fake are examples (and their labels).

        `noise`: what the penalties would draw, one array each, if it is to be given.
        """
        real, fake = ((self.shown(examples), *labels) for examples, *labels in (real, fake))
        self.latest_real = real
        differentiable = any(penalty.differentiates_real for penalty in self.penalties)
        images = Tensor(real[0], requires_grad=differentiable), Tensor(fake[0])
        batch = DiscriminatorBatch(
            lambda x: self.discriminator(x, *real[1:]),
            *images,
            self.discriminator(images[0], *real[1:]),
            self.discriminator(images[1], *fake[1:]),
        )
        loss, terms = self.loss.discriminator(batch.real_scores, batch.fake_scores, **self.targets(batch))
        terms = {**terms, **self.opinions(batch)}
        given = iter(noise)
        for penalty in self.penalties:
            share = penalty(batch, *([next(given)] if noise and penalty.draws else []))
            if share is not None:
                loss = loss + share
                terms[penalty.name] = terms[penalty.name] + share if penalty.name in terms else share
        return loss, {"discriminator loss": loss, **terms}

    def generator_loss(self, z: Array, *labels: Array) -> tuple[Any, Terms]:
        """What G minimizes for latent vectors (n, latent_dim) and labels, and its named terms."""
        loss, terms = self.generator_objective(self.generator(Tensor(z), *labels), *labels)
        return loss, {"generator loss": loss, **{name: term for name, term in terms.items() if term is not loss}}

    def generator_objective(self, examples: Any, *labels: Array) -> tuple[Any, Terms]:
        """What G minimizes of examples that it made: a remedy's objective, or else what the loss makes of their scores."""
        fake = (self.shown(examples), *labels)
        for remedy in self.remedies:
            objective = remedy.generator_objective(self, fake)
            if objective is not None:
                return objective
        return self.loss.generator(self.discriminator(*fake))

    def descend(self, name: str, optimizer: Optimizer, objective: Callable[[], tuple[Any, Terms]]) -> None:
        """One update of the network `name` by its objective, whose terms are booked."""
        loss, terms = self.evaluate(objective)
        if not math.isfinite(float(loss)):
            self.explain(name, float(loss), objective)
        optimizer.zero_grad()
        loss.backward()
        terms[f"{name} gradient norm"] = self.gradient_norm(name, optimizer)
        optimizer.step()
        for term, value in terms.items():
            self.sums[term] = self.sums.get(term, 0.0) + float(value)
            self.summed[term] = self.summed.get(term, 0) + 1

    def presented(self, real: tuple[Array, ...]) -> tuple[Array, ...]:
        """Real examples as the networks are to see them at this step; a trainer of growing networks makes them smaller."""
        return real

    # -- the moves, as the remedies change them ------------------------------------------------------------------

    def generator_input(self, n: int, *labels: Array) -> tuple[Array, ...]:
        """Latent vectors for n examples; for conditional networks also labels, those given or else of random examples."""
        if self.conditional and not labels:
            drawn = random.stream("latent").integers(self.batches.examples, size=n)
            labels = (asarray(self.batches.arrays[1][drawn]),)
        return (self.generator.latent(n), *labels)

    def shown(self, x: Any) -> Any:
        """What the discriminator is shown of examples."""
        for remedy in self.remedies:
            x = remedy.shown(x, self.step)
        return x

    def targets(self, batch: DiscriminatorBatch) -> dict[str, Any]:
        """The discriminator's targets, where its loss has some."""
        if not self.loss.labeled:
            return {}
        real, fake = 1.0, 0.0
        for remedy in self.remedies:
            real, fake = remedy.targets(real, fake, batch.real_scores)
        return {"real_target": real, "fake_target": fake}

    def opinions(self, batch: DiscriminatorBatch) -> Terms:
        """Mean scores, and how often the discriminator is right."""
        real, fake, threshold = batch.real_scores.data, batch.fake_scores.data, self.loss.threshold
        terms = {"score of real": real.mean(), "score of fake": fake.mean()}
        if threshold is not None:
            right = {"accuracy on real": real > threshold, "accuracy on fake": fake <= threshold}
            terms |= {name: hits.mean(dtype=real.dtype) for name, hits in right.items()}
        return terms

    # -- the run -------------------------------------------------------------------------------------------------

    def fit(
        self,
        examples: Any,
        *,
        steps: int,
        batch_size: int = 32,
        seed: int | None = None,
        record_every: int = 100,
        callbacks: Sequence[Callback] = (),
        resume: str | Path | None = None,
        progress: bool = True,
    ) -> History:
        """Train up to `steps` steps in all, those done before included; returns the history, a row every `record_every` steps.

        examples: (n, ...), or a tuple with labels (n,) for conditional networks. Images in [0, 1], as `data.load` gives them, are
        brought to the generator's pixel_range; images that are in it already stay. A smaller last batch of an epoch is left out.
        `seed` fixes the order of the examples; a second fit goes on in the order of the first.  `resume`: a folder of
        `Checkpoint`, or a file; any changed setting of networks, loss, penalties, remedies and optimizers is refused by name
        (schedules are not compared); more steps may be asked for, and where none are left what belongs to the end is made. A row
        holds the means over its steps of the losses, their terms, scores, accuracies and gradient norms, and "seconds".

        Raises DataError for images outside [-1, 1] or outside the generator's range, ShapeError for a batch size that is no
        multiple of what the discriminator judges together, ValueError for labels that are missing, not asked for, or outside the
        classes, NonFiniteError as soon as a loss or gradient is not finite, naming network, layer and step. Signals: see `fit`.
        """
        check_counts(self, steps, record_every, batch_size)
        examples = prepared(self, examples)
        before = vars(self).copy()
        self.steps, self.callbacks, self.progress = steps, self.in_order(callbacks), progress
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.held())
                self.open(examples, batch_size, seed, resume)
            except Exception:
                vars(self).update(before)  # what is refused changes nothing
                raise
            self.record_every, self.stream = record_every, Endless(self.batches)
            self.frozen = {name: getattr(self, name).frozen() for name in PLAYERS}  # they may have got other layers since
            self.generator.train()
            self.discriminator.train()
            self.notify("on_train_begin")
            self.play()
            self.notify("on_train_end")
            self.note_moved()
        return self.history

    def play(self) -> None:
        """The steps that are left, with a row of the history every so many."""
        self.started = time.perf_counter()
        with (
            stop_requests() as stop_requested,
            tqdm(total=self.steps, initial=self.step, unit="step", disable=not self.progress, leave=False) as bar,
        ):
            while not self.finished:
                self.train_step()
                bar.update()
                bar.set_description_str(self.phase, refresh=False)
                self.notify("on_step_end")
                if self.step % self.record_every == 0 or self.finished:
                    self.add_row()
                if stop_requested():
                    self.interrupt(f"after step {self.step} of {self.steps}", self.named_state())

    def open(self, examples: tuple[np.ndarray, ...], batch_size: int, seed: int | None, resume: str | Path | None) -> None:
        """Take over the data, and where in them to begin: at the start, where the last fit stopped, or where a checkpoint was."""
        position = None if self.batches is None else self.batches.state_dict()
        if position and (position["examples"], position["batch_size"]) != (len(examples[0]), batch_size):
            position = None
        if position or resume is not None:
            seed = 0  # of no consequence, and drawn from no stream: they bring their own
        self.batches = Batches(*examples, batch_size=batch_size, seed=seed, drop_last=True)
        self.data_checksum = checksum(self.batches.arrays)
        self.begun_with = self.described()
        if resume is not None:
            self.load(resume)
        elif position:
            self.batches.load_state_dict(position)

    def check_header(self, header: Mapping[str, Any]) -> None:
        """Raise ValueError for a checkpoint with more steps than are asked for; with as many there is only the end to be made."""
        if header.get("step", 0) > self.steps:
            raise ValueError(
                f"{header['step']} steps are done already; `steps` counts them in, ask for at least as many, not {self.steps}"
            )

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or a callback ends the run."""
        return self.step >= self.steps or self.should_stop()

    @property
    def phase(self) -> str:
        """What stands in front of the progress bar."""
        return ""

    @property
    def example_shape(self) -> tuple[int, ...]:
        """What a real example must look like: what the generator makes."""
        z = np.zeros((1, *self.generator.input_shape))
        return self.sampler.draw(z, *[0] * self.conditional).shape[1:]

    @property
    def conditional(self) -> bool:
        """Whether the networks are told labels."""
        return getattr(self.generator, "classes", None) is not None

    @property
    def batch_multiple(self) -> int:
        """How many examples the discriminator judges together: a batch is a multiple of it."""
        return self.packed * math.lcm(
            *(
                layer.batch_multiple
                for layer in self.discriminator.modules()
                if hasattr(layer, "batch_multiple") and not isinstance(layer, Pack)
            )
        )

    @property
    def packed(self) -> int:
        """How many examples get one score."""
        return math.prod(layer.batch_multiple for layer in self.discriminator.modules() if isinstance(layer, Pack))

    @property
    def sampler(self) -> Generator:
        """The generator to draw from: its moving average, if there is one."""
        return self.average.average if self.average else self.generator

    def sample(self, n: int, *labels: Any) -> np.ndarray:
        """n examples from the averaged generator, on the host, pixels in [0, 1]; a conditional one takes labels (n,)."""
        return self.sampler.sample(n, *labels)

    def add_row(self) -> None:
        """Close a row of the history, check that all is finite, and tell the callbacks."""
        self.check_finite(self.named_state())
        seconds, self.started = time.perf_counter() - self.started, time.perf_counter()
        self.record(
            {"step": self.step, **{name: total / self.summed[name] for name, total in self.sums.items()}, "seconds": seconds}
        )
        self.sums, self.summed = {}, {}
        self.notify("on_epoch_end")

    # -- what can go wrong ---------------------------------------------------------------------------------------

    def evaluate(self, objective: Callable[[], tuple[Any, Terms]]) -> tuple[Any, Terms]:
        """An objective, with errors that name the network, which may be the other player's, and the layer."""
        try:
            return objective()
        except LayerError as error:
            for name in PLAYERS:
                if error.module in list(getattr(self, name).modules()):
                    getattr(self, name).add_path(error)
                    error.path = (name, *error.path)
            raise

    def explain(self, name: str, value: float, objective: Callable[[], Any]) -> None:
        """Raise NonFiniteError for a loss of `name` that is not finite."""
        parameters = {path: tensor for path, tensor in self.named_state().items() if isinstance(tensor, Parameter)}
        self.check_finite(parameters)  # buffers may have seen the numbers that are to be explained
        self.explain_non_finite(f"the {name}'s loss", value, lambda: self.evaluate(objective), getattr(self, name))

    def gradient_norm(self, name: str, optimizer: Optimizer) -> float:
        """The Euclidean norm of the gradient of all the optimizer's parameters. NonFiniteError names the first not finite."""
        gradients = [p.grad.ravel() for p in optimizer.parameters if p.grad is not None]
        square = float(sum(g @ g for g in gradients))
        if not math.isfinite(square):
            for path, p in getattr(self, name).named_parameters().items():
                if p.grad is not None and not all_finite(p.grad):
                    raise NonFiniteError(
                        f"the gradient of {name}.{path} is not finite at {self.position()}; minigen.detect_anomaly() names the op"
                    )
            raise NonFiniteError(
                f"the gradient of the {name} is too large to be squared at {self.position()}: try a smaller learning rate"
            )
        return math.sqrt(square)

    # -- what a checkpoint holds ---------------------------------------------------------------------------------

    def position(self) -> str:
        return f"step {self.step + 1}"

    def named_state(self) -> dict[str, Any]:
        """Path -> parameter or buffer of both networks."""
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
            "average": self.average and self.average.decay,
            "batch size": self.batches.batch_size,
            "pixel range": self.generator.pixel_range and list(self.generator.pixel_range),
            "data checksum": self.data_checksum,
        }
        for name in PLAYERS:
            optimizer = getattr(self, f"{name}_optimizer")
            settings |= {
                f"{name} {key if key == 'optimizer' else f'optimizer {key}'}": value
                for key, value in optimizer.settings().items()
            }
            getattr(self, name).named_state()  # which gives the parameters the names that are compared
            settings |= optimizer_settings(f"{name} optimizer", optimizer)
        return settings

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in ("loss", "penalties", "remedies", *PLAYERS):
            found |= {**described(name, getattr(self, name)), name: without_addresses(repr(getattr(self, name)))}
        for name in PLAYERS:
            found |= {
                f"{name}.{path}": without_addresses(repr(layer))
                for path, layer in getattr(self, name).named_modules()
                if path and (not any(layer.children()) or isinstance(layer, WeightedModule))
            }
        return found

    def check_restored(self) -> None:
        last = self.history.rows[-1] if self.history.rows else {"step": 0}
        if last.get("step", math.inf) > self.step:
            raise StateError(f"history goes on to row {last}, behind step {self.step}")
        if self.sums.keys() != self.summed.keys() or any(type(n) is not int or n < 1 for n in self.summed.values()):
            raise StateError(f"summed is {self.summed}, expected how many numbers are in each of {sorted(self.sums)}")
        for remedy in self.remedies:
            remedy.check_restored(self)
