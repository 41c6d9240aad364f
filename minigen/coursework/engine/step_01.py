"""Step 1: a multiplication and its rule.

Of z = x y, and of any number L that is computed from z, this is asked: by how much does L change for each unit by which x
changes, dL/dx? If dL/dz = g is known, the answer needs nothing but x and y, wherever the multiplication stands:

    dL/dx = g y        dL/dy = g x

These two lines are its rule. L = (x y) y is two multiplications, so their rules, from the last to the first, give its slopes; y
is used twice, and what comes in through both uses is added. No formula for L as a whole was needed: an engine does only this.

To check a rule, change x by a little on both sides and see what L does; that is slow and inexact, and knows no rules.

It prints:

    L = (x y) y at x = 3, y = 4: 48
    by the rules: dL/dx = 16, dL/dy = 24
    measured:     dL/dx = 16.000000, dL/dy = 24.000000

Try: a function divide(x, y) with its rules, checked in the same way. (dL/dx = g / y and dL/dy = -g x / y^2;
step 5 composes it of other operators.)
"""


def multiply(x, y):
    """z = x y."""
    return x * y


def multiply_dx(g, x, y):
    """dL/dx = g y."""
    return g * y


def multiply_dy(g, x, y):
    """dL/dy = g x."""
    return g * x


def slope(f, x, h=1e-5):
    """df/dx at x, measured: the change of f from x - h to x + h, for each unit."""
    return (f(x + h) - f(x - h)) / (2 * h)


def chain(x, y):
    """L = (x y) y."""
    return multiply(multiply(x, y), y)


def chain_slopes(x, y):
    """dL/dx and dL/dy of L = z y, z = x y: from the last multiplication to the first."""
    z = multiply(x, y)
    g = 1.0  # dL/dL
    dz, dy = multiply_dx(g, z, y), multiply_dy(g, z, y)
    dx, dy = multiply_dx(dz, x, y), dy + multiply_dy(dz, x, y)  # y is used twice
    return dx, dy


if __name__ == "__main__":
    x, y = 3.0, 4.0
    dx, dy = chain_slopes(x, y)
    print(f"L = (x y) y at x = {x:g}, y = {y:g}: {chain(x, y):g}")
    print(f"by the rules: dL/dx = {dx:g}, dL/dy = {dy:g}")
    measured = slope(lambda x: chain(x, y), x), slope(lambda y: chain(x, y), y)
    print(f"measured:     dL/dx = {measured[0]:.6f}, dL/dy = {measured[1]:.6f}")
    assert abs(dx - measured[0]) < 1e-6 and abs(dy - measured[1]) < 1e-6
