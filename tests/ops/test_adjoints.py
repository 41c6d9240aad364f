"""Linear ops come in adjoint pairs: <A u, v> = <u, A* v> for all u and v."""

import numpy as np
import pytest

import minigen
from minigen import Tensor, broadcast_to, concatenate, crop, getitem, matmul, pad, reshape, scatter_add, sum_to, transpose
from tests.samples import INDICES


def normal(*shape):
    """A Tensor of random values on the current backend."""
    return Tensor(minigen.asarray(np.asarray(minigen.backend.random.stream("noise").standard_normal(shape))))


def inner(x, y):
    """<x, y>, a float."""
    assert x.shape == y.shape
    return float(np.sum(x.numpy() * y.numpy()))


def assert_adjoint(forward, adjoint, u, v):
    """<A u, v> = <u, A* v>, up to the rounding of a sum."""
    assert inner(forward(u), v) == pytest.approx(inner(u, adjoint(v)), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("small", "large"),
    [((3,), (2, 3)), ((1, 3), (2, 3)), ((2, 1, 3), (4, 2, 5, 3)), ((), (2, 3)), ((2, 3), (2, 3)), ((1, 1), (1, 1)), ((1,), (0,))],
)
def test_broadcast_to_and_sum_to_are_adjoint(backend, small, large):
    assert_adjoint(lambda u: broadcast_to(u, shape=large), lambda v: sum_to(v, shape=small), normal(*small), normal(*large))


@pytest.mark.parametrize("widths", [((0, 0), (0, 0)), ((1, 2), (0, 3)), ((0, 1), (2, 0))])
def test_pad_and_crop_are_adjoint(backend, widths):
    padded = [2 + sum(widths[0]), 3 + sum(widths[1])]
    assert_adjoint(lambda u: pad(u, widths=widths), lambda v: crop(v, widths=widths), normal(2, 3), normal(*padded))


@pytest.mark.parametrize(("shape", "index"), INDICES, ids=[str(index).replace("\n", "") for _, index in INDICES])
def test_getitem_and_scatter_add_are_adjoint(backend, shape, index):
    picked = np.empty(shape)[index].shape
    if backend != "numpy":
        parts = index if isinstance(index, tuple) else (index,)
        index = tuple(minigen.asarray(part) if isinstance(part, np.ndarray) else part for part in parts)
    assert_adjoint(
        lambda u: getitem(u, index=index), lambda v: scatter_add(v, index=index, shape=shape), normal(*shape), normal(*picked)
    )


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenate_and_slices_are_adjoint(backend, axis):
    shapes = [[2, 3], [2, 3], [2, 3]]
    for length, shape in enumerate(shapes):
        shape[axis] = length
    parts = [normal(*shape) for shape in shapes]
    whole = concatenate(*parts, axis=axis)
    v = normal(*whole.shape)
    start, slices = 0, []
    for part in parts:
        index = [slice(None), slice(None)]
        index[axis] = slice(start, start + part.shape[axis])
        slices.append(v[tuple(index)])
        start += part.shape[axis]
    assert inner(whole, v) == pytest.approx(sum(inner(part, piece) for part, piece in zip(parts, slices)), rel=1e-12)


def test_reshape_and_reshaping_back_are_adjoint(backend):
    assert_adjoint(lambda u: reshape(u, shape=(4, 6)), lambda v: reshape(v, shape=(2, 3, 4)), normal(2, 3, 4), normal(4, 6))


@pytest.mark.parametrize("axes", [None, (0, 1, 2), (1, 2, 0), (-1, 0, -2)])
def test_transpose_and_the_inverse_permutation_are_adjoint(backend, axes):
    inverse = None if axes is None else tuple(int(i) for i in np.argsort(np.array(axes) % 3))
    u = normal(2, 3, 4)
    v = normal(*np.transpose(np.empty((2, 3, 4)), axes).shape)
    assert_adjoint(lambda u: transpose(u, axes=axes), lambda v: transpose(v, axes=inverse), u, v)


def test_matmul_and_the_transposed_matrix_are_adjoint(backend):
    matrix = normal(4, 3)
    assert_adjoint(lambda u: matmul(matrix, u), lambda v: matmul(matrix.T, v), normal(3, 2), normal(4, 2))
    assert_adjoint(lambda u: matmul(u, matrix), lambda v: matmul(v, matrix.T), normal(5, 2, 4), normal(5, 2, 3))
