"""Exercise 8: the chapter's own exercises. Pretraining by denoising, a VAE, and a conditional DCGAN with experience replay."""

from typing import Any

import numpy as np

from minigen.coursework.exercises.tools import Exercise, expect_bound, expect_images, pictures
from minigen.coursework.grading.remote import Array, Remote, called, numbers, parameters_of
from minigen.coursework.grading.report import expect

CHARACTERS = "017"
LABELED = 60  # labeled images for the classifier
NOISE = 0.3  # standard deviation of the damage
exercise = Exercise(  # without examples: it is about the results of training
    8,
    "The chapter's exercises: denoising and pretraining, a VAE, a conditional DCGAN with replay",
    names=("denoising_autoencoder", "classifier", "variational_autoencoder", "Replay", "conditional_gan"),
    checks=4,
    forbidden=("ExperienceReplay",),
    seconds=600.0,
)


def remains(what: str, made: Any) -> Remote:
    """An object that stays in the learner's process. Raises CheckFailed for a plain value."""
    expect(isinstance(made, Remote), f"{what} gave no model", "is there a return?" if made is None else "")
    return made


@exercise.requirement("9. pretraining")
def pretraining(file: Remote, rng: np.random.Generator) -> str:
    """Denoised images are closer to the clean ones; and the encoder supports a classifier trained on 60 labels."""
    train, test = pictures(CHARACTERS, 1500, 300, rng)
    model = remains("denoising_autoencoder(images)", file.denoising_autoencoder(train.images))
    damaged = test.images + NOISE * rng.standard_normal(test.images.shape).astype(np.float32)
    rebuilt = numbers("reconstruct(x)", model.reconstruct(damaged))
    expect(rebuilt.shape == test.images.shape, f"images {test.images.shape} became images {rebuilt.shape}")
    error = np.mean((rebuilt - test.images) ** 2) / np.mean((damaged - test.images) ** 2)
    expect(
        error <= 0.5,
        f"after denoising the squared error is {error:.2f} of the damage, expected at most 0.5",
        "is the target the whole image, and the input the damaged one?",
    )
    parameters_of(model.encoder, "the model's encoder")
    before = model.encoder.state_dict()
    chosen = np.concatenate([np.flatnonzero(train.labels == k)[: LABELED // 3] for k in range(3)])
    predict = remains(
        "classifier(encoder, images, labels)", file.classifier(model.encoder, train.images[chosen], train.labels[chosen])
    )
    expect(
        unchanged(before, model.encoder.state_dict()),
        "training the classifier has changed the autoencoder's encoder",
        "give the classifier a copy: copy.deepcopy(encoder)",
    )
    labels = numbers("predict(images)", predict(test.images))
    expect(labels.shape == test.labels.shape, f"predict gave shape {labels.shape} for {len(test.labels)} images")
    accuracy = float(np.mean(labels == test.labels))
    expect(
        accuracy >= 0.8,
        f"{accuracy:.1%} of held-out images are classified correctly, expected at least 80 %",
        "did the copy keep the trained weights?",
    )
    return f"squared error {error:.2f} of the damage; {accuracy:.1%} right with {LABELED} labels"


def unchanged(before: dict[str, Array], after: dict[str, Array]) -> bool:
    """Whether two states are the same bit for bit."""
    return before.keys() == after.keys() and all(np.array_equal(x, after[name]) for name, x in before.items())


@exercise.requirement("10. variational")
def variational(file: Remote, rng: np.random.Generator) -> str:
    """A bound better than that of independent pixels, and images that differ."""
    train, test = pictures(CHARACTERS, 1500, 300, rng)
    model = remains("variational_autoencoder(images)", file.variational_autoencoder(train.images))
    _, share, various, _ = expect_bound(model, train, test, 100)
    return f"{share:.2f} of the nats of independent pixels; samples differ {various:.2f} times as much as images"


@exercise.requirement("11. replay")
def replay(file: Remote, rng: np.random.Generator) -> str:
    """Batch by batch: new ones until it is full, then half of them old, each with its own label."""
    kept = remains("Replay(capacity=20, share=0.5)", file.Replay(capacity=20, share=0.5))
    old, oldest, shown, made = 0, 0, 0, 0
    for batch in range(200):
        ids = np.arange(made, made + 10)
        made += 10
        images, labels = np.broadcast_to(ids[:, None, None, None], (10, 2, 2, 1)).astype(np.float32), ids % 3
        found = called(kept.fakes, [(images, labels)])
        expect(isinstance(found["value"], tuple) and len(found["value"]) == 2, "fakes() must return images and their labels")
        x, y = (numbers("what fakes() returned", part) for part in found["value"])
        (after,) = found["inputs"]
        expect(
            np.array_equal(after[0], images) and np.array_equal(after[1], labels),
            "fakes() has changed the batch that it was given; copy it first",
        )
        expect(
            x.shape == images.shape and y.shape == labels.shape,
            f"fakes() gave shapes {x.shape} and {y.shape} for a batch of {images.shape} and {labels.shape}",
        )
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


@exercise.requirement("11. conditional GAN")
def conditional(file: Remote, rng: np.random.Generator) -> str:
    """At least 90 % of the samples are nearest to the mean of their class, and those of a class differ."""
    train, _ = pictures(CHARACTERS, 1500, 300, rng)
    generator = remains("conditional_gan(images, labels)", file.conditional_gan(train.images, train.labels))
    labels = rng.permutation(np.arange(300) % 3)
    made = expect_images("sample(300, labels)", generator.sample(300, labels), (300, 14, 14, 1))
    means = np.stack([train.images[train.labels == k].mean(axis=0) for k in range(3)])
    nearest = ((made[:, None] - means) ** 2).sum(axis=(2, 3, 4)).argmin(axis=1)
    agree = float(np.mean(nearest == labels))
    expect(
        agree >= 0.9,
        f"{agree:.1%} of the samples are nearest to the mean of the class asked for, expected at least 90 %",
        "do both networks see the label?",
    )
    various = [made[labels == k].std(axis=0).mean() / train.images[train.labels == k].std(axis=0).mean() for k in range(3)]
    expect(
        min(various) >= 0.3,
        f"samples of a class differ {min(various):.2f} times as much as images do, expected at least 0.3",
        "mode collapse: all samples of a class alike",
    )
    return f"{agree:.1%} are the class asked for; within a class they differ {min(various):.2f} times as much as images, or more"
