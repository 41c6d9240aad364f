"""Compositions of ops that need no rule of their own: right at every order of derivative by construction."""

from typing import Any

from minigen.backend import Array
from minigen.ops import exp, log_softmax


def softmax(x: Any, axis: int = -1) -> Any:
    """e^x / sum e^x along `axis`: probabilities from logits, without overflow."""
    return exp(log_softmax(x, axis=axis))


def dropout(x: Any, keep: Array, rate: float) -> Any:
    """x * keep / (1 - rate): zeroes what the bool mask `keep` drops and rescales the rest, so that the mean stays.

    Inverted dropout (Srivastava et al. 2014): nothing is left to do at test time.
    """
    return x * keep * (1.0 / (1.0 - rate))
