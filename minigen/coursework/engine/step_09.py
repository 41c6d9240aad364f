"""Step 9: how long a graph lives.

A graph holds all arrays from the inputs to the loss, which for a network is most of the memory there is. It should be gone when
it is no longer needed, and not some time later.

    References run from a result to its inputs only, so there is no circle: the graph dies by Python's reference counts with the
    last variable that holds its end. On a GPU, too, memory is free at once.
    backward lets go of each tensor's inputs as soon as its rules have run, from the loss down: while the gradients grow, the
    graph shrinks. With retain_graph=True it stays, for a second backward.
    no_grad(): inside the block nothing is remembered; results are what they would be. For all that is not trained.

A rule gets inputs and result from the graph, so nothing has to be kept on purpose for it, and nothing can be kept too long.

It prints:

    a chain of 1000 tanh is held by its end: 1001 tensors
    without its end: 1
    after backward, with its end: 2
    backward again: the graph has been freed: the first time call backward(retain_graph=True)
    in no_grad(): 2, and the same result
    a network of 400 steps: 3 tensors after each, error 7.1 -> 0.6

Try: losses.append(loss) in the loop of training, which is often meant to keep numbers for a curve. What is kept then? (Here a
Tensor for each step, for backward has let go of the rest; without backward, each whole graph. Keep float(loss.data).) And what
would a list of children in each Tensor do to all of this? (Make circles, so that nothing goes before Python looks for them.)
"""

import contextlib
import gc
import inspect
import itertools
import weakref

import numpy as np

count = itertools.count()
FREED = (None,)  # the inputs of a tensor whose graph is gone
alive = weakref.WeakSet()  # all Tensors that there are, to be counted: it keeps none of them
recording = True  # whether results remember their inputs


@contextlib.contextmanager
def no_grad():
    """Inside the block results remember nothing."""
    global recording
    before, recording = recording, False
    try:
        yield
    finally:
        recording = before


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
        alive.add(self)

    def backward(self, retain_graph=False):
        """Add dself/dinput to the grad of each input that requires one. The graph is freed on the way, unless retain_graph."""
        if not self.requires_grad:
            raise ValueError("no gradient is wanted: nothing that this was computed from has requires_grad=True")
        if self.data.size != 1:
            raise ValueError(f"a derivative starts from a single number, got shape {self.data.shape}: add it up first")
        gradients = {self: np.ones_like(self.data)}
        left = youngest_first(self)[::-1]
        while left:
            tensor = left.pop()  # out of the list, so that the list does not keep it
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
                    gx = sum_to(rule(g, tensor.data, *arrays, **tensor.settings), parent.data.shape)
                    gradients[parent] = gradients.get(parent, 0.0) + gx
            if not retain_graph:
                tensor.parents = FREED

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
        tensor = left.pop()
        if tensor.parents is FREED:
            raise RuntimeError("the graph has been freed: the first time call backward(retain_graph=True)")
        for parent in tensor.parents:
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
    "power",
    lambda x, exponent: x**exponent,
    x=lambda g, y, x, exponent: g * exponent * x ** (exponent - 1),
    exponent=lambda g, y, x, exponent: g * y * np.log(x),  # which step 8 had forgotten; for x > 0
)
tanh = Op("tanh", lambda x: np.tanh(x), x=lambda g, y, x: g * (1 - y * y))


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


if __name__ == "__main__":
    gc.disable()  # Python's search for circles, which there are not

    def chain(x):
        for _ in range(1000):
            x = tanh(x)
        return x

    x = Tensor(0.5, requires_grad=True)
    loss = chain(x)
    print(f"a chain of 1000 tanh is held by its end: {len(alive)} tensors")
    assert len(alive) == 1001
    value = loss.data
    del loss
    print(f"without its end: {len(alive)}")
    assert len(alive) == 1

    loss = chain(x)
    loss.backward()
    print(f"after backward, with its end: {len(alive)}")
    assert len(alive) == 2
    assert np.allclose(x.grad, measured(lambda u: chain(Tensor(u)).data, x.data), atol=1e-6)
    try:
        loss.backward()
    except RuntimeError as refused:
        print("backward again:", refused)

    with no_grad():
        loss = chain(x)
    print(f"in no_grad(): {len(alive)}, and the same result")
    assert len(alive) == 2 and loss.data == value
    del loss, x

    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((50, 2))
    target = inputs[:, :1] * inputs[:, 1:]
    w, v = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((2, 16), (16, 1)))
    errors = []
    for _ in range(400):
        loss = ((tanh(inputs @ w) @ v - target) ** 2).sum() * (1 / len(inputs))
        loss.backward()
        for parameter in (w, v):
            parameter.data -= 0.1 * parameter.grad  # in place; between two graphs, never inside one
            parameter.grad = None
        errors.append(float(loss.data))
        assert len(alive) == 3
    print(f"a network of 400 steps: {len(alive)} tensors after each, error {errors[0]:.1f} -> {errors[-1]:.1f}")
    assert errors[-1] < errors[0] / 10
