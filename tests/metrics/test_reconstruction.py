"""Reconstruction errors and their floor, against loops."""

from math import log

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import bernoulli_entropy, reconstruction_mse


def test_mse_equals_the_loop():
    x, y = np.random.default_rng(0).random((2, 3, 4, 5))
    squares = [(float(a) - float(b)) ** 2 for a, b in zip(x.ravel(), y.ravel(), strict=True)]
    assert reconstruction_mse(x, y) == pytest.approx(sum(squares) / 60, rel=1e-14)


def test_mse_of_bytes_does_not_wrap_around():
    assert reconstruction_mse(np.array([0, 255], np.uint8), np.array([255, 0], np.uint8)) == 255.0**2


def test_mse_of_many_float32_is_summed_in_float64():
    x = np.full(1 << 20, 0.1, np.float32)
    assert reconstruction_mse(x, np.zeros_like(x)) == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-14)


def test_mse_refuses_different_shapes_and_empty_arrays():
    with pytest.raises(ShapeError, match=r"got shapes \(2, 3\) and \(3,\)"):
        reconstruction_mse(np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match="at least one element"):
        reconstruction_mse(np.ones((0, 3)), np.ones((0, 3)))


def test_bernoulli_entropy_equals_the_loop_and_is_zero_for_black_and_white():
    x = np.array([[0.0, 1.0, 0.5], [0.2, 1e-300, 1 - 1e-16]])
    terms = [-v * log(v) - (1 - v) * (log(1 - v) if v < 1 else 0) if v > 0 else 0.0 for v in x.ravel().tolist()]
    assert bernoulli_entropy(x) == pytest.approx(sum(terms) / 6, rel=1e-14)
    assert bernoulli_entropy(np.array([0, 1, 1, 0], np.uint8)) == 0
    assert bernoulli_entropy(np.full((2, 2), 0.5, np.float32)) == pytest.approx(log(2), rel=1e-15)


def test_no_prediction_has_a_cross_entropy_below_the_bernoulli_entropy():
    x = np.random.default_rng(1).random(100)

    def cross_entropy(p):
        return -np.mean(x * np.log(p) + (1 - x) * np.log(1 - p))

    assert cross_entropy(x) == pytest.approx(bernoulli_entropy(x), rel=1e-14)
    for step in (-1e-3, 1e-3):
        assert cross_entropy(np.clip(x + step, 1e-6, 1 - 1e-6)) > bernoulli_entropy(x), f"step {step}"


@pytest.mark.parametrize(
    ("x", "message"), [([], "at least one element"), ([0.5, 1.5], "0.5 to 1.5"), ([-0.1], r"in \[0, 1\]"), ([np.nan], "nan")]
)
def test_bernoulli_entropy_refuses(x, message):
    with pytest.raises(ValueError, match=message):
        bernoulli_entropy(np.array(x))
