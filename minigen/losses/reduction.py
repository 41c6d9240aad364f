"""Reductions of a loss to a scalar, with PyTorch's names."""

import numpy as np

from minigen.autograd import TensorLike, unwrap
from minigen.errors import DtypeError, ShapeError, conversion
from minigen.utils.checks import check_same_shape

ROUNDING = 1e-5  # how far resizing or decoding may take an image out of its range
REDUCTIONS = ("mean", "batchmean", "sum")


def reduce(loss: TensorLike, reduction: str) -> TensorLike:
    """A scalar from an elementwise loss of shape (n, ...).

    "mean": over all elements (per pixel, as the chapter's Keras losses); "batchmean": summed over an example's elements, mean
    over the n examples (per image, as in likelihoods); "sum": over everything.
    """
    if loss.shape[:1] == (0,):
        raise ShapeError(f"a loss of an empty batch, shape {tuple(loss.shape)}, is not defined")
    if reduction == "mean":
        return loss.mean()
    if reduction == "batchmean":
        if not loss.shape:
            raise ShapeError("a loss of shape () has no batch: reduction 'mean' or 'sum'")
        return loss.sum() / float(loss.shape[0])
    if reduction == "sum":
        return loss.sum()
    raise ValueError(f"unknown reduction {reduction!r}: expected one of {', '.join(REDUCTIONS)}")


def check_matching(name: str, prediction: TensorLike, target: TensorLike) -> None:
    """Raise unless a target is an array of the prediction's shape, and of its dtype: pixels from 0 to 255 would pass as targets
    in [0, 1]."""
    if not hasattr(target, "shape"):
        raise TypeError(f"{name}: expected an array as target, got {type(target).__name__}")
    check_same_shape(name, prediction=prediction, target=target)
    if target.dtype != prediction.dtype:
        raise DtypeError(
            f"{name}: prediction is {prediction.dtype}, target {target.dtype}; expected the same: convert the "
            f"target with {conversion(target.dtype, prediction.dtype)}"
        )


def check_unit_interval(name: str, target: TensorLike) -> None:
    """Raise ValueError for targets outside [0, 1], such as images scaled to [-1, 1]; not checked on a device, where it would have
    to synchronize."""
    data = unwrap(target)
    if isinstance(data, np.ndarray) and data.size:
        low, high = data.min(), data.max()
        if not (low >= -ROUNDING and high <= 1.0 + ROUNDING):
            raise ValueError(
                f"{name}: got targets from {low:.6g} to {high:.6g}, expected probabilities or pixels in [0, 1]"
                + ("; scale them, as in (images + 1) / 2" if -1.0 <= low < 0.0 and high <= 1.0 else "")
            )
