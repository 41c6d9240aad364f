"""The recipes of all autoencoders, with the rates of the demos that measured them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from minigen import optim, training
from minigen.autograd import no_grad
from minigen.backend import asarray, to_numpy
from minigen.data import Dataset
from minigen.errors import RecipeError
from minigen.models import autoencoders
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.autoencoders.denoising import CORRUPTIONS
from minigen.models.autoencoders.variational import LIKELIHOODS
from minigen.ops import sigmoid
from minigen.optim import schedules
from minigen.optim.optimizer import Optimizer
from minigen.recipes import subjects
from minigen.recipes.recipe import Learner, Option, Plan, Recipe, Subject, check_untruncated
from minigen.training import Callback, History
from minigen.training.checkpoint import Saved

VALIDATED = 2000  # held-out examples that are judged after each epoch


@dataclass(frozen=True)
class AutoencoderRecipe(Recipe):
    """A model with loss(examples), trained by `training.fit`. optimizer: (parameters, lr, steps of the whole run) -> it."""

    optimizer: Callable[[Sequence[Any], float, int], Optimizer] = lambda parameters, lr, steps: optim.Nadam(parameters, lr=lr)

    def timed(self, plan: Plan, subject: Subject, n: int) -> Plan:
        epochs, steps = plan.epochs, plan.steps
        if epochs is None and steps is None:
            epochs, steps = self.epochs, self.steps
        return replace(plan, epochs=epochs or ceil(steps / ceil(n / plan.batch_size)), steps=None)

    def made(self, subject: Subject, plan: Plan) -> "AutoencoderLearner":
        return AutoencoderLearner(self, subject, plan)


class AutoencoderLearner(Learner):
    """An autoencoder and its training; `model` is what is trained."""

    def __init__(self, recipe: AutoencoderRecipe, subject: Subject, plan: Plan):
        super().__init__(recipe, subject, plan)
        self.model = recipe.build(subject, **plan.options)

    def fit(
        self,
        train: Dataset,
        test: Dataset,
        callbacks: Sequence[Callback] = (),
        resume: str | Path | None = None,
        progress: bool = True,
    ) -> History:
        plan = self.plan
        steps = plan.epochs * ceil(len(train) / plan.batch_size)
        optimizer = self.recipe.optimizer(self.model.parameters(), plan.lr, steps)
        return training.fit(
            self.model,
            self.recipe.examples(train),
            validation=self.recipe.examples(test[:VALIDATED]),
            optimizer=optimizer,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            callbacks=callbacks,
            resume=resume,
            progress=progress,
        )

    def load(self, saved: Saved) -> None:
        self.model.load_state_dict(saved.fitting("model", self.model))
        self.model.eval()

    # -- use -----------------------------------------------------------------------------------------------------

    @property
    def generative(self) -> bool:
        """Whether codes have a distribution to draw from."""
        return isinstance(self.model, autoencoders.VariationalAutoencoder)

    def sample(self, n: int, label: int | None = None, psi: float = 1.0) -> np.ndarray:
        check_untruncated(self.recipe, psi)
        labels = self.labels(n, label)
        if not self.generative:
            raise RecipeError(
                f"{self.recipe.name} cannot sample: its codes have no distribution to draw from. It gives back "
                "what it is shown, and interpolates between held-out examples; vae and the GANs sample"
            )
        return to_numpy(self.model.sample(labels if self.conditional else n))

    def between(self, pairs: int, steps: int, rng: np.random.Generator, held_out: Dataset) -> np.ndarray:
        """Straight from codes of held-out examples to those of others; a class that the model is told stays the first one's.

        RecipeError for more walks than there are pairs of held-out examples.
        """
        if len(held_out) < 2 * pairs:
            raise RecipeError(f"{pairs} walks are between {2 * pairs} held-out examples, there are {len(held_out)}")
        chosen = held_out[rng.permutation(len(held_out))[: 2 * pairs]]
        start, end = (self.codes(chosen[part])[:, None] for part in (slice(pairs), slice(pairs, None)))
        t = np.linspace(0, 1, steps, dtype=start.dtype).reshape(1, steps, *[1] * (start.ndim - 2))
        codes = (start + t * (end - start)).reshape(pairs * steps, *start.shape[2:])
        labels = [np.repeat(chosen.labels[:pairs], steps)] if self.conditional else []
        with self.model.eval_mode(), no_grad():
            made = to_numpy(self.as_pixels(self.model.decode(asarray(codes), *labels)))
        return made.reshape(pairs, steps, *made.shape[1:])

    def inputs(self, dataset: Dataset) -> tuple[np.ndarray, ...]:
        """What the model is given of a data set: its examples, and their labels if it is told them."""
        examples = self.recipe.examples(dataset)
        return examples if self.conditional else (examples,)

    def reconstruct(self, dataset: Dataset) -> np.ndarray:
        """What the model makes of examples of a data set, on the host."""
        make = getattr(self.model, "reconstruct", lambda x: self.as_pixels(self.model(x)))
        with self.model.eval_mode(), no_grad():
            return to_numpy(make(*map(asarray, self.inputs(dataset))))

    def codes(self, dataset: Dataset) -> np.ndarray:
        """The codes of examples of a data set, on the host; of those that are distributions, the means."""
        with self.model.eval_mode(), no_grad():
            codes = self.model.encode(*map(asarray, self.inputs(dataset)))
        return to_numpy(codes[0] if self.generative else codes)

    def as_pixels(self, y: Any) -> Any:
        """What the decoder puts out, logits or values, as pixels."""
        if self.generative:
            return self.model.pixels_from_logits(y)
        return sigmoid(y) if isinstance(self.model, ImageAutoencoder) else y


def sgd(parameters: Sequence[Any], lr: float, steps: int) -> Optimizer:
    """The chapter's, at one rate."""
    return optim.SGD(parameters, lr=lr)


def adam(parameters: Sequence[Any], lr: float, steps: int) -> Optimizer:
    """Adam, whose rate falls along a cosine to 0 at the end of the run."""
    return optim.Adam(parameters, lr=schedules.cosine(lr, steps))


def warmed_up(parameters: Sequence[Any], lr: float, steps: int) -> Optimizer:
    """Nadam, whose rate rises for a third of the run while it falls along a cosine."""
    return optim.Nadam(parameters, lr=schedules.warmup(schedules.cosine(lr, steps), max(steps // 3, 1)))


def codes(n: int) -> dict[str, Option]:
    """The option that all of them have."""
    return {"latent_dim": Option(n, "numbers in a code")}


LIKELIHOOD = Option("bce", "p(x|z) of a pixel: Bernoulli (bce) or Gaussian (mse)", LIKELIHOODS)


def convolutional(subject: Subject, latent_dim: int) -> Any:
    """The chapter's network, or one as large as the third edition's with `latent_dim` codes."""
    return autoencoders.ConvolutionalAutoencoder(latent_dim=latent_dim or None)


AUTOENCODERS = [
    AutoencoderRecipe(
        "linear",
        "PCA with a linear autoencoder",
        lambda subject, latent_dim: autoencoders.LinearAutoencoder(subject.shape[0], latent_dim),
        lr=0.01,
        batch_size=60,
        steps=2000,
        optimizer=adam,
        options=codes(2),
        view=subjects.flat,
        data="plane",
    ),
    AutoencoderRecipe(
        "stacked",
        "stacked autoencoder, the chapter's",
        lambda subject, **o: autoencoders.StackedAutoencoder(**o),
        lr=1.5,
        batch_size=32,
        epochs=10,
        optimizer=sgd,
        options=codes(30),
    ),
    AutoencoderRecipe(
        "tied",
        "stacked autoencoder that decodes with the encoder's weights",
        lambda subject, **o: autoencoders.TiedAutoencoder(**o),
        lr=1.5,
        batch_size=32,
        epochs=10,
        optimizer=sgd,
        options=codes(30),
    ),
    AutoencoderRecipe(
        "convolutional",
        "convolutional autoencoder",
        convolutional,
        lr=1e-3,
        batch_size=32,
        epochs=6,
        options={"latent_dim": Option(0, "numbers in a code; 0: 64 maps of 3 x 3")},
    ),
    AutoencoderRecipe(
        "recurrent",
        "recurrent autoencoder: an image read and written row by row",
        lambda subject, **o: autoencoders.RecurrentAutoencoder(**o),
        lr=6e-3,
        batch_size=32,
        epochs=16,
        optimizer=warmed_up,
        options=codes(30),
    ),
    AutoencoderRecipe(
        "denoising",
        "denoising autoencoder",
        lambda subject, **o: autoencoders.DenoisingAutoencoder(**o),
        lr=1e-3,
        batch_size=32,
        epochs=10,
        options={
            **codes(30),
            "corruption": Option("gaussian", "how images are damaged", tuple(CORRUPTIONS)),
            "amount": Option(0.2, "of the damage: the noise's deviation, or the share of pixels lost"),
        },
    ),
    AutoencoderRecipe(
        "sparse",
        "sparse autoencoder: many codes, few of them active",
        lambda subject, **o: autoencoders.SparseAutoencoder(**o),
        lr=1e-3,
        batch_size=32,
        epochs=10,
        options={
            **codes(300),
            "l1": Option(0.0, "weight of the L1 penalty (the chapter's: 1e-3)"),
            "kl": Option(0.05 / 32, "weight of the KL penalty"),
            "target": Option(0.1, "mean activation that KL asks for"),
        },
    ),
    AutoencoderRecipe(
        "hashing",
        "binary hashing: codes that are bits",
        lambda subject, **o: autoencoders.HashingAutoencoder(**o),
        lr=1e-3,
        batch_size=32,
        epochs=10,
        options={"bits": Option(16, "bits in a code"), "noise_std": Option(15.0, "deviation of the noise before the bits")},
    ),
    AutoencoderRecipe(
        "vae",
        "variational autoencoder",
        lambda subject, **o: autoencoders.VariationalAutoencoder(**o),
        lr=2e-3,
        batch_size=128,
        epochs=25,
        optimizer=adam,
        options={**codes(10), "beta": Option(1.0, "weight of the KL divergence"), "reconstruction": LIKELIHOOD},
    ),
    AutoencoderRecipe(
        "conditional-vae",
        "variational autoencoder that is told the class",
        lambda subject, **o: autoencoders.ConditionalVariationalAutoencoder(subject.classes, **o),
        lr=2e-3,
        batch_size=128,
        epochs=25,
        optimizer=adam,
        labeled=True,
        options={**codes(10), "beta": Option(2.0, "weight of the KL divergence"), "reconstruction": LIKELIHOOD},
    ),
    AutoencoderRecipe(
        "linear-vae",
        "linear variational autoencoder = probabilistic PCA",
        lambda subject, latent_dim: autoencoders.LinearVariationalAutoencoder(subject.shape[0], latent_dim),
        lr=0.02,
        batch_size=60,
        steps=4000,
        optimizer=adam,
        options=codes(2),
        view=subjects.flat,
        data="plane",
    ),
]
