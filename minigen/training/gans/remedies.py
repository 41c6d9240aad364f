"""Remedies: what the literature does to an adversarial game that goes wrong, each a small change of one of its moves.

Give them to `Adversarial(..., remedies=[...])`; they act in the order of the list. Some remedies need no class: a loss
(`losses.Wasserstein`), a penalty (`losses.R1`), another learning rate for each player (Heusel et al. 2017), more steps of one of
them (`generator_steps=2`), dropout in the discriminator (`dropout=0.4`), examples judged together (`pack=2`), a layer that sees
the batch (`minibatch="stddev"`, `"discrimination"`), or spectral normalization (`nn.spectral_norm(discriminator)`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen.autograd import Tensor, no_grad
from minigen.backend import Array, array_module, asarray, random, to_numpy
from minigen.errors import StateError
from minigen.losses.adversarial import AdversarialLoss
from minigen.nn import Module
from minigen.training.gans.players import Generator
from minigen.utils.settings import Settings, takes_settings

Batch = tuple[Array, ...]  # examples (n, ...), and their labels (n,) if the networks are conditional


class Remedy(Settings):
    """Base of the remedies: subclasses change one move of the game and leave the others. What they remember is `state_dict`."""

    def check(self, loss: AdversarialLoss, discriminator: Module) -> None:
        """Raise, before training, if the remedy cannot work with this loss and this discriminator."""

    def fakes(self, batch: Batch) -> Batch:
        """The generated examples that the discriminator learns from, in place of those just made."""
        return batch

    def augment(self, x: Any, step: int) -> Any:
        """Examples x (n, ...), real or generated, as the discriminator is shown them in both players' steps."""
        return x

    def targets(self, real: Any, fake: Any, scores: Any) -> tuple[Any, Any]:
        """The discriminator's targets for real and generated examples: a number each, or arrays of the shape of the scores."""
        return real, fake

    def generator_objective(
        self, discriminator: Module, real: tuple[Array, ...], fake: Batch
    ) -> tuple[Any, dict[str, Any]] | None:
        """What the generator minimizes in place of the loss's own; None leaves it. real: the batch D has last seen."""
        return None

    def restart(self) -> None:
        """Forget the examples that are remembered: those to come have another size, for the networks have grown."""

    def state_dict(self) -> dict[str, np.ndarray]:
        """What the remedy remembers, as host arrays."""
        return {}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise StateError unless a state with arrays of these dtypes and shapes may be loaded; before it is read."""

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what was remembered."""

    def check_restored(self, generator: Generator, labels: tuple[Array, ...]) -> None:
        """Raise StateError if what was taken over is not of this generator, restored before; labels: those of the examples."""


@takes_settings
@dataclass(frozen=True)
class LabelSmoothing(Remedy):
    """Real examples are only `real` real: the discriminator is never quite sure (Salimans et al. 2016, section 3.4).

    One-sided: fakes stay 0. Smoothed on both sides, to alpha and beta, the best discriminator is
    (alpha p + beta q) / (p + q), which draws the generator to its own samples wherever p is small.
    """

    real: float = 0.9
    fake: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.fake < self.real <= 1.0:
            raise ValueError(f"LabelSmoothing's targets lie in [0, 1], that of real examples above that of fakes, got {self}")

    def check(self, loss: AdversarialLoss, discriminator: Module) -> None:
        check_labeled(self, loss)

    def targets(self, real: Any, fake: Any, scores: Any) -> tuple[Any, Any]:
        return self.smoothed(real), self.smoothed(fake)

    def smoothed(self, target: Any) -> Any:
        """A target, or an array of them, brought from [0, 1] to [fake, real]: whatever came before, such as noise, stays."""
        return float(self.real) * target + float(self.fake) * (1.0 - target)


@takes_settings
@dataclass(frozen=True)
class NoisyLabels(Remedy):
    """Each target of the discriminator is exchanged for the other kind's with probability `flip` (Chintala et al. 2016)."""

    flip: float = 0.05

    def __post_init__(self) -> None:
        if not 0.0 <= self.flip < 0.5:
            raise ValueError(f"NoisyLabels' flip is a probability below 1/2, at which labels say nothing, got {self.flip}")

    def check(self, loss: AdversarialLoss, discriminator: Module) -> None:
        check_labeled(self, loss)

    def targets(self, real: Any, fake: Any, scores: Any) -> tuple[Any, Any]:
        flipped, other = ((random.uniform(scores.shape, dtype=scores.dtype) < self.flip).astype(scores.dtype) for _ in "rf")
        return real + flipped * (fake - real), fake + other * (real - fake)


@takes_settings
@dataclass(frozen=True)
class InstanceNoise(Remedy):
    """Gaussian noise on all that the discriminator sees, real and generated, so that the two overlap (Sønderby et al. 2017).

    Its standard deviation falls linearly from `std`, in units of the examples, to 0 at step `steps`.
    """

    std: float = 0.1
    steps: int = 10_000

    def __post_init__(self) -> None:
        if not 0.0 < self.std < math.inf or self.steps < 1:
            raise ValueError(f"InstanceNoise needs a finite std above 0 and steps of at least 1, got {self}")

    def augment(self, x: Any, step: int) -> Any:
        std = float(self.std) * max(0.0, 1.0 - step / self.steps)
        return x + std * random.normal(x.shape, dtype=x.dtype) if std else x


class ExperienceReplay(Remedy):
    """The discriminator also learns from past fakes, so that the generator does not run in circles (Shrivastava et al. 2017).

    A buffer of `capacity` fakes. Until it is full every new one enters it and is shown; then each new one is either shown, or,
    with probability `share`, takes the place of an old one, which is shown instead; of one batch no more than the buffer holds.
    Labels travel with their examples. Each trainer needs a buffer of its own: ValueError for one that already holds fakes.
    """

    remembered = ("buffer", "filled")

    def __init__(self, capacity: int = 1000, share: float = 0.5):
        if capacity < 1 or not 0.0 < share <= 1.0:
            raise ValueError(f"ExperienceReplay needs a capacity of at least 1 and 0 < share <= 1, got {capacity} and {share}")
        self.capacity, self.share = capacity, share
        self.buffer: list[Array] = []  # one array (capacity, ...) for each of a batch's
        self.filled = 0

    def check(self, loss: AdversarialLoss, discriminator: Module) -> None:
        if self.filled:
            raise ValueError(f"{self!r} holds {self.filled} fakes of another trainer's generator: give each trainer a new one")

    def fakes(self, batch: Batch) -> Batch:
        n = len(batch[0])
        if not self.buffer:
            self.buffer = [array_module(x).empty((self.capacity, *x.shape[1:]), dtype=x.dtype) for x in batch]
        entering = min(n, self.capacity - self.filled)
        for stored, x in zip(self.buffer, batch):
            stored[self.filled : self.filled + entering] = x[:entering]
        self.filled += entering
        host = random.stream("noise")
        swapped = entering + np.flatnonzero(host.random(n - entering) < self.share)[: self.filled - entering]
        if not len(swapped):
            return batch
        new, old = asarray(swapped), asarray(host.permutation(self.filled - entering)[: len(swapped)])
        mixed = tuple(x.copy() for x in batch)
        for stored, x, y in zip(self.buffer, batch, mixed):
            y[new] = stored[old]
            stored[old] = x[new]
        return mixed

    def restart(self) -> None:
        self.buffer, self.filled = [], 0

    def state_dict(self) -> dict[str, np.ndarray]:
        stored = {f"stored {i}": to_numpy(x[: self.filled]).copy() for i, x in enumerate(self.buffer)}
        return {"filled": np.array(self.filled), **stored}

    def check_state(self, state: Mapping[str, Any]) -> None:
        stored = [f"stored {i}" for i in range(len(state) - 1)]
        shapes = [tuple(state[name].shape) for name in stored if name in state]
        fits = state.keys() == {"filled", *stored} and all(shapes) and len({shape[0] for shape in shapes}) <= 1
        if not fits or state["filled"].shape or state["filled"].dtype.kind not in "iu" or shapes and shapes[0][0] > self.capacity:
            raise StateError(f"{self!r}: got a state with {sorted(state)} that does not fit")

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        self.check_state(state)
        stored = [state[f"stored {i}"] for i in range(len(state) - 1)]
        if state["filled"] != (len(stored[0]) if stored else 0):
            raise StateError(f"{self!r}: got a state with {sorted(state)} that does not fit together: filled: {state['filled']}")
        self.filled, self.buffer = int(state["filled"]), []
        for x in map(asarray, stored):
            self.buffer.append(array_module(x).empty((self.capacity, *x.shape[1:]), dtype=x.dtype))
            self.buffer[-1][: self.filled] = x

    def check_restored(self, generator: Generator, labels: tuple[Array, ...]) -> None:
        if not self.buffer:
            return
        with random.fork_rng(), no_grad(), generator.eval_mode():
            inputs = asarray(np.zeros((1, *generator.input_shape), generator.dtype))
            given = [asarray(np.zeros(1, array.dtype)) for array in labels]
            made = [generator(Tensor(inputs), *given).data, *given]
        for i, (x, right) in enumerate(zip(self.buffer, made, strict=True)):
            if (x.dtype, x.shape[1:]) != (right.dtype, right.shape[1:]):
                raise StateError(
                    f"{self!r}: stored {i} is of {x.dtype}{list(x.shape[1:])}, the generator makes "
                    f"{right.dtype}{list(right.shape[1:])}"
                )
        for x in self.buffer[1:]:
            if not ((x[: self.filled] >= 0) & (x[: self.filled] < generator.classes)).all():
                raise StateError(f"{self!r}: stored are labels that are none of {generator.classes} classes")

    def __repr__(self) -> str:
        return f"ExperienceReplay(capacity={self.capacity}, share={self.share})"


@takes_settings
@dataclass(frozen=True)
class FeatureMatching(Remedy):
    """The generator matches the mean of the discriminator's features over a batch, in place of its own loss.

        || E_x f(x) - E_z f(G(z)) ||^2,   f: the discriminator's features(x), both means over the batch

    Not a distance of single examples, real and generated, which have nothing to do with each other. In a conditional game the
    fakes have labels of their own, drawn as the real ones' are: their mixtures agree on average. Salimans et al. 2016, 3.1.
    """

    def check(self, loss: AdversarialLoss, discriminator: Module) -> None:
        if not hasattr(discriminator, "features"):
            raise TypeError(
                f"FeatureMatching needs a discriminator with features(x), {type(discriminator).__name__} has none: write one, "
                "or take one of minigen.models.gans"
            )

    def generator_objective(self, discriminator: Module, real: tuple[Array, ...], fake: Batch) -> tuple[Any, dict[str, Any]]:
        with no_grad():
            wanted = discriminator.features(*real).mean(axis=0)
        difference = discriminator.features(*fake).mean(axis=0) - wanted.data
        loss = (difference * difference).sum()
        return loss, {"feature matching": loss}


def check_labeled(remedy: Remedy, loss: AdversarialLoss) -> None:
    """Raise TypeError for a remedy about labels beside a loss that has none."""
    if not loss.labeled:
        raise TypeError(
            f"{remedy!r} changes the discriminator's labels, and {loss!r} has none: use Minimax, NonSaturating or LeastSquares"
        )
