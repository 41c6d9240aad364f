"""Exercise 4: a layer.

Weight normalization (Salimans & Kingma 2016): each output of a dense layer has a weight vector; making its length one parameter
and its direction another helps gradient descent.

    W[:, j] = scale[j] * direction[:, j] / ||direction[:, j]||,      y = x W + bias

    x: (n, in_features) -> (n, out_features);  direction: (in, out), scale: (out,), bias: (out,)

A layer is an nn.Module: __init__ sets its Parameters as attributes, forward computes. It starts as an ordinary dense layer
whose weight is `direction`: scale is the length of each direction, bias is 0.

    minigen check exercise4.py

Hints
    - from minigen import Parameter: an optimizer finds a Parameter(array), but not a Tensor or an array.
    - nn.init.for_activation(None)((in_features, out_features)) draws initial values; all arrays are float32.
    - Parameter takes an array. An op of an array gives an array, and an op of a Parameter a Tensor, also in __init__; .data is
      the array of a Tensor, and of nothing else.
    - The norm is part of the graph: write it with ops in forward (minigen.sqrt, .sum(axis=0), or minigen.l2norm), not in
      __init__.
    - Which axis of `direction` counts the inputs?
"""

from minigen import nn

EXERCISE = 4


class WeightNormDense(nn.Module):
    """y = x W + bias with W = scale * direction / ||direction||. x (n, in_features) -> (n, out_features)."""

    def __init__(self, in_features, out_features):
        raise NotImplementedError("make the parameters direction, scale and bias")

    def forward(self, x):
        raise NotImplementedError("compute y")
