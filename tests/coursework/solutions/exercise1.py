"""Exercise 1, solved."""

from minigen.autograd import op

EXERCISE = 1


@op
def bump(x):
    """1 / (1 + x^2), element by element. x: any shape -> same shape."""
    return 1.0 / (1.0 + x * x)


@bump.vjp("x")
def bump_dx(g, y, x):
    """dL/dx = -2 x y^2 g."""
    return -2.0 * g * x * y * y
