"""Networks that the grader gives to a submission's functions: small, and with known closed forms."""

from typing import Any

import numpy as np

from minigen import nn
from minigen.autograd import Parameter
from minigen.backend import seed


class Critic(nn.Module):
    """Points (n, 2) -> scores (n, 1)."""

    def __init__(self) -> None:
        seed(3)
        self.hidden, self.out = nn.Dense(2, 5, activation="tanh"), nn.Dense(5, 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.hidden(x))


class Line(nn.Module):
    """score = slope * x, of points on a line (n, 1)."""

    def __init__(self, slope: float):
        self.slope = Parameter(np.array([[slope]]))

    def forward(self, x: Any) -> Any:
        return x @ self.slope


class Square(nn.Module):
    """score = scale * |x|^2, of points (n, d)."""

    def __init__(self, scale: float):
        self.scale = scale

    def forward(self, x: Any) -> Any:
        return self.scale * (x * x).sum(axis=1, keepdims=True)


NETWORKS = {kind.__name__: kind for kind in (Critic, Line, Square)}
