"""For every op, calls at which its rules are checked. An op without a sample fails tests/ops/test_registry.py.

Inputs are float64 and stay off kinks: |x| > 0.1 where a rule jumps at 0, all elements distinct where the largest one matters.
A sample is checked to order 2 or higher.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigen import backend
from minigen.autograd import Tensor
from minigen.ops.pooling import max_pool2d

rng = np.random.default_rng(20240607)


@dataclass(frozen=True)
class Constant:
    """An argument that is passed as a plain array, not as a Tensor."""

    value: Any


@dataclass(frozen=True)
class Sample:
    """One call of an op: float64 arrays become Tensors; Constants, int and bool arrays and Python numbers stay what they are."""

    arguments: tuple
    attributes: dict[str, Any] = field(default_factory=dict)
    order: int = 2

    @property
    def arrays(self) -> list[np.ndarray]:
        """The arguments with respect to which the call is differentiated."""
        return [x for x in self.arguments if differentiable(x)]

    def function(self, op: str, dtype: Any = np.float64) -> Callable[..., Tensor]:
        """The call as a function of its `arrays` alone, with everything else on the current backend and of `dtype`."""
        module, name = op.rsplit(".", 1)
        apply = getattr(importlib.import_module(module), name)
        rest = [None if differentiable(x) else on_backend(x, dtype) for x in self.arguments]
        attributes = {key: on_backend(value, dtype) for key, value in self.attributes.items()}

        def call(*tensors: Tensor) -> Tensor:
            remaining = iter(tensors)
            arguments = [next(remaining) if differentiable(x) else y for x, y in zip(self.arguments, rest)]
            return apply(*arguments, **attributes)

        call.__name__ = name
        return call


def differentiable(x: Any) -> bool:
    """Whether an argument of a sample becomes a Tensor that requires a gradient."""
    return isinstance(x, np.ndarray) and x.dtype == np.float64


def on_backend(x: Any, dtype: Any) -> Any:
    """Arrays inside an argument or attribute moved to the current backend, floating ones with `dtype`."""
    if isinstance(x, Constant):
        return on_backend(x.value, dtype)
    if isinstance(x, tuple):
        return tuple(on_backend(part, dtype) for part in x)
    if isinstance(x, np.ndarray):
        return backend.asarray(x.astype(dtype) if x.dtype.kind == "f" else x)
    return x


SAMPLES: dict[str, list[Sample]] = {}


def samples(op: str, *calls: Sample) -> None:
    """Enter the samples of an op, named as in OPS but without the leading "minigen.ops."."""
    SAMPLES.setdefault(f"minigen.ops.{op}", []).extend(calls)


def call(*arguments: Any, order: int = 2, **attributes: Any) -> Sample:
    """A sample written as the call itself."""
    return Sample(arguments, attributes, order)


# -- inputs ------------------------------------------------------------------------------------------------------


def normal(*shape: int) -> np.ndarray:
    """N(0, 1)."""
    return np.array(rng.standard_normal(shape))


def apart(*shape: int) -> np.ndarray:
    """Both signs, and nothing within 0.2 of zero."""
    return np.array(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.2, 2.0, shape))


def positive(*shape: int) -> np.ndarray:
    """From 0.5 to 2."""
    return np.array(rng.uniform(0.5, 2.0, shape))


def distinct(*shape: int) -> np.ndarray:
    """No two elements within 0.1, in random order."""
    size = int(np.prod(shape))
    return np.array(0.1 * rng.permutation(np.arange(size) - size // 2).reshape(shape) + 0.05)


def mask(*shape: int) -> np.ndarray:
    """Random bools."""
    return rng.random(shape) < 0.5


# -- elementwise -------------------------------------------------------------------------------------------------


def pairs(make: Callable[..., np.ndarray]) -> list[Sample]:
    """Every way in which two inputs can broadcast, and in which one of them can be a constant."""
    return [
        call(make(3, 4), make(3, 4)),
        call(make(3, 4), make(4)),
        call(make(4), make(3, 4)),
        call(make(3, 1), make(1, 4)),
        call(make(2, 1, 3), make(4, 1)),
        call(make(), make(2, 3)),
        call(make(2, 3), make()),
        call(make(), make()),
        call(make(3, 4), Constant(make(4))),
        call(Constant(make(3, 4)), make(3, 1)),
        call(make(3, 4), 1.5),
        call(0.5, make(3)),
        call(make(3), 2),
    ]


for name in ("add", "subtract", "multiply"):
    samples(f"elementwise.{name}", *pairs(normal))
samples("elementwise.multiply", call(normal(3, 1), normal(4), order=3), call(normal(3), Constant(mask(2, 3))))
samples("elementwise.divide", *pairs(apart), call(apart(2, 1), apart(3), order=3))
samples("elementwise.power", *pairs(positive), call(positive(2, 3), positive(3), order=3))
samples("elementwise.power", *(call(apart(2, 3), exponent) for exponent in (2, 3, 1, 0, -1, 2.0, 0.0)))
samples(
    "elementwise.power",
    call(positive(4), 0.5, order=3),
    call(2, normal(3)),
    call(apart(3), Constant(np.array([2.0, 3, -1]))),
    call(np.array([0.5, 1.0, 2.0]), np.zeros(3)),
    call(np.array([-2.0, 1.5]), Constant(np.zeros(2))),
)
samples("elementwise.negative", call(normal(3, 4)), call(normal()))
samples("elementwise.positive", call(normal(3, 4)), call(normal()))
samples("elementwise.absolute", call(apart(3, 4)), call(apart()))
samples("elementwise.square", call(normal(3, 4), order=3), call(normal()))
samples("elementwise.exp", call(normal(3, 4), order=3), call(normal()))
samples("elementwise.log", call(positive(3, 4), order=3), call(positive()))
samples("elementwise.sqrt", call(positive(3, 4), order=3), call(positive()))
samples("elementwise.sin", call(normal(3, 4), order=3), call(normal()))
samples("elementwise.cos", call(normal(3, 4), order=3), call(normal()))
samples("activation.tanh", call(normal(3, 4), order=3), call(normal()))
samples("activation.sigmoid", call(normal(3, 4), order=3), call(normal()))
samples("activation.softplus", call(apart(3, 4), order=3), call(normal()))
samples(
    "activation.sigmoid_cross_entropy",
    call(normal(3, 4), rng.random((3, 4)), order=3),
    call(normal(3), 0.9),
    call(normal(3, 1), Constant(rng.random((3, 1)))),
    call(Constant(normal(3)), rng.random(3)),
    call(normal(), np.array(0.3)),
    call(np.array([0.5, -1.5, 2.0]), np.array(0.3)),
)
samples(
    "activation.sigmoid_cross_entropy_grad",
    call(normal(3, 4), normal(3, 4), rng.random((3, 4))),
    call(normal(3), normal(3), 0.9),
    call(normal(3), Constant(normal(3)), Constant(rng.random(3))),
)
samples("activation.relu", call(apart(3, 4)), call(apart()))
samples("activation.leaky_relu", call(apart(3, 4)), call(apart(3), slope=0.01), call(apart(3), slope=0.0))
samples(
    "activation.leaky_relu_grad",
    call(normal(3, 4), Constant(apart(3, 4)), slope=0.2),
    call(normal(3), Constant(apart(3)), slope=0.0),
)
samples("activation.elu", call(apart(3, 4)), call(apart(3), alpha=0.5, order=3), call(apart(3), alpha=2.0))
samples("activation.selu", call(apart(3, 4), order=3), call(apart()))
samples(
    "activation.elu_grad", call(normal(3, 4), apart(3, 4), scale=1.0, alpha=0.5), call(normal(3), apart(3), scale=1.5, alpha=2.0)
)
for name in ("maximum", "minimum"):
    samples(f"elementwise.{name}", *pairs(apart))
samples("elementwise.clip", call(apart(3, 4), low=-1.05, high=0.15), call(np.array([-2.0, 0.0, 2.0]), low=-1.0, high=1.0))
samples(
    "elementwise.where",
    call(mask(3, 4), normal(3, 4), normal(3, 4)),
    call(mask(3, 1), normal(4), normal(2, 1, 4)),
    call(mask(3, 4), normal(3, 1), 0.0),
    call(mask(4), 1.0, normal(3, 4)),
    call(mask(3, 4), Constant(normal(4)), normal()),
)
samples(
    "elementwise.masked", call(normal(3, 4), mask(3, 4), scale=1.6), call(normal(2, 3), mask(3)), call(normal(3), True, scale=0.5)
)

# -- shape -------------------------------------------------------------------------------------------------------

samples(
    "shape.reshape",
    call(normal(2, 6), shape=(3, 4)),
    call(normal(2, 3), shape=(-1,)),
    call(normal(), shape=(1, 1)),
    call(normal(1), shape=()),
    call(normal(0, 3), shape=(3, 0)),
)
samples(
    "shape.transpose",
    call(normal(2, 3)),
    call(normal(2, 3, 4), axes=(1, 2, 0)),
    call(normal(2, 3, 4), axes=(-1, 0, -2)),
    call(normal(3)),
    call(normal()),
)
samples(
    "shape.broadcast_to",
    call(normal(3), shape=(2, 3)),
    call(normal(2, 1, 3), shape=(4, 2, 5, 3)),
    call(normal(), shape=(2,)),
    call(normal(2, 3), shape=(2, 3)),
)
samples(
    "shape.sum_to",
    call(normal(2, 3), shape=(3,)),
    call(normal(4, 2, 5, 3), shape=(2, 1, 3)),
    call(normal(2, 3), shape=()),
    call(normal(2, 1), shape=(2, 1)),
    call(normal(2, 3), shape=(1, 1)),
)
samples(
    "shape.concatenate",
    call(normal(2, 3), normal(4, 3)),
    call(normal(2, 3), normal(2, 1), normal(2, 2), axis=-1),
    call(normal(2), Constant(normal(3)), normal(1)),
    call(normal(2, 3)),
    call(normal(2, 0), normal(2, 2), axis=1),
)
samples("shape.pad", call(normal(2, 3), widths=((1, 2), (0, 1))), call(normal(3), widths=((0, 0),)), call(normal(), widths=()))
samples(
    "shape.crop",
    call(normal(4, 5), widths=((1, 2), (0, 1))),
    call(normal(3), widths=((0, 0),)),
    call(normal(3), widths=((1, 2),)),
)

# -- indexing ----------------------------------------------------------------------------------------------------

INDICES: list[tuple[tuple[int, ...], Any]] = [
    ((4,), 2),
    ((4,), -1),
    ((4,), np.int64(1)),
    ((3, 4), (1, 2)),
    ((3, 4), slice(None, None, 2)),
    ((3, 4), (slice(None), slice(3, 0, -1))),
    ((3, 4), slice(0, 0)),
    ((3, 4), (Ellipsis, None)),
    ((3, 4), (None, 1, None)),
    ((), Ellipsis),
    ((3, 4), np.array([True, False, True])),
    ((2, 3), np.array([[True, False, True], [False, False, True]])),
    ((3, 4), np.array([2, 0, 2, 2])),
    ((3, 4), np.array([[0, -1], [1, 0]])),
    ((3, 4), (np.array([0, 1, 0]), np.array([1, 1, 1]))),
    ((3, 4), (np.array([[0], [2]]), np.array([1, -1, 1]))),
    ((3, 4), (slice(1, None), np.array([0, 0, 3]))),
    ((2, 3, 4), (np.array([0, 0]), slice(None), np.array([1, 1]))),
    ((2, 3, 4), (Ellipsis, np.array([1, 1]), 2)),
]
samples("indexing.getitem", *(call(normal(*shape), index=index) for shape, index in INDICES))
samples(
    "indexing.scatter_add",
    *(call(normal(*np.empty(shape)[index].shape), index=index, shape=shape) for shape, index in INDICES),
    call(normal(), index=np.array([0, 1, 1]), shape=(3,)),
)

# -- Gaussian latent variables -----------------------------------------------------------------------------------

BEYOND_LIMIT = np.array([20.5, 25.0, 90.0])
samples(
    "gaussian.reparameterize",
    call(normal(3, 4), normal(3, 4), normal(3, 4), order=3),
    call(normal(3), BEYOND_LIMIT, normal(3)),
    call(normal(3, 4), normal(3, 4), Constant(normal(3, 4))),
    call(normal(), normal(), normal()),
)
samples(
    "gaussian.kl_standard_normal",
    call(normal(3, 4), normal(3, 4), order=3),
    call(Constant(normal(3)), BEYOND_LIMIT),
    call(normal(), normal()),
)

# -- reductions --------------------------------------------------------------------------------------------------


def reductions(make: Callable[..., np.ndarray], **attributes: Any) -> list[Sample]:
    """Every kind of axis, with and without keepdims."""
    return [
        call(make(3, 4), **attributes),
        *(
            call(make(3, 4), axis=axis, keepdims=keepdims, **attributes)
            for axis in (None, 0, -1, (0,), (0, 1), ())
            for keepdims in (False, True)
        ),
        *(call(make(2, 3, 4), axis=axis, **attributes) for axis in (1, (0, 2), (-1, 0))),
        call(make(3), axis=0, **attributes),
        call(make(), **attributes),
    ]


for name, make in {"sum": normal, "mean": normal, "max": distinct, "min": distinct, "logsumexp": normal, "l2norm": apart}.items():
    samples(f"reduction.{name}", *reductions(make))
samples("reduction.l2norm", *reductions(normal, eps=0.1), call(normal(2, 3), axis=1, order=3))
samples("reduction.logsumexp", call(normal(2, 3), axis=1, order=3))
samples(
    "reduction.log_softmax",
    call(normal(3, 4), order=3),
    call(normal(3, 4), axis=0),
    call(normal(2, 3, 2), axis=1),
    call(normal(3)),
)

# -- matrix products ---------------------------------------------------------------------------------------------

MATMUL_SHAPES = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3,)), ((3,), (5, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((5, 2, 3), (1, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)), ((6, 5, 2, 3), (3, 4)), ((6, 5, 2, 3), (3,)), ((2, 3), (6, 5, 3, 4)), ((1, 1), (1, 1)),
]  # fmt: skip
samples("linalg.matmul", *(call(normal(*x), normal(*y)) for x, y in MATMUL_SHAPES))
samples(
    "linalg.matmul",
    call(normal(2, 3), normal(3, 2), order=3),
    call(normal(2, 3), Constant(normal(3, 4))),
    call(Constant(normal(2, 3)), normal(3)),
)
samples(
    "linalg.dense", call(normal(5, 3), normal(3, 2), normal(2)), call(Constant(normal(5, 3)), normal(3, 2), normal(2), order=3)
)

# -- convolution -------------------------------------------------------------------------------------------------

ASYMMETRIC: dict[str, Any] = {"stride": (2, 1), "padding": ((2, 0), (1, 3))}
samples(
    "convolution.conv2d",
    call(normal(2, 4, 3, 2), normal(3, 3, 2, 3), normal(3)),
    call(normal(2, 4, 3, 2), normal(2, 3, 2, 2)),
    call(normal(2, 5, 4, 1), normal(3, 2, 1, 2), None, stride=2),
    call(normal(1, 4, 4, 4), normal(3, 3, 4, 1), padding="valid"),
    call(normal(2, 4, 3, 5), normal(3, 2, 5, 2), normal(2), **ASYMMETRIC),
    call(normal(2, 3, 2, 4), normal(1, 1, 4, 3), normal(3)),
    call(normal(1, 2, 2, 1), normal(1, 2, 1, 2), stride=3, padding=1, order=3),
    call(Constant(normal(1, 3, 3, 1)), normal(2, 2, 1, 1)),
)
samples(
    "convolution.conv2d_transpose",
    call(normal(2, 2, 3, 2), normal(3, 3, 3, 2), normal(3), stride=2),
    call(normal(1, 2, 2, 3), normal(3, 3, 5, 3), padding="valid", stride=2, output_size=(6, 5)),
    call(normal(2, 3, 5, 3), normal(3, 2, 4, 3), normal(4), output_size=(5, 2), **ASYMMETRIC),
    call(normal(1, 2, 2, 1), normal(2, 1, 4, 1), stride=3),
    call(normal(1, 2, 2, 2), normal(2, 2, 1, 2), stride=3, padding="valid"),
    call(normal(1, 3, 3, 2), normal(3, 3, 4, 2), padding=1, order=3),
)
samples(
    "convolution.conv2d_weight",
    call(normal(2, 4, 3, 2), normal(2, 4, 3, 3), kernel_size=3),
    call(normal(2, 4, 3, 5), normal(2, 2, 6, 2), kernel_size=(3, 2), **ASYMMETRIC),
    call(normal(1, 5, 4, 1), normal(1, 2, 2, 2), kernel_size=2, stride=2, padding="valid", order=3),
)

# -- normalization -----------------------------------------------------------------------------------------------

AXES = [(0, 1, 2), (1, 2), -1, (3,), 0, None, ()]
for name in ("center", "deviations"):
    samples(
        f"normalization.{name}",
        *(call(normal(2, 3, 4, 2), axis=axis) for axis in AXES),
        call(normal(5, 3), axis=0),
        call(normal(4), axis=0),
    )
samples(
    "normalization.inv_rms",
    *(call(apart(2, 3, 4, 2), axis=axis, eps=0.1) for axis in AXES),
    call(apart(5, 3), axis=0, eps=0.0),
    call(normal(2, 3), axis=1, eps=0.5, order=3),
)
samples(
    "normalization.scale_shift",
    *(
        call(normal(2, 3, 4, 5), normal(*scale), normal(*shift))
        for scale, shift in [
            ((5,), (5,)),
            ((2, 1, 1, 5), (1, 5)),
            ((2, 3, 4, 1), ()),
            ((2, 3, 4, 5), (3, 1, 1)),
            ((4, 5), (2, 3, 4, 5)),
        ]
    ),
    call(normal(2, 3), normal(3), order=3),
    call(normal(4, 1, 3), normal(3)),
    call(Constant(normal(2, 2)), normal(1), normal(2)),
)

# -- pooling -----------------------------------------------------------------------------------------------------

POOLS: list[dict[str, Any]] = [
    {"size": 2, "stride": None, "padding": "valid"},
    {"size": (3, 2), "stride": (2, 1), "padding": "same"},
    {"size": 3, "stride": 1, "padding": ((1, 0), (0, 2))},
    {"size": (2, 1), "stride": 3, "padding": "valid"},
]
samples(
    "pooling.max_pool2d",
    call(distinct(1, 4, 4, 2)),
    call(distinct(1, 3, 5, 1), size=(1, 1)),
    *(call(distinct(2, 5, 4, 2), **pool) for pool in POOLS),
)
for pool in POOLS:  # the winners are constants, so that ties are welcome
    images = rng.integers(-3, 3, (2, 5, 4, 2)).astype(float)
    maxima = max_pool2d(images, **pool)
    samples("pooling.max_unpool2d", call(normal(*maxima.shape), Constant(images), Constant(maxima), **pool))
    samples("pooling.max_pool2d_gather", call(normal(2, 5, 4, 2), Constant(images), Constant(maxima), **pool))
samples(
    "pooling.sum_pool2d",
    call(normal(2, 4, 6, 2), factor=2),
    call(normal(1, 2, 3, 1), factor=(2, 3)),
    call(normal(1, 2, 2, 1), factor=1),
)
samples("blur.blur2d", call(normal(2, 3, 4, 2)), call(normal(1, 1, 2, 3)))
samples(
    "pooling.upsample_nearest2d",
    call(normal(2, 2, 3, 2), factor=2),
    call(normal(1, 2, 1, 1), factor=(1, 3)),
    call(normal(0, 2, 2, 3), factor=2),
)
