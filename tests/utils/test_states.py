"""A state dict that fits, and everything that is wrong with one that does not, said at once."""

import numpy as np
import pytest

from minigen.errors import StateError
from minigen.utils.states import check_fit

EXPECTED = {"weight": np.zeros((2, 3), np.float32), "steps": np.array(0)}


def test_a_state_that_fits_is_taken():
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
