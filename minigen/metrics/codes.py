"""Metrics of codes: how many are used, whether each represents one factor of variation, whether planes separate attributes,
and the angles between the subspaces they span."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from minigen.metrics.checks import check_count, checked_arrays, checked_examples

GAP = "mutual_information_gap"
FOLDS = 5
RIDGE = 1.0  # of logistic regression's weights, relative to the sum of the examples' losses
_FLAT = 1e-5  # of the largest deviation: directions that vary less are rounding


def active_units(means: np.ndarray, threshold: float = 0.01) -> int:
    """How many latent dimensions a variational encoder uses.

        number of dimensions j with   Var_x( mu_j(x) ) > threshold

    An unused dimension has the posterior N(0, 1) for every image, so that its mean is constant.

    means: posterior means (n, d) of n examples.  The variance is a sum over n divided by n.
    Raises ShapeError if means is not (n, d), ValueError if it is not finite.
    Source: Burda et al. 2016, section 5 (threshold 0.01).
    """
    (means,) = checked_arrays("active_units", "(n, d)", means=means)
    return int((means.var(axis=0) > threshold).sum())


def mutual_information_gap(
    codes: np.ndarray, factors: Mapping[str, np.ndarray], bins: int = 20
) -> tuple[float, dict[str, float]]:
    """Mutual information gap: does exactly one code determine each factor? Returns (mean over factors, gap by factor).

        gap(v) = ( I(z_a; v) - I(z_b; v) ) / H(v),   a, b: the two codes with the most and second most information on v

    Each gap lies in [0, 1]: 1 if one code determines v and no other carries information on it, 0 if two carry equally much.
    Codes, and factors of a float dtype, are cut into `bins` intervals of equal width between their minimum and maximum; factors
    of any other dtype are used as they are. Information is that of the observed counts, which for n examples of independent
    variables with p and q values is about (p - 1)(q - 1) / 2n nats instead of 0. With a single code, I(z_b; v) is 0.

    codes: (n, d); for a variational autoencoder, the posterior means.  factors: name -> (n,), as in Dataset.factors. Choose
    factors that do not determine one another.
    Raises ShapeError for shapes that do not fit, ValueError for values that are not finite, a factor that never varies, no
    factors, or fewer than 2 bins.
    Source: Chen et al. 2018, equation 6.
    """
    (codes,) = checked_arrays(GAP, "(n, d)", codes=codes)
    check_count(GAP, "bins", bins, least=2)
    if not factors:
        raise ValueError("mutual_information_gap: got no factors; none are known for this data set")
    columns = [_equal_width(code, bins) for code in codes.T]
    gaps = {}
    for name, factor in factors.items():
        levels = _levels(name, factor, len(codes), bins)
        entropy = mutual_information(levels, levels)
        if entropy == 0:
            raise ValueError(f"mutual_information_gap: the factor {name!r} never varies, no code can determine it; leave it out")
        information = sorted(mutual_information(column, levels) for column in columns)
        gaps[name] = (information[-1] - (information[-2] if len(information) > 1 else 0.0)) / entropy
    return float(np.mean(list(gaps.values()))), gaps


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """Mutual information of two discrete variables, in nats, from the observed counts.

        I(a; b) = sum over pairs of   p(a, b) log( p(a, b) / (p(a) p(b)) )

    It is the entropy H(a) if a is b.

    a, b: (n,) each, of any comparable values. Raises ShapeError if they are not, or are empty, ValueError for NaN.
    """
    a, b = checked_arrays("mutual_information", "(n,) each", dtype=None, infinite=True, a=a, b=b)
    (values_a, a), (values_b, b) = (np.unique(values, return_inverse=True) for values in (a, b))
    counts = np.bincount(a * len(values_b) + b, minlength=len(values_a) * len(values_b)).reshape(len(values_a), -1)
    independent = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / len(a)
    seen = counts > 0
    return float(np.sum(counts[seen] * np.log(counts[seen] / independent[seen])) / len(a))


def _equal_width(values: np.ndarray, bins: int) -> np.ndarray:
    """Index of each value's interval, of `bins` between minimum and maximum; all 0 if nothing varies."""
    low, high = values.min(), values.max()
    if low == high:
        return np.zeros(len(values), dtype=np.int64)
    return np.minimum((values - low) / (high - low) * bins, bins - 1).astype(np.int64)


def _levels(name: str, factor: np.ndarray, n: int, bins: int) -> np.ndarray:
    """A factor as discrete values, or an error that names it."""
    (factor,) = checked_arrays(f"{GAP} of {name!r}", f"({n},) as in codes", dtype=None, factor=factor)
    return _equal_width(factor.astype(np.float64), bins) if factor.dtype.kind == "f" else factor


def style_attribution(first: np.ndarray, second: np.ndarray, mixed: np.ndarray) -> float:
    """How far a feature of mixed images follows the second of the two images they were mixed from: 0 not at all, 1 completely.

        discrete:     the share of the images whose level is the second's, of those whose two parents have different levels
        continuous:   slope b of the regression  mixed - first = b (second - first),
                      b = sum (mixed - first)(second - first) / sum (second - first)^2

    first, second, mixed: (n,) each, an evaluator's predictions for the two images and the mixed one; a feature is discrete if
    its dtype is an integer or a bool. With the styles of some layers from the second image, it measures how much these layers
    determine the feature (Karras et al. 2019, section 3.1, show it in pictures). Errors of the evaluator pull it toward 1/2 for a
    feature that no layer changes. Raises ShapeError unless all are (n,), ValueError for parents that never differ and for values
    that are not finite.
    """
    first, second, mixed = checked_arrays("style_attribution", "(n,) each", dtype=None, first=first, second=second, mixed=mixed)
    differ = first != second
    if not differ.any():
        raise ValueError("style_attribution: the two parents never differ in this feature, so nothing can follow either of them")
    if first.dtype.kind in "iub":
        return float((mixed[differ] == second[differ]).mean())
    way, gone = second.astype(np.float64) - first, mixed.astype(np.float64) - first
    return float(gone @ way / (way @ way))


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
    white, entropies, unrelated, of_codes = _whitened(codes), {}, 0.0, f"({len(codes)},) as in codes"
    for name, values in labels.items():
        (y,) = checked_arrays(f"linear_separability of {name!r}", of_codes, dtype=None, labels=values)
        if not np.isin(y, (0, 1)).all():
            raise ValueError(f"linear_separability: got labels of {name!r} other than 0 and 1, expected yes or no")
        kept = np.arange(len(y))
        if confidence is not None:
            if name not in confidence:
                raise ValueError(
                    f"linear_separability: got no confidence for {name!r}, expected one for every attribute, or none"
                )
            (sure,) = checked_arrays(f"linear_separability of {name!r}", of_codes, confidence=confidence[name])
            kept = np.sort(np.argsort(-sure, kind="stable")[: (len(y) + 1) // 2])  # the surer half, in a tie the first ones
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


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Principal angles between the column spans of a and b, in degrees, ascending, each in [0, 90].

        cosines = singular values of Qa^T Qb,   sines = singular values of Qb - Qa Qa^T Qb,
        with Qa, Qb orthonormal bases of the spans, and Qb the one with no more columns

    The cosine of a small angle rounds to 1 (arccos sees nothing below 1e-6 degrees in float64), and so does the
    sine of a large one; arctan2 of both is accurate at every angle.

    a: (d, p), b: (d, q), each with linearly independent columns -> (min(p, q),).
    Raises ShapeError if a or b is not a matrix or their rows differ in number, ValueError if columns are
    linearly dependent or not finite.
    Source: Bjorck & Golub 1973; Knyazev & Argentati 2002.
    """
    a, b = checked_arrays("principal_angles", "(d, p) and (d, q)", a=a, b=b)
    qa, qb = _orthonormal_basis(a, "a"), _orthonormal_basis(b, "b")
    if qa.shape[1] < qb.shape[1]:
        qa, qb = qb, qa
    inner = qa.T @ qb
    cosines = np.linalg.svd(inner, compute_uv=False)
    sines = np.linalg.svd(qb - qa @ inner, compute_uv=False)
    return np.degrees(np.arctan2(sines[::-1], cosines))


def _orthonormal_basis(a: np.ndarray, name: str) -> np.ndarray:
    """Orthonormal columns with the span of a's."""
    # The scale of a column does not change the span, so it must not affect the rank either.
    norms = np.linalg.norm(a, axis=0)
    u, s, _ = np.linalg.svd(a / np.where(norms > 0, norms, 1), full_matrices=False)
    rank = int((s > s[0] * max(a.shape) * np.finfo(np.float64).eps).sum())
    if rank < a.shape[1]:
        raise ValueError(f"principal_angles: {name} of shape {a.shape} has rank {rank}, expected linearly independent columns")
    return u
