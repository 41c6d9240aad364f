"""Ways through a latent space: an arc, an analogy, a direction and a walk along it, each against its closed form."""

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.models.latent import analogy, attribute_direction, great_circle, straight_line, walk

rng = np.random.default_rng(3)


# -- great_circle ----------------------------------------------------------------------------------------------------


def test_a_quarter_of_a_circle():
    path = great_circle([[1.0, 0.0]], [[0.0, 1.0]], 7)
    angles = np.linspace(0, np.pi / 2, 7)
    np.testing.assert_allclose(path[0], np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-7)
    assert path.dtype == np.float32 and path.shape == (1, 7, 2)


def test_ends_are_exact_angles_equal_and_lengths_in_equal_steps():
    start, end = rng.standard_normal((2, 5, 16))
    path = great_circle(start, end, 9).astype(np.float64)
    np.testing.assert_allclose(path[:, 0], start, rtol=1e-6)
    np.testing.assert_allclose(path[:, -1], end, rtol=1e-6)
    lengths = np.linalg.norm(path, axis=2)
    np.testing.assert_allclose(
        np.diff(lengths, axis=1), np.diff(lengths, axis=1).mean(axis=1, keepdims=True) * np.ones((1, 8)), atol=1e-6
    )
    directions = path / lengths[..., None]
    cosines = (directions[:, 1:] * directions[:, :-1]).sum(axis=2)
    np.testing.assert_allclose(cosines, cosines[:, :1] * np.ones((1, 8)), atol=1e-6)


@pytest.mark.parametrize("end", [[2.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], ids=["same direction", "opposite direction"])
def test_where_there_is_no_arc_the_line_is_straight(end):
    path = great_circle([[1.0, 0.0, 0.0]], [end], 5)
    assert np.isfinite(path).all() and (path[..., 1:] == 0).all()
    np.testing.assert_allclose(path[0, [0, -1], 0], [1.0, end[0]])


def test_a_straight_line_has_exact_ends_and_equal_steps():
    start, end = rng.standard_normal((2, 3, 4)).astype(np.float32)
    path = straight_line(start, end, 5)
    assert path.dtype == np.float32 and path.shape == (3, 5, 4)
    np.testing.assert_array_equal(path[:, [0, -1]], np.stack([start, end], axis=1))
    np.testing.assert_allclose(path[:, 1], 0.75 * start + 0.25 * end, atol=1e-6)
    with pytest.raises(ValueError, match="straight_line: n counts both ends, at least 2, got 1"):
        straight_line(start, end, 1)
    with pytest.raises(ShapeError, match=r"straight_line: got start of shape \(3, 4\) and end of shape \(3, 3\)"):
        straight_line(start, end[:, :3], 3)


@pytest.mark.parametrize(
    ("start", "end", "n", "error", "message"),
    [
        (
            np.ones((2, 3)),
            np.ones((2, 4)),
            5,
            ShapeError,
            r"got start of shape \(2, 3\) and end of shape \(2, 4\), expected \(k, d\) each",
        ),
        (np.ones(3), np.ones(3), 5, ShapeError, r"expected \(k, d\) each"),
        (np.ones((2, 3)), np.ones((2, 3)), 1, ValueError, "n counts both ends, at least 2, got 1"),
        (np.zeros((1, 3)), np.ones((1, 3)), 5, ValueError, "a vector of length 0, which has no direction"),
    ],
)
def test_great_circle_refuses(start, end, n, error, message):
    with pytest.raises(error, match=message):
        great_circle(start, end, n)


# -- analogy ---------------------------------------------------------------------------------------------------------


def test_in_a_space_made_of_attributes_the_analogy_is_exact():
    """Codes = man * a + glasses * b + person: what the concepts' samples have in common with each other cancels."""
    man, glasses, people = rng.standard_normal(5), rng.standard_normal(5), rng.standard_normal((4, 5))
    made = analogy(people, people[:3] + man, people[:3] + man + glasses)
    np.testing.assert_allclose(made, people + glasses, rtol=1e-5)
    assert made.dtype == np.float32
    center = analogy(people.mean(axis=0, keepdims=True), people + man, people + man + glasses)
    np.testing.assert_allclose(center, [people.mean(axis=0) + glasses], rtol=1e-5)


def test_each_code_may_have_samples_of_its_own():
    start, without, with_it = rng.standard_normal((4, 3)), rng.standard_normal((4, 2, 3)), rng.standard_normal((4, 5, 3))
    each = [analogy(start[i : i + 1], without[i], with_it[i])[0] for i in range(4)]
    np.testing.assert_array_equal(analogy(start, without, with_it), each)
    np.testing.assert_allclose(each[2], start[2] + with_it[2].sum(axis=0) / 5 - without[2].sum(axis=0) / 2, rtol=1e-5)


@pytest.mark.parametrize(
    ("start", "without", "with_it", "error", "message"),
    [
        (np.ones(3), np.ones((2, 3)), np.ones((2, 3)), ShapeError, r"got start of shape \(3,\)"),
        (
            np.ones((2, 3)),
            np.ones((2, 4)),
            np.ones((2, 3)),
            ShapeError,
            r"got start of shape \(2, 3\) and without of shape \(2, 4\)",
        ),
        (np.ones((2, 3)), np.ones((3, 5, 3)), np.ones((2, 3)), ShapeError, r"expected \(n, d\), \(n, k, d\) and \(m, d\)"),
        (np.ones((2, 3)), np.ones((2, 3)), np.ones(3), ShapeError, r"with_it of shape \(3,\)"),
        (np.ones((2, 3)), np.ones((0, 3)), np.ones((2, 3)), ShapeError, r"without of shape \(0, 3\) .* at least 1 along"),
        (np.ones((2, 3)), np.ones((2, 3)), np.full((2, 3), np.nan), ValueError, "NaN or infinity in with_it"),
    ],
)
def test_analogy_refuses(start, without, with_it, error, message):
    with pytest.raises(error, match=message):
        analogy(start, without, with_it)


# -- attribute_direction and walk ------------------------------------------------------------------------------------


def test_the_direction_joins_the_means_and_is_a_standard_deviation_long():
    codes, has_it = rng.standard_normal((50, 4)) * (1, 2, 3, 4), rng.random(50) < 0.4
    direction = attribute_direction(codes, has_it).astype(np.float64)
    way = codes[has_it].mean(axis=0) - codes[~has_it].mean(axis=0)
    unit = way / np.linalg.norm(way)
    np.testing.assert_allclose(direction, unit * np.std(codes @ unit), rtol=1e-5)
    np.testing.assert_allclose(attribute_direction(codes, ~has_it), -direction, rtol=1e-5)
    np.testing.assert_array_equal(attribute_direction(codes.tolist(), has_it.tolist()), direction, err_msg="from lists")


def test_the_direction_follows_units_and_place_of_the_codes():
    codes, has_it = rng.standard_normal((30, 3)), np.arange(30) % 3 == 0
    np.testing.assert_allclose(attribute_direction(100 * codes + 7, has_it), 100 * attribute_direction(codes, has_it), rtol=1e-5)


def test_an_attribute_of_one_coordinate_is_found_along_it():
    z = rng.standard_normal((100_000, 3))
    np.testing.assert_allclose(attribute_direction(z, z[:, 1] > 0.5), [0, 1, 0], atol=0.02)


@pytest.mark.parametrize(
    ("codes", "has_it", "error", "message"),
    [
        (np.ones((3, 2)), np.array([True, False]), ShapeError, r"got codes of shape \(3, 2\) and has_it of shape \(2,\)"),
        (np.eye(3), np.array([0, 1, 1]), TypeError, "expected bools, got int64"),
        (np.eye(3), np.ones(3, bool), ValueError, "all of the 3 codes have the attribute"),
        (np.eye(3), np.zeros(3, bool), ValueError, "none of the 3 codes have the attribute"),
        (np.ones((2, 2)), np.array([True, False]), ValueError, "have the same mean: there is no direction"),
        (np.full((2, 2), np.inf), np.array([True, False]), ValueError, "NaN or infinity in codes"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_attribute_direction_refuses(codes, has_it, error, message):
    with pytest.raises(error, match=message):
        attribute_direction(codes, has_it)


def test_walking_in_both_directions():
    codes, direction = rng.standard_normal((5, 3)), rng.standard_normal(3)
    path = walk(codes, direction, [-1.0, 0.0, 2.5])
    assert path.shape == (5, 3, 3) and path.dtype == np.float32
    np.testing.assert_allclose(path, np.stack([codes - direction, codes, codes + 2.5 * direction], axis=1), rtol=1e-5, atol=1e-6)
    with pytest.raises(
        ShapeError, match=r"walk: got codes of shape \(5, 3\) and direction of shape \(2,\) and steps of shape \(3,\)"
    ):
        walk(codes, direction[:2], [-1, 0, 1])
