"""Ops that act on each element by itself. Binary ones broadcast as in NumPy.

Every function takes Tensors, arrays or Python numbers, and any shape; the result has the (broadcast) shape of the inputs.
"""

import math

from minigen.autograd.border import plain
from minigen.autograd.op import op
from minigen.backend import Array, array_module
from minigen.errors import DtypeError

# -- arithmetic --------------------------------------------------------------------------------------------------


@op(method="__add__", broadcasts=True)
def add(x: Array, y: Array) -> Array:
    """x + y, broadcasting."""
    return x + y


@add.vjp("x")
def add_dx(g, z, x, y):
    """dL/dx = g."""
    return g


@add.vjp("y")
def add_dy(g, z, x, y):
    """dL/dy = g."""
    return g


@op(method="__sub__", broadcasts=True)
def subtract(x: Array, y: Array) -> Array:
    """x - y, broadcasting."""
    return x - y


@subtract.vjp("x")
def subtract_dx(g, z, x, y):
    """dL/dx = g."""
    return g


@subtract.vjp("y")
def subtract_dy(g, z, x, y):
    """dL/dy = -g."""
    return -g


@op(method="__mul__", broadcasts=True)
def multiply(x: Array, y: Array) -> Array:
    """x * y, broadcasting."""
    return x * y


@multiply.vjp("x")
def multiply_dx(g, z, x, y):
    """dL/dx = g * y."""
    return g * y


@multiply.vjp("y")
def multiply_dy(g, z, x, y):
    """dL/dy = g * x."""
    return g * x


@op(method="__truediv__", broadcasts=True)
def divide(x: Array, y: Array) -> Array:
    """x / y, broadcasting."""
    return x / y


@divide.vjp("x")
def divide_dx(g, z, x, y):
    """dL/dx = g / y."""
    return g / y


@divide.vjp("y")
def divide_dy(g, z, x, y):
    """dL/dy = -g * x / y^2 = -g * z / y."""
    return -g * z / y


@op(method="__neg__")
def negative(x: Array) -> Array:
    """-x."""
    return -x


@negative.vjp("x")
def negative_dx(g, y, x):
    """dL/dx = -g."""
    return -g


@op(method="__pos__")
def positive(x: Array) -> Array:
    """+x, a copy of x."""
    return +x


@positive.vjp("x")
def positive_dx(g, y, x):
    """dL/dx = g."""
    return g


@op(method="__pow__", broadcasts=True)
def power(x: Array, p: Array) -> Array:
    """x ** p, broadcasting. With respect to p it is differentiable for x > 0. For p = 2 `square` is faster."""
    return x**p


@power.vjp("x")
def power_dx(g, y, x, p):
    """dL/dx = g * p * x^(p - 1); with a constant p = 0, zero also at x = 0."""
    if isinstance(p, (int, float)):
        return g * 0.0 if p == 0 else g * p if p == 1 else g * (p * x ** (p - 1))
    return g * p * x ** (p - 1.0)


@power.vjp("p")
def power_dp(g, y, x, p):
    """dL/dp = g * x^p * log(x)."""
    return g * y * (math.log(x) if isinstance(x, (int, float)) else log(x))


@op(method="__abs__")
def absolute(x: Array) -> Array:
    """|x|; its derivative at 0 is taken to be 0."""
    return abs(x)


@absolute.vjp("x")
def absolute_dx(g, y, x):
    """dL/dx = g * sign(x)."""
    return g * array_module(plain(x)).sign(plain(x))


@op(method="square")
def square(x: Array) -> Array:
    """x^2."""
    return x * x


@square.vjp("x")
def square_dx(g, y, x):
    """dL/dx = 2 g x."""
    return g * (2.0 * x)


# -- exponentials and their inverses -----------------------------------------------------------------------------


@op(method="exp")
def exp(x: Array) -> Array:
    """e^x."""
    return array_module(x).exp(x)


@exp.vjp("x")
def exp_dx(g, y, x):
    """dL/dx = g * y."""
    return g * y


@op(method="log")
def log(x: Array) -> Array:
    """Natural logarithm, for x > 0."""
    return array_module(x).log(x)


@log.vjp("x")
def log_dx(g, y, x):
    """dL/dx = g / x."""
    return g / x


@op(method="sqrt")
def sqrt(x: Array) -> Array:
    """Square root, for x >= 0. Its derivative at 0 is infinite: for a length use `l2norm`, for a deviation `std`."""
    return array_module(x).sqrt(x)


@sqrt.vjp("x")
def sqrt_dx(g, y, x):
    """dL/dx = g / (2 y)."""
    return 0.5 * g / y


@op(method="sin")
def sin(x: Array) -> Array:
    """Sine; x in radians."""
    return array_module(x).sin(x)


@sin.vjp("x")
def sin_dx(g, y, x):
    """dL/dx = g * cos(x)."""
    return g * cos(x)


@op(method="cos")
def cos(x: Array) -> Array:
    """Cosine; x in radians."""
    return array_module(x).cos(x)


@cos.vjp("x")
def cos_dx(g, y, x):
    """dL/dx = -g * sin(x)."""
    return -g * sin(x)


# -- choices -----------------------------------------------------------------------------------------------------


@op(broadcasts=True)
def maximum(x: Array, y: Array) -> Array:
    """The larger of x and y, broadcasting; where they are equal the gradient is shared half and half."""
    return array_module(x, y).maximum(x, y)


@maximum.vjp("x")
def maximum_dx(g, z, x, y):
    """dL/dx = g where x > y, g / 2 where equal."""
    return 0.5 * g * (x > y) + 0.5 * g * (x >= y)


@maximum.vjp("y")
def maximum_dy(g, z, x, y):
    """dL/dy = g where y > x, g / 2 where equal."""
    return 0.5 * g * (y > x) + 0.5 * g * (y >= x)


@op(broadcasts=True)
def minimum(x: Array, y: Array) -> Array:
    """The smaller of x and y, broadcasting; where they are equal the gradient is shared half and half."""
    return array_module(x, y).minimum(x, y)


@minimum.vjp("x")
def minimum_dx(g, z, x, y):
    """dL/dx = g where x < y, g / 2 where equal."""
    return 0.5 * g * (x < y) + 0.5 * g * (x <= y)


@minimum.vjp("y")
def minimum_dy(g, z, x, y):
    """dL/dy = g where y < x, g / 2 where equal."""
    return 0.5 * g * (y < x) + 0.5 * g * (y <= x)


@op(method="clip")
def clip(x: Array, *, low: float = -math.inf, high: float = math.inf) -> Array:
    """x kept within [low, high]; the gradient passes where low <= x <= high."""
    return x.clip(low, high)


@clip.vjp("x")
def clip_dx(g, y, x, *, low, high):
    """dL/dx = g inside [low, high], else 0."""
    return g * ((x >= low) & (x <= high))


@op(broadcasts=True, nondiff=("condition",))
def where(condition: Array, x: Array, y: Array) -> Array:
    """x where the bool array `condition` holds, else y; broadcasting. Raises DtypeError for any other condition."""
    kind = getattr(condition, "dtype", type(condition).__name__)
    if kind != "bool":
        raise DtypeError(f"the condition must be bool, such as x > 0, got {kind}")
    return array_module(condition, x, y).where(condition, x, y)


@where.vjp("x")
def where_dx(g, z, condition, x, y):
    """dL/dx = g where the condition holds, else 0."""
    return g * condition


@where.vjp("y")
def where_dy(g, z, condition, x, y):
    """dL/dy = g where the condition does not hold, else 0."""
    return g * (condition ^ True)


@op(nondiff=("keep",))
def masked(x: Array, keep: Array, *, scale: float = 1.0) -> Array:
    """x * scale where the bool array `keep` holds, else 0; keep broadcasts to the shape of x, else ShapeError."""
    xp = array_module(x)
    y = xp.multiply(x, keep, out=xp.empty_like(x))
    y *= scale
    return y


@masked.vjp("x")
def masked_dx(g, y, x, keep, *, scale):
    """dL/dx = g * scale where `keep` holds, else 0."""
    return masked(g, keep, scale=scale)
