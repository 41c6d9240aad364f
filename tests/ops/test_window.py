"""The geometry of windows: sizes and paddings, by counting."""

import math
import re

import pytest

from minigen.errors import ShapeError
from minigen.ops.window import explicit_padding, output_size, pair

GRID = [(n, k, s) for n in range(1, 9) for k in range(1, 6) for s in range(1, 4)]


def count(padded, kernel, stride):
    """How many windows start and end inside."""
    return sum(start + kernel <= padded for start in range(0, padded, stride))


@pytest.mark.parametrize(("n", "k", "s"), GRID)
def test_same_is_the_least_padding_for_one_window_every_stride_pixels(n, k, s):
    (before, after), _ = explicit_padding("same", (n, 1), (k, 1), (s, 1))
    assert output_size((n, 1), (k, 1), (s, 1), "same") == (math.ceil(n / s), 1) == (count(n + before + after, k, s), 1)
    assert after - before in (0, 1), "the odd pixel comes after"
    assert before + after == 0 or count(n + before + after - 1, k, s) < math.ceil(n / s)


@pytest.mark.parametrize(("n", "k", "s"), GRID)
def test_output_size_counts_windows(n, k, s):
    for padding, rim in (("valid", 0), (2, 4), (((9, 9), (1, 0)), 1)):
        if n + rim >= k:
            assert output_size((20, n), (1, k), (1, s), padding)[1] == count(n + rim, k, s)
        else:
            with pytest.raises(ShapeError, match=f"a window of 1x{k} does not fit into images of 20x{n}"):
                output_size((20, n), (1, k), (1, s), padding)


def test_pairs_and_explicit_padding_are_taken_as_they_are():
    assert pair(3, "size") == (3, 3) and pair([1, 2], "size") == (1, 2)
    assert explicit_padding(((1, 2), (0, 3)), (5, 5), (3, 3), (1, 1)) == ((1, 2), (0, 3))
    assert explicit_padding([[1, 2], [0, 3]], (5, 5), (3, 3), (1, 1)) == ((1, 2), (0, 3))
    assert explicit_padding(2, (5, 5), (3, 3), (1, 1)) == ((2, 2), (2, 2))
    assert explicit_padding("valid", (5, 5), (3, 3), (1, 1)) == explicit_padding(0, (5, 5), (3, 3), (1, 1)) == ((0, 0), (0, 0))
    assert pair(1, "size") == (1, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pair(0, "stride"), ValueError, "stride is 0, expected at least 1"),
        (lambda: pair(2.0, "stride"), TypeError, r"stride is 2.0, expected an int or \(height, width\)"),
        (lambda: pair((1, 2, 3), "kernel_size"), TypeError, r"kernel_size is \(1, 2, 3\), expected"),
        (lambda: pair(True, "size"), TypeError, "size is True"),
        (lambda: pair(None, "size"), TypeError, "size is None"),
        (lambda: pair((2, 1.5), "size"), TypeError, r"size is \(2, 1.5\)"),
        (lambda: pair((1, 0), "size"), ValueError, r"size is \(1, 0\), expected at least 1"),
        (
            lambda: explicit_padding("full", (4, 4), (2, 2), (1, 1)),
            ValueError,
            'padding is \'full\', expected "same", "valid", an int',
        ),
        (lambda: explicit_padding((1, 1), (4, 4), (2, 2), (1, 1)), ValueError, r"\(\(top, bottom\), \(left, right\)\)"),
        *(
            (
                lambda padding=padding: explicit_padding(padding, (4, 4), (2, 2), (1, 1)),
                ValueError,
                f"padding is {re.escape(repr(padding))}, ",
            )
            for padding in (
                None,
                True,
                1.0,
                ((1, 1),),
                ((1, 1), (1, 1), (1, 1)),
                ((1, 1), (1,)),
                ((1, 1), 1),
                ((1, 1), (1.0, 1)),
                {1: 1, 2: 2},
            )
        ),
        (lambda: explicit_padding(((0, 0), (0, -1)), (4, 4), (2, 2), (1, 1)), ValueError, "expected no negative values"),
        (lambda: explicit_padding(-1, (4, 4), (2, 2), (1, 1)), ValueError, "expected no negative values"),
        (lambda: output_size((3, 4), (5, 2), (1, 1), ((1, 0), (0, 0))), ShapeError, "a window of 5x2 .* of 3x4, padded to 4x4"),
        (lambda: output_size((3, 4), (3, 5), (1, 1), 0), ShapeError, "a window of 3x5 does not fit into images of 3x4$"),
    ],
)
def test_wrong_arguments_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()
