"""The numerical check of derivative rules, to any order; learners use it on their own ops.

For one input x of f, a random direction v and a random cotangent u:

    <u, (f(x + eps v) - f(x - eps v)) / (2 eps)>   =   <vjp(u), v>

The left side needs two evaluations of f, whatever the size of x. The cotangent is random because ones would hide errors: the
sum of a softmax or of a normalized vector does not depend on x at all. Order 2 is the same check of the function (x, u) ->
vjp(u): it sees the analytic first derivative, so it is as accurate as order 1.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen.backend import asarray, to_numpy
from minigen.engine import Tensor, grad
from minigen.errors import DtypeError, GradcheckError
from minigen.ops import concatenate
from minigen.utils.checks import check_seed

COMPARED = 500  # elements of a large array that are compared one by one when its derivative is wrong


@dataclass(frozen=True)
class Mismatch:
    """Analytic and numerical derivatives with respect to one input that disagree, for the random cotangent dL/dy."""

    input: int  # its position; at order 2, one more than the last input is the cotangent of order 1
    shape: tuple[int, ...]  # of the input
    elements: np.ndarray  # which elements are compared, as indices into the flattened input
    analytic: np.ndarray  # the derivative by the rules
    numeric: np.ndarray  # the derivative by differences
    cotangent: np.ndarray

    def __str__(self) -> str:
        worst = np.argmax(np.nan_to_num(np.abs(self.analytic - self.numeric), nan=np.inf))
        index = tuple(map(int, np.unravel_index(self.elements[worst], self.shape)))
        analytic, numeric = self.analytic[worst], self.numeric[worst]
        ratio = analytic / numeric if numeric else np.inf
        return (
            f"wrong derivative with respect to input {self.input} of shape {self.shape}: worst at index {index}: "
            f"analytic {analytic:.8g}, numeric {numeric:.8g}, ratio {ratio:.6g}"
        )


def gradcheck(
    f: Callable,
    *arrays: Any,
    order: int = 2,
    wrt: Sequence[int] | None = None,
    eps: float = 1e-6,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    seed: int = 0,
) -> None:
    """Check the derivatives of f(*arrays) with respect to each of its arrays, up to `order`.

    f: takes Tensors, returns one Tensor (any shape), and must be deterministic. arrays: float64 (float32 has too few digits
    to divide a small difference by a small step); they are not changed. `wrt`: positions of the arrays to check, by default all
    floating ones. Away from kinks only: at 0, relu has no derivative to compare with.

    Passes if |analytic - numeric| <= atol + rtol * scale, scale being the norm of the derivative times that of the direction.
    Raises GradcheckError with the worst element, both values and their ratio (2, -1 or N hint at what was forgotten).
    """
    if not callable(f):
        raise TypeError(f"gradcheck takes a function before its arrays, got {type(f).__name__}: gradcheck(minigen.tanh, x)")
    arrays = tuple(read_only(to_numpy(x)) for x in arrays)
    wrt = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"] if wrt is None else list(wrt)
    if not wrt:
        raise DtypeError(f"gradcheck needs a float64 array to differentiate, got {[str(x.dtype) for x in arrays]}")
    for i in wrt:
        if arrays[i].dtype != np.float64:
            raise DtypeError(f"gradcheck needs float64, got {arrays[i].dtype} for input {i}: x.astype('float64')")
    rng = np.random.default_rng(check_seed("gradcheck", seed))
    check(f, arrays, wrt, order, getattr(f, "__name__", "f"), (eps, rtol, atol), rng)


def check(f: Callable, arrays: tuple, wrt: list[int], order: int, name: str, tolerances: tuple, rng: Any) -> None:
    """Check one order, then the next on the derivative itself."""
    eps, rtol, atol = tolerances
    output = evaluate(f, arrays, wrt)
    if not isinstance(output, Tensor):
        raise TypeError(f"{name} must return a Tensor, got {type(output).__name__}")
    u = read_only(rng.standard_normal(output.shape))
    analytic = derivative(f, arrays, wrt, u)
    for g, i in zip(analytic, wrt):
        x = arrays[i]
        v = rng.standard_normal(x.shape)
        numeric = directional(f, arrays, i, v, u, eps)
        if not agree(g, v, numeric, rtol, atol):
            mismatch = compare(functools.partial(directional, f, arrays, i, u=u, eps=eps), i, u, g)
            error = GradcheckError(f"{name}: {mismatch}")
            error.mismatch = mismatch
            raise error
    if order > 1:
        # The derivative as a function of the inputs and of the cotangent, which is random but may be differentiated too.
        def vjp(*inputs: Tensor) -> Tensor:
            *xs, cotangent = inputs
            return flat(grad(f(*xs), [xs[i] for i in wrt], cotangent, create_graph=True, allow_unused=True))

        check(vjp, (*arrays, u), [*wrt, len(arrays)], order - 1, f"the derivative of {name}", tolerances, rng)


def evaluate(f: Callable, arrays: tuple, wrt: Sequence[int]) -> Any:
    """f applied to the arrays as Tensors (integer arrays stay arrays), those in wrt requiring a gradient."""
    inputs = leaves(arrays, wrt)
    output = f(*inputs)
    check_unchanged(f, "input {}", inputs, arrays)
    return output


def leaves(arrays: tuple, wrt: Sequence[int]) -> list[Any]:
    """The arrays on the current backend, floating ones as Tensors."""
    return [Tensor(x, requires_grad=i in wrt) if x.dtype.kind == "f" else asarray(x) for i, x in enumerate(arrays)]


def derivative(f: Callable, arrays: tuple, wrt: list[int], u: np.ndarray) -> list[np.ndarray]:
    """vjp(u) for each input in wrt, as host arrays; zeros for an input that f does not depend on."""
    inputs = leaves(arrays, wrt)
    y = f(*inputs)
    cotangent = Tensor(u)
    gradients = grad(y, [inputs[i] for i in wrt], cotangent, allow_unused=True)
    check_unchanged(f, "input {}", inputs, arrays)
    check_unchanged(f, "the cotangent g", [cotangent], [u])
    return [g.numpy() for g in gradients]


def directional(f: Callable, arrays: tuple, i: int, v: np.ndarray, u: np.ndarray, eps: float) -> float:
    """<u, (f(.., x + eps v, ..) - f(.., x - eps v, ..)) / 2 eps>."""
    # f may itself contain grad(), so its inputs always require a gradient.
    everything = range(len(arrays))
    plus, minus = (
        evaluate(f, (*arrays[:i], read_only(arrays[i] + step * v), *arrays[i + 1 :]), everything).numpy() for step in (eps, -eps)
    )
    return float(np.sum(u * (plus - minus)) / (2 * eps))


def agree(g: np.ndarray, v: np.ndarray, numeric: float, rtol: float, atol: float) -> bool:
    """Whether <g, v> is the numerical derivative in the direction v; never if a value is infinite or too large for a norm."""
    with np.errstate(all="ignore"):
        scale = np.linalg.norm(g) * np.linalg.norm(v) / np.sqrt(max(v.size, 1))
        tolerance = atol + rtol * max(scale, abs(numeric))
        return bool(np.isfinite(tolerance) and abs(float(np.sum(g * v)) - numeric) <= tolerance)


def compare(directional: Callable[[np.ndarray], float], i: int, u: np.ndarray, g: np.ndarray) -> Mismatch:
    """The derivative g with respect to input i beside the numerical one, element by element; in a large array, only the largest
    elements and a sample of the others."""
    elements = np.arange(g.size)
    if g.size > COMPARED:
        largest = np.argsort(np.abs(g).ravel())[-COMPARED // 2 :]
        others = np.random.default_rng(0).choice(np.setdiff1d(elements, largest), COMPARED // 2, replace=False)
        elements = np.sort(np.concatenate([largest, others]))
    numeric = np.empty(len(elements))
    for k, element in enumerate(elements):
        basis = np.zeros(g.shape)
        basis.flat[element] = 1.0
        numeric[k] = directional(basis)
    return Mismatch(i, g.shape, elements, g.ravel()[elements], numeric, u)


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """All elements of all tensors as one vector, so that several derivatives are one output."""
    return concatenate(*(x.reshape(-1) for x in tensors))


def check_unchanged(f: Callable, name: str, inputs: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
    """Raise GradcheckError if a forward function or a rule has written to its inputs: device arrays cannot be made read-only."""
    for i, (x, before) in enumerate(zip(inputs, arrays)):
        if not np.array_equal(to_numpy(x), before, equal_nan=before.dtype.kind == "f"):
            raise GradcheckError(
                f"{getattr(f, '__name__', 'f')} or one of its rules changes {name.format(i)}: x *= 2 writes "
                "into an array that others still need, x = x * 2 makes a new one"
            )


def read_only(x: np.ndarray) -> np.ndarray:
    """A read-only copy: a rule or forward function that writes to its inputs raises."""
    x = np.array(x)
    x.flags.writeable = False
    return x
