"""Step 3: the chain rule, backward over a chain.

If L is computed from x in several steps, x -> u -> v -> L, then dL/dx = dL/dv dv/du du/dx. The product is taken from the left:
dL/dL = 1 is multiplied by one derivative after the other, from the result to the input. The method backward is a loop that does
so, and leaves what it has so far, dL/dvariable, in each variable that it comes by, as its grad.

A loop, and not a function that calls itself: Python allows some thousand nested calls, and a chain may have more links.

It prints:

    L = exp(sin(x)^2) at x = 0.5: 1.258410
    backward: 1.058915
    measured: 1.058915
    1.0001^10000 times x, a chain of 10000 links: slope 2.7181

Try: x times x, of a multiplication of two variables. Each has two parents now, and here both are the same variable; where does
the loop go wrong? (Step 4 is about this.)
"""

import math


class Variable:
    """A number that remembers its parent, and the rule dL/dself -> dL/dparent. `grad`: dL/dself, after L.backward()."""

    def __init__(self, value, parent=None, rule=None):
        self.value, self.parent, self.rule, self.grad = value, parent, rule, None

    def backward(self):
        """Leave dself/dvariable in each variable of the chain, as its grad."""
        self.grad = 1.0
        variable = self
        while variable.parent is not None:
            variable.parent.grad = variable.rule(variable.grad)
            variable = variable.parent


def multiply(x, number):
    """x times a number."""
    return Variable(x.value * number, x, lambda g: g * number)


def square(x):
    """x^2, with the derivative 2 x."""
    return Variable(x.value**2, x, lambda g: g * 2 * x.value)


def sin(x):
    """sin x, with the derivative cos x."""
    return Variable(math.sin(x.value), x, lambda g: g * math.cos(x.value))


def exp(x):
    """exp x, which is its own derivative."""
    value = math.exp(x.value)
    return Variable(value, x, lambda g: g * value)


def slope(f, x, h=1e-5):
    """df/dx at x, measured."""
    return (f(x + h) - f(x - h)) / (2 * h)


if __name__ == "__main__":

    def f(x):
        return exp(square(sin(x)))

    x = Variable(0.5)
    loss = f(x)
    loss.backward()
    measured = slope(lambda value: f(Variable(value)).value, 0.5)
    print(f"L = exp(sin(x)^2) at x = {x.value:g}: {loss.value:.6f}")
    print(f"backward: {x.grad:.6f}")
    print(f"measured: {measured:.6f}")
    assert abs(x.grad - measured) < 1e-6

    long = x = Variable(1.0)
    for _ in range(10000):
        long = multiply(long, 1.0001)
    long.backward()
    print(f"1.0001^10000 times x, a chain of 10000 links: slope {x.grad:.4f}")
    assert abs(x.grad - 1.0001**10000) < 1e-6
