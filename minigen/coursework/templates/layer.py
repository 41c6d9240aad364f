"""A layer of your own: replace GatedLinear, then run `minigen check my_layer.py`."""

import minigen as mg
from minigen import Parameter, nn
from minigen.coursework import example


class GatedLinear(nn.Module):
    """y = (x W + b) * sigmoid(x V + c): x (n, in_features) -> (n, out_features)."""

    def __init__(self, in_features, out_features):
        self.weight = Parameter(nn.init.glorot_uniform((in_features, out_features)))  # a Parameter is what an optimizer finds
        self.bias = Parameter(nn.init.zeros((out_features,)))
        self.gate = nn.Dense(in_features, out_features)  # layers may be parts of layers

    def forward(self, x):
        return (x @ self.weight + self.bias) * mg.sigmoid(self.gate(x))


example(GatedLinear(4, 3), (5, 4), output=(5, 3))
