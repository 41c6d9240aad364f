"""Exercise 8, solved."""

import copy

from minigen import losses, nn, ops, optim, training
from minigen.autograd import no_grad
from minigen.backend import asarray, random
from minigen.models.autoencoders.denoising import Corruption
from minigen.models.classifier import Classifier
from minigen.models.gans import base, conditional
from minigen.training import remedies

EXERCISE = 8
CLASSES = 3


class Denoiser(nn.Module):
    """Dense 196 - 100 - 30 - 100 - 196, shown x + 0.3 noise, asked for x."""

    def __init__(self):
        self.corrupt = Corruption("gaussian", 0.3)
        self.encoder = nn.Sequential(nn.Flatten(), nn.Dense(196, 100, activation="selu"), nn.Dense(100, 30, activation="selu"))
        self.decoder = nn.Sequential(nn.Dense(30, 100, activation="selu"), nn.Dense(100, 196), nn.Reshape((14, 14, 1)))

    def loss(self, x):
        bce = losses.bce_with_logits(self.decoder(self.encoder(self.corrupt(x))), x)
        return bce, {"bce": bce}

    def reconstruct(self, x):
        with no_grad():
            return ops.sigmoid(self.decoder(self.encoder(x)))


def denoising_autoencoder(images):
    """Ten epochs."""
    model = Denoiser()
    training.fit(model, images, optimizer=optim.Adam(model.parameters(), lr=3e-3), epochs=10, batch_size=50)
    return model


def classifier(encoder, images, labels):
    """A head on a copy of the encoder, fine-tuned with it."""
    model = Classifier(copy.deepcopy(encoder), classes=CLASSES, input_shape=(14, 14, 1))
    training.fit(model, (images, labels), optimizer=optim.Adam(model.parameters(), lr=1e-3), epochs=30, batch_size=20)
    return model.predict


class VariationalAutoencoder(nn.Module):
    """196 - 64 - 4 - 64 - 196."""

    def __init__(self):
        self.encoder = nn.Sequential(nn.Flatten(), nn.Dense(196, 64, activation="tanh"))
        self.mean, self.logvar, self.sampling = nn.Dense(64, 4), nn.Dense(64, 4), nn.Sampling()
        self.decoder = nn.Sequential(nn.Dense(4, 64, activation="tanh"), nn.Dense(64, 196), nn.Reshape((14, 14, 1)))

    def loss(self, x):
        h = self.encoder(x)
        mean, logvar = self.mean(h), self.logvar(h)
        reconstruction = losses.bce_with_logits(self.decoder(self.sampling(mean, logvar)), x, reduction="batchmean")
        kl = losses.kl_normal(mean, logvar)
        return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}

    def sample(self, n):
        with no_grad():
            return ops.sigmoid(self.decoder(asarray(random.stream("latent").standard_normal((n, 4), dtype="float32"))))


def variational_autoencoder(images):
    """Fifteen epochs."""
    model = VariationalAutoencoder()
    training.fit(model, images, optimizer=optim.Adam(model.parameters(), lr=5e-3), epochs=15, batch_size=50)
    return model


class Replay(remedies.Remedy):
    """A list of (image, label), in which new ones take the place of old ones."""

    def __init__(self, capacity=500, share=0.5):
        self.capacity, self.share, self.kept = capacity, share, []

    def fakes(self, batch):
        images, labels = (x.copy() for x in batch)
        chance = random.stream("noise")
        for i in range(len(images)):
            new = images[i].copy(), labels[i].copy()
            if len(self.kept) < self.capacity:
                self.kept.append(new)
            elif chance.random() < self.share:
                place = int(chance.integers(self.capacity))
                images[i], labels[i] = self.kept[place]
                self.kept[place] = new
        return images, labels


class Generator(base.Generator):
    """19 -> 7 x 7 x 32 -> 14 x 14 x 1, by the DCGAN's rules."""

    latent_dim, pixel_range = 16 + CLASSES, (-1.0, 1.0)

    def __init__(self):
        self.net = nn.Sequential(
            nn.Dense(self.latent_dim, 7 * 7 * 32),
            nn.Reshape((7, 7, 32)),
            nn.BatchNorm(32),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, stride=2),
            nn.Tanh(),
        )


def conditional_gan(images, labels):
    """200 steps with replay and a penalty."""
    body = nn.Sequential(
        nn.Conv2d(1 + CLASSES, 16, 4, stride=2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 4, stride=2),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
    )
    generator = conditional.Generator(Generator(), CLASSES)
    discriminator = conditional.Discriminator(base.Discriminator(body, 4 * 4 * 32), CLASSES)
    optimizers = [optim.Adam(player.parameters(), lr=2e-3, beta1=0.5) for player in (generator, discriminator)]
    trainer = training.Adversarial(
        generator,
        discriminator,
        loss=losses.NonSaturating(),
        penalties=[losses.R1(gamma=1.0)],
        remedies=[Replay()],
        generator_optimizer=optimizers[0],
        discriminator_optimizer=optimizers[1],
    )
    trainer.fit((images, labels), steps=200, batch_size=32)
    return generator
