"""What `Adversarial` asks of what it is given, before it plays."""

import warnings
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.autograd import Tensor, no_grad
from minigen.backend import asarray, to_numpy
from minigen.errors import DtypeError, LayerError, ShapeError
from minigen.losses.adversarial import AdversarialLoss
from minigen.losses.penalties import Penalty
from minigen.models.gans import Generator
from minigen.nn import BatchNorm
from minigen.training.gans.remedies import Remedy
from minigen.training.run import batch_of, check_examples, in_range

if TYPE_CHECKING:
    from minigen.training.gans.adversarial import Adversarial


EXAMPLES = {"loss": "losses.NonSaturating()", "penalties": "[losses.R1()]", "remedies": "[remedies.LabelSmoothing()]"}


def check_players(trainer: "Adversarial") -> None:
    """Raise for a loss, penalties, remedies, networks or optimizers that are none, or that do not fit each other."""
    generator, discriminator = trainer.generator, trainer.discriminator
    for name, given, base in (
        ("loss", [trainer.loss], AdversarialLoss),
        ("penalties", trainer.penalties, Penalty),
        ("remedies", trainer.remedies, Remedy),
    ):
        for each in given:
            if not isinstance(each, base):
                raise TypeError(f"{name}: expected such as {EXAMPLES[name]}, got {each!r}")
    for name, steps in (("discriminator_steps", trainer.discriminator_steps), ("generator_steps", trainer.generator_steps)):
        if not isinstance(steps, Integral) or steps < 1:
            raise ValueError(f"{name} counts updates in a step, a whole number of at least 1, got {steps}")
    if not isinstance(generator, Generator):
        raise TypeError(
            f"the generator must be a minigen.models.gans.Generator, got a {type(generator).__name__}: write a "
            "subclass that sets latent_dim and net"
        )
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        ours = {id(p) for p in network.parameters()}
        theirs = {id(p) for p in getattr(trainer, f"{name}_optimizer").parameters}
        if not theirs or not theirs <= ours:
            raise ValueError(
                f"the {name}'s optimizer must have parameters of the {name} and no others: make it from {name}.parameters()"
            )
    classes = [getattr(network, "classes", None) for network in (generator, discriminator)]
    if classes[0] != classes[1]:
        raise ValueError(
            f"the generator has classes {classes[0]}, the discriminator {classes[1]}: both networks are told "
            "the labels, or neither"
        )
    dtypes = [network.parameters()[0].dtype for network in (generator, discriminator)]
    if dtypes[0] != dtypes[1]:
        raise DtypeError(
            f"the generator is {dtypes[0]}, the discriminator {dtypes[1]}: make them one with discriminator.astype('{dtypes[0]}')"
        )
    check_shapes(trainer)
    for remedy in trainer.remedies:
        remedy.check(trainer)
    mixing = [path for path, layer in discriminator.named_modules() if isinstance(layer, BatchNorm)]
    for penalty in trainer.penalties:
        if penalty.needs_gradient and mixing:
            warnings.warn(
                f"{penalty!r} is about the gradient of each example's own score, but {mixing[0]}, a BatchNorm, "
                "makes a score depend on the whole batch: leave it out, or use LayerNorm",
                stacklevel=3,
            )


def check_counts(trainer: "Adversarial", steps: int, record_every: int, batch_size: int) -> None:
    """Raise for steps that are none or done already, and for a batch that cannot be judged."""
    if any(not isinstance(count, Integral) or count < 1 for count in (steps, record_every)):
        raise ValueError(f"steps and record_every count steps, whole numbers of at least 1, got {steps} and {record_every}")
    if batch_size % trainer.batch_multiple:
        right = max(batch_size // trainer.batch_multiple, 1) * trainer.batch_multiple
        raise ShapeError(
            f"the discriminator judges {trainer.batch_multiple} examples together, which do not divide a batch of "
            f"{batch_size}: take batch_size={right}"
        )
    if trainer.step >= steps:
        raise ValueError(f"{trainer.step} steps are done already; `steps` counts them in, ask for more than {steps}")


def check_shapes(trainer: "Adversarial") -> None:
    """Raise ShapeError, naming both shapes, unless the discriminator takes what the generator makes."""
    n = 2 * trainer.batch_multiple
    labels = (asarray(np.zeros(n, dtype=np.int64)),) if trainer.conditional else ()
    z = asarray(np.zeros((n, *trainer.generator.input_shape))).astype(trainer.generator.dtype)
    with trainer.generator.eval_mode(), trainer.discriminator.eval_mode(), no_grad():
        examples = trainer.generator(Tensor(z), *labels)
        try:
            scores = trainer.discriminator(examples, *labels)
        except LayerError as error:
            raise ShapeError(
                f"the generator makes examples {batch_of(examples.shape[1:])}, which the discriminator does not take: {error}"
            ) from error
    expected = (n // trainer.packed, 1)
    if tuple(scores.shape) != expected:
        raise ShapeError(
            f"a discriminator gives one score an example, or one for those it packs, {expected} for {n} examples, "
            f"got {tuple(scores.shape)}"
        )


def prepared(trainer: "Adversarial", examples: Any) -> tuple[np.ndarray, ...]:
    """Examples as the networks take them: images in the generator's range, labels checked. Raises as `Adversarial.fit` does."""
    examples = examples if isinstance(examples, tuple) else (examples,)
    if len(examples) != 1 + trainer.conditional:
        raise ValueError(
            "conditional networks take examples=(images, labels), a tuple"
            if trainer.conditional
            else "these networks take no labels: pass the examples alone, or wrap them in models.gans.conditional"
        )
    images = to_numpy(check_examples("examples", examples[0], trainer.generator)[0])
    made = trainer.example_shape
    if images.shape[1:] != made:
        raise ShapeError(f"the generator makes examples {batch_of(made)}, the real ones are {images.shape}")
    bounds = trainer.generator.pixel_range
    if bounds is not None:
        images = in_range(images, bounds, trainer.generator)
    return (images, *(checked_labels(labels, len(images), trainer.generator.classes) for labels in examples[1:]))


def checked_labels(labels: Any, n: int, classes: int) -> np.ndarray:
    """Labels (n,) as host integers from 0 to classes - 1, or an error that says what they are instead."""
    labels = np.asarray(to_numpy(labels))
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(f"labels: expected {n} integers, one for each example, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels reach from {labels.min()} to {labels.max()}, the networks know 0 to {classes - 1}")
    return labels
