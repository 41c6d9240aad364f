"""center, inv_rms, scale_shift and what is made of them: against loops, against PyTorch, and where single precision is short."""

import math
from functools import partial

import numpy as np
import pytest

import minigen as mg
from minigen import Tensor, ops
from minigen.autograd import OPS
from minigen.errors import ShapeError
from tests.samples import SAMPLES, Constant

rng = np.random.default_rng(12)

# -- loops -------------------------------------------------------------------------------------------------------


def groups(x, axis):
    """(the kept index, all places reduced into it)."""
    axes = [i % x.ndim for i in (range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,))]
    found = {}
    for index in np.ndindex(x.shape):
        found.setdefault(tuple(0 if i in axes else n for i, n in enumerate(index)), []).append(index)
    return found.items(), [1 if i in axes else n for i, n in enumerate(x.shape)]


def center(x, axis):
    y = np.empty(x.shape)
    for _, places in groups(x, axis)[0]:
        mean = math.fsum(x[place] for place in places) / len(places)
        for place in places:
            y[place] = x[place] - mean
    return y


def inv_rms(x, axis, eps):
    found, shape = groups(x, axis)
    y = np.empty(shape)
    for kept, places in found:
        y[kept] = 1.0 / math.sqrt(math.fsum(x[place] ** 2 for place in places) / len(places) + eps)
    return y


def scale_shift(x, scale, shift=None):
    def at(array, index):
        return array[tuple(0 if n == 1 else i for i, n in zip(index[len(index) - array.ndim :], array.shape))]

    y = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        y[index] = x[index] * at(scale, index) + (0.0 if shift is None else at(shift, index))
    return y


LOOPS = {"center": center, "deviations": center, "inv_rms": inv_rms, "scale_shift": scale_shift}


@pytest.mark.parametrize("op", [op for op in OPS if op.startswith("minigen.ops.normalization.")])
def test_forward_equals_loops(op):
    for number, sample in enumerate(SAMPLES[op]):
        y = sample.function(op)(*map(Tensor, sample.arrays)).numpy()
        arguments = [x.value if isinstance(x, Constant) else x for x in sample.arguments]
        expected = LOOPS[op.rpartition(".")[2]](*arguments, **sample.attributes)
        assert y.shape == expected.shape, f"sample {number}"
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14, err_msg=f"sample {number}: {sample}")


# -- normalize ---------------------------------------------------------------------------------------------------

AXES = [(0, 1, 2), (1, 2), -1, (0,), None]


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_normalize_centers_and_divides_by_the_deviation(backend, axis):
    x = rng.standard_normal((2, 3, 4, 2))
    mg.gradcheck(lambda x: ops.normalize(x, axis=axis, eps=0.01), x)
    y = mg.to_numpy(ops.normalize(mg.asarray(x), axis=axis, eps=0.01))
    expected = (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(x.var(axis=axis, keepdims=True) + 0.01)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)


def test_the_derivative_of_normalize_is_the_known_formula():
    """s (g - mean g - y mean(g y)), s = 1 / sqrt(variance + eps): Ioffe & Szegedy 2015, section 3, in one line."""
    x, g = rng.standard_normal((2, 6, 3))
    (dx,) = mg.grad(ops.normalize(t := Tensor(x, requires_grad=True), axis=0, eps=0.01), [t], g)
    s = 1.0 / np.sqrt(x.var(axis=0) + 0.01)
    y = (x - x.mean(axis=0)) * s
    np.testing.assert_allclose(dx.numpy(), s * (g - g.mean(axis=0) - y * (g * y).mean(axis=0)), rtol=1e-12, atol=1e-14)


def test_a_mean_far_above_the_spread_costs_no_more_digits_than_it_must(backend):
    """The variance is that of centered values; E[x^2] - E[x]^2 would be noise here; what is left is the rounding of the mean."""
    x = (1000.0 + rng.standard_normal((8, 16, 16, 3))).astype(np.float32)
    y = mg.to_numpy(ops.normalize(mg.asarray(x), axis=(0, 1, 2), eps=1e-5))
    exact = x.astype(float)
    exact = (exact - exact.mean(axis=(0, 1, 2))) / exact.std(axis=(0, 1, 2))
    rounding = 1000.0 * 2.0**-24 * math.sqrt(8 * 16 * 16)  # of a running sum, at random up and down
    np.testing.assert_allclose(y, exact, rtol=0, atol=rounding)


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_inv_rms_of_a_known_mean_square(axis, backend):
    """The same number and the same derivatives, to second order."""
    x, v, w = rng.standard_normal((3, 2, 3, 4, 2))
    results = []
    for known in (False, True):
        t = Tensor(mg.asarray(x), requires_grad=True)
        mean_square = (mg.mean(mg.square(t.data), axis=axis, keepdims=True),) if known else ()
        y = ops.inv_rms(t, *mean_square, axis=axis, eps=0.1)
        (first,) = mg.grad((y * mg.asarray(w)).sum(), [t], create_graph=True)
        (second,) = mg.grad((first * mg.asarray(v)).sum(), [t])
        results.append([part.numpy() for part in (y, first, second)])
    for got, want in zip(*results):
        np.testing.assert_array_equal(got, want)


# -- standard deviation ------------------------------------------------------------------------------------------

OF_IMAGES = [0, -1, (0, 1, 2), (0, 3), None]


@pytest.mark.parametrize("axis", OF_IMAGES, ids=str)
def test_std_and_var_are_those_of_numpy_and_differentiable_twice(axis, backend):
    x = rng.standard_normal((3, 2, 4, 5))
    for ours, theirs in ((mg.std, np.std), (mg.var, np.var)):
        for keepdims in (False, True):
            y = mg.to_numpy(ours(mg.asarray(x), axis, keepdims))
            np.testing.assert_allclose(y, theirs(x, axis=axis, keepdims=keepdims), rtol=1e-13, strict=True)
        mg.gradcheck(partial(ours, axis=axis), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", OF_IMAGES, ids=str)
def test_the_deviation_of_equal_elements_is_0_and_so_are_its_derivatives(axis, dtype, backend):
    """Exactly, to second order, also where the mean of equal values is not one of them: of seven times 0.1, for example."""
    u = mg.asarray(rng.standard_normal((7, 3, 1, 5)).astype(dtype))
    for value in (0.0, 0.1, -7.3, 1e-30):
        x = Tensor(mg.asarray(np.full(u.shape, value, dtype)), requires_grad=True)
        for spread in (x.std(axis), mg.l2norm(x - value, axis=axis)):
            (first,) = mg.grad(spread.sum(), [x], create_graph=True)
            (second,) = mg.grad((first * u).sum(), [x])
            for part in (spread, first, second):
                assert part.dtype == dtype and not part.numpy().any()
        assert not x.var(axis).numpy().any() and not mg.grad(x.var(axis).sum(), [x])[0].numpy().any()


def test_equal_columns_disturb_no_others(backend):
    """Those that differ have the gradient (x - mean) / (n std), whatever stands beside them."""
    x = rng.standard_normal((6, 4))
    x[:, 1], x[:, 3] = 0.1, -2.0
    t = Tensor(mg.asarray(x), requires_grad=True)
    (got,) = mg.grad(t.std(axis=0).sum(), [t])
    deviation = np.where([True, False, True, False], x.std(axis=0), np.inf)
    np.testing.assert_allclose(got.numpy(), (x - x.mean(axis=0)) / (6 * deviation), rtol=1e-12)


@pytest.mark.parametrize(
    "spread", [lambda x: x.std(axis=0), lambda x: mg.l2norm(x - x.mean(axis=0), axis=0)], ids=["std", "l2norm"]
)
def test_a_minibatch_deviation_of_ones_own_survives_mode_collapse(spread, backend):
    """All samples of a generator are the same: its gradient is what the rest of the discriminator says; so is a penalty's."""
    weight = Tensor(mg.asarray(rng.standard_normal((3, 2))), requires_grad=True)
    x = Tensor(mg.asarray(np.ones((4, 3)) * [0.1, 0.7, -3.3]), requires_grad=True)

    def score(x):
        h = x @ weight
        return (h + spread(h).mean()).sum()

    (dx,) = mg.grad(score(x), [x], create_graph=True)
    (dw,) = mg.grad((dx * dx).sum(), [weight])
    np.testing.assert_allclose(dx.numpy(), np.broadcast_to(weight.numpy().sum(axis=1), (4, 3)), rtol=1e-10)
    np.testing.assert_allclose(dw.numpy(), np.repeat(8 * weight.numpy().sum(axis=1, keepdims=True), 2, axis=1), rtol=1e-10)


# -- PyTorch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, -1, (0, 2)], ids=str)
def test_pytorch_agrees_on_deviations_equal_elements_included(axis):
    torch = pytest.importorskip("torch")
    x, u, v = rng.standard_normal((3, 4, 3, 5))
    x[:, :, 0], x[:, 1], x[2, 2] = 0.5, 0.25, -1.0
    a, t = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = a.std(axis), t.std(axis, correction=0)
    (dy,), (dz,) = mg.grad(y.sum(), [a], create_graph=True), torch.autograd.grad(z.sum(), t, create_graph=True)
    (d2y,), (d2z,) = mg.grad((dy * v).sum(), [a]), torch.autograd.grad((dz * torch.tensor(v)).sum(), t)
    for got, want in ((y, z), (dy, dz), (d2y, d2z)):
        np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("eps", [0.0, 1e-12, 0.1])
def test_pytorch_agrees_on_norms_that_are_0(eps):
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((4, 3))
    x[1] = 0.0
    a, t = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = mg.l2norm(a, axis=1, eps=eps)
    z = torch.linalg.vector_norm(t, dim=1) if eps == 0.0 else torch.sqrt(t.square().sum(1) + eps)
    (dy,), (dz,) = mg.grad(y.sum(), [a]), torch.autograd.grad(z.sum(), t)
    for got, want in ((y, z), (dy, dz)):
        np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("axis", [(0, 1, 2), (1, 2), (3,)], ids=str)
def test_pytorch_agrees_to_second_order_on_random_shapes(seed, axis):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(2, 7, 4))
    x, u, v = rng.standard_normal((3, *shape))

    def theirs(t):
        mean, variance = t.mean(axis, keepdim=True), t.var(axis, correction=0, keepdim=True)
        return (t - mean) / torch.sqrt(variance + 1e-3)

    a, t = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ops.normalize(a, axis=axis, eps=1e-3), theirs(t)
    (dy,), (dz,) = mg.grad(y, [a], u, create_graph=True), torch.autograd.grad(z, t, torch.tensor(u), create_graph=True)
    (d2y,), (d2z,) = mg.grad(dy, [a], v), torch.autograd.grad(dz, t, torch.tensor(v))
    for got, want in ((y, z), (dy, dz), (d2y, d2z)):
        np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-9, atol=1e-10)


# -- misuse ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: ops.scale_shift(x, np.ones((2, 1, 1, 3))),
            ShapeError,
            r"a scale of shape \(2, 1, 1, 3\) does not broadcast to x",
        ),
        (lambda x: ops.scale_shift(x, np.ones(4)), ShapeError, "scale_shift: "),
        (lambda x: ops.scale_shift(x, np.ones(3), np.ones((2, 4, 4, 3))), ShapeError, "scale_shift: "),
        (lambda x: ops.center(x[:0], axis=0), ShapeError, "center: mean: the mean of no elements"),
    ],
)
def test_wrong_arguments_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call(Tensor(np.ones((1, 4, 4, 3))))
