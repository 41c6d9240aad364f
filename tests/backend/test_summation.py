"""Sums of plain arrays: those of NumPy, but to the last digits, for any number of terms, any axes and any memory layout."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen.backend import strict, sum_along

U = 2.0**-24  # half a unit in the last place
LONG = [
    ((1 << 20, 1), 0),
    ((1 << 20, 2), 0),
    ((1 << 20,), 0),
    ((1 << 20,), None),
    ((999_983,), 0),
    ((100_003, 3), 0),
    ((4099, 64), 0),
    ((128, 64, 64, 2), (0, 1, 2)),
    ((50, 14, 14, 33), (0, 1, 2)),
    ((1, 1024, 1024, 1), (0, 1, 2)),
    ((4, 128, 128, 3), (1, 2)),
    ((16, 14, 14, 64), (1, 2)),
    ((3, 50_000, 1), 1),
    ((1000, 200, 2), 1),
    ((50, 4096), 1),
    ((50, 1009), -1),
    ((100, 28, 28, 1), None),
    ((65, 5), 0),
    ((127, 33), 0),
    ((256, 300), 0),
    ((64, 32, 40, 3), (0, 2)),
    ((64, 3, 500), (0, 2)),
    ((8, 20, 8, 9, 8), (0, 2, 4)),
]


def nearly_constant(shape):
    """Arrays on which a long running sum goes wrong: one rounding error, in one direction, again and again."""
    u = np.random.default_rng(0).random(shape)
    return [(value + spread * u).astype(np.float32) for value, spread in ((0.1, 0.0), (0.7, 0.0), (0.9, 0.01), (-1 / 3, 1e-6))]


@pytest.mark.parametrize(("shape", "axis"), LONG, ids=str)
def test_long_sums_keep_their_digits(shape, axis, backend):
    for x in nearly_constant(shape):
        exact = x.sum(axis=axis, dtype=np.float64)
        got = mg.to_numpy(sum_along(mg.asarray(x), axis))
        assert got.dtype == np.float32 and got.shape == exact.shape
        # A device's product may add the values of a block one by one: then the bound that is promised, and not what BLAS does.
        np.testing.assert_allclose(got, exact, rtol=(300 if backend == "cupy" else 16) * U, atol=0)


@pytest.mark.parametrize(("shape", "axis"), LONG, ids=str)
def test_sums_are_no_worse_than_pytorchs(shape, axis):
    """Its own sums of such arrays are up to 15 u away."""
    torch = pytest.importorskip("torch")
    ours = theirs = 0.0
    for x in nearly_constant(shape):
        exact = x.sum(axis=axis, dtype=np.float64)
        ours = max(ours, np.abs(sum_along(x, axis) / exact - 1.0).max())
        theirs = max(theirs, np.abs(torch.sum(torch.from_numpy(x), axis).numpy() / exact - 1.0).max())
    assert ours <= max(theirs, 12 * U)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_sums_of_blocks_are_added_in_double_precision(axis, backend):
    """The errors of many blocks of random values cancel out; what is left is the rounding of the result, to the nearest."""
    for spread in (0.1, 0.01, 0.001):
        x = (0.9 + spread * np.random.default_rng(0).random((1 << 18, 8))).astype(np.float32)
        x = x if axis == 0 else np.ascontiguousarray(x.T)
        exact = x.sum(axis=axis, dtype=np.float64)
        np.testing.assert_allclose(mg.to_numpy(sum_along(mg.asarray(x), axis)), exact, rtol=0.8 * U, atol=0)


def test_sums_in_double_precision_are_as_good(backend):
    x = np.full((1 << 18, 2), 0.1)
    np.testing.assert_allclose(mg.to_numpy(sum_along(mg.asarray(x), 0)), 0.1 * (1 << 18), rtol=16 * 2.0**-53, atol=0)


LAYOUTS = {
    "contiguous": lambda x: x,
    "Fortran": np.asfortranarray,
    "permuted": lambda x: np.ascontiguousarray(x.transpose(1, 3, 0, 2)).transpose(2, 0, 3, 1),
    "with gaps": lambda x: np.repeat(x, 3, axis=3)[..., ::3],
    "backwards": lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
    "broadcast": lambda x: np.broadcast_to(x[:, :1, :, :1], x.shape),
}
AXES = [None, *range(-4, 4), *(axes for n in range(5) for axes in itertools.combinations(range(4), n)), (2, 0), (-1, 0, 1)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_axis_of_every_layout(layout, backend):
    """Whole numbers, whose sums are exact: equal to NumPy's bit for bit. The input stays, and shares nothing with the result."""
    for shape in ((2, 3, 4, 5), (70, 2, 1, 3), (1, 1, 300, 2), (2, 1, 1, 1)):
        x = LAYOUTS[layout](np.random.default_rng(1).integers(-9, 9, shape).astype(np.float32))
        x.flags.writeable = False
        on_device = mg.asarray(x) if backend == "numpy" else moved(x)
        for axis, keepdims in itertools.product(AXES, (False, True)):
            got, want = sum_along(on_device, axis, keepdims), x.sum(axis=axis, keepdims=keepdims)
            assert got.dtype == np.float32 and not (backend == "numpy" and np.shares_memory(got, x))
            np.testing.assert_array_equal(mg.to_numpy(got), want, err_msg=f"{shape}, {axis}", strict=True)


def moved(x):
    """x on the device, in the memory layout that it has on the host."""
    order = sorted(range(x.ndim), key=lambda i: -abs(x.strides[i]))
    return mg.asarray(np.array(x.transpose(order), order="C")).transpose([order.index(i) for i in range(x.ndim)])


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((0, 3), np.float32),
        np.zeros((3, 0), np.float32),
        np.float32([5.0]).reshape(()),
        np.arange(6).reshape(2, 3),
        np.ones((2, 3), bool),
    ],
    ids=lambda x: f"{x.dtype} {x.shape}",
)
def test_nothing_to_add_and_whole_numbers(x):
    for axis in (None, (), *range(x.ndim)):
        np.testing.assert_array_equal(sum_along(x, axis), x.sum(axis=axis), strict=True)


@pytest.mark.parametrize("axis", [2, -3, (0, 2), (0, 0), (1, -1)])
def test_what_are_not_axes_is_refused_as_numpy_does(axis):
    x = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError) as expected:  # NumPy's AxisError is one
        x.sum(axis=axis)
    with pytest.raises(ValueError) as told:
        sum_along(x, axis)
    assert str(told.value) == str(expected.value)


def test_a_million_values_take_a_handful_of_launches():
    mg.use("strict")
    x = mg.asarray(np.ones((1 << 20, 2), np.float32))
    sum_along(x, 0)
    with strict.count() as counted:
        sum_along(x, 0)
    assert counted.launches <= 20 and counted.synchronizations == counted.downloads == counted.uploads == 0
