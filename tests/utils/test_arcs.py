"""Great circles: angles and lengths go evenly, each arc at its own times; `models.latent` and the path length stand on them."""

import numpy as np

from minigen.utils.arcs import great_circle

rng = np.random.default_rng(0)
START, END = 3.0 * rng.standard_normal((4, 7)), rng.standard_normal((4, 7))


def angles(a, b):
    return np.arccos((a * b).sum(axis=-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))


def test_angles_and_lengths_go_evenly_from_start_to_end():
    t = np.linspace(0, 1, 5)
    path = great_circle(START, END, t)
    np.testing.assert_allclose(path[:, [0, -1]], np.stack([START, END], axis=1), rtol=1e-12)
    np.testing.assert_allclose(angles(START[:, None], path[:, 1:]), t[1:] * angles(START, END)[:, None], rtol=1e-6)
    ends = np.linalg.norm(START, axis=1)[:, None], np.linalg.norm(END, axis=1)[:, None]
    np.testing.assert_allclose(np.linalg.norm(path, axis=2), (1 - t) * ends[0] + t * ends[1], rtol=1e-12)


def test_each_arc_at_its_own_times_and_beyond_its_end():
    t = rng.random((4, 3)) + [0.0, 0.0, 1.0]
    expected = np.stack([great_circle(START[i : i + 1], END[i : i + 1], t[i])[0] for i in range(4)])
    np.testing.assert_array_equal(great_circle(START, END, t), expected)
    np.testing.assert_allclose(angles(START, great_circle(START, END, np.array([-1.0]))[:, 0]), angles(START, END), rtol=1e-9)


def test_the_formula_is_computed_in_float64():
    start, end, t = START.astype(np.float32), END.astype(np.float32), np.linspace(0, 1, 5)
    np.testing.assert_array_equal(great_circle(start, end, t), great_circle(start.astype(float), end.astype(float), t))


def test_opposite_directions_are_joined_by_the_straight_line():
    middle = great_circle(START, -3.0 * START, np.array([0.25]))[:, 0]
    np.testing.assert_allclose(middle, 0.5 * START * 1.5, rtol=1e-9)
