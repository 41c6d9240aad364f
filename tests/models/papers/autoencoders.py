"""The autoencoders of the book's chapter 17, second edition, and of the papers behind them, in plain NumPy.

Each returns codes, reconstruction (logits, where images are meant) and loss.
"""

import math

import numpy as np

from minigen.models import autoencoders as models
from tests.models.papers.arithmetic import (
    Weights,
    batch_norm,
    conv,
    convolved,
    cross_entropies,
    dense,
    flat,
    kernel,
    leaky,
    lstm,
    max_pool,
    selu,
    sigmoid,
    transposed,
    with_labels,
)
from tests.models.papers.network import Network, normal, uniform

Outcome = tuple[np.ndarray, ...]


def linear(w: Weights, x: np.ndarray) -> Outcome:
    """Baldi & Hornik 1989: no activation, squared error. The chapter's 3-2-3."""
    z = dense(x, w, "encoder.0")
    y = dense(z, w, "decoder.0")
    return z, y, ((y - x) ** 2).mean()


def stacked(w: Weights, x: np.ndarray) -> Outcome:
    """The chapter's 784-100-30-100-784: SELU, and a sigmoid at the end, whose logits these are."""
    z = selu(dense(selu(dense(flat(x), w, "encoder.1")), w, "encoder.2"))
    y = dense(selu(dense(z, w, "decoder.0")), w, "decoder.1").reshape(x.shape)
    return z, y, cross_entropies(y, x).mean()


def tied(w: Weights, x: np.ndarray) -> Outcome:
    """The chapter's DenseTranspose: the decoder's weights are the encoder's, transposed; its biases are its own."""
    z = selu(dense(selu(dense(flat(x), w, "encoder.1")), w, "encoder.2"))
    h = selu(z @ w["encoder.2.weight"].T + w["decoder.0.bias"])
    y = (h @ w["encoder.1.weight"].T + w["decoder.1.bias"]).reshape(x.shape)
    return z, y, cross_entropies(y, x).mean()


def convolutional(w: Weights, x: np.ndarray) -> Outcome:
    """The chapter's encoder, SELU between convolution and pooling, and the book's decoder: 28-14-7-3, 3-7-14-28."""
    z = max_pool(selu(conv(x, w, "encoder.0", 3)))
    z = max_pool(selu(conv(z, w, "encoder.3", 3)))
    z = max_pool(selu(conv(z, w, "encoder.6", 3)))
    h = selu(transposed(z, w, "decoder.0", 3, padding="valid"))
    h = selu(transposed(h, w, "decoder.1", 3))
    y = transposed(h, w, "decoder.2", 3)
    return z, y, cross_entropies(y, x).mean()


def convolutional_of_14_by_9(w: Weights, x: np.ndarray) -> Outcome:
    """The same for 14 x 9 pixels and 5 codes: 14-7-3-1 and 9-4-2-1. Without padding 3 x 3 pixels become 7 x 7; to double, the last
    row or column is cut off."""
    z = max_pool(selu(conv(x, w, "encoder.0", 3)))
    z = max_pool(selu(conv(z, w, "encoder.3", 3)))
    z = max_pool(selu(conv(z, w, "encoder.6", 3)))
    assert z.shape[1:3] == (1, 1)
    z = selu(dense(flat(z), w, "encoder.10"))
    h = selu(dense(z, w, "decoder.0")).reshape(len(x), 1, 1, -1)
    h = selu(transposed(h, w, "decoder.2", 3, padding="valid")[:, :, :2])
    h = selu(transposed(h, w, "decoder.3", 3, padding="valid")[:, :, :4])
    y = transposed(h, w, "decoder.4", 3, padding="valid")[:, :14]
    return z, y, cross_entropies(y, x).mean()


def convolutional_bottleneck(w: Weights, x: np.ndarray) -> Outcome:
    """The same with a dense layer on either side of the codes, which has SELU too.

    (The third edition has ReLU; a convolution to 30 maps and their means in place of the first, no activation behind the second.)
    """
    z = max_pool(selu(conv(x, w, "encoder.0", 3)))
    z = max_pool(selu(conv(z, w, "encoder.3", 3)))
    z = max_pool(selu(conv(z, w, "encoder.6", 3)))
    z = selu(dense(flat(z), w, "encoder.10"))
    h = selu(dense(z, w, "decoder.0")).reshape(len(x), 3, 3, -1)
    h = selu(transposed(h, w, "decoder.2", 3, padding="valid"))
    h = selu(transposed(h, w, "decoder.3", 3))
    y = transposed(h, w, "decoder.4", 3)
    return z, y, cross_entropies(y, x).mean()


def recurrent(w: Weights, x: np.ndarray) -> Outcome:
    """The book's: LSTM(100) and LSTM(30) read rows; the last state, once for each row, LSTM(100), and a dense layer write
    them."""
    rows = x.reshape(*x.shape[:2], -1)  # of a color image, all channels of a row
    z = lstm(lstm(rows, w, "encoder.1.cell"), w, "encoder.2.cell")[:, -1]
    h = lstm(np.stack([z] * rows.shape[1], axis=1), w, "decoder.1.cell")
    y = dense(h, w, "decoder.2").reshape(x.shape)
    return z, y, cross_entropies(y, x).mean()


def sparse(w: Weights, x: np.ndarray, l1: float, kl: float, target: float) -> Outcome:
    """The chapter's 784-100-300-100-784 with sigmoid codes, each activity charged; Ng 2011, section 3, for KL.

    Keras's l1 was charged to a batch in some years and to a mean example in others; here to a mean example.
    """
    z = sigmoid(dense(selu(dense(flat(x), w, "encoder.1")), w, "encoder.2"))
    y = dense(selu(dense(z, w, "decoder.0")), w, "decoder.1").reshape(x.shape)
    share = z.mean(axis=0)
    divergence = target * np.log(target / share) + (1 - target) * np.log((1 - target) / (1 - share))
    return z, y, cross_entropies(y, x).mean() + l1 * np.abs(z).sum(axis=1).mean() + kl * divergence.sum()


def hashing(w: Weights, x: np.ndarray, noise: np.ndarray) -> Outcome:
    """The book's: noise of deviation 15 before 16 sigmoids (Salakhutdinov & Hinton 2009)."""
    h = selu(dense(flat(x), w, "encoder.1"))
    z = sigmoid(dense(h + 15.0 * noise, w, "encoder.3"))
    y = dense(selu(dense(z, w, "decoder.0")), w, "decoder.1").reshape(x.shape)
    return z, y, cross_entropies(y, x).mean()


def corrupted(x: np.ndarray, noise: np.ndarray, corruption: str, amount: float) -> np.ndarray:
    """Vincent et al. 2010, section 3.3: Gaussian noise, or masking; dropout (Srivastava et al. 2014) is rescaled masking."""
    if corruption == "gaussian":
        return x + amount * noise
    masked = np.where(noise < amount, 0.0, x)
    return masked / (1.0 - amount) if corruption == "dropout" else masked


def denoising(w: Weights, x: np.ndarray, noise: np.ndarray, corruption: str, amount: float) -> Outcome:
    """Codes and reconstruction of the damaged image; the loss compares with the clean one (Vincent et al. 2008, equation 5)."""
    z, y, _ = stacked(w, corrupted(x, noise, corruption, amount))
    return z, y, cross_entropies(y, x).mean()


def linear_denoising(w: Weights, x: np.ndarray, noise: np.ndarray, corruption: str, amount: float) -> Outcome:
    """The same, without activations and with squared error."""
    z, y, _ = linear(w, corrupted(x, noise, corruption, amount))
    return z, y, ((y - x) ** 2).mean()


def variational(w: Weights, x: np.ndarray, noise: np.ndarray, beta: float, reconstruction: str) -> Outcome:
    """Kingma & Welling 2014, equation 10 and appendix B: the negative bound of a mean example, in nats; beta: Higgins et al.
    2017.

    The book's 784-150-100-(10, 10)-100-150-784 with SELU. Its squared error is that of a Gaussian of variance 1/2.
    """
    h = selu(dense(selu(dense(flat(x), w, "encoder.1")), w, "encoder.2"))
    mean, logvar = dense(h, w, "mean"), dense(h, w, "logvar")
    z = mean + np.exp(logvar / 2) * noise
    y = dense(selu(dense(selu(dense(z, w, "decoder.0")), w, "decoder.1")), w, "decoder.2").reshape(x.shape)
    return mean, logvar, y, *bound(x, y, mean, logvar, beta, reconstruction)


def convolutional_variational(w: Weights, x: np.ndarray, noise: np.ndarray, beta: float, training: bool) -> Outcome:
    """The same with convolutions of 4 x 4 and stride 2, for 8 x 8 or 17 x 9 pixels one each way, normalized over the batch; the
    encoder sees pixels from -2 to 2."""
    rows, columns = (-(-size // 2) for size in x.shape[1:3])
    h = convolved(4 * x - 2, kernel(w, "encoder.0", 4), 2)
    h = flat(leaky(batch_norm(h, w, "encoder.1", training)))
    mean, logvar = dense(h, w, "mean"), dense(h, w, "logvar")
    z = mean + np.exp(logvar / 2) * noise
    h = leaky(batch_norm((z @ w["decoder.0.weight"]).reshape(len(x), rows, columns, -1), w, "decoder.2", training))
    y = transposed(h, w, "decoder.4", 4, to=x.shape[1:3])
    return mean, logvar, y, *bound(x, y, mean, logvar, beta, "mse")


def conditional(w: Weights, x: np.ndarray, labels: np.ndarray, noise: np.ndarray, beta: float) -> Outcome:
    """Kingma et al. 2014, M2's labeled half; Sohn et al. 2015: both networks are also conditioned on y, one-hot. (Their prior may
    know y.)"""
    h = selu(dense(selu(dense(with_labels(flat(x), labels, 3), w, "encoder.1")), w, "encoder.2"))
    mean, logvar = dense(h, w, "mean"), dense(h, w, "logvar")
    z = with_labels(mean + np.exp(logvar / 2) * noise, labels, 3)
    y = dense(selu(dense(selu(dense(z, w, "decoder.0")), w, "decoder.1")), w, "decoder.2").reshape(x.shape)
    return mean, logvar, y, *bound(x, y, mean, logvar, beta, "bce")


def bound(x: np.ndarray, y: np.ndarray, mean: np.ndarray, logvar: np.ndarray, beta: float, reconstruction: str) -> Outcome:
    """Loss, its reconstruction and its KL: sums over pixels or latent variables, means over the batch."""
    kl = -0.5 * (1 + logvar - mean**2 - np.exp(logvar)).sum(axis=1).mean()
    surprise = cross_entropies(y, x) if reconstruction == "bce" else (y - x) ** 2 + 0.5 * math.log(2 * math.pi * 0.5)
    surprise = flat(surprise).sum(axis=1).mean()
    return surprise + beta * kl, surprise, kl


def linear_variational(w: Weights, x: np.ndarray, noise: np.ndarray) -> Outcome:
    """Lucas et al. 2019, section 4: all linear, one variance of the posterior for all examples, a learned one of the noise.

    Last the bound with its expectation over z in closed form, an example's.
    """
    mean, logvar, variance = dense(x, w, "encoder"), w["posterior_logvar"], np.exp(w["noise_logvar"])
    y = dense(mean + np.exp(logvar / 2) * noise, w, "decoder")
    kl = -0.5 * (1 + logvar - mean**2 - np.exp(logvar)).sum(axis=1)
    surprise = 0.5 * ((x - y) ** 2 / variance + np.log(2 * math.pi * variance)).sum(axis=1)
    error = (x - dense(mean, w, "decoder")) ** 2 + (np.exp(logvar)[:, None] * w["decoder.weight"] ** 2).sum(axis=0)
    expected = 0.5 * (error / variance + np.log(2 * math.pi * variance)).sum(axis=1)
    return mean, y, (surprise + kl).mean(), surprise.mean(), kl.mean(), -expected - kl


# -- beside minigen's ----------------------------------------------------------------------------------------------


def whole(model, x, *noise):
    """Codes, reconstruction and loss of an autoencoder."""
    z = model.encode(x, *noise)
    return z, model.decode(z), model.loss(x, *noise)[0]


def restored(model, x, noise):
    """Of a denoising one, of the damaged examples."""
    damaged = model.corrupt(x, noise)
    return model.encode(damaged), model(damaged), model.loss(x, noise)[0]


def posterior(model, x, *rest):
    """Mean, logvar, reconstruction, loss and its terms of a variational one; rest: labels, if it takes them, and noise."""
    *labels, noise = rest
    loss, terms = model.loss(x, *labels, noise=noise)
    return *model.encode(x, *labels), model(x, *labels, noise=noise), loss, terms["reconstruction"], terms["kl"]


def linear_posterior(model, x, noise):
    """Of the linear one, whose logvar is a parameter; and its bound in closed form."""
    mean, _, *rest = posterior(model, x, noise)
    return mean, *rest, model.elbo(x)


PICTURES, SMALL = uniform(3, 28, 28, 1), {"hidden": 4, "latent_dim": 3}
ODD = {**SMALL, "shape": (5, 3, 2)}
NETWORKS = [
    Network("linear", lambda: models.LinearAutoencoder(4, 2), whole, linear, (normal(5, 4),)),
    Network("stacked", lambda: models.StackedAutoencoder(**SMALL), whole, stacked, (PICTURES,)),
    Network("stacked, 5 x 3 x 2", lambda: models.StackedAutoencoder(**ODD), whole, stacked, (uniform(3, 5, 3, 2),)),
    Network("tied", lambda: models.TiedAutoencoder(**SMALL), whole, tied, (PICTURES,)),
    Network("tied, 5 x 3 x 2", lambda: models.TiedAutoencoder(**ODD), whole, tied, (uniform(3, 5, 3, 2),)),
    Network("convolutional", lambda: models.ConvolutionalAutoencoder(feature_maps=(2, 3, 4)), whole, convolutional, (PICTURES,)),
    Network(
        "convolutional, 5 codes",
        lambda: models.ConvolutionalAutoencoder(5, (2, 3, 4)),
        whole,
        convolutional_bottleneck,
        (PICTURES,),
    ),
    Network(
        "convolutional, 14 x 9 x 2",
        lambda: models.ConvolutionalAutoencoder(5, (2, 3, 4), (14, 9, 2)),
        whole,
        convolutional_of_14_by_9,
        (uniform(3, 14, 9, 2),),
    ),
    *(
        Network(
            f"recurrent, {shape[2]} channels",
            lambda shape=shape: models.RecurrentAutoencoder(shape=shape, **SMALL),
            whole,
            recurrent,
            (uniform(2, *shape),),
        )
        for shape in ((4, 5, 1), (4, 5, 3))
    ),
    Network(
        "sparse",
        lambda: models.SparseAutoencoder(5, 0.02, 0.3, 0.2, hidden=4),
        whole,
        lambda w, x: sparse(w, x, l1=0.02, kl=0.3, target=0.2),
        (PICTURES,),
    ),
    Network(
        "sparse, 5 x 3 x 2",
        lambda: models.SparseAutoencoder(5, 0.02, 0.3, 0.2, 4, (5, 3, 2)),
        whole,
        lambda w, x: sparse(w, x, l1=0.02, kl=0.3, target=0.2),
        (uniform(3, 5, 3, 2),),
    ),
    Network(
        "hashing, 5 x 3 x 2",
        lambda: models.HashingAutoencoder(3, 4, shape=(5, 3, 2)),
        whole,
        hashing,
        (uniform(3, 5, 3, 2), 0.1 * normal(3, 4)),
        training=True,
    ),
    Network("hashing", lambda: models.HashingAutoencoder(3, 4), whole, hashing, (PICTURES, 0.1 * normal(3, 4)), training=True),
    *(
        Network(
            f"denoising, {name}",
            lambda name=name, amount=amount: models.DenoisingAutoencoder(name, amount, **SMALL),
            restored,
            lambda w, x, noise, name=name, amount=amount: denoising(w, x, noise, name, amount),
            (PICTURES, noise),
        )
        for name, amount, noise in (
            ("gaussian", 0.2, normal(3, 28, 28, 1)),
            ("masking", 0.4, uniform(3, 28, 28, 1)),
            ("dropout", 0.4, uniform(3, 28, 28, 1)),
        )
    ),
    Network(
        "linear denoising",
        lambda: models.LinearDenoisingAutoencoder(4, 2, "gaussian", 0.3),
        restored,
        lambda w, x, noise: linear_denoising(w, x, noise, "gaussian", 0.3),
        (normal(5, 4), normal(5, 4)),
    ),
    *(
        Network(
            f"variational, {name}",
            lambda name=name: models.VariationalAutoencoder(2, 0.7, name, (5, 4)),
            posterior,
            lambda w, x, noise, name=name: variational(w, x, noise, 0.7, name),
            (PICTURES, normal(3, 2)),
        )
        for name in ("bce", "mse")
    ),
    *(
        Network(
            f"convolutional variational, {shape[0]} x {shape[1]}, {'training' if training else 'evaluation'}",
            lambda shape=shape: models.ConvolutionalVariationalAutoencoder(2, beta=0.7, maps=5, shape=shape),
            posterior,
            lambda w, x, noise, training=training: convolutional_variational(w, x, noise, 0.7, training),
            (uniform(3, *shape), normal(3, 2)),
            training,
        )
        for shape in ((8, 8, 3), (17, 9, 2))
        for training in (True, False)
    ),
    Network(
        "conditional",
        lambda: models.ConditionalVariationalAutoencoder(3, 2, 0.7, hidden=(5, 4)),
        posterior,
        lambda w, x, labels, noise: conditional(w, x, labels, noise, 0.7),
        (PICTURES, np.array([2, 0, 2]), normal(3, 2)),
    ),
    Network(
        "conditional, 5 x 3 x 2",
        lambda: models.ConditionalVariationalAutoencoder(3, 2, 0.7, hidden=(5, 4), shape=(5, 3, 2)),
        posterior,
        lambda w, x, labels, noise: conditional(w, x, labels, noise, 0.7),
        (uniform(3, 5, 3, 2), np.array([2, 0, 2]), normal(3, 2)),
    ),
    Network(
        "linear variational",
        lambda: models.LinearVariationalAutoencoder(4, 2),
        linear_posterior,
        linear_variational,
        (normal(5, 4), normal(5, 2)),
    ),
]
