"""The linear autoencoder: principal component analysis by gradient descent."""

from typing import Any

from minigen import losses, nn
from minigen.models.autoencoders.base import Autoencoder


class LinearAutoencoder(Autoencoder):
    """Linear undercomplete autoencoder with squared error (Baldi & Hornik 1989).

        z = x W1 + b1,   x^ = z W2 + b2,   loss = mean (x^ - x)^2

    At the minimum, W2 spans the subspace of the first principal components, and the loss is the sum of the discarded
    eigenvalues of the covariance, divided by the number of features. The components themselves are not identified, only their
    span is (Kunin et al. 2019). With 3 features and 2 codes: 17 parameters, the chapter's network.
    """

    def __init__(self, features: int = 3, latent_dim: int = 2):
        self.encoder = nn.Sequential(nn.Dense(features, latent_dim))
        self.decoder = nn.Sequential(nn.Dense(latent_dim, features))

    def error(self, y: Any, x: Any) -> tuple[Any, dict[str, Any]]:
        """Mean squared error over all elements; the total and its named terms."""
        mse = losses.mse(y, x)
        return mse, {"mse": mse}
