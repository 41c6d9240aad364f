"""Style transfer by adaptive instance normalization: the content of one image in the style of any other, in one pass."""

import copy
from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from minigen import losses, nn, ops
from minigen.autograd import no_grad
from minigen.backend import asarray
from minigen.errors import ShapeError
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.sizes import checked_maps
from minigen.nn.batching import in_batches
from minigen.utils.checks import check_numbers

EPS = 1e-5  # added to every variance, inside the root


class Encoder(nn.Module):
    """Images (n, h, w, channels) -> feature maps at half the size, then at a quarter: two strided convolutions.

    Leaky ReLU (0.2) between them, nothing at the end: no map is 0 at most pixels, where it would have no deviation to stretch.
    `activations` returns both, in which style is measured; the encoder's output is the last, (n, h / 4, w / 4, maps).
    """

    def __init__(self, channels: int, feature_maps: tuple[int, int]):
        first, second = checked_maps(feature_maps, 2)
        self.layers = [nn.Conv2d(channels, first, 4, stride=2, activation="leaky_relu"), nn.Conv2d(first, second, 4, stride=2)]

    def activations(self, x: Any) -> list[Any]:
        """The feature maps of each layer."""
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found

    def forward(self, x: Any) -> Any:
        return self.activations(x)[-1]


class TextureAutoencoder(ImageAutoencoder):
    """An autoencoder whose codes are feature maps, (n, h / 4, w / 4, maps): the starting point of `StyleTransfer`.

    The paper's encoder was trained on a million photographs (VGG-19, up to relu4_1). This one learns from the images at hand to
    keep their colors, edges and textures. The decoder mirrors it, with transposed convolutions whose stride divides the kernel
    size, which avoids checkerboard artifacts. ShapeError for sides that are not multiples of 4.
    """

    encoder: Encoder

    def __init__(self, channels: int = 3, feature_maps: tuple[int, int] = (32, 64)):
        first, second = checked_maps(feature_maps, 2)
        self.encoder = Encoder(channels, feature_maps)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(second, first, 4, stride=2, activation="relu"), nn.ConvTranspose2d(first, channels, 4, stride=2)
        )


class StyleTransfer(nn.Module):
    """Arbitrary style transfer (Huang & Belongie 2017): the content of one image, c, in the style of another, s.

        t = AdaIN(f(c), f(s)) = std(f(s)) (f(c) - mean(f(c))) / std(f(c)) + mean(f(s))
        image = sigmoid(g(t)),       and with less style:  sigmoid(g((1 - alpha) f(c) + alpha t))

        loss = |f(image) - t|^2 + style_weight * sum over the layers f_i of f of
               |mean(f_i(image)) - mean(f_i(s))|^2 + |std(f_i(image)) - std(f_i(s))|^2

    Means and standard deviations are those of a channel of an image, over its pixels (biased, 1e-5 added to the variance): they
    are the style, because they tell which colors, edges and textures there are, but not where. All |.|^2 are means over elements,
    where the paper writes norms: for feature maps over images, pixels and channels, for statistics over images and channels. The
    paper's decoder upsamples by repeating pixels and pads by reflection; this one has transposed convolutions and pads by zeros.

    f and g start as copies of an autoencoder's two halves. f is frozen: its parameters require no gradient, and the optimizer
    takes only `decoder.parameters()`. Training takes examples=(contents, styles).

    A gray content has no deviation in maps that see differences of colors, so that AdaIN cannot stretch it there, and the ink of
    a style loses its color. `brightness`, the share of each channel in a pixel's brightness, helps in two ways, which the paper
    does not have: contents are first recolored by the style (see `recolored`), so that t = AdaIN(f(recolored(c, s)), f(s)), and
    the image itself counts as the first layer of the style. None: the paper's form.

    Raises ValueError for a negative style_weight, ShapeError for a brightness with more or fewer channels than the images.
    Source: the paper's equations 8 to 14.
    """

    def __init__(
        self, autoencoder: TextureAutoencoder, style_weight: float = 10.0, brightness: Sequence[float] | np.ndarray | None = None
    ):
        check_numbers("StyleTransfer", style_weight=style_weight)
        if not 0.0 <= style_weight < inf:
            raise ValueError(f"StyleTransfer: style_weight must be at least 0 and finite, got {style_weight}")
        self.encoder, self.decoder = copy.deepcopy(autoencoder.encoder), copy.deepcopy(autoencoder.decoder)
        self.style_weight = style_weight
        self.brightness = None if brightness is None else tuple(map(float, brightness))
        for parameter in self.encoder.parameters():
            parameter.requires_grad = False
        halves = copy.copy(autoencoder)  # an autoencoder of these weights; its own would be kept, and pickled, beside them
        halves.encoder, halves.decoder = self.encoder, self.decoder
        self._arguments = (halves, style_weight, self.brightness), {}

    def blend(self, contents: Any, styles: Any, alpha: float = 1.0) -> Any:
        """(1 - alpha) f(c) + alpha t: n contents and n styles (n, h, w, channels) -> (n, h / 4, w / 4, maps).

        At alpha = 0 exactly f(c). Styles may have another size than contents. Raises ValueError for alpha outside [0, 1],
        ShapeError unless there is a style for each content.
        """
        if not 0.0 <= alpha <= 1.0:
            raise ValueError(f"StyleTransfer: alpha is the strength of the style, from 0 to 1, got {alpha}")
        return (1.0 - alpha) * self.encoder(contents) + alpha * self.target(contents, styles, self.encoder(styles))

    def target(self, contents: Any, styles: Any, wanted: Any) -> Any:
        """t, the feature maps of contents with the statistics of `wanted`, those of the styles."""
        if self.brightness is not None:
            contents = recolored(contents, styles, self.brightness)
        return adapted(self.encoder(contents), wanted)

    def forward(self, contents: Any, styles: Any, alpha: float = 1.0) -> Any:
        """Contents and styles (n, h, w, channels) in [0, 1] -> images of the contents' size, in [0, 1]."""
        return ops.sigmoid(self.decoder(self.blend(contents, styles, alpha)))

    @no_grad()
    @in_batches
    def transfer(self, contents: Any, styles: Any, alpha: float = 1.0) -> Any:
        """`forward` in evaluation mode, in batches, outside any graph."""
        with self.eval_mode():
            return self(contents, styles, alpha)

    def loss(self, contents: Any, styles: Any) -> tuple[Any, dict[str, Any]]:
        """Content and style as above; the total and its named terms, the style without its weight."""
        wanted = self.encoder.activations(styles)
        target = self.target(contents, styles, wanted[-1])
        images = ops.sigmoid(self.decoder(target))
        made = self.encoder.activations(images)
        content = losses.mse(made[-1], target)
        if self.brightness is not None:
            made, wanted = [images, *made], [styles, *wanted]
        style = style_distance(made, wanted)
        return content + self.style_weight * style, {"content": content, "style": style}


def adapted(content: Any, style: Any) -> Any:
    """AdaIN(f(c), f(s)): feature maps (n, h, w, c) given the mean and standard deviation of each channel of n other maps."""
    if content.shape[0] != style.shape[0]:
        raise ShapeError(
            f"StyleTransfer: got {content.shape[0]} contents and {style.shape[0]} styles, expected a style for each content"
        )
    mean, std = statistics(style)
    return ops.adain(content, std, mean, eps=EPS)


def recolored(contents: Any, styles: Any, brightness: Sequence[float]) -> Any:
    """AdaIN of brightness alone, which the colors of the style follow: contents and styles (n, h, w, c) -> (n, h, w, c).

        b(x) = brightness . x,   z(x) = (b(x) - mean(b(x))) / std(b(x)),   mean(s) + z(c) mean((s - mean(s)) z(s))

    Per image, a color varies with brightness as in the style (least squares), also where it falls as brightness rises, of which a
    deviation per channel knows nothing. A picture in two colors, one brighter, lies on the line between them: it stays itself as
    its own style. Not clipped to [0, 1]: colors overshoot where the content is further from its mean, in deviations, than the
    style's brightest or darkest pixels. brightness: c numbers.
    Source: matching colors by a linear map before the transfer is Gatys et al. 2016 ("Preserving Color in Neural Artistic Style
    Transfer"), who give the content's colors to a style. This one has rank 1, along the style's covariance with brightness.
    """
    if contents.shape[0] != styles.shape[0] or not contents.shape[3] == styles.shape[3] == len(brightness):
        raise ShapeError(
            f"StyleTransfer: got contents {tuple(contents.shape)}, styles {tuple(styles.shape)} and a brightness of "
            f"{len(brightness)} channels, expected a style for each content, and as many channels"
        )
    weights = asarray(np.asarray(brightness, contents.dtype)[:, None])
    ours, theirs = (normalized(ops.matmul(images, weights)) for images in (contents, styles))
    slope = ops.mean(ops.center(styles, axis=(1, 2)) * theirs, axis=(1, 2), keepdims=True)
    return ops.mean(styles, axis=(1, 2), keepdims=True) + ours * slope


def normalized(x: Any) -> Any:
    """Each channel of each image (n, h, w, c) with mean 0 and deviation 1, by the deviation of `statistics`."""
    return ops.center(x, axis=(1, 2)) / statistics(x)[1][:, None, None]


def statistics(features: Any) -> tuple[Any, Any]:
    """Mean and standard deviation of each channel of each image: feature maps (n, h, w, c) -> (n, c) and (n, c).

    sqrt(variance + 1e-5), of the biased variance. Raises ShapeError for anything but a batch of feature maps.
    """
    if len(features.shape) != 4:
        raise ShapeError(f"statistics: expected feature maps (n, height, width, channels), got shape {tuple(features.shape)}")
    variance = ops.mean(ops.square(ops.center(features, axis=(1, 2))), axis=(1, 2))
    return ops.mean(features, axis=(1, 2)), ops.sqrt(variance + EPS)


def style_distance(layers: list[Any], others: list[Any]) -> Any:
    """The distance between the styles of n images and n others: the style loss of the paper, a scalar.

        sum over layers of  mean over images and channels of  (difference of means)^2 + (difference of standard deviations)^2

    layers, others: feature maps (n, h, w, c), one for each layer; heights and widths may differ.
    """
    return sum(
        losses.mse(ours, theirs) for pair in zip(layers, others, strict=True) for ours, theirs in zip(*map(statistics, pair))
    )
