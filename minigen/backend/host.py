"""Conversion of data to host arrays: NumPy's own arrays, and whatever becomes one without loss."""

from typing import Any

import numpy as np

from minigen.errors import DtypeError, ShapeError

REAL = "biuf"  # kinds of dtypes: bools, integers, floats
WHOLE = (np.ndarray, np.memmap)  # a memory-mapped array is an array that is read on access

# What other array classes hold beside their values, and how to drop it.
SUBCLASSES = {
    "MaskedArray": "whose mask would be lost: fill the gaps with x.filled(value)",
    "matrix": "whose * is a matrix product: take the array, np.asarray(x)",
}
KINDS = {
    "c": "expected real numbers, and x.astype('float32') would drop the imaginary parts: take x.real, x.imag or abs(x)",
    "O": "expected numbers, none missing, in rows of one length",
    "U": "text is not a number: float(x) reads one",
    "S": "text is not a number: float(x) reads one",
    "M": "a date is not a number: take differences in a unit, such as (x - x[0]) / np.timedelta64(1, 'D')",
    "m": "a span of time is not a number: divide by a unit, such as np.timedelta64(1, 'D')",
    "V": "a record is not a number: take its fields one by one, x['name']",
}


def host_array(x: Any, dtype: Any = None) -> np.ndarray:
    """x as a plain NumPy array of real numbers, of its own dtype or the one asked for; copied only if necessary.

    x: an array, also a memory-mapped one, which stays so; a number, a list of either; or an object that converts to an array (a
    pandas table, a PyTorch tensor). Raises TypeError for an array subclass that holds more than its values (a masked array),
    DtypeError for what does not hold real numbers (None, text, complex numbers), ShapeError for rows of different lengths.
    """
    try:
        array = whole_array(x)
    except ValueError as error:
        raise ShapeError(f"got a {type(x).__name__} that is not an array, {error}: expected rows of one length") from None
    if array.dtype.kind not in REAL:
        what = array.dtype if hasattr(x, "dtype") else f"a {type(x).__name__} of {array.dtype}" if array.shape else repr(x)[:60]
        raise DtypeError(f"got {what}: {KINDS.get(array.dtype.kind, 'expected numbers')}")
    return array if dtype is None else array.astype(dtype, copy=False)


def whole_array(x: Any, dtype: Any = None) -> np.ndarray:
    """np.asarray(x, dtype), also of strings and other objects. Raises TypeError where information would be lost."""
    check_whole(x)
    return np.asarray(x, dtype=dtype)


def check_whole(x: Any) -> None:
    """Raise TypeError for an array, or one in a list, that would lose information as a plain NumPy array."""
    if isinstance(x, (list, tuple)):
        for part in x:
            check_whole(part)
    elif isinstance(x, np.ndarray) and type(x) not in WHOLE:
        name = type(x).__name__
        hint = SUBCLASSES.get(name, "which may hold more than its values: if not, take np.asarray(x)")
        raise TypeError(f"got a {name}, {hint}")


def has_no_dtype(x: Any) -> bool:
    """Whether x is a Python number, or a list without arrays in it: its floats become float32."""
    if isinstance(x, (list, tuple)):
        return not any(isinstance(part, np.ndarray) or (isinstance(part, (list, tuple)) and not has_no_dtype(part)) for part in x)
    return not hasattr(x, "dtype")
