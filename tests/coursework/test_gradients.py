"""Derivatives compared with differences of values, where both are answers to questions."""

import numpy as np
import pytest

from minigen.coursework.grading import hints
from minigen.coursework.grading.gradients import Differentiable, find_mismatch
from minigen.coursework.grading.report import CheckFailed

X, Y = np.random.default_rng(0).standard_normal((2, 3, 4))


def product(factor: float = 1.0, lost: float = 0.0) -> Differentiable:
    """sin(x) y, whose second derivative is multiplied by a factor, or lacks one element."""

    def by_y(x: np.ndarray, u: np.ndarray) -> np.ndarray:
        g = factor * u * np.sin(x)
        g.flat[3] -= lost
        return g

    return Differentiable(lambda a: np.sin(a[0]) * a[1], lambda a, u: [u * np.cos(a[0]) * a[1], by_y(a[0], u)], [0, 1])


def test_right_derivatives_have_no_mismatch():
    assert all(find_mismatch(product(), [X, Y], np.random.default_rng(seed)) is None for seed in range(20))


@pytest.mark.parametrize("factor, lost", [(1.001, 0.0), (-1.0, 0.0), (1.0, 0.01), (np.nan, 0.0), (1e200, 0.0), (1.0, np.inf)])
def test_wrong_ones_are_found_with_the_input_and_its_elements(factor, lost):
    mismatch = find_mismatch(product(factor, lost), [X, Y], np.random.default_rng(0))
    assert mismatch.input == 1 and mismatch.shape == (3, 4)
    np.testing.assert_allclose(mismatch.numeric, (mismatch.cotangent * np.sin(X)).ravel(), atol=1e-8)
    if lost:
        assert np.flatnonzero(np.abs(mismatch.analytic - mismatch.numeric) > 1e-6).tolist() == [3]


def test_an_answer_cannot_hide_in_a_norm_that_overflows():
    short = Differentiable(lambda a: a[0], lambda a, u: [np.full(u.shape, 3e4, np.float16)], [0])
    endless = Differentiable(lambda a: np.copysign(1e308, a[0] - X), lambda a, u: [u], [0])
    for f in (short, endless):
        with np.errstate(all="ignore"):
            assert find_mismatch(f, [X], np.random.default_rng(0)).input == 0


def test_a_result_that_is_infinite_close_by_is_called_so():
    f = Differentiable(lambda a: np.where(a[0] == X, X, np.inf), lambda a, u: [u], [0])
    with np.errstate(invalid="ignore"):
        mismatch = find_mismatch(f, [X], np.random.default_rng(0))
    assert hints.of_values(mismatch, X, X)[1] == "close by, the result itself is NaN or infinite: is it defined there?"


def test_of_a_large_array_some_elements_are_compared():
    x = np.random.default_rng(1).standard_normal((40, 50))
    f = Differentiable(lambda a: a[0] * a[0], lambda a, u: [u * a[0]], [0])
    mismatch = find_mismatch(f, [x], np.random.default_rng(0))
    assert len(mismatch.elements) == 500
    np.testing.assert_allclose(mismatch.analytic / mismatch.numeric, 0.5, rtol=1e-4, atol=1e-4)


def test_values_and_derivatives_are_asked_for_in_an_order_that_nobody_knows():
    orders = set()
    for seed in range(20):
        asked: list[str] = []
        f = Differentiable(
            lambda a, asked=asked: asked.append("value") or a[0], lambda a, u, asked=asked: asked.append("vjp") or [u], [0]
        )
        assert find_mismatch(f, [X], np.random.default_rng(seed)) is None
        orders.add(tuple(asked))
    assert len(orders) == 3  # the derivative before, between and behind the two moved values


def test_a_result_whose_shape_changes_is_refused():
    f = Differentiable(lambda a: a[0] if a[0] is X else a[0][:1], lambda a, u: [u], [0])
    with pytest.raises(CheckFailed, match=r"has shape \(3, 4\) at one input, and \(1, 4\) at another"):
        find_mismatch(f, [X], np.random.default_rng(0))
