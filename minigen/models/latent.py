"""Paths through a latent space, and arithmetic in it."""

import numpy as np

from minigen.metrics.checks import checked_arrays
from minigen.utils import arcs
from minigen.utils.checks import is_whole


def great_circle(start: np.ndarray, end: np.ndarray, n: int) -> np.ndarray:
    """n latent vectors from each start to its end, both included, in equal steps along the arc between them.

        (sin((1 - t) w) u + sin(t w) v) / sin w,   u, v: the two directions, w: the angle between them, t = 0 ... 1

    times a length interpolated linearly from the start's to the end's. Vectors drawn from N(0, I) in d dimensions all have
    lengths near sqrt(d); the straight line between two of them passes near the origin, where hardly any vector lies and no
    generator was trained (White 2016). Opposite directions, which many arcs join, are joined by the straight line.

    start, end: (k, d) -> (k, n, d), float32. n: at least 2.
    Raises ShapeError for shapes that do not fit, ValueError for n below 2 and for a vector of length 0, which has no direction.
    """
    start, end = checked_arrays("great_circle", "(k, d) each", start=start, end=end)
    check_both_ends("great_circle", n)
    if not all(np.linalg.norm(vectors, axis=1).all() for vectors in (start, end)):
        raise ValueError("great_circle: got a vector of length 0, which has no direction")
    return arcs.great_circle(start, end, np.linspace(0, 1, n)).astype(np.float32)


def straight_line(start: np.ndarray, end: np.ndarray, n: int) -> np.ndarray:
    """n codes from each start to its end, both included, in equal steps: (1 - t) start + t end, t = 0 ... 1.

    For codes that do not come from N(0, I): those of images, and StyleGAN's styles.

    start, end: (k, d) -> (k, n, d), float32. n: at least 2.
    Raises ShapeError for shapes that do not fit, ValueError for n below 2 and for values that are not finite.
    """
    start, end = checked_arrays("straight_line", "(k, d) each", start=start, end=end)
    check_both_ends("straight_line", n)
    t = np.linspace(0, 1, n)[:, None]
    return ((1 - t) * start[:, None] + t * end[:, None]).astype(np.float32)


def check_both_ends(function: str, n: int) -> None:
    """Raise ValueError unless n codes can be on a path with two ends."""
    if not is_whole(n) or n < 2:
        raise ValueError(f"{function}: n counts both ends, at least 2, got {n}")


def analogy(start: np.ndarray, without: np.ndarray, with_it: np.ndarray) -> np.ndarray:
    """start + mean(with_it) - mean(without): "woman with glasses" = "woman" + "man with glasses" - "man".

    The means are over samples that show a concept, as a single code is mostly about other things: what k samples do not share
    shrinks by 1 / sqrt(k). Radford et al. took the mean of three for `start` too.

    start: (n, d), the codes to change, or their mean (1, d).  without, with_it: (k, d), or (n, k, d), different samples for each
    code -> (n, d), float32. Raises ShapeError for shapes that do not fit and for concepts without samples, ValueError for values
    that are not finite. Source: Radford et al. 2016, section 6.3.2.
    """
    shapes = [f"(n, {k}, d)" if np.ndim(codes) == 3 else f"({k}, d)" for k, codes in (("k", without), ("m", with_it))]
    start, without, with_it = checked_arrays(
        "analogy", f"(n, d), {shapes[0]} and {shapes[1]}", start=start, without=without, with_it=with_it
    )
    return (start + with_it.mean(axis=-2) - without.mean(axis=-2)).astype(np.float32)


def attribute_direction(codes: np.ndarray, has_it: np.ndarray) -> np.ndarray:
    """From the codes without an attribute to those with it: one standard deviation of the codes in the direction of

        mean of codes with it - mean of codes without it

    The standard deviation is that of all codes along that direction, so that a step of 1 means the same in every space.

    The other usual direction is the normal of a plane that separates both sides (`metrics.linear_separability`; Shen et al.
    2020). Where all coordinates vary alike and independently, as in Z, it is parallel to this one. Elsewhere it serves to
    classify, not to generate: it turns away from everything that varies together with the attribute, toward directions of little
    variance, where a generator has seen nothing (Haufe et al. 2014). The difference of the means is how codes with the attribute
    actually differ, including whatever is correlated with it in the labeled samples.

    codes: (n, d).  has_it: (n,), bools -> (d,), float32.
    Raises ShapeError for shapes that do not fit, TypeError unless has_it are bools, ValueError for an attribute that all or none
    of the codes have, for equal means, and for values that are not finite.
    """
    codes, has_it = checked_arrays("attribute_direction", "(n, d) and (n,)", dtype=None, codes=codes, has_it=has_it)
    if has_it.dtype != bool:
        raise TypeError(f"attribute_direction: has_it says yes or no for each code, expected bools, got {has_it.dtype}")
    codes = codes.astype(np.float64)
    if not 0 < has_it.sum() < len(codes):
        share = "all" if has_it.any() else "none"
        raise ValueError(
            f"attribute_direction: {share} of the {len(codes)} codes have the attribute, expected some with it and some without"
        )
    way = codes[has_it].mean(axis=0) - codes[~has_it].mean(axis=0)
    length = np.linalg.norm(way)
    if not length > 0:
        raise ValueError("attribute_direction: codes with the attribute and without it have the same mean: there is no direction")
    return ((codes @ way / length).std() / length * way).astype(np.float32)


def walk(codes: np.ndarray, direction: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """From each code along a direction: code + step * direction, for each of the steps, which may be negative.

    codes: (n, d), direction: (d,), steps: (k,) -> (n, k, d), float32. Raises ShapeError for shapes that do not fit, ValueError
    for values that are not finite.
    """
    codes, direction, steps = checked_arrays("walk", "(n, d), (d,) and (k,)", codes=codes, direction=direction, steps=steps)
    return (codes[:, None] + steps[None, :, None] * direction).astype(np.float32)
