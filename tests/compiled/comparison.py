"""What the loops compute beside what NumPy computes."""

import numpy as np

from minigen import compiled
from minigen.compiled import LOOPS

EPS = np.finfo(np.float32).eps


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def both(function, *arrays, **attributes):
    """(by the loops, by NumPy); the loops must not leave the case to NumPy."""
    op = function.op
    module = next(module for module, names in LOOPS.items() if op.name in names)
    loop = getattr(__import__(f"minigen.compiled.{module}", fromlist=[op.name]), op.name)
    by_loops = loop(*arrays, **attributes)
    assert by_loops is not None, f"{op.name} was left to NumPy"
    np.testing.assert_array_equal(by_loops, function(*arrays, **attributes))
    with compiled.using(False):
        by_numpy = function(*arrays, **attributes)
    assert by_loops.dtype == by_numpy.dtype == np.float32
    assert by_loops.shape == by_numpy.shape
    return by_loops, by_numpy


def assert_as_accurate(function, *arrays, **attributes):
    """The loops' largest error, against float64, is at most three times NumPy's, or eight roundings of the largest result."""
    by_loops, by_numpy = both(function, *arrays, **attributes)
    true = function(*(x if x is None else x.astype(np.float64) for x in arrays), **attributes)
    if true.size:
        allowed = max(3 * abs(by_numpy - true).max(), 8 * abs(true).max() * EPS)
        assert abs(by_loops - true).max() <= allowed
