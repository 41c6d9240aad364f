"""Remedies: what the literature does about an adversarial game that goes wrong, each a small change of one of its moves.

Give them to `Adversarial(..., remedies=[...])`; they are applied in order. Some remedies need no class: a loss
(`losses.Wasserstein`), a penalty (`losses.R1`), another learning rate for each player (Heusel et al. 2017), more steps of one of
them (`generator_steps=2`), dropout in the discriminator (`dropout=0.4`), examples scored together (`pack=2`), a layer that sees
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
    """Base of the remedies: subclasses change one move of the game. `state_dict` holds what they remember."""

    def check(self, loss: AdversarialLoss, discriminator: Module) -> None:
        """Raise, before training, if the remedy cannot work with this loss and this discriminator."""

    def fakes(self, batch: Batch) -> Batch:
        """The generated examples that the discriminator learns from, in place of the new ones."""
        return batch

    def augment(self, x: Any, step: int) -> Any:
        """Examples x (n, ...), real or generated, as the discriminator sees them in both players' steps."""
        return x

    def targets(self, real: Any, fake: Any, scores: Any) -> tuple[Any, Any]:
        """The discriminator's targets for real and generated examples: a scalar each, or arrays of the shape of the scores."""
        return real, fake

    def generator_objective(
        self, discriminator: Module, real: tuple[Array, ...], fake: Batch
    ) -> tuple[Any, dict[str, Any]] | None:
        """What the generator minimizes in place of the loss's own; None keeps it. real: the last batch that D has seen."""
        return None

    def restart(self) -> None:
        """Drop all remembered examples: the networks have grown, and new ones have another size."""

    def state_dict(self) -> dict[str, np.ndarray]:
        """What the remedy remembers, as host arrays."""
        return {}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise StateError, before the state is read, unless arrays of these dtypes and shapes can be loaded."""

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Load what was remembered."""

    def check_restored(self, generator: Generator, labels: tuple[Array, ...]) -> None:
        """Raise StateError if the loaded state is not of this generator, which was restored before; labels: those of the
        examples."""


@takes_settings
@dataclass(frozen=True)
class LabelSmoothing(Remedy):
    """The target of real examples is `real`, below 1: the discriminator is never quite confident (Salimans et al. 2016, section
    3.4).

    One-sided: fakes stay 0. Smoothed on both sides, to alpha and beta, the best discriminator is
    (alpha p + beta q) / (p + q), which attracts the generator to its own samples wherever p is small.
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
        """A target, or an array of them, mapped from [0, 1] to [fake, real], which preserves earlier changes such as noise."""
        return float(self.real) * target + float(self.fake) * (1.0 - target)


@takes_settings
@dataclass(frozen=True)
class NoisyLabels(Remedy):
    """Each target of the discriminator is flipped with probability `flip` (Chintala et al. 2016)."""

    flip: float = 0.05

    def __post_init__(self) -> None:
        if not 0.0 <= self.flip < 0.5:
            raise ValueError(f"NoisyLabels' flip is a probability below 1/2, where labels carry no information, got {self.flip}")

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
    """The discriminator also learns from past fakes, against running in circles (Shrivastava et al. 2017).

    A buffer of `capacity` fakes. Until it is full, every new one is stored and shown; then each new one is either shown or, with
    probability `share`, replaces an old one, which is shown instead; at most `capacity` per batch. Labels stay with their
    examples. Each trainer needs a buffer of its own: ValueError for one that already holds fakes.
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

    Single real and generated examples are not compared: they are unrelated. In a conditional game the fakes have labels of their
    own, drawn from the distribution of the real ones: the mixtures agree on average. Salimans et al. 2016, 3.1.
    """

    def check(self, loss: AdversarialLoss, discriminator: Module) -> None:
        if not hasattr(discriminator, "features"):
            raise TypeError(
                f"FeatureMatching needs a discriminator with features(x), {type(discriminator).__name__} has none: define one, "
                "or use one of minigen.models.gans"
            )

    def generator_objective(self, discriminator: Any, real: tuple[Array, ...], fake: Batch) -> tuple[Any, dict[str, Any]]:
        with no_grad():
            wanted = discriminator.features(*real).mean(axis=0)
        difference = discriminator.features(*fake).mean(axis=0) - wanted.data
        loss = (difference * difference).sum()
        return loss, {"feature matching": loss}


def check_labeled(remedy: Remedy, loss: AdversarialLoss) -> None:
    """Raise TypeError for a remedy about labels with a loss that has none."""
    if not loss.labeled:
        raise TypeError(
            f"{remedy!r} changes the discriminator's labels, and {loss!r} has none: use Minimax, NonSaturating or LeastSquares"
        )
