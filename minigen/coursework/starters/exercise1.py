"""Exercise 1: an op and its rule.

The bump is high where x is near 0 and falls off on both sides:

    bump(x) = 1 / (1 + x^2),    element by element

Write it as an op: a function of plain arrays that returns a new array, and a rule, which gets g = dL/dy, the result y and
the input x, and returns dL/dx. (README.md and docs/guide/op.md, "An op of your own", do so for another function.)

    1. Replace the line `raise NotImplementedError` of the op.
    2. Differentiate by hand: what is dy/dx? Write it into the rule's docstring, then into its code.
    3. minigen check exercise1.py

Hints
    - Operators are enough; no NumPy function is needed.
    - Can you write the rule with y, which has been computed already, so that nothing is divided again?
    - If the check says "ratio -1", it is the sign; "ratio 0.5", a factor 2. Read on in its report.
"""

from minigen.autograd import op

EXERCISE = 1


@op
def bump(x):
    """1 / (1 + x^2), element by element. x: any shape -> same shape."""
    raise NotImplementedError("write the function")


@bump.vjp("x")
def bump_dx(g, y, x):
    """dL/dx = ..."""
    raise NotImplementedError("write the rule")
