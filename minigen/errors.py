"""The errors of minigen. Each says what was wrong and what would be right, and is a subclass of the built-in it resembles."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

CHANNELS_FIRST = "channels first? Here they come last: x.transpose(0, 2, 3, 1)"  # a frequent cause of wrong image shapes


class LayerError(Exception):
    """Base of errors raised inside a network: modules prepend their names while the error propagates."""

    path: tuple[str, ...] = ()
    module: object | None = None

    def __str__(self) -> str:
        message = super().__str__()
        return f"{'.'.join(self.path)}: {message}" if self.path else message


class ShapeError(LayerError, ValueError):
    """An array of the wrong shape was given to an op or a layer."""


class DtypeError(LayerError, TypeError):
    """An array of the wrong dtype was given, or two dtypes were mixed."""


class DeviceError(LayerError, TypeError):
    """Arrays of two devices were mixed, or the device that was asked for cannot be used."""


class GraphError(RuntimeError):
    """A backward pass that would give wrong gradients: freed graph, stale parameter, unreachable input, missing cotangent."""


class GradcheckError(AssertionError):
    """A derivative rule disagrees with the numerical derivative. `mismatch`: both, as `autograd.Mismatch`."""

    mismatch: Any = None


class NonFiniteError(LayerError, FloatingPointError):
    """NaN or infinity appeared; the message says where it appeared first."""


class StateError(ValueError):
    """A state dict does not fit the object it was given to; the message names every mismatch."""


class CheckpointError(ValueError):
    """A checkpoint file is truncated, was not written by minigen, or belongs to something else."""


class DataError(ValueError):
    """A data file is missing, corrupt, or holds invalid values."""


class BusyError(RuntimeError):
    """A folder is in use by another process, or by another run of this one."""


class MissingPackageError(ImportError):
    """Something needs a package that is not installed; the message says how to install it."""


class RecipeError(ValueError):
    """No recipe can build or train what was asked for; the message says what recipes can."""


class CommandError(RuntimeError):
    """A command cannot do what it was asked for; the message says what would be right."""


class UsageError(CommandError):
    """A command line is not understood."""


def conversion(got: Any, expected: Any) -> str:
    """How to convert data from one dtype to another, for messages; bytes are pixels from 0 to 255. Tensors of other libraries
    must first become arrays."""
    if not hasattr(got, "kind"):
        return f"minigen.asarray(x).astype('{expected}')"
    return f"x.astype('{expected}')" + (" / 255" if got == "uint8" else "")


def to_unit_interval(low: float, high: float) -> str:
    """How to bring pixels in [`low`, `high`] into [0, 1], for messages."""
    if 0.0 <= low and high > 2.0:
        return "bytes are divided by 255"
    if low < -1.05:
        return "logits become pixels by minigen.sigmoid(x), and what was normalized by x * std + mean"
    if high <= 1.05 and low < -0.05 * high:
        return "pixels in [-1, 1] are (x + 1) / 2"
    return "x.clip(0, 1) clips what lies outside"


def suggestion(name: Any, known: Iterable[str]) -> str:
    """What an unknown name was probably meant to be, for messages: the nearest known one, or else all of them."""
    known = list(known)
    near = nearest(name, known)
    return f"did you mean {near!r}?" if near else f"expected one of {', '.join(known)}"


def nearest(name: Any, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that shares most letters with a name, in any case; None if that is less than a share of `cutoff`."""
    folded = {each.lower(): each for each in known}
    return next((folded[near] for near in get_close_matches(str(name).lower(), folded, n=1, cutoff=cutoff)), None)


def one_line(message: str) -> str:
    """A message in one line; a long one, echoing a long input, is cut to its beginning and its end."""
    message = re.sub(r"\S{200,}", lambda word: f"{word[0][:80]}…{word[0][-20:]}", " ".join(message.split()))
    return message if len(message) <= 2000 else f"{message[:1000]} … {message[-500:]}"
