"""Exercise 3: a loss.

The squared error of an outlier is enormous, and so is its gradient. Huber (1964) made it a straight line from `delta` on:

    h(r) = r^2 / 2                         where |r| <= delta
           delta * (|r| - delta / 2)       elsewhere,             r = prediction - target

    huber = mean of h over all elements

A composition of minigen's ops needs no rule of its own: the engine uses theirs. So this is a plain function, called with Tensors.

    minigen check exercise3.py

Hints
    - You will want `import minigen as mg` above, and `from minigen.errors import ShapeError`.
    - mg.where(condition, a, b) chooses element by element; comparisons such as abs(r) <= delta give plain bool arrays.
    - Or without a choice: with q = mg.minimum(abs(r), delta), what is q * (|r| - q / 2)?
    - A prediction of shape (5, 1) and a target of shape (5,) broadcast to (5, 5): a bug without an error. Raise a ShapeError for
      them, with both shapes in the message.
    - State in the docstring over what the mean is taken: that is the most common misunderstanding about a loss.
"""

EXERCISE = 3


def huber(prediction, target, delta=1.0):
    """Huber's loss, ... prediction, target: (n, ...) -> scalar."""
    raise NotImplementedError("compose it of ops")
