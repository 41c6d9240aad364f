"""A simulated GPU: an array type that refuses what CuPy refuses, and what CuPy accepts although it should not.

Opaque on purpose (no subclass of numpy.ndarray, which NumPy's C code would silently accept). It refuses: implicit
conversion to NumPy, host arrays among the operands, functions that CuPy lacks, float64 results of float32 operands,
indices out of range, repeated indices in an assignment. It counts launches, copies and synchronizations, so that a test can
assert that "this step launches at most 60 kernels and never waits". It cannot find: rounding differences, races, missing
CUDA libraries.
"""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigen.backend.devices import Backend
from minigen.errors import DeviceError, DtypeError
from minigen.utils.blocks import block

# Functions that numpy and cupy 14.2 both have, with the same meaning.
SHARED = frozenset(
    """
abs absolute acos acosh add all allclose amax amin angle any append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh
argmax argmin argpartition argsort argwhere around array array_equal array_equiv array_split asarray ascontiguousarray
asfortranarray asin asinh astype atan atan2 atanh atleast_1d atleast_2d atleast_3d average bincount bitwise_and bitwise_count
bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor broadcast_arrays broadcast_shapes
broadcast_to cbrt ceil choose clip column_stack compress concat concatenate conj conjugate convolve copy copysign copyto
corrcoef correlate cos cosh count_nonzero cov cross cumprod cumsum cumulative_prod cumulative_sum deg2rad degrees delete diag
diag_indices diag_indices_from diagflat diagonal diff digitize divide divmod dot dsplit dstack ediff1d einsum empty empty_like
equal exp exp2 expand_dims expm1 extract eye fabs fill_diagonal fix flatnonzero flip fliplr flipud float_power floor
floor_divide fmax fmin fmod frexp full full_like gcd gradient greater greater_equal heaviside histogram histogram2d histogramdd
hsplit hstack hypot i0 identity imag indices inner interp intersect1d invert isclose iscomplex isfinite isin isinf isnan
isneginf isposinf isreal ix_ kron lcm ldexp left_shift less less_equal lexsort linspace log log10 log1p log2 logaddexp
logaddexp2 logical_and logical_not logical_or logical_xor logspace matmul matrix_transpose max maximum mean median meshgrid min
minimum mod modf moveaxis multiply nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanprod
nanstd nansum nanvar ndindex negative nextafter nonzero not_equal ones ones_like outer pad partition percentile permute_dims
place positive pow power prod ptp put_along_axis putmask quantile rad2deg radians ravel ravel_multi_index real real_if_close
reciprocal remainder repeat reshape resize right_shift rint roll rollaxis rot90 round row_stack searchsorted select setdiff1d
setxor1d sign signbit sin sinc sinh sort sort_complex split sqrt square squeeze stack std subtract sum swapaxes take
take_along_axis tan tanh tensordot tile trace transpose trapezoid tri tril tril_indices tril_indices_from trim_zeros triu
triu_indices triu_indices_from true_divide trunc union1d unique unique_all unique_counts unique_inverse unique_values
unravel_index unwrap vander var vdot vsplit vstack where zeros zeros_like
""".split()
)
CONSTANTS = frozenset(
    "e inf nan newaxis pi bool_ int8 int16 int32 int64 uint8 float16 float32 float64 floating integer dtype finfo".split()
)


@dataclass
class Counters:
    """The operations that a GPU would have executed."""

    launches: int = 0
    uploads: int = 0
    downloads: int = 0
    synchronizations: int = 0


counters = Counters()


@block
def count() -> Iterator[Counters]:
    """Count inside a `with` block: `with strict.count() as counted: step()`; then read counted.launches."""
    global counters
    outer, counters = counters, Counters()
    try:
        yield counters
    finally:
        counters = outer


class StrictArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on the simulated device. Everything it offers, cupy.ndarray offers with the same meaning.

    Its operators are NumPy's ufuncs, which ask `__array_ufunc__`.
    """

    __slots__ = ("_host", "__weakref__")
    __array_priority__ = 100

    def __init__(self, host: np.ndarray):
        self._host = host

    T = property(lambda self: StrictArray(self._host.T))

    def __len__(self) -> int:
        return len(self._host)

    def __repr__(self) -> str:
        return f"StrictArray({self._host!r})"

    def get(self) -> np.ndarray:
        """A copy on the host; waits for the device."""
        counters.downloads += 1
        counters.synchronizations += 1
        return self._host.copy()

    # -- what would make a GPU wait ------------------------------------------------------------------------------

    def _scalar(self) -> np.ndarray:
        counters.synchronizations += 1
        return self._host

    def __bool__(self) -> bool:
        return bool(self._scalar())

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def item(self, *index: int) -> Any:
        return self._scalar().item(*index)

    def tolist(self) -> Any:
        return self._scalar().tolist()

    def __iter__(self) -> Iterator["StrictArray"]:
        return (self[i] for i in range(len(self)))

    # -- what CuPy refuses ---------------------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise DeviceError("no implicit conversion of a device array to NumPy: use minigen.to_numpy(x)")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(getattr(x, "__array_ufunc__", ...) is None for x in inputs):  # a Tensor: CuPy, too, defers to its operator
            return NotImplemented
        if "where" in options:
            raise TypeError(f"{ufunc.__name__}: CuPy's ufuncs take no argument where=")
        result = launch(getattr(ufunc, method), *inputs, **options)
        return options["out"][0] if "out" in options else result

    def __array_function__(self, function: Any, types: Any, inputs: tuple, options: dict) -> Any:
        return getattr(xp, function.__name__)(*inputs, **options)

    # -- indexing ------------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> "StrictArray":
        return launch(operator.getitem, self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        counters.launches += 1
        host_index = host_of(index)
        refuse_repeated_indices(host_index)
        self._host[host_index] = host_of(value)

    # -- methods -------------------------------------------------------------------------------------------------

    def astype(self, dtype: Any, copy: bool = True) -> "StrictArray":
        counters.launches += 1
        return StrictArray(self._host.astype(dtype, copy=copy))

    def view(self, dtype: Any) -> "StrictArray":
        return StrictArray(self._host.view(dtype))

    def reshape(self, *shape: Any) -> "StrictArray":
        return StrictArray(self._host.reshape(*shape))

    def transpose(self, *axes: Any) -> "StrictArray":
        return StrictArray(self._host.transpose(*axes))

    def fill(self, value: float) -> None:
        counters.launches += 1
        self._host.fill(host_of(value))


REDUCTIONS = "sum mean max min argmax argmin all any std var prod".split()
for _name in "shape dtype ndim size nbytes strides flags itemsize base".split():
    setattr(StrictArray, _name, property(operator.attrgetter(f"_host.{_name}")))
for _name in (*REDUCTIONS, "ravel", "copy", "squeeze", "swapaxes", "cumsum", "dot", "clip"):
    setattr(StrictArray, _name, lambda self, *inputs, f=_name, **options: getattr(xp, f)(self, *inputs, **options))


def host_of(x: Any) -> Any:
    """The host array inside x, or x; containers recursively. A host array among the operands is an error."""
    if isinstance(x, StrictArray):
        return x._host
    if isinstance(x, np.ndarray):
        raise DeviceError(
            f"mixes arrays on numpy and strict: a host array of shape {x.shape} met a device array; "
            "move it with minigen.asarray(x)"
        )
    if isinstance(x, (list, tuple)):
        return type(x)(map(host_of, x))
    return x


def launch(function: Any, *inputs: Any, **options: Any) -> Any:
    """Run a host function as one kernel: operands in, checks, results out."""
    counters.launches += 1
    if getattr(inputs[0], "shape", None) == () and options.get("axis") in (0, -1) and function.__name__ in REDUCTIONS:
        raise np.exceptions.AxisError(options["axis"], 0)  # NumPy accepts these two for a scalar, which has no axes
    result = function(*map(host_of, inputs), **{name: host_of(value) for name, value in options.items()})
    return wrap(result, getattr(function, "__name__", str(function)), inputs, options)


def wrap(result: Any, name: str, inputs: tuple, options: dict) -> Any:
    """Results as device arrays (also scalars: a reduction on a GPU stays there); refuses an unrequested float64."""
    if isinstance(result, (list, tuple)):
        return type(result)(wrap(part, name, inputs, options) for part in result)
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    if result.dtype == np.float64:
        refuse_float64(name, inputs, options)
    return StrictArray(np.asarray(result))


def refuse_float64(name: str, inputs: tuple, options: dict) -> None:
    """A float64 result is right only if every floating operand is float64, or float64 was requested."""
    dtypes = {part._host.dtype for part in leaves_of(inputs) if isinstance(part, StrictArray)}
    asked = any(
        part is np.float64 or part == "float64" or part == np.dtype(np.float64)
        for part in [*inputs, options.get("dtype")]
        if isinstance(part, (type, str, np.dtype))
    )
    if not asked and (np.dtype(np.float64) not in dtypes or np.dtype(np.float32) in dtypes):
        raise DtypeError(
            f"{name}: float64 result from operands of dtype {sorted(map(str, dtypes)) or 'unspecified'}: "
            "half the speed on a GPU; use Python floats for constants and give dtype= when creating arrays"
        )


def leaves_of(parts: Any) -> Iterator[Any]:
    """All leaves of nested tuples and lists."""
    for part in parts:
        if isinstance(part, (list, tuple)):
            yield from leaves_of(part)
        else:
            yield part


def refuse_repeated_indices(index: Any) -> None:
    """CuPy leaves it undefined which value wins when a[i] = v names an element twice."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [part for part in parts if isinstance(part, np.ndarray) and part.dtype != bool]
    if arrays:
        columns = np.stack([part.ravel() for part in np.broadcast_arrays(*arrays)])
        if np.unique(columns, axis=1).shape[1] < columns.shape[1]:
            raise IndexError("repeated indices in an assignment are undefined on a GPU: use add.at to accumulate")


class StrictModule:
    """Takes the place of `numpy` or `cupy`: only what both have, on device arrays only."""

    ndarray = StrictArray

    def __getattr__(self, name: str) -> Any:
        if name in CONSTANTS:
            value = getattr(np, name)
        elif name in SHARED:
            value = device_function(name)
        else:
            raise AttributeError(f"cupy has no function {name!r} with numpy's meaning: the strict backend refuses it")
        setattr(self, name, value)
        return value


def device_function(name: str) -> Any:
    """numpy's function `name` as the device would run it."""
    host = getattr(np, name)

    def function(*inputs: Any, **options: Any) -> Any:
        if name in ("array", "asarray") and isinstance(inputs[0], np.ndarray):
            counters.uploads += 1
            return StrictArray(np.array(*inputs, **options))
        result = launch(host, *inputs, **options)
        if name in ("empty", "empty_like") and result.dtype.kind == "f":
            result._host.fill(np.nan)  # the memory of a GPU's pool is stale, never zero
        return result

    function.__name__ = name
    if isinstance(host, np.ufunc):

        def at(target: StrictArray, index: Any, values: Any) -> None:
            counters.launches += 1
            host.at(target._host, host_of(index), host_of(values))

        function.at = at  # type: ignore[attr-defined]  # which a function may have
    return function


def as_strided(x: StrictArray, shape: tuple[int, ...], strides: tuple[int, ...]) -> StrictArray:
    """A view: no launch."""
    return StrictArray(np.lib.stride_tricks.as_strided(x._host, shape, strides))


xp: Any = StrictModule()
xp.lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=as_strided))


def from_host(host: np.ndarray) -> StrictArray:
    """A copy of a host array on the simulated device."""
    counters.uploads += 1
    return StrictArray(np.array(host))


def wait() -> None:
    """Takes the place of synchronizing a stream."""
    counters.synchronizations += 1


def make_backend() -> Backend:
    """The strict backend."""
    return Backend("strict", xp, StrictArray, from_host, StrictArray.get, wait)
