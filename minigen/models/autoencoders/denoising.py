"""The denoising autoencoder: it maps corrupted examples to clean ones."""

from collections.abc import Callable
from math import inf
from typing import Any

from minigen import ops
from minigen.backend import Array, random
from minigen.errors import suggestion
from minigen.models.autoencoders.base import Autoencoder
from minigen.models.autoencoders.linear import LinearAutoencoder
from minigen.models.autoencoders.stacked import StackedAutoencoder
from minigen.models.sizes import Shape
from minigen.nn.checks import check_floating, check_noise
from minigen.utils.checks import check_numbers
from minigen.utils.rebuilding import Rebuildable

CORRUPTIONS: dict[str, Callable] = {
    "gaussian": lambda x, noise, amount: x + amount * noise,
    "masking": lambda x, noise, amount: ops.masked(x, noise >= amount),
    "dropout": lambda x, noise, amount: ops.dropout(x, noise >= amount, amount),
}


class Corruption(Rebuildable):
    """A way to corrupt examples, by name: x~ = corrupt(x).

        "gaussian":  x~ = x + amount * noise,                            noise ~ N(0, 1);  amount: standard deviation, at least 0
        "masking":   x~ = x where noise >= amount, else 0,               noise ~ U[0, 1);  amount: probability of a zero, below 1
        "dropout":   x~ = x / (1 - amount) where noise >= amount, else 0

    Gaussian noise leaves [0, 1]; it is not clipped, which would shift its mean. Dropout is masking, rescaled so that the mean of
    x~ is x: it destroys the same pixels, but to a network trained on one, the other's images are too bright or too dark. Raises
    ValueError for an unknown name (with the nearest one) or an amount out of range. Source: Vincent et al. 2008 (masking), 2010
    (Gaussian); Srivastava et al. 2014 (dropout).
    """

    def __init__(self, name: str, amount: float):
        check_numbers("Corruption", amount=amount)
        if name not in tuple(CORRUPTIONS):
            raise ValueError(f"unknown corruption {name!r}: {suggestion(name, CORRUPTIONS)}")
        if not 0.0 <= amount < (inf if name == "gaussian" else 1.0):
            meaning = "standard deviation, at least 0 and finite" if name == "gaussian" else "probability, 0 <= amount < 1"
            raise ValueError(f"the amount of {name} is a {meaning}, got {amount}")
        self.name, self.amount = name, amount

    def __call__(self, x: Any, noise: Array | None = None) -> Any:
        """x~, of the shape and dtype of x. `noise`: of the shape of x; by default drawn.

        Raises DtypeError for examples that are not floats, ShapeError for noise of another shape.
        """
        check_floating(self, x)
        if noise is None:
            noise = (random.normal if self.name == "gaussian" else random.uniform)(x.shape, x.dtype)
        check_noise(self, x, noise)
        return CORRUPTIONS[self.name](x, noise, self.amount)

    def __repr__(self) -> str:
        return f"Corruption({self.name}, {self.amount})"


class Denoising(Autoencoder):
    """Base of the autoencoders that are trained to undo a corruption, `corrupt`."""

    corrupt: Corruption

    def loss(self, x: Any, noise: Array | None = None) -> tuple[Any, dict[str, Any]]:
        """The error of the reconstruction of corrupt(x, noise) against the clean x; the total and its named terms.

        In evaluation mode x itself is reconstructed, unless noise is given.
        """
        corrupted = self.corrupt(x, noise) if self.training or noise is not None else x
        return self.error(self(corrupted), x)


class DenoisingAutoencoder(Denoising, StackedAutoencoder):
    """A stacked autoencoder that is trained to undo a corruption (Vincent et al. 2008).

        x~ = corrupt(x),   loss = mean over pixels of BCE(sigmoid(decode(encode(x~))), x)

    The input is corrupted, the target is not: copying no longer helps, the network has to learn what images look like.
    `corruption` and `amount`: see Corruption. Only `loss` corrupts, and only in training mode; encode, forward and reconstruct
    use their input as it is: `reconstruct(corrupt(x))` denoises, `encode(x)` gives clean codes. `shape`: of an image.
    """

    def __init__(
        self,
        corruption: str = "gaussian",
        amount: float = 0.2,
        hidden: int = 100,
        latent_dim: int = 30,
        shape: Shape = (28, 28, 1),
    ):
        super().__init__(hidden, latent_dim, shape)
        self.corrupt = Corruption(corruption, amount)


class LinearDenoisingAutoencoder(Denoising, LinearAutoencoder):
    """A linear autoencoder that is trained to undo a corruption: a Wiener filter by gradient descent.

        z = x~ W1 + b1,   x^ = z W2 + b2,   loss = mean (x^ - x)^2,   x~ = corrupt(x)

    At the minimum, W1 W2 is the best linear denoiser of its rank, known in closed form: `baselines.wiener_filter`.
    """

    def __init__(self, features: int, latent_dim: int, corruption: str = "gaussian", amount: float = 0.2):
        super().__init__(features, latent_dim)
        self.corrupt = Corruption(corruption, amount)
