"""Axes of inputs: which shapes fit, how they are written, and what an input of a wrong shape probably is."""

import itertools
import re

import numpy as np
import pytest

from minigen import nn
from minigen.errors import DtypeError, ShapeError
from minigen.nn.checks import IMAGES, check_example, check_input, fits

LAYER = nn.Flatten()


def test_which_shapes_fit():
    """All shapes of up to four axes of lengths 1 to 3, against the definition."""
    shapes = [shape for n in range(5) for shape in itertools.product((1, 2, 3), repeat=n)]
    for shape in shapes:
        assert fits(shape, (..., 3)) == (len(shape) > 0 and shape[-1] == 3)
        assert fits(shape, (..., "channels")) == (len(shape) > 0)
        assert fits(shape, (*IMAGES, 2)) == (len(shape) == 4 and shape[3] == 2)
        assert fits(shape, ("n", "time", 3)) == (len(shape) == 3 and shape[2] == 3)
        assert fits(shape, (3,)) == (shape == (3,))


@pytest.mark.parametrize(
    "axes, shape, message",
    [
        ((..., 3), (2, 4), "Flatten() expects shape (..., 3), got (2, 4)"),
        ((..., 12), (2, 3, 4), "Flatten() expects shape (..., 12), got (2, 3, 4); put nn.Flatten() before it"),
        (("n", "time", 3), (2, 3), "Flatten() expects sequences (n, time, 3), got (2, 3)"),
        ((*IMAGES, 3), (2, 3, 5, 5), "Flatten() expects images (n, height, width, 3), got (2, 3, 5, 5): channels first? "),
        ((*IMAGES, 1), (2, 5, 5), "Flatten() expects images (n, height, width, 1), got (2, 5, 5): without an axis of channels? "),
        ((*IMAGES, 3), (5, 5, 3), "Flatten() expects images (n, height, width, 3), got (5, 5, 3): a single image? x[None]"),
    ],
)
def test_messages_about_an_input(axes, shape, message):
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}"):
        check_input(LAYER, np.zeros(shape, np.float32), axes)


def test_messages_about_an_example():
    check_example(LAYER, (3,), ("features",))
    with pytest.raises(ShapeError, match=r"^Flatten\(\) expects shape \(features,\), got \(2, 3\)$"):
        check_example(LAYER, (2, 3), ("features",))


def test_other_dtypes_are_refused():
    check_input(LAYER, np.zeros(3), (..., 3))
    check_input(LAYER, np.zeros(3), (..., 3), np.dtype("float64"))
    with pytest.raises(DtypeError, match="computes in float32, got float64"):
        check_input(LAYER, np.zeros(3), (..., 3), np.dtype("float32"))
    with pytest.raises(DtypeError, match="takes floating-point numbers, got int64"):
        check_input(LAYER, np.zeros(3, np.int64), (..., 3))
    with pytest.raises(TypeError, match="expects an array or a Tensor, got list"):
        check_input(LAYER, [0.0], (..., 1))
