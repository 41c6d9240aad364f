"""Inpainting: filling a hole in an image (context encoder, Pathak et al. 2016).

The network sees an image with a hole and predicts its content from the surroundings. Squared error alone gives the mean of all
plausible contents; a discriminator makes it choose one:

    G minimizes  content + 2.5e-4 * (-E log D(G(degraded))),   content = squared error in the hole, mean over its pixels

The weight is the paper's, in our units (`training.Restoration`). In demo 29, as in the official code, the network learns at 10
times the discriminator's rate. Where the hole is in the middle, the paper's network also predicts a border of known pixels around
it, whose errors count 10 times as much; that is left out.

The discriminator sees the whole filled image, so that the content must also fit its surroundings (the paper's sees only what was
generated for a hole in the middle). `dcgan.TinyDiscriminator` is one for 28 x 28 pixels; R1 is not the paper's.
"""

from typing import Any

import numpy as np

from minigen import losses, nn, ops
from minigen.backend import asarray, random
from minigen.errors import ShapeError
from minigen.models.applications.restorer import Restorer
from minigen.models.sizes import checked_maps
from minigen.utils.checks import is_whole


class Generator(Restorer):
    """Images with a hole, and the hole, (n, h, w, c + 1) -> the filled images, (n, h, w, c); known pixels are unchanged.

        G(x, m) = (1 - m) x + m net(x, m),   m: 1 in the hole, 0 elsewhere

    28 -> 14 -> 7 -> 7 -> 7 -> 14 -> 28: two strided convolutions, two that spread information over the small maps, so that each
    position sees 26 x 26 pixels (the paper has a layer with a weight for each pair of positions), two transposed ones; batch
    normalization and ReLU after all but the last (the paper's encoder has leaky ReLU). 92,785 parameters for one channel.

    The last channel of the input is m: the hole is black, but so are many known pixels.

    `hole`: the side in pixels of the square that `degrade` cuts out, at a random position.  `resolution`: the side of the images
    in pixels, a multiple of 4.  Raises ValueError for another resolution, and for a hole of no pixels, or larger than the images.
    """

    def __init__(self, hole: int = 10, resolution: int = 28, channels: int = 1, feature_maps: tuple[int, int] = (32, 48)):
        if resolution % 4:
            raise ValueError(f"resolution: expected a multiple of 4, as the image is halved twice, got {resolution}")
        if not is_whole(hole) or not 1 <= hole <= resolution:
            raise ValueError(f"hole: the side in pixels, a whole number from 1 to {resolution}, got {hole}")
        self.hole = hole
        self.input_shape = (resolution, resolution, channels + 1)
        first, second = checked_maps(feature_maps, 2)

        def normed(features: int, convolution: nn.Module) -> list[nn.Module]:
            return [convolution, nn.BatchNorm(features), nn.ReLU()]

        self.net = nn.Sequential(
            *normed(first, nn.Conv2d(channels + 1, first, 4, stride=2)),
            *normed(second, nn.Conv2d(first, second, 4, stride=2)),
            *normed(second, nn.Conv2d(second, second, 3)),
            *normed(second, nn.Conv2d(second, second, 3)),
            *normed(first, nn.ConvTranspose2d(second, first, 4, stride=2)),
            nn.ConvTranspose2d(first, channels, 4, stride=2),
            nn.Sigmoid(),
        )

    def mask(self, corners: np.ndarray, height: int, width: int) -> np.ndarray:
        """Upper left corners (n, 2), rows and columns -> (n, h, w, 1), 1 in the hole, 0 elsewhere; on the host."""
        rows, columns = (
            (np.arange(length) >= at) & (np.arange(length) < at + self.hole)
            for length, at in ((height, corners[:, :1]), (width, corners[:, 1:]))
        )
        return (rows[:, :, None] & columns[:, None, :])[..., None]

    def degrade(self, x: Any, corners: np.ndarray | None = None) -> Any:
        """Images (n, h, w, c) -> with a black hole each, which the last channel marks, (n, h, w, c + 1).

        `corners`: the upper left corners of the holes, rows and columns (n, 2); by default random, drawn on the host. Raises
        ShapeError for corners of another shape, ValueError for holes that extend beyond the images.
        """
        n, height, width, _ = x.shape
        free = np.array([height, width]) - self.hole  # the last row and the last column at which a hole can begin
        if (free < 0).any():
            raise ValueError(f"degrade: images of {height} x {width} pixels have no room for a hole of {self.hole} x {self.hole}")
        corners = random.stream("noise").integers(free + 1, size=(n, 2)) if corners is None else np.asarray(corners)
        if corners.shape != (n, 2):
            raise ShapeError(f"degrade: expected corners ({n}, 2), a row and a column for each image, got {corners.shape}")
        if (corners < 0).any() or (corners > free).any():
            raise ValueError(
                f"degrade: holes begin at rows from 0 to {free[0]} and columns from 0 to {free[1]}, got corners from "
                f"{corners.min(axis=0).tolist()} to {corners.max(axis=0).tolist()}"
            )
        mask = asarray(self.mask(corners, height, width))
        return ops.concatenate(ops.masked(x, mask ^ True), mask.astype(x.dtype), axis=-1)

    def forward(self, degraded: Any) -> Any:
        known, mask = degraded[..., :-1], degraded[..., -1:]
        return known + ops.masked(self.net(degraded), mask > 0.5)

    def content_loss(self, restored: Any, x: Any) -> Any:
        """Squared error in the hole, mean over its pixels and channels: elsewhere both images are the same."""
        return losses.mse(restored, x, "sum") / float(len(x) * self.hole**2 * x.shape[-1])
