"""A network that predicts all factors of variation of an image: the evaluator of faces."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minigen import losses, metrics, nn, ops
from minigen.backend import asarray
from minigen.errors import ShapeError
from minigen.metrics.checks import checked_arrays
from minigen.models.sizes import checked_maps
from minigen.nn.batching import outputs


class AttributeClassifier(nn.Module):
    """A small convolutional network for r x r images: three convolutions, then 64 features, and a head for each factor.

        features = relu(norm(flatten(block(block(block(x)))) W)),   (n, 64),     block(x) = relu(norm(pool(conv(x))))
        discrete factors: p(level|x) = softmax(features W + b);   continuous ones: value = mean + std * (features w + b)

        loss = sum over factors of   -log p(level|x), in nats,   or   (value - true value)^2 / (2 std^2);   mean over the examples

    norm is BatchNorm, without which small features such as a smile are not learned in a few epochs; so training needs batches of
    at least two. A constant guess costs about the entropy of a discrete factor's levels, and 1/2 for a continuous factor: no
    factor dominates.

    `factors`: name -> number of levels, or None for a continuous factor; `kinds(dataset.factors)` for a data set.
    `standardize` sets mean and std (buffers, at first 0 and 1) from the training data. `resolution`: r, at least 8.
    Training takes examples=(images, *factors), the factors in the order of `factors`, levels as integers from 0.
    `evaluators.attribute_classifier` does all of this; report the model's `fingerprint()` with every score.
    """

    def __init__(
        self,
        factors: Mapping[str, int | None],
        resolution: int = 32,
        channels: int = 3,
        feature_maps: Sequence[int] = (16, 32, 64),
        features: int = 64,
    ):
        if not factors or any(levels is not None and levels < 2 for levels in factors.values()):
            raise ValueError(
                "AttributeClassifier: expected factors of at least two levels each, or None for continuous ones, "
                f"got {dict(factors)}"
            )
        if resolution < 8:
            raise ShapeError(f"AttributeClassifier: resolution must be at least 8, got {resolution}")
        self.factors, feature_maps = dict(factors), checked_maps(feature_maps, 3)
        layers: list[nn.Module] = []
        for inputs, maps in zip((channels, *feature_maps), feature_maps):
            layers += [nn.Conv2d(inputs, maps, 3, bias=False), nn.MaxPool2d(2), nn.BatchNorm(maps), nn.ReLU()]
        side = resolution // 2 ** len(feature_maps)
        dense = nn.Dense(side * side * feature_maps[-1], features, bias=False)
        self.encoder = nn.Sequential(*layers, nn.Flatten(), dense, nn.BatchNorm(features), nn.ReLU())
        self.heads = {name: nn.Dense(features, levels or 1) for name, levels in self.factors.items()}
        continuous = [name for name, levels in self.factors.items() if levels is None]
        self.mean = {name: nn.Buffer(np.zeros((), np.float32)) for name in continuous}
        self.std = {name: nn.NonNegative(np.ones((), np.float32)) for name in continuous}

    def standardize(self, factors: Mapping[str, np.ndarray]) -> None:
        """Set the mean and standard deviation (over n) of the continuous factors, (n,) each.

        ValueError for one that never varies.
        """
        for name in self.mean:
            values = np.asarray(factors[name], dtype=np.float64)
            if not values.std() > 0:
                raise ValueError(f"AttributeClassifier: the factor {name!r} never varies, so there is nothing to learn")
            for buffer, value in ((self.mean[name], values.mean()), (self.std[name], values.std())):
                buffer.assign(asarray(np.asarray(value, dtype=buffer.dtype)))

    def forward(self, x: Any) -> dict[str, Any]:
        """Images (n, r, r, c) in [0, 1] -> name -> logits (n, levels), or the standardized value (n, 1)."""
        features = self.encoder(x)
        return {name: head(features) for name, head in self.heads.items()}

    def loss(self, x: Any, *factors: Any) -> tuple[Any, dict[str, Any]]:
        """The sum over factors, each a mean over the examples, and its terms by name. ShapeError unless all factors are given."""
        if len(factors) != len(self.factors):
            raise ShapeError(
                f"AttributeClassifier: expected the images and {len(self.factors)} factors, "
                f"{', '.join(self.factors)}, got {len(factors)}"
            )
        terms = {}
        for (name, output), true in zip(self(x).items(), factors):
            if self.factors[name] is not None:
                terms[name] = losses.cross_entropy(output, true)
            else:
                standardized = (true - self.mean[name]) / self.std[name]
                terms[name] = 0.5 * losses.mse(ops.squeeze(output, axis=1), standardized)
        return sum(terms.values()), terms

    def summary_children(self) -> Iterator[tuple[str, nn.Module]]:
        """The order of application, for a summary; the heads are parallel."""
        return iter((("encoder", self.encoder),))

    # -- predictions -------------------------------------------------------------------------------------------------

    def features(self, images: Any) -> np.ndarray:
        """Images (n, r, r, c) in [0, 1] -> features (n, 64), on the host; in evaluation mode, in batches."""
        return outputs(self, self.encoder, images)

    def predict(self, images: Any) -> dict[str, np.ndarray]:
        """Images -> name -> the most likely levels, (n,) int64, or the values, (n,) float32, in the factor's own units."""
        return {
            name: output.argmax(axis=1)
            if self.factors[name] is not None
            else output[:, 0] * self.std[name].numpy() + self.mean[name].numpy()
            for name, output in self._outputs(images).items()
        }

    def probabilities(self, images: Any) -> dict[str, np.ndarray]:
        """Images -> name -> p(level|x), (n, levels), of the discrete factors; its largest is the evaluator's confidence."""
        logits = self._outputs(images)
        return {name: np.asarray(ops.softmax(logits[name])) for name, levels in self.factors.items() if levels is not None}

    def score(self, images: Any, factors: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Name -> the accuracy of a discrete factor, R^2 = 1 - sum (value - true)^2 / sum (true - mean)^2 of a continuous one.

        Both are 1 at best; always predicting the mean scores an R^2 of 0. factors: name -> (n,), at least those of the model.
        """
        scores = {}
        for name, said in self.predict(images).items():
            if self.factors[name] is not None:
                scores[name] = metrics.accuracy(said, factors[name])
            else:
                (true,) = checked_arrays("AttributeClassifier", f"({len(said)},), one for each image", factor=factors[name])
                if not true.var() > 0:
                    raise ValueError(f"AttributeClassifier: {name!r} is the same for all images, expected values that vary")
                scores[name] = float(1 - ((said - true) ** 2).mean() / true.var())
        return scores

    def _outputs(self, images: Any) -> dict[str, np.ndarray]:
        """The outputs of `forward`, on the host."""
        features = self.features(images)
        return {name: outputs(self, head, features) for name, head in self.heads.items()}


def kinds(factors: Mapping[str, np.ndarray]) -> dict[str, int | None]:
    """The `factors` of an `AttributeClassifier` from arrays (n,): the number of levels for integers, None for floats.

    Levels are counted from 0 to the largest. TypeError for any other dtype.
    """
    found: dict[str, int | None] = {}
    for name, values in factors.items():
        if values.dtype.kind not in "iuf":
            raise TypeError(f"AttributeClassifier: the factor {name!r} is {values.dtype}, expected integers or floats")
        found[name] = None if values.dtype.kind == "f" else int(values.max()) + 1
    return found
