"""Exercise 4, solved."""

import numpy as np

import minigen as mg
from minigen import Parameter, nn

EXERCISE = 4


class WeightNormDense(nn.Module):
    """y = x W + bias with W = scale * direction / ||direction||. x (n, in_features) -> (n, out_features)."""

    def __init__(self, in_features, out_features):
        self.direction = Parameter(nn.init.for_activation(None)((in_features, out_features)))
        self.scale = Parameter(np.linalg.norm(self.direction.numpy(), axis=0))
        self.bias = Parameter(np.zeros(out_features, dtype=np.float32))

    def forward(self, x):
        length = mg.sqrt((self.direction * self.direction).sum(axis=0))
        return x @ (self.direction * (self.scale / length)) + self.bias
