"""How convolutions are computed: what is cut out of images, and what that costs."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen.ops import im2col
from minigen.ops.im2col import blocks, excerpt, landing, phases

X = np.random.default_rng(0).standard_normal((2, 4, 5, 3))


@pytest.mark.parametrize("rows", [(0, 4), (1, 3), (0, 2), (2, 4), (-1, 4), (0, 5), (-2, 6), (-3, 0), (4, 6)])
@pytest.mark.parametrize("columns", [(0, 5), (1, 4), (0, 3), (2, 5), (-1, 5), (0, 6), (-2, 7), (-2, 0), (5, 7)])
def test_an_excerpt_is_zero_outside_and_copies_nothing_inside(rows, columns):
    wide = np.zeros((2, 4 + 20, 5 + 20, 3))
    wide[:, 10:14, 10:15] = X
    cut = excerpt(X, rows, columns)
    np.testing.assert_array_equal(cut, wide[:, 10 + rows[0] : 10 + rows[1], 10 + columns[0] : 10 + columns[1]])
    inside = 0 <= rows[0] and rows[1] <= 4 and 0 <= columns[0] and columns[1] <= 5
    assert np.shares_memory(cut, X) == inside, "a view where nothing is outside"


@pytest.mark.parametrize(("n", "rows", "columns"), [(1, 1, 1), (5, 1, 3), (3, 7, 2), (4, 6, 6)])
@pytest.mark.parametrize("limit", [1, 100, 250, 800, 1 << 20])
def test_blocks_hold_every_row_of_windows_once_and_as_many_as_the_limit_allows(n, rows, columns, limit, backend, monkeypatch):
    """A row of windows is not divided, and where several examples fit in, none is."""
    monkeypatch.setattr(im2col, "BLOCK" if backend == "numpy" else "DEVICE_BLOCK", limit)
    x, length = mg.asarray(np.zeros((n, 9, 9, 1))), 4
    of_a_row, seen = columns * length * x.itemsize, np.zeros((n, rows), int)
    several, some = max(1, limit // of_a_row // rows), max(1, limit // of_a_row)
    for examples, part in blocks(x, length, (rows, columns)):
        seen[examples, part] += 1
        assert (examples.stop - examples.start, part.stop - part.start) == (
            min(several, n - examples.start),
            min(some, rows - part.start),
        )
    np.testing.assert_array_equal(seen, 1)


@pytest.mark.parametrize(("kernel", "padding", "stride"), list(itertools.product(range(1, 6), range(5), range(1, 5))))
def test_phases_are_the_taps_that_a_pixel_sees(kernel, padding, stride):
    """Window i sees the pixel h with the tap h + padding - i stride. The k-th pixel of a phase sees the windows from first + k
    on."""
    found = phases(kernel, padding, stride)
    assert sorted(h for phase in found for h in range(20)[phase.pixels]) == list(range(20)), "each pixel in one phase"
    for phase in found:
        for k, h in enumerate(range(20)[phase.pixels]):
            taps = [h + padding - i * stride for i in range(phase.first + k, phase.first + k + phase.taps)]
            assert taps == list(range(kernel)[phase.flipped])
            assert sorted(taps) == [tap for tap in range(kernel) if (h + padding - tap) % stride == 0]


@pytest.mark.parametrize(("padding", "stride", "size"), list(itertools.product(range(5), range(1, 4), range(1, 6))))
def test_landing_is_where_a_tap_falls_inside(padding, stride, size):
    """Window i puts its tap on the pixel i stride + tap - padding."""
    for tap, start, count in itertools.product(range(4), range(3), range(1, 4)):
        pixels, some = landing(tap, padding, stride, slice(start, start + count), size)
        falls = {i: (start + i) * stride + tap - padding for i in range(count)}
        inside = {i: h for i, h in falls.items() if 0 <= h < size}
        assert (list(range(count)[some]), list(range(size)[pixels])) == (list(inside), list(inside.values()))
