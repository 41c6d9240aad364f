"""Step 7: broadcasting, undone in one place.

NumPy adds a bias of shape (8,) to each row of (4, 8), as if it had been copied four times. So dL/dbias gets a contribution from
each row: what was copied in the result is added up in the gradient.

    sum_to(g, shape): g added up along the axes that broadcasting has made, (4, 8) -> (8,)

Each rule of each function of two arrays could do so, and each could forget it. Instead backward does, for all of them, where a
rule has returned an array of another shape than the parent's. The rules stay as they are for single numbers.

With sum(axis) and tanh this is enough for a network. Here one learns "exclusive or", which no network without a hidden layer
can.

It prints:

    (4, 1) times (3,) is (4, 3); dL/dx is (4, 1), dL/dy is (3,)
    4 shapes that broadcast, against what is measured: below 1e-6
    exclusive or, error before and after: 4.4, 0.00
    0 0 -> 0.0   0 1 -> 1.0   1 0 -> 1.0   1 1 -> 0.0

Try: subtract from each row of x its mean, x - x.sum(axis=1, keepdims=True) * (1 / n), and say from the shapes alone what
backward adds up where (the mean is (n, 1), so -g is added up along axis 1). Then derive the rule that a function doing all of
that at once would have: g minus the mean of g in each row.
"""

import itertools

import numpy as np

count = itertools.count()


class Tensor:
    """An array that remembers its parents, and for each of them the rule dL/dself -> dL/dparent."""

    __array_ufunc__ = None

    def __init__(self, data, parents=(), rules=()):
        self.data = np.asarray(data, dtype=float)
        self.parents, self.rules, self.grad = parents, rules, None
        self.number = next(count)

    def backward(self):
        """Add dself/dinput to the grad of each input."""
        if self.data.size != 1:
            raise ValueError(f"a derivative starts from a single number, got shape {self.data.shape}: add it up first")
        gradients = {self: np.ones_like(self.data)}
        for tensor in youngest_first(self):
            g = gradients.pop(tensor)
            for parent, rule in zip(tensor.parents, tensor.rules):
                gradients[parent] = gradients.get(parent, 0.0) + sum_to(rule(g), parent.data.shape)  # here, and only here
            if not tensor.parents:
                tensor.grad = g if tensor.grad is None else tensor.grad + g

    def __add__(self, other):
        other = as_tensor(other)
        return Tensor(self.data + other.data, (self, other), (lambda g: g, lambda g: g))

    def __mul__(self, other):
        other = as_tensor(other)
        return Tensor(self.data * other.data, (self, other), (lambda g: g * other.data, lambda g: g * self.data))

    def __pow__(self, number):
        return Tensor(self.data**number, (self,), (lambda g: g * number * self.data ** (number - 1),))

    def __matmul__(self, other):
        other = as_tensor(other)
        if self.data.ndim != 2 or other.data.ndim != 2:
            raise ValueError(f"@ multiplies matrices, got shapes {self.data.shape} and {other.data.shape}")
        rules = lambda g: g @ other.data.T, lambda g: self.data.T @ g
        return Tensor(self.data @ other.data, (self, other), rules)

    def __rmatmul__(self, other):
        return as_tensor(other) @ self

    def sum(self, axis=None, keepdims=False):
        """The sum along an axis, or of all elements."""

        def rule(g):
            kept = g if axis is None or keepdims else np.expand_dims(g, axis)
            return np.broadcast_to(kept, self.data.shape)

        return Tensor(self.data.sum(axis=axis, keepdims=keepdims), (self,), (rule,))

    def tanh(self):
        """tanh x, with the derivative 1 - tanh(x)^2."""
        y = np.tanh(self.data)
        return Tensor(y, (self,), (lambda g: g * (1 - y * y),))

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other):
        return self + other * -1.0


def as_tensor(x):
    """Numbers and arrays as Tensors: to the graph they are inputs like any other, whose grad nobody asks for."""
    return x if isinstance(x, Tensor) else Tensor(x)


def sum_to(g, shape):
    """An array added up along the axes that broadcasting an array of this shape has made."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))  # axes that were put in front
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=stretched, keepdims=True)


def youngest_first(tensor):
    """It, and all that it was computed from, each once."""
    found, left = {tensor}, [tensor]
    while left:
        for parent in left.pop().parents:
            if parent not in found:
                found.add(parent)
                left.append(parent)
    return sorted(found, key=lambda each: each.number, reverse=True)


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
    tensors = [Tensor(x) for x in arrays]
    f(*tensors).backward()
    for i, tensor in enumerate(tensors):

        def changed(x, i=i):
            return f(*map(Tensor, [*arrays[:i], x, *arrays[i + 1 :]])).data

        assert np.allclose(tensor.grad, measured(changed, arrays[i]), atol=1e-6)


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    shapes = [((4, 1), (3,)), ((2, 3), (2, 3)), ((), (2, 2)), ((2, 1, 3), (4, 1))]
    x, y = (Tensor(rng.standard_normal(shape)) for shape in shapes[0])
    z = x * y
    z.sum().backward()
    print(f"{x.data.shape} times {y.data.shape} is {z.data.shape}; dL/dx is {x.grad.shape}, dL/dy is {y.grad.shape}")
    for a, b in shapes:
        check(lambda x, y: ((x * y + x - y) ** 2).sum(), rng.standard_normal(a), rng.standard_normal(b))
    print(f"{len(shapes)} shapes that broadcast, against what is measured: below 1e-6")

    inputs, target = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    parameters = [Tensor(rng.standard_normal(shape)) for shape in ((2, 8), (8,), (8, 1), (1,))]

    def network(w, b, v, c):
        return (inputs @ w + b).tanh() @ v + c

    errors = []
    for _ in range(500):
        loss = ((network(*parameters) - target) ** 2).sum() * (1 / 4)
        loss.backward()
        errors.append(float(loss.data))
        parameters = [Tensor(p.data - 0.1 * p.grad) for p in parameters]
    print(f"exclusive or, error before and after: {errors[0]:.1f}, {errors[-1]:.2f}")
    outputs = network(*parameters).data.ravel()
    print("   ".join(f"{a} {b} -> {abs(y):.1f}" for (a, b), y in zip(inputs, outputs)))
    assert np.allclose(outputs, target.ravel(), atol=0.05)
