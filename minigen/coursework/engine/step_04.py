"""Step 4: a graph; in which order, and what is added.

A function of two variables has two parents, and a variable can be used more than once: the chain has become a graph. Two things
follow.

    Accumulation. What comes in through several uses is added: of L = x x, dL/dx = x + x.
    Order. Before the rules of a variable run, everything computed from it must have contributed to its grad. In
    c = b + b, b = a a, the rules of b must run once, on the sum of both contributions.

Each variable is numbered when it is made, so it is younger than its parents; going from the youngest to the oldest is a right
order, which is called topological. At the end, x + x is added to itself, the sum again, and so on, 50 times. There are 2^50
paths from the last sum to x; in the right order the rules of each sum run once, 50 times in all.

It prints:

    L = x y + x at x = 3, y = 4: dL/dx = 5, dL/dy = 3
    measured:                    dL/dx = 5.000000, dL/dy = 3.000000
    c = b + b, b = a a at a = 3: dc/da = 12
    50 times x + x: slope 2^50, rules run 50 times

Try: two losses of the same x, L1.backward() and then L2.backward(); x.grad is that of L2 alone. What would have to change for
it to be that of L1 + L2? (Only variables with parents are set back to 0; the grad of an input is added to, and whoever trains
sets it back. So it is in step 6, and in minigen.)
"""

import itertools

count = itertools.count()


class Variable:
    """A number that remembers its parents, and for each of them the rule dL/dself -> dL/dparent."""

    def __init__(self, value, parents=(), rules=()):
        self.value, self.parents, self.rules, self.grad = value, parents, rules, None
        self.number = next(count)  # a variable is younger than its parents

    def backward(self):
        """Leave dself/dvariable in each variable of the graph, as its grad; returns how often a variable's rules were run."""
        order = youngest_first(self)
        for variable in order:
            variable.grad = 0.0
        self.grad = 1.0
        for variable in order:
            for parent, rule in zip(variable.parents, variable.rules):
                parent.grad += rule(variable.grad)
        return sum(bool(variable.parents) for variable in order)


def youngest_first(variable):
    """It, and all that it was computed from, each once."""
    found, left = {variable}, [variable]
    while left:
        for parent in left.pop().parents:
            if parent not in found:
                found.add(parent)
                left.append(parent)
    return sorted(found, key=lambda each: each.number, reverse=True)


def add(x, y):
    """x + y: both have the derivative 1."""
    return Variable(x.value + y.value, (x, y), (lambda g: g, lambda g: g))


def multiply(x, y):
    """x y, with the rule of step 1."""
    return Variable(x.value * y.value, (x, y), (lambda g: g * y.value, lambda g: g * x.value))


def slope(f, x, h=1e-5):
    """df/dx at x, measured."""
    return (f(x + h) - f(x - h)) / (2 * h)


if __name__ == "__main__":

    def f(x, y):
        return add(multiply(x, y), x)

    x, y = Variable(3.0), Variable(4.0)
    f(x, y).backward()
    dx = slope(lambda value: f(Variable(value), y).value, 3.0)
    dy = slope(lambda value: f(x, Variable(value)).value, 4.0)
    print(f"L = x y + x at x = 3, y = 4: dL/dx = {x.grad:g}, dL/dy = {y.grad:g}")
    print(f"measured:                    dL/dx = {dx:.6f}, dL/dy = {dy:.6f}")
    assert abs(x.grad - dx) < 1e-6 and abs(y.grad - dy) < 1e-6

    a = Variable(3.0)
    b = multiply(a, a)
    add(b, b).backward()
    print(f"c = b + b, b = a a at a = 3: dc/da = {a.grad:g}")
    assert a.grad == 12.0

    total = x = Variable(1.0)
    for _ in range(50):
        total = add(total, total)
    runs = total.backward()
    print(f"50 times x + x: slope 2^{x.grad.hex().partition('p+')[2]}, rules run {runs} times")
    assert x.grad == 2.0**50 and runs == 50
