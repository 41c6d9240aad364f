"""Shapes that nobody would think of: broadcasting, reductions and indexing against NumPy, each with its adjoint identity."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigen
from minigen import Tensor, grad

check = settings(derandomize=True, deadline=None, max_examples=100)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
FULL = hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4)


def leaf(shape, seed):
    """A random float64 leaf."""
    return Tensor(np.asarray(np.random.default_rng(seed).standard_normal(shape)), requires_grad=True)


def assert_linear(f, x):
    """f(x) is linear in x: <f(x), u> = <x, vjp(u)>, which holds only if the rule is the adjoint of the forward."""
    y = f(x)
    u = np.asarray(np.random.default_rng(1).standard_normal(y.shape))
    (dx,) = grad(y, [x], u)
    assert dx.shape == x.shape
    np.testing.assert_allclose(np.sum(dx.numpy() * x.numpy()), np.sum(y.numpy() * u), rtol=1e-10, atol=1e-10)
    return y.numpy()


# -- broadcasting ------------------------------------------------------------------------------------------------


@check
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4))
def test_operators_broadcast_as_numpy_does(shapes):
    left, right = shapes.input_shapes
    x, y = leaf(left, 0), leaf(right, 2)
    for combine in (minigen.add, minigen.subtract, minigen.multiply, minigen.maximum):
        z = combine(x, y)
        np.testing.assert_array_equal(z.numpy(), getattr(np, combine.__name__)(x.data, y.data))
        assert [g.shape for g in grad(z.sum(), [x, y], create_graph=True)] == [left, right]
    np.testing.assert_array_equal(assert_linear(lambda x: x * y.data, x), x.data * y.data)


@check
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4))
def test_where_broadcasts_as_numpy_does(shapes):
    first, second, third = shapes.input_shapes
    condition, x, y = leaf(first, 0).data > 0, leaf(second, 1), leaf(third, 2)
    z = minigen.where(condition, x, y)
    np.testing.assert_array_equal(z.numpy(), np.where(condition, x.data, y.data))
    dx, dy = grad(z.sum(), [x, y])
    assert dx.numpy().sum() == np.broadcast_to(condition, z.shape).sum() == z.size - dy.numpy().sum()


@check
@given(hnp.mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 3, 4), max_dims=3))
def test_broadcast_to_and_sum_to_are_adjoint(shapes):
    (small,), large = shapes.input_shapes, shapes.result_shape
    x, u = leaf(small, 0), leaf(large, 1)
    y = assert_linear(lambda x: minigen.broadcast_to(x, shape=large), x)
    z = assert_linear(lambda u: minigen.sum_to(u, shape=small), u)
    np.testing.assert_allclose(np.sum(y * u.data), np.sum(x.data * z), rtol=1e-10, atol=1e-10)


@check
@given(hnp.mutually_broadcastable_shapes(signature="(n?,k),(k,m?)->(n?,m?)", max_dims=2, max_side=3))
def test_matmul_multiplies_all_shapes_that_numpy_does(shapes):
    left, right = shapes.input_shapes
    x, y = leaf(left, 0), leaf(right, 1)
    z = assert_linear(lambda x: x @ y.data, x)
    np.testing.assert_allclose(z, x.data @ y.data, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(assert_linear(lambda y: x.data @ y, y), x.data @ y.data, rtol=1e-12, atol=1e-14)


# -- reductions and shapes ---------------------------------------------------------------------------------------


@st.composite
def arrays_and_axes(draw):
    """A shape without zeros, and an axis argument for it: None, an int or a tuple, counted from either end."""
    shape = draw(FULL)
    axes = st.integers(-len(shape), len(shape) - 1) if shape else st.nothing()
    return shape, draw(st.none() | axes | st.lists(axes, unique_by=lambda i: i % len(shape)).map(tuple))


@check
@given(arrays_and_axes(), st.booleans())
def test_reductions_equal_numpys(case, keepdims):
    shape, axis = case
    x = leaf(shape, 0)
    for name in ("sum", "mean", "max", "min", "var", "std"):
        y = getattr(minigen, name)(x, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(y.numpy(), getattr(np, name)(x.data, axis=axis, keepdims=keepdims), rtol=1e-10, atol=1e-12)
    lse = np.log(np.exp(x.data).sum(axis=axis, keepdims=keepdims))
    np.testing.assert_allclose(minigen.logsumexp(x, axis=axis, keepdims=keepdims).numpy(), lse, rtol=1e-10, atol=1e-12)
    for name in ("sum", "mean"):
        assert_linear(lambda x, name=name: getattr(minigen, name)(x, axis=axis, keepdims=keepdims), x)


@check
@given(arrays_and_axes(), st.integers(0, 100))
def test_the_gradient_of_an_extreme_is_shared_out_completely(case, seed):
    shape, axis = case
    x = Tensor(np.random.default_rng(seed).integers(0, 3, shape).astype(float), requires_grad=True)  # many are equal
    for extreme in (minigen.max, minigen.min):
        y = extreme(x, axis=axis)
        u = np.asarray(np.random.default_rng(1).standard_normal(y.shape))
        (dx,) = grad(y, [x], u)
        np.testing.assert_allclose(dx.numpy().sum(axis=axis), u, rtol=1e-10, atol=1e-12)
        at_extremes = x.data == extreme(x.data, axis=axis, keepdims=True)
        assert not dx.numpy()[~at_extremes].any()


@check
@given(SHAPES, st.randoms(use_true_random=False))
def test_reshape_and_transpose_move_every_element_once(shape, random):
    x = leaf(shape, 0)
    axes = tuple(random.sample(range(len(shape)), len(shape)))
    target = (math.prod(shape[:2]), *shape[2:]) if len(shape) > 1 else (1, *shape)
    np.testing.assert_array_equal(assert_linear(lambda x: x.reshape(target), x), x.data.reshape(target))
    np.testing.assert_array_equal(assert_linear(lambda x: minigen.transpose(x, axes=axes), x), x.data.transpose(axes))


@check
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), hnp.array_shapes(max_dims=3, max_side=3), st.data())
def test_concatenate_joins_along_any_axis(lengths, shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    shapes = [tuple(length if i == axis % len(shape) else n for i, n in enumerate(shape)) for length in lengths]
    xs = [leaf(part, seed) for seed, part in enumerate(shapes)]
    y = minigen.concatenate(*xs, axis=axis)
    np.testing.assert_array_equal(y.numpy(), np.concatenate([x.data for x in xs], axis=axis))
    u = np.random.default_rng(9).standard_normal(y.shape)
    gradients = [g.numpy() for g in grad(y, xs, u)]
    np.testing.assert_array_equal(np.concatenate(gradients, axis=axis), u)


@check
@given(hnp.array_shapes(max_dims=3, max_side=4), st.data())
def test_crop_undoes_pad(shape, data):
    widths = tuple(data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3))) for _ in shape)
    x = leaf(shape, 0)
    y = assert_linear(lambda x: minigen.pad(x, widths=widths), x)
    np.testing.assert_array_equal(y, np.pad(x.data, widths))
    np.testing.assert_array_equal(minigen.crop(y, widths=widths), x.data)


# -- indexing ----------------------------------------------------------------------------------------------------


def assert_indexes_as_numpy_does(shape, index):
    """x[index] is NumPy's, and scatter_add is its adjoint, both in the rule and by itself."""
    x = leaf(shape, 0)
    y = assert_linear(lambda x: x[index], x)
    np.testing.assert_array_equal(y, x.data[index])
    u = leaf(y.shape, 1)
    scattered = assert_linear(lambda u: minigen.scatter_add(u, index=index, shape=shape), u)
    np.testing.assert_allclose(np.sum(scattered * x.data), np.sum(u.data * y), rtol=1e-10, atol=1e-10)


@check
@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))))
def test_basic_indexing_is_numpys(case):
    assert_indexes_as_numpy_does(*case)


@check
@given(
    hnp.array_shapes(max_dims=3, max_side=4).flatmap(
        lambda shape: st.tuples(
            st.just(shape), hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(min_dims=0, max_dims=2, max_side=4))
        )
    )
)
def test_integer_array_indexing_with_repeats_is_numpys(case):
    assert_indexes_as_numpy_does(*case)


@check
@given(
    hnp.array_shapes(max_dims=3, max_side=4).flatmap(
        lambda shape: st.tuples(st.just(shape), hnp.arrays(bool, st.integers(1, len(shape)).map(lambda ndim: shape[:ndim])))
    )
)
def test_bool_mask_indexing_is_numpys(case):
    assert_indexes_as_numpy_does(*case)
