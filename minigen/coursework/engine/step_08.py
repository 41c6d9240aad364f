"""Step 8: an op, with a rule for each input, and inputs without one.

So far each function made its own closures. An op states what all of them have in common, once: it is a function of plain
arrays, and a rule for each input by its name, which gets g = dL/dy, the result y and all inputs, and returns dL/dinput.

    multiply = Op("multiply", lambda x, y: x * y, x=lambda g, z, x, y: g * y, y=lambda g, z, x, y: g * x)

(In minigen, function and rules have docstrings, so they are functions: @op above the one, @multiply.vjp("x") above the other.)

Of some inputs there is no derivative: labels, indices, the condition by which where(condition, a, b) chooses. They are
declared, so that a rule that was merely forgotten is an error. What comes after a star, sum(x, *, axis), is a setting, and no
input.

And a rule for each input need not be run for each input. A Tensor says whether its gradient is wanted, requires_grad; a result
wants one if one of its inputs does, and backward from one that wants none is an error. Of x @ w with x a batch of images, g w^T,
a gradient as large as the batch, is never computed.

It prints:

    six ops, by all inputs with a rule, against what is measured: below 1e-6
    rules run for the loss of a layer: sum_dx, power_dx, where_da, where_db, multiply_dx, add_dx, add_dy, matmul_db
    op power has no rule for exponent: write one, or declare it non_differentiable

Try: an op maximum(x, y), with np.where in its rules (the op where cannot stand in a rule before step 10): g goes to the larger
of the two. And to whom where they are equal? (minigen gives half of it to each; all of it to one of them serves as well, and g
to both is wrong.)
"""

import inspect
import itertools

import numpy as np

count = itertools.count()
ran = []  # the rules that were run, by their names: to be looked at


class Op:
    """A function of arrays and its rules, by input; called with Tensors it makes one that remembers it, and its inputs."""

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
        tensor = Tensor(self.forward(*map(array_of, parents), **settings))
        if any(isinstance(x, Tensor) and x.requires_grad for x in parents):
            tensor.requires_grad, tensor.op, tensor.parents, tensor.settings = True, self, parents, settings
        return tensor


class Tensor:
    """An array that remembers the op that made it, and its inputs."""

    __array_ufunc__ = None

    def __init__(self, data, requires_grad=False):
        self.data, self.requires_grad = np.asarray(data, dtype=float), requires_grad
        self.op, self.parents, self.settings, self.grad = None, (), {}, None
        self.number = next(count)

    def backward(self):
        """Add dself/dinput to the grad of each input that requires one."""
        if not self.requires_grad:
            raise ValueError("no gradient is wanted: nothing that this was computed from has requires_grad=True")
        if self.data.size != 1:
            raise ValueError(f"a derivative starts from a single number, got shape {self.data.shape}: add it up first")
        gradients = {self: np.ones_like(self.data)}
        for tensor in youngest_first(self):
            if tensor not in gradients:  # only inputs without a rule lead here
                continue
            g = gradients.pop(tensor)
            if tensor.op is None:
                tensor.grad = g if tensor.grad is None else tensor.grad + g
                continue
            arrays = [array_of(x) for x in tensor.parents]
            for name, parent in zip(tensor.op.names, tensor.parents):
                if not (isinstance(parent, Tensor) and parent.requires_grad):
                    continue
                if rule := tensor.op.rule(name):
                    ran.append(f"{tensor.op.name}_d{name}")
                    gx = sum_to(rule(g, tensor.data, *arrays, **tensor.settings), parent.data.shape)
                    gradients[parent] = gradients.get(parent, 0.0) + gx

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

    def __sub__(self, other):
        return self + other * -1.0

    def sum(self, axis=None, keepdims=False):
        """The sum along an axis, or of all elements."""
        return sum_of(self, axis=axis, keepdims=keepdims)

    __radd__, __rmul__ = __add__, __mul__


def array_of(x):
    """The array of a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x


def sum_to(g, shape):
    """An array added up along the axes that broadcasting an array of this shape has made."""
    if g.ndim < len(shape) or any(n not in (1, m) for n, m in zip(shape[::-1], g.shape[::-1])):
        raise ValueError(f"a rule gave a gradient of shape {g.shape} for an input of shape {shape}")
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=stretched, keepdims=True)


def youngest_first(tensor):
    """It, and all that it was computed from and that requires a gradient, each once."""
    found, left = {tensor}, [tensor]
    while left:
        for parent in left.pop().parents:
            if isinstance(parent, Tensor) and parent.requires_grad and parent not in found:
                found.add(parent)
                left.append(parent)
    return sorted(found, key=lambda each: each.number, reverse=True)


# -- ops -------------------------------------------------------------------------------------------------------------


def product(a, b):
    """a b, of two matrices; a vector is one of a single row or column."""
    if not np.ndim(a) == np.ndim(b) == 2:
        raise ValueError(f"@ multiplies matrices, got shapes {np.shape(a)} and {np.shape(b)}")
    return a @ b


add = Op("add", lambda x, y: x + y, x=lambda g, z, x, y: g, y=lambda g, z, x, y: g)
multiply = Op("multiply", lambda x, y: x * y, x=lambda g, z, x, y: g * y, y=lambda g, z, x, y: g * x)
matmul = Op("matmul", product, a=lambda g, y, a, b: g @ b.T, b=lambda g, y, a, b: a.T @ g)
power = Op(
    "power",  # the rule for the exponent has been forgotten
    lambda x, exponent: x**exponent,
    x=lambda g, y, x, exponent: g * exponent * x ** (exponent - 1),
)
where = Op(
    "where",  # a where the condition holds, b elsewhere
    lambda condition, a, b: np.where(condition, a, b),
    non_differentiable=("condition",),
    a=lambda g, y, condition, a, b: np.where(condition, g, 0.0),
    b=lambda g, y, condition, a, b: np.where(condition, 0.0, g),
)


def spread(g, y, x, *, axis, keepdims):
    """The rule of the sum: g in the shape of x."""
    kept = g if axis is None or keepdims else np.expand_dims(g, axis)
    return np.broadcast_to(kept, x.shape)


sum_of = Op("sum", lambda x, *, axis, keepdims: x.sum(axis=axis, keepdims=keepdims), x=spread)


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
    condition = rng.random((3, 2)) < 0.5
    mix = rng.standard_normal((3, 2))  # what the elements of a result are weighted with, before they are added up
    calls = [
        (add, (3, 2), (2,)),
        (multiply, (3, 1), (3, 2)),
        (matmul, (3, 4), (4, 2)),
        (lambda a, b: where(condition, a, b), (3, 2), (2,)),
        (lambda a, b: sum_of(a, axis=0, keepdims=True) + b**3, (5, 2), (3, 1)),
    ]
    for f, *shapes in calls:
        check(lambda x, y, f=f: (f(x, y) * mix).sum(), *map(rng.standard_normal, shapes))
    print("six ops, by all inputs with a rule, against what is measured: below 1e-6")

    images = Tensor(rng.standard_normal((4, 3)))  # data, which require no gradient
    w, b = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((3, 2), (2,)))
    z = images @ w + b
    hidden = where(z.data > 0, z, z * 0.1)  # leaky ReLU
    ran.clear()
    (hidden**2).sum().backward()
    print("rules run for the loss of a layer:", ", ".join(ran))
    assert "matmul_da" not in ran

    try:
        (w ** Tensor(2.0, requires_grad=True)).sum().backward()
    except TypeError as refused:
        print(refused)
