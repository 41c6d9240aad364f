"""Step 10: derivatives of derivatives.

The rule of tanh is g (1 - y y): multiplications and a subtraction, for which there are rules. So run on Tensors, a rule leaves
a graph of the derivative, and that can be differentiated again. Two things are needed.

    Rules are written with ops and operators only, never with a function of NumPy, whose result remembers nothing. So what a
    rule needs is an op too: sum_to and broadcast_to are each other's rules, as transpose and reshape are their own.
    An op of arrays alone gives an array. So one text has two modes: on arrays for a first derivative, which costs no graph; on
    Tensors, with create_graph=True, where the derivative is itself to be differentiated.

backward leaves gradients with the inputs, for training. grad(y, xs) returns them, for mathematics: it touches no grad and frees
nothing. With it a derivative can be part of a loss, such as the gradient penalty of a WGAN: (||dD/dx|| - 1)^2 at each example,
to be differentiated by the weights of D.

This is the engine of minigen, but for what makes it fast, its messages, float32, a cotangent for results of several numbers, the
guard against parameters that change before backward, and some fifty more ops: minigen/engine and minigen/ops.

It prints:

    x^4 at 2: 16, then 32, 48, 48, 24, 0
    the second derivative of tanh against what is measured: below 1e-6
    Hessian times vector against what is measured: below 1e-6
    a gradient penalty, by the weights of D, against what is measured: below 1e-6
    200 steps on the penalty alone: mean slope of D 0.6 -> 1.0

Try: write tanh's rule as g * (1 - np.tanh(array_of(x)) ** 2), which runs in both modes. Which of the lines above fail? (That of
tanh, by an error: its second derivative has no path to x any more. Take that line out, and that of the penalty fails: to the
second derivative the factor is a constant. A wrong second derivative of a right first one is the classic silent mistake;
mg.gradcheck looks for it.)
"""

import contextlib
import inspect
import itertools

import numpy as np

FREED = (None,)  # the inputs of a tensor whose graph is gone
count = itertools.count()
recording = True


@contextlib.contextmanager
def record(wanted):
    """Inside the block results remember their inputs, or do not."""
    global recording
    before, recording = recording, wanted
    try:
        yield
    finally:
        recording = before


def no_grad():
    """Inside the block results remember nothing."""
    return record(False)


class Op:
    """A function of arrays and its rules, by input. Called with Tensors it makes one that remembers; with arrays, an array."""

    def __init__(self, name, forward, non_differentiable=(), **rules):
        self.name, self.forward, self.non_differentiable, self.rules = name, forward, non_differentiable, rules
        kinds = inspect.signature(forward).parameters.values()
        self.names = [each.name for each in kinds if each.kind is each.POSITIONAL_OR_KEYWORD]

    def rule(self, name):
        """The rule of an input; None if it is declared to have none."""
        if name not in self.rules and name not in self.non_differentiable:
            raise TypeError(f"op {self.name} has no rule for {name}: write one, or declare it non_differentiable")
        return self.rules.get(name)

    def __call__(self, *parents, **settings):
        data = self.forward(*map(array_of, parents), **settings)
        if not any(isinstance(x, Tensor) for x in parents):
            return data
        tensor = Tensor(data)
        if recording and any(isinstance(x, Tensor) and x.requires_grad for x in parents):
            tensor.requires_grad, tensor.op, tensor.parents, tensor.settings = True, self, parents, settings
        return tensor


class Tensor:
    """An array that remembers the op that made it, and its inputs."""

    __array_ufunc__ = None

    def __init__(self, data, requires_grad=False):
        self.data, self.requires_grad = np.asarray(data, dtype=float), requires_grad
        self.op, self.parents, self.settings, self.grad = None, (), {}, None
        self.number = next(count)

    def __array__(self, *_, **__):
        raise TypeError("a function of NumPy remembers nothing: write an op, or give it the array, .data")

    shape = property(lambda self: self.data.shape)
    T = property(lambda self: transpose(self))

    def backward(self, retain_graph=False):
        """Add dself/dinput to the grad of each input that requires one. The graph is freed on the way, unless retain_graph."""
        with no_grad():
            for tensor, g in propagate(self, create_graph=False, free=not retain_graph).items():
                if tensor.op is None:
                    tensor.grad = g + (0.0 if tensor.grad is None else tensor.grad)  # an array of its own

    def __add__(self, other):
        return add(self, other)

    def __mul__(self, other):
        return multiply(self, other)

    def __pow__(self, exponent):
        return power(self, exponent)

    def __matmul__(self, other):
        return matmul(self, other)

    def __rmatmul__(self, other):
        return matmul(other, self)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + other * -1.0

    def __rsub__(self, other):
        return self * -1.0 + other

    def __truediv__(self, other):
        return self * power(other, -1.0)

    def __rtruediv__(self, other):
        return power(self, -1.0) * other

    def sum(self, axis=None, keepdims=False):
        """The sum along an axis, or of all elements."""
        return sum_of(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape):
        """The same elements in another shape."""
        return reshape(self, shape=shape)


# -- the backward pass -------------------------------------------------------------------------------------------------


def grad(y, xs, create_graph=False):
    """dy/dx for each x of a list, as Tensors. create_graph: they are part of a graph, and can be differentiated again."""
    with record(create_graph):
        gradients = propagate(y, create_graph, free=False)
    if unused := [position for position, x in enumerate(xs) if x not in gradients]:
        raise ValueError(f"y does not depend on xs[{unused[0]}]")
    return [gradients[x] if create_graph else Tensor(gradients[x] + 0.0) for x in xs]  # arrays of their own


def propagate(y, create_graph, free):
    """dy/dinput and dy/dx of every tensor x of the graph, as Tensors or as arrays."""
    if not y.requires_grad:
        raise ValueError("no gradient is wanted: nothing that this was computed from has requires_grad=True")
    if y.data.size != 1:
        raise ValueError(f"a derivative starts from a single number, got shape {y.shape}: add it up first")
    start = np.ones_like(y.data)
    gradients = {y: Tensor(start) if create_graph else start}
    left = youngest_first(y)[::-1]
    while left:
        tensor = left.pop()
        if tensor.op is None or tensor not in gradients:
            continue
        g = gradients.pop(tensor) if free else gradients[tensor]
        result, operands = tensor, tensor.parents
        if not create_graph:
            result, operands = tensor.data, [array_of(x) for x in operands]
        for name, parent in zip(tensor.op.names, tensor.parents):
            if not (isinstance(parent, Tensor) and parent.requires_grad):
                continue
            if rule := tensor.op.rule(name):
                gx = rule(g, result, *operands, **tensor.settings)
                if gx.shape != parent.shape:
                    gx = sum_to(gx, shape=parent.shape)  # here, and only here
                gradients[parent] = gradients[parent] + gx if parent in gradients else gx
        if free:
            tensor.parents = FREED
    return gradients


def youngest_first(tensor):
    """It, and all that it was computed from and that requires a gradient, each once."""
    found, left = {tensor}, [tensor]
    while left:
        tensor = left.pop()
        if tensor.parents is FREED:
            raise RuntimeError("the graph has been freed: the first time call backward(retain_graph=True)")
        for parent in tensor.parents:
            if isinstance(parent, Tensor) and parent.requires_grad and parent not in found:
                found.add(parent)
                left.append(parent)
    return sorted(found, key=lambda each: each.number, reverse=True)


def array_of(x):
    """The array of a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x


def is_0(x):
    """Where an array, or the array of a Tensor, is 0: a condition, of which there is no derivative."""
    return np.equal(array_of(x), 0)


# -- ops: functions of arrays, with rules of ops -----------------------------------------------------------------------


def product(a, b):
    """a b, of two matrices; a vector is one of a single row or column."""
    if not np.ndim(a) == np.ndim(b) == 2:
        raise ValueError(f"@ multiplies matrices, got shapes {np.shape(a)} and {np.shape(b)}")
    return a @ b


add = Op("add", lambda x, y: x + y, x=lambda g, z, x, y: g, y=lambda g, z, x, y: g)
multiply = Op("multiply", lambda x, y: x * y, x=lambda g, z, x, y: g * y, y=lambda g, z, x, y: g * x)
power = Op(
    "power",
    lambda x, exponent: x**exponent,
    x=lambda g, y, x, exponent: g * exponent * x ** where(is_0(x) & is_0(exponent), 1.0, exponent - 1),  # x^0 is constant
    exponent=lambda g, y, x, exponent: g * y * log(where(is_0(x), 1.0, x)),  # and so is 0^exponent; else for x > 0
)
exp = Op("exp", lambda x: np.exp(x), x=lambda g, y, x: g * y)
log = Op("log", lambda x: np.log(x), x=lambda g, y, x: g / x)
tanh = Op("tanh", lambda x: np.tanh(x), x=lambda g, y, x: g * (1 - y * y))
where = Op(
    "where",
    lambda condition, a, b: np.where(condition, a, b),
    non_differentiable=("condition",),
    a=lambda g, y, condition, a, b: where(condition, g, 0.0),
    b=lambda g, y, condition, a, b: where(condition, 0.0, g),
)
matmul = Op("matmul", product, a=lambda g, y, a, b: g @ b.T, b=lambda g, y, a, b: a.T @ g)
transpose = Op("transpose", lambda x: x.T, x=lambda g, y, x: g.T)
reshape = Op("reshape", lambda x, *, shape: x.reshape(shape), x=lambda g, y, x, *, shape: reshape(g, shape=x.shape))


def spread(g, y, x, *, axis, keepdims):
    """The rule of the sum: g in the shape of x."""
    axes = None if axis is None else {*np.atleast_1d(axis)}
    kept = tuple(1 if axes is None or {i, i - len(x.shape)} & axes else n for i, n in enumerate(x.shape))
    return broadcast_to(reshape(g, shape=kept), shape=x.shape)


def added_up(x, *, shape):
    """x added up along the axes that broadcasting an array of this shape has made."""
    if x.ndim < len(shape) or any(n not in (1, m) for n, m in zip(shape[::-1], x.shape[::-1])):
        raise ValueError(f"a rule gave a gradient of shape {x.shape} for an input of shape {shape}")
    x = np.sum(x, axis=tuple(range(x.ndim - len(shape))))
    return np.sum(x, axis=tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1), keepdims=True)


sum_of = Op("sum", lambda x, *, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims), x=spread)
sum_to = Op("sum_to", added_up, x=lambda g, y, x, *, shape: broadcast_to(g, shape=x.shape))
broadcast_to = Op(
    "broadcast_to", lambda x, *, shape: np.broadcast_to(x, shape), x=lambda g, y, x, *, shape: sum_to(g, shape=x.shape)
)


def measured(f, x, h=1e-6):
    """df/dx at the array x: each element is changed in turn."""
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        change = np.zeros_like(x)
        change[i] = h
        found[i] = (f(x + change) - f(x - change)) / (2 * h)
    return found


def check(f, *arrays):
    """Assert that backward gives what is measured, for each array."""
    tensors = [Tensor(x, requires_grad=True) for x in arrays]
    f(*tensors).backward()
    for i, tensor in enumerate(tensors):

        def changed(x, i=i):
            return f(*map(Tensor, [*arrays[:i], x, *arrays[i + 1 :]])).data

        assert np.allclose(tensor.grad, measured(changed, arrays[i]), atol=1e-6)


if __name__ == "__main__":
    rng = np.random.default_rng(0)

    x = Tensor(2.0, requires_grad=True)
    y, values = x**4, []
    for _ in range(5):
        values.append(float(y.data))
        (y,) = grad(y, [x], create_graph=True)
    print(f"x^4 at 2: {values[0]:g}, then {', '.join(f'{value:g}' for value in [*values[1:], float(y.data)])}")

    def second(f, x, v):
        """The derivative of <df/dx, v>, by the rules and measured: the Hessian of f times v."""
        x = Tensor(x, requires_grad=True)
        (dx,) = grad(f(x), [x], create_graph=True)
        (by_rules,) = grad((dx * v).sum(), [x])

        def along(u):
            u = Tensor(u, requires_grad=True)
            return (grad(f(u), [u])[0].data * v).sum()

        return by_rules.data, measured(along, x.data)

    u, v, w = rng.standard_normal((3, 4))
    assert np.allclose(*second(lambda x: tanh(x).sum(), u, v), atol=1e-6)
    print("the second derivative of tanh against what is measured: below 1e-6")
    assert np.allclose(*second(lambda x: (exp(x * w) / (1 + x**2) ** x).sum() * where(u > 0, x, x**3).sum(), u, v), atol=1e-6)
    print("Hessian times vector against what is measured: below 1e-6")

    points = rng.standard_normal((20, 2))
    weights = [Tensor(rng.standard_normal(shape) * 0.5, requires_grad=True) for shape in ((2, 8), (8,), (8, 1))]

    def slopes(w, b, v):
        """||dD/dx|| of D(x) = tanh(x w + b) v, at each point."""
        x = Tensor(points, requires_grad=True)
        (dx,) = grad((tanh(x @ w + b) @ v).sum(), [x], create_graph=True)
        return (dx**2).sum(axis=1) ** 0.5

    def penalty(*weights):
        return ((slopes(*weights) - 1) ** 2).sum() * (1 / len(points))

    before = slopes(*weights).data.mean()
    check(penalty, *(x.data for x in weights))
    print("a gradient penalty, by the weights of D, against what is measured: below 1e-6")

    for _ in range(200):
        penalty(*weights).backward()
        for parameter in weights:
            parameter.data -= 0.1 * parameter.grad
            parameter.grad = None
    after = slopes(*weights).data.mean()
    print(f"200 steps on the penalty alone: mean slope of D {before:.1f} -> {after:.1f}")
    assert abs(after - 1) < 0.1
