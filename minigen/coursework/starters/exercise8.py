"""Exercise 8: the chapter's own exercises.

Numbers are those of the book's second edition. The images are glyphs of 14 x 14 pixels in [0, 1], (n, 14, 14, 1), of the
three digits 0, 1 and 7, so that everything trains in seconds. The functions below get images and return something trained.
Use anything in minigen (nn, losses, optim, training, models), except for `Replay`, which you write yourself.

     9. Train a denoising autoencoder on images with Gaussian noise of standard deviation 0.3. Then use a copy of its encoder
        for a classifier that learns from 60 labeled images. The damage must be halved; 80 % of held-out images must be classified
        correctly.
    10. Train a variational autoencoder and let it draw images.
    11. Train a DCGAN. Add experience replay: a buffer of old fakes, which the discriminator sees beside the new ones. Make it
        conditional: both networks are conditioned on the label. 90 % of the samples must be the digit that was asked for.

    minigen check exercise8.py      (about half a minute)

Hints
    - training.fit(model, images, optimizer=optim.Adam(model.parameters(), lr=...), epochs=..., batch_size=...) trains any
      module with loss(x); examples may be (images, labels), for loss(images, labels).
    - minigen.models.autoencoders.denoising.Corruption damages; models.classifier.Classifier(encoder, classes, input_shape)
      puts a head on an encoder; your VAE of exercise 6 can be imported, if exercise6.py is beside this file.
    - models.gans.base.Generator and Discriminator take your networks for 14 x 14 pixels; models.gans.conditional makes both
      conditional; training.Adversarial(generator, discriminator, ..., remedies=[Replay()]) trains them.
"""

from minigen.training import remedies

EXERCISE = 8


def denoising_autoencoder(images):
    """A trained model with a module `encoder` and a method reconstruct(x), damaged images -> clean images in [0, 1]."""
    raise NotImplementedError("9: train a denoising autoencoder")


def classifier(encoder, images, labels):
    """A function predict(images) -> labels (n,), learned from a few labeled images on a copy of the encoder."""
    raise NotImplementedError("9: train a classifier on a copy of the encoder")


def variational_autoencoder(images):
    """A trained model with loss(x) -> (total, terms), in nats per image, and sample(n) -> images in [0, 1]."""
    raise NotImplementedError("10: train a variational autoencoder")


class Replay(remedies.Remedy):
    """A buffer of `capacity` fakes.

    Until it is full every new one is stored and shown; then each new one is either shown or, with probability `share`, replaces
    an old one, which is shown instead, with its own label.
    """

    def __init__(self, capacity=500, share=0.5):
        self.capacity, self.share = capacity, share

    def fakes(self, batch):
        """(images, labels) just made -> (images, labels) to be shown to the discriminator."""
        raise NotImplementedError("11: write the buffer")


def conditional_gan(images, labels):
    """A trained generator with sample(n, labels) -> images (n, 14, 14, 1) in [0, 1], each of the requested class (0, 1 or 2)."""
    raise NotImplementedError("11: train a conditional DCGAN with replay")
