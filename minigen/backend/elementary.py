"""log(1 + x) and e^x - 1 of float32 arrays, for CPUs on which NumPy computes them number by number.

NumPy has vector instructions for these two on x86 with AVX-512 only. On all other CPUs they take 60 and 90 times as long as a
product, most of a cross entropy's time. So there, polynomials take their place, in passes of ordinary arithmetic in place over
pieces that stay in the cache: 5 and 3 times as fast. Arrays of float64, of a device and small ones are left to their library.
"""

import functools
from collections.abc import Sequence

import numpy as np

from minigen.backend.devices import Array, array_module
from minigen.backend.piecewise import by_pieces

SMALL = 4096  # elements, up to which so many passes are no faster

# (2 atanh(s) - 2 s) / s^3 = 2/3 + 2/5 s^2 + 2/7 s^4 + ..., as a polynomial in s^2 for |s| <= 1/3, highest power first.
ATANH = (0.28012666, 0.28001678, 0.40021533, 0.6666642)
# (e^r - 1 - r) / r^2 = 1/2 + r/6 + r^2/24 + ..., as a polynomial in r for log(3/4) <= r <= log(3/2).
EXP = (0.00020853974, 0.0013924201, 0.0083321081, 0.0416665114, 0.1666667014, 0.5)
LOG2_HIGH, LOG2_LOW = 0.693145751953125, 1.4286068203e-6  # their sum is log 2; a product of the first with |n| < 2^8 is exact


def log1p(x: Array) -> Array:
    """log(1 + x), for x > -1; -inf at -1, NaN below.

    In float32 the error is at most 1.4 units in the last place for -1/2 <= x <= 1, and NumPy's own beyond.
    """
    return by_pieces(log1p_polynomial, x) if left_to_polynomials("log1p", x) else array_module(x).log1p(x)


def expm1(x: Array) -> Array:
    """e^x - 1. In float32 the error is at most 1.6 units in the last place for -87 <= x <= 88, and NumPy's own beyond."""
    return by_pieces(expm1_polynomial, x) if left_to_polynomials("expm1", x) else array_module(x).expm1(x)


def left_to_polynomials(name: str, x: Array) -> bool:
    """Whether a function of x is computed here."""
    return type(x) is np.ndarray and x.dtype == np.float32 and x.size > SMALL and not vectorized(name)


@functools.cache
def vectorized(name: str) -> bool:
    """Whether NumPy computes a function of float32 with vector instructions of this CPU."""
    loops = np.lib.introspect.opt_func_info(func_name=f"^{name}$", signature="float32").get(name, {})
    return any(not loop["current"].startswith("baseline") for loop in loops.values())


def log1p_polynomial(x: Array, out: Array) -> None:
    """out = log(1 + x) = 2 atanh(s) = x - s (x - (2 atanh(s) - 2 s) / s) with s = x / (2 + x); for -1/2 <= x <= 1, else NumPy's.

    The first form would carry the rounding of s into the result; in the second it touches a smaller term only.
    """
    with np.errstate(all="ignore"):  # of what NumPy computes again below
        s = x + np.float32(2)
        np.divide(x, s, out=s)
        square = s * s
        polynomial(ATANH, square, out=out)
        out *= square
        np.subtract(x, out, out=out)
        out *= s
        np.subtract(x, out, out=out)
    compute_beyond(np.log1p, x, -0.5, 1.0, out)


def expm1_polynomial(x: Array, out: Array) -> None:
    """out = e^x - 1 = 2^n (e^r - 1) - (1 - 2^n) with r = x - n log 2 and 3/4 <= e^r < 3/2; for -87 <= x <= 88, else NumPy's.

    So e^r - 1 is from -1/4 to 1/2, where its rounding errors are small beside the result. -0 remains -0.
    """
    with np.errstate(all="ignore"):
        n = x * np.float32(1 / np.log(2))
        n += np.float32(1 - np.log2(1.5))
        np.floor(n, out=n)
        part = n * np.float32(LOG2_HIGH)
        r = x - part
        np.multiply(n, np.float32(LOG2_LOW), out=part)
        r -= part
        polynomial(EXP, r, out=out)
        out *= r
        out += np.float32(1)
        out *= r
        n += np.float32(127)  # 2^n by its bits: the exponent, n + 127, stands above 23 bits of zeros
        n *= np.float32(2**23)
        np.copyto(part.view(np.int32), n, casting="unsafe")
        out *= part
        np.subtract(np.float32(1), part, out=part)
        out -= part
    compute_beyond(np.expm1, x, -87.0, 88.0, out)


def polynomial(coefficients: Sequence[float], x: Array, out: Array) -> None:
    """out = a polynomial in x by Horner's rule; highest power first."""
    np.multiply(x, np.float32(coefficients[0]), out=out)
    for coefficient in coefficients[1:-1]:
        out += np.float32(coefficient)
        out *= x
    out += np.float32(coefficients[-1])


def compute_beyond(function: np.ufunc, x: Array, low: float, high: float, out: Array) -> None:
    """out = function(x) by NumPy where x is not in [low, high]: NaN, infinity, and what is rare."""
    if not (x.min() >= low and x.max() <= high):
        beyond = ~((x >= low) & (x <= high))
        out[beyond] = function(x[beyond])
