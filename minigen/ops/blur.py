"""The binomial low-pass filter, which smooths the blocks of repeated pixels."""

from minigen.backend import Array, array_module
from minigen.engine import op
from minigen.ops.pooling import check_images


@op
def blur2d(x: Array) -> Array:
    """Each channel convolved with (1, 2, 1) / 4 down and across, zeros beyond the edge: (n, h, w, c), same shape.

    Its own adjoint, as the kernel is symmetric. Source: Zhang 2019, section 3; Karras et al. 2019, section 2.
    """
    check_images(x)
    y = sums_of_neighbors(x, axis=1)
    y = sums_of_neighbors(y, axis=2)
    y *= 1.0 / 16.0
    return y


@blur2d.vjp("x")
def blur2d_dx(g, y, x):
    """dL/dx = g blurred."""
    return blur2d(g)


def sums_of_neighbors(x: Array, axis: int) -> Array:
    """x[i - 1] + 2 x[i] + x[i + 1] along `axis`, zeros beyond the edges: sums of two neighbors, (1, 1), taken twice."""
    xp, lead = array_module(x), (slice(None),) * axis
    first, last, but_first, but_last = ((*lead, part) for part in (slice(1), slice(-1, None), slice(1, None), slice(-1)))
    pairs = xp.empty((*x.shape[:axis], x.shape[axis] + 1, *x.shape[axis + 1 :]), dtype=x.dtype)
    pairs[first], pairs[last] = x[first], x[last]
    xp.add(x[but_last], x[but_first], out=pairs[(*lead, slice(1, -1))])
    return pairs[but_last] + pairs[but_first]
