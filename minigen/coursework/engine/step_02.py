"""Step 2: a variable that remembers its parent.

In step 1 the order of the rules was written down by hand. It need not be: a result can remember what it was computed from, its
parent, and the rule that takes dL/dresult to dL/dparent. The rule is made when the result is, for then x is at hand; it reads
the value of x when it runs, so nobody may change that in between. For now each function has one variable; what else it takes is
a number.

References lead from a result to its parent, and never the other way: a variable does not know what is computed from it.

It prints:

    L = (2 x)^2 at x = 3: 36
    36, by square, from 6, by multiply, from 3
    rule of square at g = 1: 12, then rule of multiply: 24
    measured: 24.000000

Try: a function that walks from any variable to its first ancestor, calling each rule on what the one before it returned, and so
gives dL/dx without naming a rule. (It is the method backward of step 3.)
"""


class Variable:
    """A number; if it was computed, with its parent, the name of the function, and its rule: dL/dself -> dL/dparent."""

    def __init__(self, value, parent=None, name="", rule=None):
        self.value, self.parent, self.name, self.rule = value, parent, name, rule


def multiply(x, number):
    """x times a number."""
    return Variable(x.value * number, x, "multiply", lambda g: g * number)


def square(x):
    """x^2."""
    return Variable(x.value**2, x, "square", lambda g: g * 2 * x.value)


def history(variable):
    """How it was computed, in words."""
    text = f"{variable.value:g}"
    while variable.parent is not None:
        text += f", by {variable.name}, from {variable.parent.value:g}"
        variable = variable.parent
    return text


def slope(f, x, h=1e-5):
    """df/dx at x, measured."""
    return (f(x + h) - f(x - h)) / (2 * h)


if __name__ == "__main__":
    x = Variable(3.0)
    z = multiply(x, 2.0)
    loss = square(z)
    print(f"L = (2 x)^2 at x = {x.value:g}: {loss.value:g}")
    print(history(loss))
    dz = loss.rule(1.0)
    dx = z.rule(dz)
    print(f"rule of square at g = 1: {dz:g}, then rule of multiply: {dx:g}")
    measured = slope(lambda x: square(multiply(Variable(x), 2.0)).value, 3.0)
    print(f"measured: {measured:.6f}")
    assert abs(dx - measured) < 1e-6
