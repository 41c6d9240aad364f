"""Exercise 8: the chapter's own exercises. Pretraining by denoising, a VAE, and a conditional DCGAN with experience replay."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from minigen.autograd import no_grad
from minigen.coursework.exercises import expect, numbers, pictures, pixelwise_nats, requirement
from minigen.nn import Module

TITLE = "The chapter's exercises: denoising and pretraining, a VAE, a conditional DCGAN with replay"
SECONDS = 600.0
NAMES = ("denoising_autoencoder", "classifier", "variational_autoencoder", "Replay", "conditional_gan")
FORBIDDEN = ("ExperienceReplay",)
CHARACTERS = "017"
LABELLED = 60  # images whose labels the classifier may see
NOISE = 0.3    # standard deviation of the damage


def examples(file: ModuleType) -> Iterator[Any]:
    """Nothing to be checked by itself: this exercise is about what comes out of training."""
    return iter(())


@requirement("9. pretraining")
def pretraining(file: ModuleType) -> str:
    """Denoised, images are nearer to the whole ones; and the encoder serves a classifier that has seen 60 labels."""
    train, test = pictures(CHARACTERS, 1500, 300)
    model = file.denoising_autoencoder(train.images)
    damaged = test.images + NOISE * np.random.default_rng(7).standard_normal(test.images.shape).astype(np.float32)
    with no_grad():
        error = np.mean((numbers(model.reconstruct(damaged)) - test.images) ** 2) / np.mean((damaged - test.images) ** 2)
    expect(error <= 0.5, f"after denoising the squared error is {error:.2f} of the damage, expected at most 0.5",
           "is the target the whole image, and the input the damaged one?")
    expect(isinstance(getattr(model, "encoder", None), Module), "the model has no module `encoder`")
    before = model.encoder.fingerprint()
    chosen = np.concatenate([np.flatnonzero(train.labels == k)[:LABELLED // 3] for k in range(3)])
    predict = file.classifier(model.encoder, train.images[chosen], train.labels[chosen])
    expect(model.encoder.fingerprint() == before, "training the classifier has changed the autoencoder's encoder",
           "give the classifier a copy: copy.deepcopy(encoder)")
    accuracy = float(np.mean(numbers(predict(test.images)) == test.labels))
    expect(accuracy >= 0.8, f"{accuracy:.1%} of held-out images are classified rightly, expected at least 80 %",
           "did the copy keep the trained weights?")
    return f"squared error {error:.2f} of the damage; {accuracy:.1%} right with {LABELLED} labels"


@requirement("10. variational")
def variational(file: ModuleType) -> str:
    """A bound better than that of independent pixels, and images that differ."""
    train, test = pictures(CHARACTERS, 1500, 300)
    model = file.variational_autoencoder(train.images)
    with no_grad():
        total = float(model.loss(test.images)[0])
    independent = pixelwise_nats(train.images, test.images)
    expect(total <= 0.9 * independent, f"{total:.1f} nats on held-out images, expected at most 0.9 times the "
           f"{independent:.1f} of a model of independent pixels")
    made = numbers(model.sample(100))
    expect(made.shape == (100, 14, 14, 1) and made.min() >= 0.0 and made.max() <= 1.0,
           f"sample(100) gave shape {made.shape}, from {made.min():.3g} to {made.max():.3g}; expected images in [0, 1]")
    various = made.std(axis=0).mean() / train.images.std(axis=0).mean()
    expect(various >= 0.5, f"samples differ {various:.2f} times as much as images do, expected at least 0.5")
    return f"{total / independent:.2f} of the nats of independent pixels; samples differ {various:.2f} times as much as images"


@requirement("11. replay")
def replay(file: ModuleType) -> str:
    """Batch for batch: new ones until it is full, then half of them old, each with its own label."""
    kept = file.Replay(capacity=20, share=0.5)
    old, oldest, shown, made = 0, 0, 0, 0
    for batch in range(200):
        ids = np.arange(made, made + 10)
        made += 10
        images, labels = np.broadcast_to(ids[:, None, None, None], (10, 2, 2, 1)).astype(np.float32), ids % 3
        given = images.copy()
        x, y = (numbers(part) for part in kept.fakes((images, labels)))
        expect(np.array_equal(images, given), "fakes() has changed the batch that it was given; copy it first")
        expect(x.shape == images.shape and y.shape == labels.shape, f"fakes() gave shapes {x.shape} and {y.shape} for a batch of "
               f"{images.shape} and {labels.shape}")
        whose = x[:, 0, 0, 0].astype(int)
        expect(np.array_equal(whose % 3, y), "an image came back with another image's label: exchange both together")
        if batch < 2:
            expect(np.array_equal(whose, ids), "until the buffer is full, the new ones are shown")
        else:
            age = batch - whose // 10
            expect((age >= 0).all(), "images came back that nobody had made")
            old, oldest, shown = old + int((age > 0).sum()), max(oldest, int(age.max())), shown + 10
    share = old / shown
    expect(0.3 <= share <= 0.6, f"{share:.2f} of the images shown are old, expected about half (share = 0.5)")
    expect(oldest >= 3, f"the oldest image shown is {oldest} batches old, expected at least 3 from a buffer of two batches")
    return f"{share:.2f} are old, with their labels"


@requirement("11. conditional GAN")
def conditional(file: ModuleType) -> str:
    """At least 90 % of the samples are nearest to the mean of the class asked for, and those of a class differ."""
    train, _ = pictures(CHARACTERS, 1500, 300)
    generator = file.conditional_gan(train.images, train.labels)
    labels = np.arange(300) % 3
    made = numbers(generator.sample(300, labels))
    expect(made.shape == (300, 14, 14, 1) and made.min() >= 0.0 and made.max() <= 1.0,
           f"sample(300, labels) gave shape {made.shape}, from {made.min():.3g} to {made.max():.3g}; expected images in [0, 1]")
    means = np.stack([train.images[train.labels == k].mean(axis=0) for k in range(3)])
    nearest = ((made[:, None] - means) ** 2).sum(axis=(2, 3, 4)).argmin(axis=1)
    agree = float(np.mean(nearest == labels))
    expect(agree >= 0.9, f"{agree:.1%} of the samples are nearest to the mean of the class asked for, expected at least 90 %",
           "do both networks see the label?")
    spread = [made[labels == k].std(axis=0).mean() / train.images[train.labels == k].std(axis=0).mean() for k in range(3)]
    expect(min(spread) >= 0.3, f"samples of a class differ {min(spread):.2f} times as much as images do, expected at least 0.3",
           "mode collapse: all samples of a class alike")
    return f"{agree:.1%} are the class asked for; within a class they differ {min(spread):.2f} times as much as images, or more"
