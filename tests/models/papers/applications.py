"""Super-resolution, inpainting and style transfer in plain NumPy; where minigen's are smaller than the papers', as minigen's
are."""

import numpy as np

from minigen.models.applications import context_encoder, style_transfer, super_resolution
from tests.models.papers.arithmetic import Weights, batch_norm, conv, cross_entropies, halved, relu, sigmoid, transposed
from tests.models.papers.network import Network, uniform


def super_resolved(w: Weights, x: np.ndarray, doublings: int) -> tuple[np.ndarray, ...]:
    """Ledig et al. 2017, figure 4: residual blocks at the low resolution, a skip over all of them, then the enlargement.

    Two blocks in place of 16, kernels of 3 in place of 9 at both ends, ReLU in place of PReLU, no batch normalization (Lim et al.
    2017), transposed convolutions, and a sigmoid at the end. The content is SRGAN-MSE's: equation 4.
    """
    low = x
    for _ in range(doublings):
        low = halved(low)
    h = first = relu(conv(low, w, "net.0", 3))
    for block in ("net.1.body.0.body", "net.1.body.1.body"):
        h = h + conv(relu(conv(h, w, f"{block}.0", 3)), w, f"{block}.1", 3)
    h = first + conv(h, w, "net.1.body.2", 3)
    for i in range(doublings - 1):
        h = relu(transposed(h, w, f"net.{2 + i}", 4))
    y = sigmoid(transposed(h, w, f"net.{1 + doublings}", 4))
    return low, y, ((y - x) ** 2).mean()


def inpainted(w: Weights, x: np.ndarray, corners: np.ndarray, training: bool) -> tuple[np.ndarray, ...]:
    """Pathak et al. 2016: what was in the hole, from what is around it; equation 1 measures the hole alone.

    Strided convolutions down, transposed ones up, batch normalization and ReLU; in place of their channel-wise dense layer two
    convolutions at the small size. The network is told the hole as a further channel, and pixels that are known stay.
    """
    mask = np.zeros((*x.shape[:3], 1))
    for i, (row, column) in enumerate(corners):
        mask[i, row : row + 3, column : column + 3] = 1.0
    h = degraded = np.concatenate([x * (1 - mask), mask], axis=-1)
    h = relu(batch_norm(conv(h, w, "net.0", 4, stride=2), w, "net.1", training))
    h = relu(batch_norm(conv(h, w, "net.3", 4, stride=2), w, "net.4", training))
    h = relu(batch_norm(conv(h, w, "net.6", 3), w, "net.7", training))
    h = relu(batch_norm(conv(h, w, "net.9", 3), w, "net.10", training))
    h = relu(batch_norm(transposed(h, w, "net.12", 4), w, "net.13", training))
    y = np.where(mask == 1, sigmoid(transposed(h, w, "net.15", 4)), x)
    return degraded, y, ((y - x) ** 2).sum() / (len(x) * 3 * 3 * x.shape[3])


def encoded(w: Weights, x: np.ndarray) -> list[np.ndarray]:
    """f: the maps of both stages, leaky ReLU between them."""
    half = conv(x, w, "encoder.layers.0", 4, stride=2)
    half = np.where(half > 0, half, 0.2 * half)
    return [half, conv(half, w, "encoder.layers.1", 4, stride=2)]


def decoded(w: Weights, t: np.ndarray) -> np.ndarray:
    """g: logits."""
    return transposed(relu(transposed(t, w, "decoder.0", 4)), w, "decoder.1", 4)


def statistics(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Huang & Belongie 2017, equations 5 and 6: mean and deviation of a channel of an image, 1e-5 inside the root, biased."""
    return maps.mean((1, 2)), np.sqrt(maps.var((1, 2)) + 1e-5)


def textures(w: Weights, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """What f and g start as: an autoencoder."""
    y = decoded(w, encoded(w, x)[-1])
    return y, cross_entropies(y, x).mean()


def transferred(w: Weights, contents: np.ndarray, styles: np.ndarray) -> tuple[np.ndarray, ...]:
    """Huang & Belongie 2017: equation 8, AdaIN; 14, with 0.6 of the style; 11 to 13, the loss, style weighed 10.

    f is minigen's encoder in place of VGG; norms are means over elements.
    """
    f, wanted = encoded(w, contents)[-1], encoded(w, styles)
    (mean, std), (wanted_mean, wanted_std) = statistics(f), statistics(wanted[-1])
    t = wanted_std[:, None, None] * (f - mean[:, None, None]) / std[:, None, None] + wanted_mean[:, None, None]
    image = sigmoid(decoded(w, 0.4 * f + 0.6 * t))
    made = encoded(w, sigmoid(decoded(w, t)))
    content, style = ((made[-1] - t) ** 2).mean(), 0.0
    for ours, theirs in zip(made, wanted):
        for a, b in zip(statistics(ours), statistics(theirs)):
            style += ((a - b) ** 2).mean()
    return image, content + 10.0 * style, content, style


# -- beside minigen's ----------------------------------------------------------------------------------------------


def restoration(model, x, *corners):
    """What is left, the image of it, and the content loss."""
    degraded = model.degrade(x, *corners)
    return degraded, model(degraded), model.loss(x, degraded)[0]


def transfer(model, contents, styles):
    """An image in part of the style, and the loss with its terms."""
    loss, terms = model.loss(contents, styles)
    return model(contents, styles, 0.6), loss, terms["content"], terms["style"]


CORNERS = np.array([[0, 1], [5, 2], [3, 5]])
NETWORKS = [
    *(
        Network(
            f"super-resolution, {2**doublings} times",
            lambda doublings=doublings: super_resolution.Generator(2**doublings, 8, channels=2, feature_maps=3),
            restoration,
            lambda w, x, doublings=doublings: super_resolved(w, x, doublings),
            (uniform(2, 8, 8, 2),),
        )
        for doublings in (1, 2)
    ),
    *(
        Network(
            f"context encoder, training={training}",
            lambda: context_encoder.Generator(hole=3, resolution=8, channels=2, feature_maps=(3, 4)),
            restoration,
            lambda w, x, corners, training=training: inpainted(w, x, corners, training),
            (uniform(3, 8, 8, 2), CORNERS),
            training,
        )
        for training in (False, True)
    ),
    Network(
        "textures",
        lambda: style_transfer.TextureAutoencoder(2, (3, 4)),
        lambda model, x: (model(x), model.loss(x)[0]),
        textures,
        (uniform(2, 8, 8, 2),),
    ),
    Network(
        "style transfer",
        lambda: style_transfer.StyleTransfer(style_transfer.TextureAutoencoder(2, (3, 4))),
        transfer,
        transferred,
        (uniform(2, 8, 8, 2), uniform(2, 12, 8, 2)),
    ),
]
