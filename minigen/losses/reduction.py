"""How a loss becomes one number, in PyTorch's words."""

from typing import Any

from minigen.errors import ShapeError

REDUCTIONS = ("mean", "batchmean", "sum")


def reduce(loss: Any, reduction: str) -> Any:
    """One number from an elementwise loss of shape (n, ...).

    "mean": over all elements (per pixel, as the chapter's Keras losses); "batchmean": summed over an example's elements, mean
    over the n examples (per image, as in likelihoods); "sum": over everything.
    """
    if reduction == "mean":
        return loss.mean()
    if reduction == "batchmean":
        return loss.sum() / float(loss.shape[0])
    if reduction == "sum":
        return loss.sum()
    raise ValueError(f"unknown reduction {reduction!r}: expected one of {', '.join(REDUCTIONS)}")


def check_same_shape(name: str, prediction: Any, target: Any) -> None:
    """Raise unless prediction and target have one shape: (n, 1) against (n,) would broadcast to n * n pairs."""
    if tuple(prediction.shape) != tuple(target.shape):
        raise ShapeError(f"{name}: prediction has shape {tuple(prediction.shape)}, target {tuple(target.shape)}; "
                         "expected the same")
    if prediction.shape[:1] == (0,):
        raise ShapeError(f"{name}: an empty batch, shape {tuple(prediction.shape)}")
