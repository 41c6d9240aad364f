"""PyTorch as a witness: forward, gradients and gradients of gradients on random shapes, for all ops that it has."""

import itertools

import numpy as np
import pytest

import minigen
from minigen import Tensor, grad

torch = pytest.importorskip("torch")
F = torch.nn.functional


def normal(rng, *shape):
    return rng.standard_normal(shape)


def apart(rng, *shape):
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 2.0, shape)


def positive(rng, *shape):
    return rng.uniform(0.3, 2.0, shape)


UNARY = {
    "negative": (minigen.negative, torch.neg, normal),
    "absolute": (minigen.absolute, torch.abs, apart),
    "square": (minigen.square, torch.square, normal),
    "exp": (minigen.exp, torch.exp, normal),
    "log": (minigen.log, torch.log, positive),
    "sqrt": (minigen.sqrt, torch.sqrt, positive),
    "sin": (minigen.sin, torch.sin, normal),
    "cos": (minigen.cos, torch.cos, normal),
    "tanh": (minigen.tanh, torch.tanh, normal),
    "sigmoid": (minigen.sigmoid, torch.sigmoid, normal),
    "softplus": (minigen.softplus, F.softplus, normal),
    "relu": (minigen.relu, torch.relu, apart),
    "leaky_relu": (minigen.leaky_relu, lambda x: F.leaky_relu(x, 0.2), apart),
    "elu": (lambda x: minigen.elu(x, alpha=0.7), lambda x: F.elu(x, 0.7), apart),
    "selu": (minigen.selu, F.selu, apart),
    "clip": (lambda x: minigen.clip(x, low=-0.5, high=0.5), lambda x: torch.clamp(x, -0.5, 0.5), normal),
    "power 3": (lambda x: x**3, lambda x: x**3, normal),
    "power -1": (lambda x: x**-1, lambda x: x**-1, apart),
    "power 0.5": (lambda x: x**0.5, lambda x: x**0.5, positive),
    "2 ** x": (lambda x: 2**x, lambda x: 2**x, normal),
    "sum": (lambda x: minigen.sum(x, axis=-1), lambda x: torch.sum(x, -1), normal),
    "mean": (lambda x: minigen.mean(x, axis=0, keepdims=True), lambda x: torch.mean(x, 0, keepdim=True), normal),
    "max": (lambda x: minigen.max(x, axis=-1), lambda x: torch.amax(x, -1), normal),
    "min": (lambda x: minigen.min(x, axis=0), lambda x: torch.amin(x, 0), normal),
    "logsumexp": (lambda x: minigen.logsumexp(x, axis=-1), lambda x: torch.logsumexp(x, -1), normal),
    "log_softmax": (lambda x: minigen.log_softmax(x), lambda x: torch.log_softmax(x, -1), normal),
    "l2norm": (lambda x: minigen.l2norm(x, axis=-1), lambda x: torch.linalg.vector_norm(x, dim=-1), normal),
    "var": (lambda x: minigen.var(x, axis=-1), lambda x: torch.var(x, -1, correction=0), normal),
    "transpose": (lambda x: x.T, lambda x: x.permute(*range(x.ndim)[::-1]), normal),
    "reshape": (lambda x: x.reshape(-1), lambda x: x.reshape(-1), normal),
    "getitem": (lambda x: x[..., [0, -1, 0]], lambda x: x[..., [0, -1, 0]], normal),
    "concatenate": (lambda x: minigen.concatenate(x, x * x, axis=-1), lambda x: torch.cat([x, x * x], -1), normal),
    "pad": (lambda x: minigen.pad(x, widths=((0, 0),) * (len(x.shape) - 1) + ((1, 2),)), lambda x: F.pad(x, (1, 2)), normal),
}
BINARY = {
    "add": (minigen.add, torch.add, normal),
    "subtract": (minigen.subtract, torch.sub, normal),
    "multiply": (minigen.multiply, torch.mul, normal),
    "divide": (minigen.divide, torch.div, apart),
    "power": (minigen.power, torch.pow, positive),
    "maximum": (minigen.maximum, torch.maximum, normal),
    "minimum": (minigen.minimum, torch.minimum, normal),
    "where": (
        lambda x, y: minigen.where(np.array(True), x, y) * y,
        lambda x, y: torch.where(torch.tensor(True), x, y) * y,
        normal,
    ),
}
MATMUL = [
    ((3, 4), (4, 2)),
    ((4,), (4, 2)),
    ((3, 4), (4,)),
    ((4,), (4,)),
    ((5, 3, 4), (4, 2)),
    ((5, 3, 4), (5, 4, 2)),
    ((6, 1, 3, 4), (5, 4, 2)),
    ((3, 4), (5, 4, 2)),
    ((4,), (5, 4, 2)),
    ((5, 3, 4), (4,)),
]


def compare(ours, theirs, arrays, rng):
    """Value, gradients for a random cotangent u, and the gradients of those (in a random direction) by all inputs and u."""
    xs = [Tensor(np.array(x), requires_grad=True) for x in arrays]
    ts = [torch.tensor(np.array(x), requires_grad=True) for x in arrays]
    y, z = ours(*xs), theirs(*ts)
    close(y, z)
    u = np.asarray(rng.standard_normal(y.shape))
    xu, tu = Tensor(u, requires_grad=True), torch.tensor(u, requires_grad=True)
    first = grad(y, xs, xu, create_graph=True)
    expected = torch.autograd.grad(z, ts, tu, create_graph=True)
    for got, want in zip(first, expected, strict=True):
        close(got, want)
    directions = [np.asarray(rng.standard_normal(g.shape)) for g in first]
    pushed = sum((g * v).sum() for g, v in zip(first, directions))
    expected = sum((g * torch.tensor(v)).sum() for g, v in zip(expected, directions))
    second = grad(pushed, [*xs, xu], allow_unused=True)
    for got, want in zip(second, torch.autograd.grad(expected, [*ts, tu], materialize_grads=True), strict=True):
        close(got, want)


def close(ours, theirs):
    """Equal shapes, and values up to rounding."""
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(force=True), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", UNARY)
def test_ops_of_one_input_equal_pytorch(name, seed):
    rng = np.random.default_rng(seed)
    ours, theirs, make = UNARY[name]
    compare(ours, theirs, [make(rng, *rng.integers(1, 6, size=seed + 1))], rng)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", BINARY)
def test_ops_of_two_inputs_that_broadcast_equal_pytorch(name, seed):
    rng = np.random.default_rng(seed)
    ours, theirs, make = BINARY[name]
    shape = rng.integers(2, 5, size=3)
    shapes = [np.where(rng.random(3) < 0.3, 1, shape)[rng.integers(0, 3) :] for _ in range(2)]
    compare(ours, theirs, [make(rng, *shape) for shape in shapes], rng)


@pytest.mark.parametrize(("left", "right"), MATMUL)
def test_matmul_equals_pytorch(left, right):
    rng = np.random.default_rng(0)
    compare(minigen.matmul, torch.matmul, [normal(rng, *left), normal(rng, *right)], rng)


def test_dense_equals_pytorch():
    rng = np.random.default_rng(0)
    compare(minigen.dense, lambda x, w, b: F.linear(x, w.T, b), [normal(rng, 5, 3), normal(rng, 3, 2), normal(rng, 2)], rng)


def test_sigmoid_cross_entropy_equals_pytorch():
    rng = np.random.default_rng(0)
    compare(
        minigen.sigmoid_cross_entropy,
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none"),
        [normal(rng, 4, 3), rng.random((4, 3))],
        rng,
    )


def test_scatter_add_equals_pytorch():
    rng = np.random.default_rng(0)
    rows = np.array([2, 0, 2])
    compare(
        lambda x: minigen.scatter_add(x, index=rows, shape=(4, 3)),
        lambda x: torch.zeros(4, 3, dtype=torch.float64).index_add(0, torch.tensor(rows), x),
        [normal(rng, 3, 3)],
        rng,
    )


def test_a_network_to_second_order():
    """The gradient penalty of a small critic: matmul, broadcasting, leaky_relu, norms and reductions together."""
    rng = np.random.default_rng(0)
    arrays = [normal(rng, 4, 3), normal(rng, 3, 5), normal(rng, 5), normal(rng, 5, 1)]

    def ours(x, w1, b1, w2):
        score = minigen.leaky_relu(x @ w1 + b1) @ w2
        (slope,) = grad((score * score).sum(), [x], create_graph=True)
        return (minigen.l2norm(slope, axis=1) - 1.0) ** 2

    def theirs(x, w1, b1, w2):
        score = F.leaky_relu(x @ w1 + b1, 0.2) @ w2
        (slope,) = torch.autograd.grad((score * score).sum(), [x], create_graph=True)
        return (torch.linalg.vector_norm(slope, dim=1) - 1.0) ** 2

    compare(ours, theirs, arrays, rng)


# -- at the edges ------------------------------------------------------------------------------------------------

EDGES = [-np.inf, -1e30, -100.0, -1.0, -0.0, 0.0, 1.0, 100.0, 1e30, np.inf, np.nan]
EDGE_UNARY = {
    **{
        name: UNARY[name][:2]
        for name in ("negative", "square", "exp", "log", "sqrt", "tanh", "sigmoid", "softplus", "relu", "leaky_relu")
    },
    "elu": (minigen.elu, F.elu),
    "selu": (minigen.selu, F.selu),
    "absolute": (minigen.absolute, torch.abs),
    "leaky_relu of slope 0": (lambda x: minigen.leaky_relu(x, slope=0.0), F.relu),
    "clip": (lambda x: minigen.clip(x, low=-2.0, high=2.0), lambda x: torch.clamp(x, -2.0, 2.0)),
    "square root of relu": (lambda x: minigen.sqrt(minigen.relu(x)), lambda x: torch.sqrt(torch.relu(x))),
    "where": (lambda x: minigen.where(x > 0.5, minigen.log(x), x), lambda x: torch.where(x > 0.5, torch.log(x), x)),
    "masked": (lambda x: minigen.masked(x, x > 0.5, scale=2.0), lambda x: torch.where(x > 0.5, 2.0 * x, 0.0)),
    **{f"x ** {p}": (lambda x, p=p: x**p,) * 2 for p in (0, 1, 2, -1, 0.0, 1.0, 2.0, -2.0)},
    **{f"{base} ** x": (lambda x, base=base: base**x,) * 2 for base in (0, 0.0, 1.0, 2, -1.0)},
    **{
        f"cross entropy with {t}": (
            lambda x, t=t: minigen.sigmoid_cross_entropy(x, np.full(x.shape, t)),
            lambda x, t=t: F.binary_cross_entropy_with_logits(x, torch.full_like(x, t), reduction="none"),
        )
        for t in (0.0, 0.5, 1.0)
    },
}
# Where PyTorch takes another derivative at a kink, or one at NaN: at 0 elu's second (0, we take the one from below).
KINKS = {"elu": [0.0, np.nan], "selu": [0.0, np.nan], "absolute": [np.nan], "leaky_relu of slope 0": [np.nan]}
EDGE_BINARY = {
    "multiply": (minigen.multiply, torch.mul),
    "divide": (minigen.divide, torch.div),
    "maximum": (minigen.maximum, torch.maximum),
    "minimum": (minigen.minimum, torch.minimum),
    "where": (lambda x, y: minigen.where(x > y, x, y), lambda x, y: torch.where(x > y, x, y)),
    "relu times": (lambda x, y: minigen.relu(x) * y, lambda x, y: torch.relu(x) * y),
}
ROWS = {
    "logsumexp": UNARY["logsumexp"][:2],
    "log_softmax": UNARY["log_softmax"][:2],
    "softmax": (minigen.ops.softmax, lambda x: torch.softmax(x, -1)),
    "max": UNARY["max"][:2],
    "min": (lambda x: minigen.min(x, axis=-1), lambda x: torch.amin(x, -1)),
    "l2norm": UNARY["l2norm"][:2],
}


def compare_where_defined(ours, theirs, arrays, rng, order=2):
    """Value, gradients and gradients of these, wherever PyTorch's are numbers, infinite ones included."""
    xs = [Tensor(np.array(x), requires_grad=True) for x in arrays]
    ts = [torch.tensor(np.array(x), requires_grad=True) for x in arrays]
    with np.errstate(all="ignore"):
        y, z = ours(*xs), theirs(*ts)
        u = np.asarray(rng.uniform(0.5, 2.0, y.shape))
        first = grad(y, xs, Tensor(u), create_graph=True)
        expected = torch.autograd.grad(z, ts, torch.tensor(u), create_graph=True)
        pairs = [(y, z), *zip(first, expected, strict=True)]
        if order == 2 and any(g.requires_grad for g in expected):
            second = grad(sum(g.sum() for g in first), xs, allow_unused=True)
            pairs += zip(second, torch.autograd.grad(sum(g.sum() for g in expected), ts, materialize_grads=True), strict=True)
    for got, want in pairs:
        got, want = got.numpy(), (want + 0.0).numpy(force=True)
        assert got.shape == want.shape
        defined = ~np.isnan(want)
        np.testing.assert_allclose(got[defined], want[defined], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", EDGE_UNARY)
def test_one_input_at_the_edges(name, seed):
    rng = np.random.default_rng(seed)
    edges = [x for x in EDGES if not any(np.array_equal(x, kink, equal_nan=True) for kink in KINKS.get(name, ()))]
    x = rng.permutation([*edges, *rng.standard_normal(12)]).reshape((-1, 1) if seed else -1)
    compare_where_defined(*EDGE_UNARY[name], [x], rng)


@pytest.mark.parametrize("name", EDGE_BINARY)
def test_two_inputs_at_the_edges(name):
    rng = np.random.default_rng(0)
    compare_where_defined(*EDGE_BINARY[name], list(np.array(list(itertools.product(EDGES, EDGES))).T), rng)


@pytest.mark.parametrize("seed", range(3))
def test_powers_at_extremes_equal_pytorch(seed):
    """To first order everywhere; to second where p is not 0: there PyTorch masks the mixed derivative, which is 1 / x."""
    rng = np.random.default_rng(seed)
    bases, exponents = [-np.inf, -2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, np.inf], [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    pairs = rng.permutation(list(itertools.product(bases, exponents)))[:40]
    compare_where_defined(minigen.power, torch.pow, list(pairs.T), rng, order=1)
    compare_where_defined(minigen.power, torch.pow, list(pairs[(pairs[:, 1] != 0.0) & (pairs[:, 0] > 0.0)].T), rng)
    for shapes in (((3, 1), (4,)), ((), (2, 3)), ((2, 3), ())):
        compare_where_defined(
            minigen.power, torch.pow, [rng.choice(part, shape) for part, shape in zip((bases, exponents), shapes)], rng, order=1
        )


@pytest.mark.parametrize("name", ROWS)
def test_rows_with_extremes_equal_pytorch(name):
    rng = np.random.default_rng(0)
    rows = np.array(list(itertools.product(EDGES, EDGES, [0.0, 3.0])))
    compare_where_defined(*ROWS[name], [rows], rng)


def test_cross_entropy_at_extremes_equals_pytorch():
    """Of each row by itself: in a sum one NaN would hide all others."""
    rng = np.random.default_rng(0)
    for row in itertools.product([-np.inf, -1e30, 0.0, 1e30, np.inf], repeat=3):
        compare_where_defined(
            lambda x: minigen.losses.cross_entropy(x, np.array([1])),
            lambda x: F.cross_entropy(x, torch.tensor([1])),
            [np.array([row])],
            rng,
        )


@pytest.mark.parametrize("seed", range(20))
def test_max_pool2d_with_extremes_equals_pytorch(seed):
    """Windows of -inf, inf and equal elements beside padding, and a NaN here and there (one per window: of several, another
    wins)."""
    rng = np.random.default_rng(seed)
    size, stride, padding = (int(k) for k in (rng.integers(1, 4), rng.integers(1, 4), rng.integers(0, 2)))
    padding = min(padding, size // 2)
    x = rng.choice([-np.inf, -np.inf, -1.0, 0.0, 1.0, 1e30], (2, *rng.integers(3, 7, 2), 2))
    x[0, 1, 1, 0] = np.nan
    compare_where_defined(
        lambda x: minigen.max_pool2d(x, size=size, stride=stride, padding=padding),
        lambda x: F.max_pool2d(x.permute(0, 3, 1, 2), size, stride, padding).permute(0, 2, 3, 1),
        [x],
        rng,
    )
