"""Linear separability, against closed forms, and the logistic regression it stands on."""

from math import exp, log

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import linear_separability
from minigen.metrics.codes import logistic_regression

rng = np.random.default_rng(0)
CODES = rng.standard_normal((2000, 6))
PLANE = CODES @ np.array([1.0, -2.0, 0.5, 0.0, 0.0, 3.0]) > 0.7


def binary_entropy(p):
    return -p * log(p) - (1 - p) * log(1 - p)


# -- the score -----------------------------------------------------------------------------------------------------


def test_an_attribute_that_a_plane_separates_scores_nearly_1():
    score, unrelated, entropies = linear_separability(CODES, {"plane": PLANE})
    assert 1 <= score < 1.05 and entropies["plane"] == pytest.approx(log(score))
    assert unrelated == pytest.approx(exp(binary_entropy(PLANE.mean())), rel=1e-12)


def test_with_a_gap_between_the_sides_the_score_is_exactly_1():
    codes = CODES + np.where(PLANE, 10.0, -10.0)[:, None]
    assert linear_separability(codes, {"gap": PLANE, "same": PLANE})[:1] == (1.0,)


def test_unrelated_attributes_score_2_each():
    labels = {str(i): rng.integers(0, 2, 2000) for i in range(3)}
    score, unrelated, entropies = linear_separability(CODES, labels)
    assert score == pytest.approx(8, rel=0.01) and unrelated == pytest.approx(8, rel=0.01)
    assert list(entropies) == ["0", "1", "2"] and all(value == pytest.approx(log(2), abs=4e-3) for value in entropies.values())


def test_unrelated_attributes_are_not_separated_by_having_many_codes():
    """A plane evaluated on its own 150 examples in 100 dimensions would be right in nearly all of them."""
    codes, y = rng.standard_normal((150, 100)), rng.integers(0, 2, 150)
    assert (((codes @ logistic_regression(codes, y)) > 0) == y).mean() > 0.95
    assert linear_separability(codes, {"noise": y}).score > 1.9


def test_exclusive_or_is_not_linearly_separable_until_its_product_is_a_code():
    codes = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)] * 100)
    xor = codes[:, 0] * codes[:, 1] > 0
    noisy = codes + 0.1 * rng.standard_normal(codes.shape)
    assert linear_separability(noisy, {"xor": xor}).entropies["xor"] > 0.4
    product = np.concatenate([noisy, noisy[:, :1] * noisy[:, 1:]], axis=1)
    assert linear_separability(product, {"xor": xor}).score == 1.0


@pytest.mark.parametrize("flipped", [50, 200, 400])
def test_wrong_labels_leave_their_entropy(flipped):
    """Through a binary symmetric channel H(Y|X) is the entropy of its errors."""
    side = np.repeat([0, 1], 1000)
    codes = (side * 2.0 - 1)[:, None] + 0.01 * rng.standard_normal((2000, 1))
    y = side.copy()
    y[:flipped] ^= 1
    y[1000 : 1000 + flipped] ^= 1
    assert linear_separability(codes, {"y": y}).entropies["y"] == pytest.approx(binary_entropy(flipped / 1000), rel=1e-12)


def test_entropies_add_up_in_the_exponent():
    labels = {"plane": PLANE, "coin": rng.integers(0, 2, 2000)}
    both = linear_separability(CODES, labels)
    alone = [linear_separability(CODES, {name: values}).score for name, values in labels.items()]
    assert both.score == pytest.approx(alone[0] * alone[1], rel=1e-12)


def test_the_score_is_invariant_to_shifts_rotations_and_scales():
    labels = {"noisy": CODES[:, 0] + 0.5 * rng.standard_normal(2000) > 0.5}
    expected = linear_separability(CODES, labels)
    q = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    for codes in (CODES @ q, CODES @ q * [1, 2, 3, 100, 0.01, 1] + 50, CODES.repeat(2, axis=1), 1e6 * CODES.astype(np.float32)):
        assert linear_separability(codes, labels).score == pytest.approx(expected.score, rel=1e-9)
    flipped = linear_separability(CODES, {"noisy": ~labels["noisy"]})
    assert flipped.score == pytest.approx(expected.score, rel=1e-3)


def test_constant_codes_score_as_unrelated():
    found = linear_separability(np.ones((20, 3)), {"y": np.arange(20) < 8})
    assert found.score == pytest.approx(found.unrelated, rel=1e-12)


# -- confidence ----------------------------------------------------------------------------------------------------


def test_only_the_surest_half_counts():
    wrong = rng.random(2000) < 0.3
    y, sure = PLANE ^ wrong, np.where(wrong, 0.5, 0.9) + 0.01 * rng.random(2000)
    assert linear_separability(CODES, {"y": y}).score > 1.7
    assert linear_separability(CODES, {"y": y}, {"y": sure}).score < 1.1
    half = np.sort(np.argsort(-sure)[:1000])
    assert linear_separability(CODES, {"y": y}, {"y": 7 * sure}).entropies == pytest.approx(
        linear_separability(CODES[half], {"y": y[half]}).entropies, abs=1e-2
    )


def test_an_attribute_that_no_sure_image_has_is_named():
    y = np.arange(40) % 2
    with pytest.raises(ValueError, match="none of the 20 images that count have the attribute 'glasses'"):
        linear_separability(CODES[:40], {"glasses": y}, {"glasses": 1.0 - y})
    with pytest.raises(ValueError, match="all of the 40 images that count have the attribute 'nose'.*leave it out"):
        linear_separability(CODES[:40], {"glasses": y, "nose": np.ones(40, bool)})


def test_a_single_image_with_an_attribute_is_enough():
    found = linear_separability(CODES[:50], {"rare": np.arange(50) == 7})
    assert found.entropies["rare"] == pytest.approx(binary_entropy(1 / 50), rel=0.05)


# -- the regression ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_the_gradient_of_the_regression_vanishes(scale):
    x, y = scale * CODES[:200], PLANE[:200].astype(float)
    w = logistic_regression(x, y)
    p = 1 / (1 + np.exp(-x @ w))
    np.testing.assert_allclose(x.T @ (p - y) + w, 0, atol=1e-4 * scale)


def test_the_regression_finds_the_weights_that_made_the_labels():
    true = np.array([1.0, -0.5, 0, 0, 2, 0])
    x = rng.standard_normal((20000, 6))
    y = (rng.random(20000) < 1 / (1 + np.exp(-x @ true))).astype(float)
    np.testing.assert_allclose(logistic_regression(x, y), true, atol=0.1)


# -- what it refuses -----------------------------------------------------------------------------------------------

TEN = np.arange(10.0)[:, None]
HALF = np.arange(10) % 2


@pytest.mark.parametrize("arguments, error, message", [
    ((np.ones(3), {"a": [0, 1, 0]}), ShapeError, r"codes of shape \(3,\)"),
    ((np.full((10, 1), np.nan), {"a": HALF}), ValueError, "NaN or infinity in codes"),
    ((TEN, {}), ValueError, "no attributes"),
    ((TEN, {"a": HALF[:9]}), ShapeError, r"of 'a': got labels of shape \(9,\), expected \(10,\)"),
    ((TEN, {"a": HALF + 1}), ValueError, "labels of 'a' other than 0 and 1"),
    ((TEN, {"a": np.full(10, np.nan)}), ValueError, "of 'a': got NaN or infinity in labels"),
    ((TEN[:9], {"a": HALF[:9]}), ValueError, "9 examples count, expected at least 10"),
    ((TEN, {"a": HALF}, {"b": TEN[:, 0]}), ValueError, "no confidence for 'a'"),
    ((TEN, {"a": HALF}, {"a": TEN}), ShapeError, r"of 'a': got confidence of shape \(10, 1\)"),
    ((TEN, {"a": HALF}, {"a": TEN[:, 0]}), ValueError, "5 examples count"),
])  # fmt: skip
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        linear_separability(*arguments)
