"""Step 6: arrays, and sums.

A graph of single numbers is as slow as Python. From here on a node is a Tensor: it holds an array, and a rule takes a whole
array dL/dresult to an array dL/dparent, of the parent's shape. L itself stays one number, so sooner or later something must add
up:

    L = sum of x            dL/dx = g for each element: the sum's one g, in the shape of x
    y = a b, matrices       dL/da = g b^T,  dL/db = a^T g

The shapes leave no choice: a is (n, k), b is (k, m), g is (n, m), and g b^T is the only product of g and b that is (n, k).

While backward runs, the gradients are in a dictionary. Only inputs, which were not computed from anything, keep theirs as grad,
and what comes in through a second backward is added: set grad to None where that is not meant.

It prints:

    a derivative starts from a single number, got shape (20, 1): add it up first
    dL/dw by backward, measured: the largest difference is below 1e-6
    2 * dL/dw after a second backward
    least squares by 200 steps: w = 1.97 -0.99, NumPy says 1.97 -0.99

Try: the mean, as the sum times 1 / size, and from there the rule of the mean by itself (g / size, in the shape of x). Then x +
b with x of (20, 2) and b of (2,): NumPy adds b to each row. What is wrong with dL/db = g? (Step 7 is about this.)
"""

import itertools

import numpy as np

count = itertools.count()


class Tensor:
    """An array that remembers its parents, and for each of them the rule dL/dself -> dL/dparent."""

    __array_ufunc__ = None  # array * tensor is left to Tensor.__rmul__

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
                gradients[parent] = gradients.get(parent, 0.0) + rule(g)
            if not tensor.parents:
                tensor.grad = g if tensor.grad is None else tensor.grad + g

    def __add__(self, other):
        if not isinstance(other, Tensor):
            return Tensor(self.data + other, (self,), (lambda g: g,))
        return Tensor(self.data + other.data, (self, other), (lambda g: g, lambda g: g))

    def __mul__(self, other):
        if not isinstance(other, Tensor):
            return Tensor(self.data * other, (self,), (lambda g: g * other,))
        return Tensor(self.data * other.data, (self, other), (lambda g: g * other.data, lambda g: g * self.data))

    def __pow__(self, number):
        return Tensor(self.data**number, (self,), (lambda g: g * number * self.data ** (number - 1),))

    def __matmul__(self, other):
        if self.data.ndim != 2 or other.data.ndim != 2:
            raise ValueError(f"@ multiplies matrices, got shapes {self.data.shape} and {other.data.shape}")
        rules = lambda g: g @ other.data.T, lambda g: self.data.T @ g
        return Tensor(self.data @ other.data, (self, other), rules)

    def sum(self):
        """The sum of all elements."""
        return Tensor(self.data.sum(), (self,), (lambda g: np.full(self.data.shape, g),))

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other):
        return self + other * -1.0


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


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal((20, 2)))
    target = x.data @ [[2.0], [-1.0]] + 0.1 * rng.standard_normal((20, 1))

    def error(w):
        return ((x @ w - target) ** 2).sum() * (1 / 20)

    w = Tensor(rng.standard_normal((2, 1)))
    try:
        (x @ w).backward()
    except ValueError as refused:
        print(refused)

    error(w).backward()
    difference = np.abs(w.grad - measured(lambda w: error(Tensor(w)).data, w.data)).max()
    assert difference < 1e-6
    print("dL/dw by backward, measured: the largest difference is below 1e-6")
    once = w.grad
    error(w).backward()
    assert np.allclose(w.grad, 2 * once)
    print("2 * dL/dw after a second backward")

    for _ in range(200):
        w.grad = None
        error(w).backward()
        w = Tensor(w.data - 0.1 * w.grad)
    best = np.linalg.lstsq(x.data, target)[0]
    print(f"least squares by 200 steps: w = {w.data[0, 0]:.2f} {w.data[1, 0]:.2f}, NumPy says {best[0, 0]:.2f} {best[1, 0]:.2f}")
    assert np.allclose(w.data, best)
