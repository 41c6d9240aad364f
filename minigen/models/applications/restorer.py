"""The base of the applications that restore degraded images: super-resolution and inpainting."""

from typing import Any

import numpy as np

from minigen import losses
from minigen.models.gans import base


class Restorer(base.Generator):
    """A generator that takes a degraded image instead of noise, and restores it.

        degraded = degrade(x),   restored = G(degraded),   content = mean of (restored - x)^2 over the lost pixels

    `loss` is the content alone, for `training.fit`; `training.Restoration` adds an adversarial loss of the restored images.
    Subclasses set `input_shape` and `net`, from degraded images (n, *input_shape) to images in [0, 1], and define `degrade`;
    also `content_loss`, if only some pixels are lost.
    """

    pixel_range = (0.0, 1.0)
    input_shape: tuple[int, ...] = ()

    def degrade(self, x: Any) -> Any:
        """Images (n, h, w, c) in [0, 1], an array on the backend -> degraded images, (n, *input_shape)."""
        raise NotImplementedError(f"{type(self).__name__} has no degrade()")

    def content_loss(self, restored: Any, x: Any) -> Any:
        """The squared error of restored images against x, mean over all pixels and channels."""
        return losses.mse(restored, x)

    def loss(self, x: Any, degraded: Any = None) -> tuple[Any, dict[str, Any]]:
        """The content loss of images x, and its name. `degraded`: the degraded images; by default degrade(x)."""
        content = self.content_loss(self(self.degrade(x) if degraded is None else degraded), x)
        return content, {"content": content}

    def restore(self, degraded: Any) -> np.ndarray:
        """Degraded images (n, *input_shape) -> images on the host; in evaluation mode, outside any graph."""
        return self.draw(degraded)

    def latent(self, n: int) -> Any:
        raise TypeError(
            f"a {type(self).__name__} of {type(self).__module__} takes degraded images, not noise: "
            "restore(degrade(images)); training.Restoration trains it"
        )
