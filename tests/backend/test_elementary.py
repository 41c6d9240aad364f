"""log(1 + x) and e^x - 1 by polynomials, against NumPy's in double precision: over all bit patterns of float32, densely."""

import numpy as np
import pytest

from minigen import compiled, ops
from minigen.backend import by_pieces, elementary, expm1, log1p
from minigen.backend.piecewise import PIECE
from minigen.ops.activation import elu_grad

FUNCTIONS = {"log1p": (log1p, np.log1p), "expm1": (expm1, np.expm1)}
both = pytest.mark.parametrize("name", FUNCTIONS)
EDGES = np.array(
    [0.0, -0.0, 1.0, -1.0, -0.5, 88.0, -87.0, 88.7, 88.8, -104.0, np.inf, -np.inf, np.nan, -2.0]
    + [sign * value for value in (1e-45, 1e-39, 1.1754944e-38, 3.4028235e38, 6e-8) for sign in (1, -1)],
    np.float32,
)


@pytest.fixture(autouse=True)
def by_polynomials(monkeypatch):
    """As on a CPU without AVX-512."""
    monkeypatch.setattr(elementary, "vectorized", lambda name: False)


def error(name: str, x: np.ndarray) -> np.ndarray:
    """The error of a function in units in the last place; 0 where the result is exactly that of double precision, NaN included."""
    computed, exact = FUNCTIONS[name]
    with np.errstate(all="ignore"):
        y, expected = computed(x), exact(x.astype(np.float64))
        rounded = expected.astype(np.float32)
        distance = abs(y.astype(np.float64) - expected) / np.spacing(abs(rounded)).astype(np.float64)
    assert y.dtype == np.float32
    return np.where((y == rounded) | (np.isnan(y) & np.isnan(rounded)), 0.0, np.nan_to_num(distance, nan=np.inf))


@both
@pytest.mark.parametrize("start", [0, 0x80000000], ids=["positive", "negative"])
def test_at_most_2_units_in_the_last_place_everywhere(name, start):
    for patterns in range(start, start + 0x80000000, 0x8000000):  # every 101st, in turns so that memory stays small
        x = np.arange(patterns, patterns + 0x8000000, 101, dtype=np.uint32).view(np.float32)
        assert (error(name, x) <= np.where(x > 88, 2.5, 2.0)).all()  # above 88 both are NumPy's, which with AVX-512 reach 2.5


@both
@pytest.mark.parametrize("low, high", [(-0.5, 1.0), (-1e-3, 1e-3), (0.0, 0.5), (-87.0, 88.0)])
def test_the_errors_stated(name, low, high):
    if name == "log1p":
        low, high = max(low, -0.5), min(high, 1.0)
    x = np.linspace(low, high, 3_000_001, dtype=np.float32)
    assert error(name, x).max() <= (1.6 if name == "expm1" else 1.4)


@both
def test_edges_are_exact(name):
    x = np.concatenate([EDGES, np.zeros(elementary.SMALL, np.float32)])
    with np.errstate(all="ignore"):
        y, expected = FUNCTIONS[name][0](x), FUNCTIONS[name][1](x.astype(np.float64)).astype(np.float32)
    special = ~np.isfinite(expected) | (expected == 0) | (abs(x) < 1e-30)
    assert special.sum() >= 10 + elementary.SMALL
    np.testing.assert_array_equal(y[special], expected[special])
    np.testing.assert_array_equal(np.signbit(y[special]), np.signbit(expected[special]))


@both
def test_warnings_are_those_of_numpy(name):
    x = np.full(elementary.SMALL + 1, 200.0 if name == "expm1" else -1.0, np.float32)
    with pytest.warns(RuntimeWarning, match="overflow" if name == "expm1" else "divide by zero"):
        FUNCTIONS[name][0](x)
    FUNCTIONS[name][0](np.linspace(-0.5, 1.0, 10_000, dtype=np.float32))  # a warning would be an error


@both
def test_double_precision_and_few_elements_are_left_to_numpy(name):
    computed, exact = FUNCTIONS[name]
    for x in (np.linspace(-0.9, 3, 10_000), np.linspace(-0.9, 3, 100, dtype=np.float32)):
        np.testing.assert_array_equal(computed(x), exact(x))


@both
def test_an_element_does_not_depend_on_its_place(name):
    x = np.linspace(-0.9, 3, 10 * PIECE, dtype=np.float32).reshape(-1, 64)
    whole = FUNCTIONS[name][0](x)
    np.testing.assert_array_equal(whole[100:200], FUNCTIONS[name][0](x[100:200]))
    np.testing.assert_array_equal(whole.T, FUNCTIONS[name][0](x.T))
    np.testing.assert_array_equal(whole[:, ::2], FUNCTIONS[name][0](x[:, ::2]))


def test_numpy_says_whether_it_has_vector_instructions(monkeypatch):
    monkeypatch.undo()
    for name in FUNCTIONS:
        assert elementary.vectorized(name) in (True, False)
    assert not elementary.vectorized("no_such_function")


def test_pieces_are_whole_arrays_if_few_or_not_contiguous():
    sizes = []

    def twice(x, factor, out):
        sizes.append(x.size)
        np.multiply(x, factor, out=out)

    x = np.arange(4 * PIECE + 6, dtype=np.float32).reshape(-1, 2)
    np.testing.assert_array_equal(by_pieces(twice, x, 2.0), 2 * x)
    assert sizes == [*[PIECE] * 4, 6]
    sizes.clear()
    by_pieces(twice, x.T, 2.0)
    by_pieces(twice, x[:3], 2.0)
    assert sizes == [x.size, 6]


@pytest.mark.parametrize("name", ["selu", "elu", "sigmoid_cross_entropy"])
def test_activations_of_large_arrays_are_those_of_their_rows(name):
    x, t = np.random.default_rng(0).standard_normal((2, 700, 400), dtype=np.float32)
    assert x.size > 4 * PIECE
    inputs = (x, abs(t).clip(0, 1)) if name == "sigmoid_cross_entropy" else (x,)
    function = getattr(ops, name)
    with compiled.using(False):
        whole, gradient = function(*inputs), elu_grad(t, x, scale=1.5, alpha=1.2)
        np.testing.assert_array_equal(whole[100:300], function(*(each[100:300] for each in inputs)))
        np.testing.assert_array_equal(whole.T, function(*(each.T for each in inputs)))
        np.testing.assert_array_equal(gradient[100:300], elu_grad(t[100:300], x[100:300], scale=1.5, alpha=1.2))
