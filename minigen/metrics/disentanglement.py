"""Metrics of single codes: how many are used, and whether each represents one factor of variation."""

from collections.abc import Mapping

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import ShapeError
from minigen.metrics.checks import check_count, checked_array, checked_matrix

GAP = "mutual_information_gap"


def active_units(means: np.ndarray, threshold: float = 0.01) -> int:
    """How many latent dimensions a variational encoder uses.

        number of dimensions j with   Var_x( mu_j(x) ) > threshold

    An unused dimension has the posterior N(0, 1) for every image, so that its mean is constant.

    means: posterior means (n, d) of n examples.  The variance is a sum over n divided by n.
    Raises ShapeError if means is not (n, d), ValueError if it is not finite.
    Source: Burda et al. 2016, section 5 (threshold 0.01).
    """
    return int((checked_matrix("active_units", "codes", means).var(axis=0) > threshold).sum())


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
    codes = checked_matrix(GAP, "codes", codes)
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

    a, b: (n,) each, of any comparable values.
    Raises ShapeError if they are not, or are empty.
    """
    a, b = whole_array(a), whole_array(b)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ShapeError(f"mutual_information: got shapes {a.shape} and {b.shape}, expected (n,) twice, with n at least 1")
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
    factor = whole_array(factor)
    continuous = factor.dtype.kind == "f"
    if continuous or factor.shape != (n,):
        factor = checked_array(GAP, f"the factor {name!r}", factor, n, expected=f"({n},) as in codes", dtype=None)
    return _equal_width(factor.astype(np.float64), bins) if continuous else factor
