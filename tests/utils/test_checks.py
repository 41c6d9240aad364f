"""Checked settings: the last that is taken, the first that is refused, and what is said; and states that do not fit."""

import math

import numpy as np
import pytest

from minigen.errors import ShapeError, StateError
from minigen.utils.checks import check_fit, check_fraction, check_nonnegative, check_positive, check_same_shape, check_sizes


@pytest.mark.parametrize(
    "check, taken, refused, expected",
    [
        (check_positive, [5e-324, 1, 1e308], [0.0, -1, math.inf, math.nan], "above 0 and finite"),
        (check_nonnegative, [0, 0.0, 1e308], [-5e-324, math.inf, math.nan], "at least 0 and finite"),
        (check_fraction, [0, 0.5, math.nextafter(1.0, 0.0)], [1.0, -1e-9, math.nan], "at least 0 and below 1"),
    ],
)
def test_values_outside_a_range_are_refused(check, taken, refused, expected):
    for value in taken:
        check("Adam", eps=value)
    for value in refused:
        with pytest.raises(ValueError, match=f"^Adam's eps must be {expected}, got {value}$"):
            check("Adam", lr=0.5, eps=value)


@pytest.mark.parametrize("value", ["0.1", None, [0.1], np.ones(1)])
def test_what_is_not_a_number_is_refused(value):
    with pytest.raises(TypeError, match=r"^Adam's lr must be a number, got "):
        check_positive("Adam", lr=value)


def test_sizes_are_whole_numbers_of_at_least_1():
    check_sizes("Dense", in_features=1, out_features=10**9)
    for value in (0, -3):
        with pytest.raises(ShapeError, match=f"^Dense's units must be at least 1, got {value}$"):
            check_sizes("Dense", units=value)
    for value in (1.0, "3", True, None):
        with pytest.raises(TypeError, match=f"^Dense's units must be a whole number, got {value!r}$"):
            check_sizes("Dense", units=value)


def test_shapes_that_differ_are_named():
    check_same_shape("kl", mean=np.ones((2, 3)), logvar=np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=r"^kl: mean has shape \(2, 3\), logvar \(3,\), noise \(2, 3\); expected the same$"):
        check_same_shape("kl", mean=np.ones((2, 3)), logvar=np.ones(3), noise=np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"expected the same: channels first\?"):
        check_same_shape("mse", prediction=np.ones((2, 4, 5, 3)), target=np.ones((2, 3, 4, 5)))


EXPECTED = {"weight": np.zeros((2, 3), np.float32), "steps": np.array(0)}


def test_a_state_that_fits():
    check_fit("Adam", {"weight": np.ones((2, 3), np.float32), "steps": np.array(7, np.int32)}, EXPECTED)


@pytest.mark.parametrize(
    "state, problems",
    [
        ({"weight": EXPECTED["weight"]}, "missing steps ()"),
        ({**EXPECTED, "bias": np.zeros(2)}, "unexpected bias"),
        ({**EXPECTED, "steps": np.array(1.0)}, "steps is float64[], expected int64[]"),
        ({**EXPECTED, "weight": np.zeros((2, 3))}, "weight is float64[2, 3], expected float32[2, 3]"),
        (
            {"weight": np.zeros((3, 2), np.float32), "u": np.zeros(1)},
            "missing steps (); unexpected u; weight is float32[3, 2], expected float32[2, 3]",
        ),
    ],
)
def test_every_mismatch_is_named(state, problems):
    with pytest.raises(StateError) as caught:
        check_fit("Adam", state, EXPECTED)
    assert str(caught.value) == f"this state does not fit Adam: {problems}"
