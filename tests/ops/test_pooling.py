"""Pooling, upsampling and resizing: against loops, against PyTorch, and at ties, borders and remainders."""

import math
import re

import numpy as np
import pytest

import minigen as mg
from minigen import Tensor, ops
from minigen.autograd import OPS
from minigen.errors import DtypeError, ShapeError
from minigen.ops.pooling import max_pool2d_gather, max_unpool2d
from minigen.ops.window import explicit_padding, output_size, pair
from tests.ops.test_adjoints import assert_adjoint, normal
from tests.samples import SAMPLES, Constant

rng = np.random.default_rng(11)

# -- loops -------------------------------------------------------------------------------------------------------


def windows_of(x, size, stride, padding):
    """((n, i, j, c), the places of x in that window, row by row; None where it reaches over the border)."""
    size = pair(size, "size")
    stride = size if stride is None else pair(stride, "stride")
    (top, _), (left, _) = padding = explicit_padding(padding, x.shape[1:3], size, stride)
    for n, i, j, c in np.ndindex(len(x), *output_size(x.shape[1:3], size, stride, padding), x.shape[3]):
        corner = i * stride[0] - top, j * stride[1] - left
        yield (
            (n, i, j, c),
            [
                (n, row, column, c) if 0 <= row < x.shape[1] and 0 <= column < x.shape[2] else None
                for row in range(corner[0], corner[0] + size[0])
                for column in range(corner[1], corner[1] + size[1])
            ],
        )


def reduced(x, function, size=2, stride=None, padding="valid"):
    """`function` of the places in each window."""
    values = {index: function([place for place in places if place]) for index, places in windows_of(x, size, stride, padding)}
    y = np.empty([max(index[axis] for index in values) + 1 for axis in range(4)])
    for index, value in values.items():
        y[index] = value
    return y


def max_pool2d(x, **attributes):
    return reduced(x, lambda places: sorted(x[place] for place in places)[-1], **attributes)


def first_winner(x, places):
    return next(place for place in places if all(x[place] >= x[other] for other in places))


def max_pool2d_gather_loop(values, x, maxima, **attributes):
    return reduced(x, lambda places: values[first_winner(x, places)], **attributes)


def max_unpool2d_loop(values, x, maxima, size, stride, padding):
    y = np.zeros(x.shape)
    for index, places in windows_of(x, size, stride, padding):
        y[first_winner(x, [place for place in places if place])] += values[index]
    return y


def sum_pool2d(x, factor):
    return reduced(x, lambda places: math.fsum(x[place] for place in places), size=factor)


def avg_pool2d(x, **attributes):
    return reduced(x, lambda places: math.fsum(x[place] for place in places) / len(places), **attributes)


def upsample_nearest2d(x, factor):
    rows, columns = pair(factor, "factor")
    y = np.empty((len(x), x.shape[1] * rows, x.shape[2] * columns, x.shape[3]))
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = x[n, i // rows, j // columns, c]
    return y


def resize_bilinear(x, size):
    """Each coordinate in pixels, mirrored nowhere, kept between the outer centers."""

    def neighbors(i, length, count):
        center = min(max((i + 0.5) * length / count - 0.5, 0.0), length - 1.0)
        low = min(int(center), max(length - 2, 0))
        return [(low, 1.0 - (center - low)), (min(low + 1, length - 1), center - low)]

    height, width = pair(size, "size")
    y = np.empty((len(x), height, width, x.shape[3]))
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = math.fsum(
            a * b * x[n, h, w, c] for h, a in neighbors(i, x.shape[1], height) for w, b in neighbors(j, x.shape[2], width)
        )
    return y


LOOPS = {
    "max_pool2d": max_pool2d,
    "max_unpool2d": max_unpool2d_loop,
    "max_pool2d_gather": max_pool2d_gather_loop,
    "sum_pool2d": sum_pool2d,
    "upsample_nearest2d": upsample_nearest2d,
}


@pytest.mark.parametrize("op", [op for op in OPS if op.startswith("minigen.ops.pooling.")])
def test_forward_equals_loops(op):
    for number, sample in enumerate(SAMPLES[op]):
        y = sample.function(op)(*map(Tensor, sample.arrays)).numpy()
        arguments = [x.value if isinstance(x, Constant) else x for x in sample.arguments]
        expected = LOOPS[op.rpartition(".")[2]](*arguments, **sample.attributes)
        assert y.shape == expected.shape, f"sample {number}"
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14, err_msg=f"sample {number}: {sample}")


# -- adjoints ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1, 2, (3, 1), (2, 3)])
def test_sum_pool2d_and_upsample_nearest2d_are_adjoint(backend, factor):
    rows, columns = pair(factor, "factor")
    assert_adjoint(
        lambda u: ops.sum_pool2d(u, factor=factor),
        lambda v: ops.upsample_nearest2d(v, factor=factor),
        normal(2, 2 * rows, 3 * columns, 2),
        normal(2, 2, 3, 2),
    )


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, None, "valid"), (3, 2, "same"), ((2, 3), 1, ((1, 0), (0, 2)))])
def test_max_unpool2d_and_max_pool2d_gather_are_adjoint(backend, size, stride, padding):
    x = normal(2, 5, 6, 3)
    maxima = ops.max_pool2d(x, size=size, stride=stride, padding=padding)
    winners = {"x": x, "maxima": maxima, "size": size, "stride": stride, "padding": padding}
    assert_adjoint(
        lambda u: max_unpool2d(u, **winners), lambda v: max_pool2d_gather(v, **winners), normal(*maxima.shape), normal(*x.shape)
    )


# -- compositions ------------------------------------------------------------------------------------------------

AVERAGES = [
    {},
    {"size": 3},
    {"size": (2, 3)},
    {"size": 3, "stride": 1},
    {"size": 3, "stride": 2, "padding": "same"},
    {"size": 2, "padding": 1},
    {"size": (3, 2), "stride": (1, 2), "padding": ((2, 0), (0, 1))},
]


@pytest.mark.parametrize("attributes", AVERAGES, ids=str)
def test_avg_pool2d_equals_loops(backend, attributes):
    x = rng.standard_normal((2, 5, 6, 2))
    mg.gradcheck(lambda x: ops.avg_pool2d(x, **attributes), x)
    y = mg.to_numpy(ops.avg_pool2d(mg.asarray(x), **attributes))
    np.testing.assert_allclose(y, avg_pool2d(x, **attributes), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("size", [(4, 5), (8, 10), 3, (1, 1), (9, 2)], ids=str)
def test_resize_bilinear_equals_loops(backend, size):
    x = rng.standard_normal((2, 4, 5, 2))
    mg.gradcheck(lambda x: ops.resize_bilinear(x, size=size), x)
    y = mg.to_numpy(ops.resize_bilinear(mg.asarray(x), size=size))
    np.testing.assert_allclose(y, resize_bilinear(x, size), rtol=1e-12, atol=1e-14)


def test_resizing_to_the_same_size_changes_nothing():
    x = rng.standard_normal((2, 4, 5, 3))
    np.testing.assert_array_equal(ops.resize_bilinear(x, size=(4, 5)), x)


def test_resizing_keeps_straight_lines_straight():
    """A ramp stays a ramp between the outer centers, half a pixel from the border."""
    ramp = np.arange(4.0).reshape(1, 1, 4, 1)
    y = ops.resize_bilinear(ramp, size=(1, 8))
    np.testing.assert_array_equal(y.ravel(), [0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0])


# -- ties, borders, remainders --------------------------------------------------------------------------------------


def gradient(x, **attributes):
    """d sum(max_pool2d(x)) / dx, as an image."""
    x = Tensor(mg.asarray(np.asarray(x, dtype=float)[None, :, :, None]), requires_grad=True)
    (dx,) = mg.grad(ops.max_pool2d(x, **attributes).sum(), [x])
    return dx.numpy()[0, :, :, 0]


def test_of_equal_elements_the_first_in_reading_order_wins(backend):
    np.testing.assert_array_equal(gradient([[1, 1, 0, 2], [1, 1, 2, 2]]), [[1, 0, 0, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(gradient(np.zeros((3, 3)), size=2, stride=1), [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_overlapping_windows_add_their_gradients(backend):
    np.testing.assert_array_equal(
        gradient([[0, 0, 0], [0, 5, 0], [0, 0, 0]], size=2, stride=1), [[0, 0, 0], [0, 4, 0], [0, 0, 0]]
    )


def test_what_remains_at_the_end_is_dropped(backend):
    """28 - 14 - 7 - 3: the last row and column of seven are in no window."""
    x = np.arange(49.0).reshape(7, 7)
    assert ops.max_pool2d(x[None, :, :, None]).shape == (1, 3, 3, 1) == ops.avg_pool2d(x[None, :, :, None]).shape
    dx = gradient(x)
    assert dx.sum() == 9 and not dx[6].any() and not dx[:, 6].any()


def test_padding_wins_over_no_negative_number_and_counts_in_no_mean(backend):
    x = mg.asarray(np.full((1, 3, 3, 2), -7.0, dtype=np.float32))
    for pool in (ops.max_pool2d, ops.avg_pool2d):
        np.testing.assert_array_equal(mg.to_numpy(pool(x, size=3, stride=2, padding="same")), np.full((1, 2, 2, 2), -7.0))


def test_windows_with_a_gap_between_them(backend):
    np.testing.assert_array_equal(
        gradient([[1, 2, 9, 4, 3], [0, 0, 9, 0, 0]], size=2, stride=3), [[0, 1, 0, 1, 0], [0, 0, 0, 0, 0]]
    )


@pytest.mark.parametrize("stride", [1, 2, 3, (1, 2), (2, 1), (2, 3), (3, 2)], ids=str)
@pytest.mark.parametrize("size", [1, 2, 3, (1, 2), (2, 1), (2, 3), (3, 2)], ids=str)
@pytest.mark.parametrize(("height", "width"), [(6, 6), (6, 7), (7, 6), (3, 6), (6, 3)])
def test_windows_that_tile_overlap_or_leave_gaps_along_either_axis(height, width, size, stride, monkeypatch):
    """What is not written stays 0, whatever was in memory."""
    monkeypatch.setattr(np, "empty", lambda shape, *dtype, **options: np.full(shape, np.nan, *dtype, **options))
    x, pool = rng.standard_normal((1, height, width, 1)), {"size": size, "stride": stride, "padding": "valid"}
    maxima = ops.max_pool2d(x, **pool)
    values = rng.standard_normal(maxima.shape)
    np.testing.assert_allclose(max_unpool2d(values, x, maxima, **pool), max_unpool2d_loop(values, x, maxima, **pool), rtol=1e-12)


# -- PyTorch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_pytorch_agrees_on_random_shapes(seed):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(seed)
    n, h, w, c = (int(length) for length in rng.integers([1, 4, 4, 1], 9))
    size, stride = (tuple(int(length) for length in rng.integers(1, 4, 2)) for _ in range(2))
    rim = tuple(int(rng.integers(0, length // 2 + 1)) for length in size)
    target = tuple(int(length) for length in rng.integers(1, 12, 2))
    attributes = {"size": size, "stride": stride, "padding": ((rim[0],) * 2, (rim[1],) * 2)}
    values = rng.integers(-4, 3, (n, h, w, c)).astype(float)  # with many ties
    x = Tensor(values, requires_grad=True)
    t = torch.tensor(values.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    for y, z in [
        (ops.max_pool2d(x, **attributes), functional.max_pool2d(t, size, stride, rim)),
        (ops.avg_pool2d(x, **attributes), functional.avg_pool2d(t, size, stride, rim, count_include_pad=False)),
        (ops.avg_pool2d(x, size=size), functional.avg_pool2d(t, size)),
        (ops.upsample_nearest2d(x, factor=2), functional.interpolate(t, scale_factor=2, mode="nearest")),
        (ops.resize_bilinear(x, size=target), functional.interpolate(t, target, mode="bilinear", align_corners=False)),
    ]:
        u = rng.standard_normal(y.shape)
        (dx,), (dt,) = mg.grad(y, [x], u), torch.autograd.grad(z, t, torch.tensor(u.transpose(0, 3, 1, 2).copy()))
        np.testing.assert_allclose(y.numpy(), z.detach().numpy().transpose(0, 2, 3, 1), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(dx.numpy(), dt.numpy().transpose(0, 2, 3, 1), rtol=1e-12, atol=1e-12)


# -- misuse ------------------------------------------------------------------------------------------------------

X = np.zeros((2, 5, 6, 1), dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.max_pool2d(X, size=7), ShapeError, "a window of 7x7 does not fit into images of 5x6"),
        (lambda: ops.avg_pool2d(X, size=(8, 2), padding=((1, 1), (0, 0))), ShapeError, "images of 5x6, padded to 7x6"),
        (lambda: ops.max_pool2d(X, stride=0), ValueError, "stride is 0, expected at least 1"),
        (lambda: ops.max_pool2d(X, size=(2, 0)), ValueError, r"size is \(2, 0\), expected at least 1"),
        (lambda: ops.max_pool2d(X, size=1.5), TypeError, r"size is 1.5, expected an int or \(height, width\)"),
        (lambda: ops.max_pool2d(X, padding="full"), ValueError, 'padding is \'full\', expected "same", "valid", an int or'),
        (
            lambda: ops.max_pool2d(X, padding=(1, 1)),
            ValueError,
            r"padding is \(1, 1\), expected .* \(\(top, bottom\), \(left, right\)\)",
        ),
        (lambda: ops.max_pool2d(X, padding=-1), ValueError, "expected no negative values"),
        (lambda: ops.avg_pool2d(X, padding=2), ValueError, "with windows of 2x2: some would contain no pixels"),
        (
            lambda: ops.max_pool2d(Tensor(X[0])),
            ShapeError,
            r"max_pool2d: expected images \(n, height, width, channels\), got shape \(5,",
        ),
        (lambda: ops.upsample_nearest2d(X[0], factor=2), ShapeError, "expected images"),
        (lambda: ops.upsample_nearest2d(X, factor=0), ValueError, "factor is 0"),
        (lambda: ops.sum_pool2d(X, factor=2), ShapeError, "images of 5x6 do not divide into blocks of 2x2"),
        (lambda: ops.resize_bilinear(X, size=0), ValueError, "size is 0"),
    ],
)
def test_wrong_arguments_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "function",
    [
        ops.max_pool2d,
        ops.avg_pool2d,
        ops.blur2d,
        lambda x: ops.sum_pool2d(x, factor=1),
        lambda x: ops.upsample_nearest2d(x, factor=2),
        lambda x: ops.resize_bilinear(x, size=3),
    ],
    ids=["max_pool2d", "avg_pool2d", "blur2d", "sum_pool2d", "upsample_nearest2d", "resize_bilinear"],
)
def test_what_is_not_a_batch_of_images_of_floats_is_refused(function):
    for shape in ((2, 4, 4), (1, 2, 4, 4, 1)):
        with pytest.raises(
            ShapeError, match=rf"expected images \(n, height, width, channels\), got shape {re.escape(str(shape))}"
        ):
            function(np.zeros(shape))
    with pytest.raises(DtypeError, match=r"expected floating-point images, got uint8: x\.astype\('float32'\) / 255"):
        function(np.zeros((2, 4, 4, 1), np.uint8))
