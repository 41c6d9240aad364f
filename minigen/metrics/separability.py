"""Linear separability: do hyperplanes in latent space divide the images by their attributes?"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from minigen.metrics.checks import checked_array, checked_examples
from minigen.metrics.disentanglement import mutual_information

FOLDS = 5
RIDGE = 1.0  # of the weights, relative to the sum of the examples' losses
_FLAT = 1e-5  # of the largest deviation: directions that vary less are rounding


class Separability(NamedTuple):
    """score: exp of the sum of the entropies, at least 1.  unrelated: the score of uninformative codes, exp of the sum of H(Y); 2
    per attribute that half of the images have.  entropies: attribute -> H(Y|X) in nats.
    """

    score: float
    unrelated: float
    entropies: dict[str, float]


def linear_separability(
    codes: np.ndarray, labels: Mapping[str, np.ndarray], confidence: Mapping[str, np.ndarray] | None = None
) -> Separability:
    """Linear separability of binary attributes in a space of codes: 1 if a plane separates each of them; lower is better.

        exp( sum over attributes of H(Y|X) ),    H(Y|X) = H(Y) - I(X; Y), from the observed counts, in nats

    Y: what an evaluator sees in the image of a code; X: on which side of a plane the code lies. With `confidence`, of each
    attribute only those half of the images count of which the evaluator is surest. Unlike in the paper, the plane is that of a
    logistic regression, not of a linear support vector machine, and codes are tested on planes fitted without them, by 5-fold
    cross-validation. Few examples in many dimensions are separable whatever their labels, so that a plane tested on its own
    examples scores too well; the paper has 100,000. What remains is an error in the other direction, because the plane is not
    found exactly: attributes that a plane separates, but without a gap, score 1.08 each with 4,000 examples in 64 dimensions
    instead of 1, and 1.3 in 512 dimensions. Compare at equal n and d.

        minimize  sum over examples of -log p(y|x)  +  |w|^2 / 2,    p(1|x) = sigmoid(w.(x, 1)),    by Newton's method

    Codes are first whitened, to the identity covariance. So the score is invariant to shifts, rotations and scalings of the
    codes, as planes are, and does not depend on the scales of Z and W.

    codes: (n, d).  labels: attribute -> (n,) bools, or 0 and 1.  confidence: attribute -> (n,), such as the probability of the
    predicted class; any increasing function of it will do. Computed in float64. Raises ShapeError for shapes that do not fit,
    ValueError for values that are not finite or not 0 or 1, no attributes, fewer than 10 examples that count, attributes without
    confidence, and an attribute that all or none of those images have: with H(Y|X) = 0 it would look perfect, as would a
    generator that always draws one image. Leave it out. Source: Karras et al. 2019, section 4.2.
    """
    (codes,) = checked_examples("linear_separability", 1, codes=codes)
    if not labels:
        raise ValueError("linear_separability: got no attributes, expected at least one")
    white, entropies, unrelated = _whitened(codes), {}, 0.0
    for name, values in labels.items():
        y = _checked(name, "labels", values, len(codes))
        if not np.isin(y, (0, 1)).all():
            raise ValueError(f"linear_separability: got labels of {name!r} other than 0 and 1, expected yes or no")
        kept = np.arange(len(y)) if confidence is None else _surest(name, confidence, len(y))
        y = y[kept].astype(np.int64)
        if len(y) < 2 * FOLDS:
            raise ValueError(f"linear_separability: {len(y)} examples count, expected at least {2 * FOLDS}")
        if y.min() == y.max():
            raise ValueError(
                f"linear_separability: {'none' if not y[0] else 'all'} of the {len(y)} images that count have the "
                f"attribute {name!r}, so nothing can tell it; leave it out"
            )
        prior = mutual_information(y, y)
        unrelated += prior
        entropies[name] = max(prior - mutual_information(_predictions(white[kept], y), y), 0.0)
    return Separability(float(np.exp(sum(entropies.values()))), float(np.exp(unrelated)), entropies)


def _checked(name: str, what: str, values: np.ndarray, n: int) -> np.ndarray:
    """One finite value for each of the n codes, else an error that names the attribute."""
    what = f"{what} of {name!r}"
    return checked_array("linear_separability", what, values, n, expected=f"({n},) as in codes", dtype=None)


def _surest(name: str, confidence: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    """Indices, in their order, of the half of the n examples with the highest confidence, the first ones in a tie."""
    if name not in confidence:
        raise ValueError(f"linear_separability: got no confidence for {name!r}, expected one for every attribute or none at all")
    surest = np.argsort(-_checked(name, "confidence", confidence[name], n).astype(np.float64), kind="stable")
    return np.sort(surest[: (n + 1) // 2])


def _whitened(codes: np.ndarray) -> np.ndarray:
    """Codes (n, d), whitened to mean 0 and identity covariance, and a column of ones for the intercept."""
    u, deviations, _ = np.linalg.svd(codes - codes.mean(axis=0), full_matrices=False)
    u = u[:, deviations > _FLAT * max(deviations[0], np.finfo(np.float64).tiny)]
    return np.concatenate([np.sqrt(len(codes)) * u, np.ones((len(codes), 1))], axis=1)


def _predictions(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The side on which each example lies of the plane fitted without its fold: (n, d), (n,) of 0 and 1 -> (n,) bools.

    Folds are stratified: otherwise a fold with more of one label would be tested on four with less of it.
    """
    part = np.empty(len(y), dtype=np.int64)
    part[np.argsort(y, kind="stable")] = np.arange(len(y)) % FOLDS
    sides = np.empty(len(y), dtype=bool)
    for fold in range(FOLDS):
        held_out = part == fold
        sides[held_out] = x[held_out] @ logistic_regression(x[~held_out], y[~held_out]) > 0
    return sides


def logistic_regression(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights (d,) that minimize sum of -log p(y|x) + |w|^2 / 2, p(1|x) = sigmoid(x w): (n, d), (n,) of 0 and 1, float64.

    By Newton's method, halving steps that would not descend. The ridge makes the minimum exist for separable examples, and
    unique.
    """

    def objective(w: np.ndarray) -> float:
        logits = x @ w
        return float((np.logaddexp(0.0, logits) - y * logits).sum() + RIDGE / 2 * w @ w)

    w = np.zeros(x.shape[1])
    value = objective(w)
    for _ in range(100):
        p = 0.5 + 0.5 * np.tanh(x @ w / 2)  # the sigmoid, without overflow
        gradient = x.T @ (p - y) + RIDGE * w
        step = np.linalg.solve((x.T * (p * (1 - p))) @ x + RIDGE * np.eye(len(w)), gradient)
        if gradient @ step < 1e-10:  # twice the remaining gain, in nats
            break
        size = 1.0
        while objective(w - size * step) > value - 0.25 * size * (gradient @ step) and size > 1e-6:
            size /= 2
        w = w - size * step
        value = objective(w)
    return w
