"""The three convolutions against loops, PyTorch and each other, for every geometry, on blocks of every size."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen import Tensor, to_numpy
from minigen.errors import DtypeError, ShapeError
from minigen.ops import conv2d, conv2d_transpose, conv2d_weight, im2col
from minigen.ops.window import explicit_padding, pair
from tests.samples import SAMPLES

rng = np.random.default_rng(5)


def normal(*shape):
    return rng.standard_normal(shape)


# -- against loops -------------------------------------------------------------------------------------------------


def meetings(size, grid, kernel, stride, padding):
    """All (h, w, a, b, i, j): the tap (a, b) of the window (i, j) falls on the pixel (h, w)."""
    stride = pair(stride, "stride")
    (top, _), (left, _) = explicit_padding(padding, size, kernel, stride)
    for i, j, a, b in itertools.product(*map(range, (*grid, *kernel))):
        h, w = i * stride[0] + a - top, j * stride[1] + b - left
        if 0 <= h < size[0] and 0 <= w < size[1]:
            yield h, w, a, b, i, j


def loop_conv2d(x, w, b=None, *, stride=1, padding="same", grid):
    y = np.zeros((len(x), *grid, w.shape[3])) + (0.0 if b is None else b)
    for h, v, a, c, i, j in meetings(x.shape[1:3], grid, w.shape[:2], stride, padding):
        for n, p, o in itertools.product(range(len(x)), range(w.shape[2]), range(w.shape[3])):
            y[n, i, j, o] += x[n, h, v, p] * w[a, c, p, o]
    return y


def loop_conv2d_transpose(g, w, b=None, *, stride=1, padding="same", output_size):
    x = np.zeros((len(g), *output_size, w.shape[2])) + (0.0 if b is None else b)
    for h, v, a, c, i, j in meetings(output_size, g.shape[1:3], w.shape[:2], stride, padding):
        for n, p, o in itertools.product(range(len(g)), range(w.shape[2]), range(w.shape[3])):
            x[n, h, v, p] += g[n, i, j, o] * w[a, c, p, o]
    return x


def loop_conv2d_weight(x, g, *, kernel_size, stride=1, padding="same"):
    kernel = pair(kernel_size, "kernel_size")
    w = np.zeros((*kernel, x.shape[3], g.shape[3]))
    for h, v, a, c, i, j in meetings(x.shape[1:3], g.shape[1:3], kernel, stride, padding):
        for n, p, o in itertools.product(range(len(x)), range(x.shape[3]), range(g.shape[3])):
            w[a, c, p, o] += x[n, h, v, p] * g[n, i, j, o]
    return w


def values(argument):
    return getattr(argument, "value", argument)


@pytest.mark.parametrize("sample", SAMPLES["minigen.ops.convolution.conv2d"])
def test_conv2d_equals_loops(sample):
    arguments = [values(argument) for argument in sample.arguments]
    y = conv2d(*arguments, **sample.attributes)
    np.testing.assert_allclose(y, loop_conv2d(*arguments, grid=y.shape[1:3], **sample.attributes), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sample", SAMPLES["minigen.ops.convolution.conv2d_transpose"])
def test_conv2d_transpose_equals_loops(sample):
    x = conv2d_transpose(*sample.arguments, **sample.attributes)
    expected = loop_conv2d_transpose(*sample.arguments, **{**sample.attributes, "output_size": x.shape[1:3]})
    np.testing.assert_allclose(x, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sample", SAMPLES["minigen.ops.convolution.conv2d_weight"])
def test_conv2d_weight_equals_loops(sample):
    w = conv2d_weight(*sample.arguments, **sample.attributes)
    np.testing.assert_allclose(w, loop_conv2d_weight(*sample.arguments, **sample.attributes), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("padding", "expected"), [("same", (8, 6)), ("valid", (11, 7)), (1, (9, 5)), (((2, 1), (0, 3)), (8, 4))])
def test_without_an_output_size_a_transposed_convolution_leads_to(padding, expected):
    """From (4, 3), kernel (5, 3), stride 2: i s for "same", else (i - 1) s + k - padding."""
    assert conv2d_transpose(normal(1, 4, 3, 2), normal(5, 3, 1, 2), stride=2, padding=padding).shape == (1, *expected, 1)


def test_a_transposed_convolution_leads_to_one_pixel_or_more():
    assert conv2d_transpose(normal(1, 1, 1, 2), normal(3, 3, 1, 2), padding=1).shape == (1, 1, 1, 1)
    with pytest.raises(ShapeError, match="of a transposed convolution from 1x1, padding 1 leaves 0x1"):
        conv2d_transpose(Tensor(normal(1, 1, 1, 2)), normal(2, 3, 1, 2), padding=1)


def test_lists_are_pairs():
    """They cannot be looked up among the geometries that are known already."""
    x, w = normal(1, 5, 5, 1), normal(2, 3, 1, 1)
    np.testing.assert_array_equal(
        conv2d(x, w, stride=[2, 1], padding=[[1, 0], [2, 3]]), conv2d(x, w, stride=(2, 1), padding=((1, 0), (2, 3)))
    )


def test_same_puts_the_odd_pixel_after():
    """As in TensorFlow: size 4, kernel 3, stride 2 needs one pixel, which comes last."""
    x, w = np.arange(16.0).reshape(1, 4, 4, 1), np.zeros((3, 3, 1, 1))
    w[0, 0] = 1.0
    np.testing.assert_array_equal(conv2d(x, w, stride=2)[0, ..., 0], [[0.0, 2.0], [8.0, 10.0]])


# -- against each other --------------------------------------------------------------------------------------------


GEOMETRIES = [
    {"size": (5, 6), "kernel": (3, 3), "stride": (1, 1), "padding": "same"},
    {"size": (5, 6), "kernel": (4, 2), "stride": (1, 1), "padding": ((1, 2), (0, 1))},
    {"size": (5, 6), "kernel": (4, 3), "stride": (2, 2), "padding": "same"},
    {"size": (7, 7), "kernel": (3, 3), "stride": (2, 2), "padding": "valid"},
    {"size": (8, 5), "kernel": (2, 1), "stride": (3, 2), "padding": ((0, 1), (3, 2))},
    {"size": (6, 6), "kernel": (5, 4), "stride": (1, 2), "padding": ((5, 0), (0, 6))},
    {"size": (3, 4), "kernel": (1, 1), "stride": (1, 1), "padding": "valid"},
    {"size": (2, 2), "kernel": (1, 1), "stride": (1, 1), "padding": 2},
]
CHANNELS = [(1, 2), (3, 4), (5, 3), (4, 1)]


@pytest.mark.parametrize(
    "block", [64, 1 << 10, 1 << 22], ids=["windows a few rows at a time", "some examples at a time", "all at once"]
)
@pytest.mark.parametrize(("channels", "outputs"), CHANNELS)
@pytest.mark.parametrize("case", GEOMETRIES, ids=str)
def test_the_three_convolutions_are_one_trilinear_form(case, channels, outputs, block, backend, monkeypatch):
    """<conv2d(x, w), g> = <x, conv2d_transpose(g, w)> = <w, conv2d_weight(x, g)>, however the work is cut into blocks."""
    monkeypatch.setattr(im2col, "BLOCK", block)
    monkeypatch.setattr(im2col, "DEVICE_BLOCK", block)
    options = {"stride": case["stride"], "padding": case["padding"]}
    x, w = (mg.asarray(normal(*shape)) for shape in ((3, *case["size"], channels), (*case["kernel"], channels, outputs)))
    y = conv2d(x, w, **options)
    g = mg.asarray(normal(*y.shape))
    dx = conv2d_transpose(g, w, output_size=case["size"], **options)
    dw = conv2d_weight(x, g, kernel_size=case["kernel"], **options)
    form = float((y * g).sum())
    assert dx.shape == x.shape and dw.shape == w.shape
    assert float((x * dx).sum()) == pytest.approx(form, rel=1e-11, abs=1e-11)
    assert float((w * dw).sum()) == pytest.approx(form, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("case", GEOMETRIES, ids=str)
def test_gathering_and_scattering_agree(case, channels, backend):
    """The two ways to compute a transposed convolution, whichever is chosen for speed."""
    w, b = mg.asarray(normal(*case["kernel"], channels, 3)), mg.asarray(normal(channels))
    x = mg.asarray(normal(2, *case["size"], channels))
    g = conv2d(x, w, stride=case["stride"], padding=case["padding"])
    (top, _), (left, _) = explicit_padding(case["padding"], case["size"], case["kernel"], case["stride"])
    results = []
    for compute in (im2col.gather, im2col.scatter):
        out = mg.asarray(np.full(x.shape, np.nan))
        compute(g, w, b, (top, left), case["stride"], out=out)
        results.append(to_numpy(out))
    np.testing.assert_allclose(*results, rtol=1e-12, atol=1e-12)


def test_the_workspace_of_one_thread_is_not_that_of_another():
    from concurrent.futures import ThreadPoolExecutor

    x, w = normal(4, 9, 9, 4), normal(3, 3, 4, 5)
    expected = conv2d(x, w)
    with ThreadPoolExecutor(4) as pool:
        for y in pool.map(lambda _: conv2d(x, w), range(64)):
            np.testing.assert_array_equal(y, expected)


def test_inputs_that_are_views_and_results_that_are_kept():
    """Strided inputs are read as they are, and a result is never overwritten by the next call."""
    x, w = normal(9, 8, 2, 4).transpose(2, 0, 1, 3), normal(4, 5, 3, 3).transpose(2, 3, 0, 1)
    y = conv2d(x, w)
    kept = y.copy()
    conv2d(normal(2, 9, 8, 4), w)
    np.testing.assert_array_equal(y, kept)
    np.testing.assert_allclose(y, conv2d(x.copy(), w.copy()), rtol=1e-12)


# -- against PyTorch -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_pytorch_agrees_on_random_shapes(seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    n, c, o, kh, kw, sh, sw = rng.integers(1, [4, 7, 7, 6, 6, 4, 4])
    h, v = rng.integers([kh, kw], 14)
    (top, bottom), (left, right) = padding = tuple(tuple(map(int, side)) for side in rng.integers(0, 4, (2, 2)))
    x, w, b = rng.standard_normal((n, h, v, c)), rng.standard_normal((kh, kw, c, o)), rng.standard_normal(o)

    tensors = [
        torch.tensor(array.transpose(axes).copy(), requires_grad=True)
        for array, axes in ((x, (0, 3, 1, 2)), (w, (3, 2, 0, 1)), (b, (0,)))
    ]
    padded = torch.nn.functional.pad(tensors[0], (left, right, top, bottom))
    expected = torch.nn.functional.conv2d(padded, *tensors[1:], stride=(int(sh), int(sw)))
    g = rng.standard_normal(expected.shape)
    gradients = torch.autograd.grad(expected, tensors, torch.tensor(g))

    ours = [Tensor(array, requires_grad=True) for array in (x, w, b)]
    y = conv2d(*ours, stride=(int(sh), int(sw)), padding=padding)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy().transpose(0, 2, 3, 1), rtol=1e-10, atol=1e-10)
    for gradient, theirs, axes in zip(
        mg.grad(y, ours, cotangent=g.transpose(0, 2, 3, 1)), gradients, ((0, 2, 3, 1), (2, 3, 1, 0), (0,))
    ):
        np.testing.assert_allclose(gradient.numpy(), theirs.numpy().transpose(axes), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("padding", "output_padding"), [(0, 0), (1, 0), (1, 1), (2, 1)])
def test_pytorch_agrees_on_the_transposed_convolution(padding, output_padding):
    torch = pytest.importorskip("torch")
    g, w, b = normal(2, 4, 3, 5), normal(4, 4, 6, 5), normal(6)
    expected = (
        torch.nn.functional.conv_transpose2d(
            torch.tensor(g.transpose(0, 3, 1, 2)),
            torch.tensor(w.transpose(3, 2, 0, 1)),
            torch.tensor(b),
            stride=2,
            padding=padding,
            output_padding=output_padding,
        )
        .numpy()
        .transpose(0, 2, 3, 1)
    )
    size = expected.shape[1:3]
    np.testing.assert_allclose(conv2d_transpose(g, w, b, stride=2, padding=padding, output_size=size), expected, atol=1e-11)
    if not output_padding:
        assert conv2d_transpose(g, w, b, stride=2, padding=padding).shape == expected.shape


# -- bad input -----------------------------------------------------------------------------------------------------


X, W = normal(2, 5, 5, 3), normal(3, 3, 3, 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv2d(Tensor(X), W[:, :, :2]), ShapeError, r"x of shape \(2, 5, 5, 3\) has 3 channels, the kernel takes 2"),
        (
            lambda: conv2d(Tensor(X), normal(7, 7, 3, 4), padding="valid"),
            ShapeError,
            "window of 7x7 does not fit into images of 5x5",
        ),
        (lambda: conv2d(Tensor(X), normal(9, 9, 3, 4), padding=1), ShapeError, "images of 5x5, padded to 7x7"),
        (lambda: conv2d(Tensor(X), W, stride=0), ShapeError, "stride is 0, expected at least 1"),
        (
            lambda: conv2d(Tensor(X), W, stride=(1, 2, 3)),
            TypeError,
            r"stride is \(1, 2, 3\), expected an int or \(height, width\)",
        ),
        (lambda: [conv2d(Tensor(X), W, stride=s) for s in (1, 1.0)], TypeError, r"stride is 1\.0, expected an int"),
        (lambda: [conv2d(Tensor(X), W, stride=s) for s in (1, (1.0, 1))], TypeError, r"stride is \(1\.0, 1\), expected"),
        (lambda: [conv2d(Tensor(X), W, padding=p) for p in (1, True)], ShapeError, "padding is True, expected"),
        (lambda: conv2d(Tensor(X), W, padding="full"), ShapeError, """padding is 'full', expected "same", "valid", an int or"""),
        (lambda: conv2d(Tensor(X), W, padding=-1), ShapeError, "expected no negative values"),
        (lambda: conv2d(Tensor(X[0]), W), ShapeError, r"expected images \(n, h, w, c\) and a kernel \(kh, kw, c, o\)"),
        (lambda: conv2d(Tensor(X[None]), W), ShapeError, "expected images"),
        (lambda: conv2d(Tensor(X), W[0]), ShapeError, r"expected images .* and a kernel .*, got \(2, 5, 5, 3\) and \(3, 3, 4\)"),
        (lambda: conv2d(Tensor(X), W[:, :, :2]), ShapeError, "has 3 channels, the kernel takes 2$"),
        (lambda: conv2d(Tensor(X), W, normal(5)), ShapeError, r"a bias of shape \(5,\), expected \(4,\)"),
        (lambda: conv2d(Tensor(X.transpose(0, 3, 1, 2)), W), ShapeError, "channels first"),
        (lambda: conv2d(Tensor(X), W.astype(np.float32)), DtypeError, "mixes dtypes: x is float64, kernel or bias float32"),
        (lambda: conv2d(Tensor(X), W, normal(4).astype(np.float32)), DtypeError, "mixes dtypes"),
        (lambda: conv2d(Tensor(X)), TypeError, "conv2d is missing its argument 'w'"),
        (lambda: conv2d_transpose(Tensor(X), W, stride=0), ShapeError, "stride is 0, expected at least 1"),
        (lambda: conv2d_transpose(Tensor(X), W, output_size=(5, 0)), ShapeError, r"output_size is \(5, 0\), expected at least 1"),
        (lambda: conv2d_weight(Tensor(X), X, kernel_size=0), ShapeError, "kernel_size is 0, expected at least 1"),
        (lambda: conv2d_transpose(Tensor(X), W), ShapeError, "has 3 channels, the kernel takes 4"),
        (
            lambda: conv2d_transpose(Tensor(normal(2, 5, 5, 4)), W, stride=2, output_size=(12, 10)),
            ShapeError,
            r"cannot lead from 5x5 to output_size 12x10 .*: from that size, the convolution leads to 6x5",
        ),
        (lambda: conv2d_transpose(Tensor(normal(2, 1, 1, 4)), W, padding=2), ShapeError, "padding 2 leaves -1x-1"),
        (
            lambda: conv2d_weight(Tensor(X), normal(2, 4, 5, 4), kernel_size=3),
            ShapeError,
            r"g of shape \(2, 4, 5, 4\), expected \(2, 5, 5\) and channels",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_an_empty_batch_stays_empty(backend):
    """A convolution of no images is not an image; losses refuse it."""
    assert conv2d(mg.asarray(X[:0]), mg.asarray(W)).shape == (0, 5, 5, 4)
    assert conv2d_transpose(mg.asarray(normal(0, 5, 5, 4)), mg.asarray(W)).shape == (0, 5, 5, 3)
    assert not to_numpy(conv2d_weight(mg.asarray(X[:0]), mg.asarray(normal(0, 5, 5, 4)), kernel_size=3)).any()
