"""The binomial low-pass filter, which smooths the blocks of repeated pixels."""

from minigen.backend import Array
from minigen.engine import op
from minigen.ops.pooling import check_images


@op
def blur2d(x: Array) -> Array:
    """Each channel convolved with (1, 2, 1) / 4 down and across, zeros beyond the edge: (n, h, w, c), same shape.

    Its own adjoint, as the kernel is symmetric. Source: Zhang 2019, section 3; Karras et al. 2019, section 2.
    """
    check_images(x)
    return smoothed(smoothed(x, 1), 2, scale=1.0 / 16.0)


@blur2d.vjp("x")
def blur2d_dx(g, y, x):
    """dL/dx = g blurred."""
    return blur2d(g)


def smoothed(x: Array, axis: int, scale: float = 1.0) -> Array:
    """(x[i - 1] + 2 x[i] + x[i + 1]) * scale along `axis`."""
    after, before = (slice(None),) * axis + (slice(1, None),), (slice(None),) * axis + (slice(None, -1),)
    y = x * (2.0 * scale)
    neighbors = x if scale == 1.0 else x * scale
    y[after] += neighbors[before]
    y[before] += neighbors[after]
    return y
