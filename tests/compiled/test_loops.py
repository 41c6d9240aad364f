"""The loops compute what the ops' NumPy form computes: on random shapes, strides, paddings and values, at the edges, on any number of
threads."""

import numpy as np
import pytest

pytest.importorskip("ziglang", reason="the compiled loops need a compiler: pip install -e '.[fast]'")

from minigen import Parameter, compiled, ops
from minigen.compiled import LOOPS, switch
from minigen.engine import OPS
from minigen.ops.activation import elu_grad, leaky_relu_grad, sigmoid_cross_entropy_grad
from minigen.ops.pooling import max_unpool2d
from minigen.optim import SGD, Adam, RMSprop
from tests.compiled.comparison import EPS, assert_as_accurate, both, normal

pytestmark = pytest.mark.usefixtures("loops")
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e-45, 88.0, -88.0, -103.0, -104.0, 3e38, -3e38]


# -- products of matrices -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_a_matrix_product_is_that_of_numpy(seed):
    rng = np.random.default_rng(seed)
    n, k, m = (int(i) for i in rng.integers(50, 200, 3))
    x, w, b, g = normal(rng, n, k), normal(rng, k, m), normal(rng, m), normal(rng, n, m)
    w = np.asfortranarray(w) if seed % 2 else w
    assert_as_accurate(ops.dense, x, w, b)
    assert_as_accurate(ops.matmul, x, w)
    assert_as_accurate(ops.matmul, x.T, g)


# -- element by element --------------------------------------------------------------------------------------------------


def values(seed=0):
    """Random values of all sizes, and all that are special."""
    rng = np.random.default_rng(seed)
    return np.concatenate([normal(rng, 20_000) * np.float32(10.0**power) for power in range(-8, 3)] + [np.float32(SPECIAL)])


def ulps(x, y):
    """How many floats lie between."""
    bits = [np.where(z.view(np.int32) < 0, -(z.view(np.int32) & 0x7FFFFFFF), z.view(np.int32)).astype(np.int64) for z in (x, y)]
    different = ~((x == y) | (np.isnan(x) & np.isnan(y)))
    return int((abs(bits[0] - bits[1]) * different).max())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("function", "more", "attributes", "most"),
    [
        (ops.leaky_relu, (), {"slope": 0.2}, 0),
        (leaky_relu_grad, (values(1)[::-1].copy(),), {"slope": 0.2}, 0),
        (elu_grad, (values(1)[::-1].copy(),), {"scale": 1.05, "alpha": 1.67}, 0),
        (ops.masked, (np.random.default_rng(1).random(220_014) < 0.5,), {"scale": 1.25}, 0),
        (ops.selu, (), {}, 4),
        (ops.tanh, (), {}, 4),
        (ops.sigmoid, (), {}, 4),
        (ops.sigmoid_cross_entropy, (np.random.default_rng(1).random(220_014, dtype=np.float32).round(1),), {}, 4),
    ],
)
def test_activations_differ_from_numpy_by_few_ulps(function, more, attributes, most):
    x = values()
    if function is ops.sigmoid:
        x = np.maximum(x, np.float32(-87.0))  # below, NumPy's form is 0 where it could be a denormal number
    arrays = (more[0], x) if function in (leaky_relu_grad, elu_grad) else (x, *more)
    by_loops, by_numpy = both(function, *arrays, **attributes)
    assert ulps(by_loops, by_numpy) <= most


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("function", "true"),
    [
        (ops.tanh, np.tanh),
        (ops.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
        (ops.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))),
    ],
)
def test_activations_are_true_to_a_few_ulps(function, true):
    """Against float64, so that two wrongs do not agree."""
    x = values()
    x = x[np.isfinite(x)]
    assert ulps(function(x), true(x.astype(np.float64)).astype(np.float32)) <= 4


def test_the_gradient_of_the_cross_entropy_is_that_of_numpy():
    x = values()
    for logits in (x[np.isfinite(x)], np.float32(SPECIAL)):
        g, targets = np.broadcast_to(np.float32(-0.75), logits.shape), np.random.default_rng(1).random(logits.shape, np.float32)
        np.testing.assert_allclose(*both(sigmoid_cross_entropy_grad, g, logits, targets), rtol=0, atol=2 * EPS)


# -- pooling and normalization ---------------------------------------------------------------------------------------------

IMAGES = [(3, 8, 8, 5), (2, 9, 7, 33), (4, 32, 32, 16), (1, 64, 64, 8), (2, 2, 3, 1), (0, 4, 4, 3)]


def spoiled(seed, shape):
    """Images with ties, NaN and infinities."""
    rng = np.random.default_rng(seed)
    return rng.choice(np.float32([*range(-4, 5), np.nan, np.inf, -np.inf]), shape, p=[0.1] * 9 + [0.04, 0.03, 0.03])


@pytest.mark.parametrize("shape", IMAGES)
def test_pooling_is_that_of_numpy_bit_for_bit(shape):
    x = spoiled(0, shape)
    y, expected = both(ops.max_pool2d, x)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(
        *both(max_unpool2d, normal(np.random.default_rng(1), *y.shape), x, y, size=2, stride=None, padding="valid")
    )
    np.testing.assert_array_equal(*both(ops.upsample_nearest2d, x, factor=2))
    whole = normal(np.random.default_rng(2), *shape)
    assert_as_accurate(ops.blur2d, whole)
    even = whole[:, : shape[1] // 2 * 2, : shape[2] // 2 * 2].copy()
    np.testing.assert_array_equal(*both(ops.sum_pool2d, even, factor=2))


@pytest.mark.parametrize("shape", IMAGES[:4])
@pytest.mark.parametrize("axis", [(1, 2), (0, 1, 2)])
def test_the_steps_of_a_normalization_are_those_of_numpy(shape, axis):
    rng = np.random.default_rng(0)
    x = normal(rng, *shape) + np.float32(3.0)
    scale = normal(rng, *((shape[0], 1, 1, shape[3]) if axis == (1, 2) else shape[3:]))
    assert_as_accurate(ops.center, x, axis=axis)
    np.testing.assert_allclose(*both(ops.inv_rms, x, axis=axis, eps=1e-3), rtol=1e-6)
    np.testing.assert_allclose(*both(ops.inv_rms, x, axis=-1, eps=1e-8), rtol=1e-6)
    assert_as_accurate(ops.sum, x, axis=axis)
    assert_as_accurate(ops.sum, x, axis=axis, keepdims=True)
    np.testing.assert_array_equal(*both(ops.scale_shift, x, scale))
    assert_as_accurate(ops.scale_shift, x, scale, scale[::-1].copy())
    np.testing.assert_array_equal(*both(ops.scale_shift, x, normal(rng, *shape[:3], 1)))


def test_a_mean_of_many_equal_values_does_not_drift():
    x = np.full((64, 64, 64, 4), 0.1, np.float32)
    assert abs(ops.center(x, axis=(0, 1, 2))).max() < 64 * 0.1 * EPS


# -- optimizers ------------------------------------------------------------------------------------------------------------

UPDATES = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (RMSprop, {"lr": 1e-2, "rho": 0.8, "eps": 1e-3}),
    (Adam, {"lr": 1e-2, "beta1": 0.5, "beta2": 0.9, "eps": 1e-4, "clip_norm": 1.0}),
]


def trained(kind, settings, dtype=np.float32):
    """(values, state) after some steps by random gradients."""
    rng = np.random.default_rng(0)
    parameters = [Parameter(normal(rng, 257, 31).astype(dtype)), Parameter(normal(rng, 5).astype(dtype))]
    optimizer = kind(parameters, **settings)
    for _ in range(5):
        for p in parameters:
            p.grad = normal(rng, *p.shape).astype(dtype)
        optimizer.step()
    return np.concatenate([optimizer.values, *optimizer.state.values()])


@pytest.mark.parametrize(("kind", "settings"), UPDATES)
def test_optimizers_step_as_with_numpy(kind, settings):
    by_loops, true = trained(kind, settings), trained(kind, settings, np.float64)
    with compiled.using(False):
        by_numpy = trained(kind, settings)
    assert abs(by_loops - true).max() <= 3 * abs(by_numpy - true).max()
    for threads in (1, 3):
        switch.library().set_threads(threads)
        np.testing.assert_array_equal(trained(kind, settings), by_loops)


def test_optimizers_take_the_loops(monkeypatch):
    called = []
    monkeypatch.setattr("minigen.compiled.optimizer.call", lambda loop, *_: called.append(loop))
    for kind, settings in UPDATES:
        trained(kind, settings)
    assert called == [loop for loop in ("sgd", "momentum", "rmsprop", "adam") for _ in range(5)]  # Nesterov's is NumPy's


# -- what holds for all ----------------------------------------------------------------------------------------------------


def cases():
    """Some calls of every op that has loops."""
    rng = np.random.default_rng(0)
    x, w, g = normal(rng, 16, 14, 14, 24), normal(rng, 3, 3, 24, 40), normal(rng, 16, 14, 14, 40)
    rows, matrix = normal(rng, 100, 150), normal(rng, 150, 90)
    half = x[:, ::2, ::2].copy()
    keep = x > 0
    return {
        "conv2d": lambda: ops.conv2d(x, w),
        "conv2d_transpose": lambda: ops.conv2d_transpose(g, w),
        "conv2d_weight": lambda: ops.conv2d_weight(x, g, kernel_size=(3, 3)),
        "dense": lambda: ops.dense(rows, matrix, matrix[0].copy()),
        "matmul": lambda: ops.matmul(rows.T, rows),
        "elu_grad": lambda: elu_grad(x, x, scale=1.0, alpha=1.0),
        "leaky_relu": lambda: ops.leaky_relu(x),
        "leaky_relu_grad": lambda: leaky_relu_grad(x, x, slope=0.2),
        "masked": lambda: ops.masked(x, keep),
        "selu": lambda: ops.selu(x),
        "sigmoid": lambda: ops.sigmoid(x),
        "sigmoid_cross_entropy": lambda: ops.sigmoid_cross_entropy(x, x.clip(0, 1)),
        "sigmoid_cross_entropy_grad": lambda: sigmoid_cross_entropy_grad(
            np.broadcast_to(x[0, 0, 0, 0], x.shape), x, x.clip(0, 1)
        ),
        "tanh": lambda: ops.tanh(x),
        "blur2d": lambda: ops.blur2d(x),
        "max_pool2d": lambda: ops.max_pool2d(x),
        "max_unpool2d": lambda: max_unpool2d(half, x, ops.max_pool2d(x), size=2, stride=2, padding="valid"),
        "sum_pool2d": lambda: ops.sum_pool2d(x, factor=2),
        "upsample_nearest2d": lambda: ops.upsample_nearest2d(x, factor=2),
        "center": lambda: ops.center(x, axis=(0, 1, 2)),
        "inv_rms": lambda: ops.inv_rms(x, axis=(1, 2), eps=1e-3),
        "sum": lambda: ops.sum(x, axis=(0, 1, 2)),
        "scale_shift": lambda: ops.scale_shift(x, x[0, 0, 0].copy()),
    }


CASES = cases()


def test_there_is_a_case_for_every_op_with_loops():
    assert sorted(CASES) == sorted(name for names in LOOPS.values() for name in names)
    assert set(CASES) <= {op.name for op in OPS.values()}


@pytest.mark.parametrize("name", CASES)
def test_results_are_the_same_bits_on_any_number_of_threads(name):
    results = []
    for threads in (1, 2, 3, 8):
        switch.library().set_threads(threads)
        results += [CASES[name]() for _ in range(3)]
    for result in results:
        np.testing.assert_array_equal(result, results[0])


def double(array):
    """Floats as float64, bools as they are."""
    return array if array.dtype == bool else array.astype(np.float64)


@pytest.mark.parametrize("name", CASES)
def test_what_the_loops_cannot_read_goes_to_numpy(name, monkeypatch):
    """float64 never reaches a loop."""
    monkeypatch.setattr("minigen.compiled.arrays.library", lambda: pytest.fail("a loop was called"))
    cells = [cell for cell in CASES[name].__closure__]
    saved = [cell.cell_contents for cell in cells]
    try:
        for cell in cells:
            cell.cell_contents = double(cell.cell_contents)
        assert CASES[name]().dtype == np.float64
    finally:
        for cell, content in zip(cells, saved):
            cell.cell_contents = content


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.conv2d(np.ones((2, 5, 5, 3), "f"), np.ones((3, 3, 4, 8), "f")), "has 3 channels, the kernel takes 4"),
        (lambda: ops.conv2d(np.ones((2, 5, 5, 3), "f"), np.ones((3, 3, 3, 8), "d")), "mixes dtypes"),
        (lambda: ops.conv2d(np.ones((2, 5, 5, 3), "f"), np.ones((3, 3, 3, 8), "f"), np.ones(7, "f")), "expected \\(8,\\)"),
        (lambda: ops.dense(np.ones((99, 99), "f"), np.ones((98, 99), "f"), np.ones(99, "f")), "expected x \\(n, in\\)"),
        (lambda: ops.sum_pool2d(np.ones((2, 5, 5, 3), "f"), factor=2), "do not divide into blocks"),
        (lambda: ops.scale_shift(np.ones((2, 5, 5, 3), "f"), np.ones(4, "f")), "broadcast"),
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(call, message):
    with pytest.raises((ValueError, TypeError), match=message) as by_loops:
        call()
    with compiled.using(False), pytest.raises((ValueError, TypeError), match=message) as by_numpy:
        call()
    assert str(by_loops.value) == str(by_numpy.value)
