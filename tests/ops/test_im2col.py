"""How convolutions are computed: what is cut out of images, and what that costs."""

import numpy as np
import pytest

from minigen.ops.im2col import excerpt

X = np.random.default_rng(0).standard_normal((2, 4, 5, 3))


@pytest.mark.parametrize("rows", [(0, 4), (1, 3), (0, 2), (2, 4), (-1, 4), (0, 5), (-2, 6), (-3, 0), (4, 6)])
@pytest.mark.parametrize("columns", [(0, 5), (1, 4), (0, 3), (2, 5), (-1, 5), (0, 6), (-2, 7), (-2, 0), (5, 7)])
def test_an_excerpt_is_zero_outside_and_copies_nothing_inside(rows, columns):
    wide = np.zeros((2, 4 + 20, 5 + 20, 3))
    wide[:, 10:14, 10:15] = X
    cut = excerpt(X, rows, columns)
    np.testing.assert_array_equal(cut, wide[:, 10 + rows[0]:10 + rows[1], 10 + columns[0]:10 + columns[1]])
    inside = 0 <= rows[0] and rows[1] <= 4 and 0 <= columns[0] and columns[1] <= 5
    assert np.shares_memory(cut, X) == inside, "a view where nothing is outside"
