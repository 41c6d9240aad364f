"""Exercise 2: two inputs.

How far is every point from every center? (k-means asks that, and so do t-SNE and many losses.)

    y[i, j] = sum over d of (x[i, d] - centers[j, d])^2,     x: (n, d), centers: (k, d)  ->  y: (n, k)

Each point is paired with all centers, and each center with all points: both inputs are broadcast, so both derivatives are sums.
Write the op and its two rules.

    minigen check exercise2.py

Hints
    - x[:, None, :] - centers[None, :, :] is an array (n, k, d); sum its square over the last axis. (Both arrays and
      Tensors can be indexed like that.)
    - Write y[i, j] with indices and differentiate by x[i, d]: dL/dx[i, d] = sum over j of g[i, j] * dy[i, j]/dx[i, d].
    - g is (n, k). Which axis of it belongs to which input?
    - A rule whose result has the wrong shape is an error, which says what the engine got and expected.
    - A rule may use operators, x.sum(axis=...), x.reshape, x.T, @, and minigen's ops; not np. functions, which do not take
      Tensors.
"""

from minigen.autograd import op

EXERCISE = 2


@op
def squared_distances(x, centers):
    """Squared Euclidean distances. x (n, d), centers (k, d) -> (n, k)."""
    raise NotImplementedError("write the function")


@squared_distances.vjp("x")
def squared_distances_dx(g, y, x, centers):
    """dL/dx[i] = ..."""
    raise NotImplementedError("write the rule for x")


@squared_distances.vjp("centers")
def squared_distances_dcenters(g, y, x, centers):
    """dL/dcenters[j] = ..."""
    raise NotImplementedError("write the rule for centers")
