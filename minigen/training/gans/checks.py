"""Checks of a game and its examples, before training."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigen.autograd import Tensor, no_grad
from minigen.backend import asarray, to_numpy
from minigen.data.pixels import are_bytes
from minigen.errors import DataError, DtypeError, LayerError, ShapeError, to_unit_interval
from minigen.losses.adversarial import AdversarialLoss
from minigen.losses.penalties import Penalty
from minigen.nn import BatchNorm
from minigen.optim.optimizer import Optimizer, check_optimizer
from minigen.training.examples import Conversion, Examples, batch_shape, checksum, prepare
from minigen.training.gans.game import Game
from minigen.training.gans.players import Generator
from minigen.training.gans.remedies import Remedy
from minigen.utils.checks import is_whole


def check_players(game: Game, optimizers: Mapping[str, Optimizer], steps: Mapping[str, int], reuse_fakes: bool) -> None:
    """Raise for a loss, penalties, remedies, networks or optimizers that are of other kinds, or do not fit each other."""
    generator, discriminator = game.generator, game.discriminator
    for name, given, base, example in (
        ("loss", [game.loss], AdversarialLoss, "losses.NonSaturating()"),
        ("penalties", game.penalties, Penalty, "[losses.R1()]"),
        ("remedies", game.remedies, Remedy, "[remedies.LabelSmoothing()]"),
    ):
        for each in given:
            if not isinstance(each, base):
                raise TypeError(f"{name}: expected such as {example}, got {each!r}")
    for name, count in steps.items():
        if not is_whole(count) or count < 1:
            raise ValueError(f"{name} counts updates in a step, a whole number of at least 1, got {count}")
    if reuse_fakes and set(steps.values()) != {1}:
        raise ValueError(
            "reuse_fakes: both players learn from the same fakes, in one update each, got "
            + " and ".join(f"{name}={count}" for name, count in steps.items())
        )
    if not isinstance(game.generator, Generator):
        raise TypeError(
            f"the generator must be a minigen.models.gans.Generator, got a {type(generator).__name__}: write a "
            "subclass that sets latent_dim and net, or say how many latent variables any Module takes, latent_dim=100"
        )
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        check_optimizer(f"{name}_optimizer", optimizers[name], name)
        ours = {id(p) for p in network.parameters()}
        theirs = {id(p) for p in optimizers[name].parameters}
        if not theirs or not theirs <= ours:
            raise ValueError(
                f"the {name}'s optimizer must have parameters of the {name} and no others: make it from {name}.parameters()"
            )
    classes = [getattr(network, "classes", None) for network in (generator, discriminator)]
    if classes[0] != classes[1]:
        raise ValueError(
            f"the generator has classes {classes[0]}, the discriminator {classes[1]}: both networks are "
            "conditioned on labels, or neither"
        )
    dtypes = [network.parameters()[0].dtype for network in (generator, discriminator)]
    if dtypes[0] != dtypes[1]:
        raise DtypeError(
            f"the generator is {dtypes[0]}, the discriminator {dtypes[1]}: make them one with discriminator.astype('{dtypes[0]}')"
        )
    check_shapes(game)
    for remedy in game.remedies:
        remedy.check(game.loss, game.discriminator)
    mixing = [path for path, layer in discriminator.named_modules() if isinstance(layer, BatchNorm)]
    for penalty in game.penalties:
        if penalty.needs_gradient and mixing:
            warnings.warn(
                f"{penalty!r} is about the gradient of each example's own score, but {mixing[0]}, a BatchNorm, "
                "makes a score depend on the whole batch: leave it out, or use LayerNorm",
                stacklevel=3,
            )


def check_counts(game: Game, steps: int, record_every: int, batch_size: int) -> None:
    """Raise for steps that are not counts or done already, and for a batch that cannot be scored."""
    if any(not is_whole(count) or count < 1 for count in (steps, record_every)):
        raise ValueError(f"steps and record_every count steps, whole numbers of at least 1, got {steps} and {record_every}")
    if batch_size % game.batch_multiple:
        right = max(batch_size // game.batch_multiple, 1) * game.batch_multiple
        raise ShapeError(
            f"the discriminator scores {game.batch_multiple} examples together, which does not divide a batch of "
            f"{batch_size}: take batch_size={right}"
        )
    if game.step >= steps:
        raise ValueError(f"{game.step} steps are done already; `steps` includes them: pass more than {steps}")


def check_shapes(game: Game) -> None:
    """Raise ShapeError, naming both shapes, unless the discriminator takes the generator's examples."""
    n = 2 * game.batch_multiple
    labels = (asarray(np.zeros(n, dtype=np.int64)),) if game.conditional else ()
    z = asarray(np.zeros((n, *game.generator.input_shape))).astype(game.generator.dtype)
    with game.generator.eval_mode(), game.discriminator.eval_mode(), no_grad():
        examples = game.generator(Tensor(z), *labels)
        try:
            scores = game.discriminator(examples, *labels)
        except LayerError as error:
            raise ShapeError(
                f"the generator makes examples {batch_shape(examples.shape[1:])}, which the discriminator does not take: {error}"
            ) from error
    expected = (n // game.packed, 1)
    if tuple(scores.shape) != expected:
        raise ShapeError(
            f"a discriminator gives one score per example, or one for those it packs, {expected} for {n} examples, "
            f"got {tuple(scores.shape)}"
        )


def prepare_examples(game: Game, examples: Any) -> Examples:
    """The examples, checked, and how batches of them come into the generator's range. Raises as `Adversarial.fit` does."""
    examples = examples if isinstance(examples, tuple) else (examples,)
    if len(examples) != 1 + game.conditional:
        raise ValueError(
            "conditional networks take examples=(images, labels), a tuple"
            if game.conditional
            else "these networks take no labels: pass the examples alone, or wrap them in models.gans.conditional"
        )
    (images,), value, _ = prepare("examples", examples[0], game.generator)
    made = game.example_shape
    if images.shape[1:] != made:
        raise ShapeError(f"the generator makes examples {batch_shape(made)}, the real ones are {images.shape}")
    convert = into_range(images, game.generator)
    value = value if convert is None else checksum([images], convert=convert)
    labels = [checked_labels(each, len(images), game.generator.classes) for each in examples[1:]]
    return Examples((images, *labels), checksum(labels, value), convert)


def into_range(images: np.ndarray, generator: Generator) -> Conversion | None:
    """What brings a batch of the images into the generator's range; None if they are in it already. Raises DataError."""
    if generator.pixel_range is None:  # it makes points
        return None
    if are_bytes(images):
        return generator.from_pixels
    low, high = float(images.min()), float(images.max())
    if low < -1.0 - 1e-5 or high > 1.0 + 1e-5:
        raise DataError(
            f"images reach from {low:.6g} to {high:.6g}, expected pixels in [0, 1] or [-1, 1]: {to_unit_interval(low, high)}"
        )
    if low >= -1e-5:
        return generator.from_pixels
    if generator.pixel_range[0] > -1.0:
        raise DataError(
            f"images reach from {low:.6g} to {high:.6g}, this generator makes pixels in {list(generator.pixel_range)}: "
            "(images + 1) / 2"
        )
    return None


def checked_labels(labels: Any, n: int, classes: int) -> np.ndarray:
    """Labels (n,) as host integers from 0 to classes - 1, else an error that says what they are."""
    labels = np.asarray(to_numpy(labels))
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(f"labels: expected {n} integers, one for each example, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels reach from {labels.min()} to {labels.max()}, the networks know 0 to {classes - 1}")
    return labels
