"""The conditional variational autoencoder: given the class, the codes only need to represent the style."""

from collections.abc import Sequence
from typing import Any

from minigen import ops
from minigen.autograd import no_grad
from minigen.backend import Array
from minigen.models.autoencoders.variational import VariationalAutoencoder
from minigen.models.sizes import Shape
from minigen.nn.batching import in_batches, one_pass


class ConditionalVariationalAutoencoder(VariationalAutoencoder):
    """A variational autoencoder, both networks conditioned on the label y, one-hot (Kingma et al. 2014, M2; Sohn et al. 2015).

        loss = E_q[-log p(x|z, y)] + beta * KL(q(z|x, y) || p(z)),   z ~ q(z|x, y),   in nats per image

    An upper bound of -log p(x|y). The prior is the same for every class, so that codes represent what the label does not, the
    style, and one code draws all classes in one handwriting. Labels are integers (n,) from 0 to classes - 1, else ValueError;
    `training.fit` takes examples=(images, labels). Everything else is as in `VariationalAutoencoder`.
    """

    def __init__(
        self,
        classes: int = 10,
        latent_dim: int = 10,
        beta: float = 1.0,
        reconstruction: str = "bce",
        hidden: Sequence[int] = (150, 100),
        shape: Shape = (28, 28, 1),
    ):
        super().__init__(latent_dim, beta, reconstruction, hidden, condition=classes, shape=shape)
        self.classes = classes

    @in_batches
    def encode(self, x: Any, labels: Any) -> tuple[Any, Any]:
        """Images (n, 28, 28, 1), labels (n,) -> mean and logvar of q(z|x, y), each (n, latent_dim)."""
        return super().encode(ops.with_labels(ops.flatten(x, 1), labels, self.classes))

    @in_batches
    def decode(self, z: Any, labels: Any) -> Any:
        """Codes (n, latent_dim), labels (n,) -> logits or pixel values, (n, 28, 28, 1)."""
        return super().decode(ops.with_labels(z, labels, self.classes))

    def forward(self, x: Any, labels: Any, noise: Any = None) -> Any:
        return self.decode(self.sampling(*self.encode(x, labels), noise), labels)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The input's; defined here because a summary has no labels."""
        return tuple(input_shape)

    @one_pass()
    def loss(self, x: Any, labels: Any, noise: Any = None) -> tuple[Any, dict[str, Any]]:
        """The total and its terms "reconstruction" and "kl" (without beta), in nats per image."""
        mean, logvar = self.encode(x, labels)
        return self.bound(x, self.decode(self.sampling(mean, logvar, noise), labels), mean, logvar)

    @in_batches
    def log_likelihood(self, x: Any, z: Any, labels: Any) -> Any:
        """log p(x|z, y) per image, in nats: (n,)."""
        return self.log_likelihood_from_logits(x, self.decode(z, labels))

    @no_grad()
    @in_batches
    def pixels(self, z: Any, labels: Any) -> Any:
        """Codes (n, latent_dim), labels (n,) -> images in [0, 1], in evaluation mode, outside any graph."""
        with self.eval_mode():
            return self.pixels_from_logits(self.decode(z, labels))

    @no_grad()
    @in_batches
    def reconstruct(self, x: Any, labels: Any) -> Any:
        """Images, labels -> reconstructions in [0, 1] from the mean of q(z|x, y), in evaluation mode, outside any graph."""
        with self.eval_mode():
            return self.pixels(self.encode(x, labels)[0], labels)

    def sample(self, labels: Array) -> Any:
        """One image in [0, 1] of each of the classes `labels` (n,), with z from the prior."""
        return self.pixels(self.prior(len(labels)), labels)
