"""Settings in a repr: what a resumed run compares."""

import numpy as np
import pytest

from minigen.utils.settings import Settings


class Weighted(Settings):
    """A loss of your own, which is not a dataclass."""

    def __init__(self, weight: float):
        self.weight, self._seen = weight, 7


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2.0), np.int64(2)])
def test_every_kind_of_number_is_a_setting(number):
    python = number.item() if isinstance(number, np.generic) else number
    assert repr(Weighted(number)) == f"Weighted(weight={python!r})"


@pytest.mark.parametrize("setting", [None, "mean", True])
def test_nothing_and_words_are_settings_too(setting):
    assert repr(Weighted(setting)) == f"Weighted(weight={setting!r})"


@pytest.mark.parametrize("value", [np.ones(2), [1.0], len])
def test_what_is_not_a_plain_value_is_not_a_setting(value):
    assert repr(Weighted(value)) == "Weighted()"
