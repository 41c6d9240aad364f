"""t-SNE: a map of high-dimensional points in the plane that keeps neighbors together."""

from typing import Literal

import numpy as np

from minigen.backend.host import whole_array
from minigen.errors import NonFiniteError
from minigen.metrics.checks import check_count, checked_arrays
from minigen.utils.progress import bar
from minigen.utils.settings import takes_settings

_CHUNK = 1 << 18  # pairs worked on at once: 1 MiB in float32, so that many passes over them stay in the cache
_EXAGGERATED_ITERATIONS = 250


@takes_settings
def tsne(
    x: np.ndarray,
    perplexity: float = 30.0,
    iterations: int = 500,
    learning_rate: float | Literal["auto"] = "auto",
    early_exaggeration: float = 12.0,
    progress: bool = False,
) -> np.ndarray:
    """Map of x in the plane by exact t-distributed stochastic neighbor embedding.

        minimize over y   KL(P || Q) = sum_ij p_ij log(p_ij / q_ij)
        p_ij: Gaussian affinities of x, calibrated to the perplexity
        q_ij: proportional to 1 / (1 + |y_i - y_j|^2)

    Gradient descent with momentum (0.5, after the exaggerated phase 0.8) and a gain per coordinate, starting
    from the first two principal components scaled to standard deviation 1e-4: nothing is random, the same x
    gives the same map. In the exaggerated phase, the first 250 iterations (or half of fewer than 500),
    attraction is multiplied by early_exaggeration, so that clusters gather before they spread. Time and
    memory grow with n^2.

    x: (n, d) with d >= 2 -> (n, 2), float64 if x is, else float32. Axes have no unit: only nearness counts.
    perplexity: effective number of neighbors, more than 1, at most (n - 1) / 3.
    learning_rate: "auto" is n / (4 early_exaggeration), at least 50, as in scikit-learn. It multiplies the full gradient, with
    its factor 4. The sources' rates, n / early_exaggeration and at least 200, are for programs whose gradient lacks this
    factor: the steps are the same.
    progress: show a bar with the KL.
    Raises ShapeError if x is not (n, d); ValueError if x is not finite or all its points are the same, or for
    a perplexity or a number of iterations out of range; NonFiniteError if the map diverges.
    Source: van der Maaten & Hinton 2008; learning rate: Belkina et al. 2019, its minimum and the start: Kobak & Berens 2019.
    """
    x = _points(x)
    check_count("tsne", "iterations", iterations, least=1)
    rate = max(len(x) / early_exaggeration / 4, 50.0) if learning_rate == "auto" else learning_rate
    p = joint_probabilities(x, perplexity)
    y = _principal_plane(x)
    velocity, gains = np.zeros_like(y), np.ones_like(y)
    exaggerated = min(_EXAGGERATED_ITERATIONS, iterations // 2)
    with bar(total=iterations, desc="t-SNE", show=progress) as shown, np.errstate(all="ignore"):
        for step in range(iterations):
            early = step < exaggerated
            kl, gradient = kl_and_gradient(p, y, exaggeration=early_exaggeration if early else 1.0)
            # A coordinate that keeps going downhill gains speed, one that has overshot loses it.
            downhill = (gradient > 0) != (velocity > 0)
            gains = np.maximum(np.where(downhill, gains + 0.2, gains * 0.8), 0.01)
            velocity = (0.5 if early else 0.8) * velocity - rate * gains * gradient
            y += velocity
            y -= y.mean(axis=0, dtype=np.float64)
            if not np.isfinite(y).all():
                raise NonFiniteError(
                    f"tsne: the map diverged in iteration {step} with learning_rate {rate}, expected a smaller one"
                )
            shown.set_postfix_str(f"KL {kl:.3f} nats", refresh=False)
            shown.update()
    return y


def conditional_probabilities(x: np.ndarray, perplexity: float) -> np.ndarray:
    """Gaussian affinities p_{j|i}: row i is the softmax over j != i of -beta_i |x_i - x_j|^2; p_{i|i} = 0.

    The precision beta_i of each row is found by bisection, so that the row's perplexity, exp of its entropy
    in nats, is the given one. (A row with more than that many neighbors at the same distance has no such precision; these
    neighbors then share its probability.)

    x: (n, d).  perplexity: more than 1, at most (n - 1) / 3 -> (n, n), each row sums to 1; dtype as in tsne.
    Raises ShapeError, ValueError as tsne does.
    Source: van der Maaten & Hinton 2008, equation 1.
    """
    x = _points(x)
    n = len(x)
    if not 1 < perplexity <= (n - 1) / 3:
        raise ValueError(f"tsne: perplexity is {perplexity}, expected more than 1 and at most (n - 1) / 3 = {(n - 1) / 3:.4g}")
    p = np.empty((n, n), x.dtype)
    left, right = _distance_factors(x.astype(np.float64) - x.mean(axis=0, dtype=np.float64))
    rows = max(1, _CHUNK // n)
    for start in range(0, n, rows):
        distances = left[start : start + rows] @ right
        each = np.arange(len(distances))
        distances[each, start + each] = np.inf
        p[start : start + rows] = _calibrated(distances, perplexity)
    return p


def joint_probabilities(x: np.ndarray, perplexity: float) -> np.ndarray:
    """Symmetric affinities p_ij = (p_{j|i} + p_{i|j}) / (2 n), which sum to 1 over all pairs.

    x: (n, d).  perplexity: as in conditional_probabilities, which raises the same -> (n, n).
    Source: van der Maaten & Hinton 2008, section 3.1.
    """
    p = conditional_probabilities(x, perplexity)
    p += p.T
    p /= 2 * len(p)
    return p


def kl_and_gradient(p: np.ndarray, y: np.ndarray, exaggeration: float = 1.0) -> tuple[float, np.ndarray]:
    """KL(P || Q) in nats, a sum over all pairs, and its gradient with respect to the map.

        w_ij = 1 / (1 + |y_i - y_j|^2),   Z = sum_{k != l} w_kl,   q_ij = w_ij / Z
        dKL/dy_i = 4 sum_j (exaggeration p_ij - q_ij) w_ij (y_i - y_j)

    The exaggeration multiplies the attraction in the gradient; the KL is always that of p itself.

    p: (n, n), symmetric, zero diagonal, sum 1.  y: (n, 2) -> KL, (n, 2).
    Source: van der Maaten & Hinton 2008, equation 5.
    """
    n = len(y)
    left, right = _distance_factors(y)
    homogeneous = np.hstack([y, np.ones((n, 1), y.dtype)])  # forces @ it = (sum_j f_ij y_j, sum_j f_ij)
    attraction, repulsion = np.empty_like(homogeneous), np.empty_like(homogeneous)
    log_ratio = z = 0.0  # sum_ij p_ij log(p_ij / w_ij), and Z
    rows = max(1, _CHUNK // n)
    w_buffer, work_buffer = np.empty((2, min(rows, n), n), y.dtype)
    tiny = np.finfo(y.dtype).tiny
    for start in range(0, n, rows):
        chunk = slice(start, start + rows)
        p_chunk = p[chunk]
        w, work = w_buffer[: len(p_chunk)], work_buffer[: len(p_chunk)]

        np.matmul(left[chunk], right, out=w)
        w += 1  # 1 / w, for now
        np.multiply(p_chunk, w, out=work)
        np.maximum(work, tiny, out=work)  # p log p = 0 at p = 0
        np.log(work, out=work)
        log_ratio += float(np.vdot(p_chunk, work))

        np.reciprocal(w, out=w)
        each = np.arange(len(w))
        w[each, start + each] = 0
        z += float(w.sum())
        np.multiply(p_chunk, w, out=work)
        np.matmul(work, homogeneous, out=attraction[chunk])
        np.multiply(w, w, out=work)
        np.matmul(work, homogeneous, out=repulsion[chunk])

    forces = exaggeration * attraction - repulsion / z
    return log_ratio + float(np.log(z)), 4 * (forces[:, 2:] * y - forces[:, :2])


def _calibrated(distances: np.ndarray, perplexity: float) -> np.ndarray:
    """Rows of p_{j|i} with the given perplexity, from squared distances (rows, n) with infinity at j = i.

    Bisection on all rows at once. Entropy falls as the precision beta grows; while no upper end of the
    bracket is known, beta is doubled.
    """
    others = distances.shape[1] - 1
    # Distances are relative to the nearest neighbor's, exp(0), so that a row never underflows to 0 / 0.
    excess = distances - distances.min(axis=1, keepdims=True)
    own = np.isinf(excess)
    excess[own] = 0
    scale = excess.sum(axis=1, keepdims=True) / others
    excess /= np.where(scale > 0, scale, 1)
    beta = np.ones_like(scale)
    lower, upper = np.zeros_like(beta), np.full_like(beta, np.inf)
    p, work = np.empty_like(excess), np.empty_like(excess)
    for _ in range(100):
        np.multiply(excess, -beta, out=work)
        np.exp(work, out=p)
        p[own] = 0
        total = p.sum(axis=1, keepdims=True)
        p /= total
        np.multiply(p, excess, out=work)
        entropy = beta * work.sum(axis=1, keepdims=True) + np.log(total)  # -sum p log p
        surplus = entropy - np.log(perplexity)
        if (np.abs(surplus) < 1e-9).all():
            break
        lower, upper = np.where(surplus > 0, beta, lower), np.where(surplus > 0, upper, beta)
        beta = np.where(np.isinf(upper), 2 * beta, (lower + upper) / 2)
    return p


def _distance_factors(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """left (n, d + 2) and right (d + 2, n), with left @ right = |x_i|^2 - 2 x_i.x_j + |x_j|^2 in one GEMM."""
    squares, ones = (x**2).sum(axis=1, keepdims=True), np.ones((len(x), 1), x.dtype)
    return np.hstack([-2 * x, squares, ones]), np.hstack([x, ones, squares]).T


def _principal_plane(x: np.ndarray) -> np.ndarray:
    """The first two principal components of x, the first scaled to standard deviation 1e-4. -> (n, 2)."""
    if (x == x[0]).all():
        raise ValueError(f"tsne: all {len(x)} points are the same, expected points that differ")
    centered = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    _, _, vt = np.linalg.svd(np.linalg.qr(centered, mode="r"), full_matrices=False)
    plane = centered @ vt[:2].T
    return (plane * (1e-4 / plane[:, 0].std())).astype(x.dtype)


def _points(x: np.ndarray) -> np.ndarray:
    """x as a finite (n, d) of float64 or float32, else an error that says what it is."""
    x = whole_array(x)
    (x,) = checked_arrays("tsne", "(n, d)", least=2, dtype=np.float64 if x.dtype == np.float64 else np.float32, x=x)
    return x
