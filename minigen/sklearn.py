"""Autoencoders as transformers of scikit-learn: in a Pipeline, in GridSearchCV, wherever one goes. Needs the extra `sklearn`.

`Autoencoder` and `VariationalAutoencoder` are trained by `fit` on any table of numbers, `TrainedEncoder` brings a model that is
trained already, such as one of a run folder. Examples are rows, (n, features), codes (n, latent_dim); all compute in float32.

    make_pipeline(StandardScaler(), Autoencoder(latent_dim=5), LogisticRegression()).fit(X, y)

X is what scikit-learn takes, data frames included; what it refuses is refused in its words.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from minigen import nn, ops, optim, pretrained, training
from minigen.backend import asarray, random
from minigen.errors import MissingPackageError
from minigen.models import autoencoders
from minigen.nn.batching import outputs
from minigen.recipes import TrainedModel
from minigen.recipes.trained import TrainedAutoencoder
from minigen.utils.checks import check_positive, check_sizes

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_array, check_is_fitted, validate_data
except ImportError as error:
    raise MissingPackageError("minigen.sklearn needs scikit-learn, 1.6 or newer: pip install scikit-learn") from error

__all__ = ["Autoencoder", "TrainedEncoder", "VariationalAutoencoder"]

SAMPLES = 16  # of z, by which a bound is estimated


class _Trained(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What both estimators that train share: a network of dense layers, which learns to give back its rows.

    `fit` keeps `network_`, and `loss_`, the loss of each epoch.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows (n, features), for `epochs`. y is ignored. ValueError, as of all of scikit-learn, for wrong settings and
        for rows that are no finite numbers."""
        self._check_settings()
        X = validate_data(self, X, dtype=np.float32)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with random.fork_rng(seed):
            self.network_ = self._network(X.shape[1])
            history = training.fit(
                self.network_,
                self._examples(X),
                loss=self._loss,
                optimizer=optim.Adam(self.network_.parameters(), lr=self.lr),
                epochs=self.epochs,
                batch_size=self.batch_size,
                seed=seed,
                progress=False,
            )
            self._noise = random.stream("noise").standard_normal((SAMPLES, self.latent_dim), dtype=np.float32)
        self.loss_ = np.asarray(history["loss"])
        self.network_.eval()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Rows (n, features) -> codes (n, latent_dim)."""
        rows = self._rows(X)  # first: it says what is not fitted
        return outputs(self.network_, self._codes, rows)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Codes (n, latent_dim) -> rows (n, features)."""
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32)
        if codes.shape[1] != self.latent_dim:
            raise ValueError(f"X has {codes.shape[1]} features, but codes of this {type(self).__name__} have {self.latent_dim}")
        return outputs(self.network_, self._rows_of, codes)

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the mean squared error of the reconstructions of rows, over all values: higher is better. For GridSearchCV."""
        rows = self._rows(X)
        rebuilt = outputs(self.network_, lambda x: self._rows_of(self._codes(x)), rows)
        return -float(np.square(rebuilt - rows.reshape(rebuilt.shape), dtype=np.float64).mean())

    def _check_settings(self) -> None:
        """Raise TypeError or ValueError for a setting that no network can be made or trained with."""
        name, hidden = type(self).__name__, self.hidden
        if isinstance(hidden, str) or not isinstance(hidden, Sequence):
            raise TypeError(f"{name}: hidden lists the units of the hidden layers, such as (64,), got {hidden!r}")
        check_sizes(name, latent_dim=self.latent_dim, **{f"hidden[{i}]": units for i, units in enumerate(hidden)})
        check_sizes(name, epochs=self.epochs, batch_size=self.batch_size)
        check_positive(name, lr=self.lr)

    @property
    def _n_features_out(self) -> int:
        return self.latent_dim

    def _rows(self, X: Any) -> np.ndarray:
        """Checked examples for a network that was trained."""
        check_is_fitted(self)
        return self._examples(validate_data(self, X, dtype=np.float32, reset=False))

    def _examples(self, X: np.ndarray) -> np.ndarray:
        """Rows in the shape that the network takes."""
        return X

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class Autoencoder(_Trained):
    """x -> dense layers -> code -> dense layers -> x^, trained on the mean squared error by Adam.

    latent_dim: values in a code.  hidden: units of the layers between rows and codes; the decoder has the same in reverse order.
    activation: of these layers; codes and rows have none.  lr, epochs, batch_size: of the training.  random_state: as in all of
    scikit-learn; weights and batches follow from it.

    A large error in one feature outweighs all others: scale the features before (StandardScaler).
    """

    _loss = "mse"

    def __init__(
        self,
        latent_dim: int = 2,
        hidden: Sequence[int] = (64,),
        activation: str = "selu",
        lr: float = 1e-3,
        epochs: int = 50,
        batch_size: int = 32,
        random_state: Any = None,
    ):
        self.latent_dim = latent_dim
        self.hidden = hidden
        self.activation = activation
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def _network(self, features: int) -> nn.Module:
        down = (features, *self.hidden, self.latent_dim)
        return nn.Sequential(*(self._layers(widths) for widths in (down, down[::-1])))

    def _layers(self, widths: Sequence[int]) -> nn.Sequential:
        """Dense layers from each width to the next, all but the last with the activation."""
        last = len(widths) - 2
        pairs = enumerate(pairwise(map(int, widths)))
        return nn.Sequential(*(nn.Dense(a, b, activation=self.activation if i < last else None) for i, (a, b) in pairs))

    def _codes(self, x: Any) -> Any:
        return list(self.network_)[0](x)

    def _rows_of(self, z: Any) -> Any:
        return list(self.network_)[1](z)


class VariationalAutoencoder(_Trained):
    """`models.autoencoders.VariationalAutoencoder` of rows, its decoder Gaussian of variance 1/2; codes are the means of q(z|x).

    beta: the weight of the KL divergence.  All other settings as of `Autoencoder`; its activation is SELU. With standardized
    features a variance of 1/2 is half of theirs; the further the features from that scale, the more beta matters.
    """

    _loss = None

    def __init__(
        self,
        latent_dim: int = 2,
        hidden: Sequence[int] = (64,),
        beta: float = 1.0,
        lr: float = 1e-3,
        epochs: int = 50,
        batch_size: int = 32,
        random_state: Any = None,
    ):
        self.latent_dim = latent_dim
        self.hidden = hidden
        self.beta = beta
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def score_samples(self, X: Any) -> np.ndarray:
        """A lower bound of log p(x) for each row, in nats, (n,): low for rows unlike those of the training.

            mean over samples of log p(x|z) - KL(q(z|x) || p(z)),   z ~ q(z|x)

        Without beta. The 16 samples have the same noise for every row, so that a score does not depend on other rows.
        """
        rows = self._rows(X)
        return outputs(self.network_, self._bounds, rows)

    def _bounds(self, x: Any) -> Any:
        mean, logvar = self.network_.encode(x)
        std = ops.exp(0.5 * logvar)
        likelihoods = [self.network_.log_likelihood(x, mean + std * asarray(each)[None]) for each in self._noise]
        return sum(likelihoods) / len(likelihoods) - ops.kl_standard_normal(mean, logvar).sum(axis=1)

    def _network(self, features: int) -> nn.Module:
        return autoencoders.VariationalAutoencoder(
            self.latent_dim, float(self.beta), "mse", tuple(map(int, self.hidden)), shape=(1, 1, features)
        )

    def _examples(self, X: np.ndarray) -> np.ndarray:
        """Rows as images of one pixel, with a channel for each feature."""
        return X.reshape(len(X), 1, 1, -1)

    def _codes(self, x: Any) -> Any:
        return self.network_.encode(x)[0]

    def _rows_of(self, z: Any) -> Any:
        return ops.flatten(self.network_.decode(z), 1)


class TrainedEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The encoder of a model that is trained already, as a transformer that has nothing to fit.

    model: a name or a run folder, or what `minigen.load` returns of it, as `minigen.load("runs/vae", best=True)`; not the file of
    a network alone, which `save` writes. Rows are its images, flattened, pixels in [0, 1]: (n, h * w * c).

        make_pipeline(TrainedEncoder("vae-mnist"), LogisticRegression()).fit(X, y)

    ValueError for a GAN, which encodes nothing, and for a model that is conditioned on the class, which rows do not say.
    """

    def __init__(self, model: str | Path | TrainedModel):
        self.model = model

    def fit(self, X: Any, y: Any = None) -> Self:
        """Open the model, and check the rows. Raises what `minigen.load` raises."""
        opened = isinstance(self.model, TrainedModel | nn.Module)
        trained = self.model if opened else pretrained.load(cast(str | Path, self.model))
        if isinstance(trained, nn.Module):
            raise ValueError(
                f"TrainedEncoder: {type(trained).__name__} is a network alone, as in a file that save wrote: it does not say how "
                "rows are given to it; expected a name, a run folder, or what minigen.load returns of one"
            )
        if not isinstance(trained, TrainedAutoencoder) or trained.conditional:
            what = "is conditioned on the class" if trained.conditional else "has no encoder"
            raise ValueError(f"TrainedEncoder: {trained.recipe.name} {what}, expected an autoencoder of images alone")
        X = validate_data(self, X, dtype=np.float32)
        expected = int(np.prod(trained.spec.shape))
        if X.shape[1] != expected:
            shape = " x ".join(map(str, trained.spec.shape))
            raise ValueError(f"X has {X.shape[1]} features, but {trained.recipe.name} takes {expected}, images of {shape}")
        self.trained_ = trained
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Rows (n, features) -> codes (n, d). ValueError for pixels outside [0, 1]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return self.trained_.project(X.reshape(len(X), *self.trained_.spec.shape)).codes

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Codes (n, d) -> rows (n, features), pixels in [0, 1]."""
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32)
        return self.trained_.draw(codes).reshape(len(codes), -1)

    @property
    def _n_features_out(self) -> int:
        return self.trained_.code_size("z")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
