"""The networks of the first GAN, of DCGAN, of WGAN-GP, for points, and for labels, in plain NumPy."""

from functools import partial

import numpy as np

from minigen.models.gans import conditional, dcgan, gan, points, wgan
from tests.models.papers.arithmetic import (
    Weights,
    batch_norm,
    conv,
    dense,
    doubled,
    flat,
    leaky,
    max_pool,
    minibatch_discrimination,
    minibatch_stddev,
    relu,
    selu,
    sigmoid,
    transposed,
    with_labels,
)
from tests.models.papers.network import Network, normal, uniform

Size = tuple[int, int]


def first_generator(w: Weights, z: np.ndarray, size: Size = (28, 28)) -> np.ndarray:
    """The chapter's 30-100-150-784: SELU, sigmoid."""
    x = selu(dense(selu(dense(z, w, "net.0")), w, "net.1"))
    return sigmoid(dense(x, w, "net.2")).reshape(len(z), *size, -1)


def first_discriminator(w: Weights, x: np.ndarray) -> np.ndarray:
    """The chapter's 784-150-100-1: SELU; its sigmoid belongs to the loss."""
    return dense(selu(dense(selu(dense(flat(x), w, "body.1")), w, "body.2")), w, "head")


def book_generator(w: Weights, z: np.ndarray, training: bool) -> np.ndarray:
    """The book's DCGAN: 7 x 7 x 128, batch normalization before both transposed convolutions of 5 x 5; SELU, tanh."""
    x = batch_norm(dense(z, w, "net.0").reshape(-1, 7, 7, 128), w, "net.2", training)
    x = batch_norm(selu(transposed(x, w, "net.3", 5)), w, "net.4", training)
    return np.tanh(transposed(x, w, "net.5", 5))


def book_discriminator(w: Weights, x: np.ndarray) -> np.ndarray:
    """The book's: two convolutions of 5 x 5 with stride 2, leaky ReLU; dropout rests in evaluation."""
    x = leaky(conv(x, w, "body.0", 5, stride=2))
    x = leaky(conv(x, w, "body.3", 5, stride=2))
    return dense(flat(x), w, "head")


def larger_book_generator(w: Weights, z: np.ndarray, training: bool) -> np.ndarray:
    """The same with one layer more: 4 x 4 x 256, 8 x 8 x 128, 16 x 16 x 64, 32 x 32."""
    x = batch_norm(dense(z, w, "net.0").reshape(-1, 4, 4, 256), w, "net.2", training)
    x = batch_norm(selu(transposed(x, w, "net.3", 5)), w, "net.4", training)
    x = batch_norm(selu(transposed(x, w, "net.5", 5)), w, "net.6", training)
    return np.tanh(transposed(x, w, "net.7", 5))


def larger_book_discriminator(w: Weights, x: np.ndarray) -> np.ndarray:
    """The same with one layer more: 64, 128 and 256 maps of 16 x 16, 8 x 8 and 4 x 4."""
    assert [len(w[f"body.{i}.bias"]) for i in (0, 3, 6)] == [64, 128, 256]
    for name in ("body.0", "body.3", "body.6"):
        x = leaky(conv(x, w, name, 5, stride=2))
    assert x.shape[1:] == (4, 4, 256)
    return dense(flat(x), w, "head")


def odd_generator(w: Weights, z: np.ndarray, training: bool = True) -> np.ndarray:
    """DCGAN's at 17 x 33: 5 x 9 x 64, 9 x 17 x 32, 17 x 33. What a strided convolution halves is made of its half, rounded up."""
    x = relu(batch_norm(dense(z, w, "net.0").reshape(len(z), 5, 9, 64), w, "net.2", training))
    x = relu(batch_norm(transposed(x, w, "net.4", 4, to=(9, 17)), w, "net.5", training))
    assert x.shape[3] == 32
    return np.tanh(transposed(x, w, "net.7", 4, to=(17, 33)))


def dcgan_generator(w: Weights, z: np.ndarray, training: bool = True) -> np.ndarray:
    """Radford et al. 2016, figure 1, at 28 x 28: batch normalization and ReLU behind all but the last layer; tanh."""
    x = relu(batch_norm(dense(z, w, "net.0").reshape(len(z), 7, 7, -1), w, "net.2", training))
    x = relu(batch_norm(transposed(x, w, "net.4", 4), w, "net.5", training))
    return np.tanh(transposed(x, w, "net.7", 4))


def dcgan_discriminator(w: Weights, x: np.ndarray, training: bool = True) -> np.ndarray:
    """Radford et al. 2016, section 3: strided convolutions, leaky ReLU, batch normalization but at the images."""
    x = leaky(conv(x, w, "body.0", 4, stride=2))
    x = leaky(batch_norm(conv(x, w, "body.2", 4, stride=2), w, "body.3", training))
    x = leaky(batch_norm(conv(x, w, "body.5", 4, stride=2), w, "body.6", training))
    return dense(flat(x), w, "head")


def broken_generator(w: Weights, z: np.ndarray) -> np.ndarray:
    """Against the rules: a hidden dense layer, no batch normalization, pixels repeated before plain convolutions."""
    x = relu(dense(relu(dense(z, w, "net.0")), w, "net.2").reshape(len(z), 7, 7, -1))
    x = relu(conv(doubled(x), w, "net.6", 4))
    return np.tanh(conv(doubled(x), w, "net.9", 4))


def broken_discriminator(w: Weights, x: np.ndarray) -> np.ndarray:
    """Against the rules: max pooling behind plain convolutions, no batch normalization, a hidden dense layer."""
    for name in ("body.0", "body.3", "body.6"):
        x = leaky(max_pool(conv(x, w, name, 4)))
    return dense(leaky(dense(flat(x), w, "body.10")), w, "head")


def wgan_generator(w: Weights, z: np.ndarray) -> np.ndarray:
    """Gulrajani et al. 2017, their code for MNIST with a gradient penalty: 4 x 4, 7 x 7, 14 x 14, 28 x 28; ReLU, sigmoid.

    From 4 x 4 to 7 x 7 they cut the last row and column off 8 x 8; minigen makes what a strided convolution halves to 4 x 4,
    which is the first of 8 x 8 cut off: the same network with a kernel that lies one pixel further.
    """
    x = relu(dense(z, w, "net.0")).reshape(len(z), 4, 4, -1)
    x = relu(transposed(x, w, "net.2", 5, padding="valid"))[:, 2:9, 2:9]
    x = relu(transposed(x, w, "net.3", 5))
    return sigmoid(transposed(x, w, "net.4", 5))


def wgan_critic(w: Weights, x: np.ndarray) -> np.ndarray:
    """Gulrajani et al. 2017, the same code: 28, 14, 7, 4, leaky ReLU, no batch normalization, no sigmoid."""
    for name in ("body.0", "body.1", "body.2"):
        x = leaky(conv(x, w, name, 5, stride=2))
    return dense(flat(x), w, "head")


def larger_wgan_generator(w: Weights, z: np.ndarray) -> np.ndarray:
    """The same at 33 x 64, with one layer more: 3 x 4, 5 x 8, 9 x 16, 17 x 32, and 3, 6, 12, 24 maps."""
    x = relu(dense(z, w, "net.0")).reshape(len(z), 3, 4, 24)
    x = relu(transposed(x, w, "net.2", 5, to=(5, 8)))
    x = relu(transposed(x, w, "net.3", 5, to=(9, 16)))
    x = relu(transposed(x, w, "net.4", 5, to=(17, 32)))
    return sigmoid(transposed(x, w, "net.5", 5, to=(33, 64)))


def larger_wgan_critic(w: Weights, x: np.ndarray) -> np.ndarray:
    """The same, backward."""
    for name in ("body.0", "body.1", "body.2", "body.3"):
        x = leaky(conv(x, w, name, 5, stride=2))
    assert x.shape[1:] == (3, 4, 24)
    return dense(flat(x), w, "head")


def points_generator(w: Weights, z: np.ndarray) -> np.ndarray:
    """Gulrajani et al. 2017, their toys: three hidden layers with ReLU."""
    for name in ("net.0", "net.1", "net.2"):
        z = relu(dense(z, w, name))
    return dense(z, w, "net.3")


def points_body(w: Weights, x: np.ndarray) -> np.ndarray:
    """Of their critic, all but its last layer."""
    for name in ("body.0", "body.1", "body.2"):
        x = relu(dense(x, w, name))
    return x


def points_discriminator(w: Weights, x: np.ndarray) -> np.ndarray:
    """Their critic."""
    return dense(points_body(w, x), w, "head")


def packed_discriminator(w: Weights, x: np.ndarray) -> np.ndarray:
    """Lin et al. 2018, section 3: examples two by two, one score for each pair."""
    return points_discriminator(w, np.stack([np.concatenate(x[i : i + 2]) for i in range(0, len(x), 2)]))


def packed_critic(w: Weights, x: np.ndarray) -> np.ndarray:
    """The same of images: the channels of both side by side."""
    return wgan_critic(w, np.stack([np.concatenate(x[i : i + 2], axis=-1) for i in range(0, len(x), 2)]))


def comparing_discriminator(w: Weights, x: np.ndarray, minibatch: str) -> np.ndarray:
    """A layer that compares the examples of a batch before the last one."""
    features = points_body(w, x)
    compared = (
        minibatch_stddev(features, group_size=4)
        if minibatch == "stddev"
        else minibatch_discrimination(features, w, "minibatch", kernels=32)
    )
    return dense(compared, w, "head")


# -- conditioned on the class ------------------------------------------------------------------------------------------------


def inner(w: Weights) -> Weights:
    """The weights of the network that is conditioned on the class, under its own names."""
    return {name.removeprefix("net."): value for name, value in w.items()}


def conditional_generator(w: Weights, z: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mirza & Osindero 2014, figure 1: y, one-hot, beside z. (They have a hidden layer for each of them first.)"""
    return first_generator(inner(w), with_labels(z, labels, 3))


def conditional_discriminator(w: Weights, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The same, beside the channels of x, all over the image (Radford et al.'s code does so in every layer)."""
    return first_discriminator(inner(w), with_labels(x, labels, 3))


# -- beside minigen's ----------------------------------------------------------------------------------------------


def output(model, *inputs):
    """Its output."""
    return model(*inputs)


LABELS, PICTURES, POINTS = np.array([2, 0, 2]), uniform(3, 28, 28, 1), normal(4, 2)
BROKEN = {"hidden": 5, "batch_norm": False}
NETWORKS = [
    Network("gan generator", lambda: gan.Generator(4, (28, 28, 2)), output, first_generator, (normal(3, 4),)),
    Network("gan discriminator", gan.Discriminator, output, first_discriminator, (PICTURES,)),
    Network(
        "gan generator, 5 x 3 x 2",
        lambda: gan.Generator(4, (5, 3, 2)),
        output,
        partial(first_generator, size=(5, 3)),
        (normal(3, 4),),
    ),
    Network(
        "gan discriminator, 5 x 3 x 2", lambda: gan.Discriminator((5, 3, 2)), output, first_discriminator, (uniform(3, 5, 3, 2),)
    ),
    *(
        Network(
            f"dcgan generator, 32 x 32 x 3, training={training}",
            lambda: dcgan.Generator(5, (32, 32, 3)),
            output,
            partial(larger_book_generator, training=training),
            (normal(2, 5),),
            training,
        )
        for training in (False, True)
    ),
    Network(
        "dcgan discriminator, 32 x 32 x 3",
        lambda: dcgan.Discriminator((32, 32, 3)),
        output,
        larger_book_discriminator,
        (uniform(2, 32, 32, 3),),
    ),
    Network(
        "dcgan tiny generator, 17 x 33 x 2",
        lambda: dcgan.TinyGenerator(5, (17, 33, 2)),
        output,
        odd_generator,
        (normal(3, 5),),
        True,
    ),
    Network(
        "dcgan tiny discriminator, 20 x 33 x 2",
        lambda: dcgan.TinyDiscriminator((20, 33, 2)),
        output,
        dcgan_discriminator,
        (uniform(3, 20, 33, 2),),
        True,
    ),
    *(
        Network(
            f"dcgan generator, training={training}",
            lambda: dcgan.Generator(5),
            output,
            partial(book_generator, training=training),
            (normal(2, 5),),
            training,
        )
        for training in (False, True)
    ),
    Network("dcgan discriminator", dcgan.Discriminator, output, book_discriminator, (PICTURES[:2],)),
    *(
        Network(
            f"dcgan tiny generator, training={training}",
            lambda: dcgan.TinyGenerator(5, feature_maps=(4, 3)),
            output,
            partial(dcgan_generator, training=training),
            (normal(3, 5),),
            training,
        )
        for training in (False, True)
    ),
    *(
        Network(
            f"dcgan tiny discriminator, training={training}",
            lambda: dcgan.TinyDiscriminator(feature_maps=(2, 3, 4)),
            output,
            partial(dcgan_discriminator, training=training),
            (PICTURES,),
            training,
        )
        for training in (False, True)
    ),
    Network(
        "dcgan broken generator",
        lambda: dcgan.TinyGenerator(4, (28, 28, 2), (4, 3), transposed=False, **BROKEN),
        output,
        broken_generator,
        (normal(3, 4),),
    ),
    Network(
        "dcgan broken discriminator",
        lambda: dcgan.TinyDiscriminator((28, 28, 1), (2, 3, 4), strided=False, **BROKEN),
        output,
        broken_discriminator,
        (PICTURES,),
    ),
    Network("wgan generator", lambda: wgan.Generator(5, width=3), output, wgan_generator, (normal(3, 5),)),
    Network("wgan critic", lambda: wgan.Critic(width=3), output, wgan_critic, (PICTURES,)),
    Network(
        "wgan generator, 33 x 64 x 2",
        lambda: wgan.Generator(5, (33, 64, 2), width=3),
        output,
        larger_wgan_generator,
        (normal(2, 5),),
    ),
    Network(
        "wgan critic, 33 x 64 x 2",
        lambda: wgan.Critic((33, 64, 2), width=3),
        output,
        larger_wgan_critic,
        (uniform(2, 33, 64, 2),),
    ),
    Network("wgan critic, packed", lambda: wgan.Critic(width=2, pack=2), output, packed_critic, (uniform(4, 28, 28, 1),)),
    Network("points generator", lambda: points.Generator(hidden=6), output, points_generator, (POINTS,)),
    Network("points discriminator", lambda: points.Discriminator(hidden=6), output, points_discriminator, (POINTS,)),
    Network(
        "points discriminator, packed", lambda: points.Discriminator(hidden=6, pack=2), output, packed_discriminator, (POINTS,)
    ),
    *(
        Network(
            f"points discriminator, {name}",
            lambda name=name: points.Discriminator(hidden=6, minibatch=name),
            output,
            partial(comparing_discriminator, minibatch=name),
            (normal(8, 2),),
        )
        for name in ("stddev", "discrimination")
    ),
    Network(
        "conditional generator",
        lambda: conditional.Generator(gan.Generator(4 + 3), 3),
        output,
        conditional_generator,
        (normal(3, 4), LABELS),
    ),
    Network(
        "conditional discriminator",
        lambda: conditional.Discriminator(gan.Discriminator((28, 28, 1 + 3)), 3),
        output,
        conditional_discriminator,
        (PICTURES, LABELS),
    ),
]
