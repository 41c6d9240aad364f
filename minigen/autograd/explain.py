"""The words of the engine's errors about one call of an op."""

from typing import Any

from minigen.backend import check_same_device
from minigen.errors import DtypeError, ShapeError


def describe(arrays: Any) -> str:
    """Shapes (and dtypes, where they differ) of a call's inputs, for messages."""
    return ", ".join(f"{x.dtype}{list(x.shape)}" if hasattr(x, "shape") else repr(x) for x in arrays)


def mixed_dtypes(op: Any, inputs: tuple) -> DtypeError:
    """The error for a call whose result would not keep the dtype of its tensors."""
    return DtypeError(
        f"{op.name} mixes dtypes: {describe(inputs)}. All arrays of a computation share one dtype: "
        "convert data with x.astype('float32') (or the model with .astype('float64'))"
    )


def explain(op: Any, arrays: list, error: Exception) -> Exception:
    """NumPy's error, retold with the op's name and its inputs; a mix of devices is told as such."""
    check_same_device(tuple(arrays))
    if isinstance(error, (ShapeError, DtypeError, IndexError)):
        return type(error)(f"{op.name}: {error}")
    kind = ShapeError if isinstance(error, ValueError) else TypeError
    return kind(f"{op.name}: {error} (inputs: {describe(arrays)})")
