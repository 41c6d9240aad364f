"""Matrix products."""

import math

from minigen.backend import Array
from minigen.engine import op
from minigen.ops.reduction import sum
from minigen.ops.shape import reshape, swapaxes


@op(broadcasts=True)
def matmul(x: Array, y: Array) -> Array:
    """x @ y: (..., n, k) @ (..., k, m) -> (..., n, m); leading axes broadcast, and a vector counts as one row or column.

    Where y is one matrix, all rows of x go through a single product.
    """
    if not getattr(x, "shape", ()) or not getattr(y, "shape", ()):
        raise TypeError("expected two arrays of at least one axis: multiply by a number with *")
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ValueError(f"got {x.shape} @ {y.shape}, expected (..., n, k) @ (..., k, m)")
    if y.ndim == 2 and x.ndim > 2:
        return (rows(x) @ y).reshape(*x.shape[:-1], y.shape[1])
    return x @ y


@matmul.vjp("x")
def matmul_dx(g, z, x, y):
    """dL/dx = g @ y^T."""
    if len(y.shape) == 1:
        return column(g) * y
    if len(x.shape) == 1:
        return reshape(row(g) @ swapaxes(y, -1, -2), shape=(*g.shape[:-1], len(x)))
    return matmul(g, swapaxes(y, -1, -2))


@matmul.vjp("y")
def matmul_dy(g, z, x, y):
    """dL/dy = x^T @ g; summed over all leading axes in one product where y is a matrix."""
    if len(x.shape) == 1:
        return g * x if len(y.shape) == 1 else row(g) * column(x)
    if len(y.shape) == 1:
        return reshape(swapaxes(x, -1, -2) @ column(g), shape=(*x.shape[:-2], len(y)))
    if len(y.shape) == 2 and len(x.shape) > 2:
        return matmul(swapaxes(rows(x), 0, 1), rows(g))
    return matmul(swapaxes(x, -1, -2), g)


def row(g):
    """(..., m) -> (..., 1, m)."""
    return reshape(g, shape=(*g.shape[:-1], 1, g.shape[-1]))


def column(g):
    """(..., n) -> (..., n, 1)."""
    return reshape(g, shape=(*g.shape, 1))


def rows(x):
    """(..., n, k) -> (all rows, k)."""
    return reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))


@op
def dense(x: Array, w: Array, b: Array) -> Array:
    """x @ w + b, fused: x (n, in), w (in, out), b (out,) -> (n, out)."""
    if x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[0] or b.shape != w.shape[1:]:
        raise ValueError(f"expected x (n, in), w (in, out), b (out,), got {x.shape}, {w.shape}, {b.shape}")
    y = x @ w
    y += b
    return y


@dense.vjp("x")
def dense_dx(g, y, x, w, b):
    """dL/dx = g @ w^T."""
    return matmul(g, w.T)


@dense.vjp("w")
def dense_dw(g, y, x, w, b):
    """dL/dw = x^T @ g."""
    return matmul(x.T, g)


@dense.vjp("b")
def dense_db(g, y, x, w, b):
    """dL/db = g summed over the batch."""
    return sum(g, axis=0)
