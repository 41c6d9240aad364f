"""Step 5: operators, and constants.

Nobody wants to write add(multiply(x, y), x). Python asks a class what x + y means by its method __add__, and where the left
side is a number, 2 * x, by the right side's __rmul__. So the engine needs no language of its own: a function written for
numbers takes variables too, and tells its slope.

A number among the inputs is a constant: it has no rule. Subtraction and division are compositions of what is there already;
what is composed of things with a right rule needs none.

It prints:

    (1 - x)^2 + 100 (y - x^2)^2 at x = -1.2, y = 1: 24.2
    backward: dL/dx = -215.6, dL/dy = -88
    measured: dL/dx = -215.6, dL/dy = -88
    2 / x - 3 at x = 4: -2.5, slope -0.125
    the root of 2 by 30 steps downhill: 1.414214

Try: __neg__, and a function abs for variables: what is its slope at 0? (minigen says 0 there; any value from -1 to 1 serves.)
"""

import itertools

count = itertools.count()


class Variable:
    """A number that remembers its parents, and for each of them the rule dL/dself -> dL/dparent."""

    def __init__(self, value, parents=(), rules=()):
        self.value, self.parents, self.rules, self.grad = value, parents, rules, None
        self.number = next(count)

    def backward(self):
        """Leave dself/dvariable in each variable of the graph, as its grad."""
        order = youngest_first(self)
        for variable in order:
            variable.grad = 0.0
        self.grad = 1.0
        for variable in order:
            for parent, rule in zip(variable.parents, variable.rules):
                parent.grad += rule(variable.grad)

    def __add__(self, other):
        if not isinstance(other, Variable):
            return Variable(self.value + other, (self,), (lambda g: g,))
        return Variable(self.value + other.value, (self, other), (lambda g: g, lambda g: g))

    def __mul__(self, other):
        if not isinstance(other, Variable):
            return Variable(self.value * other, (self,), (lambda g: g * other,))
        return Variable(self.value * other.value, (self, other), (lambda g: g * other.value, lambda g: g * self.value))

    def __pow__(self, number):
        """x^number, with the derivative number x^(number - 1)."""
        return Variable(self.value**number, (self,), (lambda g: g * number * self.value ** (number - 1),))

    __radd__, __rmul__ = __add__, __mul__  # the order does not matter

    def __sub__(self, other):
        return self + other * -1.0

    def __rsub__(self, other):
        return self * -1.0 + other

    def __truediv__(self, other):
        return self * other**-1.0

    def __rtruediv__(self, other):
        return self**-1.0 * other


def youngest_first(variable):
    """It, and all that it was computed from, each once."""
    found, left = {variable}, [variable]
    while left:
        for parent in left.pop().parents:
            if parent not in found:
                found.add(parent)
                left.append(parent)
    return sorted(found, key=lambda each: each.number, reverse=True)


def slope(f, x, h=1e-5):
    """df/dx at x, measured, of a function of numbers."""
    return (f(x + h) - f(x - h)) / (2 * h)


def rosenbrock(x, y):
    """A valley that is bent: low along y = x^2, lowest at (1, 1)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


if __name__ == "__main__":
    x, y = Variable(-1.2), Variable(1.0)
    loss = rosenbrock(x, y)
    loss.backward()
    dx, dy = slope(lambda x: rosenbrock(x, 1.0), -1.2), slope(lambda y: rosenbrock(-1.2, y), 1.0)
    print(f"(1 - x)^2 + 100 (y - x^2)^2 at x = {x.value:g}, y = {y.value:g}: {loss.value:g}")
    print(f"backward: dL/dx = {x.grad:g}, dL/dy = {y.grad:g}")
    print(f"measured: dL/dx = {dx:g}, dL/dy = {dy:g}")
    assert abs(x.grad - dx) < 1e-4 and abs(y.grad - dy) < 1e-4

    x = Variable(4.0)
    z = 2 / x - 3
    z.backward()
    print(f"2 / x - 3 at x = 4: {z.value:g}, slope {x.grad:g}")
    assert abs(x.grad - slope(lambda x: 2 / x - 3, 4.0)) < 1e-6

    x = Variable(1.0)
    for _ in range(30):
        loss = (x**2 - 2) ** 2
        loss.backward()
        x = Variable(x.value - 0.05 * x.grad)  # against the slope
    print(f"the root of 2 by 30 steps downhill: {x.value:.6f}")
    assert abs(x.value - 2**0.5) < 1e-6
