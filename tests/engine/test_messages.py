"""What a call that fails says."""

import numpy as np
import pytest

import minigen as mg
from minigen.errors import ShapeError


def test_the_words_of_an_op_of_ones_own_are_kept():
    """Its settings may be called like those of minigen's ops and be something else."""

    @mg.op
    def scaled_columns(x, *, scale):
        if len(scale) != x.shape[1]:
            raise ValueError(f"scale has {len(scale)} values for {x.shape[1]} columns")
        return x * np.asarray(scale, x.dtype)

    for x in (np.ones((2, 4)), mg.Tensor(np.ones((2, 4)))):
        with pytest.raises(ValueError, match="scale has 3 values for 4 columns"):
            scaled_columns(x, scale=(1, 2, 3))


@pytest.mark.parametrize("shape", [13, (5, 3), np.array([5, 3])])
def test_a_shape_that_does_not_fit_is_told_from_one_that_is_none(shape):
    with pytest.raises(ShapeError, match="cannot reshape array of size 12"):
        mg.reshape(np.ones((3, 4)), shape=shape)
    with pytest.raises(TypeError, match="reshape's shape must be a tuple of ints, got 'x'"):
        mg.reshape(np.ones((3, 4)), shape="x")
