"""Every forward against loops and the math module: nothing of NumPy is trusted but its shapes and its storage."""

import math

import numpy as np
import pytest

import minigen
from minigen import Tensor
from minigen.autograd import OPS
from minigen.errors import ShapeError
from tests.samples import SAMPLES, Constant, Sample, normal

# -- elementwise: one function of floats per op -------------------------------------------------------------------

ELEMENTWISE = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": math.pow,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "absolute": math.fabs,
    "square": lambda x: x * x,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1.0 / (1.0 + math.exp(-x)),
    "softplus": lambda x: math.log(1.0 + math.exp(x)),
    "sigmoid_cross_entropy": lambda x, t: -t * math.log(1 / (1 + math.exp(-x))) - (1 - t) * math.log(1 / (1 + math.exp(x))),
    "sigmoid_cross_entropy_grad": lambda g, x, t: g * (1 / (1 + math.exp(-x)) - t),
    "relu": lambda x: x if x > 0 else 0.0,
    "leaky_relu": lambda x, slope=0.2: x if x > 0 else slope * x,
    "leaky_relu_grad": lambda g, x, slope: g if x > 0 else slope * g,
    "elu": lambda x, alpha=1.0: x if x > 0 else alpha * (math.exp(x) - 1.0),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1.0)),
    "elu_grad": lambda g, y, scale, alpha: g * (scale if y > 0 else y + scale * alpha),
    "maximum": lambda x, y: x if x > y else y,
    "minimum": lambda x, y: x if x < y else y,
    "clip": lambda x, low, high: low if x < low else high if x > high else x,
    "masked": lambda x, keep, scale=1.0: x * scale if keep else 0.0,
    "where": lambda condition, x, y: x if condition else y,
    "reparameterize": lambda mean, logvar, noise: mean + math.exp(min(logvar, 20.0) / 2) * noise,
    "kl_standard_normal": lambda mean, logvar: (
        (mean**2 + math.exp(min(logvar, 20.0)) - 1 - min(logvar, 20.0) + (math.exp(20.0) - 1) * max(logvar - 20.0, 0.0)) / 2
    ),
}

# -- reductions: one function of a list of floats per op ----------------------------------------------------------

REDUCTIONS = {
    "sum": math.fsum,
    "mean": lambda values: math.fsum(values) / len(values),
    "max": lambda values: sorted(values)[-1],
    "min": lambda values: sorted(values)[0],
    "logsumexp": lambda values: math.log(math.fsum(map(math.exp, values))),
    "l2norm": lambda values, eps=0.0: math.sqrt(math.fsum(value * value for value in values) + eps),
}


def reduce(function, x, axis=None, keepdims=False, **attributes):
    """The elements of x gathered in one list for each element of the result."""
    axes = range(x.ndim) if axis is None else [i % x.ndim for i in (axis if isinstance(axis, tuple) else (axis,))]
    groups = {}
    for index in np.ndindex(x.shape):
        kept = (
            tuple(0 if i in axes else n for i, n in enumerate(index))
            if keepdims
            else tuple(n for i, n in enumerate(index) if i not in axes)
        )
        groups.setdefault(kept, []).append(float(x[index]))
    shape = tuple(max(index[i] for index in groups) + 1 for i in range(len(next(iter(groups)))))
    y = np.empty(shape)
    for index, values in groups.items():
        y[index] = function(values, **attributes)
    return y


# -- everything else: one loop per op -----------------------------------------------------------------------------


def log_softmax(x, axis=-1):
    total = reduce(REDUCTIONS["logsumexp"], x, axis, keepdims=True)
    y = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        y[index] = x[index] - total[tuple(0 if i == axis % x.ndim else n for i, n in enumerate(index))]
    return y


def reshape(x, shape):
    y = np.empty(x.size)
    for number, index in enumerate(np.ndindex(x.shape)):
        y[number] = x[index]
    return y.reshape([x.size // -math.prod(shape) if n == -1 else n for n in shape])


def transpose(x, axes=None):
    axes = tuple(range(x.ndim))[::-1] if axes is None else tuple(axis % x.ndim for axis in axes)
    y = np.empty([x.shape[axis] for axis in axes])
    for index in np.ndindex(y.shape):
        source = [0] * x.ndim
        for position, axis in enumerate(axes):
            source[axis] = index[position]
        y[index] = x[tuple(source)]
    return y


def broadcast_index(index, shape):
    """The element of an array of `shape` that a broadcast array shows at `index`."""
    return tuple(0 if length == 1 else n for n, length in zip(index[len(index) - len(shape) :], shape))


def broadcast_to(x, shape):
    y = np.empty(shape)
    for index in np.ndindex(shape):
        y[index] = x[broadcast_index(index, x.shape)]
    return y


def sum_to(x, shape):
    y = np.zeros(shape)
    for index in np.ndindex(x.shape):
        y[broadcast_index(index, shape)] += x[index]
    return y


def concatenate(*arrays, axis=0):
    def entries(x, level):
        return [entries(x[i], level - 1) for i in range(len(x))] if level else [float(v) for v in x]

    if arrays[0].ndim == 1:
        return np.array([value for x in arrays for value in entries(x, 0)])
    if axis % 2 == 0:
        return np.array([row for x in arrays for row in entries(x, 1)])
    return np.array([[value for x in arrays for value in entries(x[i], 0)] for i in range(len(arrays[0]))])


def pad(x, widths):
    y = np.zeros([before + n + after for (before, after), n in zip(widths, x.shape)])
    for index in np.ndindex(x.shape):
        y[tuple(before + n for (before, _), n in zip(widths, index))] = x[index]
    return y


def crop(x, widths):
    y = np.empty([n - before - after for (before, after), n in zip(widths, x.shape)])
    for index in np.ndindex(y.shape):
        y[index] = x[tuple(before + n for (before, _), n in zip(widths, index))]
    return y


def getitem(x, index):
    places = np.asarray(np.arange(x.size).reshape(x.shape)[index])
    y = np.empty(places.shape)
    for position in np.ndindex(places.shape):
        y[position] = list(x[i] for i in np.ndindex(x.shape))[places[position]]
    return y


def scatter_add(values, index, shape):
    places = np.asarray(np.arange(math.prod(shape)).reshape(shape)[index])
    y = np.zeros(math.prod(shape))
    for position in np.ndindex(places.shape):
        y[places[position]] += values[broadcast_index(position, values.shape)]
    return y.reshape(shape)


def matmul(x, y):
    left, right = (x[None] if x.ndim == 1 else x), (y[:, None] if y.ndim == 1 else y)
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    z = np.empty((*batch, left.shape[-2], right.shape[-1]))
    for *index, i, j in np.ndindex(z.shape):
        a, b = left[broadcast_index(index, left.shape[:-2])], right[broadcast_index(index, right.shape[:-2])]
        z[(*index, i, j)] = math.fsum(a[i, k] * b[k, j] for k in range(left.shape[-1]))
    z = z[..., 0, :] if x.ndim == 1 else z
    return z[..., 0] if y.ndim == 1 else z


def dense(x, w, b):
    y = matmul(x, w)
    for i, j in np.ndindex(y.shape):
        y[i, j] += b[j]
    return y


def blur2d(x):
    """The nine neighbors, with the product of (1, 2, 1) / 4 down and across."""
    y = np.empty(x.shape)
    for n, i, j, c in np.ndindex(x.shape):
        y[n, i, j, c] = math.fsum(
            (2 - abs(a)) * (2 - abs(b)) / 16 * x[n, i + a, j + b, c]
            for a in (-1, 0, 1)
            for b in (-1, 0, 1)
            if 0 <= i + a < x.shape[1] and 0 <= j + b < x.shape[2]
        )
    return y


LOOPS = {
    loop.__name__: loop
    for loop in (
        log_softmax,
        reshape,
        transpose,
        broadcast_to,
        sum_to,
        concatenate,
        pad,
        crop,
        getitem,
        scatter_add,
        matmul,
        dense,
        blur2d,
    )
}


def oracle(op: str, sample: Sample) -> np.ndarray:
    """What the op should have returned."""
    arguments = [x.value if isinstance(x, Constant) else x for x in sample.arguments]
    name = op.rpartition(".")[2]
    if name in ELEMENTWISE:
        shapes = np.broadcast(*map(np.asarray, arguments)) if len(arguments) > 1 else np.asarray(arguments[0])
        y = np.empty(shapes.shape)
        for index in np.ndindex(y.shape):
            values = (np.asarray(x)[broadcast_index(index, np.shape(x))].item() for x in arguments)
            y[index] = ELEMENTWISE[name](*values, **sample.attributes)
        return y
    if name in REDUCTIONS:
        return reduce(REDUCTIONS[name], *arguments, **sample.attributes)
    if name not in LOOPS:
        pytest.fail(f"{op}: write what it computes once more, with loops, in ELEMENTWISE, REDUCTIONS or LOOPS")
    return LOOPS[name](*arguments, **sample.attributes)


# Modules whose ops have their loops in a test file of their own: {"convolution": "test_convolution.py"}.
ELSEWHERE = {"convolution": "test_convolution.py", "normalization": "test_normalization.py", "pooling": "test_pooling.py"}


@pytest.mark.parametrize("op", [op for op in OPS if op in SAMPLES and op.split(".")[-2] not in ELSEWHERE])
def test_forward_equals_loops(op):
    for number, sample in enumerate(SAMPLES[op]):
        y = sample.function(op)(*map(Tensor, sample.arrays)).numpy()
        expected = oracle(op, sample)
        assert y.shape == expected.shape, f"sample {number}"
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14, err_msg=f"sample {number}: {sample}")


# -- what the samples avoid: extremes and kinks ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (minigen.sigmoid, [-1000.0, 0.0, 1000.0], [0.0, 0.5, 1.0]),
        (minigen.softplus, [-1000.0, 0.0, 1000.0], [0.0, math.log(2.0), 1000.0]),
        (minigen.tanh, [-1000.0, 1000.0], [-1.0, 1.0]),
        (minigen.elu, [-1000.0, 0.0, 1000.0], [-1.0, 0.0, 1000.0]),
        (lambda x: minigen.logsumexp(x), [1000.0, 1000.0], 1000.0 + math.log(2.0)),
        (lambda x: minigen.logsumexp(x), [-1000.0, -1000.0], -1000.0 + math.log(2.0)),
        (minigen.log_softmax, [1000.0, 0.0, -1000.0], [0.0, -1000.0, -2000.0]),
        (lambda x: minigen.sigmoid_cross_entropy(x, np.array([0.0, 1.0])), [-1000.0, -1000.0], [0.0, 1000.0]),
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_nothing_overflows(function, x, expected):
    x = Tensor(np.array(x), requires_grad=True)
    y = function(x)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
    (dx,) = minigen.grad(y.sum(), [x], create_graph=True)
    (d2x,) = minigen.grad((dx * dx).sum(), [x], allow_unused=True)
    assert np.isfinite(dx.numpy()).all() and np.isfinite(d2x.numpy()).all()


@pytest.mark.parametrize(
    ("function", "expected"), [(minigen.elu, math.expm1), (minigen.sigmoid, lambda x: 1.0 / (1.0 + math.exp(-x)))]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_results_keep_their_digits(backend, dtype, function, expected):
    """e^x - 1 for x near 0, and the sigmoid far below 0: right to a few units in the last place, not rounded off against the
    1."""
    x = -np.logspace(-12, 1.9, 57).astype(dtype)
    y = minigen.to_numpy(function(minigen.asarray(x)))
    assert y.dtype == dtype
    np.testing.assert_allclose(y, [expected(float(value)) for value in x], rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("function", "slope"), [
    (minigen.absolute, 0.0), (minigen.relu, 0.0), (minigen.leaky_relu, 0.2), (minigen.elu, 1.0), (lambda x: x**2, 0.0),
    (lambda x: minigen.elu(x, alpha=2.0), 2.0), (minigen.selu, pytest.approx(1.0507009873554805 * 1.6732632423543772)),
    (lambda x: x**0, 0.0), (lambda x: x**1, 1.0), (lambda x: x**0.0, 0.0), (lambda x: minigen.maximum(x, 0.0), 0.5),
    (lambda x: minigen.minimum(x, 0.0), 0.5), (lambda x: minigen.clip(x, low=0.0, high=1.0), 1.0), (minigen.l2norm, 0.0),
])  # fmt: skip
def test_the_derivative_at_a_kink_is_the_documented_one(backend, function, slope):
    x = Tensor(minigen.asarray(np.array([0.0])), requires_grad=True)
    (dx,) = minigen.grad(function(x).sum(), [x])
    assert dx.item() == slope


@pytest.mark.parametrize("tiny", [1e-30, 0.01])
@pytest.mark.parametrize(("function", "below", "above"), [
    (minigen.absolute, -1.0, 1.0), (minigen.relu, 0.0, 1.0), (minigen.leaky_relu, 0.2, 1.0), (lambda x: minigen.leaky_relu(x, slope=0.0), 0.0, 1.0),
    (lambda x: minigen.elu(x, alpha=2.0), 2.0, 1.0), (minigen.selu, 1.0507009873554805 * 1.6732632423543772, 1.0507009873554805),
    (lambda x: minigen.clip(x, low=0.0), 0.0, 1.0), (lambda x: minigen.clip(x, high=0.0), 1.0, 0.0),
    (lambda x: minigen.maximum(x, 0.0), 0.0, 1.0), (lambda x: minigen.minimum(x, 0.0), 1.0, 0.0),
    (lambda x: minigen.maximum(0.0, x), 0.0, 1.0), (lambda x: minigen.minimum(0.0, x), 1.0, 0.0),
])  # fmt: skip
def test_the_kink_is_at_0_and_nowhere_beside_it(backend, function, below, above, tiny):
    """Seen by the derivative, and by that of the derivative by what came into it; up to the curvature of elu."""
    x = Tensor(minigen.asarray(np.array([-tiny, tiny])), requires_grad=True)
    u = Tensor(minigen.asarray(np.ones(2)), requires_grad=True)
    (dx,) = minigen.grad(function(x), [x], u, create_graph=True)
    (du,) = minigen.grad(dx, [u], minigen.asarray(np.ones(2)))
    for slopes in (dx.numpy(), du.numpy()):
        np.testing.assert_allclose(slopes, [below, above], rtol=0.0101)


@pytest.mark.parametrize("extreme", [minigen.max, minigen.min])
def test_equal_extremes_share_the_gradient(backend, extreme):
    x = Tensor(minigen.asarray(np.array([[1.0, 1.0, 2.0], [3.0, 3.0, 3.0]])), requires_grad=True)
    (dx,) = minigen.grad(extreme(x, axis=1).sum(), [x])
    first = [0.0, 0.0, 1.0] if extreme is minigen.max else [0.5, 0.5, 0.0]
    np.testing.assert_allclose(dx.numpy(), [first, [1 / 3] * 3])


def test_maximum_of_a_tensor_with_itself_is_the_tensor():
    x = Tensor(np.array([1.0, 2.0]), requires_grad=True)
    np.testing.assert_array_equal(minigen.grad(minigen.maximum(x, x).sum(), [x])[0].numpy(), 1.0)


# -- compositions ------------------------------------------------------------------------------------------------

X = normal(2, 3, 4)


@pytest.mark.parametrize(
    ("compose", "expected"),
    [
        (lambda x: minigen.var(x), X.var()),
        (lambda x: minigen.var(x, axis=(0, 2), keepdims=True), X.var(axis=(0, 2), keepdims=True)),
        (lambda x: minigen.std(x, axis=1), X.std(axis=1)),
        (lambda x: minigen.stack(x, 2.0 * x), np.stack([X, 2.0 * X])),
        (lambda x: minigen.stack(x, x, axis=-1), np.stack([X, X], axis=-1)),
        (lambda x: minigen.stack(x, x, axis=2), np.stack([X, X], axis=2)),
        (lambda x: minigen.split(x, 2, axis=-1)[1], np.split(X, 2, axis=-1)[1]),
        (lambda x: minigen.split(x, 3, axis=1)[0], np.split(X, 3, axis=1)[0]),
        (lambda x: minigen.split(x, 1)[0], X),
        (lambda x: minigen.expand_dims(x, 0), X[None]),
        (lambda x: minigen.expand_dims(x, -1), X[..., None]),
        (lambda x: minigen.expand_dims(x, 3), X[..., None]),
        (lambda x: minigen.expand_dims(x, -4), X[None]),
        (lambda x: minigen.squeeze(x[:1, :, :1]), X[0, :, 0]),
        (lambda x: minigen.squeeze(x[:1, :, :1], axis=(0, -1)), X[0, :, 0]),
        (lambda x: minigen.squeeze(x[:1], axis=0), X[0]),
        (lambda x: minigen.swapaxes(x, 0, -1), X.swapaxes(0, -1)),
        (lambda x: minigen.swapaxes(x, -3, 2), X.swapaxes(0, 2)),
        (lambda x: x.transpose(2, 0, 1), X.transpose(2, 0, 1)),
        (lambda x: x.transpose((2, 0, 1)), X.transpose(2, 0, 1)),
        (lambda x: x.transpose([2, 0, 1]), X.transpose(2, 0, 1)),
        (lambda x: x.transpose(), X.transpose()),
        (lambda x: x.transpose(None), X.transpose()),
        (lambda x: x[0].T, X[0].T),
        (lambda x: x.reshape(24), X.reshape(24)),
        (lambda x: x.reshape(4, -1), X.reshape(4, 6)),
        (lambda x: x.reshape((4, 6)), X.reshape(4, 6)),
        (lambda x: x.reshape([4, 6]), X.reshape(4, 6)),
        (lambda x: x.ravel(), X.ravel()),
        (lambda x: minigen.flatten(x), X.ravel()),
        (lambda x: minigen.flatten(x, 1), X.reshape(2, 12)),
        (lambda x: minigen.flatten(x, 3), X[..., None]),
        (lambda x: minigen.flatten(x[0, 0, 0]), X[0, 0, :1]),
        (lambda x: minigen.take(x, minigen.asarray(np.array([1, 0, 1]))), X[[1, 0, 1]]),
        (lambda x: minigen.take(x, minigen.asarray(np.array([[3, -4]])), axis=-1), X[..., [[3, -4]]]),
    ],
)
def test_compositions_have_right_values_and_gradients(backend, compose, expected):
    minigen.gradcheck(compose, X)
    np.testing.assert_allclose(compose(Tensor(minigen.asarray(X))).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(minigen.to_numpy(compose(minigen.asarray(X))), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: minigen.split(X, 5, axis=1), ValueError, "axis 1 has length 3, which is not divisible into 5 equal sections"),
        (lambda: minigen.squeeze(Tensor(X), axis=1), ValueError, r"axis 1 of shape \(2, 3, 4\) is not of length 1"),
        (lambda: minigen.squeeze(Tensor(X), axis=3), IndexError, "squeeze: axis 3 is out of range, expected -3 to 2"),
        (lambda: minigen.expand_dims(Tensor(X), 4), IndexError, "expand_dims: axis 4 is out of range, expected -4 to 3"),
        (lambda: minigen.expand_dims(Tensor(X), -5), IndexError, "expand_dims: axis -5 is out of range"),
        (lambda: minigen.swapaxes(Tensor(X), 0, 3), IndexError, "swapaxes: axis 3 is out of range, expected -3 to 2"),
        (lambda: minigen.swapaxes(Tensor(X), -4, 0), IndexError, "swapaxes: axis -4 is out of range"),
        (lambda: minigen.flatten(Tensor(1.0), 1), ShapeError, r"flatten: start_axis is 1, expected 0 to 0 for shape \(\)"),
        (lambda: minigen.flatten(Tensor(X), -1), ShapeError, r"flatten: start_axis is -1, expected 0 to 3 for shape \(2, 3, 4\)"),
        (lambda: minigen.concatenate((Tensor(X), Tensor(X))), TypeError, "concatenate takes arrays, not a list"),
        (lambda: minigen.take(Tensor(X), np.array([0, 2])), IndexError, "indices reach from 0 to 2, axis 0 has 2"),
        (lambda: minigen.take(Tensor(X), np.array([-3])), IndexError, "indices reach from -3 to -3, axis 0 has 2"),
        (lambda: minigen.concatenate([Tensor(X), Tensor(X)]), TypeError, r"concatenate takes arrays, not a list .*\*arrays"),
        (
            lambda: minigen.stack([Tensor(X), Tensor(X)]),
            TypeError,
            r"stack takes arrays, not a list of them: stack\(x, y, axis=0\)",
        ),
        (
            lambda: minigen.crop(Tensor(X[0]), widths=((2, 2), (0, 0))),
            ShapeError,
            r"crop: cannot crop \(\(2, 2\), \(0, 0\)\) from",
        ),
        (lambda: minigen.pad(Tensor(X), widths=((1, 1),)), ShapeError, "pad: "),
        (lambda: minigen.sum_to(Tensor(X), shape=(5,)), ShapeError, "sum_to: "),
        (
            lambda: minigen.sum_to(Tensor(X[0, 0]), shape=(1, 4)),
            ShapeError,
            r"sum_to: an array of shape \(1, 4\) does not broadcast to \(4,\)",
        ),
        (lambda: minigen.masked(Tensor(X[0]), X > 0.0), ShapeError, r"masked: .*float64\[3, 4\], bool\[2, 3, 4\]"),
        (
            lambda: minigen.dense(Tensor(X[0]), X[1].T, X[0, 0]),
            ShapeError,
            r"dense: expected x \(n, in\), w \(in, out\), b \(out,\)",
        ),
        (lambda: minigen.dense(Tensor(X), X[0].T, X[0, :, 0]), ShapeError, "dense: expected x"),
        (lambda: minigen.dense(Tensor(X[0]), X[0, 0], np.array(0.0)), ShapeError, "dense: expected x"),
        (lambda: minigen.dense(Tensor(X[0]), X[0], X[0, 0]), ShapeError, "dense: expected x"),
        (lambda: Tensor(X) @ 2.0, TypeError, "expected two arrays of at least one axis"),
        (lambda: 2.0 @ Tensor(X), TypeError, "expected two arrays of at least one axis"),
        (lambda: Tensor(X) @ X[0], ShapeError, r"got \(2, 3, 4\) @ \(3, 4\), expected \(..., n, k\) @ \(..., k, m\)"),
        (lambda: Tensor(X) @ X[0, :, 0], ShapeError, r"got \(2, 3, 4\) @ \(3,\)"),
        (lambda: minigen.sigmoid_cross_entropy(Tensor(X[0]), X[0, 0]), ShapeError, r"logits have shape \(3, 4\), targets \(4,\)"),
    ],
)
def test_wrong_arguments_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_one_hot_of_labels_and_its_refusals(backend):
    labels = minigen.asarray(np.array([2, 0]))
    np.testing.assert_array_equal(minigen.to_numpy(minigen.one_hot(labels, 3)), [[0, 0, 1], [1, 0, 0]])
    assert minigen.one_hot(labels, 3).dtype == np.float32 and minigen.one_hot(labels, 3, np.float64).dtype == np.float64
    for wrong, message in ([3, 0], "reach from 0 to 3, expected 0 to 2"), ([-1, 1], "reach from -1 to 1, expected 0 to 2"):
        with pytest.raises(ValueError, match=message):
            minigen.one_hot(minigen.asarray(np.array(wrong)), 3)
    with pytest.raises(TypeError, match="labels must be integers, got float64"):
        minigen.one_hot(minigen.asarray(np.array([1.0])), 3)
