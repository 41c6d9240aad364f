"""center, inv_rms, scale_shift and what they compose to: against loops, against PyTorch, and where single precision is short."""

import math

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
        return array[tuple(0 if n == 1 else i for i, n in zip(index[len(index) - array.ndim:], array.shape))]

    y = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        y[index] = x[index] * at(scale, index) + (0.0 if shift is None else at(shift, index))
    return y


LOOPS = {"center": center, "inv_rms": inv_rms, "scale_shift": scale_shift}


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
def test_normalize(backend, axis):
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
    """The variance is that of centered numbers, E[x^2] - E[x]^2 would be noise here; what is left is the rounding of the mean."""
    x = (1000.0 + rng.standard_normal((8, 16, 16, 3))).astype(np.float32)
    y = mg.to_numpy(ops.normalize(mg.asarray(x), axis=(0, 1, 2), eps=1e-5))
    exact = x.astype(float)
    exact = (exact - exact.mean(axis=(0, 1, 2))) / exact.std(axis=(0, 1, 2))
    rounding = 1000.0 * 2.0**-24 * math.sqrt(8 * 16 * 16)  # of a running sum, at random up and down
    np.testing.assert_allclose(y, exact, rtol=0, atol=rounding)


# -- PyTorch -----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda x: ops.scale_shift(x, np.ones((2, 1, 1, 3))), ShapeError, r"a scale of shape \(2, 1, 1, 3\) does not broadcast to x"),
    (lambda x: ops.scale_shift(x, np.ones(4)), ShapeError, "scale_shift: "),
    (lambda x: ops.scale_shift(x, np.ones(3), np.ones((2, 4, 4, 3))), ShapeError, "scale_shift: "),
    (lambda x: ops.center(x[:0], axis=0), ShapeError, "center: the mean of no elements"),
])
def test_wrong_arguments_are_told(call, error, message):
    with pytest.raises(error, match=message):
        call(Tensor(np.ones((1, 4, 4, 3))))
