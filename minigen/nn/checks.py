"""Checks of a layer's input, its axes and dtype, with errors that say how to fix it.

Axes are written as in docstrings: ("n", "height", "width", 3), where a name stands for any length, and (..., 3), where the
dots stand for any axes.
"""

import math
import warnings
from types import EllipsisType
from typing import Any

from minigen.autograd import TensorLike
from minigen.errors import CHANNELS_FIRST, DtypeError, ShapeError, conversion

Axes = tuple[str | int | EllipsisType, ...]
IMAGES: Axes = ("n", "height", "width")  # the axes before the channels


def check_input(layer: Any, x: TensorLike, axes: Axes, dtype: Any = None) -> None:
    """Raise unless a batch has these axes and this dtype (None: a floating one). TypeError for what is not an array."""
    if not hasattr(x, "shape"):
        raise TypeError(f"{layer!r} expects an array or a Tensor, got {type(x).__name__}: write minigen.Tensor(x)")
    if not fits(x.shape, axes):
        raise ShapeError(f"{layer!r} expects {noun(axes)} {written(axes)}, got {tuple(x.shape)}{hint(tuple(x.shape), axes)}")
    if dtype is None:
        check_floating(layer, x)
    elif x.dtype != dtype:
        raise DtypeError(f"{layer!r} computes in {dtype}, got {x.dtype}: convert the data with {conversion(x.dtype, dtype)}")


def check_example(layer: Any, shape: tuple[int, ...], axes: Axes) -> None:
    """Raise ShapeError unless the shape of one example, without the batch axis, has these axes."""
    if not fits(shape, axes):
        raise ShapeError(f"{layer!r} expects {noun(axes)} {written(axes)}, got {tuple(shape)}")


def check_floating(layer: Any, x: TensorLike) -> None:
    """Raise DtypeError for integer data, which would become float64 or could not take noise at all."""
    if x.dtype.kind != "f":
        raise DtypeError(
            f"{layer!r} takes floating-point numbers, got {x.dtype}: convert the data with {conversion(x.dtype, 'float32')}"
        )


def check_noise(layer: Any, x: TensorLike, noise: TensorLike | float) -> None:
    """Raise ShapeError for noise or a mask of another shape, which would broadcast over examples; a scalar may."""
    shape = tuple(getattr(noise, "shape", ()))
    if shape not in ((), tuple(x.shape)):
        raise ShapeError(f"{layer!r} expects noise of the shape of x, {tuple(x.shape)}, got {shape}")


def warn_of_channels_first(layer: Any, shape: tuple[int, ...]) -> None:
    """Warn if images, whose channels come last, seem to have them first; for layers that take any number of channels."""
    if shape[1] in (1, 3) and shape[1] < shape[2] == shape[3]:
        warnings.warn(f"{layer!r} takes images (n, height, width, channels), got {shape}: {CHANNELS_FIRST}", stacklevel=4)


def fits(shape: tuple[int, ...], axes: Axes) -> bool:
    """Whether a shape has these axes."""
    if axes[0] is ...:
        axes = axes[1:]
        shape = shape[-len(axes) :]
    if len(shape) != len(axes):
        return False
    for n, axis in zip(shape, axes):  # a plain loop: each forward pass of each layer comes here
        if n != axis and not isinstance(axis, str):
            return False
    return True


def noun(axes: Axes) -> str:
    """The name of an array with these axes."""
    return "images" if len(axes) == 4 or "height" in axes else "sequences" if "time" in axes else "shape"


def written(axes: Axes) -> str:
    """Axes as text: "(..., 3)"."""
    texts = ["..." if axis is ... else str(axis) for axis in axes]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def hint(shape: tuple[int, ...], axes: Axes) -> str:
    """What an input of a wrong shape probably is, for messages."""
    last = axes[-1]
    if axes[:-1] == IMAGES:
        if len(shape) == 4 and shape[1] == last:
            return f": {CHANNELS_FIRST}"
        if len(shape) == 3 and last == 1:
            return ": without an axis of channels? x.reshape(*x.shape, 1)"
        if len(shape) == 3 and shape[2] == last:
            return ": a single image? x[None]"
    elif len(shape) > 2 and math.prod(shape[1:]) == last:
        return "; put nn.Flatten() before it"
    return ""
