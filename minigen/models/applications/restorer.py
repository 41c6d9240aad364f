"""What the applications share that give back what an image has lost: super-resolution and inpainting."""

from typing import Any

import numpy as np

from minigen import losses
from minigen.models.gans import base


class Restorer(base.Generator):
    """A generator that is given what is left of an image in place of noise, and makes the image of it.

        degraded = degrade(x),   restored = G(degraded),   content = mean of (restored - x)^2 over what was lost

    `loss` is the content alone, for `training.fit`; `training.Restoration` adds what a discriminator says of restored images.
    Subclasses set `net`, which ends with a sigmoid, and `input_shape`, and define `degrade`;
    `content_loss` too, where not all is lost.
    """

    pixel_range = (0.0, 1.0)
    input_shape: tuple[int, ...] = ()

    def degrade(self, x: Any) -> Any:
        """Images (n, h, w, c) in [0, 1], an array of the backend's -> what is left of them, (n, *input_shape)."""
        raise NotImplementedError(f"{type(self).__name__} has no degrade()")

    def forward(self, degraded: Any) -> Any:
        """What is left, (n, *input_shape) -> images (n, h, w, c) in [0, 1]."""
        return self.net(degraded)

    def content_loss(self, restored: Any, x: Any) -> Any:
        """How far restored images are from x: squared error, mean over all pixels and channels."""
        return losses.mse(restored, x)

    def loss(self, x: Any, degraded: Any = None) -> tuple[Any, dict[str, Any]]:
        """The content loss of images x, and its name. `degraded`: what is left of them, if it is to be given."""
        content = self.content_loss(self(self.degrade(x) if degraded is None else degraded), x)
        return content, {"content": content}

    def restore(self, degraded: Any) -> np.ndarray:
        """What is left, (n, *input_shape) -> images on the host; in evaluation mode, outside any graph."""
        return self.draw(degraded)

    def latent(self, n: int) -> Any:
        raise TypeError(
            f"a {type(self).__name__} of {type(self).__module__} makes nothing of noise, but images of degraded ones: "
            "restore(degrade(images)); training.Restoration trains it"
        )
